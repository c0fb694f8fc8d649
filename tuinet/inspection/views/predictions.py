"""What a model says about some inputs, and what it says when something in it is switched off."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tuinet.data.vocabulary import Vocabulary
from tuinet.inspection.question import Node, Offer, Question, Samples
from tuinet.inspection.view import Axis, Cell, Origin, Seen, Table, View
from tuinet.inspection.views.score import class_name
from tuinet.inspection.views.step_answers import answers_of
from tuinet.inspection.words import counts
from tuinet.model.decoding import Search, decode
from tuinet.model.meta import Meta
from tuinet.model.model import Model
from tuinet.model.prediction import Prediction, not_a_number
from tuinet.model.signals import answers
from tuinet.nn.params import Array
from tuinet.nn.sequence import Ragged

LIKELIEST = 3
"""Classes that are named in words."""

CLASSES = 10
"""Classes whose probabilities are compared."""

SHOWN = 40
"""Most characters of a text in a table."""


class Said(NamedTuple):
    """One answer: to a sample, or to one step of it.

    sample       its name, and the step with its symbol where there are answers at every step
    truth        "" if nobody knows it
    probability  of what it says; None where the outputs are no probabilities
    """

    sample: str
    step: int | None
    symbol: str
    truth: str
    says: str
    probability: float | None


def answer(question: Question) -> tuple[Seen, ...]:
    """The outputs of each input: the probabilities of the classes, or the values; of a sequence with an answer at
    every step, or with one that is written, what it says in words."""
    meta = question.model.meta
    if meta.task not in ("classification", "regression"):
        return (_table(question),)
    prediction = question.model.interpret(np.array(answers(question.run.outputs)))
    return tuple(_scores(question, prediction, row) for row in range(len(prediction)))


def said(question: Question) -> list[Said]:
    """All answers, in the order of the samples."""
    task = question.model.meta.task
    if task == "seq2seq":
        return _written(question)
    if task in ("tagging", "next-symbol"):
        return _steps(question)
    prediction = question.model.interpret(np.array(answers(question.run.outputs)))
    names = question.need_samples().names
    found: list[Said] = []
    for row in range(len(prediction)):
        label = prediction.labels[row] if prediction.labels is not None else _values(prediction.scores[row])
        found.append(Said(names[row], None, "", truth_of(question, row), label, _probability(prediction, row)))
    return found


def effect(model: Model, off: Model, samples: Samples) -> Table:
    """What the model says with all on, and what `off`, a copy with something switched off, says.

    One input of a classifier: its likeliest classes with their probabilities. Else a row for each answer.
    """
    questions = Question(model, samples=samples), Question(off, samples=samples)
    before, after = (said(each) for each in questions)
    title = "with all on, and with something off"
    if len(before) == 1 and model.meta.task == "classification" and model.meta.coding.kind != "binary":
        return _by_class(questions, before[0], after[0], title)
    if model.meta.task == "regression":
        return _by_value(questions, samples, title)
    rows: list[tuple[Cell, ...]] = []
    for first, second in zip(before, after, strict=True):
        where = in_short(first.sample)
        if first.step is not None:
            where += f", step {first.step}" + (f" {first.symbol!r}" if first.symbol else "")
        rows.append((where, first.truth or None, first.says, first.probability, second.says, second.probability))
    changed = sum(first.says != second.says for first, second in zip(before, after, strict=True))
    columns = ("sample", "truth", "all on", "probability", "off", "probability off")
    notes = (f"{changed:,} of {counts(len(rows), 'answer')} changed",)
    return Table("effect", columns, tuple(rows), title, notes)


def names_of_answers(meta: Meta) -> tuple[str, ...]:
    """What each output of a class or a symbol is called."""
    return meta.labels or (meta.target_vocabulary.symbols if meta.target_vocabulary is not None else ())


def truth_of(question: Question, row: int) -> str:
    """What a sample's target is, in words; "" if nobody knows it."""
    targets = question.need_samples().targets
    return "" if targets is None else target_in_words(question.model.meta, targets, row)


def target_in_words(meta: Meta, targets: Array | Ragged, row: int) -> str:
    """A raw target: the name of a class, values, or a text."""
    if isinstance(targets, Ragged):
        return _decoded(meta.target_vocabulary, targets.row(row), meta)
    if meta.task == "classification":
        return class_name(meta.labels, int(targets[row]))
    return _values(np.atleast_1d(targets[row]))


def in_short(text: str) -> str:
    """At most so much of a text as a table has room for."""
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def _decoded(vocabulary: Vocabulary | None, ids: Array, meta: Meta) -> str:
    if vocabulary is None:
        return " ".join(class_name(meta.labels, number) for number in ids.tolist())
    return vocabulary.decode(ids.tolist())


def _scores(question: Question, prediction: Prediction, row: int) -> View:
    """The outputs of one sample as a vector, in the order of the classes. Raises TuinetError if one is not finite."""
    meta, scores = question.model.meta, prediction.scores[row]
    name, truth = question.need_samples().names[row], truth_of(question, row)
    if not np.isfinite(prediction.outputs[row]).all():
        raise not_a_number(name)
    there, origin = f", in truth {truth}" if truth else "", Origin("", "answer", row)
    if prediction.ids is None or prediction.labels is None:
        labels = meta.target_names or tuple(f"output {place}" for place in range(len(scores)))
        title = f"{name}: {_values(scores)}{there}"
        return View("answer", "vector", (Axis("value", labels),), scores, title=title, origin=origin)
    probable = meta.loss.activation in ("softmax", "sigmoid")
    low, high = (0.0, 1.0) if probable else (None, None)
    title = f"{name}: says {prediction.labels[row]}{_in_words(_probability(prediction, row))}{there}"
    if meta.coding.kind == "binary":
        outputs = (Axis("output", tuple(f"output {place}" for place in range(len(scores)))),)
        return View("answer", "vector", outputs, scores, low=low, high=high, title=title, origin=origin)
    ranking = prediction.ranking(LIKELIEST)[row].tolist()
    notes = tuple(f"{meta.labels[place]}: {scores[place]:.4g}" for place in ranking)
    return View("answer", "vector", (Axis("class", meta.labels),), scores, None, low, high, title, notes, origin=origin)


