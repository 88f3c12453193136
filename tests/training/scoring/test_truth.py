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
        ("2,7,1e30,20,30,40", r"x 1e\+30 is no number of pixels"),
        ("2,7,10,20,inf,40", "w 'inf' is not finite"),
        ("2,7,10,20,30,40,nan", "conf 'nan' is not finite"),
        ("2,9223372036854775808,10,20,30,40", "id 9223372036854775808 does not fit into 64 bits"),
        ("2,1.15292e18,10,20,30,40", r"id 1\.15292e18 is more than a decimal can tell"),
        ("9223372036854775808,7,10,20,30,40", "frame 9223372036854775808 does not fit"),
        ("2;7;10;20;30;40", "1 columns"),  # spreadsheets, where a comma is decimal
        ("2 7 10 20 30 40", "1 columns"),
        ("2,7,10,20,30,40,1,-1,-1,-1", "10 columns"),  # MOT 2015, with world coordinates (py-motmetrics)
        ("frame,id,x,y,w,h", "frame 'frame' is not a number"),
        ("1,7,50,20,30,40", r"id 7 is in frame 1 a second time \(first in line 1\)"),
    ],
)
def test_a_bad_line_is_named(line: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=rf"^gt\.txt, line 2: {reason}"):
        parse_mot(f"1,7,10,20,30,40\n{line}\n", "gt.txt")


def test_an_empty_file_is_the_truth_of_an_empty_street() -> None:
    truth = parse_mot("\n\n", "gt.txt")
    assert (len(truth.frames), truth.boxes.shape, truth.last_frame) == (0, (0, 4), None)
    assert [len(rows) for rows in truth.split()] == [0, 0]
    assert parse_mot("3,1,0,0,9,9\n2,1,0,0,9,9\n", "gt.txt").last_frame == 3


def test_ids_are_integers_and_neighbours_stay_two() -> None:
    """A tracker's number of 64 bits: floating point tells no neighbours apart beyond 2**53."""
    ids = [2**60, 2**60 + 1, 2**63 - 1, -(2**63), 2**53 + 1]
    truth = parse_mot("".join(f"1,{each},10,20,30,40\n" for each in ids), "gt.txt")
    assert truth.ids.tolist() == ids
    assert truth.split()[0].ids.tolist() == ids
    assert parse_mot("1,7.0,10,20,30,40\n2.0,1e3,10,20,30,40\n", "gt.txt").ids.tolist() == [7, 1000]


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
