"""A network in one of the formats that OpenVINO reads (its own, ONNX), on the CPU."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from detect.openvino_without_telemetry import CORE
from ingest.errors import WeightsError
from ingest.frame import Image


class OpenVinoNetwork:
    """A network with one image as its input: (1, 3, H, W) float32, BGR 0..255.

    A call takes an image of exactly the input's `size` and returns its outputs by name, as copies. Reading the file
    raises WeightsError. `threads` 0 leaves their number to OpenVINO.
    """

    def __init__(self, path: Path, *, threads: int = 0) -> None:
        try:
            network = CORE.read_model(path)
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[-1]
            raise WeightsError(f"cannot read the network {path}: {reason} (run `corridor weights verify`)") from error
        options: dict[str, object] = {"PERFORMANCE_HINT": "LATENCY"}
        if threads:
            options["INFERENCE_NUM_THREADS"] = threads
        self._compiled = CORE.compile_model(network, "CPU", options)
        self._request = self._compiled.create_infer_request()
        _, _, self._height, self._width = self._compiled.input(0).shape

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the input in pixels."""
        return self._width, self._height

    def stretch(self, image: Image) -> Image:
        """Resize an image to the input's size, whatever its aspect ratio."""
        return np.asarray(cv2.resize(image, self.size, interpolation=cv2.INTER_LINEAR), np.uint8)

    def __call__(self, image: Image) -> dict[str, NDArray[np.float32]]:
        blob = np.ascontiguousarray(image.transpose(2, 0, 1)[None], np.float32)
        results = self._request.infer({0: blob})
        return {port.any_name: np.array(results[port], np.float32) for port in self._compiled.outputs}
