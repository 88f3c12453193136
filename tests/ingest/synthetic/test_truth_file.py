"""Truth files: what is written is read again, by us and by the scores."""

from pathlib import Path

import numpy as np
import pytest

from ingest.errors import ConfigError
from ingest.synthetic.camera.spec import CameraClock, CameraPose
from ingest.synthetic.world.truth_file import CLASSES, TruthHeader, TruthWriter, read_frames, read_truth_header
from ingest.synthetic.world.weather import Weather
from ingest.truth import TrueFrame, TrueSighting, pack_mask
from training.scoring.truth import read_mot

HEADER = TruthHeader(
    camera="north",
    source="city://smooth/0",
    seed=3,
    traffic="drawn by hand",
    trace="0" * 64,
    width=640,
    height=360,
    fps=10,
    starts_ns=0,
    seconds=2.0,
    pose=CameraPose(0.0, 1.0, 7.0, 3.0, 20.0, 50.0),
    focal_px=686.2,
    centre_px=(320.0, 180.0),
    clock=CameraClock(1.5, 40.0),
    dark=((0.5, 1.0),),
    weather=Weather(light="night", rain=0.5),
    bits_per_s=500_000,
)


def sighting(number: int, kind: str, mask: np.ndarray, left: int = 100, top: int = 50) -> TrueSighting:
    height, width = mask.shape
    box = (left, top, left + width, top + height)
    return TrueSighting(number, kind, box, (90, 40, 700, 200), 0.25, 0.125, (1.5, -20.25), 178.5, pack_mask(mask))


def frames() -> list[TrueFrame]:
    rng = np.random.default_rng(1)
    masks = [np.ones((3, 5), bool), np.eye(4, dtype=bool), rng.random((17, 23)) < 0.5]
    first = tuple(sighting(number, kind, mask) for number, (kind, mask) in enumerate(zip(CLASSES, masks, strict=False)))
    return [
        TrueFrame(0, 0, 1_500_000_000, first),
        TrueFrame(1, 100_000_000, 1_600_004_000, ()),
        TrueFrame(10, 10**9, 2_500_040_000, (sighting(7, "bus", ~masks[2]),)),
    ]


def write(folder: Path) -> None:
    with TruthWriter(folder, HEADER) as writer:
        for frame in frames():
            writer.write(frame)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write(tmp_path)
    path = tmp_path / "north.truth.jsonl"
    assert read_truth_header(path) == HEADER
    assert list(read_frames(path)) == frames()


def test_the_scores_read_the_boxes(tmp_path: Path) -> None:
    write(tmp_path)
    truth = read_mot(tmp_path / "north.gt.txt")
    assert truth.frames.tolist() == [1, 1, 1, 11]
    assert truth.ids.tolist() == [0, 1, 2, 7]
    assert truth.boxes[0].tolist() == [100, 50, 105, 53]
    assert truth.classes.tolist() == [1, 2, 3, 3]
    assert truth.visibility.tolist() == [0.25] * 4
    assert truth.considered.all()


def test_classes_are_those_of_the_recordings_with_truth() -> None:
    assert CLASSES == {"car": 1, "truck": 2, "bus": 3, "motorcycle": 4, "van": 5}


def test_masks_are_runs_column_by_column_that_begin_with_what_is_hidden(tmp_path: Path) -> None:
    mask = np.array([[0, 1, 1], [0, 0, 1]], bool)
    with TruthWriter(tmp_path, HEADER) as writer:
        writer.write(TrueFrame(0, 0, 0, (sighting(1, "car", mask), sighting(2, "car", ~mask))))
    text = (tmp_path / "north.truth.jsonl").read_text()
    assert '"mask":[2,1,1,2]' in text
    assert '"mask":[0,2,1,1,2]' in text


@pytest.mark.parametrize(
    ("line", "content", "message"),
    [
        (0, "{}", "line 1: Object missing required field `camera`"),
        (0, '{"format":"corridor-truth-2"}', "line 1: Invalid enum value"),
        (2, '{"sequence":0', "line 3: Input data was truncated"),
        (1, None, "line 2: a mask of 14 pixels in a box of 5 x 3"),
    ],
)
def test_says_what_is_wrong_with_a_file(tmp_path: Path, line: int, content: str | None, message: str) -> None:
    write(tmp_path)
    path = tmp_path / "north.truth.jsonl"
    lines = path.read_text().splitlines()
    lines[line] = content if content is not None else lines[line].replace('"mask":[0,15]', '"mask":[0,14]')
    path.write_text("\n".join(lines))
    with pytest.raises(ConfigError, match=message):
        list(read_frames(path))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read the truth .*nothing\.truth\.jsonl"):
        read_truth_header(tmp_path / "nothing.truth.jsonl")
