"""Camera URLs with a password in them: masked wherever they are shown, and filled in so that they keep their parts."""

import random
import string
from pathlib import Path
from urllib.parse import unquote, urlsplit

from deploy.site.config import parse_config
from ingest.camera import Camera
from ingest.errors import CorridorError, SourceError
from ingest.network.open_stream import with_password
from ingest.network.streamed import StreamedVideo
from ingest.redact import redact, redact_source, remember
from ingest.secrets import PLACEHOLDER
from tests.ingest.credential_urls import PLACES, TYPED, typed_url, url

LETTERS = string.ascii_letters + string.digits
AWKWARD = "".join(chr(code) for code in range(33, 127) if chr(code) not in '&\\"') + " äßé漢字🚗"
USERS = ("admin", "viewer", "a.b-c_d")
NOBODY = "127.0.0.1:1"


def check(rng: random.Random, folder: Path) -> list[str]:
    alphabet = rng.choice((LETTERS, AWKWARD))
    # Letters around it, so that no part of it is a word of a message by chance.
    password = "Xq7" + "".join(rng.choices(alphabet, k=rng.randint(3, 16))) + "Zj4"
    user = rng.choice(USERS)
    if rng.random() < 0.5:
        source = url(rng.choice(sorted(PLACES)), password, user=user, host=NOBODY)
    else:
        source = typed_url(rng.choice(sorted(TYPED)), password, user=user, host=NOBODY)
    print(redact_source(source))
    print(redact(f"Cannot open '{source}': no answer") if password.isalnum() else "")
    show(source)
    fill(rng.choice(sorted(TYPED)), password, user)
    return [password]


def show(source: str) -> None:
    """Through the configuration and an opening that fails, as `cameras check` does."""
    quoted = source.replace("\\", "\\\\").replace('"', '\\"')
    text = f'[[cameras]]\nid = "a"\nsource = "{quoted}"\n'
    try:
        (camera,) = parse_config(text, "site.toml").cameras
        print(camera)
        StreamedVideo(camera, None, open_s=5.0)
    except CorridorError as error:
        print(redact(str(error)))
        print(redact(f"a library says {source!r}"))


def fill(place: str, password: str, user: str) -> None:
    """`{password}` from the credentials: the URL keeps its host and gives the password back."""
    source = TYPED[place].format(user=user, host=NOBODY, secret=PLACEHOLDER)
    filled = with_password(source, password)
    assert urlsplit(filled).netloc.rpartition("@")[2] == NOBODY, place
    assert password in unquote(filled), place
    remember(password)
    try:
        StreamedVideo(Camera(id="a", source=source, credentials="env:X"), password, open_s=5.0)
    except SourceError as error:
        print(error)
