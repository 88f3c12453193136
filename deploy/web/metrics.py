"""Metrics of the server for Prometheus; what each means and when to alarm: docs/operating/metrics.md."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from deploy.log.base import Log
from deploy.log.topics import OBSERVATIONS, TRAJECTORIES
from deploy.web.index.follower import Follower
from deploy.web.index.store import Index
from deploy.web.live.sources import LiveSources
from ingest.clock import NS
from ingest.errors import LogError

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Counters of the server, and what the index knows when it is asked."""

    def __init__(self, log: Log, index: Index, follower: Follower, live: LiveSources) -> None:
        self.open_streams = 0
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "corridor_http_requests", "Requests by operation and status.", ("path", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "corridor_http_request_duration_seconds",
            "Time from a request to its answer.",
            ("path",),
            buckets=(0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0),
            registry=self.registry,
        )
        self.listeners = Gauge("corridor_event_listeners", "Event streams that are open.", registry=self.registry)
        self.corrections = Counter("corridor_corrections", "Corrections said here.", registry=self.registry)
        self.registry.register(_LogMetrics(log, index, follower))
        self.registry.register(_LiveMetrics(live))

    @contextmanager
    def stream(self) -> Iterator[None]:
        """Count an event stream while it is open; to be called by the event loop only."""
        self.open_streams += 1
        self.listeners.set(self.open_streams)
        try:
            yield
        finally:
            self.open_streams -= 1
            self.listeners.set(self.open_streams)

    def text(self) -> bytes:
        return generate_latest(self.registry)


class _LiveMetrics:
    """Collector of the live cameras."""

    def __init__(self, live: LiveSources) -> None:
        self._live = live

    def collect(self) -> Iterator[Metric]:
        viewers = GaugeMetricFamily("corridor_live_viewers", "Viewers of a camera.", labels=["camera"])
        dropped = CounterMetricFamily(
            "corridor_live_dropped", "Packets and boxes that viewers were too slow for.", labels=["camera"]
        )
        for name, camera in self._live.cameras.items():
            viewers.add_metric([name], camera.watched)
            dropped.add_metric([name], camera.dropped)
        up = GaugeMetricFamily(
            "corridor_live_worker_up", "1 while the worker that offers a camera's video is there.", labels=["camera"]
        )
        for name in self._live.workers.cameras:
            up.add_metric([name], float(self._live.workers.now(name) is not None))
        yield from (viewers, dropped, up)

    def describe(self) -> list[Metric]:
        """Cameras come and go with the process."""
        return []


class _LogMetrics:
    """Collector of what the index and the log say."""

    def __init__(self, log: Log, index: Index, follower: Follower) -> None:
        self._log, self._index, self._follower = log, index, follower

    def collect(self) -> Iterator[Metric]:
        behind = GaugeMetricFamily(
            "corridor_index_lag_records", "Records on the log that the index has not taken in.", labels=["topic"]
        )
        for topic in (OBSERVATIONS, TRAJECTORIES):
            try:
                behind.add_metric([topic], max(0, self._log.end(topic) - self._index.position(topic)))
            except LogError:
                continue  # corridor_log_up says it
        yield behind
        yield GaugeMetricFamily(
            "corridor_log_up", "1 while the log can be read.", value=float(self._follower.problem is None)
        )
        yield GaugeMetricFamily(
            "corridor_undecoded_records",
            "Records that could not be decoded since the start.",
            value=self._follower.undecoded.total,
        )
        yield from self._cameras()

    def _cameras(self) -> Iterator[Metric]:
        heard = GaugeMetricFamily(
            "corridor_camera_last_heard_timestamp_seconds", "Append time of a camera's last word.", labels=["camera"]
        )
        rate = GaugeMetricFamily(
            "corridor_camera_analysed_frames_per_second", "Frames analysed a second.", labels=["camera"]
        )
        lost = GaugeMetricFamily(
            "corridor_camera_records_lost", "Records given up while the log was away.", labels=["camera"]
        )
        for row in self._index.rows("SELECT * FROM cameras"):
            heard.add_metric([row["camera"]], row["appended_ns"] / NS)
            lost.add_metric([row["camera"]], row["records_lost"])
            if row["analysed_fps"] is not None:
                rate.add_metric([row["camera"]], row["analysed_fps"])
        yield from (heard, rate, lost)

    def describe(self) -> list[Metric]:
        """Nothing is asked of the log when the collector is registered."""
        return []
