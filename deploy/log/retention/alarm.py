"""An alarm before a log's retention removes what association has not read."""

import logging

from deploy.log.base import Log, StoredRecord
from ingest.clock import NS, Clock, SystemClock

logger = logging.getLogger(__name__)

ALARM_SHARE = 0.5
"""Share of the retention by which a reader may be behind; it is said again once it was below half of that."""


class RetentionAlarm:
    """Watch of one reader of a topic: `check` is given what it reads next."""

    def __init__(self, log: Log, topic: str, clock: Clock | None = None) -> None:
        self._topic = topic
        self._kept_s = log.kept_s(topic)
        self._clock = clock or SystemClock()
        self._raised = False

    def check(self, following: StoredRecord) -> None:
        """Warn where a record that is only read now has been on the log for a good part of its time."""
        if self._kept_s is None:
            return
        behind_s = (self._clock.now_ns() - following.appended_ns) / NS
        if behind_s < self._kept_s * ALARM_SHARE / 2:
            self._raised = False
        if self._raised or behind_s < self._kept_s * ALARM_SHARE:
            return
        self._raised = True
        logger.warning(
            "association is %.1f hours behind, and records of the topic %s are removed after %.1f hours, read or not: "
            "let it catch up, or raise the topic's retention.ms",
            behind_s / 3600,
            self._topic,
            self._kept_s / 3600,
        )
