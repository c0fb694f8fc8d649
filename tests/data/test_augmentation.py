"""Augmentation: exact cases by slicing, turning and mirroring; the moments of chance."""

import msgspec
import numpy as np
import pytest

from tuinet.data.augmentation import (
    Augmentation,
    Flip,
    Noise,
    Rotate,
    Shift,
    Zoom,
    affine,
    augment,
    check_augmentation,
    flip,
    shift,
    warnings,
)
from tuinet.data.dataset import DatasetInfo
from tuinet.nn.layer import Shape, ShapeError


def images(shape=(6, 5, 5, 1), dtype=np.float32):
    return np.random.default_rng(0).random(shape).astype(dtype)


def turned(x, degrees=0.0, factor=1.0, moved=(0, 0)):
    n = len(x)
    return affine(x, np.tile(moved, (n, 1)), np.full(n, degrees), np.full(n, factor))


@pytest.mark.parametrize(("down", "right"), [(0, 0), (1, 2), (-2, 1), (3, -4), (5, 0), (-9, 9)])
def test_shift_is_slicing(down, right):
    x = images()
    y = shift(x, np.tile((down, right), (6, 1)))
    padded = np.pad(x, ((0, 0), (9, 9), (9, 9), (0, 0)))
    assert np.array_equal(y, padded[:, 9 - down : 14 - down, 9 - right : 14 - right])
    assert np.array_equal(turned(x, moved=(down, right)), y)


@pytest.mark.parametrize("size", [5, 6])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("turns", [-1, 0, 1, 2, 3])
def test_quarter_turns_are_rot90(size, channels, turns):
    x = images((4, size, size, channels))
    assert np.array_equal(turned(x, 90.0 * turns), np.rot90(x, turns, axes=(1, 2)))


def test_half_a_turn_of_an_image_that_is_not_square():
    x = images((3, 4, 7, 2))
    assert np.array_equal(turned(x, 180.0), x[:, ::-1, ::-1])


def test_positions_between_pixels_are_read_in_proportion():
    # Twice as large about the centre of 3 pixels: output −1, 0, 1 reads −1/2, 0, 1/2.
    x = np.array([0.0, 4.0, 8.0]).reshape(1, 1, 3, 1)
    assert turned(x, factor=2.0).ravel().tolist() == [2.0, 4.0, 6.0]
    # Half as large: reads −2, 0, 2, and outside is 0.
    assert turned(x, factor=0.5).ravel().tolist() == [0.0, 4.0, 0.0]


def test_zooming_shrinks_towards_the_centre():
    x = np.zeros((1, 9, 9, 1))
    x[0, 4, 8] = 1
    y = turned(x, factor=0.5)
    assert y[0, 4, 6, 0] == 1 and y.sum() == 1


def test_a_turn_there_and_back_keeps_a_smooth_image():
    row = np.arange(21) - 10.0
    x = np.exp(-(row[:, None] ** 2 + (row - 2) ** 2) / 18)[None, :, :, None]
    assert np.abs(turned(turned(x, 30.0), -30.0) - x).max() < 0.06
    assert np.abs(turned(x, 30.0) - x).max() > 0.1


def test_samples_are_turned_each_by_its_own_angle():
    x = images((2, 5, 5, 1))
    y = affine(x, np.array([[0, 0], [0, 1]]), np.array([90.0, 0.0]), np.ones(2))
    assert np.array_equal(y[0], np.rot90(x[0]))
    assert np.array_equal(y[1, :, 1:], x[1, :, :-1])


@pytest.mark.parametrize("axis", [1, 2])
def test_flip_mirrors_the_chosen(axis):
    x = images()
    y = flip(x, axis, np.array([True, False] * 3))
    assert np.array_equal(y[1::2], x[1::2])
    assert np.array_equal(y[::2], np.flip(x[::2], axis))


def test_flips_happen_in_half_of_the_samples():
    x = np.tile(np.array([[1.0, 2.0], [3.0, 4.0]]).reshape(1, 2, 2, 1), (4000, 1, 1, 1))
    y = augment([Flip(horizontal=True, vertical=True)], x, np.random.default_rng(1))
    counts = [(y[:, 0, 0, 0] == value).mean() for value in (1, 2, 3, 4)]
    assert np.allclose(counts, 0.25, atol=0.03)
    only = augment([Flip()], x, np.random.default_rng(1))
    assert set(only[:, 0, 0, 0]) == {1.0, 2.0}


