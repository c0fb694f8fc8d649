"""Questions about models over sequences, and small models around any layer, for the tests of their views."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tests.model.text_models import LETTERS
from tuinet.data.dataset import DatasetInfo, Split
from tuinet.inspection.question import Choice, Question, Samples
from tuinet.inspection.view import Seen, Table, View
from tuinet.model.model import Model, new_model
from tuinet.nn.layer import Shape
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.embedding import Embedding
from tuinet.nn.layers.over_time import LastStep
from tuinet.nn.losses import CrossEntropy
from tuinet.nn.network import Sequential
from tuinet.nn.parts import Part
from tuinet.nn.sequence import Ragged

TEXTS = ("abc", "b", "caab")


def ask(
    model: Model,
    layer: str,
    inputs: Any = TEXTS,
    targets: Sequence[str] | Ragged | None = None,
    part: Split | None = None,
    **choice: Any,
) -> Question:
    """What would be asked on the command line; targets are texts or ids."""
    names = tuple(inputs) if isinstance(inputs, tuple) else (str(inputs)[:20],)
    if targets is not None and not isinstance(targets, Ragged):
        vocabulary = model.meta.target_vocabulary
        assert vocabulary is not None
        targets = Ragged.of([vocabulary.encode(text) for text in targets], vocabulary.dtype)
    raw = model.raw(list(inputs) if isinstance(inputs, tuple) else inputs)
    if len(names) != len(raw):
        names = tuple(f"sample {row}" for row in range(len(raw)))
    given = (lambda: part) if part is not None else None
    return Question(model, layer, Samples(raw, targets, names), given, Choice(**choice))


def reader(*layers: Part, seed: int = 0) -> Model:
    """A classifier of texts that ends in one vector: the layers, then a dense layer."""
    info = DatasetInfo("reviews", "classification", Shape.tokens(6), {"train": 9}, labels=("bad", "good"))
    network = Sequential((*layers, Dense(2)))
    model = new_model(network, info, (), CrossEntropy(), seed, "reader", dtype=np.float64, vocabulary=LETTERS)
    model.params.vector *= 3
    return model


def cell(layer: Part, seed: int = 0) -> Model:
    """A classifier of texts around one recurrent layer."""
    return reader(Embedding(3), layer, LastStep(), seed=seed)


def picture(found: tuple[Seen, ...], name: str) -> View:
    """The only view of this name."""
    (one,) = (each for each in found if isinstance(each, View) and each.name == name)
    return one


def table(found: tuple[Seen, ...], name: str) -> Table:
    """The only table of this name."""
    (one,) = (each for each in found if isinstance(each, Table) and each.name == name)
    return one


def column(shown: Table, name: str) -> list[Any]:
    place = shown.columns.index(name)
    return [row[place] for row in shown.rows]
