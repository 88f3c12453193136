"""The identities of two runs over the same tracklets, compared: what one put together and the other did not."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from deploy.log.base import Log
from deploy.log.decoding import Undecoded
from deploy.results.journeys import read_events
from training.scoring.decisions import read_decisions

Kind = Literal["same", "merged", "split", "changed"]
KINDS: tuple[Kind, ...] = ("same", "merged", "split", "changed")


@dataclass(frozen=True, slots=True)
class IdentityGroup:
    """Identities of both runs that share tracklets with one another and with no other identity.

    kind: `same` tracklets in one identity of each; several identities `merged` into one; one `split` into several;
    `changed` where several on both sides share them. before, after: the names of the identities in the first and
    the second run, sorted. tracklets: ids of those that both runs have, sorted.
    """

    kind: Kind
    before: tuple[str, ...]
    after: tuple[str, ...]
    tracklets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Differences:
    """Differences between the identities of two runs.

    groups: those that are not `same` first, the largest first. only_before, only_after: tracklets that only one of the
    runs gave an identity to; they are in no group.
    """

    groups: tuple[IdentityGroup, ...]
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]

    @property
    def counts(self) -> dict[str, int]:
        """Number of groups by kind, all kinds."""
        counted = Counter(group.kind for group in self.groups)
        return {kind: counted[kind] for kind in KINDS}


def identities_in(log: Log, undecoded: Undecoded) -> dict[str, str]:
    """The name of the identity that each tracklet belongs to in the end; `undecoded` as for `decoded`."""
    numbers: dict[str, int] = {}
    for event in read_events(log, undecoded):
        if event.observation is not None:
            numbers.setdefault(event.observation.rpartition("|")[0], len(numbers))
    decisions = read_decisions(read_events(log, undecoded), numbers)
    identities = decisions.identities()
    return {
        tracklet: decisions.names[identities[number]] for tracklet, number in numbers.items() if number in identities
    }


def compare(before: Mapping[str, str], after: Mapping[str, str]) -> Differences:
    """Compare the identities of two runs, given by tracklet id."""
    common = sorted(before.keys() & after.keys())
    # Step 1: the identities that each identity of the first run shares tracklets with, and the other way round
    shared: dict[tuple[int, str], set[tuple[int, str]]] = defaultdict(set)
    for tracklet in common:
        one, other = (0, before[tracklet]), (1, after[tracklet])
        shared[one].add(other)
        shared[other].add(one)
    # Step 2: groups that hang together
    group_of: dict[tuple[int, str], int] = {}
    members: list[list[tuple[int, str]]] = []
    for start in sorted(shared):
        if start not in group_of:
            members.append(_reached(start, shared))
            group_of |= dict.fromkeys(members[-1], len(members) - 1)
    # Step 3: with their tracklets, the largest differences first
    tracklets: dict[int, list[str]] = defaultdict(list)
    for tracklet in common:
        tracklets[group_of[0, before[tracklet]]].append(tracklet)
    groups = [_group(each, tuple(tracklets[number])) for number, each in enumerate(members)]
    groups.sort(key=lambda group: (group.kind == "same", -len(group.tracklets), group.tracklets))
    return Differences(
        tuple(groups), tuple(sorted(before.keys() - after.keys())), tuple(sorted(after.keys() - before.keys()))
    )


def _reached(start: tuple[int, str], shared: Mapping[tuple[int, str], set[tuple[int, str]]]) -> list[tuple[int, str]]:
    reached, waiting = {start}, [start]
    while waiting:
        fresh = shared[waiting.pop()] - reached
        reached |= fresh
        waiting += fresh
    return sorted(reached)


def _group(identities: list[tuple[int, str]], tracklets: tuple[str, ...]) -> IdentityGroup:
    before = tuple(name for run, name in identities if run == 0)
    after = tuple(name for run, name in identities if run == 1)
    kind: Kind = "changed"
    if len(before) == 1:
        kind = "same" if len(after) == 1 else "split"
    elif len(after) == 1:
        kind = "merged"
    return IdentityGroup(kind, before, after, tracklets)
