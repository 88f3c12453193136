"""Trajectory events as a run writes them, of tracklets that have a number each."""

from associate.trajectory import Evidence, Kind, TrajectoryEvent, Visit
from ingest.clock import NS


def name(tracklet: int) -> str:
    """The id of a tracklet."""
    return f"cam|1.0|{tracklet}"


def event(
    kind: Kind,
    identity: str,
    at_s: float,
    tracklet: int | None = None,
    *,
    after: str | None = None,
    before: int | None = None,
    probability: float | None = None,
    zone: str = "zone",
) -> TrajectoryEvent:
    """One event: about a tracklet, superseded by `after`, linked to tracklet `before`."""
    seen = [each for each in (before, tracklet) if each is not None]
    evidence = None
    if probability is not None:
        evidence = Evidence(probability=probability, similarity=None if before is None else 0.9)
    return TrajectoryEvent(
        id=f"{kind}-{identity}-{at_s}",
        zone=zone,
        kind=kind,
        identity=identity,
        revision=1,
        at_ns=round(at_s * NS),
        decided_by="somebody",
        label="vehicle",
        visits=[Visit(camera="cam", observation=f"{name(each)}|0", enter_ns=0, leave_ns=1) for each in seen],
        observation=None if tracklet is None else f"{name(tracklet)}|0",
        evidence=evidence,
        superseded_by=after,
    )


NUMBERS = {name(number): number for number in range(100)}
