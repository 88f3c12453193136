"""`corridor index`, `search`, `watch`, `export` and `forget` as their user runs them."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import cv2
import pytest

from tests.ingest.clips import clip_image, write_clip
from tests.system.left_out.seen import command
from tests.system.sites import write_site

KEPT = "[search]\nindex = true\n[crops]\nkeep = true\n"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site that has run, with its index and its crops: one vehicle in each of two cameras."""
    folder = tmp_path_factory.mktemp("site")
    for name in ("north", "south"):
        write_clip(folder / f"{name}.mp4", 60)
    write_site(folder, {name: f"{name}.mp4" for name in ("north", "south")}, KEPT)
    cv2.imwrite(str(folder / "frame.png"), clip_image(20))
    done = command(folder, "run", "site.toml")
    assert done.code == 0, done.said
    return folder


def found(folder: Path, *arguments: str) -> dict[str, Any]:
    done = command(folder, "search", "site.toml", *arguments)
    assert done.code == 0, done.said
    results: dict[str, Any] = json.loads(done.said[done.said.index("{") :])
    return results


def test_a_run_leaves_an_index_that_is_asked_by_image_sighting_and_identity(site: Path) -> None:
    by_image = found(site, "frame.png", "--box", "50,30,36,30", "--sheet", "sheet.png")
    assert by_image["searched"] >= 2
    assert by_image["exact"] is True
    seen = [each["sighting"] for vehicle in by_image["vehicles"] for each in vehicle["sightings"]]
    assert {each["camera"] for each in seen} == {"north", "south"}
    assert cv2.imread(str(site / "sheet.png")) is not None
    by_sighting = found(site, "--sighting", seen[0]["tracklet"], "--top", "1")
    assert len(by_sighting["vehicles"]) == 1
    assert len(found(site, "frame.png", "--box", "50,30,36,30", "--top", "1")["vehicles"]) == 1
    assert by_image["beyond"] == 0
    assert found(site, "frame.png", "--box", "50,30,36,30", "--top", "1")["beyond"] == len(by_image["vehicles"]) - 1
    only = found(
        site, "--sighting", seen[0]["tracklet"], "--camera", "south", "--camera", "north", "--label", "vehicle"
    )
    assert only["searched"] == by_image["searched"]
    assert found(site, "--identity", seen[0]["identity"])["searched"] == by_image["searched"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gone.png"], "gone.png cannot be read"),
        (["site.toml"], "site.toml is no image that can be decoded"),
        (["empty.png"], "motion finds no vehicle in empty.png (say where it is: --box x,y,w,h)"),
        (["empty.png", "--box", "1,2,3"], "--box '1,2,3' is not x,y,w,h"),
        (["empty.png", "--box", "900,900,50,50"], "has less than 4 pixels inside empty.png of 160x96"),
        ([], "give one of: an image, --sighting or --identity"),
        (["--sighting", "north|1.0|999"], "the index has no sighting 'north|1.0|999'"),
        (["--identity", "zone-1", "--box", "1,2,3,4"], "--box says where the vehicle is in an image"),
        (["--identity", "zone-1", "--camera", "west"], "--camera: no camera west; there are north, south"),
        (["--identity", "zone-1", "--since", "noon"], "--since 'noon' is no time"),
        (["--identity", "zone-1", "--since", "2199-01-01"], "widen it: times from 2199-01-01 00:00:00)"),
        (["--identity", "zone-1", "--label", "spaceship"], "no sighting is in that range (widen it: label spaceship)"),
        (
            ["--identity", "zone-1", "--since", "2026-01-02", "--until", "2026-01-01"],
            "--until 2026-01-01 is before --since 2026-01-02",
        ),
        (
            ["frame.png", "--box", "50,30,36,30", "--min-probability", "1", "--sheet", "none.png"],
            "no vehicle has a probability of 1 or more (lower --min-probability: ",
        ),
        (["--identity", "zone-1", "--colour", "red"], "because [embed] attributes is not switched on"),
    ],
)
def test_what_cannot_be_asked_is_one_line(site: Path, arguments: list[str], message: str) -> None:
    cv2.imwrite(str(site / "empty.png"), clip_image(None))
    done = command(site, "search", "site.toml", *arguments)
    assert done.code == 2
    assert message in done.said
    assert done.said.startswith("error: ")


