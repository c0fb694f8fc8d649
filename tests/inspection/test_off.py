"""Units and gates off: the same as setting activations to 0 by hand, or as a network without those units."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec
import numpy as np
import pytest

from tests.model.models import cnn, images, made, xor
from tests.model.text_models import captioner, classifier, language_model, one_hot_classifier, tagger, translator
from tuinet import load
from tuinet.data.coding import Coding
from tuinet.errors import TuinetError
from tuinet.inspection.off import Off, parse_off, switched_off
from tuinet.inspection.passes import run_model
from tuinet.inspection.question import nodes
from tuinet.inspection.trace import trace
from tuinet.model.model import Model
from tuinet.model.signals import answers, inputs_of
from tuinet.nn import stack
from tuinet.nn.context import Context
from tuinet.nn.layer import Shape
from tuinet.nn.layers.activation import Relu, Sigmoid, Softmax, Tanh
from tuinet.nn.layers.bidirectional import Bidirectional
from tuinet.nn.layers.clockwork import Clockwork
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.dropout import Dropout, GaussianNoise
from tuinet.nn.layers.flatten import Flatten
from tuinet.nn.layers.gru import GRU
from tuinet.nn.layers.lstm import LSTM
from tuinet.nn.layers.over_time import LastStep, MaxOverTime, MeanOverTime, Rows
from tuinet.nn.layers.pool import AveragePool, MaxPool, SumPool
from tuinet.nn.layers.rnn import RNN
from tuinet.nn.losses import CrossEntropy
from tuinet.nn.network import AnyLayer
from tuinet.nn.params import Params
from tuinet.nn.recurrent import OverTime
from tuinet.nn.sequence import Ragged, Sequence, pack, steps_of

IMAGE = Shape.image(8, 8, 2)
SERIES = Shape.vector(3).over_time
WEIGHTS = (Dense, Conv2D, OverTime)

PATHS: list[tuple[tuple[AnyLayer, ...], Shape]] = [
    ((Dense(5), Dense(2)), Shape.vector(4)),
    ((Dense(5), Relu(), Dropout(0.3), Dense(4), Sigmoid(), GaussianNoise(0.2), Dense(2)), Shape.vector(4)),
    ((Dense(5), Softmax(), Dense(2)), Shape.vector(4)),
    ((Conv2D(4, 3), Relu(), MaxPool(), Conv2D(3, 2), Tanh(), Flatten(), Dense(2)), Shape.image(8, 8, 1)),
    ((Conv2D(4, 3, padding="same"), AveragePool(), SumPool(), Flatten(), Dense(3), Relu(), Dense(2)), IMAGE),
    ((Conv2D(4, 3), Rows(), RNN(3), LastStep(), Dense(2)), IMAGE),
    ((Rows(), Dense(3), Bidirectional(LSTM(3)), LastStep(both_ways=True), Dense(2)), IMAGE),
    ((Dense(4), Tanh(), LSTM(3), MeanOverTime(), Dense(2)), SERIES),
    ((Dense(4), GRU(3), MaxOverTime(), Dense(2)), SERIES),
    ((Dense(4), Clockwork(4, (1, 2)), LastStep(), Dense(2)), SERIES),
]  # fmt: skip


def model_of(layers: tuple[AnyLayer, ...], shape: Shape, seed: int = 0) -> Model:
    model = made(layers, {}, shape, CrossEntropy(), Coding("ids", classes=2))
    model.params.vector[:] = np.random.default_rng(seed).normal(size=model.parameter_count)
    return model


def raw(shape: Shape, seed: int = 1) -> Any:
    rng = np.random.default_rng(seed)
    if shape.sequence:
        return Ragged.of([rng.normal(size=(length, *shape.sizes)) for length in (4, 1, 6)])
    return rng.normal(size=(3, *shape.sizes))


def by_hand(model: Model, inputs: Any, path: str, units: list[int]) -> np.ndarray:
    """The outputs, if these units are 0 where the next layer with weights sees them."""
    x = inputs_of(model.meta, inputs, Context(), np.float64)
    layers, names = model.network.layers, model.network.names()
    begin = names.index(path)
    wanted = next(place for place in range(begin + 1, len(layers)) if isinstance(layers[place], WEIGHTS))
    mask: Any = None
    for place, layer in enumerate(layers):
        if place == wanted:
            values = x.values * mask if isinstance(x, Sequence) else x * mask
            x = Sequence(values, x.steps) if isinstance(x, Sequence) else values
        (part,) = stack.trace((layer,), renamed(model, names[place], layer), x, None, Context(plain=True))
        x = part.y
        if begin <= place < wanted:
            if place == begin:
                mask = np.ones((1, *(x.values if isinstance(x, Sequence) else x).shape[1:]))
                mask[..., units] = 0
            elif isinstance(layer, Flatten | Rows):  # the mask goes the way of the values
                mask = mask.reshape(1, -1) if isinstance(layer, Flatten) else mask[:, 0].reshape(1, -1)
            else:
                shape = (x.values if isinstance(x, Sequence) else x).shape[1:]
                line = mask.reshape(-1, mask.shape[-1])[0]  # the same at every place
                mask = np.broadcast_to(line, (1, *shape)).copy()
    return answers(x)


def renamed(model: Model, name: str, layer: AnyLayer) -> Any:
    (own,) = stack.names((layer,))
    scope = model.params.scope(name)
    return Params({f"{own}/{key}": spec for key, spec in scope.specs.items()}, scope.vector)


def seen(layers: tuple[AnyLayer, ...], place: int) -> bool:
    """Whether a unit of the layer at `place` can be off by the weights behind alone."""
    rest = layers[place + 1 :]
    ahead = list(itertools.takewhile(lambda each: not isinstance(each, WEIGHTS), rest))
    return len(ahead) < len(rest) and not any(isinstance(each, Softmax) for each in ahead)


@pytest.mark.parametrize(("layers", "shape"), PATHS)
def test_off_is_zero_by_hand_on_every_path(layers: tuple[AnyLayer, ...], shape: Shape) -> None:
    model, inputs = model_of(layers, shape), raw(shape)
    before = model.params.vector.copy()
    whole = answers(run_model(model, inputs).outputs)
    tried = 0
    for place, (path, node) in enumerate(nodes(model).items()):
        if isinstance(node.layer, OverTime) or not seen(layers, place):
            continue
        units = [0, node.after.sizes[-1] - 1]
        changed = switched_off(model, [Off(path, tuple(units))])
        found = answers(run_model(changed, inputs).outputs)
        np.testing.assert_allclose(found, by_hand(model, inputs, path, units), rtol=1e-12, atol=1e-12)
        assert not np.allclose(found, whole, atol=1e-6), path
        tried += 1
    assert tried
    np.testing.assert_array_equal(model.params.vector, before)


RECURRENT = [
    RNN(4), RNN(4, "relu"), LSTM(4), LSTM(4, peephole="diagonal"), LSTM(4, peephole="full"),
    LSTM(4, peephole="full", coupled=True), GRU(4), GRU(4, bias=False), GRU(4, form="pytorch"),
    GRU(4, form="pytorch", bias=False), Clockwork(4, (1, 2)), Clockwork(4, (2, 3)),
]  # fmt: skip
both = pytest.mark.parametrize("cell", RECURRENT, ids=lambda cell: str(cell))


def without(model: Model, unit: int) -> np.ndarray:
    """The outputs of RNN, LSTM or GRU, if the unit's value is set to 0 in the loop: a step at a time, from the states
    in which the step before ended, with that unit's put to 0."""
    inputs = raw(SERIES)
    cell: Any = model.network.layers[0]
    scope = model.params.scope(model.network.names()[0])
    found = []
    for row in range(len(inputs)):
        state = cell.zero_state(1, np.float64)
        for step in inputs.row(row):
            y, state, _ = cell.run(scope, Sequence(step[None], steps_of([1])), state, Context(plain=True))
            state = tuple(zeroed(part, unit) if part.shape[1] == cell.units else part for part in state)
            y = zeroed(y.values, unit)
        found.append(y[0] @ model.params["dense1/weight"] + model.params["dense1/bias"])
    return np.array(found)


