"""The first configuration of a site, with comments, from the addresses of its cameras."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from urllib.parse import unquote

from ingest.camera import Camera
from ingest.errors import ConfigError
from ingest.redact import redact_source, remember
from ingest.secrets import PLACEHOLDER, Place, find_secrets

_NAMED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]{0,63})=(.+)", re.DOTALL)


def camera_of(text: str, number: int) -> Camera:
    """The camera of `URL` or `ID=URL`, called `camera-N` without an id.

    A password in the URL is taken out: the camera has `credentials` instead, and this process the environment
    variable that they name. Raises ConfigError where there are several passwords.
    """
    match = _NAMED.fullmatch(text.strip())
    camera_id, source = (match[1], match[2]) if match else (f"camera-{number}", text.strip())
    secrets = find_secrets(source, source=True) if "://" in source else []
    if not secrets:
        return Camera(id=camera_id, source=source)
    if len(secrets) > 1:
        raise ConfigError(
            f"{redact_source(source)} has several passwords in it; keep one of them, or write the configuration by hand"
        )
    secret = secrets[0]
    password = unquote(source[secret.start : secret.end])
    remember(password)
    before, after = source[: secret.start], source[secret.end :]
    kept = before.removesuffix(":") if secret.place is Place.ACCOUNT else before + PLACEHOLDER
    variable = f"{re.sub(r'[^A-Za-z0-9]', '_', camera_id).upper()}_PASSWORD"
    if variable[0].isdigit():
        variable = f"CAMERA_{variable}"
    os.environ[variable] = password
    return Camera(id=camera_id, source=kept + after, credentials=f"env:{variable}")


def starting_configuration(cameras: Sequence[Camera], name: str, notes: Mapping[str, str]) -> str:
    """The text of a configuration called `name`; notes: by camera id, a comment of one line."""
    parts = [
        f"# Cameras of a site, written by `corridor init`. All settings: docs/configuration.md.\n"
        f"# corridor cameras check {name}    does every camera give frames?\n"
        f"# corridor run {name}              watch them and link their vehicles\n"
    ]
    parts += [_camera_table(camera, notes.get(camera.id, "")) for camera in cameras]
    parts.append(
        "[detect]\n"
        'detector = "pvb-2004"  # `corridor weights pull` fetches it; "motion" needs no weights, and sees no\n'
        "                       # vehicle that stands\n"
    )
    if len(cameras) > 1:
        parts.append(_travel_tables(cameras[0].id, cameras[1].id))
    return "\n".join(parts)


def _camera_table(camera: Camera, note: str) -> str:
    lines = [f"# {' '.join(note.split())}"] if note else []
    lines += ["[[cameras]]", f"id = {_quoted(camera.id)}", f"source = {_quoted(camera.source)}"]
    if camera.credentials is not None:
        lines.append(f"credentials = {_quoted(camera.credentials)}")
    return "\n".join(lines) + "\n"


def _travel_tables(start: str, end: str) -> str:
    return (
        "# Seconds between leaving one view and entering the next, where you know them. They need not be given:\n"
        "# times up to 300 s are learned from the traffic. Hardly anything is linked outside of a window.\n"
        "#\n"
        "# [associate]\n"
        "# only_listed = true  # no vehicle goes from camera to camera where no table says so\n"
        "#\n"
        "# [[associate.travel]]\n"
        f"# start = {_quoted(start)}\n"
        f"# end = {_quoted(end)}\n"
        "# min_s = 5\n"
        "# max_s = 60\n"
        "# both_ways = true\n"
    )


def _quoted(text: str) -> str:
    """A TOML string; JSON's escapes are TOML's, where what is no ASCII stays as it is."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
