"""`corridor run` over real recordings: the same bytes twice, and a good end after every kind of interruption."""

import json
import signal
import time
from collections import Counter
from itertools import islice
from pathlib import Path

import av
import pytest

from associate.trajectory import Kind, decode
from deploy.cli.exit_codes import ExitCode
from deploy.log.sqlite_log import SqliteLog
from deploy.log.topics import OBSERVATIONS, TRAJECTORIES
from embed.observation import Observation, Tick, TrackletState
from embed.observation import decode as decode_observation
from tests.ingest.clips import write_clip
from tests.system.command import corridor, start

CLIPS = ("jamcam_06514", "jamcam_03604", "jamcam_08926")
FRAMES = 100
LOG = Path("runs/three/corridor.db")


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Path:
    """A folder with the first four seconds of three real clips, their packets as they are."""
    folder = tmp_path_factory.mktemp("clips")
    for clip in CLIPS:
        with av.open(shared_data / "video" / f"{clip}.mp4") as whole, av.open(folder / f"{clip}.mp4", "w") as begun:
            video = begun.add_stream_from_template(whole.streams.video[0])
            for packet in islice(whole.demux(video=0), FRAMES):
                packet.stream = video
                begun.mux(packet)
    return folder


def write_site(folder: Path, clips: Path) -> None:
    """`three.toml`: the clips as file cameras."""
    tables = [f'[[cameras]]\nid = "{clip}"\nsource = "{clips}/{clip}.mp4"\n' for clip in CLIPS]
    (folder / "three.toml").write_text("".join(tables))


@pytest.fixture
def three_cameras(tmp_path: Path, clips: Path, shared_data: Path) -> dict[str, str]:
    """`three.toml` in the test's folder; returns the environment that finds the weights."""
    write_site(tmp_path, clips)
    return {"CORRIDOR_WEIGHTS": str(shared_data / "weights")}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, clips: Path, shared_data: Path) -> list[bytes]:
    """The events of a run in a process that nothing disturbs."""
    folder = tmp_path_factory.mktemp("undisturbed")
    write_site(folder, clips)
    result = corridor(folder, "run", "three.toml", CORRIDOR_WEIGHTS=str(shared_data / "weights"))
    assert result.returncode == 0, result.stderr
    check_whole(folder / LOG)
    return trajectory_values(folder / LOG)


def trajectory_values(path: Path) -> list[bytes]:
    log = SqliteLog(path)
    values = [record.value for record in log.read(TRAJECTORIES, 0, 100_000)]
    log.close()
    return values


def check_whole(path: Path) -> None:
    """Every camera has ended, and every closed tracklet is in exactly one identity."""
    log = SqliteLog(path)
    messages = [decode_observation(record.value) for record in log.read(OBSERVATIONS, 0, 100_000)]
    log.close()
    assert {m.camera for m in messages if isinstance(m, Tick) and m.final} == set(CLIPS)
    observations = [m for m in messages if isinstance(m, Observation)]
    # A tracklet that a killed process left open was closed by its successor's taking over.
    tracklets = {m.tracklet for m in observations}
    assert {m.tracklet for m in observations if m.state is TrackletState.CLOSED} <= tracklets
    events = [decode(value) for value in trajectory_values(path)]
    visits = Counter(
        visit.observation.rpartition("|")[0] for event in events if event.kind is Kind.CLOSED for visit in event.visits
    )
    assert visits.keys() == tracklets
    assert set(visits.values()) == {1}
    assert len({event.id for event in events}) == len(events)


def test_run_twice_the_same_bytes(tmp_path: Path, three_cameras: dict[str, str], undisturbed: list[bytes]) -> None:
    result = corridor(tmp_path, "run", "three.toml", **three_cameras)
    assert result.returncode == 0, result.stderr
    assert trajectory_values(tmp_path / LOG) == undisturbed
    assert sum(decode(value).kind is Kind.CLOSED for value in undisturbed) > 10


