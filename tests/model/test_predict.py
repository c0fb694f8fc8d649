"""What a model says about inputs: worked numbers, and the shapes it takes and refuses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.model.models import cnn, constant, images, linear, xor
from tuinet.data.coding import Coding
from tuinet.errors import TuinetError
from tuinet.nn.losses import BinaryCrossEntropy, CrossEntropy, Hinge, Perceptron, SquaredError

THREE = Coding("ids", classes=3)


def test_two_layers_with_hand_set_weights_solve_xor() -> None:
    prediction = xor().predict([[0, 0], [0, 1], [1, 0], [1, 1]])
    assert prediction.outputs.tolist() == [[0], [1], [1], [0]]
    assert prediction.labels == ["a", "b", "b", "a"]


def test_softmax_of_1_2_3() -> None:
    prediction = linear(np.eye(3), 0.0, CrossEntropy(), THREE).predict([1.0, 2.0, 3.0])
    assert prediction.outputs.tolist() == [[1, 2, 3]]
    assert prediction.scores == pytest.approx(np.array([[0.09003057, 0.24472847, 0.66524096]]), abs=1e-8)
    assert prediction.ids is not None and prediction.ids.tolist() == [2]
    assert prediction.labels == ["c"]


def test_logits_too_close_for_softmax_are_still_told_apart() -> None:
    outputs = [50.0, 50.0 + 1e-13, -50.0]
    prediction = constant(outputs, CrossEntropy(), THREE).predict([0.0])
    assert prediction.labels == ["b"]
    assert prediction.ranking(3).tolist() == [[1, 0, 2]]


def test_the_middle_of_a_fused_sigmoid_is_logit_0_not_one_half() -> None:
    coding = Coding("binary", classes=4)
    prediction = constant([0.25, -0.25], BinaryCrossEntropy(), coding).predict([0.0])
    assert prediction.scores == pytest.approx(np.array([[0.5621765, 0.4378235]]), abs=1e-7)
    assert prediction.ids is not None and prediction.ids.tolist() == [2]  # the bits 1 0


def test_a_perceptrons_tie_is_plus_one() -> None:
    coding = Coding("binary", low=-1.0, classes=4)
    prediction = constant([0.0, -1e-9], Perceptron(), coding).predict([0.0])
    assert prediction.scores.tolist() == [[1, -1]]
    assert prediction.labels == ["c"]


def test_regression_names_no_classes() -> None:
    prediction = linear([[2.0, 0.0]], [1.0, -1.0], SquaredError(), Coding("values")).predict([[3.0], [0.5]])
    assert prediction.outputs.tolist() == [[7, -1], [2, -1]]
    assert prediction.scores.tolist() == prediction.outputs.tolist()
    assert prediction.ids is None and prediction.labels is None
    with pytest.raises(ValueError, match="no classes"):
        prediction.ranking(1)


def test_ranking_puts_the_likeliest_first() -> None:
    hinge = constant([0.5, 3.0, 0.5], Hinge(), THREE).predict([0.0])
    assert hinge.ranking(5).tolist() == [[1, 0, 2]]
    bits = constant([0.9, 0.2], SquaredError(), Coding("binary", classes=3)).predict([0.0])
    assert bits.labels == ["c"]  # code words 00, 01, 10
    assert bits.ranking(3).tolist() == [[2, 0, 1]]
    tie = constant([0.5], SquaredError(), Coding("binary", classes=2)).predict([0.0])
    assert tie.labels == ["b"]
    assert tie.ranking(2).tolist() == [[1, 0]]
    equal = constant([1.0, 2.0] * 13, Hinge(), Coding("ids", classes=26)).predict([0.0])
    assert equal.ranking(26).tolist() == [[*range(1, 26, 2), *range(0, 26, 2)]]


def test_the_first_of_the_ranking_is_what_was_predicted() -> None:
    coding = Coding("binary", classes=3)
    rng = np.random.default_rng(0)
    model = linear(rng.normal(size=(2, 2)), 0.1, BinaryCrossEntropy(), coding)
    prediction = model.predict(rng.normal(size=(200, 2)) * 5)
    assert prediction.ids is not None
    assert (prediction.ranking(1)[:, 0] == prediction.ids).all()


@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 1), (1, 8, 8), (1, 8, 8, 1)])
def test_a_grey_image_may_come_in_four_shapes(shape: tuple[int, ...]) -> None:
    model, image = cnn(), images(1)
    assert (model.predict(image.reshape(shape)).outputs == model.predict(image).outputs).all()


def test_pixels_are_prepared_as_in_training() -> None:
    model, image = cnn(), images(3)
    assert np.allclose(model.predict(image).outputs, model.predict(image.tolist()).outputs, rtol=1e-13)
    expected = model.network.forward(model.params, image[..., None] / 255.0, _plain())[0]
    assert np.allclose(model.predict(image).outputs, expected, rtol=1e-12, atol=1e-14)


def _plain():
    from tuinet.nn.context import Context

    return Context(plain=True)


@settings(deadline=None, max_examples=30)
@given(batch_size=st.integers(1, 12), count=st.integers(0, 11))
def test_the_batch_size_changes_nothing(batch_size: int, count: int) -> None:
    model, inputs = cnn(), images(11)[:count]
    whole, parts = model.predict(inputs), model.predict(inputs, batch_size)
    assert whole.outputs.shape == (count, 3)
    assert np.allclose(whole.outputs, parts.outputs, rtol=1e-12, atol=1e-14)
    assert whole.labels == parts.labels


def test_what_was_predicted_stays_when_more_is_predicted() -> None:
    model = cnn()
    first = model.predict(images(4))
    kept = first.outputs.copy()
    model.predict(images(4, seed=9))
    assert (first.outputs == kept).all()
    assert first.outputs.base is None


def test_predicting_changes_neither_model_nor_inputs() -> None:
    model, inputs = cnn(), images(4)
    weights, pixels = model.params.vector.copy(), inputs.copy()
    model.predict(inputs)
    assert (model.params.vector == weights).all() and (inputs == pixels).all()


def test_float32_models_give_float32() -> None:
    assert cnn(np.float32).predict(images(2)).outputs.dtype == np.float32


def test_a_batch_size_of_its_own_fits_the_cache() -> None:
    assert cnn().batch_size == 1024
    assert xor().batch_size == 1024


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        (np.zeros((2, 7, 8)), "2×7×8"),
        (np.zeros((2, 8, 8, 3)), "8×8×1 (row × column × channel)"),
        (3.0, "a single number"),
        ([], "0"),
        ([[1, 2], [3]], "same shape"),
        (["a", "b"], "not all numbers"),
        ([None], "not all numbers"),
        (np.zeros((1, 8, 8), complex), "not all numbers"),
        (np.full((2, 8, 8), np.nan), "not a finite number"),
        (np.full((8, 8), -np.inf), "not a finite number"),
    ],
)
def test_inputs_that_do_not_fit(inputs: object, words: str) -> None:
    with pytest.raises(TuinetError) as caught:
        cnn().predict(inputs)
    assert words in caught.value.message


def test_weights_that_overflow_give_values_without_warnings() -> None:
    model = linear([[1e308, -1e308]], [0.0, 0.0], CrossEntropy(), Coding("ids", classes=2))
    assert model.predict([[1e10]]).outputs.tolist() == [[np.inf, -np.inf]]


def test_a_network_whose_values_do_not_fit_in_memory_says_so() -> None:
    from tuinet.data.preparation import Scale
    from tuinet.model.model import Model
    from tuinet.nn.layer import Shape
    from tuinet.nn.layers.conv import Conv2D
    from tuinet.nn.network import Sequential
    from tuinet.nn.params import Params

    network = Sequential((Conv2D(1, 1, padding=3_000_000),))
    meta = cnn().meta
    model = Model(network, Params.zeros(network.param_shapes(Shape.image(8, 8, 1))), meta)
    assert meta.preparation == (Scale(255.0),)
    ran = model.run(iter([images(1)]))
    with pytest.raises(TuinetError, match="does not fit in memory"):
        next(ran)
