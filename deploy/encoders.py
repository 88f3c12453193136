"""Which encoder a name of the configuration stands for."""

from pathlib import Path

from deploy import weights
from ingest.errors import ConfigError

COLOUR = "colour"
EXPORTED_SUFFIX = ".onnx"


def check_encoder(name: str) -> None:
    """Raises ConfigError for what is neither `colour`, an exported file, nor in the catalogue of weights."""
    known = weights.load_catalogue().networks
    if name != COLOUR and not name.endswith(EXPORTED_SUFFIX) and name not in known:
        raise ConfigError(
            f"encoder '{name}' is not known: '{COLOUR}', the path of an exported encoder (PATH{EXPORTED_SUFFIX}), "
            "or a name of `corridor weights list`"
        )


def encoder_file(name: str) -> Path:
    """Where the exported encoder of that name lies; raises ConfigError and WeightsError."""
    check_encoder(name)
    return Path(name).expanduser() if name.endswith(EXPORTED_SUFFIX) else weights.find(name)
