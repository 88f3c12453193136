"""The index: what is written is found, sealed or open, coded or not; what is deleted is gone from every byte."""

import shutil
from contextlib import closing
from pathlib import Path

import msgspec
import numpy as np
import pytest

from associate.sightings.sighting import Filter
from associate.sightings.space import TRAINED_FROM
from associate.trajectory import Kind, TrajectoryEvent
from deploy.search.index.catalogue import SEGMENT_ROWS
from deploy.search.index.partition import NARROW
from deploy.search.index.reader import SightingsIndex
from deploy.search.index.writer import IndexWriter, WriterBusyError
from ingest.clock import NS
from ingest.errors import ConfigError
from tests.associate.samples import event
from tests.deploy.search.samples import ENCODER, filled, look, settings, sighting

MANY = TRAINED_FROM + SEGMENT_ROWS + 100
"""Four segments to train with, one more with codes, and an open one."""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index with codes, by two cameras."""
    folder = tmp_path_factory.mktemp("large")
    sightings = [sighting(number, camera="north" if number % 8 else "south") for number in range(MANY)]
    filled(folder, sightings).close()
    return folder / "index"


def opened(folder: Path) -> SightingsIndex:
    return SightingsIndex(folder / "index")


def numbers(index: SightingsIndex, ids: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> list[int]:
    found = index.sightings(ids.tolist())
    return [int(found[each].tracklet.rpartition("|")[2]) for each in ids.tolist()]


@pytest.mark.parametrize("number", [1, SEGMENT_ROWS + 3, TRAINED_FROM + 5, MANY - 1])
def test_what_was_seen_is_found_with_codes_and_in_the_open_segment(large: Path, number: int) -> None:
    with closing(SightingsIndex(large)) as index:
        size = index.encoders[ENCODER]
        assert (size.sightings, size.coded) == (MANY, TRAINED_FROM + SEGMENT_ROWS)
        found = index.nearest(ENCODER, look(number), Filter(), 20)
        assert not found.exact
        assert numbers(index, found.ids)[0] == number
        every = np.stack([look(each) for each in range(MANY)]) @ look(number)
        best = np.argsort(-every, kind="stable")[:20].tolist()
        assert len(set(numbers(index, found.ids)) & set(best)) >= 18
        np.testing.assert_allclose(found.cosines[0], 1.0, atol=1e-3)


def test_the_same_sightings_give_the_same_files(large: Path, tmp_path: Path) -> None:
    sightings = [sighting(number, camera="north" if number % 8 else "south") for number in range(MANY)]
    filled(tmp_path, sightings).close()
    names = sorted(path.name for path in large.iterdir() if path.suffix in (".vectors", ".rows", ".codes", ".npz"))
    assert len(names) == 3 * 5 + 1
    assert [name for name in names if (large / name).read_bytes() != (tmp_path / "index" / name).read_bytes()] == []


@pytest.mark.parametrize(
    ("wanted", "admitted"),
    [
        (Filter(cameras=("south",)), range(0, MANY, 8)),
        (Filter(since_ns=100 * NS, until_ns=200 * NS), range(100, 201)),
        (Filter(cameras=("south",), since_ns=100 * NS, until_ns=200 * NS), range(104, 201, 8)),
        (Filter(since_ns=20_000 * NS), range(20_000, MANY)),
    ],
    ids=["camera", "narrow", "both", "wide"],
)
def test_only_what_a_filter_admits_is_found(large: Path, wanted: Filter, admitted: range) -> None:
    with closing(SightingsIndex(large)) as index:
        assert index.admitted(ENCODER, wanted) == len(admitted)
        found = index.nearest(ENCODER, look(104), wanted, 10)
        assert found.exact == (len(admitted) <= NARROW)
        every = np.stack([look(each) for each in admitted]) @ look(104)
        best = [admitted[place] for place in np.argsort(-every, kind="stable")[:10].tolist()]
        assert len(set(numbers(index, found.ids)) & set(best)) >= (10 if found.exact else 9)
        assert set(numbers(index, found.ids)) <= set(admitted)


@pytest.mark.parametrize("wanted", [Filter(labels=("bus",)), Filter(cameras=("west",)), Filter(since_ns=10**18)])
def test_a_filter_may_admit_nothing(large: Path, wanted: Filter) -> None:
    with closing(SightingsIndex(large)) as index:
        assert index.admitted(ENCODER, wanted) == 0
        assert not len(index.nearest(ENCODER, look(1), wanted, 10).ids)


def test_without_faiss_everything_is_compared(tmp_path: Path) -> None:
    sightings = [sighting(number) for number in range(SEGMENT_ROWS + 10)]
    with closing(filled(tmp_path, sightings, coded=False)), closing(opened(tmp_path)) as index:
        found = index.nearest(ENCODER, look(17), Filter(), 5)
        assert found.exact
        assert numbers(index, found.ids)[0] == 17


@pytest.mark.parametrize("number", [3, SEGMENT_ROWS + 5], ids=["sealed", "open"])
def test_what_is_deleted_is_in_no_file_and_comes_back_by_no_repetition(tmp_path: Path, number: int) -> None:
    sightings = [sighting(each) for each in range(SEGMENT_ROWS + 10)]
    gone = sightings[number]
    with closing(filled(tmp_path, sightings)) as writer, closing(opened(tmp_path)) as index:
        assert any(gone.vector in path.read_bytes() for path in writer.folder.iterdir())
        writer.take([], [], {}, [gone.tracklet])
        writer.take([gone], [], {})
        assert not [path.name for path in writer.folder.iterdir() if gone.vector in path.read_bytes()]
        index.refresh()
        assert number not in numbers(index, index.nearest(ENCODER, look(number), Filter(), 20).ids)
        assert index.of_tracklet(gone.tracklet) is None
        assert writer.counts == {"taken": len(sightings), "deleted": 1, "forgotten": 1}


def test_all_that_is_open_may_be_deleted_and_more_may_come(tmp_path: Path) -> None:
    with closing(filled(tmp_path, [sighting(1), sighting(2)])) as writer, closing(opened(tmp_path)) as index:
        writer.take([], [], {}, ["north|1.0|1", "north|1.0|2"])
        index.refresh()
        assert not index.encoders
        for _ in range(2):
            writer.take([sighting(3), sighting(4)], [], {})
            index.refresh()
            assert sorted(numbers(index, index.nearest(ENCODER, look(3), Filter(), 9).ids)) == [3, 4]


def test_what_is_deleted_has_no_code_in_memory_or_on_disk(large: Path, tmp_path: Path) -> None:
    shutil.copytree(large, tmp_path / "index")
    with closing(filled(tmp_path, [])) as writer, closing(opened(tmp_path)) as index:
        before = {path.name for path in writer.folder.iterdir()}
        writer.take([], [], {}, ["north|1.0|9"])
        index.refresh()
        assert index.encoders[ENCODER].coded == TRAINED_FROM + SEGMENT_ROWS - 1
        assert 9 not in numbers(index, index.nearest(ENCODER, look(9), Filter(), 20).ids)
        assert before - {path.name for path in writer.folder.iterdir()} == {
            "00000001.0.rows", "00000001.0.vectors", "00000001.0.codes"
        }  # fmt: skip
        old, new = (np.fromfile(folder / name, np.uint8).reshape(SEGMENT_ROWS, -1) for folder, name in (
            (large, "00000001.0.codes"), (writer.folder, "00000001.1.codes")
        ))  # fmt: skip
        assert np.flatnonzero((old != new).any(1)).tolist() == [9]
        vectors = np.fromfile(writer.folder / "00000001.1.vectors", "<f2").reshape(SEGMENT_ROWS, -1)
        assert np.flatnonzero(~vectors.any(1)).tolist() == [9]


def test_identities_follow_what_is_said_before_and_after(tmp_path: Path) -> None:
    def said(kind: Kind, number: int, identity: str, instead: str | None = None) -> TrajectoryEvent:
        observation = f"north|1.0|{number}|2"
        return msgspec.structs.replace(
            event(), kind=kind, identity=identity, observation=observation, superseded_by=instead
        )

    with closing(filled(tmp_path, [])) as writer, closing(opened(tmp_path)) as index:
        writer.take([sighting(1)], [said(Kind.CONFIRMED, 1, "z-1"), said(Kind.CONFIRMED, 2, "z-2")], {})
        writer.take([sighting(2), sighting(3)], [said(Kind.EXTENDED, 3, "z-1")], {})

        def identities() -> list[str | None]:
            index.refresh()
            found = [index.of_tracklet(f"north|1.0|{number}") for number in (1, 2, 3)]
            return [each.identity for each in found if each is not None]

        assert identities() == ["z-1", "z-2", "z-1"]
        writer.take([], [said(Kind.SPLIT, 3, "z-1", "z-2")], {})
        assert identities() == ["z-1", "z-2", "z-2"]
        writer.take([], [said(Kind.SPLIT, 3, "z-2")], {})
        assert identities() == ["z-1", "z-2", None]
        writer.take([], [said(Kind.MERGED, 1, "z-1", "z-2")], {})
        assert identities() == ["z-2", "z-2", None]
        assert [each.tracklet for each in index.of_identities(["z-2"])] == ["north|1.0|1", "north|1.0|2"]


def test_vectors_of_two_encoders_never_meet(tmp_path: Path) -> None:
    other = [sighting(number, camera="south", encoder="other@2") for number in range(5)]
    with closing(filled(tmp_path, [sighting(1), *other])), closing(opened(tmp_path)) as index:
        assert numbers(index, index.nearest(ENCODER, look(3), Filter(), 9).ids) == [1]
        assert sorted(numbers(index, index.nearest("other@2", look(3), Filter(), 9).ids)) == [0, 1, 2, 3, 4]
        with pytest.raises(ConfigError, match="no sighting in the index has a vector by 'third@3': it has 1 by tiny@1"):
            index.nearest("third@3", look(3), Filter(), 9)


@pytest.mark.parametrize("limits", [{"keep_days": 0.05}, {"max_gb": 1e-9}], ids=["age", "size"])
def test_the_oldest_segments_go_by_age_and_by_size(tmp_path: Path, limits: dict[str, float]) -> None:
    filled(tmp_path, [sighting(number) for number in range(SEGMENT_ROWS + 7)]).close()
    with closing(IndexWriter(settings(tmp_path, **limits), coded=False)) as writer:
        assert writer.retire((SEGMENT_ROWS + 2) * NS + round(0.05 * 86_400 * NS)) == SEGMENT_ROWS
        assert not list(writer.folder.glob("*.vectors"))
        assert writer.retire(0) == 0  # a clock that steps back deletes nothing
    with closing(opened(tmp_path)) as index:
        assert index.encoders[ENCODER].sightings == 7


def test_one_process_writes(tmp_path: Path) -> None:
    with closing(filled(tmp_path, [])), pytest.raises(WriterBusyError, match="another process writes"):
        filled(tmp_path, [])


def test_codes_that_are_damaged_are_made_anew(large: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    shutil.copytree(large, tmp_path / "index")
    path = tmp_path / "index" / "00000002.0.codes"
    whole = path.read_bytes()
    path.write_bytes(b"\xff" * len(whole))
    with closing(opened(tmp_path)) as index:
        assert index.encoders[ENCODER].coded == TRAINED_FROM
        found = index.nearest(ENCODER, look(SEGMENT_ROWS + 5), Filter(), 5)
        assert numbers(index, found.ids)[0] == SEGMENT_ROWS + 5
    filled(tmp_path, []).close()
    assert path.read_bytes() == whole
    assert "00000002.0.codes is gone or damaged" in caplog.text


def test_a_folder_without_an_index_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no sightings index"):
        opened(tmp_path)
