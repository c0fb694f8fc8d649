"""The steps of one sample of a sequence, under the names of what was read there, and matrices step × unit."""

from __future__ import annotations

import itertools
from collections.abc import Sequence as Several
from typing import Any, NamedTuple

import msgspec
import numpy as np

from tuinet.data.vocabulary import END, START, Vocabulary
from tuinet.errors import TuinetError
from tuinet.inspection.question import Question
from tuinet.inspection.ranges import picked
from tuinet.inspection.view import Axis, Origin, View
from tuinet.nn.params import Array
from tuinet.nn.seq2seq import Pair, Seq2Seq
from tuinet.nn.sequence import Ragged, Sequence

SPACES = {" ": "␣", "\n": "↵", "\t": "⇥"}
"""How white space is written where it is a symbol of its own."""

NAME = 40
"""Characters of a sample's name in a title."""


class Drawn(NamedTuple):
    """How a matrix step × unit is drawn and called: the range of its colours, its title, what else is to be said, and
    whose value it is."""

    low: float | None = None
    high: float | None = None
    title: str = ""
    notes: tuple[str, ...] = ()
    origin: Origin | None = None


PLAIN = Drawn()


def of_sample(signal: Sequence, sample: int) -> Array:
    """(T, …) the values at the steps of one sample alone."""
    return signal.values[signal.steps.rows_of(sample)]


def shown(symbol: str) -> str:
    """A symbol as it can be seen: white space has signs of its own."""
    return SPACES.get(symbol, symbol)


def is_decoder(path: str) -> bool:
    """Whether a layer writes: its steps are those of the target."""
    return "decoder" in path.split("/")


def read_backwards(question: Question, path: str) -> bool:
    """Whether a layer is given the source from its end."""
    first = question.model.network.layers[0]
    return isinstance(first, Seq2Seq) and first.reverse_source and not is_decoder(path)


def vocabulary_of(question: Question, path: str) -> Vocabulary | None:
    """Of the symbols that a layer's steps stand for; None if they are no symbols."""
    meta = question.model.meta
    return meta.target_vocabulary if is_decoder(path) else meta.vocabulary


def ids_of(question: Question, path: str, sample: int) -> list[int]:
    """The symbols at the steps of a layer, in the order in which it is given them; [] if they are none."""
    signal: Any = next(iter(question.run.places.values())).x
    first = question.model.network.layers[0]
    if isinstance(signal, Pair) and isinstance(first, Seq2Seq):
        signal = signal.fed if is_decoder(path) else first.turned(signal.source)
    if vocabulary_of(question, path) is None or not isinstance(signal, Sequence):
        return []
    return of_sample(signal, sample).tolist()


def symbols_at(question: Question, path: str, sample: int) -> tuple[str, ...]:
    """What is read at each step of a layer, as it can be seen; () where steps are no symbols."""
    vocabulary = vocabulary_of(question, path)
    ids = ids_of(question, path, sample)
    return () if vocabulary is None else tuple(shown(vocabulary.symbol(number)) for number in ids)


def labels(symbols: Several[str], count: int) -> tuple[str, ...]:
    """The names of `count` steps: their numbers, and the symbols if there are any."""
    if not symbols:
        return tuple(map(str, range(count)))
    return tuple(f"{number} {symbol}" for number, symbol in enumerate(symbols))


def step_labels(question: Question, path: str, sample: int = 0) -> tuple[str, ...]:
    """The names of the steps of a layer ("": of the input as it is given); () if they have none.

    Their numbers and the tokens of the input, in the order in which an encoder reads them; of a decoder "fed→asked".
    """
    first = question.model.network.layers[0]
    if isinstance(first, Seq2Seq) and path and not path.partition("/")[2].startswith("encoder/"):
        symbols = _fed_and_asked(question, sample)
    else:
        symbols = symbols_at(question, path, sample)
        if not path and read_backwards(question, path):
            symbols = symbols[::-1]
    return labels(symbols, len(symbols)) if symbols else ()


def _fed_and_asked(question: Question, sample: int) -> tuple[str, ...]:
    vocabulary, fed = question.model.meta.target_vocabulary, question.fed
    assert vocabulary is not None and isinstance(fed, Ragged)
    own = [shown(vocabulary.symbol(number)) for number in (START, *fed.row(sample).tolist(), END)]
    return tuple(f"{before}→{after}" for before, after in itertools.pairwise(own))


def sample_name(question: Question, sample: int) -> str:
    """What a sample is called, on one line and not too long."""
    name = " ".join(question.need_samples().names[sample].split())
    return name if len(name) <= NAME else name[: NAME - 1] + "…"


def chosen_units(question: Question, layer: str, count: int) -> list[int]:
    """The units asked for, all by default. Raises TuinetError if the layer lacks one, or none is named."""
    if question.choice.units == ():
        raise TuinetError(f"no unit of {layer} is named", f"Units: 0 to {count - 1}.")
    return picked(question.choice.units, count, "unit", layer)


def chosen_step(question: Question, layer: str, count: int, sample: int) -> int | None:
    """The step asked for, None for all. Raises TuinetError if the sample has no such step."""
    step = question.choice.step
    if step is not None and not 0 <= step < count:
        name = sample_name(question, sample)
        raise TuinetError(f"{layer} has no step {step} for {name}", f"Steps: 0 to {count - 1}.")
    return step


def change(*pieces: Array) -> Array:
    """(U,) how much each unit changes from step to step, Σₜ |xₜ − xₜ₋₁| within each of the pieces (T, U)."""
    with np.errstate(all="ignore"):  # weights need not be finite
        sums = [np.abs(np.diff(piece, axis=0)).sum(axis=0, dtype=np.float64) for piece in pieces]
    return np.add.reduce(sums)


def ordered(question: Question, units: list[int], *pieces: Array) -> list[int]:
    """These units as they are numbered or, if asked, those that change most over all steps of the pieces first."""
    if question.choice.order != "change":
        return units
    amount = np.nan_to_num(change(*pieces)[units])
    return [units[place] for place in np.argsort(-amount, kind="stable").tolist()]


def matrix(
    name: str,
    data: Array,
    rows: tuple[str, ...],
    units: list[int],
    drawn: Drawn = PLAIN,
    step: int | None = None,
    axis: str = "step",
) -> View:
    """`data` (T, U) with these units alone, under their numbers; of one step, a vector of them."""
    across = Axis("unit", tuple(map(str, units)))
    cut = np.array(data[:, units])
    of = drawn.origin and msgspec.structs.replace(drawn.origin, units=tuple(units))
    if step is None:
        axes: tuple[Axis, ...] = (Axis(axis, rows), across)
        return View(name, "matrix", axes, cut, None, drawn.low, drawn.high, drawn.title, drawn.notes, origin=of)
    of = of and msgspec.structs.replace(of, step=step)
    title = f"{drawn.title}, {axis} {rows[step]}"
    return View(name, "vector", (across,), cut[step], None, drawn.low, drawn.high, title, drawn.notes, origin=of)
