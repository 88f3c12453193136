"""Watching: what cameras say is compared with the watchlist, and matches go onto the log.

A commit holds matches, what is provisional, and the position on the log, so that a process that is killed leaves
neither gap nor duplicate. Where nothing matches, the position alone is committed, and seldom: what was read since is
read again by the next process, and matches as little.
"""

import logging
from collections.abc import Sequence

import msgspec
import numpy as np

from deploy.log.base import Log, Record, StoredRecord, Writer
from deploy.log.decoding import Undecoded
from deploy.log.observations import Epochs
from deploy.log.topics import MATCHES, OBSERVATIONS
from deploy.search.opening import Index, open_index
from deploy.search.settings import SearchSettings
from deploy.search.watchlist.entries import WatchEntry, Watchlist
from deploy.search.watchlist.judging import Judge, Seen, Verdict
from deploy.search.watchlist.matches import Match, MatchState, encode
from embed.observation import CameraEpoch, Message, Observation, TrackletState, decode, unpack_vector
from ingest.clock import Clock, SystemClock
from ingest.errors import FencedError, LogError

logger = logging.getLogger(__name__)

LEARN_FIRST_S, LEARN_EVERY_S = 1.0, 60.0
"""Time after which a judge learns anew from the index: soon at first, as a young index does not know much, then twice
the time each time, up to the second one."""

COMMIT_EVERY_S = 10.0
"""Time after which the position is committed where nothing matched."""

STATE = "watch"


class _State(msgspec.Struct, kw_only=True):
    """Memory of a watcher. shown: by id, provisional matches. epochs: by camera, the latest."""

    shown: dict[str, Match] = msgspec.field(default_factory=dict)
    epochs: dict[str, CameraEpoch] = msgspec.field(default_factory=dict)


