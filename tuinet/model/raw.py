"""What a person gives a model, as a data set would hold it: arrays, ids of texts, sequences."""

from __future__ import annotations

from itertools import count
from typing import Any

import numpy as np
import numpy.typing as npt

from tuinet.data.dataset import Indices, Split
from tuinet.data.encoding import encode_texts
from tuinet.data.texts import Texts
from tuinet.data.vocabulary import Vocabulary
from tuinet.errors import TuinetError
from tuinet.model.lengths import MAX_STEPS
from tuinet.model.meta import Meta
from tuinet.nn.layer import Shape
from tuinet.nn.params import Array
from tuinet.nn.sequence import Ragged

MAX_CHARACTERS = 1000 * MAX_STEPS
"""A text with more characters is not even cut into symbols."""

ROWS = 4096
"""Sequences of a part that are looked at in one go."""


def raw_inputs(inputs: Any, shape: Shape, vocabulary: Vocabulary | None) -> Array | Ragged:
    """One input or several, raw: texts as ids by the vocabulary, sequences as Ragged, all else as `samples` says.

    Raises TuinetError if they are of another kind or shape, or a text is empty or too long.
    """
    if vocabulary is not None and not isinstance(inputs, np.ndarray | Ragged):
        return texts_as_ids([inputs] if isinstance(inputs, str) else list(inputs), vocabulary)
    given: Any = inputs
    return sequences(given, shape) if shape.sequence else samples(given, shape)


def texts_as_ids(texts: list[Any], vocabulary: Vocabulary) -> Ragged:
    """The ids of each text. Raises TuinetError if one is no text, empty or too long."""
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise TuinetError(f"input {row + 1} is no text", "The model takes texts.")
        if len(text) > MAX_CHARACTERS:
            raise _too_long(text, f"{len(text):,} characters")
    ids = encode_texts(Texts(texts), vocabulary)
    assert isinstance(ids, Ragged)
    longest = int(ids.lengths.max(initial=0))
    if longest > MAX_STEPS:
        raise _too_long(texts[int(ids.lengths.argmax())], f"{longest:,} symbols")
    return ids


def _too_long(text: str, size: str) -> TuinetError:
    return TuinetError(
        f"the text {text[:40]!r} … has {size}; one of at most {MAX_STEPS:,} symbols is answered as a whole",
        "Give it in parts.",
    )


def sequences(inputs: Any, shape: Shape) -> Ragged:
    """`inputs` as sequences (T, *step): Ragged, a list of arrays, or an array (N, T, *step); a single one (T, *step)
    becomes a batch of one. Raises TuinetError if they are no numbers or of another shape."""
    step = shape.step
    if not isinstance(inputs, Ragged):
        if isinstance(inputs, np.ndarray) and inputs.ndim == 1 + len(step.sizes):
            inputs = [inputs]
        try:
            inputs = Ragged.of([np.asarray(each) for each in inputs])
        except (ValueError, TypeError):
            raise TuinetError("the inputs are no sequences of steps of the same shape", _takes(step)) from None
    _check_steps(inputs, step)
    return inputs


def checked(split: Split, meta: Meta) -> Split:
    """The same part. Raises TuinetError if a sequence of it is empty, holds other steps than the model takes (an id
    outside the vocabulary would be taken for another), or is not as long as its tags. Texts are checked as they are
    encoded."""
    if meta.task == "seq2seq" and not isinstance(split.targets, Ragged | Texts):
        raise TuinetError(f"{meta.name} writes sequences, but the targets of these data are none")
    if not meta.input_shape.sequence or isinstance(split.inputs, Texts):
        return split
    for start, (inputs, targets) in zip(count(1, ROWS), split.batches(ROWS), strict=False):
        lengths = _check_steps(inputs, meta.input_shape.step, start)
        if meta.task not in ("tagging", "next-symbol") or isinstance(targets, Texts):
            continue
        wanted = _lengths(targets)
        if wanted is None:
            raise TuinetError(f"{meta.name} wants one target a step")
        wrong = np.flatnonzero(wanted != lengths)
        if wrong.size:
            row = int(wrong[0])
            message = f"{meta.name} wants one target a step: sequence {start + row} has {lengths[row]} steps"
            raise TuinetError(f"{message} and {wanted[row]} targets")
    return split


def _check_steps(data: Array | Ragged, step: Shape, first: int = 1) -> Indices:
    """The lengths (N,) of these sequences; the first is called number `first`. Raises TuinetError unless each has
    steps, and they are what the model takes."""
    lengths = _lengths(data)
    if lengths is None:
        raise TuinetError("the inputs are no sequences", _takes(step))
    if len(lengths) and not lengths.min():
        raise TuinetError(f"sequence {first + int(lengths.argmin())} is empty", "A sequence has at least one step.")
    values, sizes = (data.values, data.values.shape[1:]) if isinstance(data, Ragged) else (data, data.shape[2:])
    if values.dtype.kind not in "biuf" or (len(lengths) and sizes != step.sizes):
        raise TuinetError("the inputs are not sequences of what the model takes", _takes(step))
    check_ids(values, step)
    return lengths


def check_ids(values: Array, step: Shape, what: str = "inputs") -> None:
    """Raises TuinetError unless all are ids of symbols, where a step is one."""
    if (
        step.kind == "id"
        and values.size
        and (values.dtype.kind not in "iu" or not 0 <= values.min() <= values.max() < step.ids)
    ):
        raise TuinetError(f"the {what} are not all symbols of the vocabulary: 0 to {step.ids - 1}")


def _lengths(data: Array | Ragged) -> Indices | None:
    """(N,) the steps of each sequence; None if they are none."""
    if isinstance(data, Ragged):
        return data.lengths
    return np.full(len(data), data.shape[1], np.intp) if data.ndim > 1 else None


def _takes(step: Shape) -> str:
    return f"A step of the model's input is {f'{step} numbers' if step.sizes else 'one symbol'}."


def samples(inputs: npt.ArrayLike, shape: Shape) -> Array:
    """`inputs` as (N, *shape), or (N, H, W) for grey images; a single sample becomes a batch of one.

    Raises TuinetError if they are no numbers or of another shape.
    """
    try:
        raw = np.asarray(inputs)
    except (ValueError, TypeError):  # lists of different lengths
        raise TuinetError("the inputs do not all have the same shape", f"The model takes {shape} a sample.") from None
    if raw.dtype.kind not in "biuf":
        raise TuinetError("the inputs are not all numbers", f"The model takes {shape} numbers a sample.")
    sizes = shape.sizes
    grey = sizes[:-1] if len(sizes) == 3 and sizes[-1] == 1 else sizes
    if raw.shape in (sizes, grey):
        return raw[np.newaxis]
    if raw.ndim and raw.shape[1:] in (sizes, grey):
        return raw
    found = "×".join(map(str, raw.shape)) or "a single number"
    one = f"{shape} ({' × '.join(shape.axes)})"
    raise TuinetError(f"the inputs are {found}, but the model takes {one} a sample, or N×{shape} for N samples")


def finite(raw: Array | Ragged) -> Array | Ragged:
    """The same. Raises TuinetError if a value is no finite number."""
    values = raw.values if isinstance(raw, Ragged) else raw
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise TuinetError("an input is not a finite number", "Leave the sample out, or put a number in its place.")
    return raw
