"""Revision: what is decided in a slot turned into identities, and into what is said of them."""

import itertools
from collections.abc import Callable

import msgspec
import numpy as np
from numpy.typing import NDArray

from associate.decisions import Decisions, evidence_of
from associate.identities import Identities
from associate.links.travel_times import Ints
from associate.memory.memory import Memory
from associate.rows import ENDED, IN_VIEW, Link, Tracklet
from associate.settings import AssociateSettings

OPEN_S = 120.0
"""Time after which the link of a tracklet still in view is settled, so that parked vehicles hold up nobody."""


class Revision:
    """Gives tracklets to identities as they are decided; `blame` is called with each that is worked on.

    A chain of tracklets is one identity, and keeps its number as long as its first one stays the first.
    """

    def __init__(
        self,
        memory: Memory,
        identities: Identities,
        settings: AssociateSettings,
        horizon_s: float,
        blame: Callable[[Tracklet], None],
    ) -> None:
        self._memory, self._tracklets, self._identities = memory, memory.tracklets, identities
        self._settings, self._horizon_s, self._blame = settings, horizon_s, blame

    def carry_out(self, decisions: Decisions, now_s: float, *, last: bool) -> None:
        """Say what has changed; with `last`, settle everything."""
        window = self._memory.window
        # Step 0: chains with settled sightings that are one after all
        early, named = self._unite(decisions)
        unsaid = window.shut & (window.shown < ENDED)
        live = np.flatnonzero(~window.settled | unsaid)
        live = live[np.lexsort((window.number[live], window.enter_s[live]))]
        # Step 1: whose identity each has now
        was, now = window.identity.copy(), self._identity_of(decisions, live, named)
        # Step 2: identities that became part of another one as a whole, then single moves
        merged = self._merge(live, was, now)
        moved = (was != now) & ~np.isin(was, list(merged))
        for place in live[moved[live] & (was[live] >= 0)].tolist():
            row = self._tracklets.row(place)
            self._blame(row)
            self._identities.withdraw(int(was[place]), row, int(now[place]))
        # Step 3: what is new, has ended, has another predecessor, or is settled by this
        ripe = (window.closed_s <= now_s - self._settings.lag_s) | (window.opened_s <= now_s - OPEN_S) | last
        settles = (ripe | early) & ~window.settled
        settling = live[settles[live]]
        for place in self._news(decisions, live, now, moved | settles):
            self._tell(decisions, place, now, moved, settles=bool(settles[place]))
        # Step 4: predecessors of what is settled are taken
        for place in settling.tolist():
            if window.before[place] >= 0:
                self._take(int(window.before[place]))
        if len(settling):
            mine = np.isin(decisions.pairs.later, settling)
            self._memory.pairing.decided_with(decisions.pairs.at(mine), decisions.at[mine])

    def expire(self, decisions: Decisions, now_s: float, *, last: bool) -> None:
        """Close the identities that nothing can be linked to any more, and the oldest ones beyond the limit.

        One with a sighting that has not been said to have ended, a parked vehicle that was seen beside, goes on.
        """
        window = self._memory.window
        waiting = np.zeros(len(window), np.bool_)
        waiting[decisions.pairs.earlier] = True
        going_on = np.isin(window.identity, window.identity[window.shown < ENDED])
        ends = np.flatnonzero(window.shut & window.settled & ~window.taken & ~going_on)
        ends = ends[np.lexsort((window.number[ends], window.leave_s[ends]))]
        closing = (now_s - window.leave_s[ends] > self._horizon_s) & ~waiting[ends]
        closing[: max(len(self._identities.rows) - self._settings.max_identities, 0)] = True
        for place in ends[closing | last].tolist():
            self._identities.close(int(window.identity[place]))
            self._take(place)

    def _unite(self, decisions: Decisions) -> tuple[NDArray[np.bool_], dict[int, int]]:
        """Make one identity of each joined chain with settled sightings, by the name of the one that was found first.

        Returns (N,) which others it settles, and the identity of each of these that is the first of its chain.
        """
        window = self._memory.window
        early, named = np.zeros(len(window), np.bool_), {}
        for chain in decisions.settled:
            places = np.array(chain)
            settled = places[window.settled[places]]
            early[places] = ~window.settled[places]
            first, *others = np.unique(window.identity[settled]).tolist()
            for old in others:
                self._give_all(old, first)
            if early[chain[0]]:
                named[chain[0]] = first
            for before, place in itertools.pairwise([-1, *chain]):
                if window.settled[place] and before >= 0:
                    self._follow(decisions, place, before)
        return early, named

    def _give_all(self, old: int, target: int) -> None:
        """Merge an identity with settled sightings into another one, with all that was linked to it."""
        places = self._places_of(old)
        self._identities.merge(old, target, [self._tracklets.row(place) for place in places], settled=True)
        for place in places:
            link = self._tracklets.link(place)
            assert link is not None
            self._tracklets.put_link(place, msgspec.structs.replace(link, identity=target))

    def _follow(self, decisions: Decisions, place: int, before: int) -> None:
        """Let a settled sighting follow another one than before; where it does already, nothing is said."""
        window, link = self._memory.window, self._tracklets.link(place)
        assert link is not None
        number = int(window.number[before])
        if link.before != number:
            probability = float(decisions.probability[place])
            self._tracklets.put_link(place, msgspec.structs.replace(link, before=number, probability=probability))
            row = self._tracklets.row(place)
            self._blame(row)
            evidence = evidence_of(decisions, self._memory, place, window.identity, self._settings.zone)
            self._identities.show(link.identity, row, evidence, first=False, settled=link.shown == ENDED)
        if window.settled[before]:
            self._take(before)

    def _identity_of(self, decisions: Decisions, live: Ints, named: dict[int, int]) -> Ints:
        """The identity (N,) of each tracklet; those of `live`, in order of entering, as they are decided now.

        named: places that are of an identity although they follow nobody.
        """
        memory, window = self._memory, self._memory.window
        identity_of = window.identity.copy()
        for place in live[~window.settled[live]].tolist():
            before, link = int(decisions.before[place]), self._tracklets.link(place)
            if before >= 0:
                identity_of[place] = identity_of[before]
            elif place in named:
                identity_of[place] = named[place]
            elif link is None or link.before >= 0:
                number = memory.progress.now.identities + 1
                memory.progress.advance(identities=number)
                self._identities.found(number)
                identity_of[place] = number
        return identity_of

    def _merge(self, live: Ints, was: Ints, now: Ints) -> set[int]:
        """Merge identities whose tracklets all went to one other identity; returns their numbers."""
        targets: dict[int, set[int]] = {}
        for place in live[(was[live] >= 0) & (was[live] != now[live])].tolist():
            targets.setdefault(int(was[place]), set()).add(int(now[place]))
        merged = set()
        for old, news in targets.items():
            row, places = self._identities[old], self._places_of(old)
            whole = len(news) == 1 and all(now[place] in news for place in places)
            ended = sum(self._tracklets.row(place).closed_ns is not None for place in places)
            if whole and len(places) > 1 and len(row.visits) <= ended and min(news) in self._identities:
                self._identities.merge(old, min(news), [self._tracklets.row(place) for place in places])
                merged.add(old)
        return merged

    def _places_of(self, identity: int) -> list[int]:
        """The places of an identity's tracklets in order of entering."""
        window = self._memory.window
        places = [window.place_of[number] for number in self._identities[identity].tracklets]
        return sorted(places, key=lambda place: (window.enter_s[place], window.number[place]))

    def _news(self, decisions: Decisions, live: Ints, now: Ints, changed: NDArray[np.bool_]) -> list[int]:
        """The places of `live` of which something else is to be said or kept than before: few in most slots."""
        window = self._memory.window
        shown = np.where(window.shut, ENDED, IN_VIEW)
        decided = (now == window.identity) & (decisions.before == window.before)
        decided &= (decisions.probability == window.probability) & ~changed
        same = (shown == window.shown) & (window.settled | decided)
        # The window does not know any more who was followed and has been forgotten; the link does.
        return [it for it in live.tolist() if not same[it] or (window.before[it] < 0 and self._follows(it))]

    def _follows(self, place: int) -> bool:
        link = self._tracklets.link(place)
        return link is not None and link.before >= 0

    def _tell(self, decisions: Decisions, place: int, now: Ints, moved: NDArray[np.bool_], *, settles: bool) -> None:
        """Say what has changed about a tracklet, and keep the decision; `settles`: it is not revised after this."""
        window = self._memory.window
        link, row = self._tracklets.link(place), self._tracklets.row(place)
        self._blame(row)
        settled = bool(window.settled[place])
        shown = ENDED if row.closed_ns is not None else IN_VIEW
        if settled and link is not None:
            decided = msgspec.structs.replace(link, shown=shown)
        else:
            before = int(decisions.before[place])
            decided = Link(
                identity=int(now[place]),
                before=int(window.number[before]) if before >= 0 else -1,
                probability=float(decisions.probability[place]),
                settled=settles,
                taken=bool(window.taken[place]),
                shown=shown,
            )
        other = link is None or (link.before, link.shown) != (decided.before, shown)
        if other or moved[place] or (settles and shown == ENDED):
            evidence = None if settled else evidence_of(decisions, self._memory, place, now, self._settings.zone)
            final = decided.settled and shown == ENDED
            self._identities.show(decided.identity, row, evidence, first=decided.before < 0, settled=final)
        self._tracklets.put_link(place, decided)

    def _take(self, place: int) -> None:
        link = self._tracklets.link(place)
        assert link is not None
        self._tracklets.put_link(place, msgspec.structs.replace(link, taken=True))
