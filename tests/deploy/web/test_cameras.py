"""Cameras added, changed, paused and removed by the API and by forms: the commands' records, by an admin only."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypedDict

import msgspec
import pytest

from deploy.log.base import StoredRecord
from deploy.log.sqlite_log import SqliteLog
from deploy.log.topics import CAMERAS
from deploy.site.cameras import changes
from deploy.site.cameras.changes import CameraChanges
from deploy.site.cameras.record import CameraRecord, decode
from deploy.web.access.users import Role
from ingest.errors import LogError
from tests.deploy.web.client import Answer, Client
from tests.deploy.web.town import PASSWORD, Town, town

URL = "rtsp://user@10.0.0.1/1"
MORE = """
[[cameras]]
id = "query"
source = "http://10.0.0.2/video?pwd=geheim"
[[cameras]]
id = "secret"
source = "rtsp://user@10.0.0.3/1"
credentials = "env:CAMERA_PASSWORD"
"""
NAMES = {"vera": Role.VIEWER, "otto": Role.OPERATOR, "ada": Role.ADMIN}


class By(TypedDict):
    """Who says something, and when."""

    at_ns: int
    by: str


def in_folder_of_its_own(folder: Path, *, more: str = "", users: dict[str, Role] | None = None) -> Iterator[Town]:
    """A town of one vehicle in a folder that is the current one as long as it is there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        with town(folder, vehicles=1, more=more, users=users) as served:
            yield served


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A town whose cameras have passwords, for what leaves nothing on its log."""
    yield from in_folder_of_its_own(tmp_path_factory.mktemp("asked"), more=MORE)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    """The same to be changed."""
    monkeypatch.chdir(tmp_path)
    with town(tmp_path, vehicles=1, more=MORE) as served:
        yield served


def send(client: Client, method: str, path: str, body: object = None, **headers: str) -> Answer:
    sent = None if body is None else json.dumps(body).encode()
    return client.send(method, f"/api/v1/cameras{path}", sent, {"Content-Type": "application/json", **headers})


def records(log: SqliteLog) -> list[CameraRecord]:
    return [msgspec.structs.replace(decode(each.value), at_ns=0) for each in log.read(CAMERAS, 0, 1000)]


def test_the_api_puts_down_what_the_commands_do(site: Town, tmp_path: Path) -> None:
    other, said = SqliteLog(tmp_path / "other.db"), By(at_ns=0, by="local")
    there = other, site.config
    added, changed = CameraChanges(source=URL, credentials="env:CAMERA_PASSWORD"), CameraChanges(transport="udp")
    steps: list[tuple[str, str, CameraChanges | None, int, Callable[[], CameraRecord]]] = [
        ("POST", "", added, 201, lambda: changes.add(*there, "south", added, **said)),
        ("PATCH", "/south", changed, 200, lambda: changes.change(*there, "south", changed, **said)),
        ("POST", "/a/pause", None, 200, lambda: changes.pause(*there, "a", **said)),
        ("POST", "/a/resume", None, 200, lambda: changes.resume(*there, "a", **said)),
        ("DELETE", "/south", None, 200, lambda: changes.remove(*there, "south", **said)),
    ]
    for method, path, settings, status, command in steps:
        body = None if settings is None else settings.given | ({"id": "south"} if method == "POST" else {})
        answer = send(site.client, method, path, body)
        assert answer.status == status, answer.text
        made = command()
        assert records(site.log) == records(other)
        assert (answer.json["camera"], answer.json["wanted"]) == (made.camera, made.wanted)
    assert answer.json["settings"]["transport"] == "udp"
    other.close()
    listed = {each["camera"]: each["wanted"] for each in site.client.get("/api/v1/cameras").json["cameras"]}
    assert listed == {**dict.fromkeys(("a", "b", "c", "query", "secret"), "watched"), "south": "removed"}
    # One of the configuration that was removed comes back by its name alone, and as it stands there.
    assert send(site.client, "DELETE", "/secret").status == 200
    answer = send(site.client, "POST", "", {"id": "secret"})
    assert (answer.status, answer.json["settings"]["source"]) == (201, "rtsp://user@10.0.0.3/1")


REFUSED: dict[str, tuple[str, str, object, int, str]] = {
    "one that is there": ("POST", "", {"id": "a", "source": URL}, 422, "'a' is there already, watched"),
    "no id": ("POST", "", {"source": URL}, 422, "missing required field `id`"),
    "a wrong id": ("POST", "", {"id": "x y", "source": URL}, 422, "key 'id': expected letters"),
    "no source": ("POST", "", {"id": "new"}, 422, "'new' is not in the configuration: say its source"),
    "a password": ("POST", "", {"id": "new", "source": "rtsp://u:geheim@h/1"}, 422, "has a password in it"),
    "one in the query": ("POST", "", {"id": "new", "source": "rtsp://h/?pwd=geheim"}, 422, "has a password in it"),
    "a file that is not there": ("POST", "", {"id": "new", "source": "no.mp4"}, 422, "there is no file no.mp4"),
    "no such city": ("POST", "", {"id": "new", "source": "city://atlantis/0"}, 422, "atlantis"),
    "another's file": (
        "POST",
        "",
        {"id": "new", "source": URL, "credentials": "file:/etc/shadow"},
        422,
        "no camera has the credentials 'file:/etc/shadow' yet",
    ),
    "a wrong transport": ("PATCH", "/a", {"transport": "pigeon"}, 422, "transport: Invalid enum value"),
    "an unknown setting": ("PATCH", "/a", {"colour": "red"}, 422, "unknown field `colour`"),
    "a zero byte": ("PATCH", "/a", {"source": "a\0b"}, 422, "source"),
    "nothing": ("PATCH", "/a", {}, 422, "say what is to be changed"),
    "what it is": ("POST", "/a/resume", None, 422, "'a' is watched already"),
    "nobody": ("POST", "/nobody/pause", None, 404, "there is no camera 'nobody'"),
    "nobody's settings": ("PATCH", "/nobody", {"source": URL}, 404, "there is no camera 'nobody'"),
    "nobody's end": ("DELETE", "/nobody", None, 404, "there is no camera 'nobody'"),
}


@pytest.mark.parametrize(("method", "path", "body", "status", "words"), REFUSED.values(), ids=REFUSED)
def test_what_makes_no_sense_is_refused(
    asked: Town, method: str, path: str, body: object, status: int, words: str
) -> None:
    answer = send(asked.client, method, path, body)
    assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    assert words in answer.json["detail"]
    assert "geheim" not in answer.text
    assert asked.log.end(CAMERAS) == 0


def test_no_password_is_shown(asked: Town) -> None:
    shown = asked.client.get("/api/v1/cameras/query").json["wish"]["settings"]
    assert shown["source"] == "http://10.0.0.2/video?pwd=***"
    assert asked.client.get("/api/v1/cameras/secret").json["wish"]["settings"]["credentials"] == "env:CAMERA_PASSWORD"
    page = asked.client.get("/cameras/query").text
    assert 'value="http://10.0.0.2/video?pwd=***"' in page
    assert "geheim" not in page


FIELDS: dict[str, tuple[dict[str, str], str, str]] = {
    "a wrong id": ({"id": "x y", "source": URL}, "id", "expected letters"),
    "one that is there": ({"id": "a", "source": URL}, "id", "is there already"),
    "no source": ({"id": "new"}, "source", "say its source"),
    "no scheme": ({"id": "new", "source": "ftp://h/1"}, "source", "unknown URL scheme"),
    "no host": ({"id": "new", "source": "rtsp://:554/1"}, "source", "is no address"),
    "a password": ({"id": "new", "source": "rtsp://u:geheim@h/1"}, "source", "has a password in it"),
    "one in the query": ({"id": "new", "source": "rtsp://h/?pwd=geheim"}, "source", "has a password in it"),
    "no file": ({"id": "new", "source": "no.mp4"}, "source", "there is no file"),
    "no city": ({"id": "new", "source": "city://atlantis/0"}, "source", "atlantis"),
    "no place": ({"id": "new", "source": URL, "credentials": "env:PATH"}, "credentials", "no camera has"),
    "nothing for {password}": ({"id": "new", "source": "rtsp://u@h/{password}"}, "credentials", "nothing says what"),
    "a time before": ({"id": "new", "source": URL, "starts_at": "1066-10-14T09:00"}, "starts_at", "between 1970"),
}


@pytest.mark.parametrize(("typed", "field", "words"), FIELDS.values(), ids=FIELDS)
def test_a_form_says_what_is_wrong_beside_the_field_and_keeps_what_was_typed(
    asked: Town, typed: dict[str, str], field: str, words: str
) -> None:
    answer = asked.client.post_form("/cameras", {"transport": "udp", **typed})
    assert answer.status == 422
    said = re.search(rf'id="wrong-{field}">([^<]*)<', answer.text)
    assert said is not None, answer.text
    assert words in said[1]
    assert re.search(rf'<(input|select) [^>]*name="{field}"[^>]* aria-invalid="true"', answer.text)
    assert f'name="id" value="{typed["id"]}"' in answer.text
    assert re.search("<option selected>udp", answer.text)
    if "geheim" not in typed.get("source", ""):
        assert f'name="source" value="{typed.get("source", "")}"' in answer.text
    assert "geheim" not in answer.text
    assert asked.log.end(CAMERAS) == 0


def test_forms_add_and_change_and_leave_alone_what_stayed(site: Town) -> None:
    client = site.client
    sent = {"id": "south", "source": URL, "credentials": "env:CAMERA_PASSWORD", "realtime": "true"}
    assert client.post_form("/cameras", sent).headers["location"] == "/cameras"
    shown = {**sent, "transport": "tcp", "starts_at": "2026-05-04T08:00:00"}
    assert client.post_form("/cameras/south", shown).headers["location"] == "/cameras/south"
    settings = records(site.log)[-1].settings
    assert settings is not None
    assert (settings.source, settings.realtime, settings.credentials) == (URL, True, "env:CAMERA_PASSWORD")
    assert (settings.starts_at is not None, settings.transport) == (True, "tcp")
    again = client.post_form("/cameras/south", shown)
    assert (again.status, "say what is to be changed" in again.text) == (422, True)
    gone = client.post_form("/cameras/south", {**shown, "starts_at": ""})
    assert (gone.status, "starts_at stays once it was said" in gone.text) == (422, True)
    assert client.post_form("/cameras/south/pause", {}).status == 303
    page = client.get("/cameras/south").text
    assert all(words in page for words in (">paused<", ">Resume<", "as local said"))
    assert client.post_form("/cameras/south/remove", {}).status == 303
    assert ">Add it again<" in client.get("/cameras/south").text
    back = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', client.get("/cameras/south").text))
    assert client.post_form("/cameras", back).status == 303
    assert records(site.log)[-1].settings == settings
    # With a password that stays masked a source is not taken for another one.
    masked = {"source": "http://10.0.0.2/video?pwd=***", "transport": "tcp", "credentials": ""}
    assert "say what is to be changed" in client.post_form("/cameras/query", masked).text


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A town with accounts."""
    yield from in_folder_of_its_own(tmp_path_factory.mktemp("guarded"), users=NAMES)


