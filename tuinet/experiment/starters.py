"""New experiments: a family of networks on some data, by the few sizes that the family needs.

Each gives an experiment that `check` finds no problem in. How long and how fast it learns follows from the size of the
data by a plain rule; everything can be changed afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from tuinet.data.coding import binary_width
from tuinet.data.dataset import DatasetInfo, Task
from tuinet.data.preparation import Preparation, Standardize
from tuinet.data.sources import Source
from tuinet.data.splits import SplitSettings
from tuinet.errors import TuinetError
from tuinet.experiment.spec import DataSettings, Experiment, ModelSettings, TrainingSettings
from tuinet.nn.initializers import Zeros
from tuinet.nn.layers.activation import Relu
from tuinet.nn.layers.bidirectional import Bidirectional, Cell
from tuinet.nn.layers.clockwork import Clockwork
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.embedding import Embedding, OneHot
from tuinet.nn.layers.flatten import Flatten
from tuinet.nn.layers.gru import GRU
from tuinet.nn.layers.lstm import LSTM
from tuinet.nn.layers.over_time import LastStep, MeanOverTime, Rows
from tuinet.nn.layers.pool import MaxPool
from tuinet.nn.layers.rnn import RNN
from tuinet.nn.losses import BinaryCrossEntropy, CrossEntropy, Loss, MeanSquaredError, Perceptron
from tuinet.nn.network import AnyLayer
from tuinet.nn.optimizers import Adam, Sgd
from tuinet.nn.parts import Part
from tuinet.nn.recurrent import OverTime
from tuinet.nn.regularization import Regularization
from tuinet.nn.schedules import Cosine
from tuinet.nn.seq2seq import Seq2Seq

SEEN = 100_000
"""How many samples a run goes through, about: as many epochs as that takes, from 10 to 500."""

_SHARES = {"validation": 0.1, "test": 0.2}

FEW = 50
"""Of fewer samples nothing is set aside."""


@dataclass(frozen=True)
class Cells:
    """Recurrent layers one behind the other. `peephole` and `coupled` are an LSTM's, `periods` those of a clockwork
    layer; other kinds have no use for them."""

    kind: Literal["rnn", "lstm", "gru", "clockwork"] = "lstm"
    units: int = 128
    layers: int = 1
    bidirectional: bool = False
    peephole: Literal["none", "diagonal", "full"] = "none"
    coupled: bool = False
    periods: tuple[int, ...] = (1, 2, 4, 8)

    def cell(self) -> Cell:
        """One of them. A clockwork layer gets a few units more if its groups could not share them equally."""
        match self.kind:
            case "rnn":
                return RNN(self.units)
            case "gru":
                return GRU(self.units)
            case "lstm":
                return LSTM(self.units, self.peephole, self.coupled)
            case "clockwork":
                groups = len(self.periods)
                return Clockwork(-(-self.units // groups) * groups, self.periods)

    def stack(self, both: bool) -> tuple[Part, ...]:
        """All of them; `both`: each in both directions."""
        return (Bidirectional(self.cell()) if both else self.cell(),) * self.layers


# ── a vector or an image in, an answer out ────────────────────────────────────────────────────────────────────────────


def perceptron(source: Source, info: DatasetInfo) -> Experiment:
    """One layer of threshold units, taught by the perceptron rule: one for two classes, else one a class.

    Raises TuinetError, as all of these do, if the data are not for it.
    """
    _require(info, ("classification",), sequence=False, what="a perceptron")
    units = 1 if info.classes == 2 else info.classes
    layers = (*_flat(info), Dense(units, initializer=Zeros()))
    begun = start(source, info, layers, "perceptron", Perceptron())
    training = TrainingSettings(
        loss=Perceptron(), optimizer=Sgd(0.5), epochs=min(100, begun.training.epochs), batch_size=1
    )
    return msgspec.structs.replace(begun, training=training)


def mlp(
    source: Source,
    info: DatasetInfo,
    sizes: Sequence[int] = (128,),
    activation: Part = Relu(),  # noqa: B008 (it is frozen)
) -> Experiment:
    """Hidden layers of so many units, each with its activation, and the outputs that the data need."""
    _require(info, ("classification", "regression"), sequence=False, what="a multi-layer perceptron")
    return start(source, info, (*_flat(info), *_hidden(sizes, activation), Dense()), "mlp")


def cnn(
    source: Source, info: DatasetInfo, filters: Sequence[int] = (16, 32), dense: Sequence[int] = (64,)
) -> Experiment:
    """Convolutions of 3×3 with so many filters, each halved by pooling while there is something to halve, then dense
    layers of so many units."""
    _require(info, ("classification", "regression"), sequence=False, what="a CNN")
    layers = (*_convolutions(info, filters), Flatten(), *_hidden(dense, Relu()), Dense())
    return start(source, info, layers, "cnn")


# ── sequences ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def language_model(source: Source, info: DatasetInfo, cells: Cells = Cells(), embedding: int | None = 64) -> Experiment:
    """The next symbol of a text from those before it. `embedding` None: symbols go in one-hot."""
    _require(info, ("next-symbol",), sequence=True, what="a language model")
    if cells.bidirectional:
        raise TuinetError("a language model cannot look ahead", "take one direction")
    return start(source, info, (*_read(info, embedding), *cells.stack(False), Dense()), f"{cells.kind}-language")


def text_classifier(
    source: Source, info: DatasetInfo, cells: Cells = Cells(), embedding: int | None = 64
) -> Experiment:
    """One answer for a text or another sequence; an image is read row by row."""
    _require(info, ("classification", "regression"), sequence=None, what="a classifier of sequences")
    pooling = MeanOverTime() if cells.bidirectional else LastStep()
    layers = (*_read(info, embedding), *cells.stack(cells.bidirectional), pooling, Dense())
    return start(source, info, layers, f"{cells.kind}-classifier")


def tagger(source: Source, info: DatasetInfo, cells: Cells = Cells(), embedding: int | None = 64) -> Experiment:
    """One answer for every step."""
    _require(info, ("tagging",), sequence=True, what="a tagger")
    layers = (*_read(info, embedding), *cells.stack(cells.bidirectional), Dense())
    return start(source, info, layers, f"{cells.kind}-tagger")


def seq2seq(
    source: Source,
    info: DatasetInfo,
    cells: Cells = Cells(),
    embedding: int | None = 64,
    reverse_source: bool = False,
) -> Experiment:
    """A sequence from a sequence. Read in both directions, the encoder's states go over a dense bridge."""
    _require(info, ("seq2seq",), sequence=True, what="a translator")
    encoder = (*_read(info, embedding), *cells.stack(cells.bidirectional))
    decoder = (*_symbols(embedding), *cells.stack(False), Dense())
    bridge = "dense" if cells.bidirectional else "copy"
    layer = Seq2Seq(encoder, decoder, bridge, reverse_source)
    return start(source, info, (layer,), f"{cells.kind}-seq2seq")


