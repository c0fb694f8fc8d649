"""New experiments by family, and old ones again: that they pass their checks on real data and keep what was known."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from tests.experiment.test_check_sequences import SERIES
from tuinet.data.dataset import DatasetInfo
from tuinet.data.sources import DATASETS
from tuinet.data.splits import SplitSettings
from tuinet.errors import TuinetError
from tuinet.experiment import starters
from tuinet.experiment.again import from_model, from_run
from tuinet.experiment.check import check
from tuinet.experiment.checked import report_on
from tuinet.experiment.decode import decode, encode, load_experiment
from tuinet.experiment.quick import parse_layers, written
from tuinet.experiment.starters import Cells
from tuinet.files.find import find_model
from tuinet.files.model_file import load_model, save_model
from tuinet.nn.layer import Shape
from tuinet.nn.losses import BinaryCrossEntropy, CrossEntropy, MeanSquaredError, Perceptron
from tuinet.training.build import build
from tuinet.training.events import EpochDone
from tuinet.training.fit import fit

FAMILIES = {
    "perceptron": (starters.perceptron, {"and", "xor", "blobs", "regions", "moons", "circles", "spirals", "iris",
                   "digits", "mnist-small", "mnist", "fashion-mnist", "cifar10"}),
    "mlp": (starters.mlp, {"and", "xor", "blobs", "regions", "moons", "circles", "spirals", "sine", "iris", "digits",
            "mnist-small", "mnist", "fashion-mnist", "cifar10"}),
    "cnn": (starters.cnn, {"digits", "mnist-small", "mnist", "fashion-mnist", "cifar10"}),
    "language model": (starters.language_model, {"shakespeare", "tinyshakespeare"}),
    "classifier": (starters.text_classifier, {"recall", "sst2", "digits", "mnist-small", "mnist", "fashion-mnist",
                   "cifar10"}),
    "tagger": (starters.tagger, {"brackets"}),
    "seq2seq": (starters.seq2seq, {"copy", "reverse", "add", "dates", "cmudict", "eng-fra", "multi30k"}),
    "caption": (starters.caption, {"digit-captions"}),
}  # fmt: skip


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", DATASETS)
def test_a_family_passes_its_check_on_data_for_it_and_refuses_others_in_words(family: str, name: str) -> None:
    begin, suited = FAMILIES[family]
    data = DATASETS[name]
    if name not in suited:
        with pytest.raises(TuinetError, match=name):
            begin(data.source, data.info)
        return
    experiment = begin(data.source, data.info)
    report = check(experiment, data.info)
    assert (report.problems, report.warnings) == ((), ())
    assert decode(encode(experiment)) == experiment == decode(encode(experiment, complete=False))


@pytest.mark.parametrize("name", ["blobs", "iris", "digits", "recall", "brackets", "reverse"])
def test_on_the_data_themselves_nothing_is_wrong_either(name: str) -> None:
    for begin, suited in FAMILIES.values():
        if name in suited:
            report = report_on(begin(DATASETS[name].source, DATASETS[name].info)).report
            assert (report.problems, report.warnings) == ((), ())


CELLS = [
    Cells("rnn", 8), Cells("gru", 8, 2), Cells("lstm", 8, 1, True, "diagonal", True), Cells("lstm", 8, 2, True, "full"),
    Cells("clockwork", 7, 1, periods=(1, 4, 16)), Cells("clockwork", 8, 2, True),
]  # fmt: skip


@pytest.mark.parametrize("cells", CELLS)
def test_every_cell_in_every_family_of_sequences(cells: Cells) -> None:
    both = cells.bidirectional
    for begin, name in (
        (starters.text_classifier, "sst2"), (starters.tagger, "brackets"), (starters.seq2seq, "dates"),
        (starters.caption, "digit-captions"), (starters.language_model, "shakespeare"),
    ):  # fmt: skip
        data = DATASETS[name]
        if begin is starters.language_model and both:
            with pytest.raises(TuinetError, match="cannot look ahead"):
                begin(data.source, data.info, cells)
            continue
        for embedding in (16, None):
            experiment = begin(data.source, data.info, cells=cells, embedding=embedding)
            assert check(experiment, data.info).problems == ()


def test_the_layers_by_hand() -> None:
    digits, dates, recall = DATASETS["digits"], DATASETS["dates"], DATASETS["recall"]
    lines = [
        (starters.perceptron(digits.source, digits.info), "flatten, dense 10 zeros"),
        (starters.mlp(digits.source, digits.info, (32, 16)), "flatten, dense 32 relu, dense 16 relu, dense"),
        (
            starters.cnn(digits.source, digits.info, (4, 8, 16, 32), (9,)),
            "conv 4 3 same relu, pool 2, conv 8 3 same relu, pool 2, conv 16 3 same relu, pool 2, conv 32 3 same relu, "
            "dense 9 relu, dense",  # after 8, 4 and 2 there is one pixel
        ),
        (starters.text_classifier(digits.source, digits.info, Cells("gru", 8)), "rows, gru 8, last, dense"),
        (
            starters.text_classifier(recall.source, recall.info, Cells("lstm", 8, bidirectional=True), None),
            "onehot, bi lstm 8, mean, dense",
        ),
        (
            starters.seq2seq(dates.source, dates.info, Cells("lstm", 8, bidirectional=True), 4, True),
            "encoder(embed 4, bi lstm 8) decoder(embed 4, lstm 8, dense) dense reversed",
        ),
    ]
    for experiment, line in lines:
        assert written(experiment.model.layers) == line


def test_the_plain_rules() -> None:
    def begun(line: str, name: str):
        return starters.from_layers(DATASETS[name].source, DATASETS[name].info, parse_layers(line))

    assert begun("dense 8 tanh, dense", "sine").training.loss == MeanSquaredError()
    assert begun("dense 8 tanh, dense", "xor").training.loss == CrossEntropy()
    assert begun("dense 8 tanh, dense 1", "xor").training.loss == BinaryCrossEntropy()
    assert begun("dense 8 tanh, dense 2", "regions").training.loss == BinaryCrossEntropy()
    assert starters.perceptron(DATASETS["and"].source, DATASETS["and"].info).training.loss == Perceptron()
    assert begun("embed 8, lstm 8, dense", "shakespeare").training.regularization.clip_norm == 1.0
    assert begun("dense 8", "iris").training.regularization.clip_norm is None
    assert begun("dense 8", "iris").data.split == SplitSettings(0.1, 0.2)
    assert begun("dense 8", "xor").data.split == SplitSettings()
    assert begun("dense 8", "mnist-small").data.split == SplitSettings(0.1)
    names = {line: begun(line, "iris").name for line in ("dense 8", "conv 3 3", "embed 3, bi gru 3", "lstm 8, dense")}
    assert list(names.values()) == ["iris-mlp", "iris-cnn", "iris-gru", "iris-lstm"]
    odd = replace(DATASETS["iris"].info, name="..my flowers/é" + "x" * 80)
    experiment = starters.mlp(DATASETS["iris"].source, odd)
    assert len(experiment.name) <= 64 and decode(encode(experiment)) == experiment


def test_sequences_of_numbers_need_no_embedding() -> None:
    experiment = starters.text_classifier(DATASETS["iris"].source, SERIES, Cells("gru", 8))
    assert written(experiment.model.layers) == "gru 8, last, dense"
    assert check(experiment, SERIES).problems == ()
    table = DatasetInfo("t", "classification", Shape.vector(3), {"train": 99}, ("a", "b"))
    with pytest.raises(TuinetError, match="neither sequences nor images"):
        starters.text_classifier(DATASETS["iris"].source, table)


@pytest.mark.parametrize(("name", "least"), [("and", 1.0), ("xor", 1.0), ("blobs", 0.98), ("iris", 0.9)])
def test_an_mlp_with_the_usual_settings_learns(name: str, least: float) -> None:
    experiment = starters.mlp(DATASETS[name].source, DATASETS[name].info, (16,))
    last = [event for event in fit(*build(experiment)) if isinstance(event, EpochDone)][-1]
    accuracy = last.train["accuracy"]
    assert accuracy is not None and accuracy >= least


# ── again, changed ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_experiment_of_a_run_and_of_a_model_in_it(tmp_path: Path) -> None:
    experiment = load_experiment("xor")
    run = tmp_path / "run"
    run.mkdir()
    (run / "experiment.toml").write_text(encode(experiment))
    save_model(load_model(find_model("xor")), run / "model.safetensors")
    assert from_run(run) == experiment
    assert from_model(run) == from_model(run / "model.safetensors") == (experiment, ())
    with pytest.raises(TuinetError, match="is no run's folder"):
        from_run(tmp_path)


@pytest.mark.parametrize("name", ["xor", "digits-cnn", "iris-mlp", "mnist-small-cnn", "shakespeare-lstm"])
def test_a_model_that_ships_says_how_it_was_made(name: str) -> None:
    """All but what it was checked against: the recipe has what follows from the data, and its title."""
    again, recipe = from_model(name), load_experiment(name)
    found = again.experiment
    stopped = name == "iris-mlp"
    if name == "iris-mlp":  # means and deviations are fitted anew; images say what they were divided by
        assert found.data.prepare == recipe.data.prepare
    assert [note.partition(" is ")[0] for note in again.notes] == ["how many epochs were allowed"] * stopped
    assert (found.name, found.data.source, found.data.split) == (recipe.name, recipe.data.source, recipe.data.split)
    assert (found.data.augment, found.data.window) == (recipe.data.augment, recipe.data.window or found.data.window)
    assert msgspec.structs.replace(found.training, epochs=recipe.training.epochs) == recipe.training
    assert stopped or found.training.epochs == recipe.training.epochs
    closed = written(found.model.layers)
    assert closed is not None and (written(recipe.model.layers) or "").startswith(closed)


def test_a_model_that_ships_can_be_trained_again() -> None:
    for name in ("xor", "digits-cnn", "iris-mlp", "mnist-small-cnn"):
        experiment = from_model(name).experiment
        assert report_on(experiment).report.problems == ()


def changed_model(folder: Path, **meta: object) -> Path:
    model = load_model(find_model("iris-mlp"))
    model.meta = msgspec.structs.replace(model.meta, **meta)
    save_model(model, folder / "m.safetensors")
    return folder / "m.safetensors"


def test_what_a_model_does_not_say_is_taken_as_usual_and_said(tmp_path: Path) -> None:
    path = changed_model(tmp_path, training="", data="iris", epochs=0)
    experiment, notes = from_model(path)
    assert len(notes) == 3 and all("not known" in note for note in notes)
    assert (experiment.training.epochs, experiment.data.split) == (10, SplitSettings())
    words = "adam, rate 0.5; schedule cosine, floor 0.25, warmup 3; moonlight; started from digits-cnn; batches of 7"
    experiment, notes = from_model(changed_model(tmp_path, training=words))
    assert [note.rpartition(": ")[2] for note in notes] == ["moonlight", "started from digits-cnn"]
    training = experiment.training
    assert (training.optimizer.rate, training.batch_size) == (0.5, 7)
    assert math.isclose(training.schedule.floor, 0.25) and training.schedule.warmup == 3  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "words",
    ["batches of x", "schedule moon", "adam, rate e", "l2 x; ;", "augmented by {, x 1", "batches of 3\ntraining.seed=4",
     "augmented by shift'}, x=3 #", "=; ="],
)  # fmt: skip
def test_words_that_mean_nothing_change_nothing(words: str, tmp_path: Path) -> None:
    experiment, notes = from_model(changed_model(tmp_path, training=words))
    plain = from_model(changed_model(tmp_path, training="moonlight")).experiment
    assert notes and experiment == plain


def test_a_model_of_unknown_data_needs_them_named(tmp_path: Path) -> None:
    path = changed_model(tmp_path, data="")
    with pytest.raises(TuinetError, match="does not say what it was trained on"):
        from_model(path)
    experiment, notes = from_model(path, DATASETS["digits"].source)
    assert experiment.data.source == DATASETS["digits"].source
    assert any("divided" in note for note in notes)
