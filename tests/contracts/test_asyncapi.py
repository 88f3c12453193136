"""docs/schemas/asyncapi.json: AsyncAPI's own parser takes it, and it says what the code does."""

import json
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from deploy.log.topics import ALL, LAYOUTS
from deploy.results.asyncapi import asyncapi_text
from deploy.results.schemas import TYPES
from tests.conftest import ROOT, skip_or_fail

HERE = Path(__file__).parent / "asyncapi"
FETCH_TIMEOUT_S = 180.0
FILE = ROOT / "docs" / "schemas" / "asyncapi.json"


@cache
def parser() -> Path:
    """The folder with AsyncAPI's parser, fetched by npm once; skips or fails where it cannot be had."""
    folder = Path(os.environ.get("CORRIDOR_ASYNCAPI_DIR", ROOT / "runs" / "asyncapi"))
    if not (folder / "node_modules" / "@asyncapi" / "parser").is_dir():
        if shutil.which("npm") is None:
            skip_or_fail("asyncapi", "there is no npm to fetch AsyncAPI's parser")
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(HERE / "package.json", folder)
        command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"]
        try:
            fetched = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=FETCH_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            skip_or_fail("asyncapi", f"npm had not fetched AsyncAPI's parser after {FETCH_TIMEOUT_S:g} s")
        if fetched.returncode:
            skip_or_fail("asyncapi", f"AsyncAPI's parser could not be fetched: {fetched.stderr.strip()[-200:]}")
    return folder


def errors_in(document: Path) -> list[str]:
    """The parser's errors, one a line."""
    command = ["node", str(HERE / "check.mjs"), str(document), str(parser())]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert not done.stderr, done.stderr
    assert bool(done.returncode) == bool(done.stdout)
    return done.stdout.splitlines()


def test_the_file_is_the_code_s() -> None:
    assert FILE.read_text() == asyncapi_text(), "run `make schemas`"


def test_the_parser_takes_it() -> None:
    assert errors_in(FILE) == []


WRONG: dict[str, tuple[list[str], object]] = {
    "an action that is none": (["operations", "write-trajectories", "action"], "shout"),
    "a message that nobody defines": (
        ["channels", "trajectories", "messages", "trajectory-event", "$ref"],
        "#/components/messages/nothing",
    ),
}


@pytest.mark.parametrize(("path", "value"), WRONG.values(), ids=WRONG)
def test_the_parser_would_not_take_a_wrong_one(path: list[str], value: object, tmp_path: Path) -> None:
    document = json.loads(asyncapi_text())
    place: Any = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    wrong = tmp_path / "wrong.json"
    wrong.write_text(json.dumps(document))
    assert errors_in(wrong)


def test_every_topic_and_every_message_is_in_it() -> None:
    document = json.loads(asyncapi_text())
    assert set(document["channels"]) == set(ALL)
    assert set(document["components"]["messages"]) == set(TYPES)
    said = {name for channel in document["channels"].values() for name in channel["messages"]}
    assert said == set(TYPES)
    for layout in LAYOUTS:
        if layout.name in ALL:
            settings = document["channels"][layout.name]["bindings"]["kafka"]["topicConfiguration"]
            assert settings["retention.ms"] == (
                -1 if layout.retention_days is None else layout.retention_days * 86_400_000
            )
            assert ("compact" in settings["cleanup.policy"]) == layout.compacted
