"""Saving a file that was opened: it says what is to be said, and what did not change keeps its bytes."""

from __future__ import annotations

import random
import time
from pathlib import Path

import msgspec
import pytest
import tomlkit

from tuinet.errors import TuinetError
from tuinet.experiment.decode import absolute, decode, encode, to_raw
from tuinet.experiment.edit import apply_settings
from tuinet.experiment.inline import inline
from tuinet.experiment.recipes import ORDER, recipe_text
from tuinet.experiment.spec import Experiment
from tuinet.experiment.toml_file import LARGEST_KEPT, updated
from tuinet.experiment.toml_list import cut, matched, put_together
from tuinet.nn.layers.activation import Relu, Tanh
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.dropout import Dropout

RECIPES = {name: decode(recipe_text(name)) for name in ORDER}
replace = msgspec.structs.replace

HAND = """\
# my network
name = "mine"   # the name
training.epochs = 5 # few
training.loss.kind = "cross-entropy"
training.optimizer = { kind = "sgd" }   # plain
data = { source = { kind = "digits" } }

# a picture becomes a row
[[model.layers]]
kind = "flatten"

# the first
# hidden layer
[[model.layers]] # sixteen
units = 16 # units
kind = "dense"

# bends
[[model.layers]]
kind = "relu"
[[model.layers]]
kind = "dense" # the last
"""


def changed(text: str, *settings: str) -> tuple[list[str], list[str]]:
    """The lines that are gone and those that are new after these settings; the law is held on the way."""
    experiment = apply_settings(decode(text), settings)
    after = updated(text, experiment)
    assert decode(after) == experiment
    before = text.splitlines()
    return (
        [line for line in before if line not in after.splitlines()],
        [line for line in after.splitlines() if line not in before],
    )


def with_layers(experiment: Experiment, *layers: object) -> Experiment:
    return replace(experiment, model=replace(experiment.model, layers=tuple(layers)))


def mutated(experiment: Experiment, rng: random.Random) -> Experiment:
    """One edit as the Build screen makes them; parts come from other recipes."""
    other = RECIPES[rng.choice(ORDER)]
    layers = list(experiment.model.layers)
    place = rng.randrange(len(layers)) if layers else 0
    match rng.choice(["move", "remove", "add", "training", "data", "model", "whole"]):
        case "move" if layers:
            layers.insert(rng.randrange(len(layers)), layers.pop(place))
        case "remove" if layers:
            layers.pop(place)
        case "add":
            layers.insert(place, rng.choice(other.model.layers))
        case "training":
            field = rng.choice(experiment.training.__struct_fields__)
            taken = replace(experiment.training, **{field: getattr(other.training, field)})
            return replace(experiment, training=taken)
        case "data":
            field = rng.choice(experiment.data.__struct_fields__)
            return replace(experiment, data=replace(experiment.data, **{field: getattr(other.data, field)}))
        case "model":
            return replace(experiment, model=other.model)
        case _:
            return replace(experiment, training=other.training, title=other.title)
    return with_layers(experiment, *layers)


@pytest.mark.parametrize("name", ORDER)
def test_what_is_saved_says_what_was_built(name: str) -> None:
    """The law, for every recipe, its own text and the one a run keeps, through many edits."""
    rng = random.Random(name)
    for text in (recipe_text(name), encode(RECIPES[name])):
        assert updated(text, RECIPES[name]) == text
        for _ in range(4):
            experiment = RECIPES[name]
            for _ in range(rng.randrange(1, 5)):
                experiment = mutated(experiment, rng)
            assert decode(updated(text, experiment)) == experiment


@pytest.mark.parametrize("name", ORDER)
def test_one_setting_changes_one_line(name: str) -> None:
    gone, new = changed(recipe_text(name), "training.epochs=77")
    assert len(gone) == len(new) == 1
    assert new[0].startswith("epochs = 77")
    assert new[0].partition("#")[2] == gone[0].partition("#")[2]


def test_a_key_that_was_left_out_is_written_where_its_table_is_and_a_default_is_not() -> None:
    gone, new = changed(recipe_text("digits-cnn"), "training.seed=4", "training.shuffle=true", "data.window=7")
    assert (gone, new) == ([], ["window = 7", "seed = 4"])


def test_a_value_set_back_to_its_default_stays_written() -> None:
    gone, new = changed(recipe_text("digits-cnn"), "data.split.test=0.0")
    assert gone == ["test = 0.2        # for the final figure only"]
    assert new == ["test = 0.0        # for the final figure only"]


