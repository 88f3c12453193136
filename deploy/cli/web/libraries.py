"""The libraries of the extra `web`, asked for by name before a command needs them."""

from importlib.util import find_spec

from ingest.errors import ConfigError

NEEDED = {
    "starlette": "starlette",
    "uvicorn": "uvicorn",
    "argon2": "argon2-cffi",
    "prometheus_client": "prometheus-client",
    "python_multipart": "python-multipart",
}


def require_web() -> None:
    """Raise ConfigError where the extra `web` is not installed."""
    missing = [name for module, name in NEEDED.items() if find_spec(module) is None]
    if missing:
        raise ConfigError(f"{', '.join(missing)} not installed: pip install 'corridor[web]' (or '.[web]')")
