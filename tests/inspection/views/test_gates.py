"""Gates step by step: as worked out by hand, as traced, each sample with its own steps alone, in reading order."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import pytest

import tuinet
from tests.inspection.sequence_questions import TEXTS, ask, cell, picture, reader
from tests.model.text_models import captioner, translator
from tuinet.errors import TuinetError
from tuinet.inspection.question import find_layer, nodes
from tuinet.inspection.steps import change
from tuinet.inspection.trace import trace
from tuinet.inspection.views.gates import VIEWS, gates
from tuinet.inspection.words import in_words
from tuinet.model.model import Model
from tuinet.nn.layers.bidirectional import Bidirectional
from tuinet.nn.layers.clockwork import Clockwork
from tuinet.nn.layers.embedding import Embedding
from tuinet.nn.layers.gru import GRU
from tuinet.nn.layers.lstm import LSTM
from tuinet.nn.layers.over_time import LastStep
from tuinet.nn.layers.rnn import RNN
from tuinet.nn.parts import Part
from tuinet.render.draw import Paper, draw, draw_all, plain

(OFFER,) = VIEWS
CELLS: list[Part] = [
    RNN(4),
    RNN(4, "relu"),
    LSTM(4),
    LSTM(4, peephole="diagonal"),
    LSTM(4, peephole="full", coupled=True),
    GRU(4),
    GRU(4, form="pytorch"),
    Clockwork(4, (1, 2)),
    Bidirectional(LSTM(4)),
    Bidirectional(Clockwork(4, (1, 3))),
]
every_cell = pytest.mark.parametrize("layer", CELLS, ids=lambda layer: type(layer).__name__)


def name_of(model: Model) -> str:
    return model.network.names()[1]


def sigma(number: float) -> float:
    return 1 / (1 + math.exp(-number))


def sums(model: Model, path: str, x: list[float], hidden: list[float]) -> list[float]:
    """x U + h W + b, one number after the other."""
    u, w, b = (model.params[f"{path}/{name}"] for name in ("input_weight", "recurrent_weight", "bias"))
    return [
        sum(x[i] * u[i, k] for i in range(len(x))) + sum(hidden[j] * w[j, k] for j in range(len(hidden))) + b[k]
        for k in range(len(b))
    ]


def test_an_lstm_worked_out_step_by_step() -> None:
    model = cell(LSTM(2), seed=3)
    hidden, memory = [0.0, 0.0], [0.0, 0.0]
    expected: dict[str, list[list[float]]] = {}
    for symbol in "cab":
        x = model.params["embedding1/weight"][3 + "abc".index(symbol)].tolist()
        n = sums(model, "lstm1", x, hidden)
        step = {
            "forget": list(map(sigma, n[:2])),
            "input": list(map(sigma, n[2:4])),
            "output": list(map(sigma, n[4:6])),
        }
        step["candidate"] = list(map(math.tanh, n[6:]))
        memory = [step["forget"][k] * memory[k] + step["input"][k] * step["candidate"][k] for k in range(2)]
        hidden = [step["output"][k] * math.tanh(memory[k]) for k in range(2)]
        for name, values in {**step, "cell": memory, "hidden": hidden}.items():
            expected.setdefault(name, []).append(values)
    found = gates(ask(model, "lstm1", "cab"))
    assert [view.name for view in found] == [f"lstm1/{name}" for name in expected]
    for view, (name, values) in zip(found, expected.items(), strict=True):
        assert view.data == pytest.approx(np.array(values), rel=1e-12), name
        assert view.axes[0].labels == ("0 c", "1 a", "2 b")
        assert view.axes[1].labels == ("0", "1")
    assert [(view.low, view.high) for view in found] == [(0, 1)] * 3 + [(-1, 1), (None, None), (-1, 1)]


def test_a_gru_worked_out_step_by_step() -> None:
    model = cell(GRU(2), seed=3)
    u, w, b = (model.params[f"gru1/{name}"] for name in ("input_weight", "recurrent_weight", "bias"))
    hidden = np.zeros(2)
    expected: dict[str, list[Any]] = {"update": [], "reset": [], "candidate": [], "hidden": []}
    for symbol in "cab":
        x = model.params["embedding1/weight"][3 + "abc".index(symbol)]
        update, reset = (1 / (1 + np.exp(-(x @ u[:, k] + hidden @ w[:, k] + b[k]))) for k in (slice(2), slice(2, 4)))
        candidate = np.tanh(x @ u[:, 4:] + (reset * hidden) @ w[:, 4:] + b[4:])
        hidden = (1 - update) * hidden + update * candidate
        for name, values in zip(expected, (update, reset, candidate, hidden), strict=True):
            expected[name].append(values)
    found = gates(ask(model, "gru1", "cab"))
    assert [view.name for view in found] == [f"gru1/{name}" for name in expected]
    for view, values in zip(found, expected.values(), strict=True):
        assert view.data == pytest.approx(np.array(values), rel=1e-12)


KEYS = {"output": "output_gate", "hidden": "output"}


@pytest.mark.parametrize(
    ("name", "path", "text"),
    [("cmudict-seq2seq", "seq2seq1/encoder/lstm1", "thought"), ("shakespeare-lstm", "lstm1", "To be,\nor not")],
)
def test_the_gates_of_shipped_models_are_those_of_a_trace(name: str, path: str, text: str) -> None:
    model = tuinet.load(name)
    traced = trace(model, text)
    found = gates(ask(model, path, text))
    assert [view.name.rsplit("/", 1)[-1] for view in found] == [
        "forget", "input", "output", "candidate", "cell", "hidden",
    ]  # fmt: skip
    for view in found:
        gate = view.name.rsplit("/", 1)[-1]
        np.testing.assert_array_equal(view.data, traced.values[f"{path}/{KEYS.get(gate, gate)}"].array[0])
    if name == "cmudict-seq2seq":
        assert found[0].axes[0].labels == ("0 t", "1 h", "2 g", "3 u", "4 o", "5 h", "6 t")  # read from its end
        assert all("read from its end" in view.title for view in found)
    else:
        assert found[0].axes[0].labels[:8] == ("0 T", "1 o", "2 ␣", "3 b", "4 e", "5 ,", "6 ↵", "7 o")


@every_cell
def test_of_several_samples_each_has_its_own_steps_and_nothing_else(layer: Part) -> None:
    model = cell(layer)
    together = gates(ask(model, name_of(model)))
    alone = [view for text in TEXTS for view in gates(ask(model, name_of(model), text))]
    assert len(together) == len(alone) > 0
    for view, one in zip(together, alone, strict=True):
        assert view.name == one.name and view.axes == one.axes
        assert len(view.data) == len(view.axes[0].labels) == len(one.data)
        np.testing.assert_allclose(view.data, one.data, rtol=1e-12)
    lengths = [len(view.data) for view in together[:: len(together) // 3]]
    assert lengths == [3, 1, 4]


def test_the_backward_direction_is_put_back_in_reading_order() -> None:
    model = cell(Bidirectional(LSTM(4)))
    question = ask(model, "bidirectional1")
    outputs = trace(model, list(TEXTS)).values["bidirectional1/output"].array
    found = gates(question)
    for row, text in enumerate(TEXTS):
        own = found[row * 12 : row * 12 + 12]
        ahead, back = picture(own, "bidirectional1/forward/hidden"), picture(own, "bidirectional1/backward/hidden")
        np.testing.assert_array_equal(ahead.data, outputs[row, : len(text), :4])
        np.testing.assert_array_equal(back.data, outputs[row, : len(text), 4:])
        assert ahead.axes[0].labels == back.axes[0].labels == tuple(f"{t} {each}" for t, each in enumerate(text))
        assert "put back in reading order" in back.notes[0]
        assert not any("reading order" in note for note in ahead.notes)
    both = gates(ask(model, "bidirectional1", "abc", gate="forget"))
    assert [view.name for view in both] == ["bidirectional1/forward/forget", "bidirectional1/backward/forget"]
    (one,) = gates(ask(model, "bidirectional1", "abc", gate="backward/cell"))
    assert one.name == "bidirectional1/backward/cell"


def test_which_groups_ticked() -> None:
    model = cell(Clockwork(6, (1, 2, 3)))
    (ticked,) = gates(ask(model, "clockwork1", "abcab", gate="ticked"))
    assert (ticked.axes[1].name, ticked.axes[1].labels) == ("period", ("1", "2", "3"))
    expected = [[t % period == 0 for period in (1, 2, 3)] for t in range(5)]
    np.testing.assert_array_equal(ticked.data, expected)
    assert ticked.notes[1] == "period 2, units 2–3: ran at 3 of 5 steps"
    hidden = gates(ask(model, "clockwork1", "abcab", gate="hidden"))[0].data
    for k in range(3):
        still = np.flatnonzero(~np.array(expected)[:, k])
        np.testing.assert_array_equal(hidden[still, 2 * k : 2 * k + 2], hidden[still - 1, 2 * k : 2 * k + 2])
    (some,) = gates(ask(model, "clockwork1", "abcab", gate="ticked", units=(4, 5), step=3))
    assert (some.kind, some.data.tolist()) == ("vector", [1])


@pytest.mark.parametrize("width", [60, 120, 200])
def test_every_group_has_a_head_that_can_be_read(width: int) -> None:
    """Over numbers and over colours, which have four characters a column."""
    periods = tuple(2**k for k in range(8))
    model = cell(Clockwork(256, periods))
    for text in ("abcab", "abcab" * 10):
        (ticked,) = gates(ask(model, "clockwork1", text, gate="ticked"))
        lines = plain(draw(ticked, Paper(width, "256"))).split("\n")
        first = next(place for place, line in enumerate(lines) if line.lstrip().startswith("0 a"))
        assert lines[first - 1].split() == [str(period) for period in periods]


def test_units_that_change_most_come_first_under_their_own_numbers() -> None:
    model = cell(LSTM(6))
    for whole, sorted_ in zip(
        gates(ask(model, "lstm1", "caab")), gates(ask(model, "lstm1", "caab", order="change")), strict=True
    ):
        units = [int(label) for label in sorted_.axes[1].labels]
        amounts = np.abs(np.diff(whole.data, axis=0)).sum(axis=0)
        assert sorted(units) == list(range(6)) and units != list(range(6))
        assert [amounts[unit] for unit in units] == sorted(amounts, reverse=True)
        np.testing.assert_array_equal(sorted_.data, whole.data[:, units])
    assert change(np.array([[0.0, 1.0], [2.0, 1.0], [1.0, 1.5]]), np.array([[9.0, 0.0]])).tolist() == [3.0, 0.5]


def test_chosen_units_and_one_step() -> None:
    model = cell(LSTM(6))
    (whole,) = gates(ask(model, "lstm1", "caab", gate="cell"))
    (some,) = gates(ask(model, "lstm1", "caab", gate="cell", units=(5, 2)))
    assert some.axes[1].labels == ("5", "2")
    np.testing.assert_array_equal(some.data, whole.data[:, [5, 2]])
    (one,) = gates(ask(model, "lstm1", "caab", gate="cell", step=3))
    assert one.kind == "vector" and one.axes[0].labels == tuple("012345") and one.title.endswith("step 3 b")
    np.testing.assert_array_equal(one.data, whole.data[3])


@pytest.mark.parametrize(
    ("layer", "choice", "message", "hint"),
    [
        (LSTM(4), {"gate": "updat"}, "lstm1 has no gate 'updat'", "Gates: forget, input, output, candidate, cell"),
        (LSTM(4, coupled=True), {"gate": "input"}, "no gate 'input'", "1 − forget"),
        (GRU(4), {"gate": "forget"}, "no gate 'forget'", "Gates: update, reset, candidate, hidden"),
        (LSTM(4), {"units": (4,)}, "lstm1 has no unit 4", "Units: 0 to 3"),
        (LSTM(4), {"units": ()}, "no unit of lstm1 is named", "Units: 0 to 3"),
        (LSTM(4), {"units": (-1,)}, "no unit -1", "Units: 0 to 3"),
        (LSTM(4), {"step": 2}, "no step 2 for ab", "Steps: 0 to 1"),
        (LSTM(4), {"step": -1}, "no step -1", "Steps: 0 to 1"),
        (Clockwork(4, (1, 2)), {"gate": "ticked", "units": (9,)}, "no unit 9", "Units: 0 to 3"),
    ],
)
def test_what_is_not_there_is_refused_with_what_is(
    layer: Part, choice: dict[str, Any], message: str, hint: str
) -> None:
    model = cell(layer)
    with pytest.raises(TuinetError, match=message) as caught:
        gates(ask(model, name_of(model), "ab", **choice))
    assert hint in caught.value.hint


def test_gates_go_by_the_names_of_the_layer_as_well() -> None:
    def names(layer: Part, gate: str) -> list[str]:
        model = cell(layer)
        return [view.name for view in gates(ask(model, name_of(model), "ab", gate=gate))]

    assert names(LSTM(2), "output") == names(LSTM(2), "output_gate") == ["lstm1/output"]
    assert names(GRU(2), "output") == names(GRU(2), "hidden") == ["gru1/hidden"]
    assert names(LSTM(2, coupled=True), "output") == ["lstm1/output"]


def test_units_that_are_nearly_always_open_or_shut_are_told() -> None:
    model = cell(LSTM(3))
    model.params.vector *= 0.01
    model.params["lstm1/bias"][:] = [30, -30, 0, 0, 0, 0, 30, 30, 30, 0, 0, 0]
    forget, let_in, leave, candidate, *_ = gates(ask(model, "lstm1", "abc"))
    assert forget.notes[0].startswith("mean, step by step: 0.50 0.50 0.50")
    assert forget.notes[1:] == (
        "open (> 0.9) at nearly every step: 1 of 3 units, 0",
        "shut (< 0.1) at nearly every step: 1 of 3 units, 1",
    )
    assert let_in.notes[1:] == (
        "open (> 0.9) at nearly every step: none of 3 units",
        "shut (< 0.1) at nearly every step: none of 3 units",
    )
    assert "3 of 3 units, 0, 1, 2" in leave.notes[1]
    assert len(candidate.notes) == 1
    (long,) = gates(ask(model, "lstm1", "abc" * 20, gate="forget"))
    assert long.notes[0].startswith("mean from 0.50 at step ")
    assert "open (> 0.9) at nearly every step: 1 of 3 units, 0" in in_words(long)


def test_values_outside_the_usual_range_are_not_cut_off() -> None:
    model = cell(RNN(3, "relu"))
    model.params["rnn1/bias"][:] = 5
    (view,) = gates(ask(model, "rnn1", "abc"))
    assert view.data.max() > 1 and view.range[1] == view.data.max()


def test_a_decoder_fed_the_target_its_answer_or_both() -> None:
    model, path = translator(2), "seq2seq1/decoder/lstm1"
    assert find_layer(model, "decoder/lstm1") == path
    texts, targets = ("ab", "cca"), ["ba", "c"]
    own = model.translate(list(texts))
    for way, fed in (("forced", targets), ("free", [answer.text for answer in own])):
        traced = trace(model, list(texts), fed).values[f"{path}/cell"].array
        found = gates(ask(model, path, texts, targets, gate="cell", decoder=way))
        both = gates(ask(model, path, texts, targets, gate="cell", decoder="both"))
        for row, symbols in enumerate(fed):
            expected = traced[row, : len(symbols) + 1]
            assert found[row].data == pytest.approx(expected, rel=1e-12)
            assert found[row].axes[0].labels == ("0 <start>", *(f"{t} {each}" for t, each in enumerate(symbols, 1)))
            named = [view for view in both if view.name == f"{path}/cell/{way}"]
            np.testing.assert_array_equal(named[row].data, found[row].data)
    assert len(gates(ask(model, "seq2seq1/encoder/lstm1", texts, targets, gate="cell", decoder="both"))) == 2
    (unknown,) = gates(ask(model, path, "ab", gate="cell"))
    assert "its own answer" in unknown.title
    with pytest.raises(TuinetError, match="nobody knows it") as caught:
        gates(ask(model, path, "ab", decoder="both"))
    assert "--decoder free" in caught.value.hint


def test_every_recurrent_layer_and_no_other_has_gates() -> None:
    for model in (cell(LSTM(4)), reader(Embedding(3), Bidirectional(GRU(2)), LastStep()), translator(), captioner()):
        for path, node in nodes(model).items():
            recurrent = path.rstrip("0123456789").endswith(("rnn", "lstm", "gru", "clockwork", "bidirectional"))
            assert OFFER.fits(model, node) == recurrent, path
        assert not OFFER.fits(model, None)


def test_weights_that_are_not_finite_are_shown_as_they_are() -> None:
    model = cell(LSTM(3))
    model.params["lstm1/recurrent_weight"][0, 0] = np.nan
    for view in gates(ask(model, "lstm1", "abc", order="change")):
        assert np.isnan(view.data).any() and in_words(view)


def test_gates_of_a_word_take_less_than_a_tenth_of_a_second() -> None:
    model = tuinet.load("cmudict-seq2seq")
    gates(ask(model, "seq2seq1/encoder/lstm1", "though"))
    start = time.perf_counter()
    gates(ask(model, "seq2seq1/encoder/lstm1", "thought", order="change"))
    assert time.perf_counter() - start < 0.1


@pytest.mark.parametrize("ascii_only", [False, True])
def test_drawn_steps_bear_their_number_once(ascii_only: bool) -> None:
    model = tuinet.load("shakespeare-lstm")
    text = plain(
        draw_all(gates(ask(model, "lstm1", "a b", gate="forget", units=(0, 1))), Paper(60, "none", ascii_only))
    )
    steps = [line.split()[:2] for line in text.split("\n") if line[:2] in ("0 ", "1 ", "2 ")]
    assert steps == [["0", "a"], ["1", "_" if ascii_only else "␣"], ["2", "b"]]
