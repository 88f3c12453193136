"""One TOML file, checked whole before anything starts."""

import math
import re
import tomllib
from pathlib import Path
from typing import Annotated

import msgspec
import msgspec.inspect

from associate.settings import AssociateSettings
from associate.topology import Topology
from deploy.crop_store import CropSettings
from deploy.log.opening import check_log_url
from detect.settings import DetectSettings
from embed.settings import EmbedSettings
from ingest.camera import Camera, check_camera
from ingest.errors import ConfigError

DEFAULT_LOG = "sqlite:runs/corridor.db"


class LogSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The `[log]` table: `sqlite:PATH`, relative to the working directory, or `kafka://HOST:PORT[,HOST:PORT]`.

    connect_timeout_s: how long to wait for a broker at the start.
    spool_mb: how much of a camera's observations is held in memory while the log cannot be written.
    """

    url: str = DEFAULT_LOG
    connect_timeout_s: Annotated[float, msgspec.Meta(gt=0)] = 10.0
    spool_mb: Annotated[float, msgspec.Meta(gt=0)] = 16.0


class WatchSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The `[watch]` table: a camera that delivers nothing for `stall_after_s` is opened anew."""

    stall_after_s: Annotated[float, msgspec.Meta(ge=0.1)] = 20.0


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole configuration."""

    cameras: Annotated[list[Camera], msgspec.Meta(min_length=1)]
    detect: DetectSettings = DetectSettings()
    embed: EmbedSettings = EmbedSettings()
    associate: AssociateSettings = AssociateSettings()
    log: LogSettings = LogSettings()
    watch: WatchSettings = WatchSettings()
    crops: CropSettings = CropSettings()

    @property
    def camera_ids(self) -> tuple[str, ...]:
        return tuple(camera.id for camera in self.cameras)


def load_config(path: Path) -> Config:
    """Read and check a configuration; raises ConfigError with the path of the key that is wrong."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"cannot read the configuration {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not a text file (byte {error.start} is not UTF-8); expected TOML") from error
    return parse_config(text, str(path))


def parse_config(text: str, name: str) -> Config:
    """As `load_config`, from the text of a file called `name`."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{name} is not valid TOML: {error}") from error
    try:
        config = msgspec.convert(table, Config)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{name}: {_explain(str(error))}") from error
    try:
        _check(config)
    except ConfigError as error:
        raise ConfigError(f"{name}: {error}") from error
    return config


def _check(config: Config) -> None:
    """What single values cannot tell."""
    _check_finite(msgspec.to_builtins(config), "")
    seen: set[str] = set()
    for camera in config.cameras:
        if camera.id in seen:
            raise ConfigError(f"camera id '{camera.id}' is given twice; ids must be unique")
        seen.add(camera.id)
        check_camera(camera)
    for entry in config.associate.travel:
        for end in (entry.start, entry.end):
            if end not in seen:
                raise ConfigError(
                    f"associate.travel names camera '{end}', which is not among the cameras ({', '.join(sorted(seen))})"
                )
    settings = config.associate
    if not settings.only_listed and not settings.min_travel_s < settings.max_travel_s:
        raise ConfigError(
            f"associate.min_travel_s {settings.min_travel_s:g} is not below max_travel_s {settings.max_travel_s:g}"
        )
    Topology(settings.travel, settings.default_window)
    check_log_url(config.log.url)


def _check_finite(value: object, path: str) -> None:
    """TOML knows inf and nan; no setting does."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"key '{path}': {value} is no number to work with")
    if isinstance(value, dict):
        for key, inner in value.items():
            _check_finite(inner, f"{path}.{key}".lstrip("."))
    if isinstance(value, list):
        for place, inner in enumerate(value):
            _check_finite(inner, f"{path}[{place}]")


def _explain(message: str) -> str:
    """msgspec's message with the key's path in front, and what would have been right behind it."""
    reason, _, where = message.partition(" - at `$")
    path = where.rstrip("`").lstrip(".")
    prefix = f"{path}." if path else ""
    unknown = re.match(r"Object contains unknown field `(.+)`", reason)
    if unknown:
        return f"unknown key '{prefix}{unknown[1]}' (known here: {', '.join(_known(path))})"
    missing = re.match(r"Object missing required field `(.+)`", reason)
    if missing:
        return f"key '{prefix}{missing[1]}' is missing"
    if reason.startswith("Invalid enum value"):
        return f"key '{path}': {reason} (one of: {', '.join(_known(path))})"
    return f"key '{path}': {reason}"


def _known(path: str) -> list[str]:
    """The keys of the table, or the values of the choice, that stands at a path such as `cameras[0]`."""
    place: msgspec.inspect.Type = msgspec.inspect.type_info(Config)
    for name in filter(None, re.sub(r"\[.*?\]", ".[]", path).split(".")):
        if name == "[]" and isinstance(place, msgspec.inspect.ListType):
            place = place.item_type
        elif isinstance(place, msgspec.inspect.StructType):
            place = next(field.type for field in place.fields if field.encode_name == name)
        if isinstance(place, msgspec.inspect.Metadata):
            place = place.type
    if isinstance(place, msgspec.inspect.StructType):
        return [field.encode_name for field in place.fields]
    return [str(value) for value in place.values] if isinstance(place, msgspec.inspect.LiteralType) else []
