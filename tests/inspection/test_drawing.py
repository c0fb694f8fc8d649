"""Which preparation a model's drawings get, and that the shipped models read what is drawn."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

import tuinet
from tests.data.digit_strokes import drawn_digit
from tuinet.data.drawn import DIGITS, MNIST, prepare_drawing
from tuinet.data.preparation import Scale
from tuinet.inspection.drawing import drawing_for
from tuinet.model.model import Model


def said(model: Model, data: str, **changes: object) -> Model:
    return Model(model.network, model.params, msgspec.structs.replace(model.meta, data=data, **changes))


@pytest.mark.parametrize("size", [1.0, 0.6])
@pytest.mark.parametrize("pen", [0.7, 1.0, 1.3])
@pytest.mark.parametrize("name", ["digits-cnn", "mnist-small-cnn"])
def test_the_shipped_models_read_drawn_digits(name: str, pen: float, size: float) -> None:
    model = tuinet.load(name)
    drawing = drawing_for(model)
    assert drawing is not None
    at = (0, 0) if size == 1 else (4, -5)  # a small one in a corner
    inks = [drawn_digit(digit, drawing, size=size, at=at, pen=pen) for digit in range(10)]
    found = model.predict(np.stack([prepare_drawing(ink, drawing) for ink in inks]))
    right = sum(label == str(digit) for digit, label in enumerate(found.labels or ()))
    # A one with a serif is a seven or a nine to the model of MNIST when its pen is thin, or large for it.
    assert right == 10 if pen == size == 1 else right >= 9


def test_by_the_data_that_a_model_was_trained_on() -> None:
    digits, mnist = tuinet.load("digits-cnn"), tuinet.load("mnist-small-cnn")
    assert drawing_for(digits) == DIGITS and drawing_for(mnist) == MNIST
    assert drawing_for(said(mnist, "mnist")) == MNIST
    clothes = drawing_for(said(mnist, "fashion-mnist"))
    assert clothes is not None and clothes.how == "scaled" and clothes.canvas == (28, 28)
    # The preparation of the model may say nothing of the range; the data do.
    assert drawing_for(said(digits, "digits", preparation=())) == DIGITS


def test_by_what_it_takes_where_it_says_nothing() -> None:
    digits, mnist = tuinet.load("digits-cnn"), tuinet.load("mnist-small-cnn")
    assert drawing_for(said(digits, "")) == DIGITS and drawing_for(said(mnist, "my own")) == MNIST
    letters = tuple("abcdefghij")
    for model, how in ((said(digits, "", labels=letters), "scaled"), (said(mnist, "", labels=letters), "scaled")):
        found = drawing_for(model)
        assert found is not None and found.how == how
    bright = drawing_for(said(digits, "", preparation=(Scale(255.0),)))  # not UCI's range
    assert bright is not None and (bright.how, bright.maximum) == ("scaled", 255.0)
    dim = drawing_for(said(mnist, "", preparation=(Scale(1.0),)))  # as others train it, on 0 … 1
    assert dim is not None and (dim.how, dim.maximum) == ("box", 1.0)


@pytest.mark.parametrize("name", ["iris-mlp", "cmudict-seq2seq", "shakespeare-lstm", "xor"])
def test_only_images_are_drawn(name: str) -> None:
    assert drawing_for(tuinet.load(name)) is None
