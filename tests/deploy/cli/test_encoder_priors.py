"""`corridor encoder priors`: a cache, a report and a sheet; alone or with others, and what cannot be asked of it."""

import hashlib
import json
import os
import re
import shutil
import sys
from collections.abc import Callable
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner, Result

from deploy.cli.encoder.priors import priors
from deploy.cli.terminal.image_progress import ImageProgress, duration
from embed.priors import Prior
from ingest.clock import NS, ManualClock
from ingest.errors import ConfigError, CorridorError
from ingest.frame import ClockQuality, Frame
from ingest.truth import encode_mask
from tests.training.datasets import layouts
from tests.training.priors.planted import files
from training.datasets.city.layout import BOXES_AND_MASKS, CAMERAS
from training.datasets.images import read_image
from training.datasets.registry import list_dataset, open_dataset
from training.priors import filling as prior_filling
from training.priors.cache import PriorCache, PriorCacheMetadata, stored
from training.priors.makers import choose


def command(*arguments: str) -> Result:
    app = typer.Typer()
    app.command()(priors)
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200"})


def city_set(root: Path) -> Path:
    """With the truth of all images but one."""
    layouts.veri(root)
    (root / CAMERAS).write_text(json.dumps({f"c{number:03d}": {"preset": "p"} for number in range(1, 20)}))
    mask = encode_mask(np.ones((12, 16), np.bool_))
    names = [path for folder in ("image_train", "image_test") for path in sorted((root / folder).iterdir())]
    rows = [
        {"image": p.name, "folder": p.parent.name, "detected_xyxy": [2, 2, 14, 10], "mask": mask} for p in names[1:]
    ]
    (root / BOXES_AND_MASKS).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return root


def test_the_city_s_truth_is_kept_and_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ended = command(str(city_set(tmp_path / "set")), "--by", "city")
    assert ended.exit_code == 0, ended.output
    assert "10 of 11 images have a vehicle (90.9%)" in ended.output
    assert "without: image_train/0001_c001_00016450_0.jpg" in ended.output
    (folder,) = (tmp_path / "runs" / "priors").iterdir()
    data = list_dataset(str(tmp_path / "set"))
    assert folder.name == f"city-{data.fingerprint().sha256[:12]}-city"
    PriorCache.open(folder).check(data)
    assert (folder / "without_vehicle.txt").read_text() == "image_train/0001_c001_00016450_0.jpg\n"
    assert (folder / "sheet.png").stat().st_size > 100


def test_a_spoilt_image_does_not_stop_it(tmp_path: Path) -> None:
    spoilt = city_set(tmp_path / "set") / "image_train" / "0002_c002_00030600_0.jpg"
    spoilt.write_bytes(spoilt.read_bytes()[:50])
    ended = command(str(tmp_path / "set"), "--by", "city", "--out", str(tmp_path / "priors"))
    assert "9 of 11 images have a vehicle (81.8%)" in ended.output
    assert "cannot be read: image_train/0002_c002_00030600_0.jpg" in ended.output
    PriorCache.open(tmp_path / "priors").check(list_dataset(str(tmp_path / "set")))


def odd_set(root: Path) -> Path:
    """A folder an identity, two of them: too few to hold any out; names of Latin-1, and what the city knows of them."""
    mask = encode_mask(np.ones((12, 16), np.bool_))
    names = [os.fsdecode(f"\xfc{number}.jpg".encode("latin-1")) for number in range(4)]
    layouts.write_images(root, [f"v{number % 2}/{name}" for number, name in enumerate(names)])
    rows = [{"image": name, "detected_xyxy": [2, 2, 14, 10], "mask": mask} for name in names[:3]]
    (root / BOXES_AND_MASKS).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return root


