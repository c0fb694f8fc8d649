"""Schedules: the formulas with numbers, the ends of warm-up and cosine, and what is refused."""

import math
from itertools import pairwise

import msgspec
import pytest
import tomli_w

from tuinet.nn.schedules import Constant, Cosine, Inverse, Schedule, StepDecay, rate_at


def rates(schedule, steps, base=1.0, steps_per_epoch=0, total_steps=0):
    return [rate_at(schedule, base, step, steps_per_epoch, total_steps) for step in range(steps)]


def test_the_lectures_falling_step_size():
    """α(i) = α₀ / (i + c)."""
    assert rates(Inverse(c=1.0), 4, base=0.5) == [0.5, 0.25, 0.5 / 3, 0.125]
    assert rates(Inverse(c=10.0), 3, base=2.0) == [0.2, 2.0 / 11.0, 2.0 / 12.0]


def test_constant_needs_to_know_nothing_of_the_run():
    assert rates(Constant(), 3, base=0.3) == [0.3, 0.3, 0.3]


def test_warm_up_rises_in_equal_parts_from_rate_over_warmup():
    assert rates(Constant(warmup=4), 6, base=0.8) == pytest.approx([0.2, 0.4, 0.6, 0.8, 0.8, 0.8], rel=1e-15)
    assert rates(Constant(warmup=1), 2) == [1.0, 1.0]


def test_step_decay_counts_epochs():
    expected = [1.0] * 6 + [0.5] * 6 + [0.25] * 6  # 2 epochs of 3 steps each
    assert rates(StepDecay(every=2, factor=0.5), 18, steps_per_epoch=3) == expected
    assert rates(StepDecay(every=1, factor=0.1, warmup=2), 4, steps_per_epoch=2) == pytest.approx([0.5, 1.0, 0.1, 0.1])


def test_cosine_by_hand():
    got = rates(Cosine(), 5, base=2.0, total_steps=4)
    assert got == pytest.approx([2.0, 1 + math.sqrt(0.5), 1.0, 1 - math.sqrt(0.5), 0.0], abs=1e-15)


def test_cosine_ends_at_its_floor_and_stays_there():
    got = rates(Cosine(floor=0.1), 140, base=0.5, total_steps=100)
    assert got[0] == 0.5 and got[50] == pytest.approx(0.05 + 0.45 / 2)
    assert got[100:] == pytest.approx([0.05] * 40)
    assert all(later < earlier for earlier, later in pairwise(got[:101]))


def test_cosine_begins_after_the_warm_up():
    got = rates(Cosine(warmup=10), 111, total_steps=110)
    assert got[:10] == pytest.approx([i / 10 for i in range(1, 11)])
    assert got[10] == 1.0
    assert got[60] == pytest.approx(0.5)
    assert got[110] == pytest.approx(0.0, abs=1e-15)
    assert all(rate > 0 for rate in rates(Cosine(warmup=50), 20, total_steps=20))  # a warm-up longer than the run


def test_what_a_schedule_must_know():
    with pytest.raises(ValueError, match="whole run"):
        rate_at(Cosine(), 1.0, 0, 10, 0)
    with pytest.raises(ValueError, match="per epoch"):
        rate_at(StepDecay(), 1.0, 0, 0, 100)


@pytest.mark.parametrize(
    "schedule",
    [Constant(), Constant(warmup=5), Inverse(c=3.0), StepDecay(every=3, factor=0.2), Cosine(floor=0.2)],
    ids=repr,
)
def test_settings_survive_json_and_toml(schedule):
    assert msgspec.json.decode(msgspec.json.encode(schedule), type=Schedule) == schedule
    assert msgspec.toml.decode(tomli_w.dumps(msgspec.to_builtins(schedule)), type=Schedule) == schedule


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        ({"kind": "inverse", "c": 0}, "c"),
        ({"kind": "step", "every": 0}, "every"),
        ({"kind": "step", "factor": 1.5}, "factor"),
        ({"kind": "step", "factor": 0}, "factor"),
        ({"kind": "cosine", "floor": -0.1}, "floor"),
        ({"kind": "constant", "warmup": -1}, "warmup"),
        ({"kind": "constant", "warmup": 1.5}, "warmup"),
    ],
)
def test_wrong_settings_are_refused_with_their_path(settings, path):
    with pytest.raises(msgspec.ValidationError, match=rf"at `\$\.{path}`"):
        msgspec.convert(settings, Schedule)


def test_the_falling_step_size_has_no_warm_up():
    with pytest.raises(msgspec.ValidationError, match="unknown field `warmup`"):
        msgspec.convert({"kind": "inverse", "warmup": 3}, Schedule)
