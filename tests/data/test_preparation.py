"""Preparation: worked numbers, and the laws mean 0, deviation 1."""

import dataclasses
import math
import tracemalloc

import msgspec
import numpy as np
import pytest

from tuinet.data import preparation
from tuinet.data.dataset import Split
from tuinet.data.preparation import (
    Downsample,
    Preparation,
    Scale,
    Standardize,
    fit_preparation,
    prepare,
    prepared_shape,
)
from tuinet.errors import TuinetError
from tuinet.nn.layer import Shape, ShapeError
from tuinet.nn.sequence import Ragged

GREY = Shape.image(4, 4, 1)
COLOUR = Shape.image(2, 4, 3)


def split_of(inputs):
    return Split(inputs, np.zeros(len(inputs), np.int64))


def test_images_without_a_scale_get_an_explicit_one_from_their_maximum():
    split = split_of(np.arange(32, dtype=np.uint8).reshape(2, 4, 4))
    assert fit_preparation((), split, GREY, 255.0) == (Scale(255.0),)
    assert fit_preparation((Downsample(2),), split, GREY, 16.0) == (Scale(16.0), Downsample(2))
    assert fit_preparation((Scale(),), split, GREY, 16.0) == (Scale(16.0),)
    assert fit_preparation((Downsample(2), Scale()), split, GREY, 16.0) == (Downsample(2), Scale(16.0))


def test_nothing_is_added_where_the_values_are_already_in_their_range():
    split = split_of(np.ones((3, 2)))
    assert fit_preparation((), split, Shape.vector(2)) == ()


def test_scale_without_a_maximum_takes_the_largest_absolute_training_value():
    split = Split(np.array([[1.0, -8.0], [99.0, 2.0]]), np.zeros(2), np.array([0]))
    assert fit_preparation((Scale(),), split, Shape.vector(2)) == (Scale(8.0),)
    assert fit_preparation((Scale(),), split_of(np.zeros((2, 2))), Shape.vector(2)) == (Scale(1.0),)


def test_scale_after_standardize_no_longer_knows_the_maximum():
    split = split_of(np.array([[0.0], [0.0], [0.0], [4.0]]))  # standardised: −1/√3 three times, √3
    steps = fit_preparation((Standardize(), Scale()), split, Shape.vector(1), 255.0)
    assert isinstance(steps[1], Scale) and steps[1].divisor == pytest.approx(math.sqrt(3))
    assert prepare(steps, np.array([[4.0]]), Shape.vector(1)).item() == pytest.approx(1)


def test_every_byte_becomes_the_float_nearest_to_its_255th():
    raw = np.arange(256, dtype=np.uint8).reshape(16, 4, 4)
    x = prepare((Scale(255.0),), raw, GREY)
    assert x.shape == (16, 4, 4, 1) and x.dtype == np.float32
    expected = np.array([np.float32(value / 255) for value in range(256)])
    assert np.array_equal(x.ravel(), expected)
    assert raw.max() == 255


def test_standardize_by_hand():
    # mean of 1, 3 is 2, deviation 1; of 10, 50 it is 30 and 20
    split = split_of(np.array([[1.0, 10.0], [3.0, 50.0]]))
    (step,) = fit_preparation((Standardize(),), split, Shape.vector(2))
    assert step == Standardize("feature", (2.0, 30.0), (1.0, 20.0))
    assert prepare((step,), np.array([[4.0, 0.0]]), Shape.vector(2)).tolist() == [[2.0, -1.5]]


@pytest.mark.parametrize(("per", "axes", "count"), [("feature", 0, 24), ("channel", (0, 1, 2), 3), ("all", None, 1)])
def test_standardized_training_data_has_mean_0_and_deviation_1(per, axes, count):
    images = np.random.default_rng(0).integers(0, 256, (50, 2, 4, 3), dtype=np.uint8)
    steps = fit_preparation((Standardize(per),), split_of(images), COLOUR, 255.0)
    assert isinstance(steps[0], Standardize)
    assert len(steps) == 1 and len(steps[0].mean or ()) == count
    x = prepare(steps, images, COLOUR, np.float64)
    assert np.allclose(x.mean(axis=axes), 0, atol=1e-12)
    assert np.allclose(x.std(axis=axes), 1, atol=1e-12)


