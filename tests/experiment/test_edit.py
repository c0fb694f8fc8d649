"""KEY=VALUE settings: what they do, and what is said of those that mean nothing."""

from __future__ import annotations

import pytest

from tuinet.errors import TuinetError
from tuinet.experiment.decode import load_experiment
from tuinet.experiment.edit import apply_settings, parse_key, parse_value
from tuinet.nn.layers.dense import Dense
from tuinet.nn.losses import Hinge
from tuinet.nn.optimizers import Adam, Momentum, Sgd
from tuinet.nn.schedules import Constant, Cosine

BASE = apply_settings(load_experiment("digits-cnn"), ["data.augment="])


def test_values_are_toml_and_words_are_texts() -> None:
    assert parse_value("3") == 3
    assert parse_value("0.5") == 0.5
    assert parse_value("true") is True
    assert parse_value("[3, 3]") == [3, 3]
    assert parse_value('{kind = "sgd"}') == {"kind": "sgd"}
    assert parse_value('"3"') == "3"
    assert parse_value("hinge") == "hinge"
    assert parse_value("a b.csv") == "a b.csv"
    assert parse_value("1\nother = 2") == "1\nother = 2"
    assert parse_value("[" * 9000) == "[" * 9000


def test_keys() -> None:
    assert parse_key("model.layers[2].units") == ("model", "layers", 2, "units")
    assert parse_key("a[0][1]") == ("a", 0, 1)
    for wrong in ("", ".", "a.", ".a", "a..b", "[0]", "a[", "a[x]", "a[-1]", "a.[0]", "a[0]b", "a b", "é"):
        with pytest.raises(TuinetError, match="is no key"):
            apply_settings(BASE, [f"{wrong}=1"])


def test_settings_change_a_copy() -> None:
    after = apply_settings(BASE, ["training.epochs=3", "model.layers[6].units=32", "data.source.kind=mnist-small"])
    assert after.training.epochs == 3
    assert after.model.layers[6] == Dense(32)
    assert after.data.source.__struct_config__.tag == "mnist-small"
    assert BASE.training.epochs == 60
    assert apply_settings(BASE, []) == BASE


def test_values_with_equals_signs_and_spaces() -> None:
    assert apply_settings(BASE, ['title = a = "b"']).title == 'a = "b"'
    assert apply_settings(BASE, ["training.batch_size=all"]).training.batch_size == "all"


def test_a_kind_alone_makes_a_table_and_keeps_what_was_set() -> None:
    assert apply_settings(BASE, ["training.loss=hinge"]).training.loss == Hinge()
    assert apply_settings(BASE, ["training.loss.kind=hinge"]).training.loss == Hinge()
    # The rate 0.002 was set, so it stays; Adam's own settings go.
    assert apply_settings(BASE, ["training.optimizer=momentum"]).training.optimizer == Momentum(rate=0.002)
    whole = apply_settings(BASE, ['training.optimizer={kind="sgd"}'])
    assert whole.training.optimizer == Sgd()
    # A default is not what a person set: each optimizer has its own.
    plain = apply_settings(BASE, ['training.optimizer={kind="adam"}'])
    assert apply_settings(plain, ["training.optimizer=sgd"]).training.optimizer == Sgd(rate=0.01)
    assert apply_settings(BASE, ["training.optimizer=adam"]).training.optimizer == Adam(rate=0.002)


def test_tables_that_were_not_there_begin() -> None:
    stopping = apply_settings(BASE, ["training.early_stopping.patience=5"]).training.early_stopping
    assert stopping is not None and stopping.patience == 5
    xor = load_experiment("xor")
    assert apply_settings(xor, ["training.schedule.warmup=7"]).training.schedule == Constant(warmup=7)
    changed = apply_settings(xor, ["training.schedule=cosine", "training.schedule.floor=0.1"])
    assert changed.training.schedule == Cosine(floor=0.1)


def test_lists_grow_and_shrink() -> None:
    grown = apply_settings(BASE, ["data.augment[0]={kind='shift', pixels=1}", "data.augment[1]=flip"])
    assert [each.__struct_config__.tag for each in grown.data.augment] == ["shift", "flip"]
    assert apply_settings(grown, ["data.augment[0]="]).data.augment == grown.data.augment[1:]
    assert apply_settings(grown, ["data.augment="]).data.augment == ()
    assert apply_settings(BASE, ["training.schedule="]).training.schedule == Constant()


@pytest.mark.parametrize(
    ("setting", "message", "hint"),
    [
        ("training.epochs", '"training.epochs" is not KEY=VALUE', "training.epochs=5"),
        ("training.epoch=3", "training.epoch: unknown key", "did you mean epochs?"),
        ("trainng.epochs=3", "trainng: unknown key", "did you mean training?"),
        ("training.optimizer.momentum=1", "training.optimizer.momentum: unknown key", 'keys of "adam"'),
        ("training.epochs=many", "training.epochs: a whole number from 1", ""),
        ("training.epochs=", "training.epochs: this key is missing", ""),
        ("model.layers[99].units=3", "model.layers[99]: there are 10 items; the last is model.layers[9]", ""),
        ("model.layers[10].units=3", "model.layers[10]: there are 10 items", "adds one"),
        ("model.layers.units=3", "model.layers.units: model.layers is no table", "model.layers[0].units"),
        ("training[0]=3", "training: this is no list", ""),
        ("training.epochs.x=3", "training.epochs.x: training.epochs is no table", ""),
        ("training.optimizer=adm", 'training.optimizer.kind: there is no kind "adm"', "did you mean adam?"),
        ("data.source.noise=0.2", "data.source.noise: unknown key", ""),
    ],
)
def test_wrong_settings_say_what_would_be_right(setting: str, message: str, hint: str) -> None:
    with pytest.raises(TuinetError) as caught:
        apply_settings(BASE, [setting], "--set")
    assert caught.value.message.startswith(f"--set: {message}")
    assert hint in caught.value.hint
