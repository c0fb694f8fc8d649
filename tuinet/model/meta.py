"""What a model knows besides network and weights: how inputs are prepared, what outputs mean, where it came from."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Annotated

import msgspec

from tuinet.data.coding import Coding
from tuinet.data.dataset import Column, Task
from tuinet.data.preparation import Preparation, Scale, Standardize, prepared_shape
from tuinet.data.vocabulary import MAX_SYMBOLS, Vocabulary
from tuinet.errors import TuinetError
from tuinet.nn import stack
from tuinet.nn.layer import Shape
from tuinet.nn.layers.embedding import OneHot
from tuinet.nn.losses import Loss
from tuinet.nn.network import Sequential
from tuinet.nn.recurrent import OverTime
from tuinet.nn.seq2seq import Seq2Seq

MAX_LAYERS = 1_000
MAX_CLASSES = 10_000
MAX_VALUES = 2**28
"""The most values that one sample may become on its way through the network: 1 GiB of float32."""


class EpochRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What was measured at the end of an epoch. A number that is not finite is None.

    epoch       from 1
    step        all training steps so far
    train       running means over the epoch
    validation  what the weights reached then; None where nothing is set aside
    """

    epoch: int
    step: int
    train: Mapping[str, int | float | None]
    validation: Mapping[str, int | float | None] | None = None


