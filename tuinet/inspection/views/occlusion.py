"""What a model says when a part of the input is gone: a patch of an image, a column of a table, a symbol of a text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np

from tuinet.data.dataset import Indices
from tuinet.data.preparation import Standardize
from tuinet.inspection.passes import source_of
from tuinet.inspection.question import Node, Offer, Question
from tuinet.inspection.view import Seen
from tuinet.inspection.views.pictures import about, columns_of, input_view, is_image, is_row, over_input
from tuinet.inspection.views.score import (
    Answer,
    Score,
    before_end,
    chosen,
    each,
    first_layer,
    log_probability,
    says,
    unit_names,
    weights,
)
from tuinet.model.model import Model
from tuinet.model.signals import fed_and_asked
from tuinet.nn.context import Arena, Context
from tuinet.nn.network import Sequential
from tuinet.nn.params import Array
from tuinet.nn.seq2seq import Pair
from tuinet.nn.sequence import Ragged, Sequence, pack

MOST_PLACES = 64
"""Most places of a patch along a side: on larger images it moves by several cells."""


def occlusion(question: Question) -> tuple[Seen, ...]:
    """How far the score falls when a part of the input is covered: s(x) − s(x without it).

    Of an image, a patch is put around every cell (around every second … of sides above 64): `patch_side` cells wide,
    cut off where it leaves the image, filled with the background: the median of the outermost rows and columns of this
    image, channel by channel. Zeiler & Fergus, "Visualizing and understanding convolutional networks" (2014).
    Of a row, each column is set to 0 in turn: where inputs are standardised, that is the training mean.
    It is looked at as it predicts, without masks. Raises TuinetError as `chosen`.
    """
    make = _image if is_image(question.model) else _row
    return tuple(chain.from_iterable(make(question, answer) for answer in each(replace(question, masks=None))))


def _image(question: Question, answer: Answer) -> Iterator[Seen]:
    image = _prepared(answer)  # (H, W, C)
    scores = chosen(answer, question.choice)
    fill = background(image)
    spans = [_spans(cells) for cells in image.shape[:2]]

    def covered(places: Indices) -> Array:
        batch = np.repeat(image[np.newaxis], len(places), axis=0)
        for row, place in enumerate(places.tolist()):
            i, j = divmod(place, len(spans[1]))
            batch[row, spans[0][i], spans[1][j]] = fill
        return batch

    drops, worst = _drops(answer, scores, covered, len(spans[0]) * len(spans[1]))
    strides = [stride_of(cells) for cells in image.shape[:2]]
    maps = drops.reshape(len(scores), len(spans[0]), len(spans[1]))
    for axis, (cells, stride) in enumerate(zip(image.shape[:2], strides, strict=True)):
        maps = np.take(maps, np.minimum(np.arange(cells) // stride, len(spans[axis]) - 1), axis + 1)  # the next place
    height, width = (patch_side(cells) for cells in image.shape[:2])
    values = ", ".join(f"{value:.3g}" for value in fill.tolist())
    notes = [f"patches of {height}×{width} filled with the background, {values}"]
    if max(strides) > 1:
        notes.append(f"moved by {strides[0]} rows and {strides[1]} columns at a time")
    notes += _most(
        answer, scores, drops, worst, lambda place: "row {}, column {}".format(*_cell(place, spans, strides))
    )
    yield from input_view(answer)
    title = "how far the score falls with a patch around each cell"
    yield over_input("occlusion", title, answer, scores, maps, tuple(notes))


def _row(question: Question, answer: Answer) -> Iterator[Seen]:
    row = _prepared(answer)  # (P,)
    scores = chosen(answer, question.choice)
    columns = columns_of(answer.model)

    def covered(places: Indices) -> Array:
        batch = np.repeat(row[np.newaxis], len(places), axis=0)
        for own, place in enumerate(places.tolist()):
            batch[own, columns[place][1]] = 0
        return batch

    drops, worst = _drops(answer, scores, covered, len(columns))
    standard = any(isinstance(step, Standardize) for step in answer.model.meta.preparation)
    notes = [f"each column in turn at {'its mean in training' if standard else '0'}"]
    notes += _most(answer, scores, drops, worst, lambda place: columns[place][0])
    yield from input_view(answer)
    title = "how far the score falls without each column"
    yield over_input("occlusion", title, answer, scores, drops, tuple(notes))


def patch_side(cells: int) -> int:
    """How wide a patch is on an image of so many cells: about a fifth, odd so that it has a middle, at least 3."""
    return max(3, cells // 5 | 1)


def background(image: Array) -> Array:
    """(C,) of (H, W, C): the median of the outermost rows and columns, channel by channel."""
    rim = np.concatenate([image[0], image[-1], image[1:-1, 0], image[1:-1, -1]])
    return np.median(rim, axis=0).astype(image.dtype)


def run_prepared(model: Model, inputs: Array, fed: Ragged | None = None, ctx: Context | None = None) -> Array:
    """(B, T, S) what the network gives before an activation at its end for prepared images or rows (B, …), at each of
    the T steps of the answer. A decoder is fed `fed`, one target, for all of them."""
    ctx = ctx or Context()
    signal: Any = inputs
    if fed is not None:
        start, _ = fed_and_asked(fed)
        signal = Pair(inputs, pack(start[np.zeros(len(inputs), np.intp)]))
    with np.errstate(all="ignore"):
        net, _ = Sequential(model.network.layers[: before_end(model)]).forward(model.params, signal, ctx)
    if isinstance(net, Sequence):  # all answers are of one length: packed step by step
        return net.values.reshape(len(net.steps.counts), len(inputs), -1).swapaxes(0, 1).copy()
    return net[:, np.newaxis].copy()


def _prepared(answer: Answer) -> Array:
    return source_of(answer.run.places[first_layer(answer.model)].x)[0]


def _drops(
    answer: Answer, scores: tuple[Score, ...], covered: Callable[[Indices], Array], count: int
) -> tuple[Array, Array]:
    """(K, count) s(x) − s(covered(place)) in float64; and (K, S) what the network gives at the step of each score where
    that fell furthest. As many places at a time as suit the model: of all of them at once, its answers could fill the
    memory."""
    model, ctx = answer.model, Context(arena=Arena())
    (whole,) = run_prepared(model, _prepared(answer)[np.newaxis], answer.fed)  # (T, S)
    drops = np.empty((len(scores), count))
    worst = np.empty((len(scores), whole.shape[1]), whole.dtype)
    of_units = [weights(model, score.unit).astype(np.float64) for score in scores]
    for start in range(0, count, model.batch_size):
        ctx.restart((0, 0, 0))
        places = np.arange(start, min(count, start + model.batch_size))
        nets = run_prepared(model, covered(places), answer.fed, ctx)  # (B, T, S)
        for own, (score, w) in enumerate(zip(scores, of_units, strict=True)):
            drops[own, places] = whole[score.step] @ w - nets[:, score.step] @ w
            furthest = int(drops[own, : places[-1] + 1].argmax())
            if furthest >= start:
                worst[own] = nets[furthest - start, score.step]
    return drops, worst


def _most(
    answer: Answer, scores: tuple[Score, ...], drops: Array, worst: Array, where: Callable[[int], str]
) -> Iterator[str]:
    """A line a score: where it falls furthest, and what is said then."""
    model = answer.model
    for score, own, net in zip(scores, drops, worst[:, np.newaxis], strict=True):
        place = int(own.argmax())
        more = f"most without {where(place)}: {own[place]:.4g} lower"
        log_p = log_probability(model, net, score.unit)
        if log_p is not None:
            more += f", probability {float(np.exp(log_p[0])):.3g}, says {unit_names(model)[int(says(model, net)[0])]}"
        yield about(answer, score, more)


def stride_of(cells: int) -> int:
    """By how many cells the patch moves along a side."""
    return -(-cells // MOST_PLACES)


def _spans(cells: int) -> list[slice]:
    """What the patch covers at each of its places along a side."""
    stride, half = stride_of(cells), patch_side(cells) // 2
    return [slice(max(0, middle - half), middle + half + 1) for middle in range(stride // 2, cells, stride)]


def _cell(place: int, spans: list[list[slice]], strides: list[int]) -> tuple[int, int]:
    """The row and column of the middle of the patch."""
    i, j = divmod(place, len(spans[1]))
    return i * strides[0] + strides[0] // 2, j * strides[1] + strides[1] // 2


def _fits(model: Model, node: Node | None) -> bool:
    return node is None and (is_image(model) or is_row(model))


VIEWS: tuple[Offer, ...] = (
    Offer(
        "occlusion",
        "how far the score falls when a part of the input is covered",
        "input",
        _fits,
        occlusion,
        ("units", "step", "decoder"),
    ),
)
