"""The encoder that comes with the program is whole, small, described, and at work without any setting."""

import numpy as np

from deploy.site.wiring import make_encoder
from embed.crops import Crop
from embed.exported import ExportedEncoder
from embed.settings import SHIPPED_FILE, EmbedSettings

MOST_BYTES = 10_000_000


def test_both_files_are_small_and_the_card_is_theirs() -> None:
    files = [SHIPPED_FILE, SHIPPED_FILE.with_suffix(".safetensors")]
    assert sum(path.stat().st_size for path in files) <= MOST_BYTES
    exported = ExportedEncoder.open(SHIPPED_FILE)
    assert exported.id in SHIPPED_FILE.with_name("README.md").read_text("utf-8")
    assert exported.id.encode() in files[1].read_bytes()[:4096], "of the same export"


def test_association_knows_how_to_read_it() -> None:
    calibration = ExportedEncoder.open(SHIPPED_FILE).metadata.calibration
    assert calibration is not None
    assert calibration.same_mean > calibration.others_mean


def test_it_is_what_a_configuration_without_a_word_has() -> None:
    encoder = make_encoder(EmbedSettings(), "grabcut")
    rng = np.random.default_rng(0)
    crops = [
        Crop(rng.integers(0, 256, (90, 70, 3), dtype=np.uint8), np.array([8, 8, 62, 82], np.float32), 1.0, 0, None)
        for _ in range(3)
    ]
    vectors = encoder(crops)
    assert encoder.id == ExportedEncoder.open(SHIPPED_FILE).id
    assert vectors.shape == (3, 768)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    np.testing.assert_array_equal(encoder(crops[1:2])[0], vectors[1])
