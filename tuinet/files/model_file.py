"""Model files: one tensor per parameter, everything else as JSON under the metadata key `tuinet`.

docs/model-file.md describes the format. Nothing in a file is executed, nothing is allocated before it was compared
with what the file really holds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import msgspec
import numpy as np

from tuinet import __version__
from tuinet.data.preparation import prepared_shape
from tuinet.errors import TuinetError
from tuinet.files.header import TensorEntry, quoted
from tuinet.files.reader import DAMAGED, open_tensors
from tuinet.files.tensors import open_weights
from tuinet.files.writer import write_tensors
from tuinet.model.meta import Meta, check_model
from tuinet.model.model import Model
from tuinet.nn.network import Sequential
from tuinet.nn.params import Params, ParamSpec

FORMAT = 1
METADATA_KEY = "tuinet"

_DTYPES = (np.dtype("<f4"), np.dtype("<f8"))


class _Version(msgspec.Struct, frozen=True):
    """What is read first: whether the rest can be read at all."""

    format: int
    tuinet: str = ""
    network: msgspec.Raw = msgspec.Raw()


class Content(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The JSON of a model file. `tuinet` is the version that wrote it."""

    format: int
    tuinet: str
    network: Sequential
    meta: Meta


def save_model(model: Model, path: Path) -> None:
    """Write `model` to `path`, whole or not at all. Equal models make equal files. Raises as `write_tensors`."""
    content = Content(FORMAT, __version__, model.network, model.meta)
    text = msgspec.json.encode(_complete(content), order="sorted").decode()
    write_tensors(path, model.params, {METADATA_KEY: text})


def is_model(path: Path) -> bool:
    """Whether the file at `path` says that it is a model of tuinet's: another program's weights do not, nor does a
    run's checkpoint, nor a .npz file. Raises TuinetError if it is neither."""
    with open_weights(path) as file:
        text = file.metadata.get(METADATA_KEY)
    if text is None:
        return False
    try:
        version = msgspec.json.decode(text, type=_Version)
    except (msgspec.DecodeError, ValueError, OverflowError, RecursionError):
        return True  # a damaged one: whoever loads it is told so
    return version.format != FORMAT or bool(bytes(version.network))


def load_model(path: Path) -> Model:
    """The model in the file at `path`. Raises TuinetError, naming the file, for anything that is not a sound one.

    Weights that are not finite are taken as they are: such a model is worth looking into, and says so when evaluated.
    """
    try:
        return _load(path)
    except TuinetError:
        with open_weights(path) as file:  # raises what is wrong with a file of its kind
            foreign = METADATA_KEY not in file.metadata
        if foreign:  # a sound one: it was never a model
            raise _foreign(path) from None
        raise


def _load(path: Path) -> Model:
    with open_tensors(path) as file:
        content = _decode(path, file.metadata)
        try:
            check_model(content.network, content.meta)
            specs = content.network.param_shapes(prepared_shape(content.meta.preparation, content.meta.input_shape))
        except TuinetError as error:
            raise TuinetError(f"{path}: is not a sound model: {error.message}", error.hint or DAMAGED) from None
        dtype = _check_tensors(path, specs, file.entries)
        try:
            params = Params.zeros(specs, dtype)
        except MemoryError:
            raise TuinetError(f"{path}: the model does not fit in memory") from None
        for name in specs:
            file.read_into(name, params[name])
    return Model(content.network, params, content.meta)


def _complete(value: object) -> object:
    """`value` for JSON with every setting written out, so that a file means the same whatever later defaults are."""
    if isinstance(value, msgspec.Struct):
        config = value.__struct_config__
        fields = {name: _complete(getattr(value, name)) for name in value.__struct_fields__}
        return fields if config.tag_field is None else {config.tag_field: config.tag, **fields}
    if isinstance(value, tuple):
        return [_complete(item) for item in cast("tuple[object, ...]", value)]
    return value


def _decode(path: Path, metadata: Mapping[str, str]) -> Content:
    text = metadata.get(METADATA_KEY)
    if text is None:
        raise _foreign(path)
    version = _Version(format=FORMAT)
    try:
        version = msgspec.json.decode(text, type=_Version)
        if version.format == FORMAT and not bytes(version.network):
            raise TuinetError(f"{path}: holds no network", "A run's checkpoint is no model: its model lies beside it.")
        if version.format == FORMAT:
            return msgspec.json.decode(text, type=Content)
        reason = f"format {version.format}"
    except (msgspec.DecodeError, ValueError, OverflowError) as error:
        reason = ascii(str(error)[:300])[1:-1]
    except RecursionError:
        reason = "its description is nested too deeply"
    if version.format > FORMAT or _numbers(version.tuinet) > _numbers(__version__):
        wrote = f"tuinet {quoted(version.tuinet)[1:-1]}" if version.tuinet else "another version"
        raise TuinetError(
            f"{path}: written by a newer tuinet: {wrote}, format {version.format} "
            f"(this is {__version__}, format {FORMAT}): {reason}",
            "Update tuinet.",
        )
    raise TuinetError(f"{path}: is not a sound model: {reason}", DAMAGED)


def _foreign(path: Path) -> TuinetError:
    return TuinetError(
        f"{path}: holds tensors of another program, and is no model: it has no metadata key '{METADATA_KEY}'",
        "Weights alone do not say what network they belong to: tuinet import makes a model of them.",
    )


def _numbers(version: str) -> tuple[int, ...]:
    match = re.match(r"(\d{1,9})\.(\d{1,9})(?:\.(\d{1,9}))?", version)
    return tuple(int(part or 0) for part in match.groups()) if match else ()


def _check_tensors(
    path: Path, specs: Mapping[str, ParamSpec], entries: Mapping[str, TensorEntry]
) -> np.dtype[np.generic]:
    """The dtype of all tensors, which must be exactly those that the network needs."""
    for what, names in (("missing", specs.keys() - entries.keys()), ("unknown", entries.keys() - specs.keys())):
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise TuinetError(f"{path}: is not a sound model: {what} tensor {quoted(min(names))}{more}", DAMAGED)
    dtypes = {entry.dtype for entry in entries.values()}
    if len(dtypes) > 1 or not dtypes <= set(_DTYPES):
        found = ", ".join(sorted(dtype.name for dtype in dtypes))
        raise TuinetError(f"{path}: is not a sound model: its weights must be all F32 or all F64, not {found}", DAMAGED)
    for name, spec in specs.items():
        shape = entries[name].shape
        if shape != spec.shape:
            raise TuinetError(
                f"{path}: is not a sound model: tensor {quoted(name)} is {_shape(shape)}, "
                f"but its network needs {_shape(spec.shape)}",
                DAMAGED,
            )
    return dtypes.pop() if dtypes else _DTYPES[0]


def _shape(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "one value"
