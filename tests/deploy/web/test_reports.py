"""Travel times and counts: by hand from the convoy's own times, in the API, as CSV, in a terminal, on the page."""

import csv
import io
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from deploy.cli.app import app
from deploy.cli.exit_codes import exit_code
from deploy.log.base import Record
from deploy.log.sqlite_log import SqliteLog
from deploy.log.topics import TRAJECTORIES
from deploy.results.journeys import read_journeys
from deploy.web.reading.counts import OdPair
from deploy.web.reading.csv_text import csv_text
from ingest.clock import NS
from ingest.errors import CorridorError
from tests.deploy.site.test_association_state import SITE
from tests.deploy.site.test_association_worker import worker
from tests.deploy.web.town import Town, put, traffic
from tests.embed.samples import tick

DAY = "from=1970-01-01T00:00:00Z&to=1970-01-02T00:00:00Z"


def test_travel_times_are_those_of_the_journeys(seen: Town) -> None:
    rows = seen.client.get(f"/api/v1/travel-times?{DAY}&minutes=1440").json["rows"]
    assert [(row["origin"], row["destination"]) for row in rows] == [("a", "b"), ("b", "c")]
    for row in rows:
        times_s = [
            (two.enter_ns - one.leave_ns) / NS
            for event in read_journeys(seen.log).latest.values()
            for one, two in zip(event.visits, event.visits[1:], strict=False)
            if (one.camera, two.camera) == (row["origin"], row["destination"])
        ]
        assert row["n"] == len(times_s) == 4
        assert min(times_s) - 0.01 <= row["p15_s"] <= row["median_s"] <= row["p85_s"] <= max(times_s) + 0.01
        assert row["median_s"] == pytest.approx(float(np.median(times_s)), abs=0.3)  # weights differ a little
        assert 3.5 < row["expected"] <= 4
        assert row["share"] == pytest.approx(row["expected"] / 4, abs=0.01)
        assert (row["low_s"], row["high_s"]) == (None, None)  # too few


def test_steps_and_filters(seen: Town) -> None:
    rows = seen.client.get(f"/api/v1/travel-times?{DAY}&minutes=1&origin=a").json["rows"]
    assert {row["origin"] for row in rows} == {"a"}
    assert sum(row["n"] for row in rows) == 4
    assert all(row["begin"].endswith(":00Z") for row in rows)
    assert seen.client.get("/api/v1/travel-times?to=1970-01-01T00:00:01Z").json["rows"] == []


def test_counts_and_origins_and_destinations(seen: Town) -> None:
    counts = seen.client.get(f"/api/v1/counts?{DAY}&minutes=1440").json["rows"]
    assert [(row["camera"], row["label"], row["n"]) for row in counts] == [(each, "vehicle", 4) for each in "abc"]
    rows = seen.client.get(f"/api/v1/od?{DAY}").json["rows"]
    (od,) = (row for row in rows if row["n"])
    assert (od["origin"], od["destination"], od["n"]) == ("a", "c", 4)
    assert 3 < od["expected"] <= od["corrected_n"] <= 4


def test_the_topology_is_the_travel_times_of_all_steps(seen: Town) -> None:
    ways = seen.client.get(f"/api/v1/topology?{DAY}").json["rows"]
    steps = seen.client.get(f"/api/v1/travel-times?{DAY}&minutes=1440").json["rows"]
    assert len(ways) == 2
    assert ways == [{name: step[name] for name in ways[0]} for step in steps]
    assert seen.client.get("/api/v1/topology").json["rows"] == ways  # the last day is all there is


