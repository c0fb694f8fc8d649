"""The command line of an experiment: that it does what it says, typed into a shell."""

from __future__ import annotations

import itertools
import shlex

import msgspec
import pytest

from tuinet.experiment.command import command_for, settings_between
from tuinet.experiment.decode import load_experiment
from tuinet.experiment.edit import apply_settings
from tuinet.experiment.recipes import ORDER

CNN = load_experiment("digits-cnn")


def command(*settings: str) -> str:
    """The command of digits-cnn with these settings; if it sets anything, then exactly what was set."""
    experiment = apply_settings(CNN, settings)
    found = command_for(experiment, "digits-cnn")
    words = shlex.split(found)
    if words[2] == "digits-cnn":
        assert words[3::2] == ["--set"] * len(words[4::2])
        assert apply_settings(CNN, words[4::2]) == experiment
    return found


def test_a_recipe_as_it_is() -> None:
    assert [command_for(load_experiment(name), name) for name in ORDER] == [f"tuinet train {name}" for name in ORDER]


@pytest.mark.parametrize(
    ("settings", "end"),
    [
        (["training.epochs=5"], "--set training.epochs=5"),
        (["training.batch_size=all"], "--set training.batch_size=all"),
        (["model.layers[2].filters=64"], "--set 'model.layers[2].filters=64'"),
        (["model.layers[2].kernel=[3, 5]"], "--set 'model.layers[2].kernel=[3, 5]'"),
        (["training.loss=hinge"], """--set 'training.loss={ kind = "hinge" }'"""),
        (["training.early_stopping.patience=3"], "patience = 3"),
        (["model.layers[1].kind=tanh", "training.seed=3"], """--set training.seed=3"""),
        (["title=it's; rm -rf ~"], """--set 'title=it'"'"'s; rm -rf ~'"""),
        (["title="], """--set 'title=""'"""),
        (["data.augment="], "--set 'data.augment=[]'"),
        (["model.start=a b.safetensors", "model.freeze=['conv1']"], """--set 'model.freeze=["conv1"]'"""),
        (["training.optimizer.rate=1"], "--set training.optimizer.rate=1.0"),
    ],
)
def test_a_recipe_that_differs_in_a_few_settings(settings: list[str], end: str) -> None:
    found = command(*settings)
    assert found.startswith("tuinet train digits-cnn --set ")
    assert end in found


def test_what_is_unset_again() -> None:
    spirals = load_experiment("spirals")
    experiment = apply_settings(spirals, ["training.early_stopping="])
    assert command_for(experiment, "spirals") == "tuinet train spirals --set training.early_stopping="


def test_what_differs_in_much_is_a_file() -> None:
    many = [f"model.layers[{place}]=" for place in range(9, 4, -1)]
    assert command("name=mine", *many) == "tuinet train mine.toml"


def test_a_file() -> None:
    assert command_for(CNN, "nets/my cnn.toml") == "tuinet train 'nets/my cnn.toml'"
    assert command_for(CNN, "-x.toml") == "tuinet train ./-x.toml"


@pytest.mark.parametrize(("one", "other"), list(itertools.pairwise(ORDER)))
def test_settings_lead_from_any_recipe_to_any_other(one: str, other: str) -> None:
    old, new = load_experiment(one), load_experiment(other)
    assert apply_settings(old, settings_between(old, new)) == new


def test_a_share_and_a_number_of_samples_are_not_the_same() -> None:
    whole = msgspec.structs.replace(CNN.data, split=msgspec.structs.replace(CNN.data.split, test=1))
    share = msgspec.structs.replace(CNN.data, split=msgspec.structs.replace(CNN.data.split, test=1.0))
    old, new = (msgspec.structs.replace(CNN, data=data) for data in (whole, share))
    assert settings_between(old, new) == ["data.split.test=1.0"]
