"""Convolution and pooling against loops that follow the definition, for every kind of window."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tuinet.nn.context import Context
from tuinet.nn.layer import Layer, Shape
from tuinet.nn.layers import unfold
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.pool import AveragePool, MaxPool, SumPool
from tuinet.nn.layers.windows import lay_windows, pair
from tuinet.nn.params import Array, Params


@pytest.fixture(autouse=True, params=[1, 10_000], ids=["rows unfolded", "windows unfolded"])
def _unfolding(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to unfold windows."""
    monkeypatch.setattr(unfold, "SHARED_ROW", request.param)
    monkeypatch.setattr(unfold, "SHARED_WINDOWS", 0)


def padding_before(n: int, k: int, s: int, padding: Any) -> tuple[int, int]:
    """(zeros in front, windows) along one axis, from the definition."""
    if padding == "same":
        count = math.ceil(n / s)
        return max(0, (count - 1) * s + k - n) // 2, count
    p = 0 if padding == "valid" else padding
    return p, (n + 2 * p - k) // s + 1


def naive_conv(x: Array, weight: Array, bias: Array, stride: tuple[int, int], padding: Any) -> Array:
    batch, height, width, channels = x.shape
    kh, kw, _, filters = weight.shape
    (top, rows), (left, columns) = (
        padding_before(n, k, s, padding) for n, k, s in zip((height, width), (kh, kw), stride, strict=True)
    )
    y = np.zeros((batch, rows, columns, filters))
    for b, i, j, f in np.ndindex(y.shape):
        total = bias[f]
        for u, v, c in np.ndindex(kh, kw, channels):
            row, column = i * stride[0] + u - top, j * stride[1] + v - left
            if 0 <= row < height and 0 <= column < width:
                total += x[b, row, column, c] * weight[u, v, c, f]
        y[b, i, j, f] = total
    return y


@pytest.mark.parametrize("kernel", [1, 2, 3, (1, 4), (3, 2), (4, 1)])
@pytest.mark.parametrize("stride", [1, 2, (3, 1), (1, 2)])
@pytest.mark.parametrize("padding", ["valid", "same", 1, 2])
@pytest.mark.parametrize("channels", [1, 7])
def test_convolution_follows_its_definition(kernel: Any, stride: Any, padding: Any, channels: int) -> None:
    rng = np.random.default_rng(3)
    conv = Conv2D(2, kernel, stride, padding)
    shape = Shape.image(5, 6, channels)
    params = Params.zeros(conv.param_shapes(shape), np.float64)
    params.vector[:] = rng.normal(size=params.vector.shape)
    x = rng.normal(size=(2, 5, 6, channels))
    y, cache = conv.forward(params, x, Context())
    expected = naive_conv(x, params["weight"], params["bias"], pair(stride), padding)
    assert conv.output_shape(shape).sizes == expected.shape[1:]
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-12)
    # the map is linear: ⟨dy, conv(v)⟩ = ⟨dx, v⟩ for every v, and likewise for the weights
    dy, v = rng.normal(size=y.shape), rng.normal(size=x.shape)
    grads = params.like(np.full_like(params.vector, np.nan))
    dx = conv.backward(params, cache, dy, grads, Context())
    assert dx is not None
    zero = np.zeros(2)
    forward_v = naive_conv(v, params["weight"], zero, pair(stride), padding)
    assert np.sum(dx * v) == pytest.approx(np.sum(dy * forward_v), rel=1e-10)
    w = rng.normal(size=params["weight"].shape)
    forward_w = naive_conv(x, w, zero, pair(stride), padding)
    assert np.sum(grads["weight"] * w) == pytest.approx(np.sum(dy * forward_w), rel=1e-10)
    np.testing.assert_allclose(grads["bias"], dy.sum(axis=(0, 1, 2)), rtol=1e-10)


def test_padding_wider_than_the_kernel_is_right() -> None:
    rng = np.random.default_rng(4)
    conv = Conv2D(2, 2, padding=3)
    params = Params.zeros(conv.param_shapes(Shape.image(3, 3, 1)), np.float64)
    params.vector[:] = rng.normal(size=params.vector.shape)
    x = rng.normal(size=(1, 3, 3, 1))
    y, _ = conv.forward(params, x, Context())
    np.testing.assert_allclose(y, naive_conv(x, params["weight"], params["bias"], (1, 1), 3), rtol=1e-12)


@pytest.mark.parametrize("size", [4, 5, 6, 7])
@pytest.mark.parametrize("kernel", [1, 2, 3, 4])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_same_padding_is_as_tensorflow_defines_it(size: int, kernel: int, stride: int) -> None:
    windows = lay_windows((size, size), (kernel, kernel), (stride, stride), "same")
    before = windows.before[0]
    after = windows.padded[0] - size - before
    assert windows.output[0] == math.ceil(size / stride)
    assert after - before in (0, 1)  # the odd one at the end
    assert windows.padded[0] == max(size, (windows.output[0] - 1) * stride + kernel)


@pytest.mark.parametrize("window", [1, 2, 3, (1, 2), (3, 1)])
@pytest.mark.parametrize("stride", [None, 1, 2, (2, 3)])
@pytest.mark.parametrize(("kind", "reduce"), [(MaxPool, np.max), (AveragePool, np.mean), (SumPool, np.sum)])
def test_pooling_follows_its_definition(window: Any, stride: Any, kind: Any, reduce: Any) -> None:
    x = np.random.default_rng(5).normal(size=(2, 6, 5, 3))
    layer: Layer = kind(window, stride)
    (kh, kw), (sh, sw) = pair(window), pair(stride or window)
    rows, columns = (6 - kh) // sh + 1, (5 - kw) // sw + 1
    expected = np.zeros((2, rows, columns, 3))
    for b, i, j, c in np.ndindex(expected.shape):
        expected[b, i, j, c] = reduce(x[b, i * sh : i * sh + kh, j * sw : j * sw + kw, c])
    y, _ = layer.forward(Params({}, np.zeros(0)), x, Context())
    np.testing.assert_allclose(y, expected, rtol=1e-13)
    assert layer.output_shape(Shape.image(6, 5, 3)).sizes == expected.shape[1:]


def test_many_images_go_through_in_blocks() -> None:
    """More unfolded windows than one block holds: the blocks must meet without a seam."""
    rng = np.random.default_rng(6)
    conv = Conv2D(24, 5, padding="same")
    shape = Shape.image(16, 16, 2)
    params = Params.zeros(conv.param_shapes(shape), np.float64)
    params.vector[:] = rng.normal(size=params.vector.shape)
    x, dy = rng.normal(size=(5, 16, 16, 2)), rng.normal(size=(5, 16, 16, 24))
    grads = params.like(np.zeros_like(params.vector))
    dx = conv.backward(params, conv.forward(params, x, Context())[1], dy, grads, Context())
    assert dx is not None
    for i in range(5):
        one = slice(i, i + 1)
        alone = conv.backward(params, conv.forward(params, x[one], Context())[1], dy[one], grads, Context())
        assert alone is not None
        np.testing.assert_allclose(dx[one], alone, rtol=1e-12, atol=1e-12)


def test_multiply_adds_are_counted() -> None:
    assert Conv2D(16, 3, padding="same").multiply_adds(Shape.image(28, 28, 1)) == 28 * 28 * 16 * 9
    assert MaxPool().multiply_adds(Shape.image(28, 28, 16)) == 28 * 28 * 16