@both
def test_nothing_sees_a_recurrent_unit_whatever_it_begins_with(cell: Any) -> None:
    model = model_of((cell, LastStep(), Dense(2)), SERIES)
    (name, *_) = model.network.names()
    scope = switched_off(model, [Off(name, (1,))]).params.scope(name)
    x = pack(raw(SERIES))
    rng = np.random.default_rng(3)
    first = tuple(rng.normal(size=part.shape) for part in cell.zero_state(3, np.float64))
    if cell.counters:
        first = (first[0], np.zeros_like(first[1]))
    other = tuple(zeroed(part, 1) if part.shape[1] == 4 else part for part in first)
    found, expected = (cell.run(scope, x, state, Context(plain=True))[0].values for state in (first, other))
    np.testing.assert_array_equal(found[:, [0, 2, 3]], expected[:, [0, 2, 3]])
    plain = (cell.run(model.params.scope(name), x, state, Context(plain=True))[0].values for state in (first, other))
    assert not np.array_equal(*(each[:, [0, 2, 3]] for each in plain))


def smaller(model: Model, unit: int) -> Model:
    """The same LSTM without this unit: its row of every weight and its column in every gate left out."""
    cell: Any = model.network.layers[0]
    fewer = model_of((msgspec.structs.replace(cell, units=cell.units - 1), LastStep(), Dense(2)), SERIES)
    for path, array in model.params.items():
        rows = [unit] if path.endswith(("recurrent_weight", "peephole", "dense1/weight")) else []
        columns = [] if "dense1" in path else list(range(unit, array.shape[-1], cell.units))
        kept = np.delete(array, columns, axis=-1)
        fewer.params[path][...] = np.delete(kept, rows, axis=0) if array.ndim == 2 else kept
    return fewer


