"""Where the files are, and which of them are refused."""

import hashlib
from pathlib import Path

import pytest

from deploy.weights import catalogue
from deploy.weights.catalogue import Network
from ingest.errors import ConfigError, WeightsError
from tests.deploy.weights.calls import row, run
from tests.deploy.weights.samples import BIN, CONFIG, OLD_BIN, OLD_XML, WORDS, XML, names_in, put
from tests.deploy.weights.server import Server


@pytest.mark.parametrize(("value", "folder"), [("/srv/nets", "/srv/nets"), ("", "runs/weights")])
def test_the_folder_is_the_variable(monkeypatch: pytest.MonkeyPatch, value: str, folder: str) -> None:
    monkeypatch.setenv("CORRIDOR_WEIGHTS", value)
    assert catalogue.weights_folder() == Path(folder)


def test_without_the_variable_the_folder_is_runs_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CORRIDOR_WEIGHTS", raising=False)
    assert catalogue.weights_folder() == Path("runs/weights")


@pytest.mark.parametrize(("xml", "bin"), [(XML, BIN), (OLD_XML, OLD_BIN)], ids=["published", "known copy"])
def test_find_gives_the_main_file(folder: Path, xml: bytes, bin: bytes) -> None:
    put(folder, xml, bin)
    assert catalogue.find("net") == folder / "net.xml"


def test_an_unknown_name_is_answered_with_the_known_ones(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"'nett' \(known: net, tiny, text\)"):
        catalogue.find("nett")


def test_a_network_with_a_folder_of_its_own_is_that_folder(net: Network, folder: Path, server: Server) -> None:
    (folder / "config.json").write_bytes(CONFIG)  # of some other network
    with pytest.raises(WeightsError, match=f"'text' are missing: {folder / 'text' / 'config.json'} "):
        catalogue.find("text")
    assert run("pull", "text") == f"text: fetched, Text 1, MIT, in {folder / 'text'}\n"
    assert catalogue.find("text") == folder / "text"
    assert names_in(folder / "text") == {"config.json", "words.txt"}
    assert "published file" in row(run("verify"), "text")
    (folder / "text" / "words.txt").write_bytes(WORDS[:-1])
    with pytest.raises(WeightsError, match=r"words\.txt has sha384:\w+ \(9 bytes\), expected sha384:\w+ \(10 bytes"):
        catalogue.find("text")


@pytest.mark.parametrize(("xml", "absent"), [(None, "net.xml"), (XML, "net.bin")])
def test_find_says_which_file_is_missing_and_what_to_do(folder: Path, xml: bytes | None, absent: str) -> None:
    put(folder, xml, None)
    with pytest.raises(WeightsError) as caught:
        catalogue.find("net")
    assert str(caught.value) == (
        f"weights of 'net' are missing: {folder / absent} (run `corridor weights pull net`, "
        "or set CORRIDOR_WEIGHTS to the folder that has them)"
    )


WRONG = {
    "one bit flipped": (XML, bytes([BIN[0] ^ 1]) + BIN[1:], "net.bin"),
    "cut short": (XML, BIN[:-1], "net.bin"),
    "longer": (XML + b"\n", BIN, "net.xml"),
    "empty": (b"", BIN, "net.xml"),
}


@pytest.mark.parametrize(("xml", "bin", "wrong"), WRONG.values(), ids=WRONG.keys())
def test_find_refuses_a_file_with_both_digests(folder: Path, xml: bytes, bin: bytes, wrong: str) -> None:
    put(folder, xml, bin)
    found, expected = (xml, XML) if wrong == "net.xml" else (bin, BIN)
    with pytest.raises(WeightsError) as caught:
        catalogue.find("net")
    message = str(caught.value)
    assert f"{folder / wrong} has sha384:{hashlib.sha384(found).hexdigest()} ({len(found)} bytes)" in message
    assert f"expected sha384:{hashlib.sha384(expected).hexdigest()} ({len(expected)} bytes, Zoo 2)" in message
    assert "nor is it one of 1 known copies" in message
    assert "\n" not in message


@pytest.mark.parametrize(("xml", "bin"), [(XML, OLD_BIN), (OLD_XML, BIN)])
def test_right_files_of_two_releases_are_a_wrong_network(folder: Path, xml: bytes, bin: bytes) -> None:
    put(folder, xml, bin)
    with pytest.raises(WeightsError, match=r"different releases .* net.xml is of Zoo \d, net.bin is of Zoo \d"):
        catalogue.find("net")
