"""Association of sightings to vehicles: a state machine on event time.

A pure function of its messages: no clock, no randomness, no dependence on the order of arrival. Messages are put in
order of event time; every two seconds of it (a slot) all tracklets that may still be revised are given to identities,
together and one to one, with what the stream has taught about travel times, gates and looks. A tracklet's link is
settled some seconds after it has ended.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec

from associate.corrections import heed
from associate.decisions import decide
from associate.identities import Identities
from associate.links.appearance import Calibration
from associate.memory.memory import Memory
from associate.memory.rounds import is_due, learn
from associate.one_thread import one_thread
from associate.reorder import ReorderBuffer, Verdict
from associate.revision import Revision
from associate.roads.records import RoadRecord
from associate.roads.roads import Roads
from associate.rows import FORMAT, Tracklet
from associate.settings import AssociateSettings
from associate.state import Table, load_tables
from associate.timeline import is_live, left_behind, out_of_time
from associate.topology import Topology
from associate.trajectory import TrajectoryEvent
from embed.observation import Control, Correction, Message, Observation, Record, unpack_vector
from ingest.clock import NS

SILENT_S = 6 * 3600.0
"""Time after which a tracklet in view of which nothing was heard has ended: its last message is lost."""

NOT_HEARD_S = 30.0
"""Time after which a camera of which nothing was heard says nothing about roads."""


class Blame(msgspec.Struct, frozen=True, kw_only=True):
    """Object of the present work: a record, or a tracklet by its latest observation.

    id: of the record. camera: that it is of, empty for controls. tracklet: the id of its tracklet, if it has one.
    """

    id: str
    at_ns: int
    camera: str = ""
    tracklet: str | None = None

    @staticmethod
    def of(record: Record) -> "Blame":
        """The blame for a record."""
        return Blame(
            id=record.id,
            at_ns=record.at_ns,
            camera="" if isinstance(record, Correction) else record.camera,
            tracklet=record.tracklet if isinstance(record, Observation) else None,
        )


class Associator:
    """State machine that links tracklets; `update` takes a message and returns the events it brings about.

    calibration: how to read the encoder's similarities to begin with. `refuse` says why a message cannot be used at all
    (another encoder's vector, say). `changes` gives what a commit has to store, `restore` takes it back. Where `update`
    raises, its state is half changed and has to be restored; `blamed` says what it was about, and `set_aside` takes
    that out of the restored state.
    """

    def __init__(
        self,
        settings: AssociateSettings,
        *,
        cameras: tuple[str, ...] = (),
        encoder: str | None = None,
        calibration: Calibration | None = None,
    ) -> None:
        self.settings = settings
        self.counts: Counter[str] = Counter()
        self.blamed: Blame | None = None
        self._encoder = encoder
        topology = Topology(settings.travel, settings.default_window)
        self._reorder = ReorderBuffer(cameras, idle_after_s=settings.idle_after_s)
        self._memory = Memory(topology, calibration or Calibration(), memory_s=settings.memory_s)
        self._identities = Identities(settings.zone)
        self._roads = Roads(settings.zone)
        self._revision = Revision(self._memory, self._identities, settings, topology.horizon_s, self._blame)
        self._format: Table[str] = Table("format", str)
        self._format.put(FORMAT, "")
        self._tables: tuple[Table[Any], ...] = (
            self._format,
            self._reorder.clocks,
            self._reorder.held,
            *self._memory.tables,
            self._identities.rows,
            self._roads.edges,
            self._roads.alarms,
            self._roads.flows,
        )

    # The outside

    def refuse(self, message: Record, appended_ns: int | None = None) -> str | None:
        """Check a record; returns the reason why it cannot be used at all, None if it can.

        appended_ns: when it came onto the log, Unix nanoseconds; None or 0 where that is not known.
        """
        self.blamed = Blame.of(message)
        if isinstance(message, Control):
            return None
        reason = out_of_time(message, appended_ns, self._reorder.clocks, live=self._memory.progress.now.live)
        if reason is not None:
            return reason
        if not isinstance(message, Observation):
            return None
        if self._encoder is not None and message.encoder != self._encoder:
            return f"encoder {message.encoder} is not {self._encoder}, whose vectors this zone compares"
        try:
            dim = len(unpack_vector(message.vector))
        except ValueError as error:
            return str(error)
        known = self._memory.progress.now.dims.get(message.encoder, dim)
        if dim != known:
            return f"a vector of {dim} numbers, where {message.encoder} had {known}"
        return None

    def update(self, message: Record, appended_ns: int | None = None) -> list[TrajectoryEvent]:
        """Take one record; returns the events that the watermark now allows. For `appended_ns` see `refuse`."""
        self.blamed = Blame.of(message)
        if not isinstance(message, Control):
            self._note_live(message, appended_ns)
        # Step 1: into the order of event time; duplicates, and messages of a replaced owner, are left out
        verdict = self._reorder.push(message, appended_ns)
        self.counts[verdict] += 1
        if verdict in (Verdict.DUPLICATE, Verdict.FENCED):
            return []
        if isinstance(message, Observation):
            self._memory.progress.learn_dim(message.encoder, len(message.vector) // 2)
        # Step 2: apply what the watermark has passed
        for released in self._reorder.release(appended_ns):
            self._apply(released)
        # Step 3: with the last word of every camera, nothing is left to wait for
        if self._reorder.ended:
            self._flush(message)
        return self._identities.take()

    def take_roads(self) -> list[RoadRecord]:
        """Take the records of the topic `topology` that have come since the last call."""
        return self._roads.take()

    def changes(self) -> dict[str, bytes | None]:
        """Rows that a commit has to store so that `restore` brings this state back."""
        changed: dict[str, bytes | None] = {}
        for table in self._tables:
            changed.update(table.changes())
        return changed

    def restore(self, stored: Mapping[str, bytes]) -> None:
        """Continue from what was stored; whatever has come since then is forgotten."""
        load_tables(self._tables, stored)
        if FORMAT not in self._format:
            self._format.put(FORMAT, "")
        self._identities.take()
        self._roads.take()
        self.counts["of_other_bins"] = self._memory.traffic.past.drop_other_bins()
        self._memory.restored()
        self._reorder.restored(self._memory.progress.now.released_ns)

    def set_aside(self, blame: Blame) -> list[TrajectoryEvent]:
        """Forget what association cannot work on, so that it can go on with the others.

        For restored state. A tracklet whose latest observation it is goes with it; the events that are returned take
        back what was said of that.
        """
        self._reorder.drop(blame.id)
        number = self._memory.tracklets.number_of(blame.tracklet) if blame.tracklet is not None else None
        if number is None:
            return []
        place = self._memory.window.place_of[number]
        row, link = self._memory.tracklets.row(place), self._memory.tracklets.link(place)
        if row.observation != blame.id:
            return []
        self._memory.drop(row.id)
        self._memory.tracklets.take_forgotten()
        if link is not None:
            self._identities.begin(f"{blame.id}|set aside", blame.id, blame.at_ns)
            self._identities.retract(link.identity, row)
        return self._identities.take()

    @property
    def sizes(self) -> dict[str, int]:
        """Number of rows held by table: for telemetry, and for the tests that it stays bounded."""
        return {table.name: len(table) for table in self._tables}

    # One record in order

    def _note_live(self, message: Message, appended_ns: int | None) -> None:
        """With the first live message, cameras that came before it with another time are left out."""
        memory = self._memory
        if not memory.progress.now.live and is_live(message, appended_ns):
            memory.progress.advance(live=True)
            left = left_behind(message, self._reorder.clocks)
            self.counts["left_behind"] += len(left)
            self._reorder.leave_out(left)

    def _apply(self, message: Record) -> None:
        memory = self._memory
        self.blamed = Blame.of(message)
        if isinstance(message, Control):
            self.counts["heeded" if heed(memory, message) else "came_too_late"] += 1
            return
        if memory.progress.now.origin_ns is None:
            memory.progress.advance(origin_ns=message.at_ns)
        # Step 1: where a new slot of event time begins, decide what came before it
        slot = message.at_ns // round(self.settings.decide_every_s * NS)
        if slot > memory.progress.now.slot:
            begun_ns = slot * round(self.settings.decide_every_s * NS)
            if memory.progress.now.slot >= 0:
                self._decide(message, memory.progress.seconds(begun_ns))
            memory.progress.advance(slot=slot)
            self.blamed = Blame.of(message)
        # Step 2: a new epoch completes the tracklets of the old one
        if memory.hear(message.camera, message.epoch, message.at_ns):
            abandoned = [
                it for it in memory.tracklets.open() if it.camera == message.camera and it.epoch < message.epoch
            ]
            memory.tracklets.complete(abandoned, message.at_ns)
        if isinstance(message, Observation):
            memory.tracklets.see(message)
        memory.progress.advance(released_ns=max(message.at_ns, memory.progress.now.released_ns or message.at_ns))

    def _flush(self, message: Record) -> None:
        """Decide what is left and close everything: every stream has ended."""
        memory = self._memory
        at_ns = memory.progress.now.released_ns or message.at_ns
        memory.tracklets.complete(memory.tracklets.open(), at_ns)
        self._decide(message, memory.progress.seconds(at_ns), last=True)

    # A slot

    @one_thread()
    def _decide(self, message: Record, now_s: float, *, last: bool = False) -> None:
        """Decide all tracklets that may be revised, say what has changed, and close what cannot be met any more."""
        memory = self._memory
        at_ns = max(message.at_ns, memory.progress.now.released_ns or message.at_ns)
        self._identities.begin(message.id if not last else f"{message.id}|last", message.id, at_ns)
        # Step 1: pairs of what is new; tables where they are due, and with all there is when every stream has ended
        silent_ns = message.at_ns - round(SILENT_S * NS)
        memory.tracklets.complete([row for row in memory.tracklets.open() if row.leave_ns < silent_ns], message.at_ns)
        memory.pairing.pair_up(memory.model, now_s)
        if last or is_due(memory, now_s):
            learn(memory, now_s)
            self._identities.let_go(memory.tracklets.take_forgotten())
        self._follow_roads(now_s, at_ns, last=last)
        # Step 2: decide, say what has changed, and close what nothing can follow any more
        decisions = decide(memory, self.settings.min_probability, now_s)
        self._revision.carry_out(decisions, now_s, last=last)
        self._revision.expire(decisions, now_s, last=last)

    def _follow_roads(self, now_s: float, at_ns: int, *, last: bool) -> None:
        """Say what has become known of the roads, once a minute of event time, and when every stream has ended."""
        due = self._roads.due(self._memory, now_s)
        if due or last:
            self._roads.compare(self._memory, now_s, at_ns)
        if due and not last:
            heard_ns = at_ns - round(NOT_HEARD_S * NS)
            silent = [it.camera for it in self._reorder.clocks if it.ended or it.latest.at_ns < heard_ns]
            self._roads.watch(self._memory, silent, now_s, at_ns)

    def _blame(self, row: Tracklet) -> None:
        self.blamed = Blame(id=row.observation, at_ns=row.leave_ns, camera=row.camera, tracklet=row.id)
