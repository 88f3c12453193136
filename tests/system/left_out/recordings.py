"""Recordings that are not delivered, or not analysed, as a whole."""

import math
import time
from pathlib import Path

import av
import msgspec
import pytest

from deploy.log.sqlite_log import SqliteWriter
from deploy.site import camera_pipeline, wiring
from detect.detections import Detections
from detect.motion import MotionDetector
from embed.observation import Message, Observation
from ingest.frame import Frame
from tests.ingest import odd_clips as odd
from tests.ingest.clips import write_clip
from tests.system.left_out.seen import Case, Seen, command, site

SIZE = (320, 192)
SHOWN = odd.images(40, SIZE)


def run(folder: Path, *cameras: str, extra: str = "") -> Seen:
    """Run a site of recordings; the status is that of the first one."""
    site(folder, dict(zip("ab", cameras, strict=False)), extra)
    return command(folder, "run", "site.toml", "--status", "status.json")


def untimed(folder: Path, _: pytest.MonkeyPatch) -> Seen:
    options = {"x265-params": "vui-timing-info=0:log-level=none"}
    odd.encode(folder / "a.hevc", SHOWN[:20], "libx265", container="hevc", options=options)
    return run(folder, "a.hevc")


def late(folder: Path, _: pytest.MonkeyPatch) -> Seen:
    odd.joined(folder / "a.ts", [(5.0, SHOWN[:15]), (5.0 + 14 / 25, SHOWN[15:])])
    return run(folder, "a.ts")


def stray(folder: Path, _: pytest.MonkeyPatch) -> Seen:
    odd.joined(folder / "a.ts", [(9000.0, SHOWN[:20]), (0.0, SHOWN[:1]), (9000.84, SHOWN[20:])])
    return run(folder, "a.ts")


def damaged(folder: Path, _: pytest.MonkeyPatch) -> Seen:
    """One of the JPEGs of a film is none."""
    odd.encode(folder / "whole.mkv", SHOWN, "mjpeg")
    with av.open(str(folder / "whole.mkv")) as whole, av.open(str(folder / "a.mkv"), "w") as target:
        stream = target.add_stream_from_template(whole.streams.video[0])
        for number, packet in enumerate(whole.demux(video=0)):
            if packet.dts is None:
                continue
            spoilt = av.Packet(bytes(packet.size)) if number == 7 else packet
            spoilt.pts, spoilt.dts, spoilt.time_base = packet.pts, packet.dts, packet.time_base
            spoilt.stream = stream
            target.mux(spoilt)
    return run(folder, "a.mkv")


def other_video(folder: Path, _: pytest.MonkeyPatch) -> Seen:
    odd.two_videos(folder / "a.mkv", odd.images(40, (80, 48)), SHOWN)
    return run(folder, "a.mkv")


