"""The download: what it brings, continues, replaces and refuses, and what it says of a server that fails."""

import hashlib
import socket
from pathlib import Path

import pytest

from deploy.weights import catalogue, download
from deploy.weights.catalogue import Network, WeightsState
from ingest.errors import WeightsError
from tests.deploy.weights.calls import pull
from tests.deploy.weights.samples import BIN, OLD_BIN, OLD_XML, XML, make_catalogue, names_in, put
from tests.deploy.weights.server import Server


def test_pull_brings_the_published_files_and_reports_progress(net: Network, folder: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    into = folder / "made" / "on the way"
    assert download.pull("net", net, into, lambda *report: seen.append(report))
    assert names_in(into) == {"net.xml", "net.bin"}
    assert catalogue.inspect(net, into).release == net.published
    assert seen[0] == ("net.xml", len(XML), len(XML))
    steps = [done for file, done, total in seen if file == "net.bin" and total == len(BIN)]
    assert steps == sorted(steps)
    assert steps[-1] == len(BIN)
    assert len(steps) > 1


@pytest.mark.parametrize(("xml", "bin"), [(XML, BIN), (OLD_XML, OLD_BIN)], ids=["published", "known copy"])
def test_pull_leaves_an_accepted_network_alone(
    net: Network, folder: Path, server: Server, xml: bytes, bin: bytes
) -> None:
    put(folder, xml, bin)
    assert not pull(net, folder)
    assert server.requests == []
    assert (folder / "net.bin").read_bytes() == bin


def test_pull_replaces_a_wrong_file_and_fetches_no_right_one(net: Network, folder: Path, server: Server) -> None:
    put(folder, XML, OLD_BIN)
    assert pull(net, folder)
    assert server.requests == [("/new/net.bin", None)]
    assert catalogue.inspect(net, folder).state is WeightsState.PRESENT


@pytest.mark.parametrize("resumes", [True, False], ids=["server resumes", "server starts over"])
def test_a_download_that_breaks_off_is_continued(net: Network, folder: Path, server: Server, resumes: bool) -> None:
    server.resumes = resumes
    server.stop_after = [None, 100_000, None]
    with pytest.raises(WeightsError, match=rf"broke off after 100000 of {len(BIN)} bytes.*pull net` again"):
        pull(net, folder)
    assert names_in(folder) == {"net.xml.part", "net.bin.part"}
    assert pull(net, folder)
    assert server.requests[2:] == [("/new/net.bin", "bytes=100000-")]
    assert (folder / "net.bin").read_bytes() == BIN
    assert names_in(folder) == {"net.xml", "net.bin"}


def test_a_server_that_starts_over_and_breaks_off_leaves_what_it_sent(
    net: Network, folder: Path, server: Server
) -> None:
    server.resumes = False
    server.stop_after = [None, 100_000, 50_000]
    for kept in (100_000, 50_000):
        with pytest.raises(WeightsError, match=f"broke off after {kept} of"):
            pull(net, folder)


def test_a_wrong_digest_leaves_no_file_and_the_old_ones_untouched(net: Network, folder: Path, server: Server) -> None:
    put(folder, b"mine", None)
    server.content["/new/net.bin"] = OLD_BIN
    with pytest.raises(WeightsError) as caught:
        pull(net, folder)
    assert f"it has sha384:{hashlib.sha384(OLD_BIN).hexdigest()} ({len(OLD_BIN)} bytes)" in str(caught.value)
    assert f"expected sha384:{hashlib.sha384(BIN).hexdigest()} ({len(BIN)} bytes)" in str(caught.value)
    assert names_in(folder) == {"net.xml", "net.xml.part"}
    assert (folder / "net.xml").read_bytes() == b"mine"


@pytest.mark.parametrize("kept", [b"x" * 1000, b"x" * (len(BIN) + 1)], ids=["other start", "longer"])
def test_a_part_of_something_else_does_not_spoil_the_next_pull(net: Network, folder: Path, kept: bytes) -> None:
    (folder / "net.bin.part").write_bytes(kept)
    if len(kept) < len(BIN):
        with pytest.raises(WeightsError, match="is not the published file"):
            pull(net, folder)
    assert pull(net, folder)
    assert (folder / "net.bin").read_bytes() == BIN


def test_a_server_that_does_not_stop_is_cut_off(net: Network, folder: Path, server: Server) -> None:
    server.content["/new/net.xml"] = XML + bytes(4_000_000)
    with pytest.raises(WeightsError, match=r"at least (\d+) bytes\), expected") as caught:
        pull(net, folder)
    assert str(4_000_000 + len(XML)) not in str(caught.value)
    assert names_in(folder) == set()


def test_a_server_that_says_no_is_quoted(net: Network, folder: Path, server: Server) -> None:
    del server.content["/new/net.bin"]
    with pytest.raises(WeightsError, match=r"answered 404 Not Found for http://.*/new/net.bin .*by hand into"):
        pull(net, folder)


def test_an_unreachable_host_is_named_with_the_way_out(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but nobody listens
        host = f"127.0.0.1:{taken.getsockname()[1]}"
        net = make_catalogue(f"http://{host}").networks["net"]
        (folder / "net.xml.part").write_bytes(XML[:7])
        with pytest.raises(WeightsError) as caught:
            pull(net, folder)
    message = str(caught.value)
    assert message.startswith(f"cannot fetch weights of 'net' from {host}: ")
    assert f"download http://{host}/new/net.xml by hand into {folder}" in message
    assert "\n" not in message
    assert (folder / "net.xml.part").read_bytes() == XML[:7]


def test_a_folder_that_cannot_be_written_is_named(net: Network, folder: Path) -> None:
    (folder / "file").write_bytes(b"")
    with pytest.raises(WeightsError, match=r"cannot write to .*file"):
        pull(net, folder / "file")
