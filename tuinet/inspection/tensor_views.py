"""Views of the tensors in any file of weights: a table of them, and for each its values, statistics and a histogram.

Which axes are the rows and columns of a picture, unless they are given:

    1 axis    all of it is one vector
    2, 3      the last two; of three, the first counts pictures
    4         kernels: the last two (PyTorch's filter, channel, row, column) if none of both is over 11 and they are
      more      the last two

All other axes count pictures, the last one fastest; `Choice.at` fixes the first of them, `Choice.units` picks pictures.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np

from tuinet.errors import TuinetError
from tuinet.files.tensors import Tensor, TensorsFile, matching
from tuinet.inspection.question import Choice, refuse_untaken
from tuinet.inspection.ranges import picked
from tuinet.inspection.tensor_statistics import histogram, histogram_view, nth, sampling, statistics
from tuinet.inspection.view import Axis, Kind, Seen, Table, View
from tuinet.inspection.words import counts

KERNEL = 11
"""The longest side of what is taken for a kernel: that of AlexNet's first layer."""

MOST_SIDE = 2048
"""Rows or columns of a picture that are read: more than any screen shows. Of more, evenly spread ones."""
MOST_VALUES = 2**22
"""Values of all pictures together."""

Axes = tuple[int, int]


class TensorOffer(NamedTuple):
    """A view of a tensor that can be asked for, as `Offer` is one of a layer.

    takes  what of a choice it looks at, and "axes"; the rest is refused, not passed over
    """

    name: str
    about: str
    make: Callable[[TensorsFile, Tensor, Axes | None, Choice], tuple[Seen, ...]]
    takes: tuple[str, ...] = ()
    needs: Literal["nothing"] = "nothing"


def tensor_table(file: TensorsFile, pattern: str = "") -> Table:
    """The tensors whose names hold or fit `pattern`, in natural order: features.3 before features.10.

    Raises TuinetError if none does.
    """
    names = matching(file.tensors, pattern)
    if not names and pattern:
        raise TuinetError(f"{file.path}: no tensor's name has {pattern!a} in it", f"There are {len(file.tensors):,}.")
    found = [file.tensors[name] for name in names]
    rows = [(each.name, each.dtype, sizes(each.shape), each.size, each.nbytes) for each in found]
    counted = f"{len(found):,} of {counts(len(file.tensors), 'tensor')}" if pattern else counts(len(found), "tensor")
    total = f"{counts(sum(each.size for each in found), 'value')}, {counts(sum(each.nbytes for each in found), 'byte')}"
    notes = [f"{counted}, {total}"]
    unknown = sorted({each.dtype for each in found if not each.readable})
    if unknown:
        some = ", ".join(ascii(code)[1:-1] for code in unknown[:5])
        notes.append(f"tensors of dtype {some} are listed only: their values cannot be read or drawn")
    columns = ("tensor", "dtype", "shape", "values", "bytes")
    return Table("tensors", columns, tuple(rows), title=str(file.path), notes=tuple(notes))


def tensor_view(
    file: TensorsFile, name: str, view: str, axes: Axes | None = None, choice: Choice | None = None
) -> tuple[Seen, ...]:
    """The view of this name of a tensor. `axes`: which two are rows and columns of its pictures.

    Raises TuinetError if there is no such tensor or view, its dtype is not read, or a choice is out of range.
    """
    tensor, choice = file.tensor(name), choice or Choice()
    for offer in TENSOR_VIEWS:
        if offer.name == view:
            refuse_untaken({**choice._asdict(), "axes": axes}, f"the view {view}", offer.takes)
            return offer.make(file, tensor, axes, choice)
    names = [offer.name for offer in TENSOR_VIEWS]
    near = difflib.get_close_matches(view, names, n=1)
    hint = f"Did you mean {near[0]}? " if near else ""
    raise TuinetError(f"a tensor has no view {view!a}", f"{hint}Views: {', '.join(names)}")


