"""What a model with an answer at every step says there, and how sure it is: what is written, what comes next, tags."""

from __future__ import annotations

from collections.abc import Sequence as Several
from typing import Any, NamedTuple

import numpy as np

from tuinet.inspection import steps
from tuinet.inspection.question import Node, Offer, Question
from tuinet.inspection.view import Cell, Table
from tuinet.inspection.views.score import class_name, never_written, unit_names
from tuinet.model.decoding import log_probabilities
from tuinet.model.model import Model
from tuinet.nn.params import Array

WRONG = "✗"
"""What marks an answer that is not the one asked for."""


class Answers(NamedTuple):
    """What was said at the T steps of one sample, as numbers of classes or symbols.

    says       the likeliest answer, and its probability
    truth      what was asked for, None where nobody knows, and the probability that the model gave it

    Probabilities are None where the scores stand for none. A model that translates always has some: it writes by the
    softmax of its scores, whatever it learnt them by.
    """

    says: tuple[int, ...]
    sure: tuple[float | None, ...]
    truth: tuple[int | None, ...]
    of_truth: tuple[float | None, ...]

    @property
    def wrong(self) -> tuple[bool, ...]:
        return tuple(true is not None and true != said for said, true in zip(self.says, self.truth, strict=True))


def answers_of(
    question: Question, sample: int, truth: Several[int | None] = (), said: Several[int] | None = None
) -> Answers:
    """The answers at the steps of a sample. `truth` is as long as is known; `said`: what was written in place of the
    likeliest at the first steps. Raises TuinetError if the scores are not numbers, or a class is not the model's."""
    meta = question.model.meta
    with np.errstate(all="ignore"):
        scores = log_probabilities(steps.of_sample(question.run.outputs, sample), never_written(meta))  # (T, V)
    says: list[int] = scores.argmax(axis=1).tolist()
    says[: len(said or ())] = said or ()
    known = (*truth, *[None] * len(says))[: len(says)]
    names = unit_names(question.model)
    for true in known:
        if true is not None:
            class_name(names, true)
    probable = meta.loss.activation == "softmax" or meta.task == "seq2seq"
    chances = np.exp(scores) if probable else None
    return Answers(tuple(says), _at(chances, says), known, _at(chances, known))


def _at(chances: Array | None, ids: Several[int | None]) -> tuple[float | None, ...]:
    """The probability (T, V) of one answer a step."""
    if chances is None:
        return (None,) * len(ids)
    return tuple(None if number is None else float(chances[step, number]) for step, number in enumerate(ids))


def next_symbols(question: Question) -> tuple[Table, ...]:
    """What a language model expects behind every symbol of a text, beside what comes."""
    asked = question.need_samples()
    vocabulary = question.model.meta.target_vocabulary
    assert vocabulary is not None
    found: list[Table] = []
    for sample in range(len(asked.names)):
        ids = steps.ids_of(question, "", sample)
        truth = ids[1:] if asked.targets is None else _row(asked.targets, sample)
        answers = answers_of(question, sample, truth)
        never = never_written(question.model.meta)
        bits = [
            None if part is None or true in never else _bits(part)
            for true, part in zip(answers.truth, answers.of_truth, strict=True)
        ]
        rows = [
            (step, _name(vocabulary.symbols, read), *cells, bit)
            for step, (read, cells, bit) in enumerate(zip(ids, _cells(answers, vocabulary.symbols), bits, strict=True))
        ]
        columns = ("step", "reads", "expects", "p", "comes", "p of it", "wrong", "bits")
        notes = _surprise(answers, bits, sum(true in never for true in answers.truth))
        title = f"what comes next · {steps.sample_name(question, sample)}"
        found.append(Table("next-symbols", columns, _picked(question, "", rows, sample), title, notes))
    return tuple(found)


def tags(question: Question) -> tuple[Table, ...]:
    """The tag of every step, its probability, and the one asked for where it is known."""
    asked, meta = question.need_samples(), question.model.meta
    names = meta.labels if meta.target_vocabulary is None else meta.target_vocabulary.symbols
    found: list[Table] = []
    for sample in range(len(asked.names)):
        answers = answers_of(question, sample, () if asked.targets is None else _row(asked.targets, sample))
        symbols = steps.symbols_at(question, "", sample) or ("",) * len(answers.says)
        rows = [
            (step, read, *cells) for step, (read, cells) in enumerate(zip(symbols, _cells(answers, names), strict=True))
        ]
        columns = ("step", "symbol", "tag", "p", "truth", "p of it", "wrong")
        notes = () if asked.targets is None else (f"{_right(answers)} right",)
        title = f"tags · {steps.sample_name(question, sample)}"
        found.append(Table("tags", columns, _picked(question, "", rows, sample), title, notes))
    return tuple(found)


def _cells(answers: Answers, names: Several[str]) -> list[tuple[Cell, ...]]:
    """For each step: what is said, how surely, what is true, its probability, and the mark of a mistake."""
    return [
        (
            _name(names, said),
            sure,
            None if true is None else _name(names, true),
            of_truth,
            WRONG if wrong else "",
        )
        for said, sure, true, of_truth, wrong in zip(*answers, answers.wrong, strict=True)
    ]


def _name(names: Several[str], number: int) -> str:
    return steps.shown(names[number])


def _row(targets: Any, sample: int) -> list[int]:
    row = targets.row(sample) if hasattr(targets, "row") else targets[sample]
    return np.asarray(row).tolist()


def _bits(chance: float) -> float:
    return float(-np.log2(chance)) if chance > 0 else float("inf")


def _surprise(answers: Answers, bits: list[float | None], left_out: int) -> tuple[str, ...]:
    """How much was expected, and how well on average; what is never written has no bits, and is only counted."""
    if all(true is None for true in answers.truth):
        return ()
    known = [bit for bit in bits if bit is not None]
    mean = f"; mean {np.mean(known):.2f} bits a symbol" if known else ""
    without = f", without {left_out:,} that the model never writes" if left_out else ""
    return (f"{_right(answers)} expected{mean}{without}",)


def _right(answers: Answers) -> str:
    known = [wrong for wrong, true in zip(answers.wrong, answers.truth, strict=True) if true is not None]
    return f"{len(known) - sum(known):,} of {len(known):,}"


def _picked(question: Question, path: str, rows: list[Any], sample: int) -> tuple[Any, ...]:
    step = steps.chosen_step(question, path or question.model.meta.name, len(rows), sample)
    return tuple(rows) if step is None else (rows[step],)


def _goes_on(model: Model, node: Node | None) -> bool:
    return node is None and model.meta.task == "next-symbol"


def _tags(model: Model, node: Node | None) -> bool:
    return node is None and model.meta.task == "tagging"


VIEWS = (
    Offer(
        "next-symbols", "what is expected behind every symbol of a text", "input", _goes_on, next_symbols, ("masks",)
    ),
    Offer("tags", "the tag of every step and its probability", "input", _tags, tags, ("masks",)),
)
