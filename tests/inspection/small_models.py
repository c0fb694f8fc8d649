"""Small models of every task, loss, recurrent layer and form of input with random weights, and data for each: for tests
that hold for all of them."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np

from tests.model.models import IMAGES, cnn, linear, made, xor
from tests.model.text_models import captioner, classifier, language_model, one_hot_classifier, tagger, translator
from tuinet.data.coding import Coding
from tuinet.data.dataset import DatasetInfo, Split
from tuinet.data.vocabulary import END
from tuinet.inspection.question import Samples
from tuinet.model.model import Model, new_model
from tuinet.nn.layer import Shape
from tuinet.nn.layers.activation import Relu, Tanh
from tuinet.nn.layers.bidirectional import Bidirectional
from tuinet.nn.layers.clockwork import Clockwork
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.flatten import Flatten
from tuinet.nn.layers.gru import GRU
from tuinet.nn.layers.lstm import LSTM
from tuinet.nn.layers.over_time import LastStep, MaxOverTime, MeanOverTime, Rows
from tuinet.nn.layers.pool import MaxPool
from tuinet.nn.layers.rnn import RNN
from tuinet.nn.losses import CrossEntropy, Hinge, Loss, SquaredError
from tuinet.nn.network import AnyLayer, Sequential
from tuinet.nn.sequence import Ragged


def _over(
    shape: Shape, *layers: AnyLayer, task: str = "classification", loss: Loss | None = None, scale: float = 1.0
) -> Model:
    """Of three classes, for a sample or for every step."""
    info = DatasetInfo("things", task, shape, {"train": 9}, labels=("a", "b", "c"))  # type: ignore[arg-type]
    model = new_model(Sequential((*layers, Dense(3))), info, (), loss or CrossEntropy(), 1, dtype=np.float64)
    model.params.vector *= scale
    return model


def _by_margin(model: Model) -> Model:
    model.meta = msgspec.structs.replace(model.meta, loss=Hinge())
    return model


def _broken(model: Model) -> Model:
    """Every third weight is no number."""
    model.params.vector[::3] = np.nan
    return model


_VECTORS, _FILM = Shape.vector(4).over_time, Shape.image(6, 6, 1).over_time

MODELS: Mapping[str, Model] = {
    "tagger": tagger(),
    "tags that are symbols": tagger(words=True),
    "tagger by margin": _by_margin(tagger()),
    "language model": language_model(),
    "translator": translator(reverse=True),
    "captioner": captioner(),
    "one-hot": one_hot_classifier(),
    "rnn": classifier(cell=RNN(4, "relu")),
    "gru": classifier(cell=GRU(4)),
    "gru, pytorch": classifier(cell=GRU(4, form="pytorch")),
    "clockwork": classifier(cell=Clockwork(4, (1, 2))),
    "peephole": classifier(cell=LSTM(4, peephole="full", coupled=True)),
    "both ways": classifier(cell=Bidirectional(LSTM(3, peephole="diagonal"))),
    "clockwork both ways": classifier(cell=Bidirectional(Clockwork(4, (1, 2)))),
    "vectors by margin": _over(_VECTORS, LSTM(3), MaxOverTime(), loss=Hinge()),
    "tags of vectors": _over(_VECTORS, Dense(5), Tanh(), Bidirectional(GRU(3)), task="tagging"),
    "film": _over(_FILM, Conv2D(2, 3), Relu(), MaxPool(), Flatten(), GRU(3), MeanOverTime()),
    "coloured film": _over(Shape.image(6, 6, 3).over_time, Conv2D(2, 3), Flatten(), GRU(3), LastStep()),
    "tables": _over(Shape((3, 4), ("row", "column")).over_time, Flatten(), RNN(3), LastStep()),
    "rows": _over(IMAGES.input_shape, Rows(), GRU(3), LastStep()),
    "cnn": cnn(),
    "by margin": linear(np.eye(3), [0.0, 0.0, 0.0], Hinge(), Coding("ids", classes=3)),
    "regression": made((Dense(3), Tanh(), Dense(2)), {}, Shape.vector(3), SquaredError(), Coding("values")),
    "binary code": xor(),
}

BROKEN: Mapping[str, Model] = {
    "tagger": _broken(tagger()),
    "language model": _broken(language_model()),
    "translator": _broken(translator()),
    "clockwork both ways": _broken(classifier(cell=Bidirectional(Clockwork(4, (1, 2))))),
    "film": _broken(_over(_FILM, Conv2D(2, 3), Relu(), MaxPool(), Flatten(), LSTM(3), LastStep())),
    "cnn": _broken(cnn()),
    "regression": _broken(made((Dense(3), Tanh(), Dense(2)), {}, Shape.vector(3), SquaredError(), Coding("values"))),
}


def data(model: Model, count: int = 12) -> Split:
    """Raw inputs and targets at random; sequences are of different lengths."""
    rng = np.random.default_rng(0)
    meta, shape = model.meta, model.meta.input_shape
    lengths = rng.integers(2, 6, count).tolist()
    if shape.kind == "id":
        inputs = Ragged.of([rng.integers(END + 1, shape.ids, length) for length in lengths], np.uint8)
    elif shape.sequence:
        inputs = Ragged.of([rng.normal(size=(length, *shape.sizes)) for length in lengths])
    else:
        inputs = rng.normal(size=(count, *shape.sizes))
    if meta.task == "next-symbol":
        return Split(inputs, inputs)
    if meta.task == "regression":
        return Split(inputs, rng.normal(size=(count, model.output_size)))
    first = 0 if meta.labels else END + 1
    if meta.task == "classification":
        return Split(inputs, rng.integers(first, meta.coding.classes, count))
    return Split(inputs, Ragged.of([rng.integers(first, meta.coding.classes, each) for each in lengths], np.uint8))


def samples(model: Model) -> Samples:
    """Two of them, the second longer or shorter than the first."""
    inputs, targets = data(model).take(slice(0, 2))
    return Samples(inputs, targets, ("test:0", "test:1"))