@pytest.mark.parametrize("name", ["travel-times", "topology", "counts", "od"])
def test_csv_is_the_same_as_json_and_stands_in_the_audit_log(seen: Town, name: str) -> None:
    rows = seen.client.get(f"/api/v1/{name}?{DAY}").json["rows"]
    answer = seen.client.get(f"/api/v1/{name}.csv?{DAY}")
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}.csv"'
    read = list(csv.DictReader(io.StringIO(answer.text)))
    assert [{key: str("" if value is None else value) for key, value in row.items()} for row in rows] == read
    assert f'"action":"export","detail":"{name} {DAY}"' in seen.site.access.audit.path.read_text()


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "to: is not after from"),
        ("from=2026-01-01T00:00:00Z&to=2026-03-01T00:00:00Z", "more than 31 days"),
        ("from=2026-01-01T00:00:00Z&to=2026-01-31T00:00:00Z&minutes=1", "more than 9000 steps"),
        ("from=0001-01-01T00:00:00Z&to=9999-01-01T00:00:00Z", "between the years"),
        ("to=0167-06-11T02:53:02Z", "between the years"),
        ("from=2026-01-01T00:00:00Z", "from: 2026-01-01T00:00:00Z is after the last sighting, 1970-01-01T00:00:"),
        (
            "from=2026-01-01T00:00:00%2B02:00",
            "from: 2026-01-01T00:00:00+02:00 is after the last sighting, 1970-01-01T02:",
        ),
        ("from=1960-01-01T00:00:00Z", "is more than 31 days before the last sighting, 1970-01-01T00:00:"),
    ],
)
def test_windows_that_cannot_be(seen: Town, query: str, words: str) -> None:
    answer = seen.client.get(f"/api/v1/travel-times?{query}")
    assert (answer.status, words in answer.json["detail"]) == (422, True)


def test_a_cell_is_no_formula() -> None:
    row = OdPair(origin="=cmd()", destination="b", label="car", n=1, expected=1.0, corrected_n=1.0)
    assert csv_text(OdPair, [row]).splitlines()[1] == "'=cmd(),b,car,1,1.0,1.0"


def test_the_command_says_the_same(own: Town) -> None:
    file = Path("town.toml")
    file.write_text("[[cameras]]\nid = 'a'\nsource = 'a.mp4'\n")
    expected = own.client.get(f"/api/v1/od.csv?{DAY}").text
    for command in ("od", "travel", "counts"):
        window = ["--from", "1970-01-01T00:00:00", "--to", "1970-01-02T00:00:00"]
        result = CliRunner().invoke(app, ["report", command, str(file), *window])
        assert result.exit_code == 0, result.output
        if command == "od":
            assert result.stdout == expected.replace("\r\n", "\n")
    empty = CliRunner().invoke(app, ["report", "counts", str(file), "--to", "1969-01-01T00:00:00"])
    assert "nothing to report" in str(empty.exception)


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine one hour east of Greenwich."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Etc/GMT-1")
        time.tzset()
        yield
    time.tzset()


def site_of(folder: Path, *, linked: bool = True, more: tuple[bytes, ...] = ()) -> str:
    """A configuration whose log has the traffic, nothing of which is in an index; more: further events."""
    log = SqliteLog(folder / "log.db")
    put(log, traffic())
    if linked:
        worker(log).drain()
    log.claim("other").commit([Record(TRAJECTORIES, "z", value) for value in more])
    log.close()
    (folder / "site.toml").write_text(SITE.format(path=folder / "log.db"))
    return str(folder / "site.toml")


def report(*arguments: str) -> tuple[int, str, str]:
    """Exit code, what is printed, and what is said beside it or as the error."""
    result = CliRunner().invoke(app, ["report", *arguments])
    if isinstance(result.exception, CorridorError):
        return exit_code(result.exception), result.stdout, str(result.exception)
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", ["travel", "counts", "od"])
def test_records_that_cannot_be_decoded_end_the_command_with_3(folder: Path, name: str) -> None:
    site = site_of(folder, more=(b"{",))
    for _ in range(2):  # the second reads nothing of the log that the first has not
        code, text, said = report(name, site)
        assert code == 3
        assert text.count("\n") > 1
        assert said.startswith("not everything was done: 1 records of the topic trajectories cannot be decoded")


