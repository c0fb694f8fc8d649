"""How far back a model remembers: the size of the gradient against distance in time.

The factors that a gradient is multiplied by, one for each step it goes back, make it vanish or grow exponentially
(Hochreiter 1991; Bengio, Simard & Frasconi 1994); gates let it through.
"""

from __future__ import annotations

from collections.abc import Sequence as Several
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from tuinet.errors import TuinetError
from tuinet.inspection.question import Node, Offer, Question
from tuinet.inspection.view import Axis, Seen, Table, View
from tuinet.model.lengths import groups
from tuinet.model.model import Model
from tuinet.model.raw import finite
from tuinet.model.signals import inputs_of
from tuinet.nn import stack
from tuinet.nn.context import Context
from tuinet.nn.params import Array, Params
from tuinet.nn.recurrent import OverTime, State
from tuinet.nn.seq2seq import Seq2Seq
from tuinet.nn.sequence import Sequence
from tuinet.nn.stack import LayerTrace, States


@dataclass(frozen=True, eq=False)
class Memory:
    """The size of the gradient at each distance from the end of a sequence.

    layer    the first recurrent layer, whose input x⁽ᵗ⁾ the gradient is taken of
    sizes    (T,) mean over the samples of ‖dJ/dx⁽ᵗ⁾‖; place d is d steps before the last
    samples  (T,) how many samples reach so far back
    """

    layer: str
    sizes: Array
    samples: Array

    @property
    def relative(self) -> Array:
        """(T,) the sizes as parts of that at the last step."""
        with np.errstate(all="ignore"):
            return self.sizes / self.sizes[0]


class _Part(NamedTuple):
    """The layers that read the sequence: where a gradient begins behind them, and what belongs to them."""

    traced: list[LayerTrace]
    params: Params
    dy: Any
    dstates: States | None


def memory(model: Model, inputs: Any) -> Memory:
    """How much each step of the inputs (as for `Model.predict`) moves what the model says at the end.

    J is the largest output, at the last step where there is one at every step; of a model that translates, ‖s‖, the
    size of all that the decoder is given: where states are copied, the last ones of the encoder's recurrent layers
    together, else the context, which is the last layer's state or the vector that the encoder ends with. It needs no
    targets, and does not fade where an answer is sure.
    Raises TuinetError as `Model.predict`, and if no layer of the model is recurrent.
    """
    raw = finite(model.raw(inputs))
    sums, counts = np.zeros(0), np.zeros(0, np.int64)
    name = ""
    for places in groups(raw, model.batch_size):
        with np.errstate(all="ignore"):
            source = inputs_of(model.meta, raw[places], Context(), model.params.vector.dtype)
            part = _part(model, source)
            name, gradient = _back(part)
        sizes = np.linalg.norm(gradient.values.reshape(len(gradient.values), -1).astype(np.float64), axis=1)  # (N,)
        steps = gradient.steps
        distance = steps.lengths[steps.samples] - 1 - steps.times
        longest = max(len(sums), len(steps.counts))
        sums = _longer(sums, longest) + np.bincount(distance, sizes, longest)
        counts = _longer(counts, longest) + np.bincount(distance, minlength=longest)
    if not len(sums):
        raise TuinetError("there are no inputs to go back from")
    return Memory(name, sums / counts, counts)


def _part(model: Model, source: Any) -> _Part:
    ctx = Context(plain=True)
    first, scope = model.network.layers[0], model.params
    if isinstance(first, Seq2Seq):
        layers = first.encoder
        scope = scope.scope(model.network.names()[0]).scope("encoder")
        source = first.turned(source)
    else:
        layers = model.network.layers
    recurrent = stack.recurrent(layers)
    if not recurrent:
        what = f"the encoder of {model.meta.name}" if isinstance(first, Seq2Seq) else model.meta.name
        raise TuinetError(f"{what} has no recurrent layer", "Only those go back in time.")
    traced = stack.trace(layers, scope, source, None, ctx)
    if not isinstance(first, Seq2Seq):
        return _Part(traced, scope, _largest(traced[-1].y), None)
    given = _given_states(first, traced)
    if not given:
        return _Part(traced, scope, _direction(traced[-1].y), None)
    return _Part(traced, scope, None, _of_states(given))


def _given_states(layer: Seq2Seq, traced: list[LayerTrace]) -> list[LayerTrace]:
    """The layers of the encoder whose last states the decoder is given; [] if it is given the output instead."""
    read = traced if layer.bridge == "copy" else traced[-1:]
    return [each for each in read if isinstance(each.layer, OverTime)]


def _back(part: _Part) -> tuple[str, Sequence]:
    """The first recurrent layer's name, and the gradient of what goes into it."""
    first = next(place for place, each in enumerate(part.traced) if isinstance(each.layer, OverTime))
    grads = part.params.like(np.empty_like(part.params.vector))
    back, _ = stack.trace_back(part.traced[first:], part.params, part.dy, part.dstates, grads, Context(plain=True))
    gradient = back[0].dx
    assert isinstance(gradient, Sequence)
    return part.traced[first].name, gradient


