"""`corridor score` on logs whose scores are known."""

import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
import typer
from typer.testing import CliRunner, Result

from associate.trajectory import Kind, TrajectoryEvent, Visit
from associate.trajectory import encode as encode_event
from deploy.cli.exit_codes import ExitCode
from deploy.cli.score.command import score
from deploy.log.base import Record
from deploy.log.sqlite_log import SqliteLog
from deploy.log.topics import OBSERVATIONS, TRAJECTORIES
from embed.observation import (
    BoxAt,
    CameraEpoch,
    Message,
    Observation,
    Tick,
    TrackletState,
    encode,
    pack_vector,
    tracklet_id,
)
from ingest.clock import NS
from ingest.errors import ConfigError
from ingest.frame import ClockQuality
from tests.embed.samples import camera_change, correction

EPOCH = CameraEpoch(1, 0)
PEER = ("--baseline", "clustering")
STEP = 5
"""Every fifth frame of 25 a second is analysed."""


BEGINS_NS = {"a": 1_790_000_000 * NS, "b": 1_790_000_030 * NS}


def run_cli(*arguments: object) -> dict[str, object]:
    """What the command says in JSON; raises what it raises."""
    result = _invoke(*arguments, "--json")
    scored: dict[str, object] = json.loads(result)
    return scored


def _invoke(*arguments: object) -> str:
    return _run(*arguments).output


