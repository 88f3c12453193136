"""JSON Schemas of the wire types, from the code: `python -m deploy.results.schemas docs/schemas`.

Records of `observations` are MessagePack maps of this shape; their `vector` is raw bytes there and base64 in JSON.
"""

import sys
from pathlib import Path
from typing import Any

import msgspec

from associate.roads.records import Alarm, Edge
from associate.trajectory import TrajectoryEvent
from deploy.log.dead_letters import DeadLetter
from deploy.results.descriptions import Struct, field_descriptions, nested_structs, summary
from deploy.search.forgotten import Forgotten
from deploy.search.watchlist.entries import WatchEntry
from deploy.search.watchlist.matches import Match
from deploy.site.cameras.record import CameraRecord
from deploy.site.cameras.workers import DrainRequest, WorkerRecord
from deploy.web.live.beats import LiveBeat
from embed.observation import CameraChange, Correction, Gap, Observation, Tick

TYPES: dict[str, Struct] = {
    "observation": Observation,
    "tick": Tick,
    "gap": Gap,
    "correction": Correction,
    "camera-change": CameraChange,
    "trajectory-event": TrajectoryEvent,
    "edge": Edge,
    "alarm": Alarm,
    "dead-letter": DeadLetter,
    "forgotten": Forgotten,
    "camera": CameraRecord,
    "watch-entry": WatchEntry,
    "match": Match,
    "live-beat": LiveBeat,
    "worker": WorkerRecord,
    "drain": DrainRequest,
}


def schema_texts() -> dict[str, str]:
    """Make the schemas as indented JSON, by file name."""
    texts = {}
    for name, kind in TYPES.items():
        schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **described_schema(kind)}
        texts[f"{name}.schema.json"] = msgspec.json.format(msgspec.json.encode(schema), indent=2).decode() + "\n"
    return texts


def described_schema(kind: Struct) -> dict[str, Any]:
    """msgspec's schema of a wire type, with a description of every field; raises ValueError where one is missing."""
    schema = msgspec.json.schema(kind)
    for struct in nested_structs(kind):
        definition, texts = schema["$defs"][struct.__name__], field_descriptions(struct)
        definition["description"] = summary(struct)
        if "prefixItems" in definition:  # an array: its items are the fields, in their order
            for item, field in zip(definition["prefixItems"], struct.__struct_fields__, strict=True):
                item |= {"title": field, "description": texts[field]}
            continue
        for field, item in definition["properties"].items():
            item["description"] = texts.get(field, "Tells the messages of a topic apart.")
    return schema


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in schema_texts().items():
        (folder / name).write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
