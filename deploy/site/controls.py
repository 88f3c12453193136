"""What people say to association: corrections of links and changes of cameras, put among the observations."""

from collections.abc import Iterable
from statistics import median_low
from typing import Literal

from deploy.log.base import Log, Record
from deploy.log.observations import pages_from_the_end
from deploy.log.topics import OBSERVATIONS
from embed.observation import LONGEST_BY, CameraChange, Control, Correction, Message, Observation, decode, encode
from ingest.errors import ConfigError

TRACKLET_PARTS = 3
"""`camera|epoch|track`; an observation's id has one more."""


def publish(log: Log, zone: str, control: Control) -> None:
    """Append a control to the zone's observations, so that every replay meets it in the same place."""
    key = control.camera if isinstance(control, CameraChange) else f"zone/{zone}"
    writer = log.claim(f"controls/{zone}")
    writer.commit([Record(OBSERVATIONS, key, encode(control))])
    writer.close()


def correction_of(log: Log, verdict: Literal["same", "different"], ids: Iterable[str], by: str) -> Correction:
    """A correction of two tracklets of a log, named by their ids or by those of their observations, from now on.

    Raises ConfigError where they are not two tracklets of this log.
    """
    one, other = sorted("|".join(each.split("|")[:TRACKLET_PARTS]) for each in ids)
    if one == other:
        raise ConfigError(f"a correction is about two tracklets, and both are '{one}'")
    if missing := _missing(log, {one, other}):
        raise ConfigError(
            f"the log has no tracklet '{sorted(missing)[0]}' (ids are CAMERA|EPOCH|TRACK, as in the visits of "
            "`corridor trajectories --json`)"
        )
    at_ns = newest_event_ns(log)
    name = f"correction|{at_ns}|{one}|{other}|{verdict}"
    return Correction(id=name, at_ns=at_ns, verdict=verdict, tracklets=(one, other), by=checked_by(by))


def camera_change_of(log: Log, camera: str, change: Literal["moved", "clock_set"], by: str) -> CameraChange:
    """A change of a camera, from now on; raises ConfigError for a log without any message."""
    at_ns = newest_event_ns(log)
    name = f"camera-change|{at_ns}|{camera}|{change}"
    return CameraChange(id=name, at_ns=at_ns, camera=camera, change=change, by=checked_by(by))


def newest_event_ns(log: Log) -> int:
    """Event time that a log has come to: the median over the last word of each camera that spoke lately.

    Not this machine's time, which a recording knows nothing of; and one camera's wrong clock does not decide it.
    """
    for page in pages_from_the_end(log):
        latest: dict[str, int] = {}
        for message in _messages(record.value for record in page):
            latest[message.camera] = message.at_ns
        if latest:
            return median_low(latest.values())
    raise ConfigError("the log has no observation yet: there is nothing to correct or to change")


def _missing(log: Log, tracklets: set[str]) -> set[str]:
    """Those of some tracklets that a log says nothing of; what is corrected is mostly near its end."""
    missing = set(tracklets)
    for page in pages_from_the_end(log):
        for message in _messages(record.value for record in page):
            if isinstance(message, Observation):
                missing.discard(message.tracklet)
        if not missing:
            break
    return missing


def _messages(values: Iterable[bytes]) -> Iterable[Message]:
    for value in values:
        try:
            message = decode(value)
        except ValueError:
            continue  # association counts it
        if isinstance(message, Message):
            yield message


def checked_by(by: str) -> str:
    """The name of somebody who says something; raises ConfigError for one that is too long, or does not print."""
    if len(by) > LONGEST_BY:
        raise ConfigError(f"--by has {len(by)} characters (at most {LONGEST_BY})")
    if not by.isprintable():
        raise ConfigError(f"--by {by!r} has characters that do not print")
    return by
