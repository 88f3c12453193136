"""Controls on the log: what they name, when they hold, where they stand."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.cli.app import app
from deploy.log import observations as log_observations
from deploy.log.base import Record
from deploy.log.observations import pages_from_the_end, read_messages
from deploy.log.sqlite_log import SqliteLog
from deploy.log.topics import OBSERVATIONS
from deploy.site.controls import camera_change_of, correction_of, newest_event_ns, publish
from embed.observation import CameraChange, Correction, Message, decode, encode
from ingest.clock import NS
from ingest.errors import ConfigError
from tests.associate.samples import convoy
from tests.embed.samples import camera_change, correction, tick

A, B = "a|1.0|1", "b|1.0|1"


@pytest.fixture
def log(tmp_path: Path) -> SqliteLog:
    """Three cameras, a, b and c, whose last words are ticks, and between them what cannot be decoded."""
    log = SqliteLog(tmp_path / "log.db")
    put(log, *convoy(3))
    log.claim("noise").commit([Record(OBSERVATIONS, "a", b"\x93")])
    return log


def put(log: SqliteLog, *messages: Message) -> None:
    log.claim("cameras").commit([Record(OBSERVATIONS, message.camera, encode(message)) for message in messages])


def last(log: SqliteLog) -> tuple[str, object]:
    (record,) = log.read(OBSERVATIONS, log.end(OBSERVATIONS) - 1, 10)
    return record.key, decode(record.value)


def test_a_correction_stands_among_the_observations(log: SqliteLog) -> None:
    before = list(read_messages(log))
    control = correction_of(log, "same", [B, A], "me")
    publish(log, "z", control)
    at_ns = newest_event_ns(log)
    expected = Correction(id=f"correction|{at_ns}|{A}|{B}|same", at_ns=at_ns, verdict="same", tracklets=(A, B), by="me")
    assert last(log) == ("zone/z", expected)
    assert list(read_messages(log)) == before
    assert correction_of(log, "same", [A, B], "me") == expected


def test_a_camera_s_change_stands_among_the_observations(log: SqliteLog) -> None:
    publish(log, "z", camera_change_of(log, "b", "clock_set", ""))
    key, control = last(log)
    assert key == "b"
    assert isinstance(control, CameraChange)
    assert (control.camera, control.change, control.at_ns) == ("b", "clock_set", newest_event_ns(log))


def test_a_tracklet_may_be_named_by_one_of_its_observations(log: SqliteLog) -> None:
    assert correction_of(log, "different", [f"{A}|2", f"{B}|0"], "").tracklets == (A, B)


@pytest.mark.parametrize(
    ("ids", "reason"),
    [
        ((A, "a|1.0|99"), "no tracklet 'a|1.0|99'"),
        ((A, "nonsense"), "no tracklet 'nonsense'"),
        ((A, ""), "no tracklet ''"),
        ((A, A), "both are 'a|1.0|1'"),
        ((A, f"{A}|2"), "both are 'a|1.0|1'"),
    ],
)
def test_what_is_not_two_tracklets_of_the_log_is_refused(log: SqliteLog, ids: tuple[str, str], reason: str) -> None:
    end = log.end(OBSERVATIONS)
    with pytest.raises(ConfigError) as raised:
        correction_of(log, "same", ids, "")
    assert reason in str(raised.value)
    assert log.end(OBSERVATIONS) == end


@pytest.mark.parametrize("length", [64, 65])
def test_a_long_name_is_refused(log: SqliteLog, length: int) -> None:
    if length == 64:
        assert camera_change_of(log, "a", "moved", "x" * length).by == "x" * length
        return
    with pytest.raises(ConfigError, match="--by has 65 characters"):
        camera_change_of(log, "a", "moved", "x" * length)


def test_a_control_holds_from_the_time_that_the_cameras_have_come_to(tmp_path: Path) -> None:
    """Whatever one camera's clock says, and not before it is said."""
    log = SqliteLog(tmp_path / "log.db")
    with pytest.raises(ConfigError, match="no observation yet"):
        newest_event_ns(log)
    put(log, *(tick(camera, at_s=at_s) for camera, at_s in (("a", 10), ("b", 11), ("c", 12), ("b", 21), ("a", 20))))
    put(log, tick("c", at_s=86_400))
    assert newest_event_ns(log) == 21 * NS
    log.claim("people").commit([Record(OBSERVATIONS, "zone/z", encode(correction(at_s=99)))] * 3)
    assert newest_event_ns(log) == 21 * NS


@pytest.mark.parametrize("page", [1, 4, 1000])
def test_pages_from_the_end_are_all_records(log: SqliteLog, page: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_observations, "PAGE", page)
    pages = list(pages_from_the_end(log))
    assert [record for each in reversed(pages) for record in each] == log.read(OBSERVATIONS, 0, 10_000)
    assert max(len(each) for each in pages) <= page
    assert correction_of(log, "same", [A, B], "").tracklets == (A, B)


def test_readers_of_messages_pass_over_controls(log: SqliteLog, caplog: pytest.LogCaptureFixture) -> None:
    publish(log, "z", correction())
    publish(log, "z", camera_change())
    assert all(isinstance(message, Message) for message in read_messages(log))
    assert "1 records of the topic observations cannot be decoded" in caplog.text  # the one that cannot be decoded


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
[log]
url = "sqlite:{path}"
"""


@pytest.fixture
def site(log: SqliteLog, tmp_path: Path) -> Path:
    path = tmp_path / "site.toml"
    path.write_text(SITE.format(path=log.path))
    return path


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.output + (f"{result.exception}" if result.exception else "")


def test_the_commands(log: SqliteLog, site: Path) -> None:
    code, text = run("correct", str(site), "different", A, B, "--by", "me")
    assert (code, text.strip()) == (0, f"on the log: {A} and {B} are two vehicles")
    _, control = last(log)
    assert isinstance(control, Correction)
    assert (control.verdict, control.by) == ("different", "me")
    code, text = run("cameras", "changed", str(site), "a", "moved")
    assert (code, text.strip()) == (0, "on the log: a was moved")
    _, change = last(log)
    assert isinstance(change, CameraChange)
    assert (change.camera, change.change) == ("a", "moved")


def test_the_commands_refuse_what_there_is_not(log: SqliteLog, site: Path) -> None:
    end = log.end(OBSERVATIONS)
    for arguments, words in (
        (("correct", str(site), "same", A, "b|9.9|9"), "no tracklet 'b|9.9|9'"),
        (("correct", str(site), "perhaps", A, B), "perhaps"),
        (("cameras", "changed", str(site), "x", "moved"), "no camera 'x'"),
        (("cameras", "changed", str(site), "a", "stolen"), "stolen"),
    ):
        code, text = run(*arguments)
        assert code != 0
        assert words in text
    assert log.end(OBSERVATIONS) == end
