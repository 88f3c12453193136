"""Ground truth of a recording of the city, as files beside it.

`CAMERA.gt.txt` is text of the MOT Challenge, one visible box a line: `frame,id,x,y,w,h,1,class,visibility`; frame is
the sequence number + 1, so numbers go on behind an outage; classes as in CLASSES.

`CAMERA.times.txt` says when each image was captured by the camera's own clock: `frame,captured_ns`.

`CAMERA.truth.jsonl` says everything, JSON lines: first a Header, then a FrameLine for every image of the recording.
"""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import msgspec

from ingest.errors import ConfigError
from ingest.synthetic.camera.spec import CameraClock, CameraPose
from ingest.synthetic.world.weather import Weather
from ingest.truth import TrueFrame, TrueSighting, decode_mask, encode_mask, pack_mask

CLASSES = {"car": 1, "truck": 2, "bus": 3, "motorcycle": 4, "van": 5}
"""The class numbers of `CAMERA.gt.txt`."""

BOXES_ENDING, TIMES_ENDING, TRUTH_ENDING = ".gt.txt", ".times.txt", ".truth.jsonl"


class TruthHeader(msgspec.Struct, frozen=True, kw_only=True):
    """Header of the ground truth of a recording.

    source: of the images, `city://PRESET/N`. seed: of the preset. traffic: where it comes from, and whom to name.
    trace: SHA-256 of the file that the traffic is from. width, height: pixels. fps: images per second. starts_ns:
    Unix time of frame 0. seconds: length, outages included. focal_px, centre_px: of the pinhole, square pixels, (0, 0)
    is the upper left corner of the image. clock: how wrong the camera's is. dark: spans (from_s, to_s) without
    images. bits_per_s: of the video.
    """

    format: Literal["corridor-truth-1"] = "corridor-truth-1"
    camera: str
    source: str
    seed: int
    traffic: str
    trace: str = ""
    width: int
    height: int
    fps: float
    starts_ns: int
    seconds: float
    pose: CameraPose
    focal_px: float
    centre_px: tuple[float, float]
    clock: CameraClock
    dark: tuple[tuple[float, float], ...]
    weather: Weather
    bits_per_s: int


class SightingLine(msgspec.Struct, frozen=True, kw_only=True):
    """One vehicle in one frame; see ingest.truth.TrueSighting.

    box, full: left, top, right, bottom. mask: the visible pixels of the box as run lengths, column by column as in
    COCO, beginning with pixels that are not visible.
    """

    id: int
    kind: str
    box: tuple[int, int, int, int]
    full: tuple[int, int, int, int]
    visible: float
    occluded: float
    ground_m: tuple[float, float]
    heading_deg: float
    mask: list[int]


class FrameLine(msgspec.Struct, frozen=True, kw_only=True):
    """One image; see ingest.truth.TrueFrame."""

    sequence: int
    captured_ns: int
    camera_ns: int
    vehicles: list[SightingLine]


class TruthWriter:
    """Writer of the ground truth of one camera into a folder, frame by frame."""

    def __init__(self, folder: Path, header: TruthHeader) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._boxes = (folder / f"{header.camera}{BOXES_ENDING}").open("w", encoding="ascii", newline="\n")
        self._times = (folder / f"{header.camera}{TIMES_ENDING}").open("w", encoding="ascii", newline="\n")
        self._lines = (folder / f"{header.camera}{TRUTH_ENDING}").open("wb")
        self._encoder = msgspec.json.Encoder()
        self._line(header)

    def write(self, frame: TrueFrame) -> None:
        """Append a frame."""
        self._times.write(f"{frame.sequence + 1},{frame.camera_ns}\n")
        for sighting in frame.sightings:
            left, top, right, bottom = sighting.box_xyxy
            box = f"{left},{top},{right - left},{bottom - top}"
            row = f"{frame.sequence + 1},{sighting.vehicle_id},{box},1,{CLASSES[sighting.kind]},{sighting.visible:.3f}"
            self._boxes.write(row + "\n")
        vehicles = [_line_of(sighting) for sighting in frame.sightings]
        self._line(
            FrameLine(
                sequence=frame.sequence, captured_ns=frame.captured_ns, camera_ns=frame.camera_ns, vehicles=vehicles
            )
        )

    def close(self) -> None:
        """Finish the files."""
        self._boxes.close()
        self._times.close()
        self._lines.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _line(self, value: TruthHeader | FrameLine) -> None:
        self._lines.write(self._encoder.encode(value) + b"\n")


def read_truth_header(path: Path) -> TruthHeader:
    """Read the header of a `.truth.jsonl`, its first line; raises ConfigError where it is none."""
    try:
        with path.open("rb") as lines:
            return msgspec.json.decode(lines.readline(), type=TruthHeader)
    except (OSError, msgspec.DecodeError) as error:
        raise _unreadable(path, 1, error) from error


def read_frames(path: Path) -> Iterator[TrueFrame]:
    """Read the frames of a `.truth.jsonl`; raises ConfigError at a line that is none."""
    decoder = msgspec.json.Decoder(FrameLine)
    read_truth_header(path)
    with path.open("rb") as lines:
        lines.readline()
        for number, line in enumerate(lines, start=2):
            try:
                read = decoder.decode(line)
                sightings = tuple(_sighting_of(vehicle) for vehicle in read.vehicles)
            except (msgspec.DecodeError, ValueError) as error:
                raise _unreadable(path, number, error) from error
            yield TrueFrame(read.sequence, read.captured_ns, read.camera_ns, sightings)


def _unreadable(path: Path, number: int, error: Exception) -> ConfigError:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return ConfigError(f"cannot read the truth {path}, line {number}: {reason}")


def _line_of(sighting: TrueSighting) -> SightingLine:
    x_m, y_m = sighting.ground_m
    return SightingLine(
        id=sighting.vehicle_id,
        kind=sighting.kind,
        box=sighting.box_xyxy,
        full=sighting.full_xyxy,
        visible=round(sighting.visible, 4),
        occluded=round(sighting.occluded, 4),
        ground_m=(round(x_m, 3), round(y_m, 3)),
        heading_deg=round(sighting.heading_deg, 2),
        mask=encode_mask(sighting.mask),
    )


def _sighting_of(line: SightingLine) -> TrueSighting:
    left, top, right, bottom = line.box
    mask = decode_mask(line.mask, (right - left, bottom - top))
    return TrueSighting(
        line.id,
        line.kind,
        line.box,
        line.full,
        line.visible,
        line.occluded,
        line.ground_m,
        line.heading_deg,
        pack_mask(mask),
    )
