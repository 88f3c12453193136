"""`corridor cameras add | change | pause | resume | remove`: what is wanted of each, as records on the log."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from deploy.cli.links.correct import By
from deploy.cli.times import parse_starts_at
from deploy.log.base import Log
from deploy.site.cameras import changes
from deploy.site.cameras.changes import CameraChanges
from deploy.site.cameras.record import CameraRecord
from deploy.site.config import Config, load_config
from deploy.site.site_log import open_site_log
from ingest.clock import SystemClock

SiteFile = Annotated[Path, typer.Argument(metavar="SITE", help="The configuration, a TOML file.", show_default=False)]
CameraName = Annotated[str, typer.Argument(metavar="CAMERA", help="The camera's id.", show_default=False)]
Source = Annotated[
    str | None,
    typer.Argument(
        metavar="[SOURCE]",
        help="rtsp://…, http://… or a file, without a password; not for one that the configuration has.",
        show_default=False,
    ),
]
NewSource = Annotated[str | None, typer.Option("--source", help="Another address or file.", show_default=False)]
Credentials = Annotated[
    str | None,
    typer.Option(
        "--credentials",
        metavar="PLACE",
        help="Where the process that watches it finds the password: env:NAME or file:PATH.",
        show_default=False,
    ),
]
Realtime = Annotated[
    bool | None, typer.Option("--realtime/--in-step", help="A file is played at its own pace, or as fast as it can be.")
]
StartsAt = Annotated[
    str | None,
    typer.Option(
        "--starts-at", metavar="<datetime>", help="When a recording's first frame was taken.", show_default=False
    ),
]


RtpTransport = Annotated[
    Literal["tcp", "udp"] | None, typer.Option("--transport", help="Transport of rtsp:// video.", show_default=False)
]


def add(
    file: SiteFile,
    camera: CameraName,
    source: Source = None,
    credentials: Credentials = None,
    realtime: Realtime = None,
    starts_at: StartsAt = None,
    transport: RtpTransport = None,
    by: By = "",
) -> None:
    """Add a camera: a process that watches the site's cameras opens it within a second, or when it starts.

    It stays, over restarts, until it is removed; the configuration is not changed. The password never goes onto the
    log: name the place where the process finds it.

    corridor cameras add site.toml south rtsp://admin@10.0.0.8/1 --credentials env:SOUTH_PASSWORD
    """
    given = CameraChanges(
        source=source,
        credentials=credentials,
        realtime=realtime,
        starts_at=parse_starts_at(starts_at),
        transport=transport,
    )
    _change(file, camera, by, partial(_with, changes.add, given), "watched from now on")


def change(
    file: SiteFile,
    camera: CameraName,
    source: NewSource = None,
    credentials: Credentials = None,
    realtime: Realtime = None,
    starts_at: StartsAt = None,
    transport: RtpTransport = None,
    by: By = "",
) -> None:
    """Change a camera's settings: it is opened anew with them, other cameras are not touched.

    What is not given stays. From then on these settings count, and no more those of the configuration. Where it looks
    elsewhere now, also say `corridor cameras changed SITE CAMERA moved`.

    corridor cameras change site.toml south --source rtsp://admin@10.0.0.9/1
    """
    given = CameraChanges(
        source=source,
        credentials=credentials,
        realtime=realtime,
        starts_at=parse_starts_at(starts_at),
        transport=transport,
    )
    _change(file, camera, by, partial(_with, changes.change, given), "opened anew")


def pause(file: SiteFile, camera: CameraName, by: By = "") -> None:
    """Pause a camera: it is not watched, also after a restart, until it is resumed; nobody waits for it.

    corridor cameras pause site.toml south --by 'night shift'
    """
    _change(file, camera, by, changes.pause, "paused: its last tracklets are closed")


def resume(file: SiteFile, camera: CameraName, by: By = "") -> None:
    """Resume a paused camera. A recording goes on where it was.

    corridor cameras resume site.toml south
    """
    _change(file, camera, by, changes.resume, "watched again")


def remove(file: SiteFile, camera: CameraName, by: By = "") -> None:
    """Remove a camera: it is watched no more, also if the configuration has it. What it has seen stays on the log.

    corridor cameras remove site.toml south
    """
    _change(file, camera, by, changes.remove, "removed: its last tracklets are closed")


@contextmanager
def open_site(file: Path) -> Iterator[tuple[Log, Config]]:
    """The log of a configuration, and that, while the block runs."""
    config = load_config(file)
    with closing(open_site_log(config, file)) as log:
        yield log, config


def _with(
    make: Callable[..., CameraRecord], given: CameraChanges, log: Log, config: Config, camera: str, **said: Any
) -> CameraRecord:
    return make(log, config, camera, given, **said)


def _change(file: Path, camera: str, by: str, make: Callable[..., CameraRecord], words: str) -> None:
    with open_site(file) as (log, config):
        make(log, config, camera, at_ns=SystemClock().now_ns(), by=by)
    typer.echo(f"on the log: camera '{camera}' is {words}")
