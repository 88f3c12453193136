"""The API: its document, its examples, its questions and answers, its errors, its events."""

import http.client
import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from associate.trajectory import Evidence, Kind
from associate.trajectory import encode as encode_event
from deploy.log.base import Record, StoredRecord
from deploy.log.topics import OBSERVATIONS, TRAJECTORIES
from deploy.results.journeys import read_events
from deploy.web.app import operations_of
from deploy.web.pages.rendering import Renderer
from deploy.web.reading.identities import IdentityQuery, list_identities
from embed.observation import Correction, decode
from ingest.errors import LogError
from tests.deploy.web.town import Town

A4, B4 = "a|1.0|4", "b|1.0|4"


def operations(town: Town) -> list[Any]:
    return [each for each in operations_of(town.site, Renderer(town.site)) if each.is_api]


def test_every_example_of_the_document_works(own: Town) -> None:
    document = own.client.get("/api/v1/openapi.json").json["paths"]
    tried: set[str] = set()
    for operation in operations(own):
        if operation.example is None:
            continue
        path = operation.example.replace("{identity}", "z-1").replace("{camera}", "a")
        described = document[operation.path][operation.method.lower()]
        assert operation.example in described["description"]
        body = described.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")
        sent = None if body is None else json.dumps(body).encode()
        answer = own.client.send(operation.method, path, sent, {"Content-Type": "application/json"})
        assert answer.status == operation.status, answer.text
        msgspec.json.decode(answer.body, type=operation.answer)
        tried.add(operation.method)
    assert tried == {"GET", "POST", "PATCH", "DELETE"}


def test_the_document_describes_every_operation_and_field(seen: Town) -> None:
    document = seen.client.get("/api/v1/openapi.json").json
    assert document["openapi"] == "3.1.0"
    described = {(method.upper(), path) for path, each in document["paths"].items() for method in each}
    assert described == {(each.method, each.path) for each in operations(seen)} - {("GET", "/api/v1/openapi.json")}
    names = [each["operationId"] for path in document["paths"].values() for each in path.values()]
    assert len(set(names)) == len(names)
    for name, schema in document["components"]["schemas"].items():
        for field, value in schema.get("properties", {}).items():
            assert value.get("description"), f"{name}.{field}"
    for reference in set(_references(document)):
        assert reference.removeprefix("#/components/schemas/") in document["components"]["schemas"]


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for inner in value.values():
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


ODD = st.one_of(
    st.text(max_size=30),
    st.integers().map(str),
    st.floats().map(str),
    st.datetimes().map(lambda at: f"{at.isoformat()}Z"),
    st.sampled_from(
        ["", "0", "-1", "1e999", "true", "null", "a|1.0|1", "%00", "'; DROP TABLE visits; --", "\U0010ffff"]
    ),
)


@settings(max_examples=150, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(st.data())
def test_whatever_is_asked_is_no_fault_of_the_server(seen: Town, data: st.DataObject) -> None:
    operation = data.draw(st.sampled_from([each for each in operations(seen) if not each.streams]))
    path = operation.path.replace("{identity}", quote(data.draw(ODD) or "x", safe=""))
    fields = [] if operation.query is None else [each.encode_name for each in msgspec.structs.fields(operation.query)]
    sent = {name: data.draw(ODD) for name in fields if data.draw(st.booleans())}
    if operation.method == "GET":
        answer = seen.client.get(f"{path}?{urlencode(sent)}")
    else:
        body = {"verdict": data.draw(ODD), "tracklets": data.draw(st.lists(ODD, max_size=3))}
        answer = seen.client.post_json(path, body)
    assert answer.status < 500, (path, sent, answer.text)
    assert answer.status < 400 or "detail" in answer.json


def names(town: Town, query: str = "") -> list[str]:
    answer = town.client.get(f"/api/v1/identities?{query}")
    assert answer.status == 200, answer.text
    return [each["identity"] for each in answer.json["identities"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {"z-1", "z-2", "z-3", "z-4"}),
        ("camera=b", {"z-1", "z-2", "z-3", "z-4"}),
        ("camera=nowhere", set()),
        ("cameras=3", {"z-1", "z-2", "z-3", "z-4"}),
        ("cameras=4", set()),
        ("label=vehicle", {"z-1", "z-2", "z-3", "z-4"}),
        ("label=tram", set()),
        ("colour=red", set()),
        ("probability=0.8", {"z-1", "z-2", "z-3", "z-4"}),
        ("probability=1", set()),
        ("to=1970-01-01T00:00:04Z", set()),
        ("to=1970-01-01T00:00:08Z", {"z-1"}),
        ("from=1970-01-01T00:00:40Z&to=1970-01-02T01:00:00%2B01:00", {"z-4"}),
        ("from=0001-01-01T00:00:00Z&to=9999-12-31T23:59:59Z", {"z-1", "z-2", "z-3", "z-4"}),
    ],
)
def test_identities_are_found_by(seen: Town, query: str, expected: set[str]) -> None:
    assert set(names(seen, query)) == expected


