"""The commands: `corridor weights pull`, `list` and `verify`."""

import hashlib
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.cli.weights import app
from deploy.weights.catalogue import Network
from ingest.errors import ConfigError, WeightsError
from tests.deploy.weights.calls import row, run
from tests.deploy.weights.samples import OLD_BIN, OLD_XML, ONNX, XML, names_in, put
from tests.deploy.weights.server import Server


def test_pull_fetches_the_default_the_named_or_all(net: Network, folder: Path, server: Server) -> None:
    assert run("pull").startswith("net: fetched, Zoo 2, MIT")
    assert names_in(folder) == {"net.xml", "net.bin"}
    output = run("pull", "--all").splitlines()
    assert [line.split(",")[0] for line in output] == ["net: already there", "tiny: fetched", "text: fetched"]
    assert len(server.requests) == 5


def test_pull_checks_every_name_before_it_fetches_one(net: Network, folder: Path, server: Server) -> None:
    with pytest.raises(ConfigError, match="'nothing'"):
        run("pull", "net", "nothing")
    with pytest.raises(ConfigError, match="not both"):
        run("pull", "net", "--all")
    assert server.requests == []


def test_list_shows_each_state(folder: Path) -> None:
    put(folder, OLD_XML, OLD_BIN)
    output = run("list")
    assert "present" in row(output, "net")
    assert "Zoo 1" in row(output, "net")
    assert "missing" in row(output, "tiny")
    (folder / "tiny.onnx").write_bytes(b"?")
    assert "wrong" in row(run("list"), "tiny")


def test_list_as_json_has_what_a_download_by_hand_needs(folder: Path) -> None:
    document = json.loads(run("list", "--json"))
    assert document["folder"] == str(folder)
    tiny = next(network for network in document["networks"] if network["name"] == "tiny")
    assert tiny["state"] == "missing"
    assert tiny["published"]["files"] == [
        {
            "name": "tiny.onnx",
            "size": len(ONNX),
            "digest": f"sha384:{hashlib.sha384(ONNX).hexdigest()}",
            "url": "http://127.0.0.1:9/new/tiny.onnx",
        }
    ]


def test_verify_says_which_release_and_refuses_the_rest(folder: Path) -> None:
    with pytest.raises(WeightsError, match="no weights to verify"):
        run("verify")
    put(folder, OLD_XML, OLD_BIN)
    output = run("verify")
    assert "known copy" in row(output, "net")
    assert "tiny" not in output
    with pytest.raises(WeightsError, match="'tiny' are missing"):
        run("verify", "net", "tiny")
    put(folder)
    assert "published file" in row(run("verify"), "net")
    put(folder, XML, OLD_BIN)
    result = CliRunner().invoke(app, ["verify"])
    assert isinstance(result.exception, WeightsError)
    assert "published file, alone" in result.stdout
    assert "known copy, alone" in result.stdout
    put(folder, XML, b"broken")
    result = CliRunner().invoke(app, ["verify"])
    assert isinstance(result.exception, WeightsError)
    assert "refused" in result.stdout
