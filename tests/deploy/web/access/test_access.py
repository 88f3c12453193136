"""Who may do what, and what is tried against that: a test for each."""

import http.client
import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.log.opening import open_log
from deploy.log.topics import OBSERVATIONS
from deploy.web.access.login_limit import BURST, LoginLimit
from deploy.web.access.sessions import IDLE_S, Sessions
from deploy.web.access.users import Role, User, Users
from deploy.web.app import operations_of
from deploy.web.live.watching import WATCH
from deploy.web.operation import Operation
from deploy.web.pages.rendering import Renderer
from deploy.web.server import make_site
from ingest.clock import ManualClock
from ingest.errors import ConfigError
from tests.deploy.web.client import Client
from tests.deploy.web.town import PASSWORD, QUICK, Town, configured, town

NAMES = {"vera": Role.VIEWER, "otto": Role.OPERATOR, "ada": Role.ADMIN}
PUBLIC = {"/healthz", "/readyz", "/login"}
SPLIT = {"verdict": "different", "tracklets": ["a|1.0|4", "b|1.0|4"]}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A town with users, one for all tests of this module."""
    folder = tmp_path_factory.mktemp("guarded")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        with town(folder, users=NAMES) as served:
            yield served


@pytest.fixture(autouse=True)
def no_attempts_of_other_tests(guarded: Town) -> None:
    guarded.site.access.limit._buckets.clear()


def logged_in(town: Town, name: str) -> Client:
    client = town.client
    assert client.log_in(name, PASSWORD).status == 303
    return client


def csrf_of(client: Client) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', client.get("/identities/z-4").text)
    assert found is not None
    return found[1]


def operations(town: Town) -> list[Operation]:
    return operations_of(town.site, Renderer(town.site))


def filled(path: str) -> str:
    return re.sub(r"\{camera\}", "a", re.sub(r"\{file\}", "1.0-1-0.jpg", path.replace("{identity}", "z-1")))


def test_every_operation_but_the_public_ones_refuses_strangers(guarded: Town) -> None:
    tried = 0
    for each in operations(guarded):
        headers = {"Content-Type": "application/json" if each.is_api else "application/x-www-form-urlencoded"}
        answer = guarded.client.send(each.method, filled(each.path), b"{}" if each.method == "POST" else None, headers)
        if each.path in PUBLIC:
            assert each.role is None
            continue
        tried += 1
        assert each.role is not None, each.path
        refused = 401 if each.is_api or each.path.startswith(("/crops", "/metrics")) else 303
        assert answer.status in (401, refused), (each.path, answer.status)
        if answer.status == 303:
            assert answer.headers["location"].startswith("/login")
        assert b"z-1" not in answer.body
    assert tried > 18


def test_every_route_is_an_operation_with_a_rule(guarded: Town) -> None:
    from deploy.web.app import make_app

    # WATCH asks for the role by itself: test_live, strangers see no video
    paths = {getattr(route, "path", None) for route in make_app(guarded.site).routes} - {"/static", WATCH}
    assert paths == {each.path for each in operations(guarded)}


@pytest.mark.parametrize(("name", "status"), [("vera", 403), ("otto", 201), ("ada", 201)])
def test_corrections_need_an_operator(guarded: Town, name: str, status: int) -> None:
    client = logged_in(guarded, name)
    end = guarded.log.end(OBSERVATIONS)
    found = re.search(r'name="csrf" value="([^"]+)"', client.get("/identities").text)  # in the log-out form
    assert found is not None
    answer = client.post_json("/api/v1/corrections", SPLIT, **{"X-CSRF-Token": found[1]})
    assert answer.status == status, answer.text
    assert guarded.log.end(OBSERVATIONS) - end == (status == 201)
    assert ("Wrong: split here" in client.get("/identities/z-4").text) == (status == 201)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"X-CSRF-Token": "guessed"}, 403),
        ({"X-CSRF-Token": "\xe4"}, 403),
        ({"Origin": "https://elsewhere.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_a_page_of_another_site_corrects_nothing(guarded: Town, headers: dict[str, str], status: int) -> None:
    client = logged_in(guarded, "otto")
    end = guarded.log.end(OBSERVATIONS)
    fields = {"verdict": "different", "one": "a|1.0|4", "other": "b|1.0|4"}
    assert client.post_form("/identities/z-4/corrections", fields, **headers).status == status
    assert client.post_json("/api/v1/corrections", SPLIT, **headers).status == status
    assert guarded.log.end(OBSERVATIONS) == end


def test_without_accounts_a_program_may_and_a_page_of_another_site_may_not(own: Town) -> None:
    sent = {"Origin": f"http://127.0.0.1:{own.port}"}
    assert own.client.post_json("/api/v1/corrections", SPLIT, **sent).status == 403  # a browser, without a page's token
    assert own.client.post_json("/api/v1/corrections", SPLIT, Origin="http://evil.example").status == 403
    assert own.client.post_json("/api/v1/corrections", SPLIT).status == 201


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8600", "127.0.0.1.evil.example"])
def test_on_loopback_another_name_for_this_machine_is_refused(own: Town, host: str) -> None:
    assert own.client.get("/api/v1/identities", Host=host).status == 421
    assert own.client.get("/api/v1/identities", Host=f"localhost:{own.port}").status == 200


def test_a_session_has_an_id_that_nobody_gave_it(guarded: Town) -> None:
    client = guarded.client
    client.cookie = "corridor_session=chosen-by-somebody-else"
    answer = client.log_in("vera", PASSWORD)
    cookie = answer.headers["set-cookie"]
    assert "chosen-by-somebody-else" not in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    fixed = guarded.client
    fixed.cookie = "corridor_session=chosen-by-somebody-else"
    assert fixed.get("/api/v1/cameras").status == 401


def test_a_session_ends_with_the_log_out_and_the_user(guarded: Town) -> None:
    guarded.site.access.users.add("gone", Role.VIEWER, PASSWORD)
    client = logged_in(guarded, "gone")
    assert client.get("/api/v1/cameras").status == 200
    guarded.site.access.users.remove("gone")
    assert client.get("/api/v1/cameras").status == 401
    client = logged_in(guarded, "vera")
    cookie = client.cookie
    assert client.post_form("/logout", {}).status == 403
    found = re.search(r'name="csrf" value="([^"]+)"', client.get("/identities").text)
    assert found is not None
    assert client.post_form("/logout", {"csrf": found[1]}).status == 303
    client.cookie = cookie
    assert client.get("/api/v1/cameras").status == 401


def test_sessions_end_by_themselves() -> None:
    clock = ManualClock()
    sessions = Sessions(clock)
    name = sessions.begin(User(name="x", role=Role.VIEWER, password=""))
    clock.sleep(IDLE_S - 1)
    assert sessions.find(name) is not None
    clock.sleep(IDLE_S + 1)
    assert sessions.find(name) is None


@pytest.mark.parametrize("following", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x"])
def test_the_login_leads_nowhere_else(guarded: Town, following: str) -> None:
    answer = guarded.client.post_form("/login", {"name": "vera", "password": PASSWORD, "next": following})
    assert (answer.status, answer.headers["location"]) == (303, "/identities")


def test_two_hundred_wrong_logins_cost_a_handful_of_hashes(guarded: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed = []
    verify = Users.with_password

    def counting(self: Users, name: str, password: str) -> User | None:
        hashed.append(name)
        return verify(self, name, password)

    monkeypatch.setattr(Users, "with_password", counting)
    statuses = [guarded.client.log_in("vera" if n % 2 else f"nobody-{n}", "wrong password").status for n in range(200)]
    assert set(statuses) == {401, 429}
    assert len(hashed) <= BURST + 2  # a slow machine wins an attempt back
    last = guarded.client.log_in("vera", PASSWORD)
    assert (last.status, int(last.headers["retry-after"]) > 0) == (429, True)
    refused = [line for line in audit(guarded) if line["action"] == "login refused"]
    assert len(refused) >= len(hashed)


def test_the_login_limit_forgets_and_forgives() -> None:
    clock = ManualClock()
    limit = LoginLimit(clock)
    for _ in range(BURST):
        assert limit.begin("here", "a") == 0
        limit.end("here", "a", right=False)
    assert limit.begin("here", "b") > 0
    assert limit.begin("there", "a") > 0
    assert limit.begin("there", "b") == 0
    limit.end("there", "b", right=True)
    clock.sleep(limit.begin("here", "a"))
    assert limit.begin("here", "a") == 0


def audit(town: Town) -> list[dict[str, str]]:
    return [json.loads(line) for line in town.site.access.audit.path.read_text().splitlines()]


def test_the_audit_log_says_who_did_what_and_no_password(guarded: Town) -> None:
    client = logged_in(guarded, "otto")
    client.post_json("/api/v1/corrections", SPLIT, **{"X-CSRF-Token": csrf_of(client)})
    login, correction = audit(guarded)[-2:]
    assert (login["user"], login["action"], login["address"]) == ("otto", "login", "127.0.0.1")
    assert (correction["user"], correction["action"]) == ("otto", "correction")
    assert correction["detail"] == "different a|1.0|4 b|1.0|4"
    assert PASSWORD not in guarded.site.access.audit.path.read_text()
    assert guarded.site.access.audit.path.stat().st_mode & 0o077 == 0
    assert guarded.site.access.users.path.stat().st_mode & 0o077 == 0


def test_a_token_has_its_user_s_role_and_needs_no_form(guarded: Town) -> None:
    users = guarded.site.access.users
    for name, status in (("vera", 403), ("otto", 201)):
        bearer = {"Authorization": f"Bearer {users.add_token(name, 'test')}"}
        assert guarded.client.get("/api/v1/cameras", **bearer).status == 200
        assert guarded.client.get("/metrics", **bearer).status == 200
        assert guarded.client.post_json("/api/v1/corrections", SPLIT, **bearer).status == status
    assert guarded.client.get("/api/v1/cameras", Authorization="Bearer wrong").status == 401
    second = users.add_token("vera", "test")
    assert second not in users.path.read_text()
    assert [token.name for token in users.known("vera").tokens] == ["test"]


@pytest.mark.parametrize(
    "path",
    [
        "/crops/../users.json",
        "/crops/a/../../users.json",
        "/crops/a/..%2f..%2fusers.json",
        "/crops/%2e%2e/users.json",
        "/crops/a/%2e%2e%2f%2e%2e%2fcorridor.db",
        "/crops/a/1.0-1.json",
        "/crops/a/1.0-1-0.jpg%00.png",
        "/crops/..%5c..%5cusers.json/1.0-1-0.jpg",
        "/crops/linked/1.0-1-0.jpg",
        "/crops/a/1.0-9-9.jpg",
        "/static/../server.py",
        "/static/%2e%2e/server.py",
        "/static/..%2fserver.py",
    ],
)
def test_nothing_but_crops_comes_out_of_the_crop_folder(guarded: Town, path: str) -> None:
    folder = guarded.site.crops.kept
    assert folder is not None
    if not (folder / "linked").exists():
        (folder / "linked").symlink_to((folder / "a").absolute())
        (folder / "a" / "1.0-9-9.jpg").symlink_to(guarded.site.access.users.path.absolute())
    client = logged_in(guarded, "ada")
    assert client.get("/crops/a/1.0-1-0.jpg").status == 200
    assert client.get(path).status == 404
    assert guarded.client.get("/crops/a/1.0-1-0.jpg").status == 401


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large_is_refused(guarded: Town, chunked: bool) -> None:
    bearer = {"Authorization": f"Bearer {guarded.site.access.users.add_token('otto', 'large')}"}
    connection = http.client.HTTPConnection("127.0.0.1", guarded.port, timeout=20)
    body = b" " * (1 << 20)
    headers = {**bearer, "Content-Type": "application/json"}
    try:
        pieces = iter([body[:1000]] * 1000) if chunked else body
        connection.request("POST", "/api/v1/corrections", pieces, headers, encode_chunked=chunked)
        status = connection.getresponse().status
    except (BrokenPipeError, ConnectionResetError):
        status = 413  # the server did not read on
    finally:
        connection.close()
    assert status == 413


def test_clients_that_never_finish_keep_nobody_waiting(guarded: Town) -> None:
    slow = [socket.create_connection(("127.0.0.1", guarded.port)) for _ in range(30)]
    for number, connection in enumerate(slow):
        begun = (
            b"GET / HTTP/1.1\r\nHost: x"
            if number % 2
            else b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"
        )
        connection.sendall(begun)
    assert guarded.client.get("/healthz").status == 200
    assert logged_in(guarded, "vera").get("/api/v1/identities").status == 200
    for connection in slow:
        connection.close()


def test_pages_bind_the_browser(guarded: Town) -> None:
    client = logged_in(guarded, "vera")
    for path in ("/identities", "/identities/z-1", "/api/v1/cameras", "/login", "/crops/a/1.0-1-0.jpg", "/nothing"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
    for path in ("/identities", "/identities/z-1"):
        page = client.get(path).text
        assert not re.search(r"<script(?![^>]+src=)|\son\w+=|\sstyle=|https?://(?!www\.w3\.org)", page), path
    assert client.get("/identities").headers["cache-control"] == "no-store"


def test_a_server_that_others_reach_needs_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = configured(tmp_path)
    log = open_log(config.log.url)
    with pytest.raises(ConfigError, match="corridor users add"):
        make_site(config, tmp_path / "town.toml", log, "0.0.0.0", hasher=QUICK)
    Users(tmp_path / "runs/town/users.json", QUICK).add("ada", Role.ADMIN, PASSWORD)
    site = make_site(config, tmp_path / "town.toml", log, "0.0.0.0", hasher=QUICK)
    assert not site.access.open
    site.index.close()
