"""`tuinet diff` as people run it: words, JSON, exit codes, models and files of other programs."""

from __future__ import annotations

import json
from pathlib import Path

import click.testing
import numpy as np
import pytest
from safetensors.numpy import save_file

import tuinet
from tuinet.cli.diff import command
from tuinet.errors import TuinetError
from tuinet.files.model_file import save_model
from tuinet.inspection import difference
from tuinet.inspection.difference import Side


@pytest.fixture
def changed(tmp_path: Path) -> str:
    """digits-cnn with one weight more than it was."""
    model = tuinet.load("digits-cnn")
    model.params["conv1/weight"][0, 0, 0, 0] += 1
    save_model(model, tmp_path / "changed.safetensors")
    return str(tmp_path / "changed.safetensors")


def run(*arguments: object) -> click.testing.Result:
    found = click.testing.CliRunner().invoke(command, [*map(str, arguments)], standalone_mode=False)
    if found.exception is not None:
        raise found.exception
    return found


def test_words_and_exit_codes(changed: str) -> None:
    found = run("digits-cnn", changed, "--exit-code", "--width", "120")
    assert found.return_value == 1
    assert "different" in found.output
    assert "conv1/weight" in found.output
    assert "0,0,0,0" in found.output
    assert run("digits-cnn", changed).return_value == 0
    same = run("digits-cnn", "digits-cnn", "--exit-code", "--width", "120")
    assert same.return_value == 0
    assert "equal, bit for bit" in same.output


def test_json(changed: str) -> None:
    found = json.loads(run("digits-cnn", changed, "--json").output)
    assert found["equal"] == "no"
    assert found["before"] == "digits-cnn"
    weight = next(each for each in found["tensors"] if each["name"] == "conv1/weight")
    assert weight["changed"] == 1
    assert weight["largest"][0]["index"] == [0, 0, 0, 0]
    assert found["settings"] == found["only_before"] == found["reshaped"] == []


def test_a_layer_is_drawn_before_and_after(changed: str, tmp_path: Path) -> None:
    found = run("digits-cnn", changed, "conv1", "--ascii", "--width", "100")
    assert "conv1/weight in digits-cnn" in found.output
    assert found.output.isascii()
    run("digits-cnn", changed, "conv1", "-o", tmp_path / "conv1.json")
    views = json.loads((tmp_path / "conv1.json").read_text())["views"]
    assert [view["name"] for view in views][2:5] == [f"conv1/weight {w}" for w in ("before", "after", "difference")]
    with pytest.raises(TuinetError, match="no layer 'conv9'"):
        run("digits-cnn", changed, "conv9")


def test_only_what_is_drawn_is_compared(changed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []

    def compare(before: Side, after: Side, name: str) -> object:
        compared.append(name)
        return whole(before, after, name)

    whole = difference._compare  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(difference, "_compare", compare)
    shown = run("digits-cnn", changed, "dense1", "--words")
    assert compared == ["dense1/weight", "dense1/bias"]
    assert shown.return_value == 0
    assert run("digits-cnn", changed, "dense1", "--words", "--exit-code").return_value == 1  # conv1 differs


def test_the_same_object_in_a_file(changed: str, tmp_path: Path) -> None:
    run("digits-cnn", changed, "-o", tmp_path / "found.json")
    assert json.loads((tmp_path / "found.json").read_text()) == json.loads(run("digits-cnn", changed, "--json").output)


def test_words(changed: str) -> None:
    assert "conv1" in run("digits-cnn", changed, "conv1", "--words").output


def test_files_of_other_programs(tmp_path: Path) -> None:
    save_file({"fc.weight": np.eye(3)}, tmp_path / "a.safetensors")
    np.savez(tmp_path / "b.npz", **{"fc.weight": np.eye(3), "fc.bias": np.zeros(3)})
    found = json.loads(run(tmp_path / "a.safetensors", tmp_path / "b.npz", "--json").output)
    assert found["only_after"] == [["fc.bias", [3]]]
    assert found["tensors"][0]["changed"] == 0
    model = json.loads(run("digits-cnn", tmp_path / "b.npz", "--json").output)  # a model's tensors by their names
    assert ["conv1/weight", [3, 3, 1, 16]] in model["only_before"]


def test_what_is_no_file(tmp_path: Path) -> None:
    for name in ("nothing-like-this", tmp_path / "none.npz"):
        with pytest.raises(TuinetError):
            run("digits-cnn", name)
