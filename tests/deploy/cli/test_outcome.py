"""What a run says about itself when it ends, and its exit code."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import typer

from deploy.cli.exit_codes import ExitCode
from deploy.cli.outcome import CameraOutcome, Ending, code_of, end_run
from deploy.log.opening import open_log
from deploy.site.wiring import make_perception_worker
from ingest.errors import SourceError
from tests.deploy.site.test_perception_worker import configure
from tests.ingest.clips import write_clip

DONE, UNREAD, BROKEN, EMPTY, NOT_YET, TAKEN = Ending

CODES: dict[str, tuple[Sequence[Ending], int]] = {
    "all read": ([DONE, DONE], 0),
    "nothing was to be done": ([], 0),
    "stopped amid recordings": ([DONE, UNREAD], 130),
    "stopped amid recordings, one broken": ([UNREAD, BROKEN], 130),
    "one broke off": ([DONE, BROKEN], 3),
    "the only one broke off": ([BROKEN], 3),
    "one of several gave nothing": ([DONE, EMPTY], 3),
    "a site is stopped, one camera never connected": ([DONE, DONE, EMPTY], 3),
    "a site is stopped while one camera is still being opened": ([DONE, NOT_YET], 3),
    "none gave anything": ([EMPTY, EMPTY], 2),
    "stopped before any connected": ([NOT_YET, NOT_YET], 130),
    "stopped before any connected, one is refused": ([EMPTY, NOT_YET], 130),
    "all taken over": ([TAKEN, TAKEN], 4),
    "some taken over": ([TAKEN, DONE], 3),
}


@pytest.mark.parametrize(("endings", "code"), CODES.values(), ids=CODES)
def test_the_exit_code(endings: Sequence[Ending], code: int) -> None:
    assert code_of([CameraOutcome(ending) for ending in endings]) == code


def test_records_that_are_lost_or_of_no_use_are_not_nothing() -> None:
    done = CameraOutcome(DONE)
    assert code_of([done], dead_letters=1) == ExitCode.PARTLY
    for spoilt in (CameraOutcome(DONE, gaps=3), CameraOutcome(DONE, failed=1), CameraOutcome(DONE, unwritten=1)):
        assert code_of([done, spoilt]) == ExitCode.PARTLY
    assert code_of([done], left_out=1) == ExitCode.PARTLY
    for unsaid in (CameraOutcome(TAKEN, lost=3), CameraOutcome(DONE, held=3)):
        assert code_of([done, unsaid]) == ExitCode.LOG_GIVEN_UP


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "clip.mp4", 50)


def run_of(folder: Path, cameras: dict[str, Path]) -> None:
    """Run cameras to their end, and end as the command does."""
    config = configure(folder, cameras)
    worker = make_perception_worker(config, open_log(config.log.url))
    worker.run()
    end_run(worker)


def test_a_whole_run_returns_and_so_does_one_that_finds_nothing_left(tmp_path: Path, clip: Path) -> None:
    run_of(tmp_path, {"a": clip})
    run_of(tmp_path, {"a": clip})


def test_what_is_missing_is_named(tmp_path: Path, clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty.mp4").write_bytes(b"")
    with pytest.raises(typer.Exit) as ended:
        run_of(tmp_path, {"a": clip, "b": tmp_path / "empty.mp4"})
    assert ended.value.exit_code == ExitCode.PARTLY
    told = capsys.readouterr().err.strip()
    assert told.startswith("not everything was done: camera 'b': cannot open")
    assert told.endswith("(exit code 3)")


def test_nothing_at_all_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").write_bytes(b"")
    with pytest.raises(SourceError, match=r"camera 'a': cannot open .* \(and 1 more cameras gave nothing\)"):
        run_of(tmp_path, {"a": tmp_path / "empty.mp4", "b": tmp_path / "empty.mp4"})
