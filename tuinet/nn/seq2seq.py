"""Sequence to sequence: an encoder, a context, a decoder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, cast

import numpy as np

from tuinet.nn import stack
from tuinet.nn.context import Context
from tuinet.nn.layer import Cache, Layer, Shape, ShapeError, Value
from tuinet.nn.layers.numeric import sum_rows
from tuinet.nn.layers.windows import Size
from tuinet.nn.params import Array, Params, ParamSpec
from tuinet.nn.parts import Part
from tuinet.nn.recurrent import OverTime, State
from tuinet.nn.sequence import Sequence, steps_of
from tuinet.nn.stack import LayerBack, Layers, LayerShapeError, LayerTrace, States

NEVER_FED = 2
"""The first ids of a target's vocabulary, <unk> and <start>, are never written, so never fed as a choice."""


class Pair(NamedTuple):
    """What a Seq2Seq is given: the source, and for each target what the decoder is fed, step by step.

    source  a `Sequence`, or an array where there is one input a sample (an image)
    fed     ids: the start symbol, then the target's symbols; the last of them is not fed but asked for
    """

    source: Any
    fed: Sequence


class Translated(NamedTuple):
    """One plain pass: the encoder's layers, the context, the decoder's first states, and its layers.

    context  (B, S) what a dense bridge was given; None where states are copied
    """

    encoder: list[LayerTrace]
    context: Array | None
    states: dict[str, State]
    decoder: list[LayerTrace]


class TranslatedBack(NamedTuple):
    """The same on the way back; `states` are dJ/d(the decoder's first states)."""

    encoder: list[LayerBack]
    states: dict[str, State]
    decoder: list[LayerBack]


