"""Dates as people write them, to be written as ISO 8601 does."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Annotated

import msgspec
import numpy as np

from tuinet.data.dataset import Split
from tuinet.data.generated_text import GeneratedText, Samples, slices
from tuinet.data.texts import Texts

Year = Annotated[int, msgspec.Meta(ge=1000, le=9999)]

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

FORMS = (
    "{day} {month} {year}",
    "{day} {mon} {year}",
    "{nth} {month} {year}",
    "{nth} of {month} {year}",
    "{nth} of {month}, {year}",
    "the {nth} of {month} {year}",
    "{month} {day}, {year}",
    "{month} {nth}, {year}",
    "{mon} {day}, {year}",
    "{mon}. {day}, {year}",
    "{mon} {nth} {year}",
    "{weekday} {day} {mon} {year}",
    "{weekday}, {day} {month} {year}",
    "{weekday}, {month} {day}, {year}",
    "{weekday}, {month} {nth}, {year}",
    "{weekday} the {nth} of {month} {year}",
    "{wday}, {dd} {mon} {year}",
    "{wday} {mon} {day} {year}",
    "{dd}/{mm}/{year}",
    "{day}/{m}/{year}",
    "{dd}.{mm}.{year}",
    "{day}.{m}.{year}",
    "{dd}-{mm}-{year}",
    "{day}-{mon}-{year}",
    "{year}/{mm}/{dd}",
    "{year} {month} {day}",
    "{year}, {nth} of {month}",
    "{year}{mm}{dd}",
)
"""How a date may be written. Where all is in numbers, the day comes before the month, or the year first of all."""


class Dates(GeneratedText, frozen=True, tag="dates"):
    """Dates as people write them, in 28 forms, and the same in ISO 8601: `3rd of March 2024` becomes `2024-03-03`.

    The month is written out, shortened or a number (then the day comes first: 03/04/2024 is the third of April), in
    capitals now and then. A date is in one part only, in whatever forms.
    """

    samples: Samples = 20_000
    first_year: Year = 1900
    """The earliest year."""
    last_year: Year = 2099
    """The latest year."""

    def check(self) -> None:
        if self.first_year > self.last_year:
            raise self.refuse("first_year", f"{self.first_year} is after last_year, {self.last_year}")

    def parts(self, rng: np.random.Generator, sizes: Mapping[str, int]) -> dict[str, Split]:
        first = datetime.date(self.first_year, 1, 1).toordinal()
        last = datetime.date(self.last_year, 12, 31).toordinal()
        days = first + rng.permutation(last - first + 1)
        # Each part has a share of the days, at least one, and draws its samples from them.
        shares = {name: max(1, len(days) * size // self.total) for name, size in sizes.items()}
        shares["train"] = len(days) - sum(share for name, share in shares.items() if name != "train")
        parts: dict[str, Split] = {}
        for name, own in slices(shares).items():
            drawn = days[own][rng.integers(0, shares[name], sizes[name])].tolist()
            forms = rng.integers(0, len(FORMS), sizes[name]).tolist()
            cases = rng.random(sizes[name]).tolist()
            dates = [datetime.date.fromordinal(day) for day in drawn]
            asked = [written(date, form, case) for date, form, case in zip(dates, forms, cases, strict=True)]
            parts[name] = Split(Texts(asked), Texts(date.isoformat() for date in dates))
        return parts


def written(date: datetime.date, form: int, case: float = 1.0) -> str:
    """A date in one of the FORMS; `case` below 0.1: in small letters, below 0.15: in capitals."""
    month, weekday = MONTHS[date.month - 1], WEEKDAYS[date.weekday()]
    text = FORMS[form].format(
        day=date.day,
        dd=f"{date.day:02}",
        nth=f"{date.day}{ending(date.day)}",
        month=month,
        mon=month[:3],
        m=date.month,
        mm=f"{date.month:02}",
        year=date.year,
        weekday=weekday,
        wday=weekday[:3],
    )
    return text.lower() if case < 0.1 else text.upper() if case < 0.15 else text


def ending(day: int) -> str:
    """The ending of an ordinal number: 1st, 2nd, 3rd, 4th, 11th, 21st."""
    return "th" if 10 < day % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
