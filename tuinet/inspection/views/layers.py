"""Views that feed-forward layers have of their own: what each input adds, where a value came from, what was dropped,
how much noise was added."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from tuinet.errors import TuinetError
from tuinet.inspection.question import Node, Offer, Question
from tuinet.inspection.ranges import picked
from tuinet.inspection.view import Axis, Cell, Origin, Seen, Table, View
from tuinet.inspection.views.outputs import (
    MAPS,
    as_view,
    chosen,
    each_sample,
    named,
    of_kind,
    of_sample,
    one_sample,
    share,
)
from tuinet.inspection.views.places import (
    answer_axis,
    input_names,
    is_picture,
    last_of_names,
    pixel_names,
    siblings,
    value_by_value,
)
from tuinet.model.model import Model
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.dropout import Dropout, GaussianNoise
from tuinet.nn.layers.flatten import Flatten
from tuinet.nn.params import Array

LARGEST = 12
"""So many contributions are listed for a unit."""

MOST_ACTIVE = 3
"""So many units are taken if none is chosen."""


# ── dense: what each input adds ───────────────────────────────────────────────────────────────────────────────────


def contributions(question: Question, node: Node, sample: int) -> tuple[Seen, ...]:
    """xᵢ wᵢⱼ of every input i to the sum of unit j, and the largest of them by name, with the bias and the sum.

    Of the units that are chosen, else of the three that gave most; of a sequence at the step chosen, else the last.
    """
    place = question.run.places[node.path]
    x, y, step, number = one_sample(place.x, sample), one_sample(place.y, sample), "", None
    if node.before.sequence:
        last = len(x) - 1 if question.choice.step is None else question.choice.step
        number = picked((last,), len(x), "step", node.path)[0]
        x, y, step = x[number], y[number], f" at step {number}"
    elif question.choice.step is not None:
        raise TuinetError(f"{node.path} has no steps", "Name no step.")
    ranked = np.argsort(-np.nan_to_num(y), kind="stable")[:MOST_ACTIVE].tolist()
    units = ranked if question.choice.units is None else picked(question.choice.units, len(y), "unit", node.path)
    added = (x[:, None] * node.params["weight"][:, units]).T  # (units, inputs)
    outputs, inputs = answer_axis(question.model, node), last_of_names(node.before, input_names(question.model, node))
    labels = tuple(outputs.labels[unit] if outputs is not None else str(unit) for unit in units)
    what = Axis(outputs.name if outputs is not None else "unit", labels)
    title = f"what each input adds to {node.path}{of_sample(question, sample)}{step}"
    which = ("the units that gave most",) if question.choice.units is None else ()
    # each cell is a term of its unit's sum
    origin = Origin(node.path, "output", sample, tuple(units), 0, number, at=())
    found: list[Seen] = [
        View("contributions", "matrix", (what, inputs), added, title=title, notes=which, origin=origin)
    ]
    image = _image_before(question.model, node)
    if image is not None:
        height, width, channels = image.before.sizes
        stack = added.reshape(len(units), height, width, channels).sum(axis=3)
        over = f"summed over {channels} maps" if channels > 1 else ""
        axes = (what, Axis("row"), Axis("column"))
        about = "the same where it lies in the image" + (f", {over}" if over else "")
        found.append(View("places", "images", axes, stack, title=about, origin=origin))
    bias = node.params["bias"] if "bias" in node.params else np.zeros(len(y))
    for row, unit in enumerate(units):
        names = inputs.labels or tuple(f"input {number}" for number in range(len(x)))
        found.append(_largest(node, added[row], x, unit, (labels[row], names, float(bias[unit]), float(y[unit]))))
    return tuple(found)


def _largest(node: Node, added: Array, x: Array, unit: int, about: tuple[str, tuple[str, ...], float, float]) -> Table:
    """The inputs that add most to one unit, up or down, and what the others add together."""
    label, names, bias, value = about
    order = np.argsort(-np.abs(np.nan_to_num(added)), kind="stable")
    first, rest = order[:LARGEST], order[LARGEST:]
    weight = node.params["weight"][:, unit]
    rows: list[tuple[Cell, ...]] = [(names[i], float(x[i]), float(weight[i]), float(added[i])) for i in first.tolist()]
    if len(rest):
        rows.append((f"{len(rest):,} others", None, None, float(added[rest].sum(dtype=np.float64))))
    rows += [("bias", None, None, bias), ("sum", None, None, value)]
    called = f"unit {unit}" + (f", {label}" if label != str(unit) else "")
    title = f"what adds most to {node.path} {called}"
    return Table("contributions", ("input", "x", "weight", "x · weight"), tuple(rows), title=title)


def _image_before(model: Model, node: Node) -> Node | None:
    """The flatten layer whose image this layer's inputs are, if it stands before it."""
    before, _ = siblings(model, node)
    while before and value_by_value(before[-1].layer):
        before.pop()
    found = before[-1] if before else None
    return found if found is not None and isinstance(found.layer, Flatten) and found.before.axes == MAPS else None


# ── flatten ───────────────────────────────────────────────────────────────────────────────────────────────────────


