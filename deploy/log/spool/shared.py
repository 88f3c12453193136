"""Writers of the live cameras of a process, over one thread and one spool; cameras may come and go."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from deploy.log.base import Appender, Writer
from deploy.log.spool.backlog import Backlog
from deploy.log.spool.file import Spool
from deploy.log.spool.writer import Claims, SpooledWriter, SpoolThread
from ingest.clock import Clock


class ClaimingLog(Protocol):
    """A log whose owners may append behind, outside commits."""

    @property
    def claims(self) -> Claims: ...

    def claim_to_append(self, owner: str) -> Writer: ...

    def appender(self) -> Appender: ...


class SharedSpool:
    """The spool of a process. The thread lives until `close`, also while there is no camera.

    camera_bytes: most that waits for each camera.
    """

    def __init__(self, log: ClaimingLog, folder: Path, *, camera_bytes: float, clock: Clock) -> None:
        self._log = log
        self._camera_bytes = camera_bytes
        self._backlog = Backlog(Spool(folder, frozenset(), started_ns=clock.now_ns()), limit_bytes=camera_bytes)
        self._thread = SpoolThread(log.appender(), self._backlog, log.claims, clock=clock)
        self._owners: set[str] = set()
        self._thread.use()
        self._thread.start()

    def writers(self, owners: Sequence[str]) -> list[SpooledWriter]:
        """Claim some names. The claims come first: what is left in spools is of before them, and is sent first."""
        claimed = {owner: self._log.claim_to_append(owner) for owner in owners}
        self._owners.update(owners)
        self._thread.adopt(frozenset(owners), limit_bytes=self._camera_bytes * len(self._owners))
        return [SpooledWriter(self._thread, owner, writer) for owner, writer in claimed.items()]

    def close(self) -> None:
        """Have everything written, as far as that can be done soon; what is left waits on the disk."""
        self._thread.leave(10.0)
