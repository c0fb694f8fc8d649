"""Ways out: after each the problem is gone and none is new; and which problems have none."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.experiment.strategies import EXPERIMENTS
from tests.experiment.test_check import CIFAR, DIGITS, PLANE, SINE
from tests.experiment.test_check_sequences import BASE, INFOS
from tuinet.data.dataset import DatasetInfo
from tuinet.experiment.check import Problem, check
from tuinet.experiment.decode import decode, encode, experiment_type, load_experiment
from tuinet.experiment.edit import apply_settings, parse_key
from tuinet.experiment.places import located, rows
from tuinet.experiment.quick import parse_layers, written
from tuinet.experiment.remedies import way_out
from tuinet.experiment.schema import item_type, struct_types
from tuinet.experiment.spec import Experiment

ALL_INFOS = {**INFOS, "cifar": CIFAR, "plane": PLANE, "sine": SINE, "split": DIGITS}
WHOLE = ("cifar", "plane", "sine", "split")
"""Those whose sizes are before any split."""
DIVIDED = {name: name not in WHOLE for name in ALL_INFOS}


def made(line: str, *changes: str) -> Experiment:
    experiment = decode(BASE)
    model = msgspec.structs.replace(experiment.model, layers=parse_layers(line) if line else ())
    return apply_settings(msgspec.structs.replace(experiment, model=model), changes)


def problems(experiment: Experiment, data: str) -> tuple[Problem, ...]:
    return check(experiment, ALL_INFOS[data], divided=DIVIDED[data]).problems


def mended(experiment: Experiment, data: str, problem: Problem) -> Experiment | None:
    return way_out(experiment, ALL_INFOS[data], problem, divided=DIVIDED[data])


BROKEN_LAYERS = [
    # data, what is broken, at which path, and the line after the way out
    ("digits", "conv 4 9 relu, dense", "[0].kernel", "conv 4 9 same relu, dense"),
    ("digits", "conv 4 7, pool 3, dense", "[1].window", "conv 4 7, pool 2, dense"),
    ("digits", "conv 4 8, pool 2, dense", "[1].window", "conv 4 8, dense"),
    ("digits", "flatten, conv 4 3 relu, pool 2, dense", "[1]", "conv 4 3 relu, pool 2, dense"),
    ("digits", "conv 4 3, flatten, pool 2, dense", "[2]", "conv 4 3, pool 2, dense"),
    ("digits", "dense", "[0]", "flatten, dense"),
    ("digits", "conv 4 3 relu", "[1]", "conv 4 3 relu, dense"),
    ("digits", "flatten, dense 16 relu, dense 12", "[3].units", "flatten, dense 16 relu, dense"),
    ("digits", "flatten, dense, relu, dense 10", "[1].units", "flatten, dense 64 relu, dense 10"),
    ("digits", "flatten, dense 10 softmax", "[2]", "flatten, dense 10"),
    ("digits", "flatten, dense 16 step, dense", "[2]", "flatten, dense 16 sigmoid, dense"),
    ("digits", "flatten, dense 16 sign, dense", "[2]", "flatten, dense 16 tanh, dense"),
    ("digits", "flatten, relu", "", "flatten, relu, dense"),
    ("digits", "", "", "flatten, dense"),
    ("digits", "lstm 16, last, dense", "[0]", "rows, lstm 16, last, dense"),
    ("digits", "flatten, lstm 16, last, dense", "[1]", "rows, lstm 16, last, dense"),
    ("digits", "embed 8, lstm 16, last, dense", "[0]", "rows, lstm 16, last, dense"),
    ("digits", "rows, rows, lstm 16, last, dense", "[1]", "rows, lstm 16, last, dense"),
    ("digits", "flatten, dense 16 relu, last, dense", "[3]", "flatten, dense 16 relu, dense"),
    ("plane", "rows, dense", "[0]", "dense"),
    ("plane", "embed 8, dense", "[0]", "dense"),
    ("plane", "dense 3", "[0].units", "dense"),
    ("reviews", "lstm 16, last, dense", "[0]", "embed 64, lstm 16, last, dense"),
    ("reviews", "mean, dense", "[0]", "embed 64, mean, dense"),
    ("reviews", "onehot 7, lstm 16, last, dense", "[0].symbols", "onehot, lstm 16, last, dense"),
    ("reviews", "embed 8, lstm 16, dense", "[1]", "embed 8, lstm 16, last, dense"),
    ("reviews", "embed 8, bi lstm 16, dense", "[1]", "embed 8, bi lstm 16, mean, dense"),
    ("reviews", "embed 8, dense", "[1]", "embed 8, mean, dense"),
    ("reviews", "embed 8, lstm 16, last", "[1]", "embed 8, lstm 16, last, dense"),
    ("reviews", "embed 8, lstm 16", "[1]", "embed 8, lstm 16, last, dense"),
    ("reviews", "embed 8, lstm 16, last, lstm 8, dense", "[3]", "embed 8, lstm 16, lstm 8, last, dense"),
    ("reviews", "embed 8, clockwork 7 1 2, last, dense", "[1].units", "embed 8, clockwork 8 1 2, last, dense"),
    ("reviews", "embed 8, clockwork 8 4 1, last, dense", "[1].periods", "embed 8, clockwork 8 1 4, last, dense"),
    ("reviews", "embed 8, bi clockwork 7 1 2, mean, dense", "[1].layer.units",
     "embed 8, bi clockwork 8 1 2, mean, dense"),
    ("reviews", "embed 8, gru 8 nobias chrono 9, last, dense", "[1].chrono", "embed 8, gru 8 nobias, last, dense"),
    ("reviews", "embed 8, gru 7, last both, dense", "[2].both_ways", "embed 8, gru 7, last, dense"),
    ("reviews", "", "", "embed 64, mean, dense"),
    ("reviews", "encoder(embed 8, gru 9) decoder(embed 8, gru 9, dense)", "[0]", "embed 8, gru 9, mean, dense"),
    ("tagged", "embed 8, lstm 16, last, dense", "[2]", "embed 8, lstm 16, dense"),
    ("play", "embed 8, bi gru 16, dense", "[1]", "embed 8, gru 16, dense"),
    ("play", "embed 8, lstm 16, dense 9", "[2].units", "embed 8, lstm 16, dense"),
    ("play", "embed 8, lstm 16, dense softmax", "[3]", "embed 8, lstm 16, dense"),
    ("play", "embed 8, lstm 16", "[1]", "embed 8, lstm 16, dense"),
    ("pairs", "", "", "encoder(embed 64, lstm 64) decoder(embed 64, lstm 64, dense)"),
    ("pairs", "embed 8, bi gru 16, mean, dense", "",
     "encoder(embed 8, bi gru 16) decoder(embed 64, gru 16, dense) dense"),
    ("pairs", "embed 8, gru 16, last, dense", "", "encoder(embed 8, gru 16) decoder(embed 64, gru 16, dense)"),
    ("pairs", "embed 8, encoder(gru 16) decoder(embed 8, gru 16, dense)", "[1]",
     "encoder(embed 8, gru 16) decoder(embed 8, gru 16, dense)"),
    ("pairs", "encoder(embed 8, gru 16) decoder(embed 8, gru 16)", "[0].decoder",
     "encoder(embed 8, gru 16) decoder(embed 8, gru 16, dense)"),
    ("pairs", "encoder(embed 8, gru 16) decoder(embed 8, gru 16, dense) symbols 4", "[0].symbols",
     "encoder(embed 8, gru 16) decoder(embed 8, gru 16, dense)"),
    ("pairs", "encoder(embed 8, gru 16) decoder(embed 8, gru 9, dense)", "[0].bridge",
     "encoder(embed 8, gru 16) decoder(embed 8, gru 9, dense) dense"),
    ("pairs", "encoder(embed 8, gru 16) decoder(embed 8, bi gru 16, dense)", "[0].decoder[1]",
     "encoder(embed 8, gru 16) decoder(embed 8, gru 16, dense)"),
    ("pairs", "encoder(embed 8, lstm 16) decoder(embed 8, bi gru 16, dense)", "[0].decoder[1]",
     "encoder(embed 8, lstm 16) decoder(embed 8, gru 16, dense) dense"),
    ("pairs", "encoder(embed 8, gru 16) decoder(embed 8, dense)", "[0].decoder",
     "encoder(embed 8, gru 16) decoder(embed 8, gru 16, dense)"),
    ("pairs", "encoder(embed 8) decoder(embed 8, gru 16, dense)", "[0].encoder",
     "encoder(embed 8, mean) decoder(embed 8, gru 16, dense) dense"),
    ("pairs", "encoder(gru 16) decoder(embed 8, gru 16, dense)", "[0].encoder[0]",
     "encoder(embed 64, gru 16) decoder(embed 8, gru 16, dense)"),
    ("pairs", "encoder(embed 8, gru 16) decoder(embed 8, gru 16, last, dense)", "[0].decoder[2]",
     "encoder(embed 8, gru 16) decoder(embed 8, gru 16, dense)"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "line", "path", "expected"), BROKEN_LAYERS, ids=lambda part: part or "–")
def test_a_broken_network_and_its_way_out(data: str, line: str, path: str, expected: str) -> None:
    experiment = made(line)
    before = problems(experiment, data)
    problem = next(each for each in before if each.path == f"model.layers{path}")
    after = mended(experiment, data, problem)
    assert after is not None
    assert written(after.model.layers) == written(parse_layers(expected))
    assert problems(after, data) == ()
    assert msgspec.structs.replace(after, model=experiment.model) == experiment  # nothing else is touched


BROKEN_SETTINGS = [
    ("digits", "flatten, conv 4 3 relu, pool 2, dense", ["model.layers[4]="], "model.layers[1]", None),
    ("sine", "dense 8 tanh, dense", ["training.loss=hinge"], "training.loss", "training.loss=mean-squared-error"),
    ("tagged", "embed 8, gru 8, dense", ["training.loss=squared-error"], "training.loss",
     "training.loss=cross-entropy"),
    ("plane", "dense", ["data.targets=binary"], "data.targets", "data.targets="),
    ("plane", "dense", ["data.augment=[{kind='shift', pixels=1}, {kind='noise', deviation=0.1}]"], "data.augment[0]",
     "data.augment[0]="),
    ("reviews", "embed 8, gru 8, last, dense", ["data.augment=[{kind='flip'}]"], "data.augment[0]", "data.augment[0]="),
    ("reviews", "embed 8, gru 8, last, dense", ["data.prepare=[{kind='scale'}]"], "data.prepare", "data.prepare="),
    ("reviews", "embed 8, gru 8, last, dense", ["data.window=9"], "data.window", "data.window="),
    ("digits", "flatten, dense", ["data.tokens.unit=words"], "data.tokens", "data.tokens="),
    ("reviews", "embed 8, gru 8, last, dense", ["data.target_tokens.unit=words"], "data.target_tokens",
     "data.target_tokens="),
    ("split", "flatten, dense", ["training.early_stopping.patience=1"], "training.early_stopping",
     "data.split.validation=0.1"),
    ("digits", "flatten, dense", ["training.early_stopping.patience=1"], "training.early_stopping",
     "training.early_stopping="),
    ("sine", "dense 8 tanh, dense", ["training.loss=mean-squared-error", "data.split.validation=0.1",
     "training.early_stopping={patience=1, monitor='accuracy'}"], "training.early_stopping.monitor",
     "training.early_stopping.monitor=loss"),
    ("plane", "dense", ["training.schedule.warmup=99999"], "training.schedule.warmup", "training.schedule.warmup=1"),
    ("digits", "conv 4 3, dense", ["model.freeze=['conv2']"], "model.freeze[0]", "model.freeze=['conv1']"),
    ("digits", "conv 4 3, dense", ["model.freeze=['xyz']"], "model.freeze[0]", "model.freeze=[]"),
    ("plane", "dense 1 sign", ["training.loss=perceptron"], "model.layers[1]", "model.layers[1]="),
    ("plane", "dense 1 tanh", ["training.loss=perceptron"], "model.layers[1]", "model.layers[1]="),
    ("plane", "dense 1 sigmoid", ["training.loss=binary-cross-entropy"], "model.layers[1]", "model.layers[1]="),
    ("plane", "dense", ["training.loss=binary-cross-entropy", "data.targets=binary"], "model.layers[0].units",
     "model.layers[0].units=1"),
    ("digits", "encoder(flatten, dense 8) decoder(embed 8, gru 8, dense) reversed", [], "model.layers[0]", None),
]  # fmt: skip


@pytest.mark.parametrize(("data", "line", "changes", "path", "expected"), BROKEN_SETTINGS)
def test_a_broken_setting_and_its_way_out(data, line, changes, path, expected) -> None:
    experiment = made(line, *changes)
    before = problems(experiment, data)
    problem = next(each for each in before if each.path == path)
    after = mended(experiment, data, problem)
    if expected is not None:
        assert after == apply_settings(experiment, [expected])
    assert after is not None and problems(after, data) == ()


NO_WAY_OUT = [
    ("split", "flatten, dense", ["data.split.test=0.9", "data.split.validation=0.099"], "data.split"),
    ("split", "flatten, dense", ["data.split.test=0.6", "data.split.validation=0.6"], "data.split"),
    ("split", "flatten, dense", ["data.prepare=[{kind='downsample', factor=3}]"], "data.prepare[0].factor"),
    ("split", "flatten, dense", ["training.regularization.weight_decay=1000"], "training.regularization.weight_decay"),
    ("split", "flatten, dense", ["model.start=./nowhere.safetensors"], "model.start"),
    ("split", "flatten, dense", ["model.freeze=['dense1']"], "model.freeze"),
    ("plane", "dense 4000000000000 relu, dense", [], "model.layers[0]"),
    ("plane", "dense 1000000 relu, dense 1000000 relu, dense", [], "model"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "line", "changes", "path"), NO_WAY_OUT)
def test_where_more_than_one_thing_could_be_done_none_is(data, line, changes, path) -> None:
    experiment = made(line, *changes)
    problem = next(each for each in problems(experiment, data) if each.path == path)
    assert mended(experiment, data, problem) is None


def test_tagging_of_what_is_no_sequence_has_no_way_out() -> None:
    info = DatasetInfo("odd", "tagging", INFOS["digits"].input_shape, {"train": 900}, ("a", "b"))
    experiment = made("flatten, dense")
    (problem,) = check(experiment, info).problems
    assert "take data that are sequences" in problem.hint
    assert way_out(experiment, info, problem) is None


def test_what_was_hidden_behind_a_mistake_may_come_to_light() -> None:
    """The second window cannot be judged while the first does not fit; then it has a way out of its own."""
    experiment = made("conv 4 9, pool 9, dense")
    (first,) = problems(experiment, "digits")
    after = mended(experiment, "digits", first)
    assert after is not None
    (second,) = problems(after, "digits")
    assert second.path == "model.layers[1].window"
    last = mended(after, "digits", second)
    assert last is not None and problems(last, "digits") == ()


@pytest.mark.parametrize(("data", "half"), [("pairs", "encoder"), ("pairs", "decoder"), ("reviews", "")])
def test_where_there_are_no_layers_no_layer_is_named(data: str, half: str) -> None:
    experiment = made(
        "encoder(embed 8, gru 8) decoder(embed 8, gru 8, dense)" if half else "embed 8, gru 8, last, dense"
    )
    path = "model.layers" + (f"[0].{half}" if half else "")
    broken = apply_settings(experiment, [f"{path}=[]"])
    assert {each.path for each in problems(broken, data)} == {path}
    after = mended(broken, data, problems(broken, data)[0])
    assert after is not None and problems(after, data) == ()


def test_a_problem_that_is_not_there_has_no_way_out() -> None:
    assert mended(made("flatten, dense"), "digits", Problem("model.layers[0]", "made up")) is None


# ── any experiment at all ─────────────────────────────────────────────────────────────────────────────────────────────


def has_field(path: str) -> bool:
    """Whether the file has such a key."""
    kinds = [experiment_type()]
    for key in parse_key(path):
        if isinstance(key, int):
            kinds = [inner for kind in kinds if (inner := item_type(kind)) is not None]
        else:
            fields = [field for kind in kinds for struct in struct_types(kind) for field in struct.fields]
            kinds = [field.type for field in fields if field.encode_name == key]
    return bool(kinds)


@given(EXPERIMENTS, st.sampled_from(sorted(ALL_INFOS)))
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_problem_of_anything_can_be_shown_and_mended(experiment: Experiment, data: str) -> None:
    model = msgspec.structs.replace(experiment.model, start=None)
    experiment = msgspec.structs.replace(experiment, model=model)
    before = problems(experiment, data)
    places = {row.place for row in rows(experiment)}
    for problem in before:
        place, field = located(experiment, problem.path)
        assert (place in places if place is not None else True) and has_field(problem.path), problem
        assert field or place is not None
        after = mended(experiment, data, problem)
        if after is not None:
            found = Counter(each.message for each in problems(after, data))
            assert found[problem.message] < Counter(each.message for each in before)[problem.message]
            assert decode(encode(after)) == after


def test_a_shipped_recipe_with_one_mistake_is_whole_again() -> None:
    experiment = load_experiment("mnist-small-cnn")
    info = experiment.data.source.describe(Path())
    broken = apply_settings(experiment, ["model.layers[3].kernel=15"])
    (problem,) = check(broken, info).problems
    after = way_out(broken, info, problem)
    assert after is not None and check(after, info).problems == ()
