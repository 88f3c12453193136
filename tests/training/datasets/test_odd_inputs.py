"""Inputs as users have them: what is right for each, and that what is left out is counted."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from ingest.errors import ConfigError, SourceError
from ingest.frame import Image
from tests.conftest import ROOT
from tests.training.datasets import layouts
from training.datasets.base import ImageSet, ReidData
from training.datasets.images import read_image
from training.datasets.left_out import Reason
from training.datasets.registry import list_dataset, open_dataset
from training.evaluation.retrieval import answerable


def image(number: int = 0, view: int = 0) -> Image:
    """Another one for each vehicle and view."""
    return np.full((64, 64, 3), (number * 25, 90, 200 - view * 20), np.uint8)


def jpeg(number: int = 0, view: int = 0) -> bytes:
    return cv2.imencode(".jpg", image(number, view))[1].tobytes()


def by_identity(root: Path, identities: int = 8, views: int = 4) -> Path:
    for number in range(identities):
        (root / f"v{number}").mkdir(parents=True, exist_ok=True)
        for view in range(views):
            (root / f"v{number}" / f"{view}.jpg").write_bytes(jpeg(number, view))
    return root


def counts(data: ReidData) -> tuple[int, int, int]:
    return len(data.train), len(data.query), len(data.gallery)


def cameras(images: ImageSet) -> set[str]:
    return set(images.cameras.tolist())


# Decisions come after images that cannot be read are gone


def test_the_next_image_asks_where_the_first_of_every_vehicle_is_broken(tmp_path: Path) -> None:
    by_identity(tmp_path, identities=10)
    for path in tmp_path.glob("*/0.jpg"):
        path.write_bytes(path.read_bytes()[:-300])
    data = open_dataset(str(tmp_path))
    assert counts(data) == (24, 2, 4)
    assert answerable(data).all()
    for path in tmp_path.glob("*/0.jpg"):
        path.unlink()
    without = open_dataset(str(tmp_path))
    assert [each.names.tolist() for each in (data.train, data.query, data.gallery)] == [
        each.names.tolist() for each in (without.train, without.query, without.gallery)
    ]


def test_a_vehicle_without_a_sound_image_is_not_held_out(tmp_path: Path) -> None:
    """Nor does it count among those of which a fifth is."""
    by_identity(tmp_path, identities=10)
    asked = set(open_dataset(str(tmp_path)).query.identities.tolist())
    for path in (tmp_path / min(asked)).iterdir():
        path.write_bytes(b"")
    data = open_dataset(str(tmp_path))
    assert len(set(data.query.identities.tolist())) == 2
    assert min(asked) not in data.query.identities.tolist()


def test_a_vehicle_is_alone_when_its_others_cannot_be_read(tmp_path: Path) -> None:
    layouts.veri(tmp_path)
    (tmp_path / "image_train" / "0001_c004_00016480_0.jpg").write_text("gone")
    notes = open_dataset(str(tmp_path)).notes
    assert "veri-776: 1 of 2 identities to train on have one image only, such as '0001'" in notes
    assert "VeRi-776 train: 3 images of 2 identities; published are 37778 of 576" in notes


def test_folds_are_dealt_of_vehicles_that_are_left(tmp_path: Path) -> None:
    layouts.two_camera(tmp_path)
    for path in tmp_path.glob("car_0003_*"):
        path.write_bytes(b"")
    folds = [open_dataset(f"two-camera/fold{number}:{tmp_path}") for number in range(1, 6)]
    asked = [identity for fold in folds for identity in fold.query.identities.tolist()]
    assert len(asked) == len(set(asked)) == 24
    assert "car_0003" not in asked


def test_a_set_without_any_sound_image_is_refused(tmp_path: Path) -> None:
    by_identity(tmp_path)
    for path in tmp_path.glob("*/*.jpg"):
        path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(
        ConfigError, match=r"none of the 32 images below .* can be read: .*v0/0\.jpg has been cut short"
    ):
        open_dataset(str(tmp_path))


# Lists and tables


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_lists_are_read_as_editors_save_them(tmp_path: Path, encoding: str, caplog: pytest.LogCaptureFixture) -> None:
    layouts.vehicleid(tmp_path / "vehicleid")
    layouts.msmt17(tmp_path / "msmt")
    layouts.write_images(tmp_path, [f"own/{name}.jpg" for name in "abcd"])
    (tmp_path / "own" / "images.csv").write_text(
        "path, identity ,split\n"
        + "".join(f"{n}.jpg, v ,{s}\n" for n, s in zip("abcd", ["train", "train", "query", "gallery"], strict=True))
    )
    before = [open_dataset(str(tmp_path / name)) for name in ("vehicleid", "msmt", "own")]
    caplog.clear()
    for path in [*tmp_path.rglob("*.txt"), *tmp_path.rglob("*.csv")]:
        path.write_bytes(path.read_text().replace("\n", "\r\n").encode(encoding))
    after = [open_dataset(str(tmp_path / name)) for name in ("vehicleid", "msmt", "own")]
    assert [counts(data) for data in after] == [counts(data) for data in before] == [(5, 9, 9), (3, 1, 2), (2, 1, 1)]
    assert after[2].train.identities.tolist() == ["v", "v"]
    assert not [line for line in caplog.messages if "left out" in line]


def test_names_in_lists_may_have_blanks(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    layouts.vehicleid(tmp_path)
    shutil.copy(tmp_path / "image" / "0000001.jpg", tmp_path / "image" / "van 7 left.jpg")
    path = tmp_path / "train_test_split" / "train_list.txt"
    path.write_text(path.read_text() + "van 7 left.jpg 13\n\nlonely\n")
    data = open_dataset(str(tmp_path))
    assert data.train.names.tolist()[-1] == "image/van 7 left.jpg"
    assert data.train.identities.tolist()[-1] == "13"
    assert any("VehicleID train: left out 1 lines of another form, such as 'lonely'" in line for line in data.notes)


def test_a_list_that_is_not_there_is_said(tmp_path: Path) -> None:
    notes = open_dataset(str(layouts.vehicleid(tmp_path))).notes
    assert any("no train_test_split/test_list_1600.txt, so nothing is measured on 'medium'" in note for note in notes)


def table(root: Path, rows: str) -> Path:
    layouts.write_images(root, [f"{name}.jpg" for name in "abcd"])
    (root / "images.csv").write_text(rows)
    return root


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (
            "path,identity\na.jpg,1\na.jpg,2\n",
            r"1 images are of two vehicles at once, such as 'a.jpg' of '1' and 'a.jpg'",
        ),
        ("path,identity\na.jpg,1\n./a.jpg,2\n", r"'a.jpg' of '1' and './a.jpg' of '2'|'./a.jpg' of '2' and 'a.jpg'"),
        ("path,identity,split\na.jpg,1,train\na.jpg,2,query\n", "of two vehicles at once"),
        ("path,identity,split\na.jpg,1,train\nb.jpg,2,\n", "line 3: some lines have a split and some none"),
        ("path,identity\na.jpg,1,left\n", "line 2: 3 cells in 2 columns"),
        ("path,identity\n", "holds no image"),
        ("path,identity\na.jpg,1\n\nb.jpg\n", "line 4: 1 cells in 2 columns"),
        ("", "there is no identity"),
        ("path,identity\n\0,1\n", "it holds zero bytes"),
        ("path,identity\nx.jpg,1\n", "there is no usable image"),
    ],
)
def test_a_table_that_contradicts_itself_is_refused(tmp_path: Path, rows: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        open_dataset(str(table(tmp_path, rows)))


def test_a_list_with_an_image_of_two_vehicles_is_refused(tmp_path: Path) -> None:
    layouts.vehicleid(tmp_path)
    path = tmp_path / "train_test_split" / "test_list_2400.txt"
    path.write_text(path.read_text() + "0000010 24\n")
    with pytest.raises(ConfigError, match=r"'image/0000010.jpg' of '2\d' and 'image/0000010.jpg' of '2\d'"):
        open_dataset(str(tmp_path))


def test_what_is_listed_twice_counts_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = "path,identity,split\n" + "a.jpg,1,train\n" * 3 + "b.jpg,1,train\nc.jpg,2,query\nd.jpg,2,gallery\n"
    assert counts(open_dataset(str(table(tmp_path, rows)))) == (2, 1, 1)
    assert "folder: left out 2 images that are listed twice, such as 'a.jpg' (they count once)" in caplog.messages


def test_copies_under_two_vehicles_are_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    by_identity(tmp_path)
    shutil.copy(tmp_path / "v1" / "0.jpg", tmp_path / "v2" / "0.jpg")
    open_dataset(str(tmp_path))
    assert any(
        "1 files are copies of another vehicle's, such as 'v2/0.jpg' of 'v2'" in line for line in caplog.messages
    )


# Names


def market(root: Path, numbers: tuple[int, ...], form: str = "{identity:04d}_c{camera}s1_{camera:06d}_01.jpg") -> Path:
    for split, seen in (("bounding_box_train", numbers), ("query", numbers[:1]), ("bounding_box_test", numbers)):
        names = [form.format(identity=identity, camera=camera) for identity in range(1, 5) for camera in seen]
        layouts.write_images(root / split, names)
    return root


@pytest.mark.parametrize("form", ["{identity:04d}_c{camera}s1_{camera:06d}_01.jpg", "{identity}_c{camera}_0.jpg"])
def test_market_s_layout_with_more_than_nine_cameras(tmp_path: Path, form: str) -> None:
    data = open_dataset(str(market(tmp_path, (1, 10, 11, 12), form)))
    assert cameras(data.gallery) == {"1", "10", "11", "12"}
    assert counts(data) == (16, 4, 16)
    assert answerable(data).all()


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (layouts.market1501, "bounding_box_train/0002_c1x1_000451_03.jpg"),
        (layouts.veri, "image_train/0001_c001b_00016450_0.jpg"),
        (layouts.two_camera, "car_0003_cam12.jpg"),
    ],
)
def test_numbers_that_go_on_otherwise_are_left_out_and_counted(
    tmp_path: Path, make: Callable[[Path], Path], name: str
) -> None:
    layouts.write_images(make(tmp_path), [name])
    notes = list_dataset(str(tmp_path)).notes
    assert any(f"left out 1 files with names of another form, such as '{name}'" in note for note in notes)


NOT_UTF8 = {
    "folders in GBK": ("\u8f66\u8f86{}".encode("gbk") + b"/{}.jpg", r"\xb3\xb5\xc1\xbe"),
    "files in Latin-1": (b"v{}/f\xfcr{}.jpg", r"f\xfcr"),
}


@pytest.fixture(params=NOT_UTF8)
def not_utf8(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, str]:
    """A folder an identity with names that are no UTF-8, and how those are shown."""
    form, shown = NOT_UTF8[request.param]
    for number in range(8):
        for view in range(4):
            first, second, third = form.split(b"{}")
            name = first + str(number).encode() + second + str(view).encode() + third
            path = os.fsencode(tmp_path / "set") + b"/" + name
            os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120  # of bytes
            Path(os.fsdecode(path)).write_bytes(jpeg(number, view))
    return tmp_path / "set", shown


def test_names_that_are_no_utf_8_are_names_like_others(not_utf8: tuple[Path, str]) -> None:
    folder, shown = not_utf8
    data = open_dataset(str(folder))
    assert counts(data) == (24, 2, 6)
    assert data.fingerprint() == list_dataset(str(folder)).fingerprint()
    data.query.path(0).write_bytes(b"")
    with pytest.raises(SourceError) as told:
        read_image(data.query.path(0))
    assert shown in str(told.value)
    assert str(told.value).isascii()


def test_lists_name_files_by_their_bytes(tmp_path: Path) -> None:
    layouts.vehicleid(tmp_path)
    path = tmp_path / "train_test_split" / "train_list.txt"
    name = "\u8f66".encode("gbk") + b".jpg"
    path.write_bytes(path.read_bytes() + name + b" 99\n")
    (tmp_path / "image" / os.fsdecode(name)).write_bytes(jpeg())
    assert open_dataset(str(tmp_path)).train.identities.tolist().count("99") == 1


def test_what_macos_puts_into_archives_is_no_image_and_counted(tmp_path: Path) -> None:
    by_identity(tmp_path / "set")
    expected = list_dataset(str(tmp_path / "set")).fingerprint()
    for below in ("v0", "__MACOSX/v0", ".thumbs"):
        (tmp_path / "set" / below).mkdir(parents=True, exist_ok=True)
        (tmp_path / "set" / below / "._0.jpg").write_bytes(b"\0\5\x16\7")
    (tmp_path / "set" / "v1" / ".DS_Store").write_bytes(b"\0")
    listing = list_dataset(str(tmp_path / "set"))
    assert listing.fingerprint() == expected
    (note,) = listing.notes
    assert note.startswith("folder: left out 3 files and folders of the system's, such as '.thumbs'")
    assert list_dataset(f"images:{tmp_path / 'set'}").fingerprint() == expected


def test_what_a_folder_has_besides_is_counted(tmp_path: Path) -> None:
    by_identity(tmp_path)
    for name in (
        "v0/a.heic",
        "v0/b.webp",
        "v3/c",
        "v3/notes.txt",
        "LICENSE",
        "cover.jpg",
        "v1/night/0.jpg",
        "v1/night/1.jpg",
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(jpeg(9))
    (tmp_path / "v9").mkdir()
    (tmp_path / "v2" / "9.jpg").symlink_to("nowhere")
    data = open_dataset(str(tmp_path))
    assert sum(counts(data)) == 32
    told = [note.partition(" (")[0] for note in data.notes]
    assert told == [
        "folder: left out 3 files in other formats than .bmp, .jpeg, .jpg, .png, such as 'v0/a.heic'",
        "folder: left out 1 names of images that are no files, such as 'v2/9.jpg'",
        "folder: left out 3 images in other folders than the layout has, such as 'cover.jpg'",
        "folder: left out 1 folders without an image, such as 'v9'",
    ]


@pytest.mark.parametrize("spec", ["{}", "folder:{}", "images:{}"])
def test_a_set_in_a_format_that_is_not_read_is_refused_with_the_count(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, spec: str
) -> None:
    for path in by_identity(tmp_path / "cars").glob("*/*.jpg"):
        path.rename(path.with_suffix(".WEBP"))
    with pytest.raises(ConfigError, match="look"):
        open_dataset(spec.format(tmp_path / "cars"))
    assert any("cars: left out 32 files in other formats" in line for line in caplog.messages)


def test_folders_beside_the_splits_are_counted(tmp_path: Path) -> None:
    names = ["train/a/1.jpg", "train/a/2.jpg", "train/3.jpg", "query/b/1.jpg", "gallery/b/2.jpg", "val/c/1.jpg"]
    layouts.write_images(tmp_path, names)
    (note,) = open_dataset(str(tmp_path)).notes
    assert note.startswith("folder: left out 2 images in other folders than the layout has")


def test_odd_lines_are_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    layouts.write_images(layouts.veri(tmp_path), ["image_train/cover.jpg"])
    data = open_dataset(str(tmp_path))
    assert sorted(caplog.messages) == sorted(data.notes)
    assert len(set(caplog.messages)) == len(caplog.messages)


def test_every_reason_is_in_the_documentation() -> None:
    page = (ROOT / "docs" / "left-out.md").read_text()
    for reason in Reason:
        assert f"`left out N {reason.value[0]}, such as NAME`" in page, "and tests/system/left_out provokes it"
