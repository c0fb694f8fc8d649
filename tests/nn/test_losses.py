"""Losses: worked numbers from the lecture, the law of the gradient, and what extreme inputs do."""

import msgspec
import numpy as np
import pytest
import tomli_w

from tuinet.nn.context import Arena, Context
from tuinet.nn.losses import (
    BinaryCrossEntropy,
    CrossEntropy,
    Hinge,
    Loss,
    MeanSquaredError,
    Perceptron,
    SquaredError,
    apply_activation,
)

ALL = [
    SquaredError(),
    MeanSquaredError(),
    CrossEntropy(),
    BinaryCrossEntropy(),
    Hinge(),
    Hinge(margin=0.3),
    Perceptron(),
]
CTX = Context()


def case(loss, samples=5, outputs=4, dtype=np.float64):
    rng = np.random.default_rng(3)
    output = rng.normal(size=(samples, outputs)).astype(dtype)
    if loss.targets == "ids":
        return output, rng.integers(0, outputs, samples)
    if isinstance(loss, Perceptron):
        return output, np.where(rng.random((samples, outputs)) < 0.5, -1.0, 1.0).astype(dtype)
    if isinstance(loss, BinaryCrossEntropy):
        return output, rng.integers(0, 2, (samples, outputs)).astype(dtype)
    return output, rng.normal(size=(samples, outputs)).astype(dtype)


# Worked by hand


def test_lecture_squared_error_is_0_70():
    target, output = np.array([[0.0, 0.0, 1.0, 0.0]]), np.array([[0.2, 0.4, 0.3, 0.1]])
    values, gradient = SquaredError().value_and_gradient(output, target, CTX)
    assert values == pytest.approx([0.04 + 0.16 + 0.49 + 0.01], abs=1e-15)
    assert values == pytest.approx([0.70], abs=1e-15)
    np.testing.assert_allclose(gradient, [[0.4, 0.8, -1.4, 0.2]], rtol=1e-15)  # −2 (y − a)
    values, gradient = MeanSquaredError().value_and_gradient(output, target, CTX)
    assert values == pytest.approx([0.175], abs=1e-15)
    np.testing.assert_allclose(gradient, [[0.1, 0.2, -0.35, 0.05]], rtol=1e-15)


def test_softmax_and_cross_entropy_give_a_minus_y():
    a = np.array([[0.2, 0.4, 0.3, 0.1]])
    values, gradient = CrossEntropy().value_and_gradient(np.log(a), np.array([2]), CTX)  # softmax(log a) = a
    np.testing.assert_allclose(gradient, [[0.2, 0.4, 0.3 - 1.0, 0.1]], rtol=1e-14)
    np.testing.assert_allclose(values, [-np.log(0.3)], rtol=1e-14)


def test_a_saturated_wrong_unit_learns_from_cross_entropy_but_hardly_from_squared_error():
    """n = −10 where the target is 1: the chain rule multiplies the squared error's gradient by a (1 − a) ≈ 4.5e-5."""
    n, y = np.array([[-10.0]]), np.array([[1.0]])
    a = 1.0 / (1.0 + np.exp(-n))
    through_squared_error = SquaredError().value_and_gradient(a, y, CTX)[1] * a * (1.0 - a)
    np.testing.assert_allclose(through_squared_error, [[-2.0 * 4.5396e-5]], rtol=1e-3)
    through_cross_entropy = BinaryCrossEntropy().value_and_gradient(n, y, CTX)[1]
    np.testing.assert_allclose(through_cross_entropy, [[-0.99995460]], rtol=1e-7)  # a − y


def test_binary_cross_entropy_by_hand():
    values, gradient = BinaryCrossEntropy().value_and_gradient(
        np.array([[0.0, np.log(3.0)]]), np.array([[1.0, 0.0]]), CTX
    )  # a = ½, ¾
    np.testing.assert_allclose(values, [np.log(2.0) + np.log(4.0)], rtol=1e-14)
    np.testing.assert_allclose(gradient, [[-0.5, 0.75]], rtol=1e-14)


