"""Truth is read as it is written, or refused with the line."""

from pathlib import Path

import pytest

from ingest.errors import ConfigError
from training.scoring.truth import parse_mot, read_mot


def test_corners_come_from_left_top_width_and_height() -> None:
    truth = parse_mot("1,7,10,20,30,40,1,3,0.5\n2,7,11,20,30,40,0,3,1.0\n", "gt.txt")
    assert truth.frames.tolist() == [1, 2]
    assert truth.ids.tolist() == [7, 7]
    assert truth.boxes.tolist() == [[10, 20, 40, 60], [11, 20, 41, 60]]
    assert truth.classes.tolist() == [3, 3]
    assert truth.considered.tolist() == [True, False]
    assert truth.visibility.tolist() == [0.5, 1.0]


def test_what_a_line_lacks_on_the_right_counts_fully() -> None:
    truth = parse_mot("\ufeff1, 7, 10, 20, 30, 40\r\n\r\n2,7,10,20,30,40,1\n".removeprefix("\ufeff"), "gt.txt")
    assert truth.considered.tolist() == [True, True]
    assert truth.classes.tolist() == [1, 1]
    assert truth.visibility.tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("2,7,10,20,30", "5 columns"),
        ("2,7,10,20,30,40,1,1,1,9", "10 columns"),
        ("2,7,ten,20,30,40", "x 'ten' is not a number"),
        ("2,7,nan,20,30,40", "x 'nan' is not finite"),
        ("2,7,,20,30,40", "x '' is not a number"),
        ("2.5,7,10,20,30,40", "frame 2.5 is not a whole number"),
        ("2,7.5,10,20,30,40", "id 7.5 is not a whole number"),
        ("2,7,10,20,30,40,1,1.5", "class 1.5 is not a whole number"),
        ("0,7,10,20,30,40", "frame 0; frames count from 1"),
        ("2,7,10,20,0,40", "a box of 0 x 40 pixels"),
        ("2,7,10,20,30,-4", "a box of 30 x -4 pixels"),
        ("2,7,10,20,30,40,1,1,1.5", "visibility 1.5 is not in"),
        ("1,7,50,20,30,40", r"id 7 is in frame 1 a second time \(first in line 1\)"),
    ],
)
def test_a_bad_line_is_named(line: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=rf"^gt\.txt, line 2: {reason}"):
        parse_mot(f"1,7,10,20,30,40\n{line}\n", "gt.txt")


def test_an_empty_file_is_no_truth() -> None:
    with pytest.raises(ConfigError, match=r"gt\.txt holds no box"):
        parse_mot("\n\n", "gt.txt")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read the truth .*: No such file"):
        read_mot(tmp_path / "absent.txt")
    (tmp_path / "picture").write_bytes(b"\xff\xd8\xff")
    with pytest.raises(ConfigError, match="not a text file"):
        read_mot(tmp_path / "picture")


def test_what_counts_and_what_is_ignored() -> None:
    text = "1,1,0,0,9,9,1,1,1\n1,2,0,0,9,9,1,4,1\n1,3,0,0,9,9,0,1,1\n1,4,0,0,9,9,1,1,0.1\n"
    truth = parse_mot(text, "gt.txt")
    cases = [
        (truth.split(), [1, 2, 4], [3]),
        (truth.split(frozenset({1})), [1, 4], [2, 3]),
        (truth.split(frozenset({1}), min_visibility=0.2), [1], [2, 3, 4]),
    ]
    for (counted, ignored), counts, rest in cases:
        assert counted.ids.tolist() == counts
        assert ignored.ids.tolist() == rest


def test_the_shared_truth(shared_data: Path) -> None:
    truth = read_mot(shared_data / "video" / "gt_mot" / "jamcam_06514.gt.txt")
    assert (len(truth.frames), len(set(truth.ids.tolist()))) == (3080, 22)
