"""Generated sets: exact geometry without noise, the same points for the same seed, and whether a line divides them."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from tuinet.data.generated import And, Blobs, Circles, Generated, Moons, Regions, Sine, Spirals, Xor

HERE = Path()
PLANAR: list[type[Generated]] = [Xor, And, Blobs, Regions, Moons, Circles, Spirals]


def points(source, seed=0):
    return source.load(HERE, seed).splits["train"].take(slice(None))


def mistakes(x, signs, epochs=1000):
    """How many mistakes the perceptron rule makes in its last epoch: 0 only if a line divides the points."""
    x = np.column_stack([x, np.ones(len(x))])
    weight = np.zeros(3)
    wrong = 0
    for _ in range(epochs):
        wrong = 0
        for row, sign in zip(x, signs, strict=True):
            if sign * (row @ weight) <= 0:
                weight += sign * row
                wrong += 1
        if not wrong:
            break
    return wrong


def test_and_and_xor_are_their_truth_tables():
    corners = [[0, 0], [0, 1], [1, 0], [1, 1]]
    x, y = points(And())
    assert x.tolist() == corners and y.tolist() == [0, 0, 0, 1]
    x, y = points(Xor(size=6))
    assert x.tolist() == corners + corners[:2] and y.tolist() == [0, 1, 1, 0, 0, 1]


def test_a_line_divides_and_but_not_xor():
    for source, separable in ((And(), True), (Xor(), False)):
        x, y = points(source)
        assert (mistakes(x, 2 * y - 1) == 0) is separable


def test_blobs_stand_around_the_circle():
    x, y = points(Blobs(size=8, noise=0.0, classes=4, radius=np.sqrt(2)))
    assert np.allclose(x[:4], [[1, 1], [-1, 1], [-1, -1], [1, -1]], atol=1e-15) and y.tolist() == [0, 1, 2, 3] * 2


@pytest.mark.parametrize("seed", range(5))
def test_two_blobs_can_be_divided_by_a_line(seed):
    x, y = points(Blobs(), seed)
    assert mistakes(x, 2 * y - 1) == 0


def test_blobs_have_the_deviation_asked_for():
    x, y = points(Blobs(size=20_000, noise=0.3))
    for label in (0, 1):
        centre = x[y == label].mean(axis=0)
        assert np.abs(np.abs(centre) - 3 / np.sqrt(2)).max() < 0.02
        assert np.abs(x[y == label].std(axis=0) - 0.3).max() < 0.01


@pytest.mark.parametrize("seed", range(3))
def test_regions_are_the_binary_code_of_two_lines(seed):
    """0.8 x₁ + 0.6 x₂ − 0.1 ≥ 0 is the first bit, −0.6 x₁ + 0.8 x₂ + 0.15 ≥ 0 the second."""
    x, y = points(Regions(size=400, margin=0.1), seed)
    first, second = 0.8 * x[:, 0] + 0.6 * x[:, 1] - 0.1, -0.6 * x[:, 0] + 0.8 * x[:, 1] + 0.15
    assert y.tolist() == (2 * (first >= 0) + (second >= 0)).tolist()
    assert min(np.abs(first).min(), np.abs(second).min()) >= 0.1 and np.abs(x).max() <= 1
    assert np.bincount(y).tolist() == [100] * 4
    for bit in (y >> 1, y & 1):
        assert mistakes(x, 2 * bit - 1) == 0


def test_moons_lie_on_half_circles():
    x, y = points(Moons(size=10, noise=0.0))
    first, second = x[y == 0], x[y == 1]
    assert np.allclose(first[[0, 2, 4]], [[1, 0], [0, 1], [-1, 0]], atol=1e-15)
    assert np.allclose(second[[0, 2, 4]], [[0, 0.5], [1, -0.5], [2, 0.5]], atol=1e-15)
    assert np.allclose(np.hypot(*first.T), 1) and np.allclose(np.hypot(*(second - [1, 0.5]).T), 1)


def test_circles_are_even_and_do_not_meet_themselves():
    x, y = points(Circles(size=8, noise=0.0, factor=0.25))
    assert np.allclose(x[y == 0], [[1, 0], [0, 1], [-1, 0], [0, -1]], atol=1e-15)
    assert np.allclose(x[y == 1], x[y == 0] / 4)


def test_spirals_wind_at_the_rate_asked_for():
    x, y = points(Spirals(size=300, noise=0.0, arms=3, turns=2.0))
    radius = np.hypot(*x.T)
    assert radius.min() == pytest.approx(0.05) and radius.max() == pytest.approx(1.0)
    turned = np.arctan2(x[:, 1], x[:, 0]) / (2 * np.pi) - 2.0 * radius - y / 3
    assert np.allclose(turned, np.round(turned), atol=1e-9)


def test_sine_is_the_sine():
    data = Sine(size=5, periods=2.0).load(HERE, 0)
    x, y = data.splits["train"].take(slice(None))
    assert np.allclose(x[:, 0], [-2 * np.pi, -np.pi, 0, np.pi, 2 * np.pi]) and np.array_equal(y, np.sin(x))
    assert data.task == "regression" and data.target_names == ("sin x",) and x.shape == y.shape == (5, 1)
    noisy = Sine(size=10_000, noise=0.2).load(HERE, 0).splits["train"]
    assert np.std(noisy.targets - np.sin(noisy.inputs)) == pytest.approx(0.2, rel=0.05)


@pytest.mark.parametrize("kind", [*PLANAR, Sine])
def test_the_seed_decides_and_the_sources_own_seed_before_it(kind):
    def values(source, seed):
        split = source.load(HERE, seed).splits["train"]
        return np.column_stack([split.inputs, split.targets])

    noisy = kind(noise=0.1)
    assert np.array_equal(values(noisy, 3), values(noisy, 3))
    assert not np.array_equal(values(noisy, 3), values(noisy, 4))
    own = kind(noise=0.1, seed=3)
    assert np.array_equal(values(own, 4), values(noisy, 3))


@pytest.mark.parametrize("kind", [*PLANAR, Sine])
@pytest.mark.parametrize("size", [1, 7, 50])
def test_description_and_data_agree_for_every_size(kind, size):
    source = kind(size=size)
    data = source.load(HERE, 0)
    assert data.info == source.describe(HERE) and len(data.splits["train"]) == size
    assert np.isfinite(data.splits["train"].inputs).all()
    if kind is not Sine:
        counts = np.bincount(data.splits["train"].targets, minlength=len(data.labels))
        assert kind in (Xor, And) or counts.max() - counts.min() <= 1


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (Blobs, {"size": 0}),
        (Blobs, {"size": 2_000_000_000}),
        (Blobs, {"noise": -1.0}),
        (Blobs, {"noise": float("inf")}),
        (Blobs, {"classes": 1}),
        (Regions, {"margin": 0.9}),
        (Circles, {"factor": 1.0}),
        (Spirals, {"arms": 0}),
        (Sine, {"periods": 0.0}),
        (Moons, {"noises": 0.1}),
        (Moons, {"seed": -1}),
    ],
)
def test_settings_out_of_range_do_not_decode(kind, wrong):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"kind": kind.__struct_config__.tag, **wrong}, kind)
