"""What remains of a small shift of the image, layer by layer: pooling makes it matter less."""

from __future__ import annotations

from typing import Any

import numpy as np

from tuinet.errors import TuinetError
from tuinet.inspection.passes import Place, forward
from tuinet.inspection.question import Node, Offer, Question
from tuinet.inspection.view import Axis, Cell, Seen, Table, View
from tuinet.inspection.views.occlusion import background
from tuinet.inspection.views.pictures import is_image
from tuinet.inspection.views.receptive import Field, field_of, line_of
from tuinet.model.model import Model
from tuinet.model.raw import finite
from tuinet.model.signals import inputs_of
from tuinet.nn.context import Context
from tuinet.nn.params import Array
from tuinet.nn.seq2seq import Seq2Seq
from tuinet.nn.sequence import Sequence, unpack

FARTHEST = 3
"""The image is moved by 1 … so many cells."""

WAYS = ((0, 1), (0, -1), (1, 0), (-1, 0))
"""To the right, to the left, down and up."""


def shifts(question: Question) -> tuple[Seen, ...]:
    """‖y(moved x) − y(x)‖ / ‖y(x)‖ for the output y of every layer, as root mean square over the four ways to move
    and all samples given: Σ‖y(moved x) − y(x)‖² / Σ‖y(x)‖², then the root.

    What comes in at one side is the background, the median of the image's rim. 0: the layer has not noticed; √2: what
    it gives has nothing in common with what it gave (and is as large). Maps of a convolution move along with the image,
    so as numbers at fixed places they change as the image does. A pool that takes the largest or the mean of a window
    changes less, as long as what it found stays in the window, and so does all behind it.
    The table also compares the maps with themselves moved along, where the shift is a whole number of their cells:
    ‖y(moved x) − moved y(x)‖ / ‖y(x)‖ over the places that both have. There a convolution changes only at its rim.
    Raises TuinetError if the image is too small to be moved.
    """
    model, samples = question.model, question.need_samples()
    with np.errstate(all="ignore"):
        images = inputs_of(model.meta, finite(samples.inputs), Context(), model.params.vector.dtype)  # (N, H, W, C)
    farthest = min(FARTHEST, min(images.shape[1:3]) - 1)
    if farthest < 1:
        raise TuinetError("an image of one row or column cannot be moved", "Take larger ones.")
    line = line_of(model)
    names = ("input", *line.paths)
    fields: list[Field | None] = [Field((0, 0), (1, 1), (1, 1))]
    fields += [field_of(line, index) for index in range(len(line.layers))]
    still = _run(model, images)
    fixed, along = np.zeros((farthest, len(names))), np.full((farthest, len(names)), np.nan)
    for cells in range(1, farthest + 1):
        moved = [_run(model, np.stack([_moved(image, way, cells) for image in images])) for way in WAYS]
        for at, (y, field) in enumerate(zip(still, fields, strict=True)):
            fixed[cells - 1, at] = _change([other[at] for other in moved], [y] * len(WAYS))
            along[cells - 1, at] = _along([other[at] for other in moved], y, field, cells)
    notes = (
        f"of {len(images)} image{'s' * (len(images) > 1)}, moved right, left, down and up",
        "0: not noticed; 1.41: nothing in common with what it was",
    )
    title = "how much of a small shift is left behind each layer, relative to what the layer gives"
    lines = Axis("moved by", tuple(f"{cells} cell{'s' * (cells > 1)}" for cells in range(1, farthest + 1)))
    series = View("shifts", "series", (lines, Axis("layer", names)), fixed, low=0.0, title=title, notes=notes)
    heads = [f"{how} {cells}" for how in ("fixed,", "moved along,") for cells in range(1, farthest + 1)]
    rows: list[tuple[Cell, ...]] = []
    for at, name in enumerate(names):
        own = np.concatenate([fixed[:, at], along[:, at]]).tolist()
        rows.append((name, *(value if np.isfinite(value) else None for value in own)))
    return series, Table("shifts", ("layer", *heads), tuple(rows), title)


def _run(model: Model, images: Array) -> list[Array]:
    """The images and every layer's output, (N, …) each."""
    line, first, params = line_of(model), model.network.layers[0], model.params
    if isinstance(first, Seq2Seq):
        params = params.scope(model.network.names()[0]).scope("encoder")
    with np.errstate(all="ignore"):
        places = forward(line.layers, params, images, Context(plain=True)).places
    return [images, *(_array(place, len(images)) for place in places.values())]


def _array(place: Place, count: int) -> Array:
    y: Any = place.y
    if not isinstance(y, Sequence):
        return y
    return unpack(y).values.reshape(count, len(y.steps.counts), -1)  # images are sequences of one length


def _moved(image: Array, way: tuple[int, int], cells: int) -> Array:
    """The image (H, W, C) moved by so many cells, the background behind it."""
    found = np.empty_like(image)
    found[...] = background(image)
    onto, off = _overlap(image.shape, way, cells)
    found[onto] = image[off]
    return found


def _overlap(sizes: tuple[int, ...], way: tuple[int, int], cells: int) -> tuple[tuple[slice, slice], ...]:
    """Of rows and columns, where what is moved lies afterwards, and where it lay before."""
    onto, off = [], []
    for size, step in zip(sizes, way, strict=False):
        far = step * cells
        onto.append(slice(max(0, far), size + min(0, far)))
        off.append(slice(max(0, -far), size - max(0, far)))
    return (onto[0], onto[1]), (off[0], off[1])


def _along(moved: list[Array], y: Array, field: Field | None, cells: int) -> float:
    """The change of maps against themselves moved along; not a number where no whole number of cells is moved."""
    if field is None or y.ndim != 4:
        return np.nan
    ours: list[Array] = []
    theirs: list[Array] = []
    for other, way in zip(moved, WAYS, strict=True):
        jump = field.jump[0] if way[0] else field.jump[1]
        if cells % jump or cells // jump >= min(y.shape[1:3]):
            return np.nan
        onto, off = _overlap(y.shape[1:3], way, cells // jump)
        ours.append(other[:, *onto])
        theirs.append(y[:, *off])
    return _change(ours, theirs)


def _change(ours: list[Array], theirs: list[Array]) -> float:
    """√(Σ‖a − b‖² / Σ‖b‖²); 0 if both are 0."""
    apart = sum(float(np.square(np.subtract(a, b, dtype=np.float64)).sum()) for a, b in zip(ours, theirs, strict=True))
    size = sum(float(np.square(b, dtype=np.float64).sum()) for b in theirs)
    return float(np.sqrt(apart / size)) if size else (0.0 if apart == 0 else np.nan)


def _fits(model: Model, node: Node | None) -> bool:
    return node is None and is_image(model)


VIEWS: tuple[Offer, ...] = (
    Offer("shifts", "how much of a small shift of the image is left behind each layer", "input", _fits, shifts),
)
