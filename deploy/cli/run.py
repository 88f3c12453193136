"""`corridor run`, `observe`, `associate`: the system in one process, or its two halves."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console

from deploy.cli.exit_codes import ExitCode
from deploy.cli.outcome import end_run
from deploy.cli.run_images import run_images
from deploy.cli.terminal.screen import live_view, make_console, worker_tables
from deploy.cli.web.beside import both, make_hub, web_view
from deploy.cli.web.live import LiveAddress, live_at
from deploy.cli.web.metrics import MetricsAddress, metrics_at
from deploy.log.address import on_this_machine
from deploy.log.base import Log
from deploy.log.decoding import Undecoded
from deploy.log.retention.background import log_retention
from deploy.log.settings import LogSettings
from deploy.log.topics import DEAD_LETTERS
from deploy.results.journeys import read_journeys, visited_cameras
from deploy.search.indexing import indexed
from deploy.site.association_state import start_anew
from deploy.site.cameras.roster import Roster, read_roster, with_roster
from deploy.site.config import Config, load_config
from deploy.site.repeating import repeating
from deploy.site.session import run_association, run_perception, run_together
from deploy.site.site_log import open_site_log
from ingest.clock import SystemClock
from ingest.errors import ConfigError

if TYPE_CHECKING:
    from deploy.site.perception_worker import PerceptionWorker

logger = logging.getLogger(__name__)

STATUS_S = 1.0
PAIRS_NAMED = 4

# `deploy.site.wiring` loads every library there is, so each command imports it when it is sure to need it.

ConfigFile = Annotated[Path, typer.Argument(help="The configuration, a TOML file.", show_default=False)]
CameraList = Annotated[
    str | None,
    typer.Option("--cameras", help="Only these cameras, ids with commas between; run others in other processes."),
]


WorkerName = Annotated[
    str,
    typer.Option(
        "--worker",
        help="Name of this process; default: that of the machine. Of two with one name the first one ends.",
        show_default=False,
    ),
]
MaxCameras = Annotated[
    int | None,
    typer.Option(
        "--max-cameras",
        min=1,
        max=10_000,
        help="Most cameras that this process watches on Kafka; more of its share are refused.",
    ),
]
StatusFile = Annotated[
    Path | None,
    typer.Option("--status", help="Keep this file up to date with how every camera is doing, JSON, once a second."),
]


MosaicFile = Annotated[
    Path | None,
    typer.Option(
        "--mosaic", help="At the end, paint a video of all cameras with identities, an .mp4.", show_default=False
    ),
]
SheetFile = Annotated[
    Path | None,
    typer.Option("--sheet", help="At the end, paint a sheet with one row a vehicle, a .png.", show_default=False),
]


WebAddress = Annotated[
    str | None,
    typer.Option(
        "--web",
        metavar="[HOST]:PORT",
        help="Also serve the operator's view there, with live frames (`corridor serve`): --web :8600.",
        show_default=False,
    ),
]


def run(
    file: ConfigFile,
    cameras: CameraList = None,
    status: StatusFile = None,
    mosaic: MosaicFile = None,
    sheet: SheetFile = None,
    web: WebAddress = None,
    metrics: MetricsAddress = None,
) -> None:
    """Everything in one process: watch the cameras and link their vehicles.

    Recordings are read to their end, streams until Ctrl-C. What has been found is on the log, by default
    runs/NAME/corridor.db for NAME.toml; look at it with `corridor trajectories`. A run that was interrupted goes on
    where it was.
    """
    config = load_config(file)
    from deploy.site.wiring import make_association_worker, make_perception_worker

    log = open_site_log(config, file)
    started, roster = _with_roster(config, log, file)
    with run_images(mosaic, sheet) as images:
        only = _camera_filter(started, cameras)
        hub = make_hub(started, only) if web is not None else None
        perception = make_perception_worker(
            started,
            log,
            only=only,
            tap=both(images.album, hub),
            listener_of=hub.listener if hub is not None else None,
        )
        association = make_association_worker(started, log)
        console = make_console()
        with indexed(
            log, config.search, config.associate.zone, patient=not on_this_machine(config.log.url)
        ) as index_problem:
            if _all_read(perception, started):
                images.refuse("every recording has been read before, and frames are kept only while they are analysed")
                association.drain()  # what `observe` left, or a run that was killed on its last step
            else:
                with (
                    web_view(web, config, file, log, hub, perception),
                    live_view(console, log, perception),
                    status_file_updates(status, perception),
                    metrics_at(metrics, log, perception, lambda: association),
                    log_retention(config.log),
                    _on_duty(config, log, roster, perception, only=only),
                ):
                    run_together(perception, association)
        undecoded = Undecoded()
        summarise(console, log, perception, config.log, undecoded, file)
        images.paint(console, log, undecoded)
    unwatched = [camera for camera in started.camera_ids if camera not in perception.runtimes]
    if unwatched:
        console.print(f"not watched here: {', '.join(unwatched)}; what they see is waited for before links are decided")
    end_run(
        perception,
        dead_letters=association.counts["dead_letters"],
        undecoded=undecoded,
        images_lack=images.lacking,
        index_problem=index_problem(),
    )
    images.raise_problem()


def observe(
    file: ConfigFile,
    cameras: CameraList = None,
    worker: WorkerName = "",
    max_cameras: MaxCameras = None,
    status: StatusFile = None,
    live: LiveAddress = None,
    metrics: MetricsAddress = None,
) -> None:
    """Watch the cameras and write observations to the log; `corridor associate` links them.

    On Kafka, without --cameras, any number of these share the site's cameras: what one had that has died, or was
    drained, the others have within seconds (`corridor cameras list`).
    """
    config = load_config(file)
    from deploy.site.wiring import make_perception_worker

    log = open_site_log(config, file)
    shared = cameras is None and not on_this_machine(config.log.url)
    if max_cameras is not None and not shared:
        raise ConfigError("--max-cameras is for workers on Kafka that share the cameras, without --cameras")
    started, roster = _with_roster(config, log, file)
    only = frozenset[str]() if shared else _camera_filter(started, cameras)  # cameras come with slots
    hub = make_hub(started, only) if live is not None else None
    perception = make_perception_worker(
        started, log, only=only, tap=hub, listener_of=hub.listener if hub is not None else None
    )
    if _all_read(perception, started):
        return
    console = make_console()
    with (
        live_view(console, log, perception),
        status_file_updates(status, perception),
        live_at(live, config, log, hub, perception),
        metrics_at(metrics, log, perception),
        _on_duty(config, log, roster, perception, name=worker, only=only, shared=shared, most=max_cameras),
    ):
        run_perception(perception)
    console.print(worker_tables(perception))
    end_run(perception)


def associate(
    file: ConfigFile,
    once: Annotated[bool, typer.Option("--once", help="End when all that is on the log has been read.")] = False,
    rebuild: Annotated[
        bool,
        typer.Option(
            "--rebuild", help="Begin again with the first observation on the log, and forget what was linked."
        ),
    ] = False,
    begin_after: Annotated[
        int | None,
        typer.Option(
            "--from",
            min=0,
            max=2**63 - 1,
            metavar="OFFSET",
            help="As --rebuild, from the first observation after this offset; on Kafka the offset that lag tools show.",
            show_default=False,
        ),
    ] = None,
    metrics: MetricsAddress = None,
) -> None:
    """Link the observations on the log into trajectories, until Ctrl-C.

    On Kafka a second one for the same zone stands by, and takes over 4 s after the first has died.

    With --rebuild its own state is made anew, which another version of Corridor may ask for. On a SQLite log the
    trajectories of before are removed; on Kafka they stay, and the new ones follow them. With --from observations are
    passed over, or linked again: to move the offset of the consumer group does nothing.
    """
    config = load_config(file)
    from deploy.site.association_worker import AssociationWorker
    from deploy.site.wiring import make_associator, make_standby

    log = open_site_log(config, file)
    config = with_roster(config, log)
    console = make_console()
    if rebuild or begin_after is not None:
        begins_after = start_anew(log, config.associate.zone, begin_after or 0)
        if begins_after is not None:
            console.print(f"the new trajectories follow those of before, after offset {begins_after}", highlight=False)
    zone, associator = config.associate.zone, make_associator(config)
    # Who has something to do once, or anew, does it at once.
    standby = make_standby(config, log) if not (once or rebuild or begin_after is not None) else None
    claim = standby.claim if standby is not None else None
    working: list[AssociationWorker] = []

    def make_worker() -> AssociationWorker:
        working[:] = [AssociationWorker(log, zone, associator, claim=claim)]
        return working[0]

    with (
        live_view(console, log, None),
        metrics_at(metrics, log, association=lambda: next(iter(working), None)),
        log_retention(config.log),
    ):
        association = run_association(
            make_worker,
            patient=not on_this_machine(config.log.url),
            once=once,
            standby=standby,
        )
    if association is None:
        console.print(f"stood by for zone {zone}, whose association another process has")
        return
    letters = association.counts["dead_letters"]
    unused = f", {letters} set aside as dead letters" if letters else ""
    console.print(f"{association.counts['records']} records, {association.counts['events']} events{unused}")
    if once and not association.caught_up:
        raise typer.Exit(ExitCode.STOPPED)
    if letters:
        raise typer.Exit(ExitCode.PARTLY)


@contextmanager
def status_file_updates(path: Path | None, perception: "PerceptionWorker") -> Iterator[None]:
    """Write the cameras' statuses to a file once a second, and a last time at the end."""
    if path is None:
        yield
        return
    from deploy.site.status import write_status

    warned, clock = False, SystemClock()

    def keep() -> None:
        nonlocal warned
        try:
            write_status(path, perception, clock)
        except OSError as error:
            if not warned:
                logger.warning("--status: cannot write %s any more: %s", path, error.strerror)
            warned = True

    try:
        write_status(path, perception, clock)
    except OSError as error:
        raise ConfigError(f"--status: cannot write {path}: {error.strerror}") from error
    try:
        with repeating(keep, every_s=STATUS_S):
            yield
    finally:  # also where no camera gave anything: the file says why
        keep()