def default_axes(shape: Sequence[int]) -> Axes:
    """Rows and columns of a tensor of two axes or more, by the rule above."""
    last = len(shape) - 2, len(shape) - 1
    if len(shape) != 4:
        return last
    fitting = [pair for pair in ((2, 3), (0, 1)) if _is_kernel(shape[pair[0]], shape[pair[1]])]
    square = [pair for pair in fitting if shape[pair[0]] == shape[pair[1]]]
    if fitting:
        return (square or fitting)[0]
    rows, columns = sorted(sorted(range(4), key=lambda axis: -shape[axis])[:2])
    return rows, columns


def _is_kernel(rows: int, columns: int) -> bool:
    return max(rows, columns) <= KERNEL and rows * columns > 1


def _statistics(file: TensorsFile, tensor: Tensor, axes: Axes | None, choice: Choice) -> tuple[Seen, ...]:
    found = statistics(file, tensor.name)
    rows = (
        ("dtype", tensor.dtype),
        ("shape", sizes(tensor.shape)),
        ("values", found.size),
        ("bytes", tensor.nbytes),
        ("smallest", found.minimum),
        ("largest", found.maximum),
        ("mean", found.mean),
        ("deviation", found.deviation),
        ("share of zeros", found.zeros),
        ("not a number", found.nan),
        ("infinite", found.infinite),
    )
    return (Table("statistics", ("", tensor.name), rows, notes=sampling(found)),)


def _histogram(file: TensorsFile, tensor: Tensor, axes: Axes | None, choice: Choice) -> tuple[Seen, ...]:
    return (histogram_view("histogram", tensor.name, histogram(file, tensor.name)),)


