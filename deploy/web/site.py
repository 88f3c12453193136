"""State that the operations share: the log, its index, crops, accounts, counters."""

import threading
from dataclasses import dataclass

from deploy.log.base import Log
from deploy.site.config import Config
from deploy.site.controls import correction_of, publish
from deploy.web.access.control import Access
from deploy.web.index.follower import Follower
from deploy.web.index.store import Index
from deploy.web.live.offered_crops import OfferedCrops
from deploy.web.live.sources import LiveSources
from deploy.web.map.plan import Plan
from deploy.web.metrics import Metrics
from deploy.web.reading.corrections import NewCorrection
from deploy.web.roster.wishes import Wishes
from deploy.web.searching.searcher import Searcher
from embed.observation import Correction
from ingest.clock import Clock
from ingest.errors import ConfigError


@dataclass(frozen=True, slots=True)
class WebSite:
    """A site as its server sees it.

    name: that of the configuration. saying: held while something is put on the log. live: the cameras of this process,
    and those of others that offer theirs.
    """

    name: str
    config: Config
    log: Log
    index: Index
    follower: Follower
    crops: OfferedCrops
    access: Access
    metrics: Metrics
    clock: Clock
    saying: threading.Lock
    live: LiveSources
    searcher: Searcher
    plan: Plan | None
    wishes: Wishes

    def correct(self, said: NewCorrection, by: str) -> Correction:
        """Put a correction on the log; raises ConfigError where it is not about two tracklets of it."""
        for tracklet in said.tracklets:
            if self.index.row("SELECT 1 FROM tracklets WHERE tracklet = ?", (tracklet,)) is None:
                raise ConfigError(f"tracklets: there is no '{tracklet}' (ids are CAMERA|EPOCH|TRACK, as in sightings)")
        with self.saying:
            control = correction_of(self.log, said.verdict, said.tracklets, by)
            publish(self.log, self.config.associate.zone, control)
        return control
