"""What a camera does to its images: nothing that is switched off, the same for the same frame."""

from dataclasses import replace

import numpy as np
import pytest

from ingest.frame import Image
from ingest.synthetic.camera.frame_effects import FrameEffects
from ingest.synthetic.camera.look import REACH_PX, Finish, Metering, Noise, meter
from ingest.synthetic.camera.spec import CameraPose, CameraSpec, Look
from ingest.synthetic.world.weather import Weather

SPEC = CameraSpec(CameraPose(0, 0, 8, 0, 20, 50), Look(noise_sigma=0.0), seed=5, width=160, height=96)
EVERYTHING = Look(dark_noise=2.0, drift=0.05, flicker=0.02, jitter_px=2.0, caption="North gate")


def scene(seed: int = 1, shape: tuple[int, int] = (96, 160)) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (*shape, 3)).astype(np.uint8)


class TestElectronics:
    def test_what_is_off_changes_nothing(self) -> None:
        electronics = FrameEffects(SPEC, Weather())
        image = scene()
        for sequence in (0, 7, 500):
            state = electronics.state(sequence)
            assert (state.steps, state.shift_px, state.gains_bgr) == ((0, 0), (0.0, 0.0), (1.0, 1.0, 1.0))
            assert np.array_equal(electronics.finish(image, state), image)
        assert electronics.margin_px == 0

    def test_a_frame_is_the_same_whatever_came_before(self) -> None:
        spec, weather = replace(SPEC, look=EVERYTHING), Weather("night", rain=0.8)
        forwards, once = FrameEffects(spec, weather), FrameEffects(spec, weather)
        image = scene()
        frames = [forwards.finish(image, forwards.state(sequence)) for sequence in range(12)]
        assert np.array_equal(once.finish(image, once.state(11)), frames[11])
        assert not np.array_equal(frames[10], frames[11])

    def test_gusts_stay_within_the_margin_and_move(self) -> None:
        electronics = FrameEffects(replace(SPEC, look=EVERYTHING), Weather())
        shifts = np.array([electronics.state(sequence).shift_px for sequence in range(600)])
        assert np.abs(shifts).max() < electronics.margin_px
        assert np.abs(shifts).max() > 0.5
        assert np.abs(np.diff(shifts, axis=0)).max() > 0

    def test_exposure_wanders_slowly(self) -> None:
        electronics = FrameEffects(replace(SPEC, look=Look(drift=0.1)), Weather())
        green = np.array([electronics.state(sequence).gains_bgr[1] for sequence in range(3000)])
        assert 0.03 < np.ptp(green) < 0.2
        assert np.abs(np.diff(green)).max() < 0.01

    def test_rain_adds_light_streaks(self) -> None:
        dark = np.full((96, 160, 3), 40, np.uint8)
        electronics = FrameEffects(SPEC, Weather(rain=1.0))
        rainy = electronics.finish(dark, electronics.state(3)).astype(int)
        assert 0.01 < (rainy[..., 1] > 46).mean() < 0.5

    def test_the_caption_is_written_above_and_below(self) -> None:
        electronics = FrameEffects(replace(SPEC, look=Look(noise_sigma=0, caption="North gate")), Weather())
        grey = np.full((96, 160, 3), 128, np.uint8)
        written = (electronics.finish(grey, electronics.state(0)) != 128).any(axis=(1, 2))
        assert written[2]
        assert written[-3]
        assert not written[30:60].any()


class TestNoise:
    @pytest.mark.parametrize("level", [30, 200])
    def test_has_the_strength_asked_for(self, level: int) -> None:
        flat = np.full((96, 160, 3), level, np.uint8)
        noise = Noise(3, 2.0, 1.0, 160, 96)
        stack = np.stack([noise.add(flat, sequence) for sequence in range(24)]).astype(float)
        assert stack.std(axis=0).mean() == pytest.approx(2.0, abs=0.4)

    def test_is_stronger_in_the_dark(self) -> None:
        noise = Noise(3, 2.0, 3.0, 160, 96)
        dark, bright = (noise.add(np.full((96, 160, 3), level, np.uint8), 1).astype(float) for level in (20, 220))
        assert dark.std() > 1.4 * bright.std()


class TestFinish:
    def test_a_part_is_processed_like_the_whole(self) -> None:
        finish = Finish(Look(), 160, 96, Metering())
        image = scene()
        whole = finish.apply(image, (0, 0, 160, 96))
        part = finish.apply(np.ascontiguousarray(image[20:70, 30:120]), (30, 20, 120, 70))
        inner = slice(REACH_PX, -REACH_PX)
        assert np.array_equal(part[inner, inner], whole[20:70, 30:120][inner, inner])

    def test_plain_optics_leave_the_image_alone(self) -> None:
        look = Look(softness_px=0.0, sharpening=0.0, vignette=0.0)
        image = scene()
        assert np.array_equal(Finish(look, 160, 96, Metering(1.0, 0.0)).apply(image, (0, 0, 160, 96)), image)

    def test_exposure_brightens(self) -> None:
        image = np.full((96, 160, 3), 90, np.uint8)
        dark, bright = (
            Finish(Look(exposure=gain), 160, 96, Metering()).apply(image, (0, 0, 160, 96)) for gain in (0.8, 1.2)
        )
        assert bright.mean() > dark.mean() + 20

    def test_metering_makes_a_dull_scene_brilliant_and_leaves_the_night_dark(self) -> None:
        dull = (60 + scene() // 4).astype(np.uint8)
        day, night = meter(dull, Weather()), meter((dull // 4).astype(np.uint8), Weather("night"))
        assert day.slope * np.percentile(dull, 98.5) + day.offset > 150
        assert night.slope * np.percentile(dull // 4, 98.5) + night.offset < 80
