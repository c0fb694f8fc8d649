"""A run's weights as they grew: one model file an epoch, thinned, so that kernels can be watched growing afterwards."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

from tuinet.files.atomic import remove_leftovers
from tuinet.files.model_file import save_model
from tuinet.model.model import Model

FOLDER = "snapshots"

MOST_FILES = 50
MOST_BYTES = 200 * 2**20
"""What the snapshots of a run take at most."""

_NAME = re.compile(r"epoch-([0-9]{1,12})\.safetensors")


def every(epochs: int, size: int) -> int:
    """Every how many-th of so many epochs is kept, if a model takes `size` bytes; 0 if not one has room.

    A fixed rule from what is known beforehand: a run that is killed and goes on has the same snapshots as one that
    was never stopped.
    """
    room = min(MOST_FILES, MOST_BYTES // max(1, size))
    return -(-epochs // room) if room else 0


def keep(directory: Path, model: Model, epoch: int, epochs: int) -> None:
    """Save the model as it is after `epoch` of `epochs`, if that epoch is kept; take away those that no longer are."""
    stride = every(epochs, model.params.vector.nbytes)
    if not stride or epoch % stride:
        return
    folder = directory / FOLDER
    folder.mkdir(exist_ok=True)
    for number, path in snapshots(directory).items():
        if number % stride or number > epoch:  # of another number of epochs, or from before the run was cut back
            path.unlink(missing_ok=True)
    save_model(model, folder / f"epoch-{epoch:06}.safetensors")


def discard(directory: Path) -> None:
    """Remove every snapshot of a run, and their folder if nothing else is in it."""
    folder = directory / FOLDER
    if folder.is_symlink():
        return
    for path in snapshots(directory).values():
        remove_leftovers(path)
        path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # there is none, or something of somebody else's is in it
        folder.rmdir()


def snapshots(directory: Path) -> dict[int, Path]:
    """The snapshots of a run by their epoch, in order."""
    folder = directory / FOLDER
    if not folder.is_dir():
        return {}
    named = ((match, path) for path in folder.iterdir() if (match := _NAME.fullmatch(path.name)))
    return dict(sorted((int(match[1]), path) for match, path in named))
