"""What lies under a cursor: a place in a view, the value that is seen there, its sum, its gradient, its unit.

A view says whose values its cells are (`View.origin`). Of parameters no view does: it is made once more of the numbers
0, 1, 2 … in place of the weights, and then holds the number of the weight that it shows at each place.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from collections.abc import Sequence as Several
from dataclasses import replace

import msgspec
import numpy as np

from tuinet.errors import TuinetError
from tuinet.inspection.off import Off, switched_off
from tuinet.inspection.passes import Place
from tuinet.inspection.question import Question, nodes
from tuinet.inspection.sums.cells import cell, sum_at
from tuinet.inspection.sums.gradient_rows import Index
from tuinet.inspection.sums.gradient_sums import weight_gradient
from tuinet.inspection.view import Origin, Seen, Sum, View
from tuinet.inspection.views.weights import LYING, PARAMETERS, images, kernels, parameters
from tuinet.model.model import Model
from tuinet.model.signals import answers
from tuinet.nn.layer import Layer
from tuinet.nn.layers.activation import Sigmoid, Sign, Softmax
from tuinet.nn.layers.bidirectional import Bidirectional
from tuinet.nn.layers.clockwork import Clockwork
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.gru import GRU
from tuinet.nn.layers.lstm import LSTM
from tuinet.nn.losses import apply_activation
from tuinet.nn.params import Params

FUSED: dict[str, Layer] = {"softmax": Softmax(), "sigmoid": Sigmoid(), "sign": Sign()}
"""The layer that a loss puts behind the last one when the model predicts."""

WEIGHTS = (*PARAMETERS, "kernels", "images")
"""The views of parameters, each of which but the pictures has a view of its gradient."""


# ── in words ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def said(seen: View, index: Several[int]) -> str:
    """The value at a place of a view, and the place by the names of its axes: `map 3, row 2, column 5 = 0.812`,
    `step 5 'o', unit 37: forget = 0.92`; of regions, what is said there.

    Raises TuinetError if there is no such place.
    """
    place = _inside(seen, index)
    value = _figure(seen.data[place].item())
    if seen.kind == "regions":
        return _region(seen, *place[:2])
    if seen.kind == "histogram":
        return f"bin {place[0]}" + ("" if seen.x is None else f", {_bin(seen, place[0])}") + f" = {value}"
    words = [
        _called(seen, axis, number)
        for axis, number in enumerate(place)
        if not (axis and seen.axes[axis].name == "channel" and seen.data.shape[axis] == 1)  # that of a grey picture
    ]
    called = seen.origin.called if seen.origin is not None else ""
    return ", ".join(words) + (f": {called}" if called else "") + f" = {value}"


def _called(seen: View, axis: int, number: int) -> str:
    """A place of one axis: `column 5`, `class setosa`, `step 5 'o'`; of curves, which, and its x."""
    name, labels = seen.axes[axis].name, seen.axes[axis].labels
    label = labels[number] if labels else str(number)
    if seen.kind == "series":
        if axis == 0:
            return label if labels else f"{name} {label}"
        return f"{name} {label if labels or seen.x is None else _figure(seen.x[number].item())}"
    count, _, symbol = label.partition(" ")
    if name == "step" and symbol and " " not in symbol:
        return f"step {count} {symbol!r}"
    return f"{name} {label}"


def _region(seen: View, row: int, column: int) -> str:
    """`x2 -0.5, x1 1.5: class setosa, probability 0.97`"""
    assert seen.x is not None
    number, sure = seen.data[row, column].tolist()
    answer = f"class {seen.classes[int(number)]}" if math.isfinite(number) else "the answer is not a number"
    (up, right, what), (x, y) = seen.axes, seen.x.tolist()
    where = f"{up.name} {_figure(y[row])}, {right.name} {_figure(x[column])}"
    return f"{where}: {answer}" + (f", {what.labels[1]} {_figure(sure)}" if math.isfinite(number) else "")


def _bin(seen: View, place: int) -> str:
    assert seen.x is not None
    return f"{_figure(seen.x[place].item())} to {_figure(seen.x[place + 1].item())}"


def _figure(value: float) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    if math.isnan(value):
        return "not a number"
    return f"{value:.4g}" if math.isfinite(value) else "infinity" if value > 0 else "-infinity"


# ── the sum ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def sum_of(question: Question, view_name: str, seen: View, index: Several[int]) -> Sum:
    """The value at a place of a view, one of those that `view_name` gave for the question, term by term: of what comes
    from another layer the sum of that layer, of a gradient `gradient_of`, of a term (of contributions, of shares) the
    sum that it is a term of. `stored` is what the view holds there.

    Raises TuinetError, in words, where there is no sum behind a value.
    """
    place = _inside(seen, index)
    weight = _weight(question, view_name, seen, place)
    if weight is not None:
        if view_name.endswith("-gradient"):
            return weight_gradient(question, *weight)
        raise TuinetError(f"a weight is learnt, not worked out: {weight[0]}", "Its gradient is a sum.")
    origin = seen.origin
    if origin is None or origin.value == "gradient":
        raise _no_sum(view_name, seen)
    asked = _as_it_ran(question, origin)
    step, at, unit = _of_the_value(seen, origin, place)
    if not origin.layer:
        return _answer(asked, origin.sample, unit, _called(seen, 0, place[0]))
    return sum_at(asked, origin.layer, origin.value, origin.sample, step, at, unit)


def _as_it_ran(question: Question, origin: Origin) -> Question:
    """The question whose pass gave the view. As it stands, if possible: then its pass is at hand."""
    if origin.decoder not in (None, question.choice.decoder):
        question = replace(question, choice=question.choice._replace(decoder=origin.decoder))
    if origin.masks not in (None, question.masks):
        question = replace(question, masks=origin.masks)
    return question


def _of_the_value(seen: View, origin: Origin, place: Index) -> tuple[int | None, Index, int]:
    """Which step, place and unit of the value is seen at a place of the view."""
    rest = list(place)
    unit = rest.pop(origin.unit_axis)
    unit = origin.units[unit] if origin.units else unit
    step = origin.step
    if rest and step is None and seen.axes[0].name == "step":
        step = rest.pop(0)
    return step, tuple(rest) if origin.at is None else origin.at, unit


def _answer(question: Question, row: int, unit: int, called: str) -> Sum:
    """What the model says: what the loss's function makes of the last layer's outputs, or those outputs themselves."""
    model, run = question.model, question.run
    function, (*_, last) = model.meta.loss.activation, run.places
    if function is None:
        return sum_at(question, last, "output", row, None, (), unit)
    outputs = answers(run.outputs)
    with np.errstate(all="ignore"):
        scores = apply_activation(model.meta.loss, outputs)
    behind = Place(function, FUSED[function], Params.zeros({}, outputs.dtype), outputs, scores)
    found = cell(behind, "output", (row, unit))
    notes = (*found.notes, f"n is what {last} gives")
    return msgspec.structs.replace(found, name=f"the answer: {called}", notes=notes)


def _no_sum(view_name: str, seen: View) -> TuinetError:
    hint = "There is one behind outputs, maps, gates, answers and the gradients of weights."
    if seen.kind == "histogram":
        return TuinetError("a bin of a histogram counts values, and has no sum", hint)
    if seen.kind == "series":
        return TuinetError(f"a point of a curve of the view {view_name} has no sum", hint)
    if seen.origin is not None:
        what = f"the sensitivity of J to what {seen.origin.layer} gives comes from the layers behind it"
        return TuinetError(f"{what}, and has no sum of its own", hint)
    if view_name == "translation":
        return TuinetError("a dense bridge made this state for the decoder to begin in, and it has no sum", hint)
    if view_name in ("input", "pooling", "reading"):
        return TuinetError("this came in from outside: no layer worked it out, and it has no sum", hint)
    return TuinetError(f"a value of the view {view_name} has no sum", hint)


# ── the gradient ──────────────────────────────────────────────────────────────────────────────────────────────────────


def gradient_of(question: Question, view_name: str, seen: View, index: Several[int]) -> Sum:
    """dJ/dw of the weight at a place of a view of parameters or of their gradients, beside the numerical one.

    Raises TuinetError if this is no weight, no input is named, or its right answer is not known.
    """
    weight = _weight(question, view_name, seen, _inside(seen, index))
    if weight is None:
        hint = "The view gradient shows how J changes with what a layer gives, dJ/dy."
        raise TuinetError(f"a value of the view {view_name} is no weight, and gradients are summed of weights", hint)
    return weight_gradient(question, *weight)


def _weight(question: Question, view_name: str, seen: View, place: Index) -> tuple[str, Index] | None:
    """The path of the parameter that is seen at a place, and which of its weights that is; None if it is none."""
    name = view_name.removesuffix("-gradient")
    if question.node is None or name not in WEIGHTS:
        return None
    params = question.model.params
    numbered = params.like(np.arange(len(params.vector), dtype=np.float64))
    asked = Question(Model(question.model.network, numbered, question.model.meta), question.layer)
    asked = replace(asked, choice=question.choice._replace(decoder=None))
    pictured = name == "kernels" or (name != view_name and name == "weight" and isinstance(question.node.layer, Conv2D))
    found = kernels(asked) if pictured else images(asked) if name == "images" else parameters(asked, name)
    laid = found[0] if len(found) == 1 else _called_alike(found, seen.name.removesuffix("-gradient"))
    assert isinstance(laid, View)
    number = int(laid.data[place])
    path, part = next((path, part) for path, part in params.slices.items() if part.start <= number < part.stop)
    where = np.unravel_index(number - part.start, params[path].shape)
    return path, tuple(map(int, where))


def _called_alike(found: tuple[Seen, ...], name: str) -> Seen:
    return next(each for each in found if isinstance(each, View) and each.name == name)


# ── the unit ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def unit_of(question: Question, view_name: str, seen: View, index: Several[int]) -> str | None:
    """What to switch off at a place of a view, as `parse_off` reads it: of a gate that gate of its unit
    (`lstm1:forget=0:37`), else the unit, map or kernel (`conv1:3`); None if nothing there can be off.

    Raises TuinetError if there is no such place.
    """
    for off in _offs(question, view_name, seen, _inside(seen, index)):
        try:
            switched_off(question.model, [off])
        except TuinetError:  # nothing sees the unit, or the gate has no bias that could hold it
            continue
        return str(off)
    return None


def _offs(question: Question, view_name: str, seen: View, place: Index) -> Iterator[Off]:
    """What is seen at a place and might be off, the most particular first."""
    weight = _weight(question, view_name, seen, place)
    if weight is not None:
        assert question.node is not None
        path, at = weight
        yield Off(question.layer, (_led_to(question.node.layer, path.removeprefix(question.layer + "/"), at),))
    elif seen.origin is not None and seen.origin.layer:
        path, (*way, value) = seen.origin.layer, seen.origin.value.split("/")
        _, _, unit = _of_the_value(seen, seen.origin, place)
        if value in LYING:
            yield Off(path, (unit,), "/".join((*way, value.removesuffix("_gate"))))
        layer = nodes(question.model)[path].layer
        cell_of = layer.layer if isinstance(layer, Bidirectional) else layer
        units = (unit,)
        if value == "ticked" and isinstance(cell_of, Clockwork):  # a group of units
            size = cell_of.units // len(cell_of.periods)
            units = tuple(range(unit * size, (unit + 1) * size))
        yield Off(path, tuple(_counted_through(layer, "".join(way), each) for each in units))


def _led_to(layer: Layer, name: str, at: Index) -> int:
    """The unit of the layer that a weight leads to: gates and groups of units lie side by side."""
    way, _, own = name.rpartition("/")
    inner, unit = layer.layer if isinstance(layer, Bidirectional) else layer, at[-1]
    if isinstance(inner, LSTM | GRU):
        unit %= inner.units
    if isinstance(inner, Clockwork) and own.startswith("recurrent_weight"):
        unit += (int(own.removeprefix("recurrent_weight")) - 1) * (inner.units // len(inner.periods))
    return _counted_through(layer, way, unit)


def _counted_through(layer: Layer, way: str, unit: int) -> int:
    """A unit of one direction as one of both: those of the backward one come behind."""
    return unit + layer.layer.units if isinstance(layer, Bidirectional) and way == "backward" else unit


def _inside(seen: View, index: Several[int]) -> Index:
    """Raises TuinetError unless the view has such a place."""
    sizes = seen.data.shape
    if len(index) != len(sizes) or any(not 0 <= at < size for at, size in zip(index, sizes, strict=True)):
        given, size = ", ".join(map(str, index)), "×".join(map(str, sizes))
        names = ", ".join(axis.name for axis in seen.axes)
        raise TuinetError(f"{seen.name} has no place [{given}]: it is {size}", f"Its axes: {names}, each from 0.")
    return tuple(int(at) for at in index)
