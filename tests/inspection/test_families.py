"""Every recipe's network has views that suit it, and every model that ships."""

from __future__ import annotations

from pathlib import Path

import pytest

import tuinet
from tests.inspection import small_models
from tuinet.data.fetched import Fetched
from tuinet.data.preparation import Downsample
from tuinet.data.vocabulary import SPECIAL, Tokens, Vocabulary
from tuinet.experiment.data import assume_texts, fill_in, has_texts
from tuinet.experiment.decode import load_experiment
from tuinet.experiment.recipes import ORDER
from tuinet.inspection.catalog import look, offers
from tuinet.inspection.families import family
from tuinet.inspection.question import Question, nodes
from tuinet.model.model import Model, new_model
from tuinet.nn.network import Sequential
from tuinet.training.build import build

CNN = (("kernels", "conv1"), ("kernels", "conv2"), ("maps", "conv1"))

EXPECTED = {
    "perceptron-2d": (("regions", ""),),
    "perceptron-regions": (("regions", ""),),
    "xor": (("regions", ""),),
    "spirals": (("regions", ""),),
    "sine": (("fit", ""),),
    "iris-mlp": (("weight", "dense1"),),
    "digits-mlp": (("images", "dense1"),),
    "mnist-mlp": (("images", "dense1"),),
    "digits-cnn": CNN,
    "digits-svm": CNN,
    "mnist-small-cnn": CNN,
    "shakespeare-lstm": (("writes", ""), ("gates", "lstm1"), ("answer", "")),
    "recall-rnn": (("gates", "rnn1"), ("answer", "")),
    "brackets-birnn": (("gates", "bidirectional1"), ("gates", "bidirectional2"), ("answer", "")),
    "cmudict-seq2seq": (
        ("gates", "seq2seq1/encoder/lstm1"),
        ("gates", "seq2seq1/decoder/lstm1"),
        ("answer", ""),
        ("writes", ""),
    ),
}


def of_recipe(name: str) -> Model:
    """The network of a recipe with new weights; of data that would have to be fetched, by what is known of them."""
    experiment = load_experiment(name)
    source = experiment.data.source
    if not isinstance(source, Fetched):
        return build(name, Path(), start=False).model
    info = source.official
    sizes = info.sizes
    source_words = target_words = None
    if has_texts(info):
        info, sizes = assume_texts(experiment, info, sizes)
        source_words = _words(info.input_shape.ids)
        target_words = _words(info.target_ids) if info.target_ids else None
    return new_model(
        Sequential(fill_in(experiment.model.layers, info)),
        info,
        tuple(step for step in experiment.data.prepare if isinstance(step, Downsample)),
        experiment.training.loss,
        targets=experiment.data.targets,
        vocabulary=source_words,
        target_vocabulary=target_words,
    )


def _words(count: int) -> Vocabulary:
    return Vocabulary(Tokens("words"), (*SPECIAL, *(f"w{number}" for number in range(count - len(SPECIAL)))))


@pytest.mark.parametrize("name", ORDER)
def test_every_recipe_has_views_that_suit_it(name: str) -> None:
    model = of_recipe(name)
    found = family(model)
    assert found
    assert found == EXPECTED.get(name, found)
    own = nodes(model)
    for view, path in found:
        assert view in [offer.name for offer in offers(model, own[path] if path else None)]


@pytest.mark.parametrize("name", small_models.MODELS)
def test_what_suits_a_small_model_can_be_seen(name: str) -> None:
    model = small_models.MODELS[name]
    for view, path in family(model):
        asked = Question(model, path, small_models.samples(model), lambda: small_models.data(model))
        assert look(asked, view)


def test_every_model_that_ships() -> None:
    assert family(tuinet.load("digits-cnn")) == EXPECTED["digits-cnn"]
    assert family(tuinet.load("cmudict-seq2seq")) == EXPECTED["cmudict-seq2seq"]
    assert family(tuinet.load("shakespeare-lstm")) == EXPECTED["shakespeare-lstm"]
    assert family(tuinet.load("xor")) == EXPECTED["xor"]
