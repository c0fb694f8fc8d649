"""Every value inside a model for chosen inputs."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence as Several
from dataclasses import dataclass
from typing import Any

import numpy as np

from tuinet.data.encoding import encode_texts
from tuinet.data.texts import Texts
from tuinet.errors import TuinetError
from tuinet.model.answers import symbols_of
from tuinet.model.decoding import Search, decode
from tuinet.model.model import Model
from tuinet.model.prediction import Prediction
from tuinet.model.raw import check_ids, finite
from tuinet.model.signals import fed_and_asked, inputs_of
from tuinet.nn import stack
from tuinet.nn.context import Context
from tuinet.nn.layer import Shape, Value
from tuinet.nn.losses import apply_activation
from tuinet.nn.params import Array
from tuinet.nn.recurrent import over_time_value
from tuinet.nn.seq2seq import Pair, Seq2Seq
from tuinet.nn.sequence import Ragged, Sequence, pack

Tokens = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, eq=False)
class Trace:
    """What happened to N inputs on their way through a model, in arrays of its own.

    Of sequences, values have an axis "step" behind that of the samples; behind the end of a shorter one they are zero.

    input           the prepared inputs, as the first layer saw them
    values          layer/value → Value(array, axes), in the order of the layers: `conv1/output`, `lstm1/forget` …,
                    `seq2seq1/decoder/lstm1/hidden`
    scores          what came out: (sample, class), or (sample, step, symbol) where there is an answer at every step
    prediction      the same, as `Model.predict` says it; None where there is an answer at every step
    lengths         the steps of each input; () if the inputs are no sequences
    target_lengths  the steps of each target that is written, its end among them; () if none is
    tokens          the text of each step of each input, in the order in which it is read; () if the inputs are no texts
    target_tokens   what is to be written at each step: the symbols of the target and `<end>`. At each step the decoder
                    is fed the one before, and `<start>` at the first
    """

    input: Value
    values: Mapping[str, Value]
    scores: Value
    prediction: Prediction | None
    lengths: tuple[int, ...] = ()
    target_lengths: tuple[int, ...] = ()
    tokens: Tokens = ()
    target_tokens: Tokens = ()

    def layer(self, name: str) -> dict[str, Value]:
        """The values of one layer under their own names. Raises TuinetError for an unknown layer."""
        found = {path.split("/", 1)[1]: value for path, value in self.values.items() if path.split("/", 1)[0] == name}
        if not found:
            names = dict.fromkeys(path.split("/", 1)[0] for path in self.values)
            raise TuinetError(f"there is no layer {name!r}", f"layers: {', '.join(names)}")
        return found


def trace(model: Model, inputs: Any, targets: str | Several[str] | Ragged | None = None) -> Trace:
    """Run raw inputs (as for `Model.predict`: also texts) through the plain list of layers and keep every value.

    `targets`: what a decoder is fed, one for each input, as texts or ids; None: its own greedy answer.
    The model and the inputs stay as they are; what is returned shares no memory with them. Raises TuinetError as
    `Model.predict`, and if the values do not fit in memory.
    """
    raw = finite(model.raw(inputs))
    try:
        with np.errstate(all="ignore"):
            return _trace(model, raw, _tokens(model, inputs), targets)
    except MemoryError:
        raise TuinetError(f"the values of {len(raw)} samples do not fit in memory", "Trace fewer at a time.") from None


def _trace(model: Model, raw: Array | Ragged, tokens: Tokens, targets: str | Several[str] | Ragged | None) -> Trace:
    meta, params = model.meta, model.params
    prepared = signal = inputs_of(meta, raw, Context(), params.vector.dtype)
    asked: Ragged | None = None
    if meta.task == "seq2seq":
        fed, asked = fed_and_asked(_targets(model, raw, targets))
        signal = Pair(prepared, pack(fed))
    elif targets is not None:
        raise TuinetError(f"{meta.name} writes no answer, so it can be fed none", "Leave the targets out.")
    parts = model.network.trace(params, signal, Context(plain=True))
    found = {path: Value(np.array(value.array), value.axes) for path, value in stack.values(parts, params).items()}
    outputs = parts[-1].y
    axes = ("class" if meta.labels else "output",) if asked is None and meta.task != "next-symbol" else ("symbol",)
    if isinstance(outputs, Sequence):
        outputs = Sequence(apply_activation(meta.loss, outputs.values), outputs.steps)
        prediction, scores = None, shown(outputs, axes)
    else:
        prediction = model.interpret(np.array(outputs))
        scores = Value(prediction.scores, ("sample", *axes))
    return Trace(
        input=shown(prepared, model.prepared_shape.axes),
        values=found,
        scores=scores,
        prediction=prediction,
        lengths=tuple(raw.lengths.tolist()) if isinstance(raw, Ragged) else (),
        target_lengths=() if asked is None else tuple(asked.lengths.tolist()),
        tokens=tokens,
        target_tokens=() if asked is None else _target_tokens(model, asked),
    )


def shown(signal: Any, axes: tuple[str, ...]) -> Value:
    """An array (B, …) or a `Sequence` as one value; `axes` are those of a sample or a step."""
    if not isinstance(signal, Sequence):
        return Value(np.array(signal), ("sample", *axes))
    return over_time_value(signal.values, signal.steps, axes)


def _targets(model: Model, raw: Array | Ragged, targets: str | Several[str] | Ragged | None) -> Ragged:
    """What the decoder is fed, as ids. Raises TuinetError unless there is a target for each input."""
    vocabulary = model.meta.target_vocabulary
    assert vocabulary is not None
    if targets is None:
        found = [np.asarray(answer.ids, vocabulary.dtype) for answer in decode(model, raw, Search())]
        return Ragged.of(found, vocabulary.dtype)
    if not isinstance(targets, Ragged):
        encoded = encode_texts(Texts([targets] if isinstance(targets, str) else targets), vocabulary, "target")
        assert isinstance(encoded, Ragged)
        targets = encoded
    check_ids(targets.values, Shape.tokens(len(vocabulary)).step, "targets")
    if len(targets) != len(raw):
        raise TuinetError(f"{len(targets)} targets for {len(raw)} inputs", "Give one for each.")
    return targets


def _tokens(model: Model, inputs: Any) -> Tokens:
    first = model.network.layers[0]
    turn = -1 if isinstance(first, Seq2Seq) and first.reverse_source else 1
    return tuple(own[::turn] for own in symbols_of(model, inputs))


def _target_tokens(model: Model, asked: Ragged) -> Tokens:
    vocabulary = model.meta.target_vocabulary
    assert vocabulary is not None
    return tuple(tuple(map(vocabulary.symbol, asked.row(row).tolist())) for row in range(len(asked)))
