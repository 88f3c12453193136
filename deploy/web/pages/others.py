"""The other pages: the start, live cameras, and logging in and out."""

from functools import partial
from urllib.parse import urlsplit

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from deploy.site.cameras.record import Wanted
from deploy.web.access.control import COOKIE, address_of, session_id
from deploy.web.access.sessions import LONGEST_S
from deploy.web.access.users import Role
from deploy.web.operation import Call, Operation
from deploy.web.pages.rendering import Renderer
from deploy.web.problems import RequestError
from deploy.web.reading.matches import list_matches
from deploy.web.site import WebSite

START = "/identities"

OWNERS = 300
"""Sightings whose identities a live page begins with."""


class LoginQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Query of the login page. next: the path to go on to."""

    next: str = START


class LoginForm(msgspec.Struct, frozen=True, kw_only=True):
    """Fields of the login form."""

    name: str
    password: str
    next: str = START


def other_pages(site: WebSite, renderer: Renderer) -> list[Operation]:
    """The operations behind the pages."""
    page = partial(Operation, page=True)
    return [
        page("GET", "/", Role.VIEWER, "The start.", lambda call: RedirectResponse(START, 303)),
        page("GET", "/live", Role.VIEWER, "Live.", partial(_live, site, renderer)),
        page("GET", "/matches", Role.VIEWER, "Matches.", partial(_matches, site, renderer)),
        page("GET", "/login", None, "The form.", partial(_form, renderer), query=LoginQuery),
        page("POST", "/login", None, "Log in.", partial(_log_in, site, renderer), body=LoginForm),
        page("POST", "/logout", Role.VIEWER, "Log out.", partial(_log_out, site)),
    ]


def _matches(site: WebSite, renderer: Renderer, call: Call) -> Response:
    found = list_matches(site.log, site.index, site.crops, site.follower.undecoded)
    return renderer.page("matches.html", call.caller, "/matches", found=found)


def _live(site: WebSite, renderer: Renderer, call: Call) -> Response:
    # Tracklets that may still be in view, with their identities: what comes later the page has from the events.
    latest = "SELECT tracklet, identity FROM visits ORDER BY enter_ns DESC, tracklet DESC LIMIT ?"
    owners = {row["tracklet"]: row["identity"] for row in site.index.rows(latest, (OWNERS,))}
    unwatched = {name for name, entry in site.wishes.entries.items() if entry.wanted is not Wanted.WATCHED}
    return renderer.page(
        "live.html",
        call.caller,
        "/live",
        cameras=sorted(name for name in site.live.cameras if name not in unwatched),
        owners=msgspec.json.encode(owners).decode(),
        own_script="live.js",
    )


def _form(renderer: Renderer, call: Call) -> Response:
    if call.caller is not None:
        return RedirectResponse(_here(call.query.next), 303)
    return renderer.page("login.html", None, "", follows=False, wrong="", next=call.query.next)


def _log_in(site: WebSite, renderer: Renderer, call: Call) -> Response:
    form: LoginForm = call.body
    try:
        session = site.access.log_in(address_of(call.request), form.name, form.password)
    except RequestError as problem:
        page = renderer.page(
            "login.html", None, "", status=problem.status, follows=False, wrong=problem.detail, next=form.next
        )
        if problem.retry_after_s is not None:
            page.headers["Retry-After"] = str(max(1, round(problem.retry_after_s)))
        return page
    response = RedirectResponse(_here(form.next), 303)
    response.set_cookie(
        COOKIE,
        session,
        max_age=round(LONGEST_S),
        httponly=True,
        samesite="lax",  # strict would log out whoever follows a link to an identity from elsewhere
        secure=_is_secure(call.request),
    )
    return response


def _log_out(site: WebSite, call: Call) -> Response:
    site.access.sessions.end(session_id(call.request))
    response = RedirectResponse("/login", 303)
    response.delete_cookie(COOKIE)
    return response


def _is_secure(request: Request) -> bool:
    return request.url.scheme == "https"


def _here(path: str) -> str:
    """A path of this server; the start for an address elsewhere, which a link to the login may have put there."""
    parts = urlsplit(path)
    elsewhere = parts.scheme or parts.netloc or not path.startswith("/") or path.startswith(("//", "/\\"))
    return START if elsewhere else path
