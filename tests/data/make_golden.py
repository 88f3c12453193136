"""Write the golden messages of a new wire version: `python -m tests.data.make_golden v3`. Old ones stay."""

import sys
from pathlib import Path

from associate.roads.records import encode as encode_road
from associate.trajectory import encode as encode_event
from deploy.search.watchlist.entries import encode as encode_entry
from deploy.search.watchlist.entries import removal
from deploy.search.watchlist.matches import encode as encode_match
from deploy.web.live.beats import encode as encode_beat
from embed.observation import encode
from ingest.frame import ClockQuality
from tests.associate.roads.samples import alarm, edge
from tests.associate.samples import event
from tests.deploy.search.watchlist.samples import SEEN, match
from tests.deploy.web.beats import heartbeat
from tests.embed.samples import camera_change, correction, counted, delayed, gap, observation, tick


def main(version: str) -> None:
    folder = Path(__file__).parent / "golden" / version
    folder.mkdir(parents=True)
    (folder / "observation.msgpack").write_bytes(encode(observation()))
    (folder / "observation_playlist.msgpack").write_bytes(encode(observation(clock=ClockQuality.PLAYLIST)))  # since v2
    (folder / "tick.msgpack").write_bytes(encode(tick()))
    (folder / "gap.msgpack").write_bytes(encode(gap()))
    (folder / "event.json").write_bytes(encode_event(event()))
    # Since v3
    for name, message in counted().items():
        (folder / f"{name}_counted.msgpack").write_bytes(encode(message))
    (folder / "correction.msgpack").write_bytes(encode(correction()))
    (folder / "camera_change.msgpack").write_bytes(encode(camera_change()))
    (folder / "tick_delayed.msgpack").write_bytes(encode(delayed()))  # since v4
    # Since v5
    (folder / "watch_entry.json").write_bytes(encode_entry(SEEN))
    (folder / "watch_entry_removed.json").write_bytes(encode_entry(removal(SEEN, 1, "day shift")))
    (folder / "match.json").write_bytes(encode_match(match()))
    (folder / "live_beat.json").write_bytes(encode_beat(heartbeat()))
    # Since v6
    (folder / "edge.json").write_bytes(encode_road(edge()))
    (folder / "alarm.json").write_bytes(encode_road(alarm()))


if __name__ == "__main__":
    main(sys.argv[1])
