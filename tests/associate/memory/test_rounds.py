"""When the model is learned anew."""

import pytest

from associate.memory.progress import ProgressRow
from associate.memory.rounds import due_s


@pytest.mark.parametrize(
    ("learned_s", "due"), [(-1.0, 20.0), (0.0, 2.0), (20.0, 22.0), (50.0, 55.0), (100.0, 110.0), (3600.0, 3610.0)]
)
def test_learning_is_due_after_a_tenth_of_the_time_there_has_been(learned_s: float, due: float) -> None:
    progress = ProgressRow()
    progress.advance(learned_s=learned_s)
    assert due_s(progress) == pytest.approx(due)
