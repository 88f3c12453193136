"""Site detector: a small network distilled for some cameras from their own footage (`corridor distill`), as ONNX."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from detect.boxes import areas, clip, suppress
from detect.detections import Detections
from detect.openvino_network import OpenVinoNetwork
from detect.openvino_without_telemetry import CORE
from ingest.errors import WeightsError
from ingest.frame import Frame, Image

FORMAT = "corridor site detector 1"
KEY = "corridor"
"""Key in the ONNX file's metadata."""

IMAGES, HEAT, BOXES = "pictures", "heat", "boxes"
"""Input: (1, 3, H, W) float32 BGR 0..255; outputs: (1, labels, h, w) scores in 0..1 and (1, 4, h, w) xyxy in pixels
of the input, one of each for every cell of a grid."""

MAX_IOU = 0.55
"""IoU above which only the surer one of two boxes stays, whatever their labels."""

Share = Annotated[float, msgspec.Meta(gt=0, lt=1)]


class SiteDetectorMetadata(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Metadata of a site's detector, in its ONNX file.

    size: width and height of the input in pixels. labels: the words of its teacher; min_scores: by label, detections
    below it are not used; start_score: from it on a detection starts a track. teacher, cameras, frames (labelled ones
    it has learned from), steps, seed: of its training.
    """

    format: str
    size: tuple[int, int]
    labels: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    min_scores: tuple[Share, ...]
    start_score: Share
    teacher: str
    cameras: tuple[str, ...]
    frames: int
    steps: int
    seed: int


class _FormatTag(msgspec.Struct):
    """The format, read before the rest."""

    format: str


def read_metadata(path: Path) -> SiteDetectorMetadata:
    """Read the metadata of a site's detector; raises WeightsError for a file that is none."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(
            f"cannot read the detector {path}: {error.strerror} (corridor distill writes one)"
        ) from error
    try:
        raw_metadata = CORE.read_model(data).get_rt_info(["framework", KEY]).astype(str)
        kind = msgspec.json.decode(raw_metadata, type=_FormatTag).format
    except (RuntimeError, msgspec.MsgspecError) as error:
        raise WeightsError(f"{path} is no detector of corridor distill, or is damaged (write it again)") from error
    if kind != FORMAT:
        raise WeightsError(f"{path} is of format '{kind}', a detector of '{FORMAT}' (corridor distill writes one)")
    try:
        metadata = msgspec.json.decode(raw_metadata, type=SiteDetectorMetadata)
    except msgspec.MsgspecError as error:
        raise WeightsError(f"{path} was written by another version of this program: {error}") from error
    if len(metadata.min_scores) != len(metadata.labels):
        raise WeightsError(f"{path} has {len(metadata.labels)} labels and {len(metadata.min_scores)} scores of them")
    return metadata


class SiteDetector:
    """The detector of a site's file, on the CPU; labels are those of its teacher.

    The image is stretched to the input, as in its training. `min_score` takes the place of the scores by label that
    the file brings. Reading the file raises WeightsError.
    """

    def __init__(self, path: Path, *, min_score: float | None = None, threads: int = 0) -> None:
        self.metadata = read_metadata(path)
        self._network = OpenVinoNetwork(path, threads=threads)
        if self._network.size != self.metadata.size:
            raise WeightsError(f"{path} takes images of {self._network.size}, unlike it says (write it again)")
        scores = self.metadata.min_scores if min_score is None else (min_score,) * len(self.metadata.labels)
        self._min_scores = np.array(scores, np.float32)

    def __call__(self, frame: Frame) -> Detections:
        outputs = self._network(shrink(frame.image, self.metadata.size))
        found = decode(outputs[HEAT][0], outputs[BOXES][0], self.metadata.labels, self._min_scores)
        width, height = frame.size
        across, down = width / self.metadata.size[0], height / self.metadata.size[1]
        boxes = clip(found.boxes * np.array([across, down, across, down], np.float32), frame.size)
        return Detections.of(boxes, found.scores, found.labels).select(areas(boxes) >= 1.0)


def shrink(image: Image, size: tuple[int, int]) -> Image:
    """Stretch an image to (width, height), averaged where it shrinks, so that small vehicles do not flicker."""
    smaller = image.shape[1] > size[0] and image.shape[0] > size[1]
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR), np.uint8)


def decode(
    heat: NDArray[np.float32], boxes: NDArray[np.float32], labels: Sequence[str], min_scores: NDArray[np.float32]
) -> Detections:
    """Decode (labels, h, w) scores and (4, h, w) boxes: peaks of the scores, one box a vehicle, surest first.

    A peak is a cell that none of its eight neighbours exceeds, and that reaches its label's score in `min_scores`.
    """
    neighbourhood = np.ones((3, 3), np.uint8)
    highest = np.stack([cv2.dilate(each, neighbourhood) for each in heat])
    label, row, column = np.nonzero((heat == highest) & (heat >= min_scores[:, None, None]))
    found = Detections.of(
        boxes[:, row, column].T, heat[label, row, column], tuple(labels[each] for each in label.tolist())
    )
    return found.select(suppress(found.boxes, found.scores, MAX_IOU))
