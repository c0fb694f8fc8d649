"""Where a model is wrong over a part of a data set: which classes it confuses, and its worst mistakes.

One pass of batches; memory does not grow with the part, but for one number a cell of the confusions that occur.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from tuinet.data.dataset import Indices, Split
from tuinet.data.encoding import encode_split
from tuinet.data.preparation import Scale
from tuinet.data.texts import Texts
from tuinet.errors import TuinetError
from tuinet.inspection.question import Node, Offer, Question, Samples
from tuinet.inspection.view import Axis, Cell, Seen, Table, View
from tuinet.inspection.views.predictions import in_short, names_of_answers, said, target_in_words
from tuinet.model.lengths import groups
from tuinet.model.meta import Meta
from tuinet.model.model import Model
from tuinet.model.prediction import decode
from tuinet.model.raw import checked
from tuinet.model.signals import answers, signals
from tuinet.nn.context import Arena, Context
from tuinet.nn.params import Array
from tuinet.nn.sequence import Ragged, Sequence

WORST = 12
"""Mistakes that are shown."""

MOST_CLASSES = 100
"""Up to so many classes are all shown; of more, `FEW_CLASSES`."""

FEW_CLASSES = 40
"""Of very many classes, those that take part in most mistakes."""

PAIRS = 5
"""Pairs of confused classes that are named in words."""


class Answered(NamedTuple):
    """A batch: B samples of the part, and the N answers that they were asked for (one each, or one a step).

    places  (B,) which samples of the part
    rows    (N,) to which of them each answer belongs
    ids     (N,) the class of each answer, None where there are no classes; truth (N,) that of its target
    losses  (N,)
    """

    places: Indices
    rows: Indices
    ids: Array | None
    truth: Array
    losses: Array


def answered(model: Model, split: Split) -> Iterator[Answered]:
    """The whole part, batch after batch; a decoder is fed the true symbols. Raises TuinetError if part and model do
    not fit each other, or there are no samples."""
    meta, dtype = model.meta, model.params.vector.dtype
    split = encode_split(checked(split, meta), meta.task, meta.vocabulary, meta.target_vocabulary, meta.window)
    if not len(split):
        raise TuinetError(f"there are no samples to ask {meta.name} about", "Take another part or other data.")
    classes = meta.task != "regression"
    if meta.task == "classification" and (split.targets.ndim != 1 or split.targets.dtype.kind not in "iu"):
        raise TuinetError(f"{meta.name} tells classes apart, but these data have real values as targets")
    ctx, every = Context(arena=Arena()), np.arange(len(split))
    for where in _batches(split, model.batch_size):
        ctx.restart((0, 0, 0))
        with np.errstate(all="ignore"):
            inputs, targets = signals(meta, *split.take(where), ctx, dtype)
            outputs, _ = model.network.forward(model.params, inputs, ctx)
            found = answers(outputs)
            coded = meta.coding.encode(targets, dtype)
            if meta.coding.kind != "ids" and coded.shape != found.shape:
                raise TuinetError(f"{coded.shape[1]} target values a sample, but the model gives {found.shape[1]}")
            losses = meta.loss.value(found, coded)
        places = every[where]
        rows = outputs.steps.samples if isinstance(outputs, Sequence) else np.arange(len(places))
        yield Answered(places, rows, decode(meta, found) if classes else None, targets, losses)


def _batches(split: Split, size: int) -> Iterator[Indices | slice]:
    if isinstance(split.inputs, Ragged):  # like lengths together
        return groups(split.take(slice(None))[0], size)
    return (slice(start, start + size) for start in range(0, len(split), size))


def confusion(question: Question) -> tuple[Seen, ...]:
    """How many samples (of tagging: steps) of each class the model takes for which. Row = truth, column = answer."""
    model = question.model
    names = names_of_answers(model.meta)
    classes = len(names)
    cells, counts = np.empty(0, np.int64), np.empty(0, np.int64)
    for batch in answered(model, question.need_part()):
        assert batch.ids is not None
        codes = batch.truth.astype(np.int64) * classes + batch.ids
        cells, place = np.unique(np.concatenate([cells, codes]), return_inverse=True)
        counts = np.bincount(place, np.concatenate([counts, np.ones(len(codes), np.int64)])).astype(np.int64)
    truth, said_ids = np.divmod(cells, classes)
    shown = _shown_classes(truth, said_ids, counts, classes)
    place_of = np.full(classes, -1)
    place_of[shown] = np.arange(len(shown))
    rows, columns = place_of[truth], place_of[said_ids]
    inside = (rows >= 0) & (columns >= 0)
    matrix = np.zeros((len(shown), len(shown)), np.int64)
    matrix[rows[inside], columns[inside]] = counts[inside]
    labels = tuple(names[place] for place in shown.tolist())
    axes = (Axis("truth", labels), Axis("answer", labels))
    notes = _confusion_notes(truth, said_ids, counts, names)
    if len(shown) < classes:
        notes = (*notes, f"shown: the {len(shown)} of {classes:,} classes with most mistakes")
    return (View("confusion", "matrix", axes, matrix, title="rows: the truth, columns: the answer", notes=notes),)


def _shown_classes(truth: Array, said_ids: Array, counts: Array, classes: int) -> Indices:
    if classes <= MOST_CLASSES:
        return np.arange(classes)
    wrong = truth != said_ids
    part = np.bincount(truth[wrong], counts[wrong], classes) + np.bincount(said_ids[wrong], counts[wrong], classes)
    return np.sort(np.argsort(-part, kind="stable")[:FEW_CLASSES])


def _confusion_notes(truth: Array, said_ids: Array, counts: Array, names: tuple[str, ...]) -> tuple[str, ...]:
    wrong, total = truth != said_ids, int(counts.sum())
    errors = int(counts[wrong].sum())
    notes = [f"accuracy {(total - errors) / total:.4g}: {total - errors:,} of {total:,} right, {errors:,} wrong"]
    order = np.argsort(-counts[wrong], kind="stable")[:PAIRS]
    pairs = zip(truth[wrong][order].tolist(), said_ids[wrong][order].tolist(), counts[wrong][order], strict=True)
    told = [f"{names[first]} taken for {names[second]} ({count:,})" for first, second, count in pairs]
    return (*notes, "most often: " + ", ".join(told)) if told else tuple(notes)


def mistakes(question: Question) -> tuple[Seen, ...]:
    """The wrong answers with the greatest loss, the worst first (of a regression, the greatest losses), with their
    pictures. Of sequences, the loss is the mean of their steps, fed the true symbols where the model writes."""
    model, split = question.model, question.need_part()
    meta = question.model.meta
    encoded = encode_split(checked(split, meta), meta.task, meta.vocabulary, meta.target_vocabulary)
    places, losses, wrong = _worst(model, encoded)
    columns = ("number", "truth", "says", "probability", "loss")
    count = f"{wrong:,} of {len(split):,} wrong" if meta.task != "regression" else "greatest losses"
    title = "the worst mistakes" if meta.task != "regression" else "the worst answers"
    if not len(places):
        return (Table("mistakes", columns, (), title, (f"no mistakes in {len(split):,} samples",)),)
    inputs, targets = encoded.take(places)
    names = tuple(map(str, places.tolist()))
    told = _told(model, Samples(inputs, targets, names))
    texts = _texts(meta, split, inputs, places)
    rows: list[tuple[Cell, ...]] = []
    for row, (says, probability) in enumerate(told):
        truth = target_in_words(meta, targets, row)
        cells = (int(places[row]), in_short(truth), in_short(says), probability, float(losses[row]))
        rows.append(cells if texts is None else (*cells, in_short(texts[row])))
    if texts is not None:
        columns = (*columns, "text")
    notes = [count, "numbers count the samples of the part from 0"]
    if meta.answers_steps:
        fed = ", fed the true symbols" if meta.task == "seq2seq" else ""
        notes.append(f"wrong: at one step at least{fed}; loss: the mean of the steps")
    table = Table("mistakes", columns, tuple(rows), title, tuple(notes))
    labels = tuple(f"{name}: {truth}, says {says}" for name, (_, truth, says, *_) in zip(names, rows, strict=True))
    return (table, *_pictures(meta, inputs, labels))


def _worst(model: Model, split: Split) -> tuple[Indices, Array, int]:
    """The places and losses of the worst samples, and how many are wrong. What is no number is worst of all."""
    places, losses, wrong_ones = np.empty(0, np.intp), np.empty(0), 0
    for batch in answered(model, split):
        count = len(batch.places)
        steps = np.bincount(batch.rows, minlength=count)
        mean = np.bincount(batch.rows, batch.losses, count) / steps
        mean[np.isnan(mean)] = np.inf
        missed = np.full(len(batch.rows), True) if batch.ids is None else batch.ids != batch.truth
        wrong = np.bincount(batch.rows, missed, count) > 0
        wrong_ones += int(wrong.sum())
        places = np.concatenate([places, batch.places[wrong]])
        losses = np.concatenate([losses, mean[wrong]])
        order = np.lexsort((places, -losses))[:WORST]
        places, losses = places[order], losses[order]
    return places, losses, wrong_ones


def _told(model: Model, samples: Samples) -> list[tuple[str, float | None]]:
    """What the model says of each sample, and how probable it finds it; of tags, of the least probable one."""
    found = said(Question(model, samples=samples))
    if model.meta.task != "tagging":
        return [(each.says, each.probability) for each in found]
    told: list[tuple[str, float | None]] = []
    for name in samples.names:
        own = [each for each in found if each.sample == name]
        likely = [each.probability for each in own if each.probability is not None]
        told.append((" ".join(each.says for each in own), min(likely, default=None)))
    return told


def _texts(meta: Meta, split: Split, inputs: Any, places: Indices) -> list[str] | None:
    """The texts of these samples, if they are any."""
    if meta.vocabulary is None:
        return None
    if isinstance(split.inputs, Texts):
        return list(split.take(places)[0])
    return [meta.vocabulary.decode(inputs.row(row).tolist()) for row in range(len(places))]


def _pictures(meta: Meta, inputs: Any, labels: tuple[str, ...]) -> tuple[View, ...]:
    """The raw images side by side; none of sequences, each of which would be several."""
    shape = meta.input_shape
    if shape.sequence or shape.axes != ("row", "column", "channel") or shape.sizes[2] not in (1, 3):
        return ()
    images = np.array(inputs).reshape(len(inputs), *shape.sizes)
    high = next((step.divisor for step in meta.preparation if isinstance(step, Scale)), None)
    axes = (Axis("item", labels), Axis("row"), Axis("column"), Axis("channel"))
    return (View("mistakes", "images", axes, images, low=0.0, high=high, title="the worst mistakes"),)


def _has_confusion(model: Model, node: Node | None) -> bool:
    return node is None and model.meta.task in ("classification", "tagging")


def _has_mistakes(model: Model, node: Node | None) -> bool:
    return node is None and model.meta.task != "next-symbol"


VIEWS: tuple[Offer, ...] = (
    Offer("confusion", "which classes are taken for which", "data", _has_confusion, confusion),
    Offer("mistakes", "the worst mistakes by their loss, with pictures or texts", "data", _has_mistakes, mistakes),
)
