"""The settings of association, with their defaults and units."""

from typing import Annotated

import msgspec

from associate.topology import Travel, Window

Seconds = Annotated[float, msgspec.Meta(ge=0.01, le=86_400)]
TravelSeconds = Annotated[float, msgspec.Meta(ge=-3600, le=604_800)]


class AssociateSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The `[associate]` table of the configuration.

    zone: name of this cluster of cameras; identities carry it.
    encoder: `name@hash` of the encoder whose vectors are compared; without it, that of the configuration's cameras.
    min_probability: least probability of a link; higher links fewer, with fewer errors.
    lag_s: seconds after a sighting's end within which its link may be revised.
    memory_s: seconds of event time over which links are learned from again and again.
    travel: travel-time windows of camera pairs, as far as they are known; the stream corrects them.
    only_listed: pairs of cameras without a window in `travel` are never linked.
    min_travel_s: shortest travel time of pairs without a window, seconds; below zero where views overlap.
    max_travel_s: longest travel time of pairs without a window, seconds.
    idle_after_s: a camera this many seconds behind the newest one (event time) is not waited for.
    decide_every_s: seconds of event time after which sightings are decided together.
    max_identities: identities in memory; beyond it those not seen for longest are closed.
    """

    zone: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}\Z")] = "zone"
    encoder: str | None = None
    min_probability: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)] = 0.8
    lag_s: Annotated[float, msgspec.Meta(ge=0.0, le=3600)] = 15.0
    memory_s: Annotated[float, msgspec.Meta(ge=60.0, le=86_400)] = 600.0
    travel: list[Travel] = []
    only_listed: bool = False
    min_travel_s: TravelSeconds = -90.0
    max_travel_s: TravelSeconds = 300.0
    idle_after_s: Seconds = 10.0
    decide_every_s: Seconds = 2.0
    max_identities: Annotated[int, msgspec.Meta(ge=10)] = 20_000

    @property
    def default_window(self) -> Window | None:
        """The window of pairs that are not listed."""
        return None if self.only_listed else Window(self.min_travel_s, self.max_travel_s)


REMOVED = {
    "similarity_midpoint": "how similarities are read is learned from the stream; remove the line",
    "similarity_slope": "how similarities are read is learned from the stream; remove the line",
    "new_vehicle": "the dial is a probability now: min_probability (default 0.8; 0.9 links fewer, more surely)",
    "candidates": "all that travel times and looks allow are compared; remove the line",
    "resume_s": "the fragments of one stay are linked by their position and time; remove the line",
    "search": "links need no search; remove the line (`corridor search` asks all sightings; its extra is `search`)",
    "return_s": "whether vehicles turn back is learned from the stream; remove the line",
}
"""Keys of the former association, and what takes their place."""
