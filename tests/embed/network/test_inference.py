"""Weights of an export that cannot be read."""

from pathlib import Path

import pytest

pytest.importorskip("torch")

from embed.network.inference import load_inference_model, read_weights
from embed.network.settings import NetworkSettings
from ingest.errors import WeightsError


@pytest.mark.parametrize("content", [None, b"", b"no tensors" * 9], ids=["absent", "empty", "something else"])
def test_a_file_that_is_no_weights(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "weights.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WeightsError, match="export the encoder again"):
        load_inference_model(path, NetworkSettings(name="msinet", height=32, width=32))
    with pytest.raises(WeightsError, match="export the encoder again"):
        read_weights(path)
