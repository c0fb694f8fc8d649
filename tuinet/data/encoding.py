"""Texts become ids: vocabularies are built from the training part, then every part is written in their numbers."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace

import numpy as np

from tuinet.data.dataset import Data, Dataset, Split, Task
from tuinet.data.texts import Texts
from tuinet.data.vocabulary import Tokens, Vocabulary
from tuinet.errors import TuinetError
from tuinet.nn.layer import Shape
from tuinet.nn.params import Array
from tuinet.nn.sequence import Ragged

WINDOW = 64
"""Symbols of a window where nobody says how many."""

MANY_BYTES = 1 << 20
"""From so many on, ids are set aside in a file."""


@dataclass(frozen=True, eq=False)
class EncodedDataset:
    """A data set without texts.

    vocabulary         what the ids of the inputs mean; None if the inputs were no texts
    target_vocabulary  the same of the targets; of a text whose next symbols are to be learnt, the same vocabulary
    """

    dataset: Dataset
    vocabulary: Vocabulary | None
    target_vocabulary: Vocabulary | None


def encode_dataset(
    dataset: Dataset, tokens: Tokens | None = None, target_tokens: Tokens | None = None, window: int | None = None
) -> EncodedDataset:
    """The data set with ids in place of texts; as it is, if it holds no texts.

    The vocabularies come from the training part only. `tokens` and `target_tokens` None: as the data set has them; if
    it says nothing of the targets, they are cut like the inputs. `window`: see `windows`.
    Raises TuinetError where a text has no symbols, or where tags and symbols are not equally many.
    """
    tokens = tokens or dataset.tokens or Tokens()
    target_tokens = target_tokens or dataset.target_tokens or tokens
    train = dataset.splits["train"]
    inputs, targets = train.take(slice(None)) if _has_texts(train) else (train.inputs, train.targets)
    vocabulary = Vocabulary.build(tokens, inputs) if isinstance(inputs, Texts) else None
    if dataset.task == "next-symbol":
        target_vocabulary = vocabulary
    else:
        target_vocabulary = Vocabulary.build(target_tokens, targets) if isinstance(targets, Texts) else None
    splits = {
        name: encode_split(split, dataset.task, vocabulary, target_vocabulary, window, name)
        for name, split in dataset.splits.items()
    }
    if vocabulary is not None:
        dataset = replace(dataset, tokens=tokens, input_shape=Shape.tokens(len(vocabulary)))
    if target_vocabulary is not None:
        dataset = replace(dataset, target_tokens=target_vocabulary.tokens, target_ids=len(target_vocabulary))
    return EncodedDataset(replace(dataset, splits=splits), vocabulary, target_vocabulary)


def encode_split(
    split: Split,
    task: Task,
    vocabulary: Vocabulary | None,
    target_vocabulary: Vocabulary | None = None,
    window: int | None = None,
    name: str = "data",
) -> Split:
    """The part with ids in place of its texts, by vocabularies that are given; `name` is what errors call it.

    Raises TuinetError as `encode_dataset` does, and if there are texts but no vocabulary for them.
    """
    if not _has_texts(split):
        return split
    if isinstance(split.inputs, np.ndarray):  # images with captions: they stay where they are, and mapped
        return replace(split, targets=encode_texts(split.targets, target_vocabulary, f"{name} part, target"))
    inputs, targets = split.take(slice(None))
    if task == "next-symbol":
        return windows(_ids(inputs, vocabulary, name), window or WINDOW, name)
    inputs = encode_texts(inputs, vocabulary, f"{name} part, input")
    targets = encode_texts(targets, target_vocabulary, f"{name} part, target")
    if task == "tagging" and isinstance(inputs, Ragged) and isinstance(targets, Ragged):
        wrong = np.flatnonzero(inputs.lengths != targets.lengths)
        if wrong.size:
            row = int(wrong[0])
            raise TuinetError(
                f"{name} part, row {row + 1}: {targets.lengths[row]} tags for {inputs.lengths[row]} symbols",
                'give one tag a symbol; unit = "symbols" cuts at white space only',
            )
    return Split(inputs, targets)


def encode_texts(data: Data, vocabulary: Vocabulary | None, what: str = "input") -> Data:
    """Texts as Ragged ids; all else as it is. Raises TuinetError, with `what` and the row, for a text of no symbols."""
    if not isinstance(data, Texts):
        return data
    ids = [_known(vocabulary, what).encode(text) for text in data]
    for row, each in enumerate(ids):
        if not len(each):
            raise TuinetError(f"{what} of row {row + 1} is empty: {data.row(row)[:40]!r} holds no symbol")
    ragged = Ragged.of(ids, _known(vocabulary, what).dtype)
    return Ragged(set_aside(ragged.values), ragged.offsets)


def windows(ids: Array, size: int, name: str = "data") -> Split:
    """One long text (N,) in windows: inputs (W, T) one after the other, targets the same moved on by one symbol.

    Both are views of `ids`. W = ⌊(N − 1) / T⌋; the last symbols, fewer than T, are left out. A text that is shorter
    than a window is one window of N − 1. Raises TuinetError if it has fewer than two symbols.
    """
    if len(ids) < 2:
        raise TuinetError(
            f"{name} part: a text of {len(ids)} symbols has no next symbol", "at least two symbols are needed"
        )
    size = min(size, len(ids) - 1)
    used = (len(ids) - 1) // size * size
    return Split(ids[:used].reshape(-1, size), ids[1 : used + 1].reshape(-1, size))


def _ids(texts: Data, vocabulary: Vocabulary | None, name: str) -> Array:
    """All the texts one after the other, as one."""
    known = _known(vocabulary, f"{name} part")
    if not isinstance(texts, Texts):
        raise TuinetError(f"{name} part: only a text has next symbols")
    parts = [known.encode(text) for text in texts]
    return set_aside(parts[0] if len(parts) == 1 else np.concatenate([*parts, np.empty(0, known.dtype)]))


def set_aside(array: Array) -> Array:
    """The same numbers, in a file without a name if they are many: memory that the system can use for other things.

    Where there is no room for the file, they stay where they are.
    """
    if array.nbytes < MANY_BYTES:
        return array
    try:
        with tempfile.TemporaryFile() as file:
            array.tofile(file)
            file.flush()
            return np.asarray(np.memmap(file, array.dtype, "r", shape=array.shape))
    except OSError:
        return array


def _known(vocabulary: Vocabulary | None, what: str) -> Vocabulary:
    if vocabulary is None:
        raise TuinetError(f"{what} is a text, but the model takes none", "give data of the kind the model was made for")
    return vocabulary


def _has_texts(split: Split) -> bool:
    return isinstance(split.inputs, Texts) or isinstance(split.targets, Texts)