@pytest.mark.parametrize("kind", ["identities", "sightings"])
def test_pages_are_the_whole_without_gap_or_repetition(seen: Town, kind: str) -> None:
    whole = seen.client.get(f"/api/v1/{kind}?limit=200").json[kind]
    pages: list[Any] = []
    cursor: str | None = ""
    while cursor is not None:
        page = seen.client.get(f"/api/v1/{kind}?limit=1{cursor and f'&cursor={cursor}'}").json
        pages += page[kind]
        cursor = page["next"]
    assert len(whole) == {"identities": 4, "sightings": 12}[kind]
    assert pages == whole


def test_one_identity_has_its_sightings_with_crops_and_evidence(seen: Town) -> None:
    found = seen.client.get("/api/v1/identities/z-1").json
    assert [each["sighting"]["camera"] for each in found["sightings"]] == ["a", "b", "c"]
    first, second, _ = found["sightings"]
    assert not first["link"]["linked"]
    assert second["link"]["linked"]
    assert second["link"]["probability"] >= 0.8
    assert {term["name"] for term in second["link"]["terms"]} >= {"appearance", "travel_time"}
    assert found["identity"]["probability"] == min(each["link"]["probability"] for each in found["sightings"][1:])
    assert len(second["crops"]) == 2
    crop = seen.client.get(second["crops"][0]["url"])
    assert (crop.status, crop.headers["content-type"], crop.body[:2]) == (200, "image/jpeg", b"\xff\xd8")


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("identities?limit=0", 400, "limit: Expected `int` >= 1"),
        ("identities?limit=many", 400, "limit: Expected `int`"),
        ("identities?probability=nan", 400, "probability"),
        ("identities?colur=red", 400, "unknown field `colur`"),
        ("identities?camera=a&camera=b", 400, "given twice"),
        ("identities?from=yesterday", 400, "from: Invalid RFC3339"),
        ("identities?from=2026-01-01T00:00:00", 400, "timezone"),
        ("identities?cursor=nonsense", 422, "cursor: not one of this server"),
        ("identities?cursor=%00", 422, "cursor: not one of this server"),
        ("identities/z-99", 404, "no identity 'z-99'"),
        ("nothing", 404, "nothing here"),
        ("events?after=-1", 400, "after: Expected `int` >= 0"),
        ("corrections?before=99999999999999999999", 400, "before"),
    ],
)
def test_errors_say_what_is_wrong(seen: Town, path: str, status: int, words: str) -> None:
    answer = seen.client.get(f"/api/v1/{path}")
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["status"] == status
    assert words in answer.json["detail"]


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"{", 400, "not JSON"),
        (b"[]", 422, "Expected `object`"),
        (b'{"verdict": "same"}', 422, "tracklets"),
        (b'{"verdict": "perhaps", "tracklets": ["a|1.0|1", "b|1.0|1"]}', 422, "verdict"),
        (b'{"verdict": "same", "tracklets": ["a|1.0|1", "b|1.0|99"]}', 422, "no 'b|1.0|99'"),
        (b'{"verdict": "same", "tracklets": ["a|1.0|1", "a|1.0|1"]}', 422, "both are"),
        (b'{"verdict": "same", "tracklets": ["a|1.0|1", "b|1.0|1"], "by": "me"}', 422, "unknown field `by`"),
        (b"\xff\xfe", 400, "not JSON"),
        (b"[" * 5000, 400, "not JSON"),
    ],
    ids=lambda value: str(value[:30]) if isinstance(value, bytes) else None,
)
def test_a_wrong_correction_is_refused_and_leaves_nothing_on_the_log(
    seen: Town, body: bytes, status: int, words: str
) -> None:
    end = seen.log.end(OBSERVATIONS)
    answer = seen.client.send("POST", "/api/v1/corrections", body, {"Content-Type": "application/json"})
    assert (answer.status, words in answer.json["detail"]) == (status, True), answer.text
    assert seen.log.end(OBSERVATIONS) == end


