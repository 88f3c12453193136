"""The pages of cameras: all of them, and each with its last hour and a still."""

from collections import Counter
from functools import partial

from starlette.responses import Response

from deploy.web.access.users import Role
from deploy.web.api.operations import camera_detail
from deploy.web.operation import Call, Operation
from deploy.web.pages.rendering import Renderer
from deploy.web.problems import RequestError
from deploy.web.reading.cameras import list_cameras
from deploy.web.site import WebSite


def camera_pages(site: WebSite, renderer: Renderer) -> list[Operation]:
    """The operations behind the pages of cameras."""
    get = partial(Operation, "GET", page=True)
    return [
        get("/cameras", Role.VIEWER, "Cameras.", partial(_cameras, site, renderer)),
        get("/cameras/{camera}", Role.VIEWER, "One camera.", partial(_camera, site, renderer)),
        Operation("GET", "/cameras/{camera}/still", Role.VIEWER, "Its last frame, a JPEG.", partial(_still, site)),
    ]


def _cameras(site: WebSite, renderer: Renderer, call: Call) -> Response:
    found = list_cameras(site.index, site.config.camera_ids, site.clock.now_ns())
    return renderer.page("cameras.html", call.caller, "/cameras", found=found)


def _camera(site: WebSite, renderer: Renderer, call: Call) -> Response:
    found = camera_detail(site, call)
    clocks = Counter(minute.clock or "unknown" for minute in found.minutes)
    return renderer.page("camera.html", call.caller, "/cameras", found=found, clocks=clocks)


def _still(site: WebSite, call: Call) -> Response:
    camera = site.live.cameras.get(call.path("camera"))
    still = None if camera is None else camera.still(0)
    if still is None:
        raise RequestError(404, "no process offers a frame of this camera")
    return Response(still[1], media_type="image/jpeg")
