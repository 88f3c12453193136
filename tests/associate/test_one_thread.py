"""BLAS held to one thread, by several at a time."""

import numpy as np
from threadpoolctl import ThreadpoolController

from associate.one_thread import one_thread


def test_the_last_one_gives_back_what_was_before_the_first() -> None:
    """As two threads of a process may: the one that began later goes on after the other."""
    assert np.linalg.eigvalsh(np.eye(2)).tolist() == [1, 1]  # the library is loaded
    blas = ThreadpoolController().select(user_api="blas")

    def threads() -> set[int]:
        return {library["num_threads"] for library in blas.info()}

    with blas.limit(limits=2):
        one, other = one_thread(), one_thread()
        one.__enter__()
        other.__enter__()
        assert threads() == {1}
        one.__exit__(None, None, None)
        assert threads() == {1}
        other.__exit__(None, None, None)
        assert threads() == {2}