def zeroed(array: np.ndarray, unit: int) -> np.ndarray:
    array = array.copy()
    array[:, unit] = 0
    return array


@both
def test_a_recurrent_unit_is_0_at_every_step_and_seen_by_none(cell: Any) -> None:
    model = model_of((cell, LastStep(), Dense(2)), SERIES)
    (name, *_) = model.network.names()
    for unit in (0, 3):
        changed = switched_off(model, [Off(name, (unit,))])
        run = run_model(changed, raw(SERIES))
        assert not run.places[name].values["output"].array[..., unit].any()
        last = run.places[name].last
        assert last is not None
        assert not any(part[:, unit].any() for part in last if part.shape[1] == 4)  # its cell as well
        # Full peepholes see the new cells within a step, where no hand comes between.
        full = getattr(cell, "peephole", "none") == "full"
        expected = answers(run_model(smaller(model, unit), raw(SERIES)).outputs) if full else without(model, unit)
        np.testing.assert_allclose(answers(run.outputs), expected, rtol=1e-10, atol=1e-10)


def test_a_bidirectional_layer_counts_its_units_through() -> None:
    layers = (Bidirectional(GRU(3)), MeanOverTime(), Dense(2))
    model = model_of(layers, SERIES)
    changed = switched_off(model, [Off("bidirectional1", (1, 5))])
    output = run_model(changed, raw(SERIES)).places["bidirectional1"].values["output"].array
    assert [unit for unit in range(6) if not output[..., unit].any()] == [1, 5]
    assert not changed.params["dense1/weight"][[1, 5]].any()
    assert changed.params["dense1/weight"][[0, 2, 3, 4]].all()


GATED = [
    LSTM(4), LSTM(4, peephole="diagonal"), LSTM(4, peephole="full"), LSTM(4, peephole="diagonal", coupled=True),
    LSTM(4, peephole="full", coupled=True), GRU(4), GRU(4, form="pytorch"),
]  # fmt: skip


