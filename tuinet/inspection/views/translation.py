"""A model that writes, from reading to writing: encoder, context and decoder in one list, what was fed, what came out
and how surely; fed the target (teacher forcing), fed its own answer (free running), or both, and where they part."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from tuinet.data.vocabulary import END
from tuinet.errors import TuinetError
from tuinet.inspection import steps
from tuinet.inspection.passes import Place
from tuinet.inspection.question import Node, Offer, Question
from tuinet.inspection.steps import Drawn
from tuinet.inspection.view import Origin, Seen, Table, View
from tuinet.inspection.views.gates import FED, TURNED, Gate, Way, ends, gate_values, gates_of, named_gates, told, ways
from tuinet.inspection.views.step_answers import WRONG, Answers, answers_of
from tuinet.model.model import Model
from tuinet.nn.params import Array
from tuinet.nn.recurrent import OverTime
from tuinet.nn.seq2seq import Seq2Seq
from tuinet.nn.sequence import Ragged


class Written(NamedTuple):
    """One way of feeding the decoder for one sample: the symbols fed at its T steps, and the answers there.

    way    "forced" or "free"
    parts  the first step at which it does not say what was asked for; None if there is none, or nobody knows
    """

    way: Way
    question: Question
    fed: tuple[int, ...]
    answers: Answers
    parts: int | None

    @property
    def marks(self) -> tuple[bool, ...]:
        """The steps at which it is wrong; fed its own answer, the first alone: behind it, the places are shifted."""
        if self.way == "free":
            return tuple(step == self.parts for step in range(len(self.fed)))
        return self.answers.wrong


class Piece(NamedTuple):
    """A gate of the layer at `path` over steps, or a state in which it begins: data (T, U) with a name for each row.

    suffix  tells two ways of feeding the same layer apart
    said    what the title says besides
    origin  of which value it is; None for a state that a dense bridge made
    """

    path: str
    gate: Gate
    data: Array
    rows: tuple[str, ...]
    suffix: str = ""
    said: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    axis: str = "step"
    origin: Origin | None = None


def translation(question: Question) -> tuple[Seen, ...]:
    """For each sample: a table of what was fed and written for each way of feeding, then the chosen gate (or, where
    none is chosen, the cell or else the hidden state) of each recurrent layer of the encoder, the states in which the
    decoder begins, and the same gate of the decoder. With a step, that step of the decoder alone."""
    asked = ways(question)
    found: list[Seen] = []
    for sample in range(len(question.need_samples().names)):
        runs = [written(one, sample, way) for way, one in asked]
        said = _said(runs)
        for run in runs:
            found.append(_table(run, sample, f"/{run.way}" if len(runs) > 1 else "", said))
        for group in _groups(runs, sample):
            found += _views(question, group, sample)
    return tuple(found)


def written(question: Question, sample: int, way: Way) -> Written:
    """What the decoder says at each step of a sample. Fed its own answer, it says what it is fed next."""
    targets, fed = question.need_samples().targets, question.fed
    assert isinstance(fed, Ragged)
    (name, *_) = question.run.places
    given = steps.ids_of(question, f"{name}/decoder", sample)
    truth = [*targets.row(sample).tolist(), END] if isinstance(targets, Ragged) else []
    answers = answers_of(question, sample, truth, given[1:] if way == "free" else ())
    return Written(way, question, tuple(given), answers, parting(answers.says, truth) if truth else None)


def parting(says: tuple[int, ...], truth: list[int]) -> int | None:
    """The first step at which what is said is not what was asked for, None if there is none."""
    for step, (said, true) in enumerate(zip(says, truth, strict=False)):
        if said != true:
            return step
    return None if len(says) >= len(truth) else len(says)


def _said(runs: list[Written]) -> tuple[str, ...]:
    """Where the free run leaves the target, in words."""
    free = runs[-1]
    if free.way != "free" or all(true is None for true in free.answers.truth):
        return ()
    if free.parts is None:
        return ("its own answer is the target: both ways are the same",)
    step, vocabulary = free.parts, steps.vocabulary_of(free.question, "decoder")
    assert vocabulary is not None
    if step >= len(free.fed):
        return (f"its own answer is the target as far as it goes, and is cut off at step {step - 1}",)
    said, true = free.answers.says[step], free.answers.truth[step]
    assert true is not None
    told = f"its own answer leaves the target at step {step}: it says {steps.shown(vocabulary.symbol(said))}"
    return (f"{told} ({free.answers.sure[step]:.2f}), asked for was {steps.shown(vocabulary.symbol(true))}",)


def _table(run: Written, sample: int, suffix: str, said: tuple[str, ...]) -> Table:
    question, answers = run.question, run.answers
    vocabulary = steps.vocabulary_of(question, "decoder")
    assert vocabulary is not None

    def name(number: int | None) -> str | None:
        return None if number is None else steps.shown(vocabulary.symbol(number))

    rows = [
        (step, name(fed), name(says), sure, name(true), of_truth, WRONG if mark else "")
        for step, (fed, mark, says, sure, true, of_truth) in enumerate(zip(run.fed, run.marks, *answers, strict=True))
    ]
    step = steps.chosen_step(question, "the decoder", len(rows), sample)
    notes = [f"it writes: {vocabulary.decode(answers.says) or 'nothing'}"] if run.way == "free" else []
    if run.way == "free" and answers.says[-1] != END:
        notes.append(f"cut off behind {len(run.fed) - 1:,} symbols: it had not come to an end")
    known = [part for part in answers.of_truth if part is not None]
    if run.way == "forced" and known:
        right = len(known) - sum(answers.wrong)
        chance = float(np.prod(known, dtype=np.float64))
        notes.append(f"{right:,} of {len(known):,} right; probability of the whole target {chance:.3g}")
    columns = ("step", "fed", "says", "p", "truth", "p of it", "wrong")
    title = f"what the decoder says, {FED[run.way]} · {steps.sample_name(question, sample)}"
    return Table(
        f"translation{suffix}", columns, tuple(rows if step is None else rows[step : step + 1]), title, (*notes, *said)
    )


# ── the gates ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _groups(runs: list[Written], sample: int) -> Iterator[list[Piece]]:
    """Pieces whose units are the same ones, in the order of reading and writing: with copied states, a layer of the
    encoder, its context and its layer of the decoder; else those of an encoder's layer and those of a decoder's."""
    question = runs[0].question
    places = question.run.places
    (name, *_) = places
    layer = places[name].layer
    assert isinstance(layer, Seq2Seq)
    chosen = question.choice.gate
    ahead, back = ([place for place in places.values() if _is_part(place, name, part)] for part in _PARTS)
    if chosen is not None and not any(_asked(place, chosen) for place in (*ahead, *back)):
        names = dict.fromkeys(gate.name for place in (*ahead, *back) for gate in _known(place))
        raise TuinetError(f"{name} has no gate {chosen!r}", f"Gates: {', '.join(names)}")
    copied = ahead if layer.bridge == "copy" else [None] * len(back)
    reading = [list(_encoder(question, place, sample)) for place in ahead]
    writing = [
        [*_context(question, place, sample, other), *_decoder(runs, place, sample)]
        for place, other in zip(back, copied, strict=True)
    ]
    if layer.bridge == "copy":
        yield from ([*one, *other] for one, other in zip(reading, writing, strict=True))
    else:  # also the directions of a bidirectional layer have units of their own
        yield from ([piece] for pieces in reading for piece in pieces)
        yield from writing


_PARTS = ("encoder", "decoder")


def _is_part(place: Place, name: str, part: str) -> bool:
    return place.path.startswith(f"{name}/{part}/") and isinstance(place.layer, OverTime)


def _asked(place: Place, chosen: str | None) -> tuple[Gate, ...]:
    known = _known(place)
    return named_gates(known, chosen) if chosen else named_gates(known, "cell") or named_gates(known, "hidden")


def _known(place: Place) -> tuple[Gate, ...]:
    """The gates with a value for each unit: a Clockwork layer's ticks have a view of their own."""
    return tuple(gate for gate in gates_of(place.layer) if not gate.key.endswith("ticked"))


