"""One TOML file, checked whole before anything starts."""

from pathlib import Path
from typing import Annotated, Any

import msgspec

from associate.settings import REMOVED, AssociateSettings
from associate.topology import Topology
from deploy.crops.store import CropSettings
from deploy.log.settings import LogSettings, check_log
from deploy.search.settings import SearchSettings
from deploy.site.encoders import check_encoder
from deploy.web.map.settings import MapSettings, check_map
from detect.foundation.prompts import Prompt
from detect.registry import check_detector
from detect.settings import DetectSettings, FoundationSettings
from embed.settings import EmbedSettings
from ingest.camera import Camera, check_camera
from ingest.errors import ConfigError, error_context
from ingest.redact import remember_secrets_of
from ingest.toml_file import convert, parse_table, read_text

RUNS = Path("runs")
"""Folder for everything that a command writes, unless an option names another."""


class WatchSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The `[watch]` table.

    stall_after_s: seconds without a frame after which a network camera is opened anew.
    """

    stall_after_s: Annotated[float, msgspec.Meta(ge=0.1)] = 20.0


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole configuration.

    cameras: one table a camera.
    detect: detection and tracking.
    foundation: Grounding DINO and SAM.
    embed: crops and their embedding.
    associate: links between cameras.
    log: place of the log.
    watch: supervision of network cameras.
    crops: crops that are kept as files.
    search: the index of all sightings.
    map: where cameras stand.
    """

    cameras: Annotated[list[Camera], msgspec.Meta(min_length=1)]
    detect: DetectSettings = DetectSettings()
    foundation: FoundationSettings = FoundationSettings()
    embed: EmbedSettings = EmbedSettings()
    associate: AssociateSettings = AssociateSettings()
    log: LogSettings
    watch: WatchSettings = WatchSettings()
    crops: CropSettings
    search: SearchSettings
    map: MapSettings = MapSettings()

    @property
    def camera_ids(self) -> tuple[str, ...]:
        return tuple(camera.id for camera in self.cameras)


def load_config(path: Path) -> Config:
    """Read and check a configuration; raises ConfigError with the path of the key that is wrong."""
    return parse_config(read_text(path), str(path))


def parse_config(text: str, name: str) -> Config:
    """As `load_config`, from the text of a file called `name`; secrets in it are masked from now on."""
    table = parse_table(text, name)
    _remember_secrets(table)
    for key, setting, default in (
        ("log", "url", default_log_url(name)),
        ("log", "spool", str(RUNS / Path(name).stem / "spool")),
        ("crops", "folder", default_crops(name)),
        ("search", "folder", default_index(name)),
    ):
        inner = table.setdefault(key, {})
        if isinstance(inner, dict):
            inner.setdefault(setting, default)
    associate = _inner(table, "associate")
    if associate.get("search") == "exact":  # the default of before, which asks for nothing
        del associate["search"]
    for key, instead in REMOVED.items():
        if key in associate:
            raise ConfigError(f"{name}: key 'associate.{key}' is not read any more: {instead}")
    config = convert(table, Config, name)
    try:
        _check(config)
    except ConfigError as error:
        raise ConfigError(f"{name}: {error}") from error
    return config


def default_log_url(name: str) -> str:
    """The log of the site whose configuration is the file `name`, unless that says another."""
    return f"sqlite:{RUNS / Path(name).stem / 'corridor.db'}"


def default_crops(name: str) -> str:
    """The folder of the site's crops, unless its configuration says another."""
    return str(RUNS / Path(name).stem / "crops")


def default_index(name: str) -> str:
    """The folder of the site's index of sightings, unless its configuration says another."""
    return str(RUNS / Path(name).stem / "sightings")


def _inner(table: dict[str, Any], key: str) -> dict[str, Any]:
    inner = table.get(key)
    return inner if isinstance(inner, dict) else {}


def _remember_secrets(value: object) -> None:
    """Whatever looks like a password, wherever it stands: a key that is wrong may hold one, too."""
    if isinstance(value, str):
        remember_secrets_of(value)
    if isinstance(value, dict):
        for key, inner in value.items():
            remember_secrets_of(key)
            _remember_secrets(inner)
    if isinstance(value, list):
        for inner in value:
            _remember_secrets(inner)


def _check(config: Config) -> None:
    """Check what single values cannot show."""
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
    with error_context("key 'detect.detector'"):
        check_detector(config.detect.detector)
    with error_context("key 'embed.encoder'"):
        check_encoder(config.embed.encoder)
    _check_foundation(config.foundation, seen)
    settings = config.associate
    if not settings.only_listed and not settings.min_travel_s < settings.max_travel_s:
        raise ConfigError(
            f"associate.min_travel_s {settings.min_travel_s:g} is not below max_travel_s {settings.max_travel_s:g}"
        )
    Topology(settings.travel, settings.default_window)
    check_log(config.log)
    check_map(config.map, config.camera_ids)


def _check_foundation(settings: FoundationSettings, cameras: set[str]) -> None:
    with error_context("key 'foundation.cheap'"):
        check_detector(settings.cheap, cheap=True)
    if settings.max_calls_per_s is not None and settings.max_gpu_share is not None:
        raise ConfigError(
            f"foundation.max_calls_per_s {settings.max_calls_per_s:g} and max_gpu_share {settings.max_gpu_share:g} "
            "are two budgets; give one of them"
        )
    with error_context("key 'foundation.prompt'"):
        Prompt.of(settings.prompt)
    for camera, prompt in settings.prompts.items():
        if camera not in cameras:
            raise ConfigError(
                f"foundation.prompts names camera '{camera}', which is not among the cameras "
                f"({', '.join(sorted(cameras))})"
            )
        with error_context(f"key 'foundation.prompts.{camera}'"):
            Prompt.of(prompt)
