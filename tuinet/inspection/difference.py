"""How two models, or two files of tensors, differ: tensor by tensor, setting by setting.

    ‖b − a‖ / ‖a‖             how far a tensor moved, against how large it was (Frobenius norms)
    cos = a · b / (‖a‖ ‖b‖)   whether it still points the same way

All in float64, in blocks. Values are equal as numbers if a = b or both are NaN; equal in every bit only if their bits
are, too: 0 and −0, NaNs of other bits and the same number in another dtype are not. What is not finite in either is
counted, and left out of norms and cosines.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

import msgspec
import numpy as np

from tuinet.files.tensors import TensorsFile
from tuinet.inspection.scaled import Scaled, change_of, dot
from tuinet.inspection.settings import settings_of
from tuinet.model.model import Model
from tuinet.nn.params import Array

LARGEST = 5
"""How many of a tensor's changes are named."""

BLOCK = 2**19

Equal = Literal["bits", "numbers", "no"]


class Change(msgspec.Struct, frozen=True):
    """One value that changed.

    index   its place
    before  the value in the first; None if it is no finite number
    after   the value in the second; None if it is no finite number
    """

    index: tuple[int, ...]
    before: float | None
    after: float | None


class TensorChange(msgspec.Struct, frozen=True, kw_only=True):
    """A tensor that both have, or a layer: all its tensors together (`shape` is empty then, and no change is named).

    name         its path, or its name in the file
    shape        its sizes
    size         how many values there are
    norm_before  ‖a‖
    norm_after   ‖b‖
    norm_change  ‖b − a‖
    relative     ‖b − a‖ / ‖a‖; None where ‖a‖ is 0, or it is too large for a float64
    cosine       a · b / (‖a‖ ‖b‖); None where a norm is 0
    changed      how many values are other numbers
    bits         how many values have other bits
    not_finite   how many values are not finite in either; they are in no norm
    largest      the largest changes, those from or to what is not finite first
    """

    name: str
    shape: tuple[int, ...]
    size: int
    norm_before: float
    norm_after: float
    norm_change: float
    relative: float | None
    cosine: float | None
    changed: int
    bits: int
    not_finite: int
    largest: tuple[Change, ...] = ()


class Setting(msgspec.Struct, frozen=True):
    """Something other than numbers that differs.

    name    what it is
    before  what it is in the first, in words; "" where there is none
    after   what it is in the second, in words; "" where there is none
    """

    name: str
    before: str
    after: str


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """What of two models, or two files of tensors, is not the same.

    before       what the first is called
    after        what the second is called
    equal        every bit is the same, every number is (also where dtypes differ), or not even that; with another
                 setting, or a tensor more or less, it is `no`
    layers       every layer that both have, its tensors together
    tensors      every tensor that both have in one shape
    only_before  names and shapes of tensors that only the first has
    only_after   names and shapes of tensors that only the second has
    reshaped     names of tensors that both have, with their shape in the first and in the second
    settings     what else differs: of two models their settings, of all the dtypes of tensors
    """

    before: str
    after: str
    equal: Equal
    layers: tuple[TensorChange, ...]
    tensors: tuple[TensorChange, ...]
    only_before: tuple[tuple[str, tuple[int, ...]], ...]
    only_after: tuple[tuple[str, tuple[int, ...]], ...]
    reshaped: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...]
    settings: tuple[Setting, ...]


class Side(NamedTuple):
    """One of the two: a model's parameters, or the tensors of a file.

    shapes  of every tensor whose values can be read
    dtypes  what each is kept as
    blocks  the values of one, row by row, some at a time
    read    the values of one, whole
    others  settings that are no tensors, by name, in words
    kernel_axes  which axes of a tensor of four are a kernel's rows and columns, where that is known
    """

    name: str
    shapes: Mapping[str, tuple[int, ...]]
    dtypes: Mapping[str, str]
    blocks: Callable[[str], Iterator[Array]]
    read: Callable[[str], Array]
    others: Mapping[str, str]
    kernel_axes: tuple[int, int] | None = None


def side_of(what: Model | TensorsFile, name: str = "") -> Side:
    """A model, or an open file of tensors. Of a file, what cannot be read counts as a setting: its dtype and shape."""
    if isinstance(what, Model):
        params = what.params
        return Side(
            name or what.meta.name,
            {path: array.shape for path, array in params.items()},
            dict.fromkeys(params, params.vector.dtype.name),
            lambda path: _pieces(params[path].reshape(-1)),
            lambda path: params[path],
            settings_of(what),
            (0, 1),
        )
    readable = {key: tensor for key, tensor in what.tensors.items() if tensor.readable}
    unread = {key: f"{tensor.dtype}, {tensor.shape}" for key, tensor in what.tensors.items() if not tensor.readable}

    def blocks(key: str) -> Iterator[Array]:
        # Column by column is not the order of the other side: such a tensor is read whole.
        return _pieces(what.read(key).reshape(-1)) if readable[key].fortran else what.blocks(key)

    return Side(
        name or str(what.path),
        {key: tensor.shape for key, tensor in readable.items()},
        {key: tensor.dtype for key, tensor in readable.items()},
        blocks,
        what.read,
        unread,
    )


