"""One camera as a thread: opened, decoded, paced, handed to the mailbox, and opened again where that can help."""

import random
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum

from ingest.backoff import Backoff
from ingest.camera import Camera
from ingest.clock import NS, Clock
from ingest.errors import AuthFailedError, ConfigError, CorridorError, SourceError
from ingest.frame import Frame
from ingest.frame_sampler import FrameSampler
from ingest.mailbox import Delivery, Mailbox
from ingest.reading import ReadingProgress
from ingest.redact import redact
from ingest.source import VideoSource
from ingest.status import KeyFrameDecoding, SourceStatus, StatusReporting

MAX_KEY_INTERVAL_S = 2.0
"""Longest interval between key frames at which they are enough to track by."""

HANG_AFTER_S = 60.0
"""Time without any progress after which a recording or a rendered camera is given up."""

Opener = Callable[[int | None], VideoSource]
"""Opener of a camera; the argument is the capture time up to which frames are not wanted."""


class FeedState(StrEnum):
    """State of a camera's feed."""

    OPENING = "opening"
    RUNNING = "running"
    WAITING = "waiting"  # broken, will be opened again
    REFUSED = "refused"  # the camera turned us away (401, 403, 404); asked again once a minute
    ENDED = "ended"  # a recording is over
    FAILED = "failed"  # will not be opened again


@dataclass(slots=True)
class FeedCounts:
    """Frames of a camera over all its sessions: decoded = skipped + delivered + dropped (+ at most one in the slot)."""

    decoded: int = 0
    skipped: int = 0  # not due: more than analyse_fps; or one that was, and waited until a newer one was there
    offered: int = 0  # put into the mailbox; there a newer one may replace it
    opened: int = 0
    lost: Counter[str] = field(default_factory=Counter)
    """Sessions of a network camera that ended, by cause: `refused`, `error`, `ended`, `stalled`."""
    left_out: Counter[str] = field(default_factory=Counter)
    """Frames that the sessions which are over did not deliver, by reason (`ingest.decoding.left_out`)."""


