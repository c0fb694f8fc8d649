"""Values far outside of use get a word, and those of the recipes none."""

from __future__ import annotations

import pytest

from tests.experiment.test_check import DIGITS, PLANE
from tuinet.data.fetched import Fetched
from tuinet.data.sources import describe
from tuinet.experiment.advice import advice
from tuinet.experiment.check import check
from tuinet.experiment.decode import load_experiment
from tuinet.experiment.edit import apply_settings
from tuinet.experiment.recipes import ORDER

CNN = load_experiment("digits-cnn")


@pytest.mark.parametrize("name", ORDER)
def test_the_recipes_need_none(name: str, tmp_path) -> None:
    experiment = load_experiment(name)
    source = experiment.data.source
    info = source.official if isinstance(source, Fetched) else describe(source, tmp_path)
    assert advice(experiment, info) == ()


@pytest.mark.parametrize(
    ("settings", "path", "words"),
    [
        (["training.optimizer={kind='sgd', rate=10}"], "training.optimizer.rate", "likely to overshoot"),
        (["training.optimizer={kind='momentum', rate=10}"], "training.optimizer.rate", "likely to overshoot"),
        (["training.optimizer={kind='rmsprop', rate=10}"], "training.optimizer.rate", "moves every weight by about 10"),
        (["training.optimizer.rate=10"], "training.optimizer.rate", "moves every weight by about 10"),
        (["training.optimizer={kind='sgd', rate=1e-9}"], "training.optimizer.rate", "1e-09 the weights hardly move"),
        (["training.optimizer={kind='momentum', rate=1e-9}"], "training.optimizer.rate", "hardly move"),
        (["training.optimizer={kind='rmsprop', rate=1e-9}"], "training.optimizer.rate", "hardly move"),
        (["training.optimizer.rate=1e-9"], "training.optimizer.rate", "hardly move"),
        (["training.optimizer={kind='momentum', momentum=0.999}"], "training.optimizer.momentum", "last 1,000 steps"),
        (["model.layers[8].rate=0.95"], "model.layers[8].rate", "only 0.05 of the values get through"),
        (["training.epochs=100_000"], "training.epochs", "100,000 times through the data"),
        (["training.early_stopping.patience=1"], "training.early_stopping.patience", "one validation without"),
        (["training.regularization.l2=1"], "training.regularization.l2", "the weights go to 0"),
        (["training.regularization.l1=1"], "training.regularization.l1", "the weights go to 0"),
        (["training.regularization.weight_decay=5"], "training.regularization.weight_decay", "shrink by 5 times"),
        (["training.regularization.weight_noise=2"], "training.regularization.weight_noise", "larger than most"),
        (["training.batch_size=5000"], "training.batch_size", "5,000 samples a step are more than the 1,258 there are"),
        (["data.augment[0].degrees=180"], "data.augment[0]", "a 6 turned by 180° is a 9"),
        (["data.augment[1]=flip"], "data.augment[1]", "mirroring left and right can change the class"),
        (["data.augment[1]={kind='noise', deviation=3}"], "data.augment[1].deviation", "noise of 3 drowns"),
        (["model.layers[10]={kind='gaussian-noise', deviation=3}"], "model.layers[10].deviation", "noise of 3 drowns"),
    ],
)  # fmt: skip
def test_a_word_on_values_far_outside_of_use(settings: list[str], path: str, words: str) -> None:
    found = advice(apply_settings(CNN, settings), DIGITS)
    assert [each.path for each in found] == [path]
    assert words in found[0].message
    assert found[0].hint or "augment" in path


def test_the_same_words_as_those_of_check() -> None:
    experiment = apply_settings(CNN, ["training.batch_size=5000", "data.augment[0].degrees=180"])
    said = {each.message for each in advice(experiment, DIGITS)}
    assert said == {warning.partition(": ")[2] for warning in check(experiment, DIGITS).warnings}


def test_turning_what_is_no_letter_needs_no_word() -> None:
    experiment = apply_settings(load_experiment("cifar10-cnn"), ["data.augment[0]={kind='rotate', degrees=180}"])
    assert advice(experiment, PLANE) == ()


def test_a_translators_layers_have_their_places() -> None:
    experiment = apply_settings(load_experiment("cmudict-seq2seq"), ["model.layers[0].decoder[3].rate=0.9"])
    assert [each.path for each in advice(experiment, DIGITS)] == ["model.layers[0].decoder[3].rate"]


def test_what_a_rate_means_depends_on_schedule_and_loss() -> None:
    """α₀ / (i + c) begins at α₀ / c; the perceptron's answers do not depend on α."""
    sgd = apply_settings(CNN, ["training.optimizer={kind='sgd', rate=10}", "training.schedule={kind='inverse', c=100}"])
    assert advice(sgd, DIGITS) == ()
    perceptron = apply_settings(load_experiment("perceptron-2d"), ["training.optimizer.rate=50"])
    assert advice(perceptron, PLANE) == ()


def test_many_epochs_that_something_ends_need_no_word() -> None:
    settings = ["training.epochs=100_000", "training.early_stopping.patience=20"]
    assert advice(apply_settings(CNN, settings), DIGITS) == ()


def test_an_impossible_split_is_no_matter_of_advice() -> None:
    assert advice(apply_settings(CNN, ["data.split.test=5000", "training.batch_size=9999"]), DIGITS) == ()
