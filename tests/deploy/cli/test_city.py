"""`corridor city`: complete recordings with a truth that lies on the vehicles, made once."""

import signal
import socket
import tomllib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from deploy.city.recording import Recording, configuration, header_of, record, record_all, surveillance_bits_per_s
from deploy.cli.city import commands as city_command
from deploy.site.config import parse_config
from ingest.clock import NS
from ingest.errors import ConfigError, SourceError
from ingest.synthetic.world.presets import find_camera
from ingest.synthetic.world.truth_file import read_frames, read_truth_header
from ingest.video import RecordedVideo
from tests.system.command import corridor, start
from training.scoring.truth import read_mot

SECONDS = 4.0
FILES = ["smooth-0.gt.txt", "smooth-0.mp4", "smooth-0.times.txt", "smooth-0.truth.jsonl"]


def recording(folder: Path, **changes: object) -> Recording:
    given = {"preset": "smooth", "index": 0, "starts_ns": 0, "seconds": SECONDS, "bits_per_s": 500_000, **changes}
    return Recording(folder=folder, **given)  # type: ignore[arg-type]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


COMMAND = ("city", "render", "smooth", "--cameras", "0", "--seconds", f"{SECONDS:g}", "-o", "out")


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """The beginning of one camera, made by the command."""
    folder = tmp_path_factory.mktemp("city")
    result = corridor(folder, *COMMAND)
    assert result.returncode == 0, result.stderr
    assert "corridor run out/cameras.toml" in result.stdout
    assert "corridor score out out/corridor.db" in result.stdout
    return recording(folder / "out")