@pytest.mark.parametrize("interrupt", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM], ids=lambda s: s.name)
def test_interrupted_and_restarted_it_goes_on_and_ends(
    tmp_path: Path, three_cameras: dict[str, str], interrupt: signal.Signals
) -> None:
    path = tmp_path / LOG
    process = start(tmp_path, "run", "three.toml", **three_cameras)
    wait_for_records(path, 30)
    process.send_signal(interrupt)
    out, err = process.communicate(timeout=60)
    if interrupt is not signal.SIGKILL:
        assert process.returncode == ExitCode.STOPPED, err
        assert "has not been read to its end" in err
        assert "sightings of" in out
    assert not_ended(path), "the interruption came too late to test anything"
    result = corridor(tmp_path, "run", "three.toml", **three_cameras)
    assert result.returncode == 0, result.stderr
    check_whole(path)
    again = corridor(tmp_path, "run", "three.toml", **three_cameras)
    assert again.returncode == 0
    assert "already read to the end" in again.stderr


def wait_for_records(path: Path, count: int) -> None:
    for _ in range(3000):
        if path.exists() and path.stat().st_size:
            log = SqliteLog(path)
            end = log.end(OBSERVATIONS)
            log.close()
            if end >= count:
                return
        time.sleep(0.05)
    raise AssertionError(f"no {count} records in {path}")


def not_ended(path: Path) -> bool:
    log = SqliteLog(path)
    messages = [decode_observation(record.value) for record in log.read(OBSERVATIONS, 0, 100_000)]
    log.close()
    return {m.camera for m in messages if isinstance(m, Tick) and m.final} != set(CLIPS)


def test_two_halves_in_two_processes_say_the_same(
    tmp_path: Path, three_cameras: dict[str, str], undisturbed: list[bytes]
) -> None:
    associate = start(tmp_path, "associate", "three.toml", **three_cameras)
    observe = corridor(tmp_path, "observe", "three.toml", **three_cameras)
    assert observe.returncode == 0, observe.stderr
    for _ in range(3000):
        if len(trajectory_values(tmp_path / LOG)) >= len(undisturbed):
            break
        time.sleep(0.05)
    associate.send_signal(signal.SIGINT)
    associate.communicate(timeout=30)
    assert associate.returncode == 0
    assert trajectory_values(tmp_path / LOG) == undisturbed


def test_one_half_after_the_other_says_the_same(
    tmp_path: Path, three_cameras: dict[str, str], undisturbed: list[bytes]
) -> None:
    assert corridor(tmp_path, "observe", "three.toml", **three_cameras).returncode == 0
    assert corridor(tmp_path, "associate", "three.toml", "--once", **three_cameras).returncode == 0
    assert trajectory_values(tmp_path / LOG) == undisturbed


def test_trajectories_in_a_pipe_are_json_lines(tmp_path: Path) -> None:
    write_clip(tmp_path / "clip.mp4", 150, size=(320, 192))
    (tmp_path / "c.toml").write_text('[[cameras]]\nid = "a"\nsource = "clip.mp4"\n[detect]\ndetector = "motion"\n')
    follow = None
    try:
        assert corridor(tmp_path, "run", "c.toml").returncode == 0
        follow = start(tmp_path, "trajectories", "c.toml", "--follow")
        assert follow.stdout is not None
        line = follow.stdout.readline()
    finally:
        if follow is not None:
            follow.send_signal(signal.SIGINT)
            follow.communicate(timeout=20)
    assert json.loads(line)["kind"] == "provisional"
    lines = corridor(tmp_path, "trajectories", "c.toml").stdout.splitlines()
    assert [json.loads(each)["kind"] for each in lines][-1] == "closed"
    assert (
        corridor(tmp_path, "trajectories", "--log", "sqlite:runs/c/corridor.db", "--json").stdout.splitlines() == lines
    )
