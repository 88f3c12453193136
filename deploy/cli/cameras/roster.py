"""`corridor cameras add | change | pause | resume | remove | list`: what is wanted of each, as records on the log."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import typer

from deploy.cli.links.correct import By
from deploy.cli.terminal.screen import make_console, narrow_table, print_lines
from deploy.log.base import Log
from deploy.site.cameras import changes
from deploy.site.cameras.changes import CameraChanges
from deploy.site.cameras.record import CameraRecord, Wanted
from deploy.site.cameras.roster import RosterEntry, read_roster
from deploy.site.config import Config, load_config
from deploy.site.site_log import open_site_log
from ingest.clock import NS, SystemClock
from ingest.redact import redact_source

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
    datetime | None, typer.Option("--starts-at", help="When a recording's first frame was taken.", show_default=False)
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
        source=source, credentials=credentials, realtime=realtime, starts_at=starts_at, transport=transport
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
        source=source, credentials=credentials, realtime=realtime, starts_at=starts_at, transport=transport
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


class ListedCamera(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line of `corridor cameras list --json`.

    said_at, by: of the last command about it, null and empty where it is as the configuration has it.
    """

    camera: str
    wanted: Wanted
    source: str | None = None
    slot: int | None = None
    said_at: datetime | None = None
    by: str = ""


def list_cameras(
    file: SiteFile, as_json: Annotated[bool, typer.Option("--json", help="A JSON object a line and camera.")] = False
) -> None:
    """List all cameras, those of the configuration and those that were added: what is wanted of each, and who said so.

    corridor cameras list site.toml
    """
    with _site(file) as (log, config):
        listed = [_listed(entry) for entry in read_roster(config, log).entries.values()]
    if as_json:
        print_lines([msgspec.json.encode(each) for each in listed])
        return
    rows = [
        [each.camera, each.wanted, each.source or "in another configuration", _time(each.said_at), each.by]
        for each in listed
    ]
    table = narrow_table(
        "Cameras", ("camera", "wanted", "source", "since", "by"), rows, left=("wanted", "source", "by"), wraps="source"
    )
    make_console(highlight=False).print(table)


def _listed(entry: RosterEntry) -> ListedCamera:
    record = entry.record
    return ListedCamera(
        camera=entry.camera,
        wanted=entry.wanted,
        source=None if entry.settings is None else redact_source(entry.settings.source),
        slot=None if record is None else record.slot,
        said_at=None if record is None else datetime.fromtimestamp(record.at_ns / NS, UTC),
        by="" if record is None else record.by,
    )


def _time(at: datetime | None) -> str:
    return "" if at is None else at.astimezone().isoformat(sep=" ", timespec="seconds")


@contextmanager
def _site(file: Path) -> Iterator[tuple[Log, Config]]:
    config = load_config(file)
    with closing(open_site_log(config, file)) as log:
        yield log, config


def _with(
    make: Callable[..., CameraRecord], given: CameraChanges, log: Log, config: Config, camera: str, **said: Any
) -> CameraRecord:
    return make(log, config, camera, given, **said)


def _change(file: Path, camera: str, by: str, make: Callable[..., CameraRecord], words: str) -> None:
    with _site(file) as (log, config):
        make(log, config, camera, at_ns=SystemClock().now_ns(), by=by)
    typer.echo(f"on the log: camera '{camera}' is {words}")
