"""Where else the same units fire: a step of a sequence by the units that are on there, and the places in data that are
most like it. The question of LSTMVis: Strobelt, Gehrmann, Pfister & Rush (2018)."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from tuinet.data.dataset import Split
from tuinet.data.vocabulary import START, Vocabulary
from tuinet.errors import TuinetError
from tuinet.inspection import steps
from tuinet.inspection.passes import run_model
from tuinet.inspection.question import Node, Offer, Question
from tuinet.inspection.view import Cell, Table
from tuinet.inspection.views.gates import LISTED, OPEN, Gate, asked_gates, gate_values, gates_of, named_gates
from tuinet.model.lengths import MAX_STEPS, groups, lengths_of
from tuinet.model.model import SEQUENCES, Model
from tuinet.nn.params import Array
from tuinet.nn.sequence import Ragged

ON = 0.3
"""A cell, a candidate or a hidden unit above this is on; a gate is when it is open."""

FOUND = 10
"""How many places are shown."""

MOST_STEPS = 50_000
"""About so many steps are looked through: of more data, sequences by chance, the same ones each time."""

AROUND = 15
"""How many symbols of a text are shown before and behind a place."""


class Match(NamedTuple):
    """A place, the best of its sequence; the largest is the best.

    common  how many of the units are on there
    others  minus how many other units are
    row     minus the number of its sequence: the first of equals
    """

    common: int
    others: int
    row: int
    step: int


class Sought(NamedTuple):
    """What is looked for on behalf of one sample: units that are on together, at `where` in the raw sequence `own`."""

    units: list[int]
    where: str
    own: Array
    best: list[Match]


def matches(question: Question) -> tuple[Table, ...]:
    """The places of the data at which most of these units are on, and fewest others: the units chosen, or those that
    are on at the chosen step of the input (the last, if none is).

    The best place of each sequence; the input itself is left out. Raises TuinetError if no unit is on there.
    """
    assert question.node is not None
    gate = _gate(question, question.node)
    part = question.need_part()
    sought = [_sought(question, gate, sample) for sample in range(len(question.need_samples().names))]
    sequences = total = 0
    for number, row, values in _searched(question, gate, part):
        sequences, total = sequences + 1, total + len(values)
        on = values > threshold(gate)  # (T, U)
        every = on.sum(axis=1)
        for each in sought:
            if not np.array_equal(row, each.own):
                _rank(each, on, every, number)
    counted = f"{sequences:,} of {len(part):,} sequences, {total:,} steps"
    return tuple(_table(question, gate, sample, each, part, counted) for sample, each in enumerate(sought))


def threshold(gate: Gate) -> float:
    """Above it, a value of this gate counts as on."""
    return OPEN if gate.opens else ON


def _gate(question: Question, node: Node) -> Gate:
    """The gate asked for, else the cell, else the hidden state; of a bidirectional layer, of its forward direction."""
    if question.choice.gate is not None:
        found = asked_gates(node.layer, node.path, question.choice.gate)
        if found[0].key.endswith("ticked"):
            raise TuinetError("groups run by their clocks, whatever is read", "Take the hidden state: --gate hidden.")
        return found[0]
    known = gates_of(node.layer)
    return (named_gates(known, "cell") or named_gates(known, "hidden"))[0]


def _sought(question: Question, gate: Gate, sample: int) -> Sought:
    path = question.layer
    data = gate_values(question.run.places[path], gate, sample)
    step = steps.chosen_step(question, path, len(data), sample)
    at = len(data) - 1 if step is None else step
    where = steps.labels(steps.symbols_at(question, path, sample), len(data))[at]
    if question.choice.units is not None:
        units = steps.chosen_units(question, path, data.shape[1])
    else:
        units = np.flatnonzero(data[at] > threshold(gate)).tolist()
    if not units:
        hint = f"Take another step, 0 to {len(data) - 1}, or name the units: --unit 0,3."
        raise TuinetError(f"no unit of {path} is on (above {threshold(gate):g}) at step {where}", hint)
    return Sought(units, where, _row(question.need_samples().inputs, sample), [])


def _rank(sought: Sought, on: Array, every: Array, number: int) -> None:
    """Keep the best place of one sequence, on (T, U), if it is among the best of all."""
    common = on[:, sought.units].sum(axis=1)
    others = every - common
    at = int(np.lexsort((others, -common))[0])
    match = Match(int(common[at]), -int(others[at]), -number, at)
    if not match.common:
        return
    if len(sought.best) < FOUND:
        heapq.heappush(sought.best, match)
    else:
        heapq.heappushpop(sought.best, match)


def _searched(question: Question, gate: Gate, part: Split) -> Iterator[tuple[int, Array, Array]]:
    """Each sequence that is looked through: its number, its raw values, and the gate (T, U). A batch at a time, so
    memory does not grow with the data. Sequences that a model does not answer as a whole are left out."""
    model = question.model
    order = np.random.default_rng(0).permutation(len(part))
    total = 0
    for start in range(0, len(order), SEQUENCES):
        numbers = np.sort(order[start : start + SEQUENCES])
        inputs, targets = part.take(numbers)
        fed = targets if model.meta.task == "seq2seq" else None
        fitting = np.flatnonzero(lengths_of(inputs, model.meta.input_shape) <= MAX_STEPS)
        for places in groups(inputs[fitting], SEQUENCES):
            picked = fitting[places]
            answered = None if fed is None else fed[picked]
            for number, (row, values) in zip(
                numbers[picked].tolist(), _batch(question, gate, inputs[picked], answered), strict=True
            ):
                total += len(values)
                yield number, row, values
            if total >= MOST_STEPS:
                return


def _batch(question: Question, gate: Gate, raw: Any, fed: Any) -> Iterator[tuple[Array, Array]]:
    """The raw values and the gate of each sequence of one batch, whose pass is let go of before the next one's."""
    place = run_model(question.model, raw, fed).places[question.layer]
    for sample in range(len(raw)):
        yield _row(raw, sample), gate_values(place, gate, sample)


