"""A model: network, parameters, and all that predicting needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from tuinet.data.coding import Coding, binary_width
from tuinet.data.dataset import Dataset, DatasetInfo, Split
from tuinet.data.preparation import Preparation, prepared_shape
from tuinet.data.vocabulary import Vocabulary
from tuinet.errors import TuinetError
from tuinet.model import evaluation, written
from tuinet.model.answers import Tagging, Translation, require, tag, translate
from tuinet.model.blas import cores
from tuinet.model.decoding import Search
from tuinet.model.generation import LENGTH, Generated, generate
from tuinet.model.lengths import groups
from tuinet.model.meta import EpochRecord, Meta, check_model
from tuinet.model.passes import passes
from tuinet.model.prediction import Prediction, predicted
from tuinet.model.raw import checked, finite, raw_inputs
from tuinet.nn.layer import Shape
from tuinet.nn.layers.activation import Sign, Tanh
from tuinet.nn.losses import Loss, Perceptron
from tuinet.nn.network import Sequential, initialize
from tuinet.nn.params import Array, Params
from tuinet.nn.sequence import Ragged

__all__ = ["EpochRecord", "Generated", "Meta", "Model", "Prediction", "Tagging", "Translation", "new_model"]

BATCH_VALUES = 2**21
"""Values in all layers' outputs together that a batch may hold: 8 MiB of float32, about a core's cache."""

SEQUENCES = 64
"""How many sequences are computed at a time: enough for the products of a step to pay."""


@dataclass
class Model:
    """A network with its parameters, how its inputs are prepared, and what its outputs mean."""

    network: Sequential
    params: Params
    meta: Meta

    @property
    def prepared_shape(self) -> Shape:
        """The shape of one input of the network."""
        return prepared_shape(self.meta.preparation, self.meta.input_shape)

    @property
    def output_size(self) -> int:
        """The number of outputs, S, of a sample or of a step."""
        return self.network.output_shape(self.prepared_shape).size

    @property
    def parameter_count(self) -> int:
        return self.params.vector.size

    @property
    def batch_size(self) -> int:
        """How many samples are computed at a time unless asked otherwise: what stays in a core's cache, 16 … 1,024."""
        shapes = self.network.shapes(self.prepared_shape)
        if any(shape.sequence for shape in shapes):
            return SEQUENCES
        values = sum(shape.size for shape in shapes)
        return max(16, min(1024, BATCH_VALUES // values))

    def predict(self, inputs: Any, batch_size: int | None = None, threads: int | None = None) -> Prediction:
        """What the model says about raw inputs: one sample or a batch of them, as an array or lists.

        Images (H, W, C) or grey (H, W), as stored (8-bit pixels 0 … 255); rows of numbers (P,); a batch has one axis
        more. Texts, or sequences (T, P) of any length. The result always has the axis of samples. `batch_size` and
        `threads` (None: the cores there are) change speed and memory, and at most how sums are rounded. Raises
        TuinetError if the shape is another, a value is not finite, a text is empty or has more than 10,000 symbols, or
        the model is not for classification or regression.
        """
        require(self.meta, "classification", "regression")
        raw = self.raw(inputs)
        size = batch_size or self.batch_size
        outputs = np.empty((len(raw), self.output_size), self.params.vector.dtype)
        places = list(groups(raw, size))
        parts = self.run((finite(raw[each]) for each in places), self.threads_for(len(raw), size, threads))
        for each, part in zip(places, parts, strict=True):
            outputs[each] = part
        return self.interpret(outputs)

    def translate(
        self,
        sources: Any,
        beam: int = 1,
        *,
        alpha: float = 1.0,
        temperature: float | None = None,
        top_k: int | None = None,
        seed: int = 0,
        limit: int | None = None,
    ) -> list[Translation]:
        """The answer to each source: a translation of a text, a caption of an image.

        `beam` 1 is greedy, more looks for likelier answers, compared by log P / lengthᵅ. With a `temperature` or
        `top_k` the symbols are drawn by chance from `seed`. `limit`: most symbols of an answer, 2 × the source's + 20
        if it is not given, 100 if the source is no sequence.
        Raises TuinetError as `predict`, and if the model writes no answers.
        """
        return translate(self, sources, Search(beam, alpha, temperature, top_k, seed, limit))

    def tag(self, inputs: Any) -> list[Tagging]:
        """The tag of every symbol of each text, or of every step of each sequence. Raises TuinetError as `predict`."""
        return tag(self, inputs)

    def generate(
        self,
        prompt: str = "",
        length: int = LENGTH,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        seed: int | None = None,
    ) -> Generated:
        """`length` symbols that follow the prompt, drawn by softmax(scores / temperature) among the `top_k` likeliest.

        Temperature 0 takes the likeliest each time. `seed` None: another text each time. `Generation` gives the text
        as it comes. Raises TuinetError if the model is no language model, or what is asked for cannot be.
        """
        return generate(self, prompt, length, temperature, top_k, seed)

    def evaluate(
        self, split: Split, batch_size: int | None = None, top: int | None = None, threads: int | None = None
    ) -> dict[str, float | int]:
        """How good the model is on `split`: `samples`, `loss` (mean per sample, without penalties), and `accuracy` and
        `errors` (with `top` k also `top-k`) or `mse` and `r2`.

        Where there is an answer at every step (tagging, next-symbol, seq2seq), `targets` says how many were asked for,
        and loss, accuracy and errors are those of a target; of next-symbol also `perplexity` e^loss and `bits`
        loss / ln 2. A decoder is fed the true symbols. `batch_size` and `threads` as for `predict`. Raises TuinetError
        if model and split do not fit each other.
        """
        return evaluation.evaluate(self, checked(split, self.meta), batch_size, top, threads)

    def evaluate_answers(self, split: Split, beam: int = 1, limit: int | None = None) -> dict[str, float | int]:
        """How good the answers are that a model writes by itself; see `written.evaluate`. `limit`: only of so many
        sources. Raises TuinetError as `evaluate`, and if the model writes no answers."""
        require(self.meta, "seq2seq")
        return written.evaluate(self, checked(split, self.meta), Search(beam), limit)

    def confusion(self, split: Split, batch_size: int | None = None) -> Array:
        """(C, C) counts: row = true class, column = predicted class."""
        return evaluation.confusion(self, checked(split, self.meta), batch_size)

    def interpret(self, outputs: Array) -> Prediction:
        """What outputs (N, S) of the network mean."""
        with np.errstate(all="ignore"):
            return predicted(self.meta, outputs)

    def raw(self, inputs: Any) -> Array | Ragged:
        """Inputs as a data set holds them: texts by the model's vocabulary, everything else as numbers.

        Raises TuinetError if they are of another kind or shape, or a text is empty or too long.
        """
        return raw_inputs(inputs, self.meta.input_shape, self.meta.vocabulary)

    def run(self, batches: Iterable[Any], threads: int | None = None) -> Iterator[Any]:
        """The network's outputs, (B, S) or a `Sequence`, for each batch of raw inputs; valid until the next. `threads`
        as `threads_for` says; None: on the caller's thread."""
        return passes(self, batches, threads)

    def threads_for(self, samples: int, batch_size: int, threads: int | None = None) -> int | None:
        """How many threads share a pass over so many samples: at most `threads` (None: the cores there are). None for a
        single batch. One goes step by step over sequences: several would wait for each other after each step."""
        if samples <= batch_size:
            return None
        steps = any(shape.sequence for shape in self.network.shapes(self.prepared_shape))
        return 1 if steps else min(threads or cores(), -(-samples // batch_size))


def new_model(
    network: Sequential,
    data: Dataset | DatasetInfo,
    preparation: Sequence[Preparation],
    loss: Loss,
    seed: int = 0,
    name: str = "model",
    *,
    targets: Literal["one-hot", "binary"] | None = None,
    dtype: npt.DTypeLike = np.float32,
    vocabulary: Vocabulary | None = None,
    target_vocabulary: Vocabulary | None = None,
) -> Model:
    """A model for `data` with new weights drawn from `seed`. `preparation` is fitted already.

    `targets` chooses the code of the classes for losses that compare values; None: what fits the number of outputs.
    Raises TuinetError if network, loss and data do not fit each other.
    """
    info = data.info if isinstance(data, Dataset) else data
    shape = prepared_shape(preparation, info.input_shape)
    output = network.output_shape(shape)
    meta = Meta(
        name=name,
        task=info.task,
        input_shape=info.input_shape,
        preparation=tuple(preparation),
        coding=choose_coding(network, output.size, info, loss, targets),
        labels=info.labels,
        columns=info.columns,
        target_names=info.target_names,
        vocabulary=vocabulary,
        target_vocabulary=target_vocabulary,
        window=round(info.length) if info.task == "next-symbol" else None,
        loss=loss,
        data=info.name,
        seed=seed,
    )
    check_model(network, meta)
    return Model(network, initialize(network, shape, seed, dtype), meta)


def choose_coding(
    network: Sequential,
    outputs: int,
    info: DatasetInfo,
    loss: Loss,
    targets: Literal["one-hot", "binary"] | None = None,
) -> Coding:
    """How targets are coded for a network with so many outputs: the class id, one output a class, or its bits.

    The code's low value is −1 where outputs are signs or tanh, else 0. Raises TuinetError if the number of outputs
    is none of those that `info` and `loss` allow.
    """
    if info.task == "regression":
        if info.outputs and outputs != info.outputs:
            raise TuinetError(f"{outputs} outputs, but {info.name} has {info.outputs} target values a sample")
        return Coding("values")
    if info.task in ("next-symbol", "seq2seq") or (info.task == "tagging" and info.target_ids):
        if loss.targets != "ids":
            raise TuinetError("a symbol is one of many: take the cross-entropy loss")
        if outputs != info.target_ids:
            raise TuinetError(f"{outputs} outputs, but the vocabulary of {info.name} has {info.target_ids} symbols")
        return Coding("ids", classes=info.target_ids)
    classes, bits = info.classes, binary_width(info.classes)
    if loss.targets == "ids":
        if outputs != classes:
            raise TuinetError(f"{outputs} outputs, but {info.name} has {classes} classes, and the loss takes one each")
        return Coding("ids", classes=classes)
    signed = isinstance(loss, Perceptron) or isinstance(network.layers[-1], Tanh | Sign)
    low = -1.0 if signed else 0.0
    if outputs == classes and targets != "binary":
        return Coding("one-hot", low=low, classes=classes)
    if outputs == bits and targets != "one-hot":
        return Coding("binary", low=low, classes=classes)
    wanted = {"one-hot": f"{classes} (one-hot)", "binary": f"{bits} (binary code)"}
    possible = wanted[targets] if targets else f"{wanted['one-hot']} or {wanted['binary']}"
    raise TuinetError(f"{outputs} outputs, but the {classes} classes of {info.name} take {possible}")
