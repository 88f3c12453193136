"""The configuration of a training, one TOML file, checked whole before anything starts."""

import os
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from embed.network.settings import NetworkSettings
from ingest.errors import ConfigError
from ingest.toml_file import convert, parse_table, read_text
from training.encoder.recipe import Recipe, completed

VARIABLE = re.compile(r"\$\{(\w+)\}")


class DataSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A `[[data]]` table: one of the data sets to train on, together.

    set: a data set, as `FOLDER`, `KIND:FOLDER` or `KIND/VARIANT:FOLDER`; `images:FOLDER` has no identities.
    priors: the folder that `corridor encoder priors` has filled for it; without one everything counts as vehicle.
    teacher: the file that `corridor encoder teach` has written for it.
    times: how often its images are shown in an epoch, so that a small set is not drowned by a large one.
    """

    set: str
    priors: str | None = None
    teacher: str | None = None
    times: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 1


class ValidationSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The `[validation]` table: whose queries are looked for in its gallery after so many epochs, and at the end.

    The figures guide nothing: the last checkpoint is the result.
    """

    set: str
    priors: str | None = None
    every: Annotated[int, msgspec.Meta(ge=1)] = 1


class EncoderConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole configuration; `out` is the folder of the run, `start` a checkpoint whose weights are the first ones.

    `precision` is what is computed in.
    """

    out: str
    data: Annotated[tuple[DataSettings, ...], msgspec.Meta(min_length=1)]
    validation: ValidationSettings | None = None
    model: NetworkSettings = NetworkSettings()
    recipe: Recipe = Recipe()
    start: str | None = None
    seed: Annotated[int, msgspec.Meta(ge=0)] = 0
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    checkpoint_every_s: Annotated[float, msgspec.Meta(ge=0)] = 300.0

    @property
    def folder(self) -> Path:
        """Folder of the run."""
        return Path(self.out)


def load_encoder_config(path: Path, changes: Sequence[str] = ()) -> EncoderConfig:
    """Read and check a configuration; raises ConfigError with the path of the key that is wrong.

    changes: `key=value` as in `seed=1`, `model.name=osnet`, `data.0.times=2`, over what the file says. In all strings
    `${NAME}` stands for a variable of the environment.
    """
    table = parse_table(read_text(path), str(path))
    for change in changes:
        _change(table, change)
    try:
        filled = _with_variables(table)
        if isinstance(filled.get("recipe", {}), dict):
            filled["recipe"] = completed(filled.get("recipe", {}))
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
    return convert(filled, EncoderConfig, str(path))


def _change(table: dict[str, Any], change: str) -> None:
    key, equals, text = change.partition("=")
    if not equals:
        raise ConfigError(f"--set {change}: expected KEY=VALUE, as in --set seed=1")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    place: Any = table
    *before, last = key.split(".")
    try:
        for step in before:
            place = place[int(step)] if isinstance(place, list) else place.setdefault(step, {})
        place[int(last) if isinstance(place, list) else last] = value
    except (IndexError, ValueError, TypeError, AttributeError) as error:
        raise ConfigError(f"--set {change}: there is no place for '{key}' in the configuration") from error


def _with_variables(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_variables(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_with_variables(each) for each in value]
    return VARIABLE.sub(_variable, value) if isinstance(value, str) else value


def _variable(match: re.Match[str]) -> str:
    found = os.environ.get(match[1])
    if found is None:
        raise ConfigError(f"the environment has no variable {match[1]}, which '{match[0]}' stands for (export it)")
    return found
