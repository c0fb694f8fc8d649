"""One pass through a model and one back, with everything that went in and out of every layer, also of those inside an
encoder and a decoder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tuinet.model.model import Model
from tuinet.model.raw import finite
from tuinet.model.signals import inputs_of, signals
from tuinet.nn import stack
from tuinet.nn.context import Context
from tuinet.nn.layer import Cache, Layer, Value
from tuinet.nn.params import Array, Params
from tuinet.nn.recurrent import State
from tuinet.nn.seq2seq import Pair, Seq2Seq, Translated
from tuinet.nn.sequence import Ragged
from tuinet.nn.stack import LayerBack, LayerTrace


@dataclass(frozen=True, eq=False)
class Place:
    """One layer during one pass, in the order and form in which the layer itself was given things.

    path         its name from the network on: `conv1`, `seq2seq1/decoder/lstm1`
    params       its own parameters, under their local names
    x, y         what went in and came out: an array (B, …), or a packed `Sequence`
    first, last  the states in which a recurrent layer began and ended, (B, units) each
    """

    path: str
    layer: Layer
    params: Params
    x: Any
    y: Any
    first: State | None = None
    last: State | None = None
    kept: Cache = None

    @cached_property
    def values(self) -> Mapping[str, Value]:
        """What the layer shows of itself, under names of its own (`output`, `forget`); none of a Seq2Seq, whose
        layers are places themselves."""
        if isinstance(self.layer, Seq2Seq):
            return {}
        return stack.layer_values(self.layer, self.params, self.x, self.y, self.kept)


@dataclass(frozen=True, eq=False)
class Pass:
    """A forward pass through the plain list of layers. `traced` is what `back` needs."""

    places: Mapping[str, Place]
    outputs: Any
    params: Params
    traced: list[LayerTrace]
    translated: Translated | None = None


@dataclass(frozen=True, eq=False)
class Back:
    """The way back: dJ/dy and dJ/dx by the layer's path (None where nothing depends on it, or ids have no gradient),
    dJ/d(params), and dJ/d(the states in which a decoder began) by the layer's path."""

    of_output: Mapping[str, Any]
    of_input: Mapping[str, Any]
    params: Params
    of_first: Mapping[str, State]


def forward(layers: stack.Layers, params: Params, x: Any, ctx: Context) -> Pass:
    """Run x, as the first layer takes it, through the layers one by one."""
    first = layers[0]
    if not (len(layers) == 1 and isinstance(first, Seq2Seq)):
        traced = stack.trace(layers, params, x, None, ctx)
        return Pass(dict(_places(traced, params)), traced[-1].y, params, traced)
    (name,) = stack.names(layers)
    scope = params.scope(name)
    translated = first.trace(scope, x, ctx)
    outputs = translated.decoder[-1].y
    places = {name: Place(name, first, scope, x, outputs)}
    places |= _places(translated.encoder, scope.scope("encoder"), f"{name}/encoder/")
    places |= _places(translated.decoder, scope.scope("decoder"), f"{name}/decoder/")
    return Pass(places, outputs, params, [], translated)


def back(run: Pass, dy: Any, ctx: Context | None = None) -> Back:
    """The gradients of J, given dJ/d(outputs) in the form of the outputs."""
    ctx = ctx or Context(plain=True)
    grads = run.params.like(np.zeros_like(run.params.vector))
    if run.translated is None:
        found, before = stack.trace_back(run.traced, run.params, dy, None, grads, ctx)
        return _back(found, grads, before, "")
    name, place = next(iter(run.places.items()))
    assert isinstance(place.layer, Seq2Seq)
    both = place.layer.trace_back(place.params, run.translated, dy, grads.scope(name), ctx)
    ahead = _back(both.encoder, grads, {}, f"{name}/encoder/")
    behind = _back(both.decoder, grads, both.states, f"{name}/decoder/")
    of_output = {name: dy} | dict(ahead.of_output) | dict(behind.of_output)
    return Back(of_output, dict(ahead.of_input) | dict(behind.of_input), grads, behind.of_first)


def run_model(
    model: Model, inputs: Array | Ragged, targets: Array | Ragged | None = None, masks: int | None = None
) -> Pass:
    """Raw inputs, as a data set holds them, through the model. A decoder is fed the raw `targets`, which it needs.

    `masks`: as in training, with dropout and noise drawn from this seed; None: as in predicting.
    """
    ctx = context(masks)
    dtype = model.params.vector.dtype
    with np.errstate(all="ignore"):
        if targets is not None:
            signal = signals(model.meta, finite(inputs), targets, Context(), dtype).inputs
        else:
            signal = inputs_of(model.meta, finite(inputs), Context(), dtype)
        return forward(model.network.layers, model.params, signal, ctx)


def context(masks: int | None) -> Context:
    """That of a pass that can be repeated."""
    return Context(plain=True) if masks is None else Context(training=True, plain=True, key=(masks, 0, 0))


def in_float64(model: Model) -> Model:
    """A copy that calculates in float64."""
    return Model(model.network, model.params.like(model.params.vector.astype(np.float64)), model.meta)


def source_of(inputs: Any) -> Any:
    """What goes into the first layer: of a pair, the source."""
    return inputs.source if isinstance(inputs, Pair) else inputs


def _places(traced: Iterable[LayerTrace], params: Params, prefix: str = "") -> dict[str, Place]:
    return {
        prefix + name: Place(prefix + name, layer, params.scope(name), x, y, first, last, kept)
        for name, layer, x, y, kept, first, last in traced
    }


def _back(found: Iterable[LayerBack], grads: Params, before: Mapping[str, State], prefix: str) -> Back:
    parts = list(found)
    of_output = {prefix + name: dy for name, dy, _ in parts}
    of_input = {prefix + name: dx for name, _, dx in parts}
    return Back(of_output, of_input, grads, {prefix + name: state for name, state in before.items()})
