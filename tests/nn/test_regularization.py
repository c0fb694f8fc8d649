"""L1, L2, weight decay, weight noise, clipping: worked numbers, with and without biases, and frozen parts."""

import math

import msgspec
import numpy as np
import pytest
import tomli_w

from tuinet.nn.optimizers import Adam, Sgd, new_scratch, new_state
from tuinet.nn.params import Params, ParamSpec
from tuinet.nn.ranges import BLOCK, blocks, intersection, ranges
from tuinet.nn.regularization import (
    Regularization,
    add_penalty_gradient,
    clip,
    decay,
    gradient_norm,
    noisy,
    penalty,
)

WEIGHTS, BIAS, LAST = [1.0, -2.0, 0.0, 3.0], [4.0, -0.5], [0.5, -0.25]


def params(dtype=np.float64):
    """dense1: weight (2, 2) and bias (2,); dense2: weight (2, 1)."""
    specs = {
        "dense1/weight": ParamSpec((2, 2), "weight", 2, 2),
        "dense1/bias": ParamSpec((2,), "bias", 2, 2),
        "dense2/weight": ParamSpec((2, 1), "weight", 2, 1),
    }
    return Params(specs, np.array([*WEIGHTS, *BIAS, *LAST], dtype))


def zeros():
    return params().like(np.zeros(8))


# Ranges


def test_ranges_merge_neighbours_and_leave_frozen_layers_out():
    p = params()
    assert ranges(p) == (slice(0, 8),)
    assert ranges(p, frozen=["dense1"]) == (slice(6, 8),)
    assert ranges(p, frozen=["dense2"]) == (slice(0, 6),)
    assert ranges(p, role="weight") == (slice(0, 4), slice(6, 8))
    assert ranges(p, role="bias") == (slice(4, 6),)
    assert ranges(p, frozen=["dense1", "dense2"]) == ()
    assert ranges(p, frozen=["dense"]) == (slice(0, 8),)  # a name, not the beginning of one


@pytest.mark.parametrize("seed", range(30))
def test_intersection_and_blocks_agree_with_sets(seed):
    rng = np.random.default_rng(seed)

    def some():
        edges = sorted(rng.choice(60, 2 * rng.integers(0, 6), replace=False).tolist())
        return tuple(slice(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True))

    def members(slices):
        return {i for part in slices for i in range(part.start, part.stop)}

    first, second = some(), some()
    assert members(intersection(first, second)) == members(first) & members(second)
    assert members(blocks(60, first)) == members(first)


def test_blocks_are_bounded():
    pieces = list(blocks(2 * BLOCK + 3))
    assert [piece.stop - piece.start for piece in pieces] == [BLOCK, BLOCK, 3]
    assert list(blocks(0)) == [] and list(blocks(5, ())) == []


# L1 and L2


def test_penalties_by_hand():
    p = params()
    assert penalty(Regularization(l1=0.1), p) == pytest.approx(0.1 * (6.0 + 0.75))
    assert penalty(Regularization(l2=0.1), p) == pytest.approx(0.05 * (14.0 + 0.3125))
    assert penalty(Regularization(l1=0.1, biases=True), p) == pytest.approx(0.1 * (6.75 + 4.5))
    assert penalty(Regularization(l2=0.1, biases=True), p) == pytest.approx(0.05 * (14.3125 + 16.25))
    assert penalty(Regularization(l1=1.0, l2=2.0), p) == pytest.approx(6.75 + 14.3125)
    assert penalty(Regularization(l1=0.1), p, ranges(p, ["dense1"])) == pytest.approx(0.075)
    assert penalty(Regularization(), p) == 0.0


def test_penalty_gradients_by_hand():
    p, grads = params(), zeros()
    grads.vector[:] = 1.0
    add_penalty_gradient(Regularization(l1=0.1), p, grads)
    np.testing.assert_allclose(grads.vector, [1.1, 0.9, 1.0, 1.1, 1, 1, 1.1, 0.9])  # sign(0) = 0; biases left alone
    grads.vector[:] = 1.0
    add_penalty_gradient(Regularization(l2=0.1), p, grads)
    np.testing.assert_allclose(grads.vector, [1.1, 0.8, 1.0, 1.3, 1, 1, 1.05, 0.975])
    grads.vector[:] = 0.0
    add_penalty_gradient(Regularization(l1=1.0, l2=1.0, biases=True), p, grads)
    np.testing.assert_allclose(grads.vector, [2, -3, 0, 4, 5, -1.5, 1.5, -1.25])


