"""Metrics of cameras and association, asked for over HTTP, each on the page that explains it."""

import urllib.request
from pathlib import Path

import pytest

from deploy.log.opening import open_log
from deploy.site.wiring import make_association_worker, make_perception_worker
from deploy.web.worker_metrics import worker_metrics
from ingest.errors import ConfigError
from tests.conftest import ROOT
from tests.deploy.site.test_perception_worker import configure
from tests.ingest.clips import write_clip


def test_what_a_process_has_done_can_be_asked_for(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", 60, size=(320, 192))
    config = configure(tmp_path, {"a": clip})
    log = open_log(config.log.url)
    perception, association = make_perception_worker(config, log), make_association_worker(config, log)
    perception.run()
    with worker_metrics(("127.0.0.1", 0), log, perception, lambda: association) as port:
        before = _asked(port)
        association.drain()
        after = _asked(port)
        with pytest.raises(ConfigError, match="cannot listen"), worker_metrics(("127.0.0.1", port), log):
            pass
    analysed = perception.runtimes["a"].analysed
    assert f'corridor_frames_total{{camera="a",outcome="analysed"}} {analysed:.1f}' in after
    assert 'corridor_camera_up{camera="a"} 0.0' in after
    assert "corridor_association_lag_records 0.0" in after
    assert "corridor_association_lag_records 0.0" not in before
    assert f"corridor_association_records_total {association.counts['records']:.1f}" in after
    page = (ROOT / "docs/operating/metrics.md").read_text()
    names = {line.split()[2] for line in after.splitlines() if line.startswith("# TYPE")}
    assert len(names) >= 8
    assert not [name for name in names if f"`{name}" not in page]


def _asked(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
        text: bytes = answer.read()
    return text.decode()
