"""Frozen looks stay what they are, and training cannot see them."""

import ast

import numpy as np

from tests.bench.city.crops_set import Shot
from tests.bench.encoder.frozen_looks import LOOKS, SMALL_PX, TUNGSTEN, seen_through
from tests.bench.gantries.cuts import BRIGHT, COLD, DARK, HAZY, WARM
from tests.conftest import ROOT


def shot() -> Shot:
    image = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    return Shot(image, "a", "1", "car", np.array([5, 5, 75, 55], np.float32), np.zeros((60, 80), np.bool_))


def test_the_looks_are_frozen() -> None:
    numbers = [
        (it.gamma, it.gain, it.balance, it.contrast, it.lift, it.blur_px, it.noise, it.jpeg)
        for it in (DARK, WARM, HAZY, COLD, BRIGHT, TUNGSTEN)
    ]
    assert numbers == [
        (1.4, 0.85, (1.0, 1.0, 1.0), 1.0, 0.0, 0.0, 0.0, None),
        (1.0, 1.0, (0.85, 1.0, 1.12), 1.2, 0.0, 0.0, 0.0, None),
        (1.0, 1.0, (1.0, 1.0, 1.0), 0.7, 20.0, 1.0, 0.0, None),
        (1.0, 1.0, (1.12, 1.0, 0.88), 1.0, 0.0, 0.0, 0.0, 25),
        (1.0, 1.25, (1.0, 1.0, 1.0), 1.0, 0.0, 0.0, 8.0, None),
        (1.0, 1.0, (0.7, 1.0, 1.28), 1.0, 0.0, 0.0, 0.0, None),
    ]
    assert (len(LOOKS), SMALL_PX) == (8, 28)


def test_a_look_changes_the_image_and_always_alike() -> None:
    for look in LOOKS.values():
        (one,), (two,) = seen_through(look, [shot()]), seen_through(look, [shot()])
        assert np.array_equal(one.image, two.image)
        assert one.image.shape == shot().image.shape
        assert not np.array_equal(one.image, shot().image)


def test_no_module_of_training_imports_a_test() -> None:
    for path in (ROOT / "training").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [each.name for each in node.names] if isinstance(node, ast.Import) else []
            assert not any(name.split(".")[0] == "tests" for name in names), path
