"""The option `--live` of the cameras: their video for an operator's view that runs elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deploy.cli.web.beside import connect
from deploy.log.base import Log
from deploy.site.config import Config

if TYPE_CHECKING:  # all of it loads OpenCV
    from deploy.site.perception_worker import PerceptionWorker
    from deploy.web.live.hub import LiveHub

LiveAddress = Annotated[
    str | None,
    typer.Option(
        "--live",
        metavar="[HOST]:PORT",
        help="Offer live video there to `corridor serve`, on loopback unless a host is given: --live :8700.",
        show_default=False,
    ),
]


@contextmanager
def live_at(
    address: str | None, config: Config, log: Log, hub: "LiveHub | None", perception: "PerceptionWorker"
) -> Iterator[None]:
    """Offer the live video of this process while the block runs, where an address is given."""
    if address is None or hub is None:
        yield
        return
    from deploy.web.live.offering import offered
    from deploy.web.server import parse_address

    connect(hub, perception)
    with offered(parse_address(address), log, hub, Path(config.crops.folder) if config.crops.keep else None):
        yield
