"""`--off` on predict and evaluate: both answers side by side, and nothing else changes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest

from tests.cli.commands import Command
from tests.model.models import made
from tuinet.data.coding import Coding
from tuinet.experiment.provenance import find_part
from tuinet.files.find import find_model
from tuinet.files.load import load
from tuinet.files.model_file import save_model
from tuinet.inspection.off import parse_off, switched_off
from tuinet.nn.layer import Shape
from tuinet.nn.layers.dense import Dense
from tuinet.nn.losses import SquaredError


def test_predict_answers_twice(tuinet: Command, tmp_path: Path) -> None:
    model = load("digits-cnn")
    off = switched_off(model, [parse_off("conv1:0-9"), parse_off("dense1:3")])
    inputs = np.random.default_rng(0).integers(0, 17, (3, 8, 8), np.uint8)
    np.save(tmp_path / "x.npy", inputs)
    plain = tuinet("predict", "digits-cnn", "x.npy", "--top", 2, "--json")
    both = tuinet("predict", "digits-cnn", "x.npy", "--top", 2, "--json", "--off", "conv1:0-9", "--off", "dense1:3")
    assert both.code == 0, both.err
    for one, two, first, second in zip(
        plain.lines, both.lines, model.predict(inputs).scores, off.predict(inputs).scores, strict=True
    ):
        other = two.pop("off")
        assert two == one  # all on is what it is without --off
        assert set(other) == set(one) - {"input"}
        assert one["top"][0]["score"] == pytest.approx(first.max(), rel=1e-5)
        assert other["top"][0]["score"] == pytest.approx(second.max(), rel=1e-5)
        assert other["label"] == str(second.argmax())
    shown = tuinet("predict", "digits-cnn", "x.npy", "--off", "conv1:0-9", "--off", "dense1:3").out.splitlines()
    assert shown[0].split() == ["input", "all", "on", "probability", "off", "probability"]
    first = both.lines[0]
    label, score = first["off"]["label"], first["off"]["top"][0]["score"]
    assert shown[1].split() == ["x.npy:1", first["label"], f"{first['top'][0]['score']:.4f}", label, f"{score:.4f}"]


def test_predict_without_off_is_as_it_was(tuinet: Command) -> None:
    """Also where an option could come between: a row that begins with a minus sign."""
    assert tuinet("predict", "xor", "-1,0").out.splitlines()[0] == "input  says  outputs"
    assert tuinet("predict", "cmudict-seq2seq", "thought").out == "TH AO T\n"


def test_texts_and_wrong_lines(tuinet: Command) -> None:
    done = tuinet("predict", "cmudict-seq2seq", "thought", "cat", "--off", "encoder/lstm1:forget")
    header, first, second = done.out.splitlines()
    assert header.split() == ["input", "all", "on", "score", "off", "score"]
    assert first.startswith("thought  TH AO T") and second.startswith("cat")
    piped = subprocess.run(
        [sys.executable, "-m", "tuinet", "predict", "cmudict-seq2seq", "-", "--off", "decoder/lstm1:0-99", "--json"],
        input="thought\n\ncat\n",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert piped.returncode == 1
    answers = [json.loads(line) for line in piped.stdout.splitlines()]
    assert [("off" in answer, "error" in answer) for answer in answers] == [(True, False), (False, True), (True, False)]
    assert set(answers[0]["off"]) == {"text", "symbols", "score", "complete"}


def test_values_and_binary_outputs(tuinet: Command, tmp_path: Path) -> None:
    """y = 2 x₁ + 3 x₂ by way of two units, of which the second is off."""
    weights = {"dense1/weight": np.eye(2), "dense2/weight": [[2.0], [3.0]]}
    model = made((Dense(2), Dense(1)), weights, Shape.vector(2), SquaredError(), Coding("values"))
    model.meta = msgspec.structs.replace(model.meta, target_names=("sum",))
    save_model(model, tmp_path / "m.safetensors")
    (answer,) = tuinet("predict", "m.safetensors", "4,5", "--off", "dense1:1", "--json").lines
    assert answer == {"input": "4,5", "values": {"sum": 23.0}, "off": {"values": {"sum": 8.0}}}
    shown = tuinet("predict", "m.safetensors", "4,5", "--off", "dense1:1").out.splitlines()
    assert [line.split() for line in shown] == [
        ["input", "value", "all", "on", "off", "difference"],
        ["4,5", "sum", "23", "8", "-15"],
    ]
    assert tuinet("predict", "xor", "1,0", "--off", "dense1:0").out.splitlines()[0].split()[-1] == "outputs"


def test_evaluate_measures_twice(tuinet: Command) -> None:
    plain = tuinet("evaluate", "digits-cnn", "--json").lines[0]
    done = tuinet("evaluate", "digits-cnn", "--off", "conv2:0-20", "--json").lines[0]
    without = done.pop("off")
    assert done == plain
    model, path = load("digits-cnn"), find_model("digits-cnn")
    part = find_part(path, model, None, None)[2]
    expected = switched_off(model, [parse_off("conv2:0-20")]).evaluate(part)
    assert without == pytest.approx(expected, rel=1e-6)
    shown = tuinet("evaluate", "digits-cnn", "--off", "conv2:0-20").out.splitlines()
    assert "off    conv2:0-20" in shown
    assert shown[4].split() == ["all", "on", "off", "difference"]
    rows = {line.split()[0]: line.split()[1:] for line in shown[5:]}
    assert rows["samples"] == ["359", "359"]
    gone = 100 * (without["accuracy"] - plain["accuracy"])
    assert rows["accuracy"][-2:] == [f"{gone:+.2f}", "points"]
    assert rows["errors"] == [str(plain["errors"]), str(without["errors"]), str(without["errors"] - plain["errors"])]


@pytest.mark.parametrize(
    ("command", "off"),
    [("predict", "dense9:0"), ("predict", "dense2:0"), ("evaluate", "dense1:99"), ("evaluate", "dense1:\x1b")],
)
def test_what_cannot_be_off_is_one_line(tuinet: Command, command: str, off: str) -> None:
    done = tuinet(command, "iris-mlp", *(["5,3,2,1"] if command == "predict" else []), "--off", off)
    assert (done.code, done.out) == (2, "")
    lines = done.err.splitlines()
    assert len(lines) == 2 and lines[0].startswith("error: ")
    assert "\x1b" not in done.err


def test_the_help_says_how_it_is_written(tuinet: Command) -> None:
    for command in ("predict", "evaluate"):
        assert "--off LAYER:UNITS" in tuinet(command, "--help").out
