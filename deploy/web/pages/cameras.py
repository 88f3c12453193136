"""The pages of cameras: all of them, and each with its last hour and a still; and the forms that change them."""

from collections import Counter
from functools import partial
from typing import Any
from urllib.parse import quote

from starlette.responses import RedirectResponse, Response

from deploy.web.access.users import Role
from deploy.web.api.operations import camera_detail
from deploy.web.operation import Call, Operation
from deploy.web.pages.camera_form import CameraForm, form_of
from deploy.web.pages.identities import zone_name
from deploy.web.pages.rendering import Renderer
from deploy.web.problems import RequestError
from deploy.web.reading.cameras import list_cameras
from deploy.web.roster.changing import STATES, add_camera, change_camera, put_state
from deploy.web.site import WebSite
from ingest.errors import ConfigError

LIST = "/cameras"


def camera_pages(site: WebSite, renderer: Renderer) -> list[Operation]:
    """The operations behind the pages of cameras."""
    get = partial(Operation, "GET", page=True)
    post = partial(Operation, "POST", role=Role.ADMIN, page=True)
    return [
        get(LIST, Role.VIEWER, "Cameras.", partial(_cameras, site, renderer)),
        post(LIST, summary="Add one.", handler=partial(_add, site, renderer), body=CameraForm),
        get("/cameras/{camera}", Role.VIEWER, "One camera.", partial(_camera, site, renderer)),
        post("/cameras/{camera}", summary="Change it.", handler=partial(_change, site, renderer), body=CameraForm),
        *(
            post(
                f"/cameras/{{camera}}/{command}", summary=summary, handler=partial(_put_state, site, renderer, command)
            )
            for command, (summary, _) in STATES.items()
        ),
        Operation("GET", "/cameras/{camera}/still", Role.VIEWER, "Its last frame, a JPEG.", partial(_still, site)),
    ]


def _cameras(
    site: WebSite,
    renderer: Renderer,
    call: Call,
    form: CameraForm | None = None,
    problem: ConfigError | None = None,
) -> Response:
    """The list, with the form as it was sent and what is wrong with it."""
    found = list_cameras(site.index, site.wishes, site.clock.now_ns())
    return _with_form(site, renderer, call, "cameras.html", form or CameraForm(), problem, found=found)


def _camera(
    site: WebSite,
    renderer: Renderer,
    call: Call,
    form: CameraForm | None = None,
    problem: ConfigError | None = None,
) -> Response:
    """One camera, with the form as it was sent and what is wrong with it."""
    found = camera_detail(site, call)
    settings = found.wish.settings if found.wish is not None else None
    if form is None and settings is not None:
        form = form_of(found.camera.camera, settings)
    clocks = Counter(minute.clock or "unknown" for minute in found.minutes)
    return _with_form(site, renderer, call, "camera.html", form, problem, found=found, clocks=clocks)


def _with_form(
    site: WebSite,
    renderer: Renderer,
    call: Call,
    template: str,
    form: CameraForm | None,
    problem: ConfigError | None,
    **values: Any,
) -> Response:
    """A page with the form of a camera; 422 where something is wrong with what was sent."""
    return renderer.page(
        template,
        call.caller,
        LIST,
        status=200 if problem is None else 422,
        form=form,
        problem=problem,
        places=site.wishes.places,
        zone=zone_name(),
        **values,
    )


def _add(site: WebSite, renderer: Renderer, call: Call) -> Response:
    form: CameraForm = call.body
    try:
        add_camera(site, call, form.new())
    except ConfigError as problem:
        return _cameras(site, renderer, call, form.safe(), problem)
    return RedirectResponse(LIST, 303)


def _change(site: WebSite, renderer: Renderer, call: Call) -> Response:
    form: CameraForm = call.body
    wish = camera_detail(site, call).wish
    if wish is None or wish.settings is None:
        raise RequestError(422, "the settings of this camera are in another configuration than this server's")
    try:
        change_camera(site, call, form.changed(wish.settings))
    except ConfigError as problem:
        return _camera(site, renderer, call, form.safe(), problem)
    return _to(call)


def _put_state(site: WebSite, renderer: Renderer, command: str, call: Call) -> Response:
    try:
        put_state(site, command, call)
    except ConfigError as problem:
        return _camera(site, renderer, call, problem=problem)
    return _to(call)


def _to(call: Call) -> Response:
    return RedirectResponse(f"{LIST}/{quote(call.path('camera'), safe='')}", 303)


def _still(site: WebSite, call: Call) -> Response:
    camera = site.live.cameras.get(call.path("camera"))
    still = None if camera is None else camera.still(0)
    if still is None:
        raise RequestError(404, "no process offers a frame of this camera")
    return Response(still[1], media_type="image/jpeg")
