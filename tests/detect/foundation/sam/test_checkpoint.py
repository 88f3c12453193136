"""The checkpoint: what is missing, broken or of something else is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

pytest.importorskip("torch")
pytest.importorskip("segment_anything")

import torch
from torch import Tensor

from detect.foundation import sam
from detect.foundation.sam import SamMasker
from ingest.errors import ConfigError, WeightsError
from tests.detect.foundation.sam.networks import save, small

pytestmark = pytest.mark.torch


def test_a_missing_checkpoint_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"none\.pth \(run `corridor weights pull sam-vit-b`\)"):
        SamMasker(tmp_path / "none.pth", "vit-b", device="cpu")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-500])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def text(path: Path) -> None:
    path.write_text("<html>404 Not Found</html>")


def code(path: Path) -> None:
    torch.save({"model": small()}, path)  # a pickled object: loading it would run code


@pytest.mark.parametrize("broken", [cut, empty, text, code])
def test_a_broken_checkpoint_is_refused(tmp_path: Path, broken: Callable[[Path], None]) -> None:
    path = save(tmp_path, "small")
    broken(path)
    with pytest.raises(WeightsError, match=r"cannot read .*small\.pth: it is broken, cut short, or no checkpoint"):
        SamMasker(path, cast("sam.Size", "small"), device="cpu")


def test_a_checkpoint_of_another_size_is_refused_by_its_name(tmp_path: Path) -> None:
    path = save(tmp_path, "wide")
    with pytest.raises(WeightsError, match=r"wide\.pth holds the weights of SAM wide, not of SAM small"):
        SamMasker(path, cast("sam.Size", "small"), device="cpu")


def lacking(state: dict[str, Tensor]) -> object:
    del state["mask_decoder.iou_token.weight"]
    return state


def wrapped(state: dict[str, Tensor]) -> object:
    return {"model": state}


@pytest.mark.parametrize("changed", [lacking, wrapped, dict.values])
def test_a_checkpoint_of_something_else_is_refused(tmp_path: Path, changed: Callable[[Any], object]) -> None:
    path = save(tmp_path, "small")
    torch.save(changed(torch.load(path)) if changed is not dict.values else [1, 2], path)
    with pytest.raises(WeightsError, match="holds no weights of SAM by their names and shapes"):
        SamMasker(path, cast("sam.Size", "small"), device="cpu")


def test_the_published_sizes_are_known() -> None:
    megabytes = {size: sum(p.numel() for p in sam._empty(size).parameters()) * 4e-6 for size in sam.BUILDERS}
    # As large as Meta's files (deploy/weights_catalogue.toml) but for some kilobytes of names.
    assert megabytes["vit-b"] == pytest.approx(375.042, abs=0.3)
    assert megabytes["vit-l"] == pytest.approx(1249.525, abs=0.3)
    assert megabytes["vit-h"] == pytest.approx(2564.551, abs=0.3)


def test_a_size_and_a_device_that_there_are_not_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path, "small")
    with pytest.raises(ConfigError, match=r"there is no SAM 'vit-x' \(known: vit-b, vit-l, vit-h"):
        SamMasker(path, cast("sam.Size", "vit-x"), device="cpu")
    with pytest.raises(ConfigError, match="'cuda:99' is not there"):
        SamMasker(path, cast("sam.Size", "small"), device="cuda:99")
