"""`corridor cameras list | drain`: which process has which camera, and how one is brought to its end."""

from datetime import UTC, datetime
from typing import Annotated

import msgspec
import typer

from deploy.cli.cameras.roster import SiteFile, open_site
from deploy.cli.links.correct import By
from deploy.cli.terminal.screen import make_console, narrow_table, print_lines
from deploy.log.address import on_this_machine
from deploy.log.topics import CAMERAS, WORKERS
from deploy.site.cameras.draining import ask_to_end, await_end
from deploy.site.cameras.record import Wanted
from deploy.site.cameras.roster import RosterEntry, read_roster
from deploy.site.cameras.workers import WatchedCamera, WorkerRecord, Workers, watched_by
from ingest.clock import NS, SystemClock
from ingest.errors import ConfigError
from ingest.redact import redact_source

NOBODY = "nobody"


class ListedCamera(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line of `corridor cameras list --json`.

    said_at, by: of the last command about it; absent where it is as the configuration has it.
    worker, state, since: the process that has it, how it is there, and since when that has it; absent where none does.
    refused: why the process whose own it is does not watch it.
    """

    camera: str
    wanted: Wanted
    source: str | None = None
    slot: int | None = None
    said_at: datetime | None = None
    by: str = ""
    worker: str | None = None
    state: str | None = None
    since: datetime | None = None
    refused: str = ""


def list_cameras(
    file: SiteFile, as_json: Annotated[bool, typer.Option("--json", help="A JSON object a line and camera.")] = False
) -> None:
    """List all cameras: what is wanted of each and who said so, the process that has it, its state, and since when.

    A process says so every two seconds; one that has been silent for ten has no camera here.

    corridor cameras list site.toml
    """
    with open_site(file) as (log, config):
        workers, roster = Workers(), read_roster(config, log)
        workers.read(log)
        living = workers.living(SystemClock().now_ns())
        owners = watched_by(living)
        listed = [_listed(entry, owners.get(entry.camera), living) for entry in roster.entries.values()]
    for topic, count in ((CAMERAS, roster.passed_over), (WORKERS, workers.passed_over)):
        if count:
            typer.echo(f"{count} {'record' if count == 1 else 'records'} of the topic {topic} passed over", err=True)
    if as_json:
        print_lines([msgspec.json.encode(each) for each in listed])
        return
    names = ("camera", "wanted", "source", "worker", "state", "since", "by")
    table = narrow_table("Cameras", names, [_row(each) for each in listed], left=names[1:], wraps="source")
    make_console(highlight=False).print(table)
    for each in listed:
        if each.refused:
            typer.echo(f"{each.camera}: {each.refused}")


def drain(
    file: SiteFile,
    worker: Annotated[str, typer.Argument(metavar="WORKER", help="Its name, as `list` shows it.", show_default=False)],
    by: By = "",
    timeout_s: Annotated[float, typer.Option("--timeout", min=1, help="Seconds to wait for its end.")] = 60.0,
) -> None:
    """Bring a process that shares cameras on Kafka to its end: it writes what it has seen, others get its cameras.

    Without this they get them too, once its session is over: 6 s later. Other processes, and their cameras, go on.

    corridor cameras drain site.toml worker-2
    """
    with open_site(file) as (log, config):
        if on_this_machine(config.log.url):
            raise ConfigError("processes share cameras on a log on Kafka; stop this one with Ctrl-C or SIGTERM")
        from deploy.log.brokers.slots import remove_member
        from deploy.log.kafka_log import KafkaLog

        assert isinstance(log, KafkaLog)
        ask_to_end(log, worker, at_ns=SystemClock().now_ns(), by=by)
        await_end(log, worker, timeout_s=timeout_s, clock=SystemClock())
        remove_member(log.cluster, worker)
    typer.echo(f"worker '{worker}' has ended, and others get its cameras")


def _listed(
    entry: RosterEntry, owner: tuple[WorkerRecord, WatchedCamera] | None, living: list[WorkerRecord]
) -> ListedCamera:
    record = entry.record
    refusals = (
        f"refused by {worker.worker}: {worker.refused[entry.camera]}"
        for worker in living
        if entry.camera in worker.refused
    )
    return ListedCamera(
        camera=entry.camera,
        wanted=entry.wanted,
        source=None if entry.settings is None else redact_source(entry.settings.source),
        slot=None if record is None else record.slot,
        said_at=None if record is None else _time(record.at_ns),
        by="" if record is None else record.by,
        worker=None if owner is None else owner[0].worker,
        state=None if owner is None else owner[1].state,
        since=None if owner is None else _time(owner[1].since_ns),
        refused=next(refusals, ""),
    )


def _row(each: ListedCamera) -> list[str]:
    nobody = NOBODY if each.wanted is Wanted.WATCHED else ""
    since = each.since.astimezone().strftime("%Y-%m-%d %H:%M:%S") if each.since is not None else ""
    source = each.source or "in another configuration"
    return [each.camera, each.wanted, source, each.worker or nobody, each.state or "", since, each.by]


def _time(at_ns: int) -> datetime:
    return datetime.fromtimestamp(at_ns // NS, UTC)
