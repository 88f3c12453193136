"""Messages to test with."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from embed.observation import (
    BoxAt,
    CameraChange,
    CameraEpoch,
    Correction,
    Gap,
    Message,
    Observation,
    Tick,
    TrackletState,
    pack_vector,
    tracklet_id,
)
from ingest.clock import NS
from ingest.frame import ClockQuality

ENCODER = "colour@1"


def unit(seed: int, dim: int = 16) -> NDArray[np.float32]:
    """A vector of norm 1; different seeds are nearly orthogonal to each other in many dimensions."""
    vector = np.random.default_rng(seed).normal(size=dim)
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def observation(
    camera: str = "north",
    track: int = 1,
    *,
    at_s: float = 12.0,
    first_s: float = 10.0,
    last_s: float | None = None,
    state: TrackletState = TrackletState.UPDATED,
    sequence: int = 1,
    epoch: CameraEpoch = CameraEpoch(1, 0),  # noqa: B008 - frozen
    vector: NDArray[np.float32] | None = None,
    dim: int = 16,
    boxes: int = 2,
    encoder: str = ENCODER,
    label: str = "vehicle",
    clock: ClockQuality = ClockQuality.FILE,
) -> Observation:
    """An observation with everything in it."""
    path = [BoxAt(125_000 * i, 1000 + 20 * i, 500, 1400 + 20 * i, 800) for i in range(boxes)]
    return Observation(
        id=f"{tracklet_id(camera, epoch, track)}|{sequence}",
        camera=camera,
        epoch=epoch,
        track=track,
        sequence=sequence,
        state=state,
        at_ns=round(at_s * NS),
        first_ns=round(first_s * NS),
        last_ns=round((at_s if last_s is None else last_s) * NS),
        clock=clock,
        frame_size=(640, 360),
        path=path,
        label=label,
        score=0.75,
        encoder=encoder,
        vector=pack_vector(unit(7, dim) if vector is None else vector),
        quality=0.5,
        crops=3,
    )


def gap(*, at_s: float = 14.0) -> Gap:
    """Records that were given up."""
    return Gap(camera="north", epoch=CameraEpoch(1, 1), sequence=0, at_ns=round(at_s * NS), records=42)


def tick(
    camera: str = "north",
    *,
    at_s: float = 13.0,
    final: bool = False,
    epoch: CameraEpoch = CameraEpoch(1, 0),  # noqa: B008 - frozen
    sequence: int = 4,
) -> Tick:
    """A second of a camera's clock."""
    return Tick(
        camera=camera,
        epoch=epoch,
        sequence=sequence,
        at_ns=round(at_s * NS),
        final=final,
        decoded=325,
        analysed=104,
        dropped=0,
    )


def delayed() -> Tick:
    """A tick that was held back while the log was away."""
    return msgspec.structs.replace(tick(), behind_ns=75 * NS)


def counted() -> dict[str, Message]:
    """A message of every kind of a camera's, with its count; by kind."""
    messages: dict[str, Message] = {"observation": observation(), "tick": tick(), "gap": gap()}
    return {name: msgspec.structs.replace(message, count=417) for name, message in messages.items()}


def correction(*, at_s: float = 15.0) -> Correction:
    """Two tracklets that are one vehicle."""
    return Correction(
        id=f"correction|{round(at_s * NS)}|north|1.0|1|south|1.0|2|same",
        at_ns=round(at_s * NS),
        verdict="same",
        tracklets=("north|1.0|1", "south|1.0|2"),
        by="night shift",
    )


def camera_change(*, at_s: float = 16.0) -> CameraChange:
    """A camera that looks elsewhere."""
    at_ns = round(at_s * NS)
    return CameraChange(
        id=f"camera-change|{at_ns}|north|moved", at_ns=at_ns, camera="north", change="moved", by="night shift"
    )
