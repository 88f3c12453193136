"""Composition of a frame: vehicles in the empty image with shadows, lamps and motion, then the camera's processing."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from ingest.frame import Image
from ingest.synthetic.camera.frame_effects import EffectState
from ingest.synthetic.camera.look import REACH_PX, Finish, meter
from ingest.synthetic.camera.spec import CameraSpec
from ingest.synthetic.render.actors import Actor
from ingest.synthetic.render.lamps import add_glow, light_road
from ingest.synthetic.render.rects import Rect
from ingest.synthetic.render.shadows import SPREAD_PX, light_left
from ingest.synthetic.scene.background import Background
from ingest.synthetic.world.weather import Weather

PAD_PX = REACH_PX + SPREAD_PX
"""Margin around all that a vehicle covers beyond which the image does not change."""

_LEAST_SMEAR_PX = 1.2


class Composer:
    """Composer of the frames of one camera.

    The plate is larger than the image by a margin; a camera that sways takes another part of it for every frame, by
    whole pixels of the plate.
    """

    def __init__(self, background: Background, spec: CameraSpec, weather: Weather, margin_px: int) -> None:
        self._background, self._spec, self._weather, self._margin_px = background, spec, weather, margin_px
        self._finish = Finish(
            spec.look, spec.width + 2 * margin_px, spec.height + 2 * margin_px, meter(background.image, weather)
        )
        self._finished: dict[tuple[int, int], Image] = {}

    def empty(self, state: EffectState) -> Image:
        """Cut the finished image without vehicles, as a new array."""
        (x, y), (odd_x, odd_y) = self._origin(state)
        return self._canvas(odd_x, odd_y)[y : y + self._spec.height, x : x + self._spec.width].copy()

    def light_at(self, actor: Actor) -> float:
        """Brightness of a vehicle where it stands, 1 in full light."""
        if not len(actor.contact):
            return 1.0
        height, width = self._background.lightness.shape
        points = np.concatenate([actor.contact, actor.contact.mean(0, keepdims=True)]) + self._margin_px
        columns, rows = np.clip(points, 0, [width - 1, height - 1]).astype(int).T
        return float(self._background.lightness[rows, columns].mean()) / 255

    def compose(
        self, image: Image, rect: Rect, drawn: NDArray[np.uint8], actors: Sequence[Actor], state: EffectState
    ) -> None:
        """Redraw a part of the image with vehicles, in place.

        drawn: the vehicles alone there, (scale * h, scale * w, 4) BGRA.
        """
        # Step 1: the part of the plate under the rectangle, in pixels of the image (low) and of the plate (high)
        left, top, right, bottom = rect
        scale, (x, y), odd = self._background.scale, *self._origin(state)
        low = slice(top + y, bottom + y), slice(left + x, right + x)
        high = tuple(
            slice(scale * part.start + more, scale * part.stop + more)
            for part, more in zip(low, reversed(odd), strict=True)
        )
        # Step 2: shadows, and in the dark the light of headlamps, on the ground
        light = light_left(
            [actor.cast for actor in actors],
            [actor.contact for actor in actors],
            self._background.foreground[low],
            self._background.shade[low],
            (left, top),
        )
        large = (right - left) * scale, (bottom - top) * scale
        if scale > 1:
            light = np.asarray(cv2.resize(light, large, interpolation=cv2.INTER_LINEAR), np.uint8)
        scene = np.asarray(cv2.multiply(self._background.image[high], cv2.merge([light] * 3), scale=1 / 255), np.uint8)
        corner = np.array([left, top], np.float32)
        if self._weather.dark:
            self._light_road(scene, actors, corner, low, large)
        # Step 3: the vehicles, blurred along their ways where they move
        if any(np.abs(actor.smear_px).max() * scale > _LEAST_SMEAR_PX for actor in actors):
            _smear(scene, drawn, actors, corner, scale)
        else:
            cv2.copyTo(cv2.cvtColor(drawn, cv2.COLOR_BGRA2BGR), cv2.extractChannel(drawn, 3), scene)
        # Step 4: down to the image's size, the shine of lamps, the camera's processing
        small = scene if scale == 1 else cv2.resize(scene, (right - left, bottom - top), interpolation=cv2.INTER_AREA)
        if self._weather.dark:
            self._add_lamps(np.asarray(small, np.uint8), actors, corner)
        done = self._finish.apply(np.asarray(small, np.uint8), (left + x, top + y, right + x, bottom + y))
        # Step 5: put back all but the edges, on which pixels outside the rectangle would have had an influence
        x0, y0, x1, y1 = self._without_seam(rect)
        image[y0:y1, x0:x1] = done[y0 - top : y1 - top, x0 - left : x1 - left]

    def _light_road(
        self,
        scene: Image,
        actors: Sequence[Actor],
        corner: NDArray[np.float32],
        low: tuple[slice, slice],
        large: tuple[int, int],
    ) -> None:
        """Add the light of headlamps on the ground."""
        beams = [glow for actor in actors for glow in actor.glows if glow.beam]
        shape = low[0].stop - low[0].start, low[1].stop - low[1].start
        light = cv2.subtract(light_road(shape, beams, corner), self._background.foreground[low])
        light = cv2.resize(light, large, interpolation=cv2.INTER_LINEAR)
        strength = 0.5 if self._weather.light == "dusk" else 1.0
        warm = [cv2.convertScaleAbs(light, alpha=gain * strength) for gain in (0.78, 0.92, 1.0)]
        cv2.add(scene, cv2.merge(warm), dst=scene)

    def _add_lamps(self, small: Image, actors: Sequence[Actor], corner: NDArray[np.float32]) -> None:
        """Add the shine of lamps that nothing nearer hides."""
        nearest_first = sorted(actors, key=lambda actor: actor.depth_m)
        strength = 0.8 if self._weather.light == "dusk" else 1.0
        for number, actor in enumerate(nearest_first):
            for glow in actor.glows:
                if glow.beam or (glow.level < 0 and not self._weather.wet):
                    continue
                middle = glow.extent_px.mean(0)
                place = float(middle[0]), float(middle[1])
                if any(cv2.pointPolygonTest(other.hull, place, False) > 0 for other in nearest_first[:number]):
                    continue
                add_glow(small, glow, corner, strength * glow.level if glow.level > 0 else 0.45 * strength)

    def _origin(self, state: EffectState) -> tuple[tuple[int, int], tuple[int, int]]:
        """Upper left corner of the image on the canvas, in pixels of the image and remaining pixels of the plate."""
        scale = self._background.scale
        across, down = (self._margin_px * scale - step for step in state.steps)
        return (across // scale, down // scale), (across % scale, down % scale)

    def _canvas(self, odd_x: int, odd_y: int) -> Image:
        """Finish the plate from its pixel (odd_x, odd_y) on, once for each such pixel."""
        known = self._finished.get((odd_x, odd_y))
        if known is None:
            scale = self._background.scale
            part = self._background.image[odd_y:, odd_x:]
            rows, columns = part.shape[0] // scale, part.shape[1] // scale
            part = part[: rows * scale, : columns * scale]
            small = cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA)
            known = self._finished[odd_x, odd_y] = self._finish.apply(
                np.asarray(small, np.uint8), (0, 0, columns, rows)
            )
        return known

    def _without_seam(self, rect: Rect) -> Rect:
        """Shrink a rectangle to the part that its edges do not influence; the edges of the image do no harm."""
        left, top, right, bottom = rect
        return (
            left + (REACH_PX if left > 0 else 0),
            top + (REACH_PX if top > 0 else 0),
            max(right - (REACH_PX if right < self._spec.width else 0), 0),
            max(bottom - (REACH_PX if bottom < self._spec.height else 0), 0),
        )


def _smear(
    scene: Image, drawn: NDArray[np.uint8], actors: Sequence[Actor], corner: NDArray[np.float32], scale: int
) -> None:
    """Put vehicles on a scene, in place, each blurred along its way while the shutter is open; the nearest last."""
    height, width = drawn.shape[:2]
    for actor in sorted(actors, key=lambda actor: -actor.depth_m):
        smear = actor.smear_px * scale
        outline = (actor.hull - corner) * scale
        low = np.maximum(np.floor(outline.min(0) - np.abs(smear) / 2 - 3), 0).astype(int)
        high = np.minimum(np.ceil(outline.max(0) + np.abs(smear) / 2 + 3), [width, height]).astype(int)
        if (high <= low).any():
            continue
        place = slice(low[1], high[1]), slice(low[0], high[0])
        part = drawn[place]
        body, inside = _cut_out(part, np.round((outline - low) * 16).astype(np.int32))
        if np.abs(smear).max() > _LEAST_SMEAR_PX:
            kernel = _line_kernel(smear)
            body, inside = cv2.filter2D(body, -1, kernel), cv2.filter2D(inside, -1, kernel)
            rest = cv2.multiply(scene[place], cv2.merge([cv2.bitwise_not(inside)] * 3), scale=1 / 255)
            scene[place] = cv2.add(rest, body)
        else:
            cv2.copyTo(body, inside, scene[place])


def _cut_out(drawn: NDArray[np.uint8], outline: NDArray[np.int32]) -> tuple[cv2.typing.MatLike, cv2.typing.MatLike]:
    """Cut what was drawn (h, w, 4) along an outline in sixteenths of pixels: BGR, and its coverage, (h, w) uint8."""
    within = np.zeros(drawn.shape[:2], np.uint8)
    cv2.fillConvexPoly(within, outline, 255, cv2.LINE_8, 4)
    wider = cv2.dilate(within, np.ones((3, 3), np.uint8))
    inside = cv2.bitwise_and(wider, cv2.extractChannel(drawn, 3))
    return cv2.copyTo(cv2.cvtColor(drawn, cv2.COLOR_BGRA2BGR), inside), inside


def _line_kernel(smear: NDArray[np.floating]) -> NDArray[np.float32]:
    """Blur kernel of a smear: a line of its length, as weights that add up to 1."""
    reach = int(np.ceil(np.abs(smear).max() / 2))
    kernel: NDArray[np.float32] = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    ends = np.round((np.array([-smear / 2, smear / 2]) + reach) * 16).astype(int)
    cv2.line(kernel, tuple(map(int, ends[0])), tuple(map(int, ends[1])), 1.0, 1, cv2.LINE_8, 4)
    return np.asarray(kernel / kernel.sum(), np.float32)