def difference(before: Side, after: Side, names: Collection[str] | None = None) -> Difference:
    """All that differs. `names`: the tensors whose values are compared, None: all that both have in one shape; the
    others then have no change, and `equal` says nothing of them. Raises TuinetError if a tensor cannot be read."""
    both = [name for name in before.shapes if name in after.shapes]
    same = [name for name in both if before.shapes[name] == after.shapes[name]]
    totals: dict[str, list[_Total]] = {}
    tensors: list[TensorChange] = []
    for name in same if names is None else [name for name in same if name in names]:
        total = _compare(before, after, name)
        tensors.append(total.change(name, before.shapes[name]))
        totals.setdefault(layer_of(name), []).append(total)
    layers = [_together(parts).change(layer, ()) for layer, parts in totals.items()]
    others = dict.fromkeys((*before.others, *after.others))
    pairs = ((name, before.others.get(name, ""), after.others.get(name, "")) for name in others)
    settings = [Setting(name, a, b) for name, a, b in pairs if a != b]
    dtypes = [
        Setting(f"{name}: dtype", before.dtypes[name], after.dtypes[name])
        for name in same
        if before.dtypes[name] != after.dtypes[name]
    ]
    only_before = tuple((name, shape) for name, shape in before.shapes.items() if name not in after.shapes)
    only_after = tuple((name, shape) for name, shape in after.shapes.items() if name not in before.shapes)
    reshaped = tuple((name, before.shapes[name], after.shapes[name]) for name in both if name not in same)
    equal: Equal = "bits"
    if settings or only_before or only_after or reshaped or any(each.changed for each in tensors):
        equal = "no"
    elif dtypes or any(each.bits for each in tensors):
        equal = "numbers"
    return Difference(
        before=before.name,
        after=after.name,
        equal=equal,
        layers=tuple(layers),
        tensors=tuple(tensors),
        only_before=only_before,
        only_after=only_after,
        reshaped=reshaped,
        settings=(*settings, *dtypes),
    )


def layer_of(name: str) -> str:
    """What stands before the last / or . of a tensor's name; its name where there is neither."""
    cut = max(name.rfind("/"), name.rfind("."))
    return name[:cut] if cut > 0 else name


class _Total:
    """Sums over the values gone through so far."""

    def __init__(self) -> None:
        self.size = self.changed = self.bits = self.not_finite = 0
        self.before = self.after = self.moved = self.product = Scaled()
        self.largest: list[tuple[float, int, float, float]] = []

    def add(self, a: Array, b: Array, same_dtype: bool) -> None:
        """A block of each. `same_dtype`: as they are kept, whatever they were read as."""
        other = _other_bits(a, b) if same_dtype else np.True_
        a64, b64 = a.astype(np.float64), b.astype(np.float64)
        differs = (a != b) & ~(np.isnan(a64) & np.isnan(b64))
        finite = np.isfinite(a64) & np.isfinite(b64)
        delta = np.where(differs, np.where(finite, np.abs(b64 - a64), np.inf), 0.0)
        self._keep_largest(delta, a64, b64)
        self.size += a.size
        self.changed += int(differs.sum())
        self.bits += int((differs | other).sum())
        self.not_finite += int(a.size - finite.sum())
        a64, b64 = a64[finite], b64[finite]
        self.before = self.before.plus(dot(a64, a64))
        self.after = self.after.plus(dot(b64, b64))
        self.moved = self.moved.plus(change_of(a64, b64))
        self.product = self.product.plus(dot(a64, b64))

    def _keep_largest(self, delta: Array, a: Array, b: Array) -> None:
        count = min(LARGEST, delta.size)
        places = np.argpartition(-delta, count - 1)[:count] if count else np.empty(0, np.intp)
        new = [(float(delta[k]), self.size + int(k), float(a[k]), float(b[k])) for k in places if delta[k] > 0]
        self.largest = sorted([*self.largest, *new], key=lambda each: (-each[0], each[1]))[:LARGEST]

    def change(self, name: str, shape: tuple[int, ...]) -> TensorChange:
        """What they come to, and the places of the largest changes in `shape`."""
        before, after, moved = (each.root() for each in (self.before, self.after, self.moved))
        lengths = before.times(after)
        largest = [
            Change(tuple(map(int, np.unravel_index(place, shape))), _finite(a), _finite(b))
            for _, place, a, b in self.largest
        ]
        return TensorChange(
            name=name,
            shape=shape,
            size=self.size,
            norm_before=before.number,
            norm_after=after.number,
            norm_change=moved.number,
            relative=_finite(moved.over(before)) if before.value else None,
            cosine=max(-1.0, min(1.0, self.product.over(lengths))) if lengths.value else None,
            changed=self.changed,
            bits=self.bits,
            not_finite=self.not_finite,
            largest=tuple(largest),
        )


def _compare(before: Side, after: Side, name: str) -> _Total:
    total = _Total()
    with np.errstate(all="ignore"):
        for a, b in _side_by_side(before.blocks(name), after.blocks(name)):
            total.add(a, b, before.dtypes[name] == after.dtypes[name])
    return total


def _together(parts: Sequence[_Total]) -> _Total:
    total = _Total()
    for part in parts:
        for count in ("size", "changed", "bits", "not_finite"):
            setattr(total, count, getattr(total, count) + getattr(part, count))
        for field in ("before", "after", "moved", "product"):
            setattr(total, field, getattr(total, field).plus(getattr(part, field)))
    return total


def _side_by_side(first: Iterable[Array], second: Iterable[Array]) -> Iterator[tuple[Array, Array]]:
    """Blocks of equal lengths, of two that may be cut in different places."""
    others = iter(second)
    rest = np.empty(0)
    for block in first:
        while block.size:
            if not rest.size:
                rest = next(others)
            count = min(block.size, rest.size)
            yield block[:count], rest[:count]
            block, rest = block[count:], rest[count:]


def _pieces(flat: Array) -> Iterator[Array]:
    return (flat[start : start + BLOCK] for start in range(0, flat.size, BLOCK))


def _other_bits(a: Array, b: Array) -> Array:
    bits = f"u{a.dtype.itemsize}"
    return np.ascontiguousarray(a).view(bits) != np.ascontiguousarray(b).view(bits)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