def test_tables_come_and_go() -> None:
    text = recipe_text("fashion-cnn")
    gone, new = changed(text, "training.early_stopping=", "training.regularization.l2=0.5")
    assert "[training.early_stopping]" in gone
    assert new == ["[training.regularization]", "l2 = 0.5"]


def test_a_layer_takes_its_comment_along() -> None:
    experiment = RECIPES["digits-cnn"]
    layers = list(experiment.model.layers)
    layers.insert(0, layers.pop(9))
    before = recipe_text("digits-cnn").splitlines()
    after = updated(recipe_text("digits-cnn"), with_layers(experiment, *layers)).splitlines()
    assert sorted(before) == sorted(after)
    assert after[after.index("layers = [") + 1].endswith("# one output a digit; softmax is in the loss")


def test_a_layer_that_changes_keeps_its_comment_and_one_that_goes_takes_it_with_it() -> None:
    gone, new = changed(recipe_text("digits-cnn"), "model.layers[2].filters=64", "model.layers[0]=")
    assert [line.partition("#")[2] for line in gone] == [
        " 8×8×16: 16 kernels of 3×3 slide over it",
        " 8×8×32: each kernel sees all 16 maps",
    ]
    line = (
        '    { kind = "conv2d", filters = 64, kernel = 3, padding = "same" },   # 8×8×32: each kernel sees all 16 maps'
    )
    assert new == [line]


def test_inside_a_translator() -> None:
    gone, new = changed(
        recipe_text("cmudict-seq2seq"), "model.layers[0].encoder[1]=", "model.layers[0].decoder[2].units=7"
    )
    assert gone == []  # each of these lines is there more than once
    assert new == ['    { kind = "lstm", units = 7 },']


def test_a_section_without_a_header_of_its_own_gets_one() -> None:
    gone, new = changed(recipe_text("cmudict-seq2seq"), "model.freeze=['a']", "data.window=3")
    assert gone == []
    assert new == ["[data]", "window = 3", "[model]", 'freeze = ["a"]']


def test_comments_above_a_header_go_with_it() -> None:
    experiment = decode(HAND)
    layers = experiment.model.layers
    shorter = updated(HAND, with_layers(experiment, layers[0], layers[2], layers[3]))
    assert "hidden layer" not in shorter
    assert '# bends\n[[model.layers]]\nkind = "relu"' in shorter
    turned = updated(HAND, with_layers(experiment, layers[2], layers[0], layers[1], layers[3]))
    assert turned.index('# bends\n[[model.layers]]\nkind = "relu"') < turned.index("# a picture becomes a row\n[[")
    assert sorted(turned.splitlines()) == sorted(HAND.splitlines())


@pytest.mark.parametrize(
    ("setting", "line"),
    [
        ("training.optimizer.rate=3", 'training.optimizer = { kind = "sgd", rate = 3.0 }   # plain'),
        ("training.early_stopping.patience=5", "training.early_stopping = { patience = 5 }"),
        ("training.loss=hinge", 'training.loss.kind = "hinge"'),
        ("data.split.test=9", 'data = { source = { kind = "digits" }, split = { test = 9 } }'),
        ("model.layers[1].units=8", "units = 8 # units"),
        ("model.layers[4]=sigmoid", 'kind = "sigmoid"'),
    ],
)
def test_other_ways_of_writing(setting: str, line: str) -> None:
    assert line in changed(HAND, setting)[1]


def test_a_share_and_a_number_of_samples_are_not_the_same() -> None:
    experiment = RECIPES["digits-cnn"]
    split = replace(experiment.data.split, test=1)
    text = recipe_text("digits-cnn").replace("test = 0.2 ", "test = 1.0 ")
    after = updated(text, replace(experiment, data=replace(experiment.data, split=split)))
    assert "test = 1        #" in after


def test_paths_that_mean_the_same_stay_as_they_are(tmp_path: Path) -> None:
    text = HAND.replace('{ kind = "digits" }', '{ kind = "csv", path = "a/b.csv" }')
    opened = absolute(decode(text), tmp_path)
    saved = updated(text, apply_settings(opened, ["training.epochs=9"]), tmp_path)
    assert saved == text.replace("epochs = 5", "epochs = 9")
    moved = apply_settings(opened, ["data.source.path=/elsewhere/c.csv"])
    assert 'path = "/elsewhere/c.csv"' in updated(text, moved, tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        '[ {a=1}, {b="]#,"} ]',
        "[\n  {a=1}, # one, two\n  # own line\n  {b='#'} # no comma\n  # end\n]",
        '[{a="""\n#]""""}, # x\n{b=[1, # deep ]\n 2]},{c={d=1}} ,\n]',
        "[]",
        "[ # nothing\n]",
        "[{a='''x'''},\r\n {b=1} # dos\r\n]",
    ],
)
def test_a_list_is_cut_and_put_together(text: str) -> None:
    chunks, end = cut(text)
    assert put_together(chunks, end, [(n, chunk.value) for n, chunk in enumerate(chunks)]) == text


