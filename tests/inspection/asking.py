"""Asking a model for a view, for the tests of views."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from tests.model.models import made
from tuinet.data.coding import Coding
from tuinet.inspection.question import Choice, Offer, Question, Samples, check_choice, nodes
from tuinet.inspection.view import Seen, Table, View
from tuinet.model.model import Model
from tuinet.nn.gradcheck import random_input
from tuinet.nn.layer import Layer, Shape
from tuinet.nn.losses import SquaredError
from tuinet.nn.sequence import Sequence, unpack


def question(
    model: Model, layer: str = "", inputs: Any = None, targets: Any = None, masks: int | None = None, **choice: Any
) -> Question:
    """About raw inputs, named sample 0, sample 1 …"""
    samples = None
    if inputs is not None:
        samples = Samples(inputs, targets, tuple(f"sample {place}" for place in range(len(inputs))))
    return Question(model, layer, samples, choice=Choice(**choice), masks=masks)


def offers(views: Iterable[Offer], asked: Question) -> list[Offer]:
    return [offer for offer in views if offer.fits(asked.model, asked.node)]


def look(views: Iterable[Offer], name: str, asked: Question) -> tuple[Seen, ...]:
    """The view of that name, which the layer must have; what it gives is well-formed."""
    (offer,) = [offer for offer in offers(views, asked) if offer.name == name]
    check_choice(asked, f"the view {name}", offer.takes)
    found = offer.make(asked)
    assert found
    for seen in found:
        if isinstance(seen, View):
            assert seen.data.ndim == len(seen.axes)
            assert all(len(axis.labels) in (0, size) for axis, size in zip(seen.axes, seen.data.shape, strict=True))
        if isinstance(seen, Table):
            assert all(len(row) == len(seen.columns) for row in seen.rows)
    return found


def one_layer(layer: Layer, shape: Shape, count: int = 2) -> tuple[Model, Any]:
    """A model of this layer alone with random weights, and random raw inputs for it."""
    rng = np.random.default_rng(5)
    shape = shape.over_time if shape.kind == "id" else shape  # ids come in sequences
    model = made((layer,), {}, shape, SquaredError(), Coding("values"))
    model.params.vector[:] = rng.normal(size=model.params.vector.shape)
    raw = random_input(layer, shape, count, rng, np.float64)
    return model, unpack(raw) if isinstance(raw, Sequence) else raw


def path_of(model: Model) -> str:
    """The path of the first layer."""
    return next(iter(nodes(model)))