class Meta(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """All that predicting needs besides the network, and how the model came to be.

    input_shape     one raw sample, before `preparation`
    preparation     fitted steps that make raw inputs the network's
    coding          what the outputs mean
    labels          class names; class id c is labels[c]; () for regression
    columns         the columns of the table the inputs came from, if they did
    target_names    the names of the values of a regression
    vocabulary         the symbols of a text that goes in, if one does
    target_vocabulary  the symbols of a text that comes out, if one does
    window          the symbols of a sample where the next symbol of a text was learnt
    loss            what was made small; it says what predicting applies to the outputs
    data            what it was trained on
    training        how it was trained, in words
    history         what was measured after each epoch
    epochs, steps   how long it was trained
    """

    name: str
    task: Task
    input_shape: Shape
    preparation: tuple[Preparation, ...] = ()
    coding: Coding
    labels: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    target_names: tuple[str, ...] = ()
    vocabulary: Vocabulary | None = None
    target_vocabulary: Vocabulary | None = None
    window: Annotated[int, msgspec.Meta(ge=1)] | None = None
    loss: Loss
    data: str = ""
    training: str = ""
    history: tuple[EpochRecord, ...] = ()
    seed: int = 0
    epochs: int = 0
    steps: int = 0
    notes: str = ""

    @property
    def answers_steps(self) -> bool:
        """Whether there is an answer for every step of a sequence, and not one for each sample."""
        return self.task in ("tagging", "next-symbol", "seq2seq")


def check_model(network: Sequential, meta: Meta) -> None:
    """Raise TuinetError unless network and meta fit each other, so that predicting cannot go wrong later.

    Costs no arrays, whatever sizes are named.
    """
    if not 1 <= len(network.layers) <= MAX_LAYERS:
        raise TuinetError(f"a network has 1 to {MAX_LAYERS} layers, not {len(network.layers)}")
    _check_inputs(meta)
    _check_vocabularies(meta)
    _check_text(meta)
    _check_symbols(network, meta)
    shapes = network.shapes(prepared_shape(meta.preparation, meta.input_shape))
    values = sum(shape.size for shape in (*shapes, *_inner_shapes(network, shapes)))
    if values > MAX_VALUES:
        raise TuinetError(f"one sample becomes {_short(values)} values in this network; {MAX_VALUES} are allowed")
    output = shapes[-1]
    if len(output.sizes) != 1 or output.kind != "number":
        raise TuinetError(f"the network's output is {output}, not one vector", "A flatten or dense layer is missing.")
    _check_time(network, meta, output)
    _check_coding(meta, output.size)


def _inner_shapes(network: Sequential, shapes: tuple[Shape, ...]) -> Iterator[Shape]:
    """The shapes between the layers of encoders and decoders; `shapes` are those before and after each layer."""
    for layer, shape in zip(network.layers, shapes[:-1], strict=True):
        if isinstance(layer, Seq2Seq):
            yield from stack.shapes(layer.encoder, shape)
            yield from stack.shapes(layer.decoder, layer.target_shape())


def _check_symbols(network: Sequential, meta: Meta) -> None:
    """Whether the layers say of how many symbols they are. That a one-hot layer is given so many, it checks itself."""
    for name, layer in zip(network.names(), network.layers, strict=True):
        inner = (*layer.encoder, *layer.decoder) if isinstance(layer, Seq2Seq) else (layer,)
        if any(isinstance(part, OneHot) and part.symbols is None for part in inner):
            raise TuinetError(f"{name}: a one-hot layer does not say how many symbols there are", "Set `symbols`.")
        if isinstance(layer, Seq2Seq) and meta.target_vocabulary is not None:
            count = len(meta.target_vocabulary)
            if layer.symbols != count:
                said = "no number of symbols" if layer.symbols is None else f"{layer.symbols} symbols"
                raise TuinetError(f"{name} has {said}, but the vocabulary of its answers has {count}")


def _check_time(network: Sequential, meta: Meta, output: Shape) -> None:
    """Whether there is one answer a sample, or one a step, as the task says, from no more than may be seen."""
    if output.sequence and not meta.answers_steps:
        hint = "A last-step or mean-over-time layer makes one answer of a sequence."
        raise TuinetError(f"the network answers at every step, but {meta.task} wants one answer a sample", hint)
    if meta.answers_steps and not output.sequence:
        hint = "Leave out what pools over time." if meta.task != "seq2seq" else "Its network is one seq2seq layer."
        raise TuinetError(f"the network gives one answer a sample, but {meta.task} wants one at every step", hint)
    translates = any(isinstance(layer, Seq2Seq) for layer in network.layers)
    if translates != (meta.task == "seq2seq") or (translates and len(network.layers) != 1):
        raise TuinetError("a seq2seq layer is the only layer of a network for seq2seq, and of no other")
    for name, layer in zip(network.names(), network.layers, strict=True):
        if meta.task == "next-symbol" and isinstance(layer, OverTime) and not layer.goes_forward:
            hint = "Take the layer inside it alone."
            raise TuinetError(f"{name} looks ahead, where the symbol stands that is asked for", hint)


def _check_vocabularies(meta: Meta) -> None:
    for vocabulary in (meta.vocabulary, meta.target_vocabulary):
        if vocabulary is not None:
            vocabulary.check()
    if meta.vocabulary is not None and meta.input_shape != Shape.tokens(len(meta.vocabulary)):
        raise TuinetError(f"a vocabulary of {len(meta.vocabulary)} symbols does not fit inputs of {meta.input_shape}")
    if meta.task == "seq2seq" and meta.target_vocabulary is None:
        raise TuinetError("a model for seq2seq needs the vocabulary of its answers")
    if meta.task == "next-symbol" and (meta.vocabulary is None or meta.vocabulary != meta.target_vocabulary):
        raise TuinetError("a model for next-symbol needs a vocabulary, and its answers the same one")
    if meta.target_vocabulary is not None and (meta.labels or not meta.answers_steps):
        raise TuinetError(f"the answers of this {meta.task} are not symbols, and yet they have a vocabulary")


def _check_inputs(meta: Meta) -> None:
    shape = meta.input_shape
    if shape.kind == "id" and shape.sequence and not shape.sizes and 1 <= shape.ids <= MAX_SYMBOLS:
        return
    if (
        shape.kind == "id"
        or len(shape.sizes) not in (1, 2, 3)
        or len(shape.axes) != len(shape.sizes)
        or min(shape.sizes) < 1
    ):
        raise TuinetError(f"{shape} ({', '.join(shape.axes)}) cannot be the shape of an input")
    if shape.size > MAX_VALUES:
        raise TuinetError(f"an input of {_short(shape.size)} values is too large; at most {MAX_VALUES} are allowed")
    if meta.columns and sum(column.width for column in meta.columns) != shape.size:
        raise TuinetError(f"the columns do not make an input of {shape}")
    for step in meta.preparation:
        unfitted = isinstance(step, Scale) and step.divisor is None
        if unfitted or (isinstance(step, Standardize) and (step.mean is None or step.deviation is None)):
            raise TuinetError("a preparation step was never fitted to data")


def _check_text(meta: Meta) -> None:
    """Names of folders and files may hold bytes that are no text, and no file could keep them."""
    texts = (meta.name, meta.data, meta.training, meta.notes, *meta.labels, *meta.target_names)
    for text in (*texts, *(word for column in meta.columns for word in (column.name, *column.categories))):
        try:
            text.encode()
        except UnicodeEncodeError:
            raise TuinetError(f"the name {text[:60]!a} is not valid text", "Rename it.") from None


def _check_coding(meta: Meta, outputs: int) -> None:
    coding = meta.coding
    classes = len(meta.labels) if meta.target_vocabulary is None else len(meta.target_vocabulary)
    most = MAX_CLASSES if meta.target_vocabulary is None else MAX_SYMBOLS
    if (meta.task == "regression") != (coding.kind == "values"):
        raise TuinetError(f"a {meta.task} cannot have targets coded as {coding.kind}")
    if (meta.loss.targets == "ids") != (coding.kind == "ids"):
        raise TuinetError(f"the loss does not take targets coded as {coding.kind}")
    if meta.task == "regression":
        if len(meta.target_names) not in (0, outputs):
            raise TuinetError(f"{len(meta.target_names)} target names for {outputs} outputs")
        return
    if classes != coding.classes or not 1 <= classes <= most:
        raise TuinetError(f"{classes} labels for {coding.classes} classes; 1 to {most} are allowed")
    if meta.answers_steps and coding.kind != "ids":
        raise TuinetError("answers at every step are class ids: take the cross-entropy or the hinge loss")
    if coding.outputs != outputs:
        raise TuinetError(f"{outputs} outputs, but {classes} classes coded as {coding.kind} take {coding.outputs}")
    if not (math.isfinite(coding.low) and math.isfinite(coding.high) and coding.low < coding.high):
        raise TuinetError(f"a code from {coding.low:g} to {coding.high:g} is not possible")


def _short(number: int) -> str:
    return str(number) if number < 10**15 else "over 10^15"