def _encoder(question: Question, place: Place, sample: int) -> Iterator[Piece]:
    symbols = steps.symbols_at(question, place.path, sample)
    said = ("the source is read from its end",) if steps.read_backwards(question, place.path) else ()
    for gate in _asked(place, question.choice.gate):
        data = gate_values(place, gate, sample)
        notes = (TURNED,) if gate.backward else ()
        origin = Origin(place.path, gate.key, sample, called=gate.name)
        yield Piece(place.path, gate, data, steps.labels(symbols, len(data)), "", said, notes, origin=origin)


def _context(question: Question, place: Place, sample: int, copied: Place | None) -> Iterator[Piece]:
    """The state in which a layer of the decoder begins, where the gate is one: that with which the layer of the encoder
    ended from which it is `copied`."""
    layer = place.layer
    assert isinstance(layer, OverTime) and place.first is not None
    state = dict(zip(layer.state_sizes(), place.first, strict=True))
    for gate in _asked(place, question.choice.gate):
        if gate.name in state:
            path = place.path.replace("/decoder/", "/context/", 1)
            origin = None
            if copied is not None:
                last = int(copied.y.steps.lengths[sample]) - 1
                origin = Origin(copied.path, gate.key, sample, step=last, at=(), called=gate.name)
            data = state[gate.name][sample : sample + 1]
            yield Piece(path, gate, data, ("context",), axis="state", origin=origin)


