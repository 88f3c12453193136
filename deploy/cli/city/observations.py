"""`corridor city observations`: what perception would say of a preset, at tracklet rate, onto a log."""

import json
import os
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import numpy as np
import typer
from rich.console import Console

from deploy.city.recording import camera_id, configuration
from deploy.cli.terminal.image_progress import ImageProgress
from deploy.log.address import check_log_url, log_url, on_this_machine
from deploy.log.base import Record
from deploy.log.opening import open_log
from deploy.log.topics import OBSERVATIONS
from deploy.site.encoders import check_encoder, mask_source
from detect.settings import DetectSettings
from embed.observation import Message, Tick, encode
from embed.settings import SHIPPED, EmbedSettings
from ingest.clock import NS, SystemClock
from ingest.errors import ConfigError

if TYPE_CHECKING:
    from embed.crops import Crop
    from ingest.synthetic.world.presets import Preset
    from training.datasets.city.embedding import Embed, Vectors
    from training.datasets.city.observations import CityCamera, Features

SECONDS_PER_COMMIT = 1.0
"""Event time a commit: no camera is further ahead of the others on the log, as in a live run."""
MAX_CROPS = 3
"""Most crops of a tracklet that are rendered."""
PERFECT = "perfect@1"
PERFECT_ASSOCIATION = f"""
[associate]
encoder = "{PERFECT}"
"""


def observations(
    preset: Annotated[str, typer.Argument(help="A preset of the city, or a .city file.", show_default=False)],
    out: Annotated[str, typer.Option("--out", "-o", help="The log to write: a path, sqlite:PATH or kafka://…")],
    hours: Annotated[float | None, typer.Option(help="Only this much of the preset; default: all of it.")] = None,
    traffic: Annotated[
        Path | None,
        typer.Option(
            help="A .city file whose streets, cameras and traffic the preset gets (`corridor city traffic`).",
            show_default=False,
        ),
    ] = None,
    fleet_seed: Annotated[
        int | None, typer.Option(min=0, help="Draws other vehicles; default: the preset's own.", show_default=False)
    ] = None,
    encoder: Annotated[str, typer.Option(help="As `encoder` of the configuration.")] = SHIPPED,
    perfect: Annotated[
        bool, typer.Option("--perfect", help="Features that know the vehicle, instead of rendered crops.")
    ] = False,
    truth_boxes: Annotated[
        bool, typer.Option("--truth-boxes", help="The true boxes, without a detector's mistakes.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Draws the detector's mistakes.")] = 1,
    workers: Annotated[
        int | None, typer.Option(max=1024, help="Processes; default: one a core.", show_default=False)
    ] = None,
) -> None:
    """Write the observations of all cameras of a preset, without rendering every frame.

    Boxes come from the geometry with a detector's mistakes, and go through the tracker; only the few best crops of each
    tracklet are rendered and encoded. Beside the log: the truth of every camera, and a configuration that links it.

    corridor city observations rush-hour -o runs/rush.db
    corridor associate runs/rush.toml --once
    corridor score runs/rush-truth runs/rush.db
    """
    url = log_url(out)
    check_log_url(url)
    beside = Path(url.removeprefix("sqlite:")) if on_this_machine(url) else Path("runs") / f"{Path(preset).stem}.db"
    settings = _embed_settings(encoder)
    processes = workers if workers is not None else len(os.sched_getaffinity(0))
    if processes < 1:
        raise ConfigError(f"--workers {processes} must be at least 1")
    if not perfect and find_spec("panda3d") is None:
        raise ConfigError("rendering needs the extra 'city': pip install 'corridor[city]' (or say --perfect)")
    if on_this_machine(url) and beside.exists():
        raise ConfigError(f"there is {beside} already; name another log with -o")
    clock = SystemClock()
    began_s = clock.monotonic_s()
    world = _world(preset, hours, traffic, fleet_seed)
    cameras, kinds = _simulate_tracking(world, settings, None if truth_boxes else seed, exact=not perfect)
    if not any(each.tracklets for each in cameras):
        raise ConfigError(f"no vehicle of {preset} is followed in {world.duration_s:g} s (give more --hours)")
    features, encoder_id = _features(world, cameras, settings, seed, 0 if perfect else processes)
    if not truth_boxes:
        cameras, features = _join(cameras, features)
    count = _write(url, cameras, features, encoder_id)
    folder = _write_beside(beside, url, preset, cameras, kinds, encoder_id, settings.encoder)
    passages, tracklets = (
        sum(each.true_boxes.passages for each in cameras),
        sum(len(each.tracklets) for each in cameras),
    )
    elapsed_s = clock.monotonic_s() - began_s
    lines = [
        f"{count} records: {passages} passages, {tracklets} tracklets in {len(cameras)} cameras "
        f"({elapsed_s:.0f} s, {passages / elapsed_s:.1f} passages/s)"
    ]
    lines += [f"Link them:   corridor associate {beside.with_suffix('.toml')} --once"]
    lines += [f"Score that:  corridor score {folder} {url}"]
    for line in lines:
        Console().print(line, highlight=False, soft_wrap=True)


