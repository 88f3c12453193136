"""Log lines on the cameras of a process: each that comes, goes, or changes its clock, and a summary a minute.

Taken-over cameras, stalls and broken recordings are logged by the worker that meets them, and not again here.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from deploy.site.status import CameraStatus
from ingest.clock import Clock

logger = logging.getLogger(__name__)

SUMMARY_S = 60.0
STALLED = "stalled"
RUNNING = "running"
ENDED = "ended"


@dataclass(slots=True)
class _Known:
    """A camera as the journal last saw it; `gone_s` since when it does not deliver, None while it does."""

    status: CameraStatus
    clock: str | None = None
    gone_s: float | None = None
    reason: str | None = None


class CameraJournal:
    """Compares the statuses of cameras with those of its last call; `look` once or twice a second."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[str, _Known] = {}
        self._summarised_s = clock.monotonic_s()
        self._summarised: dict[str, CameraStatus] = {}

    def look(self, statuses: Sequence[CameraStatus]) -> None:
        """Log what has changed, and a summary when a minute is over."""
        now_s = self._clock.monotonic_s()
        for status in statuses:
            known = self._known.get(status.camera)
            if known is None:
                known = self._known[status.camera] = _Known(_unopened(status), gone_s=now_s)
            self._compare(known, status, now_s)
            known.status = status
        if now_s - self._summarised_s >= SUMMARY_S:
            self._summarise(statuses, now_s)

    def _compare(self, known: _Known, now: CameraStatus, now_s: float) -> None:
        opened = now.sessions - known.status.sessions
        lost = [cause for cause, times in now.lost.items() if times > known.status.lost.get(cause, 0)]
        if opened:
            self._log_opened(known, now, now_s)
        if lost and (opened or known.gone_s is None or now.error != known.reason):
            known.gone_s = now_s if opened or known.gone_s is None else known.gone_s
            known.reason = now.error
            if lost != [STALLED]:
                logger.warning("%s", _words_of_loss(now, [cause for cause in lost if cause != STALLED]))
        if now.state == ENDED and known.status.state != ENDED:
            logger.info("camera '%s' has ended: %d frames decoded", now.camera, now.decoded)
        if now.clock is not None and now.clock != known.clock:
            self._log_clock(known, now)

    def _log_opened(self, known: _Known, now: CameraStatus, now_s: float) -> None:
        if known.status.sessions == 0 and now.sessions == 1:
            logger.info("camera '%s' is open", now.camera)
        else:
            away = f" after {now_s - known.gone_s:.1f} s" if known.gone_s is not None else ""
            causes = ", ".join(f"{cause} {times}" for cause, times in sorted(now.lost.items()))
            lost = f"; lost so far: {causes}" if causes else ""
            logger.info("camera '%s' is open again%s (session %d%s)", now.camera, away, now.sessions, lost)
        known.gone_s = known.reason = None

    def _log_clock(self, known: _Known, now: CameraStatus) -> None:
        reason = f": its own clock is not used, {now.clock_suspect}" if now.clock_suspect else ""
        if known.clock is None and not reason:
            logger.info("camera '%s': capture times by its clock '%s'", now.camera, now.clock)
        else:
            before = f" instead of '{known.clock}'" if known.clock is not None else ""
            logger.warning("camera '%s': capture times by clock '%s'%s%s", now.camera, now.clock, before, reason)
        known.clock = now.clock

    def _summarise(self, statuses: Sequence[CameraStatus], now_s: float) -> None:
        took_s = now_s - self._summarised_s
        parts = []
        for name in ("analysed", "dropped", "failed", "unwritten", "given_up"):
            before = sum(getattr(each, name) for each in self._summarised.values())
            parts.append(sum(getattr(status, name) for status in statuses) - before)
        analysed, dropped, failed, unwritten, given_up = parts
        running = [status for status in statuses if status.state == RUNNING]
        others = [f"{status.camera} {status.state}" for status in statuses if status.state != RUNNING]
        waited = max((status.waited_p95_ms or 0.0 for status in running), default=0.0)
        logger.info(
            "in %.0f s: %d of %d cameras running, %d frames analysed (%.1f a second), %d dropped, %d failed, "
            "%d observations left out, %d records given up, waiting at most %.0f ms (p95)%s",
            took_s,
            len(running),
            len(statuses),
            analysed,
            analysed / took_s,
            dropped,
            failed,
            unwritten,
            given_up,
            waited,
            f"; not running: {', '.join(others)}" if others else "",
        )
        self._summarised_s, self._summarised = now_s, {status.camera: status for status in statuses}


def _words_of_loss(now: CameraStatus, causes: Sequence[str]) -> str:
    """A camera's last error, which names it, or its name, with the causes that `--status` counts."""
    what = now.error or f"camera '{now.camera}' is gone"
    return f"{what} ({', '.join(causes)}; it is opened again until it answers)"


def _unopened(status: CameraStatus) -> CameraStatus:
    """The status that a camera had before the first look at it."""
    return CameraStatus(
        camera=status.camera,
        state="opening",
        sessions=0,
        decoded=0,
        skipped=0,
        dropped=0,
        analysed=0,
        failed=0,
        asked_fps=status.asked_fps,
        analyse_fps=status.analyse_fps,
    )
