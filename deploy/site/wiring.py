"""All parts on one page: which class stands behind each name of the configuration, and who is handed to whom."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from associate.associator import Associator
from associate.links.appearance import Calibration
from deploy.crops.store import CropStore
from deploy.log.address import on_this_machine
from deploy.log.base import Log, Writer
from deploy.site.association_state import owner_of
from deploy.site.association_worker import AssociationWorker
from deploy.site.camera_pipeline import CameraPipeline
from deploy.site.cameras.runtime import CameraRuntime, FrameTap, stored_progress
from deploy.site.cameras.writers import CameraWriters
from deploy.site.config import Config
from deploy.site.encoders import COLOUR, encoder_file, mask_source
from deploy.site.perception_worker import Batching, PerceptionWorker
from deploy.weights import catalogue
from detect.detector import BatchDetector, Detector, OneByOne
from detect.masks import BoxMasker, EllipseMasker, GrabCutMasker, Masker
from detect.registry import FOUNDATION, open_detector, start_score
from detect.settings import DetectSettings, FoundationSettings
from detect.tracking import Tracker
from embed.attributes import AttributeClassifier, BarrierAttributeClassifier
from embed.calibration import CosineCalibration, calibration_of
from embed.colour import ColourEncoder
from embed.encoder import Encoder, file_id
from embed.observation import CameraEpoch
from embed.settings import EmbedSettings
from embed.tracklets import TrackletBuilder
from embed.vehicle_encoder import VehicleEncoder
from embed.vehicle_types import TypeHead, head_file, read_head
from ingest.camera import Camera
from ingest.clock import NS, Clock, SystemClock
from ingest.errors import ConfigError, WeightsError
from ingest.feed import CameraFeed
from ingest.mailbox import Mailbox
from ingest.open_camera import check_source, open_camera, start_ns
from ingest.reading import ReadingProgress

if TYPE_CHECKING:
    from deploy.log.kafka_standby import Standby
    from ingest.network.packet_tap import PacketListener  # loads PyAV

logger = logging.getLogger(__name__)

ListenerMaker = Callable[[str], "PacketListener"]

DEFAULTS = FoundationSettings()

MASKERS: dict[str, type[EllipseMasker | GrabCutMasker | BoxMasker]] = {
    "ellipse": EllipseMasker,
    "grabcut": GrabCutMasker,
    "box": BoxMasker,
}
"""Maskers without a network by their names in the configuration."""

CLOCK_AHEAD_S = 5.0
"""Lead of the log's frames over this machine's clock that is warned of; a camera's own clock may be 2 s ahead."""


def make_detector(settings: DetectSettings, *, masks: bool = False) -> Detector:
    """The detector of the configuration, where it is one for every frame; raises WeightsError, ConfigError.

    masks: whether its masks are asked for, where it has some.
    """
    return open_detector(
        settings.detector,
        catalogue.find,
        min_score=settings.min_score,
        threads=settings.threads,
        masks=masks,
    )


def make_batch_detector(config: Config, cameras: Sequence[Camera], clock: Clock) -> tuple[BatchDetector, Batching]:
    """The detector of the configuration, whatever it is, and how many cameras' frames it is worth giving it at once.

    Raises as `make_detector`.
    """
    if config.detect.detector not in FOUNDATION:
        # Its masks are closer than what a trained encoder likes best (decision 0040).
        masks = config.detect.masks == "auto" and config.embed.encoder == COLOUR
        return OneByOne(make_detector(config.detect, masks=masks)), Batching()
    from deploy.site.foundation import open_foundation

    camera_ids = [camera.id for camera in cameras]
    # All frames that are there: few of them are key frames, and those are to share a batch.
    batching = Batching(limit=max(len(cameras), 1), within_s=config.foundation.batch_wait_ms / 1000)
    return open_foundation(config.detect, config.foundation, camera_ids, clock), batching


def tracker_maker(settings: DetectSettings, foundation: FoundationSettings = DEFAULTS) -> Callable[[], Tracker]:
    """Makes trackers, one a camera and session, that take the configured detector's scores for what they mean."""
    starts = start_score(settings.detector, foundation)  # once: a site's file may be another one later
    lost_after_s, return_within_s = settings.patience_s
    return partial(Tracker, lost_after_s=lost_after_s, return_within_s=return_within_s, start_score=starts)


