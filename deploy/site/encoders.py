"""Which encoder a name of the configuration stands for."""

from pathlib import Path

from embed.settings import SHIPPED, SHIPPED_FILE
from ingest.errors import ConfigError

COLOUR = "colour"
EXPORTED_SUFFIX = ".onnx"


def check_encoder(name: str) -> None:
    """Raises ConfigError for what is neither shipped, nor `colour`, nor the path of an exported encoder."""
    if not name.endswith(EXPORTED_SUFFIX) and name not in (SHIPPED, COLOUR):
        raise ConfigError(
            f"encoder '{name}' is not known: '{SHIPPED}', '{COLOUR}', or the path of an exported encoder "
            f"(PATH{EXPORTED_SUFFIX})"
        )


def encoder_file(name: str) -> Path:
    """Where the encoder lies that is shipped, or exported; raises ConfigError for a name that is not known."""
    check_encoder(name)
    return SHIPPED_FILE if name == SHIPPED else Path(name).expanduser()
