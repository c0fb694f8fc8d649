"""Optimizers: the perceptron rule by hand, each definition as plain expressions, and the laws of `update`."""

import msgspec
import numpy as np
import pytest
import tomli_w

from tuinet.nn.context import Context
from tuinet.nn.losses import Perceptron
from tuinet.nn.optimizers import Adam, Momentum, Optimizer, RmsProp, Sgd, new_scratch, new_state
from tuinet.nn.ranges import BLOCK

ALL = [Sgd(rate=0.1), Momentum(rate=0.05), Momentum(rate=0.05, nesterov=True), RmsProp(rate=0.05), Adam(rate=0.1)]


def run(optimizer, vector, gradient_of, steps, slices=None, rate=None):
    """`steps` updates of `vector` in place; returns the state."""
    state, scratch = new_state(optimizer, vector), new_scratch(vector)
    for step in range(1, steps + 1):
        gradient = gradient_of(vector)
        optimizer.update(vector, gradient, state, optimizer.rate if rate is None else rate, step, scratch, slices)
    return state


def perceptron_step(w, b, x, y, rate):
    """One SGD step at batch size 1 on the perceptron criterion, with the flat vector (w, b)."""
    vector = np.append(w, b)
    output = np.array([[vector[:-1] @ x + vector[-1]]])
    _, dn = Perceptron().value_and_gradient(output, np.array([[y]]), Context())
    run(Sgd(rate=rate), vector, lambda _: np.append(dn[0, 0] * x, dn[0, 0]), 1)
    return vector


# Worked by hand


def test_one_perceptron_update_by_hand():
    """w = (1, −0.8), b = 0, x = (1, 2): n = −0.6, f = −1, but y = +1, so e = 2 and w ← w + 0.5·2·x, b ← b + 0.5·2."""
    np.testing.assert_array_equal(perceptron_step([1.0, -0.8], 0.0, np.array([1.0, 2.0]), 1.0, 0.5), [2.0, 1.2, 1.0])


@pytest.mark.parametrize("seed", range(20))
def test_sgd_on_the_perceptron_loss_is_the_perceptron_rule(seed):
    rng = np.random.default_rng(seed)
    w, b, x = rng.normal(size=3), rng.normal(), rng.normal(size=3)
    y = rng.choice([-1.0, 1.0])
    e = y - (1.0 if w @ x + b >= 0 else -1.0)
    np.testing.assert_array_equal(perceptron_step(w, b, x, y, 0.5), np.append(w + 0.5 * e * x, b + 0.5 * e))


def test_a_right_answer_changes_nothing_and_a_tie_counts_as_plus_one():
    x = np.array([1.0, 2.0])
    np.testing.assert_array_equal(perceptron_step([1.0, 1.0], 0.0, x, 1.0, 0.5), [1, 1, 0])
    np.testing.assert_array_equal(perceptron_step([0.0, 0.0], 0.0, x, 1.0, 0.5), [0, 0, 0])
    np.testing.assert_array_equal(perceptron_step([0.0, 0.0], 0.0, x, -1.0, 0.5), [-1, -2, -1])  # e = −2


def test_first_steps_by_hand():
    """θ = 1, g = 2 at every step, α = 0.1."""
    two = lambda _: np.array([2.0])  # noqa: E731
    after = {}
    for name, optimizer in {
        "sgd": Sgd(),
        "momentum": Momentum(momentum=0.5),
        "nesterov": Momentum(momentum=0.5, nesterov=True),
        "rmsprop": RmsProp(decay=0.75),
        "adam": Adam(),
    }.items():
        after[name] = np.array([1.0])
        run(optimizer, after[name], two, 2, rate=0.1)
    assert after["sgd"] == pytest.approx([1 - 0.2 - 0.2])
    assert after["momentum"] == pytest.approx([1 - 0.2 - 0.1 * (1.0 + 2.0)])  # v = 2, 3
    assert after["nesterov"] == pytest.approx([1 - 0.1 * (2 + 1.0) - 0.1 * (2 + 1.5)])
    assert after["rmsprop"] == pytest.approx([1 - 0.1 * 2 / 1.0 - 0.1 * 2 / np.sqrt(1.75)], abs=1e-8)  # q = 1, 1.75
    assert after["adam"] == pytest.approx([1 - 0.1 - 0.1], abs=1e-8)  # both means corrected: g / |g| = 1


# The definitions, written as plain expressions


def textbook(optimizer, theta, gradients):
    v = m = q = np.zeros_like(theta)
    for t, g in enumerate(gradients, 1):
        match optimizer:
            case Sgd(rate):
                theta = theta - rate * g
            case Momentum(rate, momentum, nesterov):
                v = momentum * v + g
                theta = theta - rate * (g + momentum * v if nesterov else v)
            case RmsProp(rate, decay, epsilon):
                q = decay * q + (1 - decay) * g**2
                theta = theta - rate * g / (np.sqrt(q) + epsilon)
            case Adam(rate, beta1, beta2, epsilon):
                m = beta1 * m + (1 - beta1) * g
                q = beta2 * q + (1 - beta2) * g**2
                theta = theta - rate * (m / (1 - beta1**t)) / (np.sqrt(q / (1 - beta2**t)) + epsilon)
    return theta