def test_hinge_by_hand():
    values, gradient = Hinge().value_and_gradient(
        np.array([[2.0, 1.5, -3.0, 2.5], [9.0, 0, 0, 0]]), np.array([0, 0]), CTX
    )
    np.testing.assert_array_equal(values, [0.5 + 1.5, 0.0])  # class 2 is more than 1 below: no part in it
    np.testing.assert_array_equal(gradient, [[-2.0, 1.0, 0.0, 1.0], [0, 0, 0, 0]])
    values, _ = Hinge(margin=2.0).value_and_gradient(np.array([[2.0, 1.5, -3.0, 2.5]]), np.array([0]), CTX)
    np.testing.assert_array_equal(values, [1.5 + 2.5])


def test_perceptron_gradient_is_minus_e():
    """e = y − f(n): 0 where the answer is right, ±2 where it is wrong, and a tie answers +1."""
    n = np.array([[0.5], [0.5], [-0.5], [-0.5], [0.0], [0.0], [-0.0]])
    y = np.array([[1.0], [-1.0], [1.0], [-1.0], [1.0], [-1.0], [-1.0]])
    values, gradient = Perceptron().value_and_gradient(n, y, CTX)
    np.testing.assert_array_equal(gradient, [[0], [2], [-2], [0], [0], [2], [2]])  # np.sign would give −1 at the fifth
    np.testing.assert_array_equal(values, [0, 1, 1, 0, 0, 0, 0])


def test_several_perceptron_outputs_are_summed():
    values, gradient = Perceptron().value_and_gradient(np.array([[2.0, -1.0, 3.0]]), np.array([[-1.0, 1.0, 1.0]]), CTX)
    np.testing.assert_array_equal(values, [4.0 + 2.0])
    np.testing.assert_array_equal(gradient, [[2, -2, 0]])


# Laws


def relative_gradient_error(loss, output, target):
    _, gradient = loss.value_and_gradient(output, target, Context())
    numeric = np.empty_like(output)
    for index in np.ndindex(output.shape):
        step = np.zeros_like(output)
        step[index] = 1e-6
        above, below = loss.value(output + step, target), loss.value(output - step, target)
        numeric[index] = (above - below).sum() / 2e-6
    return np.linalg.norm(gradient - numeric) / (np.linalg.norm(gradient) + np.linalg.norm(numeric))


@pytest.mark.parametrize("loss", ALL, ids=repr)
def test_gradient_equals_central_differences(loss):
    assert relative_gradient_error(loss, *case(loss)) <= 1e-6


def test_the_gradient_check_notices_a_wrong_gradient():
    class Broken(CrossEntropy, frozen=True, tag="broken"):
        def value_and_gradient(self, output, target, ctx):
            values, gradient = super().value_and_gradient(output, target, ctx)
            return values, gradient * (1 + 1e-5)

    assert relative_gradient_error(Broken(), *case(Broken())) > 1e-6


@pytest.mark.parametrize("loss", ALL, ids=repr)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_types_shapes_and_inputs_unchanged(loss, dtype):
    output, target = case(loss, dtype=dtype)
    before = output.copy(), target.copy()
    values, gradient = loss.value_and_gradient(output, target, Context(arena=Arena()))
    assert values.shape == (5,) and values.dtype == np.float64
    assert gradient.shape == output.shape and gradient.dtype == dtype
    np.testing.assert_array_equal(output, before[0])
    np.testing.assert_array_equal(target, before[1])
    np.testing.assert_array_equal(loss.value(output, target), values)
    assert not np.shares_memory(gradient, output) and not np.shares_memory(gradient, target)


