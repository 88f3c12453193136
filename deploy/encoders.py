"""Which encoder a name of the configuration stands for."""

from pathlib import Path

from deploy import weights
from embed.settings import SHIPPED, SHIPPED_FILE
from ingest.errors import ConfigError

COLOUR = "colour"
EXPORTED_SUFFIX = ".onnx"


def check_encoder(name: str) -> None:
    """Raises ConfigError for what is neither shipped, `colour`, an exported file, nor in the catalogue of weights."""
    known = (SHIPPED, COLOUR, *weights.load_catalogue().networks)
    if not name.endswith(EXPORTED_SUFFIX) and name not in known:
        raise ConfigError(
            f"encoder '{name}' is not known: '{SHIPPED}', '{COLOUR}', the path of an exported encoder "
            f"(PATH{EXPORTED_SUFFIX}), or a name of `corridor weights list`"
        )


def encoder_file(name: str) -> Path:
    """Where the exported encoder of that name lies; raises ConfigError and WeightsError."""
    check_encoder(name)
    if name == SHIPPED:
        return SHIPPED_FILE
    return Path(name).expanduser() if name.endswith(EXPORTED_SUFFIX) else weights.find(name)
