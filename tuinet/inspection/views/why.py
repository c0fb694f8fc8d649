"""Why a model says what it says: how each part of the input adds to a score, and where a convolution saw the reason."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import numpy as np

from tuinet.inspection.passes import source_of
from tuinet.inspection.question import Node, Offer, Question
from tuinet.inspection.view import Seen
from tuinet.inspection.views.pictures import (
    about,
    columns_of,
    input_view,
    is_image,
    is_row,
    over_input,
)
from tuinet.inspection.views.receptive import Line, enlarged, field_of, line_of
from tuinet.inspection.views.score import Answer, Score, chosen, each, first_layer, gradients
from tuinet.model.model import Model
from tuinet.nn.layers.activation import Relu, Sigmoid, Tanh
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.params import Array
from tuinet.nn.seq2seq import Seq2Seq
from tuinet.nn.sequence import Sequence

FLAT = "All of it is 0: the input is, or the gradient, where units are off or saturated or a step lets nothing through."


def gradient_input(question: Question) -> tuple[Seen, ...]:
    """Gradient × input: x · ds/dx, how much each part of the input adds to the score s, to first order.

    The gradient says how the score would change (Simonyan, Vedaldi & Zisserman, "Deep inside convolutional networks",
    2013); times the input, how much of the score is there because the input is not 0 (Shrikumar et al., "Not just a
    black box", 2016). Of a network of rectified units without biases, all of them sum to the score.
    Summed over the channels of an image; over the inputs that a column of words became; of symbols, which have no
    gradient, over the units of what stands for them: Σᵤ eᵤ · ds/deᵤ with e the embedding's output; of a sequence of
    images, over each whole image.
    Raises TuinetError as `chosen`.
    """
    return tuple(chain.from_iterable(_gradient_input(question, answer) for answer in each(question)))


def _gradient_input(question: Question, answer: Answer) -> Iterator[Seen]:
    scores = chosen(answer, question.choice)
    parts = np.stack([_products(answer, score, question.masks) for score in scores])  # (K, *places)
    notes = [
        about(answer, score, f"what the input adds: {part.sum():.4g}")
        for score, part in zip(scores, parts, strict=True)
    ]
    if not parts.any():
        notes.append(FLAT)
    yield from input_view(answer)
    yield over_input("gradient-input", "gradient × input", answer, scores, parts, tuple(notes))


def _products(answer: Answer, score: Score, masks: int | None) -> Array:
    """(*places,) in float64: (H, W) of an image, one a column of a row, (T,) of symbols and of images, (T, P) of other
    sequences."""
    model = answer.model
    found = gradients(answer, score, masks)
    first = answer.run.places[first_layer(model)]
    symbols = model.prepared_shape.kind == "id"
    x = first.y if symbols else source_of(first.x)
    slopes = (found.of_output if symbols else found.of_input)[first.path]
    if not isinstance(x, Sequence):
        whole = np.multiply(x[0], slopes[0], dtype=np.float64)
        if is_row(model):
            return np.array([whole[place].sum() for _, place in columns_of(model)])
        return whole.sum(axis=-1) if is_image(model) else whole
    # one sample is packed in the order of its steps, and read from its end where the encoder does
    products = np.multiply(x.values, slopes.values, dtype=np.float64)
    layer = model.network.layers[0]
    products = products[::-1] if isinstance(layer, Seq2Seq) and layer.reverse_source else products
    return products if products.ndim == 2 and not symbols else products.reshape(len(products), -1).sum(axis=1)


def grad_cam(question: Question) -> tuple[Seen, ...]:
    """Grad-CAM: max(0, Σₖ αₖ Aₖ), with Aₖ the maps of a convolution and αₖ the mean of ds/dAₖ over its places.

    αₖ says how much the score s rests on what map k finds, wherever that is; the sum shows where it was found. The maps
    are those behind the activation that follows the convolution. Of the last convolution, unless a layer is named; what
    `units` names are classes all the same.
    Selvaraju et al., "Grad-CAM" (2017). Drawn as coarse as the maps are, and over the input: each cell at the middle
    of what it sees, linear in between.

    Of a network that ends with the mean of each map, Σₖ αₖ Aₖ over all places is the score but for the bias, and this
    is the class activation map of Zhou et al. (2016). One that flattens its maps weighs every place by itself, which
    a mean of slopes tells little of: the note says how much of the score is accounted for.
    Of one image: a sequence of them has none. Raises TuinetError as `chosen`.
    """
    return tuple(chain.from_iterable(_grad_cam(question, answer) for answer in each(question)))


def _grad_cam(question: Question, answer: Answer) -> Iterator[Seen]:
    line = line_of(answer.model)
    index = line.paths.index(question.layer) if question.layer else _last_convolution(line)
    scores = chosen(answer, question.choice)
    path = line.paths[_behind(line, index)]
    (maps,) = answer.run.places[path].y.astype(np.float64)  # (h, w, F)
    slopes = [gradients(answer, score, question.masks).of_output[path][0] for score in scores]
    sums = np.stack([maps @ each.mean(axis=(0, 1), dtype=np.float64) for each in slopes])  # (K, h, w) Σₖ αₖ Aₖ
    cams = np.maximum(sums, 0)
    field = field_of(line, index)
    assert field is not None  # before a convolution everything keeps its places
    large = enlarged(cams, field, *line.shapes[0].sizes[:2])
    notes = tuple(
        about(answer, score, f"Σₖ αₖ Aₖ over all places: {own.sum():.4g}")
        for score, own in zip(scores, sums, strict=True)
    )
    if not cams.any():
        notes += ("Nothing that these maps found speaks for it.",)
    yield from input_view(answer)
    yield over_input("grad-cam", f"Grad-CAM of {line.paths[index]} over the input", answer, scores, large, notes)
    yield over_input("grad-cam-coarse", f"Grad-CAM of {line.paths[index]}", answer, scores, cams)


def _behind(line: Line, index: int) -> int:
    """The activation that follows a convolution, else the convolution itself."""
    follows = index + 1 < len(line.layers) and isinstance(line.layers[index + 1], Relu | Sigmoid | Tanh)
    return index + 1 if follows else index


def _last_convolution(line: Line) -> int:
    return max(index for index, layer in enumerate(line.layers) if isinstance(layer, Conv2D))


def _explains(model: Model, node: Node | None) -> bool:
    return node is None


def _has_maps(model: Model, node: Node | None) -> bool:
    line = line_of(model)
    if model.prepared_shape.sequence:
        return False
    if node is not None:
        return isinstance(node.layer, Conv2D) and node.path in line.paths
    return any(isinstance(layer, Conv2D) for layer in line.layers)


VIEWS: tuple[Offer, ...] = (
    Offer(
        "gradient-input",
        "how much each part of the input adds to the score",
        "input",
        _explains,
        gradient_input,
        ("units", "step", "masks", "decoder"),
    ),
    Offer(
        "grad-cam",
        "where the maps of a convolution found the reason",
        "input",
        _has_maps,
        grad_cam,
        ("units", "step", "masks", "decoder"),
    ),
)
