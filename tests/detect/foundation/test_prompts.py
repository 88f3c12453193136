"""A prompt is read into nouns, and a box is named by one of them, whatever its tokens say."""

import numpy as np
import pytest
from numpy.typing import NDArray

from detect.foundation.prompts import NO_NOUN, Prompt, nouns_of_tokens
from ingest.errors import ConfigError

VEHICLES = Prompt(("car", "fire truck", "bus"))
TOKEN_NOUNS = np.array([NO_NOUN, 0, NO_NOUN, 1, 1, NO_NOUN, 2, NO_NOUN, NO_NOUN])
"""[CLS] car . fire truck . bus . [SEP]"""


def scores(**tokens: float) -> NDArray[np.float32]:
    """(1, 9): nothing but these."""
    places = {"start": 0, "car": 1, "stop": 2, "fire": 3, "truck": 4, "bus": 6}
    row = np.full((1, 9), 0.05, np.float32)
    for token, score in tokens.items():
        row[0, places[token]] = score
    return row


@pytest.mark.parametrize(
    ("text", "nouns"),
    [
        ("car . truck . bus .", ("car", "truck", "bus")),
        ("car", ("car",)),
        ("  Fire\tTruck.BUS", ("fire truck", "bus")),
        ("car . truck . car .", ("car", "truck")),
        (". . car .. ", ("car",)),
        ("car? truck", ("car", "truck")),
        ("four-by-four . 18-wheeler", ("four-by-four", "18-wheeler")),
        ("Überlandbus . 卡车", ("überlandbus", "卡车")),
    ],
)
def test_a_prompt_is_its_nouns(text: str, nouns: tuple[str, ...]) -> None:
    prompt = Prompt.of(text)
    assert prompt.nouns == nouns
    assert Prompt.of(prompt.caption) == prompt


def test_a_caption_ends_every_noun_with_a_full_stop() -> None:
    assert VEHICLES.caption == "car . fire truck . bus ."


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "names nothing"),
        (" . . ", "names nothing"),
        ("car . - .", "'-', which is no noun"),
        ("car, truck, bus", "as one noun"),
        ("car | truck", "as one noun"),
    ],
)
def test_what_is_no_prompt_is_refused(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as refusal:
        Prompt.of(text)
    assert "car . truck . bus ." in str(refusal.value)


def test_a_prompt_over_the_limit_says_how_long_it_is() -> None:
    VEHICLES.check_length(9, 9)
    with pytest.raises(ConfigError, match="3 nouns in 9 tokens, 8 is the limit"):
        VEHICLES.check_length(9, 8)


def test_tokens_belong_to_the_noun_between_two_stops() -> None:
    ids = [101, 7, 1, 8, 9, 1, 6, 1, 102]
    assert nouns_of_tokens(ids, stop=1, special=frozenset({1, 101, 102})).tolist() == TOKEN_NOUNS.tolist()


@pytest.mark.parametrize(
    ("row", "noun"),
    [
        pytest.param(scores(car=0.6), "car", id="one"),
        pytest.param(scores(fire=0.5, truck=0.4), "fire truck", id="both words"),
        pytest.param(scores(truck=0.5), "fire truck", id="half a noun"),
        pytest.param(scores(car=0.5, bus=0.6), "bus", id="merged: the better one"),
        pytest.param(scores(car=0.45, fire=0.6, truck=0.2), "car", id="merged: better on average"),
        pytest.param(scores(bus=0.2, car=0.1, stop=0.5), "bus", id="none over the threshold"),
        pytest.param(scores(), "car", id="no difference: the first"),
    ],
)
def test_a_box_has_one_noun(row: NDArray[np.float32], noun: str) -> None:
    assert VEHICLES.name(row, TOKEN_NOUNS, 0.25) == (noun,)


def test_no_box_has_no_name() -> None:
    assert VEHICLES.name(np.empty((0, 9), np.float32), TOKEN_NOUNS, 0.25) == ()


def test_the_order_of_nouns_names_nothing_else() -> None:
    rng = np.random.default_rng(0)
    rows = rng.random((200, 9), np.float32)
    turned = Prompt(("bus", "car", "fire truck"))
    swapped = np.array([NO_NOUN, 1, NO_NOUN, 2, 2, NO_NOUN, 0, NO_NOUN, NO_NOUN])
    names = VEHICLES.name(rows, TOKEN_NOUNS, 0.25)
    assert turned.name(rows, swapped, 0.25) == names
    assert set(names) == set(VEHICLES.nouns)
