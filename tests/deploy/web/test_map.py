"""The map: places from the configuration, a plan or tiles below them, ways between them; without places a list."""

import hashlib
import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest

from associate.roads.records import Alarm, AlarmKind, encode
from deploy.log.base import Record
from deploy.log.topics import TOPOLOGY
from deploy.site.config import parse_config
from deploy.web.app import STATIC
from deploy.web.map.plan import open_plan
from ingest.errors import ConfigError
from tests.associate.roads.samples import alarm, edge
from tests.deploy.web.town import TOML, Town, town

PLACES = "[map]\n{more}\n[map.cameras]\na = [48.137, 11.575]\nb = [48.139, 11.58]\n"


def drawn(page: str) -> Any:
    found = re.search(r'data-map="([^"]+)"', page)
    assert found is not None
    return json.loads(unescape(found[1]))


def test_without_places_the_page_is_a_list_and_says_how_to_give_them(seen: Town) -> None:
    page = seen.client.get("/map").text
    assert "data-map=" not in page
    assert "[map.cameras]" in page
    assert '<a href="/reports?pair=a+%E2%86%92+b"' in page
    assert seen.client.get("/plan").status == 404


def test_what_is_not_as_it_was_is_said_until_it_is_over(seen: Town) -> None:
    road, moved = (
        alarm(),
        Alarm(zone="z", kind=AlarmKind.CAMERA_MOVED, camera="b", at_ns=1, since_ns=1, gates=0.8, looks=0.1),
    )
    writer = seen.log.claim("roads")
    writer.commit([Record(TOPOLOGY, each.key, encode(each)) for each in (road, moved, edge())])
    page = seen.client.get("/map").text
    assert "Not as before, since" in page
    assert unescape(page).count("the road from 'a' to 'b' may be closed") == 1
    assert "camera 'b' may have been moved" in unescape(page)
    over = msgspec.structs.replace(road, over=True)
    writer.commit([Record(TOPOLOGY, over.key, encode(over))])
    assert "may be closed" not in seen.client.get("/map").text


def test_cameras_with_a_place_are_drawn_and_the_others_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tiles = 'tiles = "https://tile.example.org/{z}/{x}/{y}.png"\nattribution = "<b>maps</b>"'
    with town(tmp_path, more=PLACES.format(more=tiles)) as served:
        answer = served.client.get("/map")
        policy = answer.headers["content-security-policy"]
        other = served.client.get("/nothing").headers["content-security-policy"]
    found = drawn(answer.text)
    assert [each["id"] for each in found["cameras"]] == ["a", "b"]
    assert [(way["from"], way["to"], way["n"]) for way in found["ways"]] == [("a", "b", 4)]  # c has no place
    assert "Without a place on the map: c." in answer.text
    assert (found["plan"], found["tiles"]) == (None, "https://tile.example.org/{z}/{x}/{y}.png")
    assert "<b>maps</b>" not in answer.text
    assert policy == other
    assert "img-src 'self' https://tile.example.org data: blob:;" in policy
    assert "script-src 'self';" in policy


def test_a_plan_is_shown_and_nothing_else_of_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cv2.imwrite("plan.png", np.full((300, 400, 3), 200, np.uint8))
    with town(tmp_path, more=PLACES.format(more='plan = "plan.png"')) as served:
        page, plan = served.client.get("/map"), served.client.get("/plan")
        assert drawn(page.text)["plan"] == [400, 300]
        assert (plan.headers["content-type"], plan.body) == ("image/png", Path("plan.png").read_bytes())
        assert "img-src 'self' data: blob:;" in page.headers["content-security-policy"]
        Path("plan.png").unlink()
        assert served.client.get("/plan").status == 404


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("[map.cameras]\nd = [1.0, 2.0]", "map.cameras names camera 'd'"),
        ("[map.cameras]\na = [100.0, 2.0]", "is no latitude"),
        ("[map.cameras]\na = [nan, 2.0]", "is no latitude"),
        ("[map.cameras]\na = [1.0]", "map.cameras"),
        ('[map]\ntiles = "http://x/{z}/{x}/{y}"', "is no https:// address"),
        ('[map]\ntiles = "https://x/{z}/{x}"', "has no place for"),
        ("[map]\ntiles = \"https://x;script-src 'unsafe-inline'/{z}/{x}/{y}\"", "a character too many"),
        ('[map]\nplan = "p.png"\ntiles = "https://x/{z}/{x}/{y}"', "two grounds"),
        ("[map]\nplans = 1", "plans"),
    ],
)
def test_a_table_that_cannot_be_is_refused(table: str, words: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(words)):
        parse_config(TOML.format(keep="false") + table, "site.toml")


@pytest.mark.parametrize(("data", "words"), [(None, "cannot be read"), (b"GIF89a", "is no .jpg or .png")])
def test_a_plan_that_is_none_is_refused(tmp_path: Path, data: bytes | None, words: str) -> None:
    if data is not None:
        (tmp_path / "plan.png").write_bytes(data)
    with pytest.raises(ConfigError, match=words):
        open_plan(str(tmp_path / "plan.png"))


def test_vendored_files_are_those_of_their_packages() -> None:
    rows = re.findall(r"^\| (\S+) \|.*\| ([0-9a-f]{64}) \|$", (STATIC / "vendor" / "README.md").read_text(), re.M)
    assert {name for name, _ in rows} == {path.name for path in (STATIC / "vendor").glob("*.[cj]s*")}
    for name, digest in rows:
        assert hashlib.sha256((STATIC / "vendor" / name).read_bytes()).hexdigest() == digest, name
        assert (STATIC / "vendor" / f"{name.partition('.')[0]}.LICENSE").is_file()
