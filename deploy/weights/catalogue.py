"""The networks' files: their places, and whether they are the published ones."""

import enum
import functools
import os
import tomllib
from pathlib import Path
from typing import Annotated

import msgspec

from ingest.digest import digest_of
from ingest.errors import ConfigError, WeightsError

FOLDER_VARIABLE = "CORRIDOR_WEIGHTS"
DEFAULT_FOLDER = Path("runs/weights")

Digest = Annotated[str, msgspec.Meta(pattern="^(sha384:[0-9a-f]{96}|sha256:[0-9a-f]{64})$")]


class WeightsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One file of a network; `digest` is `algorithm:hex`, as its publisher states it."""

    name: str
    size: Annotated[int, msgspec.Meta(gt=0)]
    digest: Digest


class Release(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The files of a network as one place published them; the first file is the main one (.xml, .onnx or .pth)."""

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
    """A network: the release that is fetched, and the known copies that are accepted beside it.

    With a `folder` its files lie in that folder of the weights' folder, and it is used by that folder: for files whose
    names say nothing (config.json).
    """

    purpose: str
    licence: str
    published: Release
    copies: tuple[Release, ...] = ()
    folder: str = ""

    @property
    def releases(self) -> tuple[Release, ...]:
        return (self.published, *self.copies)

    def paths(self, folder: Path) -> dict[str, Path]:
        """Paths of the files by name, in that folder of the weights."""
        return {file.name: folder / self.folder / file.name for file in self.published.files}


class Catalogue(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Every network by its short name, and the name of the default detector."""

    default: str
    networks: dict[str, Network]

    def network(self, name: str) -> Network:
        """The network of that name; raises ConfigError with the names there are."""
        if name not in self.networks:
            raise ConfigError(f"there are no weights called {name!r} (known: {', '.join(self.networks)})")
        return self.networks[name]


class WeightsState(enum.Enum):
    """The state of a network's files in the weights folder."""

    PRESENT = "present"
    MISSING = "missing"
    WRONG = "wrong"


class WeightsInspection(msgspec.Struct, frozen=True, kw_only=True):
    """The result of `inspect`: PRESENT comes with a `release`, MISSING and WRONG with a `problem`.

    `origins` has the releases that each file that is there can be of: none for a wrong one.
    """

    state: WeightsState
    release: Release | None = None
    problem: str = ""
    origins: dict[str, tuple[Release, ...]] = {}


@functools.cache
def load_catalogue() -> Catalogue:
    """The networks that Corridor knows."""
    table = tomllib.loads(Path(__file__).with_name("catalogue.toml").read_text("utf-8"))
    return msgspec.convert(table, Catalogue)


def weights_folder() -> Path:
    """The folder of the weights: CORRIDOR_WEIGHTS, else runs/weights in the working directory."""
    return Path(os.environ.get(FOLDER_VARIABLE) or DEFAULT_FOLDER).expanduser()


def find(name: str) -> Path:
    """The main file (.xml, .onnx or .pth) of a network, or its folder, if all its files are there and of one release.

    Raises ConfigError for an unknown name, WeightsError for files that are missing or not the published ones.
    """
    network, folder = load_catalogue().network(name), weights_folder()
    require(name, inspect(network, folder))
    main = network.paths(folder)[network.published.files[0].name]
    return main.parent if network.folder else main


def require(name: str, inspection: WeightsInspection) -> None:
    """Raise WeightsError unless the network was found whole."""
    if inspection.state is WeightsState.MISSING:
        raise WeightsError(
            f"weights of {name!r} are missing: {inspection.problem} (run `corridor weights pull {name}`, "
            f"or set {FOLDER_VARIABLE} to the folder that has them)"
        )
    if inspection.state is WeightsState.WRONG:
        raise WeightsError(
            f"weights of {name!r} are not the published files: {inspection.problem} "
            f"(run `corridor weights pull {name}` to replace them)"
        )


def inspect(network: Network, folder: Path, *, fresh: bool = False) -> WeightsInspection:
    """Hash the files of a network and say which release they are; raises WeightsError for unreadable ones.

    Unless `fresh`, large files that have not changed since they were hashed are not hashed again.
    """
    paths = network.paths(folder)
    origins = {name: _origins(network, path, fresh) for name, path in paths.items() if path.is_file()}
    missing = next((path for name, path in paths.items() if name not in origins), None)
    if missing is not None:
        return WeightsInspection(state=WeightsState.MISSING, problem=str(missing), origins=origins)
    for release in network.releases:
        if all(release in found for found in origins.values()):
            return WeightsInspection(state=WeightsState.PRESENT, release=release, origins=origins)
    for name, found in origins.items():
        if not found:
            return WeightsInspection(state=WeightsState.WRONG, problem=_refusal(network, paths[name]), origins=origins)
    # An .xml holds offsets into its own .bin: two right files of two releases are a wrong network.
    mixed = ", ".join(f"{name} is of {found[0].label}" for name, found in origins.items())
    return WeightsInspection(
        state=WeightsState.WRONG, problem=f"files of different releases in {folder}: {mixed}", origins=origins
    )


def _origins(network: Network, path: Path, fresh: bool) -> tuple[Release, ...]:
    """The releases of a network that have exactly this file."""
    size = path.stat().st_size
    candidates = [
        (release, file.digest)
        for release in network.releases
        for file in release.files
        if file.name == path.name and file.size == size
    ]
    found = {
        digest_of(path, algorithm, fresh=fresh) for algorithm in {each.partition(":")[0] for _, each in candidates}
    }
    return tuple(release for release, digest in candidates if digest in found)


def _refusal(network: Network, path: Path) -> str:
    expected = next(file for file in network.published.files if file.name == path.name)
    found = digest_of(path, expected.digest.partition(":")[0])
    beside = f", nor is it one of {len(network.copies)} known copies" if network.copies else ""
    return (
        f"{path} has {found} ({path.stat().st_size} bytes), expected {expected.digest} ({expected.size} bytes, "
        f"{network.published.label}){beside}"
    )