def _table(question: Question) -> Table:
    found = said(question)
    model = question.model
    if model.meta.task == "seq2seq":
        rows = tuple((in_short(each.sample), each.says, each.truth or None, each.probability) for each in found)
        return Table("answer", ("sample", "says", "truth", "probability"), rows, f"what {model.meta.name} writes")
    several = len(question.need_samples().inputs) > 1
    columns = ("step", "symbol", "says", "probability", "truth")
    rows = [(each.step, each.symbol, each.says, each.probability, each.truth or None) for each in found]
    if several:
        columns = ("sample", *columns)
        rows = [(in_short(each.sample), *row) for each, row in zip(found, rows, strict=True)]
    known = [each for each in found if each.truth]
    right = sum(each.truth == each.says for each in known)
    notes = (f"{right:,} of {counts(len(known), 'step')} right",) if known else ()
    what = "the tag of every step" if model.meta.task == "tagging" else "after every step, the likeliest next symbol"
    return Table("answer", columns, tuple(rows), what, notes)


def _steps(question: Question) -> list[Said]:
    """Tags, or the next symbols; each step as it stands in the sample."""
    meta, samples = question.model.meta, question.need_samples()
    names, targets = names_of_answers(meta), samples.targets
    found: list[Said] = []
    for row, sample in enumerate(samples.names):
        symbols = _symbols(meta, samples.inputs, row)
        own: Any = () if targets is None else targets.row(row) if isinstance(targets, Ragged) else targets[row]
        answers = answers_of(question, row, np.asarray(own).tolist())
        for step, (number, likely, true) in enumerate(zip(answers.says, answers.sure, answers.truth, strict=True)):
            truth = "" if true is None else names[true]
            found.append(Said(sample, step, symbols[step] if symbols else "", truth, names[number], likely))
    return found


def _symbols(meta: Meta, inputs: Array | Ragged, row: int) -> tuple[str, ...]:
    if meta.vocabulary is None:
        return ()
    ids: Any = inputs.row(row) if isinstance(inputs, Ragged) else inputs[row]
    return tuple(map(meta.vocabulary.symbol, ids.tolist()))


def _written(question: Question) -> list[Said]:
    """The greedy answers, with their probabilities P(y | x)."""
    model, samples = question.model, question.need_samples()
    vocabulary = model.meta.target_vocabulary
    assert vocabulary is not None
    found = decode(model, samples.inputs, Search())
    return [
        Said(
            samples.names[row],
            None,
            "",
            truth_of(question, row),
            vocabulary.decode(each.ids),
            float(np.exp(each.log_probability)),
        )
        for row, each in enumerate(found)
    ]


def _by_class(questions: tuple[Question, Question], before: Said, after: Said, title: str) -> Table:
    """The likeliest classes of both, the one that all on finds likeliest first."""
    both = [each.model.interpret(np.array(answers(each.run.outputs))) for each in questions]
    (first,), (second,) = (each.scores.tolist() for each in both)
    ranking = both[0].ranking(len(first))[0].tolist()
    shown = ranking[:CLASSES]
    if both[1].ranking(1)[0, 0] not in shown:
        shown[-1] = int(both[1].ranking(1)[0, 0])
    labels = questions[0].model.meta.labels
    rows = tuple((labels[place], first[place], second[place], second[place] - first[place]) for place in shown)
    notes = [
        f"{before.sample}{', in truth ' + before.truth if before.truth else ''}",
        f"says {before.says}{_in_words(before.probability)} with all on",
        f"says {after.says}{_in_words(after.probability)} off",
    ]
    if len(ranking) > len(shown):
        notes.append(f"{len(shown)} of {len(ranking):,} classes")
    return Table("effect", ("class", "all on", "off", "difference"), rows, title, tuple(notes))


def _by_value(questions: tuple[Question, Question], samples: Samples, title: str) -> Table:
    meta = questions[0].model.meta
    first, second = (each.model.interpret(np.array(answers(each.run.outputs))).scores for each in questions)
    names = meta.target_names or tuple(f"output {place}" for place in range(first.shape[1]))
    rows = tuple(
        (
            sample,
            value,
            float(first[row, place]),
            float(second[row, place]),
            float(second[row, place] - first[row, place]),
        )
        for row, sample in enumerate(samples.names)
        for place, value in enumerate(names)
    )
    return Table("effect", ("sample", "value", "all on", "off", "difference"), rows, title)


def _probability(prediction: Prediction, row: int) -> float | None:
    """Of what it says; None where scores are no probabilities of classes."""
    if prediction.ids is None or prediction.meta.loss.activation != "softmax":
        return None
    return float(prediction.scores[row, prediction.ids[row]])


def _in_words(probability: float | None) -> str:
    return "" if probability is None else f" ({probability:.4g})"


def _values(values: Array) -> str:
    return ", ".join(f"{value:.4g}" for value in values.tolist())


def _of_the_model(model: Model, node: Node | None) -> bool:
    return node is None


VIEWS: tuple[Offer, ...] = (
    Offer("answer", "what the model says: probabilities, values, tags, a text", "input", _of_the_model, answer),
)
