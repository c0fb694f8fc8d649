"""Units as people write them."""

from __future__ import annotations

import pytest

from tuinet.errors import TuinetError
from tuinet.inspection.ranges import MOST_NUMBERS, numbers, picked


def test_numbers_and_ranges_in_the_order_written() -> None:
    assert numbers("0,3-7", "--unit") == (0, 3, 4, 5, 6, 7)
    assert numbers("7, 2 - 3,7,3", "--unit") == (7, 2, 3)
    assert len(numbers(f"0-{MOST_NUMBERS - 1}", "--unit")) == MOST_NUMBERS


@pytest.mark.parametrize("text", ["", ",", "1,", "-1", "3-", "7-5", "1.5", "³", "x", "1 2", "1-2-3"])
def test_what_is_no_number_or_range(text: str) -> None:
    with pytest.raises(TuinetError, match="no number or range") as caught:
        numbers(text, "--unit")
    assert caught.value.message.startswith("--unit")
    assert caught.value.hint == "Write it like 0,3-7."


@pytest.mark.parametrize("text", ["9" * 10, "0-999999999999999", "1,2-9999999999,3", "1" * 5000])
def test_numbers_that_are_too_large(text: str) -> None:
    with pytest.raises(TuinetError, match="is too large a number") as caught:
        numbers(text, "--unit")
    assert caught.value.message.startswith("--unit '")
    assert len(caught.value.message) < 160
    assert caught.value.hint == "The largest is 999,999,999."
    assert numbers("0000000000007", "--unit") == (7,)


@pytest.mark.parametrize("text", [f"0-{MOST_NUMBERS}", "0-999999999", f"5,0-{MOST_NUMBERS - 1}"])
def test_too_many(text: str) -> None:
    with pytest.raises(TuinetError, match="names more than 100,000"):
        numbers(text, "--unit")


def test_only_what_there_is_can_be_picked() -> None:
    assert picked(None, 3, "unit", "dense1") == [0, 1, 2]
    assert picked((2, 0), 3, "unit", "dense1") == [2, 0]
    for place in (3, -1):
        with pytest.raises(TuinetError, match=f"dense1 has no unit {place}") as caught:
            picked((place,), 3, "unit", "dense1")
        assert caught.value.hint == "Units: 0 to 2."
    with pytest.raises(TuinetError) as caught:
        picked((0,), 0, "map", "conv1")
    assert caught.value.hint == "There are none."
