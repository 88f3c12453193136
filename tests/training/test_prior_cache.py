"""Priors are found once, survive a kill -9, and reach the network as they were found."""

import json
import signal
import subprocess
import sys
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from detect.detections import Detections
from detect.masks import BoxMasker, Mask
from embed.priors import Prior, box_only, rasterise
from ingest.errors import ConfigError
from ingest.frame import Image
from ingest.truth import encode_mask
from tests.training import layouts
from training.datasets.base import ReidData
from training.datasets.city_layout import BOXES_AND_MASKS
from training.datasets.opening import open_dataset
from training.prior_cache import PriorCache, fill, prior_source
from training.prior_makers import CityPriors, DetectedPriors, choose
from training.prior_sheet import write_sheet


@dataclass
class FromName:
    """A box and a mask that follow from the image's name; every fifth image has none, every seventh no mask."""

    name: str = "names"
    asked: list[str] = field(default_factory=list)

    def __call__(self, name: str, image: Image) -> Prior | None:
        self.asked.append(name)
        number = zlib.crc32(name.encode())
        if number % 5 == 0:
            return None
        rng = np.random.default_rng(number)
        box = np.sort(rng.uniform(0, 1, (2, 2)), axis=0).ravel().astype(np.float32)
        return Prior(box, None if number % 7 == 0 else rng.random((30, 40)) > 0.5)


def quiet(done: int, total: int) -> None:
    pass


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def large(root: Path) -> ReidData:
    """More than two shards."""
    return open_dataset(str(layouts.by_identity(root, identities=60, images=10)))


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.training.test_prior_cache import FromName, quiet
from training.datasets.opening import open_dataset
from training.prior_cache import fill

when, count = sys.argv[3], 0

def dying(*_):
    global count
    count += 1
    if count == (300 if when == "finding" else 3):  # about.json and the first shard are in place
        os.kill(os.getpid(), signal.SIGKILL)

class Dying(FromName):
    def __call__(self, name, image):
        if when == "finding":
            dying()
        return super().__call__(name, image)

if when == "replacing":
    replace = Path.replace
    Path.replace = lambda self, target: (dying(), replace(self, target))[1]
