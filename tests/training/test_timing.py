"""How long training will take: measured on real steps, here and in a process of its own."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tuinet.errors import TuinetError
from tuinet.experiment.checked import read_experiment
from tuinet.training.timing import measured, measured_apart


def test_an_epoch_takes_as_long_as_its_steps() -> None:
    experiment = read_experiment("iris-mlp")
    found = measured(experiment, Path.cwd(), threads=1)
    assert 0 < found.step < 5
    assert found.epoch == pytest.approx(found.step * 6)  # 90 flowers, 16 a step
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
