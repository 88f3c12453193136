"""Health, readiness and metrics, for whoever watches the server."""

from functools import partial

import msgspec
from starlette.responses import Response

from deploy.web.access.users import Role
from deploy.web.metrics import CONTENT_TYPE
from deploy.web.operation import Call, Operation
from deploy.web.problems import RequestError
from deploy.web.site import WebSite


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """State of the server in a word."""

    status: str


def health_operations(site: WebSite) -> list[Operation]:
    """`/healthz`: the process answers; `/readyz`: it can read the log, and has; `/metrics`."""
    return [
        Operation("GET", "/healthz", None, "Alive.", lambda call: Health(status="alive"), answer=Health),
        Operation("GET", "/readyz", None, "Ready.", partial(_ready, site), answer=Health),
        Operation("GET", "/metrics", Role.VIEWER, "Metrics.", partial(_metrics, site), media="text/plain"),
    ]


def _ready(site: WebSite, call: Call) -> Health:
    if site.follower.problem is not None:
        raise RequestError(503, "the log cannot be read just now", retry_after_s=5)
    if not site.follower.caught_up:
        raise RequestError(503, "the log is still being read", retry_after_s=5)
    return Health(status="ready")


def _metrics(site: WebSite, call: Call) -> Response:
    return Response(site.metrics.text(), media_type=CONTENT_TYPE)
