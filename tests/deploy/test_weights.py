"""The lookup, the check and the download of weights; the downloads come from a server inside the test."""

import hashlib
import json
import os
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedReader
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy import weights, weights_digest, weights_download
from deploy.cli.weights_command import app
from deploy.weights import Catalogue, Network, Release, State, WeightsFile
from ingest.errors import ConfigError, WeightsError

XML = b"<net/>" * 50
BIN = bytes(range(256)) * 1200  # several reads of CHUNK_BYTES
OLD_XML = b"<old/>" * 50
OLD_BIN = bytes(reversed(BIN))  # another release of the same size
ONNX = b"onnx" * 100
CONFIG = b'{"layers": 2}'
WORDS = b"car\ntruck\n"


class Server:
    """Serves `content` by path; each request takes the next of `stop_after`: bytes until the line drops."""

    def __init__(self) -> None:
        self.content = {"/new/net.xml": XML, "/new/net.bin": BIN, "/new/tiny.onnx": ONNX}
        self.content |= {"/new/config.json": CONFIG, "/new/words.txt": WORDS}
        self.stop_after: list[int | None] = []
        self.resumes = True
        self.requests: list[tuple[str, str | None]] = []
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, self))
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, server: Server, *args: object) -> None:
        self.script = server
        super().__init__(*args)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        wanted = self.headers["Range"]
        self.script.requests.append((self.path, wanted))
        body = self.script.content.get(self.path)
        if body is None:
            self.send_error(404)
            return
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and self.script.resumes else 0
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        stop = self.script.stop_after.pop(0) if self.script.stop_after else None
        with suppress(ConnectionError):  # the client has heard enough
            self.wfile.write(body[start:] if stop is None else body[start : start + stop])

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=partial(server.http.serve_forever, poll_interval=0.01))
    thread.start()
    yield server
    server.http.shutdown()
    thread.join()
    server.http.server_close()


def release(label: str, source: str, **contents: bytes) -> Release:
    files = tuple(
        WeightsFile(
            name=name.replace("_", "."),
            size=len(data),
            digest=f"sha384:{hashlib.sha384(data).hexdigest()}",
        )
        for name, data in contents.items()
    )
    return Release(label=label, source=source, files=files)


