"""The application: every operation in one table, behind one guard."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from deploy.web.access.armour import Armour
from deploy.web.access.users import Role
from deploy.web.api.document import openapi_document
from deploy.web.api.operations import api_operations
from deploy.web.api.report_operations import report_operations
from deploy.web.health import health_operations
from deploy.web.live.watching import WATCH, watch
from deploy.web.map.pages import map_pages
from deploy.web.operation import API, LARGEST_UPLOAD, Call, Operation, endpoint_of, problem_response
from deploy.web.pages.cameras import camera_pages
from deploy.web.pages.identities import identity_pages
from deploy.web.pages.others import other_pages
from deploy.web.pages.rendering import Renderer
from deploy.web.pages.reports import report_pages
from deploy.web.pages.search import search_pages
from deploy.web.problems import RequestError
from deploy.web.roster.operations import roster_operations
from deploy.web.searching.operations import search_operations
from deploy.web.site import WebSite
from ingest.clock import Clock

STATIC = Path(__file__).parent / "static"


def operations_of(site: WebSite, renderer: Renderer) -> list[Operation]:
    """Every operation of a site."""
    api = [*api_operations(site), *roster_operations(site), *report_operations(site), *search_operations(site)]
    document = msgspec.json.encode(openapi_document(api))

    def show(call: Call) -> Response:
        return Response(document, media_type="application/json")

    def list_api(call: Call) -> Response:
        shown = [each for each in api if each.is_api]
        return renderer.page("api.html", call.caller, "/api", operations=shown, follows=False)

    return [
        *health_operations(site),
        *api,
        Operation("GET", f"{API}openapi.json", Role.VIEWER, "The description of the API.", show),
        Operation("GET", "/api", Role.VIEWER, "The API for people.", list_api, page=True),
        *identity_pages(site, renderer),
        *camera_pages(site, renderer),
        *other_pages(site, renderer),
        *report_pages(site, renderer),
        *search_pages(site, renderer),
        *map_pages(site, renderer),
    ]


def make_app(site: WebSite) -> Starlette:
    """The application of a site; it follows the log from its start to its end."""
    renderer = Renderer(site)
    operations = operations_of(site, renderer)
    routes: list[Route | Mount | WebSocketRoute] = [
        Route(each.path, endpoint_of(each, site.access, renderer.problem), methods=[each.method]) for each in operations
    ]
    routes.append(WebSocketRoute(WATCH, partial(watch, site)))
    routes.append(Mount("/static", StaticFiles(directory=STATIC)))

    async def unknown(request: Request, error: Exception) -> Response:
        problem = RequestError(getattr(error, "status_code", 500), "there is nothing here by this name or method")
        if request.url.path.startswith(API):
            return problem_response(problem)
        return renderer.problem(request, site.access.caller(request), problem)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        site.follower.start()
        site.live.start()
        try:
            yield
        finally:
            site.live.close()
            site.follower.close()
            site.searcher.close()

    handlers: dict[Any, Any] = {404: unknown, 405: unknown}
    larger = {each.path: LARGEST_UPLOAD for each in operations if each.upload is not None}
    middleware = [
        Middleware(Armour, is_open=lambda: site.access.open, larger=larger, images=site.config.map.tile_origin),
        Middleware(Counted, site=site),
    ]
    return Starlette(routes=routes, exception_handlers=handlers, lifespan=lifespan, middleware=middleware)


class Counted:
    """ASGI middleware that counts requests by their operation, and how long their answers take."""

    def __init__(self, app: ASGIApp, *, site: WebSite) -> None:
        self._app, self._metrics = app, site.metrics
        self._clock: Clock = site.clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_s = self._clock.monotonic_s()

        async def sending(message: Any) -> None:
            if message["type"] == "http.response.start":
                route = scope.get("route")
                path = getattr(route, "path", None) or "other"
                self._metrics.requests.labels(path, str(message["status"])).inc()
                self._metrics.seconds.labels(path).observe(self._clock.monotonic_s() - began_s)
            await send(message)

        await self._app(scope, receive, sending)