def test_a_split_and_its_undoing_become_records_and_are_heeded(own: Town) -> None:
    assert {each["camera"] for each in _strip(own, "z-4")} == {"a", "b", "c"}
    said = own.client.post_json("/api/v1/corrections", {"verdict": "different", "tracklets": [B4, A4]})
    assert said.status == 201
    assert said.json["effect"] == "open"
    (stored,) = own.log.read(OBSERVATIONS, own.log.end(OBSERVATIONS) - 1, 1)
    control = decode(stored.value)
    assert isinstance(control, Correction)
    assert (control.verdict, control.tracklets, control.by) == ("different", (A4, B4), "local")
    assert control.id == said.json["id"]
    own.go_on()
    own.catch_up()
    assert {each["camera"] for each in _strip(own, "z-4")} == {"a"}
    assert own.client.get("/api/v1/corrections").json["corrections"][0]["effect"] == "heeded"
    lost = own.client.get("/api/v1/identities/z-4").json["lost"]
    assert {each["tracklet"] for each in lost} == {B4, "c|1.0|4"}
    assert own.client.post_json("/api/v1/corrections", {"verdict": "same", "tracklets": [A4, B4]}).status == 201
    own.go_on()
    own.catch_up()
    (identity,) = {each["identity"] for each in _sightings(own) if each["tracklet"] in (A4, B4, "c|1.0|4")}
    assert {each["camera"] for each in _strip(own, identity)} == {"a", "b", "c"}
    effects = [each["effect"] for each in own.client.get("/api/v1/corrections").json["corrections"]]
    assert effects == ["heeded", "replaced"]


def test_a_joined_link_has_no_terms_and_says_so(own: Town) -> None:
    events = [event for event in read_events(own.log) if event.kind is Kind.EXTENDED and event.identity == "z-4"]
    joined = msgspec.structs.replace(events[-1], revision=99, evidence=Evidence(probability=0.9, similarity=0.6))
    own.log.claim("another").commit([Record(TRAJECTORIES, "z", encode_event(joined))])
    own.catch_up()
    page = own.client.get("/identities/z-4").text
    assert "By what two cameras that see it at about the same time have in common" in page
    assert "not seen before" not in page


def _strip(town: Town, identity: str) -> list[dict[str, Any]]:
    strip: list[dict[str, Any]] = town.client.get(f"/api/v1/identities/{identity}").json["identity"]["strip"]
    return strip


def _sightings(town: Town) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = town.client.get("/api/v1/sightings?limit=200").json["sightings"]
    return found


def listen(town: Town, count: int, path: str, **headers: str) -> list[tuple[int, dict[str, Any]]]:
    """The first events of a stream, each with its id; the connection is cut after them."""
    connection = http.client.HTTPConnection("127.0.0.1", town.port, timeout=20)
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    assert response.headers["content-type"].startswith("text/event-stream")
    found: list[tuple[int, dict[str, Any]]] = []
    offset, kind = 0, ""
    while len(found) < count:
        name, _, value = response.readline().decode().rstrip("\n").partition(": ")
        if name == "id":
            offset = int(value)
        elif name == "event":
            kind = value
        elif name == "data" and not kind:
            found.append((offset, json.loads(value)))
        elif not name:
            kind = ""
    response.close()
    connection.close()
    return found


