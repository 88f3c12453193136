"""A process's share of the cameras that are to be watched: those it is for, or those of its slots within its budget."""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

from deploy.site.cameras.roster import RosterEntry

logger = logging.getLogger(__name__)


class Share(Protocol):
    """A way to say which cameras are a process's own."""

    @property
    def retakes(self) -> bool:
        """True where a camera that another process has claimed is claimed again, as long as it is one's own."""
        ...

    def choose(self, entries: Sequence[RosterEntry], had: Collection[str]) -> list[RosterEntry]:
        """Its own of the cameras that are to be watched; `had`: those it has at present."""
        ...


class FixedShare:
    """All cameras, or only those that the process was started for. Who claims a camera later has it."""

    retakes = False

    def __init__(self, only: frozenset[str] | None) -> None:
        self._only = only

    def choose(self, entries: Sequence[RosterEntry], had: Collection[str]) -> list[RosterEntry]:
        return [entry for entry in entries if self._only is None or entry.camera in self._only]


class SlotShare:
    """The cameras of the slots that a process has in its group, at most `most` of them."""

    retakes = True

    def __init__(self, slots: Callable[[], Collection[int]], most: int | None) -> None:
        self._slots = slots
        self._most = most
        self.refused: Mapping[str, str] = {}
        """Reasons, by the cameras that are its own and beyond its budget."""

    def choose(self, entries: Sequence[RosterEntry], had: Collection[str]) -> list[RosterEntry]:
        slots = self._slots()
        own = [entry for entry in entries if entry.record is not None and entry.record.slot in slots]
        own.sort(key=lambda entry: entry.camera not in had)  # what runs goes on running
        chosen, beyond = own[: self._most], own[len(own[: self._most]) :]
        refused = {entry.camera: f"beyond the {self._most} cameras of --max-cameras" for entry in beyond}
        for camera in refused.keys() - self.refused.keys():
            logger.warning("camera '%s' is not watched: %s (start another worker)", camera, refused[camera])
        self.refused = refused
        return chosen
