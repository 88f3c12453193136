"""The architecture as data: imports by room, the places of heavy libraries, the size and place of folders."""

ROOMS = ("ingest", "detect", "embed", "associate", "training", "deploy")

GROUND = (
    "ingest.clock",
    "ingest.digest",
    "ingest.errors",
    "ingest.frame",
    "ingest.signals",
    "ingest.toml_file",
)
"""Errors, time, the frame, and reading, naming and stopping what a user gives: every room may stand on them
(docs/decisions/0002)."""

MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "ingest": ("ingest",),
    "detect": ("detect", *GROUND),
    "embed": ("embed", "detect", *GROUND),
    "associate": ("associate", "embed.observation", "ingest.camera", *GROUND),
    "training": ("training", "ingest", "detect", "embed", "associate"),
    "deploy": ("deploy", "ingest", "detect", "embed", "associate", "training"),
}
"""By room: the modules, or whole packages, that it may import. Nobody imports deploy; nobody imports tests."""

HEAVY: dict[str, tuple[str, ...]] = {
    "av": (
        "ingest/decoding/container.py",
        "ingest/decoding/display.py",
        "ingest/video.py",
        "ingest/network/",
    ),
    "panda3d": ("ingest/synthetic/",),
    "openvino": ("detect/openvino_without_telemetry.py",),
    "trackers": (),
    "supervision": (),
    "cv2": (
        "ingest/synthetic/",
        "detect/",
        "embed/crops.py",
        "embed/colour.py",
        "embed/resizing.py",
        "deploy/results/",
        "deploy/crops/store.py",
        "deploy/web/live/stills.py",
        "deploy/web/searching/uploads.py",
        "training/",
    ),
    "scipy": ("associate/links/", "detect/matching.py", "training/scoring/"),
    "threadpoolctl": ("associate/one_thread.py",),
    "faiss": ("associate/sightings/space.py",),
    "kafka": ("deploy/log/kafka_", "deploy/log/brokers/"),
    "sqlite3": (
        "deploy/log/sqlite_log.py",
        "deploy/log/spool/file.py",
        "deploy/log/retention/by_age.py",
        "deploy/search/index/",
        "deploy/web/index/",
    ),
    "psycopg": ("deploy/search/postgres/database.py",),
    "pgvector": ("deploy/search/postgres/",),
    "starlette": ("deploy/web/",),
    "uvicorn": ("deploy/web/server.py",),
    "argon2": ("deploy/web/access/users.py", "deploy/web/server.py"),
    "prometheus_client": ("deploy/web/metrics.py", "deploy/web/worker_metrics.py"),
    "jinja2": ("deploy/web/pages/rendering.py",),
    "torch": (
        "embed/network/",
        "detect/accelerator.py",
        "detect/foundation/grounding_dino.py",
        "detect/foundation/grounding_dino_network.py",
        "detect/foundation/sam.py",
        "training/",
    ),
    "groundingdino": ("detect/foundation/grounding_dino_network.py",),
    "segment_anything": ("detect/foundation/sam.py",),
    "onnx": ("training/encoder/export.py",),
    "safetensors": ("training/encoder/export.py", "embed/network/"),
    "trackeval": ("training/scoring/",),
    "matplotlib": ("training/scoring/figure.py", "training/topology_figure.py"),
    "networkx": ("deploy/results/road_graph.py", "training/topology_figure.py"),
    "typer": ("deploy/cli/",),
    "rich": ("deploy/cli/",),
}
"""By library: the files or folders that may import it, at the top or inside a function."""

NEVER_LOADED_BY_ASSOCIATE = ("torch", "cv2", "kafka", "av", "openvino", "faiss", "deploy")

CLOCK_CALLS = ("time.time", "time.time_ns", "time.monotonic", "time.sleep", "datetime.now", "datetime.utcnow")
"""Time comes in through ingest/clock.py only."""

CLOCK_ALLOWED = ("ingest/clock.py", "deploy/crops/prune_files.py")
"""The second is a program of its own, started by its path, which can import nothing of ours."""

MAX_MODULES = 20
"""Modules side by side in a folder: more of them want to be folders."""

SHARED_LINES = ("ingest/synthetic",)
"""Folders whose line in README's "Find your way" stands for the folders below them, too."""

MAX_TERMS = 40
"""Entries of docs/glossary.md: a reader learns no private language."""
