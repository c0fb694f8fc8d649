"""Dead and saturated units: planted ones are found, and no others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.model.models import cnn, images, made
from tests.model.text_models import captioner, classifier, language_model, tagger, translator
from tuinet import load
from tuinet.data.coding import Coding
from tuinet.data.dataset import Split
from tuinet.data.texts import Texts
from tuinet.errors import TuinetError
from tuinet.inspection.off import parse_off, switched_off
from tuinet.inspection.question import Question, Samples
from tuinet.inspection.trace import trace
from tuinet.inspection.view import Table
from tuinet.inspection.views import health
from tuinet.model.model import Model
from tuinet.nn.layer import Shape
from tuinet.nn.layers.activation import Relu, Sigmoid, Tanh
from tuinet.nn.layers.dense import Dense
from tuinet.nn.losses import CrossEntropy
from tuinet.nn.sequence import Ragged

(OFFER,) = health.VIEWS


def look(model: Model, inputs: Any, targets: Any = None) -> Table:
    targets = np.zeros(len(inputs), int) if targets is None else targets
    split = Split(inputs, targets)
    (table,) = OFFER.make(Question(model, part=lambda: split))
    return table


def rows(table: Table) -> dict[tuple[Any, Any], tuple[Any, ...]]:
    """Mean, dead, saturated, which, verdict by layer and kind of value."""
    return {(row[0], row[1]): row[3:] for row in table.rows}


def units(*biases: float, activation: Any) -> Model:
    """A unit of each bias, which sees x + bias."""
    count = len(biases)
    weights = {"dense1/weight": np.ones((1, count)), "dense1/bias": np.array(biases)}
    return made(
        (Dense(count), activation, Dense(2)), weights, Shape.vector(1), CrossEntropy(), Coding("ids", classes=2)
    )


X = np.linspace(-1, 1, 41)[:, None]


def test_a_dead_unit_is_one_that_no_sample_wakes() -> None:
    """x + b with x from −1 to 1: the rectifier lets nothing of units 1 and 3 through, and of unit 2 one sample."""
    found = rows(look(units(0.0, -1.5, -0.96, -9.0, activation=Relu()), X))
    mean, dead, saturated, which, verdict = found["relu1", "output"]
    assert (dead, saturated, which, verdict) == (0.5, None, "dead 1, 3", "most dead")
    expected = np.maximum(X + np.array([0.0, -1.5, -0.96, -9.0]), 0).mean()
    assert mean == pytest.approx(expected)
    assert found["dense1", "output"][1:] == (0.0, None, "", "healthy")
    assert rows(look(units(0.0, -1.5, -0.96, -9.0, activation=Relu()), X[::-1]))["relu1", "output"][3] == "dead 1, 3"
    found = rows(look(units(-2.0, -2.0, activation=Relu()), X))
    assert found["relu1", "output"][-1] == "dead: nothing comes through"


@pytest.mark.parametrize(("activation", "end"), [(Sigmoid(), np.log(0.98 / 0.02)), (Tanh(), np.arctanh(0.96))])
def test_a_saturated_unit_is_at_an_end_for_nearly_all(activation: Any, end: float) -> None:
    """A unit whose net input is beyond the end for all samples, one for half of them, one on the other side."""
    found = rows(look(units(end + 1.01, end, -end - 1.01, 0.0, activation=activation), X))
    name = f"{activation.stem}1"
    assert found[name, "output"][1:] == (0.0, 0.5, "saturated 0, 2", "most saturated")


def test_the_share_of_samples_decides() -> None:
    """39 of 41 samples are 95.1 %, more than the threshold; 38 are not."""
    end = np.log(0.98 / 0.02)
    for beyond, stuck in ((39, 1.0), (38, 0.0)):
        bias = end - float(X[41 - beyond, 0]) + 1e-9
        found = rows(look(units(bias, activation=Sigmoid()), X))
        assert found["sigmoid1", "output"][2] == stuck


def test_gates_that_are_held_are_saturated() -> None:
    speaker = load("cmudict-seq2seq")
    off = switched_off(speaker, [parse_off("encoder/lstm1:forget=1:3-5"), parse_off("encoder/lstm1:input=0:7")])
    words = Texts(["thought", "banana", "speech", "network"])
    targets = Texts(["TH AO T", "B AH N AE N AH", "S P IY CH", "N EH T W ER K"])
    found = rows(look(off, words, targets))
    assert found["seq2seq1/encoder/lstm1", "forget"][3] == "saturated 3, 4, 5"
    assert found["seq2seq1/encoder/lstm1", "input"][3] == "dead 7; saturated 7"
    assert found["seq2seq1/encoder/lstm1", "forget"][4] == "some saturated, as is usual"
    assert found["seq2seq1/decoder/lstm1", "forget"][2] == 0


def test_a_saturated_gate_is_found_in_steps_that_exist_only() -> None:
    """Behind the end of shorter sequences there is nothing, which is no 0."""
    model = classifier()
    off = switched_off(model, [parse_off("lstm1:forget=1:2")])
    table = look(off, Ragged.of([model.raw("a").row(0), model.raw("abcabcabc").row(0)]))
    found = rows(table)["lstm1", "forget"]
    assert found[1:4] == (0.0, 0.25, "saturated 2")
    steps = [trace(off, text).values["lstm1/forget"].array[0] for text in ("a", "abcabcabc")]
    assert found[0] == pytest.approx(np.concatenate(steps).mean())


def test_not_finite_is_said() -> None:
    model = units(0.0, np.nan, 0.0, activation=Relu())
    found = rows(look(model, X))["dense1", "output"]
    assert found[-1] == "not finite: 1"
    assert found[0] == pytest.approx(X.mean(), abs=1e-12)
    half = rows(look(units(2.0, np.nan, activation=Relu()), X))["dense1", "output"]
    assert half[0] == pytest.approx(2.0)  # of the finite values alone
    assert rows(look(units(np.nan, activation=Relu()), X))["dense1", "output"][0] is None


def test_a_translator_that_writes_no_numbers_is_looked_at_without_a_target() -> None:
    def verdicts(model: Model) -> dict[tuple[Any, Any], Any]:
        (table,) = OFFER.make(Question(model, samples=Samples(model.raw(["abc", "b"]), None, ("abc", "b"))))
        assert isinstance(table, Table)
        return {place: row[-1] for place, row in rows(table).items()}

    model = translator()
    model.params["seq2seq1/decoder/dense1/bias"][2] = np.nan
    found = verdicts(model)
    assert "not finite" in found["seq2seq1/decoder/dense1", "output"]
    assert "not finite" not in found["seq2seq1/encoder/lstm1", "forget"]
    model.params["seq2seq1/encoder/embedding1/weight"][:] = np.nan
    assert "not finite" in verdicts(model)["seq2seq1/encoder/lstm1", "forget"]


def test_at_most_so_many_samples_evenly_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = np.arange(10_000.0)[:, None]
    table = look(units(0.0, activation=Relu()), inputs)
    assert "over 512 samples" in table.notes[0]
    assert rows(table)["dense1", "output"][0] == pytest.approx(4999.5, rel=1e-3)
    monkeypatch.setattr(health, "BATCH", 7)
    again = look(units(0.0, activation=Relu()), inputs)
    assert rows(again)["dense1", "output"][0] == pytest.approx(rows(table)["dense1", "output"][0])


@pytest.mark.parametrize(
    ("model", "inputs", "targets"),
    [
        (cnn(), images(40), None),
        (classifier(), Texts(["abc", "b"]), np.array([0, 1])),
        (tagger(), Texts(["abc", "b"]), Ragged.of([[0, 1, 1], [0]])),
        (language_model(), Texts(["abcabcabc"]), Texts(["abcabcabc"])),
        (translator(), Texts(["abc", "b"]), Texts(["a", "cc"])),
        (captioner(), images(3), Texts(["a", "cc", "b"])),
    ],
)
def test_every_task(model: Model, inputs: Any, targets: Any) -> None:
    table = look(model, inputs, targets)
    assert table.rows and all(len(row) == len(table.columns) for row in table.rows)
    assert not any("not finite" in str(row[-1]) for row in table.rows)


def test_named_inputs_go_before_data() -> None:
    model = translator()
    samples = Samples(model.raw(["abc"]), None, ("abc",))
    (table,) = OFFER.make(Question(model, samples=samples))
    assert "over 1 sample;" in table.notes[0]
    with pytest.raises(TuinetError, match="no data are named"):
        OFFER.make(Question(model))
    with pytest.raises(TuinetError, match="no samples"):
        look(cnn(), images(0))
