"""The city's re-identification set: readable as VeRi, true to its boxes and masks, the same however it is made."""

import errno
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest

from ingest.errors import ConfigError, SourceError
from ingest.synthetic.vehicle.fleet import draw_vehicle
from ingest.truth import decode_mask, encode_mask
from tests.conftest import skip_or_fail
from training.datasets.city.crops import bounds
from training.datasets.city.dataset import CitySettings, choose_cameras, make_plan, write_city_set
from training.datasets.city.drives import view_deg
from training.datasets.city.layout import colour_id, type_id
from training.datasets.city.processes import run_batches
from training.datasets.city.shards import Plan, Stages, render_shard, settings_of, shard_path
from training.datasets.images import read_image

SETTINGS = CitySettings(identities=6, cameras=2, views=2, seed=5, presets=("smooth",), test_share=0.5)
NAME = re.compile(r"([-\d]+)_c(\d\d\d)")


def make(out: Path, settings: CitySettings = SETTINGS, workers: int = 1) -> Path:
    write_city_set(out, make_plan(settings), workers=workers, on_progress=lambda done: None)
    return out


@pytest.fixture(scope="module")
def city_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        import panda3d  # noqa: F401
    except ModuleNotFoundError:
        skip_or_fail("city", "the extra 'city' is not installed")
    return make(tmp_path_factory.mktemp("city") / "set")


def rows_of(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "boxes_and_masks.jsonl").read_text().splitlines()]


