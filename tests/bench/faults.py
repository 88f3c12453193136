"""What happens when things break: the deployed system of the bench `streams`, and one fault after another.

A fourth camera is turned away for its wrong password all the while. For every fault: how long until the camera or the
service it hit worked again by itself, and how the frames a second of the cameras it did not hit changed meanwhile.
"""

import signal
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen

from deploy.cli.exit_codes import ExitCode
from embed.observation import TrackletState
from tests.bench.measure import table
from tests.bench.streams import (
    CLIPS,
    SETTLED_S,
    WARMUP_S,
    Cameras,
    Heard,
    configuration,
    environment,
    listen,
    report_identities,
    statuses,
)
from tests.contracts.kafka_broker import Broker, new_broker
from tests.system.command import corridor, start

BASELINE_S = 12.0
FAULT_S = 12.0
PATIENCE_S = 60.0
HIT = CLIPS[1]


@dataclass(slots=True)
class Site:
    """Everything that runs."""

    folder: Path
    cameras: Cameras
    broker: Broker
    heard: Heard
    services: dict[str, "Popen[str]"] = field(default_factory=dict)

    def start(self, service: str) -> None:
        options = ["--status", "status.json"] if service == "observe" else []
        self.services[service] = start(self.folder, service, "site.toml", *options, **environment())

    def kill(self, service: str) -> None:
        self.services[service].kill()
        self.services[service].communicate()

    def analysed(self) -> dict[str, int]:
        return {name: status["analysed"] for name, status in statuses(self.folder).items()}

    def rates(self, seconds: float) -> dict[str, float]:
        """Analysed frames a second of every camera over the next seconds."""
        before, began_s = self.analysed(), time.time()
        time.sleep(seconds)
        took_s = time.time() - began_s
        return {name: max(0, count - before.get(name, 0)) / took_s for name, count in self.analysed().items()}

    def until(self, works: Callable[[], bool]) -> float | None:
        """Seconds until something works; None if it does not in good time."""
        began_s = time.time()
        while time.time() - began_s < PATIENCE_S:
            if works():
                return time.time() - began_s
            time.sleep(0.1)
        return None

    def cameras_work(self, *names: str) -> Callable[[], bool]:
        before = self.analysed()
        return lambda: all(self.analysed().get(name, 0) > before.get(name, 0) + 3 for name in names)

    def events_come(self) -> Callable[[], bool]:
        before = len(self.heard.events)
        return lambda: len(self.heard.events) > before

    def observations_come(self) -> Callable[[], bool]:
        before = len(self.heard.observations)
        return lambda: len(self.heard.observations) > before


@dataclass(frozen=True, slots=True)
class Fault:
    """`others`: the cameras that it does not hit; `recovered` is asked when it is mended, for how to see it works."""

    name: str
    others: tuple[str, ...]
    harm: Callable[[], None]
    mend: Callable[[], None]
    recovered: Callable[[], Callable[[], bool]]


def faults(site: Site) -> list[Fault]:
    """One after another."""
    others = tuple(name for name in CLIPS if name != HIT)
    number = CLIPS.index(HIT)
    return [
        Fault(
            f"{HIT} stalls, its connection stays",
            others,
            lambda: site.cameras.send_command(f"stall {number}"),
            lambda: site.cameras.send_command(f"go {number}"),
            lambda: site.cameras_work(HIT),
        ),
        Fault(
            "the RTSP server is killed",
            (),
            site.cameras.kill,
            site.cameras.start,
            lambda: site.cameras_work(*CLIPS),
        ),
        Fault(
            "associate is killed",
            CLIPS,
            lambda: site.kill("associate"),
            lambda: site.start("associate"),
            site.events_come,
        ),
        Fault("the broker is killed", CLIPS, site.broker.kill, site.broker.start, site.events_come),
        Fault(
            "observe is killed",
            (),
            lambda: site.kill("observe"),
            lambda: site.start("observe"),
            site.observations_come,
        ),
    ]


def run() -> tuple[list[list[str]], Heard, list[str]]:
    heard, stop = Heard(), threading.Event()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        broker, cameras = new_broker(), Cameras()
        stack.callback(broker.discard)
        cameras.start()
        stack.callback(lambda: cameras.kill())
        (folder / "site.toml").write_text(configuration(cameras.urls, broker.servers, wrong_password=True))
        assert corridor(folder, "topics", "create", "site.toml").returncode == 0
        ear = threading.Thread(target=listen, args=(broker.servers, heard, stop))
        ear.start()
        site = Site(folder, cameras, broker, heard)
        for service in ("associate", "observe"):
            site.start(service)
        time.sleep(WARMUP_S)
        rows = [one(site, fault) for fault in faults(site)]
        time.sleep(SETTLED_S)
        last = statuses(folder)
        for service in ("observe", "associate"):
            site.services[service].send_signal(signal.SIGINT)
            _, words = site.services[service].communicate(timeout=60)
            # The camera with the wrong password has given nothing, and what a killed broker missed is a gap.
            expected = ExitCode.PARTLY if service == "observe" else ExitCode.DONE
            assert site.services[service].returncode == expected, words
            assert "open s" not in words
            time.sleep(3)
        stop.set()
        ear.join()
    notes = [f"{name}: {status['state']}, sessions lost {status['lost']}" for name, status in last.items()]
    return rows, heard, notes


def one(site: Site, fault: Fault) -> list[str]:
    """Break something for a while, mend it, and wait until it works."""
    before = site.rates(BASELINE_S)
    fault.harm()
    during = site.rates(FAULT_S)
    works = fault.recovered()
    fault.mend()
    took_s = site.until(works)
    changes = [f"{during[other] / before[other] - 1:+.0%}" for other in fault.others if before[other]]
    return [fault.name, f"{took_s:.1f} s" if took_s is not None else "never", " ".join(changes) or "-"]


def main() -> None:
    rows, heard, notes = run()
    print(f"each fault lasted {FAULT_S:.0f} s; rates are compared with the {BASELINE_S:.0f} s before\n")
    table(["fault", "works again after mending", "analysed/s of the cameras not hit"], rows)
    report_identities(heard)
    opened = {o.tracklet for _, o in heard.observations}
    closed = {o.tracklet for _, o in heard.observations if o.state is TrackletState.CLOSED}
    print(f"tracklets whose end was lost with a killed process: {len(opened - closed)} of {len(opened)}")
    print("cameras of the last `observe`: " + "; ".join(notes))
