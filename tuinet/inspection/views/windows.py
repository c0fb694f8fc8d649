"""The window of the input that one cell of a feature map sees, and the window of the layer's own input.

Going back through one layer with kernel k, stride s and p cells of padding before the image, output row i sees the rows
i·s − p … i·s − p + k − 1 of what came in. So through layers 1 … L, with j₀ = r₀ = 1 and a₀ = 0,

    jₗ = jₗ₋₁ sₗ        the rows of the input from one cell to the next
    rₗ = rₗ₋₁ + (kₗ − 1) jₗ₋₁        the rows that one cell sees (its receptive field)
    aₗ = aₗ₋₁ − pₗ jₗ₋₁        where the first cell's begin

and cell i reaches from a + i j to a + i j + r − 1. Part of it may lie outside the image, or in the padding of a layer
in between, or be passed over by a stride wider than a kernel: `Reach.seen` holds exactly the rows that count. The
columns go the same way. Araujo, Norris & Sim, "Computing receptive fields of convolutional neural networks" (2019).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec
import numpy as np

from tuinet.errors import TuinetError
from tuinet.inspection.question import Node, Offer, Question, nodes
from tuinet.inspection.ranges import picked
from tuinet.inspection.view import Axis, Seen, View
from tuinet.inspection.views.outputs import MAPS, Shown, as_view, of_sample, one_sample, sample_count
from tuinet.inspection.views.places import is_picture
from tuinet.inspection.views.receptive import field_of, line_of, windows_of
from tuinet.model.model import Model
from tuinet.nn.layers.windows import Windows
from tuinet.nn.params import Array

SIDES = ("row", "column")


class Reach(NamedTuple):
    """What one cell sees along one side, rows or columns, of an image that came in.

    start, stop  from where to before where its window reaches, perhaps outside the image
    size         the cells of that side
    seen         those of them that count, ascending; none if the cell sees nothing but padding
    """

    start: int
    stop: int
    size: int
    seen: tuple[int, ...]

    @property
    def outside(self) -> tuple[int, int]:
        """How far it reaches beyond both ends of the image."""
        return max(0, -self.start), max(0, self.stop - self.size)

    @property
    def has_gaps(self) -> bool:
        return bool(self.seen) and len(self.seen) < self.seen[-1] - self.seen[0] + 1


def way_in(model: Model, node: Node) -> tuple[Node, ...] | None:
    """The layers from the image that came in up to this one; None if it gives no map of that image."""
    line = line_of(model)
    if node.path not in line.paths or node.after.axes != MAPS:
        return None
    index, known = line.paths.index(node.path), nodes(model)
    return None if field_of(line, index) is None else tuple(known[path] for path in line.paths[: index + 1])


def reach(chain: Iterable[Node], cell: int, side: int) -> Reach:
    """What a cell at this row (`side` 0) or column (1) of the last layer sees of the first layer's input."""
    layers = list(chain)
    start = last = cell
    seen: set[int] = {cell}
    for node in reversed(layers):
        windows = windows_of(node.layer, node.before)
        if windows is None:
            continue
        kernel, stride, before = windows.kernel[side], windows.stride[side], windows.before[side]
        start, last = start * stride - before, last * stride - before + kernel - 1
        cells = {each * stride - before + offset for each in seen for offset in range(kernel)}
        seen = {each for each in cells if 0 <= each < windows.image[side]}
    return Reach(start, last + 1, layers[0].before.sizes[side], tuple(sorted(seen)))


def in_words(sides: tuple[Reach, Reach]) -> str:
    """Like "rows 2–6, columns 3–7"; "nothing but padding"."""
    if not all(side.seen for side in sides):
        return "nothing but padding"
    parts: list[str] = []
    for name, side in zip(SIDES, sides, strict=True):
        first, last = side.seen[0], side.seen[-1]
        parts.append(f"{name} {first}" if first == last else f"{name}s {first}–{last}")
    return ", ".join(parts)


def _beyond(sides: tuple[Reach, Reach]) -> tuple[str, ...]:
    """Where the window leaves the image, and whether it has gaps."""
    (above, below), (left, right) = sides[0].outside, sides[1].outside
    parts = [
        f"{count} {what}{'' if count == 1 else 's'} {where}"
        for count, what, where in (
            (above, "row", "above"), (below, "row", "below"), (left, "column", "left"), (right, "column", "right"),
        )
        if count
    ]  # fmt: skip
    notes = [f"it reaches beyond the image, where there is padding: {', '.join(parts)}"] if parts else []
    if any(side.has_gaps for side in sides):
        notes.append("a stride wider than a kernel passes over some of its rows or columns")
    return tuple(notes)


# ── the view ──────────────────────────────────────────────────────────────────────────────────────────────────────


def window(question: Question) -> tuple[Seen, ...]:
    """What one cell sees of the input: cut out, and in its place in the whole; and its window of what came into the
    layer. The cell is `choice.at` of the first of `choice.units`; unless they are said, where the map is greatest."""
    node = question.node
    assert node is not None
    chain = way_in(question.model, node)
    assert chain is not None
    found: list[Seen] = []
    for sample in range(sample_count(question)):
        found += _of_sample(question, node, chain, sample)
    return tuple(found)


