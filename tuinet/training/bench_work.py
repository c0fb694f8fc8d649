"""What `bench` measures: networks of every kind, and random data for them.

The sizes are those of benchmarks/, where the same work is compared with other programs.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal, NamedTuple

import numpy as np

from tuinet.data.dataset import Dataset, Split
from tuinet.data.vocabulary import Tokens, Vocabulary
from tuinet.experiment.spec import TrainingSettings
from tuinet.model.blas import one_blas_thread
from tuinet.model.model import new_model
from tuinet.nn.layer import Shape
from tuinet.nn.layers.activation import Relu
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.embedding import Embedding
from tuinet.nn.layers.flatten import Flatten
from tuinet.nn.layers.gru import GRU
from tuinet.nn.layers.lstm import LSTM
from tuinet.nn.layers.pool import MaxPool
from tuinet.nn.losses import CrossEntropy
from tuinet.nn.network import AnyLayer, Sequential
from tuinet.nn.optimizers import Adam
from tuinet.nn.params import Array
from tuinet.nn.seq2seq import Seq2Seq
from tuinet.nn.sequence import Ragged
from tuinet.training.build import Job

IMAGE, CLASSES = 28, 10
SYMBOLS, STEPS = 64, 50
WORDS, SHORTEST, LONGEST = 5_000, 3, 15
"""Random data of these sizes: speed does not depend on what they say."""

SAMPLES = {"mlp": 4_096, "cnn": 1_024, "language": 320, "translator": 384}
"""How many: few enough for an epoch to take a part of a second, always whole batches."""


class Work(NamedTuple):
    """One kind of work: what it is called, what is counted, what is trained, and how many units a sample has; if there
    is no training but answering, `asked` says how many images at a time."""

    name: str
    unit: str
    job: Callable[[], Job]
    units: int = 1
    asked: int | None = None


def _images(layers: tuple[AnyLayer, ...], samples: int, batch: int) -> Job:
    rng = np.random.default_rng(0)
    split = Split(rng.random((samples, IMAGE, IMAGE), np.float32), rng.integers(0, CLASSES, samples))
    labels = tuple(map(str, range(CLASSES)))
    data = Dataset("random", "classification", Shape.image(IMAGE, IMAGE, 1), {"train": split}, labels)
    return _job(layers, data, batch)


def _mlp() -> Job:
    layers = (Flatten(), Dense(256), Relu(), Dense(128), Relu(), Dense(CLASSES))
    return _images(layers, SAMPLES["mlp"], 128)


def _cnn() -> Job:
    first, second = (Conv2D(filters, 3, padding="same") for filters in (16, 32))
    maps = (first, Relu(), MaxPool(), second, Relu(), MaxPool())
    return _images((*maps, Flatten(), Dense(128), Relu(), Dense(CLASSES)), SAMPLES["cnn"], 64)


def _language_model(kind: Literal["lstm", "gru"]) -> Job:
    cell = LSTM(128) if kind == "lstm" else GRU(128, form="pytorch")
    windows = SAMPLES["language"]
    ids = np.random.default_rng(0).integers(3, SYMBOLS, windows * STEPS + 1).astype(np.uint8)
    x, y = (ids[start : start + windows * STEPS].reshape(windows, STEPS) for start in (0, 1))
    data = Dataset("random", "next-symbol", Shape.tokens(SYMBOLS), {"train": Split(x, y)}, target_ids=SYMBOLS)
    return _job((Embedding(64), cell, Dense(SYMBOLS)), data, 32, _vocabulary(SYMBOLS))


def _translator() -> Job:
    rng = np.random.default_rng(0)
    lengths = rng.integers(SHORTEST, LONGEST + 1, SAMPLES["translator"])
    others = np.clip(lengths + rng.integers(-2, 3, len(lengths)), SHORTEST, LONGEST)
    x, y = (_ragged(rng.integers(3, WORDS, int(each.sum())), each) for each in (lengths, others))
    data = Dataset("random", "seq2seq", Shape.tokens(WORDS), {"train": Split(x, y)}, target_ids=WORDS)
    encoder, decoder = (Embedding(256), LSTM(256)), (Embedding(256), LSTM(256), Dense(WORDS))
    return _job((Seq2Seq(encoder, decoder, symbols=WORDS),), data, 64, _vocabulary(WORDS))


def _ragged(values: Array, lengths: Array) -> Ragged:
    return Ragged(values.astype(np.uint16), np.concatenate([[0], lengths.cumsum()]))


def _vocabulary(symbols: int) -> Vocabulary:
    return Vocabulary(Tokens("symbols"), ("<unk>", "<start>", "<end>", *(f"w{i}" for i in range(3, symbols))))


def _job(layers: tuple[AnyLayer, ...], data: Dataset, batch: int, words: Vocabulary | None = None) -> Job:
    loss = CrossEntropy()
    with one_blas_thread:  # as where an experiment is built
        model = new_model(Sequential(layers), data, (), loss, vocabulary=words, target_vocabulary=words)
    return Job(model, data, TrainingSettings(loss=loss, optimizer=Adam(0.001), epochs=10**6, batch_size=batch))


WORKS = (
    Work("MLP 784-256-128-10, batch 128", "samples", _mlp),
    Work("CNN of two convolutions, batch 64", "samples", _cnn),
    Work("LSTM language model, 128 units", "symbols", partial(_language_model, "lstm"), units=STEPS),
    Work("GRU language model, 128 units", "symbols", partial(_language_model, "gru"), units=STEPS),
    Work("LSTM translator, 256 units", "pairs", _translator),
    Work("the CNN's answer to one image", "images", _cnn, asked=1),
    Work("the CNN's answers to 1,000 images", "images", _cnn, asked=1_000),
)
"""In the order in which they are measured and shown."""