@pytest.mark.parametrize("loss", ALL, ids=repr)
def test_a_batch_is_its_samples_one_by_one(loss):
    output, target = case(loss)
    values, gradient = loss.value_and_gradient(output, target, CTX)
    for i in range(len(output)):
        value, g = loss.value_and_gradient(output[i : i + 1], target[i : i + 1], CTX)
        np.testing.assert_allclose(value[0], values[i], rtol=1e-12)
        np.testing.assert_allclose(g[0], gradient[i], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("loss", ALL, ids=repr)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_outputs_give_finite_values(loss, dtype):
    output = np.array([[1e4, -1e4, 0.0, 1e4], [-1e4, 1e4, 1e4, -1e4]], dtype)
    targets = (
        [np.array([0, 0]), np.array([1, 3])]
        if loss.targets == "ids"
        else [np.ones((2, 4), dtype), np.zeros((2, 4), dtype), -np.ones((2, 4), dtype)]
    )
    for target in targets:
        values, gradient = loss.value_and_gradient(output, target, CTX)
        assert np.isfinite(values).all() and np.isfinite(gradient).all()
        assert (gradient != 0).any()


def test_a_very_wrong_logit_costs_its_distance():
    assert CrossEntropy().value(np.array([[1e4, -1e4]]), np.array([1])) == pytest.approx([2e4])
    assert BinaryCrossEntropy().value(np.array([[-1e4]]), np.array([[1.0]])) == pytest.approx([1e4])


def test_a_nearly_certain_right_answer_still_has_a_gradient_in_float32():
    """a − 1 would round to 0; e^{−J} − 1 keeps its digits."""
    _, gradient = CrossEntropy().value_and_gradient(np.array([[20.0, 0.0]], np.float32), np.array([0]), CTX)
    assert gradient[0, 1] == pytest.approx(np.exp(-20.0), rel=1e-5)


@pytest.mark.parametrize("loss", ALL, ids=repr)
def test_other_types_of_target_do_not_change_the_type_of_the_gradient(loss):
    output, target = case(loss, dtype=np.float32)
    if loss.targets == "ids":
        others = [target.astype(np.uint8), target.astype(np.int32)]
    else:
        target = np.where(target > 0, 1, -1) if isinstance(loss, Perceptron) else (target > 0).astype(np.int64)
        others = [target.astype(np.int8), target.astype(np.float64)]
    expected = loss.value_and_gradient(output, target.astype(others[0].dtype), CTX)
    for other in others:
        values, gradient = loss.value_and_gradient(output, other, CTX)
        assert gradient.dtype == np.float32
        np.testing.assert_allclose(gradient, expected[1], rtol=1e-6)
        np.testing.assert_allclose(values, expected[0], rtol=1e-6)


@pytest.mark.parametrize("loss", [SquaredError(), MeanSquaredError(), BinaryCrossEntropy(), Perceptron()], ids=repr)
def test_values_of_another_shape_are_refused_not_broadcast(loss):
    with pytest.raises(ValueError, match="do not fit"):
        loss.value(np.zeros((3, 3)), np.zeros(3))


@pytest.mark.parametrize("loss", [CrossEntropy(), Hinge()], ids=repr)
def test_wrong_ids_are_refused(loss):
    with pytest.raises(ValueError, match="do not fit"):
        loss.value(np.zeros((3, 3)), np.zeros((3, 1), int))
    with pytest.raises(IndexError):
        loss.value(np.zeros((3, 3)), np.array([0, 1, 3]))


def test_losses_of_images_sum_over_all_outputs():
    output, target = np.full((2, 3, 4, 1), 2.0), np.ones((2, 3, 4, 1))
    np.testing.assert_array_equal(SquaredError().value(output, target), [12, 12])
    np.testing.assert_array_equal(MeanSquaredError().value(output, target), [1, 1])


# Predicting


def test_activation_when_predicting():
    n = np.array([[0.0, np.log(3.0)], [-0.0, -2.0]])
    np.testing.assert_allclose(apply_activation(CrossEntropy(), n)[0], [0.25, 0.75])
    np.testing.assert_allclose(apply_activation(BinaryCrossEntropy(), n)[0], [0.5, 0.75])
    np.testing.assert_array_equal(apply_activation(Perceptron(), n), [[1, 1], [1, -1]])
    for loss in (SquaredError(), MeanSquaredError(), Hinge()):
        np.testing.assert_array_equal(apply_activation(loss, n), n)
    assert apply_activation(CrossEntropy(), n.astype(np.float32)).dtype == np.float32


# As settings


@pytest.mark.parametrize("loss", ALL, ids=repr)
def test_settings_survive_json_and_toml(loss):
    assert msgspec.json.decode(msgspec.json.encode(loss), type=Loss) == loss
    assert msgspec.toml.decode(tomli_w.dumps(msgspec.to_builtins(loss)), type=Loss) == loss


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "hinge", "margin": 0}, r"> 0.0 - at `\$.margin`"),
        ({"kind": "hinge", "margin": float("nan")}, r"\$.margin"),
        ({"kind": "cross-entropy", "margin": 1}, "unknown field `margin`"),
        ({"kind": "entropy"}, r"Invalid value 'entropy' - at `\$.kind`"),
    ],
)
def test_wrong_settings_are_refused_with_their_path(settings, message):
    with pytest.raises(msgspec.ValidationError, match=message):
        msgspec.convert(settings, Loss)
