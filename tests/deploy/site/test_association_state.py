"""State of another version is refused with the command that makes it anew, and that command does."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from associate.associator import Associator
from associate.settings import AssociateSettings
from associate.trajectory import decode
from deploy.cli.app import app
from deploy.cli.exit_codes import exit_code
from deploy.log.base import Record
from deploy.log.sqlite_log import SqliteLog
from deploy.log.topics import DEAD_LETTERS, IDENTITIES, OBSERVATIONS, TOPOLOGY, TRAJECTORIES
from deploy.site.association_state import SUM_KEY, StateSum, check_format, start_anew
from deploy.site.association_worker import AssociationWorker
from ingest.errors import ConfigError, FencedError
from tests.associate.samples import convoy
from tests.deploy.site.test_association_worker import publish, values_of, worker

REBUILD = "corridor associate --rebuild FILE"


@pytest.mark.parametrize(
    ("state", "found"),
    [
        ({}, None),
        ({"format|2": b"", "identity|z-1": b"x"}, None),
        ({"format|2": b"any"}, None),
        ({"identity|z-1": b"x", "progress|all": b"y"}, "an earlier version"),
        ({"format|3": b"", "identity|z-1": b"x"}, "format 3"),
        ({"formats|2": b""}, "an earlier version"),
    ],
)
def test_the_format_of_state(state: dict[str, bytes], found: str | None) -> None:
    if found is None:
        check_format(state, "z")
        return
    with pytest.raises(ConfigError) as raised:
        check_format(state, "z")
    assert f"is of {found}," in str(raised.value)
    assert str(raised.value).endswith(REBUILD)
    assert "\n" not in str(raised.value)


@pytest.fixture
def log(tmp_path: Path) -> SqliteLog:
    """A convoy that has been linked, with a dead letter."""
    log = SqliteLog(tmp_path / "log.db")
    messages = convoy(6)
    publish(log, messages[:30])
    log.claim("noise").commit([Record(OBSERVATIONS, "a", b"\x93")])
    publish(log, messages[30:])
    worker(log).drain()
    return log


def make_former(log: SqliteLog) -> None:
    """As an association of before left it: rows, and no format."""
    writer = log.claim("zone/z")
    assert "format|2" in writer.state
    writer.commit([], state={"format|2": None})


def test_a_worker_refuses_former_state_and_changes_nothing(log: SqliteLog) -> None:
    make_former(log)
    before = values_of(log), dict(log.claim("zone/z").state), log.claim("zone/z").position
    with pytest.raises(ConfigError, match=r"is of an earlier version, .*corridor associate --rebuild FILE"):
        worker(log)
    assert (values_of(log), dict(log.claim("zone/z").state), log.claim("zone/z").position) == before
    start_anew(log, "z")
    worker(log).drain()
    assert values_of(log) == before[0]


def test_a_zone_that_has_read_nothing_yet_is_not_refused(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db")
    for _ in range(2):
        worker(log).drain()


def test_a_rebuild_says_the_same_again_in_place_of_what_was_said(log: SqliteLog) -> None:
    topics = (OBSERVATIONS, TRAJECTORIES, IDENTITIES, TOPOLOGY, DEAD_LETTERS)
    before = {topic: values_of(log, topic) for topic in topics}
    ends = {topic: log.end(topic) for topic in topics}
    assert all(before.values())
    assert start_anew(log, "z") is None
    assert [len(values_of(log, topic)) for topic in topics] == [len(before[OBSERVATIONS]), 0, 0, 0, 0]
    machine = worker(log)
    assert machine.position == 0
    machine.drain()
    assert {topic: values_of(log, topic) for topic in topics} == before
    for topic in topics[1:]:
        assert log.read(topic, 0, 1)[0].offset > ends[topic]  # who follows sees the new ones, too


def test_a_rebuild_fences_the_association_that_runs(log: SqliteLog) -> None:
    running = worker(log)
    publish(log, convoy(1, seed=9), "later")
    start_anew(log, "z")
    with pytest.raises(FencedError):
        running.step()
    assert values_of(log) == []


@pytest.mark.parametrize("damage", ["missing", "changed", "foreign"])
def test_state_that_is_not_whole_is_refused_with_the_command_that_makes_it_anew(log: SqliteLog, damage: str) -> None:
    before = values_of(log)
    writer = log.claim("zone/z")
    name = next(key for key in writer.state if key.startswith("tracklet|"))
    changes: dict[str, dict[str, bytes | None]] = {
        "missing": {name: None},
        "changed": {name: writer.state[name] + b"x"},
        "foreign": {f"{name}x": b"x"},
    }
    writer.commit([], state=changes[damage])
    with pytest.raises(ConfigError, match=r"is not whole: \d+ rows of \d+.*corridor associate --rebuild FILE"):
        worker(log)
    start_anew(log, "z")
    worker(log).drain()
    assert values_of(log) == before


def test_state_of_before_there_was_a_sum_goes_on_and_gets_one(log: SqliteLog) -> None:
    log.claim("zone/z").commit([], state={SUM_KEY: None})
    publish(log, convoy(1, seed=9), "later")
    worker(log).drain()
    assert SUM_KEY in log.claim("zone/z").state
    worker(log)


def test_a_topic_that_was_made_anew_is_noticed(log: SqliteLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SqliteLog, "topic_id", lambda self, topic: "another")
    with pytest.raises(ConfigError, match=r"observations was made anew.*corridor associate --rebuild FILE"):
        worker(log)
    start_anew(log, "z")
    worker(log).drain()
    worker(log)


def test_changed_settings_are_said_and_stop_nothing(log: SqliteLog, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        worker(log)
        assert "settings have changed" not in caplog.text
        associator = Associator(AssociateSettings(zone="z", lag_s=7.0), cameras=("a", "b", "c"))
        AssociationWorker(log, "z", associator)
    assert "settings have changed" in caplog.text


def test_the_sum_of_state_does_not_depend_on_the_way_to_it() -> None:
    one = StateSum().changed({}, {"a": b"1", "b": b"2"})
    detour = {"b": b"9", "c": b"3"}
    other = StateSum().changed({}, detour).changed(detour, {"c": None, "b": b"2", "a": b"1"})
    assert one == other
    assert one.rows == 2
    assert one != StateSum().changed({}, {"a": b"2", "b": b"1"})


def test_association_can_begin_after_any_offset(log: SqliteLog) -> None:
    end = log.end(OBSERVATIONS)
    start_anew(log, "z", end - 10)
    machine = worker(log)
    assert machine.position == end - 10
    machine.drain()
    assert machine.counts["records"] == 10
    with pytest.raises(ConfigError, match=f"--from {end + 1} is beyond the end of the topic observations, {end}"):
        start_anew(log, "z", end + 1)


def test_other_owners_keep_their_state(log: SqliteLog) -> None:
    cameras = log.claim("camera/a")
    cameras.commit([], state={"progress": b"x"}, position=7)
    start_anew(log, "z")
    again = log.claim("camera/a")
    assert (dict(again.state), again.position) == ({"progress": b"x"}, 7)
    zone = log.claim("zone/z")
    assert (dict(zone.state), zone.position) == ({}, 0)


def test_a_zone_that_never_was_is_begun(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db")
    start_anew(log, "z")
    assert log.claim("zone/z").generation == 2


SITE = """
[[cameras]]
id = "a"
source = "a.mp4"
[[cameras]]
id = "b"
source = "b.mp4"
[[cameras]]
id = "c"
source = "c.mp4"
[embed]
encoder = "colour"
[associate]
zone = "z"
[log]
url = "sqlite:{path}"
"""


def test_the_command(log: SqliteLog, tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text(SITE.format(path=log.path))
    make_former(log)
    refused = CliRunner().invoke(app, ["associate", "--once", str(site)])
    assert isinstance(refused.exception, ConfigError)
    assert exit_code(refused.exception) == 2
    result = CliRunner().invoke(app, ["associate", "--rebuild", "--once", str(site)])
    assert result.exit_code == 3, result.output  # the dead letter
    assert f"{log.end(OBSERVATIONS)} records" in result.output
    rebuilt = values_of(log)
    assert rebuilt
    assert len({decode(value).id for value in rebuilt}) == len(rebuilt)
    end = log.end(OBSERVATIONS)
    assert log.claim("zone/z").position == end
    result = CliRunner().invoke(app, ["associate", "--from", str(end - 5), "--once", str(site)])
    assert "5 records" in result.output
