"""Changes of the roster, for commands and pages alike: each puts a record on the log, with who said it and when.

All raise ConfigError where the change makes no sense for the camera as it is, and LogError where the log is away. They
return the record that is on the log now. `at_ns` is the time of this machine.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import Any, Literal

import msgspec

from deploy.log.address import on_this_machine
from deploy.log.base import Log, Record
from deploy.log.topics import CAMERAS, LAYOUTS
from deploy.site.cameras.record import CameraRecord, Wanted, encode
from deploy.site.cameras.roster import Roster, RosterEntry, read_roster
from deploy.site.config import Config
from deploy.site.controls import checked_by
from ingest.camera import Camera, check_camera
from ingest.errors import ConfigError, FencedError
from ingest.open_camera import check_source
from ingest.redact import redact_source
from ingest.secrets import PLACEHOLDER, find_secrets
from ingest.toml_file import convert

SLOTS = next(layout.partitions for layout in LAYOUTS if layout.name == CAMERAS)
OWNER = "controls/cameras"
ATTEMPTS = 5
"""Attempts at a change while others make some as well."""

Decision = tuple[Wanted, Camera | None]
"""The state that is wanted of a camera, and its settings where a record is to have them."""


class CameraChanges(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of a camera that are to be others, as in `Camera`; None stay as they are."""

    source: str | None = None
    credentials: str | None = None
    realtime: bool | None = None
    starts_at: datetime | None = None
    transport: Literal["tcp", "udp"] | None = None

    @property
    def given(self) -> dict[str, Any]:
        """Those that are to be others."""
        return {name: value for name, value in msgspec.structs.asdict(self).items() if value is not None}


def add(log: Log, config: Config, camera: str, changes: CameraChanges, *, at_ns: int, by: str) -> CameraRecord:
    """Have one camera more watched; without any setting, one of the configuration that was removed."""
    given = changes.given
    if given and "source" not in given:
        raise ConfigError(f"camera '{camera}': say its source, too", key="source")
    settings = _checked(config, Camera(id=camera, **given)) if given else None

    def decide(entry: RosterEntry | None) -> Decision:
        if entry is not None and entry.wanted is not Wanted.REMOVED:
            raise ConfigError(f"camera '{camera}' is there already, {entry.wanted} (change it, or resume it)", key="id")
        if settings is None and camera not in config.camera_ids:
            raise ConfigError(f"camera '{camera}' is not in the configuration: say its source", key="source")
        return Wanted.WATCHED, settings

    return _put(log, config, camera, decide, at_ns=at_ns, by=by)


def change(log: Log, config: Config, camera: str, changes: CameraChanges, *, at_ns: int, by: str) -> CameraRecord:
    """Give a camera other settings; the process that watches it opens it anew."""
    given = changes.given
    if not given:
        raise ConfigError(f"camera '{camera}': say what is to be changed (its source, say)")

    def decide(entry: RosterEntry | None) -> Decision:
        entry = _known(camera, entry)
        if entry.settings is None:
            raise ConfigError(f"the settings of camera '{camera}' are in another configuration than this one")
        settings = msgspec.structs.replace(entry.settings, **given)
        if settings == entry.settings:
            raise ConfigError(f"camera '{camera}' has these settings already")
        return entry.wanted, _checked(config, settings)

    return _put(log, config, camera, decide, at_ns=at_ns, by=by)


def pause(log: Log, config: Config, camera: str, *, at_ns: int, by: str) -> CameraRecord:
    """Have a camera watched no more for now; its settings are kept."""
    return _put(log, config, camera, partial(_want, camera, Wanted.PAUSED), at_ns=at_ns, by=by)


def resume(log: Log, config: Config, camera: str, *, at_ns: int, by: str) -> CameraRecord:
    """Have a paused camera watched again."""
    return _put(log, config, camera, partial(_want, camera, Wanted.WATCHED), at_ns=at_ns, by=by)