class Watcher:
    """The one watcher of a zone: it claims the name when there is something to watch for.

    settings: of the index, which another thread or process feeds. `step` takes in one batch and returns how many
    records it read; once another process watches it does nothing. Raises LogError. undecoded: counts what is nothing of
    its topic.
    """

    def __init__(
        self,
        log: Log,
        zone: str,
        settings: SearchSettings,
        undecoded: Undecoded,
        *,
        clock: Clock | None = None,
        batch: int = 1000,
    ) -> None:
        self._log, self._owner, self._settings, self._batch = log, f"watch/{zone}", settings, batch
        self._clock = clock or SystemClock()
        self._undecoded = undecoded
        self._watchlist = Watchlist(log, undecoded)
        self._index: Index | None = None
        self._judges: dict[str, tuple[Judge, float, float]] = {}
        self._warned: set[str] = set()
        self._writer: Writer | None = None
        self._state, self._epochs = _State(), Epochs()
        self._position, self._committed_s, self._fenced = 0, 0.0, False

    def step(self) -> int:
        """Compare one batch of observations with the watchlist."""
        self._watchlist.read()
        entries = self._watchlist.entries
        if not entries or self._fenced:
            return 0
        if self._writer is None:
            self._claim()
        # What came before the first entry concerns none.
        self._position = max(self._position, min(entry.after for entry in entries.values()))
        stored = self._log.read(OBSERVATIONS, self._position, self._batch)
        if stored:
            self._watchlist.read()  # an entry that was on the log before one of them is heeded
            try:
                self._take(stored)
            except FencedError as error:
                self._fenced = True
                logger.warning("%s; the other one watches now", error)
                return 0
            except LogError:
                self._writer = None  # what it remembers is ahead of the log: claimed anew, it goes on from there
                raise
        return len(stored)

    def drain(self) -> None:
        """Compare all that is on the log now."""
        while self.step():
            pass

    def _claim(self) -> None:
        self._writer = self._log.claim(self._owner)
        packed = self._writer.state.get(STATE)
        self._state = _State() if packed is None else msgspec.json.decode(packed, type=_State)
        self._epochs = Epochs(self._state.epochs)
        self._position = self._writer.position

    def _take(self, stored: Sequence[StoredRecord]) -> None:
        matches: list[Match] = []
        seen: list[tuple[int, Observation]] = []
        for record in stored:
            message = self._undecoded.decode(OBSERVATIONS, record, decode)
            if not isinstance(message, Message):
                continue
            before = self._epochs.latest.get(message.camera)
            if self._epochs.replaced(message):
                continue
            if before is not None and before < message.epoch:
                matches += [*self._judged(seen), *self._broken_off(message.camera)]
                seen = []
            if isinstance(message, Observation):
                seen.append((record.offset, message))
        matches += self._judged(seen)
        self._commit(matches, stored[-1].offset)

    def _commit(self, matches: Sequence[Match], position: int) -> None:
        assert self._writer is not None
        self._position = position
        now_s = self._clock.monotonic_s()
        if not matches and now_s - self._committed_s < COMMIT_EVERY_S:
            return
        self._state.shown = {
            id: each for id, each in self._state.shown.items() if each.watch in self._watchlist.entries
        }
        self._state.epochs = self._epochs.latest
        records = [Record(MATCHES, match.watch, encode(match)) for match in matches]
        self._writer.commit(records, state={STATE: msgspec.json.encode(self._state)}, position=position)
        self._committed_s = now_s

    def _judged(self, seen: Sequence[tuple[int, Observation]]) -> list[Match]:
        """The matches of observations with their offsets, those of one entry after those of another."""
        matches = []
        for entry in self._watchlist.entries.values():
            self._warn_of_encoder(entry, {each.encoder for _, each in seen})
            mine = [each for offset, each in seen if offset > entry.after and _concerns(entry, each)]
            vectors = [unpack_vector(each.vector) for each in mine]
            judge = self._judge(entry.encoder) if mine else None
            if judge is None:
                continue
            of_each = [Seen(each.tracklet, each.camera, each.first_ns) for each in mine]
            for each, verdict in zip(mine, judge(entry, of_each, np.stack(vectors)), strict=True):
                if match := self._match(entry, each, verdict):
                    matches.append(match)
        return matches

    def _judge(self, encoder: str) -> Judge | None:
        """The judge of sightings by an encoder; None while the index has none."""
        if self._index is None:
            self._index = open_index(self._settings)
        now_s = self._clock.monotonic_s()
        judge, learned_s, wait_s = self._judges.get(encoder, (None, 0.0, LEARN_FIRST_S / 2))
        if judge is not None and now_s - learned_s < wait_s:
            return judge
        self._index.refresh()
        if judge is None and encoder not in self._index.encoders:
            return None
        judge = Judge.of(self._index, encoder)
        self._judges[encoder] = judge, now_s, min(2 * wait_s, LEARN_EVERY_S)
        return judge

    def _warn_of_encoder(self, entry: WatchEntry, encoders: set[str]) -> None:
        """Say once of an entry that its looks are by another encoder than what the cameras see now."""
        if encoders and entry.encoder not in encoders and entry.name not in self._warned:
            self._warned.add(entry.name)
            logger.warning(
                "'%s' is watched for by looks of %s, and what is seen is by %s: it matches none of that "
                "(remove it, and add it again)",
                entry.name,
                entry.encoder,
                ", ".join(sorted(encoders)),
            )

    def _match(self, entry: WatchEntry, seen: Observation, verdict: Verdict) -> Match | None:
        """The match that an observation makes, confirms or withdraws; None where it says nothing new."""
        match = Match(
            id=f"{entry.name}|{seen.tracklet}",
            watch=entry.name,
            state=MatchState.PROVISIONAL,
            tracklet=seen.tracklet,
            observation=seen.id,
            camera=seen.camera,
            label=seen.label,
            at_ns=seen.at_ns,
            first_ns=seen.first_ns,
            last_ns=seen.last_ns,
            probability=verdict.probability,
            similarity=verdict.similarity,
        )
        shown, probable = self._state.shown, verdict.probability >= entry.min_probability
        if seen.state is TrackletState.CLOSED:
            was_shown = shown.pop(match.id, None) is not None
            if not probable and not was_shown:
                return None
            return msgspec.structs.replace(match, state=MatchState.CONFIRMED if probable else MatchState.WITHDRAWN)
        if not probable or match.id in shown:
            return None
        shown[match.id] = match
        return match

    def _broken_off(self, camera: str) -> list[Match]:
        """Withdraw what is provisional of a camera that has begun anew: nothing more comes of its earlier tracklets."""
        gone = [each for each in self._state.shown.values() if each.camera == camera]
        for each in gone:
            del self._state.shown[each.id]
        return [msgspec.structs.replace(each, state=MatchState.WITHDRAWN) for each in gone]

    def close(self) -> None:
        if self._index is not None:
            self._index.close()
        if self._writer is not None:
            self._writer.close()


def _concerns(entry: WatchEntry, seen: Observation) -> bool:
    """True for an observation that is compared with an entry; the index counts useless vectors."""
    if seen.encoder != entry.encoder or seen.tracklet in entry.tracklets:
        return False
    if entry.until_ns is not None and seen.first_ns >= entry.until_ns:
        return False
    try:
        unpack_vector(seen.vector)
    except ValueError:
        return False
    return True