def logged_in(served: Town, name: str) -> tuple[Client, str]:
    client = served.client
    assert client.log_in(name, PASSWORD).status == 303
    found = re.search(r'name="csrf" value="([^"]+)"', client.get("/cameras").text)
    assert found is not None
    return client, found[1]


@pytest.mark.parametrize("name", NAMES)
def test_an_admin_changes_cameras_and_nobody_else(guarded: Town, name: str) -> None:
    (client, csrf), may = logged_in(guarded, name), name == "ada"
    end = guarded.log.end(CAMERAS)
    page = client.get("/cameras/a").text
    assert ("Add a camera" in client.get("/cameras").text, ">Pause<" in page) == (may, may)
    asked: list[tuple[str, str, object]] = [
        ("POST", "", {"id": "south", "source": URL}),
        ("PATCH", "/south", {"transport": "udp"}),
        ("POST", "/south/pause", None),
        ("POST", "/south/resume", None),
        ("DELETE", "/south", None),
    ]
    for method, path, body in asked:
        answer = send(client, method, path, body, **{"X-CSRF-Token": csrf})
        assert (answer.status == 403) == (not may), answer.text
    forms = [("", {"id": "south", "source": URL}), ("/a", {"source": URL}), ("/a/pause", {}), ("/a/remove", {})]
    for path, fields in forms:
        answer = client.post_form(f"/cameras{path}", {**fields, "csrf": csrf})
        assert (answer.status == 403) == (not may), answer.text
    assert guarded.log.end(CAMERAS) - end == (9 if may else 0)
    if may:
        assert {record.by for record in records(guarded.log)} == {"ada"}


