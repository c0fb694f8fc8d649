"""Numbers of units and places as people write them, and whether there are such."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tuinet.errors import TuinetError

MOST_NUMBERS = 100_000

LARGEST = 10**9 - 1
"""The largest number that may be written: nothing has so many places."""

_PART = re.compile(r"\s*(\d+)(?:\s*-\s*(\d+))?\s*", re.ASCII)


def numbers(text: str, what: str, hint: str = "Write it like 0,3-7.") -> tuple[int, ...]:
    """0,3-7 as (0, 3, 4, 5, 6, 7): in the order written, each once. Raises TuinetError for anything else."""
    found: list[int] = []
    for part in text.split(","):
        match = _PART.fullmatch(part)
        first = whole(match[1], f"{what} {text[:60]!r}") if match else 0
        last = whole(match[2], f"{what} {text[:60]!r}") if match and match[2] else first
        if not match or last < first:
            raise TuinetError(f"{what} {text[:60]!r}: {part.strip()[:60]!r} is no number or range", hint)
        if len(found) + last - first >= MOST_NUMBERS:
            raise TuinetError(f"{what} {text[:60]!r} names more than {MOST_NUMBERS:,}", "Name fewer.")
        found += range(first, last + 1)
    return tuple(dict.fromkeys(found))


def whole(digits: str, where: str) -> int:
    """What these decimal digits say. Raises TuinetError above LARGEST."""
    if len(digits.lstrip("0")) > len(str(LARGEST)):
        raise TuinetError(f"{where}: {digits[:30]} is too large a number", f"The largest is {LARGEST:,}.")
    return int(digits)


def picked(places: Sequence[int] | None, count: int, what: str, where: str) -> list[int]:
    """The places that are meant, all of them for None. Raises TuinetError if there is one that is not there."""
    if places is None:
        return list(range(count))
    for place in places:
        if not 0 <= place < count:
            hint = f"{what.capitalize()}s: 0 to {count - 1}." if count else "There are none."
            raise TuinetError(f"{where} has no {what} {place}", hint)
    return list(places)
