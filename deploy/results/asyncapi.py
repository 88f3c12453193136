"""The log's interface as an AsyncAPI 3 document, from the code: topics, keys, retention and messages.

`python -m deploy.results.asyncapi docs/schemas`; generators of clients and catalogues of interfaces read it.
"""

import sys
from pathlib import Path
from typing import Any, get_args

import msgspec

from deploy.log.brokers.topics import settings_of
from deploy.log.topics import (
    CAMERAS,
    DEAD_LETTERS,
    FORGOTTEN,
    IDENTITIES,
    LAYOUTS,
    LIVE,
    MATCHES,
    OBSERVATIONS,
    TOPOLOGY,
    TRAJECTORIES,
    WATCHLIST,
    WORKERS,
)
from deploy.results.descriptions import Struct, summary
from deploy.results.schemas import TYPES, described_schema
from embed.observation import Record as ObservationRecord

VERSION = "3.0.0"
DEVELOPMENT_BROKER = "localhost:19092"

CHANNELS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    OBSERVATIONS: (
        "Tracklets, ticks and gaps of all cameras, and what people say of them",
        "the camera, or zone/ZONE",
        ("observation", "tick", "gap", "correction", "camera-change"),
    ),
    TRAJECTORIES: ("Every event of every identity", "the identity", ("trajectory-event",)),
    IDENTITIES: ("The latest event of every identity", "the identity", ("trajectory-event",)),
    TOPOLOGY: (
        "The roads that association has learned, and alarms where something is not what it was",
        "edge|ZONE|START|END, or alarm|ZONE|KIND|CAMERA[|END]",
        ("edge", "alarm"),
    ),
    DEAD_LETTERS: ("Records that could not be used, and why", "where the record stood", ("dead-letter",)),
    FORGOTTEN: ("Tracklets that no index of sightings may keep", "the identity", ("forgotten",)),
    WORKERS: (
        "The processes that watch cameras, and their ends that were asked for",
        "the process",
        ("worker", "drain"),
    ),
    CAMERAS: ("What is wanted of each camera; all records are in partition 0", "the camera", ("camera",)),
    WATCHLIST: ("Vehicles that are watched for", "the name of the watch", ("watch-entry",)),
    MATCHES: ("Sightings of vehicles that are watched for", "the name of the watch", ("match",)),
    LIVE: ("Processes that offer live video, and where", "the worker", ("live-beat",)),
}
"""By topic: what it holds, its key, and its messages."""

MESSAGE_PACK = get_args(ObservationRecord)


def asyncapi_text() -> str:
    """Make the document as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(_document()), indent=2).decode() + "\n"


def _document() -> dict[str, Any]:
    definitions: dict[str, Any] = {}
    messages = {name: _message(name, kind, definitions) for name, kind in TYPES.items()}
    return {
        "asyncapi": VERSION,
        "info": {
            "title": "Corridor's log",
            "version": "3",
            "description": "What Corridor writes to Kafka. Fields are only ever added, with a default. The topics of a "
            "site with a prefix have it before their names.",
        },
        "servers": {"development": {"host": DEVELOPMENT_BROKER, "protocol": "kafka"}},
        "channels": {topic: _channel(topic) for topic in CHANNELS},
        "operations": {f"write-{topic}": _operation(topic) for topic in CHANNELS},
        "components": {"messages": messages, "schemas": definitions},
    }


def _channel(topic: str) -> dict[str, Any]:
    title, _, names = CHANNELS[topic]
    layout = next(layout for layout in LAYOUTS if layout.name == topic)
    settings = settings_of(layout, 3)
    return {
        "address": topic,
        "title": title,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "bindings": {
            "kafka": {
                "topic": topic,
                "partitions": layout.partitions,
                "topicConfiguration": {
                    "cleanup.policy": settings["cleanup.policy"].split(","),
                    "retention.ms": int(settings["retention.ms"]),
                },
            }
        },
    }


def _operation(topic: str) -> dict[str, Any]:
    title, key, names = CHANNELS[topic]
    return {
        "action": "send",
        "title": title,
        "summary": f"Key: {key}. Read with isolation.level read_committed.",
        "channel": {"$ref": f"#/channels/{topic}"},
        "messages": [{"$ref": f"#/channels/{topic}/messages/{name}"} for name in names],
    }


def _message(name: str, kind: Struct, definitions: dict[str, Any]) -> dict[str, Any]:
    schema = _rebased(described_schema(kind))
    definitions |= schema.pop("$defs")
    described = summary(kind).split("\n\n")
    return {
        "name": name,
        "title": kind.__name__,
        "summary": described[0],
        "contentType": "application/msgpack" if kind in MESSAGE_PACK else "application/json",
        "payload": schema,
    }


def _rebased(schema: Any) -> Any:
    """A JSON Schema as AsyncAPI takes it: references into `components`, and arrays as draft 07 has them."""
    if isinstance(schema, list):
        return [_rebased(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    changed = {key: _rebased(value) for key, value in schema.items()}
    if isinstance(reference := changed.get("$ref"), str):
        changed["$ref"] = reference.replace("#/$defs/", "#/components/schemas/")
    if "prefixItems" in changed:
        more = changed.pop("items", True)
        changed |= {"items": changed.pop("prefixItems"), "additionalItems": more}
    return changed


if __name__ == "__main__":
    (Path(sys.argv[1]) / "asyncapi.json").write_text(asyncapi_text())
