"""A training set of one's own, from trajectories and kept crops."""

import os
from pathlib import Path

import cv2
import msgspec
import pytest

from associate.trajectory import Evidence, Kind, TrajectoryEvent, Visit
from deploy.crops.export import export_crops
from deploy.crops.store import StoredCrop, StoredTracklet, read_store
from deploy.results.journeys import Journeys, journeys_of
from ingest.errors import ConfigError
from tests.system.command import corridor
from tests.training.datasets.layouts import write_images
from training.datasets.registry import open_dataset


def seen(
    identity: str, *cameras: str, track: int, kind: Kind = Kind.EXTENDED, probability: float = 0.99
) -> TrajectoryEvent:
    """An identity after its tracklet in the last of these cameras."""
    visits = [
        Visit(camera=c, observation=f"{c}|1.0|{track}|3", enter_ns=n, leave_ns=n + 1) for n, c in enumerate(cameras)
    ]
    about = visits[-1].observation
    return TrajectoryEvent(
        id=f"{identity}-{len(cameras)}", zone="zone", kind=kind, identity=identity, revision=len(cameras),
        at_ns=1, decided_by=about, label="vehicle", visits=visits, observation=about,
        evidence=Evidence(probability=probability),
    )  # fmt: skip


def kept(store: Path, camera: str, track: int, *, crops: int = 2) -> StoredTracklet:
    """A tracklet's pictures in a store."""
    names = [f"1.0-{track}-{place}.jpg" for place in range(crops)]
    write_images(store / camera, names)
    stored = [StoredCrop(file=name, captured_ns=1, box_xyxy=(1, 1, 9, 9), quality=0.5) for name in names]
    return StoredTracklet(
        tracklet=f"{camera}|1.0|{track}", camera=camera, label="v", first_ns=0, last_ns=1, crops=stored
    )


def four_vehicles() -> Journeys:
    """1 to 4 were seen by both cameras, 5 by one."""
    events = []
    for track in range(1, 5):
        events.append(seen(f"id{track}", "north", track=track, kind=Kind.CONFIRMED))
        events.append(seen(f"id{track}", "north", "south", track=track))
    return journeys_of([*events, seen("id5", "north", track=5, kind=Kind.CONFIRMED)])


def test_linked_vehicles_become_a_set_that_can_be_opened(tmp_path: Path) -> None:
    store = tmp_path / "crops"
    tracklets = [kept(store, camera, track) for camera in ("north", "south") for track in range(1, 7)]
    counts = export_crops(four_vehicles(), tracklets, store, tmp_path / "out")
    assert (counts.images, counts.identities, counts.cameras, counts.left_out) == (16, 4, 2, 4)
    data = open_dataset(str(tmp_path / "out"))
    assert (data.name, len(data.train), len(data.query), len(data.gallery)) == ("folder", 8, 4, 8)
    assert set(data.query.cameras.tolist()) == {"north", "south"}
    original = cv2.imread(str(store / "north" / "1.0-1-0.jpg"))
    copy = cv2.imread(str(tmp_path / "out" / "images" / "north" / "1.0-1-0.jpg"))
    assert original is not None
    assert copy is not None
    assert (original == copy).all()


def test_singles_are_taken_on_request(tmp_path: Path) -> None:
    tracklets = [kept(tmp_path / "crops", "north", track) for track in range(1, 7)]
    counts = export_crops(four_vehicles(), tracklets, tmp_path / "crops", tmp_path / "out", singles=True)
    assert (counts.images, counts.identities, counts.left_out) == (10, 5, 1)


def test_a_link_that_is_not_probable_enough_makes_two_vehicles_of_one(tmp_path: Path) -> None:
    events = [
        seen("id1", "north", track=1, kind=Kind.CONFIRMED, probability=0.5),
        seen("id1", "north", "south", track=1, probability=0.9),
        seen("id1", "north", "south", "east", track=1, probability=0.99),
        seen("id1", "north", "south", "east", "west", track=1, probability=0.8),
    ]
    cameras = ("north", "south", "east", "west")
    tracklets = [
        msgspec.structs.replace(kept(tmp_path / "crops", camera, 1), first_ns=place)
        for place, camera in enumerate(cameras)
    ]
    journeys = journeys_of(events)
    counts = export_crops(journeys, tracklets, tmp_path / "crops", tmp_path / "sure", min_probability=0.95)
    assert (counts.images, counts.identities, counts.left_out) == (4, 1, 2)
    assert "id1~2,south" in (tmp_path / "sure" / "images.csv").read_text()
    everyone = export_crops(
        journeys, tracklets, tmp_path / "crops", tmp_path / "all", min_probability=0.95, singles=True
    )
    assert (everyone.images, everyone.identities) == (8, 3)
    assert export_crops(journeys, tracklets, tmp_path / "crops", tmp_path / "whole").identities == 1


