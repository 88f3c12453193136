"""JSON Schemas of the wire types, from the code: `python -m deploy.results.schemas docs/schemas`.

Observations and ticks are MessagePack maps of the same shape; their `vector` is raw bytes there and base64 in JSON.
"""

import sys
from pathlib import Path

import msgspec

from associate.trajectory import TrajectoryEvent
from deploy.site.association_worker import DeadLetter
from embed.observation import Gap, Observation, Tick

TYPES: dict[str, type[msgspec.Struct]] = {
    "observation": Observation,
    "tick": Tick,
    "gap": Gap,
    "trajectory-event": TrajectoryEvent,
    "dead-letter": DeadLetter,
}


def schema_texts() -> dict[str, str]:
    """By file name, the schema as indented JSON."""
    texts = {}
    for name, kind in TYPES.items():
        schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(kind)}
        texts[f"{name}.schema.json"] = msgspec.json.format(msgspec.json.encode(schema), indent=2).decode() + "\n"
    return texts


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in schema_texts().items():
        (folder / name).write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
