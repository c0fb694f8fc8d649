"""A series over the steps of a run in little memory, however long the run."""

from __future__ import annotations

import math

import msgspec

MOST_POINTS = 2048


class Point(msgspec.Struct, frozen=True, gc=False):
    """`count` values up to and including `step`: their mean, the smallest and the largest."""

    step: int
    mean: float
    minimum: float
    maximum: float
    count: int


class Curve:
    """At most 2,048 points: when there are more, neighbouring pairs become one, and from then on so many values share
    one. So every point but the last stands for as many additions as the others, and no peak is lost.
    """

    def __init__(self) -> None:
        self._points: list[Point] = []
        self._share = 1  # additions a point stands for
        self._last = 1  # additions that the last point holds so far

    @property
    def points(self) -> tuple[Point, ...]:
        return tuple(self._points)

    def __len__(self) -> int:
        return len(self._points)

    def add(self, step: int, mean: float | None, minimum: float | None, maximum: float | None, count: int = 1) -> None:
        """`step` must be beyond the last one. What is no finite number, or from an earlier step, is left out."""
        if mean is None or minimum is None or maximum is None:
            return
        try:
            if not math.isfinite(mean) or not math.isfinite(minimum) or not math.isfinite(maximum):
                return
        except OverflowError:  # a whole number beyond all floats
            return
        points = self._points
        if points and step <= points[-1].step:
            return
        if points and self._last < self._share:
            points[-1] = _joined(points[-1], Point(step, mean, minimum, maximum, count))
            self._last += 1
            return
        if len(points) >= MOST_POINTS:
            self._points = points = [_joined(*pair) for pair in zip(points[::2], points[1::2], strict=True)]
            self._share *= 2
        points.append(Point(step, mean, minimum, maximum, count))
        self._last = 1


def _joined(a: Point, b: Point) -> Point:
    count = a.count + b.count
    mean = a.mean * (a.count / count) + b.mean * (b.count / count)
    return Point(b.step, mean, min(a.minimum, b.minimum), max(a.maximum, b.maximum), count)
