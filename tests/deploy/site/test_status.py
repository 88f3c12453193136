"""The file of `--status`: when it was written, by whom, and until when it holds."""

import json
import os
from pathlib import Path

from deploy.log.opening import open_log
from deploy.site.status import write_status
from deploy.site.wiring import make_perception_worker
from ingest.clock import NS, ManualClock
from tests.deploy.site.test_perception_worker import SIZE, configure
from tests.ingest.clips import write_clip


def test_every_status_says_when_it_was_so_and_until_when_it_holds(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", 5, size=SIZE)
    config = configure(tmp_path, {"a": clip, "b": clip})
    worker = make_perception_worker(config, open_log(config.log.url))
    write_status(tmp_path / "status.json", worker, ManualClock(1_700_000_000 * NS))
    a, b = json.loads((tmp_path / "status.json").read_bytes())
    stamp = {"at": "2023-11-14T22:13:20Z", "expires": "2023-11-14T22:13:30Z", "pid": os.getpid()}
    assert a | stamp == a
    assert b | stamp == b
    assert (a["camera"], a["state"], b["camera"]) == ("a", "opening", "b")
