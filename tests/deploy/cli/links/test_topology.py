"""`corridor topology` as its user runs it."""

import json
import sys
from pathlib import Path

import msgspec
import networkx as nx
import pytest
from typer.testing import CliRunner

from deploy.cli.app import app
from deploy.cli.exit_codes import exit_code
from deploy.log.sqlite_log import SqliteLog
from deploy.site.association_worker import AssociationWorker
from ingest.errors import CorridorError
from tests.associate.roads.samples import alarm
from tests.associate.samples import associator, convoy
from tests.associate.test_learned import FLAT, traffic
from tests.deploy.site.test_association_state import SITE
from tests.deploy.site.test_association_worker import publish, worker


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site whose traffic has been linked, a to b to c."""
    folder = tmp_path_factory.mktemp("site")
    log = SqliteLog(folder / "log.db")
    publish(log, traffic()[0])
    AssociationWorker(log, "z", associator(FLAT)).drain()
    log.close()
    (folder / "site.toml").write_text(SITE.format(path=folder / "log.db"))
    return folder / "site.toml"


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["topology", *map(str, arguments)], env={"COLUMNS": "80"})
    if isinstance(result.exception, CorridorError):
        return exit_code(result.exception), str(result.exception)
    return result.exit_code, result.output


def test_the_table(site: Path) -> None:
    code, text = run(site)
    assert code == 0, text
    lines = [line.split() for line in text.splitlines()]
    (first,) = [line for line in lines if line[:2] == ["a", "b"]]
    (second,) = [line for line in lines if line[:2] == ["b", "c"]]
    assert first[2:4] == ["100%", "34.0"]
    assert 7 < float(first[6]) < 8.2
    assert 60 <= int(second[2].rstrip("%")) <= 70
    assert not [line for line in lines if line[:2] == ["c", "b"]]
    assert "3 pairs with fewer than 3 links are left out (0." in text
    (end,) = [line for line in lines if line[0] == "c" and len(line) == 7]
    assert int(end[-1].rstrip("%")) >= 97


def test_json_and_graph_say_the_same(site: Path, tmp_path: Path) -> None:
    code, text = run(site, "--json", "--graphml", tmp_path / "roads.graphml")
    assert code == 0, text
    found = json.loads(text)
    graph = nx.read_graphml(tmp_path / "roads.graphml")
    assert [(pair["start"], pair["end"]) for pair in found["pairs"]] == list(graph.edges) == [("a", "b"), ("b", "c")]
    for pair in found["pairs"]:
        assert graph.edges[pair["start"], pair["end"]]["median_s"] == pair["median_s"]
    assert [each["camera"] for each in found["cameras"]] == ["a", "b", "c"]
    assert found["fewer_links"] == 3


def test_travel_times_by_hour(site: Path) -> None:
    """The traffic is of the first three minutes of 1970: one hour, which has all links of the pair."""
    assert "By hour" not in run(site)[1]
    code, text = run(site, "--by-hour")
    assert code == 0, text
    rows = [line.split() for line in text.partition("By hour, UTC")[2].splitlines()]
    (first,) = [row for row in rows if row[:3] == ["a", "b", "00"]]
    assert 30 < float(first[3]) <= 34
    assert 7 < float(first[6]) < 8.2
    hours = json.loads(run(site, "--by-hour", "--json")[1])["hours"]
    assert [(each["start"], each["end"], each["hour"]) for each in hours] == [("a", "b", 0), ("b", "c", 0)]
    assert "hours" not in json.loads(run(site, "--json")[1])


def test_a_figure_is_drawn(site: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="extra `score`")
    code, text = run(site, "--png", tmp_path / "roads.png")
    assert code == 0, text
    assert (tmp_path / "roads.png").read_bytes().startswith(b"\x89PNG")
    assert "The graph is" in text


def test_without_matplotlib_one_line_says_what_to_install(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "training.topology_figure", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib.axes", None)
    code, text = run(site, "--png", tmp_path / "roads.png")
    assert code == 2
    assert "install corridor[score]" in text
    assert "\n" not in text


def test_what_is_not_as_it_was_is_shown(site: Path, tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db")
    state = SqliteLog(site.with_name("log.db")).state_of("zone/z")
    standing = {f"alarm|{alarm().key}": msgspec.msgpack.encode(alarm())}
    log.claim("zone/z").commit([], state={**state, **standing})
    (tmp_path / "site.toml").write_text(SITE.format(path=tmp_path / "log.db"))
    code, text = run(tmp_path / "site.toml")
    assert code == 0, text
    assert f"Not as before, since 10:00.0: {alarm()}" in text
    assert json.loads(run(tmp_path / "site.toml", "--json")[1])["alarms"][0]["kind"] == "road_closed"
    assert "Not as before" not in run(site)[1]


def test_association_may_run_meanwhile(site: Path) -> None:
    log = SqliteLog(site.with_name("log.db"))
    running = worker(log)
    assert run(site)[0] == 0
    publish(log, convoy(1, seed=9), "later")
    running.drain()  # raises FencedError if somebody has claimed the zone
    log.close()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--min-links", "100"), "no pair of its 3 cameras has 100 links: 5 have fewer (--min-links)"),
        (("--png", "roads.jpg"), "expected a name that ends in .png"),
    ],
)
def test_what_cannot_be_done_is_said(site: Path, arguments: tuple[str, ...], words: str) -> None:
    code, text = run(site, *arguments)
    assert code == 2
    assert words in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("vehicles", "words"),
    [(None, "association of zone 'z' has read nothing of this log yet"), (1, "has not learned any road yet")],
)
def test_a_site_that_has_learned_nothing(tmp_path: Path, vehicles: int | None, words: str) -> None:
    log = SqliteLog(tmp_path / "log.db")
    if vehicles is not None:
        publish(log, convoy(vehicles))
        worker(log).drain()
    log.close()
    (tmp_path / "site.toml").write_text(SITE.format(path=tmp_path / "log.db"))
    code, text = run(tmp_path / "site.toml")
    assert code == 2
    assert words in text
    assert "\n" not in text