@pytest.mark.parametrize("biases", [False, True])
def test_the_penalty_gradient_is_the_gradient_of_the_penalty(biases):
    reg, p, grads = Regularization(l1=0.3, l2=0.7, biases=biases), params(), zeros()
    p.vector[2] = 0.4  # away from the kink at 0
    add_penalty_gradient(reg, p, grads)
    for i in range(8):
        above, below = params(), params()
        above.vector[:] = below.vector[:] = p.vector
        above.vector[i] += 1e-6
        below.vector[i] -= 1e-6
        assert grads.vector[i] == pytest.approx((penalty(reg, above) - penalty(reg, below)) / 2e-6, abs=1e-8)


# Weight decay


def test_weight_decay_by_hand():
    """W ← (1 − ηα) W − α·gradient with η = 0.1, α = 0.5: the factor is 0.95."""
    p = params()
    decay(Regularization(weight_decay=0.1), p, 0.5)
    gradient = np.full(8, 2.0)
    Sgd().update(p.vector, gradient, {}, 0.5, 1, new_scratch(p.vector))
    np.testing.assert_allclose(p["dense1/weight"].ravel(), np.array(WEIGHTS) * 0.95 - 1.0, rtol=1e-15)
    np.testing.assert_allclose(p["dense1/bias"], np.array(BIAS) - 1.0, rtol=1e-15)
    decay(Regularization(weight_decay=0.1, biases=True), p, 0.5)
    np.testing.assert_allclose(p["dense1/bias"], (np.array(BIAS) - 1.0) * 0.95, rtol=1e-15)


def train(reg, optimizer, steps=20, rate=0.1):
    p, grads = params(), zeros()
    state, scratch = new_state(optimizer, p.vector), new_scratch(p.vector)
    rng = np.random.default_rng(5)
    for step in range(1, steps + 1):
        grads.vector[:] = rng.normal(size=8)
        add_penalty_gradient(reg, p, grads, scratch=scratch)
        decay(reg, p, rate)
        optimizer.update(p.vector, grads.vector, state, rate, step, scratch)
    return p.vector


@pytest.mark.parametrize("biases", [False, True])
def test_under_plain_gradient_descent_l2_equals_weight_decay(biases):
    l2 = train(Regularization(l2=0.2, biases=biases), Sgd())
    decayed = train(Regularization(weight_decay=0.2, biases=biases), Sgd())
    np.testing.assert_allclose(l2, decayed, rtol=1e-12)
    assert not np.allclose(l2, train(Regularization(), Sgd()))
    assert not np.allclose(
        train(Regularization(l2=0.2), Adam()), train(Regularization(weight_decay=0.2), Adam()), rtol=1e-3
    )


def test_a_huge_decay_does_not_turn_the_signs():
    p = params()
    decay(Regularization(weight_decay=30.0), p, 0.1)
    np.testing.assert_array_equal(p.vector, [0, 0, 0, 0, *BIAS, 0, 0])


# Noise


def test_noise_has_its_deviation_and_leaves_the_parameters():
    specs = {"a/weight": ParamSpec((300, 100), "weight", 1, 1), "a/bias": ParamSpec((100,), "bias", 1, 1)}
    for dtype in (np.float32, np.float64):
        p = Params.zeros(specs, dtype)
        p.vector[:] = 2.0
        out = p.like(np.empty_like(p.vector))
        noisy(Regularization(weight_noise=0.25), p, out, np.random.default_rng(0))
        assert (p.vector == 2.0).all() and out.vector.dtype == dtype
        assert out["a/weight"].mean() == pytest.approx(2.0, abs=0.01)
        assert out["a/weight"].std() == pytest.approx(0.25, rel=0.02)
        assert (out["a/bias"] == 2.0).all()
        again = p.like(np.empty_like(p.vector))
        noisy(Regularization(weight_noise=0.25), p, again, np.random.default_rng(0))
        np.testing.assert_array_equal(out.vector, again.vector)
        noisy(Regularization(weight_noise=0.25, biases=True), p, out, np.random.default_rng(0))
        assert (out["a/bias"] != 2.0).all()
        noisy(Regularization(), p, out, np.random.default_rng(0))
        assert (out.vector == 2.0).all()