def test_comments_never_swallow_an_item() -> None:
    chunks, end = cut("[{a=1}, # one\n {b=2}, {c=3} # three\n]")
    every = [(n, chunk.value) for n, chunk in enumerate(chunks)]
    assert put_together(chunks, end, [every[0], every[2], every[1]]) == "[{a=1}, # one\n {c=3}, # three\n {b=2}\n]"
    assert put_together(chunks, end, [every[2], "{d=4}", every[0]]) == "[ {c=3}, # three\n {d=4},{a=1} # one\n]"


def test_which_item_was_made_from_which() -> None:
    a, b, c = Dense(1), Relu(), Dropout(0.5)
    assert matched([a, b, c], [c, a, b]) == [2, 0, 1]
    assert matched([a, b, c], [a, b, b, c]) == [0, 1, None, 2]
    assert matched([a, b, c], [a, Tanh(), c]) == [0, 1, 2]
    assert matched([a, b, c], [Dense(7), c]) == [0, 2]
    assert matched([a, b, c], []) == []


def test_values_on_one_line_are_toml() -> None:
    for value in ("", 'a "b" \\ \x7f\n\t\x01é', True, -1, 1e-5, 1e300, [], [[1, 2]], {}, {"a": {"b": ["c", {"d": 1}]}}):
        import tomllib

        assert tomllib.loads(f"value = {inline(value)}")["value"] == value


@pytest.mark.parametrize(
    "body",
    [
        "model.layers = [\n" + '{ kind = "relu" }, # c\n' * 3500 + "]\n",
        "model.layers = [\n" + "#\n" * 40_000 + ']\n',
        "#\n" * 40_000 + "model.layers = []\n",
        '[[model.layers]]\nkind = "relu"\n' * 2500,
    ],
    ids=["items", "comments in a list", "comments", "tables"],
)  # fmt: skip
def test_a_hostile_file_takes_little_time(body: str) -> None:
    rest = '[data.source]\nkind = "digits"\n[training]\nepochs = 1\nloss.kind = "hinge"\noptimizer.kind = "sgd"\n'
    text = f'name = "x"\n{rest}{body}' if body.startswith("[") else f'name = "x"\n{body}{rest}'
    assert len(text) < LARGEST_KEPT
    experiment = decode(text)
    longer = with_layers(experiment, Dense(3), *experiment.model.layers[1:], Dense(4))
    start = time.monotonic()
    assert decode(updated(text, longer)) == longer
    assert time.monotonic() - start < 20


def test_what_cannot_be_changed_is_refused_and_nothing_is_guessed() -> None:
    experiment = RECIPES["xor"]
    with pytest.raises(TuinetError, match="too many to keep their layout"):
        updated(recipe_text("xor") + "#" * 19_000 + "\n" + "# x\n" * LARGEST_KEPT, experiment)
    with pytest.raises(TuinetError, match="unknown key"):
        updated("nonsense = 3\n", experiment)
    with pytest.raises(TuinetError, match="the file: this is no value"):
        updated("name = ", experiment)


def test_a_table_in_pieces() -> None:
    text = (
        'name = "x"\nmodel.layers = []\n[data]\nsource.kind = "recall"\nsource.distance = 10\n# between\n'
        'source.more = 5\n[training]\nepochs = 3\nloss.kind = "hinge"\noptimizer.kind = "sgd"\n[data.split]\n'
    )
    gone, new = changed(text, "data.source={kind='digits'}", "data.split.test=5")
    assert gone == ['source.kind = "recall"', "source.distance = 10", "source.more = 5"]
    assert new == ['source.kind = "digits"', "test = 5"]


def test_what_comes_out_is_read_again_before_it_is_handed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever tomlkit may do to a file: if it does not say what it should, nothing is handed out."""
    parse = tomlkit.parse
    monkeypatch.setattr(tomlkit, "parse", lambda text: parse(text.replace("epochs", "seed")))
    with pytest.raises(TuinetError, match="cannot be changed in place") as caught:
        updated(HAND, apply_settings(decode(HAND), ["training.batch_size=3"]))
    assert caught.value.hint == "save it under another name"


def test_a_complete_file_stays_complete() -> None:
    text = encode(RECIPES["xor"])
    assert to_raw(decode(updated(text, RECIPES["iris-mlp"])), complete=True) == to_raw(
        RECIPES["iris-mlp"], complete=True
    )
