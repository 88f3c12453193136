"""Images as users have them: what is behind their end, cut short, turned, of other depths and modes."""

import struct
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from ingest.errors import SourceError
from tests.training.datasets.test_odd_inputs import by_identity, counts, image
from training.datasets.images import read_image
from training.datasets.registry import open_dataset


def padded(data: bytes) -> bytes:
    return data + bytes(1500)


def with_thumbnail(data: bytes) -> bytes:
    """EXIF with a whole small JPEG in it, as every camera writes."""
    small = cv2.imencode(".jpg", image()[:8, :8])[1].tobytes()
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(small) + 8) + b"Exif\0\0" + small + data[2:]


def with_a_film(data: bytes) -> bytes:
    return data + b"MotionPhoto_Data" + bytes(range(256)) * 40 + b"\xff\xd9\xff\xd8\xff"


def cut(data: bytes) -> bytes:
    return data[:-200]


def encode(ending: str, *parameters: int) -> bytes:
    noise = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    return cv2.imencode(ending, cv2.resize(noise, (64, 64)), list(parameters))[1].tobytes()


FORMATS = {
    "JPEG": encode(".jpg"),
    "progressive JPEG": encode(".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    "JPEG with restarts": encode(".jpg", cv2.IMWRITE_JPEG_RST_INTERVAL, 2),
    "JPEG with a thumbnail": with_thumbnail(encode(".jpg")),
    "PNG": encode(".png"),
    "BMP": encode(".bmp"),
}


@pytest.mark.parametrize("name", FORMATS)
def test_an_image_is_whole_whatever_is_behind_it_and_cut_short_wherever_that_is(tmp_path: Path, name: str) -> None:
    path, data = tmp_path / "a.jpg", FORMATS[name]
    for whole in (data, padded(data), with_a_film(data)):
        path.write_bytes(whole)
        assert read_image(path).shape == (64, 64, 3)
    for part in (cut(data), padded(cut(data)), data[: len(data) // 2], data[:-2]):
        if name == "BMP" and part[-1500:] == bytes(1500):
            continue  # nothing marks its end: padding counts as black pixels
        path.write_bytes(part)
        with pytest.raises(SourceError, match=rf"a\.jpg has been cut short after {len(part)} bytes"):
            read_image(path)


def _exif(turned: int) -> bytes:
    """EXIF that says how a viewer has to turn the image, as telephones write it."""
    entry = struct.pack(">HHIHH", 274, 3, 1, turned, 0)
    body = b"Exif\0\0MM\0*\0\0\0\x08\0\x01" + entry + bytes(4)
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body


def _in_mode(name: str) -> bytes:
    """A blue upper and a red lower half, 20 pixels wide and 40 high, in a mode that loaders have stumbled over."""
    halves = np.full((40, 20, 3), (200, 10, 10), np.uint8)
    halves[20:] = (10, 10, 200)
    if name == "turned by EXIF":  # stored lying: what is above stands left, for a viewer to turn it clockwise
        data = cv2.imencode(".jpg", cv2.rotate(halves, cv2.ROTATE_90_COUNTERCLOCKWISE))[1].tobytes()
        return data[:2] + _exif(6) + data[2:]
    shapes: dict[str, NDArray[Any]] = {
        "sixteen bits": halves.astype(np.uint16) * 257,
        "with alpha": np.dstack([halves, np.full((40, 20), 128, np.uint8)]),
        "gray": halves[..., 0],
    }
    return cv2.imencode(".png", shapes[name])[1].tobytes()


@pytest.mark.parametrize("name", ["turned by EXIF", "sixteen bits", "with alpha", "gray"])
def test_every_mode_is_read_as_a_viewer_shows_it(tmp_path: Path, name: str) -> None:
    """Loaders of other kits fail on such images ("expected 3 channels"), or train on lying ones."""
    (tmp_path / "a.jpg").write_bytes(_in_mode(name))
    read = read_image(tmp_path / "a.jpg")
    assert read.shape == (40, 20, 3)
    assert read.dtype == np.uint8
    upper, lower = ((200, 200, 200), (10, 10, 10)) if name == "gray" else ((200, 10, 10), (10, 10, 200))
    assert np.abs(read[5, 10].astype(int) - upper).max() < 8
    assert np.abs(read[35, 10].astype(int) - lower).max() < 8


def test_a_set_of_jpegs_with_something_behind_them_is_whole(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for path in by_identity(tmp_path).glob("*/*.jpg"):
        path.write_bytes(padded(path.read_bytes()))
    assert counts(open_dataset(str(tmp_path))) == (24, 2, 6)
    assert caplog.messages == []