@pytest.mark.parametrize("headers", [{}, {"X-CSRF-Token": "guessed"}, {"Origin": "https://elsewhere.example"}])
def test_a_page_of_another_site_changes_no_camera(guarded: Town, headers: dict[str, str]) -> None:
    client, _ = logged_in(guarded, "ada")
    end = guarded.log.end(CAMERAS)
    for method, path in (("POST", "/b/pause"), ("DELETE", "/b")):
        assert send(client, method, path, **headers).status == 403
    assert send(client, "PATCH", "/b", {"source": URL}, **headers).status == 403
    for path in ("", "/b", "/b/pause", "/b/remove"):
        assert client.post_form(f"/cameras{path}", {"id": "x", "source": URL}, **headers).status == 403
    assert guarded.log.end(CAMERAS) == end


def test_changes_stand_in_the_audit_log_without_a_password(site: Town) -> None:
    send(site.client, "POST", "", {"id": "south", "source": "rtsp://u:geheim@h/1", "transport": "udp"})
    site.client.post_form("/cameras/a/pause", {})
    text = site.site.access.audit.path.read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    assert [(line["user"], line["action"], line["detail"]) for line in lines] == [
        ("local", "camera", "add south source=rtsp://u:***@h/1 transport=udp"),
        ("local", "camera", "pause a"),
    ]


def test_cameras_are_listed_while_the_log_is_away(site: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    assert send(site.client, "POST", "/a/pause").status == 200
    assert "paused" in site.client.get("/cameras").text

    def away(topic: str, after: int, limit: int) -> list[StoredRecord]:
        raise LogError("the broker is away")

    monkeypatch.setattr(site.log, "read", away)
    listed = {each["camera"]: each["wanted"] for each in site.client.get("/api/v1/cameras").json["cameras"]}
    assert (listed["a"], listed["b"]) == ("paused", "watched")
    answer = send(site.client, "POST", "/b/pause")
    assert (answer.status, "broker is away" in answer.json["detail"]) == (503, True)
