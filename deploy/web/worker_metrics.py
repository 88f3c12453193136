"""Metrics of the processes that do the work, on a port of their own: cameras and association (`--metrics`)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from associate.roads.records import AlarmKind
from deploy.log.base import Log
from deploy.log.topics import OBSERVATIONS
from deploy.site.association_worker import AssociationWorker
from deploy.site.perception_worker import PerceptionWorker
from deploy.site.status import CameraStatus, camera_statuses
from ingest.errors import ConfigError, LogError

FRAMES = ("decoded", "skipped", "dropped", "analysed", "failed")
ASSOCIATION = {
    "records": "Records that association has taken in.",
    "events": "Trajectory events that it has said.",
    "dead_letters": "Records that it could not use.",
}


@contextmanager
def worker_metrics(
    address: tuple[str, int],
    log: Log,
    perception: PerceptionWorker | None = None,
    association: Callable[[], AssociationWorker | None] = lambda: None,
) -> Iterator[int]:
    """Serve the metrics of a process while the block runs; yields the port. Raises ConfigError for a taken address.

    association: the worker that is at work now.
    """
    registry = CollectorRegistry()
    registry.register(_WorkerMetrics(log, perception, association))
    host, port = address
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        raise ConfigError(f"--metrics: cannot listen on {host}:{port}: {error.strerror}") from error
    try:
        yield int(server.server_port)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _WorkerMetrics:
    """Collector of what a process knows when it is asked."""

    def __init__(
        self, log: Log, perception: PerceptionWorker | None, association: Callable[[], AssociationWorker | None]
    ) -> None:
        self._log, self._perception, self._association = log, perception, association

    def collect(self) -> Iterator[Metric]:
        if self._perception is not None:
            yield from _cameras(camera_statuses(self._perception))
        worker = self._association()
        if worker is not None:
            for name, words in ASSOCIATION.items():
                yield CounterMetricFamily(f"corridor_association_{name}", words, value=worker.counts[name])
            alarms = CounterMetricFamily(
                "corridor_association_alarms", "Roads and cameras that were not what they had been.", labels=["kind"]
            )
            for kind in AlarmKind:
                alarms.add_metric([kind], worker.counts[kind])
            yield alarms
            try:
                behind = max(0, self._log.end(OBSERVATIONS) - worker.position)
            except LogError:
                return  # the log is away; its readers say so
            yield GaugeMetricFamily(
                "corridor_association_lag_records", "Observations on the log that it has not taken in.", value=behind
            )

    def describe(self) -> list[Metric]:
        """Nothing is asked of the workers when the collector is registered."""
        return []


def _cameras(statuses: list[CameraStatus]) -> Iterator[Metric]:
    frames = CounterMetricFamily("corridor_frames", "Frames by what became of them.", labels=["camera", "outcome"])
    up = GaugeMetricFamily("corridor_camera_up", "1 while a camera gives frames.", labels=["camera"])
    opened = CounterMetricFamily("corridor_camera_sessions", "Openings of a camera's stream.", labels=["camera"])
    lag = GaugeMetricFamily("corridor_camera_lag_seconds", "Arrival of a frame after its capture.", labels=["camera"])
    waited = GaugeMetricFamily(
        "corridor_frame_wait_seconds", "Wait of frames for the detector, 95th percentile.", labels=["camera"]
    )
    given_up = CounterMetricFamily(
        "corridor_records_given_up", "Records that the log did not take in time.", labels=["camera"]
    )
    for each in statuses:
        for outcome in FRAMES:
            frames.add_metric([each.camera, outcome], getattr(each, outcome))
        up.add_metric([each.camera], float(each.state == "running"))
        opened.add_metric([each.camera], each.sessions)
        given_up.add_metric([each.camera], each.given_up)
        if each.lag_ms is not None:
            lag.add_metric([each.camera], each.lag_ms / 1000)
        if each.waited_p95_ms is not None:
            waited.add_metric([each.camera], each.waited_p95_ms / 1000)
    yield from (frames, up, opened, lag, waited, given_up)