def summarise(
    console: Console,
    log: Log,
    perception: "PerceptionWorker",
    settings: LogSettings,
    undecoded: Undecoded,
    file: Path | None = None,
) -> None:
    """Print the links of a run, and the address of its log.

    A log on Kafka is seen with its configuration, `file`, which knows its prefix and the way in.
    """
    journeys = read_journeys(log, undecoded)
    sightings, linked = len(journeys.identity_of), journeys.linked
    console.print(worker_tables(perception))
    console.print(
        f"\n{sightings} sightings of {len(journeys.latest)} vehicles; {len(linked)} were seen by more than one camera",
        highlight=False,
    )
    if letters := log.end(DEAD_LETTERS):
        console.print(f"{letters} records could not be used; they are on the topic {DEAD_LETTERS}", highlight=False)
    for event in linked[:5]:
        console.print(f"  {event.identity}: {' ▸ '.join(visited_cameras(event))}", highlight=False)
    seen_by = f"--log {settings.url}" if on_this_machine(settings.url) else str(file)
    console.print(
        f"The log is {settings.url}; see it with: corridor trajectories {seen_by}", highlight=False, soft_wrap=True
    )


def _camera_filter(config: Config, cameras: str | None) -> frozenset[str] | None:
    if cameras is None:
        return None
    chosen = frozenset(filter(None, (name.strip() for name in cameras.split(","))))
    unknown = sorted(chosen - set(config.camera_ids))
    if unknown or not chosen:
        raise ConfigError(
            f"--cameras: no camera {', '.join(unknown) or 'named'}; there are {', '.join(config.camera_ids)}"
        )
    return chosen


