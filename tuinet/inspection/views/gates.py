"""The gates, cells and hidden states of a recurrent layer at every step of a sequence (step × unit).

What opens and shuts when is how such a layer remembers: Karpathy, Johnson & Fei-Fei, "Visualizing and understanding
recurrent networks" (2015), from where "open" (above 0.9) and "shut" (below 0.1) are taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal, NamedTuple

import msgspec
import numpy as np

from tuinet.errors import TuinetError
from tuinet.inspection import steps
from tuinet.inspection.passes import Place
from tuinet.inspection.question import Node, Offer, Question
from tuinet.inspection.steps import Drawn
from tuinet.inspection.view import Axis, Origin, View
from tuinet.model.model import Model
from tuinet.nn.layer import Layer
from tuinet.nn.layers.bidirectional import Bidirectional
from tuinet.nn.layers.clockwork import Clockwork
from tuinet.nn.layers.gru import GRU
from tuinet.nn.layers.lstm import LSTM
from tuinet.nn.layers.rnn import RNN
from tuinet.nn.params import Array

OPEN, SHUT = 0.9, 0.1
"""A gate above the one lets nearly all through, below the other nearly nothing."""

NEARLY = 0.9
"""The share of the steps that counts as nearly every one."""

MEANS = 16
"""Up to so many steps, the mean of each is told."""

LISTED = 8
"""How many units are listed before the rest is only counted."""


class Gate(NamedTuple):
    """What a layer holds at every step.

    name    by which it is asked for
    key     under which the layer shows it
    about   what it is, in words
    range   from where to where its values can lie, where that is known
    """

    name: str
    key: str
    about: str
    range: tuple[float, float] | None = None

    @property
    def opens(self) -> bool:
        """Whether it is a gate in the strict sense: a factor between 0 and 1."""
        return self.range == SHARE and not self.key.endswith("ticked")

    @property
    def backward(self) -> bool:
        """Whether its steps come from the end of the sequence on."""
        return self.key.startswith("backward/")


SHARE, SIGNED = (0.0, 1.0), (-1.0, 1.0)

_LSTM = {
    "forget": Gate("forget", "forget", "forget gate", SHARE),
    "input": Gate("input", "input", "input gate", SHARE),
    "output_gate": Gate("output", "output_gate", "output gate", SHARE),
    "candidate": Gate("candidate", "candidate", "candidate", SIGNED),
}
_CELL = Gate("cell", "cell", "cell")
_HIDDEN = Gate("hidden", "output", "hidden state", SIGNED)
_GRU = (
    Gate("update", "update", "update gate", SHARE),
    Gate("reset", "reset", "reset gate", SHARE),
    Gate("candidate", "candidate", "candidate", SIGNED),
    _HIDDEN,
)
_TICKED = Gate("ticked", "ticked", "groups that ran", SHARE)


def gates_of(layer: Layer) -> tuple[Gate, ...]:
    """All that a recurrent layer holds at every step, in the order of its calculation; () for other layers."""
    match layer:
        case LSTM():
            return (*(_LSTM[name] for name in layer.gates), _CELL, _HIDDEN)
        case GRU():
            return _GRU
        case RNN():
            return (_HIDDEN,)
        case Clockwork():
            return (_HIDDEN, _TICKED)
        case Bidirectional():
            return tuple(
                Gate(f"{way}/{gate.name}", f"{way}/{gate.key}", f"{way} {gate.about}", gate.range)
                for way in ("forward", "backward")
                for gate in gates_of(layer.layer)
            )
        case _:
            return ()


def asked_gates(layer: Layer, path: str, name: str | None) -> tuple[Gate, ...]:
    """The gates of this name, of both directions if none is named; all of them without a name.

    Raises TuinetError, with the names there are, if the layer has no such gate.
    """
    known = gates_of(layer)
    if name is None:
        return known
    found = named_gates(known, name)
    if found:
        return found
    cell = layer.layer if isinstance(layer, Bidirectional) else layer
    names = ", ".join(gate.name for gate in known)
    coupled = isinstance(cell, LSTM) and cell.coupled and name == "input"
    why = "Its input gate is 1 − forget: the gates are coupled. " if coupled else ""
    raise TuinetError(f"{path} has no gate {name!r}", f"{why}Gates: {names}")


def named_gates(known: tuple[Gate, ...], name: str) -> tuple[Gate, ...]:
    """Those of `known` that `name` means: `forget`, `backward/forget`, also as the layer calls it. What a layer
    without an output gate puts out is `output` as well."""
    for picked in (
        [gate for gate in known if name in (gate.name, gate.name.rsplit("/", 1)[-1])],
        [gate for gate in known if name in (gate.key, gate.key.rsplit("/", 1)[-1])],
    ):
        if picked:
            return tuple(picked)
    return ()


def gate_values(place: Place, gate: Gate, sample: int) -> Array:
    """(T, U) a gate of one sample over its own steps, in the order in which the layer was given them."""
    values = place.values[gate.key].array[sample, : int(place.y.steps.lengths[sample])]
    return values[::-1] if gate.backward else values


def ends(gate: Gate, data: Array) -> tuple[float | None, float | None]:
    """The ends of its colours: those of its range, unless values lie outside (as after ReLU), else of the data."""
    if gate.range is None or bool(((data < gate.range[0]) | (data > gate.range[1])).any()):
        return None, None
    return gate.range


def gates(question: Question) -> tuple[View, ...]:
    """Every gate that is asked for, over the steps of each sample; of a decoder, for each way of feeding it."""
    found: list[View] = []
    asked = ways(question)
    for way, one in asked:
        for sample in range(len(question.need_samples().names)):
            found += _gates(one, sample, way, f"/{way}" if len(asked) > 1 else "")
    return tuple(found)


FED = {"forced": "fed the target", "free": "fed its own answer"}


Way = Literal["", "forced", "free"]


def ways(question: Question) -> tuple[tuple[Way, Question], ...]:
    """The question for each way in which a decoder is to be fed, and how that is called; "" of other layers.

    Raises TuinetError if it is to be fed a target that nobody knows.
    """
    decoder = question.choice.decoder
    if question.model.meta.task != "seq2seq" or "encoder" in question.layer.split("/"):
        return (("", question),)
    if question.need_samples().targets is None:
        if decoder in ("forced", "both"):
            hint = "Ask for its own answer: --decoder free; or take a sample of the data: --sample test:0."
            raise TuinetError("a decoder is fed the right answer, and nobody knows it here", hint)
        decoder = "free"
    if decoder != "both":
        return ((decoder or "forced", question),)
    forced, free = (replace(question, choice=question.choice._replace(decoder=way)) for way in ("forced", "free"))
    return ("forced", forced), ("free", free)


def _gates(question: Question, sample: int, way: Way, suffix: str) -> Iterator[View]:
    path = question.layer
    place = question.run.places[path]
    count = int(place.y.steps.lengths[sample])
    rows = steps.labels(steps.symbols_at(question, path, sample), count)
    step = steps.chosen_step(question, path, count, sample)
    said = (FED[way],) if way else ()
    if steps.read_backwards(question, path):
        said += ("the source is read from its end",)
    for gate in asked_gates(place.layer, path, question.choice.gate):
        data = gate_values(place, gate, sample)
        title = " · ".join((f"{gate.about} of {path}", steps.sample_name(question, sample), *said))
        notes = (TURNED,) if gate.backward else ()
        origin = Origin(path, gate.key, sample, decoder=way or None, called=gate.name)
        if gate.key.endswith("ticked"):
            drawn = Drawn(title=title, notes=notes, origin=origin)
            yield ticked(question, path + f"/{gate.name}" + suffix, data, rows, drawn, step)
            continue
        units = steps.chosen_units(question, path, data.shape[1])
        units = steps.ordered(question, units, data)
        seen = slice(None) if step is None else slice(step, step + 1)
        notes += tuple(told(gate, data[seen][:, units], rows[seen], units))
        drawn = Drawn(*ends(gate, data), title, notes, origin)
        yield steps.matrix(path + f"/{gate.name}" + suffix, data, rows, units, drawn, step)


TURNED = "the backward direction, put back in reading order: it came to these steps from the last to the first"


def ticked(
    question: Question,
    name: str,
    data: Array,
    rows: tuple[str, ...],
    drawn: Drawn,
    step: int | None,
) -> View:
    """Which groups of a Clockwork layer, or of one direction of it, ran at which step: data (T, groups) of 0 and 1.
    Of chosen units, the groups that they are in."""
    assert question.node is not None
    layer = question.node.layer
    clock = layer.layer if isinstance(layer, Bidirectional) else layer
    assert isinstance(clock, Clockwork)
    size = clock.units // len(clock.periods)
    units = steps.chosen_units(question, question.layer, clock.units)
    groups = sorted({unit // size for unit in units})
    notes = drawn.notes + tuple(
        f"period {clock.periods[k]}, units {k * size}–{(k + 1) * size - 1}: ran at {int(data[:, k].sum()):,} of "
        f"{len(data):,} steps"
        for k in groups
    )
    found = steps.matrix(name, data, rows, groups, Drawn(*SHARE, drawn.title, notes, drawn.origin), step)
    # each group is named by its period, which no other has: a column is few characters wide
    across = Axis("period", tuple(str(clock.periods[k]) for k in groups))
    return msgspec.structs.replace(found, axes=(*found.axes[:-1], across))


def told(gate: Gate, data: Array, rows: tuple[str, ...], units: list[int]) -> Iterator[str]:
    """What is to be said of a gate (T, U): its mean at each step, and the units that are nearly always open or shut.
    Of values that may have either sign, the mean size."""
    means = (data if gate.opens else np.abs(data)).mean(axis=1, dtype=np.float64)
    mean = "mean" if gate.opens else "mean size"
    if len(means) == 1:
        yield f"{mean} {means[0]:.2f}"
    elif len(means) <= MEANS:
        yield f"{mean}, step by step: " + " ".join(f"{each:.2f}" for each in means)
    else:
        low, high = int(means.argmin()), int(means.argmax())
        yield f"{mean} from {means[low]:.2f} at step {rows[low]} to {means[high]:.2f} at step {rows[high]}"
    if not gate.opens:
        return
    when = "" if len(means) == 1 else " at nearly every step"
    for word, share in ((f"open (> {OPEN:g})", data > OPEN), (f"shut (< {SHUT:g})", data < SHUT)):
        always = np.flatnonzero(share.mean(axis=0) >= NEARLY).tolist()
        if always:
            listed = ", ".join(str(units[place]) for place in always[:LISTED])
            more = f" and {len(always) - LISTED:,} more" if len(always) > LISTED else ""
            yield f"{word}{when}: {len(always):,} of {len(units):,} units, {listed}{more}"
        else:
            yield f"{word}{when}: none of {len(units):,} units"


def _fits(model: Model, node: Node | None) -> bool:
    return node is not None and bool(gates_of(node.layer))


VIEWS = (
    Offer(
        "gates",
        "every gate, cell and hidden state, step by step",
        "input",
        _fits,
        gates,
        ("units", "step", "gate", "order", "masks", "decoder"),
    ),
)