def make_catalogue(url: str) -> Catalogue:
    new = release("Zoo 2", f"{url}/new", net_xml=XML, net_bin=BIN)
    old = release("Zoo 1", f"{url}/old", net_xml=OLD_XML, net_bin=OLD_BIN)
    tiny = release("Tiny 1", f"{url}/new", tiny_onnx=ONNX)
    text = release("Text 1", f"{url}/new", config_json=CONFIG, words_txt=WORDS)
    return Catalogue(
        default="net",
        networks={
            "net": Network(purpose="detector", licence="MIT", published=new, copies=(old,)),
            "tiny": Network(purpose="encoder", licence="MIT", published=tiny),
            "text": Network(purpose="words", licence="MIT", published=text, folder="text"),
        },
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty weights folder, and a catalogue whose publishers nobody answers for."""
    monkeypatch.setenv("CORRIDOR_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    use(monkeypatch, make_catalogue("http://127.0.0.1:9"))
    return tmp_path


def use(monkeypatch: pytest.MonkeyPatch, catalogue: Catalogue) -> Catalogue:
    monkeypatch.setattr(weights, "load_catalogue", lambda: catalogue)
    return catalogue


@pytest.fixture
def net(folder: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> Network:
    """The network `net`, published by the server of the test."""
    return use(monkeypatch, make_catalogue(server.url)).networks["net"]


def put(folder: Path, xml: bytes | None = XML, bin: bytes | None = BIN) -> None:
    for name, data in (("net.xml", xml), ("net.bin", bin)):
        if data is not None:
            (folder / name).write_bytes(data)


def pull(network: Network, folder: Path) -> bool:
    return weights_download.pull("net", network, folder, lambda file, done, total: None)


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


# Where the files are


@pytest.mark.parametrize(("value", "folder"), [("/srv/nets", "/srv/nets"), ("", "runs/weights")])
def test_the_folder_is_the_variable(monkeypatch: pytest.MonkeyPatch, value: str, folder: str) -> None:
    monkeypatch.setenv("CORRIDOR_WEIGHTS", value)
    assert weights.weights_folder() == Path(folder)


def test_without_the_variable_the_folder_is_runs_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CORRIDOR_WEIGHTS", raising=False)
    assert weights.weights_folder() == Path("runs/weights")


@pytest.mark.parametrize(("xml", "bin"), [(XML, BIN), (OLD_XML, OLD_BIN)], ids=["published", "known copy"])
def test_find_gives_the_main_file(folder: Path, xml: bytes, bin: bytes) -> None:
    put(folder, xml, bin)
    assert weights.find("net") == folder / "net.xml"


def test_an_unknown_name_is_answered_with_the_known_ones(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"'nett' \(known: net, tiny, text\)"):
        weights.find("nett")


def test_a_network_with_a_folder_of_its_own_is_that_folder(net: Network, folder: Path, server: Server) -> None:
    (folder / "config.json").write_bytes(CONFIG)  # of some other network
    with pytest.raises(WeightsError, match=f"'text' are missing: {folder / 'text' / 'config.json'} "):
        weights.find("text")
    assert run("pull", "text") == f"text: fetched, Text 1, MIT, in {folder / 'text'}\n"
    assert weights.find("text") == folder / "text"
    assert names_in(folder / "text") == {"config.json", "words.txt"}
    assert "published file" in row(run("verify"), "text")
    (folder / "text" / "words.txt").write_bytes(WORDS[:-1])
    with pytest.raises(WeightsError, match=r"words\.txt has sha384:\w+ \(9 bytes\), expected sha384:\w+ \(10 bytes"):
        weights.find("text")


@pytest.mark.parametrize(("xml", "absent"), [(None, "net.xml"), (XML, "net.bin")])
def test_find_says_which_file_is_missing_and_what_to_do(folder: Path, xml: bytes | None, absent: str) -> None:
    put(folder, xml, None)
    with pytest.raises(WeightsError) as caught:
        weights.find("net")
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
        weights.find("net")
    message = str(caught.value)
    assert f"{folder / wrong} has sha384:{hashlib.sha384(found).hexdigest()} ({len(found)} bytes)" in message
    assert f"expected sha384:{hashlib.sha384(expected).hexdigest()} ({len(expected)} bytes, Zoo 2)" in message
    assert "nor is it one of 1 known copies" in message
    assert "\n" not in message


@pytest.mark.parametrize(("xml", "bin"), [(XML, OLD_BIN), (OLD_XML, BIN)])
def test_right_files_of_two_releases_are_a_wrong_network(folder: Path, xml: bytes, bin: bytes) -> None:
    put(folder, xml, bin)
    with pytest.raises(WeightsError, match=r"different releases .* net.xml is of Zoo \d, net.bin is of Zoo \d"):
        weights.find("net")


# Digests that are remembered


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that are hashed, by name; files of any size count as large."""
    monkeypatch.setattr(weights_digest, "REMEMBER_FROM_BYTES", 1)
    names: list[str] = []
    real = hashlib.file_digest

    def note(stream: BufferedReader, algorithm: str) -> object:
        names.append(Path(str(stream.name)).name)
        return real(stream, algorithm)

    monkeypatch.setattr(hashlib, "file_digest", note)
    return names


def test_a_large_file_is_hashed_once_and_again_by_verify(folder: Path, hashed: list[str]) -> None:
    put(folder)
    for _ in range(3):
        weights.find("net")
    assert hashed == ["net.xml", "net.bin"]
    run("list")
    assert hashed == ["net.xml", "net.bin"]
    run("verify", "net")
    assert hashed == ["net.xml", "net.bin"] * 2


def test_small_files_are_hashed_every_time(folder: Path, hashed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights_digest, "REMEMBER_FROM_BYTES", len(BIN))
    put(folder)
    for _ in range(2):
        weights.find("net")
    assert hashed == ["net.xml", "net.bin", "net.xml"]


def test_what_was_pulled_is_not_hashed_again(net: Network, folder: Path, hashed: list[str]) -> None:
    pull(net, folder)
    assert hashed == ["net.xml.part", "net.bin.part"]
    assert weights.find("net") == folder / "net.xml"
    assert len(hashed) == 2
    assert set(json.loads((folder / ".digests.json").read_bytes())) == {"net.xml", "net.bin"}


@pytest.mark.parametrize("change", ["other content", "other content, old time", "moved in, old time"])
def test_a_file_that_changed_is_hashed_again_and_refused(folder: Path, hashed: list[str], change: str) -> None:
    put(folder)
    weights.find("net")
    path = folder / "net.bin"
    stat = path.stat()
    if "moved" in change:
        (folder / "other").write_bytes(OLD_BIN)
        (folder / "other").replace(path)
    else:
        path.write_bytes(OLD_BIN)
    if "old time" in change:
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    with pytest.raises(WeightsError, match="different releases"):
        weights.find("net")


@pytest.mark.parametrize("memory", ["{", '{"net.bin": 5}', ""])
def test_a_broken_memory_is_no_harm(folder: Path, hashed: list[str], memory: str) -> None:
    put(folder)
    (folder / ".digests.json").write_text(memory)
    weights.find("net")
    weights.find("net")
    assert hashed == ["net.xml", "net.bin"]


def test_where_nothing_can_be_noted_files_are_hashed_every_time(folder: Path, hashed: list[str]) -> None:
    put(folder)
    (folder / ".digests.json").mkdir()  # as in a folder that cannot be written
    for _ in range(2):
        weights.find("net")
    assert hashed == ["net.xml", "net.bin"] * 2
    assert names_in(folder) == {"net.xml", "net.bin", ".digests.json"}


# The download


def test_pull_brings_the_published_files_and_reports_progress(net: Network, folder: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    into = folder / "made" / "on the way"
    assert weights_download.pull("net", net, into, lambda *report: seen.append(report))
    assert names_in(into) == {"net.xml", "net.bin"}
    assert weights.inspect(net, into).release == net.published
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
    assert weights.inspect(net, folder).state is State.PRESENT


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


# The commands


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments)
    if result.exception is not None:
        raise result.exception
    return result.stdout


def row(output: str, first: str) -> str:
    return next(line for line in output.splitlines() if line.split()[:1] == [first])


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


# The catalogue that ships


SHIPPED = weights.load_catalogue()


def test_the_default_is_in_the_catalogue() -> None:
    assert SHIPPED.network(SHIPPED.default).published.label == "Open Model Zoo 2022.3, FP16-INT8"


@pytest.mark.parametrize("name", SHIPPED.networks)
def test_the_catalogue_is_consistent(name: str) -> None:
    network = SHIPPED.network(name)
    main = network.published.files[0].name
    assert network.folder == name if Path(main).suffix == ".json" else not network.folder
    digests = [file.digest for release in network.releases for file in release.files]
    assert len(set(digests)) == len(digests)
    for release in network.releases:
        assert release.source.startswith("https://")
        assert [file.name for file in release.files] == [file.name for file in network.published.files]
        assert network.folder or all(Path(file.name).stem == Path(main).stem for file in release.files)


def test_no_two_networks_share_a_file() -> None:
    paths = [path for network in SHIPPED.networks.values() for path in network.paths(Path("weights")).values()]
    assert len(set(paths)) == len(paths)


FOUNDATION = {
    "grounding-dino-swin-t": 0.694e9,
    "grounding-dino-swin-b": 0.938e9,
    "bert-base-uncased": 0.441e9,
    "sam-vit-b": 0.375e9,
    "sam-vit-l": 1.250e9,
    "sam-vit-h": 2.565e9,
}


@pytest.mark.parametrize(("name", "size"), FOUNDATION.items())
def test_the_large_networks_are_known_by_sha256_and_say_what_is_not_certain(name: str, size: float) -> None:
    network = SHIPPED.network(name)
    assert network.licence == "Apache-2.0"
    assert network.published.size == pytest.approx(size, rel=1e-3)
    assert all(file.digest.startswith("sha256:") for file in network.published.files)
    assert "public projects record" in network.published.note


KNOWN = {
    "crossroad-1016": "Open Model Zoo 2022.3, FP16-INT8",
    "pvb-2001": "Open Model Zoo 2022.3, FP16",
    "pvb-2000": "Open Model Zoo 2022.3, FP16-INT8",
    "yolox-nano": "copy of unknown release, in Kazuhito00/vehicle-reid-0001-onnx-sample",
    "vehicle-attributes-0039": "Open Model Zoo 2021.4, FP16",
    "reid-0277": "Open Model Zoo 2021.4, FP16",
}


@pytest.mark.parametrize(("name", "label"), KNOWN.items())
def test_the_shared_copies_are_known(
    name: str, label: str, shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CORRIDOR_WEIGHTS", str(shared_data / "weights"))
    finding = weights.inspect(SHIPPED.network(name), shared_data / "weights")
    assert finding.release is not None, finding.problem
    assert finding.release.label == label
    assert label in row(run("verify", name), name)
    # The same file with its last byte changed is refused.
    for file in SHIPPED.network(name).published.files:
        shutil.copyfile(shared_data / "weights" / file.name, tmp_path / file.name)
    changed = tmp_path / file.name
    data = changed.read_bytes()
    changed.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    monkeypatch.setenv("CORRIDOR_WEIGHTS", str(tmp_path))
    with pytest.raises(WeightsError, match="are not the published files"):
        weights.find(name)
