"""Which number of a model's answer is explained: the score of a class, a tag or a symbol, or a value.

Scores are taken before the softmax or any other activation at the end (Simonyan, Vedaldi & Zisserman 2013): a
probability can also grow because others shrink, and hardly moves where an answer is sure. With n (S,) what the network
gives there, the score of class c is n · w: w is 1 at c, and for a binary code ±1, as the bits of c.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence as Several
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from tuinet.data.vocabulary import END, START, UNKNOWN
from tuinet.errors import TuinetError
from tuinet.inspection.passes import Back, Pass, back, context, run_model
from tuinet.inspection.question import Choice, Question
from tuinet.model.answers import symbols_of
from tuinet.model.decoding import Search, decode, log_probabilities
from tuinet.model.meta import Meta
from tuinet.model.model import Model
from tuinet.model.prediction import decode as predicted_ids
from tuinet.model.prediction import never_said
from tuinet.model.signals import answers
from tuinet.nn import stack
from tuinet.nn.context import Context
from tuinet.nn.layers.activation import Sigmoid, Sign, Softmax, Step, Tanh
from tuinet.nn.losses import apply_activation
from tuinet.nn.params import Array, Params
from tuinet.nn.seq2seq import Seq2Seq
from tuinet.nn.sequence import Ragged, Sequence

MOST_STEPS = 50
"""Of an answer with more steps only the first so many are explained, unless one is named."""

_ENDS = (Softmax, Sigmoid, Tanh, Step, Sign)
_NO_PARAMS = Params({}, np.empty(0))


class Score(NamedTuple):
    """One number of an answer: that of `unit` (a class, a symbol, an output), at `step`; 0 if there is but one."""

    unit: int
    step: int
    name: str


@dataclass(frozen=True, eq=False)
class Answer:
    """One sample, what a decoder is fed for it, and a pass of it.

    net  (T, S) what the network gives before an activation at its end, at each step of the answer
    """

    model: Model
    name: str
    raw: Array | Ragged
    fed: Ragged | None
    run: Pass
    net: Array

    @property
    def tokens(self) -> tuple[str, ...]:
        """The symbols of the input, as they stand in the text; () if it is none."""
        found = symbols_of(self.model, self.raw) if isinstance(self.raw, Ragged) else []
        return found[0] if found else ()


def each(question: Question) -> Iterator[Answer]:
    """Every sample by itself. A decoder is fed the model's own answer, or the target if that is asked for."""
    model, samples = question.model, question.need_samples()
    for row, name in enumerate(samples.names):
        raw = samples.inputs[row : row + 1]
        fed = _fed(question, raw, row)
        run = run_model(model, raw, fed, question.masks)
        outputs = run.outputs if run.translated is not None else run.traced[before_end(model) - 1].y
        yield Answer(model, name, raw, fed, run, answers(outputs))


def before_end(model: Model) -> int:
    """How many layers there are before an activation at the end. That of values is part of them."""
    layers = model.network.layers
    count = len(layers)
    while count > 1 and model.meta.task != "regression" and isinstance(layers[count - 1], _ENDS):
        count -= 1
    return count


def chosen(answer: Answer, choice: Choice) -> tuple[Score, ...]:
    """The scores that are meant: of the classes named, else of what is said; at the step named.

    Without a step: of a text that goes on the last, which says how; else every step of the answer.
    Raises TuinetError for a class or a step that there is not, and for a symbol that is never written.
    """
    model, net = answer.model, answer.net
    found: list[Score] = []
    said = says(model, net)
    names = unit_names(model)
    for step in _steps(model, len(net), choice.step):
        for unit in (int(said[step]),) if choice.units is None else choice.units:
            if not 0 <= unit < len(names):
                one = {"regression": "output"}.get(model.meta.task, "class" if model.meta.labels else "symbol")
                raise TuinetError(
                    f"{model.meta.name} has no {one} {unit}", f"Take one of 0 to {len(names) - 1}, or none."
                )
            if unit in never_written(model.meta):
                raise TuinetError(
                    f"{names[unit]} is never written, so it is no answer", "Name another symbol, or none."
                )
            found.append(Score(unit, step, names[unit]))
    return tuple(found)


def says(model: Model, net: Array) -> Array:
    """(N,) the class or symbol that each row of `net` (N, S) stands for; 0, the first output, of a regression."""
    meta = model.meta
    if meta.task == "regression":
        return np.zeros(len(net), np.intp)
    never = never_written(meta)
    if never:
        return log_probabilities(net, never).argmax(axis=1)
    return predicted_ids(meta, finish(model, net))


def finish(model: Model, net: Array) -> Array:
    """(N, S) what the network gives at its very end."""
    outputs: Any = net
    for layer in model.network.layers[before_end(model) :]:
        outputs, _ = layer.forward(_NO_PARAMS, outputs, Context())
    return outputs


