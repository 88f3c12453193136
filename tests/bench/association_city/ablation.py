"""Parts of association that can be left out, as settings of `[associate]`."""

from collections.abc import Mapping

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


def unknown_settings(values: Values) -> list[str]:
    """Names that `[associate]` does not have."""
    known = {field.encode_name for field in msgspec.structs.fields(AssociateSettings)}
    return sorted(set(values) - known)