def test_priors_need_no_split_and_names_are_bytes(tmp_path: Path) -> None:
    arguments = (f"folder:{odd_set(tmp_path / 'set')}", "--by", "city", "--out", str(tmp_path / "priors"))
    ended = command(*arguments)
    assert ended.exit_code == 0, ended.output
    assert "3 of 4 images have a vehicle (75.0%)" in ended.output
    assert r"without: v1/\xfc3.jpg" in ended.output
    assert (tmp_path / "priors" / "without_vehicle.txt").read_bytes() == b"v1/\xfc3.jpg\n"
    cache = PriorCache.open(tmp_path / "priors")
    assert cache[os.fsdecode(b"v0/\xfc0.jpg")] is not None
    assert cache[os.fsdecode(b"v1/\xfc3.jpg")] is None
    assert command(*arguments).exit_code == 0, "and it goes on with what is there"
    with pytest.raises(ConfigError, match="2 identities are too few"):
        open_dataset(arguments[0])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.write_bytes(b""), r"none of the 4 images can be read, such as 'v0/\\xfc0\.jpg'"),
        (
            lambda path: path.write_bytes(path.read_bytes()),
            r"no vehicle was found in any of the 4 images, such as 'v0/",
        ),
    ],
)
def test_nothing_found_is_no_result(tmp_path: Path, spoil: Callable[[Path], None], message: str) -> None:
    root = odd_set(tmp_path / "set")
    (root / BOXES_AND_MASKS).write_text("")
    for path in root.glob("*/*.jpg"):
        spoil(path)
    ended = command(f"folder:{root}", "--by", "city", "--out", str(tmp_path / "priors"))
    assert isinstance(ended.exception, ConfigError)
    assert re.search(message, str(ended.exception)), str(ended.exception)


def test_shares_of_the_work_end_as_one_process_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prior_filling, "PriorCacheMetadata", partial(PriorCacheMetadata, shard=4))
    arguments = [str(city_set(tmp_path / "set")), "--by", "city", "--out"]
    one, shared = tmp_path / "one", tmp_path / "[bold]shared"
    assert "10 of 11 images have a vehicle" in command(*arguments, str(one)).output
    ended = command(*arguments, str(shared), "--shard", "2/2")
    assert ended.exit_code == 0, ended.output
    assert "shard 2/2 is done, 0 s; " in ended.output
    assert "[bold]shared is whole when the others are" in ended.output
    assert [path.name for path in shared.glob("*.shard")] == ["000001.shard"]
    assert "10 of 11 images have a vehicle" in command(*arguments, str(shared), "--shard", "1/2").output
    assert len(list(shared.glob("*.shard"))) == 3
    assert files(shared) == files(one)


