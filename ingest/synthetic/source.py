"""A camera of the synthetic city as a video source."""

import threading
from collections import OrderedDict
from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

from ingest.clock import NS
from ingest.errors import ConfigError
from ingest.frame import ClockQuality, Frame, Image
from ingest.synthetic.world.presets import find_camera
from ingest.truth import TrueFrame

if TYPE_CHECKING:
    from ingest.synthetic.render.camera_renderer import CameraRenderer

_TRUTHS_KEPT = 1024


class SyntheticCamera:
    """Camera of a preset, rendered while it is read; a VideoSource.

    A frame depends on the preset, the camera's index and its own number only: two processes, another start or
    other open cameras give the same bytes. Nothing is rendered before the first frame is asked for. Frames carry the
    time of the camera's own clock, right or wrong; in an outage there are none, and numbers go on behind it.
    """

    def __init__(
        self, preset: str, index: int, camera_id: str, *, start_ns: int = 0, after_ns: int | None = None
    ) -> None:
        """Choose a camera of a preset.

        start_ns: Unix time of the world's beginning. after_ns: begin with the first frame whose captured_ns is later.
        Raises ConfigError for an unknown preset or index, and when the renderer is not installed.
        """
        self._preset, self._spec = find_camera(preset, index)
        if find_spec("panda3d") is None:
            raise ConfigError(
                f"Camera '{camera_id}' at city://{preset}/{index} needs the extra 'city': pip install 'corridor[city]'"
            )
        self._camera_id = camera_id
        self._start_ns, self._after_ns = start_ns, after_ns
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._renderer: CameraRenderer | None = None
        self._truths: OrderedDict[int, TrueFrame] = OrderedDict()

    def frames(self) -> Iterator[Frame]:
        """Render the frames after `after_ns`, as fast as they are taken, until the preset's end or `close`."""
        try:
            for sequence in range(self._preset.frame_count(self._spec)):
                captured_ns = self._camera_ns(sequence)
                if self._is_dark(sequence) or (self._after_ns is not None and captured_ns <= self._after_ns):
                    continue
                image = self._render(sequence)
                if image is None:
                    return
                yield Frame(self._camera_id, sequence, captured_ns, ClockQuality.SYNTHETIC, image)
        finally:
            self.close()

    def truth(self, sequence: int) -> TrueFrame:
        """Ground truth of one of the last 1024 frames rendered; raises KeyError for any other."""
        return self._truths[sequence]

    def close(self) -> None:
        """End `frames` after at most the frame it is working on; from any thread, any number of times."""
        self._closed.set()
        with self._lock:
            renderer, self._renderer = self._renderer, None
            if renderer is not None:
                renderer.close()

    def _is_dark(self, sequence: int) -> bool:
        time_s = sequence / self._spec.fps
        return any(from_s <= time_s < to_s for from_s, to_s in self._spec.dark)

    def _true_ns(self, sequence: int) -> int:
        return self._start_ns + round(sequence * NS / self._spec.fps)

    def _camera_ns(self, sequence: int) -> int:
        clock = self._spec.clock
        ahead_s = clock.ahead_s(sequence / self._spec.fps)
        return self._true_ns(sequence) + round(ahead_s * NS)

    def _render(self, sequence: int) -> Image | None:
        """Render one frame and keep its ground truth; None when closed."""
        from ingest.synthetic.render.camera_renderer import (
            CameraRenderer,  # Panda3D is an extra: only who renders needs it
        )

        with self._lock:
            if self._closed.is_set():
                return None
            if self._renderer is None:
                self._renderer = CameraRenderer(self._preset, self._spec)
            image, sightings = self._renderer.render(sequence)
            true_ns, camera_ns = self._true_ns(sequence), self._camera_ns(sequence)
            self._truths[sequence] = TrueFrame(sequence, true_ns, camera_ns, tuple(sightings))
            while len(self._truths) > _TRUTHS_KEPT:
                self._truths.popitem(last=False)
        return image
