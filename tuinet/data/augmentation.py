"""Randomly changed copies of training samples, made anew each time a batch is drawn.

They act on prepared batches (B, H, W, C) of floats; what comes in from outside the image is 0. However the steps are
ordered, shifting, rotating and scaling happen together in one resampling, then flips, then noise: resampling twice
would blur twice, and noise must not be smoothed. Shapes: B samples, H rows, W columns, C channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

import msgspec
import numpy as np

from tuinet.data.dataset import DatasetInfo
from tuinet.nn.layer import Shape, ShapeError
from tuinet.nn.params import Array

SAFE_ROTATION = 30.0
"""Degrees up to which a digit or letter stays what it is. Beyond, 6 and 9 or b and d, N and Z, come close."""


class Change(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="kind", cache_hash=True
):
    """One kind of random change; `needs_image` if it makes no sense for other inputs."""

    needs_image: ClassVar[bool] = True


class Shift(Change, frozen=True, tag="shift"):
    """Move by a whole number of pixels between −pixels and pixels, down and to the right, each on its own."""

    pixels: Annotated[int, msgspec.Meta(ge=0, le=4096)]
    """The most pixels in each direction."""


class Rotate(Change, frozen=True, tag="rotate"):
    """Turn about the centre by an angle between −degrees and degrees; positive is counter-clockwise."""

    degrees: Annotated[float, msgspec.Meta(ge=0, le=180)]
    """The largest angle, to either side."""


class Zoom(Change, frozen=True, tag="scale"):
    """Enlarge about the centre by a factor between 1/factor and factor, uniform in its logarithm."""

    factor: Annotated[float, msgspec.Meta(ge=1, le=16)]
    """The largest enlargement; the largest reduction is its inverse."""


class Flip(Change, frozen=True, tag="flip"):
    """Mirror left and right (horizontal), up and down (vertical), each in half of the samples."""

    horizontal: bool = True
    """Whether left and right may change places."""
    vertical: bool = False
    """Whether top and bottom may."""


class Noise(Change, frozen=True, tag="noise"):
    """Add independent Gaussian noise of this standard deviation to every value, in prepared units."""

    needs_image: ClassVar[bool] = False
    deviation: Annotated[float, msgspec.Meta(ge=0, le=1e6)]
    """The standard deviation of the noise, in units of the prepared values."""


Augmentation = Shift | Rotate | Zoom | Flip | Noise


def augment(steps: Sequence[Augmentation], x: Array, rng: np.random.Generator) -> Array:
    """A changed copy of the batch x, in its dtype; x itself if there are no steps. All chance comes from `rng`."""
    samples = len(x)
    shifts = np.zeros((samples, 2), np.intp)
    degrees = np.zeros(samples)
    factors = np.ones(samples)
    mirrored: list[tuple[int, Array]] = []
    noise: list[float] = []
    for step in steps:
        match step:
            case Shift():
                shifts += rng.integers(-step.pixels, step.pixels, (samples, 2), endpoint=True)
            case Rotate():
                degrees += rng.uniform(-step.degrees, step.degrees, samples)
            case Zoom():
                factors *= step.factor ** rng.uniform(-1, 1, samples)
            case Flip():
                # Both are drawn whatever is asked for, so that one setting does not change the other's numbers.
                chosen = rng.random((samples, 2)) < 0.5
                mirrored += [(2, chosen[:, 0])] * step.horizontal + [(1, chosen[:, 1])] * step.vertical
            case Noise():
                noise.append(step.deviation)
    if degrees.any() or (factors != 1).any():
        x = affine(x, shifts, degrees, factors)
    elif shifts.any():
        x = shift(x, shifts)
    for axis, chosen in mirrored:
        x = flip(x, axis, chosen)
    for deviation in noise:
        drawn = rng.standard_normal(x.shape, np.float32 if x.dtype == np.float32 else np.float64)
        drawn *= deviation
        x = np.add(drawn, x, out=drawn)
    return x


def shift(x: Array, shifts: Array) -> Array:
    """Sample b moved by shifts[b] = (down, right) whole pixels, exactly: y[i, j] = x[i − down, j − right], or 0."""
    height, width = x.shape[1:3]
    y = np.zeros_like(x)
    for source, target, (down, right) in zip(x, y, shifts.tolist(), strict=True):
        rows, columns = max(0, height - abs(down)), max(0, width - abs(right))
        to_row, to_column = max(down, 0), max(right, 0)
        from_row, from_column = max(-down, 0), max(-right, 0)
        target[to_row : to_row + rows, to_column : to_column + columns] = source[
            from_row : from_row + rows, from_column : from_column + columns
        ]
    return y


def affine(x: Array, shifts: Array, degrees: Array, factors: Array) -> Array:
    """Sample b turned by degrees[b] (counter-clockwise) and enlarged factors[b] times about its centre, then shifted.

    With p the position from the centre, R the rotation: y(p) = x(R⁻¹(p − shift) / factor), read between the four
    nearest pixels in proportion (bilinear), 0 outside. shifts (B, 2) down and right, degrees (B,), factors (B,).
    """
    samples, height, width, channels = x.shape
    # A border of zeros: a position outside is moved onto it, and its neighbours exist too.
    padded = np.zeros((samples, height + 3, width + 3, channels), x.dtype)
    padded[:, 1 : height + 1, 1 : width + 1] = x
    down, right = _sources((height, width), shifts, degrees, factors, x.dtype)  # (B, H, W) each
    row, column = np.floor(down), np.floor(right)
    below, beside = np.subtract(down, row, out=down), np.subtract(right, column, out=right)
    first = np.arange(samples, dtype=np.intp)[:, None, None] * (height + 3)
    corner = (row.astype(np.intp) + first) * (width + 3) + column.astype(np.intp)
    if channels > 1:
        below, beside = below[..., None], beside[..., None]
    pixels = padded.reshape(-1, channels) if channels > 1 else padded.reshape(-1)
    upper = _between(pixels, corner, beside)
    lower = _between(pixels, corner + (width + 3), beside)
    lower -= upper
    lower *= below
    upper += lower
    return upper.reshape(x.shape)


def flip(x: Array, axis: int, chosen: Array) -> Array:
    """The samples b with chosen[b] mirrored along `axis` (1 rows, 2 columns), the others as they are."""
    y = x.copy()
    y[chosen] = np.flip(x[chosen], axis)
    return y


def check_augmentation(steps: Sequence[Augmentation], shape: Shape) -> None:
    """Raises ShapeError, `field` like "[0]", if a step needs an image and the prepared `shape` is none."""
    for index, step in enumerate(steps):
        if step.needs_image and len(shape.sizes) != 3:
            kind = step.__struct_config__.tag
            raise ShapeError(f"{kind} needs images, not inputs of {shape}", "only noise works on these", f"[{index}]")


def warnings(steps: Sequence[Augmentation], info: DatasetInfo) -> list[str]:
    """Where a step may turn a sample into another class: one sentence each, with the reason."""
    if not info.letters_or_digits:
        return []
    found: list[str] = []
    for step in steps:
        if isinstance(step, Rotate) and step.degrees > SAFE_ROTATION:
            found.append(
                f"rotating by up to {step.degrees:g}° can change the class: a 6 turned by 180° is a 9, "
                f"and past about {SAFE_ROTATION:g}° a 1 or a 7 is hard to tell from others"
            )
        if isinstance(step, Flip) and step.horizontal:
            found.append("mirroring left and right can change the class: a mirrored b is a d, a mirrored 2 no digit")
        if isinstance(step, Flip) and step.vertical:
            found.append("mirroring up and down can change the class: a mirrored b is a p, and a 6 resembles a 9")
    return found


def _sources(
    size: tuple[int, int], shifts: Array, degrees: Array, factors: Array, dtype: np.dtype[np.floating]
) -> tuple[Array, Array]:
    """Where in the padded image each output pixel comes from: rows and columns, (B, H, W) each, kept inside it."""
    height, width = size
    centre_row, centre_column = (height - 1) / 2, (width - 1) / 2
    radians = np.deg2rad(degrees)
    # Rounded, so that a quarter turn reads exactly from pixel to pixel: cos 90° is 6e-17 in floats.
    cosine = np.round(np.cos(radians), 12) / factors
    sine = np.round(np.sin(radians), 12) / factors
    y = np.arange(height) - centre_row - shifts[:, :1]  # (B, H)
    x = np.arange(width) - centre_column - shifts[:, 1:]  # (B, W)
    cosine, sine = cosine[:, None], sine[:, None]

    def combine(from_rows: Array, from_columns: Array, centre: float, limit: int) -> Array:
        rows = (from_rows + (centre + 1)).astype(dtype)[:, :, None]  # + 1: the border
        where = rows + from_columns.astype(dtype)[:, None, :]  # (B, H, W)
        return np.clip(where, 0, limit + 1, out=where)

    return (
        combine(cosine * y, sine * x, centre_row, height),
        combine(-sine * y, cosine * x, centre_column, width),
    )


def _between(pixels: Array, left: Array, share: Array) -> Array:
    """(B, H, W[, C]): pixels[left] + share · (pixels[left + 1] − pixels[left])."""
    value = pixels.take(left, axis=0)
    right = pixels.take(left + 1, axis=0)
    right -= value
    right *= share
    value += right
    return value
