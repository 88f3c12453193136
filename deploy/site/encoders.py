"""Encoder names of the configuration, and the files they stand for."""

from pathlib import Path
from typing import TYPE_CHECKING

from detect.settings import DetectSettings
from embed.settings import SHIPPED, SHIPPED_FILE, EmbedSettings
from ingest.errors import ConfigError
from ingest.toml_file import convert

if TYPE_CHECKING:
    from embed.vehicle_encoder import VehicleEncoder

COLOUR = "colour"
EXPORTED_SUFFIX = ".onnx"


def check_encoder(name: str) -> None:
    """Raise ConfigError for what is neither shipped, nor `colour`, nor the path of an exported encoder."""
    if not name.endswith(EXPORTED_SUFFIX) and name not in (SHIPPED, COLOUR):
        raise ConfigError(
            f"encoder '{name}' is not known: '{SHIPPED}', '{COLOUR}', or the path of an exported encoder "
            f"(PATH{EXPORTED_SUFFIX})"
        )


def encoder_file(name: str) -> Path:
    """Path of the encoder that is shipped, or exported; raises ConfigError for a name that is not known."""
    check_encoder(name)
    return SHIPPED_FILE if name == SHIPPED else Path(name).expanduser()


def mask_source(detect: DetectSettings, encoder: str) -> str:
    """The masks that crops for an encoder get, by name; `auto` is what decision 0040 found best for its kind."""
    if detect.masks != "auto":
        return detect.masks
    return "grabcut" if encoder == COLOUR else "ellipse"


def load_encoder(name: str = SHIPPED, *, masks: str = "auto", threads: int = 0) -> "VehicleEncoder":
    """Load an encoder for images of one's own.

    name: `grl-64`, which comes with the program, the path of an exported encoder (.onnx), or `colour`. masks: how the
    vehicle is masked in its crop, as in the configuration: `auto`, `ellipse`, `grabcut`, `box`, or a SAM. threads: 0
    leaves their number to OpenVINO. Raises ConfigError for a name that is not known, WeightsError for a file that
    cannot be used.
    """
    embed = convert({"encoder": name, "threads": threads}, EmbedSettings, "load_encoder")
    detect = convert({"masks": masks}, DetectSettings, "load_encoder")
    check_encoder(name)
    # OpenCV and OpenVINO take their time to load: a configuration that only names an encoder does not wait for them.
    from deploy.site.wiring import make_vehicle_encoder

    return make_vehicle_encoder(embed, detect)
