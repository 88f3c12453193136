"""SAM (Kirillov et al., ICCV 2023) with box prompts: the mask of the vehicle in each box, by segment-anything."""

import logging
import pickle
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from segment_anything import SamPredictor
from segment_anything.build_sam import build_sam_vit_b, build_sam_vit_h, build_sam_vit_l
from segment_anything.modeling import Sam

from detect.accelerator import Precision, autocast_type, choose_device
from detect.masks import BoxMasker, Mask
from ingest.errors import ConfigError, TooLargeError, WeightsError
from ingest.frame import Image

logger = logging.getLogger(__name__)

Size = Literal["vit-b", "vit-l", "vit-h"]

BUILDERS: dict[str, Callable[[], Sam]] = {
    "vit-b": build_sam_vit_b,
    "vit-l": build_sam_vit_l,
    "vit-h": build_sam_vit_h,
}
"""The networks by size, without weights."""

BOXES_AT_ONCE = 16
PIXELS_AT_ONCE = 1 << 26
"""Masks of several boxes are made together up to this many pixels of float32 (0.27 GB), and at least one."""


class SamMasker:
    """Vehicle masks by SAM (a `detect.masks.Masker`); one for all cameras of a process, from one thread.

    The checkpoint is Meta's file for that size. The image encoder runs in float16 on a GPU and in bfloat16 on a
    processor that multiplies in it, unless `precision` is `fp32` or an image has left the range of that type; all else
    is float32. Of SAM's outputs the one for unambiguous prompts is taken, as is usual with boxes
    (`multimask_output=False`).

    Raises WeightsError for a checkpoint that is missing, broken or of another size, ConfigError for a size or device
    that there is not, and when asked for masks, TooLargeError if one image does not fit into the GPU's memory.
    """

    def __init__(self, checkpoint: Path, size: Size, *, device: str = "auto", precision: Precision = "auto") -> None:
        self._device = choose_device(device)
        self._half = autocast_type(self._device, precision)
        self._predictor = SamPredictor(_load(checkpoint, size).to(self._device))
        self._size = size
        self._at_once = BOXES_AT_ONCE
        self._box_masker = BoxMasker()

    def __call__(self, image: Image, box_xyxy: NDArray[np.float32]) -> Mask:
        return np.asarray(self.masks(image, box_xyxy[np.newaxis])[0], np.bool_)

    def masks(self, image: Image, boxes_xyxy: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Mask the vehicle in each box (N, 4) of an image or crop (H, W, 3) uint8 BGR, encoded once: (N, H, W) bool.

        A mask is empty outside its box. The box itself stands in for it, as from `BoxMasker`, where SAM finds nothing
        in the box, where the box has no area within the image, and in an image so narrow that SAM cannot be shown it.
        Raises ValueError for boxes that are not finite.
        """
        # Step 1: the box itself as every mask, which stays where SAM cannot do better
        if not np.isfinite(boxes_xyxy).all():
            raise ValueError(f"boxes must be finite numbers: {boxes_xyxy.tolist()}")
        result = np.zeros((len(boxes_xyxy), *image.shape[:2]), np.bool_)
        for row, box in enumerate(boxes_xyxy):
            result[row] = self._box_masker(image, box)
        # Step 2: the boxes that SAM can be prompted with
        within = _within(boxes_xyxy, image)
        askable = np.flatnonzero((within[:, 2:] > within[:, :2]).all(axis=1))
        if not len(askable) or not self._can_show(image):
            return result
        # Step 3: encode the image once, decode the boxes in batches
        self._encode(image)
        at_once = self._batch_size(image)
        for start in range(0, len(askable), at_once):
            rows = askable[start : start + at_once]
            found = self._decode(within[rows]) & result[rows]
            seen = found.any(axis=(1, 2))
            result[rows[seen]] = found[seen]
        return result

    def _can_show(self, image: Image) -> bool:
        transform = self._predictor.transform
        return bool(min(transform.get_preprocess_shape(*image.shape[:2], transform.target_length)))

    def _encode(self, image: Image) -> None:
        self._encode_once(image)
        if self._half is not None and not bool(self._predictor.features.isfinite().all()):
            # Otherwise every mask would be empty, and the box would silently stand in for it.
            logger.warning(
                "SAM %s leaves the range of %s with these weights; float32 from now on", self._size, self._half
            )
            self._half = None
            self._encode_once(image)

    def _encode_once(self, image: Image) -> None:
        half: AbstractContextManager[Any] = nullcontext()
        if self._half is not None:
            half = torch.autocast(self._device.type, self._half)
        try:
            with half:
                self._predictor.set_image(image, "BGR")
        except torch.OutOfMemoryError as error:
            raise self._too_large("one image") from error
        self._predictor.features = self._predictor.features.float()

    def _batch_size(self, image: Image) -> int:
        side: int = self._predictor.transform.target_length
        pixels: int = max(image.shape[0] * image.shape[1], side * side)
        return max(min(self._at_once, PIXELS_AT_ONCE // pixels), 1)

    def _decode(self, boxes_xyxy: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Decode boxes (N, 4) in the encoded image to masks (N, H, W), in halves where memory is short for all."""
        shown = self._predictor.transform.apply_boxes(boxes_xyxy, self._predictor.original_size)
        prompts = torch.as_tensor(shown, dtype=torch.float32, device=self._device)
        try:
            found, _, _ = self._predictor.predict_torch(None, None, boxes=prompts, multimask_output=False)
            return np.asarray(found[:, 0].cpu().numpy(), np.bool_)
        except torch.OutOfMemoryError as error:
            if len(prompts) == 1:
                raise self._too_large("one box") from error
        if self._at_once == BOXES_AT_ONCE:
            logger.warning("SAM %s: %s is short of memory; fewer boxes at once from now on", self._size, self._device)
        half = self._at_once = len(prompts) // 2
        return np.concatenate([self._decode(boxes_xyxy[:half]), self._decode(boxes_xyxy[half:])])

    def _too_large(self, what: str) -> TooLargeError:
        return TooLargeError(
            f"SAM {self._size} finds too little free memory on {self._device} for {what} "
            "(use a smaller size, or another device)"
        )


def _within(boxes_xyxy: NDArray[np.float32], image: Image) -> NDArray[np.float32]:
    height, width = image.shape[:2]
    return np.asarray(np.clip(boxes_xyxy, 0, (width, height, width, height)), np.float32)


def _load(checkpoint: Path, size: str) -> Sam:
    """Load the network with the weights of a checkpoint; raises WeightsError, ConfigError."""
    if size not in BUILDERS:
        raise ConfigError(f"there is no SAM {size!r} (known: {', '.join(BUILDERS)})")
    if not checkpoint.is_file():
        raise WeightsError(f"weights of SAM {size} are missing: {checkpoint} (run `corridor weights pull sam-{size}`)")
    try:
        state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    except (OSError, EOFError, RuntimeError, ValueError, pickle.UnpicklingError) as error:
        raise WeightsError(
            f"cannot read {checkpoint}: it is broken, cut short, or no checkpoint of PyTorch "
            f"(run `corridor weights pull sam-{size}`)"
        ) from error
    found = _shapes(state)
    network = _empty(size)
    if found != _shapes(network.state_dict()):
        other = next((name for name in BUILDERS if found == _shapes(_empty(name).state_dict())), None)
        holds = f"the weights of SAM {other}" if other else "no weights of SAM by their names and shapes"
        raise WeightsError(f"{checkpoint} holds {holds}, not of SAM {size} (run `corridor weights pull sam-{size}`)")
    network.load_state_dict(state, strict=True, assign=True)
    return network.float().eval().requires_grad_(False)


def _empty(size: str) -> Sam:
    """Build a network on the meta device: its weights take no memory yet."""
    with torch.device("meta"):
        return BUILDERS[size]()


def _shapes(state: object) -> dict[str, torch.Size] | None:
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        return None
    return {name: value.shape for name, value in state.items()}