def find_cell(question: Question, node: Node, maps: Array) -> tuple[int, int, int]:
    """(row, column, map) that is meant of maps (H, W, F), or where they are greatest. Raises TuinetError if there is no
    such cell."""
    rows, columns, count = maps.shape
    units = picked(question.choice.units, count, "map", node.path)
    at = question.choice.at
    if at is not None and len(at) == 2:
        row = picked(at[:1], rows, "row", node.path)[0]
        column = picked(at[1:], columns, "column", node.path)[0]
        return row, column, units[int(np.argmax(maps[row, column, units]))]
    if at is not None:
        raise TuinetError(f"{node.path} has no place {', '.join(map(str, at))}", "Name row and column.")
    values = np.where(np.isfinite(maps[..., units]), maps[..., units], -np.inf)
    row, column, place = np.unravel_index(int(np.argmax(values)), values.shape)
    return int(row), int(column), units[int(place)]


def _of_sample(question: Question, node: Node, chain: tuple[Node, ...], sample: int) -> list[Seen]:
    run = question.run
    maps, step = _at_step(question, one_sample(run.places[node.path].y, sample), node.path)
    row, column, unit = find_cell(question, node, maps)
    sides = (reach(chain, row, 0), reach(chain, column, 1))
    cell = f"map {unit}, row {row}, column {column}"
    first = chain[0]
    image, _ = _at_step(question, one_sample(run.places[first.path].x, sample), node.path)
    field = field_of(line_of(question.model), len(chain) - 1)
    assert field is not None
    size, jump = field.size, field.jump
    notes = [f"{node.path} {cell} is {maps[row, column, unit]:.6g}{step}", f"it sees {in_words(sides)} of the input"]
    notes += _beyond(sides)
    wide = f"{size[0]}×{size[1]} cells of the input"
    notes.append(f"every cell of {node.path} reaches over {wide}, {jump[0]}×{jump[1]} further from cell to cell")
    picture = is_picture(question.model, first, after=False)
    title = f"what {cell} of {node.path} sees{of_sample(question, sample)}"
    found: list[Seen] = []
    if all(side.seen for side in sides):
        rows, columns = sides[0].seen, sides[1].seen
        low, high = min(0.0, float(np.nanmin(image))), float(np.nanmax(image))
        inside = np.zeros_like(image)
        inside[np.ix_(rows, columns)] = image[np.ix_(rows, columns)]
        spans = [slice(side.seen[0], side.seen[-1] + 1) for side in sides]
        labels = [tuple(map(str, range(span.start, span.stop))) for span in spans]
        cut = _picture("window", inside[spans[0], spans[1]], labels, title, tuple(notes), picture)
        place = _picture("place", inside, [(), ()], "its place in the input, all else 0", (), picture)
        whole = _picture("input", image, [(), ()], f"the whole input{of_sample(question, sample)}", (), picture)
        found += [_ranged(view, low, high) for view in (cut, place, whole)]
    own = windows_of(node.layer, node.before)
    if own is not None and not (found and node.path == first.path and not any(map(any, (s.outside for s in sides)))):
        came, _ = _at_step(question, one_sample(run.places[node.path].x, sample), node.path)
        own_picture = is_picture(question.model, node, after=False)
        found.append(_own_window(node, own, came, (row, column), () if found else tuple(notes), own_picture))
    elif not found:
        found.append(_picture("window", maps[row : row + 1, column : column + 1], [(), ()], title, tuple(notes), False))
    return found


def _own_window(
    node: Node, windows: Windows, came: Array, cell: tuple[int, int], notes: tuple[str, ...], picture: bool
) -> View:
    """The window of the layer's own input, the padding among it."""
    starts = [
        place * stride - before for place, stride, before in zip(cell, windows.stride, windows.before, strict=True)
    ]
    cut = np.zeros((*windows.kernel, came.shape[2]), came.dtype)
    labels: list[tuple[str, ...]] = []
    places: list[Array] = []
    for start, kernel, size in zip(starts, windows.kernel, windows.image, strict=True):
        span = np.arange(start, start + kernel)
        labels.append(tuple(str(each) if 0 <= each < size else "·" for each in span))
        places.append(span[(span >= 0) & (span < size)])
    rows, columns = places
    cut[np.ix_(rows - starts[0], columns - starts[1])] = came[np.ix_(rows, columns)]
    padded = "" if len(rows) * len(columns) == cut[..., 0].size else ", with padding (0) where it leaves it"
    title = f"its window of what goes into {node.path}{padded}"
    return _picture("own-window", cut, labels, title, notes, picture)


def _picture(
    name: str, data: Array, labels: list[tuple[str, ...]], title: str, notes: tuple[str, ...], picture: bool
) -> View:
    axes = (Axis("row", labels[0]), Axis("column", labels[1]), Axis("channel"))
    return as_view(name, Shown(data, axes), title, notes, picture=picture)


def _ranged(view: View, low: float, high: float) -> View:
    """The same in the colours of the whole input, so that they can be compared."""
    most = max(abs(low), abs(high))
    low, high = (-most, most) if low < 0 else (low, high)
    return msgspec.structs.replace(view, low=low, high=high) if high > low else view


def _at_step(question: Question, data: Array, where: str) -> tuple[Array, str]:
    """Of images at every step those of one; and words for it."""
    if data.ndim < 4:
        if question.choice.step is not None:
            raise TuinetError(f"{where} has no steps", "Name no step.")
        return data, ""
    step = picked((question.choice.step or 0,), len(data), "step", where)[0]
    return data[step], f" at step {step}"


def _fits(model: Model, node: Node | None) -> bool:
    return node is not None and way_in(model, node) is not None


VIEWS: tuple[Offer, ...] = (
    Offer(
        "window",
        "the window of the input that one cell sees",
        "input",
        _fits,
        window,
        ("units", "at", "step", "masks", "decoder"),
    ),
)
