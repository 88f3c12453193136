"""The audit log: who logged in, corrected, exported or changed what; a JSON line each, and never a password."""

import threading
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from ingest.clock import NS, Clock


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A line. at: RFC 3339; action: `login`, `login refused`, `correction`, `export`, …; detail: what it was about."""

    at: str
    user: str
    address: str
    action: str
    detail: str


class Audit:
    """The audit log in a file that only grows."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self._clock = clock
        self._lock = threading.Lock()

    def note(self, user: str, address: str, action: str, detail: str = "") -> None:
        """Append a line; raises OSError where that cannot be done, before anything is done that it is about."""
        at = datetime.fromtimestamp(self._clock.now_ns() / NS, UTC).isoformat(timespec="milliseconds")
        entry = Entry(at=at, user=user[:64], address=address, action=action, detail=detail[:500])
        with self._lock:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if not self.path.exists():
                self.path.touch(mode=0o600)
            with self.path.open("ab") as file:
                file.write(msgspec.json.encode(entry) + b"\n")
