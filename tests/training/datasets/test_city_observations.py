"""Observations of the city: a stream that association takes, and one that perfect features solve."""

from collections import defaultdict
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from associate.associator import Associator
from associate.settings import AssociateSettings
from associate.trajectory import TrajectoryEvent
from detect.settings import DetectSettings
from embed.observation import Message, Observation, Tick, TrackletState, decode, encode, order_key, unpack_vector
from embed.settings import EmbedSettings
from ingest.clock import NS
from ingest.synthetic.camera.spec import CameraClock
from ingest.synthetic.world.presets import Preset, find_camera
from training.datasets.city.detector import NOBODY, NoisyDetector
from training.datasets.city.embedding import perfect_vectors
from training.datasets.city.observations import CityCamera, messages, split_features, truth_rows
from training.datasets.city.tracklets import best_crop_frames, follow
from training.datasets.city.true_boxes import Outlines, TrueBoxes, analysed_frames, true_boxes_of
from training.scoring.baseline import BaselineInput, score_baseline
from training.scoring.clustering import Tracklets
from training.scoring.comparison import Comparison
from training.scoring.tracks import CameraTracks, TrackedBoxes
from training.scoring.truth import parse_mot

SECONDS = 60.0
DETECT, EMBED = DetectSettings(), EmbedSettings()


@cache
def preset() -> Preset:
    return replace(find_camera("smooth", 0)[0], duration_s=SECONDS)


@cache
def all_true_boxes() -> list[TrueBoxes]:
    return true_boxes_of(preset(), DETECT.analyse_fps, Outlines(exact=False))


@cache
def watched(*, noisy: bool) -> list[CityCamera]:
    told = []
    for camera, true_boxes in enumerate(all_true_boxes()):
        spec = preset().cameras[camera]
        size = spec.width, spec.height
        noise = NoisyDetector(size, DETECT.analyse_fps, np.random.default_rng(camera)) if noisy else None
        tracklets = follow(true_boxes, size, EMBED, DETECT, noise)
        told.append(CityCamera.of(f"c{camera}", camera, size, true_boxes, tracklets, 3))
    return told


@cache
def streams(*, noisy: bool) -> list[list[Message]]:
    cameras = watched(noisy=noisy)
    vectors = perfect_vectors([source for each in cameras for source in each.sources()], 1)
    features = split_features(cameras, vectors, None)
    return [messages(each, of, "perfect@1", 1) for each, of in zip(cameras, features, strict=True)]


@pytest.mark.parametrize("noisy", [False, True], ids=["true boxes", "noisy"])
def test_every_tracklet_is_opened_and_closed_once_in_order(noisy: bool) -> None:
    for stream in streams(noisy=noisy):
        assert [decode(encode(message)) for message in stream] == stream
        keys = [order_key(message) for message in stream]
        assert keys == sorted(set(keys))
        lives = defaultdict(list)
        for message in stream:
            if isinstance(message, Observation):
                lives[message.tracklet].append(message)
        assert len(lives) > 5
        for life in lives.values():
            states = [each.state for each in life]
            assert states[0] is TrackletState.OPENED
            assert states[-1] is TrackletState.CLOSED
            assert set(states[1:-1]) <= {TrackletState.UPDATED}
            assert [each.sequence for each in life] == list(range(len(life)))
            assert all(each.first_ns == life[0].first_ns <= each.last_ns <= each.at_ns for each in life)
            offsets = [at.offset_us for each in life for at in each.path]
            assert offsets[0] == 0
            assert offsets == sorted(set(offsets))
            assert life[0].last_ns - life[0].first_ns >= EMBED.open_after_s * NS
            assert all(np.linalg.norm(unpack_vector(each.vector)) == pytest.approx(1, abs=1e-3) for each in life)


