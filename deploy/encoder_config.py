"""The configuration of a training, one TOML file, checked whole before anything starts."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from deploy.toml_file import convert, parse_table, read_text
from embed.network.settings import NetworkSettings
from ingest.errors import ConfigError
from training.recipe import Recipe, completed


class DataSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The `[data]` table.

    train: a data set, as `FOLDER`, `KIND:FOLDER` or `KIND/VARIANT:FOLDER`.
    priors: the folder that `corridor encoder priors` has filled for it; without one everything counts as vehicle.
    validate_every: after so many epochs, and at the end, the data set's own queries are looked for in its gallery;
        0 does not. The figures guide nothing: the last checkpoint is the result.
    """

    train: str
    priors: str | None = None
    validate_every: Annotated[int, msgspec.Meta(ge=0)] = 0


class EncoderConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole configuration; `out` is the folder of the run, `precision` what is computed in."""

    out: str
    data: DataSettings
    model: NetworkSettings = NetworkSettings()
    recipe: Recipe = Recipe()
    seed: Annotated[int, msgspec.Meta(ge=0)] = 0
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    checkpoint_every_s: Annotated[float, msgspec.Meta(ge=0)] = 300.0

    @property
    def folder(self) -> Path:
        """Where the run is kept."""
        return Path(self.out)


def load_encoder_config(path: Path) -> EncoderConfig:
    """Read and check a configuration; raises ConfigError with the path of the key that is wrong."""
    table = parse_table(read_text(path), str(path))
    recipe = table.get("recipe", {})
    if isinstance(recipe, dict):
        try:
            table["recipe"] = completed(recipe)
        except ConfigError as error:
            raise ConfigError(f"{path}: {error}") from error
    return convert(table, EncoderConfig, str(path))
