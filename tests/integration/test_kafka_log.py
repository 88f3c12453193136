"""The log on a real Kafka broker: what the contract cannot ask of every log. Faults are scripts."""

import gc
import logging
import socket
import threading
import time
import uuid
import warnings
from collections.abc import Callable, Iterator

import pytest
from kafka import KafkaAdminClient, KafkaProducer, TopicPartition
from kafka.errors import KafkaTimeoutError

from deploy.log import kafka_cluster, kafka_writer
from deploy.log.base import Record
from deploy.log.kafka_cluster import Cluster, create_topics
from deploy.log.kafka_log import KafkaLog
from deploy.log.kafka_state import Left, States, home
from deploy.log.topics import ASSOCIATION_STATE, OBSERVATIONS, TRAJECTORIES
from ingest.errors import ConfigError, FencedError, LogError
from tests.contracts.kafka_broker import Broker, new_broker, servers

Opener = Callable[..., KafkaLog]

# The client leaves sockets behind whose connection failed; the garbage collector finds them.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


@pytest.fixture
def prefix() -> str:
    created = f"t{uuid.uuid4().hex[:8]}."
    create_topics(servers(), prefix=created)
    return created


@pytest.fixture
def open_log(prefix: str) -> Iterator[Opener]:
    logs: list[KafkaLog] = []

    def open_one(*, commit_timeout_s: float = 45.0) -> KafkaLog:
        logs.append(KafkaLog(servers(), prefix=prefix, commit_timeout_s=commit_timeout_s))
        return logs[-1]

    yield open_one
    for log in logs:
        log.close()
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        gc.collect()


@pytest.fixture(scope="module")
def mortal() -> Iterator[Broker]:
    """A broker to be killed: one with few topics, since it goes through all of them when it starts again."""
    broker = new_broker()
    create_topics(broker.servers)
    yield broker
    broker.discard()


def record(number: int, topic: str = OBSERVATIONS) -> Record:
    return Record(topic, "k", str(number).encode())


def numbers(log: KafkaLog, topic: str = OBSERVATIONS) -> list[int]:
    return [int(stored.value) for stored in log.read(topic, 0, 100_000)]


def test_a_broker_that_is_killed_loses_and_doubles_nothing(mortal: Broker) -> None:
    log, reader = KafkaLog(mortal.servers), KafkaLog(mortal.servers)
    writer = log.claim("zone/main")
    stop, failures = threading.Event(), []
    seen: list[int] = []

    def commit() -> None:
        try:
            while not stop.is_set():
                number = writer.position + 1
                records = [record(number), record(number, TRAJECTORIES)]
                writer.commit(records, state={"count": str(number).encode()}, position=number)
        except BaseException as failure:
            failures.append(failure)

    def read() -> None:
        after = 0
        try:
            while not stop.is_set():
                found = reader.read(OBSERVATIONS, after, 50)
                seen.extend(int(stored.value) for stored in found)
                after = found[-1].offset if found else after
                time.sleep(0.01)
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=work) for work in (commit, read)]
    for thread in threads:
        thread.start()
    try:
        for kills in range(3):
            if kills:
                mortal.kill()
                mortal.start()
            enough = writer.position + 20
            wait_until(lambda enough=enough: writer.position > enough or bool(failures))  # type: ignore[misc]
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not failures
    expected = list(range(1, writer.position + 1))
    assert numbers(log) == expected
    assert numbers(log, TRAJECTORIES) == expected
    assert seen == expected[: len(seen)]
    again = reader.claim("zone/main")
    assert (again.position, again.state["count"]) == (writer.position, str(writer.position).encode())
    log.close()
    reader.close()