def _embed_settings(encoder: str) -> EmbedSettings:
    """Make settings of one thread for each encoder, since there is one in every process."""
    check_encoder(encoder)
    return EmbedSettings(encoder=encoder, threads=1)


def _world(name: str, hours: float | None, traffic: Path | None, fleet_seed: int | None) -> "Preset":
    """The preset with what the options change about it."""
    from ingest.synthetic.world.presets import redraw_preset

    preset = redraw_preset(name, traffic, fleet_seed)
    if hours is None:
        return preset
    if not 0 < hours * 3600 <= preset.duration_s:
        raise ConfigError(
            f"--hours {hours:g}: the preset '{name}' lasts {preset.duration_s / 3600:.3g} h "
            "(`corridor city traffic` draws longer ones)"
        )
    return replace(preset, duration_s=hours * 3600)


def _features(
    preset: "Preset", cameras: Sequence["CityCamera"], settings: EmbedSettings, seed: int, workers: int
) -> tuple[list[list["Features"]], str]:
    """Features by camera and tracklet, and the encoder's id; without workers nothing is rendered."""
    from training.datasets.city.embedding import perfect_vectors, rendered_vectors
    from training.datasets.city.observations import split_features

    sources = [source for each in cameras for source in each.sources()]
    if not workers:
        return split_features(cameras, perfect_vectors(sources, seed), None), PERFECT
    from deploy.site.wiring import make_encoder

    with ImageProgress("crops", SystemClock()) as report:
        vectors, sharpnesses = rendered_vectors(
            preset, sources, partial(make_embed, settings), workers, lambda done: report(done, len(sources))
        )
    encoder = make_encoder(settings, mask_source(DetectSettings(), settings.encoder))
    return split_features(cameras, vectors, sharpnesses), encoder.id


def _join(
    cameras: Sequence["CityCamera"], features: Sequence[Sequence["Features"]]
) -> tuple[list["CityCamera"], list[list["Features"]]]:
    """Join the fragments of stays in every camera."""
    from training.datasets.city.observations import join

    joined = [join(camera, of_camera) for camera, of_camera in zip(cameras, features, strict=True)]
    return [camera for camera, _ in joined], [of_camera for _, of_camera in joined]


