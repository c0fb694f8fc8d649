"""Colour maps with even steps, made in OKLab (Björn Ottosson, "A perceptual color space for image processing", 2020).

Lightness carries the value, so that the order holds for every eye and in grey print; the hue of the signed map, blue
below 0 and orange above, is one that all the common forms of colour blindness tell apart.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
_FROM_LAB, _FROM_LMS = np.linalg.inv(_TO_LAB), np.linalg.inv(_TO_LMS)

_BLUE, _ORANGE = 250.0, 60.0

LEVELS = 32
"""Steps of the map for magnitudes; the signed one has LEVELS // 2 on each side of 0."""


def lab(rgb: Array) -> Array:
    """Colours (…, 3) in sRGB, 0 to 255, as lightness 0 to 1, a and b."""
    value = np.asarray(rgb, np.float64) / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return np.cbrt(linear @ _TO_LMS.T) @ _TO_LAB.T


def _linear(colors: Array) -> Array:
    return (colors @ _FROM_LAB.T) ** 3 @ _FROM_LMS.T


def srgb(colors: Array) -> Array:
    """Colours (…, 3) in OKLab as whole numbers 0 to 255; what sRGB cannot show is cut off."""
    linear = np.clip(_linear(colors), 0, 1)
    value = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.rint(255 * value).astype(np.uint8)


def _polar(lightness: Array, chroma: Array, hue: Array) -> Array:
    angle = np.radians(hue)
    return np.stack([lightness, chroma * np.cos(angle), chroma * np.sin(angle)], axis=-1)


def _most_chroma(lightness: Array, hue: Array) -> Array:
    """How colourful sRGB can be at this lightness and hue: by halving the interval."""
    low, high = np.zeros_like(lightness), np.full_like(lightness, 0.4)
    for _ in range(24):
        middle = (low + high) / 2
        linear = _linear(_polar(lightness, middle, hue))
        inside = ((linear >= 0) & (linear <= 1)).all(axis=-1)
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    return low


@cache
def magnitude(count: int = LEVELS) -> Array:
    """(count, 3): from a dark violet over teal to a light yellow, in equal steps of lightness."""
    part = np.linspace(0, 1, count)
    lightness, hue = 0.2 + 0.74 * part, 305 - 205 * part
    return srgb(_polar(lightness, np.minimum(_most_chroma(lightness, hue) * 0.96, 0.15), hue))


@cache
def signed(count: int = LEVELS + 1) -> Array:
    """(count, 3), count odd: blue below 0, orange above, dark at 0, both sides as light and as colourful."""
    part = np.linspace(-1, 1, count)
    size = np.abs(part)
    lightness = 0.2 + 0.62 * size
    sides = [_most_chroma(lightness, np.full(count, hue)) for hue in (_BLUE, _ORANGE)]
    chroma = np.minimum(np.minimum(*sides) * 0.98, 0.24 * size)
    return srgb(_polar(lightness, chroma, np.where(part < 0, _BLUE, _ORANGE)))


@cache
def grey(count: int = LEVELS) -> Array:
    """(count, 3): from all but black, where whole numbers are too coarse for steps, to white in equal steps."""
    lightness = np.linspace(0.1, 1, count)
    return srgb(np.stack([lightness, np.zeros(count), np.zeros(count)], axis=-1))


@cache
def palette256() -> Array:
    """(240, 3): the colours 16 to 255 of a terminal with 256. The first 16 are its owner's and may be any."""
    steps = [0, 95, 135, 175, 215, 255]
    cube = [(red, green, blue) for red in steps for green in steps for blue in steps]
    return np.array(cube + [(8 + 10 * n,) * 3 for n in range(24)], np.uint8)


def nearest256(rgb: Array) -> Array:
    """For colours (N, 3) the numbers, 16 to 255, of those that look most alike."""
    distance = ((lab(rgb)[:, None] - lab(palette256())) ** 2).sum(axis=-1)
    return 16 + distance.argmin(axis=1)


def bands256(colors: Array, greys: bool = True) -> tuple[int, ...]:
    """The numbers of the colours that stand for a map whose lightness rises: distinct, and rising as well.

    Without `greys` where the hue must not be lost.
    """
    found: list[int] = []
    top = -1.0
    for number in nearest256(colors).tolist():
        lightness = float(lab(palette256()[number - 16])[0])
        if lightness > top + 0.005 and (greys or number < 232):
            found.append(number)
            top = lightness
    return tuple(found)