def test_a_vehicle_is_watched_for_until_it_is_removed(site: Path) -> None:
    seen = found(site, "frame.png", "--box", "50,30,36,30")["vehicles"][0]["sightings"][0]["sighting"]
    added = command(
        site, "watch", "add", "site.toml", "--sighting", seen["tracklet"], "--name", "white van",
        "--min-probability", "0.001", "--until", "2199-01-01", "--by", "night shift",
    )  # fmt: skip
    assert added.code == 0, added.said
    assert "'white van' is watched for, from a probability of 0.001 on, until 2199-01-01 00:00:00 UTC" in added.said
    assert re.search(r"Of the \d+ sightings of [\d.]+ seconds that are indexed \d+ would have matched", added.said)
    again = command(site, "watch", "add", "site.toml", "frame.png", "--box", "50,30,36,30", "--name", "white van")
    assert again.code == 2
    assert "'white van' is watched for already (corridor watch remove site.toml --name 'white van')" in again.said
    assert command(site, "index", "site.toml", "--once").code == 0
    (line,) = command(site, "watch", "list", "site.toml").said.splitlines()
    listed = json.loads(line)
    assert (listed["name"], listed["by"], listed["looks"], listed["confirmed"]) == ("white van", "night shift", 1, 0)
    unknown = command(site, "watch", "remove", "site.toml", "--name", "bus")
    assert unknown.code == 2
    assert "'bus' is not watched for; there is 'white van'" in unknown.said
    assert command(site, "watch", "remove", "site.toml", "--name", "white van").code == 0
    assert command(site, "watch", "list", "site.toml").said == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["frame.png", "--box", "50,30,36,30"], "--name: give it a name to watch by"),
        (["frame.png", "--box", "50,30,36,30", "--name", "n" * 65], "has more than 64 characters"),
        (["--name", "bus"], "give one of: an image, --sighting or --identity"),
        (["--sighting", "north|1.0|999", "--name", "bus"], "the index has no sighting 'north|1.0|999'"),
        (["frame.png", "--name", "bus", "--until", "noon"], "--until 'noon' is no time"),
        (["frame.png", "--box", "50,30,36,30", "--name", "bus", "--until", "1960-01-01"], "--until 1960-01-01 is over"),
    ],
)
def test_what_cannot_be_watched_for_is_one_line(site: Path, arguments: list[str], message: str) -> None:
    done = command(site, "watch", "add", "site.toml", *arguments)
    assert done.code == 2
    assert message in done.said
    assert done.said.startswith("error: ")


def test_an_export_can_be_checked_and_is_in_the_journal(site: Path) -> None:
    identity = found(site, "frame.png", "--box", "50,30,36,30")["vehicles"][0]["identity"]
    done = command(site, "export", "site.toml", identity, "-o", "out", "--by", "night shift")
    assert done.code == 0, done.said
    packed = (site / "out" / "export.json").read_bytes()
    exported = json.loads(packed)
    assert (exported["identity"], exported["by"]) == (identity, "night shift")
    crops = [crop for seen in exported["sightings"] for crop in seen["crops"]]
    assert crops
    assert all(
        hashlib.sha256((site / "out" / crop["file"]).read_bytes()).hexdigest() == crop["sha256"] for crop in crops
    )
    assert all(seen["encoder"].startswith("grl@") and seen["vector_sha256"] for seen in exported["sightings"])
    page = (site / "out" / "index.html").read_text()
    assert all(crop["file"] in page for crop in crops)
    assert "<script" not in page
    (line,) = (site / "runs" / "site" / "exports.jsonl").read_text().splitlines()
    assert json.loads(line)["sha256"] == hashlib.sha256(packed).hexdigest()
    assert command(site, "export", "site.toml", identity, "-o", "out").code == 2
    assert command(site, "export", "site.toml", "zone-999", "-o", "new").code == 2
    file = command(site, "export", "site.toml", identity, "-o", "site.toml")
    assert (file.code, "site.toml is a file; name a folder" in file.said) == (2, True)
    assert not (site / "new").exists()


def test_a_vehicle_is_forgotten_in_the_index_and_among_the_crops(site: Path) -> None:
    by_box = found(site, "frame.png", "--box", "50,30,36,30", "--top", "400")
    identity = by_box["vehicles"][0]["identity"]
    mine = [each["sighting"]["tracklet"] for each in by_box["vehicles"][0]["sightings"]]
    watch = ("watch", "add", "site.toml", "--identity", identity, "--name", "bus")
    assert command(site, *watch).code == 0
    done = command(site, "forget", "site.toml", identity, "--by", "test")
    assert done.code == 0, done.said
    assert "Watched for no more: 'bus', by whose looks it would be found" in done.said
    assert command(site, "watch", "list", "site.toml").said == ""
    assert "a tombstone is on the log" in done.said
    assert "records of the log itself" in done.said
    again = command(site, "search", "site.toml", "--identity", identity)
    assert again.code == 2
    rebuilt = command(site, "index", "site.toml", "--once", "--rebuild")
    assert rebuilt.code == 0, rebuilt.said
    for tracklet in mine:
        assert command(site, "search", "site.toml", "--sighting", tracklet).code == 2
        camera, _, rest = tracklet.partition("|")
        assert not list((site / "runs" / "site" / "crops" / camera).glob(f"{rest.replace('|', '-')}*"))
    assert command(site, "forget", "site.toml", identity).code == 2
    exported = command(site, "export", "site.toml", identity, "-o", "again")
    assert exported.code == 2
    assert f"'{identity}' was forgotten: there is nothing to export" in exported.said
    assert not (site / "again").exists()
    named = command(site, "forget", "site.toml", identity, "--by", "x\ny")
    assert (named.code, "characters that do not print" in named.said) == (2, True)


def test_the_index_beside_it_is_not_taken_for_a_second_log(site: Path) -> None:
    identity = found(site, "frame.png", "--box", "50,30,36,30")["vehicles"][0]["identity"]
    assert command(site, "explain", identity).code == 0
    assert command(site, "explain", identity, "--log", "runs/site/corridor.db").code == 0
    index = command(site, "explain", identity, "--log", "runs/site/sightings/sightings.db")
    assert index.code == 2
    assert "is no log of Corridor" in index.said


def test_before_there_is_an_index_it_says_how_to_make_one(tmp_path: Path) -> None:
    write_clip(tmp_path / "north.mp4", 5)
    write_site(tmp_path, {"north": "north.mp4"})
    done = command(tmp_path, "search", "site.toml", "--identity", "zone-1")
    assert done.code == 2
    assert "there is no sightings index in runs/site/sightings (make it: corridor index FILE)" in done.said
