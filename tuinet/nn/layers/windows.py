"""Windows that slide over an image: where they lie.

Images are NHWC: (B, H, W, C) = (sample, row, column, channel).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Literal, NamedTuple

import msgspec

from tuinet.nn.context import Context
from tuinet.nn.layer import Shape, ShapeError
from tuinet.nn.params import Array

Size = Annotated[int, msgspec.Meta(ge=1)]
# Not Size | tuple[Size, Size]: msgspec 0.22 crashes on decoding a bounded number beside a tuple of fixed length.
Pair = Size | Annotated[tuple[Size, ...], msgspec.Meta(min_length=2, max_length=2)]
Padding = Literal["same", "valid"] | Annotated[int, msgspec.Meta(ge=0)]


def pair(value: int | tuple[int, ...]) -> tuple[int, int]:
    """(rows, columns) of a setting that may be one number for both."""
    return (value, value) if isinstance(value, int) else (value[0], value[1])


class Windows(NamedTuple):
    """Where windows of `kernel` (rows, columns) start on an image: every `stride`, `before` cells outside of it."""

    image: tuple[int, int]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    before: tuple[int, int]
    padded: tuple[int, int]
    output: tuple[int, int]

    @property
    def cells(self) -> int:
        return self.kernel[0] * self.kernel[1]

    @property
    def is_padded(self) -> bool:
        return self.padded != self.image


@lru_cache(maxsize=256)
def lay_windows(
    image: tuple[int, int], kernel: tuple[int, int], stride: tuple[int, int], padding: Literal["same", "valid"] | int
) -> Windows:
    """Windows on an image of `image` (rows, columns).

    "valid": none leaves the image; ⌊(n − k) / s⌋ + 1 fit into n cells. A number: that many zeros on every side first.
    "same": ⌈n / s⌉ windows, zeros shared between both sides, the odd one at the bottom and right (as TensorFlow does).
    """
    before: list[int] = []
    padded: list[int] = []
    output: list[int] = []
    for n, k, s in zip(image, kernel, stride, strict=True):
        if padding == "same":
            count = -(-n // s)
            total = max(0, (count - 1) * s + k - n)
            front = total // 2
        else:
            front = 0 if padding == "valid" else padding
            total = 2 * front
            count = (n + total - k) // s + 1 if n + total >= k else 0
        before.append(front)
        padded.append(n + total)
        output.append(count)
    return Windows(image, kernel, stride, (before[0], before[1]), (padded[0], padded[1]), (output[0], output[1]))


def windows_on(
    shape: Shape,
    kernel: int | tuple[int, ...],
    stride: int | tuple[int, ...],
    padding: Literal["same", "valid"] | int,
    field: str,
) -> Windows:
    """`lay_windows` for an image shape; raises ShapeError naming `field` if not one window fits."""
    height, width, _ = shape.sizes
    windows = lay_windows((height, width), pair(kernel), pair(stride), padding)
    if 0 in windows.output:
        rows, columns = windows.kernel
        room = f"{windows.padded[0]}×{windows.padded[1]}"
        limit = f"{windows.padded[0]} or less" if height == width else f"{room} or less"
        way_out = ', or pad (padding = "same")' if field == "kernel" else ", or shrink the image less before it"
        raise ShapeError(
            f"a {rows}×{columns} {field} does not fit {room}{' (padded)' if windows.is_padded else ''}",
            f"{limit}{way_out}",
            field,
        )
    return windows


def pad(x: Array, windows: Windows, ctx: Context) -> Array:
    """x (B, H, W, C) with a border of zeros as `windows` needs it; x itself if it needs none."""
    if not windows.is_padded:
        return x
    (height, width), (top, left) = windows.image, windows.before
    out = ctx.empty((x.shape[0], *windows.padded, x.shape[3]), x.dtype)
    out.fill(0)
    out[:, top : top + height, left : left + width] = x
    return out


def cells_at(x: Array, offset: tuple[int, int], stride: tuple[int, int], output: tuple[int, int]) -> Array:
    """The view (B, Ho, Wo, C) of x (B, H, W, C) that holds the cell at `offset` of every window."""
    (i, j), (sh, sw), (rows, columns) = offset, stride, output
    return x[:, i : i + sh * (rows - 1) + 1 : sh, j : j + sw * (columns - 1) + 1 : sw]
