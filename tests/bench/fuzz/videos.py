"""Recordings with bytes flipped, cut and spliced: frames whose times rise, or one line that says what is wrong."""

import random
import sys
import tempfile
from functools import cache
from pathlib import Path

import av
import numpy as np

from deploy.cli.main import main
from ingest.camera import Camera
from ingest.errors import SourceError
from ingest.open_camera import open_camera
from tests.bench.fuzz.mutations import mutated
from tests.ingest.clips import write_clip

SUFFIXES = (".mp4", ".mkv", ".ts")
MOST_FRAMES = 2000
WHOLE_RUN_EVERY = 40
"""One in this many goes through the whole command instead of only being read."""

SITE = '[[cameras]]\nid = "a"\nsource = "clip{suffix}"\n[detect]\ndetector = "motion"\n[embed]\nencoder = "colour"\n'
EXIT_CODES = (0, 2, 3)


@cache
def clips() -> tuple[bytes, ...]:
    """Three short clips, made once a process, the same bytes in each."""
    with tempfile.TemporaryDirectory() as folder:
        whole = write_clip(Path(folder) / "whole.mp4", 30)
        return tuple(_remuxed(whole, Path(folder) / f"clip{suffix}").read_bytes() for suffix in SUFFIXES)


def _remuxed(clip: Path, path: Path) -> Path:
    with av.open(str(clip)) as whole, av.open(str(path), "w", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream_from_template(whole.streams.video[0])
        for packet in whole.demux(whole.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                container.mux(packet)
    return path


def check(rng: random.Random, folder: Path) -> list[str]:
    number = rng.randrange(len(SUFFIXES))
    video = folder / f"clip{SUFFIXES[number]}"
    video.write_bytes(mutated(rng, clips()[number], clips()))
    if rng.randrange(WHOLE_RUN_EVERY) == 0:
        run_site(folder, SUFFIXES[number])
    else:
        read(video)
    return []


def read(video: Path) -> None:
    """Every frame, as far as it goes."""
    last_ns, count = -1, 0
    try:
        source = open_camera(Camera(id="a", source=str(video)), starts_ns=0)
        try:
            for frame in source.frames():
                assert frame.captured_ns > last_ns, f"time goes from {last_ns} to {frame.captured_ns}"
                assert frame.image.shape[2:] == (3,), frame.image.shape
                assert frame.image.dtype == np.uint8, frame.image.dtype
                last_ns, count = frame.captured_ns, count + 1
                if count > MOST_FRAMES:
                    return
        finally:
            source.close()
    except SourceError as error:
        print(error)


def run_site(folder: Path, suffix: str) -> None:
    """`corridor run` in this process."""
    (folder / "site.toml").write_text(SITE.format(suffix=suffix))
    arguments, sys.argv = sys.argv, ["corridor", "run", "site.toml", "--status", "status.json"]
    code: object = 0
    try:
        main()
    except SystemExit as ended:
        code = ended.code or 0
    finally:
        sys.argv = arguments
    assert code in EXIT_CODES, f"exit code {code}"
