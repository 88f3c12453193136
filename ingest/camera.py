"""A camera as its user describes it."""

import re
from datetime import datetime
from typing import Annotated, Literal

import msgspec

from ingest.errors import ConfigError
from ingest.redact import redact

SCHEMES = ("rtsp", "rtsps", "http", "https", "file", "city")
CameraId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")]
"""Letters, digits, dot, dash and underscore: it is part of observation ids, keys and file names."""


class Camera(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One `[[cameras]]` table of the configuration.

    source: `rtsp://…`, `http://…`, a file's path, or `city://PRESET/N`; without a password.
    credentials: where the password is: `env:NAME` or `file:PATH`; read when the camera is opened.
    realtime: a file or city camera is paced at its own frame rate, and late frames are dropped, like a live
        camera; otherwise it is read as fast as it can be processed and no frame is dropped.
    starts_at: the time of a recording's first frame; without it 1970-01-01, so that media time is event time
        (with `realtime`, the moment the run starts).
    transport: of RTP for `rtsp://`; UDP loses packets rather than time.
    """

    id: CameraId
    source: str
    credentials: str | None = None
    realtime: bool = False
    starts_at: datetime | None = None
    transport: Literal["tcp", "udp"] = "tcp"

    @property
    def scheme(self) -> str:
        """`rtsp`, `http`, `city`, …; a plain path is `file`."""
        scheme, separator, _ = self.source.partition("://")
        return scheme.lower() if separator else "file"

    @property
    def finite(self) -> bool:
        """Whether its stream's end is the end: a recording, however it is paced."""
        return self.scheme in ("file", "city")

    @property
    def live(self) -> bool:
        """Whether frames come at their own pace and the newest one wins."""
        return self.realtime or not self.finite


def check_camera(camera: Camera) -> None:
    """Refuse what no reading of the source can mean; raises ConfigError."""
    where = f"camera '{camera.id}'"
    if re.match(r"^[a-z]+://[^/@]*:[^/@]*@", camera.source, re.IGNORECASE):
        raise ConfigError(
            f"{where}: the source has a password in it; keep only the user name there and say where the "
            f'password is, e.g. credentials = "env:{camera.id.upper().replace("-", "_")}_PASSWORD"'
        )
    if camera.scheme not in SCHEMES:
        raise ConfigError(
            f"{where}: unknown URL scheme '{camera.scheme}://' in source '{redact(camera.source)}' "
            f"(use rtsp://, http://, city://PRESET/N or a file's path)"
        )
    if camera.starts_at is not None and not 1970 <= camera.starts_at.year <= 2200:
        raise ConfigError(f"{where}: starts_at {camera.starts_at} is not between 1970 and 2200")
    if camera.credentials is not None and not re.match(r"^(env:\w+|file:.+)$", camera.credentials):
        raise ConfigError(f"{where}: credentials must be 'env:NAME' or 'file:PATH'")