def _with_roster(config: Config, log: Log, file: Path) -> tuple[Config, Roster]:
    """The configuration with the cameras that are to be watched now, and the roster that says which."""
    roster = read_roster(config, log)
    for camera in roster.nowhere:
        logger.warning("camera '%s' is to be watched, and its settings are not in %s", camera, file)
    if not roster.watched:
        typer.echo("no camera is to be watched now: waiting for `corridor cameras add` or `resume`", err=True)
    return msgspec.structs.replace(config, cameras=roster.watched), roster


@contextmanager
def _on_duty(
    config: Config,
    log: Log,
    roster: Roster,
    perception: "PerceptionWorker",
    *,
    name: str = "",
    only: frozenset[str] | None,
    shared: bool = False,
    most: int | None = None,
) -> Iterator[None]:
    """Obey changes of cameras while the block runs, and let others see who has which."""
    from deploy.site.cameras.duty import in_group, on_duty  # loads OpenCV

    if shared:
        with in_group(config, log, roster, perception, name=name, most=most):
            yield
    else:
        with on_duty(config, log, roster, perception, name=name, only=only):
            yield


def _all_read(perception: "PerceptionWorker", config: Config) -> bool:
    """Recordings that this log has to their end are not read twice."""
    ended = [runtime.camera.id for runtime in perception.runtimes.values() if runtime.ended]
    if ended:
        typer.echo(
            f"already read to the end in {config.log.url}: {', '.join(ended)} "
            "(to read again, name another log in [log] url)",
            err=True,
        )
    return bool(ended) and len(ended) == len(perception.runtimes)
