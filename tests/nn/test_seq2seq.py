"""Seq2Seq: its gradients against measured slopes, the bridge, the reversed source, and what the decoder is fed."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from tuinet.nn.context import Arena, Context
from tuinet.nn.gradcheck import numerical_gradient, relative_error
from tuinet.nn.layer import Shape, ShapeError
from tuinet.nn.layers.activation import Relu
from tuinet.nn.layers.bidirectional import Bidirectional
from tuinet.nn.layers.clockwork import Clockwork
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.embedding import Embedding, OneHot
from tuinet.nn.layers.flatten import Flatten
from tuinet.nn.layers.gru import GRU
from tuinet.nn.layers.lstm import LSTM
from tuinet.nn.layers.over_time import MeanOverTime
from tuinet.nn.layers.rnn import RNN
from tuinet.nn.losses import CrossEntropy
from tuinet.nn.network import Sequential
from tuinet.nn.params import Array, Params
from tuinet.nn.seq2seq import Pair, Seq2Seq
from tuinet.nn.sequence import Ragged, Sequence, pack

SOURCE, TARGET = 6, 5
TOKENS = Shape.tokens(SOURCE)
DECODER = (Embedding(3), LSTM(4), RNN(3), Dense(TARGET))

NETWORKS = {
    "copied": (Seq2Seq((Embedding(3), LSTM(4), RNN(3)), DECODER, symbols=TARGET), TOKENS),
    "reversed": (Seq2Seq((Embedding(3), LSTM(4), RNN(3)), DECODER, reverse_source=True, symbols=TARGET), TOKENS),
    "both ways": (Seq2Seq((OneHot(SOURCE), Bidirectional(GRU(3))), DECODER, "dense", symbols=TARGET), TOKENS),
    "clocks copied": (
        Seq2Seq(
            (Embedding(3), Clockwork(4, (1, 2))), (Embedding(3), Clockwork(4, (1, 2)), Dense(TARGET)), symbols=TARGET
        ),
        TOKENS,
    ),
    "clocks from zero": (
        Seq2Seq(
            (Embedding(3), Bidirectional(Clockwork(4, (1, 2)))),
            (Embedding(3), Clockwork(4, (1, 2)), Dense(TARGET)),
            "dense",
            symbols=TARGET,
        ),
        TOKENS,
    ),
    "pooled": (Seq2Seq((Embedding(3), LSTM(2), MeanOverTime()), DECODER, "dense", symbols=TARGET), TOKENS),
    "caption": (
        Seq2Seq((Conv2D(2, 3), Relu(), Flatten()), DECODER, "dense", symbols=TARGET),
        Shape.image(5, 4, 1),
    ),
}

every_network = pytest.mark.parametrize("name", NETWORKS)


def problem(name: str) -> tuple[Sequential, Params, Pair, Array]:
    """A network, random parameters, three pairs of different lengths, and what should come out."""
    layer, shape = NETWORKS[name]
    network = Sequential((layer,))
    rng = np.random.default_rng(5)
    params = Params.zeros(network.param_shapes(shape), np.float64)
    params.vector[:] = rng.normal(0, 0.5, params.vector.shape)
    source = rng.normal(size=(3, *shape.sizes)) if not shape.sequence else pack(words(rng, SOURCE, (3, 5, 2)))
    fed = pack(words(rng, TARGET, (4, 1, 6)))
    return network, params, Pair(source, fed), rng.integers(0, TARGET, 11)


def words(rng: np.random.Generator, symbols: int, lengths: tuple[int, ...]) -> Ragged:
    return Ragged.of([rng.integers(0, symbols, length) for length in lengths])


def loss(network: Sequential, params: Params, pair: Pair, asked: Array) -> float:
    y, _ = network.forward(params, pair, Context())
    return float(CrossEntropy().value(y.values, asked).sum())


@every_network
def test_gradients_are_the_measured_slopes(name: str) -> None:
    network, params, pair, asked = problem(name)
    y, cache = network.forward(params, pair, Context(arena=Arena()))
    _, dy = CrossEntropy().value_and_gradient(y.values, asked, Context())
    grads = params.like(np.full_like(params.vector, np.nan))
    network.backward(params, cache, Sequence(dy, y.steps), grads, Context(), need_dx=False)
    slopes = params.like(
        numerical_gradient(lambda vector: loss(network, params.like(vector), pair, asked), params.vector)
    )
    for path in params:
        assert relative_error(grads[path], slopes[path]) < 1e-6, path


@every_network
def test_settings_survive_json(name: str) -> None:
    network = Sequential((NETWORKS[name][0],))
    assert msgspec.json.decode(msgspec.json.encode(network), type=Sequential) == network


@every_network
def test_a_pair_is_as_good_alone_as_among_others(name: str) -> None:
    network, params, pair, _ = problem(name)
    together, _ = network.forward(params, pair, Context())
    for sample in range(3):
        alone, _ = network.forward(params, one_of(pair, sample), Context())
        same = together.values[together.steps.samples == sample]
        np.testing.assert_allclose(alone.values, same, rtol=1e-12, atol=1e-12)


def one_of(pair: Pair, sample: int) -> Pair:
    fed = pack(Ragged.of([pair.fed.values[pair.fed.steps.samples == sample]]))
    if isinstance(pair.source, Sequence):
        return Pair(pack(Ragged.of([pair.source.values[pair.source.steps.samples == sample]])), fed)
    return Pair(pair.source[sample : sample + 1], fed)


@every_network
def test_step_by_step_is_all_at_once(name: str) -> None:
    """What a decoder is fed one symbol at a time gives the scores that feeding all of them gives."""
    network, params, pair, _ = problem(name)
    layer = NETWORKS[name][0]
    together, _ = network.forward(params, pair, Context())
    scope = params.scope("seq2seq1")
    states = layer.encode(scope, pair.source, Context())
    steps = pair.fed.steps
    for t in range(4):  # sample 0 has four symbols
        row = int(np.flatnonzero((steps.samples == 0) & (steps.times == t))[0])
        ids = np.full(3, pair.fed.values[row])
        scores, states = layer.step(scope, ids, states, Context())
        np.testing.assert_allclose(scores[0], together.values[row], rtol=1e-12, atol=1e-12)


def test_a_reversed_source_is_the_source_turned_round() -> None:
    network, params, pair, _ = problem("copied")
    turned = Sequential((NETWORKS["reversed"][0],))
    source = Sequence(pair.source.values[pair.source.steps.reversal], pair.source.steps)
    one, _ = network.forward(params, Pair(source, pair.fed), Context())
    other, _ = turned.forward(params, pair, Context())
    np.testing.assert_array_equal(one.values, other.values)


@pytest.mark.parametrize("lift", [0.0, 50.0], ids=["as it is", "where it would write <unk> and <start>"])
def test_without_teacher_forcing_the_decoder_is_fed_its_own_choice(lift: float) -> None:
    network, params, pair, _ = problem("copied")
    layer, scope = NETWORKS["copied"][0], params.scope("seq2seq1")
    scope["decoder/dense1/bias"][:2] += lift
    ctx = Context(training=True)
    ctx.teacher_forcing = 0.0
    y, _ = network.forward(params, pair, ctx)
    steps, states = pair.fed.steps, layer.encode(scope, pair.source, Context())
    table = np.zeros((3, 6), int)
    table[:, 0] = 1
    table[steps.samples, steps.times] = pair.fed.values
    ids = table[:, 0]
    for t in range(6):
        scores, states = layer.step(scope, ids, states, Context())
        ids = 2 + scores[:, 2:].argmax(axis=1)  # never the unknown or the start symbol
        for row in np.flatnonzero(steps.times == t):
            np.testing.assert_allclose(y.values[row], scores[steps.samples[row]], rtol=1e-12, atol=1e-12)


def test_teacher_forcing_acts_in_training_only() -> None:
    network, params, pair, _ = problem("copied")
    ctx = Context()
    ctx.teacher_forcing = 0.0
    np.testing.assert_array_equal(
        network.forward(params, pair, ctx)[0].values, network.forward(params, pair, Context())[0].values
    )


@pytest.mark.parametrize(
    ("layer", "field", "words"),
    [
        (Seq2Seq((Embedding(3), LSTM(4)), (Embedding(3), LSTM(5), Dense(TARGET)), symbols=TARGET), "bridge", "differ"),
        (Seq2Seq((Embedding(3), LSTM(4)), (Embedding(3), Dense(TARGET)), symbols=TARGET), "decoder", "no recurrent"),
        (
            Seq2Seq((Embedding(3), LSTM(4)), (Embedding(3), Bidirectional(LSTM(4)), Dense(TARGET)), symbols=TARGET),
            "decoder",
            "look ahead",
        ),
        (Seq2Seq((Embedding(3), LSTM(4)), (Embedding(3), LSTM(4), Dense(4)), symbols=TARGET), "decoder", "4 scores"),
        (Seq2Seq((LSTM(4),), (Embedding(3), LSTM(4), Dense(TARGET)), symbols=TARGET), "encoder[0]", "ids"),
        (Seq2Seq((), (Embedding(3), LSTM(4), Dense(TARGET)), symbols=TARGET), "encoder", "no layers"),
    ],
)
def test_what_cannot_be_is_refused(layer: Seq2Seq, field: str, words: str) -> None:
    with pytest.raises(ShapeError, match=words) as caught:
        layer.output_shape(TOKENS)
    assert caught.value.field.split(".")[0] == field


def test_a_dense_bridge_leaves_clocks_at_zero() -> None:
    layer, shape = NETWORKS["clocks from zero"]
    assert [path for path in layer.param_shapes(shape) if "bridge" in path] == [
        "bridge/clockwork1/hidden/weight",
        "bridge/clockwork1/hidden/bias",
    ]
    network, params, pair, _ = problem("clocks from zero")
    states = layer.encode(params.scope("seq2seq1"), pair.source, Context())
    assert not states["clockwork1"][1].any()
    assert layer.param_shapes(shape)["bridge/clockwork1/hidden/weight"].shape == (8, 4)  # no clocks in the context
    network, params, pair, _ = problem("clocks copied")
    states = NETWORKS["clocks copied"][0].encode(params.scope("seq2seq1"), pair.source, Context())
    assert states["clockwork1"][0].all() and not states["clockwork1"][1].any()
    network, params, pair, _ = problem("clocks from zero")
    assert network.output_shape(shape) == Shape.vector(TARGET).over_time
