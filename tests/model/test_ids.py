"""Arrays of a caller's own: ids outside the vocabulary, sequences without steps and values that are no numbers are
refused in words, before the network sees them."""

from __future__ import annotations

import numpy as np
import pytest

from tests.model.text_models import captioner, classifier, language_model, tagger, translator
from tuinet.data.dataset import Dataset, DatasetInfo, Split
from tuinet.errors import TuinetError
from tuinet.experiment.spec import TrainingSettings
from tuinet.inspection.trace import trace
from tuinet.model.model import Model, new_model
from tuinet.nn.layer import Shape
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.rnn import RNN
from tuinet.nn.losses import CrossEntropy
from tuinet.nn.network import Sequential
from tuinet.nn.optimizers import Sgd
from tuinet.nn.sequence import Ragged
from tuinet.training.fit import fit

SOUND = Ragged.of([[3, 4], [5]])
IDS = [Ragged.of([[3, 200], [5]]), Ragged.of([[3, 4], [-3]]), Ragged.of([[3.0, 4.0], [5.0]])]
EMPTY = Ragged.of([[3, 4, 5], []], np.intp)
ANSWERS = {
    "classifier": (classifier, np.zeros(2, int)),
    "tagger": (tagger, Ragged.of([[0, 1], [1]])),
    "translator": (translator, Ragged.of([[3], [4]])),
}


@pytest.mark.parametrize("kind", ANSWERS)
@pytest.mark.parametrize("inputs", IDS)
def test_ids_outside_the_vocabulary(kind: str, inputs: Ragged) -> None:
    model, targets = ANSWERS[kind]
    made = model()
    assert made.evaluate(Split(SOUND, targets))["samples"] == 2
    with pytest.raises(TuinetError, match=r"inputs are not all symbols of the vocabulary: 0 to 5"):
        made.evaluate(Split(inputs, targets))
    with pytest.raises(TuinetError, match=r"inputs are not all symbols of the vocabulary: 0 to 5"):
        trace(made, inputs)


@pytest.mark.parametrize("wrong", [200, -3])
def test_windows_of_ids_outside_the_vocabulary(wrong: int) -> None:
    ids = np.array([[3, 4], [5, 3]])
    assert language_model().evaluate(Split(ids, ids))["samples"] == 2
    with pytest.raises(TuinetError, match="not all symbols"):
        language_model().evaluate(Split(np.array([[3, 4], [wrong, 3]]), ids))
    with pytest.raises(TuinetError, match="one target a step"):
        language_model().evaluate(Split(ids, ids[:, :1]))


@pytest.mark.parametrize("kind", ANSWERS)
def test_a_sequence_without_steps(kind: str) -> None:
    model, targets = ANSWERS[kind]
    for ask in (lambda: model().evaluate(Split(EMPTY, targets)), lambda: trace(model(), EMPTY)):
        with pytest.raises(TuinetError, match="sequence 2 is empty"):
            ask()
    wanted = Ragged.of([[0]] * 5002) if isinstance(targets, Ragged) else np.zeros(5002, int)
    late = Split(Ragged.of([[3]] * 5001 + [[]], np.intp), wanted)
    with pytest.raises(TuinetError, match="sequence 5002 is empty"):
        model().evaluate(late)


def test_only_the_rows_of_the_part_count() -> None:
    inputs = Ragged.of([[3, 4], [200], [5]])
    assert classifier().evaluate(Split(inputs, np.zeros(3, int), np.array([0, 2])))["samples"] == 2


def test_answers_and_targets() -> None:
    with pytest.raises(TuinetError, match="not all symbols"):
        translator().evaluate_answers(Split(IDS[0], SOUND))
    with pytest.raises(TuinetError, match="writes sequences"):
        translator().evaluate(Split(SOUND, np.zeros(2, int)))
    with pytest.raises(TuinetError, match="targets are not all symbols of the vocabulary: 0 to 5"):
        trace(translator(), SOUND, IDS[0])
    with pytest.raises(TuinetError, match="one target a step: sequence 2 has 1 steps and 2 targets"):
        tagger().evaluate(Split(SOUND, Ragged.of([[0, 1], [1, 1]])))
    with pytest.raises(TuinetError, match="one target a step"):
        tagger().evaluate(Split(SOUND, np.zeros(2, int)))


def test_an_input_that_is_no_number_is_to_blame_and_not_the_weights() -> None:
    image = np.zeros((2, 8, 8, 1))
    image[1, 3, 3] = np.nan
    with pytest.raises(TuinetError, match="an input is not a finite number"):
        captioner().translate(image)
    with pytest.raises(TuinetError, match="an input is not a finite number"):
        captioner().evaluate_answers(Split(image, SOUND))
    with pytest.raises(TuinetError, match="an input is not a finite number"):
        number_tagger().tag([[[0.0], [np.inf]]])


def number_tagger() -> Model:
    info = DatasetInfo("series", "tagging", Shape((1,), ("channel",), sequence=True), {"train": 9}, labels=("a", "b"))
    return new_model(Sequential((RNN(3), Dense(2))), info, (), CrossEntropy())


def test_sequences_of_other_steps() -> None:
    targets = Ragged.of([[0], [1]])
    with pytest.raises(TuinetError, match="not sequences of what the model takes"):
        number_tagger().evaluate(Split(np.zeros((2, 1, 3)), targets))
    with pytest.raises(TuinetError, match="no sequences"):
        number_tagger().evaluate(Split(np.zeros(2), targets))


def test_training_looks_before_it_begins() -> None:
    data = Dataset(
        "own", "classification", Shape.tokens(6), {"train": Split(IDS[0], np.zeros(2, int))}, ("bad", "good")
    )
    settings = TrainingSettings(loss=CrossEntropy(), optimizer=Sgd(0.1), epochs=1)
    with pytest.raises(TuinetError, match="not all symbols"):
        next(fit(classifier(), data, settings))