def caption(
    source: Source,
    info: DatasetInfo,
    filters: Sequence[int] = (8, 16),
    dense: int = 64,
    cells: Cells = Cells("gru", 64),
    embedding: int | None = 16,
) -> Experiment:
    """A text from an image: convolutions, a vector of `dense` values, and a decoder that begins with it."""
    _require(info, ("seq2seq",), sequence=False, what="a caption")
    encoder = (*_convolutions(info, filters), Flatten(), *_hidden((dense,), Relu()))
    layer = Seq2Seq(encoder, (*_symbols(embedding), *cells.stack(False), Dense()), "dense")
    return start(source, info, (layer,), "caption")


# ── any network, and what all have in common ──────────────────────────────────────────────────────────────────────────


def from_layers(source: Source, info: DatasetInfo, layers: tuple[AnyLayer, ...]) -> Experiment:
    """An experiment with just these layers, named after what is most telling of them; it may have problems."""
    recurrent = [layer.layer if isinstance(layer, Bidirectional) else layer for layer in layers]
    cells = [str(layer.__struct_config__.tag) for layer in recurrent if isinstance(layer, OverTime)]
    if any(isinstance(layer, Seq2Seq) for layer in layers):
        suffix = "seq2seq"
    elif any(isinstance(layer, Conv2D) for layer in layers):
        suffix = "cnn"
    else:
        suffix = cells[0] if cells else "mlp"
    return start(source, info, layers, suffix)


