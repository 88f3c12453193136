"""Claims of names whose owner commits nothing that could be refused: the broker is asked who has them."""

import contextlib
from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any

from kafka.errors import KafkaError, TransactionalIdNotFoundError

from deploy.log.kafka_cluster import Cluster, short_reason
from ingest.errors import LogError

Epoch = tuple[int, int]
"""A producer's id on the broker and its epoch: every claim of a name brings another."""


class Claims:
    """The owners of this process, with the epoch of each claim. One thread asks at a time."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._epochs: dict[str, Epoch] = {}
        self._connection = ExitStack()
        self._admin: Any = None

    def note(self, owner: str, epoch: Epoch) -> None:
        """One owner more, with the epoch of its claim."""
        self._epochs[owner] = epoch

    def lost(self) -> set[str]:
        """The owners that another process has claimed since; raises LogError where the broker cannot be asked."""
        asked = dict(self._epochs)
        if not asked:
            return set()
        try:
            if self._admin is None:
                self._cluster.reach(0.0)
                self._admin = self._connection.enter_context(self._cluster.admin())
            now = self._ask(asked)
        except KafkaError as error:
            self.close()
            raise LogError(f"cannot see who owns what at {self._cluster.servers}: {short_reason(error)}") from error
        # One that was claimed anew meanwhile has another epoch here, too.
        return {owner for owner, epoch in asked.items() if now.get(owner, epoch) != epoch == self._epochs.get(owner)}

    def close(self) -> None:
        """Give the connection back."""
        self._admin = None
        with contextlib.suppress(KafkaError):
            self._connection.close()

    def _ask(self, owners: Iterable[str]) -> dict[str, Epoch]:
        """The epoch of each name on the broker, without those that it has forgotten, as it does after a week."""
        names = {f"{self._cluster.prefix}{owner}": owner for owner in owners}
        try:
            found = self._admin.describe_transactions(list(names))
        except TransactionalIdNotFoundError:
            found = {}
            for name in names:
                with contextlib.suppress(TransactionalIdNotFoundError):
                    found |= self._admin.describe_transactions([name])
        return {names[name]: (it.producer_id, it.producer_epoch) for name, it in found.items()}