def test_a_broker_that_stays_away_ends_in_an_error(mortal: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_cluster, "REQUEST_TIMEOUT_S", 1.0)
    for module in (kafka_cluster, kafka_writer):
        monkeypatch.setattr(module, "DELIVERY_TIMEOUT_S", 2.0)
    log = KafkaLog(mortal.servers, commit_timeout_s=2.0)
    writer = log.claim("zone/other")
    writer.commit([record(1, TRAJECTORIES)], position=1)
    before = numbers(log, TRAJECTORIES)
    mortal.kill()
    try:
        began = time.monotonic()
        with pytest.raises(LogError, match=r"cannot commit for 'zone/other' to Kafka at .*nothing of it was written"):
            writer.commit([record(2, TRAJECTORIES)], position=2)
        assert time.monotonic() - began < 30
        with pytest.raises(ConfigError, match="no Kafka broker answers"):
            KafkaLog(mortal.servers, connect_timeout_s=0.2)
    finally:
        mortal.start()
    assert writer.position == 1
    successor = log.claim("zone/other")
    assert successor.position == 1
    successor.commit([record(2, TRAJECTORIES)], position=2)
    assert numbers(log, TRAJECTORIES) == [*before, 2]
    log.close()


def test_of_two_association_writers_the_first_is_fenced(open_log: Opener) -> None:
    first, second = open_log(), open_log()
    writer = first.claim("zone/main")
    started, fenced = threading.Event(), []

    def commit() -> None:
        try:
            while True:
                writer.commit([record(writer.position + 1)], position=writer.position + 1)
                started.set()
        except FencedError as error:
            fenced.append(error)

    thread = threading.Thread(target=commit)
    thread.start()
    started.wait(10)
    successor = second.claim("zone/main")
    taken_over_at = successor.position
    for _ in range(10):
        successor.commit([record(successor.position + 1)], position=successor.position + 1)
    thread.join(20)
    assert len(fenced) == 1
    assert writer.position == taken_over_at
    assert successor.position == taken_over_at + 10
    assert numbers(second) == list(range(1, successor.position + 1))


class Faults:
    """Replaces methods of the client's producer for the first call of each that is made."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._patch = patch
        self.commits = 0

    def once(self, method: str, fault: Callable[..., object]) -> None:
        real, armed = getattr(KafkaProducer, method), [True]

        def call(producer: KafkaProducer, *args: object, **kwargs: object) -> object:
            if armed and armed.pop():
                return fault(lambda: real(producer, *args, **kwargs))
            return real(producer, *args, **kwargs)

        self._patch.setattr(KafkaProducer, method, call)


def record_given_up(faults: Faults) -> None:
    """As when delivery_timeout_ms is over: the client's own commit would succeed without the record."""

    def give_up(send: Callable[[], object]) -> object:
        from kafka.producer.future import FutureProduceResult, FutureRecordMetadata

        future = FutureRecordMetadata(FutureProduceResult(TopicPartition("lost", 0)), -1, None, None, -1, -1, -1)
        return future.failure(KafkaTimeoutError("given up"))

    faults.once("send", give_up)


def record_refused(faults: Faults) -> None:
    faults.once("send", lambda send: raise_timeout())


def flush_not_back(faults: Faults) -> None:
    faults.once("flush", lambda flush: raise_timeout())


def commit_not_sent(faults: Faults) -> None:
    faults.once("commit_transaction", lambda commit: raise_timeout())


def commit_done_but_unanswered(faults: Faults) -> None:
    faults.once("commit_transaction", lambda commit: (commit(), raise_timeout()))


def commit_hangs(faults: Faults) -> None:
    faults._patch.setattr(kafka_writer, "COMMIT_TIMEOUT_S", 0.3)
    faults.once("commit_transaction", lambda commit: threading.Event().wait(20))


def commit_is_slow(faults: Faults) -> None:
    faults._patch.setattr(kafka_writer, "SLOW_COMMIT_S", 0.2)
    faults.once("commit_transaction", lambda commit: (commit(), threading.Event().wait(0.3)))


def raise_timeout() -> object:
    raise KafkaTimeoutError("injected")