def digest(out: Path) -> dict[str, str]:
    files = sorted(path for path in out.rglob("*") if path.is_file())
    return {path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def identities(out: Path, folder: str) -> set[str]:
    found = [NAME.match(path.name) for path in (out / folder).iterdir()]
    return {match[1] for match in found if match}


def test_the_layout_is_veris(city_set: Path) -> None:
    for kind in ("train", "test", "query"):
        names = (city_set / f"name_{kind}.txt").read_text().split()
        assert names == sorted(path.name for path in (city_set / f"image_{kind}").iterdir())
        assert all(re.fullmatch(r"\d{4}_c\d{3}_\d{8}_\d\.jpg", name) for name in names)
    assert identities(city_set, "image_train").isdisjoint(identities(city_set, "image_test"))
    assert len(identities(city_set, "image_train") | identities(city_set, "image_test")) == SETTINGS.identities


def test_queries_are_in_the_test_set_with_their_good_and_junk_images(city_set: Path) -> None:
    test = (city_set / "name_test.txt").read_text().split()
    query = (city_set / "name_query.txt").read_text().split()
    good, junk = ((city_set / name).read_text().splitlines() for name in ("gt_image.txt", "jk_image.txt"))
    assert len(good) == len(junk) == len(query)
    for name, good_line, junk_line in zip(query, good, junk, strict=True):
        assert (city_set / "image_query" / name).read_bytes() == (city_set / "image_test" / name).read_bytes()
        identity, camera = name.split("_")[:2]
        same = {number for number, other in enumerate(test, start=1) if other.startswith(identity)}
        here = {number for number in same if test[number - 1].split("_")[1] == camera}
        assert {int(number) for number in junk_line.split()} == here
        assert {int(number) for number in good_line.split()} == same - here
    tracks = [line.split() for line in (city_set / "test_track.txt").read_text().splitlines()]
    assert sorted(name for track in tracks for name in track[1:]) == test


def test_labels_name_every_image(city_set: Path) -> None:
    for kind in ("train", "test"):
        items = ElementTree.parse(city_set / f"{kind}_label.xml").getroot().iter("Item")
        named = {item.attrib["imageName"]: item.attrib for item in items}
        assert sorted(named) == (city_set / f"name_{kind}.txt").read_text().split()
        for name, item in named.items():
            assert [item["vehicleID"], item["cameraID"]] == name.split("_")[:2]
            assert 1 <= int(item["colorID"]) <= 10
            assert 1 <= int(item["typeID"]) <= 10


def test_boxes_and_masks_fit_the_crops(city_set: Path) -> None:
    rows = rows_of(city_set)
    assert {row["image"] for row in rows} == {path.name for path in city_set.glob("image_t*/*.jpg")}
    for row in rows:
        height, width = read_image(city_set / row["folder"] / row["image"]).shape[:2]
        assert [width, height] == row["size"]
        assert max(width, height) in range(48, 301)
        mask = decode_mask(row["mask"], (width, height))
        assert bounds(mask) == row["box_xyxy"]
        left, top, right, bottom = row["detected_xyxy"]
        assert -1 <= left < right <= width + 1
        assert -1 <= top < bottom <= height + 1
        middle = mask[int(top) : int(bottom) + 1, int(left) : int(right) + 1]
        assert middle.sum() > 0.5 * mask.sum()


def test_the_mask_is_on_the_vehicle(city_set: Path) -> None:
    """Inside the mask a crop differs more from vehicle to vehicle than from camera to camera outside of it."""
    inside: dict[str, list[float]] = {}
    for row in rows_of(city_set):
        image = cv2.cvtColor(read_image(city_set / row["folder"] / row["image"]), cv2.COLOR_BGR2GRAY)
        mask = decode_mask(row["mask"], tuple(row["size"]))
        inside.setdefault(row["image"][:4], []).append(float(image[mask].mean()))
    within = np.mean([np.std(values) for values in inside.values()])
    between = np.std([np.mean(values) for values in inside.values()])
    assert between > within


def test_cameras_are_described(city_set: Path) -> None:
    cameras = json.loads((city_set / "cameras.json").read_text())
    assert list(cameras) == ["c001", "c002"]
    assert cameras["c001"]["preset"] == "smooth"
    assert {"pose", "look"} <= cameras["c001"]["spec"].keys()
    assert cameras["c001"]["weather"]["light"] == "sun"
    assert not (city_set / ".shards").exists()
    assert "seed 5" in (city_set / "README.md").read_text()
    assert "Bologna" in (city_set / "LICENSE").read_text()


def test_neither_workers_nor_an_interruption_change_a_byte(city_set: Path, tmp_path: Path) -> None:
    settings = CitySettings(identities=4, cameras=1, views=1, seed=5, presets=("smooth",), test_share=0.5)
    plan = replace(make_plan(settings), shard_size=1)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    stages = Stages(plan)
    for number in range(4):
        begin(whole, plan)
        render_shard(plan, number, whole, stages)
    stages.close()
    write_city_set(whole, plan, workers=1, on_progress=lambda done: None)
    # A run that is killed: one shard is done, another has torn images and no rows.
    begin(broken, plan)
    for path in whole.glob("image_t*/*.jpg"):
        torn = 0 if path.name.startswith("0003") else None
        (broken / path.parent.name / path.name).write_bytes(path.read_bytes()[:torn])
    row = next(row for row in rows_of(whole) if row["image"].startswith("0001"))
    shard_path(broken, 0).write_text(json.dumps(row, separators=(",", ":")) + "\n")
    shard_path(broken, 2).with_suffix(".99.part").write_text('{"image": "half a li')
    told: list[int] = []
    write_city_set(broken, plan, workers=2, on_progress=told.append)
    assert told[-1] == 4
    assert digest(broken) == digest(whole)


def begin(out: Path, plan: Plan) -> None:
    """A set as it is before its first shard is done."""
    for folder in ("image_train", "image_test", ".shards"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    (out / "settings.json").write_text(json.dumps(settings_of(plan), indent=1) + "\n")


def test_a_finished_set_and_a_foreign_folder_are_left_alone(city_set: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="already, complete"):
        make(city_set)
    with pytest.raises(ConfigError, match="other settings"):
        make(city_set, CitySettings(identities=7, cameras=2, presets=("smooth",)))
    (tmp_path / "thesis.txt").write_text("mine")
    for path in (tmp_path, tmp_path / "thesis.txt"):
        with pytest.raises(ConfigError, match="holds no city set"):
            make(path)


def _complain(wanted: Callable[[], bool]) -> None:
    raise OSError(errno.ENOSPC, "No space left on device", "0001.jpg")


def test_what_stops_a_process_is_told() -> None:
    with pytest.raises(SourceError, match=r"No space left on device: '0001.jpg' \(what is finished is kept"):
        run_batches([_complain], 1, lambda: None)
    with pytest.raises(SourceError, match=r"No space left on device: '0001.jpg'$"):
        run_batches([_complain], 1, lambda: None, kept=False)


def test_another_seed_is_another_set() -> None:
    one, other = (make_plan(CitySettings(20, 1, presets=("smooth",), seed=seed)) for seed in (5, 6))
    assert one.test != other.test
    again = make_plan(CitySettings(20, 1, presets=("smooth",), seed=5))
    assert again.test == one.test
    assert all(np.array_equal(a, b) for a, b in zip(again.drives[0], one.drives[0], strict=True))
    assert _first(one) != _first(other)


def _first(plan: Plan) -> tuple[object, ...]:
    vehicle = draw_vehicle(1, None, plan.seed)
    return vehicle.model, vehicle.paint_bgr, vehicle.seed


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (CitySettings(identities=1), "--identities 1"),
        (CitySettings(cameras=0), "--cameras 0"),
        (CitySettings(views=11), "at most 10 views"),
        (CitySettings(test_share=1.2), "--test-share 1.2"),
        (CitySettings(presets=("atlantis",)), "atlantis"),
        (CitySettings(cameras=99, presets=("smooth",)), "--cameras 99"),
    ],
)
def test_what_cannot_be_made_is_refused(settings: CitySettings, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        make_plan(settings)


def test_cameras_are_taken_from_the_presets_in_turn() -> None:
    chosen = choose_cameras(("smooth", "rush-hour"), 4)
    assert [(camera.preset, camera.index) for camera in chosen] == [
        ("smooth", 0), ("rush-hour", 0), ("smooth", 1), ("rush-hour", 1),
    ]  # fmt: skip


@pytest.mark.parametrize("mask", [np.eye(5, 7, dtype=bool), np.ones((3, 2), bool), np.zeros((4, 4), bool)])
def test_masks_survive_their_run_lengths(mask: np.ndarray) -> None:
    assert np.array_equal(decode_mask(encode_mask(mask), (mask.shape[1], mask.shape[0])), mask)


@pytest.mark.parametrize(
    ("heading_deg", "seen_deg"), [(0.0, 0.0), (180.0, -180.0), (90.0, 90.0), (-90.0, -90.0)], ids=str
)
def test_from_which_side_a_vehicle_is_seen(heading_deg: float, seen_deg: float) -> None:
    """The camera looks along y: who drives along y shows its rear, who drives to the left (90) its right side."""
    from ingest.synthetic.world.presets import find_camera

    _, spec = find_camera("smooth", 0)
    place = spec.pose.x_m, spec.pose.y_m + 20.0, heading_deg
    assert view_deg(place, spec) == pytest.approx(seen_deg)


def test_veris_numbers() -> None:
    assert [colour_id(paint) for paint in ((240, 240, 240), (20, 20, 20), (30, 30, 170), (140, 142, 139))] == [
        7,
        10,
        5,
        4,
    ]
    assert [type_id("bus", "bus"), type_id("suv-2", "car"), type_id("tipper", "truck"), type_id("x", "motorcycle")] == [
        7, 2, 8, 10,
    ]  # fmt: skip
