"""The operator's view beside the cameras of a process: `corridor run --web`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from deploy.cli.web.libraries import require_web
from deploy.log.base import Log
from deploy.site.config import Config

if TYPE_CHECKING:  # all of it loads OpenCV
    from deploy.site.cameras.runtime import FrameTap
    from deploy.site.perception_worker import PerceptionWorker
    from deploy.web.live.hub import LiveHub
    from detect.detections import Detections
    from embed.observation import CameraEpoch
    from ingest.frame import Frame


def make_hub(config: Config, only: frozenset[str] | None) -> "LiveHub":
    """The live side of the cameras that run here; raises ConfigError without the libraries for it."""
    require_web()
    from deploy.web.live.hub import LiveHub

    return LiveHub([camera for camera in config.camera_ids if only is None or camera in only])


def both(first: "FrameTap | None", second: "FrameTap | None") -> "FrameTap | None":
    """One tap of two, of which either may not be there."""
    if first is None or second is None:
        return first or second

    def tap(frame: "Frame", found: "Detections") -> None:
        first(frame, found)
        second(frame, found)

    return tap


def connect(hub: "LiveHub", perception: "PerceptionWorker") -> None:
    """Have a hub ask the worker for what it does not see itself: the epochs of cameras, and how they are."""
    from deploy.site.status import camera_statuses
    from deploy.web.live.health import CameraHealth

    def epoch_of(camera: str) -> "CameraEpoch | None":
        runtime = perception.runtimes.get(camera)
        current = None if runtime is None else runtime.open_epoch
        return None if current is None else current.epoch

    def health_of(camera: str) -> CameraHealth | None:
        found = next((each for each in camera_statuses(perception) if each.camera == camera), None)
        return None if found is None else msgspec.convert(found, CameraHealth, from_attributes=True)

    hub.epoch_of, hub.health_of = epoch_of, health_of


@contextmanager
def web_view(
    address: str | None, config: Config, file: Path, log: Log, hub: "LiveHub | None", perception: "PerceptionWorker"
) -> Iterator[None]:
    """Serve the operator's view while the block runs, where an address is given."""
    if address is None or hub is None:
        yield
        return
    from deploy.web.server import make_site, parse_address, serving

    connect(hub, perception)
    host, port = parse_address(address)
    with serving(make_site(config, file, log, host, live=hub), host, port):
        yield
