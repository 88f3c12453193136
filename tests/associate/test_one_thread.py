"""BLAS held to one thread, by several at a time."""

from typing import Any

import pytest
from threadpoolctl import ThreadpoolController

from associate import associator as associator_module
from associate.decisions import Decisions, decide
from associate.one_thread import one_thread
from tests.associate.samples import associator, convoy, play

BLAS = ThreadpoolController().select(user_api="blas")


def threads() -> set[int]:
    return {library["num_threads"] for library in BLAS.info()}


def test_a_slot_is_decided_on_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside busy processes its small products would wait for cores most of the time."""
    while_deciding: list[set[int]] = []

    def decide_and_count(*arguments: Any) -> Decisions:
        while_deciding.append(threads())
        return decide(*arguments)

    monkeypatch.setattr(associator_module, "decide", decide_and_count)
    with BLAS.limit(limits=2):
        play(associator(), convoy(2))
        assert threads() == {2}
    assert set().union(*while_deciding) == {1}


def test_the_last_one_gives_back_what_was_before_the_first() -> None:
    """As two threads of a process may: the one that began later goes on after the other."""
    with BLAS.limit(limits=2):
        one, other = one_thread(), one_thread()
        one.__enter__()
        other.__enter__()
        assert threads() == {1}
        one.__exit__(None, None, None)
        assert threads() == {1}
        other.__exit__(None, None, None)
        assert threads() == {2}