DINO = "grounding-dino-swin-t"
WRONG: dict[str, tuple[list[str], str]] = {
    "no such detector": (
        ["--by", "sam"],
        "--by sam --masks grabcut: known are crossroad-1016, .*grounding-dino-swin-t",
    ),
    "no such masker": (
        ["--masks", "sam"],
        "--by crossroad-1016 --masks sam: known are .*; grabcut, ellipse, box, sam-vit-b",
    ),
    "a score for the city": (["--by", "city", "--min-score", "0.5"], "--min-score is for detectors"),
    "a score above 1": (["--min-score", "30"], "--min-score 30 is not between 0 and 1"),
    "no share": (["--by", "city", "--shard", "5/4"], "'5/4' is no share of the work"),
    "the share of nobody": (["--by", "city", "--shard", "0/2"], "'0/2' is no share of the work"),
    "a share in words": (["--by", "city", "--shard", "x"], "'x' is no share of the work"),
    "a prompt for a fixed detector": (["--prompt", "bus ."], "--prompt is for grounding-dino-swin-t, .*crossroad-1016"),
    "a batch for SAM": (["--masks", "sam-vit-b", "--batch", "4"], "--batch is for grounding-dino-swin-t"),
    "a device for OpenVINO": (["--device", "cuda"], "--device is for grounding-dino-swin-t, .*sam-vit-h"),
    "no configuration": (["--by", DINO, "--config", "none.toml"], "none.toml"),
    "missing weights": (["--by", DINO], f"weights of '{DINO}' are missing: .*corridor weights pull {DINO}"),
    "a detector of what moves": (
        ["--masks", "sam-vit-h", "--by", "motion"],
        "--by motion --masks sam-vit-h: known are crossroad-1016",
    ),
    "no data set": (["--by", "city", "--out", "x"], "there is no "),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_asked_is_said_in_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CORRIDOR_WEIGHTS", str(tmp_path))
    arguments, message = WRONG[name]
    root = tmp_path / "none" if name == "no data set" else city_set(tmp_path / "set")
    ended = command(str(root), *arguments)
    assert isinstance(ended.exception, CorridorError), ended.output
    assert re.search(message, str(ended.exception)), str(ended.exception)
    assert "\n" not in str(ended.exception)
    assert not (tmp_path / "runs").exists()


OWN = """
[[cameras]]
id = "any"
source = "any.mp4"
[detect]
detector = "motion"
[foundation]
weights = "{folder}/dino.pth"
text_encoder = "{folder}/text"
sam_weights = "{folder}/sam.pth"
device = "cpu"
short_side_px = 64
prompts = {{ any = "bus ." }}
"""


def test_without_the_libraries_of_foundation_models_it_is_said_how_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [
        each for each in sys.modules if each.startswith(("detect.foundation.grounding_dino", "detect.accelerator"))
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    (tmp_path / "own.toml").write_text(OWN.format(folder=tmp_path))
    ended = command(str(city_set(tmp_path / "set")), "--by", DINO, "--config", str(tmp_path / "own.toml"))
    assert isinstance(ended.exception, ConfigError)
    assert f"'{DINO}' needs the libraries that `make foundation` installs" in str(ended.exception)


# The progress


def printed_lines(clock: ManualClock, steps: list[tuple[float, int]], total: int, warn_s: float = 0.0) -> list[str]:
    """What is printed where no terminal is, when after so many seconds so many images are done."""
    paper = StringIO()
    with ImageProgress("priors", clock, warn_s=warn_s, console=Console(file=paper, highlight=False)) as progress:
        for seconds, done in steps:
            clock.sleep(seconds)
            progress(done, total)
    return paper.getvalue().splitlines()


def test_after_a_few_images_it_is_told_how_fast_it_goes_and_until_when(monkeypatch: pytest.MonkeyPatch) -> None:
    noon = ManualClock(1_700_000_000 * NS)
    lines = printed_lines(noon, [(0, 100), *((2.0, done) for done in range(101, 201))], 1100)
    assert len(lines) == 4, "after five images, and then once a minute"
    assert lines[0].startswith("priors 105/1100  0.5 images/s  33 min left, until ")
    assert lines[1].startswith("priors 135/1100  0.5 images/s  32 min left")
    assert re.search(r"until [A-Z][a-z]{2} \d\d:\d\d$", lines[0])


def test_the_end_is_told_and_images_that_were_there_before_do_not_count() -> None:
    assert printed_lines(ManualClock(), [(0, 90), (0.5, 91), (0.5, 92), (0, 92)], 92) == ["priors 92/92  2 images/s"]
    assert printed_lines(ManualClock(), [(0, 92), (0, 92)], 92) == []
    assert printed_lines(ManualClock(), [(0, 0)], 0) == []


def test_on_a_cpu_it_is_said_beforehand_what_it_will_take() -> None:
    (line,) = printed_lines(ManualClock(), [(0, 0)], 10_080, warn_s=5.0)
    assert line == (
        "on a CPU this takes about 5 s an image: 10,080 images are 14 h; "
        "a data-centre GPU takes about a hundredth of that"
    )
    assert printed_lines(ManualClock(), [(0, 10_080)], 10_080, warn_s=5.0) == []


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (89, "89 s"), (91, "2 min"), (5000, "83 min"), (50_400, "14 h"), (200_000, "2 days")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


# Networks


def test_a_detector_finds_real_vehicles(tmp_path: Path, shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORRIDOR_WEIGHTS", str(shared_data / "weights"))
    (tmp_path / "set").mkdir()
    crops = sorted((shared_data / "reid" / "hcmc_two_camera").glob("car_*.jpg"))[:12]
    for path in crops:
        shutil.copy(path, tmp_path / "set")
    ended = command(str(tmp_path / "set"), "--out", str(tmp_path / "priors"))
    assert "12 of 12 images have a vehicle" in ended.output
    cache = PriorCache.open(tmp_path / "priors")
    for path in crops:
        prior = cache[path.name]
        assert prior is not None
        assert prior.mask is not None
        box_area = float(np.prod(prior.box[2:] - prior.box[:2]))
        assert 0.2 < prior.mask.mean() <= box_area + 0.05


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Grounding DINO and a small SAM with random weights, and a configuration that names their files."""
    pytest.importorskip("groundingdino")
    pytest.importorskip("segment_anything")
    import torch

    from detect.foundation.grounding_dino_network import build
    from tests.detect.foundation import grounding_dino_files as dino
    from tests.detect.foundation.sam.networks import small

    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("models")

    def wide(*arguments: Any) -> Any:
        """Random boxes are small, and few hold the middle of a picture."""
        model = build(*arguments)
        with torch.no_grad():
            model.bbox_embed[-1].layers[-1].bias[2:] += 4.8
        return model

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dino, "build", wide)
        dino.write_checkpoint(folder / "dino.pth", dino.write_text_encoder(folder / "text"))
    torch.manual_seed(0)
    torch.save(small().state_dict(), folder / "sam.pth")
    (folder / "own.toml").write_text(OWN.format(folder=folder))
    return folder


@pytest.mark.torch
def test_grounding_dino_and_sam_fill_a_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, models: Path) -> None:
    from detect.foundation import sam
    from detect.foundation.grounding_dino import GroundingDino
    from tests.detect.foundation.sam.networks import small

    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sam.BUILDERS, "vit-b", small)
    rng = np.random.default_rng(0)
    (tmp_path / "set").mkdir()
    for name, size in {"a": (64, 80), "b": (96, 64), "c": (64, 80)}.items():
        image = cv2.resize(rng.integers(0, 256, (8, 8, 3), np.uint8), size, interpolation=cv2.INTER_LINEAR)
        cv2.imwrite(f"set/{name}.png", image)
    options = ["--by", DINO, "--masks", "sam-vit-b", "--config", str(models / "own.toml"), "--prompt", "Car. truck"]
    ended = command("images:set", *options, "--box-score", "0.6", "--batch", "2")
    assert ended.exit_code == 0, ended.output
    assert "on a CPU this takes about 10 s an image: 3 images are 30 s" in ended.stderr
    assert re.search(r"priors 3/3  [\d.]+ images/s", ended.stderr)
    (folder,) = (tmp_path / "runs" / "priors").iterdir()
    assert folder.name.endswith(f"-{DINO}-sam-vit-b")
    cache = PriorCache.open(folder)
    dino, masks = (hashlib.sha256((models / name).read_bytes()).hexdigest()[:12] for name in ("dino.pth", "sam.pth"))
    assert re.fullmatch(
        rf"{DINO} {dino}, bert-base-uncased [0-9a-f]{{12}}, 'car \. truck \.' from 0\.6 at 64 px, "
        rf"sam-vit-b {masks}, (float32|bfloat16), batches of 2",
        cache.metadata.maker,
    )
    # What is kept is what the models say when they are asked directly: of pictures of one size together.
    masker = sam.SamMasker(models / "sam.pth", "vit-b", device="cpu")
    asked: dict[str, Any] = {"prompt_of": lambda _: "car . truck .", "box_score": 0.6, "short_side_px": 64}
    detector = GroundingDino(models / "dino.pth", models / "text", "swin-t", device="cpu", **asked)
    for names in ("ac", "b"):
        frames = [Frame(name, 0, 0, ClockQuality.FILE, read_image(Path(f"set/{name}.png"))) for name in names]
        for frame, found in zip(frames, detector(frames), strict=True):
            row = choose(found, frame.size)
            assert row is not None
            box = found.boxes[row]
            prior = Prior.of(box, masker(frame.image, box), frame.size)
            assert cache.stored[f"{frame.camera_id}.png"] == stored(f"{frame.camera_id}.png", prior)
