"""The file of waiting records: what it keeps, and what the next process takes over from it."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from deploy.log.base import Addition
from deploy.log.spool import file as spool_module
from deploy.log.spool.file import Spool, Waiting
from ingest.errors import ConfigError, LogError
from tests.conftest import ROOT

A, B = "camera/a", "camera/b"
OWNERS = frozenset({A, B})


def waiting(number: int, owner: str = A, value: bytes | None = b"x" * 1000) -> Waiting:
    return Waiting(number, Addition(owner, "observations", "key", value), said_ns=number)


def kept(spool: Spool) -> list[int]:
    return [each.said_ns for each in spool.after(0, 100_000)]


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "START_S", 0.05)


def test_records_come_back_as_they_were_put_down(tmp_path: Path) -> None:
    spool = Spool(tmp_path, OWNERS, started_ns=1)
    put = [waiting(1), waiting(2, B, b""), waiting(3, B, None)]
    spool.put(put, forget_up_to=0)
    assert spool.after(0, 10) == put
    assert spool.after(1, 1) == put[1:2]
    assert spool.held() == (Counter({A: 1, B: 2}), sum(each.addition.size for each in put))
    spool.put([waiting(4)], forget_up_to=2)
    assert kept(spool) == [3, 4]
    assert spool.last() == 4


def test_the_oldest_beyond_a_place_are_given_up(tmp_path: Path) -> None:
    spool = Spool(tmp_path, OWNERS, started_ns=1)
    spool.put([waiting(number, (A, B)[number % 2]) for number in range(1, 11)], forget_up_to=0)
    size = waiting(1).addition.size
    assert spool.drop_oldest(3, size * 2 + 1) == (Counter({A: 2, B: 1}), 3 * size)
    assert kept(spool) == [1, 2, 3, 7, 8, 9, 10]
    assert spool.drop_oldest(10, 1) == (Counter(), 0)


def test_an_empty_file_does_not_stay(tmp_path: Path) -> None:
    spool = Spool(tmp_path, OWNERS, started_ns=1)
    spool.put([waiting(1)], forget_up_to=0)
    spool.put([], forget_up_to=1)
    spool.close()
    assert list(tmp_path.iterdir()) == []


def test_the_next_process_takes_over_what_two_before_left_in_their_order(tmp_path: Path) -> None:
    for started, numbers in ((1, (1, 2)), (2, (3, 4))):
        left = Spool(tmp_path, frozenset(), started_ns=started)
        left.put([waiting(number) for number in numbers], forget_up_to=0)
        left.close()
    again = Spool(tmp_path, OWNERS, started_ns=3)
    assert kept(again) == [1, 2, 3, 4]
    assert again.last() == 4
    assert [path for path in tmp_path.glob("*.spool") if path != again.path] == []


def test_records_of_other_cameras_stay_for_the_process_that_watches_them(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    left = Spool(tmp_path, OWNERS, started_ns=1)
    left.put([waiting(1, A), waiting(2, B), waiting(3, A)], forget_up_to=0)
    left.close()
    of_a = Spool(tmp_path, frozenset({A}), started_ns=2)
    assert kept(of_a) == [1, 3]
    assert "1 records" in caplog.text
    assert B in caplog.text
    assert kept(Spool(tmp_path, frozenset({B}), started_ns=3)) == [2]
    assert not left.path.exists()


def test_the_file_of_a_process_that_lives_is_left_to_it(tmp_path: Path) -> None:
    living = Spool(tmp_path, OWNERS, started_ns=1)
    living.put([waiting(1)], forget_up_to=0)
    assert kept(Spool(tmp_path, OWNERS, started_ns=2)) == []
    living.put([waiting(2)], forget_up_to=0)
    assert kept(living) == [1, 2]


def test_what_was_put_down_survives_kill_9(tmp_path: Path) -> None:
    code = f"from {__name__} import put_until_killed as f; f({str(tmp_path)!r})"
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process, process.stdout as lines:
        said = [int(line) for _, line in zip(range(30), lines, strict=False)]
        process.kill()
    found = kept(Spool(tmp_path, OWNERS, started_ns=2))
    assert found[: len(said)] == said
    assert found == list(range(1, len(found) + 1))


def put_until_killed(folder: str) -> None:
    """The program that the test above kills."""
    spool, number = Spool(Path(folder), OWNERS, started_ns=1), 0
    while True:
        number += 1
        spool.put([waiting(number)], forget_up_to=0)
        print(number, flush=True)


def test_a_full_disk_is_an_error_and_tears_nothing(tmp_path: Path) -> None:
    spool = Spool(tmp_path, OWNERS, started_ns=1)
    spool.put([waiting(1)], forget_up_to=0)
    spool._db.execute("PRAGMA max_page_count=1")
    with pytest.raises(LogError, match="is the disk full"):
        spool.put([waiting(number) for number in range(2, 100)], forget_up_to=1)
    assert kept(spool) == [1]
    spool._db.execute("PRAGMA max_page_count=100000")
    spool.put([waiting(2)], forget_up_to=1)
    assert kept(spool) == [2]


def test_a_file_that_is_no_spool_stays_as_it_is_and_stops_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    foreign = tmp_path / "0.spool"
    foreign.write_bytes(b"no database" * 1000)
    assert kept(Spool(tmp_path, OWNERS, started_ns=1)) == []
    assert foreign.read_bytes() == b"no database" * 1000
    assert "cannot be read" in caplog.text


def test_a_folder_that_cannot_be_is_said_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"\[log\] spool"):
        Spool(tmp_path / "file", OWNERS, started_ns=1)


def test_a_spool_is_not_taken_for_a_log(tmp_path: Path) -> None:
    from deploy.log.finding import logs_below

    spool = Spool(tmp_path / "site" / "spool", OWNERS, started_ns=1)
    spool.put([waiting(1)], forget_up_to=0)
    assert logs_below(tmp_path) == []
