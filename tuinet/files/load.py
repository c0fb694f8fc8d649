"""From what a person calls a model to the model."""

from __future__ import annotations

from pathlib import Path

from tuinet.files.find import find_model
from tuinet.files.model_file import load_model
from tuinet.model.model import Model


def load(model: str | Path, base: Path | None = None) -> Model:
    """The model that `model` means: a `.safetensors` file, a run's folder, or the name of a model that ships.

    Relative paths start at `base` (default: the current folder). Raises TuinetError.
    """
    return load_model(find_model(model, base))