class Seq2Seq(Layer, frozen=True, tag="seq2seq"):
    """The encoder reads the source, its last state (the context) is where the decoder begins; the decoder gives, at
    each step, a score for every symbol to come next, and is fed the true one (in training) or its own choice.

    Sutskever, Vinyals & Le, "Sequence to sequence learning with neural networks" (2014); with an encoder that gives
    one vector, a caption: Vinyals et al., "Show and tell" (2015).
    """

    stem = "seq2seq"
    over_time = True

    encoder: tuple[Part, ...]
    """The layers that read the source. The last is recurrent, and its last state is the context; or they give one
    vector, and that is the context."""
    decoder: tuple[Part, ...]
    """The layers that write the target: an embedding, recurrent layers, a dense layer with an output a symbol."""
    bridge: Literal["copy", "dense"] = "copy"
    """How the decoder's states start: "copy": as those of the encoder's recurrent layers, one for one; "dense": as
    tanh(context W + b), learnt for each."""
    reverse_source: bool = False
    """Whether the source is read from its end, which brings its first symbols near the target's first."""
    symbols: Size | None = None
    """The symbols of the target's vocabulary. Unset: as many as the data have."""

    def target_shape(self) -> Shape:
        """What the decoder is fed."""
        return Shape.tokens(self.symbols or 0)

    def output_shape(self, shape: Shape) -> Shape:
        self._check(shape, self._shapes("encoder", shape)[-1])
        return self._shapes("decoder", self.target_shape())[-1]

    def param_shapes(self, shape: Shape) -> Mapping[str, ParamSpec]:
        parts = {
            "encoder": stack.param_shapes(self.encoder, shape),
            "bridge": self._bridge_shapes(shape),
            "decoder": stack.param_shapes(self.decoder, self.target_shape()),
        }
        return {f"{part}/{name}": spec for part, specs in parts.items() for name, spec in specs.items()}

    def multiply_adds(self, shape: Shape) -> int:
        """One step of the source and one of the target."""
        bridge = sum(spec.size for spec in self._bridge_shapes(shape).values() if spec.role == "weight")
        decoder = stack.multiply_adds(self.decoder, self.target_shape())
        return stack.multiply_adds(self.encoder, shape) + bridge + decoder

    def forward(self, params: Params, x: Pair, ctx: Context) -> tuple[Sequence, Cache]:
        states, encoder_cache, context = self._encode(params, x.source, ctx)
        fed = x.fed
        if ctx.training and ctx.teacher_forcing < 1:
            fed = self._mixed(params, fed, states, ctx)
        y, _, decoder_cache = stack.run(self.decoder, params.scope("decoder"), fed, states, ctx)
        return y, (encoder_cache, context, states, decoder_cache)

    def backward(
        self, params: Params, cache: Cache, dy: Sequence, grads: Params, ctx: Context, need_dx: bool = True
    ) -> None:
        """The input's gradient is not returned: the source is symbols or data, and the fed symbols have none."""
        encoder_cache, context, states, decoder_cache = cache
        decoder, encoder = grads.scope("decoder"), grads.scope("encoder")
        _, dstates = stack.run_back(
            self.decoder, params.scope("decoder"), decoder_cache, dy, None, decoder, ctx, need_dx=False
        )
        given, dcontext = self._into_encoder(params, context, states, dstates, grads)
        stack.run_back(
            self.encoder, params.scope("encoder"), encoder_cache, dcontext, given, encoder, ctx, need_dx=False
        )

    def trace(self, params: Params, x: Pair, ctx: Context) -> Translated:
        """Every layer of a plain pass, with all that went in and out."""
        ahead = stack.trace(self.encoder, params.scope("encoder"), self.turned(x.source), None, ctx)
        after = {part.name: part.last for part in ahead if part.last is not None}
        states, context = self._bridge(params, _batch(x.source), ahead[-1].y, after)
        back = stack.trace(self.decoder, params.scope("decoder"), x.fed, states, ctx)
        return Translated(ahead, context, states, back)

    def trace_back(
        self, params: Params, traced: Translated, dy: Sequence, grads: Params, ctx: Context
    ) -> TranslatedBack:
        """The way back through it, layer by layer; OVERWRITES grads."""
        back, dstates = stack.trace_back(traced.decoder, params.scope("decoder"), dy, None, grads.scope("decoder"), ctx)
        given, dcontext = self._into_encoder(params, traced.context, traced.states, dstates, grads)
        ahead, _ = stack.trace_back(
            traced.encoder, params.scope("encoder"), dcontext, given, grads.scope("encoder"), ctx
        )
        return TranslatedBack(ahead, dstates, back)

    def encode(self, params: Params, source: Any, ctx: Context) -> dict[str, State]:
        """The decoder's first states for these sources, in their order."""
        return self._encode(params, source, ctx)[0]

    def step(self, params: Params, ids: Array, states: States, ctx: Context) -> tuple[Array, dict[str, State]]:
        """The scores (B, V) of what follows ids (B,), and the states after them."""
        fed = Sequence(ids, steps_of(np.ones(len(ids), np.intp)))
        y, after, _ = stack.run(self.decoder, params.scope("decoder"), fed, states, ctx)
        return y.values, after

    def values(self, params: Params, x: Pair, y: Sequence, cache: Cache) -> Mapping[str, Value]:
        """Of every layer, under encoder/layer/value and decoder/layer/value, from a plain pass of their own."""
        ahead, _, states, back = self.trace(params, x, Context(plain=True))
        found = {f"encoder/{name}": value for name, value in stack.values(ahead, params.scope("encoder")).items()}
        for name, layer in stack.recurrent(self.decoder).items():
            for key, array in zip(layer.state_sizes(), states[name], strict=True):
                found[f"context/{name}/{key}"] = Value(array, ("sample", "unit"))
        seen = stack.values(back, params.scope("decoder"))
        return found | {f"decoder/{name}": value for name, value in seen.items()}

    # ── the encoder and the bridge ────────────────────────────────────────────────────────────────────────────────

    def turned(self, source: Any) -> Any:
        """The source as the encoder reads it."""
        if self.reverse_source and isinstance(source, Sequence):
            return Sequence(source.values[source.steps.reversal], source.steps)
        return source

    def _encode(self, params: Params, source: Any, ctx: Context) -> tuple[dict[str, State], Cache, Array | None]:
        turned = self.turned(source)
        y, after, cache = stack.run(self.encoder, params.scope("encoder"), turned, None, ctx)
        states, context = self._bridge(params, _batch(source), y, after)
        return states, cache, context

    def _bridge(self, params: Params, batch: int, y: Any, after: States) -> tuple[dict[str, State], Array | None]:
        """The decoder's first states, and the context if a dense bridge was given one."""
        dtype = params.vector.dtype
        states: dict[str, State] = {}
        if self.bridge == "copy":
            for (name, layer), ended in zip(stack.recurrent(self.decoder).items(), after.values(), strict=True):
                first = _named(layer, layer.zero_state(batch, dtype))
                first |= {key: array for key, array in _named(layer, ended).items() if key in _learnt(layer)}
                states[name] = tuple(first.values())
            return states, None
        context = y
        if self._ends_recurrent:
            name, last = list(stack.recurrent(self.encoder).items())[-1]
            ended = _named(last, after[name])
            context = np.concatenate([ended[key] for key in _learnt(last)], axis=1)  # (B, S)
        bridge = params.scope("bridge")
        for name, layer in stack.recurrent(self.decoder).items():
            first = _named(layer, layer.zero_state(batch, dtype))
            for key in _learnt(layer):
                part = f"{name}/{key}"
                first[key] = np.tanh(context @ bridge[f"{part}/weight"] + bridge[f"{part}/bias"])
            states[name] = tuple(first.values())
        return states, context

    def _bridge_back(self, params: Params, context: Array, states: States, dstates: States, grads: Params) -> Array:
        """dJ/dcontext (B, S)."""
        dcontext = np.zeros_like(context)
        bridge, into = params.scope("bridge"), grads.scope("bridge")
        for name, layer in stack.recurrent(self.decoder).items():
            learnt = _learnt(layer)
            for key, state, dstate in zip(layer.state_sizes(), states[name], dstates[name], strict=True):
                if key not in learnt:
                    continue
                da = dstate * (1 - state * state)
                np.matmul(context.T, da, out=into[f"{name}/{key}/weight"])
                sum_rows(da, into[f"{name}/{key}/bias"])
                dcontext += da @ bridge[f"{name}/{key}/weight"].T
        return dcontext

    def _into_encoder(
        self, params: Params, context: Array | None, states: States, dstates: States, grads: Params
    ) -> tuple[States | None, Array | None]:
        """Back over the bridge: the gradient of the encoder's last states, or that of its output."""
        if context is None:
            ahead, back = stack.recurrent(self.encoder), stack.recurrent(self.decoder)
            return {name: dstates[other] for name, other in zip(ahead, back, strict=True)}, None
        dcontext = self._bridge_back(params, context, states, dstates, grads)
        if not self._ends_recurrent:
            return None, dcontext
        name, layer = list(stack.recurrent(self.encoder).items())[-1]
        learnt = _learnt(layer)
        parts = np.split(dcontext, np.cumsum(list(learnt.values()))[:-1], axis=1)
        given = _named(layer, layer.zero_state(len(dcontext), dcontext.dtype))
        given |= dict(zip(learnt, parts, strict=True))
        return {name: tuple(given.values())}, None

    @property
    def _ends_recurrent(self) -> bool:
        return isinstance(self.encoder[-1], OverTime)

    def _bridge_shapes(self, shape: Shape) -> dict[str, ParamSpec]:
        if self.bridge == "copy":
            return {}
        size = self._shapes("encoder", shape)[-1].size
        if self._ends_recurrent:
            size = sum(_learnt(cast("OverTime", self.encoder[-1])).values())
        specs: dict[str, ParamSpec] = {}
        for name, layer in stack.recurrent(self.decoder).items():
            for key, units in _learnt(layer).items():
                specs[f"{name}/{key}/weight"] = ParamSpec((size, units), "weight", size, units)
                specs[f"{name}/{key}/bias"] = ParamSpec((units,), "bias", size, units)
        return specs

    # ── what the decoder is fed ───────────────────────────────────────────────────────────────────────────────────

    def _mixed(self, params: Params, fed: Sequence, states: States, ctx: Context) -> Sequence:
        """Each symbol after the first true with probability `ctx.teacher_forcing`, else the decoder's own choice.

        Bengio et al., "Scheduled sampling" (2015). The choices are made without dropout and, as in decoding, never
        fall on what nobody writes; they are fed as given: no gradient goes through them.
        """
        steps = fed.steps
        table = np.zeros((len(steps.counts), len(steps)), fed.values.dtype)  # (T, B), in the order of the samples
        table[steps.times, steps.samples] = fed.values
        truth = ctx.rng.random(table.shape) < ctx.teacher_forcing
        calm = Context()
        for t in range(len(table) - 1):
            scores, states = self.step(params, table[t], states, calm)
            chosen = NEVER_FED + scores[:, NEVER_FED:].argmax(axis=1)
            table[t + 1] = np.where(truth[t + 1], table[t + 1], chosen)
        return Sequence(table[steps.times, steps.samples], steps)

    # ── shapes ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _shapes(self, part: Literal["encoder", "decoder"], shape: Shape) -> tuple[Shape, ...]:
        layers: Layers = getattr(self, part)
        if not layers:
            raise ShapeError(f"the {part} has no layers", "", part)
        try:
            return stack.shapes(layers, shape)
        except LayerShapeError as error:
            field = f"{part}[{error.index}]" + (f".{error.field}" if error.field else "")
            raise ShapeError(f"{part}: {error.message}", error.hint, field) from None

    def _check(self, source: Shape, encoded: Shape) -> None:
        """Raises ShapeError unless the context fits the decoder."""
        ahead, back = list(stack.recurrent(self.encoder).values()), list(stack.recurrent(self.decoder).values())
        if not back:
            raise ShapeError("the decoder has no recurrent layer to begin with the context", "", "decoder")
        if any(not layer.goes_forward for layer in back):
            hint = "a bidirectional layer belongs to the encoder"
            raise ShapeError("the decoder writes one symbol after the other and cannot look ahead", hint, "decoder")
        if encoded.sequence and not self._ends_recurrent:
            hint = "end it with its last recurrent layer, or with a layer that pools over time"
            raise ShapeError(f"the encoder ends with a sequence ({encoded}) and no state", hint, "encoder")
        if len(encoded.sizes) != 1:
            raise ShapeError(f"the encoder gives {encoded}, not one vector", "end it with a flatten layer", "encoder")
        if self.reverse_source and not source.sequence:
            raise ShapeError("a source that is no sequence cannot be reversed", "leave it out", "reverse_source")
        sizes = [[list(layer.state_sizes().items()) for layer in part] for part in (ahead, back)]
        if self.bridge == "copy" and sizes[0] != sizes[1]:
            hint = 'make them equal, or set bridge = "dense"'
            raise ShapeError(
                "the states of encoder and decoder differ, so one cannot be copied to the other", hint, "bridge"
            )
        output = self._shapes("decoder", self.target_shape())[-1]
        if self.symbols is not None and output.sizes != (self.symbols,):
            hint = "end the decoder with a dense layer without `units`"
            raise ShapeError(
                f"the decoder gives {output.step} scores a step, not one for each of the {self.symbols} symbols",
                hint,
                "decoder",
            )


def _batch(source: Any) -> int:
    return len(source.steps if isinstance(source, Sequence) else source)


def _named(layer: OverTime, state: State) -> dict[str, Array]:
    return dict(zip(layer.state_sizes(), state, strict=True))


def _learnt(layer: OverTime) -> dict[str, int]:
    """The parts of a state that cross the bridge, and their sizes: a clock begins at 0, whatever was read."""
    return {key: size for key, size in layer.state_sizes().items() if key not in layer.counters}
