"""A sighting: one closed tracklet as the index keeps it, and the filter that searches are narrowed by."""

from dataclasses import dataclass

import msgspec

from embed.observation import Observation, TrackletState, unpack_vector


class Sighting(msgspec.Struct, frozen=True, kw_only=True):
    """One closed tracklet.

    tracklet: its id, `camera|epoch|track`. encoder: `name@hash` of what made `vector`, (D,) little-endian fp16.
    first_ns, last_ns: its interval by the camera's clock. appended_ns: when it came onto the log.
    identity: the vehicle that it is held to be, as association said last; None where it said nothing.
    """

    tracklet: str
    camera: str
    encoder: str
    vector: bytes
    first_ns: int
    last_ns: int
    appended_ns: int
    label: str
    quality: float
    colour: str | None = None
    colour_score: float | None = None
    identity: str | None = None


def sighting_of(seen: Observation, appended_ns: int) -> Sighting | None:
    """The sighting of an observation that closes its tracklet, else None; raises ValueError for a useless vector."""
    if seen.state is not TrackletState.CLOSED:
        return None
    unpack_vector(seen.vector)
    return Sighting(
        tracklet=seen.tracklet,
        camera=seen.camera,
        encoder=seen.encoder,
        vector=seen.vector,
        first_ns=seen.first_ns,
        last_ns=seen.last_ns,
        appended_ns=appended_ns,
        label=seen.label,
        quality=seen.quality,
        colour=seen.colour,
        colour_score=seen.colour_score,
    )


@dataclass(frozen=True, slots=True)
class Filter:
    """The sightings that are searched: all conditions together; None and empty admit everything.

    since_ns, until_ns: the sighting's interval has a moment between them, Unix nanoseconds.
    """

    since_ns: int | None = None
    until_ns: int | None = None
    cameras: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    colours: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """True where everything is admitted."""
        return self == Filter()

    def admits(self, first_ns: int, last_ns: int, camera: str, label: str, colour: str | None) -> bool:
        """Check a sighting of an interval, Unix nanoseconds, by a camera, of a kind and a colour."""
        named = ((self.cameras, camera), (self.labels, label), (self.colours, colour))
        return (
            (self.since_ns is None or last_ns >= self.since_ns)
            and (self.until_ns is None or first_ns <= self.until_ns)
            and all(not names or name in names for names, name in named)
        )