def make_masker(masks: str, foundation: FoundationSettings = DEFAULTS) -> Masker:
    """Build a masker by its name in the configuration; raises ConfigError, WeightsError for SAM."""
    if masks in MASKERS:
        return MASKERS[masks]()
    from deploy.site.foundation import open_sam

    return open_sam(masks, foundation)


def make_encoder(settings: EmbedSettings, masks: str) -> Encoder:
    """The encoder of the configuration, for crops masked in a way.

    Raises WeightsError for a file that cannot be used, ConfigError for others.
    """
    if settings.encoder == COLOUR:
        return ColourEncoder()
    # OpenVINO takes its time to load: without a network nobody waits for it.
    from embed.runtime import RuntimeEncoder

    path = encoder_file(settings.encoder)
    return RuntimeEncoder(path, threads=settings.threads, device=settings.device, masks=masks)


def make_vehicle_encoder(
    embed: EmbedSettings, detect: DetectSettings, foundation: FoundationSettings = DEFAULTS
) -> VehicleEncoder:
    """The configured encoder and masker for images that are no stream's; raises as `make_encoder`, `make_masker`."""
    masks = mask_source(detect, embed.encoder)
    return VehicleEncoder(make_encoder(embed, masks), make_masker(masks, foundation))


def make_attributes(settings: EmbedSettings) -> AttributeClassifier | None:
    """Build the classifier of colour and type, or None where it is off; raises WeightsError for missing weights."""
    if not settings.attributes:
        return None
    return BarrierAttributeClassifier(catalogue.find("vehicle-attributes-0039"))


def make_types(settings: EmbedSettings, encoder: str) -> TypeHead | None:
    """Read the head that finds types in the vectors of an encoder, by its id; None where it is off.

    Raises ConfigError for `colour`, whose vectors have no types, and WeightsError for a head that is missing or of
    another export.
    """
    if not settings.types:
        return None
    if settings.encoder == COLOUR:
        raise ConfigError("[embed] types = true needs a trained encoder: 'colour' knows no types (set it to false)")
    return read_head(head_file(encoder_file(settings.encoder)), file_id(encoder))


def make_associator(config: Config) -> Associator:
    """The state machine of the zone, for the encoder that the cameras use unless it names another."""
    encoder, stored = config.associate.encoder, None
    if encoder is None:
        encoder, stored = _known_encoder(config)
    return Associator(
        config.associate, cameras=config.camera_ids, encoder=encoder, calibration=_calibration(encoder, stored)
    )


def _known_encoder(config: Config) -> tuple[str, CosineCalibration | None]:
    """The id of the configured encoder's vectors, without making it, and the calibration that its file brings."""
    if config.embed.encoder == COLOUR:
        return ColourEncoder().id, None
    from embed.exported import ExportedEncoder

    exported = ExportedEncoder.open(encoder_file(config.embed.encoder))
    return exported.id_with(mask_source(config.detect, config.embed.encoder)), exported.metadata.calibration


def _calibration(encoder: str, stored: CosineCalibration | None) -> Calibration | None:
    """How association begins to read an encoder's similarities; it learns from there."""
    try:
        known = calibration_of(encoder, stored)
    except WeightsError as error:
        logger.warning("%s; association begins with that of the encoder which comes with Corridor", error)
        return None
    return Calibration(known.same_mean, known.same_deviation, known.others_mean, known.others_deviation)


def make_association_worker(config: Config, log: Log) -> AssociationWorker:
    """The association of the configured zone over a log, of which it becomes the owner at once."""
    return AssociationWorker(log, config.associate.zone, make_associator(config))


def make_standby(config: Config, log: Log) -> "Standby | None":
    """One who waits until nobody else associates the zone; None on a log of one machine, where the last one has it."""
    if on_this_machine(config.log.url):
        return None
    from deploy.log.kafka_log import KafkaLog
    from deploy.log.kafka_standby import Standby

    assert isinstance(log, KafkaLog)
    return Standby(log, owner_of(config.associate.zone))


