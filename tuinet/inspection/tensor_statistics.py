"""What the values of one tensor are like, in one pass or two through its file, a few megabytes at a time."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import msgspec
import numpy as np

from tuinet.files.tensors import RUN, TensorsFile
from tuinet.inspection.scaled import LEAST, Scaled, divided, power_of
from tuinet.inspection.view import Axis, View
from tuinet.nn.params import Array

MOST = 10_000_000
"""Values that are all looked at; of more, a sample."""

BINS = 40
"""Bins of a histogram at most."""

_LARGEST = float(np.finfo(np.float64).max)


class Statistics(msgspec.Struct, frozen=True, kw_only=True):
    """Of the `sampled` values, about one in `step` of `size`.

    nan, infinite  how many are no numbers, and how many infinite; all else is said of the finite ones
    zeros          the share that is 0, of either sign
    mean, deviation  None if no value is finite; the deviation divides by N
    """

    size: int
    step: int
    sampled: int
    nan: int
    infinite: int
    zeros: float
    minimum: float | None
    maximum: float | None
    mean: float | None
    deviation: float | None


def step_for(size: int) -> int:
    """One in how many values is looked at, so that there are about MOST or fewer."""
    return max(1, -(-size // MOST))


def statistics(file: TensorsFile, name: str) -> Statistics:
    """Of a tensor in a file. Raises TuinetError as `TensorsFile.blocks`."""
    size = file.tensor(name).size
    return statistics_of(file.blocks(name, step_for(size)), size, step_for(size))


def statistics_of(blocks: Iterable[Array], size: int, step: int = 1) -> Statistics:
    """Of values that come in blocks. Means and deviations of blocks are joined as Chan, Golub & LeVeque (1979) do."""
    sampled = nan = finite = zeros = 0
    mean = squares = 0.0  # in units of 2^power and its square
    power = LEAST
    low, high = math.inf, -math.inf
    with np.errstate(all="ignore"):
        for block in blocks:
            sampled += block.size
            numbers = block[np.isfinite(block)].astype(np.float64)
            nan += int(np.isnan(block).sum())
            if not numbers.size:
                continue
            zeros += int((numbers == 0).sum())
            low, high = min(low, float(numbers.min())), max(high, float(numbers.max()))
            wide = max(power, power_of(numbers))
            mean, squares = math.ldexp(mean, power - wide), math.ldexp(squares, 2 * (power - wide))
            power, numbers = wide, divided(numbers, wide)
            own = float(numbers.mean())
            away = own - mean
            finite += numbers.size
            mean += away * (numbers.size / finite)
            squares += float(((numbers - own) ** 2).sum()) + away * away * numbers.size * (1 - numbers.size / finite)
    return Statistics(
        size=size,
        step=step,
        sampled=sampled,
        nan=nan,
        infinite=sampled - nan - finite,
        zeros=zeros / sampled if sampled else 0.0,
        minimum=low if finite else None,
        maximum=high if finite else None,
        mean=_number(mean, power) if finite else None,
        deviation=_number(math.sqrt(squares / finite), power) if finite else None,
    )


def _number(value: float, power: int) -> float:
    """value · 2^power, at most the largest float64: neither a mean nor a deviation is larger, but for its rounding."""
    return max(-_LARGEST, min(_LARGEST, Scaled(value, power).number))


class Histogram(NamedTuple):
    """How many of the finite values lie between each two edges: counts (bins,), edges (bins + 1,).

    Each bin holds its left edge, the last one both. There are √n bins for n values, BINS at most.
    """

    counts: Array
    edges: Array
    found: Statistics


def histogram(file: TensorsFile, name: str) -> Histogram:
    """Of a tensor in a file, gone through twice. Raises TuinetError as `TensorsFile.blocks`."""
    found = statistics(file, name)
    return histogram_of(file.blocks(name, found.step), found)


def histogram_of(blocks: Iterable[Array], found: Statistics) -> Histogram:
    """Of values that come in blocks a second time, after their statistics."""
    bins = min(BINS, max(1, math.isqrt(found.sampled - found.nan - found.infinite)))
    low, high = found.minimum or 0.0, found.maximum or 0.0
    if low == high:
        away = max(0.5, abs(low) / 1000)
        low, high = max(low - away, -_LARGEST), min(high + away, _LARGEST)
    # Halved, the range of the largest float64 is a float64, too.
    half = np.linspace(low / 2, high / 2, bins + 1)
    counts = np.zeros(bins, np.int64)
    for block in blocks:
        numbers = block[np.isfinite(block)].astype(np.float64)
        counts += np.histogram(numbers / 2, half)[0]
    with np.errstate(over="ignore"):
        return Histogram(counts, half * 2, found)


def histogram_view(name: str, of: str, made: Histogram) -> View:
    """It as a view, and what is to be said of the values `of` something."""
    counts, edges, found = made
    finite = found.sampled - found.nan - found.infinite
    notes = list(sampling(found))
    if found.mean is not None and found.deviation is not None:
        notes.append(f"{finite:,} values, mean {found.mean:.4g}, deviation {found.deviation:.4g}")
    if found.nan or found.infinite:
        notes.append(f"left out: {found.nan:,} that are not a number, {found.infinite:,} infinite")
    title = f"{of}: how many values lie where" if finite else f"{of}: no finite values"
    return View(name, "histogram", (Axis("bin"),), counts, x=edges, title=title, notes=tuple(notes))


def sampling(found: Statistics) -> tuple[str, ...]:
    """What is to be said of it: nothing, where every value was looked at."""
    if found.step == 1:
        return ()
    return (f"{found.sampled:,} of {found.size:,} values were looked at, in runs of {RUN:,} spread evenly",)


def nth(number: int) -> str:
    """Like 2nd, 13th, 71st."""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{'th' if number % 100 in (11, 12, 13) else ending}"
