"""Configurations with keys, values and characters changed: taken and wired, or refused in one line."""

import random
import re
from pathlib import Path

import msgspec

from deploy.log.address import on_this_machine
from deploy.log.opening import open_log
from deploy.site.config import Config, parse_config
from deploy.site.status import camera_statuses
from deploy.site.wiring import make_association_worker, make_perception_worker
from ingest.errors import CorridorError
from ingest.redact import redact
from tests.conftest import ROOT
from tests.ingest.credential_urls import PLACES, url

SECRET = "Xq7-Geheim-Zj4"
WHOLE = """
[[cameras]]
id = "north"
source = "{source}"
credentials = "env:PATH"
transport = "tcp"

[[cameras]]
id = "south"
source = "clip.mp4"
realtime = false
starts_at = 2026-06-01T12:00:00Z

[detect]
detector = "motion"
analyse_fps = 8.0
lost_after_s = 1.2
min_score = 0.3
threads = 1
masks = "grabcut"

[foundation]
prompt = "car . bus ."
prompts = {{ south = "tram ." }}
box_score = 0.3
max_calls_per_s = 0.8
device = "cpu"
batch = 4
batch_wait_ms = 20
short_side_px = 800

[embed]
encoder = "colour"
threads = 0
open_after_s = 0.4
update_every_s = 2.0
crops = 4
attributes = false

[associate]
zone = "zone"
only_listed = false
min_travel_s = 0.0
max_travel_s = 300.0
idle_after_s = 10.0
decide_every_s = 2.0
min_probability = 0.7
lag_s = 15.0
memory_s = 600.0
max_identities = 20000
search = "exact"

[[associate.travel]]
start = "north"
end = "south"
min_s = 4
max_s = 12
both_ways = true

[log]
url = "sqlite:runs/corridor.db"
connect_timeout_s = 0.2
spool_mb = 16.0

[watch]
stall_after_s = 20.0

[crops]
keep = false
folder = "runs/crops"
keep_hours = 72.0
max_mb = 2000.0
"""
NUMBERS = (
    *("0", "-1", "1", "2", "0.01", "0.5", "10", "-0.0", "1e308", "-1e308", "5e-324", "1e-300", "nan", "inf"),
    *("9223372036854775807", "1e10", "0x7f"),
)
STRINGS = (
    *(
        '""',
        '"x"',
        '"."',
        '"a b"',
        '"\\u0000"',
        '"~nobody/x"',
        '"../.."',
        '"env:"',
        '"file:\\u0000"',
        '"file:~nobody/x"',
    ),
    *('"file:/dev/null"', '"sqlite:"', '"sqlite:clip.mp4/x"', '"kafka://"', '"kafka://h:0"', '"city://"', '"x.onnx"'),
    *('"city://smooth/-1"', '"city://smooth/99999999999999999999"', '"city://smooth/x"', '"rtsp://"', '"rtsp://[::1"'),
    *('"http://h:99999/"', '"\ud7ff"', '"' + "a" * 5000 + '"', '"cuda:999"', '"-"', '"motion"', '"colour"', '"box"'),
    *(
        '"rtsp://h/{password}"',
        '"auto"',
        '"cuda"',
        '"udp"',
        '"faiss"',
        '"north"',
        '"south"',
        '"run é"',
        '"car . . bus"',
    ),
)
OTHERS = ("true", "false", "[]", "{}", "[1]", "1979-05-27", "0001-01-01T00:00:00", "12:00:00", "2200-12-31T23:59:59Z")
JUNK = ('"', "'", "[", "]", "{", "}", "=", "#", "\n", "\x00", "\x7f", "é", "\u2028", "🚗", "\\", "'''", '"""', ".", ",")


def check(rng: random.Random, folder: Path) -> list[str]:
    text = changed(rng, template(rng))
    try:
        config = parse_config(text, "site.toml")
        wire(config, folder)
    except CorridorError as error:
        said = " ".join(redact(str(error)).split())
        print(f"error: {said}")
        assert len(said) < 8000, f"an error of {len(said)} characters"
    return [SECRET]


def template(rng: random.Random) -> str:
    """A right configuration, with a password at some place of its first source."""
    if rng.random() < 0.2:
        return rng.choice(sorted(ROOT.glob("deploy/examples/*.toml"))).read_text()
    places = [place for place in sorted(PLACES) if not place.startswith("account") or rng.random() < 0.1]
    return WHOLE.format(source=url(rng.choice(places), SECRET, host="127.0.0.1:1"))


def changed(rng: random.Random, text: str) -> str:
    """One to four changes; most are of values, so that many configurations come through."""
    for _ in range(rng.choice((1, 1, 1, 2, 2, 4))):
        text = rng.choice((*[_odd_value] * 6, _lines, _characters))(rng, text)
    return text


def _odd_value(rng: random.Random, text: str) -> str:
    values = list(re.finditer(r"(?m)^(\s*[\w.-]+\s*=\s*)(.+)$", text))
    if not values:
        return text
    match = rng.choice(values)
    kinds = NUMBERS if re.match(r"[-+\d]", match[2]) else STRINGS if match[2].startswith('"') else OTHERS
    other = rng.choice(kinds if rng.random() < 0.8 else (*NUMBERS, *STRINGS, *OTHERS))
    return text[: match.start(2)] + other + text[match.end(2) :]


def _lines(rng: random.Random, text: str) -> str:
    lines = text.split("\n")
    at, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    if rng.random() < 0.4:
        del lines[at]
    elif rng.random() < 0.5:
        lines.insert(other, lines[at])
    else:
        lines[at], lines[other] = lines[other], lines[at]
    return "\n".join(lines)


def _characters(rng: random.Random, text: str) -> str:
    at = rng.randrange(len(text) + 1)
    return rng.choice((text[:at] + rng.choice(JUNK) + text[at:], text[:at] + text[at + 1 :], text[:at]))


def wire(config: Config, folder: Path) -> None:
    """Make everything that `run` makes, but start no camera."""
    inside = re.compile(r"^(?:sqlite:)?(?![/~.])[\w./-]*$")
    if not on_this_machine(config.log.url) or not inside.match(config.log.url) or not inside.match(config.crops.folder):
        return
    (folder / "clip.mp4").touch()
    log = open_log(config.log.url)
    try:
        worker = make_perception_worker(config, log)
        print(msgspec.json.encode(camera_statuses(worker)).decode())
        make_association_worker(config, log)
    finally:
        log.close()
