"""What symbols add to the sums of a recurrent layer, worked out once for each symbol: the plain list's numbers."""

from __future__ import annotations

import numpy as np
import pytest

from tuinet.nn.context import Arena, Context
from tuinet.nn.layer import Shape
from tuinet.nn.layers.embedding import Embedding
from tuinet.nn.layers.gru import GRU
from tuinet.nn.layers.inputs import LateEmbedding, Lookup, pays
from tuinet.nn.layers.lstm import LSTM
from tuinet.nn.layers.rnn import RNN
from tuinet.nn.network import AnyLayer, Sequential, initialize
from tuinet.nn.params import Array, Params
from tuinet.nn.sequence import Sequence, steps_of
from tuinet.nn.stack import _plan

SYMBOLS = 5

LAYERS: list[AnyLayer] = [
    LSTM(4),
    LSTM(4, peephole="full"),
    LSTM(4, coupled=True, peephole="diagonal"),
    GRU(4),
    GRU(4, form="pytorch"),
    GRU(4, bias=False),
    RNN(4),
]


def gradients(network: Sequential, params: Params, x: Sequence, plain: bool, first: int) -> tuple[Array, Array, Params]:
    ctx = Context(plain=plain, arena=Arena())
    y, _, cache = network.run(params, x, None, ctx)
    grads = params.like(np.full_like(params.vector, np.nan))
    dy = Sequence(np.cos(np.arange(y.values.size, dtype=params.vector.dtype)).reshape(y.values.shape), y.steps)
    network.backward(params, cache, dy, grads, ctx, need_dx=False, first_trainable=first)
    return y.values.copy(), grads.vector, grads


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
@pytest.mark.parametrize(("lengths", "late"), [((7, 4, 1, 9), True), ((2, 3), False)])
@pytest.mark.parametrize("first", [0, 1])
def test_the_plan_gives_the_plain_lists_numbers(
    layer: AnyLayer, lengths: tuple[int, ...], late: bool, first: int
) -> None:
    network = Sequential((Embedding(3), layer))
    params = initialize(network, Shape.tokens(SYMBOLS), 0, np.float64)
    steps = steps_of(lengths)
    x = Sequence(np.random.default_rng(1).integers(0, SYMBOLS, steps.total), steps)
    operation = _plan(network.layers, None, True)[0].layer
    assert isinstance(operation, LateEmbedding)
    given = operation.forward(params.scope("embedding1"), x.values, Context())[0]
    assert isinstance(given, Lookup) == late
    y, vector, grads = gradients(network, params, x, plain=False, first=first)
    plain_y, plain_vector, _ = gradients(network, params, x, plain=True, first=first)
    np.testing.assert_allclose(y, plain_y, rtol=0, atol=1e-12)
    learnt = slice(grads.slices["embedding1/weight"].stop if first else 0, None)
    assert np.isfinite(vector[learnt]).all()
    np.testing.assert_allclose(vector[learnt], plain_vector[learnt], rtol=0, atol=1e-12)
    assert first == 0 or np.isnan(vector[: learnt.start]).all()


def test_a_table_is_made_where_it_is_less_work() -> None:
    assert pays(steps=800, symbols=64, size=64)
    assert not pays(steps=120, symbols=64, size=64), "nearly every symbol comes once"
    assert not pays(steps=10_000, symbols=5_000, size=256), "one-hot vectors would be long"
