"""The arithmetic behind any value of any layer: `cell` for a place in the value, `cell_sum` for a question."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from collections.abc import Sequence as Several
from typing import Any

import msgspec
import numpy as np

from tuinet.errors import TuinetError
from tuinet.inspection.passes import Place
from tuinet.inspection.question import Choice, Question
from tuinet.inspection.steps import step_labels
from tuinet.inspection.sums import cell_gates, cell_plain, cell_windows
from tuinet.inspection.sums.cell_parts import Asked, Worked, added
from tuinet.inspection.view import Part, Sum
from tuinet.nn.layer import Value
from tuinet.nn.layers.activation import Linear, Relu, Sigmoid, Sign, Softmax, Step, Tanh
from tuinet.nn.layers.bidirectional import Bidirectional
from tuinet.nn.layers.clockwork import Clockwork
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.dropout import Dropout, GaussianNoise
from tuinet.nn.layers.embedding import Embedding, OneHot
from tuinet.nn.layers.flatten import Flatten
from tuinet.nn.layers.gru import GRU
from tuinet.nn.layers.lstm import LSTM
from tuinet.nn.layers.over_time import LastStep, MaxOverTime, MeanOverTime, Rows
from tuinet.nn.layers.pool import AveragePool, MaxPool, SumPool
from tuinet.nn.layers.rnn import RNN
from tuinet.nn.sequence import Sequence

SHARE = {np.dtype(np.float32): 1e-6, np.dtype(np.float64): 1e-12}
"""How much of Σ|terms| a value may differ from what the layer gave."""

_WORK: tuple[tuple[tuple[type, ...], Callable[[Asked], Worked]], ...] = (
    ((Dense,), cell_plain.dense),
    ((Conv2D,), cell_windows.conv),
    ((MaxPool, AveragePool, SumPool), cell_windows.pool),
    ((Step, Sign, Sigmoid, Tanh, Relu, Linear), cell_plain.activation),
    ((Softmax,), cell_plain.softmax),
    ((Flatten,), cell_plain.flatten),
    ((Dropout,), cell_plain.dropout),
    ((GaussianNoise,), cell_plain.noise),
    ((Embedding,), cell_plain.embedding),
    ((OneHot,), cell_plain.one_hot),
    ((Rows,), cell_plain.rows),
    ((LastStep,), cell_plain.last_step),
    ((MeanOverTime, MaxOverTime), cell_plain.over_time),
    ((RNN,), cell_gates.rnn),
    ((LSTM,), cell_gates.lstm),
    ((GRU,), cell_gates.gru),
    ((Clockwork,), cell_gates.clockwork),
)


def cell(place: Place, name: str, index: tuple[int, ...]) -> Sum:
    """The value at `index` of `place.values[name]`, term by term, beside what the layer gave.

    `index` is in the axes of that value: (sample, …), or (sample, step, …) where samples are sequences.
    Raises TuinetError if there is no such value, if it is learnt and not worked out, or if the index is out of range.
    """
    value = worked_values(place).get(name)
    if value is None:
        raise _unknown(place, name)
    _check(place, name, value, index)
    asked = Asked(place.layer, place.params, place.x, place.first, place.values, name, index)
    with np.errstate(all="ignore"):  # a network that diverged is looked at, too
        found = _bidirectional(asked) if isinstance(place.layer, Bidirectional) else _work(asked)
    magnitude, most = bound(found.parts, value.array.dtype)
    return Sum(
        name=_title(place, name, value, index),
        equation=found.equation,
        parts=found.parts,
        value=found.parts[-1].value,
        stored=float(value.array[index]),
        magnitude=magnitude,
        bound=most,
        pictures=found.pictures,
        notes=found.notes,
    )


def bound(parts: Several[Part], dtype: np.dtype[Any]) -> tuple[float, float]:
    """Σ|terms|, and by how much a value of these terms may differ from what a layer gave in `dtype`.

    Below the smallest normal number (1e-38 in float32) a dtype has no relative precision left: a cell that forgets
    for fifty steps gets there. So each term may also be off by the smallest number there is.
    """
    sizes = [abs(term.product) for part in parts for term in part.terms]
    magnitude = added(sizes)
    return magnitude, SHARE[dtype] * magnitude + len(sizes) * float(np.finfo(dtype).smallest_subnormal)


def cell_sum(question: Question, name: str = "output") -> Sum:
    """The value that the question's choice names: `gate` which (else `name`), then unit, step and the axes between.

    Of several samples it is the first. What is left open is chosen so that the value is the largest in size, and the
    notes say so. Steps are those of the sequence, also of a backward direction, which comes to them from the last on.
    Raises TuinetError if no layer or no input is named, or if there is no such value.
    """
    if question.node is None:
        raise TuinetError("a sum is that of one value of a layer, and no layer is named", "Name a layer.")
    place, choice = question.run.places[question.layer], question.choice
    values = worked_values(place)
    asked = choice.gate or name
    *way, last = asked.split("/")
    found = "/".join((*way, "output")) if last == "hidden" and asked not in values else asked
    if found not in values:
        raise _unknown(place, asked)
    index, note = _chosen(place, found, values[found], choice)
    notes = [*_read(question, place, found, values[found], index), *note]
    if len(question.need_samples().names) > 1:
        notes.append(f"of the first of {len(question.need_samples().names)} samples")
    return _with_notes(cell(place, found, index), notes)


def sum_at(
    question: Question, path: str, name: str, sample: int, step: int | None, at: tuple[int, ...], unit: int
) -> Sum:
    """The value of the layer at `path` that is called `name`, at this place of it. `step` is that of the sequence, also
    of a backward direction, and is passed over where the value has none.

    Raises TuinetError if no input is named, or if there is no such value or place.
    """
    place = question.run.places[path]
    value = worked_values(place).get(name)
    if value is None:
        raise _unknown(place, name)
    index = (sample, *at, unit)
    if value.axes[1] == "step":
        assert step is not None
        index = (sample, _in_reading_order(place, name, value, sample, step), *at, unit)
    found = cell(place, name, index)  # raises if there is no such place, before its step is looked up
    return _with_notes(found, _read(question, place, name, value, index))


def _with_notes(found: Sum, notes: Several[str]) -> Sum:
    return msgspec.structs.replace(found, notes=(*found.notes, *notes))


def worked_values(place: Place) -> Mapping[str, Value]:
    """The values of a place that a layer works out; weights are learnt, and behind no sum.

    Raises TuinetError if the layer has none, as one that holds other layers.
    """
    with np.errstate(all="ignore"):
        found = {name: value for name, value in place.values.items() if value.axes[0] == "sample"}
    if not found:
        raise TuinetError(f"{place.path} holds other layers and has no value of its own", "Name one of those layers.")
    return found


def _unknown(place: Place, name: str) -> TuinetError:
    names = list(worked_values(place))
    hint = f"Values: {', '.join(names)}"
    if name in place.values or name in place.params:
        return TuinetError(f"{name} of {place.path} is learnt, not worked out from an input", hint)
    near = difflib.get_close_matches(name, names, n=1)
    return TuinetError(f"{place.path} has no value {name!r}", f"Did you mean {near[0]}? {hint}" if near else hint)


def _work(asked: Asked) -> Worked:
    return next(work for kinds, work in _WORK if isinstance(asked.layer, kinds))(asked)


def _bidirectional(asked: Asked) -> Worked:
    """The same of one direction's layer. In the values of the backward one, step 0 is the last of the sequence; in
    the output that both make together, the steps of both are those of the sequence."""
    sample, t, unit = asked.where
    way, _, name = asked.name.rpartition("/")
    if not way:
        units = asked.values["forward/output"].array.shape[2]
        way, name = ("forward", "output") if unit < units else ("backward", "output")
        t = t if way == "forward" else asked.steps - 1 - t
        unit %= units
    x, steps = asked.x.values, asked.x.steps
    half = 0 if asked.first is None else len(asked.first) // 2
    inside = Asked(
        layer=asked.layer.layer,
        params=asked.params.scope(way),
        x=asked.x if way == "forward" else Sequence(x[steps.reversal], steps),
        first=None if asked.first is None else asked.first[:half] if way == "forward" else asked.first[half:],
        values={key.removeprefix(f"{way}/"): value for key, value in asked.values.items() if key.startswith(f"{way}/")},
        name=name,
        where=(sample, t, unit),
    )
    found = _work(inside)
    turned = f"the backward direction reads from the end: its step {t} is step {asked.steps - 1 - t} of the sequence"
    notes = (f"this is unit {unit} of the {way} direction",) if "/" not in asked.name else ()
    return found._replace(notes=(*notes, *((turned,) if way == "backward" else ()), *found.notes))


# ── which value ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _chosen(place: Place, name: str, value: Value, choice: Choice) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """The index that a choice names, and what is to be said of it."""
    axes = value.axes[1:]
    if choice.units is not None and len(choice.units) != 1:
        raise TuinetError(f"a sum is that of one value, and {len(choice.units)} units are named", "Name one unit.")
    over_time = axes[0] == "step"
    if choice.step is not None and not over_time:
        raise TuinetError(f"{name} of {place.path} has no steps", "Leave the step out.")
    between = axes[over_time:-1]
    if choice.at is not None and len(choice.at) != len(between):
        what = f"{' and '.join(between)}, {len(between)} numbers" if between else f"its {_word(axes[-1])} alone"
        raise TuinetError(f"a place in {name} of {place.path} is {what}", f"{len(choice.at)} are named.")
    given: list[int | None] = [0]
    given += [choice.step] * over_time
    given += choice.at or [None] * len(between)
    given.append(_of_unit(place, value, choice.units[0]) if choice.units else None)
    sizes = _sizes(place, value, 0)
    known = [axis for axis, at in enumerate(given) if at is not None]
    _check(place, name, value, tuple(at or 0 for at in given))
    free = [value.axes[axis] for axis in range(len(given)) if axis not in known]
    if over_time and choice.step is not None:
        given[1] = _in_reading_order(place, name, value, 0, choice.step)
    window = tuple(slice(size) if at is None else slice(at, at + 1) for at, size in zip(given, sizes, strict=True))
    size = np.nan_to_num(np.abs(value.array[window]), nan=np.inf)
    found = np.unravel_index(int(size.argmax()), size.shape)
    index = tuple(int(at if first is None else first) for at, first in zip(found, given, strict=True))
    if not free:
        return index, ()
    return index, (f"{', '.join(map(_word, free))}: not named, so taken where the value is largest in size",)


def _of_unit(place: Place, value: Value, unit: int) -> int:
    """Where on the last axis the value of a unit is: of groups of units, at the one that it is in."""
    if value.axes[-1] != "group":
        return unit
    clock = place.layer.layer if isinstance(place.layer, Bidirectional) else place.layer
    assert isinstance(clock, Clockwork)
    if not 0 <= unit < clock.units:
        raise TuinetError(f"{place.path} has no unit {unit}", f"Take 0 to {clock.units - 1}.")
    return unit // (clock.units // len(clock.periods))


def _in_reading_order(place: Place, name: str, value: Value, sample: int, step: int) -> int:
    """The step of the sequence at a step of this value, and the other way round: a backward direction turns them."""
    return _sizes(place, value, sample)[1] - 1 - step if name.startswith("backward/") else step


def _sizes(place: Place, value: Value, sample: int) -> tuple[int, ...]:
    """How far each axis goes; that of the steps as far as this sample."""
    steps = place.x.steps if isinstance(place.x, Sequence) else None
    if steps is None or value.axes[1] != "step" or not 0 <= sample < len(steps):
        return value.array.shape
    return (len(steps), int(steps.lengths[sample]), *value.array.shape[2:])


def _check(place: Place, name: str, value: Value, index: tuple[int, ...]) -> None:
    """Raises TuinetError unless there is such a place in the value."""
    what = f"{name} of {place.path}"
    if len(index) != len(value.axes):
        raise TuinetError(f"{what} has {len(value.axes)} axes, not {len(index)}", f"They are {', '.join(value.axes)}.")
    for axis, at, size in zip(value.axes, index, _sizes(place, value, index[0]), strict=True):
        if not 0 <= at < size:
            hint = f"Take 0 to {size - 1}." if size > 1 else "There is only number 0." if size else "There is none."
            raise TuinetError(f"{what} has no {_word(axis)} {at}", hint)


def _read(question: Question, place: Place, name: str, value: Value, index: tuple[int, ...]) -> tuple[str, ...]:
    """What was read at the step, where that has a name."""
    if value.axes[1] != "step":
        return ()
    known = step_labels(question, place.path, index[0])
    t = _in_reading_order(place, name, value, *index[:2])
    return (f"step {t}: {known[t].partition(' ')[2]}",) if known else ()


def _title(place: Place, name: str, value: Value, index: tuple[int, ...]) -> str:
    """`conv1 output: map 3, row 2, column 5`"""
    axes, at = value.axes[1:], index[1:]
    if axes[0] == "step":
        at = (_in_reading_order(place, name, value, *index[:2]), *at[1:])
    turned = [(axes[-1], at[-1]), *zip(axes[:-1], at[:-1], strict=True)]
    if value.array.shape[0] > 1:
        turned.append(("sample", index[0]))
    return f"{place.path} {name}: {', '.join(f'{_word(axis)} {i}' for axis, i in turned)}"


def _word(axis: str) -> str:
    return "map" if axis == "channel" else axis
