"""Grounding DINO and SAM in the stream: opened from their settings, kept to their budget, and their use counted."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from deploy.site.isolation import IsolatingDetector
from deploy.weights import catalogue
from detect.detections import Detections
from detect.detector import BatchDetector
from detect.key_frames.budget import BudgetCounts, BudgetedDetector
from detect.masks import Masker
from detect.registry import open_detector, start_score
from detect.settings import DetectSettings, FoundationSettings
from ingest.clock import Clock
from ingest.errors import ConfigError
from ingest.frame import Frame

TEXT_ENCODER = "bert-base-uncased"


@dataclass(frozen=True, slots=True)
class DetectorUsage:
    """Use of the large detector by all cameras together: calls, frames, busy seconds, seconds since the first."""

    calls: int = 0
    frames: int = 0
    busy_s: float = 0.0
    elapsed_s: float = 0.0

    @property
    def frames_a_call(self) -> float:
        return self.frames / self.calls if self.calls else 0.0

    @property
    def share(self) -> float:
        """The share of the time since the first frame."""
        return self.busy_s / self.elapsed_s if self.elapsed_s > 0 else 0.0


class MeteredDetector:
    """A batch detector that counts its calls, frames and seconds."""

    def __init__(self, detector: BatchDetector, clock: Clock) -> None:
        self._detector = detector
        self._clock = clock
        self._since_s: float | None = None
        self._usage = DetectorUsage()

    def __call__(self, frames: Sequence[Frame]) -> list[Detections]:
        began_s = self._clock.monotonic_s()
        if self._since_s is None:
            self._since_s = began_s
        try:
            return self._detector(frames)
        finally:
            took_s = self._clock.monotonic_s() - began_s
            before = self._usage
            self._usage = DetectorUsage(before.calls + 1, before.frames + len(frames), before.busy_s + took_s)

    def usage(self) -> DetectorUsage:
        elapsed_s = 0.0 if self._since_s is None else self._clock.monotonic_s() - self._since_s
        return DetectorUsage(self._usage.calls, self._usage.frames, self._usage.busy_s, elapsed_s)


class FoundationDetector:
    """Grounding DINO on the frames that are worth it, a cheap detector on all of them."""

    def __init__(self, budgeted: BudgetedDetector, metered: MeteredDetector) -> None:
        self._budgeted = budgeted
        self._metered = metered

    def __call__(self, frames: Sequence[Frame]) -> list[Detections]:
        return self._budgeted(frames)

    def counts(self, camera_id: str) -> BudgetCounts:
        """The budget's decisions on a camera's frames."""
        return self._budgeted.counts(camera_id)

    def usage(self) -> DetectorUsage:
        """The use of the large detector so far."""
        return self._metered.usage()


def open_foundation(
    detect: DetectSettings, settings: FoundationSettings, camera_ids: Iterable[str], clock: Clock
) -> FoundationDetector:
    """The configured Grounding DINO for these cameras, within its budget.

    Raises ConfigError for libraries that are not installed, for prompts and devices that cannot be used, and
    WeightsError for weights.
    """
    large = MeteredDetector(open_grounding_dino(detect.detector, settings, camera_ids), clock)
    budgeted = BudgetedDetector(
        IsolatingDetector(large),
        open_detector(settings.cheap, catalogue.find, min_score=detect.min_score, threads=detect.threads),
        clock=clock,
        max_calls_per_s=settings.calls_per_s,
        max_gpu_share=settings.max_gpu_share,
        start_score=start_score(detect.detector, settings),
        cheap_start_score=start_score(settings.cheap, settings),
    )
    return FoundationDetector(budgeted, large)


def open_grounding_dino(name: str, settings: FoundationSettings, camera_ids: Iterable[str] = ()) -> BatchDetector:
    """Grounding DINO on every frame it is given, with the prompts of these cameras checked; raises as above."""
    encoder = settings.text_encoder
    checkpoint = Path(settings.weights).expanduser() if settings.weights else catalogue.find(name)
    text_encoder = Path(encoder).expanduser() if encoder else catalogue.find(TEXT_ENCODER)
    with _require_libraries(name):
        from detect.foundation.grounding_dino import GroundingDino

        large = GroundingDino(
            checkpoint,
            text_encoder,
            "swin-b" if name.endswith("swin-b") else "swin-t",
            prompt_of=lambda camera_id: settings.prompts.get(camera_id, settings.prompt),
            box_score=settings.box_score,
            phrase_score=settings.phrase_score,
            device=settings.device,
            short_side_px=settings.short_side_px,
            max_batch=settings.batch,
        )
    large.prepare(camera_ids)
    return large


def open_sam(name: str, settings: FoundationSettings) -> Masker:
    """SAM as the masker; raises ConfigError for libraries or a device that are not there, WeightsError for weights."""
    checkpoint = Path(settings.sam_weights).expanduser() if settings.sam_weights else catalogue.find(name)
    with _require_libraries(name):
        from detect.foundation.sam import SamMasker

        size: Literal["vit-b", "vit-l", "vit-h"] = name.removeprefix("sam-")  # type: ignore[assignment]
        return SamMasker(checkpoint, size, device=settings.device)


@contextmanager
def _require_libraries(name: str) -> Iterator[None]:
    """Raise ConfigError, one line, where the installation lacks the extra."""
    try:
        yield
    except ImportError as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"'{name}' needs the libraries that `make foundation` installs: {reason}") from error
