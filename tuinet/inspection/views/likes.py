"""What a unit likes: the real inputs that make it answer most."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tuinet.data.preparation import prepare
from tuinet.data.vocabulary import START
from tuinet.errors import TuinetError
from tuinet.inspection.question import Node, Offer, Question
from tuinet.inspection.view import Axis, Cell, Seen, Table, View
from tuinet.inspection.views.pictures import columns_of, is_image, is_row
from tuinet.inspection.views.receptive import Field, field_of, line_of
from tuinet.inspection.views.search import Found, raw_rows, search, units_of
from tuinet.model.model import Model
from tuinet.nn.params import Array
from tuinet.nn.seq2seq import Seq2Seq
from tuinet.nn.sequence import Ragged

AROUND = 20
"""How many symbols are shown on either side of the one that is marked."""


def excites(question: Question) -> tuple[Seen, ...]:
    """The real inputs that make a unit answer most, and where in them it does: nine a unit.

    Of a map, the window of the input that the answering cell sees (Zeiler & Fergus 2014); of texts, the symbol at which
    it happened, in its surroundings: where else does this cell fire? (Strobelt et al., "LSTMVis", 2018.) Without a
    unit, that whose greatest values are the highest on average, over the samples that have one. Raises TuinetError as
    `search`, for a unit that there is not, and for one whose values are no numbers.
    """
    found = search(question)
    best = int(np.where(np.isfinite(found.means), found.means, -np.inf).argmax())
    units = units_of(question, found.values.shape[1], (best,))
    return tuple(seen for unit in units for seen in _of_unit(question, found, unit))


def _of_unit(question: Question, found: Found, unit: int) -> Iterator[Seen]:
    model, part = question.model, question.need_part()
    rows, places = found.samples[:, unit], found.places[:, unit]
    kept = np.isfinite(found.values[:, unit])  # −∞ where a sample has no such step
    if not kept.any():
        hint = "Its weights are not finite: --view health tells of them."
        raise TuinetError(f"unit {unit} of {question.layer} gives no finite number for any sample", hint)
    rows, places, values = rows[kept], places[kept], found.values[kept, unit]
    inputs, targets = raw_rows(model, part, rows)
    what = f"{question.layer}{'' if question.choice.gate is None else ' ' + question.choice.gate}, unit {unit}"
    each = Axis(
        "sample", tuple(f"{row}: {value:.3g}" for row, value in zip(rows.tolist(), values.tolist(), strict=True))
    )
    looked = f"{found.looked:,} of {found.total:,} samples, evenly spread" if found.looked < found.total else ""
    notes = (f"looked through {looked or f'all {found.total:,} samples'}", f"on average {found.means[unit]:.4g}")
    yield _table(question, f"what excites {what}", found.axes, (rows, values, places), (inputs, targets), notes)
    if model.prepared_shape.sequence:
        return
    shape, dtype = model.meta.input_shape, model.params.vector.dtype
    prepared = prepare(model.meta.preparation, inputs, shape, dtype)
    if is_row(model):
        names = tuple(name for name, place in columns_of(model) for _ in range(place.stop - place.start))
        axes = (each, Axis("input", names))
        yield View("inputs", "matrix", axes, prepared, title=f"inputs that excite {what}, prepared")
    if not is_image(model):
        return
    yield from tiles("inputs", prepared, each, f"inputs that excite {what}")
    line = line_of(model)
    field = field_of(line, line.paths.index(question.layer)) if question.layer in line.paths else None
    if field is not None and len(found.axes) == 2:
        title = f"what {what} sees of them: {field.size[0]}×{field.size[1]} cells"
        yield from tiles("windows", _windows(prepared, field, places), each, title)


def tiles(name: str, images: Array, of: Axis, title: str) -> Iterator[View]:
    """Images (N, H, W, C), one for each place of the axis, side by side: grey, or in colours."""
    if images.shape[-1] != 3:
        images = images.mean(axis=-1, keepdims=True)
    yield View(name, "images", (of, Axis("row"), Axis("column"), Axis("channel")), images, title=title)


def _windows(images: Array, field: Field, places: Array) -> Array:
    """(N, h, w, C): of each image the cells that the cell at its place sees; zeros where that is outside."""
    height, width = field.size
    found = np.zeros((len(images), height, width, images.shape[-1]), images.dtype)
    for image, out, place in zip(images, found, places.tolist(), strict=True):
        spans: list[tuple[slice, slice]] = []
        for axis in (0, 1):
            first = field.start[axis] + place[axis] * field.jump[axis]
            begin, end = max(first, 0), min(first + field.size[axis], image.shape[axis])
            spans.append((slice(begin, end), slice(begin - first, end - first)))
        (rows, out_rows), (columns, out_columns) = spans
        out[out_rows, out_columns] = image[rows, columns]
    return found


def _table(
    question: Question,
    title: str,
    axes: tuple[str, ...],
    best: tuple[Array, Array, Array],
    data: tuple[Any, Any],
    notes: tuple[str, ...],
) -> Table:
    model = question.model
    (rows, values, places), (inputs, targets) = best, data
    texts = _texts(question, inputs, targets, axes, places)
    classes = model.meta.labels if model.meta.task == "classification" else ()
    lines: list[tuple[Cell, ...]] = []
    for at, row in enumerate(rows.tolist()):
        own: list[Cell] = [row, float(values[at]), *places[at].tolist()]
        own += [classes[int(targets[at])]] if classes else []
        lines.append((*own, *([texts[at]] if texts else [])))
    columns = ("sample", "value", *axes, *(("class",) if classes else ()), *(("text",) if texts else ()))
    return Table("excites", columns, tuple(lines), title, notes)


def _texts(question: Question, inputs: Any, targets: Any, axes: tuple[str, ...], places: Array) -> list[str]:
    """Each text that the layer reads, its symbol at the place marked; [] if it reads none."""
    model, meta = question.model, question.model.meta
    written = "decoder" in question.layer.split("/")
    vocabulary = meta.target_vocabulary if written else meta.vocabulary
    if vocabulary is None or not (written or model.prepared_shape.kind == "id"):
        return []
    found: list[str] = []
    read = targets if written else inputs
    layer = model.network.layers[0]
    turned = not written and isinstance(layer, Seq2Seq) and layer.reverse_source
    for at in range(len(places)):
        ids = (read.row(at) if isinstance(read, Ragged) else read[at]).tolist()
        symbols = [vocabulary.symbol(number) for number in ([START, *ids] if written else ids)]
        step = int(places[at][axes.index("step")]) if "step" in axes else None
        if step is not None and turned:
            step = len(symbols) - 1 - step
        found.append(marked(symbols, step, vocabulary.tokens.join))
    return found


def marked(symbols: list[str], step: int | None, join: Any) -> str:
    """The symbols around a step, and that of the step between » and «."""
    if step is None:
        return join(symbols[: 2 * AROUND]) + ("…" if len(symbols) > 2 * AROUND else "")
    before, after = symbols[max(0, step - AROUND) : step], symbols[step + 1 : step + 1 + AROUND]
    gap = "" if join(["a", "b"]) == "ab" else " "
    middle = gap.join(part for part in (join(before), f"»{symbols[step]}«", join(after)) if part)
    return ("…" if step > AROUND else "") + middle + ("…" if step + 1 + AROUND < len(symbols) else "")


def _fits(model: Model, node: Node | None) -> bool:
    return node is not None and not isinstance(node.layer, Seq2Seq)


VIEWS: tuple[Offer, ...] = (
    Offer(
        "excites",
        "the real inputs that make a unit answer most, and where",
        "data",
        _fits,
        excites,
        ("units", "at", "step", "gate"),
    ),
)
