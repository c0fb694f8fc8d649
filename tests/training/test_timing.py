"""How long training will take: measured on real steps, here and in a process of its own."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
import pytest

from tuinet.data.fetched import NotFetchedError
from tuinet.errors import TuinetError
from tuinet.experiment.checked import read_experiment, report_on
from tuinet.training import timing
from tuinet.training.timing import Timing, measured, measured_apart


def test_an_epoch_takes_as_long_as_its_steps() -> None:
    experiment = read_experiment("iris-mlp")
    found = measured(experiment, Path.cwd(), threads=1)
    assert 0 < found.step < 5
    assert (found.steps, found.samples) == (3, 16)
    assert found.epoch == pytest.approx(found.step * (90 + 30 / 3) / 16)  # 30 to validate on, at a third of the work
    assert found.run == pytest.approx(found.epoch * experiment.training.epochs)


def test_a_process_of_its_own_says_the_same_kind_of_thing(tmp_path: Path) -> None:
    found = measured_apart(read_experiment("xor"), tmp_path)
    assert found.step > 0
    assert found.run >= found.epoch >= found.step * 0.99


def test_what_cannot_be_trained_is_told(tmp_path: Path) -> None:
    experiment = read_experiment("iris-mlp")
    layers = msgspec.structs.replace(experiment.model, layers=())
    with pytest.raises(TuinetError, match="could not be measured"):
        measured_apart(msgspec.structs.replace(experiment, model=layers), tmp_path)


def tried(name: str, base: Path, *changes: str) -> Timing:
    return measured(read_experiment(name, changes), base, threads=1)


def test_a_step_is_no_longer_than_the_clock_says(tmp_path: Path) -> None:
    start = time.monotonic()
    found = tried("mnist-small-cnn", tmp_path)
    assert 1e-4 < found.step < (time.monotonic() - start) / 3


@pytest.mark.parametrize(
    "name",
    ["xor", "perceptron-2d", "sine", "digits-svm", "reverse-seq2seq", "brackets-birnn", "digit-captions"],
)
def test_every_sort_of_task(name: str, tmp_path: Path) -> None:
    found = tried(name, tmp_path)
    assert found.steps >= 1
    assert found.run >= found.epoch > 0


def test_a_run_of_one_step_is_measured_too(tmp_path: Path) -> None:
    found = tried("xor", tmp_path, "training.epochs=1", "training.batch_size=all")
    assert (found.steps, found.samples) == (3, 4)
    assert found.run == found.epoch


def test_a_run_that_ends_at_once_is_measured_as_far_as_it_goes(tmp_path: Path) -> None:
    """One step is all that the perceptron rule needs here; it warmed up."""
    found = tried("perceptron-2d", tmp_path, "training.batch_size=all", "data.source.noise=0.0")
    assert found.steps >= 1


def test_of_a_large_batch_only_a_part_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "LONGEST_STEP", 1e-4)
    found = tried("digits-cnn", tmp_path, "training.batch_size=all")
    assert 1 <= found.samples < 50
    assert found.step == pytest.approx(found.epoch / (1258 + 60) * 1258)


def test_no_step_begins_once_it_took_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "LONGEST", 0.0)
    monkeypatch.setattr(timing, "_samples_to_try", lambda job, batch: batch)
    assert tried("digits-cnn", tmp_path).steps == 1


def test_a_sample_that_takes_too_long_is_not_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "LONGEST", 1e-9)
    with pytest.raises(TuinetError, match="one sample may take"):
        tried("digits-cnn", tmp_path)


def test_what_takes_too_much_memory_is_not_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "machine_memory", lambda: 10**6)
    with pytest.raises(TuinetError, match="too much to try it out"):
        tried("digits-cnn", tmp_path)


def test_what_cannot_be_trained_is_not_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TuinetError, match=r"digits-cnn cannot be trained:\n  model.layers\[2\]"):
        tried("digits-cnn", tmp_path, "model.layers[2].kernel=99", "model.layers[2].padding=0")
    monkeypatch.setenv("TUINET_DATA", str(tmp_path))
    with pytest.raises(NotFetchedError):
        tried("mnist-cnn", tmp_path)
    with pytest.raises(TuinetError, match="not finite"):
        tried("sine", tmp_path, "training.optimizer={kind='sgd', rate=1e6}")


def test_who_has_checked_already_does_not_check_again(tmp_path: Path) -> None:
    experiment = read_experiment("iris-mlp")
    found = report_on(experiment, tmp_path)
    empty = found._replace(report=msgspec.structs.replace(found.report, totals=None))
    assert measured(experiment, tmp_path, threads=1, found=empty).steps == 3