def _run(*arguments: object) -> Result:
    app = typer.Typer()
    app.command()(score)
    result = CliRunner().invoke(app, [str(each) for each in arguments], env={"COLUMNS": "140"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def observation(camera: str, track: int, frames: Sequence[int], *, begins_ns: int, left: float) -> Observation:
    """A closed tracklet of 40x30 boxes on some frames, counted from 1."""
    times_ns = [begins_ns + (frame - 1) * NS // 25 for frame in frames]
    sides = [round(side * 10) for side in (left, 50, left + 40, 80)]
    return Observation(
        id=f"{tracklet_id(camera, EPOCH, track)}|0",
        camera=camera,
        epoch=EPOCH,
        track=track,
        sequence=0,
        state=TrackletState.CLOSED,
        at_ns=times_ns[-1],
        first_ns=times_ns[0],
        last_ns=times_ns[-1],
        clock=ClockQuality.FILE,
        frame_size=(640, 360),
        path=[BoxAt((at_ns - times_ns[0]) // 1000, *sides) for at_ns in times_ns],
        label="vehicle",
        score=0.9,
        encoder="colour@1",
        vector=pack_vector(np.array([1.0, 0.0])),
        quality=0.5,
        crops=1,
    )


def event(identity: str, scored: Observation) -> TrajectoryEvent:
    visit = Visit(camera=scored.camera, observation=scored.id, enter_ns=scored.first_ns, leave_ns=scored.last_ns)
    return TrajectoryEvent(
        id=f"{identity}-{scored.id}",
        zone="zone",
        kind=Kind.CONFIRMED,
        identity=identity,
        revision=1,
        at_ns=scored.at_ns,
        decided_by=scored.id,
        label="vehicle",
        visits=[visit],
        observation=scored.id,
    )


def ticks(camera: str, frames: Sequence[int], begins_ns: int) -> list[Tick]:
    """One at the first analysed frame of every second, and one at the end."""
    at = [(begins_ns + (frame - 1) * NS // 25, count) for count, frame in enumerate(frames, start=1)]
    firsts = [pair for place, pair in enumerate(at) if not place or pair[0] // NS != at[place - 1][0] // NS]
    return [
        Tick(camera=camera, epoch=EPOCH, sequence=number, at_ns=at_ns, analysed=count)
        for number, (at_ns, count) in enumerate([*firsts, at[-1]])
    ]


@pytest.fixture
def road(tmp_path: Path) -> Path:
    """Run and truth of `make_road`."""
    return make_road(tmp_path)


def make_road(tmp_path: Path) -> Path:
    """Two cameras, 4 s each, one vehicle: found from frame 26 on in `a`, all the time in `b`, and linked."""
    frames = list(range(1, 101, STEP))
    records = []
    for camera, first in (("a", 26), ("b", 1)):
        scored = observation(
            camera, 1, [frame for frame in frames if frame >= first], begins_ns=BEGINS_NS[camera], left=10
        )
        messages: list[Message] = [scored, *ticks(camera, frames, BEGINS_NS[camera])]
        records += [Record(OBSERVATIONS, camera, encode(message)) for message in messages]
        records.append(Record(TRAJECTORIES, "zone-1", encode_event(event("zone-1", scored))))
        lines = [f"{frame},7,10,50,40,30,1,1,1.0" for frame in range(1, 101)]
        (tmp_path / f"{camera}.gt.txt").write_text("\n".join(lines))
    log = SqliteLog(tmp_path / "corridor.db")
    controls = [Record(OBSERVATIONS, "zone/zone", encode(each)) for each in (correction(), camera_change())]
    log.claim("test").commit([*controls, *records])
    log.close()
    return tmp_path


def test_a_run_is_scored_on_the_frames_it_analysed(road: Path) -> None:
    scored = run_cli(road, road / "corridor.db", "--fps", 25)
    cameras = msgspec.convert(scored["cameras"], dict[str, dict[str, float]])
    # Of 20 analysed frames 5 are before the vehicle was found: they count although the log has no box on them.
    assert [cameras["a"][name] for name in ("frames", "true_boxes", "run_boxes", "recall", "idp")] == [
        20,
        20,
        15,
        0.75,
        1,
    ]
    assert cameras["a"]["idf1"] == pytest.approx(2 * 15 / 35)
    assert (cameras["b"]["idf1"], cameras["b"]["mota"]) == (1, 1)
    together = msgspec.convert(scored["together"], dict[str, float])
    assert together["idf1"] == pytest.approx(2 * 35 / 75)
    links = msgspec.convert(scored["links"], dict[str, object])
    assert msgspec.convert(links["precision"], dict[str, float])["value"] == 1
    assert msgspec.convert(links["recall"], dict[str, float])["hits"] == 1


def test_nothing_is_scored_after_the_end_of_the_truth(road: Path) -> None:
    (road / "b.gt.txt").write_text("\n".join(f"{frame},7,10,50,40,30" for frame in range(1, 51)))
    scored = run_cli(road, road / "corridor.db", "--fps", 25)
    cameras = msgspec.convert(scored["cameras"], dict[str, dict[str, float]])
    assert (cameras["b"]["frames"], cameras["b"]["run_boxes"]) == (10, 10)


def large(road: Path, camera: str, more: int) -> None:
    """Add a number to the ids of a truth."""
    path = road / f"{camera}.gt.txt"
    lines = [line.split(",") for line in path.read_text().splitlines()]
    path.write_text("\n".join(",".join([frame, str(int(each) + more), *rest]) for frame, each, *rest in lines))


@pytest.mark.parametrize("local", [(), ("--local-ids",)])
def test_ids_beyond_53_bits_change_no_score(road: Path, local: tuple[str, ...]) -> None:
    second = "".join(f"\n{frame},8,200,50,40,30,1,1,1.0" for frame in range(1, 101))
    (road / "a.gt.txt").write_text((road / "a.gt.txt").read_text() + second)
    expected = run_cli(road, road / "corridor.db", "--fps", 25, *local)
    for camera in "ab":
        large(road, camera, 2**60)
    assert run_cli(road, road / "corridor.db", "--fps", 25, *local) == expected


@pytest.mark.parametrize("empty", ["", "\ufeff\r\n\r\n"])
def test_the_empty_truth_of_one_camera_is_scored(road: Path, empty: str) -> None:
    """Nobody came by: whatever the run has there is wrong, on all frames that it analysed."""
    (road / "b.gt.txt").write_text(empty)
    told = run_cli(road, road / "corridor.db", "--fps", 25)
    cameras = msgspec.convert(told["cameras"], dict[str, dict[str, float | None]])
    assert [cameras["b"][name] for name in ("frames", "true_boxes", "run_boxes", "idf1")] == [20, 0, 20, None]
    together = msgspec.convert(told["together"], dict[str, float])
    assert (together["true_boxes"], together["run_boxes"]) == (20, 35)
    assert together["idf1"] == pytest.approx(2 * 15 / 55)
    precision = msgspec.convert(told["links"], dict[str, object])["precision"]
    assert msgspec.convert(precision, dict[str, float])["trials"] == 1


def test_truth_of_nothing_but_empty_streets_is_refused(road: Path) -> None:
    for camera in "ab":
        (road / f"{camera}.gt.txt").write_text("")
    with pytest.raises(ConfigError, match="the truth has no box that counts"):
        run_cli(road, road / "corridor.db", "--fps", 25)


def test_truth_beyond_the_run_is_said(road: Path, caplog: pytest.LogCaptureFixture) -> None:
    run_cli(road, road / "corridor.db", "--fps", 25)
    assert not [line for line in caplog.messages if "camera '" in line], "the last frames before the next beat are none"
    (road / "a.gt.txt").write_text("\n".join(f"{frame},7,10,50,40,30" for frame in range(1, 201)))
    (road / "b.gt.txt").write_text("\n".join(f"{frame},7,10,50,40,30" for frame in range(1, 51)))
    run_cli(road, road / "corridor.db", "--fps", 25)
    assert any(
        "'a': the truth is of frames 1 to 200, the run analysed 1 to 96: 100 of 200 true boxes" in line
        for line in caplog.messages
    )
    assert any(
        "'b': the truth is of frames 1 to 50, the run analysed 1 to 96: 10 boxes of the run" in line
        for line in caplog.messages
    )
    (road / "b.gt.txt").write_text("\n".join(f"{frame},7,10,50,40,30" for frame in range(501, 551)))
    with pytest.raises(ConfigError, match=r"'b': the truth is of frames 501 to 550, .* 1 to 96: nothing can be comp"):
        run_cli(road, road / "corridor.db", "--fps", 25)


def test_what_of_a_log_is_not_scored_is_said(road: Path, caplog: pytest.LogCaptureFixture) -> None:
    run_cli(f"a={road / 'a.gt.txt'}", road / "corridor.db", "--fps", 25)
    assert "not scored, because there is no truth of them: camera b" in caplog.messages


def test_records_that_cannot_be_decoded_are_not_scored_and_make_it_partly_done(road: Path) -> None:
    whole = run_cli(road, road / "corridor.db", "--fps", 25)
    log = SqliteLog(road / "corridor.db")
    log.claim("test").commit([Record(OBSERVATIONS, "a", b"\x01 no message"), Record(TRAJECTORIES, "z", b"{}")])
    log.close()
    result = _run(road, road / "corridor.db", "--fps", 25, "--json")
    assert json.loads(result.stdout) == whole
    assert result.exit_code == ExitCode.PARTLY
    said = [line for line in result.stderr.splitlines() if "cannot be decoded" in line]
    assert len(said) == 1
    assert "1 records of the topic observations" in said[0]
    assert "1 records of the topic trajectories" in said[0]


def test_frame_times_are_read_as_editors_save_them(road: Path) -> None:
    expected = run_cli(road, road / "corridor.db", "--fps", 25)
    for camera in "ab":
        lines = [f"{frame},{BEGINS_NS[camera] + (frame - 1) * NS // 25}\r\n\r\n" for frame in range(1, 120)]
        (road / f"{camera}.times.txt").write_bytes(("\ufeff" + "".join(lines)).encode())
    assert run_cli(road, road / "corridor.db") == expected
    for line in ("2,9223372036854775808", "100000000000,5"):
        (road / "a.times.txt").write_text(f"1,0\n{line}\n")
        with pytest.raises(ConfigError, match=r"a\.times\.txt, line 2: no recording has frame"):
            run_cli(road, road / "corridor.db")


def test_a_camera_has_one_file(road: Path) -> None:
    (road / "a" / "gt").mkdir(parents=True)
    (road / "a" / "gt" / "gt.txt").write_text("1,1,0,0,9,9")
    (road / "._b.gt.txt").write_bytes(b"\0\5\x16\7")
    with pytest.raises(ConfigError, match=r"camera 'a' has two files, .*a/gt/gt\.txt and .*/a\.gt\.txt"):
        run_cli(road, road / "corridor.db", "--fps", 25)
    (road / "a" / "gt" / "gt.txt").unlink()
    run_cli(road, road / "corridor.db", "--fps", 25)
    for name in ("a.mp4", "a.MKV"):
        (road / name).write_bytes(b"")
    with pytest.raises(ConfigError, match=r"--video: camera 'a' has two files"):
        run_cli(road, road / "corridor.db", "--video", road)


def test_files_may_be_named_one_by_one(road: Path) -> None:
    scored = run_cli(f"a={road / 'a.gt.txt'}", f"sqlite:{road / 'corridor.db'}", "--fps", 25)
    assert scored["together"] is None
    assert scored["links"] is None
    assert list(msgspec.convert(scored["cameras"], dict[str, object])) == ["a"]


def test_truths_that_number_their_own_vehicles(road: Path) -> None:
    scored = run_cli(road, road / "corridor.db", "--fps", 25, "--local-ids")
    together = msgspec.convert(scored["together"], dict[str, float])
    assert (together["true_ids"], together["run_ids"]) == (2, 2)
    assert scored["links"] is None


def test_classes_that_do_not_count(road: Path) -> None:
    (road / "b.gt.txt").write_text("\n".join(f"{frame},7,10,50,40,30,1,4,1.0" for frame in range(1, 101)))
    scored = run_cli(road, road / "corridor.db", "--fps", 25, "--classes", "1")
    cameras = msgspec.convert(scored["cameras"], dict[str, dict[str, float | None]])
    assert (cameras["b"]["true_boxes"], cameras["b"]["run_boxes"], cameras["b"]["idf1"]) == (0, 0, None)


def test_the_table_says_it_to_people(road: Path) -> None:
    shown = _invoke(road, road / "corridor.db", "--fps", 25)
    assert "together" in shown
    assert "1.000 (0.207 to 1.000) 1/1" in shown
    assert "seconds after leaving" in shown


def test_the_delay_is_counted_from_the_end_of_a_tracklet(road: Path) -> None:
    """Both are decided at the moment of their last box; before it they are two."""
    scored = run_cli(road, road / "corridor.db", "--fps", 25)
    points = {point["when"]: point for point in msgspec.convert(scored["delays"], list[dict[str, object]])}
    together = msgspec.convert(scored["together"], dict[str, float])
    assert points["0"]["idf1"] == points["final"]["idf1"] == together["idf1"]
    assert msgspec.convert(points["online"]["idf1"], float) < together["idf1"]


def test_a_baseline_beside_the_run(road: Path) -> None:
    """Both tracklets have the same vector: clustering joins them as the run did, unless nothing goes that way."""
    command = (road, road / "corridor.db", "--fps", 25, "--baseline", "clustering")
    scored = run_cli(*command, "--sweep-floor", "--floor", 0.9)
    baselines = msgspec.convert(scored["baselines"], list[dict[str, object]])
    assert [each["name"] for each in baselines] == ["clustering", "clustering, best floor"]
    assert [each["together"] == scored["together"] for each in baselines] == [True, True]
    windows = road / "windows.toml"
    windows.write_text("[associate]\nmin_travel_s = 0.0\nmax_travel_s = 10.0\n")
    (alone,) = msgspec.convert(run_cli(*command, "--windows", windows)["baselines"], list[dict[str, object]])
    assert alone["together"] != scored["together"]
    links = msgspec.convert(alone["links"], dict[str, object])
    assert msgspec.convert(links["precision"], dict[str, float | None])["trials"] == 0
    shown = _invoke(*command, "--windows-from-truth")
    assert "clustering: travel times from the truth" in shown
    assert "clustering 0.64" in shown


def test_cameras_may_differ_in_their_frame_rate(road: Path) -> None:
    scored = run_cli(road, road / "corridor.db", "--fps", "a=25", "--fps", "b=25")
    assert scored == run_cli(road, road / "corridor.db", "--fps", 25)
    with pytest.raises(ConfigError, match="camera 'b': the run's times are"):
        run_cli(road, road / "corridor.db", "--fps", "a=25", "--fps", "b=24")


def test_frame_times_beside_the_truth_need_no_rate(road: Path) -> None:
    expected = run_cli(road, road / "corridor.db", "--fps", 25)
    for camera in "ab":
        lines = [
            f"{frame},{BEGINS_NS[camera] + (frame - 1) * NS // 25}" for frame in range(1, 120) if not 30 < frame < 35
        ]
        (road / f"{camera}.times.txt").write_text("\n".join(lines))
    assert run_cli(road, road / "corridor.db") == expected
    (road / "a.times.txt").write_text("1,0\n2,30000000\n3,30000000\n")
    with pytest.raises(ConfigError, match=r"a\.times\.txt, line 3: frames and times must rise"):
        run_cli(road, road / "corridor.db")


def test_a_figure_is_written(road: Path) -> None:
    path = road / "new" / "scores.png"
    _invoke(road, road / "corridor.db", "--fps", 25, "--baseline", "clustering", "--figure", path)
    image = cv2.imread(str(path))
    assert image is not None
    assert image.shape[1] > 1000
    assert image.std() > 10


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("{road}", "{road}/corridor.db"), "give their rate with --fps"),
        (("{road}", "{road}/corridor.db", "--fps", "25", "--video", "{road}"), "not both"),
        (("{road}", "{road}/corridor.db", "--fps", "nan"), "--fps nan is no frame rate"),
        (("{road}", "{road}/corridor.db", "--fps", "fast"), "--fps 'fast' is no frame rate"),
        (("{road}", "{road}/corridor.db", "--fps", "a=25"), "--fps: none for camera b"),
        (("{road}", "{road}/corridor.db", "--fps", "a=25", "--fps", "a=5"), "--fps: camera 'a' is given twice"),
        (("{road}", "{road}/corridor.db", "--fps", "a=25", "--fps", "c=5"), "--fps: there is no truth of camera c"),
        (("{road}", "{road}/corridor.db", "--fps", "25", "--floor", "0.5"), "for --baseline clustering only"),
        (("{road}", "{road}/corridor.db", "--fps", "25", *PEER, "--floor", "2"), "--floor 2 is no cosine"),
        (("{road}", "{road}/corridor.db", "--fps", "25", *PEER, "--local-ids"), "--baseline needs at least two"),
        (("{road}", "{road}/corridor.db", "--fps", "25", "--figure", "scores.gif"), "a name that ends in .png"),
        (("{road}", "{road}/corridor.db", "--fps", "24"), r"camera 'a': the run's times are 0\.\d+ frames off"),
        (("{road}", "{road}/corridor.db", "--fps", "25", "--starts-at", "2020-01-01"), "say with --starts-at when"),
        (("{road}", "{road}/corridor.db", "--video", "{road}"), "nothing for camera 'a'"),
        (("{road}", "{road}/absent.db", "--fps", "25"), "there is no log .*absent.db"),
        (("{road}/none", "{road}/corridor.db", "--fps", "25"), "neither a folder that exists nor CAMERA=FILE"),
        (("a={road}/a.gt.txt", "a={road}/b.gt.txt", "{road}/corridor.db", "--fps", "25"), "camera 'a' is given twice"),
        (("c={road}/a.gt.txt", "{road}/corridor.db", "--fps", "25"), r"nothing about camera c \(it knows a, b\)"),
        (("a={road}/absent", "{road}/corridor.db", "--fps", "25"), "cannot read the truth"),
        (("{road}", "{road}/corridor.db", "--fps", "25", "--classes", "car"), "expected whole numbers"),
        (("{road}", "{road}/corridor.db", "--fps", "25", "--classes", "9"), r"no box of 9 \(it has 1\)"),
        (("{road}", "{road}/corridor.db", "--fps", "25", "--visit-gap-s", "-1"), "no length of time"),
    ],
)
def test_what_cannot_be_scored_is_said(road: Path, arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        _invoke(*(each.replace("{road}", str(road)) for each in arguments))


def test_a_folder_without_truth(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no truth"):
        _invoke(tmp_path, tmp_path / "corridor.db", "--fps", 25)
