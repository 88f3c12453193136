"""Outcome of watching cameras: whether all of it was done, and if not, what was left out and the exit code."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, NoReturn

import typer

from deploy.cli.exit_codes import ExitCode
from deploy.log.decoding import Undecoded
from ingest.errors import SourceError

if TYPE_CHECKING:
    from deploy.site.cameras.runtime import CameraRuntime
    from deploy.site.perception_worker import PerceptionWorker


class Ending(Enum):
    """Ending of one camera."""

    DONE = auto()  # a recording read to its end, or a stream that gave frames until the run was stopped
    UNREAD = auto()  # a recording with frames ahead: the run was stopped before
    BROKEN = auto()  # a recording that gave frames and then broke off
    EMPTY = auto()  # it gave nothing, and an error says why
    NOT_YET = auto()  # a stream that was still being opened when the run was stopped
    TAKEN_OVER = auto()


@dataclass(frozen=True, slots=True)
class CameraOutcome:
    """Outcome of a camera, with a note for people where it is not all that was asked for.

    gaps: records that were given up while the log was away, of which the log knows; lost: those of which it does not.
    held: records that wait in the spool for the next run.
    failed: frames that could not be analysed. unwritten: observations whose numbers are none.
    """

    ending: Ending
    note: str = ""
    gaps: int = 0
    lost: int = 0
    held: int = 0
    failed: int = 0
    unwritten: int = 0


def camera_outcome(runtime: "CameraRuntime") -> CameraOutcome:
    """Outcome of a camera of a worker that has ended."""
    ending, note = _ending(runtime)
    gaps = runtime.reported_lost
    lost = runtime.writer.dropped - gaps
    return CameraOutcome(
        ending,
        note,
        gaps=gaps,
        lost=lost,
        held=runtime.writer.held,
        failed=runtime.failed,
        unwritten=runtime.unwritten,
    )


def _ending(runtime: "CameraRuntime") -> tuple[Ending, str]:
    feed, name = runtime.feed, f"camera '{runtime.camera.id}'"
    if runtime.fenced:
        return Ending.TAKEN_OVER, f"{name} has been taken over by another process"
    if runtime.camera.finite and not runtime.ended:
        return Ending.UNREAD, f"{name} has not been read to its end"
    if feed.counts.decoded == 0 and not runtime.resumed:
        if feed.error is None and not feed.done:
            return Ending.NOT_YET, f"{name} had given no frame when the run was stopped"
        return Ending.EMPTY, str(feed.error or f"{name} has no frame")
    if feed.counts.decoded and runtime.failed and not runtime.analysed:
        return Ending.EMPTY, f"{name}: none of its frames could be analysed"
    if runtime.camera.finite and feed.error is not None:
        return Ending.BROKEN, str(feed.error)
    return Ending.DONE, ""


def code_of(outcomes: Sequence[CameraOutcome], *, dead_letters: int = 0, left_out: int = 0) -> ExitCode:
    """The exit code of a run whose cameras have ended so; `left_out`: what else of the run is missing."""
    endings = {each.ending for each in outcomes}
    if any(each.lost or each.held for each in outcomes):
        return ExitCode.LOG_GIVEN_UP
    if endings == {Ending.TAKEN_OVER}:
        return ExitCode.TAKEN_OVER
    if endings == {Ending.EMPTY}:
        return ExitCode.USER_ERROR
    if Ending.UNREAD in endings or (endings and endings <= {Ending.EMPTY, Ending.NOT_YET}):
        return ExitCode.STOPPED
    left_out += dead_letters + sum(each.gaps + each.failed + each.unwritten for each in outcomes)
    whole = endings <= {Ending.DONE} and not left_out
    return ExitCode.DONE if whole else ExitCode.PARTLY


def end_run(
    perception: "PerceptionWorker",
    *,
    dead_letters: int = 0,
    undecoded: Undecoded | None = None,
    images_lack: int = 0,
    index_problem: str = "",
) -> None:
    """Return where everything was done; otherwise say what was not, and end the command with its exit code.

    undecoded: records of the log that the command has read. images_lack: frames that are not in the images that were
    asked for. index_problem: why the index of sightings is not up to date. Raises SourceError where no camera gave
    anything, typer.Exit for all else.
    """
    outcomes = [camera_outcome(runtime) for runtime in perception.runtimes.values()]
    gone = perception.withdrawn
    if gone.total() or not outcomes:  # cameras that were taken off it have ended as was asked
        outcomes.append(
            CameraOutcome(
                Ending.DONE,
                gaps=gone["gaps"],
                lost=gone["lost"],
                failed=gone["failed"],
                unwritten=gone["unwritten"],
            )
        )
    without_crops = perception.crops.failures if perception.crops is not None else 0
    left_out = without_crops + images_lack + (undecoded.total if undecoded else 0) + bool(index_problem)
    code = code_of(outcomes, dead_letters=dead_letters, left_out=left_out)
    notes = [each.note for each in outcomes if each.note]
    if code is ExitCode.USER_ERROR:
        more = f" (and {len(notes) - 1} more cameras gave nothing)" if len(notes) > 1 else ""
        raise SourceError(f"{notes[0]}{more}")
    notes += _records_missing(outcomes, dead_letters)
    notes += _counted(without_crops, "tracklets have no crops in the store: they could not be kept")
    notes += _counted(images_lack, "frames are missing in the images: they could not be kept")
    notes += [index_problem] if index_problem else []
    notes += [str(undecoded)] if undecoded and undecoded.total else []
    if code is not ExitCode.DONE:
        _end(code, "; ".join(notes))


def _records_missing(outcomes: Sequence[CameraOutcome], dead_letters: int) -> list[str]:
    """What of the cameras is not on the log, or of no use there, and why."""
    lines = _counted(sum(each.failed for each in outcomes), "frames could not be analysed")
    unwritten, gaps = sum(each.unwritten for each in outcomes), sum(each.gaps for each in outcomes)
    lines += _counted(unwritten, "observations have impossible numbers and were not written")
    lines += _counted(gaps, "records were given up while the log was away (its gap records say when)")
    lost = sum(each.lost for each in outcomes)
    lines += _counted(lost, "records were lost: the log could not be written before the end")
    held = sum(each.held for each in outcomes)
    lines += _counted(held, "records wait in the spool: the next run of these cameras writes them first")
    return lines + _counted(dead_letters, "records were of no use to association (dead letters)")


def _counted(count: int, what: str) -> list[str]:
    return [f"{count} {what}"] if count else []


def end_reading(undecoded: Undecoded) -> None:
    """Return where all records that were read could be decoded; otherwise say how many not, and end the command."""
    end_missing(str(undecoded))


def end_missing(missing: str) -> None:
    """Return where nothing is missing; otherwise say it, and end the command."""
    if missing:
        _end(ExitCode.PARTLY, missing)


def _end(code: ExitCode, missing: str) -> NoReturn:
    typer.echo(f"not everything was done: {missing} (exit code {code})", err=True)
    raise typer.Exit(code)
