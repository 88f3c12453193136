"""Corridor from Python: the names that a program of one's own begins with.

    import corridor

    config = corridor.load_config("site.toml")
    for event in corridor.read_events(config.log, follow=True):
        print(event.identity, event.kind, [visit.camera for visit in event.visits])

Everything here is defined in one of the rooms and only re-exported; each name is imported when it is first used, so
that `import corridor` costs next to nothing.
"""

from importlib import import_module, metadata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from associate.associator import Associator as Associator
    from deploy.results.reading import read_events as read_events
    from deploy.results.reading import read_observations as read_observations
    from deploy.site.config import load_config as load_config
    from deploy.site.encoders import load_encoder as load_encoder
    from detect.tracking import Tracker as Tracker

_HOME = {
    "Associator": "associate.associator",
    "Tracker": "detect.tracking",
    "load_config": "deploy.site.config",
    "load_encoder": "deploy.site.encoders",
    "read_events": "deploy.results.reading",
    "read_observations": "deploy.results.reading",
}

__version__ = metadata.version("corridor")
__all__ = ["Associator", "Tracker", "__version__", "load_config", "load_encoder", "read_events", "read_observations"]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'corridor' has no attribute '{name}' (it has {', '.join(__all__)})")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