def origin(question: Question) -> tuple[Seen, ...]:
    """For every value that comes out: the row, column and channel where it was."""
    node = question.node
    assert node is not None
    sizes = node.before.sizes
    units = picked(question.choice.units, node.after.size, "unit", node.path)
    places = np.stack(np.unravel_index(np.array(units, np.intp), sizes), axis=1)  # (units, axes)
    names = node.before.axes
    formula = " + ".join(
        f"{name} · {int(np.prod(sizes[place + 1 :]))}" if place < len(names) - 1 else name
        for place, name in enumerate(names)
    )
    axes = (Axis("unit", tuple(map(str, units))), Axis("from", tuple(names)))
    title = f"where each unit of {node.path} was in {'×'.join(map(str, sizes))}"
    notes = [f"unit = {formula}"]
    if len(units) == 1:
        pixel = pixel_names(node.before, maps=True)
        notes.append(f"unit {units[0]} was {pixel[units[0]]}" if pixel else f"unit {units[0]} was there")
    return (View("origin", "matrix", axes, places, title=title, notes=tuple(notes)),)


# ── dropout and noise ─────────────────────────────────────────────────────────────────────────────────────────────


def in_training(make: Callable[[Question, Node, int], tuple[Seen, ...]]) -> Callable[[Question], tuple[Seen, ...]]:
    """A view of a layer with dropout and noise at work, for one input after the other: as drawn from `question.masks`,
    from 0 if it says none. All of them see the same pass."""
    made = each_sample(make)

    def masked(question: Question) -> tuple[Seen, ...]:
        return made(question if question.masks is not None else replace(question, masks=0))

    return masked


def mask(question: Question, node: Node, sample: int) -> tuple[Seen, ...]:
    """What dropout multiplies each value by in training: 0, or 1 / (1 − rate); and what it leaves of them."""
    layer, place = node.layer, question.run.places[node.path]
    assert isinstance(layer, Dropout)
    y = one_sample(place.y, sample)
    drawn = place.values.get("mask")
    factors = np.ones_like(y) if drawn is None else drawn.array[sample][: len(y)]
    whole = named(question, place.y, node.after, sample, _last_axis(question.model, node), node.path)
    masks, left = (Origin(node.path, value, sample, masks=question.masks) for value in ("mask", "output"))
    whole = whole._replace(origin=left)
    seen = chosen(whole._replace(data=factors, origin=masks), question.choice, node.path)
    left = chosen(whole, question.choice, node.path)
    dropped = int((seen.data == 0).sum())
    notes = (
        f"{dropped:,} of {seen.data.size:,} are dropped ({share(dropped / max(1, seen.data.size))}; "
        f"{share(layer.rate)} are to be expected)",
        f"the others are multiplied by {1 / (1 - layer.rate):.4g}; when the model predicts, nothing is dropped",
    )
    picture, where = is_picture(question.model, node, after=True), of_sample(question, sample)
    title = f"what {node.path} multiplies by{where}, drawn from seed {question.masks}"
    return (
        as_view("mask", seen, title, notes, picture=picture),
        as_view("left", left, f"what it leaves{where}", picture=picture),
    )


def noise(question: Question, node: Node, sample: int) -> tuple[Seen, ...]:
    """What gaussian noise adds to each value in training, and what comes of them."""
    layer, place = node.layer, question.run.places[node.path]
    assert isinstance(layer, GaussianNoise)
    after = named(question, place.y, node.after, sample, _last_axis(question.model, node), node.path)
    noise, noisy = (Origin(node.path, value, sample, masks=question.masks) for value in ("noise", "output"))
    added = after._replace(data=after.data - one_sample(place.x, sample), origin=noise)
    after = after._replace(origin=noisy)
    added, after = chosen(added, question.choice, node.path), chosen(after, question.choice, node.path)
    notes = (
        f"mean {added.data.mean():.4g}, deviation {added.data.std():.4g}; 0 and {layer.deviation:g} are to be expected",
        "when the model predicts, nothing is added",
    )
    picture, where = is_picture(question.model, node, after=True), of_sample(question, sample)
    title = f"what {node.path} adds{where}, drawn from seed {question.masks}"
    return (
        as_view("noise", added, title, notes, picture=picture),
        as_view("noisy", after, f"what comes of it{where}", picture=picture),
    )


def _last_axis(model: Model, node: Node) -> Axis:
    return answer_axis(model, node) or Axis(node.after.axes[-1])


# ── views ─────────────────────────────────────────────────────────────────────────────────────────────────────────


VIEWS: tuple[Offer, ...] = (
    Offer(
        "contributions",
        "what each input adds to a unit",
        "input",
        of_kind(Dense),
        each_sample(contributions),
        ("units", "step", "masks", "decoder"),
    ),
    Offer("origin", "where each value was in the image", "nothing", of_kind(Flatten), origin, ("units",)),
    Offer(
        "mask",
        "what is dropped in training",
        "input",
        of_kind(Dropout),
        in_training(mask),
        ("units", "at", "step", "masks", "decoder"),
    ),
    Offer(
        "noise",
        "what is added in training",
        "input",
        of_kind(GaussianNoise),
        in_training(noise),
        ("units", "at", "step", "masks", "decoder"),
    ),
)
