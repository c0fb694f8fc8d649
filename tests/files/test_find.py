"""What a person may call a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.model.models import cnn, xor
from tuinet.data import shipped as shipped_module
from tuinet.errors import TuinetError
from tuinet.files.find import find_model, shipped_models
from tuinet.files.load import load
from tuinet.files.model_file import save_model


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a run, a model file, and an installation that ships two models."""
    home, installed = tmp_path / "home", tmp_path / "installed"
    for folder in (home / "runs" / "first", home / "runs" / "empty", home / "digits-cnn", installed / "models"):
        folder.mkdir(parents=True)
    save_model(xor(), home / "runs" / "first" / "model.safetensors")
    save_model(xor(), home / "digits-cnn" / "model.safetensors")
    save_model(xor(), home / "mine.safetensors")
    save_model(cnn(np.float32), installed / "models" / "digits-cnn.safetensors")
    save_model(xor(), installed / "models" / "xor.safetensors")
    monkeypatch.setattr(shipped_module, "PACKAGE", installed / "tuinet")
    monkeypatch.chdir(home)
    return home


def test_files_runs_and_shipped_models(here: Path, tmp_path: Path) -> None:
    installed = tmp_path / "installed" / "models"
    assert find_model("mine.safetensors") == Path("mine.safetensors")
    assert find_model(here / "mine.safetensors") == here / "mine.safetensors"
    assert find_model("runs/first") == Path("runs/first/model.safetensors")
    assert find_model("runs/first/") == Path("runs/first/model.safetensors")
    assert find_model("runs/first/model.safetensors") == Path("runs/first/model.safetensors")
    assert find_model("xor") == installed / "xor.safetensors"
    assert find_model("first", base=here / "runs") == here / "runs" / "first" / "model.safetensors"
    assert shipped_models() == ["digits-cnn", "xor"]


def test_a_slash_makes_it_a_path(here: Path, tmp_path: Path) -> None:
    assert find_model("digits-cnn") == tmp_path / "installed" / "models" / "digits-cnn.safetensors"
    assert find_model("./digits-cnn") == Path("digits-cnn/model.safetensors")
    assert find_model(Path("digits-cnn")) == Path("digits-cnn/model.safetensors")


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("digits-cnm", "there is no model 'digits-cnm'", "Did you mean digits-cnn? Models that ship: digits-cnn, xor."),
        ("zzz", "there is no model 'zzz'", "Models that ship: digits-cnn, xor."),
        ("./xor", "xor: there is no such", ""),
        ("mine.safetensor", "mine.safetensor: there is no such", "Did you mean mine.safetensors?"),
        ("runs/fisrt", "runs/fisrt: there is no such", "Did you mean runs/first?"),
        ("none/at/all", "there is no such", ""),
        ("runs/empty", "a folder without model.safetensors", "first epoch"),
        ("", "no model's name", ""),
        ("a\0b", "NUL", ""),
        ("\x1b[2J", "'\\x1b[2J'", ""),
        ("long" * 100 + "/x", "File name too long", ""),
        ("mine.safetensors/x", "there is no such", ""),
    ],
)
def test_what_is_not_there(here: Path, text: str, message: str, hint: str) -> None:
    with pytest.raises(TuinetError) as caught:
        find_model(text)
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.exit_code == 2


def test_load(here: Path) -> None:
    assert load("runs/first").predict([[0, 1]]).labels == ["b"]
    assert load("xor").network == xor().network
    assert load(here / "digits-cnn").network == xor().network
