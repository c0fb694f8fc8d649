"""Squared error and cross-entropy side by side: what each says of an answer, and how hard it pulls at every output.

n are the net inputs of the last units, a = softmax(n) the outputs, y the target: 1 for the right class, else 0.

    squared error   J = Σ (yᵢ − aᵢ)²     ∂J/∂aᵢ = −2 (yᵢ − aᵢ)
    cross-entropy   J = −Σ yᵢ log aᵢ     ∂J/∂aᵢ = −yᵢ / aᵢ
    both            ∂J/∂nᵢ = aᵢ (∂J/∂aᵢ − Σⱼ ∂J/∂aⱼ aⱼ), the whole Jacobian of softmax; of cross-entropy that is aᵢ − yᵢ

So where the right class is wrongly near 0, the factor a of softmax takes the squared error's pull away; in the
cross-entropy it is divided out.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tuinet.errors import TuinetError
from tuinet.inspection.question import Node, Offer, Question
from tuinet.inspection.view import Axis, Cell, Seen, Table, View
from tuinet.inspection.views.outputs import of_sample
from tuinet.inspection.views.score import class_name
from tuinet.model.model import Model
from tuinet.nn.layers.activation import Softmax
from tuinet.nn.params import Array

TARGET, OUTPUT = (0.0, 0.0, 1.0, 0.0), (0.2, 0.4, 0.3, 0.1)
"""The lecture's example, whose squared error is 0.70."""

REACH, SHOWN = 10.0, 8.0
"""How far the curves go to both sides of n where the right class has a = ½, and where words say what they are."""


class Pull(NamedTuple):
    """J of one answer, and how it pulls at the outputs a and the net inputs n, (C,) each."""

    value: float
    terms: Array
    of_output: Array
    of_net: Array


def squared_error(a: Array, y: Array) -> Pull:
    slope = -2 * (y - a)
    terms = (y - a) ** 2
    return Pull(float(terms.sum()), terms, slope, _through_softmax(a, slope))


def cross_entropy(a: Array, y: Array) -> Pull:
    """∂J/∂n as a − y, for a may be 0 in float64 where −y / a · a is still −y."""
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(y > 0, -y * np.log(a), 0.0)
        slope = np.where(y > 0, -y / a, 0.0)
    return Pull(float(terms.sum()), terms, slope, a - y)


def losses(question: Question) -> tuple[Seen, ...]:
    """For each input and its target, or without one for the lecture's example.

    Raises TuinetError if an input is named whose right answer is not known, or is no class of the model.
    """
    if question.samples is None:
        names = tuple(f"class {place}" for place in range(len(TARGET)))
        example = np.array(OUTPUT)
        return (_table(names, example, np.array(TARGET), "the lecture's example", ()), _curves(example, 2))
    if question.samples.targets is None:
        raise TuinetError(
            "a loss needs to know the right answer", "Take a sample of the data: --sample test:0; or none."
        )
    model = question.model
    a, notes = _outputs(question)
    found: list[Seen] = []
    for sample, asked in enumerate(np.asarray(question.samples.targets, np.intp).tolist()):
        right = class_name(model.meta.labels, asked)
        title = f"what {model.meta.name} answers{of_sample(question, sample)}; it is {right}"
        y = np.zeros(a.shape[1])
        y[asked] = 1
        found += [_table(model.meta.labels, a[sample], y, title, notes), _curves(a[sample], asked)]
    return tuple(found)


def _outputs(question: Question) -> tuple[Array, tuple[str, ...]]:
    """(B, C) outputs between 0 and 1 in float64, and how they came about if not by the model itself."""
    given = np.asarray(question.run.outputs, np.float64)
    if isinstance(question.model.network.layers[-1], Softmax):
        return given, ()
    with np.errstate(all="ignore"):
        e = np.exp(given - given.max(axis=1, keepdims=True))
        a = e / e.sum(axis=1, keepdims=True)
    if question.model.meta.loss.activation == "softmax":
        return a, ()
    return a, ("the model has no softmax; its outputs are taken as the n of one",)


def _table(names: tuple[str, ...], a: Array, y: Array, title: str, notes: tuple[str, ...]) -> Table:
    square, entropy = squared_error(a, y), cross_entropy(a, y)
    columns = ("class", "target y", "output a", "(y − a)²", "its ∂J/∂a", "its ∂J/∂n", "−y log a", "∂J/∂a", "∂J/∂n")
    rows: list[tuple[Cell, ...]] = [
        (name, *map(float, values))
        for name, *values in zip(
            names,
            y,
            a,
            square.terms,
            square.of_output,
            square.of_net,
            entropy.terms,
            entropy.of_output,
            entropy.of_net,
            strict=True,
        )
    ]
    rows.append(("J", None, None, square.value, None, None, entropy.value, None, None))
    right = int(y.argmax())
    said = (
        f"squared error {square.value:.4g}, cross-entropy {entropy.value:.4g}",
        f"at the right class the squared error pulls with {abs(square.of_net[right]):.3g}, "
        f"the cross-entropy with {abs(entropy.of_net[right]):.3g}",
        "through softmax: ∂J/∂nᵢ = aᵢ (∂J/∂aᵢ − Σⱼ ∂J/∂aⱼ aⱼ); of the cross-entropy that is aᵢ − yᵢ",
    )
    return Table("losses", columns, tuple(rows), title, (*said, *notes))


def _curves(a: Array, right: int) -> View:
    """|∂J/∂n| at the right class while its n alone moves: 0 is where it has a = ½."""
    n = np.linspace(-REACH, REACH, 81)
    pulls = np.array([_pulls(a, right, value) for value in n]).T  # (2, 81)
    square, entropy = _pulls(a, right, -SHOWN)
    own = 1 / (1 + np.exp(SHOWN))
    notes = (
        "the other classes keep their shares of what the right one leaves; at n = 0 its output is ½",
        f"at n = {-SHOWN:g} the answer is wrong and sure of it (a = {own:.2g}): "
        f"the squared error pulls with {square:.2g}, the cross-entropy with {entropy:.2g}",
        "where a unit is saturated the slope of softmax is nearly 0; the cross-entropy's −1 / a makes up for it",
    )
    axes = (Axis("line", ("squared error", "cross-entropy")), Axis("n of the right class"))
    return View("pull", "series", axes, pulls, n, 0.0, title="how hard each loss pulls, |∂J/∂n|", notes=notes)


def _pulls(a: Array, right: int, n: float) -> tuple[float, float]:
    """|∂J/∂n| of the right class by both losses, had it this n."""
    moved, y = np.zeros(len(a)), np.zeros(len(a))
    others = np.delete(np.arange(len(a)), right)
    rest = a[others].sum()
    share = a[others] / rest if rest > 0 else np.full(len(others), 1 / max(1, len(others)))
    moved[right], moved[others] = 1 / (1 + np.exp(-n)), share / (1 + np.exp(n))
    y[right] = 1
    return abs(float(squared_error(moved, y).of_net[right])), abs(float(cross_entropy(moved, y).of_net[right]))


def _through_softmax(a: Array, slope: Array) -> Array:
    return a * (slope - slope @ a)


def _fits(model: Model, node: Node | None) -> bool:
    meta = model.meta
    return node is None and meta.task == "classification" and meta.coding.kind != "binary" and len(meta.labels) > 1


VIEWS: tuple[Offer, ...] = (
    Offer(
        "losses",
        "squared error and cross-entropy side by side, and their gradients",
        "nothing",
        _fits,
        losses,
        ("masks",),
        uses="input",
    ),
)