def test_standardize_streams_over_blocks(monkeypatch):
    inputs = np.random.default_rng(1).normal(5, 2, (1000, 3))
    whole = fit_preparation((Standardize(),), split_of(inputs), Shape.vector(3))[0]
    monkeypatch.setattr("tuinet.data.preparation.BLOCK_VALUES", 21)
    parts = fit_preparation((Standardize(),), split_of(inputs), Shape.vector(3))[0]
    assert isinstance(parts, Standardize) and isinstance(whole, Standardize)
    assert np.allclose(parts.mean or (), inputs.mean(axis=0), rtol=1e-13)
    assert np.allclose(parts.deviation or (), whole.deviation or (), rtol=1e-13)


def test_a_constant_feature_becomes_zero_whatever_its_value():
    inputs = np.full((1000, 1), 0.1)
    steps = fit_preparation((Standardize(),), split_of(inputs), Shape.vector(1))
    assert steps == (Standardize("feature", (0.1,), (1.0,)),)
    assert not prepare(steps, inputs, Shape.vector(1)).any()


def test_large_values_with_small_differences_keep_them():
    inputs = 1e9 + np.arange(10.0)[:, None]  # float32 holds 1e9 to the nearest 64 only
    steps = fit_preparation((Standardize(),), split_of(inputs), Shape.vector(1))
    x = prepare(steps, inputs, Shape.vector(1))
    assert np.allclose(x[:, 0], (np.arange(10) - 4.5) / math.sqrt(8.25), atol=1e-6)


def test_downsample_takes_the_mean_of_each_block():
    raw = np.arange(16, dtype=np.uint8).reshape(1, 4, 4)
    x = prepare((Downsample(2),), raw, GREY)
    # (0 + 1 + 4 + 5) / 4 = 2.5 …
    assert x[0, :, :, 0].tolist() == [[2.5, 4.5], [10.5, 12.5]]
    assert prepared_shape((Downsample(2),), GREY) == Shape.image(2, 2, 1)
    bright = np.full((1, 4, 4), 255, np.uint8)
    assert (prepare((Downsample(4),), bright, GREY) == 255).all()


def test_downsample_keeps_colours_apart():
    x = np.random.default_rng(2).random((3, 6, 9, 3))
    shape = Shape.image(6, 9, 3)
    expected = x.reshape(3, 2, 3, 3, 3, 3).mean(axis=(2, 4))
    assert np.allclose(prepare((Downsample(3),), x, shape, np.float64), expected, rtol=1e-14)


def test_steps_act_one_after_another_and_out_is_written():
    images = np.random.default_rng(3).integers(0, 256, (5, 4, 4), dtype=np.uint8)
    before = images.copy()
    steps = fit_preparation((Scale(), Downsample(2), Standardize()), split_of(images), GREY, 255.0)
    scaled = images.reshape(5, 2, 2, 2, 2).mean(axis=(2, 4))[..., None] / 255
    expected = (scaled - scaled.mean(axis=0)) / scaled.std(axis=0)
    out = np.empty((5, 2, 2, 1), np.float32)
    assert prepare(steps, images, GREY, out=out) is out
    assert np.allclose(out, expected, atol=1e-5)
    assert np.array_equal(images, before)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.bool_, np.float16, np.float64, ">f4", ">i4"])
def test_no_steps_only_convert(dtype):
    raw = np.array([[0, 1], [1, 0]], dtype)
    x = prepare((), raw, Shape.vector(2))
    assert x.dtype == np.float32 and x.tolist() == [[0, 1], [1, 0]]
    out = np.full((2, 2), np.nan, np.float32)
    assert prepare((), raw, Shape.vector(2), out=out).tolist() == [[0, 1], [1, 0]]
    (scale,) = fit_preparation((Scale(2.0),), split_of(raw), Shape.vector(2))
    assert prepare((scale,), raw, Shape.vector(2)).tolist() == [[0, 0.5], [0.5, 0]]
    fitted = fit_preparation((Standardize(),), split_of(raw), Shape.vector(2))
    assert prepare(fitted, raw, Shape.vector(2)).tolist() == [[-1, 1], [1, -1]]


def test_float_input_is_copied_never_handed_through():
    raw = np.ones((2, 2), np.float32)
    assert not np.shares_memory(prepare((), raw, Shape.vector(2)), raw)
    assert not np.shares_memory(prepare((Scale(2.0),), raw, Shape.vector(2)), raw)
    assert (raw == 1).all()


