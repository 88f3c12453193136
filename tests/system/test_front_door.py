"""`import corridor`: what a program of one's own begins with, from the built wheel as well as from the checkout."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import corridor
from associate.trajectory import encode
from deploy.log.base import Record
from deploy.log.sqlite_log import SqliteLog
from deploy.log.topics import OBSERVATIONS, TRAJECTORIES
from embed.observation import encode as encode_message
from ingest.errors import ConfigError
from tests.associate.samples import event
from tests.conftest import ROOT
from tests.embed.samples import camera_change, correction, observation, tick

FRAME = np.random.default_rng(1).integers(0, 256, (200, 300, 3), dtype=np.uint8)

USE = """
import sys
from pathlib import Path

import numpy as np

import corridor

inside = Path(sys.argv[1]).resolve()
rooms = ("associate.associator", "deploy.site.config", "detect.tracking", "embed.runtime", "ingest.frame")
assert not set(rooms) & set(sys.modules), "a name costs nothing before it is used"
names = {name: getattr(corridor, name) for name in corridor.__all__}
for module in (corridor, *(sys.modules[name] for name in rooms if name in sys.modules)):
    assert inside in Path(module.__file__).resolve().parents, module.__file__
encoder = corridor.load_encoder()
vectors = encoder(np.random.default_rng(0).integers(0, 256, (2, 64, 96, 3), dtype=np.uint8))
print(corridor.__version__, vectors.shape, np.linalg.norm(vectors, axis=1).round(3).tolist())
"""


def test_from_the_wheel_in_an_empty_folder(tmp_path: Path) -> None:
    """The wheel has the front door, the encoder's weights and everything that both need."""
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*build, "--wheel-dir", str(tmp_path), str(ROOT)], check=True)
    (wheel,) = tmp_path.glob("corridor-*.whl")
    target = tmp_path / "installed"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(target)]
    subprocess.run([*install, str(wheel)], check=True)
    for room in ("ingest", "detect", "embed", "associate", "training", "deploy"):
        assert (target / room / "py.typed").is_file()
    assert not (target / "tests").exists()
    folder = tmp_path / "empty"
    folder.mkdir()
    used = subprocess.run(
        [sys.executable, "-c", USE, str(target)],
        cwd=folder,
        env={"PYTHONPATH": str(target)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert used.stdout.split() == [corridor.__version__, "(2,", "768)", "[1.0,", "1.0]"]


@pytest.fixture
def log(tmp_path: Path) -> SqliteLog:
    log = SqliteLog(tmp_path / "log.db")
    records = [
        Record(TRAJECTORIES, "z-1", encode(event())),
        Record(TRAJECTORIES, "z-1", b"{}"),
        Record(TRAJECTORIES, "z-1", encode(event())),
        Record(OBSERVATIONS, "a", encode_message(tick("a"))),
        Record(OBSERVATIONS, "zone/z", encode_message(correction())),
        Record(OBSERVATIONS, "a", encode_message(camera_change())),
        Record(OBSERVATIONS, "a", encode_message(observation("a"))),
    ]
    log.claim("writer").commit(records)
    return log


@pytest.mark.parametrize("form", ["url", "text", "path"])
def test_events_of_a_log_however_it_is_named(log: SqliteLog, form: str, caplog: pytest.LogCaptureFixture) -> None:
    names: dict[str, str | Path] = {"url": f"sqlite:{log.path}", "text": str(log.path), "path": log.path}
    assert list(corridor.read_events(names[form])) == [event(), event()]
    assert (
        "1 records of the topic trajectories cannot be decoded and are left out: 1 of another form (the first at "
        "offset 2" in caplog.text
    )


def test_observations_without_ticks_and_controls(log: SqliteLog, caplog: pytest.LogCaptureFixture) -> None:
    assert list(corridor.read_observations(log.path)) == [observation("a")]
    assert not caplog.text


def test_following_goes_on_with_what_is_written_later(log: SqliteLog) -> None:
    events = corridor.read_events(log.path, follow=True)
    assert [next(events), next(events)] == [event(), event()]
    log.claim("writer").commit([Record(TRAJECTORIES, "z-2", encode(event()))])
    assert next(events) == event()


def test_a_log_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no log"):
        corridor.read_events(tmp_path / "none.db")


def test_a_name_that_there_is_not() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'encoder' \\(it has Associator"):
        corridor.encoder  # noqa: B018


class TestEncoder:
    def test_a_box_in_a_frame_is_its_crop(self) -> None:
        encoder = corridor.load_encoder("colour", masks="box")
        (in_frame,) = encoder([FRAME], [(50, 40, 150, 120)])
        (alone,) = encoder([FRAME[40:120, 50:150].copy()])
        assert in_frame @ alone == pytest.approx(1.0, abs=1e-5)

    def test_nothing_in_nothing_out(self) -> None:
        encoder = corridor.load_encoder("colour")
        assert encoder([]).shape == (0, encoder.dim)

    @pytest.mark.parametrize(
        ("boxes", "message"),
        [
            ([(0, 0, 10, 10), (0, 0, 10, 10)], "1 images need boxes of shape"),
            ([(400, 400, 500, 500)], r"box 0 .* has less than 4 pixels"),
            ([(0, 0, float("nan"), 10)], "not a number"),
        ],
    )
    def test_wrong_boxes(self, boxes: list[tuple[float, ...]], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            corridor.load_encoder("colour")([FRAME], boxes)

    def test_what_is_no_image(self) -> None:
        with pytest.raises(ValueError, match=r"image 0 is float64 \(4, 4\)"):
            corridor.load_encoder("colour")([np.zeros((4, 4))])  # type: ignore[list-item]

    def test_wrong_names(self) -> None:
        with pytest.raises(ConfigError, match="encoder 'grl' is not known"):
            corridor.load_encoder("grl")
        with pytest.raises(ConfigError, match="masks"):
            corridor.load_encoder(masks="sam")
