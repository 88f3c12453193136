"""Sessions of logged-in users: in memory, so that a restart ends them all."""

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass

from deploy.web.access.users import Role, User
from ingest.clock import Clock

IDLE_S = 12 * 3600.0
LONGEST_S = 7 * 24 * 3600.0
AT_MOST = 1000
"""Beyond it the session that was used least recently ends."""


@dataclass(slots=True)
class Session:
    """A session. csrf: what a form has to send with it."""

    user: str
    csrf: str
    began_s: float
    used_s: float


@dataclass(frozen=True, slots=True)
class Caller:
    """The sender of a request. csrf: what a page gives its forms; checked: forms have to send it back."""

    name: str
    role: Role
    csrf: str = ""
    checked: bool = True


class Sessions:
    """Sessions by their id, which is the cookie; an id is only ever made here."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._sessions: OrderedDict[str, Session] = OrderedDict()

    def begin(self, user: User) -> str:
        """Begin a session with an id of its own, whatever cookie came with the login; returns the id."""
        name, now_s = secrets.token_urlsafe(32), self._clock.monotonic_s()
        with self._lock:
            self._sessions[name] = Session(user.name, secrets.token_urlsafe(32), now_s, now_s)
            while len(self._sessions) > AT_MOST:
                self._sessions.popitem(last=False)
        return name

    def find(self, name: str) -> Session | None:
        """The session of a cookie, used now; None where there is none or its time is over."""
        now_s = self._clock.monotonic_s()
        with self._lock:
            session = self._sessions.get(name)
            if session is None:
                return None
            if now_s - session.used_s > IDLE_S or now_s - session.began_s > LONGEST_S:
                del self._sessions[name]
                return None
            session.used_s = now_s
            self._sessions.move_to_end(name)
            return session

    def end(self, name: str) -> None:
        with self._lock:
            self._sessions.pop(name, None)
