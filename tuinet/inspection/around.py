"""What is seen around a place of a view: of the map it lies in, of its step, of the other gates at the same place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tuinet.inspection.view import Seen, View
from tuinet.nn.params import Array


def around(seen: View, index: Sequence[int]) -> str:
    """The largest value of the map with its place, its mean and share of zeros; of a step over units, its mean; "" of
    other views: `max 2.90 at row 1, column 4, mean 0.31, 41 % are 0`."""
    if seen.kind == "images" and seen.data.ndim == 3:
        picture = np.asarray(seen.data[index[0]], np.float64)
        if not np.isfinite(picture).all() or not picture.size:
            return ""
        row, column = (int(at) for at in np.unravel_index(int(picture.argmax()), picture.shape))
        names = f"{seen.axes[1].name} {row}, {seen.axes[2].name} {column}"
        return f"max {picture.max():.4g} at {names}, {_mean_and_zeros(picture)}"
    if seen.kind == "matrix" and seen.axes[0].name in ("step", "state"):
        row = np.asarray(seen.data[index[0]], np.float64)
        return _mean_and_zeros(row) if row.size and np.isfinite(row).all() else ""
    return ""


def beside(seens: Sequence[Seen], seen: View, index: Sequence[int]) -> str:
    """The values that other views of the same layer have at the same place: `input 0.11, cell -0.43`."""
    mine = seen.origin
    if mine is None or not mine.called:
        return ""
    views = [(other, other.origin) for other in seens if isinstance(other, View) and other.axes == seen.axes]
    return ", ".join(
        f"{origin.called} {other.data[tuple(index)].item():.4g}"
        for other, origin in views
        if origin is not None
        and (origin.layer, origin.sample) == (mine.layer, mine.sample)
        and origin.called != mine.called
    )


def _mean_and_zeros(values: Array) -> str:
    zeros = float((values == 0).mean())
    return f"mean {values.mean():.4g}" + (f", {100 * zeros:.0f} % are 0" if zeros else "")
