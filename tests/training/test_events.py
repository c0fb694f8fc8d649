"""Events are lines of JSON that survive the way there and back."""

import json

import msgspec
import pytest

from tuinet.training.events import EpochDone, Range, RunEnded, StepDone, decode, encode, finite, merge


def step(number: int, loss: float | None, count: int = 1) -> StepDone:
    return StepDone(step=number, epoch=0, count=count, samples=32 * count, loss=Range(loss, loss, loss), rate=0.1)


def test_a_line_is_json_with_its_kind_first_and_survives():
    event = EpochDone(step=7, epoch=1, complete=True, train={"loss": 0.5}, validation={"loss": None}, best=True)
    line = encode(event)
    assert line.endswith(b"\n") and line.count(b"\n") == 1
    assert json.loads(line)["event"] == "epoch"
    assert decode(line) == event


def test_a_last_line_has_the_form_that_scripts_read():
    event = RunEnded(step=3, reason="epochs", model="m.safetensors", metrics={"test": {"loss": 0.1, "accuracy": 0.9}})
    assert json.loads(encode(event)) == {
        "event": "run-ended",
        "step": 3,
        "reason": "epochs",
        "model": "m.safetensors",
        "metrics": {"test": {"loss": 0.1, "accuracy": 0.9}},
    }


def test_steps_merge_by_hand():
    both = merge(merge(None, step(1, 1.0)), step(4, 5.0, count=3))
    assert both.loss == Range(4.0, 1.0, 5.0)  # (1·1 + 3·5) / 4
    assert (both.step, both.count, both.samples) == (4, 4, 128)


def test_a_loss_that_is_no_number_stays_absent():
    assert finite(float("nan")) is None and finite(float("inf")) is None and finite(2.0) == 2.0
    assert merge(step(1, None), step(2, 1.0)).loss == Range(None, None, None)


@pytest.mark.parametrize("line", [b"", b"{}", b"[1]", b'{"event": "unknown"}', b"\xff\xfe", b'{"event": "step"'])
def test_what_is_no_event_is_refused(line: bytes):
    with pytest.raises(msgspec.DecodeError):
        decode(line)
