"""Cutting validation and test rows off the training part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import msgspec
import numpy as np

from tuinet.data.dataset import SPLITS, Data, Dataset, Indices, Split, part_size
from tuinet.data.random import stream
from tuinet.data.texts import Texts
from tuinet.errors import TuinetError
from tuinet.nn.params import Array
from tuinet.nn.sequence import Ragged


class SplitSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is cut off the training part, as a share of it (0.2) or a number of samples (500).

    Samples are drawn at random. Samples with the same text (of pairs: the same source) stay together in one part, so
    that nothing is asked that was learnt; upper and lower case are the same here, whatever `data.tokens` says. Where
    they make the number impossible, a part is smaller by a few. A text whose next symbols are to be learnt is cut in
    one piece from its end, the validation part before the test part; its samples are characters.
    """

    validation: float | int = 0.0
    """For watching training and stopping it early."""
    test: float | int = 0.0
    """For the final figures. A set that comes with a test part keeps that one, and takes none from here."""
    stratified: bool = True
    """Every class in the same proportion in all parts, as near as samples that stay together let it be; has no meaning
    where the targets are real values."""


def split_sizes(sizes: Mapping[str, int], settings: SplitSettings) -> dict[str, int]:
    """The size of each part after the cut, given the sizes before it; parts without samples are absent.

    Raises TuinetError where the cut is impossible.
    """
    total = sizes["train"]
    cuts = {name: _count(getattr(settings, name), total, name) for name in ("validation", "test")}
    for name, count in cuts.items():
        if count and sizes.get(name):
            raise TuinetError(
                f"data.split.{name}: this data set has a {name} part of its own ({sizes[name]} samples)",
                f"leave out data.split.{name}",
            )
    left = total - sum(cuts.values())
    if left < 1:
        raise TuinetError(
            f"data.split: validation ({cuts['validation']}) and test ({cuts['test']}) leave nothing of the "
            f"{total} training samples",
            "ask for smaller parts",
        )
    after = {**sizes, **{name: count for name, count in cuts.items() if count}, "train": left}
    return {name: after[name] for name in SPLITS if after.get(name)}


def split_dataset(dataset: Dataset, settings: SplitSettings, seed: int) -> Dataset:
    """The data set with `settings` applied: the new parts are row indices into the same arrays, nothing is copied.

    Raises TuinetError where the cut is impossible.
    """
    sizes = {name: part_size(split, dataset.task) for name, split in dataset.splits.items()}
    after = split_sizes(sizes, settings)
    cuts = {name: after[name] for name in ("test", "validation") if name in after and name not in sizes}
    if not cuts:
        return dataset
    train = dataset.splits["train"]
    if dataset.task == "next-symbol":
        return replace(dataset, splits=_in_order({**dataset.splits, **_cut_text(train, cuts)}))
    classes = train.all_targets() if settings.stratified and dataset.task == "classification" else None
    together = dataset.task == "seq2seq" or isinstance(train.inputs, Texts)
    groups = _groups(train) if together else None
    if groups is None:
        places = divide(len(train), cuts, classes, stream(seed, "split"))
    else:
        places = divide_groups(groups, cuts, classes, stream(seed, "split"))
    rows = places if train.rows is None else {name: train.rows[where] for name, where in places.items()}
    parts = {name: Split(train.inputs, train.targets, where) for name, where in rows.items()}
    return replace(dataset, splits=_in_order({**dataset.splits, **parts}))


def _in_order(parts: Mapping[str, Split]) -> dict[str, Split]:
    return {name: parts[name] for name in SPLITS if name in parts}


