"""The state of a training in one file, written whole or not at all."""

import contextlib
import io
import logging
import os
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import torch

from embed.network.factory import build_encoder
from embed.network.inference import load_inference_model, read_settings
from embed.network.network import ReidNetwork
from embed.network.settings import NetworkSettings, TestFeature
from ingest.errors import ConfigError, CorridorError
from training.encoder.recipe import Recipe

logger = logging.getLogger(__name__)

EXPORTED_SUFFIX = ".safetensors"
"""Ending of the file with an export's weights for PyTorch."""

GRAPH_SUFFIX = ".onnx"
"""Ending of the file beside it that the running system reads."""

FORMAT = "corridor encoder 1"


class CheckpointError(CorridorError):
    """A checkpoint could not be written, or is none."""


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Inputs of a training; a checkpoint goes on only where all of them are the same.

    data: fingerprint of the training images; identities: of the labels 0, 1, ... whose vehicle they are. sets: the
    data sets, whole, as tables name them. start: what the first weights were taken from; teacher: whose vectors were
    learned from; both empty without.
    """

    model: NetworkSettings
    recipe: Recipe
    seed: int
    data: str
    identities: tuple[str, ...]
    sets: tuple[str, ...] = ()
    start: str = ""
    teacher: str = ""


def save_checkpoint(path: Path, origin: Origin, state: dict[str, Any]) -> None:
    """Write a checkpoint; raises CheckpointError, and what stood at `path` before still does."""
    write_saved(path, FORMAT, {"origin": msgspec.to_builtins(origin), "state": state})


def write_saved(path: Path, kind: str, content: dict[str, Any]) -> None:
    """Write what `read_saved` reads, marked as of that kind; raises CheckpointError as `write_atomically` does."""
    buffer = io.BytesIO()
    torch.save({"format": kind, **content}, buffer)
    write_atomically(path, buffer.getbuffer())


def write_atomically(path: Path, data: bytes | memoryview) -> None:
    """Write a file, whole and on the disk, or not at all; raises CheckpointError."""
    unfinished = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with unfinished.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise _unwritable(path, error) from error


def check_writable(path: Path) -> None:
    """Raise CheckpointError where `write_atomically` could not write a file: better before long work than after."""
    if path.is_dir():
        raise _unwritable(path, IsADirectoryError())
    unfinished = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.touch()
        unfinished.unlink()
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> CheckpointError:
    if isinstance(error, FileExistsError | NotADirectoryError):
        return CheckpointError(f"cannot write {path}: a part of its path is a file, not a folder (give another place)")
    if isinstance(error, IsADirectoryError):
        return CheckpointError(f"cannot write {path}: it is a folder (name a file in it)")
    kept = "; the one before it is intact" if path.exists() else ""
    return CheckpointError(f"cannot write {path}: {error.strerror}{kept} (make room, then go on)")


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def load_checkpoint(path: Path) -> tuple[Origin, dict[str, Any]]:
    """Read a checkpoint; raises CheckpointError with what is wrong with it."""
    content = read_saved(path, FORMAT)
    try:
        origin = msgspec.convert(content["origin"], Origin)
    except msgspec.ValidationError as error:
        raise CheckpointError(f"{path} was written by another version of this program: {error}") from error
    return origin, content["state"]


def read_saved(path: Path, kind: str) -> dict[str, Any]:
    """Read what `write_saved` has written; raises CheckpointError for a file that is damaged, or of another kind."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise CheckpointError(f"cannot read the checkpoint {path}: {error.strerror}") from error
    except Exception as error:  # torch raises whatever its parts raise
        raise CheckpointError(
            f"{path} is no checkpoint, or is damaged ({type(error).__name__}){_advice(path)}"
        ) from error
    if not isinstance(content, dict) or content.get("format") != kind:
        raise CheckpointError(f"{path} is not a checkpoint of this program's ('{kind}'){_advice(path)}")
    return content


def _advice(path: Path) -> str:
    exported = path.suffix in (GRAPH_SUFFIX, EXPORTED_SUFFIX)
    return " (give the checkpoint that the export was made of)" if exported else ""


def check_same(path: Path, saved: Origin, wanted: Origin) -> None:
    """Raise ConfigError with the first thing in which a checkpoint and a configuration differ."""
    if saved == wanted:
        return
    before, now = _flat(msgspec.to_builtins(saved)), _flat(msgspec.to_builtins(wanted))
    key = next(key for key in now if before.get(key) != now[key])
    if key == "identities":
        detail = f"{len(saved.identities)} identities, not these {len(wanted.identities)}"
    elif key == "data":
        detail = f"other training images ({saved.data}, now {wanted.data})"
    else:
        detail = f"{key} = {before.get(key)!r}, the configuration says {now[key]!r}"
    raise ConfigError(f"{path} was trained with {detail} (put it back, or give another `out`)")


def _flat(table: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            flat |= {f"{key}.{inner}": each for inner, each in value.items()}
        else:
            flat[key] = value
    return flat


class Loaded(NamedTuple):
    """The network of a checkpoint, what it was trained from, and how many epochs it had when it was written."""

    network: ReidNetwork
    origin: Origin
    epochs: int

    @property
    def finished(self) -> bool:
        """True once the recipe was carried out to its end; before that the rate is high, and figures are low."""
        return self.epochs >= self.origin.recipe.epochs


def load_exported(path: Path, feature: TestFeature | None = None) -> tuple[ReidNetwork, NetworkSettings]:
    """The network of an export's .safetensors file, and its settings; it says nothing of what it was trained on.

    Raises WeightsError for another file, ConfigError for a feature that was not exported.
    """
    settings = read_settings(path)
    if feature not in (None, settings.test_feature):
        raise ConfigError(f"{path} is an export and has the feature '{settings.test_feature}' alone, not '{feature}'")
    return load_inference_model(path, settings).network, settings


def load_network(path: Path, feature: TestFeature | None = None) -> Loaded:
    """The network of a checkpoint in evaluation mode, with averaged weights where there are some.

    `feature`: which of its test features, where not the one that it was configured with; all have been trained. Raises
    CheckpointError for a file that is none, ConfigError for a feature that the network does not have.
    """
    origin, state = load_checkpoint(path)
    if feature is not None:
        origin = msgspec.structs.replace(origin, model=msgspec.structs.replace(origin.model, test_feature=feature))
    network = build_encoder(origin.model, len(origin.identities))
    averaged = state["average"]
    if averaged is None:
        prefix = "network."
        weights = {
            key.removeprefix(prefix): value for key, value in state["objective"].items() if key.startswith(prefix)
        }
    else:
        prefix = "module."
        weights = {key.removeprefix(prefix): value for key, value in averaged.items() if key.startswith(prefix)}
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise CheckpointError(f"{path} does not fit a {origin.model.name} of this version") from error
    loaded = Loaded(network.eval(), origin, int(state["epoch"]))
    if not loaded.finished:
        logger.warning(
            "%s is unfinished: %d of its %d epochs (go on: corridor encoder train CONFIG --resume)",
            path,
            loaded.epochs,
            origin.recipe.epochs,
        )
    return loaded