@pytest.mark.parametrize(
    "fault",
    [
        record_given_up,
        record_refused,
        flush_not_back,
        commit_not_sent,
        commit_done_but_unanswered,
        commit_hangs,
        commit_is_slow,
    ],
)
def test_the_guard_makes_a_fault_exactly_once(
    fault: Callable[[Faults], None], open_log: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = open_log()
    writer = log.claim("zone/main")
    writer.commit([record(1)], position=1)
    producer = writer._producer
    fault(Faults(monkeypatch))
    writer.commit([record(2), record(2, TRAJECTORIES)], state={"k": b"2"}, position=2)
    assert writer._producer is not producer
    writer.commit([record(3)], position=3)
    assert numbers(log) == [1, 2, 3]
    assert numbers(log, TRAJECTORIES) == [2]
    again = open_log().claim("zone/main")
    assert (again.generation, again.position, dict(again.state)) == (2, 3, {"k": b"2"})


def test_a_record_given_up_is_never_committed_without(
    open_log: Opener, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client's defect that the guard is there for: its own commit would go through."""
    log = open_log(commit_timeout_s=1.0)
    writer = log.claim("zone/main")
    commits: list[object] = []
    with monkeypatch.context() as patch:
        patch.setattr(KafkaProducer, "commit_transaction", commits.append)
        for _ in range(50):
            record_given_up(Faults(patch))
        with pytest.raises(LogError, match="nothing of it was written"):
            writer.commit([record(1)], position=1)
    assert not commits
    assert numbers(log) == []
    writer.commit([record(1)], position=1)
    assert numbers(log) == [1]


def test_a_defect_of_ours_in_the_middle_leaves_nothing(open_log: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    log = open_log()
    writer = log.claim("zone/main")

    def broken(flush: Callable[[], object]) -> object:
        raise RuntimeError("a defect")

    Faults(monkeypatch).once("flush", broken)
    with pytest.raises(RuntimeError):
        writer.commit([record(1)], position=1)
    with pytest.raises(LogError, match="start it again"):
        writer.commit([record(1)], position=1)
    again = open_log()
    assert again.claim("zone/main").position == 0
    assert numbers(again) == []


def test_an_owner_that_is_fenced_by_its_own_past_goes_on(open_log: Opener, prefix: str) -> None:
    """A stray producer of an earlier life takes the epoch but puts no generation down."""
    log = open_log()
    writer = log.claim("zone/main")
    stray = Cluster(servers(), prefix).producer("zone/main")
    try:
        stray.init_transactions()
        writer.commit([record(1)], position=1)
    finally:
        stray.close(timeout=1)
    assert numbers(log) == [1]
    assert writer.generation == 1


def test_a_restore_does_not_miss_what_another_s_open_transaction_hides(open_log: Opener, prefix: str) -> None:
    """Readers of committed records stop at the first open transaction; the owner's last commit lies behind it."""
    log = open_log()
    writer = log.claim("zone/main")
    writer.commit([record(1)], position=1)
    other = open_transaction(prefix)
    writer.commit([record(2)], state={"k": b"2"}, position=2)
    timer = threading.Timer(1.0, other.abort_transaction)
    timer.start()
    began = time.monotonic()
    again = open_log().claim("zone/main")
    waited_s = time.monotonic() - began
    timer.join()
    other.close(timeout=1)
    assert (again.generation, again.position, dict(again.state)) == (2, 2, {"k": b"2"})
    assert waited_s > 0.5


def test_an_owner_comes_back_though_another_s_open_transaction_hides_its_claim(
    open_log: Opener, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What can be read is older than the owner itself; that is no reason to think the name lost."""
    others: list[KafkaProducer] = []
    settled = States.settled

    def settled_just_before(states: States, owner: str) -> Left:
        left = settled(states, owner)
        if not others:
            others.append(open_transaction(prefix))
        return left

    monkeypatch.setattr(States, "settled", settled_just_before)
    log = open_log()
    writer = log.claim("zone/main")
    assert States(Cluster(servers(), prefix)).readable("zone/main").commit.generation == 0
    timer = threading.Timer(1.0, others[0].abort_transaction)
    commit_not_sent(Faults(monkeypatch))
    timer.start()
    writer.commit([record(1)], position=1)
    timer.join()
    others[0].close(timeout=1)
    assert numbers(log) == [1]


def test_who_lost_the_name_in_the_last_moment_is_fenced(open_log: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new owner comes between the look at the log and the new producer: the log is asked again."""
    monkeypatch.setattr(kafka_writer, "STAND_BACK_S", 0.0)
    writer = open_log().claim("zone/main")
    log = open_log()
    log.claim("zone/main").commit([record(1)])
    monkeypatch.setattr(States, "readable", lambda *_: Left(writer._last))
    with pytest.raises(FencedError):
        writer.commit([record(666)])
    assert numbers(log) == [1]


def test_what_this_process_has_committed_is_waited_for(open_log: Opener, prefix: str) -> None:
    log = open_log()
    writer = log.claim("zone/main")
    other = open_transaction(prefix, OBSERVATIONS, 0)
    writer.commit([record(1)])
    assert open_log().read(OBSERVATIONS, 0, 10) == []
    timer = threading.Timer(0.5, other.abort_transaction)
    timer.start()
    assert numbers(log) == [1]
    timer.join()
    other.close(timeout=1)


def open_transaction(prefix: str, topic: str = ASSOCIATION_STATE, partition: int = home("zone/main")) -> KafkaProducer:
    """A transaction of somebody else, left open; by default in the partition of the zone's state."""
    producer = Cluster(servers(), prefix).producer("somebody")
    producer.init_transactions()
    producer.begin_transaction()
    producer.send(f"{prefix}{topic}", b"{}", b"somebody", partition=partition).get(timeout=10)
    return producer


def test_too_large_a_record_is_refused_before_anything_is_written(open_log: Opener) -> None:
    log = open_log()
    writer = log.claim("zone/main")
    with pytest.raises(LogError, match="too large"):
        writer.commit([record(1), Record(OBSERVATIONS, "k", bytes(2_000_000))], position=1)
    writer.commit([record(2)], position=2)
    assert numbers(log) == [2]


def test_what_retention_took_is_told_and_skipped(
    open_log: Opener, prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    log = open_log()
    writer = log.claim("zone/main")
    for number in range(1, 6):
        writer.commit([record(number)])
    offsets = [stored.offset for stored in log.read(OBSERVATIONS, 0, 10)]
    admin = KafkaAdminClient(bootstrap_servers=servers())
    admin.delete_records({TopicPartition(f"{prefix}{OBSERVATIONS}", 0): offsets[3] - 1})
    admin.close()
    with caplog.at_level(logging.WARNING):
        assert [stored.offset for stored in log.read(OBSERVATIONS, offsets[0], 10)] == offsets[3:]
    assert "removed by its retention" in caplog.text
    assert numbers(log) == [4, 5]


def test_a_place_beyond_the_end_is_refused(open_log: Opener) -> None:
    log = open_log()
    log.claim("zone/main").commit([record(1)])
    with pytest.raises(LogError, match="beyond its end"):
        log.read(OBSERVATIONS, 10_000, 10)
    assert numbers(log) == [1]


def test_topics_are_never_made_by_the_way() -> None:
    with pytest.raises(ConfigError, match=r"lacks the topics .*observations.*`corridor topics create kafka://"):
        KafkaLog(servers(), prefix=f"missing{uuid.uuid4().hex[:6]}.")


def test_a_topic_that_nobody_knows_is_not_asked_for(open_log: Opener) -> None:
    log = open_log()
    writer = log.claim("zone/main")
    with pytest.raises(LogError, match="no topic 'obsevations'"):
        log.read("obsevations", 0, 1)
    with pytest.raises(LogError, match="no topic 'obsevations'"):
        writer.commit([record(1, "obsevations")])
    writer.commit([record(1)])


@pytest.mark.parametrize("listening", [True, False])
def test_what_is_no_broker_is_told(free_port: socket.socket, listening: bool) -> None:
    if listening:
        free_port.listen()
    with pytest.raises(ConfigError, match=r"no Kafka broker answers at 127\.0\.0\.1:\d+ within 0\.2 s"):
        KafkaLog(f"127.0.0.1:{free_port.getsockname()[1]}", connect_timeout_s=0.2)


def test_an_owner_s_name_cannot_be_mistaken_for_a_key(open_log: Opener) -> None:
    with pytest.raises(ConfigError, match="must not hold"):
        open_log().claim("camera/a|b")


def test_partitions_are_checked(prefix: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=servers())
    admin.create_partitions({f"{prefix}{OBSERVATIONS}": 3})
    admin.close()
    with pytest.raises(ConfigError, match="has 3 partitions and must have 1"):
        wait_until(lambda: KafkaLog(servers(), prefix=prefix).close())
    with pytest.raises(ConfigError, match="has 3 partitions and must have 1"):
        kafka_cluster.create_topics(servers(), prefix=prefix)


@pytest.fixture
def free_port() -> Iterator[socket.socket]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken


def wait_until(condition: Callable[[], object], timeout_s: float = 40.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)