def _values(file: TensorsFile, tensor: Tensor, axes: Axes | None, choice: Choice) -> tuple[Seen, ...]:
    if not tensor.size:
        raise TuinetError(f"tensor {tensor.name!a} is {sizes(tensor.shape)}: there is nothing in it to draw")
    if len(tensor.shape) < 2:
        return (_vector(file, tensor, axes, choice),)
    pair = _checked(axes, tensor) or default_axes(tensor.shape)
    others = [axis for axis in range(len(tensor.shape)) if axis not in pair]
    fixed = _fixed(choice.at, others, tensor)
    free = others[len(fixed) :]
    notes: list[str] = []
    taken = {axis: _spread(tensor.shape[axis]) for axis in pair}
    count = math.prod(tensor.shape[axis] for axis in free)
    units = None if choice.units is None else picked(choice.units, count, "picture", f"tensor {tensor.name!a}")
    numbers: Sequence[int] = range(count) if units is None else units
    most = max(1, MOST_VALUES // math.prod(_count(tensor.shape[axis], taken[axis]) for axis in pair))
    if len(numbers) > most:
        notes.append(f"the first {most:,} of {len(numbers):,} pictures; --unit picks others")
        numbers = numbers[:most]
    where = np.unravel_index(list(numbers), tuple(tensor.shape[axis] for axis in free)) if free else ()
    pictures = _pictures(file, tensor, pair, taken, fixed | dict(zip(free, where, strict=True)))
    rows, columns = (_axis(axis, tensor.shape[axis], taken[axis], notes) for axis in pair)
    title = f"{tensor.name}: rows are axis {pair[0]}, columns axis {pair[1]} of {sizes(tensor.shape)}"
    if fixed:
        title += ", " + ", ".join(f"axis {axis} at {place}" for axis, place in fixed.items())
    if not free:
        kind: Kind = "matrix"
        return (View(tensor.name, kind, (rows, columns), pictures[0], title=title, notes=tuple(notes)),)
    items = Axis("axis " + ", ".join(map(str, free)), tuple(_place(free, tensor.shape, int(n)) for n in numbers))
    return (View(tensor.name, "images", (items, rows, columns), pictures, title=title, notes=tuple(notes)),)


def _pictures(
    file: TensorsFile, tensor: Tensor, pair: Axes, taken: dict[int, slice], others: Mapping[int, int | np.ndarray]
) -> np.ndarray:
    """(pictures, rows, columns): the other axes at these places, which are numbers or as many as there are pictures."""
    places = {axis: np.reshape(at, (-1, 1, 1)) for axis, at in others.items()}
    places[pair[0]] = np.arange(tensor.shape[pair[0]])[taken[pair[0]]].reshape(1, -1, 1)
    places[pair[1]] = np.arange(tensor.shape[pair[1]])[taken[pair[1]]].reshape(1, 1, -1)
    return file.read(tensor.name, tuple(places[axis] for axis in range(len(tensor.shape))))


def _vector(file: TensorsFile, tensor: Tensor, axes: Axes | None, choice: Choice) -> View:
    if axes is not None:
        raise TuinetError(f"tensor {tensor.name!a} has no two axes to draw as rows and columns", "Leave out --axes.")
    if choice.at is not None:
        raise TuinetError(f"tensor {tensor.name!a} has no axis before the last", "Take --unit.")
    if choice.units is not None and tensor.shape:
        units = picked(choice.units, tensor.shape[0], "value", f"tensor {tensor.name!a}")
        data = file.read(tensor.name, (np.array(units, np.intp),))
        return View(tensor.name, "vector", (Axis("axis 0", tuple(map(str, units))),), data, title=tensor.name)
    notes: list[str] = []
    size = tensor.size
    step = slice(None, None, -(-size // MOST_VALUES))
    data = file.read(tensor.name, (step,) if tensor.shape else ()).reshape(-1)
    if step.step > 1:
        notes.append(f"every {nth(step.step)} of {size:,} values")
    return View(tensor.name, "vector", (Axis("axis 0"),), data, title=tensor.name, notes=tuple(notes))


def _checked(axes: Axes | None, tensor: Tensor) -> Axes | None:
    if axes is None:
        return None
    count = len(tensor.shape)
    if axes[0] == axes[1] or not all(0 <= axis < count for axis in axes):
        last = f"tensor {tensor.name!a} has the axes 0 to {count - 1} ({sizes(tensor.shape)})"
        raise TuinetError(f"axes {axes[0]} and {axes[1]} cannot be rows and columns: {last}", "Name two: --axes 0,1.")
    return axes


def _fixed(at: tuple[int, ...] | None, others: Sequence[int], tensor: Tensor) -> dict[int, int]:
    """The first of the other axes, each at one place."""
    if at is None:
        return {}
    if len(at) > len(others):
        hint = f"Beside rows and columns it has {len(others)}: {', '.join(map(str, others)) or 'none'}."
        raise TuinetError(f"{len(at)} places for the other axes of tensor {tensor.name!a}", hint)
    for axis, place in zip(others, at, strict=False):
        if not 0 <= place < tensor.shape[axis]:
            raise TuinetError(f"axis {axis} of tensor {tensor.name!a} has the places 0 to {tensor.shape[axis] - 1}")
    return dict(zip(others, at, strict=False))


def _spread(size: int) -> slice:
    return slice(0, size, -(-size // MOST_SIDE))


def _count(size: int, taken: slice) -> int:
    return len(range(size)[taken])


def _axis(axis: int, size: int, taken: slice, notes: list[str]) -> Axis:
    if taken.step == 1:
        return Axis(f"axis {axis}")
    notes.append(f"of axis {axis}, every {nth(taken.step)} of {size:,} places")
    return Axis(f"axis {axis}", tuple(map(str, range(size)[taken])))


def _place(free: Sequence[int], shape: Sequence[int], number: int) -> str:
    return ",".join(map(str, np.unravel_index(number, tuple(shape[axis] for axis in free))))


def sizes(shape: Sequence[int]) -> str:
    """Like 64×3×3×3."""
    return "×".join(map(str, shape)) or "one value"


TENSOR_VIEWS = (
    TensorOffer(
        "values",
        "the numbers: a vector, a matrix, or pictures one after the other",
        _values,
        ("units", "at", "axes"),
    ),
    TensorOffer("statistics", "range, mean, deviation, share of zeros, what is not finite", _statistics),
    TensorOffer("histogram", "how many values lie where", _histogram),
)
"""In the order in which they are listed."""