def _largest(outputs: Any) -> Any:
    """dJ/doutputs: 1 at the largest output of each sample, at its last step."""
    if not isinstance(outputs, Sequence):
        gradient = np.zeros_like(outputs)
        gradient[np.arange(len(outputs)), outputs.argmax(axis=1)] = 1
        return gradient
    gradient = np.zeros_like(outputs.values)
    last = outputs.steps.last
    gradient[last, outputs.values[last].argmax(axis=1)] = 1
    return Sequence(gradient, outputs.steps)


def _of_states(given: list[LayerTrace]) -> States:
    """d‖s‖/ds of the last states s of these layers together; arrays that count steps have no gradient."""
    parts = {each.name: _learnt(each) for each in given}
    size = np.sqrt(sum((part**2).sum(axis=1, keepdims=True) for state in parts.values() for part in state))
    return {name: tuple(part / np.where(size > 0, size, 1) for part in state) for name, state in parts.items()}


def _learnt(traced: LayerTrace) -> State:
    layer, state = traced.layer, traced.last
    assert isinstance(layer, OverTime) and state is not None
    names = layer.state_sizes()
    return tuple(
        np.zeros_like(each) if name in layer.counters else each for name, each in zip(names, state, strict=True)
    )


def _direction(y: Array) -> Array:
    size = np.linalg.norm(y, axis=1, keepdims=True)
    return y / np.where(size > 0, size, 1)


def _longer(array: Array, length: int) -> Array:
    return np.concatenate([array, np.zeros(length - len(array), array.dtype)])


def distances(length: int) -> Several[int]:
    """Which distances a table shows of so many: 0, 1, 2, 5, 10, 20, 50 … and the last."""
    found = [0, *(digit * 10**power for power in range(len(str(length))) for digit in (1, 2, 5))]
    return [*(each for each in found if each < length - 1), length - 1]


# ── the view ──────────────────────────────────────────────────────────────────────────────────────────────────────

SMALLEST = 1e-45
"""What stands for 0 on an axis of powers of ten: float32 has no smaller number."""


def seen(question: Question) -> tuple[Seen, ...]:
    """Over all inputs: log₁₀ of the gradient's relative size against distance, and the sizes themselves at some."""
    found = memory(question.model, question.need_samples().inputs)
    powers = np.log10(np.maximum(np.nan_to_num(found.relative), SMALLEST))
    length = len(found.sizes)
    samples = int(found.samples[0])
    over = f"the mean over {samples:,} inputs" if samples > 1 else "of one input"
    title = f"how far back {question.model.meta.name} remembers: the gradient of what it says at the end"
    notes = (f"J is {_end(question.model)}, x what {found.layer} reads; {over}", *_pace(found))
    axes = (Axis("line", ("log₁₀ of ‖dJ/dx‖ / ‖dJ/dx‖ at the last step",)), Axis("steps before the last"))
    curve = View("memory", "series", axes, powers[None], np.arange(length, dtype=np.float64), title=title, notes=notes)
    rows = tuple(
        (place, float(found.sizes[place]), float(found.relative[place]), int(found.samples[place]))
        for place in distances(length)
    )
    columns = ("steps before the last", "‖dJ/dx‖", "of that at the last", "inputs that reach so far")
    return curve, Table("distances", columns, rows, f"the same at some distances, {found.layer}")


def _end(model: Model) -> str:
    """What J is, in words."""
    first = model.network.layers[0]
    if not isinstance(first, Seq2Seq):
        return "the largest output at the last step"
    if first.bridge == "copy" and len(stack.recurrent(first.encoder)) > 1:
        return "the size of the last states of all recurrent layers of the encoder together"
    if first.bridge == "copy" or isinstance(first.encoder[-1], OverTime):
        return "the size of the encoder's last state"
    return "the size of the vector that the encoder ends with"


def _pace(found: Memory) -> tuple[str, ...]:
    """How fast the gradient fades or grows: the line of least squares through its powers of ten."""
    finite = np.isfinite(found.relative) & (found.relative > 0)
    if not finite.any():
        return ("there is no gradient at all, or none that is a number",)
    places = np.flatnonzero(finite)
    last = int(places[-1])
    notes = [f"at distance {last} the size is {float(found.relative[last]):.2g} of that at the last step"]
    if len(places) > 1:
        factor = float(10 ** np.polyfit(places, np.log10(found.relative[places]), 1)[0])
        tenfold = abs(1 / np.log10(factor)) if factor != 1 else np.inf
        pace = (
            "it neither fades nor grows"
            if tenfold > 10 * last
            else (f"it {'fades to a tenth' if factor < 1 else 'grows tenfold'} every {tenfold:.3g} steps")
        )
        notes.append(f"one step back multiplies it by {factor:.3g} on average: {pace}")
    if last < len(found.sizes) - 1:
        notes.append(f"further back than {last} steps it is 0, or no number")
    return tuple(notes)


def _recurs(model: Model, node: Node | None) -> bool:
    first = model.network.layers[0]
    return node is None and bool(stack.recurrent(first.encoder if isinstance(first, Seq2Seq) else model.network.layers))


VIEWS: tuple[Offer, ...] = (
    Offer("memory", "the size of the gradient against distance in time", "input", _recurs, seen),
)
