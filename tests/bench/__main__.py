"""`make bench`: every figure of docs/benchmarks.md, printed beside its reference from the same run."""

import argparse
from collections.abc import Callable
from importlib import import_module

import pytest

from tests.bench.tracking import DATA

NEED_DATA = (
    "log_digest",
    "tracking",
    "detectors",
    "gantries",
    "streams",
    "faults",
    "city_noise",
    "city_probe",
    "distillation",
    "budget_curve",
    "two_camera",
    "encoder_int8",
    "encoder_unseen",
    "encoder_masks",
    "encoder_calibration",
    "encoder_types",
    "web_live",
)
CITY = (
    "city_demo_links",
    "city_speed",
    "city_memory",
    "city_statistics",
    "city_detection",
    "city_identity",
    "city_hardness",
    "tracks_city",
)
KAFKA = ("kafka_guard", "kafka_hours", "kafka_live", "kafka_outage", "kafka_standby", "kafka_workers")
FOLDERS = ("cameras", "city", "encoder", "kafka", "search", "tracks", "web")
BENCHES = (
    "startup",
    "demo_loaded",
    "cameras_disturbed",
    "screen",
    "pipeline",
    "crop_deletion",
    "association",
    "association_city",
    "association_scale",
    "retrieval",
    "web_correction",
    "web_index",
    "web_drawn_requests",
    "encoder_speed",
    "encoder_runtime",
    "foundation_speed",
    "fuzz",
    "search_quality",
    "search_speed",
    *KAFKA,
    *CITY,
    *NEED_DATA,
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"only these: {', '.join(BENCHES)}")
    parser.add_argument("--ablation", action="store_true", help="of association_city: what each of its parts is worth")
    parser.add_argument("--seed", type=int, default=0, help="of fuzz: another seed, other cases")
    arguments = parser.parse_args()
    names = arguments.names or list(BENCHES)
    unknown = sorted(set(names) - set(BENCHES))
    if unknown:
        parser.error(f"no bench {', '.join(unknown)}; there are {', '.join(BENCHES)}")
    for name in names:
        print(f"\n== {name}", flush=True)
        if name in NEED_DATA and not (DATA / "video").is_dir():
            print(f"left out: there are no recordings in {DATA} (tests/data/SOURCES.md)")
            continue
        bench: Callable[..., None] = import_module(f"tests.bench.{_module(name)}").main
        try:
            bench(**_options(name, arguments))
        except pytest.skip.Exception as skipped:  # a fixture's word that something cannot be had
            print(f"left out: {skipped}")


def _options(name: str, arguments: argparse.Namespace) -> dict[str, object]:
    """What a bench is asked for beyond its defaults."""
    if name == "fuzz":
        return {"seed": arguments.seed}
    return {"arguments": ["--ablation"]} if name == "association_city" and arguments.ablation else {}


def _module(name: str) -> str:
    """`city.speed` for the bench `city_speed`: some lie in a folder of their subject."""
    folder, _, rest = name.partition("_")
    return f"{folder}.{rest}" if folder in FOLDERS else name


if __name__ == "__main__":
    main()
