"""Small models over texts with random weights, for the tests of rooms that use models."""

from __future__ import annotations

import numpy as np

from tuinet.data.dataset import DatasetInfo
from tuinet.data.vocabulary import SPECIAL, Tokens, Vocabulary
from tuinet.model.model import Model, new_model
from tuinet.nn.layer import Shape
from tuinet.nn.layers.bidirectional import Bidirectional
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.embedding import Embedding, OneHot
from tuinet.nn.layers.flatten import Flatten
from tuinet.nn.layers.lstm import LSTM
from tuinet.nn.layers.over_time import LastStep
from tuinet.nn.layers.rnn import RNN
from tuinet.nn.losses import CrossEntropy
from tuinet.nn.network import Sequential
from tuinet.nn.parts import Part
from tuinet.nn.seq2seq import Seq2Seq

LETTERS = Vocabulary(Tokens(), (*SPECIAL, *"abc"))
WORDS = Vocabulary(Tokens("words"), (*SPECIAL, "the", "cat", "sat", "￭."))


def translator(
    seed: int = 0, target: Vocabulary = LETTERS, *, reverse: bool = False, scale: float = 4.0, dtype: type = np.float64
) -> Model:
    """Letters a, b, c to symbols of `target`; larger weights give more decided answers."""
    info = DatasetInfo("pairs", "seq2seq", Shape.tokens(6), {"train": 9}, target_ids=len(target))
    layer = Seq2Seq(
        (Embedding(3), LSTM(5)),
        (Embedding(3), LSTM(5), Dense(len(target))),
        reverse_source=reverse,
        symbols=len(target),
    )
    return _scaled(_made(info, (layer,), seed, target, dtype), scale)


def captioner(seed: int = 0) -> Model:
    """8×8 images to letters."""
    info = DatasetInfo("captions", "seq2seq", Shape.image(8, 8, 1), {"train": 9}, target_ids=6)
    layer = Seq2Seq((Conv2D(2, 3), Flatten(), Dense(4)), (Embedding(3), RNN(5), Dense(6)), bridge="dense", symbols=6)
    return new_model(
        Sequential((layer,)), info, (), CrossEntropy(), seed, "captions", dtype=np.float64, target_vocabulary=LETTERS
    )


def language_model(vocabulary: Vocabulary = LETTERS, seed: int = 0, *, both_ways: bool = False) -> Model:
    info = DatasetInfo("text", "next-symbol", Shape.tokens(len(vocabulary)), {"train": 9}, target_ids=len(vocabulary))
    cell = Bidirectional(LSTM(4)) if both_ways else LSTM(4)
    return _scaled(_made(info, (Embedding(3), cell, Dense(len(vocabulary))), seed, vocabulary), 4.0)


def classifier(seed: int = 0, cell: Part | None = None) -> Model:
    info = DatasetInfo("reviews", "classification", Shape.tokens(6), {"train": 9}, labels=("bad", "good"))
    return _made(info, (Embedding(3), cell or LSTM(4), LastStep(), Dense(2)), seed, None)


def one_hot_classifier(seed: int = 0) -> Model:
    info = DatasetInfo("reviews", "classification", Shape.tokens(6), {"train": 9}, labels=("bad", "good"))
    return _made(info, (OneHot(6), LSTM(4), LastStep(), Dense(2)), seed, None)


def tagger(seed: int = 0, *, words: bool = False) -> Model:
    """Tags that are classes of the data; with `words` symbols of a vocabulary."""
    if words:
        info = DatasetInfo("tags", "tagging", Shape.tokens(6), {"train": 9}, target_ids=len(WORDS))
        return _made(info, (Embedding(3), Bidirectional(LSTM(4)), Dense(len(WORDS))), seed, WORDS)
    info = DatasetInfo("tags", "tagging", Shape.tokens(6), {"train": 9}, labels=("no", "yes"))
    return _made(info, (Embedding(3), Bidirectional(LSTM(4)), Dense(2)), seed, None)


def _made(
    info: DatasetInfo,
    layers: tuple[Part | Seq2Seq, ...],
    seed: int,
    target: Vocabulary | None,
    dtype: type = np.float64,
) -> Model:
    vocabulary = target if info.task == "next-symbol" else LETTERS
    return new_model(
        Sequential(layers),
        info,
        (),
        CrossEntropy(),
        seed,
        info.name,
        dtype=dtype,
        vocabulary=vocabulary,
        target_vocabulary=target,
    )


def _scaled(model: Model, scale: float) -> Model:
    model.params.vector *= scale
    return model
