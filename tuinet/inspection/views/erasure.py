"""Leaving out one symbol of a text at a time: what a model then says, and how sure it still is of what it said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np

from tuinet.data.dataset import Indices
from tuinet.data.vocabulary import UNKNOWN
from tuinet.errors import TuinetError
from tuinet.inspection.question import Node, Offer, Question
from tuinet.inspection.view import Cell, Seen, Table
from tuinet.inspection.views.pictures import about, over_input
from tuinet.inspection.views.score import (
    Answer,
    Score,
    before_end,
    chosen,
    each,
    log_probability,
    says,
    unit_names,
    weights,
)
from tuinet.model.decoding import Search, decode
from tuinet.model.lengths import groups
from tuinet.model.model import Model
from tuinet.model.signals import fed_and_asked, inputs_of
from tuinet.nn.context import Arena, Context
from tuinet.nn.network import Sequential
from tuinet.nn.params import Array
from tuinet.nn.seq2seq import Pair
from tuinet.nn.sequence import Ragged, Sequence, Steps, pack

MOST_STEPS = 160_000
"""Most steps of all the texts with something left out: 400 texts of 400 symbols. Of longer texts, neighbours are left
out together."""


def leave_one_out(question: Question) -> tuple[Seen, ...]:
    """log P(answer | text) − log P(answer | text without a symbol), for each symbol in turn; and what is said then.

    The answer is that to the whole text: a class, the next symbol (to the text up to the step named), a tag (of the
    step named, else the first), or all that was written (or the symbol of the step named). Where tags are given, steps
    must stay, so a symbol is replaced by `<unk>` and not taken out. Outputs that are no probabilities are compared as
    they are. Li, Monroe & Jurafsky, "Understanding neural networks through representation erasure" (2016).
    It is looked at as it predicts, without masks. Raises TuinetError as `chosen`, and if a text has but one symbol.
    """
    return tuple(
        chain.from_iterable(_leave_one_out(question, answer) for answer in each(replace(question, masks=None)))
    )


def _leave_one_out(question: Question, answer: Answer) -> Iterator[Seen]:
    model, choice = answer.model, question.choice
    task = model.meta.task
    scores = chosen(answer, choice)
    if task == "tagging":
        scores = scores[: 1 if choice.units is None else len(choice.units)]
    assert isinstance(answer.raw, Ragged)
    ids, tokens = answer.raw.row(0), answer.tokens
    if task == "next-symbol":
        ids, tokens = ids[: scores[0].step + 1], tokens[: scores[0].step + 1]
    if len(ids) < 2:
        raise TuinetError(f"{answer.name}: of one symbol, none can be left out", "Take a longer text.")
    together = -(-len(ids) * len(ids) // MOST_STEPS)
    spans = [slice(start, min(len(ids), start + together)) for start in range(0, len(ids), together)]
    texts = _without(ids, spans, task == "tagging")
    whole, _ = _asked(answer, scores, Ragged.of([ids]))
    left, said = _asked(answer, scores, texts)
    drops = whole - left  # (K, variants)
    what = "score" if log_probability(model, answer.net[:1], scores[0].unit) is None else "log-probability"
    gone = "replaced by <unk>" if task == "tagging" else "left out"
    notes = [f"{together} neighbours at a time"] if together > 1 else []
    heads = [score.name for score in scores]
    if task == "seq2seq" and choice.step is None and choice.units is None:
        drops, heads = drops.sum(axis=0, keepdims=True), ["the answer"]
        text = _text(model, [score.unit for score in scores])
        notes.append(f"{answer.name}: answer {text}, {what} {whole.sum():.4g}")
        said = [_text(model, found.ids) for found in decode(model, texts, Search())]
    else:
        notes += [about(answer, score) for score in scores]
    title = f"how far the {what} of the answer falls with each symbol {gone}"
    sizes = [span.stop - span.start for span in spans]
    of_symbols = over_input(
        "leave-one-out", title, answer, scores[: len(drops)], drops.repeat(sizes, axis=1), tuple(notes), tokens
    )
    rows: list[tuple[Cell, ...]] = []
    for at, span in enumerate(spans):
        rows.append((span.start, _shown(model, tokens[span]), *drops[:, at].tolist(), said[at]))
    columns = ("step", gone, *[f"{head}: {what} falls by" for head in heads], "then says")
    yield of_symbols
    yield Table("leave-one-out", columns, tuple(rows), title)


def _without(ids: Array, spans: list[slice], replaced: bool) -> Ragged:
    """The text once for each span, without it."""
    texts: list[Array] = []
    for span in spans:
        left = ids.copy()
        left[span] = UNKNOWN
        texts.append(left if replaced else np.delete(ids, span))
    return Ragged.of(texts, ids.dtype)


def _asked(answer: Answer, scores: tuple[Score, ...], texts: Ragged) -> tuple[Array, list[str]]:
    """(K, N) log P of each of K answers given each text, or the scores, where there are no probabilities; and what the
    model says to each text at the step of the first."""
    model, ctx, names = answer.model, Context(arena=Arena()), unit_names(answer.model)
    network = Sequential(model.network.layers[: before_end(model)])
    found, said = np.empty((len(scores), len(texts))), np.empty(len(texts), np.intp)
    for places in groups(texts, model.batch_size):
        ctx.restart((0, 0, 0))
        signal: Any = inputs_of(model.meta, texts[places], ctx, model.params.vector.dtype)
        if answer.fed is not None:
            start, _ = fed_and_asked(answer.fed)
            signal = Pair(signal, pack(start[np.zeros(len(signal.steps), np.intp)]))
        with np.errstate(all="ignore"):
            net, _ = network.forward(model.params, signal, ctx)
        for own, score in enumerate(scores):
            rows = net.values[_rows(model, net.steps, score.step)] if isinstance(net, Sequence) else net
            found[own, places] = _measured(model, rows, score.unit)
            if own == 0:
                said[places] = says(model, rows)
    return found, [names[unit] for unit in said.tolist()]


def _rows(model: Model, steps: Steps, step: int) -> Indices:
    """The row of each sample at that step; of a text that goes on, at its last."""
    if model.meta.task == "next-symbol":
        return steps.last
    return np.array([steps.row(sample, step) for sample in range(len(steps))])


def _measured(model: Model, net: Array, unit: int) -> Array:
    log_p = log_probability(model, net, unit)
    return net @ weights(model, unit) if log_p is None else log_p


def _shown(model: Model, tokens: tuple[str, ...]) -> str:
    vocabulary = model.meta.vocabulary
    assert vocabulary is not None
    return vocabulary.tokens.join(tokens)


def _text(model: Model, ids: list[int]) -> str:
    """The symbols of an answer, without the end."""
    vocabulary = model.meta.target_vocabulary
    assert vocabulary is not None
    return vocabulary.decode(ids)


def _reads(model: Model, node: Node | None) -> bool:
    return node is None and model.meta.vocabulary is not None and model.meta.input_shape.kind == "id"


VIEWS: tuple[Offer, ...] = (
    Offer(
        "leave-one-out",
        "what is said with each symbol of the text left out",
        "input",
        _reads,
        leave_one_out,
        ("units", "step", "decoder"),
    ),
)
