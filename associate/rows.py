"""Rows of association's state, which has to outlive a restart."""

import msgspec

from associate.trajectory import Visit
from embed.observation import CameraEpoch

FORMAT = "2"
"""Form of the state, the key of a row of its own: state of another one is refused."""

VISITS_TOLD = 100
"""Most visits in a trajectory's events, the last ones, so that a taxi's event does not grow without limit."""

IN_VIEW, ENDED = 1, 2
"""What was said of a tracklet last."""

Box = tuple[float, float, float, float]
"""Centre, width and height in shares of the frame."""


class Camera(msgspec.Struct, frozen=True, kw_only=True):
    """A camera that has spoken.

    index: its place among the zone's cameras, from 0 in the order of their first words.
    epoch: its latest epoch. since_ns: event time since which it has been heard without interruption, 0 where that is
    not known. changed_ns: when it was moved or its clock set, by what somebody said last; 0 for never.
    """

    index: int
    epoch: CameraEpoch
    since_ns: int = 0
    changed_ns: int = 0


class Tracklet(msgspec.Struct, frozen=True, kw_only=True):
    """One vehicle in one camera, as far as association has heard of it.

    number: its place in the order in which tracklets were first heard of.
    id: `camera|epoch|track`; observation: id of its latest observation.
    vector: embedding relative to what its camera sees, whitened, of norm 1, little-endian fp32; encoder: what made it.
    centred: the same before it was whitened; little-endian fp16, empty in state from before there was whitening.
    gate_in, gate_out: gates by which it began and ended; gate_out is -1 while it is open.
    first, last: its first and latest box. speed: of its latest second, shares of the frame a second.
    nearing: its box grows, so that the vehicle comes towards the camera.
    neighbourhood: by camera, its mean cosine with its nearest neighbours there, NaN for few; little-endian fp32.
    """

    number: int
    id: str
    observation: str
    camera: str
    epoch: CameraEpoch
    label: str
    score: float
    encoder: str
    vector: bytes
    enter_ns: int
    leave_ns: int
    opened_ns: int
    first: Box
    last: Box
    gate_in: int
    gate_out: int = -1
    speed: tuple[float, float] = (0.0, 0.0)
    nearing: bool = False
    closed_ns: int | None = None
    neighbourhood: bytes = b""
    centred: bytes = b""

    @property
    def visit(self) -> Visit:
        """The sighting as trajectories show it."""
        return Visit(
            camera=self.camera,
            observation=self.observation,
            enter_ns=self.enter_ns,
            leave_ns=self.leave_ns,
            open=self.closed_ns is None,
        )


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """Differences between sightings of one vehicle, in the space of one encoder's centred vectors.

    directions: (K, D) of norm 1, across each other; shrunk: (K,) share that is taken off each; both little-endian fp32.
    learned_s: when.
    """

    directions: bytes
    shrunk: bytes
    learned_s: float


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """The present decision about a tracklet.

    identity: number of its identity. before: number of the tracklet that it follows, -1 where it is the first.
    probability: of the link to that. settled: not revised any more. taken: a settled tracklet follows it, or its
    identity is closed. shown: what was said of it last: nothing, that it is in view, that it has ended.
    """

    identity: int
    before: int = -1
    probability: float = 0.0
    settled: bool = False
    taken: bool = False
    shown: int = 0


class Pairs(msgspec.Struct, frozen=True, kw_only=True):
    """The tracklets that one may follow, each with its evidence; columns of equal length.

    earlier: int64 numbers. similarity, nearness, share, together: float32; share: the probability with which the pair
    has been counted into the travel times; together: into those of two cameras by themselves.
    """

    earlier: bytes
    similarity: bytes
    nearness: bytes
    share: bytes
    together: bytes = b""


class Bond(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody has said of two tracklets, by their numbers: the later follows the earlier, or never does."""

    earlier: int
    later: int
    same: bool


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """A vehicle, as far as its sightings are known.

    visits: those of its closed tracklets, by their entering; tracklets: numbers of those, and of its open ones,
    that may still be moved. labels: sum of scores by label over closed tracklets.
    """

    id: str
    visits: list[Visit] = []
    labels: dict[str, float] = {}
    revision: int = 0
    tracklets: list[int] = []


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """Sum of the vectors that a camera has seen in one direction of driving, little-endian fp32, and their number."""

    total: bytes
    count: float


class Gate(msgspec.Struct, frozen=True, kw_only=True):
    """A place where vehicles come into a camera's view, or leave it.

    x, y: its centre in shares of the frame. count: tracklets that used it.
    alone: expected number of those in memory that came from nowhere, or went nowhere. past: of those that have left the
    memory, as of `past_s`. old: the camera looks elsewhere since.
    """

    camera: int
    outgoing: bool
    x: float
    y: float
    count: float
    alone: float = 0.0
    past: float = 0.0
    past_s: float = 0.0
    old: bool = False


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """Travel times of tracklets that have left the memory: two histograms, float32, with weights as of `at_s`."""

    counts: bytes
    at_s: float


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """Traffic of a road as alarms know it: the share of the links that are to be expected that is found usually.

    samples: minutes of which it is the mean, the latest twenty or so.
    """

    share: float
    samples: int

    def with_sample(self, share: float) -> "Flow":
        """After another minute."""
        samples = min(self.samples + 1, 20)
        return Flow(share=self.share + (share - self.share) / samples, samples=samples)


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """Progress that has to outlive a restart beside the rows.

    slot: latest slot that has been decided. released_ns: latest event time. origin_ns: event time of second 0.
    identities, tracklets, gates: numbers given so far. learned_s: when the tables were last made, -1 for never.
    past_elapsed_s: seconds that the counts of the past stand for, as of learned_s. appearance: the numbers of
    the calibration, as learned. dims: length of the vectors of each encoder. live: some camera has been
    live. roads_s: when the learned roads were last compared with what was said of them, -1
    for never.
    """

    slot: int = -1
    released_ns: int | None = None
    origin_ns: int | None = None
    identities: int = 0
    tracklets: int = 0
    gates: int = 0
    learned_s: float = -1.0
    past_elapsed_s: float = 0.0
    appearance: tuple[float, float, float, float, float | None, float | None] | None = None
    dims: dict[str, int] = {}
    live: bool = False
    roads_s: float = -1.0
