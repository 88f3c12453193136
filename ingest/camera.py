"""A camera as its user describes it."""

import logging
from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec

from ingest.errors import ConfigError, error_context
from ingest.redact import redact_source
from ingest.secrets import PLACEHOLDER, find_secrets, is_password
from ingest.stored_secret import check_place

logger = logging.getLogger(__name__)

SCHEMES = ("rtsp", "rtsps", "http", "https", "file", "city")
CameraId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")]
"""Letters, digits, dot, dash and underscore: it is part of observation ids, keys and file names."""


class Camera(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One `[[cameras]]` table of the configuration.

    id: name of the camera; part of observation ids, keys and file names.
    source: `rtsp://…`, `http://…`, a file's path, or `city://PRESET/N`; without a password. Where the password has its
        place in the path or the query, `{password}` stands for it.
    credentials: place of the password: `env:NAME` or `file:PATH`; read when the camera is opened.
    realtime: a file or city camera is paced at its own frame rate, and late frames are dropped, like a live
        camera; otherwise it is read as fast as it can be processed and no frame is dropped.
    starts_at: time of a recording's first frame; without it 1970-01-01, so that media time is event time
        (with `realtime`, the moment the run starts).
    transport: transport of RTP for `rtsp://`; UDP loses packets rather than time.
    """

    id: CameraId
    source: str
    credentials: str | None = None
    realtime: bool = False
    starts_at: datetime | None = None
    transport: Literal["tcp", "udp"] = "tcp"

    def __repr__(self) -> str:
        return f"Camera(id={self.id!r}, source={redact_source(self.source)!r})"

    @property
    def scheme(self) -> str:
        """`rtsp`, `http`, `city`, …; a plain path is `file`."""
        scheme, separator, _ = self.source.partition("://")
        return scheme.lower() if separator else "file"

    @property
    def finite(self) -> bool:
        """True where its stream's end is the end: a recording, however it is paced."""
        return self.scheme in ("file", "city")

    @property
    def live(self) -> bool:
        """True where frames come at their own pace and the newest one wins."""
        return self.realtime or not self.finite


def check_camera(camera: Camera) -> None:
    """Refuse what no reading of the source can mean; raises ConfigError."""
    where = f"camera '{camera.id}'"
    _check_secrets(camera, where)
    if camera.scheme not in SCHEMES:
        raise ConfigError(
            f"{where}: unknown URL scheme '{camera.scheme}://' in source '{redact_source(camera.source)}' "
            f"(use rtsp://, http://, city://PRESET/N or a file's path)",
            key="source",
        )
    if not camera.finite and not _has_host(camera.source):
        raise ConfigError(
            f"{where}: the source '{redact_source(camera.source)}' is no address "
            f"(expected {camera.scheme}://HOST[:PORT]/PATH; an IPv6 address stands in brackets)",
            key="source",
        )
    if camera.starts_at is not None and not 1970 <= camera.starts_at.year <= 2200:
        raise ConfigError(f"{where}: starts_at {camera.starts_at} is not between 1970 and 2200", key="starts_at")
    if camera.credentials is not None:
        with error_context(where):
            check_place(camera.credentials, "credentials")


def _check_secrets(camera: Camera, where: str) -> None:
    """Refuse a password before the host; one elsewhere is masked in all that is said, with a warning."""
    found = [] if camera.scheme in ("file", "city") else find_secrets(camera.source, source=True)
    example = f'credentials = "env:{camera.id.upper().replace("-", "_").replace(".", "_")}_PASSWORD"'
    if any(is_password(camera.source, each) for each in found):
        raise ConfigError(
            f"{where}: the source has a password in it; keep only the user name there and say where the "
            f"password is, e.g. {example}",
            key="source",
        )
    if found:
        logger.warning(
            "%s: the source %s has a password in it; better write %s there and say where it is, e.g. %s",
            where,
            redact_source(camera.source),
            PLACEHOLDER,
            example,
        )
    if PLACEHOLDER in camera.source and not camera.finite and camera.credentials is None:
        raise ConfigError(
            f"{where}: nothing says what {PLACEHOLDER} in the source is; add e.g. {example}", key="credentials"
        )


def _has_host(source: str) -> bool:
    """True where a URL has a host, and no port or one that can be."""
    try:
        parts = urlsplit(source)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:  # whose message may hold what stands in a password's place
        return False