def _row(data: Any, sample: int) -> Array:
    return data.row(sample) if isinstance(data, Ragged) else data[sample]


def _table(question: Question, gate: Gate, sample: int, sought: Sought, part: Split, counted: str) -> Table:
    path, units = question.layer, sought.units
    rows = [
        (-match.row, match.step, *_context(question, part, match), match.common, -match.others)
        for match in sorted(sought.best, reverse=True)
    ]
    listed = ", ".join(map(str, units[:LISTED])) + (f" and {len(units) - LISTED:,} more" if len(units) > LISTED else "")
    notes = (
        f"{len(units):,} units, on where {gate.about} is above {threshold(gate):g}: {listed}",
        f"searched: {counted}",
    )
    chosen = "the chosen units" if question.choice.units is not None else f"the units on at step {sought.where}"
    title = f"where {chosen} fire together · {path} · {steps.sample_name(question, sample)}"
    columns = ("sequence", "step", "symbol", "context", "on", "others on")
    return Table("matches", columns, tuple(rows), title, notes)


def _context(question: Question, part: Split, match: Match) -> tuple[Cell, Cell]:
    """The symbol at a place, and the text around it as it stands there, the symbol in brackets; None of numbers."""
    path = question.layer
    vocabulary = steps.vocabulary_of(question, path)
    if vocabulary is None:
        return None, None
    inputs, targets = part.take([-match.row])
    written = steps.is_decoder(path)
    ids: list[int] = _row(targets if written else inputs, 0).tolist()
    ids = [START, *ids] if written else ids
    at = len(ids) - 1 - match.step if steps.read_backwards(question, path) else match.step
    return steps.shown(vocabulary.symbol(ids[at])), around(vocabulary, ids, at)


def around(vocabulary: Vocabulary, ids: list[int], at: int) -> str:
    """`…ere is the [g]host of m…`: a symbol among those around it."""
    gap = "" if vocabulary.tokens.unit == "characters" else " "

    def text(part: list[int]) -> str:
        return gap.join(symbol if symbol == " " else steps.shown(symbol) for symbol in map(vocabulary.symbol, part))

    begin, end = max(0, at - AROUND), at + 1 + AROUND
    before, behind = text(ids[begin:at]), text(ids[at + 1 : end])
    parts = (before, f"[{text(ids[at : at + 1])}]", behind)
    return "…" * (begin > 0) + gap.join(part for part in parts if part) + "…" * (end < len(ids))


def _fits(model: Model, node: Node | None) -> bool:
    return node is not None and bool(gates_of(node.layer))


VIEWS = (
    Offer(
        "matches",
        "where in the data the same units fire together",
        "input and data",
        _fits,
        matches,
        ("units", "step", "gate", "masks", "decoder"),
    ),
)
