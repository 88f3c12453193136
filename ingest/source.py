"""The interface of a camera: frames in capture order until the stream ends."""

from collections.abc import Iterator
from typing import Protocol

from ingest.frame import Frame


class VideoSource(Protocol):
    """One opened camera.

    `frames` yields in capture order and returns at the end of the stream. It raises SourceError when the
    stream breaks; the frames before the break have been delivered by then. `close` may be called from another
    thread and makes `frames` end soon.
    """

    def frames(self) -> Iterator[Frame]: ...

    def close(self) -> None: ...
