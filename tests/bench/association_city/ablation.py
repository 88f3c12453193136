"""Parts of association that can be left out: settings of `[associate]`, and parts of the model by their constants."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib import import_module
from unittest.mock import patch

import msgspec

from associate.settings import AssociateSettings

Values = Mapping[str, object]

ABLATIONS: Mapping[str, Values] = {
    "as it is": {},
    "dial .5": {"min_probability": 0.5},
    "dial .9": {"min_probability": 0.9},
    "lag 5 s": {"lag_s": 5.0},
    "lag 60 s": {"lag_s": 60.0},
    "memory 300 s": {"memory_s": 300.0},
}
"""By name: what differs from the defaults. Those that the associator at hand does not know are left out, and said."""

NEVER = 1e9
"""So many of what a part waits for, or weighs against, that it says nothing."""

PARTS: Mapping[str, Mapping[str, float]] = {
    "no gates": {"densities.GATE_COUNT": NEVER, "model.GATE_COUNT": NEVER},
    "no chains": {"model.CHAIN_WEIGHT": 0.0},
    "no platoons": {"platoons.ALONE_COUNT": NEVER},
    "times from leaving alone": {"densities.ENTERING_FIRST": 1e-9, "densities.TOLD_FROM": NEVER},
    "looks not centred": {"appearance.FADE_IN": NEVER},
    "looks not whitened": {"whitening.FEWEST": NEVER},
    "looks not scaled": {"local_scaling.LEAST": NEVER},
    "nothing explored": {"model.EXPLORED": 0.0},
    "nothing taken off": {"densities.BY_CHANCE": 0.0},
    "as many new at first": {"model.ARRIVALS_EAGER": 1.0},
    "new as expected": {"learning.SURE_NEW": 1.0},
    "new by the power alone": {"learning.LEAST_NEW": 0.0},
}
"""By name: constants of modules in associate/links, and what they are without the part (docs/association.md)."""


def unknown_settings(values: Values) -> list[str]:
    """Names that `[associate]` does not have."""
    known = {field.encode_name for field in msgspec.structs.fields(AssociateSettings)}
    return sorted(set(values) - known)


@contextmanager
def without(part: str) -> Iterator[None]:
    """Association without one of `PARTS`, until the end of the block."""
    with ExitStack() as changed:
        for name, value in PARTS[part].items():
            module, _, constant = name.partition(".")
            changed.enter_context(patch.object(import_module(f"associate.links.{module}"), constant, value))
        yield
