"""Opening of a camera's source from its description."""

import stat
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.camera import Camera
from ingest.clock import NS
from ingest.errors import ConfigError, error_context
from ingest.source import VideoSource
from ingest.stored_secret import read_secret

if TYPE_CHECKING:
    from ingest.network.packet_tap import PacketListener


def open_camera(
    camera: Camera, *, starts_ns: int, after_ns: int | None = None, listener: "PacketListener | None" = None
) -> VideoSource:
    """Open the source of a camera; frames captured up to and including `after_ns` are left out.

    `starts_ns`: Unix time of the first frame of a recording, or of the beginning of a rendered world. listener: is
    handed the packets of a network camera's H.264 video.

    Raises SourceError if it cannot be opened now, ConfigError if it never can.
    """
    if camera.scheme == "city":
        from ingest.synthetic.source import SyntheticCamera
        from ingest.synthetic.world.presets import parse_city_url

        preset, index = parse_city_url(camera.source)
        return SyntheticCamera(preset, index, camera.id, start_ns=starts_ns, after_ns=after_ns)
    if camera.scheme == "file":
        from ingest.video import RecordedVideo

        return RecordedVideo(file_path(camera), camera.id, starts_ns=starts_ns, after_ns=after_ns)
    from ingest.network.streamed import StreamedVideo

    return StreamedVideo(camera, password(camera), transport=camera.transport, listener=listener)


def file_path(camera: Camera) -> Path:
    """The path of a file camera; raises ConfigError where its `~` is nobody's."""
    try:
        return Path(camera.source.removeprefix("file://")).expanduser()
    except RuntimeError as error:
        raise ConfigError(f"camera '{camera.id}': {camera.source}: {error}", key="source") from error


def start_ns(starts_at: datetime | None, *, otherwise_ns: int) -> int:
    """Convert `starts_at` to Unix nanoseconds; a time without a zone is local time, as TOML has it."""
    if starts_at is None:
        return otherwise_ns
    return round(starts_at.timestamp() * 1_000_000) * (NS // 1_000_000)


def password(camera: Camera) -> str | None:
    """Read the password that `credentials` points to, masked in messages from now on; raises ConfigError for none."""
    if camera.credentials is None:
        return None
    with error_context(f"camera '{camera.id}'"):
        return read_secret(camera.credentials, "credentials")


def check_source(camera: Camera) -> None:
    """Refuse what can be refused without opening: a file that is not there, an unknown city, a missing password."""
    if camera.scheme == "file":
        path = file_path(camera)
        try:
            mode = path.stat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            raise ConfigError(
                f"camera '{camera.id}': there is no file {path} (looked in {Path.cwd()})", key="source"
            ) from None
        except (OSError, ValueError) as error:  # too long a name, no right to look, a zero byte
            reason = error.strerror if isinstance(error, OSError) else error
            raise ConfigError(f"camera '{camera.id}': cannot read the file {path}: {reason}", key="source") from error
        if not stat.S_ISREG(mode):
            raise ConfigError(f"camera '{camera.id}': {path} is not a file", key="source")
    elif camera.scheme == "city":
        from ingest.synthetic.world.presets import parse_city_url

        try:
            parse_city_url(camera.source)
        except ConfigError as error:
            error.key = "source"
            raise
    else:
        password(camera)
