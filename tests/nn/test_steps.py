"""Products in pieces, over the steps of a recurrent loop or the windows of images, are the plain product."""

from __future__ import annotations

import numpy as np
import pytest

from tuinet.nn.context import Context
from tuinet.nn.layers.numeric import SMALL, product
from tuinet.nn.layers.steps import MANY_STEPS, laid_out, times

RNG = np.random.default_rng(5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    ("rows", "inputs", "outputs", "blocks"),
    [
        (16, 256, 1024, 16),  # a step of an LSTM of 256 units
        (16, 1024, 256, 8),  # and back: 64 columns would be more than SMALL
        (4, 20, 150, 3),  # 50 columns each
        (3, 7, 31, 1),  # too narrow to cut
        (2, 5, 67, 1),  # a prime
        (1, 256, 1024, 1),  # one row is multiplied without copying anyway
        (64, 1000, 64, 1),  # not even 32 columns are small
    ],
)
def test_a_step_is_the_plain_product(
    rows: int, inputs: int, outputs: int, blocks: int, turned: bool, dtype: type[np.floating]
) -> None:
    x = RNG.standard_normal((rows, inputs)).astype(dtype)
    weight = RNG.standard_normal((inputs, outputs)).astype(dtype)
    given = np.ascontiguousarray(weight.T).T if turned else weight
    laid = laid_out(given, rows, MANY_STEPS, Context())
    assert laid.shape == (blocks, inputs, outputs // blocks)
    assert all(block.flags.c_contiguous for block in laid)
    assert blocks == 1 or rows * inputs * outputs // blocks <= SMALL
    out = np.full((rows, outputs), np.nan, dtype)
    assert times(x, laid, out) is out
    np.testing.assert_allclose(out, x @ weight, rtol=0, atol=2e-4 if dtype == np.float32 else 1e-12)


def test_few_steps_take_the_weight_as_it_is() -> None:
    weight = RNG.standard_normal((256, 1024)).T
    laid = laid_out(weight, 16, MANY_STEPS - 1, Context())
    assert laid.shape == (1, 1024, 256)
    assert np.shares_memory(laid, weight)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    ("shape", "outputs"), [((12544, 9), 16), ((4, 3, 256, 96), 64), ((2, 100, 288), 32), ((1, 64, 7), 5), ((0, 9), 4)]
)
def test_a_tall_product_is_the_plain_product(shape: tuple[int, ...], outputs: int, turned: bool) -> None:
    x = RNG.standard_normal(shape)
    given = np.ascontiguousarray(x.swapaxes(-1, -2)).swapaxes(-1, -2) if turned else x
    weight = RNG.standard_normal((shape[-1], outputs))
    out = np.full((*shape[:-1], outputs), np.nan)
    assert product(given, weight, out) is out
    np.testing.assert_allclose(out, x @ weight, rtol=0, atol=1e-12)