def make_perception_worker(
    config: Config,
    log: Log,
    *,
    only: frozenset[str] | None = None,
    clock: Clock | None = None,
    tap: FrameTap | None = None,
    listener_of: ListenerMaker | None = None,
) -> PerceptionWorker:
    """The cameras of the configuration (or those in `only`) over a log.

    listener_of: gives, by camera id, who is handed the packets of its H.264 video.

    Raises what makes no sense to start with: a source that cannot be, missing weights.
    """
    clock = clock or SystemClock()
    cameras = [camera for camera in config.cameras if only is None or camera.id in only]
    for camera in cameras:
        check_source(camera)
    detector, batching = make_batch_detector(config, config.cameras, clock)
    crops = CropStore(config.crops, clock) if config.crops.keep else None
    shared = _Shared(
        config,
        clock,
        Mailbox(clock),
        ReadingProgress(clock),
        _pipeline_maker(config, crops),
        tap,
        listener_of,
    )
    camera_writers = CameraWriters(config.log, log, clock)

    def make_runtimes(cameras: Sequence[Camera]) -> list[CameraRuntime]:
        started_ns, writers = clock.now_ns(), camera_writers.claim(cameras)
        return [shared.runtime(camera, writers[camera.id], started_ns) for camera in cameras]

    return PerceptionWorker(
        shared.mailbox,
        make_runtimes(cameras),
        detector,
        make_runtimes,
        batching=batching,
        crops=crops,
        close_writers=camera_writers.close,
    )


@dataclass(frozen=True, slots=True)
class _Shared:
    """Parts shared by a worker's cameras; `rendering` is of those of the city, which take turns at one renderer."""

    config: Config
    clock: Clock
    mailbox: Mailbox
    rendering: ReadingProgress
    make_pipeline: Callable[[str, CameraEpoch], CameraPipeline]
    tap: FrameTap | None
    listener_of: ListenerMaker | None

    def runtime(self, camera: Camera, writer: Writer, started_ns: int) -> CameraRuntime:
        """Make a camera that goes on where its log has got to."""
        listener = None if self.listener_of is None else self.listener_of(camera.id)
        progress = stored_progress(writer)
        starts_ns = start_ns(camera.starts_at, otherwise_ns=started_ns if camera.realtime else 0)
        after_ns = _goes_on_after_ns(camera, progress.captured_ns, started_ns)
        feed = CameraFeed(
            camera,
            lambda after_ns: open_camera(camera, starts_ns=starts_ns, after_ns=after_ns, listener=listener),
            self.mailbox,
            self.clock,
            analyse_fps=self.config.detect.analyse_fps,
            after_ns=after_ns,
            stall_after_s=self.config.watch.stall_after_s,
            reading=self.rendering if camera.scheme == "city" else None,
        )
        return CameraRuntime(
            feed,
            writer,
            starts_ns,
            partial(self.make_pipeline, camera.id),
            self.tap,
            ended=progress.ended and camera.finite,
            resumed=camera.finite and after_ns is not None,
        )


def _goes_on_after_ns(camera: Camera, captured_ns: int | None, now_ns: int) -> int | None:
    """The capture time up to which frames are known; None where that is of a clock that was wrong.

    captured_ns: of the last frame on the log. A machine whose clock was ahead once has stamped frames with times that
    are still to come, and frames that are timed by its clock now come before them.
    """
    timed_by_now = not camera.finite or (camera.realtime and camera.starts_at is None)
    if captured_ns is None or not timed_by_now or captured_ns <= now_ns + CLOCK_AHEAD_S * NS:
        return captured_ns
    logger.warning(
        "camera '%s': the log has frames of it from %s, %.0f s ahead of this machine's clock; one of the two was wrong "
        "(frames that come now are earlier than those on the log)",
        camera.id,
        datetime.fromtimestamp(captured_ns / NS, UTC).isoformat(timespec="seconds"),
        (captured_ns - now_ns) / NS,
    )
    return None


def _pipeline_maker(config: Config, store: CropStore | None) -> Callable[[str, CameraEpoch], CameraPipeline]:
    masks = mask_source(config.detect, config.embed.encoder)
    encoder, masker = make_encoder(config.embed, masks), make_masker(masks, config.foundation)
    attributes, types = make_attributes(config.embed), make_types(config.embed, encoder.id)
    make_tracker = tracker_maker(config.detect, config.foundation)

    def make(camera_id: str, epoch: CameraEpoch) -> CameraPipeline:
        builder = TrackletBuilder(
            camera_id,
            epoch,
            encoder,
            masker,
            settings=config.embed,
            keep=store.keep if store is not None else None,
            classifier=attributes,
            types=types,
        )
        return CameraPipeline(camera_id, epoch, make_tracker(), builder)

    return make
