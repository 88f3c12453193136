"""Slots on a real broker: shared by members, had by others after an end, and by one of two with the same name."""

import pytest

from deploy.log.brokers.slots import SlotMember, remove_member
from deploy.log.kafka_cluster import Cluster
from tests.contracts.kafka_broker import servers
from tests.integration.kafka_log.waiting import wait_until

# The client leaves sockets behind whose connection failed; the garbage collector finds them.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")

USED = frozenset({0, 1, 2, 3, 4, 30})


def member(cluster: Cluster, name: str) -> SlotMember:
    found = SlotMember(cluster, name)
    found.use(USED)
    found.join()
    return found


def test_members_share_used_slots_and_a_second_one_of_a_name_ends_the_first(prefix: str) -> None:
    cluster = Cluster(servers(), prefix)
    first = member(cluster, "first")
    wait_until(lambda: first.slots == USED)
    second = member(cluster, "second")
    # Step 1: each has half of them, and none is two's
    wait_until(lambda: len(first.slots) == len(second.slots) == 3)
    assert first.slots | second.slots == USED
    # Step 2: slots that come into use are shared out, those that were had are kept
    before = first.slots, second.slots
    for each in (first, second):
        each.use(USED | {5, 6})
    wait_until(lambda: len(first.slots) == len(second.slots) == 4)
    assert before[0] < first.slots
    assert before[1] < second.slots
    # Step 3: one ends, and is removed: the other has all at once
    first.leave()
    remove_member(cluster, "first")
    wait_until(lambda: second.slots == USED | {5, 6})
    # Step 4: another process with the name of the second
    rival = member(cluster, "second")
    wait_until(lambda: second.fenced is not None)
    assert "another process watches cameras as 'second'" in str(second.fenced)
    assert second.slots == frozenset()
    wait_until(lambda: rival.slots >= USED)
    assert rival.fenced is None
    for each in (second, rival):
        each.leave()
