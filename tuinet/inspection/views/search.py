"""Looking through many samples for those that make the units of a layer answer most: in batches, in flat memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tuinet.data.dataset import Indices, Split
from tuinet.data.encoding import encode_texts
from tuinet.data.texts import Texts
from tuinet.errors import TuinetError
from tuinet.inspection.passes import Place, forward, run_model
from tuinet.inspection.question import Node, Question
from tuinet.inspection.views.gates import asked_gates, gates_of
from tuinet.inspection.views.receptive import line_of
from tuinet.model.model import Model
from tuinet.model.raw import finite
from tuinet.model.signals import inputs_of
from tuinet.nn.context import Context
from tuinet.nn.layer import Value
from tuinet.nn.params import Array
from tuinet.nn.seq2seq import Seq2Seq
from tuinet.nn.sequence import Ragged, Sequence

BEST = 9
"""How many samples are kept for each unit."""

MOST_SAMPLES = 10_000
MOST_WORK = 1e10
"""Most samples looked at, and most multiply-adds of the network; of more data, samples evenly spread."""


class Found(NamedTuple):
    """Of U units over the samples that were looked at, the best first.

    values   (R, U) the greatest value in each of the R ≤ 9 best samples
    samples  (R, U) their numbers in the part
    places   (R, U, axes) where in the sample: the axes before the unit, as `axes` names them; steps in reading order
    means    (U,) the mean of the greatest value in each sample that has a finite one; NaN where none has
    looked   how many samples were looked at, and `total` how many there are
    """

    values: Array
    samples: Indices
    places: Indices
    axes: tuple[str, ...]
    means: Array
    looked: int
    total: int


def search(question: Question, most: int = MOST_SAMPLES) -> Found:
    """What makes the units of the layer asked about answer most, each wherever in a sample it does.

    The value is the layer's output, or the gate that is named, by the names of the view `gates`; only at the places
    named, if any are. Raises TuinetError if there are no data, or no such gate, place or step.
    """
    model, part, node = question.model, question.need_part(), question.node
    assert node is not None
    name = value_name(node, question.choice.gate)
    where = evenly(len(part), _affordable(model, part, most))
    if not len(where):
        raise TuinetError("there are no samples to look through", "Name another part of the data.")
    place_of = _runner(model, question.layer)
    best: tuple[Array, Indices, Indices] | None = None
    sums, counts = np.zeros(0), np.zeros(0, np.intp)
    axes: tuple[str, ...] = ()
    for start in range(0, len(where), model.batch_size):
        rows = where[start : start + model.batch_size]
        place = place_of(*raw_rows(model, part, rows))
        value = value_of(place, name)
        axes = value.axes[1:-1]
        greatest, places = _greatest(value, place, question, backward=name.startswith("backward/"))
        own = (greatest, np.repeat(rows[:, None], greatest.shape[1], 1), places)
        finite = np.isfinite(greatest)  # −∞ where a sample has no such step
        sums = greatest.sum(axis=0, dtype=np.float64, where=finite) + (sums if best else 0)
        counts = finite.sum(axis=0) + (counts if best else 0)
        joined = own if best is None else tuple(map(np.concatenate, zip(best, own, strict=True)))
        order = np.argsort(-joined[0], axis=0, kind="stable")[:BEST]  # (R, U)
        best = (
            np.take_along_axis(joined[0], order, 0),
            np.take_along_axis(joined[1], order, 0),
            np.take_along_axis(joined[2], order[..., None], 0),
        )
    assert best is not None
    if question.choice.step is not None and np.isneginf(best[0]).all():
        raise TuinetError(f"no sample has a step {question.choice.step}", "Steps count from 0.")
    means = np.divide(sums, counts, out=np.full(len(sums), np.nan), where=counts > 0)
    return Found(*best, axes, means, len(where), len(part))


def evenly(total: int, most: int) -> Indices:
    """At most so many of `total` places, evenly spread."""
    return np.arange(total) if total <= most else np.linspace(0, total - 1, most).round().astype(np.intp)


def raw_rows(model: Model, part: Split, rows: Indices) -> tuple[Any, Any]:
    """Raw inputs and targets of these rows, texts as ids."""
    inputs, targets = part.take(rows)
    if isinstance(inputs, Texts):
        inputs = model.raw(list(inputs))
    if isinstance(targets, Texts):
        targets = encode_texts(targets, model.meta.target_vocabulary, "target")
    return finite(inputs), targets


def value_name(node: Node, gate: str | None) -> str:
    """Under which name a layer shows what people call so: an LSTM's `output` is its output gate. Its output, if none
    is given. Raises TuinetError for a gate that a recurrent layer does not have, and for clocks."""
    if gate is None or not gates_of(node.layer):
        return gate or "output"
    key = asked_gates(node.layer, node.path, gate)[0].key
    if key.endswith("ticked"):
        raise TuinetError("groups run by their clocks, whatever is read", "Take the hidden state: --gate hidden.")
    return key


def value_of(place: Place, name: str) -> Value:
    """What a layer shows of itself under that name. Raises TuinetError for another."""
    values = {name: value for name, value in place.values.items() if value.axes[0] == "sample"}
    if name not in values:
        raise TuinetError(f"{place.path} has no value {name!r}", f"Take one of {', '.join(values)}.")
    return values[name]


def _affordable(model: Model, part: Split, most: int) -> int:
    if not len(part):
        return 0
    steps = 1.0
    if model.meta.input_shape.sequence:
        inputs, _ = raw_rows(model, part, evenly(len(part), 100))
        steps = float(np.mean(inputs.lengths)) if isinstance(inputs, Ragged) else float(inputs.shape[1])
    work = max(1.0, steps * model.network.multiply_adds(model.prepared_shape))
    return max(100, min(most, int(MOST_WORK / work)))


def _runner(model: Model, path: str) -> Callable[[Any, Any], Place]:
    """Of raw inputs and targets, the layer during a pass that goes no further than it must."""
    line = line_of(model)
    if path not in line.paths:
        return lambda inputs, targets: run_model(model, inputs, targets).places[path]
    index = line.paths.index(path)
    first, params = model.network.layers[0], model.params
    if isinstance(first, Seq2Seq):
        params = params.scope(model.network.names()[0]).scope("encoder")

    def run(inputs: Any, _: Any) -> Place:
        with np.errstate(all="ignore"):
            signal = inputs_of(model.meta, inputs, Context(), model.params.vector.dtype)
            signal = first.turned(signal) if isinstance(first, Seq2Seq) else signal
            return list(forward(line.layers[: index + 1], params, signal, Context(plain=True)).places.values())[-1]

    return run


def _greatest(value: Value, place: Place, question: Question, *, backward: bool) -> tuple[Array, Indices]:
    """(B, U) the greatest value of each unit in each sample, and where it is: (B, U, axes).

    backward  whether its steps come from the end on; those that are chosen and found are in reading order
    """
    array, axes = value.array, value.axes[1:-1]
    allowed = np.ones(array.shape[:-1], bool)
    if "step" in axes and isinstance(place.y, Sequence):
        lengths, step = place.y.steps.lengths[:, None], question.choice.step  # (B, 1)
        steps = np.arange(array.shape[1])
        inside = steps < lengths
        if step is not None:
            inside &= (lengths - 1 - steps if backward else steps) == step
        allowed &= inside.reshape(*array.shape[:2], *[1] * (len(axes) - 1))
    allowed &= at_mask(question, axes, array.shape[1:-1])
    masked = np.where(allowed[..., None], array, -np.inf).reshape(len(array), -1, array.shape[-1])
    flat = masked.argmax(axis=1)  # (B, U)
    greatest = np.take_along_axis(masked, flat[:, None], 1)[:, 0]
    places = np.stack(np.unravel_index(flat, array.shape[1:-1]), -1) if axes else np.zeros((*flat.shape, 0), np.intp)
    if backward:
        places[..., 0] = place.y.steps.lengths[:, None] - 1 - places[..., 0]
    return greatest, places


def at_mask(question: Question, axes: tuple[str, ...], sizes: tuple[int, ...]) -> Array:
    """(*sizes) True at the places named: all, unless --at names one. Raises TuinetError if it is none of them."""
    at = question.choice.at
    mask = np.ones(sizes, bool)
    if at is None:
        return mask
    named = [axis for axis, name in enumerate(axes) if name != "step"]
    good = len(at) == len(named) and all(0 <= place < sizes[axis] for axis, place in zip(named, at, strict=True))
    if not good:
        room = ", ".join(f"{axes[axis]} 0 to {sizes[axis] - 1}" for axis in named) or "none: it is one vector"
        raise TuinetError(f"{question.layer} has no place {','.join(map(str, at))}", f"Places: {room}.")
    for axis, place in zip(named, at, strict=True):
        index = np.arange(sizes[axis]) == place
        mask &= index.reshape([-1 if other == axis else 1 for other in range(len(sizes))])
    return mask


def units_of(question: Question, count: int, default: tuple[int, ...]) -> tuple[int, ...]:
    """The units named, or these. Raises TuinetError for one that there is not."""
    units = default if question.choice.units is None else question.choice.units
    for unit in units:
        if not 0 <= unit < count:
            raise TuinetError(f"{question.layer} has no unit {unit}", f"Units: 0 to {count - 1}.")
    return units
