"""Access to a site: who sends a request, and whether a form was sent by a page of ours."""

import secrets
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie

from starlette.requests import HTTPConnection, Request

from deploy.web.access.audit import Audit
from deploy.web.access.login_limit import LoginLimit
from deploy.web.access.sessions import Caller, Sessions
from deploy.web.access.users import Role, Users
from deploy.web.problems import RequestError

COOKIE = "corridor_session"
CSRF_HEADER = "X-CSRF-Token"
LOCAL = "local"
"""Name of whoever uses a site on loopback, where no accounts are needed."""


@dataclass(frozen=True, slots=True)
class Access:
    """Accounts of a site. open: it listens on loopback and has no users, so that everybody there may do everything."""

    users: Users
    sessions: Sessions
    limit: LoginLimit
    audit: Audit
    loopback: bool
    local_csrf: str

    @property
    def open(self) -> bool:
        """True where no account is needed: on loopback, as long as there are no users."""
        return self.loopback and not self.users.all()

    def caller(self, request: HTTPConnection) -> Caller | None:
        """The sender of a request by its token or its session; None for a stranger."""
        if self.open:
            return Caller(LOCAL, Role.ADMIN, self.local_csrf)
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            user = self.users.with_token(token.strip())
            # No browser sends a token by itself, so that nothing has to be sent back.
            return None if user is None else Caller(user.name, user.role, checked=False)
        session = self.sessions.find(session_id(request))
        user = None if session is None else self.users.all().get(session.user)
        if session is None or user is None:
            return None
        return Caller(user.name, user.role, session.csrf)

    def check_form(self, request: Request, caller: Caller, sent: str | None) -> None:
        """Refuse a change that no page of ours asked for; raises RequestError. sent: the form's token, if any."""
        if not caller.checked:
            return
        if caller.name == LOCAL and self.open and not _from_a_browser(request):
            return  # a program of this machine, which could as well write to the log
        sent = sent or request.headers.get(CSRF_HEADER, "")
        if not secrets.compare_digest(sent.encode(), caller.csrf.encode()):
            raise RequestError(403, "the form has expired: load the page again and send it once more")

    def log_in(self, address: str, name: str, password: str) -> str:
        """Begin a session; returns its id. Raises RequestError for a wrong password, or too many of them."""
        wait_s = self.limit.begin(address, name)
        if wait_s:
            raise RequestError(429, f"too many attempts: try again in {wait_s:.0f} s", retry_after_s=wait_s)
        user = None
        try:
            user = self.users.with_password(name, password)
        finally:
            self.limit.end(address, name, right=user is not None)
        if user is None:
            self.audit.note(name, address, "login refused")
            raise RequestError(401, "name or password is wrong")
        self.audit.note(user.name, address, "login")
        return self.sessions.begin(user)


def session_id(request: HTTPConnection) -> str:
    """The session that a request's cookie names, empty without one."""
    try:
        cookies = SimpleCookie(request.headers.get("Cookie", ""))
    except CookieError:
        return ""
    return cookies[COOKIE].value if COOKIE in cookies else ""


def address_of(request: HTTPConnection) -> str:
    """Address that a request came from, by the proxy's word where one on loopback stands before us."""
    return request.client.host if request.client is not None else "unknown"


def _from_a_browser(request: Request) -> bool:
    """True where a browser sent a request: it says so with every change, and no page can keep it from that."""
    return "Origin" in request.headers or "Sec-Fetch-Site" in request.headers or "Referer" in request.headers
