"""`python -m training.vehicle_types` on a few drawn crops: what it says and what it writes."""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from embed.runtime import RuntimeEncoder
from embed.settings import SHIPPED_FILE
from embed.vehicle_types import VEHICLE_TYPES, read_head
from training.evaluation.exported_vectors import whole_crop
from training.vehicle_types import __main__ as command
from training.vehicle_types.examples import TypedCrop


def painted(seed: int) -> Iterator[TypedCrop]:
    """Two crops of each type, which are as unlike as their paint."""
    rng = np.random.default_rng(seed)
    for place, name in enumerate(VEHICLE_TYPES):
        for number in range(2):
            noise = rng.integers(0, 40, (48, 48, 3), dtype=np.uint8)
            noise[..., place % 3] += np.uint8(90 + 30 * place)
            yield TypedCrop(whole_crop(noise), name, f"{name}{number}", "rear")


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    sources = {"one": lambda: painted(1), "other": lambda: painted(2)}
    monkeypatch.setattr(command, "crop_sources", lambda data, city: sources)
    written = []
    for name in ("a.npz", "b.npz"):
        monkeypatch.setattr(sys, "argv", ["types", "--out", str(tmp_path / name)])
        command.main()
        written.append((tmp_path / name).read_bytes())
    assert written[0] == written[1]
    said = capsys.readouterr().out
    assert "one: 10 crops" in said
    assert "other, left out: accuracy 1.000, mean of its types 1.000" in said
    encoder = RuntimeEncoder(SHIPPED_FILE, threads=1)
    head = read_head(tmp_path / "a.npz", encoder.id)
    assert head.probabilities(encoder([each.crop for each in painted(3)])).argmax(axis=1).tolist() == sorted(
        [*range(5)] * 2
    )


def test_a_source_without_crops_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["types", "--data", str(tmp_path), "--out", str(tmp_path / "a.npz")])
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code == 2
    assert "cctv has no crops in" in capsys.readouterr().err
    assert not (tmp_path / "a.npz").exists()
