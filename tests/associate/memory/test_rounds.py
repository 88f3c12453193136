"""When the model is learned anew."""

import numpy as np
import pytest

from associate.memory.rounds import is_due
from tests.associate.memory.samples import fresh, of_a_convoy
from tests.associate.samples import associator, convoy, play


@pytest.mark.parametrize(
    ("learned_s", "due_s"), [(-1.0, 20.0), (0.0, 2.0), (20.0, 22.0), (50.0, 55.0), (100.0, 110.0), (3600.0, 3610.0)]
)
def test_learning_is_due_after_a_tenth_of_the_time_there_has_been(learned_s: float, due_s: float) -> None:
    empty = fresh()
    empty.progress.advance(learned_s=learned_s)
    assert not is_due(empty, due_s - 0.1)
    assert is_due(empty, due_s + 0.1)


def test_it_is_due_sooner_where_many_tracklets_are_new() -> None:
    seen = of_a_convoy()
    closed_s = np.sort(seen.window.closed_s[seen.window.shut])
    seen.progress.advance(learned_s=float(closed_s[-1]))
    assert not is_due(seen, closed_s[-1] + 3), "nothing is new"
    seen.progress.advance(learned_s=float(closed_s[-4]))
    assert not is_due(seen, closed_s[-4] + 1), "not within two seconds"
    assert is_due(seen, closed_s[-4] + 3)


def test_what_is_decided_last_is_decided_by_all_there_was() -> None:
    linking, messages = associator(), convoy()
    play(linking, messages)
    learned_s = linking._memory.progress.now.learned_s
    assert learned_s >= linking._memory.progress.seconds(messages[-1].at_ns) - 1
