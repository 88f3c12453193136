"""The files of the networks: where they lie, whether they are the right ones, and how they are fetched."""

import enum
import functools
import hashlib
import http.client
import os
import tomllib
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Generator
from contextlib import closing
from pathlib import Path
from typing import Annotated

import msgspec

from ingest.errors import ConfigError, WeightsError

FOLDER_VARIABLE = "CORRIDOR_WEIGHTS"
DEFAULT_FOLDER = Path("runs/weights")
PART_SUFFIX = ".part"
CHUNK_BYTES = 1 << 16
NETWORK_TIMEOUT_S = 30.0

Progress = Callable[[str, int, int], None]
"""Called with the name of a file, the bytes there so far, and its size in bytes."""

Digest = Annotated[str, msgspec.Meta(pattern="^(sha384:[0-9a-f]{96}|sha256:[0-9a-f]{64})$")]


class WeightsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One file of a network; `digest` is `algorithm:hex`, as its publisher states it."""

    name: str
    size: Annotated[int, msgspec.Meta(gt=0)]
    digest: Digest


class Release(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The files of a network as one place published them; the first file is the main one (.xml or .onnx)."""

    label: str
    source: str
    files: Annotated[tuple[WeightsFile, ...], msgspec.Meta(min_length=1)]
    note: str = ""

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)

    def url(self, file: WeightsFile) -> str:
        return f"{self.source}/{file.name}"