fill(open_dataset(sys.argv[1]), Dying(), Path(sys.argv[2]), quiet)
"""


@pytest.mark.parametrize("when", ["finding", "replacing"])
def test_after_kill_9_the_cache_becomes_the_same_byte_for_byte(tmp_path: Path, when: str) -> None:
    data = large(tmp_path / "set")
    fill(data, FromName(), tmp_path / "whole", quiet)
    broken = tmp_path / "broken"
    arguments = [sys.executable, "-c", KILLED, str(tmp_path / "set"), str(broken), when]
    ended = subprocess.run(arguments, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert [path.name for path in sorted(broken.glob("*.shard"))] == ["000000.shard"]
    assert bool(list(broken.glob("*.part"))) == (when == "replacing")
    with pytest.raises(ConfigError, match="has priors of 256 of 600 images"):
        PriorCache.open(broken)
    maker = FromName()
    fill(data, maker, broken, quiet)
    assert len(maker.asked) == 600 - 256
    assert files(broken) == files(tmp_path / "whole")


def test_what_was_found_comes_back(tmp_path: Path) -> None:
    data = open_dataset(str(layouts.by_identity(tmp_path / "set")))
    maker = FromName()
    cache = fill(data, maker, tmp_path / "priors", quiet)
    assert sorted(maker.asked) == sorted(set(maker.asked))
    nothing = 0
    for name in maker.asked:
        found, kept = FromName()(name, np.zeros((1, 1, 3), np.uint8)), cache[name]
        if found is None or kept is None:
            assert found is kept
            nothing += 1
            continue
        assert kept.box == pytest.approx(found.box, abs=1e-5)
        assert (kept.mask is None) == (found.mask is None)
        if kept.mask is not None:
            np.testing.assert_array_equal(kept.mask, found.mask)
    assert len(cache.missed) == nothing > 0


def test_large_masks_are_kept_smaller(tmp_path: Path) -> None:
    data = open_dataset(str(layouts.by_identity(tmp_path / "set", identities=4)))
    wide = np.zeros((300, 600), np.bool_)
    wide[:, 150:] = True

    class Wide(FromName):
        def __call__(self, name: str, image: Image) -> Prior:
            return Prior(np.array([0.25, 0, 1, 1], np.float32), wide)

    cache = fill(data, Wide(), tmp_path / "priors", quiet)
    prior = cache[str(data.train.names[0])]
    assert prior is not None
    assert prior.mask is not None
    assert prior.mask.shape == (64, 128)
    assert prior.mask.mean() == 0.75


def test_a_second_call_asks_nobody(tmp_path: Path) -> None:
    data = open_dataset(str(layouts.by_identity(tmp_path / "set")))
    first = fill(data, FromName(), tmp_path / "priors", quiet)
    maker, told = FromName(), []
    second = fill(data, maker, tmp_path / "priors", lambda done, total: told.append((done, total)))
    assert (maker.asked, second.stored) == ([], first.stored)
    assert told[-1] == (30, 30)


def test_priors_of_other_files_or_makers_are_not_mixed(tmp_path: Path) -> None:
    data = open_dataset(str(layouts.by_identity(tmp_path / "set")))
    cache = fill(data, FromName(), tmp_path / "priors", quiet)
    with pytest.raises(ConfigError, match="holds priors of another maker: 'names', not 'somebody'"):
        fill(data, FromName("somebody"), tmp_path / "priors", quiet)
    cache.check(data)
    layouts.write_images(tmp_path / "set", ["van new/1.jpg", "van new/2.jpg"])
    more = open_dataset(str(tmp_path / "set"))
    with pytest.raises(ConfigError, match="the priors are of other files"):
        cache.check(more)
    with pytest.raises(ConfigError, match="holds priors of another fingerprint"):
        fill(more, FromName(), tmp_path / "priors", quiet)
    with pytest.raises(ConfigError, match="there is no prior of 'van new/1"):
        cache["van new/1.jpg"]


def test_a_spoilt_shard_is_one_line(tmp_path: Path) -> None:
    data = open_dataset(str(layouts.by_identity(tmp_path / "set")))
    fill(data, FromName(), tmp_path / "priors", quiet)
    (tmp_path / "priors" / "000000.shard").write_bytes(b"\x93")
    with pytest.raises(ConfigError, match=r"000000\.shard cannot be read"):
        PriorCache.open(tmp_path / "priors")
    with pytest.raises(ConfigError, match="not a folder of priors"):
        PriorCache.open(tmp_path)


def test_an_unreadable_image_is_counted_and_has_no_prior(tmp_path: Path) -> None:
    data = open_dataset(str(layouts.by_identity(tmp_path / "set")))
    name = str(data.train.names[0])
    data.train.path(0).write_bytes(b"nothing")
    cache = fill(data, FromName(), tmp_path / "priors", quiet)
    assert cache.unreadable == [name]
    assert cache[name] is None
    assert name not in cache.missed


# Drawing


def test_box_and_mask_cover_cells_by_their_share() -> None:
    mask = np.zeros((2, 4), np.bool_)
    mask[:, 1:3] = True
    planes = rasterise(Prior(np.array([0.125, 0.5, 1, 1], np.float32), mask), (4, 2))
    assert planes[0] == pytest.approx(np.array([[0, 0, 0, 0], [0.5, 1, 1, 1]]))
    assert planes[1] == pytest.approx(np.array([[0, 1, 1, 0], [0, 1, 1, 0]]))
    assert planes.dtype == np.float32


@pytest.mark.parametrize("size", [(8, 8), (16, 32), (64, 64), (7, 5), (200, 100)])
def test_drawing_keeps_the_area_and_never_leaves_0_to_1(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    prior = Prior(np.array([0.1, 0.2, 0.7, 0.95], np.float32), rng.random((32, 16)) > 0.4)
    planes = rasterise(prior, size)
    assert planes.shape == (2, size[1], size[0])
    assert planes.mean(axis=(1, 2)) == pytest.approx([0.6 * 0.75, prior.mask.mean()], abs=1e-5)  # type: ignore[union-attr]
    assert planes.min() >= 0
    assert planes.max() <= 1


def test_drawing_averages_areas_as_opencv_does() -> None:
    mask = np.random.default_rng(2).random((64, 96)) > 0.5
    expected = cv2.resize(mask.astype(np.float32), (24, 16), interpolation=cv2.INTER_AREA)
    assert rasterise(Prior(np.array([0, 0, 1, 1], np.float32), mask), (24, 16))[1] == pytest.approx(expected, abs=1e-6)


def test_without_a_detection_everything_is_vehicle_and_without_a_mask_the_box() -> None:
    assert (rasterise(None, (6, 4)) == 1).all()
    boxed = rasterise(Prior(np.array([0.2, 0, 1, 1], np.float32)), (6, 4))
    np.testing.assert_array_equal(boxed[0], boxed[1])
    assert box_only(None) is None


def test_rows_of_a_table_are_told_different_things(tmp_path: Path) -> None:
    data = open_dataset(str(layouts.by_identity(tmp_path / "set")))
    cache = fill(data, FromName(), tmp_path / "priors", quiet)
    rows = range(len(data.train))

    def drawn(row: str, seed: int = 0) -> list[NDArray[np.float32]]:
        source = prior_source(cache, data.train, row, (24, 16), np.random.default_rng(seed))  # type: ignore[arg-type]
        return [source(each) for each in rows]

    full, boxes, nothing, shuffled = (drawn(row) for row in ("with-prior", "box-only", "no-prior", "shuffled-prior"))
    names = data.train.names.tolist()
    for row in rows:
        np.testing.assert_array_equal(full[row], rasterise(cache[names[row]], (24, 16)))
        np.testing.assert_array_equal(boxes[row][0], full[row][0])
        np.testing.assert_array_equal(boxes[row][1], full[row][0])
        assert (nothing[row] == 1).all()
    # The control gives away everybody's prior, each once, and nobody's own.
    assert sorted(each.tobytes() for each in shuffled) == sorted(each.tobytes() for each in full)
    owners = {each.tobytes(): row for row, each in enumerate(full) if sum((each == other).all() for other in full) == 1}
    assert len(owners) > 5
    assert all(owners.get(each.tobytes()) != row for row, each in enumerate(shuffled))
    assert [each.tobytes() for each in shuffled] == [each.tobytes() for each in drawn("shuffled-prior")]


# Finding


def test_the_detection_a_crop_is_about_is_large_sure_and_in_the_middle() -> None:
    size = (100, 80)
    cases: list[tuple[list[list[float]], list[float], int | None]] = [
        ([], [], None),
        ([[0, 0, 30, 30]], [0.9], None),  # beside the middle
        ([[20, 10, 90, 70]], [0.1], 0),
        ([[40, 30, 60, 50], [10, 10, 90, 75]], [0.9, 0.8], 1),  # larger
        ([[10, 10, 90, 70], [10, 10, 90, 70]], [0.3, 0.6], 1),  # surer
        ([[0, 0, 60, 80], [20, 0, 80, 80]], [0.5, 0.5], 1),  # more in the middle
        ([[0, 0, 45, 80], [45, 35, 55, 45]], [0.9, 0.2], 1),
    ]
    for boxes, scores, expected in cases:
        assert choose(Detections.of(boxes, scores), size) == expected


def test_a_detector_and_a_masker_make_a_prior() -> None:
    found = Detections.of([[0, 0, 10, 10], [20, 8, 60, 32]], [0.9, 0.5])
    maker = DetectedPriors("toy", lambda frame: found, BoxMasker())
    prior = maker("a.jpg", np.zeros((40, 80, 3), np.uint8))
    assert prior is not None
    assert prior.box.tolist() == pytest.approx([0.25, 0.2, 0.75, 0.8])
    assert prior.mask is not None
    assert (prior.mask.shape, prior.mask.sum()) == ((40, 80), 40 * 24)
    assert (
        DetectedPriors("toy", lambda frame: Detections.none(), BoxMasker())("a.jpg", np.zeros((9, 9, 3), np.uint8))
        is None
    )


def test_the_city_tells_the_truth_about_its_crops(tmp_path: Path) -> None:
    data = open_dataset(str(layouts.veri(tmp_path)))
    mask: Mask = np.zeros((12, 16), np.bool_)
    mask[4:9, 3:12] = True
    with (tmp_path / BOXES_AND_MASKS).open("w") as file:
        for images in (data.train, data.gallery):
            for name in images.names.tolist()[1:]:
                folder, _, image = name.rpartition("/")
                row = {"image": image, "folder": folder, "detected_xyxy": [4, 3, 12, 9], "mask": encode_mask(mask)}
                file.write(json.dumps(row) + "\n")
    cache = fill(data, CityPriors(tmp_path), tmp_path / "priors", quiet)
    assert set(cache.missed) == {
        "image_test/0005_c003_00000010_0.jpg",
        "image_query/0005_c003_00000010_0.jpg",
        "image_train/0001_c001_00016450_0.jpg",
    }
    prior = cache["image_query/0006_c003_00000020_0.jpg"]
    assert prior is not None
    assert prior.box.tolist() == pytest.approx([0.25, 0.25, 0.75, 0.75])
    np.testing.assert_array_equal(prior.mask, mask)
    (tmp_path / BOXES_AND_MASKS).write_text("{")
    with pytest.raises(ConfigError, match=r"boxes and masks of .* cannot be read"):
        CityPriors(tmp_path)


def test_the_sheet_shows_missed_images_first_with_a_red_frame(tmp_path: Path) -> None:
    data = open_dataset(str(layouts.by_identity(tmp_path / "set")))
    cache = fill(data, FromName(), tmp_path / "priors", quiet)
    write_sheet(tmp_path / "sheet.png", data.train, cache, np.random.default_rng(0))
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert sheet is not None
    assert sheet.shape == (224, 16 * 112, 3)
    missed = len(set(cache.missed) & set(data.train.names.tolist()))
    assert missed > 0
    corners = sheet[1, 1::112][:16]
    assert [bool(corner[2] > 200) for corner in corners] == [place < missed for place in range(16)]


def test_about_says_what_a_cache_is_of(tmp_path: Path) -> None:
    data = open_dataset(str(layouts.by_identity(tmp_path / "set")))
    cache = fill(data, FromName(), tmp_path / "priors", quiet)
    told = json.loads((tmp_path / "priors" / "about.json").read_text())
    assert told == msgspec.to_builtins(cache.about)
    assert (told["dataset"], told["maker"], told["images"]) == ("folder", "names", 30)