class TestRecording:
    def test_leaves_complete_files(self, recorded: Recording) -> None:
        assert names(recorded.folder) == ["cameras.toml", *FILES]
        assert recorded.done
        header = read_truth_header(recorded.truth)
        assert (header.source, header.width, header.height) == ("city://smooth/0", 640, 360)
        frames = list(read_frames(recorded.truth))
        assert [frame.sequence for frame in frames] == list(range(recorded.frames))
        boxes = read_mot(recorded.folder / "smooth-0.gt.txt")
        assert len(boxes.ids) == sum(len(frame.sightings) for frame in frames) > 0

    def test_is_not_done_with_other_arguments(self, recorded: Recording) -> None:
        for changes in ({"seconds": 3.0}, {"starts_ns": NS}, {"bits_per_s": 400_000}, {"index": 1}):
            assert not recording(recorded.folder, **changes).done

    def test_is_not_done_with_other_traffic(self, tmp_path: Path) -> None:
        trace = tmp_path / "town.city"
        trace.write_bytes(find_camera("smooth", 0)[0].trace.read_bytes())
        known = header_of(recording(tmp_path, preset=str(trace)))
        assert header_of(recording(tmp_path, preset=str(trace))) == known
        with trace.open("ab") as file:
            file.write(b"drawn again")
        assert header_of(recording(tmp_path, preset=str(trace))) != known

    def test_truth_lies_on_the_vehicles_of_the_video(self, recorded: Recording) -> None:
        """Against the middle of all pictures, what is in the boxes differs much more than what is not."""
        recorded_frames = list(RecordedVideo(recorded.video, "city").frames())
        truths = list(read_frames(recorded.truth))
        assert [frame.captured_ns for frame in recorded_frames] == [truth.captured_ns for truth in truths]
        stack = np.stack([frame.image for frame in recorded_frames])
        empty = np.median(stack, axis=0).astype(np.uint8)
        inside, moved = np.zeros(stack.shape[:3], bool), np.zeros(stack.shape[:3], bool)
        for number, (image, truth) in enumerate(zip(stack, truths, strict=True)):
            for sighting in truth.sightings:
                left, top, right, bottom = sighting.box_xyxy
                inside[number, top:bottom, left:right] |= sighting.mask
            moved[number] = cv2.absdiff(image, empty).max(axis=2) > 24
        vehicles = inside & ~inside.all(axis=0)
        near = np.asarray(inside.any(axis=0), np.uint8)
        far = cv2.dilate(near, np.ones((81, 81), np.uint8)) == 0
        assert moved[vehicles].mean() > 10 * moved[:, far].mean()
        assert moved[vehicles].mean() > 0.3

    def test_the_same_again_is_the_same_bytes(self, recorded: Recording, tmp_path: Path) -> None:
        again = recording(tmp_path)
        record(again)
        assert names(tmp_path) == FILES
        for name in FILES:
            assert (tmp_path / name).read_bytes() == (recorded.folder / name).read_bytes(), name

    def test_a_worker_s_reason_comes_back(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("in the way")
        with pytest.raises(SourceError, match=r"cannot record camera 'smooth-0': .*(File exists|Not a directory)"):
            record_all([recording(tmp_path / "file")], 1, lambda camera, frames: None)


@pytest.mark.parametrize(
    ("width", "height", "kilobits"),
    [(352, 288, 150), (640, 360, 500), (1280, 720, 2000), (1920, 1080, 4500), (160, 120, 50)],
)
def test_bit_rates_are_those_of_surveillance(width: int, height: int, kilobits: int) -> None:
    assert surveillance_bits_per_s(width, height) == kilobits * 1000


def test_the_configuration_is_what_run_reads() -> None:
    began = datetime(2026, 1, 1, 0, 0, 1, 500_000, tzinfo=UTC)
    text = configuration([("north-0", "rtsp://127.0.0.1:8554/north/0", None), ("south", 'a "b"/x.mp4', began)])
    assert [camera["id"] for camera in tomllib.loads(text)["cameras"]] == ["north-0", "south"]
    cameras = parse_config(text, "cameras.toml").cameras
    assert cameras[1].source == 'a "b"/x.mp4'
    assert cameras[1].starts_at == began


class TestCommand:
    def test_render_leaves_alone_what_is_there(self, recorded: Recording) -> None:
        before_ns = [(recorded.folder / name).stat().st_mtime_ns for name in FILES]
        result = corridor(recorded.folder.parent, *COMMAND)
        assert result.returncode == 0, result.stderr
        assert "already there in out: 1 of 1 cameras" in result.stdout
        assert [(recorded.folder / name).stat().st_mtime_ns for name in FILES] == before_ns
        cameras = parse_config((recorded.folder / "cameras.toml").read_text(), "cameras.toml").cameras
        assert [(camera.id, camera.starts_at) for camera in cameras] == [("smooth-0", None)]
        assert Path(cameras[0].source).samefile(recorded.video)

    def test_render_gives_the_cameras_a_log_of_their_own(self, recorded: Recording) -> None:
        config = parse_config((recorded.folder / "cameras.toml").read_text(), "cameras.toml")
        assert config.log.url == f"sqlite:{recorded.folder.resolve()}/corridor.db"

    def test_ctrl_c_leaves_complete_files_only(self, tmp_path: Path) -> None:
        process = start(tmp_path, "city", "render", "smooth", "--cameras", "0", "-o", "out")
        part = tmp_path / "out" / ".smooth-0.part"
        while not part.exists():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        assert process.returncode == 130
        assert names(tmp_path / "out") == []

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({"preset": "atlantis"}, "Unknown city preset 'atlantis'"),
            ({"cameras": "0,77"}, "--cameras '0,77': there are 0 to"),
            ({"cameras": "north"}, "--cameras 'north': expected numbers"),
            ({"seconds": 1e6}, "--seconds 1e\\+06: 'smooth' lasts"),
            ({"seconds": -1.0}, "--seconds -1: 'smooth' lasts"),
            ({"seconds": 0.01}, "--seconds 0.01: less than one frame of camera 0, 10 a second"),
            ({"bitrate": 1}, "--bitrate 1: expected 10 to"),
            ({"workers": 0}, "--workers 0: expected at least 1"),
        ],
    )
    def test_render_refuses(self, tmp_path: Path, given: dict[str, Any], message: str) -> None:
        with pytest.raises(ConfigError, match=message):
            city_command.render(**{"preset": "smooth", "out": tmp_path / "out", **given})
        assert not (tmp_path / "out").exists()

    def test_a_killed_command_leaves_nothing_running(self, tmp_path: Path) -> None:
        process = start(tmp_path, "city", "render", "smooth", "--cameras", "0", "-o", "out")
        part = tmp_path / "out" / ".smooth-0.part"
        while not part.exists():
            assert process.poll() is None
        process.kill()
        process.communicate(timeout=60)  # its children have its output too, so this waits for them
        assert names(tmp_path / "out") == []

    def test_what_stands_in_the_way_is_told(self, recorded: Recording, tmp_path: Path) -> None:
        for name in FILES:
            (tmp_path / name).write_bytes((recorded.folder / name).read_bytes())
        (tmp_path / "cameras.toml").mkdir()
        with pytest.raises(ConfigError, match=r"cannot write .*cameras\.toml: Is a directory"):
            city_command.render("smooth", cameras="0", seconds=SECONDS, out=tmp_path)

    def test_a_configuration_of_the_user_s_is_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / "cameras.toml").write_text("[log]\n")
        with pytest.raises(ConfigError, match=r"cameras\.toml was not written by `corridor city`"):
            city_command.render("smooth", cameras="0", seconds=SECONDS, out=tmp_path)
        assert (tmp_path / "cameras.toml").read_text() == "[log]\n"

    @pytest.mark.parametrize(("preset", "by_recording"), [("clock-skew", True), ("smooth", False)])
    def test_a_drifting_clock_is_scored_by_the_recording(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        preset: str,
        by_recording: bool,
    ) -> None:
        monkeypatch.setattr(city_command, "_record", lambda console, recordings, workers: tmp_path)
        city_command.render(preset, out=tmp_path)
        assert (f"--video {tmp_path}" in capsys.readouterr().out) == by_recording

    def test_serve_leaves_a_configuration_that_watches_it(self, recorded: Recording, tmp_path: Path) -> None:
        for name in FILES:
            (tmp_path / name).write_bytes((recorded.folder / name).read_bytes())
        options = ("--cameras", "0", "--seconds", f"{SECONDS:g}", "--port", "0", "--from", ".")
        process = start(tmp_path, "city", "serve", "smooth", *options)
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(3)]
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        assert said[2] == "Watch them:  corridor run smooth-live.toml --web :8600\n"
        config = parse_config((tmp_path / "smooth-live.toml").read_text(), "smooth-live.toml")
        assert [(camera.id, f"{camera.source}\n") for camera in config.cameras] == [("smooth-0", said[1])]
        assert config.crops.keep
        assert parse_config((tmp_path / "cameras.toml").read_text(), "cameras.toml").cameras[0].finite

    @pytest.mark.parametrize("port", ["-1", "65536"])
    def test_serve_refuses_what_is_no_port(self, tmp_path: Path, port: str) -> None:
        result = corridor(tmp_path, "city", "serve", "smooth", "--port", port)
        assert result.returncode == 2
        assert "Traceback" not in result.stderr
        assert not list(tmp_path.iterdir())

    def test_a_taken_port_is_said_before_anything_is_rendered(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(city_command, "_record", lambda *_: pytest.fail("it has begun to render"))
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(SourceError, match=f"cannot serve RTSP on 127.0.0.1:{port}"):
                city_command.serve("smooth", port=port, recorded=tmp_path)
        assert list(tmp_path.iterdir()) == []

    def test_what_cannot_be_is_said_in_one_line(self, tmp_path: Path) -> None:
        result = corridor(tmp_path, "city", "serve", "atlantis")
        assert result.returncode == 2
        assert result.stderr.startswith("error: Unknown city preset 'atlantis'")
        assert result.stderr.count("\n") == 1

    def test_says_what_to_install(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(city_command, "find_spec", lambda name: None)
        with pytest.raises(ConfigError, match=r"needs the extra 'city': pip install 'corridor\[city\]'"):
            city_command.render("smooth", out=tmp_path)

    def test_lists_the_presets(self, capsys: pytest.CaptureFixture[str]) -> None:
        city_command.presets()
        result = capsys.readouterr().out
        for name in ("smooth", "rush-hour", "look-alikes", "night-rain", "clock-skew", "blackout", "grand"):
            assert f" {name} " in result
        assert "640x360" in result

    def test_paints_what_the_cameras_see(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        preset, spec = find_camera("smooth", 0)
        one = replace(preset, cameras=(spec,))
        monkeypatch.setattr(city_command, "find_camera", lambda name, index: (one, spec))
        city_command.sheet("smooth", out=tmp_path / "new" / "sheet.png", columns=2, tile=160)
        image = cv2.imread(str(tmp_path / "new" / "sheet.png"))
        assert image is not None
        assert image.shape == (94, 328, 3)
        assert image[:90, :160].std() > 20
        assert (image[:, 164:] == 255).all()
