"""Edits of layers at their places, also inside others, and of settings as they are typed."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.experiment.strategies import EXPERIMENTS, NAMES
from tuinet.errors import TuinetError
from tuinet.experiment.decode import decode, encode, load_experiment
from tuinet.experiment.edit import apply_settings
from tuinet.experiment.layer_edits import add, duplicate, move, remove, replace, set_field
from tuinet.experiment.places import Place, end, layer_at, list_at, located, rows
from tuinet.experiment.recipes import ORDER
from tuinet.experiment.spec import Experiment
from tuinet.nn.layers.activation import Relu, Tanh
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.gru import GRU
from tuinet.nn.layers.lstm import LSTM
from tuinet.nn.seq2seq import Seq2Seq
from tuinet.nn.stack import names

CNN = load_experiment("digits-cnn")
TRANSLATOR = load_experiment("multi30k-seq2seq")
SLOW = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


def at(path: str) -> Place:
    """The place that a path names, whether or not a layer is there."""
    found = [row.place for row in (*rows(CNN), *rows(TRANSLATOR)) if str(row.place) == path]
    return found[0]


def test_all_layers_in_one_list_with_those_inside() -> None:
    found = rows(TRANSLATOR)
    assert [(str(row.place), row.depth, row.name) for row in found][:5] == [
        ("model.layers[0]", 0, "seq2seq1"),
        ("model.layers[0].encoder[0]", 1, "seq2seq1/encoder/embedding1"),
        ("model.layers[0].encoder[1]", 1, "seq2seq1/encoder/dropout1"),
        ("model.layers[0].encoder[2]", 1, "seq2seq1/encoder/bidirectional1"),
        ("model.layers[0].encoder[2].layer", 2, "seq2seq1/encoder/bidirectional1/layer"),
    ]
    assert [row.name for row in found if row.opens] == ["seq2seq1", "seq2seq1/encoder/bidirectional1"]
    assert [row.name for row in rows(CNN)] == list(names(CNN.model.layers))
    assert str(end(CNN)) == "model.layers[10]"


@pytest.mark.parametrize("name", ORDER)
def test_every_row_leads_to_its_layer_and_to_the_one_it_is_in(name: str) -> None:
    experiment = load_experiment(name)
    for row in rows(experiment):
        assert layer_at(experiment, row.place) == row.layer
        assert located(experiment, f"{row.place}.units") == (row.place, "units")
        assert (row.place.outer is None) == (row.depth == 0)
        if row.place.in_list:
            assert list_at(experiment, row.place)[row.place.index] == row.layer


def test_what_is_about_no_layer_is_about_the_whole() -> None:
    assert located(CNN, "training.schedule.warmup") == (None, "training.schedule.warmup")
    assert located(CNN, "model.layers") == (None, "model.layers")
    assert located(CNN, "model.layers[99]") == (None, "model.layers[99]")
    assert located(TRANSLATOR, "model.layers[0].decoder") == (at("model.layers[0]"), "decoder")


def test_add_remove_move_and_duplicate_by_hand() -> None:
    layers, second = CNN.model.layers, at("model.layers[2]")
    assert add(CNN, second, Tanh()).model.layers == (*layers[:2], Tanh(), *layers[2:])
    assert add(CNN, end(CNN), Tanh()).model.layers == (*layers, Tanh())
    assert remove(CNN, second).model.layers == (*layers[:2], *layers[3:])
    assert move(CNN, second, -1).model.layers == (layers[0], layers[2], layers[1], *layers[3:])
    assert move(CNN, second, 3).model.layers == (*layers[:2], *layers[3:6], layers[2], *layers[6:])
    assert duplicate(CNN, second).model.layers == (*layers[:3], layers[2], *layers[3:])
    assert replace(CNN, second, Dense(3)).model.layers == (*layers[:2], Dense(3), *layers[3:])
    assert load_experiment("digits-cnn") == CNN


def test_edits_inside_a_translator_and_a_bidirectional_layer() -> None:
    after = add(TRANSLATOR, at("model.layers[0].decoder[2]"), LSTM(7))
    (layer,) = after.model.layers
    assert isinstance(layer, Seq2Seq) and layer.decoder[2] == LSTM(7) and len(layer.decoder) == 6
    assert layer.encoder == TRANSLATOR.model.layers[0].encoder  # type: ignore[union-attr]
    inner = at("model.layers[0].encoder[2].layer")
    assert layer_at(replace(TRANSLATOR, inner, LSTM(5)), inner) == LSTM(5)


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda: remove(CNN, end(CNN)), "no layer at model.layers[10]"),
        (lambda: add(CNN, end(CNN).beside(1), Relu()), "no layer at model.layers[11]"),
        (lambda: add(CNN, end(CNN).at(-1), Relu()), "no layer at"),
        (lambda: move(CNN, at("model.layers[0]"), -1), "conv2d is the first layer of model.layers"),
        (lambda: move(CNN, at("model.layers[9]"), 1), "dense is the last layer of model.layers"),
        (lambda: move(CNN, at("model.layers[9]"), 7), "there is no place 16"),
        (lambda: remove(TRANSLATOR, at("model.layers[0].encoder[2].layer")), "is read in both directions"),
        (lambda: replace(TRANSLATOR, at("model.layers[0].encoder[2].layer"), Dense(3)), "dense cannot be read in both"),
        (lambda: add(CNN, at("model.layers[0].encoder[1]"), Relu()), "there are no layers at"),
        (lambda: add(TRANSLATOR, at("model.layers[0].encoder[1]"), TRANSLATOR.model.layers[0]), "only layer"),
        (lambda: list_at(CNN, Place(("data", "augment", 0))), "there are no layers at data.augment[0]"),
    ],
)  # fmt: skip
def test_what_cannot_be_edited_is_said_in_words(edit, words: str) -> None:
    with pytest.raises(TuinetError) as caught:
        edit()
    assert words in caught.value.message


def frozen(experiment: Experiment, *freeze: str) -> Experiment:
    model = msgspec.structs.replace(experiment.model, freeze=freeze)
    return msgspec.structs.replace(experiment, model=model)


def test_what_is_frozen_stays_frozen_under_its_new_name() -> None:
    """Names count the layers of a kind: without conv1, what was conv2 is conv1."""
    both = frozen(CNN, "conv2", "conv1")
    assert add(both, at("model.layers[0]"), Conv2D(4, 3)).model.freeze == ("conv3", "conv2")
    assert remove(both, at("model.layers[0]")).model.freeze == ("conv1",)
    assert move(both, at("model.layers[0]"), 2).model.freeze == ("conv1", "conv2")
    assert replace(both, at("model.layers[0]"), Conv2D(4, 3)).model.freeze == ("conv2", "conv1")
    assert replace(both, at("model.layers[0]"), Relu()).model.freeze == ("conv1",)
    inside = frozen(TRANSLATOR, "seq2seq1/encoder/embedding1", "seq2seq1/decoder", "nothing")
    first = at("model.layers[0].encoder[0]")
    kept = duplicate(inside, first).model.freeze
    assert kept == ("seq2seq1/encoder/embedding1", "seq2seq1/decoder", "nothing")
    assert remove(inside, first).model.freeze == ("seq2seq1/decoder", "nothing")
    assert remove(inside, at("model.layers[0]")).model.freeze == ("nothing",)


@given(EXPERIMENTS, st.data())
@SLOW
def test_every_edit_can_be_taken_back_and_written(experiment: Experiment, data: st.DataObject) -> None:
    experiment = frozen(experiment)
    found = [row.place for row in rows(experiment) if row.place.in_list]
    if not found:
        return
    place = data.draw(st.sampled_from(found))
    layer = layer_at(experiment, place)
    length = len(list_at(experiment, place))
    target = data.draw(st.integers(0, length - 1))
    moved = move(experiment, place, target - place.index)
    assert layer_at(moved, place.at(target)) == layer
    assert move(moved, place.at(target), place.index - target) == experiment
    assert remove(duplicate(experiment, place), place) == experiment
    assert remove(add(experiment, place, Relu()), place) == experiment
    assert add(remove(experiment, place), place, layer) == experiment
    assert replace(replace(experiment, place, GRU(3)), place, layer) == experiment
    for after in (moved, duplicate(experiment, place), remove(experiment, place)):
        assert decode(encode(after)) == after


@given(EXPERIMENTS)
@SLOW
def test_anything_the_structs_allow_is_the_same_after_it_was_a_file(experiment: Experiment) -> None:
    assert decode(encode(experiment)) == experiment


# ── settings as they are typed ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("key", "text", "setting"),
    [
        ("title", "2024", 'title="2024"'),
        ("title", 'a = "b"', "title='a = \"b\"'"),
        ("title", "", "title="),
        ("training.epochs", " 7 ", "training.epochs=7"),
        ("training.batch_size", "all", "training.batch_size=all"),
        ("training.optimizer", "sgd", "training.optimizer=sgd"),
        ("training.early_stopping.patience", "3", "training.early_stopping.patience=3"),
        ("training.early_stopping", "", "training.early_stopping="),
        ("model.freeze", "conv1, conv2", 'model.freeze=["conv1", "conv2"]'),
        ("model.freeze", "conv1", 'model.freeze=["conv1"]'),
        ("model.freeze", "['conv1']", 'model.freeze=["conv1"]'),
        ("model.start", "true", 'model.start="true"'),
        ("model.layers[0].kernel", "3 5", "model.layers[0].kernel=[3, 5]"),
        ("model.layers[0].kernel", "3×5", "model.layers[0].kernel=[3, 5]"),
        ("model.layers[0].kernel", "5", "model.layers[0].kernel=5"),
        ("model.layers[0].padding", "2", "model.layers[0].padding=2"),
        ("model.layers[0].initializer", "zeros", "model.layers[0].initializer=zeros"),
        ("data.augment[0]", "", "data.augment[0]="),
    ],
)
def test_a_setting_is_typed_without_quotes_and_brackets(key: str, text: str, setting: str) -> None:
    assert set_field(CNN, key, text) == apply_settings(CNN, [setting])


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        ("training.epochs", "many", 'training.epochs: a whole number from 1 to 1,000,000 is needed here, not "many"'),
        ("training.epochs", "", "training.epochs: this key is missing"),
        ("training.epoch", "3", "training.epoch: unknown key"),
        ("model.layers[0].kernel", "3 3 3", "model.layers[0].kernel: a whole number of at least 1 or a list of 2"),
        ("name", "a b", "name: a name of at most 64 letters"),
        ("no key", "3", '"no key": this is no key'),
    ],
)  # fmt: skip
def test_a_wrong_value_is_told_in_words(key: str, text: str, message: str) -> None:
    with pytest.raises(TuinetError) as caught:
        set_field(CNN, key, text)
    assert caught.value.message.startswith(message)


@given(NAMES, st.text(st.characters(blacklist_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), max_size=20))
@SLOW
def test_any_text_can_be_typed(name: str, title: str) -> None:
    after = set_field(set_field(CNN, "name", name), "title", title)
    assert (after.name, after.title) == (name, title)
