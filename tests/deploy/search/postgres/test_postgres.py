"""The index that PostgreSQL builds, what it finds, and what is said where the server is not as it must be."""

import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from associate.sightings.sighting import Filter
from deploy.log.sqlite_log import SqliteLog
from deploy.search.opening import open_index, open_writer
from deploy.search.postgres.reader import PostgresIndex
from deploy.search.postgres.writer import ROW_BYTES, PostgresWriter
from deploy.search.settings import SearchSettings
from embed.observation import pack_vector
from ingest.clock import NS
from ingest.errors import ConfigError
from tests.contracts.postgres_server import new_database
from tests.deploy.search.samples import ENCODER, sighting
from tests.integration.kafka_log.waiting import wait_until
from tests.system.left_out.seen import command
from tests.system.sites import write_site

DIM = 16
COUNT = 2400
VEHICLES = 300
TOP = 40


def drawn(number: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """A look of one of the vehicles, as fp16 keeps it."""
    own = np.random.default_rng(number % VEHICLES).standard_normal(DIM)
    vector = own + 0.3 * np.random.default_rng(10_000 + number).standard_normal(DIM)
    return np.asarray(vector / np.linalg.norm(vector), np.float16).astype(np.float32)


LOOKS = np.stack([drawn(number) for number in range(COUNT)])


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> SearchSettings:
    """An index of some thousand sightings by four cameras, with an HNSW index after the first third."""
    settings = SearchSettings(folder=str(tmp_path_factory.mktemp("none")), url=new_database())
    sightings = [
        msgspec.structs.replace(sighting(number, camera=f"c{number % 4}"), vector=pack_vector(LOOKS[number]))
        for number in range(COUNT)
    ]
    with closing(PostgresWriter(settings, indexed_from=800)) as writer:
        for begin in range(0, COUNT, 800):
            writer.take(sightings[begin : begin + 800], [], {"observations": begin + 800})
    return settings


@pytest.fixture
def index(settings: SearchSettings) -> Iterator[PostgresIndex]:
    assert settings.url is not None
    with closing(PostgresIndex(settings.url)) as index:
        yield index


def test_an_hnsw_index_is_built_and_used(index: PostgresIndex) -> None:
    ((definition, valid),) = index.select(
        "SELECT indexdef, indisvalid FROM pg_indexes JOIN pg_index ON indexrelid = to_regclass(indexname) "
        "WHERE tablename = 'sightings' AND indexname LIKE 'vectors%%'"
    )
    assert "USING hnsw (((vector)::halfvec(16)) halfvec_ip_ops) WHERE (encoder = 1)" in definition
    assert valid
    ((scans,),) = index.select("SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'vectors_1'")
    assert not index.nearest(ENCODER, LOOKS[0], Filter(), TOP).exact

    def scanned() -> bool:
        index.select("SELECT pg_stat_force_next_flush()")
        ((after,),) = index.select("SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'vectors_1'")
        return bool(after > scans)

    wait_until(scanned)  # statistics are counted with a delay
    assert index.encoders[ENCODER].coded == COUNT


@pytest.mark.parametrize(
    ("wanted", "admitted", "least"),
    [
        (Filter(), np.ones(COUNT, bool), 0.98),
        (Filter(cameras=("c0", "c1", "c2")), np.arange(COUNT) % 4 < 3, 0.98),
        (Filter(since_ns=2100 * NS), np.arange(COUNT) >= 2100, 1.0),
    ],
    ids=["all", "three cameras of four", "a narrow filter"],
)
def test_the_nearest_are_found(
    index: PostgresIndex, wanted: Filter, admitted: np.ndarray[Any, np.dtype[np.bool_]], least: float
) -> None:
    found = 0
    for query in range(0, COUNT, COUNT // 20):
        cosines = np.where(admitted, LOOKS @ LOOKS[query], -2)
        best = set(np.argsort(-cosines, kind="stable")[:TOP].tolist())
        ids = index.nearest(ENCODER, LOOKS[query], wanted, TOP).ids.tolist()
        assert len(ids) == TOP
        found += len(best & {int(each.tracklet.rpartition("|")[2]) for each in index.sightings(ids).values()})
    assert found >= least * 20 * TOP


def test_the_oldest_go_where_there_is_too_much(settings: SearchSettings) -> None:
    own = msgspec.structs.replace(settings, url=new_database(), max_gb=10 * (4 * 8 + ROW_BYTES) / 1e9)
    with closing(open_writer(own)) as writer:
        writer.take([sighting(number) for number in range(12)], [], {})
        assert writer.retire(0) == 2
        with closing(open_index(own)) as index:
            assert index.of_tracklet("north|1.0|1") is None
            assert index.of_tracklet("north|1.0|2") is not None


def test_a_writer_that_is_gone_locks_nobody_out(settings: SearchSettings) -> None:
    own = msgspec.structs.replace(settings, url=new_database())
    first = open_writer(own)
    assert isinstance(first, PostgresWriter)
    first._database.execute("SELECT set_config('application_name', 'gone', false)")
    with closing(open_index(own)) as other:
        other.select("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'gone'")
    with closing(open_writer(own)) as second:
        assert second.position("observations") == 0
    first.close()


AWAY = {
    "nobody listens": ("postgresql://corridor@127.0.0.1:1/sightings", "cannot open the sightings index in postgresql:"),
    "no such host": (
        "postgresql://corridor@nowhere.invalid/sightings",
        "cannot open the sightings index in postgresql:",
    ),
    "no URL of it": ("mysql://corridor@127.0.0.1/sightings", "search.url"),
}


@pytest.mark.parametrize("case", AWAY)
@pytest.mark.parametrize("words", [("search", "--identity", "zone-1"), ("index", "--once")], ids=["search", "index"])
def test_a_server_that_is_away_is_one_line(tmp_path: Path, case: str, words: tuple[str, ...]) -> None:
    url, message = AWAY[case]
    (tmp_path / "runs" / "site").mkdir(parents=True)
    write_site(tmp_path, {"north": "north.mp4"}, f'[search]\nurl = "{url}"\n')
    SqliteLog(tmp_path / "runs" / "site" / "corridor.db").close()
    done = command(tmp_path, words[0], "site.toml", *words[1:])
    assert done.code == 2
    assert message in done.said
    assert len(done.said.splitlines()) == 1


def test_a_password_is_in_no_message() -> None:
    with pytest.raises(ConfigError) as raised:
        PostgresIndex("postgresql://corridor:geheim@127.0.0.1:1/sightings")
    assert "geheim" not in str(raised.value)


def test_without_its_libraries_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigError, match=r"pip install 'corridor\[postgres\]'"):
        PostgresIndex("postgresql://127.0.0.1/x")
