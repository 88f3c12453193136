"""Health of a camera as the process that watches it knows: its state, its clock, and what went wrong last."""

import msgspec


class CameraHealth(msgspec.Struct, frozen=True, kw_only=True):
    """A camera in the process that watches it.

    state: of its stream.
    error: what went wrong last, if anything.
    clock_suspect: why capture times are not the camera's own.
    sessions: openings of its stream since the process began.
    notes: sentences on the stream, such as which of its videos is read.
    """

    state: str
    error: str | None = None
    clock_suspect: str | None = None
    sessions: int = 0
    notes: tuple[str, ...] = ()
