"""Searching in the page and the API, by what was seen and by an image; what is sent is bounded."""

import http.client
import re
import struct
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from associate.sightings.sighting import sighting_of
from deploy.search.index.writer import IndexWriter
from deploy.web.access.users import Role
from deploy.web.image_size import size_of
from deploy.web.operation import LARGEST_UPLOAD
from deploy.web.searching.uploads import decoded
from detect.masks import BoxMasker
from embed.colour import ColourEncoder
from embed.observation import Observation, pack_vector
from embed.vehicle_encoder import VehicleEncoder
from tests.deploy.web.client import Answer, Client
from tests.deploy.web.town import PASSWORD, Town, colour_of, town, traffic

EMBED = '[embed]\nencoder = "colour"\n'


def crop_of(vehicle: int) -> bytes:
    """A JPEG in the colour of a vehicle."""
    return cv2.imencode(".jpg", np.full((60, 90, 3), colour_of(vehicle), np.uint8))[1].tobytes()


def index_sightings(served: Town) -> None:
    """The town's sightings, as its encoder would have seen their crops."""
    encoder = VehicleEncoder(ColourEncoder(), BoxMasker())
    sightings = []
    for seen in traffic():
        sighting = sighting_of(seen, seen.at_ns) if isinstance(seen, Observation) else None
        if sighting is None:
            continue
        (number,) = (int(each) for each in re.findall(r"\d+$", sighting.tracklet))
        vector = encoder([decoded(crop_of(number))])[0]
        changes = {"vector": pack_vector(vector), "identity": f"z-{number}"}
        sightings.append(msgspec.structs.replace(sighting, **changes))
    with closing(IndexWriter(served.config.search, coded=False)) as writer:
        writer.take(sightings, [], {"observations": 1})


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A town with an index of its sightings, and a user."""
    folder = tmp_path_factory.mktemp("indexed")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        with town(folder, users={"vera": Role.VIEWER}, more=EMBED) as served:
            index_sightings(served)
            yield served


@pytest.fixture(scope="module")
def client(indexed: Town) -> Client:
    client = indexed.client
    assert client.log_in("vera", PASSWORD).status == 303
    return client


@pytest.fixture(scope="module")
def bearer(indexed: Town) -> dict[str, str]:
    return {"Authorization": f"Bearer {indexed.site.access.users.add_token('vera', 'search')}"}


def send(
    town: Town, bearer: dict[str, str], data: bytes, query: str = "whole=true", kind: str = "image/jpeg"
) -> Answer:
    return town.client.send("POST", f"/api/v1/search?{query}", data, {**bearer, "Content-Type": kind})


@pytest.mark.parametrize("asked", ["identity=z-2", "sighting=b%7C1.0%7C2"])
def test_what_was_seen_is_found_again(indexed: Town, client: Client, asked: str) -> None:
    answer = client.get(f"/api/v1/search?{asked}").json
    assert answer["searched"] == 12
    if asked.startswith("sighting"):  # an identity that is asked with has no other sightings here
        best = answer["vehicles"][0]
        assert (best["identity"], best["asked"], answer["box"]) == ("z-2", True, None)
        assert {each["tracklet"] for each in best["sightings"]} == {"a|1.0|2", "c|1.0|2"}
        assert best["probability"] >= answer["vehicles"][1]["probability"]
        assert client.get(best["sightings"][0]["crop"]).headers["content-type"] == "image/jpeg"
    assert "z-2" in client.get(f"/search?{asked}").text


@pytest.mark.parametrize("vehicle", [1, 2, 3, 4])
def test_an_image_finds_its_vehicle(indexed: Town, bearer: dict[str, str], vehicle: int) -> None:
    answer = send(indexed, bearer, crop_of(vehicle)).json
    assert answer["vehicles"][0]["identity"] == f"z-{vehicle}"
    assert {each["camera"] for each in answer["vehicles"][0]["sightings"]} == {"a", "b", "c"}
    assert answer["box"] == [0, 0, 90, 60]
    narrow = send(indexed, bearer, crop_of(vehicle), "box=10,10,60,40&camera=b&limit=1").json
    assert (narrow["searched"], len(narrow["vehicles"]), narrow["box"]) == (4, 1, [10, 10, 70, 50])


def multipart(data: bytes, **fields: str) -> tuple[bytes, dict[str, str]]:
    parts = [
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()
    ]
    head = '--x\r\nContent-Disposition: form-data; name="image"; filename="car.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
    body = "".join(parts).encode() + head.encode() + data + b"\r\n--x--\r\n"
    return body, {"Content-Type": "multipart/form-data; boundary=x"}


def csrf_of(client: Client) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', client.get("/search").text)
    assert found is not None
    return found[1]


def test_the_page_takes_an_image_and_shows_what_it_looked_at(indexed: Town, client: Client) -> None:
    body, headers = multipart(crop_of(3), csrf=csrf_of(client), whole="true", camera="", label="", to="")
    answer = client.send("POST", "/search", body, headers)
    assert answer.status == 200
    assert re.search(r'class="name" href="/identities/(z-\d)"', answer.text)[1] == "z-3"  # type: ignore[index]
    assert "data:image/jpeg;base64," in answer.text
    assert '"action":"search","detail":"an image of' in indexed.site.access.audit.path.read_text()
    assert client.send("POST", "/search", *multipart(crop_of(3), csrf="guessed")).status == 403
    assert client.send("POST", "/search", *multipart(b"no image", csrf=csrf_of(client))).status == 415


def png(width: int, height: int) -> bytes:
    """A PNG that says it is so large, and is a few kilobytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress(bytes(1 + width // 8) * min(height, 20_000), 9)
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def jpeg(width: int, height: int) -> bytes:
    """A JPEG whose header says that it is so large."""
    small = bytearray(crop_of(1))
    place = small.index(b"\xff\xc0")
    small[place + 5 : place + 9] = struct.pack(">HH", height, width)
    return bytes(small)


@pytest.mark.parametrize(
    ("data", "kind", "query", "status", "words"),
    [
        (b"", "image/jpeg", "", 422, "image: there is none"),
        (b"GIF89a" + bytes(100), "image/png", "", 415, "no JPEG and no PNG"),
        (b"\xff\xd8\xff", "image/jpeg", "", 415, "no JPEG and no PNG"),
        (b"\x89PNG\r\n\x1a\n", "image/png", "", 415, "no JPEG and no PNG"),
        (crop_of(1)[:-40], "image/jpeg", "", 422, "cut short"),
        (crop_of(1)[:200] + bytes(300) + crop_of(1)[-2:], "image/jpeg", "", 422, "no image that can be decoded"),
        (png(10_000, 10_000), "image/png", "", 413, "10000 x 10000 pixels are too many"),
        (png(8000, 8000), "image/png", "", 413, "8000 x 8000 pixels are too many"),
        (jpeg(10_000, 10_000), "image/jpeg", "", 413, "10000 x 10000 pixels are too many"),
        (crop_of(1), "image/svg+xml", "", 415, "send image/jpeg or image/png"),
        (crop_of(1), "application/json", "", 415, "send image/jpeg or image/png"),
        (crop_of(1), "image/jpeg", "box=1,2,3", 422, "'1,2,3' is not x,y,w,h"),
        (crop_of(1), "image/jpeg", "box=500,500,20,20", 422, "less than 4 pixels inside the image of 90x60"),
        (crop_of(1), "image/jpeg", "box=nan,0,9,9", 422, "less than 4 pixels"),
        (crop_of(1), "image/jpeg", "box=0,0,9,9&whole=true", 422, "give one of: box, whole"),
        (crop_of(1), "image/jpeg", "whole=true&from=2100-01-01T00:00:00Z", 422, "no sighting is in that range"),
        (crop_of(1), "image/jpeg", "limit=0", 400, "limit"),
    ],
)
def test_an_upload_that_cannot_be_is_refused(
    indexed: Town, bearer: dict[str, str], data: bytes, kind: str, query: str, status: int, words: str
) -> None:
    answer = send(indexed, bearer, data, query, kind)
    assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    assert words in answer.json["detail"]


def test_an_upload_is_bounded_before_it_is_read(indexed: Town, bearer: dict[str, str]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", indexed.port, timeout=20)
    connection.putrequest("POST", "/api/v1/search")
    for name, value in {**bearer, "Content-Type": "image/jpeg", "Content-Length": str(LARGEST_UPLOAD + 1)}.items():
        connection.putheader(name, value)
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()
    assert send(indexed, {}, crop_of(1)).status == 401  # and by nobody without an account


def test_a_body_that_never_comes_is_given_up(
    indexed: Town, bearer: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy.web.operation.BODY_S", 0.3)
    connection = http.client.HTTPConnection("127.0.0.1", indexed.port, timeout=20)
    connection.putrequest("POST", "/api/v1/search")
    for name, value in {**bearer, "Content-Type": "image/jpeg", "Content-Length": "1000"}.items():
        connection.putheader(name, value)
    connection.endheaders()
    connection.send(b"some of it")
    assert connection.getresponse().status == 408
    connection.close()


@pytest.mark.parametrize("size", [(1, 1), (640, 360), (4000, 3000)])
@pytest.mark.parametrize("ending", [".jpg", ".png"])
def test_the_size_of_an_image_is_read_from_its_header(size: tuple[int, int], ending: str) -> None:
    encoded = cv2.imencode(ending, np.zeros((size[1], size[0], 3), np.uint8))[1].tobytes()
    assert size_of(encoded) == size
    assert size_of(encoded[:10]) is None


def test_without_an_index_the_page_says_what_to_do(seen: Town) -> None:
    for path in ("/search", "/search?identity=z-1"):
        page = seen.client.get(path)
        assert page.status == 200
        assert "[search] index = true" in page.text
    answer = seen.client.get("/api/v1/search?identity=z-1")
    assert (answer.status, "corridor index" in answer.json["detail"]) == (404, True)


def test_an_index_that_is_made_anew_is_read_anew(own: Town) -> None:
    index_sightings(own)
    assert own.client.get("/api/v1/search?identity=z-1").json["searched"] == 12
    for path in Path(own.config.search.folder).iterdir():
        path.unlink()
    assert own.client.get("/api/v1/search?identity=z-1").status == 404
    index_sightings(own)
    assert own.client.get("/api/v1/search?sighting=a%7C1.0%7C1").json["vehicles"][0]["identity"] == "z-1"


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "give one of"),
        ("identity=z-1&sighting=a%7C1.0%7C1", "give one of"),
        ("identity=z-99", "the index has no sighting of 'z-99'"),
        ("sighting=%00", "the index has no sighting"),
    ],
)
def test_a_question_that_cannot_be_is_said(indexed: Town, client: Client, query: str, words: str) -> None:
    answer = client.get(f"/api/v1/search?{query}")
    assert (answer.status, words in answer.json["detail"]) == (422, True), answer.text