def cut(folder: Path, _: pytest.MonkeyPatch) -> Seen:
    data = odd.encode(folder / "whole.mkv", odd.images(100, SIZE)).read_bytes()
    (folder / "a.mkv").write_bytes(data[: len(data) // 2])
    return run(folder, "a.mkv")


def nothing(folder: Path, _: pytest.MonkeyPatch) -> Seen:
    (folder / "a.mkv").write_bytes(odd.encode(folder / "whole.mkv", SHOWN).read_bytes()[:700])
    return run(folder, "a.mkv")


def some_give_nothing(folder: Path, _: pytest.MonkeyPatch) -> Seen:
    (folder / "b.mp4").write_bytes(b"")
    write_clip(folder / "a.mp4", 20, size=SIZE)
    return run(folder, "a.mp4", "b.mp4")


def read_before(folder: Path, patch: pytest.MonkeyPatch) -> Seen:
    write_clip(folder / "a.mp4", 20, size=SIZE)
    run(folder, "a.mp4")
    return run(folder, "a.mp4")


def skipped(folder: Path, _: pytest.MonkeyPatch) -> Seen:
    write_clip(folder / "a.mp4", 40, size=SIZE)
    return run(folder, "a.mp4")


class _Slow:
    """A detector that needs a fifth of a second for a frame."""

    def __init__(self) -> None:
        self._detector = MotionDetector()

    def __call__(self, frame: Frame) -> Detections:
        time.sleep(0.2)  # of real time: the recording is paced by it
        return self._detector(frame)


def dropped(folder: Path, patch: pytest.MonkeyPatch) -> Seen:
    patch.setattr(wiring, "make_detector", lambda settings, masks: _Slow())
    write_clip(folder / "a.mp4", 40, size=SIZE)
    site(folder, {"a": "a.mp4"})
    (folder / "site.toml").write_text((folder / "site.toml").read_text().replace('a.mp4"', 'a.mp4"\nrealtime = true'))
    return command(folder, "run", "site.toml", "--status", "status.json")


class _AfraidOf:
    """A detector that fails on the frames from the tenth on."""

    def __call__(self, frame: Frame) -> Detections:
        if frame.sequence >= 10:
            raise ValueError("an odd frame")
        return Detections.none()


def failed(folder: Path, patch: pytest.MonkeyPatch) -> Seen:
    patch.setattr(wiring, "make_detector", lambda settings, masks: _AfraidOf())
    write_clip(folder / "a.mp4", 40, size=SIZE)
    return run(folder, "a.mp4")


def unwritten(folder: Path, patch: pytest.MonkeyPatch) -> Seen:
    """Every observation of the run has a quality that is no number."""
    step = camera_pipeline.CameraPipeline.step

    def spoil(message: Message) -> Message:
        return msgspec.structs.replace(message, quality=math.nan) if isinstance(message, Observation) else message

    def spoilt(
        self: camera_pipeline.CameraPipeline, frame: Frame, tracked: Detections, *, dropped: int
    ) -> list[Message]:
        return [spoil(each) for each in step(self, frame, tracked, dropped=dropped)]

    patch.setattr(camera_pipeline.CameraPipeline, "step", spoilt)
    write_clip(folder / "a.mp4", 75, size=SIZE)
    return run(folder, "a.mp4")


def given_up(folder: Path, patch: pytest.MonkeyPatch) -> Seen:
    """The writer says from its third commit on that it had to give up seven records."""
    commit, commits = SqliteWriter.commit, []

    def counted(self: SqliteWriter, records: list[object], **more: object) -> None:
        commits.append(len(records))
        commit(self, records, **more)  # type: ignore[arg-type]

    patch.setattr(SqliteWriter, "commit", counted)
    patch.setattr(SqliteWriter, "dropped", property(lambda self: 7 if len(commits) > 2 else 0))
    write_clip(folder / "a.mp4", 75, size=SIZE)
    return run(folder, "a.mp4")


def lost(folder: Path, patch: pytest.MonkeyPatch) -> Seen:
    """The writer says at its end that seven records could not be written."""
    closed: list[SqliteWriter] = []
    patch.setattr(SqliteWriter, "close", lambda self: closed.append(self))
    patch.setattr(SqliteWriter, "dropped", property(lambda self: 7 if self in closed else 0))
    write_clip(folder / "a.mp4", 20, size=SIZE)
    return run(folder, "a.mp4")


def held(folder: Path, patch: pytest.MonkeyPatch) -> Seen:
    """The writer says at its end that seven records wait for the next run."""
    closed: list[SqliteWriter] = []
    patch.setattr(SqliteWriter, "close", lambda self: closed.append(self))
    patch.setattr(SqliteWriter, "held", property(lambda self: 7 if self in closed else 0))
    write_clip(folder / "a.mp4", 20, size=SIZE)
    return run(folder, "a.mp4")


def crops_not_kept(folder: Path, _: pytest.MonkeyPatch) -> Seen:
    write_clip(folder / "a.mp4", 75, size=SIZE)
    (folder / "runs" / "site" / "crops").mkdir(parents=True)
    (folder / "runs" / "site" / "crops" / "a").write_text("a file in the folder's place")
    return run(folder, "a.mp4", extra="[crops]\nkeep = true\n")


def frames_of_images(folder: Path, patch: pytest.MonkeyPatch) -> Seen:
    """The disk is full before the frames for the mosaic are all kept."""
    from deploy.results.frame_album import FrameAlbum

    kept: list[int] = []

    def keep(self: FrameAlbum, frame: Frame, jpeg: bytes) -> None:
        if len(kept) == 3:
            raise OSError(28, "No space left on device")
        kept.append(len(jpeg))
        before(self, frame, jpeg)

    before = FrameAlbum._keep
    patch.setattr(FrameAlbum, "_keep", keep)
    write_clip(folder / "a.mp4", 40, size=SIZE)
    site(folder, {"a": "a.mp4"})
    return command(folder, "run", "site.toml", "--mosaic", "m.mp4")


def annotated(folder: Path, _: pytest.MonkeyPatch) -> Seen:
    write_clip(folder / "a.mp4", 40, size=SIZE)
    (folder / "b.mp4").write_text("no video")
    return command(folder, "annotate", "a.mp4", "b.mp4", "-o", "out", "--detector", "motion")


CASES: dict[str, Case] = {
    "recording-untimed": untimed,
    "recording-late": late,
    "recording-stray": stray,
    "recording-damaged": damaged,
    "recording-other-video": other_video,
    "recording-cut": cut,
    "recording-nothing": nothing,
    "recordings-some-nothing": some_give_nothing,
    "recording-read-before": read_before,
    "frames-skipped": skipped,
    "frames-dropped": dropped,
    "frames-failed": failed,
    "observations-unwritten": unwritten,
    "records-given-up": given_up,
    "records-held": held,
    "records-lost": lost,
    "crops-not-kept": crops_not_kept,
    "images-lack-frames": frames_of_images,
    "annotate-some-nothing": annotated,
}
