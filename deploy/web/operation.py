"""An operation of the server: its path, who may call it, what it takes and gives; and the calling of it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, quote

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response

from deploy.web.access.control import Access
from deploy.web.access.sessions import Caller
from deploy.web.access.users import Role
from deploy.web.problems import ProblemDetail, RequestError
from ingest.errors import ConfigError, FencedError, LogError
from ingest.redact import redact

logger = logging.getLogger(__name__)

API = "/api/v1/"
FORM = "application/x-www-form-urlencoded"
CSRF_FIELD = "csrf"
LARGEST_UPLOAD = 12 * 1024 * 1024
"""Bytes of a body with an image."""
UPLOADS = 4
"""Bodies with an image that an operation takes at a time."""
BODY_S = 30.0
"""Seconds in which a body has to be there."""


class NoQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No parameters."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request that has been checked. query, body: of the types that the operation names."""

    request: Request
    caller: Caller | None
    query: Any = None
    body: Any = None

    def path(self, name: str) -> str:
        """A part of the path by its name."""
        return str(self.request.path_params[name])


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation.

    role: the least that may call it; None for everybody. query, body: structs that the request is converted to.
    answer: the struct of its answer, None where it makes a response itself. example: a path and query that work, with
    example_body where it takes one.
    """

    method: str
    path: str
    role: Role | None
    summary: str
    handler: Callable[[Call], Any]
    query: type[msgspec.Struct] | None = None
    body: type[msgspec.Struct] | None = None
    answer: type[msgspec.Struct] | None = None
    status: int = 200
    media: str = "application/json"
    example: str | None = None
    example_body: dict[str, Any] | None = None
    streams: bool = False
    """The handler is a coroutine function whose answer goes on for as long as the client listens."""
    upload: Callable[[Request], Awaitable[dict[str, Any]]] | None = None
    """Its body is an image, or a form with one: read by this, up to LARGEST_UPLOAD bytes."""
    page: bool = False
    """It is for people: takes forms, sends strangers to the login, and shows its errors as a page."""

    @property
    def is_api(self) -> bool:
        return self.path.startswith(API)


ErrorPage = Callable[[Request, Caller | None, RequestError], Response]


def endpoint_of(
    operation: Operation, access: Access, error_page: ErrorPage
) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint of an operation: checks the caller, converts what was sent, calls, and encodes what comes."""
    uploads = asyncio.Semaphore(UPLOADS)

    async def answer(request: Request, caller: Caller | None) -> Response:
        query = _query(operation, request)
        try:
            async with asyncio.timeout(BODY_S):
                body = await _body(operation, access, request, caller)
        except TimeoutError:
            raise RequestError(408, f"the body was not there after {BODY_S:.0f} s") from None
        call = Call(request, caller, query, body)
        if operation.streams:
            found = await operation.handler(call)
        else:
            found = await run_in_threadpool(operation.handler, call)
        return found if isinstance(found, Response) else _encoded(found, operation)

    async def endpoint(request: Request) -> Response:
        caller: Caller | None = None
        try:
            caller = access.caller(request)
            if operation.role is not None:
                check_role(caller, operation.role)
            if operation.upload is None:
                return await answer(request, caller)
            if uploads.locked():
                raise RequestError(503, f"{UPLOADS} images are being searched for: try again", retry_after_s=2)
            async with uploads:
                return await answer(request, caller)
        except ClientDisconnect:
            problem = RequestError(413, "the body is too large, or the client went away")
        except Exception as error:
            problem = problem_of(error)
        if not operation.page:
            return problem_response(problem)
        if problem.status == HTTPStatus.UNAUTHORIZED and operation.path != "/login":
            return _to_login(request)
        return error_page(request, caller, problem)

    return endpoint


def check_role(caller: Caller | None, role: Role) -> None:
    """Refuse a caller whose role does not include another; raises RequestError."""
    if caller is None:
        raise RequestError(401, "log in, or send a token: Authorization: Bearer …")
    if not caller.role.includes(role):
        raise RequestError(403, f"this needs the role {role.value}, and {caller.name} is {caller.role.value}")


def problem_of(error: Exception) -> RequestError:
    """The problem that an error becomes; what Corridor does not know is logged and not shown."""
    if isinstance(error, RequestError):
        return error
    if isinstance(error, ConfigError):
        return RequestError(422, redact(str(error)))
    if isinstance(error, FencedError):
        return RequestError(503, "somebody else said something at the same moment: try again", retry_after_s=1)
    if isinstance(error, LogError):
        return RequestError(503, redact(str(error)), retry_after_s=5)
    logger.error("a request failed", exc_info=error)
    return RequestError(500, "the server could not do this; its log says why")


def problem_response(problem: RequestError) -> Response:
    """Answer with a problem as JSON."""
    detail = ProblemDetail(title=HTTPStatus(problem.status).phrase, status=problem.status, detail=problem.detail)
    headers = {}
    if problem.retry_after_s is not None:
        headers["Retry-After"] = str(max(1, round(problem.retry_after_s)))
    if problem.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(msgspec.json.encode(detail), problem.status, headers, "application/problem+json")


def _to_login(request: Request) -> Response:
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    response = RedirectResponse(f"/login?next={quote(path, safe='')}", 303)
    if "HX-Request" in request.headers:  # a part of a page: the whole of it has to go there
        response = RedirectResponse("/login", 200)
        response.headers["HX-Redirect"] = "/login"
        del response.headers["Location"]
    return response


def _query(operation: Operation, request: Request) -> Any:
    if operation.query is None:
        return None
    sent = parse_qsl(request.url.query, keep_blank_values=True)
    if len({name for name, _ in sent}) < len(sent):
        raise RequestError(400, "a parameter is given twice")
    # An empty field of a form asks for nothing.
    values = {name: value for name, value in sent if value != "" or not operation.page}
    return _converted(values, operation.query, 400)


async def _body(operation: Operation, access: Access, request: Request, caller: Caller | None) -> Any:
    if request.method in ("GET", "HEAD"):
        return None
    if operation.upload is not None:
        values = await operation.upload(request)
    elif operation.page:
        values = await _form(request)
    else:
        values = await _json(operation, request)
    sent = values.pop(CSRF_FIELD, None) if operation.page else None
    if caller is not None:
        access.check_form(request, caller, sent)
    return None if operation.body is None else _converted(values, operation.body, 422)


async def _form(request: Request) -> dict[str, Any]:
    raw = await request.body()
    if media_of(request) != FORM:
        return {}
    return dict(parse_qsl(raw.decode(errors="replace"), keep_blank_values=True))


async def _json(operation: Operation, request: Request) -> Any:
    raw = await request.body()
    if operation.body is None:
        return None
    media = media_of(request)
    if media != "application/json":
        raise RequestError(415, f"Content-Type '{media}': send application/json")
    try:
        return msgspec.json.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RequestError(400, f"the body is not JSON: {error}") from error


def media_of(request: Request) -> str:
    """The media type of a request's body, in lower case and without parameters."""
    return request.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def _converted(values: Any, kind: type[msgspec.Struct], status: int) -> Any:
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        reason, _, where = str(error).partition(" - at `$.")
        name = where.rstrip("`")
        raise RequestError(status, f"{name}: {reason}" if name else reason) from error
    except (ValueError, OverflowError) as error:
        raise RequestError(status, f"a value that cannot be: {error}") from error


def _encoded(found: Any, operation: Operation) -> Response:
    return Response(msgspec.json.encode(found), operation.status, media_type=operation.media)