def divide(total: int, cuts: Mapping[str, int], classes: Array | None, rng: np.random.Generator) -> dict[str, Indices]:
    """Places 0 … total − 1, divided at random into the cuts (name → count) and "train", which takes the rest.

    With `classes` (total,), a cut takes from each class its share of what the cuts before it have left, rounded up
    or down, so that the counts add up exactly. Places are in ascending order: files are read forwards.
    """
    order = rng.permutation(total)
    if classes is None:
        groups = [order]
    else:
        # A stable sort by class keeps the random order within each class.
        by_class = order[np.argsort(classes[order], kind="stable")]
        _, counts = np.unique(classes, return_counts=True)
        groups = np.split(by_class, np.cumsum(counts)[:-1])
    parts: dict[str, Indices] = {}
    for name, count in cuts.items():
        taken = apportion([len(group) for group in groups], count)
        parts[name] = np.sort(np.concatenate([group[:n] for group, n in zip(groups, taken, strict=True)]))
        groups = [group[n:] for group, n in zip(groups, taken, strict=True)]
    parts["train"] = np.sort(np.concatenate(groups))
    return parts


def divide_groups(
    groups: Indices, cuts: Mapping[str, int], classes: Array | None, rng: np.random.Generator
) -> dict[str, Indices]:
    """As `divide`, but all places of one group (total,) go to one part; groups are numbered as they first appear.

    Groups are taken in random order, and passed over where they are larger than what a cut still lacks: it gets its
    count exactly where there are groups of one, else at most so many. With `classes` (total,), each class is filled by
    itself up to its share, a group counting as of the class of its first place; what no class could fill exactly, any
    may. Raises TuinetError if a cut would get none.
    """
    _, first, sizes = np.unique(groups, return_index=True, return_counts=True)
    order = rng.permutation(len(sizes))
    sizes = sizes[order]
    of = np.zeros(len(order), np.intp)
    if classes is not None:
        of = np.unique(classes[first[order]], return_inverse=True)[1].reshape(-1)
    part = np.full(len(order), -1)  # by place in `order`; −1: what is left for "train"
    for number, (name, count) in enumerate(cuts.items()):
        left = np.bincount(of[part < 0], sizes[part < 0], int(of.max()) + 1).astype(int).tolist()
        lacking = sum(_take(part, number, sizes, of, apportion(left, count)))
        lacking = sum(_take(part, number, sizes, np.zeros_like(of), [lacking]))
        if lacking == count:
            raise TuinetError(
                f"data.split.{name}: every text that is left stands in more than the {count} samples asked for",
                "samples with the same text stay together: ask for a larger part",
            )
    part_of = np.empty_like(part)
    part_of[order] = part
    parts = {name: np.flatnonzero(part_of[groups] == number) for number, name in enumerate(cuts)}
    return {**parts, "train": np.flatnonzero(part_of[groups] < 0)}


def _take(part: Indices, number: int, sizes: Indices, of: Indices, lacking: list[int]) -> list[int]:
    """Give groups that no part has to part `number`, in their order, while they fit into what their class is lacking.

    part, sizes, of  (G,) the part, the size and the class of each group
    Returns what each class is lacking then.
    """
    open_classes = sum(count > 0 for count in lacking)
    for place in np.flatnonzero(part < 0).tolist():
        if not open_classes:
            break
        size, own = int(sizes[place]), int(of[place])
        if size <= lacking[own]:
            part[place] = number
            lacking[own] -= size
            open_classes -= not lacking[own]
    return lacking


def _groups(split: Split) -> Indices | None:
    """(N,) a number a sample, the same for equal inputs; None if no two are equal, or they are no sequences.

    Texts are equal if they are but for upper and lower case: how they are cut into symbols is settled later, and may
    make one of them.
    """
    inputs = split.take(slice(None))[0] if isinstance(split.inputs, Ragged | Texts) else None
    if isinstance(inputs, Texts):
        keys: list[str] | list[bytes] = [text.casefold() for text in inputs]
    elif isinstance(inputs, Ragged):
        keys = [inputs.row(row).tobytes() for row in range(len(inputs))]
    else:
        return None
    first: dict[str | bytes, int] = {}
    numbers = np.fromiter((first.setdefault(key, len(first)) for key in keys), np.intp, len(keys))
    return None if len(first) == len(numbers) else numbers


