"""The gradient of one weight, term by term, beside what training would use and what measuring says."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tuinet.errors import TuinetError
from tuinet.inspection.question import Choice, Question, base_name, nodes, own_parameters
from tuinet.inspection.steps import symbols_at
from tuinet.inspection.sums.gradient_numbers import Measured, measured_in_float64
from tuinet.inspection.sums.gradient_rows import Index, Rows, gradient_rows
from tuinet.inspection.view import Axis, Part, Sum, Term, View
from tuinet.model.signals import answers
from tuinet.nn.params import Array

MANY = 100_000
"""More terms than these are shown as one for each sample, or for each step (row of an image) of a single one."""

SHARE = {"float32": 1e-6, "float64": 1e-12}
"""The part of Σ|terms| by which the sum may differ from the gradient of the model's own way back."""

OF_STEP = 1e-6
"""The part by which it may differ from the slope that is measured in float64, because that is taken over a step."""

OF_FLOAT32 = (1e-4, 1e-5)
"""How far a gradient in float32 may be from the same in float64 at most: as a part of Σ|terms|, for logits of float32
are off by about 1e-5; and of the largest gradient of its parameter, for what nearly cancels or comes through a unit
that is as good as saturated may have no right digit in float32."""


def gradient_sum(question: Question, name: str) -> Sum:
    """`name` is a view (`weight-gradient`) or a parameter (`weight`, `forward/bias`, `recurrent_weight2`) of the layer.

    Which weight: `choice.units` is its last axis, `choice.at` all others; what is left open, where |dJ/dw| is largest;
    so too which of several parameters, where `recurrent_weight` is that of every group or of both directions.
    Raises TuinetError if there is no such parameter or weight, or the right answer is not known.
    """
    wanted, node = name.removesuffix("-gradient"), question.node
    known = () if node is None else own_parameters(node)
    found = [param for param in known if param == wanted] or [param for param in known if base_name(param) == wanted]
    if not found:
        what = question.layer or question.model.meta.name
        hint = f"Parameters: {', '.join(known)}" if known else "Name a layer that has weights."
        raise TuinetError(f"{what} has no parameter {wanted!r}", hint)
    best: tuple[float, str, Index] | None = None
    missing: TuinetError | None = None
    for param in found:
        path = f"{question.layer}/{param}"
        gradient = question.back.params[path]
        try:
            index = chosen_weight(gradient, question.choice, path)
        except TuinetError as error:
            missing = missing or error
            continue
        size = abs(float(gradient[index]))
        if best is None or not size <= best[0]:
            best = (size, path, index)
    if best is None:
        assert missing is not None
        raise missing
    return weight_gradient(question, *best[1:])


def weight_gradient(question: Question, path: str, index: Index) -> Sum:
    """dJ/dw of one weight as Σ (what went in) · δ; J is the mean loss over the answers that were asked for.

    Raises TuinetError if the weight does not exist, or the right answer is not known.
    """
    model = question.model
    if path not in model.params:
        layers = ", ".join(nodes(model))
        raise TuinetError(
            f"{model.meta.name} has no parameter {path!r}", f"A layer and its parameter; layers: {layers}"
        )
    shape = model.params[path].shape
    if len(index) != len(shape) or any(not 0 <= place < size for place, size in zip(index, shape, strict=True)):
        raise _outside(path, index, shape)
    stored = float(question.back.params[path][index])
    with np.errstate(all="ignore"):
        rows = gradient_rows(question.run, question.back, question.loss.dy, path, index)
        products = rows.products
        value, magnitude = float(products.sum()), float(np.abs(products).sum())
    kept = question.back.params.vector.dtype
    # below the smallest number of its kind a product has no digits left at all
    bound = SHARE[kept.name] * magnitude + len(products) * float(np.finfo(kept).smallest_subnormal)
    slope = measured_in_float64(question, path, index)
    where = ", ".join(map(str, index))
    return Sum(
        name=f"dJ/d {path}[{where}]",
        equation=rows.equation,
        parts=(Part("dJ/dw", "sum", _terms(rows, products, _teller(question, path, rows)), value, "", value),),
        value=value,
        stored=stored,
        magnitude=magnitude,
        bound=bound,
        numerical=slope.value,
        numerical_bound=_numerical_bound(stored, question.back.params[path], magnitude, slope),
        pictures=_pictures(path, rows, products),
        notes=_notes(question, rows, slope, value),
    )


def _numerical_bound(stored: float, gradient: Array, magnitude: float, slope: Measured) -> float:
    """By how much the measured slope may differ from the sum: what float32, the step and rounding leave open.

    What float32 leaves open is seen from the way back in float64. The measured slope has no part in it.
    """
    bound = (SHARE[gradient.dtype.name] + OF_STEP) * magnitude + slope.rounding
    if gradient.dtype == np.float32:
        of_terms, of_largest = OF_FLOAT32
        most = of_terms * magnitude + of_largest * float(np.abs(gradient).max())
        bound += min(abs(stored - slope.gradient), most)
    return bound


