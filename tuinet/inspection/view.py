"""What can be looked at: an array with named axes, a table, a sum term by term. `render` draws each by its kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np

if TYPE_CHECKING:  # whoever draws views needs no models
    from tuinet.inspection.trace import Trace
    from tuinet.nn.layer import Value
    from tuinet.nn.params import Array

Kind = Literal["image", "images", "matrix", "vector", "series", "histogram", "regions"]

Cell = str | int | float | None


class Axis(msgspec.Struct, frozen=True):
    """An axis by name, and the names of its places if they have any."""

    name: str
    labels: tuple[str, ...] = ()


class Points(msgspec.Struct, frozen=True):
    """N samples over a picture: where each lies, across and upwards; of regions, whether in a wrong one."""

    name: str
    x: Array
    y: Array
    wrong: Array | None = None


class Origin(msgspec.Struct, frozen=True):
    """Which value of a layer the cells of a view are, so that one of them can be asked about; where every cell is one
    term of a value, that value.

    layer      its path; "" for the answer of the model
    value      the name under which the layer shows it (`output`, `backward/forget`); `gradient`: dJ/dy of its output
    sample     the number of the input
    units      the numbers of the units that are seen, in the order of their axis; (): 0, 1, 2 …
    unit_axis  which axis of the view that is
    step       of a sequence, unless the view has an axis of steps
    at         the place on the axes between, such as row and column; None: those that the view has besides
    decoder    what the decoder was fed, if the view says so; None: what the question says
    masks      the seed of dropout and noise, if the view took one of its own
    called     what people call the value, where the axes leave that open: `forget`, `hidden`
    """

    layer: str
    value: str
    sample: int
    units: tuple[int, ...] = ()
    unit_axis: int = -1
    step: int | None = None
    at: tuple[int, ...] | None = None
    decoder: Literal["forced", "free"] | None = None
    masks: int | None = None
    called: str = ""


class View(msgspec.Struct, frozen=True):
    """`data` has one axis for each of `axes`, in this order.

    image      row, column, channel (1 or 3 channels; with 3 they are red, green, blue)
    images     item, row, column: feature maps or kernels, one picture each; with channel (1 or 3) behind them, images
               as of the kind above
    matrix     row, column of a table of numbers
    vector     one value per unit
    series     line, place: curves over `x`
    histogram  bin: how many values lie between `x[i]` and `x[i + 1]`
    regions    row, column, value: of each place of a plane the number of its class (NaN: none), and how sure that is: a
               probability, or a margin, which is 0 at the border

    x      where the places of a series lie (default: 0, 1, 2 …), or the edges of a histogram's bins; of regions, in two
           rows, where the columns lie from left to right and the rows from the top down
    low, high   the range of the colours, where it is known beforehand (gates: 0 to 1); None: that of the data
    title  what it shows, for people; "" if its name says it
    notes  what else is to be said of it, a line each
    points   samples to be drawn over a series or over regions
    classes  the names of the classes of regions
    origin   which value of a layer its cells are; None if they are none
    """

    name: str
    kind: Kind
    axes: tuple[Axis, ...]
    data: Array
    x: Array | None = None
    low: float | None = None
    high: float | None = None
    title: str = ""
    notes: tuple[str, ...] = ()
    points: tuple[Points, ...] = ()
    classes: tuple[str, ...] = ()
    origin: Origin | None = None

    @property
    def signed(self) -> bool:
        """Whether values below 0 are to be told from those above, and 0 from both."""
        if self.low is not None and self.high is not None:
            return self.low < 0 < self.high
        return bool((self.data < 0).any())

    @property
    def range(self) -> tuple[float, float]:
        """The values at both ends of the colours: of signed values −m and m, else from 0 or the smallest on."""
        finite = self.data[np.isfinite(self.data)]
        lowest, highest = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
        low = min(lowest, 0.0) if self.low is None else self.low
        high = highest if self.high is None else self.high
        if self.signed and (self.low is None or self.high is None):
            most = max(abs(low), abs(high))
            return -most, most
        return low, high


def held(view: View, low: float, high: float) -> View:
    """The same view with colours that stay between `low` and `high`; of both signs they reach as far to each side.

    Raises ValueError if these are no range.
    """
    if not -np.inf < low <= high < np.inf:
        raise ValueError(f"{low} to {high} is no range")
    most = max(abs(low), abs(high))
    return msgspec.structs.replace(view, low=-most if low < 0 < high else low, high=most if low < 0 < high else high)


class Table(msgspec.Struct, frozen=True):
    """Rows of words and numbers. A None is an empty cell."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    title: str = ""
    notes: tuple[str, ...] = ()


class Term(msgspec.Struct, frozen=True):
    """One term of a sum: `product` is that of `factors`, whose `names` say what they are."""

    names: tuple[str, ...]
    factors: tuple[float, ...]
    product: float


