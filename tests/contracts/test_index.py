"""The contract of every index of sightings: in a folder, and in PostgreSQL where a server can be had."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import numpy as np
import pytest

from associate.sightings.sighting import Filter
from associate.trajectory import Kind, TrajectoryEvent
from deploy.search.index.writer import WriterBusyError
from deploy.search.opening import Index, open_index, open_writer, remove_index
from deploy.search.settings import SearchSettings
from embed.observation import CameraEpoch, pack_vector
from ingest.clock import NS
from ingest.errors import ConfigError
from tests.associate.samples import event
from tests.contracts.postgres_server import new_database
from tests.deploy.search.samples import ENCODER, look, sighting

EVERYTHING = Filter()
DAY_NS = 86_400 * NS
SIGHTINGS = [
    sighting(
        number, camera=("north", "south")[number % 2], label=("car", "van")[number // 10 % 2], identity=f"z-{number}"
    )
    for number in range(1, 41)
]


@pytest.fixture(params=["folder", "postgres"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> SearchSettings:
    url = new_database() if request.param == "postgres" else None
    return SearchSettings(folder=str(tmp_path / "index"), url=url)


@pytest.fixture
def filled(settings: SearchSettings) -> SearchSettings:
    with closing(open_writer(settings)) as writer:
        writer.take(SIGHTINGS, [], {"observations": 40}, epochs={"north": CameraEpoch(2, 1)})
    return settings


@pytest.fixture
def index(filled: SearchSettings) -> Iterator[Index]:
    with closing(open_index(filled)) as index:
        yield index


def tracks(index: Index, *, like: int = 7, wanted: Filter = EVERYTHING, count: int = 400) -> list[int]:
    """Numbers of the sightings next to a vehicle, the nearest first."""
    found = index.nearest(ENCODER, look(like), wanted, count)
    rows = index.sightings(found.ids.tolist())
    return [int(rows[each].tracklet.rpartition("|")[2]) for each in found.ids.tolist()]


def about(number: int, kind: Kind, identity: str, superseded_by: str | None = None) -> TrajectoryEvent:
    observation = f"{('north', 'south')[number % 2]}|1.0|{number}|1"
    return msgspec.structs.replace(
        event(), kind=kind, identity=identity, observation=observation, superseded_by=superseded_by, visits=[]
    )


def test_search_is_exact_while_there_are_few(index: Index) -> None:
    cosines = {number: float(look(number) @ look(7)) for number in range(1, 41)}
    expected = sorted(cosines, key=lambda number: -cosines[number])
    assert tracks(index) == expected
    found = index.nearest(ENCODER, look(7), EVERYTHING, 5)
    assert found.exact
    np.testing.assert_allclose(found.cosines, [cosines[number] for number in expected[:5]], atol=2e-3)
    np.testing.assert_allclose(found.vectors[0], look(7), atol=1e-3)
    names = {int(number): name for name in ("north", "south") for number in index.camera_numbers([name])}
    assert [names[camera] for camera in found.cameras.tolist()] == [
        ("north", "south")[each % 2] for each in expected[:5]
    ]


FILTERS: dict[str, tuple[Filter, set[int]]] = {
    "since": (Filter(since_ns=30 * NS), set(range(30, 41))),
    "until": (Filter(until_ns=5 * NS), set(range(1, 6))),
    "camera": (Filter(cameras=("south",)), set(range(1, 41, 2))),
    "label and camera": (Filter(labels=("van",), cameras=("north",)), {10, 12, 14, 16, 18, 30, 32, 34, 36, 38}),
    "no such camera": (Filter(cameras=("west",)), set()),
    "no colour": (Filter(colours=("red",)), set()),
}


@pytest.mark.parametrize("case", FILTERS)
def test_filters(index: Index, case: str) -> None:
    wanted, expected = FILTERS[case]
    assert set(tracks(index, wanted=wanted)) == expected
    assert index.admitted(ENCODER, wanted) == len(expected)
    counts, span_ns = index.spread(ENCODER, wanted)
    assert counts.sum() == len(expected)
    assert span_ns == (max(expected) - min(expected)) * NS if expected else span_ns == 0


def test_sightings_are_described_and_counted(index: Index) -> None:
    seen = index.of_tracklet("south|1.0|7")
    assert seen is not None
    assert (seen.camera, seen.label, seen.identity, seen.first_ns) == ("south", "car", "z-7", 7 * NS)
    assert index.stored_vector(seen.id) == pack_vector(look(7))
    np.testing.assert_allclose(index.vectors(ENCODER, [seen.id])[0], look(7), atol=1e-3)
    assert index.encoder_of(seen.id) == ENCODER
    assert index.made_by(ENCODER, np.array([10**12, seen.id])).tolist() == [False, True]
    assert [each.tracklet for each in index.of_identities(["z-9", "z-8"])] == ["north|1.0|8", "south|1.0|9"]
    assert index.of_tracklet("south|1.0|99") is None
    assert (index.encoders[ENCODER].sightings, index.encoders[ENCODER].identities) == (40, 40)
    vectors, cameras = index.sample(ENCODER, 10)
    assert len(vectors) == len(cameras) == 10
    with pytest.raises(ConfigError, match=r"no sighting in the index has a vector by 'other@1': it has 40 by tiny@1"):
        index.nearest("other@1", look(1), EVERYTHING, 1)


def test_the_index_goes_on_where_it_was_and_takes_nothing_twice(filled: SearchSettings) -> None:
    with closing(open_writer(filled)) as writer:
        assert (writer.position("observations"), writer.position("trajectories")) == (40, 0)
        assert writer.epochs() == {"north": CameraEpoch(2, 1)}
        writer.take([*SIGHTINGS[:3], sighting(41)], [], {"observations": 44}, epochs={"north": CameraEpoch(3, 0)})
        assert writer.counts == {"taken": 1, "known": 3}
        assert writer.position("observations") == 44
        assert writer.epochs() == {"north": CameraEpoch(3, 0)}


def test_identities_follow_what_association_says(filled: SearchSettings) -> None:
    with closing(open_writer(filled)) as writer, closing(open_index(filled)) as index:
        writer.take(
            [],
            [
                about(1, Kind.EXTENDED, "z-2"),
                about(3, Kind.SPLIT, "z-3", "z-4"),
                about(5, Kind.RETRACTED, "z-5"),
                about(9, Kind.SPLIT, "another"),
                msgspec.structs.replace(about(6, Kind.MERGED, "z-6", "z-7"), observation=None),
                about(11, Kind.CONFIRMED, "before"),
                msgspec.structs.replace(about(11, Kind.MERGED, "before", "after"), observation=None),
                about(12, Kind.CONFIRMED, "before"),
                about(41, Kind.CONFIRMED, "first"),
                about(41, Kind.CONFIRMED, "z-41"),
            ],
            {"trajectories": 5},
        )
        index.refresh()
        assert len(index.of_identities(["z-2"])) == len(index.of_identities(["z-4"])) == 2
        assert not index.of_identities(["z-3", "z-5", "z-6"])
        assert len(index.of_identities(["z-7"])) == 2
        assert len(index.of_identities(["z-9"])) == 1
        assert [len(index.of_identities([each])) for each in ("before", "after")] == [1, 1]
        writer.take([sighting(41, camera="south")], [], {"observations": 41})
        index.refresh()
        assert [each.tracklet for each in index.of_identities(["z-41"])] == ["south|1.0|41"]


def test_what_is_forgotten_is_found_no_more_and_never_taken_again(filled: SearchSettings) -> None:
    with closing(open_writer(filled)) as writer, closing(open_index(filled)) as index:
        before = index.means(ENCODER).centred(np.stack([look(1)]), index.camera_numbers(["south"]))
        writer.take([], [], {"forgotten": 1}, ["south|1.0|7", "south|1.0|77"])
        index.refresh()
        assert 7 not in tracks(index)
        assert index.encoders[ENCODER].sightings == 39
        after = index.means(ENCODER).centred(np.stack([look(1)]), index.camera_numbers(["south"]))
        assert not np.allclose(before, after)
        writer.take([sighting(7, camera="south")], [about(7, Kind.CONFIRMED, "z-7")], {"observations": 50})
        index.refresh()
        assert index.of_tracklet("south|1.0|7") is None
        assert (writer.counts["deleted"], writer.counts["forgotten"]) == (1, 1)


def test_a_sighting_gets_the_vector_of_another_encoder(filled: SearchSettings) -> None:
    with closing(open_writer(filled)) as writer, closing(open_index(filled)) as index:
        moved = msgspec.structs.replace(SIGHTINGS[6], encoder="other@1", vector=pack_vector(look(99, 16)))
        writer.replace([moved])
        index.refresh()
        assert {name: size.sightings for name, size in index.encoders.items()} == {ENCODER: 39, "other@1": 1}
        assert index.nearest("other@1", look(99, 16), EVERYTHING, 3).cosines[0] > 0.99
        there = index.of_tracklet(moved.tracklet)
        assert there is not None
        ids = np.array([there.id])
        assert [index.made_by(encoder, ids).tolist() for encoder in ("other@1", ENCODER)] == [[True], [False]]
        assert 7 not in tracks(index)


def test_a_batch_is_taken_in_whole_or_not_at_all(filled: SearchSettings) -> None:
    with closing(open_writer(filled)) as writer, closing(open_index(filled)) as index:
        broken = msgspec.structs.replace(sighting(50), quality=None)
        with pytest.raises(Exception):  # noqa: B017, PT011 - each database has its own
            writer.take([sighting(49), broken], [about(1, Kind.EXTENDED, "z-2")], {"observations": 60})
        index.refresh()
        assert index.encoders[ENCODER].sightings == 40
        assert len(index.of_identities(["z-2"])) == 1
        assert writer.position("observations") == 40
        writer.take([sighting(49)], [], {"observations": 60})
        index.refresh()
        assert 49 in tracks(index, like=49)


def test_the_old_goes(filled: SearchSettings) -> None:
    with closing(open_writer(msgspec.structs.replace(filled, keep_days=1))) as writer:
        assert writer.retire(DAY_NS) == 0
        assert writer.retire(2 * DAY_NS) == 40


def test_one_process_writes_and_an_index_is_made_anew(filled: SearchSettings) -> None:
    with closing(open_writer(filled)):
        for attempt in (open_writer, remove_index):
            with pytest.raises(WriterBusyError, match=r"another process writes to the sightings index in .*; stop one"):
                attempt(filled)
    remove_index(filled)
    with pytest.raises(ConfigError, match=r"there is no sightings index in .* \(make it: corridor index FILE\)"):
        open_index(filled)
    with closing(open_writer(filled)) as writer:
        assert writer.position("observations") == 0
