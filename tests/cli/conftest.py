"""Runs that several tests look at."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.commands import Command, run_command


@pytest.fixture
def tuinet(tmp_path: Path) -> Command:
    """`tuinet("train", "xor")` in an empty folder."""
    return lambda *arguments, **variables: run_command(*arguments, cwd=tmp_path, **variables)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with runs of shipped recipes, trained once: digits (a CNN, one epoch), iris, sine."""
    folder = tmp_path_factory.mktemp("trained")
    for recipe, epochs in (("digits-cnn", 1), ("iris-mlp", 40), ("sine", 20)):
        name = recipe.split("-")[0]
        done = run_command(
            "train", recipe, "--set", f"training.epochs={epochs}", "--out", f"runs/{name}", "-q", cwd=folder
        )
        assert done.code == 0, done.err
    return folder
