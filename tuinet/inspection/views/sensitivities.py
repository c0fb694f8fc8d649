"""How much J would change with what each layer puts out (its sensitivity dJ/dy), and with each of its weights."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import msgspec
import numpy as np

from tuinet.inspection.passes import Back
from tuinet.inspection.question import Node, Offer, Question, base_name, nodes, own_parameters
from tuinet.inspection.sums.gradient_sums import what_j_is
from tuinet.inspection.view import Axis, Cell, Seen, Table, View
from tuinet.inspection.views.outputs import sample_count, values_view
from tuinet.inspection.views.places import answer_axis, comes_from, is_picture
from tuinet.inspection.views.weights import PARAMETERS, kernels, parameters
from tuinet.model.meta import Meta
from tuinet.model.model import Model
from tuinet.nn.layer import Shape
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.params import Array
from tuinet.nn.sequence import Sequence

FORMULA = "s⁽ᵐ⁾ = F′(n⁽ᵐ⁾) W⁽ᵐ⁺¹⁾ s⁽ᵐ⁺¹⁾: the sensitivity of a layer comes from that of the layer behind it"

VERDICTS: tuple[tuple[float, str], ...] = (
    (1e-6, "vanishes"),
    (1e-4, "hardly learns"),
    (1e-2, "fine"),
    (1e-1, "large"),
    (np.inf, "explodes"),
)
"""What is said of a step that changes the weights of a layer by less than this part of their size. A rule of thumb is a
thousandth a step. A gradient of 0 is called "no gradient", one that is no number "not finite"."""

SMALLEST = 1e-45
"""What stands for 0 on an axis of powers of ten: float32 has no smaller number."""


# ── one layer ─────────────────────────────────────────────────────────────────────────────────────────────────────


def gradient(question: Question) -> tuple[Seen, ...]:
    """dJ/dy of what the layer put out, for each input, in the form of the output.

    Where only the last state of a recurrent layer goes on (an encoder's), dJ/dy is 0 at every step, and what reaches
    its own input is shown too, dJ/dx.
    """
    node = question.node
    assert node is not None
    found, notes = question.back.of_output[node.path], (FORMULA, what_j_is(question))
    axis = answer_axis(question.model, node) or Axis(node.after.axes[-1])
    title = f"the sensitivity of J to what {node.path} gives, dJ/dy"
    picture = is_picture(question.model, node, after=True)
    if found is not None:
        return _seen(question, "gradient", found, node.after, axis, title, notes, picture=picture, of=node.path)
    zeros = _zeros(question.run.places[node.path].y)
    unread = (*notes, "nothing reads this output: only the last state goes on from here")
    views = _seen(question, "gradient", zeros, node.after, axis, title, unread, picture=picture, of=node.path)
    before = question.back.of_input[node.path]
    if before is None:
        return views
    title, units = f"the sensitivity of J to what {node.path} reads, dJ/dx", Axis(node.before.axes[-1])
    of = comes_from(question.model, node)
    return views + _seen(question, "input-gradient", before, node.before, units, title, notes, picture=False, of=of)


def _seen(
    question: Question,
    name: str,
    signal: Any,
    shape: Shape,
    units: Axis,
    title: str,
    notes: tuple[str, ...],
    *,
    picture: bool,
    of: str,
) -> tuple[View, ...]:
    """A gradient, for each input; `of` the layer that gave the signal, "" if that came from outside."""
    views = (
        values_view(question, name, signal, shape, sample, units, title, picture=picture, of=(of, "gradient"))
        for sample in range(sample_count(question))
    )
    return tuple(msgspec.structs.replace(view, notes=(*view.notes, *notes)) for view in views)


def parameter_gradients(question: Question, name: str) -> tuple[Seen, ...]:
    """dJ/dw of all weights of the parameters of this name, seen as the parameters themselves are."""
    model, node = question.model, question.node
    assert node is not None
    as_weights = Model(model.network, question.back.params, model.meta)
    asked = Question(as_weights, question.layer, question.samples, question.part, question.choice, question.masks)
    pictures = isinstance(node.layer, Conv2D) and name == "weight"
    found: list[Seen] = []
    for view in kernels(asked) if pictures else parameters(asked, name):
        assert isinstance(view, View)
        own = name if pictures else view.name
        notes, title = (*view.notes, what_j_is(question)), f"dJ/dw: {view.title}"
        found.append(msgspec.structs.replace(view, name=f"{own}-gradient", title=title, notes=notes))
    return tuple(found)


# ── all layers ────────────────────────────────────────────────────────────────────────────────────────────────────


def gradients(question: Question) -> tuple[Seen, ...]:
    """The layers in order: how large the sensitivity is behind each, and how far one step would move its weights."""
    model, found = question.model, question.back
    rate, of_rate = rate_of(model.meta)
    rows: list[tuple[Cell, ...]] = []
    sizes: list[float] = []
    names: list[str] = []
    for path, node in nodes(model).items():
        inner = any(other.startswith(path + "/") for other in found.of_output)
        mean, largest = (None, None) if inner else size_of(found, path)
        if mean is not None:
            names.append(path)
            sizes.append(mean)
        if own_parameters(node) or not inner:  # of a layer that holds others, its bridge is left
            name = f"{path}/bridge" if inner else path
            rows.append((name, mean, largest, *step_of(model, found, node, rate)))
    columns = ("layer", "mean |dJ/dy|", "max |dJ/dy|", "‖dJ/dw‖", "‖w‖", "‖dJ/dw‖ / ‖w‖", "step / ‖w‖", "a step")
    limits = ", ".join(f"below {limit:g} {verdict}" for limit, verdict in VERDICTS[:-1]) + f", else {VERDICTS[-1][1]}"
    notes = [what_j_is(question), f"step: plain gradient descent, {of_rate}"]
    if rate is not None:
        notes.append(f"step / ‖w‖: {limits}")
    table = Table(
        "gradients", columns, tuple(rows), f"the gradients of {model.meta.name}, layer by layer", tuple(notes)
    )
    return table, _line_up(names, np.array(sizes))


def rate_of(meta: Meta) -> tuple[float | None, str]:
    """The learning rate a model was trained with, None if it is not known, and the rate of a step in words."""
    optimizer, *others = meta.training.split("; ")
    said = re.search(r"(?:^|, )rate (\d[\d.]*(?:e[+-]?\d+)?)(?:,|$)", optimizer)
    if said is None:
        return None, "at rate 1, as no rate of its training is known; so there is no verdict"
    schedule = next((part for part in others if part.startswith("schedule ")), None)
    when = f" in the beginning (then {schedule})" if schedule else ""
    return float(said[1]), f"at rate {said[1]}, that of its training{when}"


def verdict(update: float) -> str:
    """Of ‖a step‖ / ‖w‖, by VERDICTS."""
    if not np.isfinite(update):
        return "not finite"
    if update == 0:
        return "no gradient"
    return next(words for limit, words in VERDICTS if update < limit)


def size_of(found: Back, path: str) -> tuple[float | None, float | None]:
    """Mean and max |dJ/dy| of what a layer puts out; None where nothing depends on it."""
    sensitivity = found.of_output[path]
    if sensitivity is None:
        return None, None
    size = np.abs(_values(sensitivity).astype(np.float64))
    return float(size.mean()), float(size.max())


class Step(NamedTuple):
    """‖dJ/dw‖ of a layer's own parameters, ‖w‖, their ratio, that of a step to ‖w‖, and what is said of it; None
    without weights."""

    slope: float | None = None
    weight: float | None = None
    ratio: float | None = None
    update: float | None = None
    verdict: str | None = None


def step_of(model: Model, found: Back, node: Node, rate: float | None) -> Step:
    """How far one step moves the layer's own weights; without a known rate at rate 1, and no verdict."""
    paths = [f"{node.path}/{name}" for name in own_parameters(node)]
    if not paths:
        return Step()
    slope, weight = (_norm([params[path] for path in paths]) for params in (found.params, model.params))
    if weight == 0:  # a step from 0 has no size to be compared with
        return Step(slope, weight)
    update = slope / weight * (1.0 if rate is None else rate)
    return Step(slope, weight, slope / weight, update, None if rate is None else verdict(update))


def _line_up(names: list[str], sizes: Array) -> View:
    """The sensitivities in the order of the layers, in powers of ten."""
    with np.errstate(all="ignore"):
        powers = np.log10(np.maximum(sizes, SMALLEST))
        part = float(sizes[0] / sizes[-1])
    first, last = names[0], names[-1]
    notes = (FORMULA, f"mean |dJ/dy| behind {first} is {part:.3g} of that behind {last}, where the way back begins")
    axes = (Axis("line", ("log₁₀ of the mean |dJ/dy|",)), Axis("layer", tuple(names)))
    title = "how the sensitivity grows or fades from layer to layer"
    return View("sensitivities", "series", axes, powers[None], title=title, notes=notes)


def _norm(arrays: list[Array]) -> float:
    with np.errstate(all="ignore"):
        return float(np.sqrt(sum(float((array.astype(np.float64) ** 2).sum()) for array in arrays)))


def _values(signal: Any) -> Array:
    return signal.values if isinstance(signal, Sequence) else signal


def _zeros(signal: Any) -> Any:
    zeros = np.zeros_like(_values(signal))
    return Sequence(zeros, signal.steps) if isinstance(signal, Sequence) else zeros


# ── views ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _is_layer(model: Model, node: Node | None) -> bool:
    return node is not None


def _is_model(model: Model, node: Node | None) -> bool:
    return node is None


def _offer(name: str) -> Offer:
    def fits(model: Model, node: Node | None) -> bool:
        return node is not None and any(base_name(path) == name for path in own_parameters(node))

    about = f"dJ/dw of its {name}, for an input and its target"
    takes = ("units", "at", "gate", "decoder", "masks")
    return Offer(f"{name}-gradient", about, "target", fits, lambda question: parameter_gradients(question, name), takes)


VIEWS: tuple[Offer, ...] = (
    Offer(
        "gradient",
        "its sensitivity dJ/dy, for an input and its target",
        "target",
        _is_layer,
        gradient,
        ("units", "at", "step", "masks", "decoder"),
    ),
    *map(_offer, PARAMETERS),
    Offer(
        "gradients",
        "how large the gradients are in every layer, and a step",
        "target",
        _is_model,
        gradients,
        ("masks", "decoder"),
    ),
)
