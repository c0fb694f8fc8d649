"""Tensors into a safetensors file, whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import save_file  # pyright: ignore[reportUnknownVariableType]

from tuinet.errors import RunFailedError, TuinetError
from tuinet.files.atomic import UNCHANGED, replacing
from tuinet.files.header import DTYPES, MAX_METADATA
from tuinet.nn.params import Array


def write_tensors(path: Path, tensors: Mapping[str, Array], metadata: Mapping[str, str]) -> None:
    """Write `tensors` (F32, F64, I64 or U8, of any memory order) and `metadata` to `path`.

    Equal tensors and metadata make equal bytes if `metadata` has one key: the library writes several in random order.
    What was at `path` stays whole until the new file is on the disk. Raises RunFailedError if it cannot be written
    (a full disk), TuinetError if `path` cannot be a file or the metadata are too large to be read again.
    """
    size = sum(len(key.encode()) + len(text.encode()) for key, text in metadata.items())
    if size > MAX_METADATA:
        raise TuinetError(f"{path}: {size / 2**20:.1f} MB of metadata; a file holds at most {MAX_METADATA // 2**20}")
    for name, array in tensors.items():
        if array.dtype not in DTYPES.values():
            raise ValueError(f"tensor {name}: dtype {array.dtype} is none of {', '.join(DTYPES)}")
    # The library takes an array's memory as it lies and would store a transposed view wrong (safetensors issue 825).
    # ascontiguousarray makes a 0-d array 1-d, so only what needs it goes through it.
    contiguous = {
        name: array if array.flags.c_contiguous else np.ascontiguousarray(array) for name, array in tensors.items()
    }
    with replacing(path) as temporary:
        try:
            save_file(contiguous, temporary, metadata=dict(metadata))
        except SafetensorError as error:
            raise RunFailedError(f"{path}: could not be written: {_reason(error)}", UNCHANGED) from error


def _reason(error: SafetensorError) -> str:
    return str(error).removeprefix("Error while serializing: ").removeprefix("I/O error: ")
