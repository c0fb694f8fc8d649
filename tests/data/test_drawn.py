"""Drawings are prepared as the data were: held against the data themselves."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from tests.data.digit_strokes import drawn_digit
from tuinet.data.drawn import DIGITS, MNIST, Drawing, empty, prepare_drawing, scaled, stroke
from tuinet.data.sources import DATASETS
from tuinet.nn.params import Array


def real(name: str, step: int) -> tuple[Array, Array]:
    """Every step-th sample, (N, H, W), and its class."""
    inputs, labels = DATASETS[name].source.load(Path(), 0).splits["train"].take(slice(None))
    assert isinstance(inputs, np.ndarray)
    return inputs.reshape(inputs.shape[:3])[::step].astype(np.float32), np.asarray(labels)[::step]


def centre(pixels: Array) -> tuple[float, float]:
    rows, columns = np.indices(pixels.shape)
    return float((pixels * rows).sum() / pixels.sum()), float((pixels * columns).sum() / pixels.sum())


def box(pixels: Array) -> tuple[int, int]:
    rows, columns = (np.flatnonzero(pixels.any(axis=axis)) for axis in (1, 0))
    return int(rows[-1] - rows[0] + 1), int(columns[-1] - columns[0] + 1)


def test_a_stroke_by_hand() -> None:
    ink = empty((5, 7))
    assert ink.shape == (5, 7) and ink.dtype == np.float32 and not ink.any()
    stroke(ink, (2, 1), (2, 4), 0.75)  # a pixel beside the line is at distance 1: 0.75 + 0.5 - 1
    assert ink[2].tolist() == [0.25, 1, 1, 1, 1, 0.25, 0]
    assert ink[1].tolist() == ink[3].tolist() == [0, 0.25, 0.25, 0.25, 0.25, 0, 0]
    assert not ink[0].any() and not ink[4].any()
    before = ink.copy()
    stroke(ink, (2, 2), (2, 2), 0.5)  # a dot on what is drawn already
    assert np.array_equal(ink, before)
    stroke(ink, (0, 6), (0, 6), 0.5)
    assert ink[0, 6] == 1 and ink.sum() == before.sum() + 1


def test_strokes_end_at_the_canvas() -> None:
    ink = empty((8, 8))
    stroke(ink, (-30, -30), (-20, -2), 3)
    stroke(ink, (4, 90), (4, 40), 2)
    assert not ink.any()
    stroke(ink, (-10, 3), (20, 3), 1)
    assert (ink[:, 3] == 1).all() and not ink[:, 5:].any()
    whole = empty((40, 40))
    stroke(whole, (6, 10), (36, 30), 1.5)
    part = empty((20, 40))
    stroke(part, (6, 10), (36, 30), 1.5)
    assert np.array_equal(part, whole[:20])


def test_a_drawing_of_digits_is_counted() -> None:
    ink = empty(DIGITS.canvas)
    ink[:, 6:26] = 1
    ink[:16, 6:16] = 0.4  # too faint to be black
    sample = prepare_drawing(ink, DIGITS)
    assert sample.shape == (8, 8, 1) and sample.dtype == np.float32
    assert sample[0, :, 0].tolist() == [0, 0, 0, 0, 16, 16, 8, 0]
    assert sample[7, :, 0].tolist() == [0, 8, 16, 16, 16, 16, 8, 0]


@pytest.mark.parametrize(("drawing", "alike"), [(DIGITS, 0.9), (MNIST, 0.7)])
def test_where_and_how_large_a_digit_is_drawn_hardly_matters(drawing: Drawing, alike: float) -> None:
    for digit in range(10):
        ink = drawn_digit(digit, drawing)
        wanted = prepare_drawing(ink, drawing)
        assert np.array_equal(prepare_drawing(np.roll(ink, (1, 3), (0, 1)), drawing), wanted)
        small = prepare_drawing(drawn_digit(digit, drawing, pen=0.6, size=0.6, at=(4, -5)), drawing)
        assert np.corrcoef(small.ravel(), wanted.ravel())[0, 1] > alike


def test_drawings_look_like_the_samples_of_digits() -> None:
    samples, _ = real("digits", 1)
    assert samples[:, 0].any(axis=1).all() and samples[:, -1].any(axis=1).all()  # what the height is fitted for
    real_ink, outside = samples.mean(), samples[:, :, [0, 7]].mean()
    drawings = np.array([prepare_drawing(drawn_digit(digit, DIGITS), DIGITS)[:, :, 0] for digit in range(10)])
    assert drawings[:, 0].any(axis=1).all() and drawings[:, -1].any(axis=1).all()
    assert drawings.max() == samples.max() == 16
    assert 0.7 < drawings.mean() / real_ink < 1.3
    assert drawings[:, :, [0, 7]].mean() <= outside + 0.1


def test_drawings_look_like_the_samples_of_mnist() -> None:
    samples, _ = real("mnist-small", 1)
    assert {max(box(sample)) for sample in samples} == {20}
    centres = np.array([centre(sample) for sample in samples])
    assert centres.min() >= 13.5 and centres.max() < 14.5
    drawings = np.array([prepare_drawing(drawn_digit(digit, MNIST, size=0.7), MNIST)[:, :, 0] for digit in range(10)])
    assert {max(box(drawing)) for drawing in drawings} == {20}
    centres = np.array([centre(drawing) for drawing in drawings])
    assert centres.min() >= 13.45 and centres.max() < 14.55  # values are rounded behind it
    assert drawings.max() == 255 and (drawings == np.round(drawings)).all()
    assert 0.7 < drawings.mean() / samples.mean() < 1.3
    grey, real_grey = (((all_ > 0) & (all_ < 255)).sum() / (all_ > 0).sum() for all_ in (drawings, samples))
    assert 0.5 < grey / real_grey < 1.5


def test_a_sample_of_mnist_is_its_own_drawing() -> None:
    samples, _ = real("mnist-small", 10)
    for sample in samples:
        found = prepare_drawing(sample / 255, MNIST)[:, :, 0]
        shifts = [np.roll(found, (down, right), (0, 1)) for down in (-1, 0, 1) for right in (-1, 0, 1)]
        assert min(np.abs(shifted - sample).max() for shifted in shifts) == 0


def test_a_sample_of_digits_blown_up_is_nearly_its_own_drawing() -> None:
    """Each value becomes as many black pixels, the middle ones of its block first."""
    samples, _ = real("digits", 5)
    order = np.array([[12, 5, 6, 13], [4, 0, 1, 7], [11, 3, 2, 8], [15, 10, 9, 14]])
    ink = order[None, None, :, None, :] < samples[:, :, None, :, None]  # (N, 8, 4, 8, 4)
    apart = []
    for sample, large in zip(samples, ink.reshape(-1, 32, 32).astype(np.float32), strict=True):
        found = prepare_drawing(large, DIGITS)[:, :, 0]
        apart.append(np.abs(found - sample).mean())
    assert np.mean(apart) < 1.3 and np.median(apart) < 1.0  # of 16; ones that stand aside come to the middle


def test_any_other_image() -> None:
    colour = scaled((32, 48, 3), 1.0)
    assert colour == Drawing("scaled", (32, 48, 3), (32, 48), 1.0)
    ink = np.random.default_rng(0).random((32, 48), np.float32)
    assert np.array_equal(prepare_drawing(ink, colour), np.repeat(ink[:, :, None], 3, axis=2))
    large = scaled((224, 112, 1), 255.0)
    assert large is not None and large.canvas == (64, 32)
    assert (prepare_drawing(np.ones((64, 32), np.float32), large) == 255).all()
    small = scaled((8, 8, 1), 255.0)
    assert small is not None and small.canvas == (24, 24)
    ink = empty(small.canvas)
    ink[:12] = 1
    assert np.allclose(prepare_drawing(ink, small)[[0, 2, 5, 7], 0, 0], [255, 255, 0, 0])
    assert [scaled(sizes, 1.0) for sizes in ((4,), (8, 8), (8, 8, 2), (1, 784, 1))] == [None] * 4


@pytest.mark.parametrize("drawing", [DIGITS, MNIST, scaled((32, 32, 3), 255.0)])
def test_every_drawing_has_a_sample(drawing: Drawing) -> None:
    assert not prepare_drawing(empty(drawing.canvas), drawing).any()
    rng = np.random.default_rng(1)
    for _ in range(50):
        ink = empty(drawing.canvas)
        for _ in range(rng.integers(1, 3)):
            (a, b, c, d), radius = rng.uniform(-10, 40, 4), rng.uniform(0.1, 3)
            stroke(ink, (a, b), (c, d), radius)
        before = ink.copy()
        sample = prepare_drawing(ink, drawing)
        assert sample.shape == drawing.sizes and np.array_equal(ink, before)
        assert np.isfinite(sample).all() and sample.min() >= 0 and sample.max() <= drawing.maximum
    assert drawing.about and 0.5 < drawing.pen < 4


def test_a_stroke_is_drawn_and_prepared_between_two_frames() -> None:
    ink = empty(MNIST.canvas)
    began = time.perf_counter()
    for place in range(20):
        stroke(ink, (place, 5), (place + 1, 9), 1.5)
        prepare_drawing(ink, MNIST)
    assert (time.perf_counter() - began) / 20 < 0.02
