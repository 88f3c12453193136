"""Identities and what is said of them: the decisions about tracklets turned into events.

A chain of tracklets is one identity, which keeps its name as long as its first tracklet stays the first. A tracklet
whose predecessor changes moves from one identity to another, with those that follow it.
"""

from collections import Counter
from collections.abc import Sequence

import msgspec

from associate.rows import VISITS_TOLD, Identity, Link, Tracklet
from associate.state import Table
from associate.trajectory import Evidence, Kind, TrajectoryEvent, Visit, event_id


class Identities:
    """The identities of a zone. `begin` says what the events that follow are due to; `take` returns them."""

    def __init__(self, zone: str) -> None:
        self.zone = zone
        self.rows: Table[Identity] = Table("identity", Identity)
        self._events: list[TrajectoryEvent] = []
        self._at_ns, self._cause, self._decided_by, self._ordinal = 0, "", "", 0

    def __contains__(self, number: int) -> bool:
        return _key(number) in self.rows

    def __getitem__(self, number: int) -> Identity:
        return self.rows[_key(number)]

    def begin(self, cause: str, decided_by: str, at_ns: int) -> None:
        """Events from here on are due to a message, at a moment of event time."""
        self._ordinal = 0
        self._cause, self._decided_by, self._at_ns = cause, decided_by, at_ns

    def take(self) -> list[TrajectoryEvent]:
        """Hand over the events since the last call."""
        events, self._events = self._events, []
        return events

    def found(self, number: int) -> None:
        """A new identity without tracklets."""
        self._put(Identity(id=f"{self.zone}-{number}"), number)

    # Tracklets

    def show(
        self, number: int, tracklet: Tracklet, evidence: Evidence | None, *, first: bool, settled: bool = False
    ) -> None:
        """Say that a tracklet is of an identity, an open one provisionally; `first`: it follows no other one."""
        identity = self.rows[_key(number)]
        among = identity.tracklets if tracklet.number in identity.tracklets else [*identity.tracklets, tracklet.number]
        visits, labels = _without(identity, tracklet)
        if tracklet.closed_ns is None:
            kind, shown = Kind.PROVISIONAL, _in_order([*visits, tracklet.visit])
        else:
            visits = _in_order([*visits, tracklet.visit])
            kind, shown = Kind.CONFIRMED if first else Kind.EXTENDED, visits
            labels[tracklet.label] = round(labels.get(tracklet.label, 0.0) + tracklet.score, 4)
        self._put(msgspec.structs.replace(identity, visits=visits, labels=labels, tracklets=among), number)
        self._say(kind, number, shown, tracklet, evidence=evidence, settled=settled)

    def withdraw(self, number: int, tracklet: Tracklet, target: int) -> None:
        """Take a tracklet away from an identity, which ends where it was its only one."""
        left = self._leave(number, tracklet)
        alone = not left.visits and not left.tracklets
        kind = Kind.MERGED if alone else _taken_back(tracklet)
        self._say(kind, number, left.visits, tracklet, superseded_by=target)
        if alone:
            self.rows.drop(_key(number))

    def retract(self, number: int, tracklet: Tracklet) -> None:
        """Take a tracklet that is forgotten away from its identity, which closes where nothing is left of it."""
        left = self._leave(number, tracklet)
        self._say(_taken_back(tracklet), number, left.visits, tracklet)
        if not left.visits and not left.tracklets:
            self.close(number)

    def merge(self, number: int, target: int, tracklets: Sequence[Tracklet], *, settled: bool = False) -> None:
        """Let an identity become part of another one, with all of its tracklets; `settled`: some of them were."""
        old, new = self.rows[_key(number)], self.rows[_key(target)]
        self._say(Kind.MERGED, number, old.visits, tracklets[0], superseded_by=target, settled=settled)
        labels = Counter(new.labels)
        labels.update(old.labels)
        joined = msgspec.structs.replace(
            new,
            visits=_in_order([*new.visits, *old.visits]),
            labels={name: round(score, 4) for name, score in sorted(labels.items())},
            tracklets=[*new.tracklets, *old.tracklets],
        )
        self._put(joined, target)
        self.rows.drop(_key(number))

    def let_go(self, forgotten: Sequence[tuple[int, Link]]) -> None:
        """Tracklets, each by its number with its link, will not be moved any more: association has forgotten them."""
        for tracklet, link in forgotten:
            identity = self.rows.get(_key(link.identity))
            if identity is not None and tracklet in identity.tracklets:
                among = [each for each in identity.tracklets if each != tracklet]
                self._put(msgspec.structs.replace(identity, tracklets=among), link.identity)

    def close(self, number: int) -> None:
        """Nothing can be linked to an identity any more."""
        identity = self.rows.get(_key(number))
        if identity is not None:
            self._say(Kind.CLOSED, number, identity.visits)
            self.rows.drop(_key(number))

    # Rows and events

    def _leave(self, number: int, tracklet: Tracklet) -> Identity:
        """Take a tracklet out of an identity's row; returns what is left."""
        identity = self.rows[_key(number)]
        visits, labels = _without(identity, tracklet)
        among = [each for each in identity.tracklets if each != tracklet.number]
        left = msgspec.structs.replace(identity, visits=visits, labels=labels, tracklets=among)
        self._put(left, number)
        return left

    def _put(self, identity: Identity, number: int) -> None:
        self.rows.put(_key(number), identity)

    def _say(
        self,
        kind: Kind,
        number: int,
        visits: list[Visit],
        tracklet: Tracklet | None = None,
        *,
        evidence: Evidence | None = None,
        superseded_by: int | None = None,
        settled: bool = False,
    ) -> None:
        identity = self.rows[_key(number)]
        identity = msgspec.structs.replace(identity, revision=identity.revision + 1)
        self._put(identity, number)
        labels = identity.labels
        event = TrajectoryEvent(
            id=event_id(self.zone, self._cause, self._ordinal),
            zone=self.zone,
            kind=kind,
            identity=identity.id,
            revision=identity.revision,
            at_ns=self._at_ns,
            decided_by=self._decided_by,
            label=max(labels, key=lambda name: (labels[name], name), default=tracklet.label if tracklet else "vehicle"),
            visits=visits[-VISITS_TOLD:],
            observation=tracklet.observation if tracklet else None,
            evidence=evidence,
            superseded_by=None if superseded_by is None else f"{self.zone}-{superseded_by}",
            settled=settled,
        )
        self._ordinal += 1
        self._events.append(event)


def _taken_back(tracklet: Tracklet) -> Kind:
    """The kind of event by which a tracklet is taken away from an identity."""
    return Kind.RETRACTED if tracklet.closed_ns is None else Kind.SPLIT


def _without(identity: Identity, tracklet: Tracklet) -> tuple[list[Visit], dict[str, float]]:
    """The visits of an identity without a tracklet's, and its labels."""
    visits = [visit for visit in identity.visits if not visit.observation.startswith(f"{tracklet.id}|")]
    labels = dict(identity.labels)
    if len(visits) < len(identity.visits):
        labels[tracklet.label] = round(labels.get(tracklet.label, 0.0) - tracklet.score, 4)
        if labels[tracklet.label] <= 0:
            del labels[tracklet.label]
    return visits, labels


def _in_order(visits: list[Visit]) -> list[Visit]:
    return sorted(visits, key=lambda visit: (visit.enter_ns, visit.observation))[-VISITS_TOLD:]


def _key(number: int) -> str:
    return f"{number:010d}"
