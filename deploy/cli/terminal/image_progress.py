"""Progress of long work on images, with rate and expected end: a bar in a terminal, elsewhere a line a minute."""

from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from ingest.clock import NS, Clock

MIN_IMAGES = 5
"""A rate is shown after so many images."""

LINE_EVERY_S = 60.0
"""Seconds between two lines without a terminal."""


class ImageProgress:
    """Called with how many images are done, of how many; the first call says what was done before.

    `warn_s`: about what an image takes, if a person should know before it begins; 0 if not.
    """

    def __init__(self, name: str, clock: Clock, *, warn_s: float = 0.0, console: Console | None = None) -> None:
        self._name, self._clock, self._warn_s = name, clock, warn_s
        self._console = console or Console(stderr=True, highlight=False)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
        )
        self._bars = Progress(*columns, console=self._console, disable=not self._console.is_terminal)
        self._task = self._bars.add_task(name, total=None, rate="")
        self._began: tuple[int, float] | None = None
        self._printed: tuple[int, float] | None = None

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def __call__(self, done: int, total: int) -> None:
        now_s = self._clock.monotonic_s()
        if self._began is None:
            self._began = done, now_s
            self._warn(total - done)
        rate = self._rate(done, total, now_s)
        self._bars.update(self._task, completed=done, total=total, rate=rate)
        due = self._printed is None or now_s - self._printed[1] >= LINE_EVERY_S or done == total > self._printed[0]
        if rate and due and not self._console.is_terminal:
            self._printed = done, now_s
            self._print(f"{self._name} {done}/{total}  {rate}")

    def _warn(self, ahead: int) -> None:
        if ahead and self._warn_s:
            whole = duration(ahead * self._warn_s)
            self._print(
                f"on a CPU this takes about {self._warn_s:.0f} s an image: {ahead:,} images are {whole}; "
                "a data-centre GPU takes about a hundredth of that"
            )

    def _rate(self, done: int, total: int, now_s: float) -> str:
        if self._began is None or done - self._began[0] < min(MIN_IMAGES, total - self._began[0]):
            return ""
        passed_s = max(now_s - self._began[1], 1e-9)
        images_per_s = (done - self._began[0]) / passed_s
        if done == total or not images_per_s:
            return f"{images_per_s:.3g} images/s" if images_per_s else ""
        left_s = (total - done) / images_per_s
        until = datetime.fromtimestamp(self._clock.now_ns() / NS + left_s, UTC).astimezone()
        return f"{images_per_s:.3g} images/s  {duration(left_s)} left, until {until:%a %H:%M}"

    def _print(self, line: str) -> None:
        self._console.print(line, soft_wrap=True, markup=False)


def duration(seconds: float) -> str:
    """`40 s`, `12 min`, `14 h`, `3 days`: as exact as an estimate is."""
    for unit, length_s, most in (("s", 1.0, 90), ("min", 60.0, 90), ("h", 3600.0, 48)):
        if seconds / length_s < most:
            return f"{seconds / length_s:.0f} {unit}"
    return f"{seconds / 86400:.0f} days"
