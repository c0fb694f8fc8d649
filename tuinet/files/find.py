"""Which file a person means by a model."""

from __future__ import annotations

import difflib
from pathlib import Path

from tuinet.data.shipped import shipped
from tuinet.errors import TuinetError

RUN_MODEL = "model.safetensors"
"""The name of the model's file in a run's folder."""

SUFFIX = ".safetensors"


def find_model(text: str | Path, base: Path | None = None) -> Path:
    """The model file that `text` means: a `.safetensors` file, a run's folder, or the name of a model that ships.

    With a `/` or a suffix it is a path, from the folder `base` on (default: the current one). Without, a model that
    ships under this name, else a folder here. Raises TuinetError with the nearest names if there is none.
    """
    name = str(text)
    if not name or "\0" in name:
        raise TuinetError("no model's name is given" if not name else "a model's name cannot have a NUL in it")
    path = (base or Path()) / name
    try:
        if not _is_path(text):
            found = shipped("models", name + SUFFIX)
            if found.is_file():
                return found
        if path.is_dir():
            inside = path / RUN_MODEL
            if inside.is_file():
                return inside
            hint = "A run's folder has one after its first epoch."
            raise TuinetError(f"{path}: is a folder without {RUN_MODEL}", hint)
        if path.is_file():
            return path
        raise _unknown(text, path)
    except OSError as error:  # a folder that may not be read, a name that is too long
        raise TuinetError(f"{path}: could not be opened: {error.strerror or error}") from error


def shipped_models() -> list[str]:
    """The names of the models that ship."""
    return sorted(path.stem for path in shipped("models").glob("*" + SUFFIX))


def _is_path(text: str | Path) -> bool:
    return isinstance(text, Path) or "/" in text or "\\" in text or bool(Path(text).suffix)


def _unknown(text: str | Path, path: Path) -> TuinetError:
    if _is_path(text):
        folder = path.parent
        names = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
        near = difflib.get_close_matches(path.name, names, n=1)
        hint = f"Did you mean {folder / near[0]}?" if near else ""
        return TuinetError(f"{path}: there is no such model file or run folder", hint)
    names = shipped_models()
    near = difflib.get_close_matches(str(text), names, n=1)
    known = f"Models that ship: {', '.join(names)}." if names else ""
    hint = f"Did you mean {near[0]}? {known}" if near else known
    return TuinetError(
        f"there is no model {str(text)!r}: no model of this name ships, and no run folder here is called so", hint
    )