def start(
    source: Source, info: DatasetInfo, layers: tuple[AnyLayer, ...], suffix: str, loss: Loss | None = None
) -> Experiment:
    """An experiment with these layers, named after the data and `suffix`, with usual settings for data and task.

    Loss: mean squared error for real values; cross-entropy for classes and symbols, binary where the outputs are as
    many as a binary code has digits. Optimizer: Adam at 0.002 (of a handful of samples 0.01), falling as a cosine;
    gradients of recurrent networks are clipped. A tenth of the samples validates and a fifth tests, where the data
    have no such parts.
    """
    samples = info.sizes.get("train", 0)
    training = TrainingSettings(
        loss=loss or _loss(info, layers),
        optimizer=Adam(0.01 if samples < FEW else 0.002),
        schedule=Cosine(),
        regularization=Regularization(clip_norm=1.0) if _recurrent(layers) else Regularization(),
        epochs=3 if info.task == "next-symbol" else max(10, min(500, SEEN // max(1, samples))),
        batch_size="all" if samples < 32 else 32 if samples < 20_000 or info.task == "next-symbol" else 64,
    )
    data = DataSettings(source=source, split=_split(info), prepare=_preparation(info, training.loss))
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{info.name}-{suffix}").strip("-._")[-64:].lstrip("-._")
    return Experiment(name=name or suffix, data=data, model=ModelSettings(layers=layers), training=training)


def _require(info: DatasetInfo, tasks: tuple[Task, ...], sequence: bool | None, what: str) -> None:
    """Raises TuinetError unless the data have one of these tasks and, unless `sequence` is None, are that or not."""
    shape = info.input_shape
    if info.task not in tasks:
        raise TuinetError(f"{what} is for {' and '.join(tasks)}, and {info.name} for {info.task}", "take other data")
    if sequence is not None and shape.sequence != sequence:
        raise TuinetError(
            f"{what} takes {'sequences' if sequence else 'vectors or images'}, and those of {info.name} are "
            f"{'none' if sequence else 'sequences'}",
            "take other data",
        )


def _flat(info: DatasetInfo) -> tuple[Part, ...]:
    return (Flatten(),) if len(info.input_shape.sizes) > 1 else ()


def _hidden(sizes: Sequence[int], activation: Part) -> Iterator[Part]:
    for units in sizes:
        yield from (Dense(units), activation)


def _convolutions(info: DatasetInfo, filters: Sequence[int]) -> Iterator[Part]:
    shape = info.input_shape
    if len(shape.sizes) != 3:
        raise TuinetError(f"a convolution takes images, and samples of {info.name} are {shape}", "take other data")
    side = min(shape.sizes[:2])
    for count in filters:
        yield from (Conv2D(count, 3, padding="same"), Relu())
        if side >= 2:
            yield MaxPool(2)
        side //= 2


def _symbols(embedding: int | None) -> tuple[Part, ...]:
    return (OneHot(),) if embedding is None else (Embedding(embedding),)


def _read(info: DatasetInfo, embedding: int | None) -> tuple[Part, ...]:
    """The layer that makes a sequence of vectors of what goes in, if one is needed."""
    shape = info.input_shape
    if shape.kind == "id":
        return _symbols(embedding)
    if shape.sequence:
        return ()
    if len(shape.sizes) < 2:
        raise TuinetError(f"samples of {info.name} are {shape}, neither sequences nor images", "take other data")
    return (Rows(),)


def _loss(info: DatasetInfo, layers: tuple[AnyLayer, ...]) -> Loss:
    if info.task == "regression":
        return MeanSquaredError()
    dense = [layer for layer in layers if isinstance(layer, Dense)]
    digits = binary_width(info.classes) if info.classes else 0
    coded = dense and info.task == "classification" and dense[-1].units == digits != info.classes
    return BinaryCrossEntropy() if coded else CrossEntropy()


def _recurrent(layers: Sequence[AnyLayer]) -> bool:
    return any(isinstance(layer, OverTime | Seq2Seq) for layer in layers)


def _split(info: DatasetInfo) -> SplitSettings:
    samples = info.sizes.get("train", 0)
    enough = samples >= FEW and samples * 0.1 >= info.classes
    validation, test = (share if enough and not info.sizes.get(part) else 0.0 for part, share in _SHARES.items())
    return SplitSettings(validation, test)


def _preparation(info: DatasetInfo, loss: Loss) -> tuple[Preparation, ...]:
    """Measured values come in any size; pixels are scaled anyway, symbols are only names, and the perceptron rule
    learns at any scale."""
    shape = info.input_shape
    measured = shape.kind == "number" and len(shape.sizes) == 1 and info.maximum == 1
    return (Standardize(),) if measured and not isinstance(loss, Perceptron) else ()
