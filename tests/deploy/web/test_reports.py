"""Travel times and counts: by hand from the convoy's own times, in the API, as CSV, in a terminal, on the page."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from deploy.cli.app import app
from deploy.results.journeys import read_journeys
from deploy.web.reading.counts import OdPair
from deploy.web.reading.csv_text import csv_text
from ingest.clock import NS
from tests.deploy.web.town import Town

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


def test_the_page_shows_a_pair(seen: Town) -> None:
    page = seen.client.get("/reports?from=1970-01-01T00:00:00&to=1970-01-02T00:00:00&pair=b+%E2%86%92+c").text
    assert "<option selected>b → c</option>" in page
    assert "/api/v1/od.csv?from=1970" in page
    assert seen.client.get("/reports?minutes=7").status == 400
