"""A re-identification set from the synthetic city: vehicles x cameras x views, in the layout of VeRi-776.

Beside VeRi's files: `boxes_and_masks.jsonl`, one line an image of train and test, with
`image`, `folder`, `model`, `kind`, `paint_bgr`; `view_deg`, from which side it is seen (0 its rear, 90 its right side,
+-180 its front); `size`, width and height; `box_xyxy`, bounds of the visible pixels; `detected_xyxy`, the box that a
detector would have found and that the crop was cut around; `visible`, `occluded`, shares; and `mask`, run lengths down
the columns as COCO has them (`ingest.truth.decode_mask`). `cameras.json` tells preset, weather and look of each camera.
"""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ingest.errors import ConfigError
from ingest.synthetic.world.presets import PRESETS, Preset, find_camera
from training.datasets.city.drives import Drive, drives_of
from training.datasets.city.layout import CAMERAS, FOLDERS, write_layout
from training.datasets.city.shards import WORK, Plan, SetCamera, render_shards, settings_of, shard_path
from training.datasets.city.unseen import check_kept_apart

SETTINGS = "settings.json"


@dataclass(frozen=True, slots=True)
class CitySettings:
    """Settings of a set. presets: their cameras are taken in turn. test_share: of the identities, not for training."""

    identities: int = 2000
    cameras: int = 8
    views: int = 2
    seed: int = 1
    presets: tuple[str, ...] = ()
    test_share: float = 0.3


def make_plan(settings: CitySettings) -> Plan:
    """Choose the cameras and the identities; raises ConfigError for what cannot be made, or is kept for measuring."""
    _check(settings)
    cameras = choose_cameras(settings.presets or tuple(PRESETS), settings.cameras)
    check_kept_apart(cameras, settings.test_share)
    rng = np.random.default_rng((settings.seed, 0))
    drives: dict[SetCamera, tuple[Drive, ...]] = {}
    for name in dict.fromkeys(camera.preset for camera in cameras):
        numbers = [camera.index for camera in cameras if camera.preset == name]
        for index, found in drives_of(_preset(name), numbers, rng).items():
            drives[SetCamera(name, index)] = found
    order = rng.permutation(settings.identities) + 1
    test = frozenset(order[: round(settings.test_share * settings.identities)].tolist())
    of_cameras = tuple(drives[camera] for camera in cameras)
    return Plan(settings.seed, settings.identities, settings.views, cameras, of_cameras, test)


def choose_cameras(presets: Sequence[str], count: int) -> tuple[SetCamera, ...]:
    """Choose each preset's next camera in turn; raises ConfigError for an unknown preset, or for too few cameras."""
    numbers = {name: len(_preset(name).cameras) for name in presets}
    pool = [
        SetCamera(name, index) for index in range(max(numbers.values())) for name in numbers if index < numbers[name]
    ]
    if count > len(pool):
        raise ConfigError(f"--cameras {count}: the presets {', '.join(presets)} have {len(pool)} cameras together")
    return tuple(pool[:count])


def _preset(name: str) -> Preset:
    return find_camera(name, 0)[0]


def _check(settings: CitySettings) -> None:
    for name, value, least in (
        ("--identities", settings.identities, 2),
        ("--cameras", settings.cameras, 1),
        ("--views", settings.views, 1),
        ("--seed", settings.seed, 0),
    ):
        if value < least:
            raise ConfigError(f"{name} {value} must be at least {least}")
    if settings.views > 10 or settings.cameras > 999:
        raise ConfigError(f"at most 10 views and 999 cameras (asked: {settings.views} and {settings.cameras})")
    if not 0 <= settings.test_share <= 1:
        raise ConfigError(f"--test-share {settings.test_share:g} is not between 0 and 1")


def write_city_set(out: Path, plan: Plan, *, workers: int, on_progress: Callable[[int], None]) -> dict[str, int]:
    """Make a set, or go on with one that was interrupted; returns how many images each folder has.

    `on_progress` gets, now and then, how many shards of `plan.shards` are done. The files are the same whatever the
    number of workers and however often it was interrupted. Raises ConfigError where `out` holds something else or
    cannot be written to, SourceError where rendering fails.
    """
    _prepare(out, plan)
    render_shards(plan, out, workers, on_progress)
    try:
        return _finish(out, plan)
    except OSError as error:
        raise ConfigError(f"cannot write to {out}: {error.strerror}") from error


def _finish(out: Path, plan: Plan) -> dict[str, int]:
    """Write the label files of the images, whose shards are all there; returns how many each folder has."""
    rows = []
    for number in range(len(plan.shards)):
        rows += [json.loads(line) for line in shard_path(out, number).read_text().splitlines()]
    counts = write_layout(out, rows, plan.seed)
    _write_cameras(out / CAMERAS, plan)
    _write_notes(out, plan, counts)
    shutil.rmtree(out / WORK)
    return counts


def _prepare(out: Path, plan: Plan) -> None:
    """Make the folders, or see to it that they hold an unfinished part of the same set."""
    settings = json.dumps(settings_of(plan), indent=1) + "\n"
    path = out / SETTINGS
    if path.exists():
        if path.read_text() != settings:
            raise ConfigError(f"{out} holds a city set made with other settings; name another folder")
        if not (out / WORK).exists():
            raise ConfigError(f"{out} holds this city set already, complete; name another folder")
    elif out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise ConfigError(f"{out} is not empty and holds no city set; name another folder")
    try:
        for folder in (*FOLDERS, WORK):
            (out / folder).mkdir(parents=True, exist_ok=True)
        path.write_text(settings)
    except OSError as error:
        raise ConfigError(f"cannot write to {out}: {error.strerror}") from error


def _write_cameras(path: Path, plan: Plan) -> None:
    cameras = {}
    for number, camera in enumerate(plan.cameras, start=1):
        preset, spec = find_camera(camera.preset, camera.index)
        cameras[f"c{number:03d}"] = {**asdict(camera), "weather": asdict(preset.weather), "spec": asdict(spec)}
    path.write_text(json.dumps(cameras, indent=1) + "\n")


def _write_notes(out: Path, plan: Plan, counts: dict[str, int]) -> None:
    presets = ", ".join(dict.fromkeys(camera.preset for camera in plan.cameras))
    (out / "README.md").write_text(
        f"""# Synthetic vehicle re-identification set

{plan.identities} vehicles ({len(plan.test)} of them for testing), {len(plan.cameras)} cameras, {plan.views} views in
each; {", ".join(f"{count} images in {folder}" for folder, count in counts.items())}. No real vehicle, person or plate
is in it.

Made by Corridor (`corridor city crops`), seed {plan.seed}, presets {presets}. The layout is that of VeRi-776; boxes and
masks of every image are in `boxes_and_masks.jsonl`, run lengths down the columns as COCO has them; what the cameras are
is in `cameras.json`. typeID 10 is a motorcycle. Queries are also in image_test; images of the same vehicle by the same
camera (`jk_image.txt`) are not to be counted.
"""
    )
    (out / "LICENSE").write_text(
        """The images, boxes and masks of this set are made by a program and are offered under CC0 1.0
(https://creativecommons.org/publicdomain/zero/1.0/).

Where vehicles drive was drawn with Eclipse SUMO (EPL-2.0). The presets on the streets of Bologna derive from the SUMO
scenario "Bologna joined" of the DLR (EPL-2.0): L. Bieker, D. Krajzewicz, A. Morra, C. Michelacci and F. Cartolano,
"Traffic simulation for all: a real world traffic scenario from the city of Bologna", SUMO 2014.
"""
    )
