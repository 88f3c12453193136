"""`corridor replay` and `corridor diff` as their user runs them."""

import json
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from associate.trajectory import Kind, encode
from deploy.cli.app import app
from deploy.log.base import Record
from deploy.log.sqlite_log import SqliteLog
from deploy.log.topics import OBSERVATIONS, TRAJECTORIES
from tests.associate.samples import convoy, event
from tests.deploy.cli.test_score import road  # noqa: F401 - a fixture
from tests.deploy.site.test_association_state import SITE
from tests.deploy.site.test_association_worker import publish, values_of, worker

WINDOWS = """
[[associate.travel]]
start = "{start}"
end = "{end}"
min_s = 4
max_s = 12
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A log of a convoy that has been linked, and two configurations: a knows the way to b, b to c, and the reverse."""
    monkeypatch.chdir(tmp_path)
    log = SqliteLog(tmp_path / "log.db")
    publish(log, convoy(6))
    worker(log).drain()
    log.close()
    plain = SITE.format(path="none.db").replace('zone = "z"', 'zone = "z"\nonly_listed = true')
    (tmp_path / "ways.toml").write_text(plain + WINDOWS.format(start="a", end="b") + WINDOWS.format(start="b", end="c"))
    (tmp_path / "none.toml").write_text(plain)
    return tmp_path


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200"})
    return result.exit_code, result.output + (f"{result.exception}" if result.exception else "")


def test_a_replay_with_the_same_settings_differs_in_nothing(folder: Path) -> None:
    before = (folder / "log.db").read_bytes()
    code, text = run("replay", "log.db", "--config", "ways.toml", "-o", "new.db")
    assert code == 0, text
    assert "18 sightings of 6 vehicles; 6 were seen by more than one camera" in text
    assert (folder / "log.db").read_bytes() == before
    code, text = run("diff", "log.db", "new.db")
    assert code == 0
    assert text.strip() == (
        "18 tracklets in both: identities 6 same, 0 merged, 0 split, 0 changed; "
        "0 tracklets only in the first, 0 only in the second"
    )


def test_a_replay_without_ways_splits_every_identity(folder: Path) -> None:
    assert run("replay", f"sqlite:{folder}/log.db", "--config", "none.toml")[0] == 0
    code, text = run("diff", "log.db", "runs/none/replay.db")
    assert code == 0
    assert text.count("\nsplit ") == 6
    assert "identities 0 same, 0 merged, 6 split, 0 changed" in text
    code, text = run("diff", "runs/none/replay.db", "log.db", "--json")
    found = json.loads(text)
    assert found["counts"] == {"same": 0, "merged": 6, "split": 0, "changed": 0}
    assert [len(group["tracklets"]) for group in found["groups"]] == [3] * 6
    assert [len(group["before"]) for group in found["groups"]] == [3] * 6


def test_both_are_scored_where_there_is_truth(road: Path) -> None:  # noqa: F811
    log = str(road / "corridor.db")
    code, text = run("diff", log, log, "--truth", str(road), "--fps", "25", "--json")
    assert code == 0, text
    scores = json.loads(text.splitlines()[-1])["scores"]
    assert scores[0] == scores[1]
    assert scores[0]["links"]["precision"]["value"] == 1.0
    code, text = run("diff", log, log, "--truth", str(road), "--fps", "25")
    assert code == 0
    assert "Against the truth" in text
    assert text.count(" 0.933 ") == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("replay", "log.db", "--config", "ways.toml", "-o", "log.db"), "there is log.db already"),
        (("replay", "none.db", "--config", "ways.toml"), "there is no log none.db"),
        (("replay", "empty.db", "--config", "ways.toml"), "has no observations"),
        (("diff", "log.db", "none.db"), "there is no log none.db"),
        (("diff", "log.db", "empty.db"), "the log empty.db has no trajectories"),
        (("diff", "log.db", "log.db", "--fps", "25"), "--fps is for --truth"),
        (("diff", "log.db", "log.db", "--truth", "."), "holds no truth"),
    ],
)
def test_what_cannot_be_done_is_said(folder: Path, arguments: tuple[str, ...], words: str) -> None:
    SqliteLog(folder / "empty.db").close()
    log = SqliteLog(folder / "log.db", must_exist=True)
    before = [values_of(log, topic) for topic in (OBSERVATIONS, TRAJECTORIES)]
    code, text = run(*arguments)
    assert code != 0
    assert words in text
    assert [values_of(log, topic) for topic in (OBSERVATIONS, TRAJECTORIES)] == before


def test_logs_of_different_runs_are_not_compared(folder: Path) -> None:
    other = msgspec.structs.replace(event(), kind=Kind.CONFIRMED, observation="elsewhere|1.0|1|2")
    log = SqliteLog(folder / "other.db")
    log.claim("z").commit([Record(TRAJECTORIES, other.identity, encode(other))])
    code, text = run("diff", "log.db", "other.db")
    assert code != 0
    assert "not of the same run" in text


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_records_that_cannot_be_decoded_end_diff_with_3(folder: Path, options: tuple[str, ...]) -> None:
    """Of the second log only: what has been compared is printed all the same, and the last line says what lacks."""
    assert run("replay", "log.db", "--config", "ways.toml", "-o", "new.db")[0] == 0
    log = SqliteLog(folder / "new.db", must_exist=True)
    log.claim("other").commit([Record(TRAJECTORIES, "z", value) for value in (b"{", b"")])
    log.close()
    result = CliRunner().invoke(app, ["diff", "log.db", "new.db", *options], env={"COLUMNS": "200"})
    assert result.exit_code == 3
    assert ('"same":6' if options else "6 same") in result.stdout
    last = result.stderr.splitlines()[-1]
    assert last.startswith("not everything was done: in the second log 2 records of the topic trajectories cannot be")
    assert "first log" not in last


def test_observations_that_cannot_be_decoded_count_where_they_are_scored(road: Path) -> None:  # noqa: F811
    name = str(road / "corridor.db")
    log = SqliteLog(road / "corridor.db", must_exist=True)
    log.claim("other").commit([Record(OBSERVATIONS, "a", b"{")])
    log.close()
    assert run("diff", name, name)[0] == 0  # without a truth observations are not read
    result = CliRunner().invoke(app, ["diff", name, name, "--truth", str(road), "--fps", "25"], env={"COLUMNS": "200"})
    assert result.exit_code == 3
    assert "Against the truth" in result.stdout
    last = result.stderr.splitlines()[-1]
    assert "in the first log 1 records of the topic observations" in last
    assert "; in the second log 1 records of the topic observations" in last
