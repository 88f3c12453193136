"""Association of sightings to vehicles: a state machine on event time.

A pure function of its messages: no clock, no randomness, no dependence on the order of arrival. Messages are put in
order of event time; every two seconds of it (a slot) the tracklets that were closed are given to identities, all
together and one to one; open tracklets are given provisionally as they appear.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from associate.gallery import make_gallery
from associate.likelihood import travel_ratio
from associate.matching import NEW, Candidate, assign, evidence_of
from associate.reorder import ReorderBuffer, Verdict
from associate.rows import Identity, Progress, Sighting
from associate.settings import AssociateSettings, calibration
from associate.state import Table, load_tables
from associate.topology import Topology
from associate.trajectory import Evidence, Kind, TrajectoryEvent, Visit, event_id
from embed.observation import CameraEpoch, Message, Observation, TrackletState, unpack_vector
from ingest.clock import NS


class Associator:
    """State machine that links tracklets; `update` takes a message and returns the events it brings about.

    `refuse` says why a message cannot be used at all (another encoder's vector, say). `changes` gives what a commit
    has to store, `restore` takes it back. Where `update` raises, its state is half changed and has to be restored;
    `blamed` is the message it was about, and `set_aside` takes that out of the restored state.
    """

    def __init__(
        self, settings: AssociateSettings, *, cameras: tuple[str, ...] = (), encoder: str | None = None
    ) -> None:
        self.settings = settings
        self.counts: Counter[str] = Counter()
        self.blamed: Message | None = None
        self._encoder = encoder
        self._calibration = calibration(settings, encoder)
        self._topology = Topology(settings.travel, settings.default_window, resume_s=settings.resume_s)
        self._gallery = make_gallery(settings.search)
        self._reorder = ReorderBuffer(cameras, idle_after_s=settings.idle_after_s)
        self._sightings: Table[Sighting] = Table("sighting", Sighting)
        self._identities: Table[Identity] = Table("identity", Identity)
        self._progress: Table[Progress] = Table("progress", Progress)
        self._progress.put("all", Progress())
        self._tables: tuple[Table[Any], ...] = (
            self._reorder.clocks,
            self._reorder.held,
            self._sightings,
            self._identities,
            self._progress,
        )
        self._epochs: dict[str, CameraEpoch] = {}
        self._decider: Message | None = None
        self._cause = ""  # what the ids of events are made of
        self._ordinal = 0
        self._events: list[TrajectoryEvent] = []

    # The outside

    def refuse(self, message: Message, appended_ns: int | None = None) -> str | None:
        """Check a message; returns the reason why it cannot be used at all, None if it can."""
        self.blamed = message
        if not isinstance(message, Observation):
            return None
        if self._encoder is not None and message.encoder != self._encoder:
            return f"encoder {message.encoder} is not {self._encoder}, whose vectors this zone compares"
        try:
            dim = len(unpack_vector(message.vector))
        except ValueError as error:
            return str(error)
        self._learn_dim(dim)
        if dim != self._progress["all"].dim:
            return f"a vector of {dim} numbers, where {message.encoder} had {self._progress['all'].dim}"
        return None

    def update(self, message: Message, appended_ns: int | None = None) -> list[TrajectoryEvent]:
        """Take one message; returns the events that the watermark now allows."""
        self.blamed = message
        # Step 1: into the order of event time; duplicates, and messages of a replaced owner, are left out
        verdict = self._reorder.push(message)
        self.counts[verdict] += 1
        if verdict in (Verdict.DUPLICATE, Verdict.FENCED):
            return []
        self._events = []
        # Step 2: apply what the watermark has passed
        for released in self._reorder.release():
            self._apply(released)
        # Step 3: with the last word of every camera, nothing is left to wait for
        if self._reorder.ended:
            self._flush()
        return self._events

    def changes(self) -> dict[str, bytes | None]:
        """Rows that a commit has to store so that `restore` brings this state back."""
        changed: dict[str, bytes | None] = {"format|2": b""}
        for table in self._tables:
            changed.update(table.changes())
        return changed

    def restore(self, stored: Mapping[str, bytes]) -> None:
        """Continue from what was stored; whatever has come since then is forgotten."""
        # Step 1: the rows as they were stored
        load_tables(self._tables, {key: row for key, row in stored.items() if key != "format|2"})
        if "all" not in self._progress:
            self._progress.put("all", Progress())
        self._reorder.restored(self._progress["all"].released_ns)
        self._gallery = make_gallery(self.settings.search)
        # Step 2: what follows from the rows, the gallery among it, is made anew
        self._epochs.clear()
        for identity in self._identities:
            self._index(identity)
            self._learn_dim(len(identity.vector) // 4)
        # Step 3: identities without a direction stay, and are counted
        lost = [identity for identity in self._identities if identity.vector and identity.feature is None]
        self.counts["not_comparable"] = len(lost)
        for message in [*(sighting.latest for sighting in self._sightings), *self._reorder.held]:
            self._learn_dim(len(message.vector) // 2 if isinstance(message, Observation) else 0)

    def set_aside(self, message: Message) -> list[TrajectoryEvent]:
        """Forget a message that association cannot work on, so that it can go on with the others.

        For restored state. A sighting whose latest observation it is goes with it; the events that are returned take
        back what was said of that.
        """
        self._events = []
        self._decider, self._cause, self._ordinal = message, f"{message.id}|set aside", 0
        self._reorder.drop(message)
        sighting = self._sightings.get(message.tracklet) if isinstance(message, Observation) else None
        if sighting is None or sighting.latest.id != message.id:
            return []
        self._sightings.drop(sighting.latest.tracklet)
        if sighting.identity is not None:
            identity = self._identities[sighting.identity]
            self._put(msgspec.structs.replace(identity, occupant=None))
            self._say(Kind.RETRACTED, identity.id, seen=sighting.latest)
            if not identity.visits:
                self._close(identity.id)
        return self._events

    def _learn_dim(self, dim: int) -> None:
        """Take the dimension of the zone's vectors from the first one."""
        progress = self._progress["all"]
        if progress.dim is None and dim:
            self._progress.put("all", msgspec.structs.replace(progress, dim=dim))

    @property
    def sizes(self) -> dict[str, int]:
        """Number of rows held by table: for telemetry, and for the tests that it stays bounded."""
        return {table.name: len(table) for table in self._tables}

    # One message in order

    def _apply(self, message: Message) -> None:
        self.blamed = self._decider = message
        self._cause, self._ordinal = message.id, 0
        progress = self._progress["all"]
        # Step 1: the slot of event time that the message falls into
        slot = message.at_ns // round(self.settings.decide_every_s * NS)
        self._progress.put("all", msgspec.structs.replace(progress, slot=max(slot, progress.slot)))
        # Step 2: a new slot begins: decide the complete tracklets, then close what cannot be met any more
        if slot > progress.slot:
            self._decide()
            self.blamed = message
            self._expire(message.at_ns)
        # Step 3: a new epoch completes the tracklets of the old one
        self._close_abandoned(message)
        if isinstance(message, Observation):
            self._see(message)
        released_ns = max(message.at_ns, progress.released_ns or message.at_ns)
        self._progress.put("all", msgspec.structs.replace(self._progress["all"], released_ns=released_ns))

    def _see(self, seen: Observation) -> None:
        known = self._sightings.get(seen.tracklet)
        identity = known.identity if known else None
        complete = seen.state is TrackletState.CLOSED
        self._sightings.put(seen.tracklet, Sighting(latest=seen, identity=identity, complete=complete))
        if identity is None and not complete:
            self._give_provisionally(seen)

    def _close_abandoned(self, message: Message) -> None:
        """Complete the open tracklets of a camera's old epochs: a new one means that no more of them will come."""
        if self._epochs.get(message.camera) == message.epoch:
            return
        self._epochs[message.camera] = message.epoch
        for sighting in self._sightings:
            seen = sighting.latest
            if seen.camera == message.camera and seen.epoch < message.epoch and not sighting.complete:
                self._sightings.put(seen.tracklet, msgspec.structs.replace(sighting, complete=True))

    # Open tracklets

    def _give_provisionally(self, seen: Observation) -> None:
        free = [it for it in self._candidates([seen])[0] if self._identities[it.identity].occupant is None]
        best = max(free, key=lambda it: (it.ratio, it.identity), default=None)
        if best is not None and best.ratio > self.settings.new_vehicle:
            identity = self._identities[best.identity]
            evidence = evidence_of(best, free, self.settings.new_vehicle)
        else:
            identity = self._found()
            evidence = evidence_of(NEW, free, self.settings.new_vehicle)
        self._put(msgspec.structs.replace(identity, occupant=seen.tracklet))
        sighting = self._sightings[seen.tracklet]
        self._sightings.put(seen.tracklet, msgspec.structs.replace(sighting, identity=identity.id))
        self._say(Kind.PROVISIONAL, identity.id, seen=seen, evidence=evidence)

    def _found(self) -> Identity:
        progress = self._progress["all"]
        number = progress.identities + 1
        self._progress.put("all", msgspec.structs.replace(progress, identities=number))
        identity = Identity(id=f"{self.settings.zone}-{number}", visits=[], last_epoch=None, vector=b"", labels={})
        self._put(identity)
        return identity

    # Complete tracklets

    def _decide(self) -> None:
        """Give every complete tracklet to exactly one identity."""
        waiting = [sighting for sighting in self._sightings if sighting.complete]
        waiting.sort(key=lambda sighting: (sighting.latest.first_ns, sighting.latest.tracklet))
        while waiting:
            # Step 1: tracklets that do not depend on another one's decision
            together = self._without_forerunner(waiting)
            waiting = [sighting for sighting in waiting if sighting not in together]
            # Step 2: candidates within travel time, the nearest in appearance
            candidates = self._candidates([sighting.latest for sighting in together])
            self.blamed = self._decider
            # Step 3: one-to-one assignment over all candidates
            choices = assign(candidates, self.settings.new_vehicle)
            # Step 4: settle each, which may retract what was given provisionally
            for sighting, chosen, rivals in zip(together, choices, candidates, strict=True):
                self.blamed = sighting.latest
                self._settle(sighting, chosen, rivals)

    def _without_forerunner(self, waiting: list[Sighting]) -> list[Sighting]:
        """Choose those that come from none of the others: a vehicle may close in two cameras within one slot.

        `waiting` is in order of entering; where each could have come from another one, the first goes first.
        """
        free = [
            later
            for place, later in enumerate(waiting)
            if not any(self._leads_to(it.latest.camera, it.latest.last_ns, later.latest) for it in waiting[:place])
        ]
        return free or waiting[:1]

    def _leads_to(self, camera: str, leave_ns: int, later: Observation) -> bool:
        """True where travel time lets a vehicle that left a view then be the one of a sighting."""
        window = self._topology.window(camera, later.camera)
        return window is not None and (later.first_ns - leave_ns) / NS in window

    def _settle(self, sighting: Sighting, chosen: Candidate, rivals: Sequence[Candidate]) -> None:
        seen = sighting.latest
        # An earlier settlement of this slot may have displaced the sighting from its provisional identity.
        given = self._sightings[seen.tracklet].identity
        self._sightings.drop(seen.tracklet)
        evidence = evidence_of(chosen, rivals, self.settings.new_vehicle)
        own = given is not None and not self._identities[given].visits
        # Step 1: its candidate, else the provisional identity if that is its alone, else a new one
        if chosen is not NEW:
            target = chosen.identity
        elif own and given is not None:
            target = given
        else:
            target = self._found().id
        # Step 2: take back the provisional identity where the decision is another
        if given is not None and given != target:
            self._withdraw(given, seen, target, Kind.MERGED if own else Kind.RETRACTED)
        # Step 3: add the visit, and compare later sightings with the new mean
        displaced = self._identities[target].occupant
        first = not self._identities[target].visits
        settled = self._identities[target].with_visit(seen)
        self._put(settled)
        self._index(settled)
        self._say(Kind.CONFIRMED if first else Kind.EXTENDED, target, seen=seen, evidence=evidence)
        # Step 4: a sighting in view that held the identity has to look again
        if displaced is not None and displaced != seen.tracklet:
            self._displace(displaced, target)

    def _withdraw(self, identity_id: str, seen: Observation, target: str, kind: Kind) -> None:
        """Take a sighting away from the identity that it was given to provisionally."""
        self._put(msgspec.structs.replace(self._identities[identity_id], occupant=None))
        self._say(kind, identity_id, seen=seen, superseded_by=target)
        if kind is Kind.MERGED:
            self._identities.drop(identity_id)

    def _displace(self, tracklet: str, identity_id: str) -> None:
        """Retract the identity of a sighting still in view, since a complete one has taken it; it has to look again."""
        sighting = self._sightings[tracklet]
        self._sightings.put(tracklet, msgspec.structs.replace(sighting, identity=None))
        self._say(Kind.RETRACTED, identity_id, seen=sighting.latest)
        if not sighting.complete:
            self._give_provisionally(sighting.latest)

    # Candidates and evidence

    def _candidates(self, seen: Sequence[Observation]) -> list[list[Candidate]]:
        """Find for each tracklet the identities that can be met there and then: the nearest few, in order of identity.

        Travel time gates before the nearest are counted: look-alikes elsewhere must not push out the right one. So
        the search widens until enough are left.
        """
        found: list[list[Candidate]] = []
        wanted = self.settings.candidates
        for it in seen:
            self.blamed = it
            query, asked, options = unpack_vector(it.vector)[None], wanted, []
            while True:
                (neighbours,) = self._gallery.nearest(query, asked)
                options = [o for o in (self._candidate(it, *each) for each in neighbours) if o is not None]
                if len(options) >= wanted or asked >= len(self._gallery):
                    break
                asked *= 4
            found.append(sorted(options[:wanted], key=lambda option: option.identity))
        return found

    def _candidate(self, seen: Observation, identity_id: str, similarity: float) -> Candidate | None:
        identity = self._identities[identity_id]
        last = identity.visits[-1]
        assert identity.last_epoch is not None
        interrupted = last.camera == seen.camera and identity.last_epoch < seen.epoch
        window = self._topology.window(last.camera, seen.camera, interrupted=interrupted)
        travel_s = (seen.first_ns - last.leave_ns) / NS
        if window is None or travel_s not in window or (window.min_s >= 0 and self._turned_back(identity, seen)):
            return None
        return Candidate(
            identity=identity_id,
            similarity=similarity,
            appearance=self._calibration.ratio(similarity),
            travel_time=travel_ratio(window, self._topology.horizon_s),
            travel_s=travel_s,
        )

    def _turned_back(self, identity: Identity, seen: Observation) -> bool:
        """True where an identity would have come back to a camera sooner than vehicles do."""
        earliest_ns = seen.first_ns - round(self.settings.return_s * NS)
        return any(visit.camera == seen.camera and visit.leave_ns > earliest_ns for visit in identity.visits[:-1])

    # The end of things

    def _expire(self, now_ns: int) -> None:
        """Close the identities that no window can reach any more, and the oldest ones beyond the limit."""
        idle = [it for it in self._identities if it.visits and it.occupant is None]
        horizon_ns = round(self._topology.horizon_s * NS)
        over = len(self._identities) - self.settings.max_identities
        idle.sort(key=lambda it: (it.visits[-1].leave_ns, it.id))
        for place, identity in enumerate(idle):
            expired = now_ns - identity.visits[-1].leave_ns > horizon_ns and not self._awaited(identity)
            if place < over or expired:
                self._close(identity.id)

    def _awaited(self, identity: Identity) -> bool:
        """True where an undecided sighting may turn out to be this vehicle, having entered while it was possible."""
        last = identity.visits[-1]
        return any(self._leads_to(last.camera, last.leave_ns, sighting.latest) for sighting in self._sightings)

    def _flush(self) -> None:
        """Decide what is left and close everything: every stream has ended."""
        for sighting in self._sightings:
            self._sightings.put(sighting.latest.tracklet, msgspec.structs.replace(sighting, complete=True))
        self._decide()
        for identity in self._identities:
            self._close(identity.id)

    def _close(self, identity_id: str) -> None:
        self._say(Kind.CLOSED, identity_id)
        self._identities.drop(identity_id)
        self._gallery.drop(identity_id)

    # Rows and events

    def _put(self, identity: Identity) -> None:
        self._identities.put(identity.id, identity)

    def _index(self, identity: Identity) -> None:
        if identity.feature is not None:
            self._gallery.put(identity.id, identity.feature)

    def _say(
        self,
        kind: Kind,
        identity_id: str,
        *,
        seen: Observation | None = None,
        evidence: Evidence | None = None,
        superseded_by: str | None = None,
    ) -> None:
        assert self._decider is not None
        identity = self._identities[identity_id]
        identity = msgspec.structs.replace(identity, revision=identity.revision + 1)
        self._put(identity)
        visits = list(identity.visits)
        labels = dict(identity.labels)
        if kind is Kind.PROVISIONAL and seen is not None:
            open_visit = Visit(
                camera=seen.camera,
                observation=seen.id,
                enter_ns=seen.first_ns,
                leave_ns=seen.last_ns,
                open=True,
            )
            visits.append(open_visit)
            labels.setdefault(seen.label, 0.0)
        event = TrajectoryEvent(
            id=event_id(self.settings.zone, self._cause, self._ordinal),
            zone=self.settings.zone,
            kind=kind,
            identity=identity_id,
            revision=identity.revision,
            at_ns=self._decider.at_ns,
            decided_by=self._decider.id,
            label=max(labels, key=lambda name: (labels[name], name), default=seen.label if seen else "vehicle"),
            visits=visits,
            observation=seen.id if seen else None,
            evidence=evidence,
            superseded_by=superseded_by,
        )
        self._ordinal += 1
        self._events.append(event)