@pytest.mark.parametrize("noisy", [False, True], ids=["true boxes", "noisy"])
def test_ticks_come_every_second_and_the_last_one_is_final(noisy: bool) -> None:
    for stream in streams(noisy=noisy):
        ticks = [message for message in stream if isinstance(message, Tick)]
        assert [tick.final for tick in ticks] == [False] * (len(ticks) - 1) + [True]
        assert stream[-1] is ticks[-1]
        assert {tick.at_ns // NS for tick in ticks} == set(range(int(SECONDS)))
        assert len(ticks) == SECONDS + 1


def test_an_outage_ends_the_session_and_a_wrong_clock_shows() -> None:
    spec = replace(preset().cameras[0], dark=((10.0, 20.0),), clock=CameraClock(2.0, 100.0))
    world = replace(preset(), cameras=(spec,), duration_s=30.0)
    sequences, camera_ns, session = analysed_frames(world, spec, 8.0)
    assert not ((sequences >= 10 * spec.fps) & (sequences < 20 * spec.fps)).any()
    assert sorted(set(session.tolist())) == [0, 1]
    assert np.allclose(camera_ns / NS, sequences / spec.fps * (1 + 1e-4) + 2.0)
    true_boxes = true_boxes_of(world, 8.0, Outlines(exact=False))[0]
    tracklets = follow(true_boxes, (spec.width, spec.height), EMBED, DETECT, None)
    one = CityCamera.of("dark", 0, (spec.width, spec.height), true_boxes, tracklets, 3)
    features = split_features([one], perfect_vectors(one.sources(), 1), None)[0]
    stream = messages(one, features, "perfect@1", 3)
    assert [decode(encode(message)) for message in stream] == stream
    epochs = {(message.epoch.generation, message.epoch.session) for message in stream}
    assert epochs == {(3, 0), (3, 1)}
    assert [message.final for message in stream if isinstance(message, Tick)].count(True) == 1
    open_at_the_end = {m.tracklet for m in stream if isinstance(m, Observation) and m.state is TrackletState.CLOSED}
    assert open_at_the_end == {m.tracklet for m in stream if isinstance(m, Observation)}


def test_the_detector_errs_as_it_is_told() -> None:
    noise = NoisyDetector((640, 360), 8.0, np.random.default_rng(1))
    box = np.array([[200, 100, 240, 130]], np.float32)
    clear, hidden = np.array([1.0], np.float32), np.array([0.2], np.float32)
    found = [noise(frame, [7], box, clear) for frame in range(0, 8000, 8)]
    whose = [each for each in found if "7" in each.labels]
    assert 0.7 < len(whose) / len(found) < 0.97
    off = np.array([each.boxes[each.labels.index("7")] - box[0] for each in whose])
    assert 0.5 < np.abs(off).mean() < 4
    rarely = [noise(frame, [8], box, hidden) for frame in range(8000, 16000, 8)]
    assert sum("8" in each.labels for each in rarely) < 0.7 * len(rarely)
    assert any(NOBODY in each.labels for each in found)


def test_the_early_crop_is_there_when_a_tracklet_is_opened() -> None:
    for each in watched(noisy=True):
        for it, places in zip(each.tracklets, each.shots, strict=True):
            assert places == sorted(set(best_crop_frames(it, each.true_boxes.camera_ns, 3)))
            assert it.frames[places[0]] <= it.opened
            assert 1 <= len(places) <= 3


def true_tracks() -> list[CameraTracks]:
    tracks = []
    for each in watched(noisy=False):
        kinds = dict.fromkeys(each.true_boxes.vehicles.tolist(), 1)
        truth = parse_mot("".join(truth_rows(each.true_boxes, kinds)), each.camera_id).split()[0]
        tracks.append((each, truth))
    start, cameras = 0, []
    for each, truth in tracks:
        rows = [
            (int(each.true_boxes.sequences[frame]) + 1, start + number, *box.tolist())
            for number, it in enumerate(each.tracklets)
            for frame, box in zip(it.frames, it.boxes, strict=True)
        ]
        start += len(each.tracklets)
        frames, fps = each.true_boxes.sequences + 1, preset().cameras[each.camera].fps
        cameras.append(CameraTracks.of(each.camera_id, frames, frames / fps, truth, TrackedBoxes.of(rows)))
    return cameras


def test_perfect_features_solve_it() -> None:
    """With true boxes and features that know the vehicle, the clustering baseline finds nearly every identity."""
    comparison = Comparison.of(true_tracks())
    vectors, begins, ends, cameras = [], [], [], []
    for each, stream in zip(watched(noisy=False), streams(noisy=False), strict=True):
        closed = {m.track: m for m in stream if isinstance(m, Observation) and m.state is TrackletState.CLOSED}
        for it in each.tracklets:
            vectors.append(unpack_vector(closed[it.track].vector))
            begins.append(closed[it.track].first_ns / NS)
            ends.append(closed[it.track].last_ns / NS)
            cameras.append(each.camera)
    names = [each.camera_id for each in watched(noisy=False)]
    numbers = np.arange(len(vectors))
    tracklets = Tracklets(np.array(cameras), np.array(begins), np.array(ends), np.stack(vectors))
    peer = BaselineInput(numbers, tracklets, names, None, 0.5, False)
    assert score_baseline(comparison, peer)[0].together.idf1 > 0.97


def test_association_links_them() -> None:
    """The associator takes the whole stream, refuses nothing, and links only what belongs together."""
    names = tuple(each.camera_id for each in watched(noisy=False))
    settings = AssociateSettings()
    associator = Associator(settings, cameras=names, encoder="perfect@1")
    owner = {f"{each.camera_id}|1.0|{it.track}": it.owner for each in watched(noisy=False) for it in each.tracklets}
    latest: dict[str, TrajectoryEvent] = {}
    for message in sorted((m for stream in streams(noisy=False) for m in stream), key=order_key):
        assert associator.refuse(message) is None
        latest |= {event.identity: event for event in associator.update(message)}
    linked = [event for event in latest.values() if len(event.visits) > 1]
    assert len(linked) > 10
    assert all(len({owner[visit.observation.rpartition("|")[0]] for visit in event.visits}) == 1 for event in linked)
