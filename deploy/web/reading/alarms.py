"""Roads and cameras that are not what they were, as association has said it on the log."""

from associate.roads.records import Alarm, decode
from deploy.log.base import Log
from deploy.log.decoding import Undecoded, decoded
from deploy.log.topics import TOPOLOGY


def standing_alarms(log: Log, undecoded: Undecoded) -> list[Alarm]:
    """The alarms that are not over, the latest first; `undecoded` counts records that are none of the topology."""
    latest = {record.key: record for record in decoded(log, TOPOLOGY, decode, undecoded)}
    standing = [record for record in latest.values() if isinstance(record, Alarm) and not record.over]
    return sorted(standing, key=lambda alarm: (-alarm.since_ns, alarm.key))
