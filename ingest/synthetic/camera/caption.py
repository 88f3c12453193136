"""The name and the time that many cameras write into their images."""

from datetime import UTC, datetime, timedelta

import cv2
import numpy as np

from ingest.frame import Image
from ingest.synthetic.camera.spec import CameraSpec
from ingest.synthetic.world.weather import Weather

_HOUR = {"sun": 14, "overcast": 11, "dusk": 20, "night": 23}


class Caption:
    """Caption of a camera: the time by its own clock above, the name below; the date is made up."""

    def __init__(self, spec: CameraSpec, weather: Weather) -> None:
        self._fps = spec.fps
        self._size = max(0.36, spec.width / 1400)
        self._clock = spec.clock
        self._begin = datetime(2026, 6, 1, _HOUR[weather.light], 12, tzinfo=UTC)
        self._name = spec.look.caption

    def write(self, image: Image, sequence: int) -> None:
        """Write into an image, in place."""
        time_s = sequence / self._fps
        now = self._begin + timedelta(seconds=time_s + self._clock.ahead_s(time_s))
        _height, width = image.shape[:2]
        self._strip(image, f"{now:%a %d %b %H:%M:%S}", 0, at_top=True)
        text_px = cv2.getTextSize(self._name, cv2.FONT_HERSHEY_DUPLEX, self._size, 1)[0][0]
        self._strip(image, self._name, (width - text_px) // 2, at_top=False)

    def _strip(self, image: Image, text: str, left: int, *, at_top: bool) -> None:
        (text_px, tall), base = cv2.getTextSize(text, cv2.FONT_HERSHEY_DUPLEX, self._size, 1)
        rows = tall + base + 2
        top = 0 if at_top else len(image) - rows
        part = image[top : top + rows, max(0, left) : left + text_px + 6]
        part[:] = part // 4
        cv2.putText(
            image, text, (max(0, left) + 3, top + tall + 1), cv2.FONT_HERSHEY_DUPLEX, self._size, (235, 235, 235), 1,
            cv2.LINE_AA,
        )  # fmt: skip
        assert image.dtype == np.uint8
