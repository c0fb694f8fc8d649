"""Which parts of the flat vector a step may touch, so that frozen layers stay as they are, bit for bit."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Sequence

from tuinet.nn.params import Params, Role

BLOCK = 262_144
"""Values worked on at a time: small enough to stay in the cache, large enough that the calls cost nothing."""

Ranges = Sequence[slice]
"""Ascending slices (start and stop given, no step) of the flat vector that do not overlap."""


def ranges(params: Params, frozen: Collection[str] = (), role: Role | None = None) -> tuple[slice, ...]:
    """The ranges of all parameters outside what is `frozen` (with `role`: only weights, or only biases).

    Neighbours are merged, so with nothing frozen there is one range for the whole vector.
    """
    found: list[slice] = []
    for path, part in params.slices.items():
        if is_frozen(path, frozen) or (role is not None and params.specs[path].role != role):
            continue
        if found and found[-1].stop == part.start:
            part = slice(found.pop().start, part.stop)
        if part.stop > part.start:
            found.append(part)
    return tuple(found)


def is_frozen(path: str, frozen: Collection[str]) -> bool:
    """Whether a parameter or a layer stays as it is: it is listed itself, or something that it belongs to is."""
    parts = path.split("/")
    return any("/".join(parts[: count + 1]) in frozen for count in range(len(parts)))


def intersection(first: Ranges, second: Ranges) -> tuple[slice, ...]:
    """What lies in both."""
    found: list[slice] = []
    i = j = 0
    while i < len(first) and j < len(second):
        start = max(first[i].start, second[j].start)
        stop = min(first[i].stop, second[j].stop)
        if start < stop:
            found.append(slice(start, stop))
        if first[i].stop < second[j].stop:
            i += 1
        else:
            j += 1
    return tuple(found)


def blocks(size: int, slices: Ranges | None = None) -> Iterator[slice]:
    """The ranges (None: all of `size` values) cut into pieces of at most `BLOCK` values."""
    for part in (slice(0, size),) if slices is None else slices:
        for start in range(part.start, part.stop, BLOCK):
            yield slice(start, min(start + BLOCK, part.stop))


def divide(slices: Ranges, parts: int) -> tuple[Ranges, ...]:
    """The ranges dealt out into `parts` shares of about the same size, each a list of ranges."""
    total = sum(part.stop - part.start for part in slices)
    cuts = [total * share // parts for share in range(parts + 1)]
    shares: list[list[slice]] = []
    for first, last in itertools.pairwise(cuts):
        share: list[slice] = []
        before = 0
        for part in slices:
            start, stop = part.start + max(0, first - before), part.start + last - before
            before += part.stop - part.start
            if start < min(stop, part.stop):
                share.append(slice(start, min(stop, part.stop)))
        shares.append(share)
    return tuple(shares)
