"""Every journey begins in an empty folder, with a home of its own and 24-bit colour."""

from __future__ import annotations

import os
import shutil
from importlib import resources
from pathlib import Path

import pytest

from tests.cli.commands import run_command

os.environ["TEXTUAL_COLOR_SYSTEM"] = "truecolor"  # Textual looks when it is imported


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home/.config"))
    monkeypatch.setenv("TUINET_DATA", str(tmp_path / "no-data"))
    for name in ("TUINET_RUNS", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture(scope="session")
def _trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    (folder / "reverse-lstm.toml").write_text(translator())
    for name, epochs in (("digits-cnn", 2), ("reverse-lstm.toml", 1)):
        line = ("train", name, "--set", f"training.epochs={epochs}", "--out", f"runs/{Path(name).stem}", "-q")
        done = run_command(*line, cwd=folder)
        assert done.code == 0, done.err
    return folder


def translator() -> str:
    """The recipe reverse-seq2seq with small LSTMs."""
    recipe = (resources.files("tuinet.experiment") / "recipes/reverse-seq2seq.toml").read_text()
    small = recipe.replace('"gru", units = 128', '"lstm", units = 24').replace("20_000", "2_000")
    assert small.count("lstm") == 2
    return small


@pytest.fixture
def trained(_trained: Path, own_folder: Path) -> Path:
    """The folder of two runs that have ended, to oneself: digits-cnn (2 epochs), reverse-lstm, a translator (1)."""
    shutil.copytree(_trained / "runs", own_folder / "runs")
    return own_folder / "runs"