@pytest.mark.parametrize("cell", GATED, ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_gate_has_the_value_it_is_held_at(cell: Any, dtype: Any) -> None:
    wide = model_of((cell, LastStep(), Dense(2)), SERIES)
    if "lstm1/peephole" in wide.params:
        wide.params["lstm1/peephole"][...] *= 1000  # more than a bias of 30 could hold
    model = Model(wide.network, wide.params.like(wide.params.vector.astype(dtype)), wide.meta)
    (name, *_) = model.network.names()
    gates = cell.gates if isinstance(cell, LSTM) else ("update", "reset", "candidate")
    for gate, value in itertools.product(gates, (0, 1, -1)):
        if value < 0 and gate != "candidate":
            continue
        changed = switched_off(model, [parse_off(f"{name}:{gate}={value}:1-2")])
        plain, held = (run_model(each, raw(SERIES)).places[name].values[gate].array for each in (model, changed))
        for row, length in enumerate((4, 1, 6)):
            own = held[row, :length, 1:3]
            if dtype == np.float32:
                assert (own == value).all(), gate
            else:
                np.testing.assert_allclose(own, value, atol=1e-12)
        first = plain[:, 0, [0, 3]]  # at the first step, the other units are as they were
        exact = gate == "output_gate" and getattr(cell, "peephole", "none") == "full"  # unless it sees the new cells
        assert exact or np.array_equal(first, held[:, 0, [0, 3]])


def test_a_gate_of_one_direction() -> None:
    model = tagger()
    for text, ahead, back in (
        ("bidirectional1:forget", range(4), range(4)),
        ("bidirectional1:forward/forget=0:1", [1], []),
        ("bidirectional1:forget=0:3-4", [3], [0]),
    ):
        values = trace(switched_off(model, [parse_off(text)]), "ab").values
        for way, expected in (("forward", ahead), ("backward", back)):
            gate = values[f"bidirectional1/{way}/forget"].array
            assert [unit for unit in range(4) if (gate[..., unit] < 1e-12).all()] == list(expected), text


def test_an_encoders_unit_that_is_off_is_0_in_the_context() -> None:
    model = translator(reverse=True)
    changed = switched_off(model, [parse_off("encoder/lstm1:2")])
    found = trace(changed, ["abc", "b"], ["ab", "c"])
    for part in ("hidden", "cell"):
        context = found.values[f"seq2seq1/context/lstm1/{part}"].array
        assert not context[:, 2].any() and context[0, [0, 1, 3, 4]].all()
    # and nothing in the decoder sees its own unit 2, whatever it begins with
    changed = switched_off(model, [parse_off("decoder/lstm1:2")])
    decoder = changed.params.scope("seq2seq1").scope("decoder")
    assert not decoder["lstm1/recurrent_weight"][2].any() and not decoder["dense1/weight"][2].any()


def test_a_dense_bridge_sees_nothing_of_a_unit_that_is_off() -> None:
    model = captioner()
    for text, width in (("encoder/dense1:1", 4), ("decoder/rnn1:1", 5)):
        changed = switched_off(model, [parse_off(text)])
        before, after = (trace(each, images(2), ["ab", "c"]).values for each in (model, changed))
        state = "seq2seq1/context/rnn1/hidden"
        if width == 4:
            context = before["seq2seq1/encoder/dense1/output"].array.copy()
            context[:, 1] = 0
            bridge = model.params.scope("seq2seq1").scope("bridge")
            expected = np.tanh(context @ bridge["rnn1/hidden/weight"] + bridge["rnn1/hidden/bias"])
            np.testing.assert_allclose(after[state].array, expected, rtol=1e-12)
        else:
            assert not after[state].array[:, 1].any()
            assert not after["seq2seq1/decoder/rnn1/output"].array[..., 1].any()


def test_shipped_models_answer_otherwise() -> None:
    digits = load("digits-cnn")
    rng = np.random.default_rng(0)
    inputs = rng.integers(0, 17, (5, 8, 8), np.uint8)
    before = digits.params.vector.copy()
    changed = switched_off(digits, [parse_off("conv1:0-15")])
    first = run_model(changed, inputs)
    # with all maps off, conv2 sees only zeros and gives its bias everywhere
    maps = first.places["conv2"].y
    np.testing.assert_array_equal(maps, np.broadcast_to(digits.params["conv2/bias"], maps.shape))
    np.testing.assert_array_equal(digits.params.vector, before)
    speaker = load("cmudict-seq2seq")
    (said,) = speaker.translate("thought")
    assert said.text == "TH AO T"
    (other,) = switched_off(speaker, [parse_off("encoder/lstm1:forget")]).translate("thought")
    assert other.text != said.text
    (nothing,) = switched_off(speaker, [parse_off("encoder/lstm1:0-191")]).translate("thought")
    (same,) = switched_off(speaker, [parse_off("encoder/lstm1:0-191")]).translate("xyz")
    assert nothing.log_probability == pytest.approx(same.log_probability, rel=1e-5)  # it has read nothing
    assert nothing.text[:4] == same.text[:4]


def test_several_things_can_be_off() -> None:
    changed = switched_off(xor(), [parse_off("dense1:0"), parse_off("step1:1")])
    assert not changed.params["dense2/weight"].any()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("conv1:3,5-7", Off("conv1", (3, 5, 6, 7))),
        ("a/lstm1:0", Off("a/lstm1", (0,))),
        ("conv1:5-7,6,3", Off("conv1", (3, 5, 6, 7))),
        ("lstm1:forget", Off("lstm1", None, "forget", 0)),
        ("lstm1:forget=1", Off("lstm1", None, "forget", 1)),
        ("lstm1:candidate=-1:3-5", Off("lstm1", (3, 4, 5), "candidate", -1)),
        ("bidirectional1:forward/update=1:0", Off("bidirectional1", (0,), "forward/update", 1)),
    ],
)
def test_what_can_be_said(text: str, expected: Off) -> None:
    assert parse_off(text) == expected
    assert parse_off(str(expected)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "", "conv1", ":3", "conv1:", "conv1:a3", "conv1:3-", "conv1:-3", "conv1:7-5", "conv1:3:4", "lstm1:forget=2",
        "lstm1:forget=1:", "lstm1:forget:3:4", "conv1:99999999999999999999", "conv1:³", "conv1:1 2", "lstm1:forget=0.5",
    ],
)  # fmt: skip
def test_what_cannot_be_said(text: str) -> None:
    with pytest.raises(TuinetError) as caught:
        parse_off(text)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("model", "text", "message", "hint"),
    [
        (cnn(), "conv1:4", "conv1 has no map 4", "Maps: 0 to 3."),
        (cnn(), "conv9:0", "no layer 'conv9'", "Layers: conv1"),
        (cnn(), "dense1:0", "the answer itself", "conv1, relu1, pool1"),
        (cnn(), "conv1:forget", "conv1 has no gates", "Units can be off: conv1:0."),
        (classifier(), "lstm1:update", "no gate 'update'", "forget, input, output, candidate"),
        (classifier(), "lstm1:forget=-1", "between 0 and 1", "lstm1:forget=0 or =1."),
        (classifier(), "lstm1:forget=1:4", "lstm1 has no unit 4", "0 to 3."),
        (classifier(cell=RNN(4)), "rnn1:forget", "rnn1 has no gates", "rnn1:0"),
        (classifier(cell=GRU(4, bias=False)), "gru1:update=1", "no biases", "gru1:candidate=0"),
        (classifier(cell=LSTM(4, coupled=True)), "lstm1:input", "no gate 'input'", "forget, output, candidate"),
        (tagger(), "bidirectional1:sideways/forget", "no direction 'sideways'", "forward/forget"),
        (translator(), "seq2seq1:0", "no units of its own", "encoder/embedding1"),
        (translator(), "lstm1:0", "several layers 'lstm1'", "seq2seq1/decoder/lstm1"),
        (language_model(), "dense1:0", "the answer itself", "embedding1, lstm1"),
        (model_of(PATHS[2][0], Shape.vector(4)), "dense1:0", "softmax1 behind it mixes", "softmax1"),
        (model_of((Dense(2),), Shape.vector(4)), "dense1:0", "the answer itself", "no layers with others behind"),
    ],
)
def test_what_cannot_be_off_says_what_can(model: Model, text: str, message: str, hint: str) -> None:
    with pytest.raises(TuinetError, match=message) as caught:
        switched_off(model, [parse_off(text)])
    assert hint in caught.value.hint
    assert "\n" not in caught.value.message


def test_units_are_counted_from_0_in_python_too() -> None:
    with pytest.raises(TuinetError, match="no map -1"):
        switched_off(cnn(), [Off("conv1", (-1,))])


def test_symbols_and_embeddings_are_units_too() -> None:
    for model, layer, unit in ((one_hot_classifier(), "onehot1", 3), (classifier(), "embedding1", 1)):
        changed = switched_off(model, [Off(layer, (unit,))])
        assert not changed.params["lstm1/input_weight"][unit].any()
        assert np.isfinite(answers(run_model(changed, model.raw("ab")).outputs)).all()


def test_the_output_gate_may_be_called_as_views_call_it() -> None:
    model = classifier()
    one, other = (switched_off(model, [parse_off(f"lstm1:{name}=1")]) for name in ("output", "output_gate"))
    assert (one.params.vector == other.params.vector).all()
    assert (one.params.vector != model.params.vector).any()
