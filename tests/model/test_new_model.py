"""New models: how the targets' code follows from network, loss and data, and what is refused."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from tests.model.models import IMAGES, cnn
from tuinet.data.coding import Coding
from tuinet.data.dataset import Column, Dataset, DatasetInfo, Split
from tuinet.data.preparation import Scale, Standardize
from tuinet.errors import TuinetError
from tuinet.model.meta import MAX_LAYERS, check_model
from tuinet.model.model import Meta, new_model
from tuinet.nn.layer import Shape
from tuinet.nn.layers.activation import Relu, Sigmoid, Sign, Tanh
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.flatten import Flatten
from tuinet.nn.losses import BinaryCrossEntropy, CrossEntropy, Hinge, Loss, Perceptron, SquaredError
from tuinet.nn.network import AnyLayer, Sequential


def classes(count: int) -> DatasetInfo:
    labels = tuple(map(str, range(count)))
    return DatasetInfo("some", "classification", Shape.vector(2), {"train": 4}, labels=labels)


REAL = DatasetInfo("sine", "regression", Shape.vector(2), {"train": 4}, target_names=("y", "z"))


@pytest.mark.parametrize(
    ("count", "outputs", "last", "loss", "targets", "expected"),
    [
        (3, 3, (), CrossEntropy(), None, Coding("ids", classes=3)),
        (3, 3, (), Hinge(), None, Coding("ids", classes=3)),
        (3, 3, (Sigmoid(),), SquaredError(), None, Coding("one-hot", classes=3)),
        (3, 3, (Tanh(),), SquaredError(), None, Coding("one-hot", low=-1.0, classes=3)),
        (4, 2, (Sigmoid(),), SquaredError(), None, Coding("binary", classes=4)),
        (4, 2, (Sign(),), SquaredError(), None, Coding("binary", low=-1.0, classes=4)),
        (4, 2, (), Perceptron(), None, Coding("binary", low=-1.0, classes=4)),
        (4, 4, (), Perceptron(), None, Coding("one-hot", low=-1.0, classes=4)),
        (2, 1, (), BinaryCrossEntropy(), None, Coding("binary", classes=2)),
        (2, 2, (), BinaryCrossEntropy(), None, Coding("one-hot", classes=2)),
        (1, 1, (), BinaryCrossEntropy(), None, Coding("one-hot", classes=1)),
        (1, 1, (), BinaryCrossEntropy(), "binary", Coding("binary", classes=1)),
    ],
)
def test_the_code_follows_from_outputs_and_loss(
    count: int, outputs: int, last: tuple[AnyLayer, ...], loss: Loss, targets: None, expected: Coding
) -> None:
    model = new_model(Sequential((Dense(outputs), *last)), classes(count), (), loss, targets=targets)
    assert model.meta.coding == expected


@pytest.mark.parametrize(
    ("info", "outputs", "loss", "targets", "words"),
    [
        (classes(3), 2, CrossEntropy(), None, "2 outputs, but some has 3 classes"),
        (classes(5), 4, SquaredError(), None, "the 5 classes of some take 5 (one-hot) or 3 (binary code)"),
        (classes(5), 5, SquaredError(), "binary", "take 3 (binary code)"),
        (classes(5), 3, SquaredError(), "one-hot", "take 5 (one-hot)"),
        (REAL, 1, SquaredError(), None, "1 outputs, but sine has 2 target values"),
        (REAL, 2, CrossEntropy(), None, "does not take targets coded as values"),
    ],
)
def test_outputs_that_fit_no_code(info: DatasetInfo, outputs: int, loss: Loss, targets: None, words: str) -> None:
    with pytest.raises(TuinetError) as caught:
        new_model(Sequential((Dense(outputs),)), info, (), loss, targets=targets)
    assert words in caught.value.message


def test_a_new_model_knows_its_data() -> None:
    columns = (Column("size"), Column("colour", ("red", "blue")))
    data = Dataset(
        "table", "regression", Shape.vector(3), {"train": Split(np.zeros((1, 3)), np.zeros((1, 1)))},
        columns=columns, target_names=("price",),
    )  # fmt: skip
    model = new_model(Sequential((Dense(1),)), data, [Standardize("all", (0.0,), (2.0,))], SquaredError(), 7, "house")
    expected = Meta(
        name="house", task="regression", input_shape=Shape.vector(3), coding=Coding("values"), loss=SquaredError(),
        preparation=(Standardize("all", (0.0,), (2.0,)),), columns=columns, target_names=("price",), data="table",
        seed=7,
    )  # fmt: skip
    assert model.meta == expected
    assert model.parameter_count == 4
    assert model.params.vector.dtype == np.float32


def test_seed_and_dtype_decide_the_first_weights() -> None:
    same, other = cnn(seed=1), cnn(seed=2)
    assert (same.params.vector == cnn(seed=1).params.vector).all()
    assert (same.params.vector != other.params.vector).any()
    assert (cnn(np.float32).params.vector == same.params.vector.astype(np.float32)).all()


def test_a_network_must_end_in_one_vector() -> None:
    one = DatasetInfo("dots", "classification", Shape.image(1, 1, 1), labels=("a",))
    with pytest.raises(TuinetError, match="not one vector") as caught:
        new_model(Sequential((Conv2D(1, 1),)), one, (), CrossEntropy())
    assert "flatten" in caught.value.hint


SOUND = cnn()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"input_shape": Shape((0,), ("unit",))}, "cannot be the shape"),
        ({"input_shape": Shape((8, -8, 1), ("row", "column", "channel"))}, "cannot be the shape"),
        ({"input_shape": Shape((8, 8, 1), ("row",))}, "cannot be the shape"),
        ({"input_shape": Shape((), ())}, "cannot be the shape"),
        ({"input_shape": Shape((2**40, 2**40), ("row", "column"))}, "over 10^15 values"),
        ({"input_shape": Shape((9000, 9000, 1), ("row", "column", "channel"))}, "one sample becomes"),
        ({"input_shape": Shape.vector(64)}, "conv1"),
        ({"columns": (Column("a"),)}, "columns do not make"),
        ({"preparation": (Scale(),)}, "never fitted"),
        ({"preparation": (Standardize("all"),)}, "never fitted"),
        ({"preparation": (Standardize("feature", (0.0,), (1.0,)),)}, "needs 64"),
        ({"labels": ("a", "b")}, "2 labels for 3 classes"),
        ({"labels": ("a", "b", "\udcff")}, "not valid text"),
        ({"coding": Coding("ids", classes=4)}, "3 labels for 4 classes"),
        ({"coding": Coding("values")}, "coded as values"),
        ({"coding": Coding("one-hot", classes=3)}, "does not take targets coded as one-hot"),
        ({"loss": SquaredError()}, "does not take targets coded as ids"),
        ({"task": "regression"}, "regression cannot"),
        ({"coding": Coding("ids", classes=2), "labels": ("a", "b")}, "3 outputs, but 2 classes"),
        ({"coding": Coding("one-hot", low=1.0, classes=3), "loss": SquaredError()}, "not possible"),
        ({"coding": Coding("one-hot", low=float("nan"), classes=3), "loss": SquaredError()}, "not possible"),
    ],
)
def test_what_does_not_fit_together_is_refused(change: dict[str, object], words: str) -> None:
    check_model(SOUND.network, SOUND.meta)
    with pytest.raises(TuinetError) as caught:
        check_model(SOUND.network, msgspec.structs.replace(SOUND.meta, **change))
    assert words in caught.value.message


def test_networks_of_no_and_of_too_many_layers_are_refused() -> None:
    for count in (0, MAX_LAYERS + 1):
        network = Sequential((Relu(),) * count)
        with pytest.raises(TuinetError, match=f"not {count}"):
            check_model(network, SOUND.meta)


def test_the_example_images_fit_the_example_model() -> None:
    assert IMAGES.input_shape == SOUND.meta.input_shape
    assert any(isinstance(layer, Flatten) for layer in SOUND.network.layers)