def _cut_text(train: Split, cuts: Mapping[str, int]) -> dict[str, Split]:
    """A text in pieces: training, validation, test, in the order in which they are read. All its rows are one text.

    Windows that were cut from a text are divided as they lie, too.
    """
    data, _ = train.take(slice(None))
    sizes = {name: cuts.get(name, 0) for name in SPLITS}
    texts = isinstance(data, Texts)
    sizes["train"] = (data.characters if texts else len(data)) - sum(cuts.values())
    parts: dict[str, Split] = {}
    start = 0
    for name, size in sizes.items():
        if not size:
            continue
        if texts:
            piece = _piece(data, start, start + size)
            parts[name] = Split(piece, piece)
        else:
            parts[name] = Split(*train.take(slice(start, start + size)))
        start += size
    return parts


def _piece(texts: Texts, start: int, stop: int) -> Texts:
    """The characters `start` to `stop` of all texts read as one, still in rows."""
    rows: list[str] = []
    for text in texts:
        if start < len(text) and stop > 0:
            rows.append(text[max(start, 0) : stop])
        start -= len(text)
        stop -= len(text)
    return Texts(rows)


def apportion(sizes: list[int], count: int) -> list[int]:
    """`count` shared out over groups in proportion to their sizes, each within one of its exact share.

    The method of largest remainders (Hamilton): round down, then give what is left to the largest remainders.
    Whole-number arithmetic, so that equal remainders go to the first group on every machine.
    """
    total = sum(sizes)
    shares = [divmod(size * count, total) for size in sizes]
    given = [whole for whole, _ in shares]
    largest = sorted(range(len(sizes)), key=lambda group: -shares[group][1])
    for group in largest[: count - sum(given)]:
        given[group] += 1
    return given


def _count(asked: float | int, total: int, name: str) -> int:
    """How many samples a share (float) or a number (int) means."""
    if isinstance(asked, int):
        if asked < 0:
            raise TuinetError(
                f"data.split.{name}: {asked} is negative", "give a share from 0 to 1 or a number of samples"
            )
        return asked
    if not 0.0 <= asked < 1.0:
        raise TuinetError(
            f"data.split.{name}: {asked:g} is no share of the data",
            "give a share from 0 to 1 (0.2) or a whole number of samples (500)",
        )
    return round(asked * total)


def join(first: Split, second: Split) -> Split:
    """Both parts as one: what training and validation data make together.

    Parts of the same arrays become one ascending list of rows; parts of different arrays are copied together.
    Raises TuinetError if their rows have different shapes (windows of a text that is shorter than a window).
    """
    if first.inputs is second.inputs and first.targets is second.targets:
        return Split(first.inputs, first.targets, np.union1d(_rows(first), _rows(second)))
    inputs, targets = zip(first.take(slice(None)), second.take(slice(None)), strict=True)
    return Split(_together(*inputs), _together(*targets))


def _together(first: Data, second: Data) -> Data:
    if isinstance(first, Texts) and isinstance(second, Texts):
        return first + second
    if isinstance(first, Ragged) and isinstance(second, Ragged):
        offsets = np.concatenate([first.offsets, first.offsets[-1] + second.offsets[1:]])
        return Ragged(np.concatenate([first.values, second.values]), offsets)
    one, other = np.asarray(first), np.asarray(second)
    if one.shape[1:] != other.shape[1:]:
        shapes = " and ".join("×".join(map(str, array.shape[1:])) for array in (one, other))
        raise TuinetError(f"parts with samples of {shapes} cannot be joined", "take shorter windows, or larger parts")
    return np.concatenate([one, other])


def _rows(split: Split) -> Indices:
    return np.arange(len(split), dtype=np.intp) if split.rows is None else split.rows