def chosen_weight(gradient: Array, choice: Choice, name: str) -> Index:
    """Which weight is meant: the last axis by `units`, all others by `at`; what is left open, where |dJ/dw| is largest.

    Raises TuinetError, with the places there are, if it lies outside.
    """
    shape = gradient.shape
    if choice.units is not None and len(choice.units) != 1:
        raise TuinetError("a sum is that of one weight", f"Name one unit, like --unit {(choice.units or (0,))[0]}.")
    if choice.at is not None and len(choice.at) != len(shape) - 1:
        raise _outside(name, (*choice.at, *(choice.units or (0,))), shape)
    wanted: list[int | None] = [*(choice.at or (None,) * (len(shape) - 1)), choice.units[0] if choice.units else None]
    for place, size in zip(wanted, shape, strict=True):
        if place is not None and not 0 <= place < size:
            raise _outside(name, tuple(each or 0 for each in wanted), shape)
    part = tuple(slice(None) if place is None else slice(place, place + 1) for place in wanted)
    size = np.nan_to_num(np.abs(gradient[part]), nan=np.inf)
    largest = np.unravel_index(int(size.argmax()), size.shape)
    return tuple(int(found) if place is None else place for place, found in zip(wanted, largest, strict=True))


def _outside(name: str, index: Index, shape: tuple[int, ...]) -> TuinetError:
    given = ", ".join(map(str, index))
    size = "×".join(map(str, shape))
    most = [str(each - 1) for each in shape]
    at = f"--at up to {','.join(most[:-1])} and " if len(shape) > 1 else "no --at, and "
    return TuinetError(f"{name} is {size}, and has no weight [{given}]", f"{at}--unit up to {most[-1]}, all from 0")


def _terms(rows: Rows, products: Array, tell: Callable[[int], str]) -> tuple[Term, ...]:
    if len(products) > MANY:
        return _grouped(rows, products)
    factors = np.stack(rows.factors, axis=1).tolist()
    first, *others = rows.names
    return tuple(
        Term((f"{first} {tell(row)}", *others), tuple(values), product)
        for row, (values, product) in enumerate(zip(factors, products.tolist(), strict=True))
    )


def _grouped(rows: Rows, products: Array) -> tuple[Term, ...]:
    """One term for each sample (or what `_group` says), or for several in a row where even those are many."""
    by = _group(rows)
    last = int(rows.where[:, by].max())
    width = 1 + last // MANY
    keys = rows.where[:, by] // width
    sums, counts = np.bincount(keys, products), np.bincount(keys)
    found: list[Term] = []
    for key in np.flatnonzero(counts).tolist():
        first, total = key * width, float(sums[key])
        which = (
            f"{rows.axes[by]} {first}" if width == 1 else f"{rows.axes[by]}s {first} to {min(first + width - 1, last)}"
        )
        found.append(Term((f"{which}: {counts[key]:,} products",), (total,), total))
    return tuple(found)


def _group(rows: Rows) -> int:
    """The axis by which many rows are put together: the samples, or what comes next if there is but one."""
    return 0 if len(rows.axes) == 1 or rows.where[:, 0].any() else 1


def _teller(question: Question, path: str, rows: Rows) -> Callable[[int], str]:
    """What a row is called: its sample if there are several, its step with the symbol read there, its place."""
    count = len(question.need_samples().names)
    words = [symbols_at(question, path, sample) if "step" in rows.axes else () for sample in range(count)]

    def tell(row: int) -> str:
        at = rows.where[row].tolist()
        parts = [f"{axis} {place}" for axis, place in zip(rows.axes, at, strict=True) if count > 1 or axis != "sample"]
        if words[at[0]]:
            parts[-1] += f" {words[at[0]][at[1]]!r}"
        return "at " + ", ".join(parts) if parts else "of the sample"

    return tell


def _pictures(path: str, rows: Rows, products: Array) -> tuple[View, ...]:
    """Of a kernel: what lay under the weight at each place of the first sample, δ there, and their products."""
    if rows.axes != ("sample", "row", "column") or len(rows.factors) != 2:
        return ()
    first = rows.where[:, 0] == 0
    height, width = (int(rows.where[first, axis].max()) + 1 for axis in (1, 2))
    axes = (Axis("row"), Axis("column"))
    shown = (("under the weight", rows.factors[0]), ("sensitivity", rows.factors[1]), ("products", products))
    return tuple(
        View(f"{path}/{name}", "matrix", axes, values[first].reshape(height, width), title=name)
        for name, values in shown
    )


def what_j_is(question: Question) -> str:
    """J in words: gradients are those of the mean over all answers that are asked about at once."""
    answered = len(answers(question.run.outputs))
    return f"J is the mean loss over {answered:,} answers" if answered > 1 else "J is the loss of this answer"


def _notes(question: Question, rows: Rows, slope: Measured, value: float) -> tuple[str, ...]:
    notes = [what_j_is(question)]
    if len(rows.factors[0]) > MANY:
        notes.append(f"{len(rows.factors[0]):,} terms, put together by {rows.axes[_group(rows)]}")
    if question.masks is not None:
        notes.append(f"dropout and noise act as in training, drawn from seed {question.masks}, in every pass alike")
    notes.append(f"numerical: (J(w + ε) − J(w − ε)) / 2ε in a float64 copy, ε = {slope.epsilon:.3g}")
    if not np.isfinite([value, slope.value]).all():
        notes.append("a number here is not finite")
    elif slope.kinks:
        notes.append(f"between w − ε and w + ε {', '.join(slope.kinks)} bends or jumps: there it is no slope")
    return tuple(notes)
