"""Sums of squares and products of numbers of any size: none overflows or vanishes on its way to a norm.

Squares of float64 leave its range above 1e154 and below 1e-162. So numbers are first divided by a power of two near the
largest of them, which is exact, and sums are kept together with their power. Of sizes as weights have them, that is 1.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from tuinet.nn.params import Array

STEP = 512
"""Powers are multiples of it: what is divided by one is at most 2^257, and the largest at least 2^−257."""

LEAST = -2 * STEP
"""That of the smallest float64 there are, and of 0."""


def power_of(values: Array) -> int:
    """By which power of two to divide finite float64 values."""
    largest = float(np.abs(values).max(initial=0.0))
    return STEP * round(math.frexp(largest)[1] / STEP) if largest else LEAST


def divided(values: Array, power: int) -> Array:
    """values / 2^power."""
    return np.ldexp(values, -power) if power else values


class Scaled(NamedTuple):
    """value · 2^power."""

    value: float = 0.0
    power: int = 2 * LEAST

    def plus(self, other: Scaled) -> Scaled:
        power = max(self.power, other.power)
        return Scaled(sum(math.ldexp(each.value, each.power - power) for each in (self, other)), power)

    def root(self) -> Scaled:
        return Scaled(math.sqrt(self.value), self.power // 2)

    def over(self, other: Scaled) -> float:
        return Scaled(self.value / other.value, self.power - other.power).number

    def times(self, other: Scaled) -> Scaled:
        return Scaled(self.value * other.value, self.power + other.power)

    @property
    def number(self) -> float:
        """As a float64; inf where it is too large for one."""
        with np.errstate(over="ignore", under="ignore"):
            return float(np.ldexp(self.value, self.power))


def dot(a: Array, b: Array, shift: int = 0) -> Scaled:
    """4^shift Σ a·b of finite float64 values (N,)."""
    powers = power_of(a), power_of(b)
    return Scaled(float(divided(a, powers[0]) @ divided(b, powers[1])), sum(powers) + 2 * shift)


def change_of(a: Array, b: Array) -> Scaled:
    """Σ (b − a)² of finite float64 values (N,), also where a difference is too large for a float64."""
    moved = b - a
    if np.isfinite(moved).all():
        return dot(moved, moved)
    moved = b / 2 - a / 2  # what this loses of small ones is far below the digits of such a large one
    return dot(moved, moved, 1)