@pytest.mark.parametrize(
    "optimizer",
    [
        *ALL,
        Adam(rate=0.1, beta1=0.5, beta2=0.9, epsilon=1e-2),
        Adam(beta1=0.0, beta2=0.0),
        RmsProp(decay=0.0, epsilon=0.1),
    ],
    ids=repr,
)
def test_update_equals_the_textbook(optimizer):
    rng = np.random.default_rng(1)
    theta, gradients = rng.normal(size=7), rng.normal(size=(25, 7)) * 10.0 ** rng.integers(-4, 3, (25, 7))
    vector, remaining = theta.copy(), iter(gradients)
    run(optimizer, vector, lambda _: next(remaining), 25)
    np.testing.assert_allclose(vector, textbook(optimizer, theta, gradients), rtol=1e-12, atol=1e-12)


# Laws


@pytest.mark.parametrize("optimizer", ALL, ids=repr)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_optimizer_goes_down_a_quadratic(optimizer, dtype):
    scale = np.array([1.0, 3.0, 0.3], dtype)
    vector = np.array([2.0, -1.0, 3.0], dtype)

    def cost():
        return float((scale * vector**2).sum() / 2)

    before = cost()
    state = run(optimizer, vector, lambda theta: scale * theta, 300)
    assert cost() < 0.01 * before
    assert vector.dtype == dtype and all(each.dtype == dtype for each in state.values())


@pytest.mark.parametrize("optimizer", ALL, ids=repr)
def test_only_the_given_ranges_change(optimizer):
    rng = np.random.default_rng(2)
    vector = rng.normal(size=BLOCK + 50).astype(np.float32)
    before = vector.copy()
    slices = (slice(3, 10), slice(40, BLOCK + 45))
    gradient = rng.normal(size=vector.size).astype(np.float32)
    state = run(optimizer, vector, lambda _: gradient, 3, slices)
    frozen = np.ones(vector.size, bool)
    for part in slices:
        frozen[part] = False
    assert vector[frozen].tobytes() == before[frozen].tobytes()
    assert (vector[~frozen] != before[~frozen]).all()
    assert all((each[frozen] == 0).all() for each in state.values())
    whole = before.copy()
    run(optimizer, whole, lambda _: gradient, 3)
    np.testing.assert_array_equal(whole[~frozen], vector[~frozen])  # and there as if nothing were frozen


@pytest.mark.parametrize("optimizer", ALL, ids=repr)
def test_blocks_do_not_show(optimizer):
    rng = np.random.default_rng(2)
    start, gradient = rng.normal(size=(2, 2 * BLOCK + 17))
    vector = start.copy()
    run(optimizer, vector, lambda _: gradient, 2)
    for part in (slice(0, 1000), slice(BLOCK - 500, BLOCK + 500), slice(2 * BLOCK - 5, None)):
        piece = start[part].copy()
        run(optimizer, piece, lambda _, part=part: gradient[part], 2)
        np.testing.assert_array_equal(vector[part], piece)


@pytest.mark.parametrize("optimizer", ALL, ids=repr)
def test_the_gradient_stays_as_it_is_and_the_rate_given_counts(optimizer):
    gradient = np.array([1.0, -2.0, 0.0])
    vector = np.zeros(3)
    run(optimizer, vector, lambda _: gradient, 1)
    np.testing.assert_array_equal(gradient, [1, -2, 0])
    half = np.zeros(3)
    run(optimizer, half, lambda _: gradient, 1, rate=optimizer.rate / 2)
    np.testing.assert_allclose(half, vector / 2, rtol=1e-12)
    assert vector[2] == 0


def test_state_has_the_named_slots():
    vector = np.ones(4, np.float32)
    for optimizer in ALL:
        assert tuple(new_state(optimizer, vector)) == optimizer.slots


# As settings


@pytest.mark.parametrize("optimizer", [Sgd(), Momentum(nesterov=True), RmsProp(), Adam(beta1=0.8), *ALL], ids=repr)
def test_settings_survive_json_and_toml(optimizer):
    assert msgspec.json.decode(msgspec.json.encode(optimizer), type=Optimizer) == optimizer
    assert msgspec.toml.decode(tomli_w.dumps(msgspec.to_builtins(optimizer)), type=Optimizer) == optimizer


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        ({"kind": "sgd", "rate": 0}, "rate"),
        ({"kind": "sgd", "rate": -1}, "rate"),
        ({"kind": "sgd", "rate": float("nan")}, "rate"),
        ({"kind": "sgd", "rate": float("inf")}, "rate"),
        ({"kind": "sgd", "rate": "fast"}, "rate"),
        ({"kind": "momentum", "momentum": 1}, "momentum"),
        ({"kind": "momentum", "momentum": -0.1}, "momentum"),
        ({"kind": "rmsprop", "decay": 1.0}, "decay"),
        ({"kind": "adam", "beta1": 1.0}, "beta1"),
        ({"kind": "adam", "beta2": 2}, "beta2"),
        ({"kind": "adam", "epsilon": 0}, "epsilon"),
        ({"kind": "adamw"}, "kind"),
    ],
)
def test_wrong_settings_are_refused_with_their_path(settings, path):
    with pytest.raises(msgspec.ValidationError, match=rf"at `\$\.{path}`"):
        msgspec.convert(settings, Optimizer)
    with pytest.raises(msgspec.ValidationError, match="unknown field `momentun`"):
        msgspec.convert({"kind": "momentum", "momentun": 0.9}, Optimizer)