def test_shifts_are_uniform_within_their_bound():
    x = np.zeros((9000, 5, 5, 1))
    x[:, 2, 2] = 1
    y = augment([Shift(1)], x, np.random.default_rng(2))
    assert np.allclose(y.mean(axis=0)[1:4, 1:4, 0], 1 / 9, atol=0.015)
    assert y.sum() == 9000


def test_noise_has_the_deviation_asked_for_and_no_mean():
    x = np.full((100, 10, 10, 1), 3.0, np.float32)
    drawn = augment([Noise(0.5)], x, np.random.default_rng(3)) - x
    assert abs(drawn.mean()) < 0.02 and abs(drawn.std() - 0.5) < 0.02
    vectors = augment([Noise(0.5)], np.zeros((4, 3), np.float32), np.random.default_rng(3))
    assert vectors.shape == (4, 3) and vectors.all()


ALL = [Shift(2), Rotate(20.0), Zoom(1.2), Flip(), Noise(0.1)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "steps", [[step] for step in ALL] + [ALL], ids=lambda steps: "-".join(type(s).__name__ for s in steps)
)
def test_dtype_and_shape_stay_the_input_stays_and_the_seed_decides(steps, dtype):
    x = images((8, 7, 9, 3), dtype)
    before = x.copy()
    y = augment(steps, x, np.random.default_rng(5))
    assert y.dtype == dtype and y.shape == x.shape and np.isfinite(y).all()
    assert np.array_equal(x, before) and not np.array_equal(y, x)
    assert np.array_equal(augment(steps, x, np.random.default_rng(5)), y)
    assert not np.array_equal(augment(steps, x, np.random.default_rng(6)), y)


def test_shift_rotation_and_scale_are_one_resampling():
    x = images((8, 9, 9, 1), np.float64)
    rng = np.random.default_rng(7)
    moved = rng.integers(-2, 2, (8, 2), endpoint=True)
    degrees = rng.uniform(-20, 20, 8)
    factors = 1.2 ** rng.uniform(-1, 1, 8)
    y = augment([Shift(2), Rotate(20.0), Zoom(1.2)], x, np.random.default_rng(7))
    assert np.array_equal(y, affine(x, moved, degrees, factors))


def test_nothing_to_do_changes_nothing():
    x = images()
    assert augment([], x, np.random.default_rng(0)) is x
    still = [Shift(0), Rotate(0.0), Zoom(1.0), Flip(horizontal=False), Noise(0.0)]
    assert np.array_equal(augment(still, x, np.random.default_rng(0)), x)


def test_digits_and_letters_are_warned_of():
    digits = DatasetInfo("d", "classification", Shape.image(8, 8, 1), letters_or_digits=True)
    photos = DatasetInfo("p", "classification", Shape.image(8, 8, 3))
    harsh = [Rotate(180.0), Flip(horizontal=True, vertical=True)]
    found = warnings(harsh, digits)
    assert len(found) == 3 and "6" in found[0] and "9" in found[0] and "b is a d" in found[1] and "b is a p" in found[2]
    assert warnings([Rotate(30.0), Shift(2), Zoom(1.1), Noise(0.1), Flip(horizontal=False)], digits) == []
    assert warnings([Rotate(31.0)], digits) and warnings(harsh, photos) == []


def test_only_noise_works_on_vectors():
    check_augmentation([Noise(0.1)], Shape.vector(4))
    check_augmentation(ALL, Shape.image(8, 8, 1))
    with pytest.raises(ShapeError, match="shift needs images") as caught:
        check_augmentation([Noise(0.1), Shift(1)], Shape.vector(4))
    assert caught.value.field == "[1]"


def test_settings_survive_json_and_wrong_ones_are_refused():
    text = msgspec.json.encode(ALL)
    assert msgspec.json.decode(text, type=list[Augmentation]) == ALL
    for wrong in (
        {"kind": "shift", "pixels": -1},
        {"kind": "scale", "factor": 0.5},
        {"kind": "rotate", "degrees": 200},
    ):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(wrong, Augmentation)
