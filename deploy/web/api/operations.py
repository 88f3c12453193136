"""The operations of the API."""

from functools import partial

from starlette.responses import FileResponse, Response

from deploy.web.access.control import address_of
from deploy.web.access.users import Role
from deploy.web.api.events import EventQuery, stream_events
from deploy.web.operation import API, Call, NoQuery, Operation
from deploy.web.problems import RequestError
from deploy.web.reading.cameras import CameraList, list_cameras
from deploy.web.reading.corrections import (
    CorrectionPage,
    CorrectionQuery,
    NewCorrection,
    SaidCorrection,
    list_corrections,
    said_correction,
)
from deploy.web.reading.identities import IdentityPage, IdentityQuery, list_identities
from deploy.web.reading.matches import MatchList, list_matches
from deploy.web.reading.one_camera import CameraDetail, read_camera
from deploy.web.reading.one_identity import IdentityDetail, read_identity
from deploy.web.reading.sightings import SightingPage, SightingQuery, list_sightings
from deploy.web.reading.under_way import UnderWayList, list_under_way
from deploy.web.site import WebSite


def api_operations(site: WebSite) -> list[Operation]:
    """Every operation of the API, but for the document that is made of them."""
    get, viewer = partial(Operation, "GET"), Role.VIEWER
    return [
        get(
            f"{API}cameras",
            viewer,
            "Cameras and their state, as far as the log tells.",
            lambda call: list_cameras(site.index, site.wishes, site.clock.now_ns()),
            query=NoQuery,
            answer=CameraList,
            example=f"{API}cameras",
        ),
        get(
            f"{API}cameras/{{camera}}",
            viewer,
            "One camera, its last hour, and what went wrong last.",
            lambda call: camera_detail(site, call),
            query=NoQuery,
            answer=CameraDetail,
            example=f"{API}cameras/{{camera}}",
        ),
        get(
            f"{API}identities",
            viewer,
            "Vehicles across cameras, the one seen last first.",
            lambda call: list_identities(site.index, site.crops, call.query),
            query=IdentityQuery,
            answer=IdentityPage,
            example=f"{API}identities?cameras=2&probability=0.9&limit=10",
        ),
        get(
            f"{API}identities/{{identity}}",
            viewer,
            "One vehicle with sightings, crops, evidence, rivals and corrections.",
            partial(_one_identity, site),
            query=NoQuery,
            answer=IdentityDetail,
            example=f"{API}identities/{{identity}}",
        ),
        get(
            f"{API}sightings",
            viewer,
            "Vehicles in single cameras, the one that came last first.",
            lambda call: list_sightings(site.index, site.crops, call.query),
            query=SightingQuery,
            answer=SightingPage,
            example=f"{API}sightings?from=1970-01-01T00:00:00Z&limit=10",
        ),
        get(
            f"{API}under-way",
            viewer,
            "Vehicles between cameras, and where each is expected next.",
            lambda call: list_under_way(site.index, site.crops),
            query=NoQuery,
            answer=UnderWayList,
            example=f"{API}under-way",
        ),
        get(
            f"{API}matches",
            viewer,
            "Sightings of vehicles that are watched for, the latest first.",
            lambda call: list_matches(site.log, site.index, site.crops, site.follower.undecoded),
            query=NoQuery,
            answer=MatchList,
            example=f"{API}matches",
        ),
        get(
            f"{API}corrections",
            viewer,
            "What people said about links, newest first.",
            lambda call: list_corrections(site.index, call.query),
            query=CorrectionQuery,
            answer=CorrectionPage,
            example=f"{API}corrections?limit=10",
        ),
        Operation(
            "POST",
            f"{API}corrections",
            Role.OPERATOR,
            "Say whether two tracklets are one vehicle; association heeds it when it comes to it.",
            partial(_correct, site),
            query=NoQuery,
            body=NewCorrection,
            answer=SaidCorrection,
            status=201,
        ),
        get(
            f"{API}events",
            viewer,
            "Trajectory events as they come (server-sent events, data as on the topic `trajectories`).",
            partial(stream_events, site),
            query=EventQuery,
            media="text/event-stream",
            streams=True,
        ),
        get(
            "/crops/{camera}/{file}",
            viewer,
            "A crop, JPEG.",
            partial(_crop, site),
            media="image/jpeg",
        ),
    ]


def camera_detail(site: WebSite, call: Call) -> CameraDetail:
    """The camera of a path; raises RequestError where there is none."""
    name = call.path("camera")
    found = read_camera(site.index, site.live, site.wishes, name, site.clock.now_ns())
    if found is None:
        raise RequestError(404, f"there is no camera '{name[:80]}'")
    return found


def _one_identity(site: WebSite, call: Call) -> IdentityDetail:
    name = call.path("identity")
    found = read_identity(site.index, site.crops, name)
    if found is None:
        raise RequestError(404, f"there is no identity '{name[:80]}'")
    return found


def _correct(site: WebSite, call: Call) -> SaidCorrection:
    assert call.caller is not None
    words = f"{call.body.verdict} {' '.join(call.body.tracklets)}"
    site.access.audit.note(call.caller.name, address_of(call.request), "correction", words)
    control = site.correct(call.body, call.caller.name)
    site.metrics.corrections.inc()
    return said_correction(control, site.clock.now_ns())


def _crop(site: WebSite, call: Call) -> Response:
    camera, name = call.path("camera"), call.path("file")
    kept = {"Cache-Control": "private, max-age=300"}
    path = site.crops.file(camera, name)
    if path is not None:
        return FileResponse(path, media_type="image/jpeg", headers=kept)
    image = site.crops.image(camera, name)
    if not image:
        raise RequestError(404, "there is no such crop (any more)")
    return Response(image, media_type="image/jpeg", headers=kept)
