"""Priors come back as they were found, and reach the network as they should be drawn."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from embed.priors import Prior, box_only, rasterise
from ingest.errors import ConfigError
from tests.training.datasets import layouts
from tests.training.priors.planted import FromName, quiet
from training.datasets.registry import list_dataset
from training.evaluation.image_sheet import write_sheet
from training.priors.cache import PriorCache, prior_source
from training.priors.filling import fill
from training.priors.sheet import prior_sheet


def test_what_was_found_comes_back(tmp_path: Path) -> None:
    data = list_dataset(str(layouts.by_identity(tmp_path / "set")))
    maker = FromName()
    cache = fill(data, maker, tmp_path / "priors", quiet)
    assert sorted(maker.asked) == sorted(set(maker.asked))
    nothing = 0
    for name in maker.asked:
        found, kept = maker.of(name), cache[name]
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
    data = list_dataset(str(layouts.by_identity(tmp_path / "set", identities=4)))
    wide = np.zeros((300, 600), np.bool_)
    wide[:, 150:] = True

    class Wide(FromName):
        def of(self, name: str) -> Prior:
            return Prior(np.array([0.25, 0, 1, 1], np.float32), wide)

    cache = fill(data, Wide(), tmp_path / "priors", quiet)
    prior = cache[str(data.parts["whole"].names[0])]
    assert prior is not None
    assert prior.mask is not None
    assert prior.mask.shape == (64, 128)
    assert prior.mask.mean() == 0.75


def test_a_spoilt_shard_is_one_line(tmp_path: Path) -> None:
    data = list_dataset(str(layouts.by_identity(tmp_path / "set")))
    fill(data, FromName(), tmp_path / "priors", quiet)
    (tmp_path / "priors" / "000000.shard").write_bytes(b"\x93")
    with pytest.raises(ConfigError, match=r"000000\.shard cannot be read"):
        PriorCache.open(tmp_path / "priors")
    with pytest.raises(ConfigError, match="not a folder of priors"):
        PriorCache.open(tmp_path)


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
    data = list_dataset(str(layouts.by_identity(tmp_path / "set")))
    cache = fill(data, FromName(), tmp_path / "priors", quiet)
    rows = range(len(data.parts["whole"]))

    def drawn(row: str, seed: int = 0) -> list[NDArray[np.float32]]:
        source = prior_source(cache, data.parts["whole"], row, (24, 16), np.random.default_rng(seed))  # type: ignore[arg-type]
        return [source(each) for each in rows]

    full, boxes, nothing, shuffled = (drawn(row) for row in ("with-prior", "box-only", "no-prior", "shuffled-prior"))
    names = data.parts["whole"].names.tolist()
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


def test_the_sheet_shows_missed_images_first_with_a_red_frame(tmp_path: Path) -> None:
    data = list_dataset(str(layouts.by_identity(tmp_path / "set")))
    cache = fill(data, FromName(), tmp_path / "priors", quiet)
    write_sheet(tmp_path / "sheet.png", prior_sheet(data.parts["whole"], cache, np.random.default_rng(0)))
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert sheet is not None
    assert sheet.shape == (224, 16 * 112, 3)
    missed = len(set(cache.missed) & set(data.parts["whole"].names.tolist()))
    assert missed > 0
    corners = sheet[1, 1::112][:16]
    assert [bool(corner[2] > 200) for corner in corners] == [place < missed for place in range(16)]
