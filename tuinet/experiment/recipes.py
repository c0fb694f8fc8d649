"""The recipes: experiment files that ship, in the order of the lecture. Listing them reads only their first lines."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from tuinet.errors import TuinetError

FOLDER = Path(__file__).parent / "recipes"

ORDER = (
    "perceptron-2d",
    "perceptron-regions",
    "xor",
    "sine",
    "spirals",
    "iris-mlp",
    "digits-mlp",
    "digits-cnn",
    "digits-svm",
    "mnist-small-cnn",
    "mnist-mlp",
    "mnist-cnn",
    "fashion-cnn",
    "cifar10-mlp",
    "cifar10-cnn",
    "shakespeare-rnn",
    "shakespeare-lstm",
    "sst2-lstm",
    "sst2-gru",
    "brackets-birnn",
    "digit-rows-lstm",
    "recall-rnn",
    "recall-lstm",
    "recall-gru",
    "recall-clockwork",
    "reverse-seq2seq",
    "dates-seq2seq",
    "cmudict-seq2seq",
    "eng-fra-seq2seq",
    "multi30k-seq2seq",
    "digit-captions",
)
"""From the lecture's first chapter to its last; each is a file of that name in `recipes/`."""


class Recipe(NamedTuple):
    """One experiment that ships; `teaches` and `data` are its comment lines that begin with these words."""

    name: str
    title: str
    teaches: str
    data: str
    path: Path


def recipes() -> list[Recipe]:
    """All recipes, in the order of the lecture."""
    return [_read(name) for name in ORDER]


def recipe_path(name: str) -> Path:
    """Where a recipe lies. Raises TuinetError, with the nearest name, if there is no such recipe."""
    if name not in ORDER:
        from tuinet.experiment.problem import did_you_mean, show_text  # with msgspec, which listing does not wait for

        hint = did_you_mean(name, ORDER, "recipes")
        raise TuinetError(f"there is no recipe {show_text(name)}", hint)
    return FOLDER / f"{name}.toml"


def recipe_text(name: str) -> str:
    """The recipe as it lies there, comments and all: what `tuinet init` writes."""
    return recipe_path(name).read_text(encoding="utf-8")


def _read(name: str) -> Recipe:
    """The head of a recipe: its title in the first line, then `Teaches:` and `Data:` up to the first empty line.

    A comment line that begins with three spaces goes on with the line before.
    """
    path = FOLDER / f"{name}.toml"
    head: list[str] = []
    with path.open(encoding="utf-8") as file:
        for line in file:
            if not line.startswith("#"):
                break
            text = line[1:].rstrip()
            if text.startswith("   ") and head:
                head[-1] += " " + text.strip()
            else:
                head.append(text.strip())
    said = dict(line.split(": ", 1) for line in head if ": " in line)
    return Recipe(name, head[0], said.get("Teaches", ""), said.get("Data", ""), path)