class Part(msgspec.Struct, frozen=True):
    """One stage of a calculation: its terms together (`how`), and what a function makes of the total ("" for none)."""

    name: str
    how: Literal["sum", "largest", "only"]
    terms: tuple[Term, ...]
    total: float
    function: str
    value: float


NOT_FINITE = "a number in it is not finite"
"""What is said of a sum instead of a difference that is none."""


class Sum(msgspec.Struct, frozen=True):
    """How one value comes about, worked out in float64 apart from the layer's own code.

    name       which value, in words
    equation   its formula
    parts      the stages of the calculation; the last one's value is `value`
    value      what the terms give
    stored     what the layer gave
    magnitude  Σ|terms| over all parts
    bound      by how much both may differ: 1e-6 of that in float32, 1e-12 in float64, and for each term the smallest
               number that the dtype has
    numerical  of a gradient, (J(w + ε) − J(w − ε)) / 2ε in a float64 copy of the model, None otherwise
    numerical_bound  by how much that may differ from the value: what float32, the step ε and rounding leave open
    pictures   the window, the kernel, the products …, where the terms lie in such
    """

    name: str
    equation: str
    parts: tuple[Part, ...]
    value: float
    stored: float
    magnitude: float
    bound: float
    numerical: float | None = None
    numerical_bound: float = 0.0
    pictures: tuple[View, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def difference(self) -> float:
        """Between what the terms give and what the layer gave."""
        return abs(self.value - self.stored)

    @property
    def agrees(self) -> bool:
        return self.difference <= self.bound

    @property
    def numerical_agrees(self) -> bool | None:
        """Whether the difference quotient agrees with the value; None where there is none."""
        return None if self.numerical_difference is None else self.numerical_difference <= self.numerical_bound

    @property
    def numerical_difference(self) -> float | None:
        """Between what the terms give and the difference quotient; None where there is none."""
        return None if self.numerical is None else abs(self.value - self.numerical)


Seen = View | Table | Sum


def views(trace: Trace, sample: int = 0) -> tuple[View, ...]:
    """All that `trace` holds about one of its samples, from the input to the scores; of a sequence, as far as it goes.

    Raises IndexError if there is no such sample.
    """
    found = [view("input", trace.input, sample, _steps(trace, "input", sample))]
    found += [view(path, value, sample, _steps(trace, path, sample)) for path, value in trace.values.items()]
    scores = view("scores", trace.scores, sample, _steps(trace, "scores", sample))
    labels = trace.prediction.meta.labels if trace.prediction is not None else ()
    if labels and len(labels) == scores.data.shape[-1]:
        scores = msgspec.structs.replace(scores, axes=(Axis("class", labels),))
    return (*found, scores)


def _steps(trace: Trace, path: str, sample: int) -> tuple[str, ...] | None:
    """The names of the steps of one sample, "" where they have none; None if it has no steps."""
    written = bool(trace.target_lengths) and (path == "scores" or "decoder" in path.split("/"))
    lengths, tokens = (trace.target_lengths, trace.target_tokens) if written else (trace.lengths, trace.tokens)
    if not lengths:
        return None
    return tokens[sample] if tokens else ("",) * lengths[sample]


def view(name: str, value: Value, sample: int = 0, steps: tuple[str, ...] | None = None) -> View:
    """One value as it wants to be seen; of outputs (axis "sample"), those of one sample.

    `steps`: the names of the sample's steps, for an axis "step", which is cut to so many.
    """
    array, axes = value.array, value.axes
    if axes[0] == "sample":
        array, axes = array[sample], axes[1:]
    labels: dict[str, tuple[str, ...]] = {}
    if steps is not None and axes[:1] == ("step",) and len(array) >= len(steps):
        array = array[: len(steps)]
        labels = {"step": steps} if any(steps) else {}
    if axes == ("row", "column", "channel") and array.shape[2] not in (1, 3):
        array, axes = np.moveaxis(array, 2, 0), ("channel", "row", "column")  # feature maps, one picture each
    elif axes == ("row", "column", "channel", "filter"):
        rows, columns, channels, filters = array.shape
        # (kh, kw, C, F) → (F·C, kh, kw): every kernel is a picture; those of one filter lie side by side
        array = np.transpose(array, (3, 2, 0, 1)).reshape(filters * channels, rows, columns)
        axes = ("kernel", "row", "column")
    kinds: dict[int, Kind] = {1: "vector", 2: "matrix", 3: "image" if axes[-1] == "channel" else "images"}
    if array.ndim not in kinds:
        raise ValueError(f"{name} has {array.ndim} axes, which no view shows")
    return View(name, kinds[array.ndim], tuple(Axis(axis, labels.get(axis, ())) for axis in axes), np.array(array))