def remove(log: Log, config: Config, camera: str, *, at_ns: int, by: str) -> CameraRecord:
    """Have a camera watched no more, also where it stands in a configuration; what it has seen stays."""
    return _put(log, config, camera, partial(_want, camera, Wanted.REMOVED), at_ns=at_ns, by=by)


def _want(camera: str, wanted: Wanted, entry: RosterEntry | None) -> Decision:
    entry = _known(camera, entry)
    if entry.wanted is wanted:
        raise ConfigError(f"camera '{camera}' is {wanted} already")
    return wanted, entry.record.settings if entry.record is not None else None


def _known(camera: str, entry: RosterEntry | None) -> RosterEntry:
    if entry is None:
        raise ConfigError(f"there is no camera '{camera}' (`corridor cameras list` shows all of them)")
    if entry.wanted is Wanted.REMOVED:
        raise ConfigError(f"camera '{camera}' was removed: add it first")
    return entry


def give_slots(log: Log, config: Config, *, at_ns: int, by: str) -> None:
    """Put a record down for every camera of the configuration that has none, so that it has a slot."""
    if all(camera in read_roster(config, log).recorded for camera in config.camera_ids):
        return

    def decide(roster: Roster) -> list[CameraRecord]:
        records: list[CameraRecord] = []
        for camera in config.camera_ids:
            if camera not in roster.recorded:
                slot = _slot([*roster.recorded.values(), *records], camera, Wanted.WATCHED)
                records.append(CameraRecord(camera=camera, wanted=Wanted.WATCHED, slot=slot, at_ns=at_ns, by=by))
        return records

    _commit(log, config, decide)


def _put(
    log: Log,
    config: Config,
    camera: str,
    decide: Callable[[RosterEntry | None], Decision],
    *,
    at_ns: int,
    by: str,
) -> CameraRecord:
    """Put the record of a decision about one camera onto the log."""
    checked_by(by)

    def record(roster: Roster) -> list[CameraRecord]:
        wanted, settings = decide(roster.entries.get(camera))
        slot = None if on_this_machine(config.log.url) else _slot(roster.recorded.values(), camera, wanted)
        return [CameraRecord(camera=camera, wanted=wanted, settings=settings, slot=slot, at_ns=at_ns, by=by)]

    (made,) = _commit(log, config, record)
    return made


def _commit(log: Log, config: Config, decide: Callable[[Roster], list[CameraRecord]]) -> list[CameraRecord]:
    """Claim, read, decide, write: of two changes at once, one is made after the other."""
    for attempt in range(1, ATTEMPTS + 1):
        writer = log.claim(OWNER)
        try:
            records = decide(read_roster(config, log))
            writer.commit([Record(CAMERAS, record.camera, encode(record)) for record in records])
            return records
        except FencedError:
            if attempt == ATTEMPTS:
                raise
        finally:
            writer.close()
    raise AssertionError("a change is made, or refused")


def _slot(records: Iterable[CameraRecord], camera: str, wanted: Wanted) -> int | None:
    """The slot that a camera has, else the first of those with the fewest cameras; None where it needs none."""
    if wanted is Wanted.REMOVED:
        return None
    taken = {record.camera: record.slot for record in records if record.slot is not None}
    if camera in taken:
        return taken[camera]
    used = Counter(taken.values())
    return min(range(SLOTS), key=lambda slot: (used[slot], slot))


def _checked(config: Config, camera: Camera) -> Camera:
    """Refuse settings that could not be used, or that would put a password on the log; raises ConfigError."""
    checked = convert(msgspec.to_builtins(camera), Camera, f"camera '{camera.id}'")
    check_camera(checked)
    if not checked.finite and find_secrets(checked.source, source=True):
        raise ConfigError(
            f"camera '{camera.id}': the source {redact_source(camera.source)} has a password in it, which everybody "
            f"who reads the log would know: write {PLACEHOLDER} there, and --credentials env:NAME",
            key="source",
        )
    if checked.finite and on_this_machine(config.log.url):
        check_source(checked)
    return checked
