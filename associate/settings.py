"""The settings of association, with their defaults and units."""

from typing import Annotated, Literal

import msgspec

from associate.likelihood import Calibration
from associate.topology import Travel, Window
from ingest.errors import ConfigError

Seconds = Annotated[float, msgspec.Meta(ge=0.01, le=86_400)]
TravelSeconds = Annotated[float, msgspec.Meta(ge=-3600, le=604_800)]


class AssociateSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The `[associate]` table of the configuration.

    zone: name of this cluster of cameras; identities carry it.
    encoder: `name@hash` of the encoder whose vectors are compared; without it, that of the configuration's cameras.
    travel: travel-time windows of camera pairs.
    only_listed: pairs of cameras without a window in `travel` are never linked.
    min_travel_s: shortest travel time of pairs without a window, seconds; below zero where views overlap.
    max_travel_s: longest travel time of pairs without a window, seconds.
    resume_s: seconds within which the same camera may see a vehicle again after an interruption of its stream.
    return_s: seconds before which a vehicle that has gone on to another camera is not back, unless views overlap.
    idle_after_s: a camera this many seconds behind the newest one (event time) is not waited for.
    decide_every_s: seconds of event time after which closed tracklets are decided together.
    similarity_midpoint: cosine at which appearance speaks neither for nor against a link; known encoders bring theirs.
    similarity_slope: steepness of the likelihood at the midpoint; known encoders bring theirs.
    new_vehicle: log likelihood ratio that the best candidate has to beat; higher links fewer, with fewer errors.
    candidates: nearest identities that are considered for each sighting.
    max_identities: identities in memory; beyond it those not seen for longest are closed.
    search: search of the gallery: `exact`, or `faiss` (extra `faiss` or `gpu`).
    """

    zone: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}\Z")] = "zone"
    encoder: str | None = None
    travel: list[Travel] = []
    only_listed: bool = False
    min_travel_s: TravelSeconds = 0.0
    max_travel_s: TravelSeconds = 300.0
    resume_s: Seconds = 10.0
    return_s: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = 60.0
    idle_after_s: Seconds = 10.0
    decide_every_s: Seconds = 2.0
    similarity_midpoint: Annotated[float, msgspec.Meta(ge=-1, le=1)] | None = None
    similarity_slope: Annotated[float, msgspec.Meta(ge=0)] | None = None
    new_vehicle: float = 0.0
    candidates: Annotated[int, msgspec.Meta(ge=1)] = 64
    max_identities: Annotated[int, msgspec.Meta(ge=10)] = 20_000
    search: Literal["exact", "faiss"] = "exact"

    @property
    def default_window(self) -> Window | None:
        """The window of pairs that are not listed."""
        return None if self.only_listed else Window(self.min_travel_s, self.max_travel_s)


KNOWN_CALIBRATIONS = {"colour": Calibration(midpoint=0.64, slope=4.7)}
"""Calibrations by encoder name; fitted on real pairs by `python -m tests.bench gantries` (docs/gantries.md)."""


def with_calibration(settings: AssociateSettings, known: Calibration) -> AssociateSettings:
    """The settings, with an encoder's own calibration where they say nothing else."""
    midpoint, slope = settings.similarity_midpoint, settings.similarity_slope
    return msgspec.structs.replace(
        settings,
        similarity_midpoint=known.midpoint if midpoint is None else midpoint,
        similarity_slope=known.slope if slope is None else slope,
    )


def calibration(settings: AssociateSettings, encoder: str | None) -> Calibration:
    """Choose the settings' calibration, else that of the encoder `name@hash`; raises ConfigError without either."""
    known = KNOWN_CALIBRATIONS.get(encoder.partition("@")[0]) if encoder else None
    if known is not None:
        settings = with_calibration(settings, known)
    midpoint, slope = settings.similarity_midpoint, settings.similarity_slope
    if midpoint is None or slope is None:
        raise ConfigError(
            f"how to read the similarities of encoder '{encoder}' is not known; "
            "set similarity_midpoint and similarity_slope in [associate]"
        )
    return Calibration(midpoint, slope)
