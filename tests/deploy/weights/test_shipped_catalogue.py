"""The catalogue that ships."""

import shutil
from pathlib import Path

import pytest

from deploy.weights import catalogue
from ingest.errors import WeightsError
from tests.deploy.weights.calls import row, run

SHIPPED = catalogue.load_catalogue()


def test_the_default_is_in_the_catalogue() -> None:
    assert SHIPPED.network(SHIPPED.default).published.label == "Open Model Zoo 2022.3, FP16"


@pytest.mark.parametrize("name", SHIPPED.networks)
def test_the_catalogue_is_consistent(name: str) -> None:
    network = SHIPPED.network(name)
    main = network.published.files[0].name
    assert network.folder == name if Path(main).suffix == ".json" else not network.folder
    digests = [file.digest for release in network.releases for file in release.files]
    assert len(set(digests)) == len(digests)
    for release in network.releases:
        assert release.source.startswith("https://")
        assert [file.name for file in release.files] == [file.name for file in network.published.files]
        assert network.folder or all(Path(file.name).stem == Path(main).stem for file in release.files)


def test_no_two_networks_share_a_file() -> None:
    paths = [path for network in SHIPPED.networks.values() for path in network.paths(Path("weights")).values()]
    assert len(set(paths)) == len(paths)


FOUNDATION = {
    "grounding-dino-swin-t": 0.694e9,
    "grounding-dino-swin-b": 0.938e9,
    "bert-base-uncased": 0.441e9,
    "sam-vit-b": 0.375e9,
    "sam-vit-l": 1.250e9,
    "sam-vit-h": 2.565e9,
}


@pytest.mark.parametrize(("name", "size"), FOUNDATION.items())
def test_the_large_networks_are_known_by_sha256_and_say_what_is_not_certain(name: str, size: float) -> None:
    network = SHIPPED.network(name)
    assert network.licence == "Apache-2.0"
    assert network.published.size == pytest.approx(size, rel=1e-3)
    assert all(file.digest.startswith("sha256:") for file in network.published.files)
    assert "public projects record" in network.published.note


KNOWN = {
    "crossroad-1016": "Open Model Zoo 2022.3, FP16-INT8",
    "pvb-2004": "Open Model Zoo 2022.3, FP16",
    "pvb-2001": "Open Model Zoo 2022.3, FP16",
    "pvb-2000": "Open Model Zoo 2022.3, FP16-INT8",
    "yolox-nano": "copy of unknown release, in Kazuhito00/vehicle-reid-0001-onnx-sample",
    "vehicle-attributes-0039": "Open Model Zoo 2021.4, FP16",
    "reid-0277": "Open Model Zoo 2021.4, FP16",
}


@pytest.mark.parametrize(("name", "label"), KNOWN.items())
def test_the_shared_copies_are_known(
    name: str, label: str, shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CORRIDOR_WEIGHTS", str(shared_data / "weights"))
    inspection = catalogue.inspect(SHIPPED.network(name), shared_data / "weights")
    assert inspection.release is not None, inspection.problem
    assert inspection.release.label == label
    assert label in row(run("verify", name), name)
    # The same file with its last byte changed is refused.
    for file in SHIPPED.network(name).published.files:
        shutil.copyfile(shared_data / "weights" / file.name, tmp_path / file.name)
    changed = tmp_path / file.name
    data = changed.read_bytes()
    changed.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    monkeypatch.setenv("CORRIDOR_WEIGHTS", str(tmp_path))
    with pytest.raises(WeightsError, match="are not the published files"):
        catalogue.find(name)