def test_records_that_cannot_be_decoded_are_said_where_there_is_nothing_else(folder: Path) -> None:
    code, text, said = report("counts", site_of(folder, more=(b"{",)), "--to", "1969-01-01")
    assert (code, text) == (2, "")
    assert "nothing to report" in said
    assert "; 1 records of the topic trajectories cannot be decoded" in said


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("1970-01-01T01:00", "1970-01-02"),
        ("1970-01-01 01:00:00", "19700102"),
        ("1970-01-01t00:00z", "1970-01-02T00:00:00.5+01:00"),
        ("19700101T010000", "1970-01-01T23:00-01:00"),
    ],
)
@pytest.mark.usefixtures("zone")
def test_times_are_of_the_machines_zone_unless_they_say(folder: Path, start: str, end: str) -> None:
    code, text, said = report("counts", site_of(folder), "--from", start, "--to", end, "--minutes", "1440")
    assert (code, said) == (0, "")
    assert [row["n"] for row in csv.DictReader(io.StringIO(text))] == ["4", "4", "4"]


@pytest.mark.usefixtures("zone")
def test_the_first_hour_of_the_machines_zone_is_not_that_of_utc(folder: Path) -> None:
    assert report("counts", site_of(folder), "--from", "1970-01-01T00:00", "--to", "1970-01-01T01:00")[0] == 2
    assert report("counts", "site.toml", "--from", "1970-01-01T00:00Z", "--to", "1970-01-01T01:00Z")[0] == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("300", "is no time"),
        ("2026", "is no time"),
        ("1772323200", "is no time"),
        ("1712123012345", "is no time"),
        ("2026-02-30", "is no time"),
        ("yesterday", "is no time"),
        ("", "is no time"),
        ("0001-01-01", "is not between the years 1678 and 2262"),
        ("0001-01-01T00:00+05:00", "is not between the years 1678 and 2262"),
        ("9999-12-31T23:59:59", "is not between the years 1678 and 2262"),
    ],
)
@pytest.mark.parametrize("option", ["--from", "--to"])
def test_what_is_no_time_is_said(folder: Path, option: str, text: str, words: str) -> None:
    code, _, said = report("od", site_of(folder, linked=False), option, text)
    assert code == 2
    assert said.startswith(f"{option} '{text}' {words}")
    assert "\n" not in said


def test_a_start_after_the_end_of_the_log_is_to_blame(folder: Path) -> None:
    code, _, said = report("od", site_of(folder), "--from", "2026-03-01T00:00Z")
    assert code == 2
    assert said.startswith("from: 2026-03-01T00:00:00Z is after the last sighting, 1970-01-01T00:00:")
    assert report("od", "site.toml", "--from", "2026-03-02", "--to", "2026-03-01")[2] == "to: is not after from"


@pytest.mark.parametrize("times", [(), ("--from", "2026-03-01"), ("--from", "1970-01-01", "--to", "1970-01-02")])
def test_a_log_that_association_has_not_read(folder: Path, times: tuple[str, ...]) -> None:
    code, _, said = report("travel", site_of(folder, linked=False), *times)
    assert code == 2
    assert said == "association of zone 'z' has read nothing of this log yet (corridor associate FILE)"


def test_a_log_without_a_vehicle(folder: Path) -> None:
    log = SqliteLog(folder / "log.db")
    put(log, [tick("a", at_s=each, sequence=each) for each in range(5)])
    worker(log).drain()
    log.close()
    (folder / "site.toml").write_text(SITE.format(path=folder / "log.db"))
    code, _, said = report("counts", "site.toml")
    assert code == 2
    assert said == "association of zone 'z' has found no vehicle on this log yet"


def test_the_page_shows_a_pair(seen: Town) -> None:
    page = seen.client.get("/reports?from=1970-01-01T00:00:00&to=1970-01-02T00:00:00&pair=b+%E2%86%92+c").text
    assert "<option selected>b → c</option>" in page
    assert "/api/v1/od.csv?from=1970" in page
    assert seen.client.get("/reports?minutes=7").status == 400
