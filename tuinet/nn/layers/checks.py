"""What several layers ask of the shape they are given, and how their outputs' axes are called."""

from __future__ import annotations

from tuinet.nn.layer import Shape, ShapeError, Value
from tuinet.nn.params import Array

_AXES = {2: ("unit",), 3: ("step", "unit"), 4: ("row", "column", "channel")}


def require_numbers(kind: str, shape: Shape) -> None:
    """Raises ShapeError if the values of `shape` are ids, with which one cannot calculate."""
    if shape.kind != "number":
        raise ShapeError(
            f"{kind} calculates with numbers; its input of shape {shape} holds ids, which are only names",
            "turn the ids into numbers first (one-hot or an embedding)",
        )


def require_vector(kind: str, shape: Shape) -> None:
    """Raises ShapeError unless one sample is one vector of numbers."""
    require_numbers(kind, shape)
    if len(shape.sizes) != 1:
        raise ShapeError(
            f"{kind} takes one vector a sample, not {shape} ({', '.join(shape.axes)})", "put a flatten layer before it"
        )


def require_image(kind: str, shape: Shape) -> None:
    """Raises ShapeError unless one sample is an image of numbers: row, column, channel."""
    require_numbers(kind, shape)
    if len(shape.sizes) != 3:
        raise ShapeError(
            f"{kind} takes images (rows × columns × channels), not {shape} ({', '.join(shape.axes)})",
            "put it before the flatten and dense layers, or give it image data",
        )


def output_value(y: Array) -> Value:
    """A layer's output with its axes named by what its shape means."""
    names = _AXES.get(y.ndim) or tuple(f"axis{i}" for i in range(1, y.ndim))
    return Value(y, ("sample", *names))
