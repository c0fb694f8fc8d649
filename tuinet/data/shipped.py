"""Where the data and models that ship with tuinet lie, in a wheel and in a checkout."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Literal

from tuinet.errors import TuinetError

PACKAGE = Path(__file__).resolve().parent.parent


def shipped(kind: Literal["datasets", "models"], name: str = "") -> Path:
    """The path of a file or folder that ships: `shipped("datasets", "iris")`. It need not exist.

    A wheel carries both folders inside the package, a checkout beside it.
    """
    inside = PACKAGE / "shipped"
    return (inside if inside.is_dir() else PACKAGE.parent) / kind / name


def shipped_file(folder: str, name: str, digest: str) -> Path:
    """The path of a data file that ships, after its SHA-256 was found to be `digest`.

    Raises TuinetError if it is missing or damaged.
    """
    path = shipped("datasets", folder) / name
    try:
        found = sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise TuinetError(
            f"{path}: a data file that ships with tuinet cannot be read ({error.strerror})", "install tuinet again"
        ) from error
    if found != digest:
        raise TuinetError(
            f"{path}: damaged: its SHA-256 is {found}, not {digest}",
            "install tuinet again, or restore the file",
        )
    return path
