"""A change of a camera that somebody asks for in a browser or through the API: checked, noted, put on the log."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Literal

import msgspec

from deploy.site.cameras import changes
from deploy.site.cameras.changes import CameraChanges
from deploy.site.cameras.record import CameraRecord
from deploy.web.access.control import address_of
from deploy.web.operation import Call
from deploy.web.problems import RequestError
from deploy.web.roster.wishes import CameraWish
from deploy.web.site import WebSite
from ingest.errors import ConfigError
from ingest.redact import redact_source

Text = Annotated[str, msgspec.Meta(max_length=2000, pattern=r"^[^\x00]*\Z")]


class ChangedCamera(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of a camera that are to be others, as in `[[cameras]]`; what is left out, or null, stays.

    source: its address or file, without a password.
    credentials: place of the password, one that a camera of the site has already.
    realtime: a file or city camera is paced at its own frame rate.
    starts_at: time of a recording's first frame.
    transport: transport of RTP for `rtsp://`.
    """

    source: Text | None = None
    credentials: Text | None = None
    realtime: bool | None = None
    starts_at: datetime | None = None
    transport: Literal["tcp", "udp"] | None = None

    @property
    def changes(self) -> CameraChanges:
        """The same as the commands have it."""
        return CameraChanges(**{name: getattr(self, name) for name in CameraChanges.__struct_fields__})


class NewCamera(ChangedCamera, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A camera to be watched from now on; without any setting one of the configuration that was removed.

    id: its name.
    """

    id: Text


Change = Callable[..., CameraRecord]

STATES: dict[str, tuple[str, Change]] = {
    "pause": ("Have a camera watched no more for now.", changes.pause),
    "resume": ("Have a paused camera watched again.", changes.resume),
    "remove": ("Have a camera watched no more; what it has seen stays.", changes.remove),
}
"""Changes without settings by their command: what each does, and the function that does it."""


def add_camera(site: WebSite, call: Call, new: NewCamera) -> CameraWish:
    """Have one camera more watched; raises ConfigError and LogError as the command does."""
    return _put(site, call, "add", new.id, new, changes.add)


def change_camera(site: WebSite, call: Call, changed: ChangedCamera) -> CameraWish:
    """Give the camera of a path other settings; raises RequestError, ConfigError and LogError."""
    return _put(site, call, "change", _known(site, call), changed, changes.change)


def put_state(site: WebSite, command: str, call: Call) -> CameraWish:
    """Pause, resume or remove the camera of a path; raises as `change_camera`."""
    return _put(site, call, command, _known(site, call), None, STATES[command][1])


def _known(site: WebSite, call: Call) -> str:
    """The camera of a path; raises RequestError where there is none."""
    name = call.path("camera")
    if name not in site.wishes.entries:
        raise RequestError(404, f"there is no camera '{name[:80]}'")
    return name


def _put(
    site: WebSite, call: Call, command: str, camera: str, settings: ChangedCamera | None, change: Change
) -> CameraWish:
    assert call.caller is not None
    if settings is not None:
        _check_place(site, camera, settings.credentials)
    given = () if settings is None else (settings.changes,)
    site.access.audit.note(call.caller.name, address_of(call.request), "camera", _words(command, camera, settings))
    with site.saying:
        made = change(site.log, site.config, camera, *given, at_ns=site.clock.now_ns(), by=call.caller.name)
    return site.wishes.of(made)


def _check_place(site: WebSite, camera: str, place: str | None) -> None:
    """Refuse the place of a password that no camera has: an account must not choose what a camera's process reads."""
    if place is not None and place not in site.wishes.places:
        raise ConfigError(
            f"camera '{camera}': no camera has the credentials '{place}' yet; say them once in the configuration, or "
            "with `corridor cameras add | change --credentials`",
            key="credentials",
        )


def _words(command: str, camera: str, settings: ChangedCamera | None) -> str:
    """The audit log's words."""
    given = {} if settings is None else settings.changes.given
    if "source" in given:
        given["source"] = redact_source(given["source"])
    return " ".join([command, camera, *(f"{name}={value}" for name, value in given.items())])
