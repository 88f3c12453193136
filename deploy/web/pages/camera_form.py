"""The form of a camera's settings: what it shows, and the settings that are sent with it."""

from typing import Any, TypeVar

import msgspec

from deploy.web.pages.identities import local_time
from deploy.web.problems import RequestError
from deploy.web.roster.changing import ChangedCamera, NewCamera
from deploy.web.roster.wishes import ShownSettings
from ingest.errors import ConfigError
from ingest.redact import redact_source

Settings = TypeVar("Settings", bound=ChangedCamera)


class CameraForm(msgspec.Struct, frozen=True, kw_only=True):
    """Fields of the form, as a browser sends them; a time is one of this machine's time zone."""

    id: str = ""
    source: str = ""
    credentials: str = ""
    realtime: bool = False
    starts_at: str = ""
    transport: str = "tcp"

    def safe(self) -> "CameraForm":
        """The same to be shown again, without any password that was typed."""
        return msgspec.structs.replace(self, source=redact_source(self.source))

    def new(self) -> NewCamera:
        """The camera that is to be added; raises ConfigError and RequestError."""
        return _converted({"id": self.id.strip(), **self._different(CameraForm())}, NewCamera)

    def changed(self, before: ShownSettings) -> ChangedCamera:
        """The settings that are to be other than before; raises ConfigError and RequestError."""
        return _converted(self._different(form_of("", before)), ChangedCamera)

    def _different(self, shown: "CameraForm") -> dict[str, Any]:
        """The settings that are not as they were shown."""
        different: dict[str, Any] = {}
        for name in ChangedCamera.__struct_fields__:
            typed = getattr(self, name)
            value = typed.strip() if isinstance(typed, str) else typed
            if value == getattr(shown, name):
                continue
            if value == "":
                raise ConfigError(f"{name} stays once it was said: remove the camera and add it anew", key=name)
            different[name] = local_time(value) if name == "starts_at" else value
        return different


def form_of(camera: str, settings: ShownSettings) -> CameraForm:
    """The form of a camera as it is."""
    at = settings.starts_at
    return CameraForm(
        id=camera,
        source=settings.source,
        credentials=settings.credentials or "",
        realtime=settings.realtime,
        starts_at="" if at is None else f"{at.astimezone():%Y-%m-%dT%H:%M:%S}",
        transport=settings.transport,
    )


def _converted(settings: dict[str, Any], kind: type[Settings]) -> Settings:
    try:
        return msgspec.convert(settings, kind)
    except msgspec.ValidationError as error:
        raise RequestError(422, str(error)) from error
