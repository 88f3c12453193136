"""Three brokers that fail, and commits whose replies are lost or late: nothing is lost, and nothing is said twice."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.log.base import Record
from deploy.log.spool import writer as spooled_writer
from deploy.log.topics import TRAJECTORIES
from tests.chaos.brokers.cluster import three_brokers
from tests.chaos.brokers.proxy import Harm
from tests.chaos.site import Place
from tests.chaos.story import LONGEST_S, SEEDS, STORIES, on_three_brokers, play

# The client leaves sockets behind whose connection failed; the garbage collector finds them.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")

RECORDS = 8


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setattr(spooled_writer, "RETRY_S", 0.05)
    with on_three_brokers() as made:
        yield made


@pytest.mark.parametrize("harm", Harm, ids=[harm.name.lower() for harm in Harm])
def test_a_commit_is_written_once_whatever_befalls_it(harm: Harm, place: Place) -> None:
    """So large that the next one is not written at once: an end that comes late meets it half written."""
    log = place.open_log()
    writer = log.claim("zone/main")
    harms = three_brokers().harms
    for number in range(1, 5):
        if number == 2:
            harms.befall(harm)
        records = [Record(TRAJECTORIES, str(number), os.urandom(100_000)) for _ in range(RECORDS)]
        writer.commit(records, state={"last": str(number).encode()}, position=number)
    assert harms.done[-1] is harm
    found = Counter(record.key for record in log.read(TRAJECTORIES, 0, 1000))
    assert found == {str(number): RECORDS for number in range(1, 5)}
    again = place.open_log().claim("zone/main")
    assert (again.position, dict(again.state)) == (4, {"last": b"4"})


@pytest.mark.timeout(1200 + LONGEST_S)  # each fault of a broker waits until it has come back
@pytest.mark.parametrize("seed", SEEDS[::4])
def test_nothing_is_lost_or_said_twice_by_brokers_that_fail(
    place: Place, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    STORIES.append(play(place, tmp_path, monkeypatch, seed))
    assert not STORIES[-1].findings.violations
