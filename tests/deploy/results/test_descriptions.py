"""Field descriptions come from docstrings, and none may be missing."""

import msgspec
import pytest

from deploy.results.descriptions import field_descriptions, nested_structs, summary


class Lamp(msgspec.Struct):
    """A lamp.

    It is on a mast.

    watts: power,
        in watts.
    height_m: metres above the road: of the lamp.
    """

    watts: float
    height_m: float = 6.0


class Street(msgspec.Struct):
    """A street.

    name: its name.
    """

    name: str
    lamps: list[Lamp] | None = None


def test_entries_may_be_wrapped_and_hold_colons() -> None:
    assert field_descriptions(Lamp) == {"watts": "power, in watts.", "height_m": "metres above the road: of the lamp."}


def test_the_summary_is_what_is_no_entry() -> None:
    assert summary(Lamp) == "A lamp.\n\nIt is on a mast."


def test_a_field_without_an_entry_is_refused() -> None:
    with pytest.raises(ValueError, match="Street has no entry `name: text` for lamps"):
        field_descriptions(Street)


def test_nested_structs_are_found_through_lists_and_unions() -> None:
    assert nested_structs(Street) == [Street, Lamp]
