"""Whether the units of a model work: which are dead, which are stuck at the ends of their range."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from tuinet.data.dataset import Split
from tuinet.data.encoding import encode_split
from tuinet.errors import TuinetError
from tuinet.inspection.passes import Pass, Place, run_model
from tuinet.inspection.question import Node, Offer, Question, Samples, no_targets
from tuinet.inspection.view import Cell, Seen, Table
from tuinet.inspection.views.over_inputs import evenly
from tuinet.model.lengths import groups
from tuinet.model.model import Model
from tuinet.model.raw import checked
from tuinet.nn.layer import Layer
from tuinet.nn.layers.activation import Linear, Relu, Sigmoid, Sign, Step, Tanh
from tuinet.nn.layers.bidirectional import Bidirectional
from tuinet.nn.layers.clockwork import Clockwork
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.embedding import Embedding
from tuinet.nn.layers.gru import GRU
from tuinet.nn.layers.lstm import LSTM
from tuinet.nn.layers.rnn import RNN
from tuinet.nn.params import Array

SAMPLES = 512
"""Samples that are looked at, evenly spread over the part."""

BATCH = 32
"""Samples whose values are held at a time."""

NEAR = 0.02
"""A value this near an end of its range, as a share of the range, is at the end: σ below 0.02 or above 0.98, tanh
below −0.96 or above 0.96."""

STUCK = 0.95
"""A unit is saturated if more than this share of its values (all places and steps of all samples) are at an end."""

SOME, MANY = 0.05, 0.5
"""Up to SOME of the units dead or saturated is usual; from MANY on a layer hardly works."""

NAMED = 8
"""Units that are named at most."""

_LOOKED_AT = (
    Dense,
    Conv2D,
    Embedding,
    Relu,
    Sigmoid,
    Tanh,
    Linear,
    Step,
    Sign,
    RNN,
    LSTM,
    GRU,
    Clockwork,
    Bidirectional,
)
"""Layers that calculate something of their own: what only hands on values is as they are."""

_GATES: Mapping[str, tuple[float, float]] = {
    "forget": (0.0, 1.0),
    "input": (0.0, 1.0),
    "output_gate": (0.0, 1.0),
    "update": (0.0, 1.0),
    "reset": (0.0, 1.0),
    "candidate": (-1.0, 1.0),
}


class Watched(NamedTuple):
    """Values of one kind in one layer; `range` None where they have no ends."""

    values: Array
    range: tuple[float, float] | None


class Tally:
    """What is counted of the values (…, units) of one kind as batches come."""

    def __init__(self, units: int, ends: tuple[float, float] | None) -> None:
        self.ends = ends
        self.seen = 0
        self.total = 0.0
        self.finite = 0
        self.alive = np.zeros(units, bool)
        self.broken = np.zeros(units, bool)
        self.at_end = np.zeros(units, np.int64)

    def add(self, values: Array) -> None:
        """(rows, units)"""
        finite = np.isfinite(values)
        self.seen += len(values)
        self.finite += int(finite.sum())
        self.total += float(values.sum(where=finite, dtype=np.float64))
        self.alive |= (values != 0).any(axis=0)
        self.broken |= ~finite.all(axis=0)
        if self.ends is not None:
            low, high = self.ends
            room = NEAR * (high - low)
            self.at_end += ((values < low + room) | (values > high - room)).sum(axis=0)

    @property
    def mean(self) -> float | None:
        """Of the finite values."""
        return self.total / self.finite if self.finite else None

    @property
    def dead(self) -> float:
        """Which part of the units is."""
        return float((~self.alive).mean())

    @property
    def saturated(self) -> float | None:
        """Which part of the units is; None where values have no ends."""
        return None if self.ends is None else float(self._stuck.mean())

    @property
    def _stuck(self) -> Array:
        return self.at_end > STUCK * self.seen

    def row(self, layer: str, kind: str) -> tuple[Cell, ...]:
        """As a row of the table."""
        which = [f"dead {_named(~self.alive)}"] if self.dead else []
        which += [f"saturated {_named(self._stuck)}"] if self.saturated else []
        units, (_, verdict) = len(self.alive), self.verdict()
        return layer, kind, units, self.mean, self.dead, self.saturated, "; ".join(which), verdict

    def verdict(self) -> tuple[int, str]:
        """How bad it is, 0 to 5, and in words."""
        if self.broken.any():
            return 5, f"not finite: {_named(self.broken)}"
        if self.dead == 1:
            return 4, "dead: nothing comes through"
        worst, word = max((self.dead, "dead"), (self.saturated or 0.0, "saturated"))
        if worst == 0:
            return 0, "healthy"
        if worst <= SOME:
            return 1, f"some {word}, as is usual"
        return (2, f"many {word}") if worst < MANY else (3, f"most {word}")


def health(question: Question) -> tuple[Seen, ...]:
    """Every layer and every gate over the inputs that are named, else over the data: the mean, which units are 0 for
    all samples, which are saturated, and what that means."""
    model = question.model
    inputs, targets, count = _samples(question)
    tallies: dict[tuple[str, str], Tally] = {}
    for part in groups(inputs, BATCH):
        fed = None if targets is None else targets[part]
        tally(run_model(model, inputs[part], fed, question.masks), tallies)
    found = tuple(tally.row(path, kind) for (path, kind), tally in tallies.items())
    columns = ("layer", "value", "units", "mean", "dead", "saturated", "which", "verdict")
    near, stuck, some, many = (f"{100 * share:.0f} %" for share in (NEAR, STUCK, SOME, MANY))
    notes = (
        f"over {count:,} sample{'' if count == 1 else 's'}; dead: 0 for all of them; dead and saturated are shares of "
        "the units",
        f"saturated: within {near} of an end of its range (sigmoid 0 to 1, tanh −1 to 1) in over {stuck} of all its "
        "values",
        f"up to {some} of the units is usual, from {many} on a layer hardly works; a gate may well be open or closed "
        "all the time",
    )
    return (Table("health", columns, found, f"the units of {model.meta.name}", notes),)


def tally(run: Pass, tallies: dict[tuple[str, str], Tally]) -> None:
    """Count what a pass holds, by layer and kind of value."""
    for path, place in run.places.items():
        for kind, watched in _watched(place):
            rows = watched.values.reshape(-1, watched.values.shape[-1])
            if (path, kind) not in tallies:
                tallies[path, kind] = Tally(rows.shape[1], watched.range)
            tallies[path, kind].add(rows)


def _samples(question: Question) -> tuple[Any, Any, int]:
    """Raw inputs, what a decoder is fed with them, and how many they are."""
    samples = question.samples
    if samples is not None:
        return samples.inputs, _fed(question), len(samples.inputs)
    inputs, targets, _ = some_samples(question, SAMPLES)
    return inputs, targets if question.model.meta.task == "seq2seq" else None, len(inputs)


def some_samples(question: Question, most: int) -> Samples:
    """At most so many samples of the data, evenly spread, by their numbers. Raises TuinetError if there are none."""
    meta, split = question.model.meta, question.need_part()
    if not len(split):
        raise TuinetError(f"there are no samples to look at {meta.name} with", "Take another part or other data.")
    places = evenly(len(split), most)
    if meta.task != "next-symbol":  # texts are encoded for the samples alone; windows are cut from the whole
        split = Split(*split.take(places))
    split = encode_split(checked(split, meta), meta.task, meta.vocabulary, meta.target_vocabulary, meta.window)
    if meta.task == "next-symbol":
        places = evenly(len(split), most)
        split = Split(*split.take(places))
    inputs, targets = split.take(slice(None))
    return Samples(inputs, targets, tuple(map(str, places.tolist())))


def _fed(question: Question) -> Any:
    """What a decoder is fed for the inputs that are named; the start alone, where it writes what is no number: that is
    what is to be found out."""
    if question.model.meta.task != "seq2seq":
        return None
    try:
        return question.fed
    except TuinetError:
        return no_targets(question.model, len(question.need_samples().names))


def _watched(place: Place) -> Iterator[tuple[str, Watched]]:
    """The output of a layer, and its gates."""
    if not isinstance(place.layer, _LOOKED_AT):
        return
    y = getattr(place.y, "values", place.y)
    yield "output", Watched(y, _range(place.layer))
    if not isinstance(place.layer, LSTM | GRU | Bidirectional):
        return
    steps = place.y.steps
    for name, value in place.values.items():
        ends = _GATES.get(name.rpartition("/")[2])
        if ends is not None:
            yield name, Watched(value.array[steps.samples, steps.times], ends)


def _range(layer: Layer) -> tuple[float, float] | None:
    """Between which ends the outputs of a layer lie, where they may come to stand still at one."""
    if isinstance(layer, Bidirectional):
        return _range(layer.layer)
    if isinstance(layer, Tanh | Clockwork) or (isinstance(layer, RNN) and layer.activation == "tanh"):
        return (-1.0, 1.0)
    return (0.0, 1.0) if isinstance(layer, Sigmoid) else None


def _named(which: Array) -> str:
    """The numbers of the units: 3, 7, 12 … (20 in all)."""
    units = np.flatnonzero(which).tolist()
    more = f" … ({len(units)} in all)" if len(units) > NAMED else ""
    return ", ".join(map(str, units[:NAMED])) + more


def _of_the_model(model: Model, node: Node | None) -> bool:
    return node is None


VIEWS: tuple[Offer, ...] = (
    Offer(
        "health",
        "dead and saturated units of every layer",
        "data",
        _of_the_model,
        health,
        ("masks", "decoder"),
        uses="input",
    ),
)