def test_a_link_counts_also_where_its_sighting_has_no_crops(tmp_path: Path) -> None:
    events = [
        seen("id1", "north", track=1, kind=Kind.CONFIRMED),
        seen("id1", "north", "south", track=1, probability=0.5),
        seen("id1", "north", "south", "east", track=1, probability=0.99),
    ]
    tracklets = [kept(tmp_path / "crops", camera, 1) for camera in ("north", "east")]
    counts = export_crops(
        journeys_of(events), tracklets, tmp_path / "crops", tmp_path / "out", min_probability=0.9, singles=True
    )
    assert (counts.identities, counts.cuts) == (2, 1)
    with pytest.raises(ConfigError, match=r"1 links less probable than 0\.9, 2 stored"):
        export_crops(journeys_of(events), tracklets, tmp_path / "crops", tmp_path / "none", min_probability=0.9)


def test_a_file_in_place_of_the_folder_is_said(tmp_path: Path) -> None:
    tracklets = [kept(tmp_path / "crops", camera, 1) for camera in ("north", "south")]
    (tmp_path / "out").write_text("mine")
    with pytest.raises(ConfigError, match="is a file; name a folder"):
        export_crops(four_vehicles(), tracklets, tmp_path / "crops", tmp_path / "out")
    assert (tmp_path / "out").read_text() == "mine"


def test_the_vehicles_of_a_camera_that_is_held_out_are_not_trained_on(tmp_path: Path) -> None:
    events = [
        each
        for track, cameras in enumerate((("north", "south"), ("north", "east"), ("south", "east", "north")), 1)
        for each in (
            seen(f"id{track}", *cameras[: place + 1], track=track, kind=Kind.EXTENDED if place else Kind.CONFIRMED)
            for place in range(len(cameras))
        )
    ]
    events.append(seen("id4", "east", track=4, kind=Kind.CONFIRMED))
    wanted = [("north", 1), ("south", 1), ("north", 2), ("east", 2), ("south", 3), ("east", 3), ("north", 3)]
    tracklets = [kept(tmp_path / "crops", camera, track) for camera, track in [*wanted, ("east", 4)]]
    out = tmp_path / "out"
    counts = export_crops(journeys_of(events), tracklets, tmp_path / "crops", out, singles=True, hold_out="east")
    assert (counts.images, counts.held_out, counts.left_out) == (14, 10, 1), "who was seen by that camera alone is not"
    data = open_dataset(str(out))
    assert set(data.train.identities.tolist()) == {"id1"}
    assert set(data.query.cameras.tolist()) == {"east"}
    assert set(data.gallery.cameras.tolist()) == {"north", "south"}
    assert set(data.query.identities.tolist()) == set(data.gallery.identities.tolist()) == {"id2", "id3"}
    for camera, message in (("west", "it has seen no linked vehicle"), ("north", "it has seen every linked vehicle")):
        with pytest.raises(ConfigError, match=message):
            export_crops(journeys_of(events), tracklets, tmp_path / "crops", tmp_path / camera, hold_out=camera)


def test_pictures_that_have_been_pruned_are_no_trouble(tmp_path: Path) -> None:
    tracklets = [kept(tmp_path / "crops", "north", track) for track in range(1, 3)]
    (tmp_path / "crops" / "north" / "1.0-1-0.jpg").unlink()
    counts = export_crops(four_vehicles(), tracklets, tmp_path / "crops", tmp_path / "out")
    assert (counts.images, counts.gone) == (3, 1)


