"""How raw inputs become what a network is fed: fitted once on the training part, then saved with the model.

A step is a frozen struct that holds what it learnt, so a model file says everything about its inputs.
`fit_preparation` turns the steps asked for into fitted ones; for data with a known maximum (pixels of 0 … 255) and no
step that scales it, it puts an explicit `scale` first. So `prepare` itself never guesses: no steps means no change of
values. Shapes below: B samples, H rows, W columns, C channels.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from tuinet.data.dataset import Indices, Split
from tuinet.errors import TuinetError
from tuinet.nn.layer import Shape, ShapeError
from tuinet.nn.params import Array
from tuinet.nn.sequence import Ragged

Batches = Callable[[], Iterable[Array]]
"""Gives the training part anew, in blocks (B, *shape) of float64, each time it is called."""

BLOCK_VALUES = 1 << 20
"""Values looked at in one go while fitting: 8 MiB of float64."""

SMALLEST, LARGEST = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)

MAX_STATISTICS = 1 << 16
"""Most means a Standardize step may hold: they are saved as text in the model file."""


class Step(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="kind", cache_hash=True
):
    """One step. Its unfitted form is what an experiment file says, its fitted form what a model file holds."""

    def output_shape(self, shape: Shape) -> Shape:
        """The shape of a prepared sample. Raises ShapeError if `shape` cannot be taken, or is not the fitted one."""
        return shape

    def fitted(self, batches: Batches, shape: Shape, maximum: float) -> Preparation:
        """This step with what it has to learn filled in. `maximum`: the largest possible value, 1 if unknown."""
        raise NotImplementedError

    def apply(self, x: Array, out: Array) -> None:
        """Write the prepared x (B, *shape), of any number type, into `out` (B, *output_shape), which may be x."""
        raise NotImplementedError


class Scale(Step, frozen=True, tag="scale"):
    """y = x / divisor.

    divisor  unset: the largest value the data can have (255 for 8-bit images), else the largest absolute value seen
             in training
    """

    divisor: Annotated[float, msgspec.Meta(gt=0)] | None = None

    def output_shape(self, shape: Shape) -> Shape:
        if self.divisor is not None and not SMALLEST <= self.divisor <= LARGEST:
            raise ShapeError(f"a divisor of {self.divisor} is not possible", "it must be above 0", "divisor")
        return shape

    def fitted(self, batches: Batches, shape: Shape, maximum: float) -> Scale:
        if self.divisor is not None:
            return self
        if maximum != 1:
            return Scale(float(maximum))
        largest = max((float(np.abs(block).max()) for block in batches() if block.size), default=0.0)
        return Scale(max(largest, SMALLEST) if largest else 1.0)

    def apply(self, x: Array, out: Array) -> None:
        if self.divisor is None:
            raise _not_fitted("scale")
        # Divided, not multiplied by 1 / 255: each value is then the float nearest to the quotient.
        np.divide(x, out.dtype.type(self.divisor), out=out, dtype=_working_type(x, out), casting="same_kind")


class Standardize(Step, frozen=True, tag="standardize"):
    """y = (x − mean) / deviation, so that the training part has mean 0 and deviation 1. Deviations divide by N.

    per        feature: each input value on its own; channel: each colour of an image; all: one mean for everything
    mean, deviation  what was fitted; a value that never changes in training gets deviation 1
    """

    per: Literal["feature", "channel", "all"] = "feature"
    mean: tuple[float, ...] | None = None
    deviation: tuple[float, ...] | None = None

    def output_shape(self, shape: Shape) -> Shape:
        if self.per == "channel" and len(shape.sizes) != 3:
            raise ShapeError(f"an input of {shape} has no channels", 'take per = "feature" or "all"', "per")
        width = math.prod(self._sizes(shape))
        if width > MAX_STATISTICS:
            hint = 'take per = "channel" or "all"'
            raise ShapeError(f"{width} means are more than the {MAX_STATISTICS} a model file may hold", hint, "per")
        for field, values in (("mean", self.mean), ("deviation", self.deviation)):
            if values is not None and len(values) != width:
                raise ShapeError(f"{len(values)} values for an input of {shape}, which needs {width}", field=field)
            if values is not None and not all(-LARGEST <= value <= LARGEST for value in values):
                raise ShapeError("a value is not finite (in float32)", field=field)
        if self.deviation is not None and min(self.deviation) <= 0:
            raise ShapeError("a deviation is not above 0", field="deviation")
        if (self.mean is None) != (self.deviation is None):
            raise ShapeError("mean and deviation come together", "give both, or neither to have them fitted", "mean")
        return shape

    def _sizes(self, shape: Shape) -> tuple[int, ...]:
        """The shape of the means, which broadcasts against one sample."""
        if self.per == "all":
            return (1,)
        return shape.sizes if self.per == "feature" else shape.sizes[-1:]

    def fitted(self, batches: Batches, shape: Shape, maximum: float) -> Standardize:
        """Two passes in float64. The first value seen is subtracted before summing, so a constant has deviation 0."""
        if self.mean is not None:
            return self
        sizes = self._sizes(shape)
        first = next(iter(batches()), np.zeros((1, *shape.sizes)))[0]
        origin = np.array(first.reshape(-1, *sizes)[0])
        count = 0
        total = np.zeros(sizes)
        squares = np.zeros(sizes)
        with np.errstate(over="ignore", invalid="ignore"):
            for block in batches():
                values = block.reshape(-1, *sizes)
                count += len(values)
                total += np.subtract(values, origin).sum(axis=0)
            mean = origin + total / max(count, 1)
            for block in batches():
                centred = np.subtract(block.reshape(-1, *sizes), mean)
                squares += np.multiply(centred, centred, out=centred).sum(axis=0)
            deviation = np.sqrt(squares / max(count, 1))
        deviation[deviation == 0] = 1.0
        if not (np.isfinite(mean).all() and np.isfinite(deviation).all()):
            raise TuinetError("the inputs are too large to be standardised", "put a scale step first")
        return Standardize(self.per, tuple(mean.ravel().tolist()), tuple(deviation.ravel().tolist()))

    def apply(self, x: Array, out: Array) -> None:
        working = _working_type(x, out)
        mean, deviation = _statistics(self, x.shape[1:], working, out.dtype)
        if working == out.dtype:
            np.copyto(out, x)  # converting first is twice as fast as converting while subtracting
            np.subtract(out, mean, out=out)
        else:
            np.subtract(x, mean, out=out, casting="same_kind")
        np.divide(out, deviation, out=out)


class Downsample(Step, frozen=True, tag="downsample"):
    """y[i, j] = the mean of the factor × factor block of pixels at (i·factor, j·factor), each channel on its own."""

    factor: Annotated[int, msgspec.Meta(ge=1)] = 2
    """The side of a block of pixels that becomes one."""

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape.sizes) != 3:
            raise ShapeError(f"an input of {shape} is no image, so it cannot be down-sampled", field="factor")
        height, width, channels = shape.sizes
        if self.factor < 1 or height % self.factor or width % self.factor:
            common = math.gcd(height, width)
            fitting = [str(n) for n in range(2, min(common, 1024) + 1) if common % n == 0]
            hint = f"factors that fit: {', '.join(fitting)}" if fitting else "no factor fits this size"
            raise ShapeError(f"{height}×{width} pixels do not divide into blocks of {self.factor}", hint, "factor")
        return Shape.image(height // self.factor, width // self.factor, channels)

    def fitted(self, batches: Batches, shape: Shape, maximum: float) -> Downsample:
        return self

    def apply(self, x: Array, out: Array) -> None:
        n = self.factor
        rows = x[:, 0::n].astype(out.dtype)  # (B, H/n, W, C)
        for i in range(1, n):
            rows += x[:, i::n]
        result = rows[:, :, 0::n].copy()  # (B, H/n, W/n, C)
        for j in range(1, n):
            result += rows[:, :, j::n]
        np.divide(result, n * n, out=out)


Preparation = Scale | Standardize | Downsample


def prepared_shape(steps: Sequence[Preparation], input_shape: Shape) -> Shape:
    """The shape the network sees. Raises ShapeError whose `field` is like "[1].factor", to be put behind a path."""
    if input_shape.sequence:  # every step is prepared alike
        return prepared_shape(steps, input_shape.step).over_time
    shape = input_shape
    for index, step in enumerate(steps):
        try:
            shape = step.output_shape(shape)
        except ShapeError as error:
            raise ShapeError(error.message, error.hint, f"[{index}].{error.field}") from None
    return shape


def fit_preparation(
    steps: Sequence[Preparation], split: Split, input_shape: Shape, maximum: float = 1.0
) -> tuple[Preparation, ...]:
    """The steps with what they must learn from `split` (the training part), streamed: memory stays flat.

    If the data has a `maximum` other than 1 and no step scales or standardises it, `Scale(maximum)` comes first.
    Raises ShapeError like `prepared_shape`, TuinetError if a value is too large.
    """
    prepared_shape(steps, input_shape)
    input_shape = input_shape.step
    if maximum != 1 and not any(isinstance(step, Scale | Standardize) for step in steps):
        steps = (Scale(float(maximum)), *steps)
    done: list[Preparation] = []
    shape = input_shape
    for step in steps:
        # Down-sampling keeps the range of the values; once they are scaled or standardised it is no longer known.
        known = all(isinstance(earlier, Downsample) for earlier in done)
        batches = functools.partial(_blocks, tuple(done), split, input_shape)
        done.append(step.fitted(batches, shape, maximum if known else 1.0))
        shape = step.output_shape(shape)
    return tuple(done)


def prepare(
    steps: Sequence[Preparation],
    raw: Array,
    input_shape: Shape,
    dtype: npt.DTypeLike = np.float32,
    out: Array | None = None,
) -> Array:
    """The batch (B, *prepared_shape) that the fitted `steps` make of `raw`, (B, *input_shape), in `dtype`.

    Grey images may come as (B, H, W). Writes into `out` if given (its dtype counts then); never into `raw`.
    Raises TuinetError if `raw` has another shape or a step is not fitted.
    """
    x = _as_samples(raw, input_shape)
    shape = input_shape
    owned = False
    for index, step in enumerate(steps):
        after = step.output_shape(shape)
        if index == len(steps) - 1 and out is not None:
            target = out
        elif owned and after.sizes == shape.sizes:
            target = x
        else:
            target = np.empty((len(x), *after.sizes), dtype if out is None else out.dtype)
        step.apply(x, target)
        x, shape, owned = target, after, True
    if not owned:
        if out is None:
            return x.astype(dtype)
        np.copyto(out, x, casting="same_kind" if x.dtype.kind == "f" else "unsafe")
        return out
    return x


def _as_samples(raw: Array, shape: Shape) -> Array:
    """(B, *shape) of numbers, a view."""
    sizes = shape.sizes
    if raw.dtype.kind not in "biuf":
        raise TuinetError(f"inputs must be numbers, not {raw.dtype}")
    if raw.shape[1:] == sizes and raw.ndim:
        return raw
    if len(sizes) == 3 and sizes[-1] == 1 and raw.shape[1:] == sizes[:-1]:
        return raw[..., np.newaxis]
    found = "×".join(map(str, raw.shape[1:])) or "a single number"
    raise TuinetError(f"one input is {found}, but the model takes {shape}")


def _blocks(done: tuple[Preparation, ...], split: Split, input_shape: Shape) -> Iterator[Array]:
    """The part (B, *shape) as the steps `done` prepare it. Of sequences, every step is a row of its own."""
    size = max(1, BLOCK_VALUES // max(1, input_shape.size))
    ragged = isinstance(split.inputs, Ragged)
    for raw in _steps(split.inputs, split.rows, size) if ragged else (raw for raw, _ in split.batches(size)):
        yield prepare(done, raw, input_shape, np.float64)


def _steps(data: Ragged, rows: Indices | None, size: int) -> Iterator[Array]:
    """The steps of these sequences (None: of all), at most `size` at a time, however long a sequence is."""
    rows = np.arange(len(data)) if rows is None else rows
    ends = np.cumsum(data.lengths[rows])
    start = 0
    while start < len(rows):
        before = int(ends[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + size, "right")))
        values = data.row(rows[start]) if stop == start + 1 else data[rows[start:stop]].values
        yield from (values[place : place + size] for place in range(0, len(values), size))
        start = stop


def _working_type(x: Array, out: Array) -> np.dtype[Any]:
    """The type to calculate in: float64 where x is finer than `out`, so large float64 values keep their differences."""
    return np.result_type(x.dtype, out.dtype)


@functools.lru_cache(maxsize=32)
def _statistics(
    step: Standardize, sizes: tuple[int, ...], working: np.dtype[Any], dtype: np.dtype[Any]
) -> tuple[Array, Array]:
    """Mean and deviation of every value of a sample, as arrays.

    Kept, since making 3,072 numbers out of a tuple would cost 100 µs a batch; whole samples, since NumPy is slow at
    broadcasting an innermost axis of three colours.
    """
    if step.mean is None or step.deviation is None:
        raise _not_fitted("standardize")
    shape = sizes if step.per == "feature" else (-1,)
    mean = np.broadcast_to(np.array(step.mean, working).reshape(shape), sizes).copy()
    deviation = np.broadcast_to(np.array(step.deviation, dtype).reshape(shape), sizes).copy()
    # A deviation below the smallest float32 must not become a division by zero.
    np.maximum(deviation, np.finfo(dtype).tiny, out=deviation)
    return mean, deviation


def _not_fitted(kind: str) -> TuinetError:
    return TuinetError(f"the {kind} step was never fitted to training data", "fit it with fit_preparation first")
