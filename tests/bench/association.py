"""How many messages a second association takes, bare and over the SQLite log, and how much it remembers."""

import tempfile
from pathlib import Path

from associate.settings import AssociateSettings
from deploy.log.base import Record
from deploy.log.sqlite_log import SqliteLog
from deploy.log.topics import OBSERVATIONS
from deploy.site.association_worker import AssociationWorker
from embed.observation import decode, encode
from tests.associate.samples import SETTINGS, associator, convoy
from tests.bench.measure import interleaved, rate, resident_mb, table

VEHICLES = 500


def main() -> None:
    messages = convoy(VEHICLES)
    encoded = [encode(message) for message in messages]
    count = len(messages)

    def bare() -> float:
        machine = associator()
        return rate(count, lambda: [machine.update(message) for message in messages])

    def wire() -> float:
        return rate(count, lambda: [encode(decode(record)) for record in encoded])

    def long_memory() -> float:
        machine = associator(AssociateSettings(zone="z", max_travel_s=7200.0))
        return rate(count, lambda: [machine.update(message) for message in messages])

    def log_write() -> float:
        with tempfile.TemporaryDirectory() as folder:
            log = SqliteLog(Path(folder) / "log.db")
            writer = log.claim("bench")
            records = [Record(OBSERVATIONS, "a", value) for value in encoded]

            def append() -> None:
                for at in range(0, count, 50):
                    writer.commit(records[at : at + 50])

            return rate(count, append)

    def over_log() -> float:
        with tempfile.TemporaryDirectory() as folder:
            log = SqliteLog(Path(folder) / "log.db")
            log.claim("bench").commit([Record(OBSERVATIONS, "a", value) for value in encoded])
            worker = AssociationWorker(log, SETTINGS.zone, associator(), batch=500)
            return rate(count, worker.drain)

    print(f"{count} messages of {VEHICLES} vehicles through 3 cameras, features of 32; median of 3 interleaved runs\n")
    before_mb = resident_mb()
    speeds = interleaved(
        {
            "wire: decode and encode": wire,
            "SQLite log: append, 50 a commit": log_write,
            "association, state in memory": bare,
            "association over the SQLite log": over_log,
            "association, no windows, two hours of ends": long_memory,
        }
    )
    reference = speeds["wire: decode and encode"]
    rows = [[name, f"{speed:.0f}", f"{speed / reference:.3f}"] for name, speed in speeds.items()]
    table(["what", "messages/s", "ratio to the wire"], rows)
    print(f"\nmemory: {before_mb:.0f} MB before, {resident_mb():.0f} MB after all of it")
