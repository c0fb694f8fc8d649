"""What each layer of a sequence network is about: the neighbours of a symbol, the rows that are read, the step that a
pooled value was taken from, clocks that tick, both directions of reading side by side."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tuinet.data.vocabulary import END
from tuinet.inspection import steps
from tuinet.inspection.passes import Place
from tuinet.inspection.question import Node, Offer, Question
from tuinet.inspection.steps import Drawn
from tuinet.inspection.view import Axis, Origin, Seen, Table, View
from tuinet.inspection.views.gates import TURNED, gate_values, gates_of, ticked
from tuinet.model.model import Model
from tuinet.nn.layer import Layer
from tuinet.nn.layers.bidirectional import Bidirectional
from tuinet.nn.layers.embedding import Embedding, OneHot
from tuinet.nn.layers.over_time import LastStep, MaxOverTime, MeanOverTime, Rows
from tuinet.nn.params import Array

NEIGHBOURS = 3
"""How many of the nearest symbols are named."""

SYMBOLS = 30
"""How many symbols are looked up where nobody says which."""


# ── symbols ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def similar(question: Question) -> tuple[Table, ...]:
    """The symbols whose vectors point most nearly the same way: cos = u · v / (|u| |v|), 1 for the same direction.

    Of the symbols chosen by number, else those of the input, else the most frequent.
    """
    path = question.layer
    assert question.node is not None
    weight = question.node.params["weight"]  # (V, S)
    with np.errstate(all="ignore"):
        sizes = np.linalg.norm(weight, axis=1)
        unit = weight / np.where(sizes > 0, sizes, 1)[:, None]
        wanted = _wanted(question, len(weight))
        near = unit[wanted] @ unit.T  # (n, V)
    first = _first(question)
    near[:, :first] = -np.inf
    near[np.arange(len(wanted)), wanted] = -np.inf
    near = np.nan_to_num(near, nan=-np.inf, neginf=-np.inf)
    order = np.argsort(-near, axis=1, kind="stable")[:, : max(0, min(NEIGHBOURS, len(weight) - 1 - first))]
    columns = ["symbol", "number", "length"]
    for place in range(order.shape[1]):
        columns += [f"near {place + 1}", f"cosine {place + 1}"]
    rows: list[tuple[str | int | float, ...]] = []
    for row, number in enumerate(wanted):
        found: list[str | int | float] = [_symbol(question, path, number), number, float(sizes[number])]
        for other in order[row].tolist():
            found += [_symbol(question, path, other), float(near[row, other])]
        rows.append(tuple(found))
    notes = ("<unk>, <start> and <end> are not among the near ones",) if first else ()
    title = f"the nearest symbols by the cosine of their vectors in {path}"
    return (Table("similar", tuple(columns), tuple(rows), title, notes),)


def _wanted(question: Question, count: int) -> list[int]:
    if question.choice.units is not None:
        return steps.chosen_units(question, question.layer, count)
    if question.samples is None:
        first = _first(question)
        return list(range(first, min(first + SYMBOLS, count)))
    ids = _ids(question.run.places[question.layer])
    return list(dict.fromkeys(ids))[:SYMBOLS]


def _first(question: Question) -> int:
    """The first symbol that a text can hold: those that stand for none are learnt little, or never."""
    return 0 if steps.vocabulary_of(question, question.layer) is None else END + 1


def _ids(place: Place) -> list[int]:
    """All ids that a layer was given, sample by sample."""
    return [number for sample in range(len(place.x.steps)) for number in steps.of_sample(place.x, sample).tolist()]


def _symbol(question: Question, path: str, number: int) -> str:
    vocabulary = steps.vocabulary_of(question, path)
    return str(number) if vocabulary is None else steps.shown(vocabulary.symbol(number))


def symbols(question: Question) -> tuple[Table, ...]:
    """Which symbol, and so which of the outputs, is 1 at each step."""
    path = question.layer
    place = question.run.places[path]
    found: list[Table] = []
    for sample in range(len(place.x.steps)):
        ids = steps.of_sample(place.x, sample).tolist()
        step = steps.chosen_step(question, path, len(ids), sample)
        rows = [(number, _symbol(question, path, symbol), symbol) for number, symbol in enumerate(ids)]
        title = f"the output of {path} that is 1 · {steps.sample_name(question, sample)}"
        picked = tuple(rows if step is None else rows[step : step + 1])
        found.append(Table("symbols", ("step", "symbol", "unit"), picked, title))
    return tuple(found)


def reading(question: Question) -> tuple[View, ...]:
    """The image, or the table, whose rows are the steps; of one step, the row that is read there."""
    path = question.layer
    place = question.run.places[path]
    found: list[View] = []
    for sample, image in enumerate(place.x):
        step = steps.chosen_step(question, path, len(image), sample)
        title = f"read row by row by {path} · {steps.sample_name(question, sample)}"
        rows = steps.labels((), len(image))
        if step is None and question.choice.units is None and image.ndim == 3 and image.shape[2] in (1, 3):
            axes = (Axis("step", rows), Axis("column"), Axis("channel"))
            found.append(View(f"{path}/reading", "image", axes, np.array(image), title=title))
            continue
        data = steps.of_sample(place.y, sample)
        units = steps.ordered(question, steps.chosen_units(question, path, data.shape[1]), data)
        drawn = Drawn(title=title, origin=Origin(path, "output", sample))
        found.append(steps.matrix(f"{path}/reading", data, rows, units, drawn, step))
    return tuple(found)


# ── from a sequence to one vector ─────────────────────────────────────────────────────────────────────────────────────


def taken(question: Question) -> tuple[Table, ...]:
    """The step from which the value of each unit was taken."""
    assert question.node is not None and isinstance(question.node.layer, LastStep)
    both_ways = question.node.layer.both_ways

    def rows(place: Place, sample: int, names: tuple[str, ...], units: list[int]) -> list[tuple[int, float, str]]:
        half = place.y.shape[1] // 2 if both_ways else place.y.shape[1]
        return [(unit, float(place.y[sample, unit]), names[-1 if unit < half else 0]) for unit in units]

    notes = ["each unit is taken from the last step"]
    if both_ways:
        notes = ["the first half of the units is taken from the last step", "the second half from the first step"]
    return _pooled(question, "taken", ("unit", "value", "step"), "the step that each unit is taken from", rows, notes)


def winners(question: Question) -> tuple[Seen, ...]:
    """The step whose value was the largest of each unit, and how many units each step won."""
    place = question.run.places[question.layer]

    def won(sample: int) -> Array:
        return steps.of_sample(place.x, sample).argmax(axis=0)  # the first of equals, as the layer takes it

    def rows(place: Place, sample: int, names: tuple[str, ...], units: list[int]) -> list[tuple[int, float, str]]:
        step = won(sample)
        return [(unit, float(place.y[sample, unit]), names[int(step[unit])]) for unit in units]

    found: list[Seen] = []
    tables = _pooled(question, "winners", ("unit", "value", "step"), "the step that won each unit", rows, [])
    for sample, table in enumerate(tables):
        names = _names(question, place, sample)
        units = steps.chosen_units(question, question.layer, place.y.shape[1])
        counts = np.bincount(won(sample)[units], minlength=len(names)).astype(np.float64)
        title = f"units won by each step · {steps.sample_name(question, sample)}"
        best = int(counts.argmax())
        notes = (f"step {names[best]} won most: {int(counts[best]):,} of {len(units):,} units",)
        axes = (Axis("step", names),)
        found += [View(f"{question.layer}/wins", "vector", axes, counts, title=title, notes=notes), table]
    return tuple(found)


def _pooled(
    question: Question,
    name: str,
    columns: tuple[str, ...],
    about: str,
    rows: Callable[[Place, int, tuple[str, ...], list[int]], list[tuple[int, float, str]]],
    notes: list[str],
) -> tuple[Table, ...]:
    """A table for each sample, a row for each of the chosen units."""
    place = question.run.places[question.layer]
    units = steps.chosen_units(question, question.layer, place.y.shape[1])
    found: list[Table] = []
    for sample in range(len(place.y)):
        title = f"{about} · {steps.sample_name(question, sample)}"
        own = tuple(rows(place, sample, _names(question, place, sample), units))
        found.append(Table(name, columns, own, title, tuple(notes)))
    return tuple(found)


def shares(question: Question) -> tuple[View, ...]:
    """What each step contributes to the mean: x⁽ᵗ⁾ / T. Over the steps, these add up to the output."""
    path = question.layer
    place = question.run.places[path]
    found: list[View] = []
    for sample in range(len(place.y)):
        values = steps.of_sample(place.x, sample)
        data = values / values.dtype.type(len(values))
        mean = Origin(path, "output", sample)  # each cell is a term of its unit's mean
        found.append(_over_steps(question, place, f"{path}/shares", data, "each step's share of the mean", mean))
    return tuple(found)


def _names(question: Question, place: Place, sample: int) -> tuple[str, ...]:
    """Of the steps that a layer is given."""
    return steps.labels(steps.symbols_at(question, place.path, sample), int(place.x.steps.lengths[sample]))


def _over_steps(question: Question, place: Place, name: str, data: Array, about: str, origin: Origin) -> View:
    sample = origin.sample
    units = steps.chosen_units(question, place.path, data.shape[1])
    units = steps.ordered(question, units, data)
    step = steps.chosen_step(question, place.path, len(data), sample)
    title = f"{about} · {steps.sample_name(question, sample)}"
    return steps.matrix(name, data, _names(question, place, sample), units, Drawn(title=title, origin=origin), step)


# ── recurrent layers ──────────────────────────────────────────────────────────────────────────────────────────────────


def ticks(question: Question) -> tuple[View, ...]:
    """Which groups of units ran at which step, and which stood still. Koutník et al. (2014)."""
    path = question.layer
    place = question.run.places[path]
    found: list[View] = []
    for sample in range(len(place.y.steps)):
        for gate in gates_of(place.layer):
            if gate.key.endswith("ticked"):
                data = gate_values(place, gate, sample)
                names = _names(question, place, sample)
                step = steps.chosen_step(question, path, len(data), sample)
                title = f"{gate.about} in {path} · {steps.sample_name(question, sample)}"
                notes, origin = (TURNED,) if gate.backward else (), Origin(path, gate.key, sample, called=gate.name)
                drawn = Drawn(title=title, notes=notes, origin=origin)
                found.append(ticked(question, f"{path}/{gate.name}", data, names, drawn, step))
    return tuple(found)


def directions(question: Question) -> tuple[View, ...]:
    """What the forward and the backward copy put out at each step: what came before it, and what comes behind it."""
    path = question.layer
    place = question.run.places[path]
    found: list[View] = []
    for sample in range(len(place.y.steps)):
        output = steps.of_sample(place.y, sample)
        half = output.shape[1] // 2
        for way, data in (("forward", output[:, :half]), ("backward", output[:, half:])):
            about = f"{way} output of {path}, each step where it is read"
            origin = Origin(path, f"{way}/output", sample)
            found.append(_over_steps(question, place, f"{path}/{way}", data, about, origin))
    return tuple(found)


def _is(*kinds: type[Layer]) -> Callable[[Model, Node | None], bool]:
    return lambda model, node: node is not None and isinstance(node.layer, kinds)


def _clocked(model: Model, node: Node | None) -> bool:
    return node is not None and any(gate.key.endswith("ticked") for gate in gates_of(node.layer))


VIEWS = (
    Offer(
        "similar",
        "the nearest symbols by the cosine of their vectors",
        "nothing",
        _is(Embedding),
        similar,
        ("units", "masks", "decoder"),
        uses="input",
    ),
    Offer("symbols", "which symbol is read at each step", "input", _is(OneHot), symbols, ("step", "masks", "decoder")),
    Offer(
        "reading",
        "the image whose rows are the steps",
        "input",
        _is(Rows),
        reading,
        ("units", "step", "order", "masks", "decoder"),
    ),
    Offer(
        "taken", "the step that each unit is taken from", "input", _is(LastStep), taken, ("units", "masks", "decoder")
    ),
    Offer(
        "shares",
        "each step's share of the mean",
        "input",
        _is(MeanOverTime),
        shares,
        ("units", "step", "order", "masks", "decoder"),
    ),
    Offer("winners", "the step that won each unit", "input", _is(MaxOverTime), winners, ("units", "masks", "decoder")),
    Offer("ticks", "which groups ran at which step", "input", _clocked, ticks, ("step", "masks", "decoder")),
    Offer(
        "directions",
        "what each direction of reading puts out",
        "input",
        _is(Bidirectional),
        directions,
        ("units", "step", "order", "masks", "decoder"),
    ),
)