# Clipping


def test_clipping_by_hand():
    """(3, 4) has length 5: clipped to 1 it is (0.6, 0.8), clipped to 6 it stays."""
    grads = zeros()
    grads.vector[:2] = [3.0, 4.0]
    assert clip(Regularization(clip_norm=6.0), grads) == 5.0
    np.testing.assert_array_equal(grads.vector[:2], [3, 4])
    assert clip(Regularization(clip_norm=5.0), grads) == 5.0
    np.testing.assert_array_equal(grads.vector[:2], [3, 4])
    assert clip(Regularization(clip_norm=1.0), grads) == 5.0
    np.testing.assert_allclose(grads.vector[:2], [0.6, 0.8], rtol=1e-15)
    assert clip(Regularization(), grads) is None


def test_clipping_counts_only_what_may_move():
    grads = zeros()
    grads.vector[:] = [3, 1e9, 1e9, 1e9, 1e9, 1e9, 0, 4]
    assert clip(Regularization(clip_norm=1.0), grads, (slice(0, 1), slice(6, 8))) == 5.0
    np.testing.assert_allclose(grads.vector, [0.6, 1e9, 1e9, 1e9, 1e9, 1e9, 0, 0.8])


def test_gradients_whose_squares_overflow_are_clipped_and_broken_ones_left_to_be_noticed():
    grads = params(np.float32)
    grads.vector[:] = [3e30, 4e30, 0, 0, 0, 0, 0, 0]
    assert clip(Regularization(clip_norm=1.0), grads) == pytest.approx(5e30)
    np.testing.assert_allclose(grads.vector[:2], [0.6, 0.8], rtol=1e-6)
    grads.vector[:] = 1.0
    grads.vector[3] = np.inf
    assert clip(Regularization(clip_norm=1.0), grads) == math.inf
    assert grads.vector[0] == 1.0
    grads.vector[3] = np.nan
    assert math.isnan(gradient_norm(grads))
    clip(Regularization(clip_norm=1.0), grads)
    assert grads.vector[0] == 1.0


# Frozen layers


def test_frozen_layers_stay_bit_identical():
    reg = Regularization(l1=0.1, l2=0.1, weight_decay=0.1, biases=True, weight_noise=0.1, clip_norm=0.01)
    p = params(np.float32)
    grads, out = p.like(np.full(8, 7.0, np.float32)), p.like(np.empty(8, np.float32))
    slices = ranges(p, frozen=["dense1"])
    add_penalty_gradient(reg, p, grads, slices)
    clip(reg, grads, slices)
    decay(reg, p, 0.1, slices)
    noisy(reg, p, out, np.random.default_rng(0), slices)
    assert (grads.vector[:6] == 7.0).all() and (grads.vector[6:] != 7.0).all()
    assert p.vector[:6].tobytes() == params(np.float32).vector[:6].tobytes() == out.vector[:6].tobytes()
    assert (p.vector[6:] != params(np.float32).vector[6:]).all()
    assert p.vector.dtype == grads.vector.dtype == np.float32


def test_off_means_nothing_happens():
    p, grads = params(), zeros()
    add_penalty_gradient(Regularization(), p, grads)
    decay(Regularization(), p, 1.0)
    assert (grads.vector == 0).all()
    assert p.vector.tobytes() == params().vector.tobytes()


# As settings


@pytest.mark.parametrize(
    "reg", [Regularization(), Regularization(l1=0.1, l2=0.2, weight_decay=1e-4, biases=True, clip_norm=5.0)]
)
def test_settings_survive_json_and_toml(reg):
    assert msgspec.json.decode(msgspec.json.encode(reg), type=Regularization) == reg
    assert msgspec.toml.decode(tomli_w.dumps(msgspec.to_builtins(reg)), type=Regularization) == reg


@pytest.mark.parametrize("field", ["l1", "l2", "weight_decay", "weight_noise", "clip_norm"])
def test_wrong_settings_are_refused_with_their_path(field):
    for wrong in (-0.1, float("nan"), float("inf"), "much"):
        with pytest.raises(msgspec.ValidationError, match=rf"at `\$\.{field}`"):
            msgspec.convert({field: wrong}, Regularization)
    with pytest.raises(msgspec.ValidationError, match=r"\$\.clip_norm"):
        msgspec.convert({"clip_norm": 0}, Regularization)
