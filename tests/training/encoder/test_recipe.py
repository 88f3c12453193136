"""The recipes are those of the papers, and the rate is a function of the epoch."""

from typing import Any

import msgspec
import pytest

from ingest.errors import ConfigError
from training.encoder.recipe import MODERN, PAPER, completed, described


@pytest.mark.parametrize(
    ("epoch", "rate"),
    [
        (0, 0.065 * 0.01),
        (5, 0.065 * 0.505),
        (10, 0.065),
        (149, 0.065),
        (150, 0.0065),
        (225, 0.00065),
        (300, 0.000065),
        (349, 0.000065),
    ],
)
def test_the_paper_s_rate(epoch: float, rate: float) -> None:
    assert PAPER.rate_at(epoch) == pytest.approx(rate)


def test_the_paper_s_values() -> None:
    assert (PAPER.epochs, PAPER.identities, PAPER.images, PAPER.batch) == (350, 16, 4, 64)
    assert (PAPER.optimiser, PAPER.weight_decay, PAPER.margin, PAPER.smoothing) == ("sgd", 5e-4, 0.3, 0.1)
    assert (PAPER.align_weight, PAPER.pad_px, PAPER.flip, PAPER.erase) == (2.0, 10, 0.5, 0.5)


def test_the_modern_rate_sinks_to_nothing() -> None:
    rates = [MODERN.rate_at(epoch) for epoch in (*range(MODERN.epochs), MODERN.epochs - 0.01)]
    top = rates.index(max(rates))
    assert top == MODERN.warm_up_epochs
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert rates[-1] < 1e-3 * MODERN.rate


@pytest.mark.parametrize(
    ("table", "key", "value"),
    [({}, "epochs", 350), ({"base": "modern"}, "schedule", "cosine"), ({"base": "modern", "epochs": 5}, "epochs", 5)],
    ids=str,
)
def test_a_table_is_completed_from_its_base(table: dict[str, Any], key: str, value: Any) -> None:
    assert completed(table)[key] == value


def test_a_recipe_is_told_by_what_it_changes() -> None:
    assert described(PAPER) == "paper"
    assert described(msgspec.structs.replace(MODERN, rate=0.002, pad_px=5)) == "modern, rate 0.002, pad_px 5"


def test_an_unknown_base() -> None:
    with pytest.raises(ConfigError, match=r"there is no recipe 'papre' \(one of: paper, modern\)"):
        completed({"base": "papre"})