def _decoder(runs: list[Written], place: Place, sample: int) -> Iterator[Piece]:
    for gate in _asked(place, runs[0].question.choice.gate):
        for run in runs:
            data = gate_values(run.question.run.places[place.path], gate, sample)
            suffix = f"/{run.way}" if len(runs) > 1 else ""
            origin = Origin(place.path, gate.key, sample, decoder=run.way or None, called=gate.name)
            yield Piece(place.path, gate, data, _rows(run), suffix, (FED[run.way],), origin=origin)


def _rows(run: Written) -> tuple[str, ...]:
    """`1 TH→AO 0.81 ✗`: the step, what was fed, what came out, how surely, and whether it is wrong."""
    vocabulary = steps.vocabulary_of(run.question, "decoder")
    assert vocabulary is not None
    found: list[str] = []
    for step, (fed, says, sure, mark) in enumerate(
        zip(run.fed, run.answers.says, run.answers.sure, run.marks, strict=True)
    ):
        symbols = "→".join(steps.shown(vocabulary.symbol(number)) for number in (fed, says))
        found.append(f"{step} {symbols} {sure:.2f}" + f" {WRONG}" * mark)
    return tuple(found)


def _views(question: Question, group: list[Piece], sample: int) -> Iterator[View]:
    """The pieces of one group, their units in one order."""
    for piece in group:
        if question.choice.step is not None and not steps.is_decoder(piece.path):
            continue
        step = steps.chosen_step(question, piece.path, len(piece.data), sample)
        units = steps.chosen_units(question, piece.path, piece.data.shape[1])
        units = steps.ordered(question, units, *(other.data for other in group))
        seen = slice(None) if step is None else slice(step, step + 1)
        notes = (*piece.notes, *told(piece.gate, piece.data[seen][:, units], piece.rows[seen], units))
        title = " · ".join((f"{piece.gate.about} of {piece.path}", steps.sample_name(question, sample), *piece.said))
        drawn = Drawn(*ends(piece.gate, piece.data), title, notes, piece.origin)
        name = f"{piece.path}/{piece.gate.name}{piece.suffix}"
        yield steps.matrix(name, piece.data, piece.rows, units, drawn, step, piece.axis)


def _fits(model: Model, node: Node | None) -> bool:
    return model.meta.task == "seq2seq" and (node is None or isinstance(node.layer, Seq2Seq))


VIEWS = (
    Offer(
        "translation",
        "encoder, context and decoder, what was fed and what was written",
        "input",
        _fits,
        translation,
        ("units", "step", "gate", "order", "masks", "decoder"),
    ),
)
