"""An exported encoder on the CPU: the contract of all encoders, its id, and files that are none."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from associate.associator import Associator
from associate.settings import AssociateSettings
from embed.crops import Crop
from embed.encoder import file_id
from embed.exported import ExportedEncoder
from embed.runtime import BATCHES, RuntimeEncoder, batch_ranges
from ingest.errors import ConfigError, WeightsError
from tests.embed import test_colour
from tests.embed.samples import observation, unit
from tests.embed.tiny_encoder import metadata, write_tiny

CROPS = [
    test_colour.crop(colour, seed=seed, size=(90 + 7 * seed, 60))
    for seed, colour in enumerate([*test_colour.COLOURS.values()] * 3)
]


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return write_tiny(tmp_path / "tiny.onnx")


def test_it_keeps_the_contract_of_encoders(tiny: Path) -> None:
    test_colour.test_contract(RuntimeEncoder(tiny, threads=1))


@pytest.mark.parametrize("count", [0, 1, 2, 7, 8, 9, 12])
def test_any_number_of_crops(tiny: Path, count: int) -> None:
    encoder = RuntimeEncoder(tiny, threads=1)
    alone = [encoder([each])[0] for each in CROPS[:count]]
    assert np.allclose(encoder(CROPS[:count]), np.array(alone).reshape(count, 5), atol=1e-6)


@pytest.mark.parametrize("count", range(30))
def test_crops_are_run_in_few_sizes_and_all_of_them_once(count: int) -> None:
    found = list(batch_ranges(count))
    assert [place for start, stop in found for place in range(start, stop)] == list(range(count))
    assert {stop - start for start, stop in found} <= set(BATCHES)


def test_it_sees_blue_green_red_of_the_whole_crop_and_is_told_of_box_and_mask(tiny: Path) -> None:
    image = np.full((40, 50, 3), (10, 20, 40), np.uint8)
    mask = np.zeros((40, 50), np.bool_)
    mask[10:20, 10:35] = True
    seen = Crop(image, np.array([10, 10, 35, 30], np.float32), 1.0, 0, mask)
    expected = np.array([10, 20, 40, 25, 12.5])
    encoder = RuntimeEncoder(tiny)
    assert np.allclose(encoder([seen])[0], expected / np.linalg.norm(expected), atol=1e-5)
    unmasked = np.array([10, 20, 40, 25, 25])
    assert np.allclose(encoder([replace(seen, mask=None)])[0], unmasked / np.linalg.norm(unmasked), atol=1e-5)


def test_a_network_that_takes_no_priors_is_given_none(tmp_path: Path) -> None:
    encoder = RuntimeEncoder(write_tiny(tmp_path / "plain.onnx", metadata(priors=False)))
    assert encoder.dim == 3
    assert np.array_equal(encoder(CROPS), encoder([replace(each, mask=None) for each in CROPS]))


def test_the_id_is_of_the_weights(tmp_path: Path) -> None:
    one, same, other = (
        write_tiny(tmp_path / f"{name}.onnx", gain=gain) for name, gain in (("a", 1), ("b", 1), ("c", 2))
    )
    ids = [RuntimeEncoder(path).id for path in (one, same, other)]
    assert ids[0] == ids[1] != ids[2]
    assert all(name.startswith("grl@") for name in ids)
    assert ExportedEncoder.open(one).id == ids[0]


def test_the_id_names_the_masks_that_a_network_looks_at(tmp_path: Path) -> None:
    grl, plain = write_tiny(tmp_path / "a.onnx"), write_tiny(tmp_path / "b.onnx", metadata(priors=False))
    assert RuntimeEncoder(grl, masks="grabcut").id == RuntimeEncoder(grl).id
    assert RuntimeEncoder(grl, masks="ellipse").id == f"{RuntimeEncoder(grl).id}+ellipse"
    assert file_id(RuntimeEncoder(grl, masks="ellipse").id) == ExportedEncoder.open(grl).id
    assert RuntimeEncoder(plain, masks="ellipse").id == RuntimeEncoder(plain).id


def weights_apart(folder: Path) -> list[RuntimeEncoder]:
    return [RuntimeEncoder(write_tiny(folder / f"{gain}.onnx", gain=gain)) for gain in (1.0, 2.0)]


def masks_apart(folder: Path) -> list[RuntimeEncoder]:
    file = write_tiny(folder / "tiny.onnx")
    return [RuntimeEncoder(file, masks=masks) for masks in ("ellipse", "grabcut")]


@pytest.mark.parametrize("two", [weights_apart, masks_apart])
def test_vectors_of_other_weights_or_masks_are_not_compared(
    tmp_path: Path, two: Callable[[Path], list[RuntimeEncoder]]
) -> None:
    ours, theirs = (each.id for each in two(tmp_path))
    settings = AssociateSettings()
    associator = Associator(settings, cameras=("north",), encoder=ours)
    assert associator.refuse(observation(encoder=ours, vector=unit(1, 5))) is None
    assert "whose vectors this zone compares" in str(associator.refuse(observation(encoder=theirs, vector=unit(1, 5))))


DAMAGE = {
    "nothing in it": lambda data: b"",
    "text": lambda data: b"encoder: none\n",
    "cut short": lambda data: data[: len(data) // 2],
    "a picture": lambda data: b"\x89PNG\r\n\x1a\n" + bytes(100),
    "its graph lost": lambda data: data.replace(b"LpNormalization", b"NoSuchOperation"),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_file_is_refused_in_one_line(tiny: Path, damage: object) -> None:
    tiny.write_bytes(damage(tiny.read_bytes()))  # type: ignore[operator]
    with pytest.raises(WeightsError, match=r"tiny\.onnx") as caught:
        RuntimeEncoder(tiny)
    assert "\n" not in str(caught.value)


def test_foreign_and_wrong_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="is no exported encoder"):
        RuntimeEncoder(write_tiny(tmp_path / "foreign.onnx", key="somebody else's"))
    with pytest.raises(WeightsError, match="of format 'corridor exported encoder 9'"):
        RuntimeEncoder(write_tiny(tmp_path / "new.onnx", metadata(format="corridor exported encoder 9")))
    with pytest.raises(WeightsError, match="unlike its metadata says"):
        RuntimeEncoder(write_tiny(tmp_path / "liar.onnx", metadata(dim=512)))
    with pytest.raises(WeightsError, match=r"cannot read the encoder .*no\.onnx: No such file"):
        RuntimeEncoder(tmp_path / "no.onnx")


@pytest.mark.torch
def test_without_a_gpu_cuda_is_refused(tiny: Path) -> None:
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    with pytest.raises(ConfigError, match=r"embed\.device 'cuda': PyTorch finds no GPU"):
        RuntimeEncoder(tiny, device="cuda")