def test_what_cannot_be_exported_is_one_line(tmp_path: Path) -> None:
    tracklets = [kept(tmp_path / "crops", "north", 9)]
    with pytest.raises(ConfigError, match=r"belongs to a vehicle that was linked .4 linked vehicles, 1 stored"):
        export_crops(four_vehicles(), tracklets, tmp_path / "crops", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    write_images(tmp_path / "full", ["something.jpg"])
    with pytest.raises(ConfigError, match="is not empty"):
        export_crops(four_vehicles(), [kept(tmp_path / "crops", "north", 1)], tmp_path / "crops", tmp_path / "full")


def naming(tracklet: StoredTracklet, **changes: str) -> StoredTracklet:
    """A tracklet whose index has been tampered with."""
    file = changes.pop("file", None)
    crops = [msgspec.structs.replace(crop, file=file) for crop in tracklet.crops] if file else tracklet.crops
    return msgspec.structs.replace(tracklet, crops=crops, **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"file": "/etc/hostname"},
        {"file": "{outside}/1.0-1-0.jpg"},
        {"file": "../../outside/1.0-1-0.jpg"},
        {"file": "../south/1.0-1-0.jpg"},
        {"file": "south/1.0-1-0.jpg"},
        {"file": ".."},
        {"file": "1.0-1-0.jpg\n"},
        {"file": "1.0-1.json"},
        {"camera": "../outside"},
        {"camera": "{outside}"},
        {"camera": ".."},
        {"camera": "."},
        {"camera": "north/../../outside"},
        {"camera": "north\n"},
    ],
    ids=repr,
)
def test_no_path_of_an_index_leads_out_of_its_camera_s_folder(tmp_path: Path, changes: dict[str, str]) -> None:
    store, outside = tmp_path / "crops", tmp_path / "outside"
    write_images(outside, ["1.0-1-0.jpg"])
    changes = {key: value.replace("{outside}", str(outside)) for key, value in changes.items()}
    good, bad = kept(store, "south", 1), naming(kept(store, "north", 1), **changes)
    with pytest.raises(ConfigError, match="no crop of a store"):
        export_crops(four_vehicles(), [good, bad], store, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["file", "dangling", "folder", "pipe", "in its place a folder"])
def test_no_link_is_followed(tmp_path: Path, kind: str) -> None:
    store, outside = tmp_path / "crops", tmp_path / "outside"
    write_images(outside, ["1.0-1-0.jpg", "1.0-1-1.jpg"])
    tracklet = kept(store, "north", 1)
    crop = store / "north" / "1.0-1-0.jpg"
    crop.unlink()
    if kind == "file":
        crop.symlink_to(outside / "1.0-1-0.jpg")
    elif kind == "dangling":
        crop.symlink_to(tmp_path / "nowhere.jpg")
    elif kind == "folder":
        (store / "north").rename(tmp_path / "moved")
        (store / "north").symlink_to(outside)
    elif kind == "pipe":
        os.mkfifo(crop)
    else:
        crop.mkdir()
    with pytest.raises(ConfigError, match=r"is a link, which is not followed|is no plain file"):
        export_crops(four_vehicles(), [kept(store, "south", 1), tracklet], store, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("linked", ["index", "folder"])
def test_an_index_that_is_a_link_is_not_read(tmp_path: Path, linked: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    tracklet = kept(outside.parent, "outside", 1)
    (outside / "1.0-1.json").write_bytes(msgspec.json.encode(msgspec.structs.replace(tracklet, camera="north")))
    store = tmp_path / "crops"
    store.mkdir()
    if linked == "folder":
        (store / "north").symlink_to(outside)
    else:
        (store / "north").mkdir()
        (store / "north" / "1.0-1.json").symlink_to(outside / "1.0-1.json")
    with pytest.raises(ConfigError, match="is a link"):
        read_store(store)


def test_an_index_speaks_of_its_own_camera(tmp_path: Path) -> None:
    tracklet = kept(tmp_path, "north", 1)
    (tmp_path / "south").mkdir()
    (tmp_path / "south" / "1.0-1.json").write_bytes(msgspec.json.encode(tracklet))
    with pytest.raises(ConfigError, match="it is about camera 'north'"):
        read_store(tmp_path)


def test_the_command_says_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text('[[cameras]]\nid = "north"\nsource = "north.mp4"\n')
    ended = corridor(tmp_path, "crops", "export", "run.toml", "out")
    assert ended.returncode == 2
    assert ended.stderr.strip() == "error: there are no crops in runs/run/crops (run with [crops] keep = true)"
