"""Dropout changed while a run goes on: the bits of a run that had that rate from the start, wherever it is computed."""

from __future__ import annotations

from pathlib import Path

import pytest

import tuinet
from tests.training.test_run import SLOW, TRANSLATION, finish, lines, steered
from tests.training.test_workers import started  # noqa: F401
from tuinet.experiment.decode import decode
from tuinet.nn.layers.dropout import Dropout
from tuinet.training import workers
from tuinet.training.build import build
from tuinet.training.commands import SetDropout
from tuinet.training.control import send
from tuinet.training.events import CommandDone, Event, RunStarted
from tuinet.training.fit import fit
from tuinet.training.run import new_run, train_run
from tuinet.training.runs import new_line

DIGITS = SLOW.replace("epochs = 4000", "epochs = 2").replace("batch_size = 20", "batch_size = 150")
REVERSE = TRANSLATION.replace("samples = 1500", "samples = 150").replace("epochs = 15", "epochs = 2")


def trained(text: str, rate: float | None, threads: int) -> bytes:
    job = build(decode(text, "e"))
    trainer = fit(*job, threads=threads)
    event: Event | None = next(trainer)
    if rate is not None:
        trainer.send(SetDropout(rate))
    while event is not None:
        event = next(trainer, None)
    return job.model.params.vector.tobytes()


@pytest.mark.parametrize(("text", "rate"), [(DIGITS, 0.3), (REVERSE, 0.2)], ids=["cnn", "seq2seq"])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_rate_that_is_set_is_that_of_the_experiment(
    text: str,
    rate: float,
    threads: int,
    started: list[workers.Worker],  # noqa: F811
) -> None:
    other = text.replace(f"rate = {rate} }}", "rate = 0.6 }")
    assert other != text
    wanted = trained(other, None, 1)
    assert trained(text, 0.6, threads) == wanted
    assert trained(text, None, threads) != wanted
    assert len(started) == (2 if threads == 2 else 0)


def test_the_rate_outlives_the_process_and_is_in_the_model(tmp_path: Path) -> None:
    text = SLOW.replace("epochs = 4000", "epochs = 3")
    whole, _ = new_run(decode(text, "e"), tmp_path, tmp_path / "whole")
    halved, _ = new_run(decode(text, "e"), tmp_path, tmp_path / "halved")
    steered(whole, (1, new_line("set", dropout=0.7)))
    answered: list[CommandDone] = []
    for event in train_run(halved, interrupted=lambda: bool(answered)):
        if isinstance(event, RunStarted):
            send(halved, new_line("set", dropout=0.7))
        elif isinstance(event, CommandDone):
            answered.append(event)
    (answer,) = answered
    assert (answer.dropout, answer.message) == (0.7, "dropout 0.7 from step 1 on")
    assert lines(halved)[-1]["reason"] == "interrupted"
    finish(halved)
    assert (whole / "model.safetensors").read_bytes() == (halved / "model.safetensors").read_bytes()
    network = tuinet.load(str(halved)).network
    assert [layer.rate for layer in network.layers if isinstance(layer, Dropout)] == [0.7]


def test_a_network_without_dropout_refuses(tmp_path: Path) -> None:
    text = SLOW.replace('{ kind = "dropout", rate = 0.3 }, ', "")
    run, _ = new_run(decode(text, "e"), tmp_path, tmp_path / "run")
    events = steered(run, (1, new_line("set", dropout=0.7)), (2, new_line("stop")))
    refused = next(event for event in events if isinstance(event, CommandDone))
    assert not refused.ok and "this has none" in refused.message
    assert refused.dropout is None