def _simulate_tracking(
    preset: "Preset", embed: EmbedSettings, seed: int | None, *, exact: bool
) -> tuple[list["CityCamera"], dict[int, int]]:
    """Simulate by camera true boxes and tracklets; and number the class of every vehicle."""
    from ingest.synthetic.world.presets import trips_of
    from ingest.synthetic.world.truth_file import CLASSES
    from training.datasets.city.detector import NoisyDetector
    from training.datasets.city.observations import CityCamera
    from training.datasets.city.tracklets import follow
    from training.datasets.city.true_boxes import Outlines, true_boxes_of

    detect = DetectSettings()
    cameras = []
    for camera, true_boxes in enumerate(true_boxes_of(preset, detect.analyse_fps, Outlines(exact=exact))):
        spec = preset.cameras[camera]
        size = spec.width, spec.height
        rng = np.random.default_rng((seed or 0, camera))
        noise = None if seed is None else NoisyDetector(size, detect.analyse_fps, rng)
        tracklets = follow(true_boxes, size, embed, detect, noise)
        cameras.append(
            CityCamera.of(camera_id(preset, camera), camera, size, true_boxes, tracklets, min(MAX_CROPS, embed.crops))
        )
    kinds = {trip.vehicle.vehicle_id: CLASSES[trip.kind] for trip in trips_of(preset)}
    return cameras, kinds


def make_embed(settings: EmbedSettings) -> "Embed":
    """Masks and encodes crops as the system is wired to; called in the process that renders them."""
    from deploy.site.wiring import make_encoder, make_masker

    masks = mask_source(DetectSettings(), settings.encoder)
    encoder, masker = make_encoder(settings, masks), make_masker(masks)

    def embed(crops: Sequence["Crop"]) -> "Vectors":
        masked = []
        for crop in crops:
            mask = masker(crop.image, crop.box_xyxy)
            masked.append(replace(crop, mask=mask if mask.any() else np.ones_like(mask)))
        return encoder(masked)

    return embed


def _write(url: str, cameras: Sequence["CityCamera"], features: Sequence[Sequence["Features"]], encoder: str) -> int:
    """Write every camera's messages to the log, all cameras in the order of time; returns how many."""
    from deploy.site.cameras.runtime import CameraProgress
    from embed.observation import order_key
    from training.datasets.city.observations import messages

    with closing(open_log(url)) as log:
        writers = {each.camera_id: log.claim(f"camera/{each.camera_id}") for each in cameras}
        timeline: list[Message] = []
        for each, of_camera in zip(cameras, features, strict=True):
            timeline += messages(each, of_camera, encoder, writers[each.camera_id].generation)
        timeline.sort(key=order_key)
        for _, together in groupby(timeline, key=lambda message: message.at_ns // round(SECONDS_PER_COMMIT * NS)):
            by_camera: dict[str, list[Message]] = {}
            for message in together:
                by_camera.setdefault(message.camera, []).append(message)
            for camera, part in by_camera.items():
                records = [Record(OBSERVATIONS, camera, encode(message)) for message in part]
                progress = CameraProgress(part[-1].at_ns, ended=isinstance(part[-1], Tick) and part[-1].final)
                writers[camera].commit(records, state={"progress": msgspec.msgpack.encode(progress)})
        for writer in writers.values():
            writer.close()
    return len(timeline)


def _write_beside(
    beside: Path,
    url: str,
    preset: str,
    cameras: Sequence["CityCamera"],
    kinds: dict[int, int],
    encoder_id: str,
    encoder: str,
) -> Path:
    """The truth in a folder, and the configuration with which `corridor associate` links the log."""
    from ingest.synthetic.world.truth_file import BOXES_ENDING, TIMES_ENDING
    from training.datasets.city.observations import time_rows, truth_rows

    folder = beside.with_name(f"{beside.stem}-truth")
    text = configuration([(each.camera_id, f"city://{preset}/{each.camera}", None) for each in cameras])
    association = PERFECT_ASSOCIATION if encoder_id == PERFECT else f"\n[embed]\nencoder = {json.dumps(encoder)}\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for each in cameras:
            (folder / f"{each.camera_id}{BOXES_ENDING}").write_text("".join(truth_rows(each.true_boxes, kinds)))
            (folder / f"{each.camera_id}{TIMES_ENDING}").write_text("".join(time_rows(each.true_boxes)))
        beside.with_suffix(".toml").write_text(f"{text}\n[log]\nurl = {json.dumps(url)}\n{association}")
    except OSError as error:
        raise ConfigError(f"cannot write the truth of {url} beside it: {error}") from error
    return folder