class CameraFeed:
    """The decode thread of one camera, and its replacement when it hangs.

    Every `1 / analyse_fps` seconds of the camera's own time one frame is offered to the mailbox. A session of a network
    camera that delivers nothing for `stall_after_s` is abandoned: its thread may hang in a library for ever, but nobody
    listens to it any more, and a new session begins, again and again, with the pauses of `Backoff`. A recording or a
    rendered camera is opened once: what is slow is waited for, and what makes no progress at all for `hang_after_s` has
    failed (`reading`: the progress, shared by cameras that wait for each other).
    """

    def __init__(
        self,
        camera: Camera,
        opener: Opener,
        mailbox: Mailbox,
        clock: Clock,
        *,
        analyse_fps: float,
        after_ns: int | None = None,
        stall_after_s: float = 20.0,
        hang_after_s: float = HANG_AFTER_S,
        reading: ReadingProgress | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        self.camera = camera
        self.state = FeedState.OPENING
        self.error: CorridorError | None = None
        self.counts = FeedCounts()
        self.session = -1
        self._opener = opener
        self._mailbox = mailbox
        self._clock = clock
        self.asked_fps = analyse_fps
        self.analyse_fps = analyse_fps
        """Frames a second that are looked at now; less than was asked for while they cannot be worked off."""
        self._after_ns = after_ns
        self._stall_after_s = stall_after_s
        self._hang_after_s = hang_after_s
        self._reading = reading or ReadingProgress(clock)
        self._decoded_before = 0  # frames, in the sessions before this one
        self._backoff = backoff or Backoff(random.Random())
        self._stopping = threading.Event()
        self._turn = (
            threading.RLock()
        )  # sessions end and begin one at a time: the camera's thread and `watch` both do it
        self._source: VideoSource | None = None
        self._counted = -1  # the last session that `counts.left_out` has
        self._alive_s = 0.0
        self._frames_from_s: float | None = None  # since when this session delivers
        self._offering = False  # waiting for its time, or for a place in the mailbox, is no stall of the camera

    def start(self) -> None:
        """Begin a session in a thread of its own."""
        with self._turn:
            self._begin_session()
            name = f"camera {self.camera.id} session {self.session}"
            threading.Thread(target=self._run, args=(self.session,), name=name, daemon=True).start()

    def _begin_session(self) -> None:
        self.session += 1
        self._decoded_before = self.counts.decoded
        self.state = FeedState.OPENING
        self._alive_s = self._clock.monotonic_s()
        self._mailbox.open(self.camera.id, self.session, live=self.camera.live)

    def stop(self) -> None:
        """End soon; what is in the mailbox may still be taken."""
        self._stopping.set()
        if self._source is not None:
            self._source.close()

    def leave(self) -> None:
        """End at once, also where closing the source hangs; nothing more is delivered."""
        with self._turn:
            self._stopping.set()
            self._abandon()

    def stream(self) -> SourceStatus | None:
        """Status of the present session and of the camera's clock; None where the source does not say."""
        source = self._source
        return source.status() if isinstance(source, StatusReporting) else None

    def left_out(self) -> Counter[str]:
        """Frames that were decoded and not delivered, by reason, over all sessions."""
        status = self.stream()
        return Counter(self.counts.left_out) if status is None else self._left_out_with(status)

    def _left_out_with(self, status: SourceStatus) -> Counter[str]:
        """Frames that were left out up to and with the present session, by reason."""
        if self._counted == self.session:
            return Counter(self.counts.left_out)
        return self.counts.left_out + Counter(status.left_out)

    def _count_left_out(self, session: int, source: VideoSource) -> None:
        """Take over what a session has left out that is over; once."""
        if session == self.session and isinstance(source, StatusReporting):
            self.counts.left_out, self._counted = self._left_out_with(source.status()), session

    @property
    def done(self) -> bool:
        """True once nothing will come from this camera any more."""
        return self.state in (FeedState.ENDED, FeedState.FAILED)

    @property
    def gave_nothing(self) -> bool:
        """True while no frame has come; of a recording, neither in an earlier run that this one goes on from."""
        return self.counts.decoded == 0 and not (self.camera.finite and self._after_ns is not None)

    def watch(self) -> bool:
        """Give up a session that hangs; call now and then. Returns whether the camera is opened again."""
        with self._turn:
            return self._watch()

    def _watch(self) -> bool:
        if self.done or self.state in (FeedState.WAITING, FeedState.REFUSED) or self._offering:
            return False
        if self.camera.finite:
            self._watch_reading()
            return False
        if self._clock.monotonic_s() - self._alive_s < self._stall_after_s:
            return False
        self.counts.lost["stalled"] += 1
        self._abandon()
        self.error = SourceError(f"camera '{self.camera.id}': no frame for {self._stall_after_s:g} s, opened again")
        self.start()
        return True

    def _watch_reading(self) -> None:
        idle_s = self._reading.idle_s()
        if idle_s < self._hang_after_s:
            return
        self._stopping.set()  # should it wake up after all, nobody wants its frames
        self._abandon()
        self.error = SourceError(
            f"camera '{self.camera.id}': reading {redact(self.camera.source)} has made no progress for {idle_s:.0f} s "
            "(no frame, no processor time) and is given up; is the disk or network share that it is on still there?"
        )
        self.state = FeedState.FAILED
        self._deliver(self.session, error=self.error)

    def _abandon(self) -> None:
        """Leave the present source to itself."""
        hanging, self._source = self._source, None
        if hanging is not None:
            self._count_left_out(self.session, hanging)
            # Closing may hang as well, so it has a thread that nobody waits for.
            threading.Thread(target=_close_quietly, args=(hanging,), daemon=True).start()

    def _current(self, session: int) -> bool:
        return session == self.session and not self._stopping.is_set()

    def _run(self, session: int) -> None:
        self._reading.begin(self.camera.id)
        try:
            self._read(session)
        finally:
            self._reading.end(self.camera.id)

    def _read(self, session: int) -> None:
        """Play one session after another, for as long as that can help."""
        while self._current(session):
            error: CorridorError | None = None
            self._frames_from_s = None
            try:
                self._play(session)
            except (SourceError, ConfigError) as caught:
                error = caught
            except Exception as caught:  # a decoder's bug must not take the process down
                error = SourceError(f"camera '{self.camera.id}': {type(caught).__name__}: {redact(str(caught))}")
            with self._turn:
                if not self._current(session):
                    return
                self.error = error or self.error
                if self.camera.finite:
                    failed = error is not None and self.gave_nothing
                    self.state = FeedState.FAILED if failed else FeedState.ENDED
                    self._deliver(session, error=error)
                    return
                pause_s = self._pause_s(error)
            self._stopping.wait(pause_s)
            with self._turn:
                if not self._current(session):
                    return
                self._begin_session()
                session = self.session

    def _pause_s(self, error: CorridorError | None) -> float:
        """Pause before a network camera is opened again, in seconds; counts why the session was lost."""
        refused = isinstance(error, AuthFailedError | ConfigError)  # a password that is not to be read just now
        began_s, now_s = self._frames_from_s, self._clock.monotonic_s()
        self.counts.lost["refused" if refused else "error" if error else "ended"] += 1
        self.state = FeedState.REFUSED if refused else FeedState.WAITING
        lasted_s = 0.0 if began_s is None else now_s - began_s
        return self._backoff.pause_s(lasted_s=lasted_s, refused=refused)

    def _play(self, session: int) -> None:
        """Play one session: open, then frames until the end."""
        source = self._opener(self._after_ns)
        with self._turn:
            wanted = self._current(session)
            if wanted:
                self._source = source
                self.counts.opened += 1
                self.state = FeedState.RUNNING
        if not wanted:
            source.close()
            return
        pacer = _RealtimePacer(self._clock) if self.camera.realtime else None
        sampler = FrameSampler(self.asked_fps)
        try:
            for frame in source.frames():
                if not self._current(session):
                    return
                self.counts.decoded += 1
                self._alive_s = self._clock.monotonic_s()
                self._reading.frame()
                if self._frames_from_s is None:
                    self._frames_from_s = self._alive_s
                if not sampler.accept(frame.captured_ns):
                    self.counts.skipped += 1
                    if self.camera.live and pacer is None:
                        self._mailbox.renew(self._delivery(session, frame))
                    continue
                if pacer is not None:
                    self._offering = True
                    pacer.wait_for(frame)
                dropped_before = self._mailbox.dropped(self.camera.id)
                if not self._offer(session, frame):
                    return
                if self.camera.live:
                    sampler.feedback(frame.captured_ns, in_time=self._mailbox.dropped(self.camera.id) == dropped_before)
                    self.analyse_fps = sampler.frames_per_s
                    limit_decoding(source, sampler.frames_per_s)
        finally:
            self._count_left_out(session, source)
            source.close()

    def _offer(self, session: int, frame: Frame) -> bool:
        self.counts.offered += 1
        self._offering = True
        taken = self._deliver(session, frame)
        self._alive_s = self._clock.monotonic_s()
        self._offering = False
        self._after_ns = frame.captured_ns if self.camera.finite else self._after_ns
        return taken

    def _deliver(self, session: int, frame: Frame | None = None, error: CorridorError | None = None) -> bool:
        return self._mailbox.put(self._delivery(session, frame, error))

    def _delivery(self, session: int, frame: Frame | None, error: CorridorError | None = None) -> Delivery:
        decoded = self.counts.decoded - self._decoded_before
        return Delivery(self.camera.id, session, frame, error, decoded)


def limit_decoding(source: VideoSource, frames_per_s: float) -> None:
    """Have only key frames decoded where `frames_per_s` asks for no more than those, and all again where it does."""
    if isinstance(source, KeyFrameDecoding) and source.key_interval_s is not None:
        source.decode_key_frames_only(
            source.key_interval_s <= MAX_KEY_INTERVAL_S and frames_per_s * source.key_interval_s <= 1.0
        )


class _RealtimePacer:
    """Pacer that delivers a recording at the speed it was captured."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset_s: float | None = None

    def wait_for(self, frame: Frame) -> None:
        media_s = frame.captured_ns / NS
        now_s = self._clock.monotonic_s()
        if self._offset_s is None:
            self._offset_s = now_s - media_s
        self._clock.sleep(media_s + self._offset_s - now_s)


def _close_quietly(source: VideoSource) -> None:
    with suppress(Exception):
        source.close()