def weights(model: Model, unit: int) -> Array:
    """(S,) w of the score n · w."""
    coding, size = model.meta.coding, model.output_size
    found = np.zeros(size, model.params.vector.dtype)
    if coding.kind == "binary":
        found[...] = np.where(coding.words()[unit] > (coding.low + coding.high) / 2, 1, -1)
    else:
        found[unit] = 1
    return found


def log_probability(model: Model, net: Array, unit: int) -> Array | None:
    """(N,) log P of the class or symbol, in float64; None where the model's outputs are no probabilities."""
    meta, outputs = model.meta, finish(model, net).astype(np.float64)
    if meta.loss.activation == "softmax":
        return log_probabilities(outputs, never_written(meta))[:, unit]
    own = weights(model, unit).astype(np.float64)
    if meta.loss.activation == "sigmoid":
        return -np.logaddexp(0, -outputs * own)[:, own != 0].sum(axis=1)
    if meta.task == "regression" or not isinstance(model.network.layers[-1], Softmax | Sigmoid):
        return None
    share = np.where(own > 0, outputs, 1 - outputs)[:, own != 0]
    return np.log(np.maximum(share, np.finfo(np.float64).tiny)).sum(axis=1)


def unit_names(model: Model) -> tuple[str, ...]:
    """What the classes, symbols or values of an answer are called."""
    meta = model.meta
    if meta.labels:
        return meta.labels
    if meta.target_vocabulary is not None:
        return tuple(map(meta.target_vocabulary.symbol, range(len(meta.target_vocabulary))))
    return meta.target_names or tuple(map(str, range(model.output_size)))


def gradients(answer: Answer, score: Score, masks: int | None) -> Back:
    """d(score)/d(everything)."""
    model, run = answer.model, answer.run
    dy = np.zeros_like(answer.net)
    dy[score.step] = weights(model, score.unit)
    shaped = Sequence(dy, run.outputs.steps) if isinstance(run.outputs, Sequence) else dy
    kept = run if run.translated is not None else replace(run, traced=run.traced[: before_end(model)])
    with np.errstate(all="ignore"):
        return back(kept, shaped, context(masks))


def never_written(meta: Meta) -> tuple[int, ...]:
    """The symbols that are no answer of this task, and have no part in the probabilities, as when the model writes."""
    if meta.task == "next-symbol":
        return (UNKNOWN, START, END)
    return (UNKNOWN, START) if meta.task == "seq2seq" else tuple(range(never_said(meta)))


def class_name(names: Several[str], number: int) -> str:
    """What a class of the data is called. Raises TuinetError if the model does not have it."""
    if not 0 <= number < len(names):
        hint = f"The data must have the {len(names)} classes that the model was made for."
        raise TuinetError(f"class {number} is outside 0 … {len(names) - 1}", hint)
    return names[number]


def in_words(answer: Answer, score: Score) -> str:
    """Which score it is, its value and its probability: `class 3, score 12.1, probability 0.98`."""
    model, row = answer.model, answer.net[score.step : score.step + 1]
    what = "value" if model.meta.task == "regression" else "class" if model.meta.labels else "symbol"
    where = f" at step {score.step}" if len(answer.net) > 1 else ""
    value = float((row @ weights(model, score.unit))[0])
    if model.meta.task == "regression":
        value = float(apply_activation(model.meta.loss, row)[0, score.unit])
    log_p = log_probability(model, row, score.unit)
    sure = "" if log_p is None else f", probability {float(np.exp(log_p[0])):.3g}"
    return f"{what} {score.name}{where}, score {value:.4g}{sure}"


def first_layer(model: Model) -> str:
    """The path of the layer that is given the input itself."""
    name, layer = model.network.names()[0], model.network.layers[0]
    return f"{name}/encoder/{stack.names(layer.encoder)[0]}" if isinstance(layer, Seq2Seq) else name


def _fed(question: Question, raw: Any, row: int) -> Ragged | None:
    meta, samples = question.model.meta, question.need_samples()
    if meta.task != "seq2seq":
        return None
    if question.choice.decoder == "forced" and isinstance(samples.targets, Ragged):
        return samples.targets[row : row + 1]
    assert meta.target_vocabulary is not None
    (own,) = decode(question.model, raw, Search())
    return Ragged.of([np.asarray(own.ids, meta.target_vocabulary.dtype)], meta.target_vocabulary.dtype)


def _steps(model: Model, count: int, step: int | None) -> tuple[int, ...]:
    if not model.meta.answers_steps:
        if step is not None:
            raise TuinetError(f"{model.meta.name} gives one answer, not one a step", "Leave the step out.")
        return (0,)
    if step is None:
        return (count - 1,) if model.meta.task == "next-symbol" else tuple(range(min(count, MOST_STEPS)))
    if not 0 <= step < count:
        raise TuinetError(f"the answer has no step {step}", f"Take one of 0 to {count - 1}, or none.")
    return (step,)
