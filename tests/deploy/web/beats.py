"""A heartbeat of a worker."""

from deploy.web.live.beats import LiveBeat, beat_of
from ingest.clock import NS


def heartbeat(
    worker: str = "north", *, cameras: tuple[str, ...] = ("north", "south"), at_s: int = 100, port: int = 8700
) -> LiveBeat:
    """A heartbeat of a worker on loopback."""
    return beat_of(worker, f"127.0.0.1:{port}", list(cameras), f"token of {worker}", at_s * NS, crops=True)