class Network(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A network: the release that is fetched, and the known copies that are accepted beside it."""

    purpose: str
    licence: str
    published: Release
    copies: tuple[Release, ...] = ()

    @property
    def releases(self) -> tuple[Release, ...]:
        return (self.published, *self.copies)


class Catalogue(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Every network by its short name, and the name of the default detector."""

    default: str
    networks: dict[str, Network]

    def network(self, name: str) -> Network:
        """The network of that name; raises ConfigError with the names there are."""
        if name not in self.networks:
            raise ConfigError(f"there are no weights called {name!r} (known: {', '.join(self.networks)})")
        return self.networks[name]


class State(enum.Enum):
    """What lies in the folder under the file names of a network."""

    PRESENT = "present"
    MISSING = "missing"
    WRONG = "wrong"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """The result of `inspect`: PRESENT comes with a `release`, MISSING and WRONG with a `problem`."""

    state: State
    release: Release | None = None
    problem: str = ""


@functools.cache
def load_catalogue() -> Catalogue:
    """The networks that Corridor knows."""
    table = tomllib.loads(Path(__file__).with_name("weights_catalogue.toml").read_text("utf-8"))
    return msgspec.convert(table, Catalogue)


def weights_folder() -> Path:
    """The folder of the weights: CORRIDOR_WEIGHTS, else runs/weights in the working directory."""
    return Path(os.environ.get(FOLDER_VARIABLE) or DEFAULT_FOLDER).expanduser()


def find(name: str) -> Path:
    """The main file (.xml or .onnx) of a network whose files are all there and all of one release.

    Raises ConfigError for an unknown name, WeightsError for files that are missing or not the published ones.
    """
    network, folder = load_catalogue().network(name), weights_folder()
    require(name, inspect(network, folder))
    return folder / network.published.files[0].name


def digest_of(name: str) -> str:
    """The first 8 hex digits of the SHA-256 over the files of a network, in the order of the catalogue."""
    main = find(name)
    total = hashlib.sha256()
    for file in load_catalogue().network(name).published.files:
        total.update(main.with_name(file.name).read_bytes())
    return total.hexdigest()[:8]


def require(name: str, finding: Finding) -> None:
    """Raise WeightsError unless the network was found whole."""
    if finding.state is State.MISSING:
        raise WeightsError(
            f"weights of {name!r} are missing: {finding.problem} (run `corridor weights pull {name}`, "
            f"or set {FOLDER_VARIABLE} to the folder that has them)"
        )
    if finding.state is State.WRONG:
        raise WeightsError(
            f"weights of {name!r} are not the published files: {finding.problem} "
            f"(run `corridor weights pull {name}` to replace them)"
        )


def inspect(network: Network, folder: Path) -> Finding:
    """Hash the files of a network and say which release they are; raises WeightsError for unreadable ones."""
    paths = {file.name: folder / file.name for file in network.published.files}
    missing = next((path for path in paths.values() if not path.is_file()), None)
    if missing is not None:
        return Finding(state=State.MISSING, problem=str(missing))
    matches = {name: matching_releases(network, path) for name, path in paths.items()}
    for release in network.releases:
        if all(release in found for found in matches.values()):
            return Finding(state=State.PRESENT, release=release)
    for name, found in matches.items():
        if not found:
            return Finding(state=State.WRONG, problem=_refusal(network, paths[name]))
    # An .xml holds offsets into its own .bin: two right files of two releases are a wrong network.
    origins = ", ".join(f"{name} is of {found[0].label}" for name, found in matches.items())
    return Finding(state=State.WRONG, problem=f"files of different releases in {folder}: {origins}")


def matching_releases(network: Network, path: Path) -> tuple[Release, ...]:
    """The releases of a network that have exactly this file."""
    return tuple(
        release
        for release in network.releases
        if any(file.name == path.name and _is(file, path) for file in release.files)
    )


def _is(file: WeightsFile, path: Path) -> bool:
    return path.is_file() and _size(path) == file.size and _digest(path, file.digest.partition(":")[0]) == file.digest


def _refusal(network: Network, path: Path) -> str:
    expected = next(file for file in network.published.files if file.name == path.name)
    found = _digest(path, expected.digest.partition(":")[0])
    beside = f", nor is it one of {len(network.copies)} known copies" if network.copies else ""
    return (
        f"{path} has {found} ({_size(path)} bytes), expected {expected.digest} ({expected.size} bytes, "
        f"{network.published.label}){beside}"
    )


def _size(path: Path) -> int:
    return path.stat().st_size


def _digest(path: Path, algorithm: str) -> str:
    try:
        with path.open("rb") as stream:
            return f"{algorithm}:{hashlib.file_digest(stream, algorithm).hexdigest()}"
    except OSError as error:
        raise WeightsError(f"cannot read {path}: {error.strerror}") from error


def pull(name: str, network: Network, folder: Path, progress: Progress) -> bool:
    """Fetch the published files of a network; False if a release that Corridor accepts is already there.

    A download is written to NAME.part, which a later call continues; files get their names when all of them
    have the published digest. Raises WeightsError.
    """
    if inspect(network, folder).state is State.PRESENT:
        return False
    wanted = [file for file in network.published.files if not _is(file, folder / file.name)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in wanted:
            _fetch(name, network.published, file, folder, progress)
        for file in wanted:
            (folder / (file.name + PART_SUFFIX)).replace(folder / file.name)
    except OSError as error:
        raise WeightsError(f"cannot write to {folder}: {error.strerror} ({error.filename or folder})") from error
    return True


def _fetch(name: str, release: Release, file: WeightsFile, folder: Path, progress: Progress) -> None:
    """Bring NAME.part of one file to its full size, and check it."""
    part = folder / (file.name + PART_SUFFIX)
    url = release.url(file)
    there = _size(part) if part.exists() else 0
    if there > file.size:
        part.unlink()
        there = 0
    if there < file.size:
        part.touch()
        with closing(_read_from(url, there, name, folder)) as pieces, part.open("r+b") as stream:
            for start, piece in pieces:
                stream.seek(start)
                stream.truncate()
                stream.write(piece)
                progress(file.name, start + len(piece), file.size)
                if start + len(piece) > file.size:
                    break
    if _size(part) < file.size:
        raise WeightsError(
            f"the download of {url} broke off after {_size(part)} of {file.size} bytes; what came is kept "
            f"(run `corridor weights pull {name}` again to continue)"
        )
    _check(part, file, url)


def _check(part: Path, file: WeightsFile, url: str) -> None:
    """Delete a download that is not the published file, and raise WeightsError with both digests."""
    size, found = _size(part), _digest(part, file.digest.partition(":")[0])
    if size == file.size and found == file.digest:
        return
    part.unlink()
    longer = "at least " if size > file.size else ""
    raise WeightsError(
        f"the download of {url} is not the published file: it has {found} ({longer}{size} bytes), "
        f"expected {file.digest} ({file.size} bytes); it was deleted "
        "(pull again; if it comes back the same, do not use it)"
    )


def _read_from(url: str, start: int, name: str, folder: Path) -> Generator[tuple[int, bytes], None, None]:
    """Yield (offset, bytes) of a file from byte `start` on, or from 0 where the server cannot resume."""
    headers = {"User-Agent": "corridor"} | ({"Range": f"bytes={start}-"} if start else {})
    request = urllib.request.Request(url, headers=headers)
    by_hand = f"run `corridor weights pull {name}` again to continue, or download {url} by hand into {folder}"
    try:
        with urllib.request.urlopen(request, timeout=NETWORK_TIMEOUT_S) as response:
            offset = start if response.status == http.HTTPStatus.PARTIAL_CONTENT else 0
            while piece := response.read(CHUNK_BYTES):
                yield offset, piece
                offset += len(piece)
    except urllib.error.HTTPError as error:
        with error:
            raise WeightsError(f"the server answered {error.code} {error.reason} for {url} ({by_hand})") from error
    except (OSError, http.client.HTTPException) as error:
        host = urllib.parse.urlsplit(url).netloc
        reason = getattr(error, "reason", None) or error
        raise WeightsError(f"cannot fetch weights of {name!r} from {host}: {reason} ({by_hand})") from error