def test_events_resume_without_a_gap_and_without_repetition(own: Town) -> None:
    stored = own.log.read(TRAJECTORIES, 0, 1000)
    first = listen(own, 3, "/api/v1/events?after=0")
    own.client.post_json("/api/v1/corrections", {"verdict": "different", "tracklets": [A4, B4]})
    own.go_on()  # what happens while nobody listens
    whole = own.log.read(TRAJECTORIES, 0, 1000)
    assert len(whole) > len(stored)
    second = listen(own, len(whole) - 3, "/api/v1/events?after=0", **{"Last-Event-ID": str(first[-1][0])})
    assert [offset for offset, _ in first + second] == [record.offset for record in whole]
    assert [event for _, event in first + second] == [json.loads(record.value) for record in whole]


def test_a_stream_without_a_place_begins_with_what_comes(own: Town) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", own.port, timeout=20)
    connection.request("GET", "/api/v1/events")
    response = connection.getresponse()
    assert response.readline() == b"retry: 1000\n"
    assert response.readline() == b"id: %d\n" % own.log.end(TRAJECTORIES)
    connection.close()


def test_a_listener_that_reads_nothing_keeps_nobody_waiting(seen: Town) -> None:
    connections = []
    for _ in range(5):
        connection = http.client.HTTPConnection("127.0.0.1", seen.port, timeout=20)
        connection.request("GET", "/api/v1/events?after=0")
        connections.append(connection)
    assert seen.client.get("/healthz").status == 200
    assert len(names(seen)) == 4
    for connection in connections:
        connection.close()


def _ready_by_and_by(own: Town, status: int) -> Any:
    """Ask for readiness until it is answered with a status: the log is read by a thread in its own time."""
    deadline_s = time.monotonic() + 30
    while (answer := own.client.get("/readyz")).status != status and time.monotonic() < deadline_s:
        time.sleep(0.05)
    return answer.json


def test_health_says_when_the_log_is_away(own: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    assert own.client.get("/healthz").json == {"status": "alive"}
    assert _ready_by_and_by(own, 200) == {"status": "ready"}

    def away(topic: str, after: int, limit: int) -> list[StoredRecord]:
        raise LogError("the broker is away")

    monkeypatch.setattr(own.log, "read", away)
    assert _ready_by_and_by(own, 503)["detail"] == "the log cannot be read just now"
    assert own.client.get("/healthz").status == 200
    assert "corridor_log_up 0.0" in own.client.get("/metrics").text
    assert "the broker is away" in own.client.get("/identities").text


def test_metrics_are_those_of_the_page_that_explains_them(seen: Town) -> None:
    from tests.conftest import ROOT

    text = seen.client.get("/metrics").text
    exported = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    exported = {name.removesuffix("_total") for name in exported if not name.endswith("_created")}
    page = (ROOT / "docs/operating/metrics.md").read_text()
    missing = [name for name in exported if f"`{name}" not in page]
    assert len(exported) > 8
    assert not missing
    assert 'corridor_index_lag_records{topic="observations"} 0.0' in text


def test_a_list_of_identities_costs_no_more_with_many_of_them(seen: Town) -> None:
    """Each filter is answered by an index of the database, or walks the list in its order and stops at a page."""
    plan = seen.site.index.rows(
        "EXPLAIN QUERY PLAN SELECT * FROM identities WHERE superseded_by IS NULL "
        "ORDER BY last_ns DESC, identity DESC LIMIT 51"
    )
    assert "identities_by_time" in plan[0]["detail"]
    assert not any("TEMP B-TREE" in row["detail"] for row in plan)
    assert list_identities(seen.site.index, seen.site.crops, IdentityQuery(limit=1)).next is not None
