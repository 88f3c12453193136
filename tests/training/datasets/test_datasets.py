"""Every layout is read as its protocol wants it; what is odd is told of, what cannot be used is one line."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from ingest.errors import ConfigError, SourceError
from tests.training.datasets import layouts
from training.datasets import two_camera
from training.datasets.base import UNKNOWN_CAMERA, IdentityMap, ImageSet, Protocol, ReidData, fingerprint, need_images
from training.datasets.city.layout import BOXES_AND_MASKS, CAMERAS
from training.datasets.images import read_image
from training.datasets.registry import list_dataset, open_dataset


def identities(images: ImageSet) -> list[str]:
    return [str(identity) for identity in images.identities]


def cameras(images: ImageSet) -> list[str]:
    return [str(camera) for camera in images.cameras]


def test_veri_has_its_queries_in_the_gallery(tmp_path: Path) -> None:
    data = open_dataset(f"veri:{layouts.veri(tmp_path)}")
    assert (data.name, data.protocol) == ("veri-776", Protocol.IMAGE_TO_IMAGE)
    assert identities(data.train) == ["0001", "0001", "0002", "0002"]
    assert cameras(data.train) == ["001", "004", "002", "005"]
    assert identities(data.query) == ["0005", "0006"]
    assert len(data.gallery) == 5
    assert data.query.path(0) == tmp_path / "image_query" / "0005_c003_00000010_0.jpg"


def test_odd_counts_are_told_of_and_not_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = open_dataset(str(layouts.veri(tmp_path)))
    told = "VeRi-776 train: 4 images of 2 identities; published are 37778 of 576"
    assert told in data.notes
    assert told in caplog.messages


def test_a_city_set_is_veri_without_its_counts_and_with_surroundings(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    layouts.veri(tmp_path)
    (tmp_path / BOXES_AND_MASKS).write_text("")
    told = {f"c{number:03d}": {"preset": "north" if number < 4 else "south"} for number in range(1, 20)}
    (tmp_path / CAMERAS).write_text(json.dumps(told))
    data = open_dataset(str(tmp_path))
    assert (data.name, data.notes, caplog.messages) == ("city", (), [])
    assert data.train.extra["preset"].tolist() == ["north", "south", "north", "south"]
    assert data.train.select(data.train.extra["preset"] == "north").extra["preset"].tolist() == ["north", "north"]


@pytest.mark.parametrize("extension", ["", ".jpg"])
def test_vehicleid_has_its_lists_as_subsets_of_one_set(tmp_path: Path, extension: str) -> None:
    data = open_dataset(f"vehicleid:{layouts.vehicleid(tmp_path, extension=extension)}")
    assert data.protocol is Protocol.TEN_TRIALS
    assert identities(data.train) == ["11", "11", "12", "12", "12"]
    assert len(data.query) == 9
    assert data.query.names.tolist() == data.gallery.names.tolist()
    assert {name: len(rows) for name, rows in data.subsets.items()} == {"small": 4, "large": 9}
    assert set(identities(data.query.select(data.subsets["small"]))) == {"21", "22"}
    assert set(cameras(data.query)) == {UNKNOWN_CAMERA}


def test_listed_images_that_are_gone_are_told_of_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    layouts.vehicleid(tmp_path)
    (tmp_path / "image" / "0000001.jpg").unlink()
    data = open_dataset(f"vehicleid:{tmp_path}")
    assert len(data.train) == 4
    assert sum("left out 1 listed images" in line and "0000001.jpg" in line for line in caplog.messages) == 1


def test_market_drops_junk_and_keeps_distractors(tmp_path: Path) -> None:
    data = open_dataset(f"market1501:{layouts.market1501(tmp_path)}")
    assert sorted(identities(data.gallery)) == ["0000", "0003", "0003"]
    assert cameras(data.query) == ["1"]
    assert identities(data.train) == ["0002", "0002"]


@pytest.mark.parametrize(("folders", "version"), [(("train", "test"), "V1"), (("mask_train_v2", "mask_test_v2"), "V2")])
def test_msmt_tells_its_version_and_what_it_trains_on(tmp_path: Path, folders: tuple[str, str], version: str) -> None:
    layouts.msmt17(tmp_path, folders=folders)
    data = open_dataset(str(tmp_path))
    assert (data.name, data.version) == ("msmt17", f"{version} trainval")
    assert (identities(data.train), cameras(data.train)) == (["0", "0", "1"], ["01", "14", "05"])
    assert (cameras(data.query), cameras(data.gallery)) == (["02"], ["12", "02"])
    shorter = open_dataset(f"msmt17/train:{tmp_path}")
    assert (shorter.version, len(shorter.train)) == (f"{version} train", 2)
    assert all(data.train.path(row).exists() for row in range(len(data.train)))


def test_nobody_is_in_both_parts_of_msmt17_whose_numbers_both_begin_at_0(tmp_path: Path) -> None:
    data = open_dataset(f"msmt17:{layouts.msmt17(tmp_path)}")
    assert not set(identities(data.train)) & set(identities(data.query))
    assert set(identities(data.query)) <= set(identities(data.gallery))


def test_two_cameras_ask_one_and_search_the_other(tmp_path: Path) -> None:
    data = open_dataset(str(layouts.two_camera(tmp_path)))
    assert (len(data.train), len(data.query), len(data.gallery)) == (50, 25, 25)
    assert set(cameras(data.query)) == {"1"}
    assert set(cameras(data.gallery)) == {"2"}
    kinds = {name: len(rows) for name, rows in data.subsets.items()}
    assert kinds == {"car": 12, "motorcycle": 13, "four wheels or more": 12}
    assert "hold out a fold" in data.notes[0]


def test_folds_ask_every_identity_once_and_never_train_on_it(tmp_path: Path) -> None:
    layouts.two_camera(tmp_path)
    folds = [open_dataset(f"two-camera/fold{number}:{tmp_path}") for number in range(1, 6)]
    asked = [identity for fold in folds for identity in identities(fold.query)]
    assert sorted(asked) == sorted(identities(open_dataset(str(tmp_path)).query))
    for fold in folds:
        assert not set(identities(fold.train)) & set(identities(fold.query))
        assert len(fold.gallery) == 25  # always all of them
        assert set(cameras(fold.train)) == {"1", "2"}
        assert {name: len(rows) for name, rows in fold.subsets.items()}["car"] in (2, 3)
    assert folds[0].fingerprint() == folds[4].fingerprint()


def test_folds_follow_from_the_seed_alone(tmp_path: Path) -> None:
    images = open_dataset(str(layouts.two_camera(tmp_path))).train
    first, again, other = (two_camera.folds(images, np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert [fold.tolist() for fold in first] == [fold.tolist() for fold in again]
    assert [fold.tolist() for fold in first] != [fold.tolist() for fold in other]


def test_a_folder_an_identity_holds_out_a_fifth(tmp_path: Path) -> None:
    data = open_dataset(str(layouts.by_identity(tmp_path)))
    assert (data.name, len(data.train), len(data.query), len(data.gallery)) == ("folder", 24, 2, 4)
    assert not set(identities(data.train)) & set(identities(data.query))
    assert not set(data.query.names.tolist()) & set(data.gallery.names.tolist())
    assert open_dataset(str(tmp_path)).query.names.tolist() == data.query.names.tolist()


def test_a_folder_may_be_split_by_its_owner(tmp_path: Path) -> None:
    names = ["train/a/1.jpg", "train/a/2.jpg", "query/b/1.png", "gallery/b/2.jpg", "gallery/c/1.jpg"]
    layouts.write_images(tmp_path, names)
    data = open_dataset(str(tmp_path))
    assert [identities(images) for images in (data.train, data.query, data.gallery)] == [["a", "a"], ["b"], ["b", "c"]]


def write_table(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    layouts.write_images(path.parent, [row["path"] for row in rows if row.get("path")])
    return path


def test_a_table_with_cameras_keeps_queries_in_the_gallery(tmp_path: Path) -> None:
    rows = [
        {"path": f"images/{identity}-{camera}.jpg", "identity": identity, "camera": camera}
        for identity in "abcdefghij"
        for camera in ("north", "south")
    ]
    data = open_dataset(f"folder:{write_table(tmp_path / 'images.csv', rows)}")
    assert (len(data.train), len(data.query), len(data.gallery)) == (16, 4, 4)
    assert open_dataset(str(tmp_path)).train.names.tolist() == data.train.names.tolist()


def test_a_table_may_tell_the_split(tmp_path: Path) -> None:
    splits = ("train", "train", "query", "gallery")
    rows = [{"path": f"{n}.jpg", "identity": "a", "split": split} for n, split in enumerate(splits)]
    path = write_table(tmp_path / "mine.csv", rows)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())  # as spreadsheets write it
    data = open_dataset(str(path))
    assert (len(data.train), len(data.query), len(data.gallery)) == (2, 1, 1)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([{"path": "a.jpg", "who": "1"}], "there is no identity"),
        ([{"path": "a.jpg", "identity": "1"}, {"path": "b.jpg", "identity": ""}], "line 3: path or identity is empty"),
        (
            [{"path": "a.jpg", "identity": "1", "split": "test"}],
            "line 2: split 'test' is none of train, query, gallery",
        ),
        ([{"path": "a.jpg", "identity": "1"}], "1 identities are too few"),
    ],
)
def test_bad_tables_are_refused(tmp_path: Path, rows: list[dict[str, str]], told: str) -> None:
    path = write_table(tmp_path / "mine.csv", rows)
    with pytest.raises(ConfigError, match=told):
        open_dataset(str(path))


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("veri:{}/none", r"there is no .*none; it is given out at https://vehiclereid\.github\.io"),
        ("{}/none", r"there is no .*none$"),
        ("veri:{}", "does not look like 'veri': expected image_train, image_query, image_test"),
        ("{}", "looks like none of the data sets known here"),
        ("cars:{}", "there is no kind of data set 'cars' .* there are veri, vehicleid"),
        ("msmt17/all:{}", "'msmt17' has no variant 'all'; there are trainval, train"),
    ],
)
def test_what_is_no_data_set_is_one_line(tmp_path: Path, spec: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told) as raised:
        open_dataset(spec.format(tmp_path))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("make", [layouts.veri, layouts.vehicleid, layouts.market1501, layouts.msmt17])
def test_the_layout_tells_the_kind(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    assert open_dataset(str(make(tmp_path))).name.replace("-", "").startswith(make.__name__)


def test_no_image_at_all_is_refused(tmp_path: Path) -> None:
    for below in ("image_train", "image_query", "image_test"):
        (tmp_path / below).mkdir()
    with pytest.raises(ConfigError, match="no usable image"):
        open_dataset(f"veri:{tmp_path}")


def test_an_empty_split_is_one_line(tmp_path: Path) -> None:
    data = open_dataset(str(layouts.veri(tmp_path)))
    assert need_images(data.train, "training") is data.train
    nothing = data.train.select(np.zeros(len(data.train), np.bool_))
    with pytest.raises(ConfigError, match="the training split is empty: no usable image below"):
        need_images(nothing, "the training split")


def test_identities_with_one_image_are_told_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    layouts.veri(tmp_path)
    (tmp_path / "image_train" / "0001_c004_00016480_0.jpg").unlink()
    data = open_dataset(str(tmp_path))
    line = "veri-776: 1 of 2 identities to train on have one image only, such as '0001'"
    assert line in data.notes
    assert line in caplog.messages


def test_files_of_another_name_are_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    layouts.write_images(layouts.veri(tmp_path), ["image_train/cover.jpg"])
    assert len(open_dataset(str(tmp_path)).train) == 4
    assert any(
        "left out 1 files with names of another form, such as 'image_train/cover.jpg'" in m for m in caplog.messages
    )


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def text_instead(path: Path) -> None:
    path.write_text("<html>404</html>")


@pytest.mark.parametrize("spoil", [cut_short, emptied, text_instead])
def test_spoilt_images_are_told_of_once_and_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, spoil: Callable[[Path], None]
) -> None:
    layouts.vehicleid(tmp_path)
    spoil(tmp_path / "image" / "0000010.jpg")
    spoil(tmp_path / "image" / "0000001.jpg")
    with pytest.raises(SourceError, match=r"0000010\.jpg"):
        read_image(tmp_path / "image" / "0000010.jpg")
    sound = open_dataset(str(tmp_path))
    assert (len(sound.train), len(sound.query), len(sound.gallery)) == (4, 8, 8)
    assert identities(sound.query.select(sound.subsets["small"])) == ["21", "22", "22"]
    assert sum("0000010.jpg" in line for line in caplog.messages) == 1
    assert any("2 images are left out" in line for line in caplog.messages)


def test_a_png_cut_short_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(cv2.imencode(".png", np.zeros((40, 40, 3), np.uint8))[1].tobytes())
    assert read_image(path).shape == (40, 40, 3)
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(SourceError, match="cut short"):
        read_image(path)


def test_a_fingerprint_is_of_names_and_sizes_wherever_they_lie(tmp_path: Path) -> None:
    here, there = (list_dataset(str(layouts.veri(tmp_path / place))) for place in ("here", "there"))
    assert here.fingerprint() == there.fingerprint()
    assert here.fingerprint().files == 11
    assert fingerprint(here.parts["train"]) != fingerprint(here.parts["query"])
    path = there.parts["train"].path(0)
    path.write_bytes(path.read_bytes() + b"\0")
    assert here.fingerprint() != there.fingerprint()
    path.unlink()
    with pytest.raises(ConfigError, match="cannot be read"):
        there.fingerprint()


def test_identity_maps_are_sorted_and_strict(tmp_path: Path) -> None:
    data: ReidData = open_dataset(str(layouts.two_camera(tmp_path / "set")))
    known = IdentityMap.of(data.train)
    assert list(known.identities) == sorted(set(identities(data.train)))
    labels = known.labels(data.train)
    assert sorted(set(labels.tolist())) == list(range(len(known)))
    assert [known.identities[label] for label in labels] == identities(data.train)
    fewer = IdentityMap(known.identities[:-1])
    with pytest.raises(ConfigError, match=f"identity '{known.identities[-1]}' is not one of the 24"):
        fewer.labels(data.train)
