"""Standing by for a zone on Kafka: its state is followed, and its owner's place taken where that falls silent.

The owner commits at least once a second, so that its commits are its lease: no clocks are compared, only one's own is
read. Should an owner be taken for dead that only was slow, it is fenced, as by every claim.
"""

import logging
import threading

from deploy.log.base import Writer
from deploy.log.kafka_log import KafkaLog
from deploy.log.kafka_state import Followed
from ingest.clock import Clock, SystemClock
from ingest.errors import LogError

logger = logging.getLogger(__name__)

RETRY_S = 1.0
TAKE_OVER_AFTER_S = 4.0
"""Silence after which an owner is taken for dead."""
LOOK_S = 0.1


class Standby:
    """One who waits for its turn to own a name, with the state that it will go on from."""

    def __init__(self, log: KafkaLog, owner: str, *, clock: Clock | None = None) -> None:
        self._log = log
        self._owner = owner
        self._clock = clock or SystemClock()
        self._followed = Followed()

    def wait(self, stop: threading.Event, *, own_generation: int = 0) -> bool:
        """Wait until nobody else is the owner; returns False where `stop` came first.

        own_generation: of this process where it was the owner before: then nobody is waited for who never came.
        """
        self._followed = Followed()
        seen, since_s, said, away = None, 0.0, False, False
        while not stop.is_set():
            try:
                self._log.follow(self._owner, self._followed)
            except LogError as error:  # who cannot read hears no beat: silence begins anew
                if not away:
                    logger.warning("standing by for '%s': %s; trying again", self._owner, error)
                seen, away = None, True
                stop.wait(RETRY_S)
                continue
            commit, now_s, away = self._followed.restored.commit, self._clock.monotonic_s(), False
            if commit != seen:
                seen, since_s = commit, now_s
            if commit.left or commit.generation in (0, own_generation):
                return True
            if now_s - since_s >= TAKE_OVER_AFTER_S:
                logger.warning("'%s': no beat of its owner for %.1f s; taking over", self._owner, now_s - since_s)
                return True
            if not said:
                logger.info("standing by: '%s' is owned by another process (%d)", self._owner, commit.generation)
                said = True
            stop.wait(LOOK_S)
        return False

    def claim(self) -> Writer:
        """Become the owner, with the state that was followed."""
        return self._log.claim(self._owner, self._followed)