@pytest.mark.parametrize(
    ("steps", "shape", "field", "says"),
    [
        ((Scale(), Downsample(3)), GREY, "[1].factor", "do not divide"),
        ((Downsample(2),), Shape.vector(4), "[0].factor", "no image"),
        ((Standardize("channel"),), Shape.vector(4), "[0].per", "no channels"),
        ((Standardize("feature"),), Shape.image(300, 300, 3), "[0].per", "more than"),
        ((Standardize("all", (1.0, 2.0), (1.0, 2.0)),), GREY, "[0].mean", "2 values"),
        ((Standardize("all", (1.0,), (0.0,)),), GREY, "[0].deviation", "not above 0"),
        ((Standardize("all", (math.nan,), (1.0,)),), GREY, "[0].mean", "not finite"),
        ((Standardize("all", (1.0,)),), GREY, "[0].mean", "come together"),
        ((Scale(math.inf),), GREY, "[0].divisor", "not possible"),
        ((Scale(1e-50),), GREY, "[0].divisor", "not possible"),
        ((Standardize("all", (1e39,), (1.0,)),), GREY, "[0].mean", "not finite"),
    ],
)
def test_impossible_steps_name_their_setting(steps, shape, field, says):
    with pytest.raises(ShapeError, match=says) as caught:
        prepared_shape(steps, shape)
    assert caught.value.field == field


def test_raw_data_of_another_shape_and_unfitted_steps_are_refused():
    with pytest.raises(TuinetError, match="one input is 3, but the model takes 2"):
        prepare((), np.zeros((1, 3)), Shape.vector(2))
    with pytest.raises(TuinetError, match="a single number"):
        prepare((), np.zeros(3), Shape.vector(2))
    with pytest.raises(TuinetError, match="must be numbers"):
        prepare((), np.array([["a"]]), Shape.vector(1))
    for step in (Scale(), Standardize()):
        with pytest.raises(TuinetError, match="never fitted"):
            prepare((step,), np.zeros((1, 2)), Shape.vector(2))


def test_values_too_large_to_square_are_refused():
    with pytest.raises(TuinetError, match="too large"):
        fit_preparation((Standardize(),), split_of(np.array([[1e200], [-1e200]])), Shape.vector(1))


def test_fitted_steps_survive_json():
    steps = (Scale(255.0), Downsample(2), Standardize("all", (0.5,), (0.25,)))
    text = msgspec.json.encode(steps)
    assert msgspec.json.decode(text, type=tuple[Preparation, ...]) == steps
    assert msgspec.json.encode(Standardize()) == b'{"kind":"standardize"}'
    for wrong in ({"kind": "scale", "divisor": 0}, {"kind": "downsample", "factor": 0}, {"kind": "scale", "by": 1}):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(wrong, Preparation)


def test_fitting_reads_only_the_rows_of_the_part():
    split = Split(np.array([[1.0], [3.0], [1000.0]]), np.zeros(3))
    training = dataclasses.replace(split, rows=np.array([0, 1]))
    assert fit_preparation((Standardize(),), training, Shape.vector(1)) == (Standardize("feature", (2.0,), (1.0,)),)


SEQUENCES = Ragged.of([np.random.default_rng(n).normal(3, 2, (length, 2)) for n, length in enumerate([1, 40, 3, 0, 2])])


@pytest.mark.parametrize("rows", [None, np.array([0, 1, 4])])
@pytest.mark.parametrize("values", [1, 6, 14, 10**6])
def test_sequences_are_looked_at_step_by_step_in_blocks(monkeypatch, rows, values):
    """However long they are, no block is larger than is said, and the figures are those of all steps."""
    monkeypatch.setattr(preparation, "BLOCK_VALUES", values)
    sizes = []
    monkeypatch.setattr(preparation, "prepare", lambda *given: sizes.append(given[1].size) or prepare(*given))
    split = Split(SEQUENCES, np.zeros(5), rows)
    shape = Shape.vector(2).over_time
    (step,) = fit_preparation((Standardize(),), split, shape)
    steps = SEQUENCES.values if rows is None else SEQUENCES[rows].values
    assert step.mean == pytest.approx(steps.mean(axis=0)) and step.deviation == pytest.approx(steps.std(axis=0))
    assert max(sizes) <= max(values, 2)


def test_memory_does_not_grow_with_the_sequences():
    def peak(count):
        data = Ragged(np.ones((1000 * count, 4), np.float32), np.arange(0, 1000 * count + 1, 1000))
        tracemalloc.start()
        fit_preparation((Standardize(),), Split(data, np.zeros(count)), Shape.vector(4).over_time)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(2000) < 1.1 * peak(500)
