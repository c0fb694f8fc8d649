"""What a layer has learnt: kernels and first weights as pictures, every parameter with names for its places."""

from __future__ import annotations

import difflib

import numpy as np

from tuinet.errors import TuinetError
from tuinet.inspection.question import Node, Offer, Question, base_name, own_parameters
from tuinet.inspection.ranges import picked
from tuinet.inspection.view import Axis, Seen, View
from tuinet.inspection.views.gates import gates_of
from tuinet.inspection.views.outputs import Shown, as_view, chosen, share
from tuinet.inspection.views.places import (
    POOLS,
    answer_axis,
    input_names,
    is_picture,
    last_of_names,
    siblings,
    symbol_names,
    value_by_value,
)
from tuinet.model.model import Model
from tuinet.nn.layer import Layer
from tuinet.nn.layers.bidirectional import Bidirectional
from tuinet.nn.layers.clockwork import Clockwork
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.embedding import Embedding
from tuinet.nn.layers.flatten import Flatten
from tuinet.nn.layers.gru import GRU
from tuinet.nn.layers.lstm import LSTM
from tuinet.nn.params import Array
from tuinet.nn.seq2seq import Seq2Seq

PARAMETERS = ("weight", "bias", "input_weight", "recurrent_weight", "recurrent_bias", "peephole")
"""The names of all parameters: those of a clockwork layer's groups are numbered, those of a bidirectional layer lie
under `forward/` and `backward/`, those of a bridge under `bridge/`."""

LYING = ("forget", "input", "output_gate", "update", "reset", "candidate")
"""The gates that have weights, as layers call them."""

# ── pictures ──────────────────────────────────────────────────────────────────────────────────────────────────────


def kernels(question: Question) -> tuple[Seen, ...]:
    """Every kernel of a convolution as a picture: in colour if it sees colours, else of one input channel.

    `choice.units` are kernels, each then with all its channels; `choice.at` is the channel.
    """
    node = question.node
    assert node is not None
    picture = is_picture(question.model, node, after=False)
    height, width, channels, count = node.params["weight"].shape
    about = f"{count} kernels of {height}×{width}" + (f" on {channels} channels" if channels > 1 else "")
    return pictures(question, node, "kernels", node.params["weight"], "kernel", about, colors=picture)


def images(question: Question) -> tuple[Seen, ...]:
    """The weights of every unit of a first layer, laid out as the image that they are multiplied with."""
    node = question.node
    assert node is not None
    flat = _flattened(question.model, node)
    assert flat is not None
    weight = node.params["weight"].reshape(*flat.before.sizes, -1)  # (H, W, C, S)
    picture = is_picture(question.model, flat, after=False)
    about = f"the weights of {weight.shape[3]} units, each as the image it sees"
    return pictures(question, node, "images", weight, "unit", about, colors=picture)


def pictures(
    question: Question, node: Node, name: str, weight: Array, what: str, about: str, *, colors: bool
) -> tuple[Seen, ...]:
    """weight (rows, columns, C, F) as pictures: in colour where `colors` and C is 3 and no channel is chosen, else one
    for each channel of the F that are chosen, else those of one channel, the first unless another is chosen.

    Raises TuinetError for one that is not there.
    """
    channels, count = weight.shape[2:]
    units = picked(question.choice.units, count, what, node.path)
    at = question.choice.at
    if at is not None and len(at) != 1:
        raise TuinetError(f"{node.path} has no input channel {', '.join(map(str, at))}", "Name one channel.")
    title = f"{about}, in {node.path}"
    if colors and channels == 3 and at is None:
        most = float(np.abs(weight[..., units]).max(initial=0.0)) or 1.0
        labels = tuple(map(str, units))
        axes = (Axis(what, labels), Axis("row"), Axis("column"), Axis("channel"))
        note = f"red, green and blue; mid-grey is 0, black −{most:.4g}, white {most:.4g} in all {what}s"
        stack = np.moveaxis(weight[..., units], -1, 0)  # (F, rows, columns, 3)
        return (View(name, "images", axes, stack, None, -most, most, title, (note,)),)
    if at is None and question.choice.units is None and channels > 1:
        at = (0,)
    chosen_channels = picked(at, channels, "input channel", node.path)
    several = len(chosen_channels) > 1
    stack = np.transpose(weight[:, :, chosen_channels][..., units], (3, 2, 0, 1))  # (F, C, rows, columns)
    labels = tuple(f"{unit}:{each}" if several else str(unit) for unit in units for each in chosen_channels)
    notes = (f"{what}:channel, the channels of one {what} side by side",) if several else ()
    if at is not None and channels > 1:
        notes = (
            f"of input channel {at[0]}, of 0 to {channels - 1}: --at picks another, --unit shows all of one {what}",
        )
    axes = (Axis(what, labels), Axis("row"), Axis("column"))
    return (View(name, "images", axes, stack.reshape(-1, *weight.shape[:2]), title=title, notes=notes),)


def _flattened(model: Model, node: Node) -> Node | None:
    """The flatten layer through which the first layer with weights, a dense one, sees the image; else None."""
    if not isinstance(node.layer, Dense) or "/decoder/" in node.path:
        return None
    before, _ = siblings(model, node)
    flat = [other for other in before if isinstance(other.layer, Flatten)]
    passing = all(isinstance(other.layer, (Flatten, *POOLS)) or value_by_value(other.layer) for other in before)
    return flat[0] if passing and flat and flat[0].before.axes == ("row", "column", "channel") else None


# ── numbers ───────────────────────────────────────────────────────────────────────────────────────────────────────


def parameters(question: Question, name: str) -> tuple[Seen, ...]:
    """The parameters of this name. `choice.units` are units (of every gate), `choice.at` the input, `choice.gate` a
    gate of the layer. Raises TuinetError if there is none such."""
    node = question.node
    assert node is not None
    return tuple(_parameter(question, node, path) for path in own_parameters(node) if base_name(path) == name)


def _parameter(question: Question, node: Node, path: str) -> View:
    data = node.params[path]
    layer = node.layer.layer if isinstance(node.layer, Bidirectional) else node.layer
    gates, choice = _gates(layer, path, data), question.choice
    rows, columns = _axes(question.model, node, layer, path)
    if choice.gate is not None:
        _check_gate(choice.gate, gates, f"the {path} of {node.path}")
    if isinstance(layer, LSTM) and base_name(path) == "peephole" and layer.peephole == "diagonal":
        axes = (Axis("gate", gates), Axis("unit"))
        if choice.gate is not None:
            place = gates.index(choice.gate)
            data, axes = data[place : place + 1], (Axis("gate", (choice.gate,)), Axis("unit"))
        shown = Shown(data, axes)
    elif len(gates) > 1:
        shown = _by_gates(question, data, rows, gates, node.path)
        choice = choice._replace(units=None)
    else:
        if isinstance(layer, Conv2D) and data.ndim == 4:
            data = data.reshape(-1, data.shape[-1])
        shown = Shown(data, (rows, columns)[2 - data.ndim :])
    shown = chosen(shown, choice._replace(step=None), f"the {path} of {node.path}")
    what = " × ".join(axis.name for axis in shown.axes)
    notes = [f"{' × '.join(f'{size:,}' for size in shown.data.shape)} ({what})"]
    zeros = float((shown.data == 0).mean()) if shown.data.size else 0.0
    if zeros:
        notes.append(f"{share(zeros)} are 0")
    return as_view(path, shown, f"{path} of {node.path}", tuple(notes))


def _by_gates(question: Question, data: Array, rows: Axis, gates: tuple[str, ...], where: str) -> Shown:
    """The gates lie side by side: the chosen units of the chosen gates, each under the name of both."""
    size = data.shape[-1] // len(gates)
    units = picked(question.choice.units, size, "unit", where)
    kept = [gate for gate in gates if question.choice.gate in (None, gate)]
    places = [gates.index(gate) * size + unit for gate in kept for unit in units]
    axis = Axis("unit", tuple(f"{gate} {unit}" for gate in kept for unit in units))
    return Shown(data[..., places], (rows, axis)[2 - data.ndim :])


def _check_gate(gate: str, gates: tuple[str, ...], where: str) -> None:
    if gate not in gates:
        near = difflib.get_close_matches(gate, gates, n=1)
        hint = f"Did you mean {near[0]}? " if near else ""
        listed = f"Gates: {', '.join(gates)}." if gates else "Name no gate."
        raise TuinetError(f"{where} has no gate {gate!r}", hint + listed)


def _gates(layer: Layer, path: str, data: Array) -> tuple[str, ...]:
    """The gates that lie side by side in a parameter, in their order; () if it is of none."""
    if isinstance(layer, LSTM | GRU):
        names = tuple(gate.name for gate in gates_of(layer) if gate.key in LYING)
        if base_name(path) == "peephole":
            return names[:-1]
        return names if data.shape[-1] == len(names) * layer.units else names[-1:]
    return ()


def _axes(model: Model, node: Node, layer: Layer, path: str) -> tuple[Axis, Axis]:
    """What the rows and the columns of a parameter are; the columns are all there is of a vector."""
    name = base_name(path)
    if isinstance(layer, Embedding):
        return Axis("symbol", symbol_names(model, node)), Axis("unit")
    if isinstance(layer, Conv2D):
        places = (
            f"row {row}, column {column}, channel {channel}"
            for row, column, channel in np.ndindex(*node.params["weight"].shape[:3])
        )
        return Axis("input", tuple(places) if name == "weight" else ()), Axis("kernel")
    if isinstance(layer, Dense):
        rows = last_of_names(node.before, input_names(model, node)) if name == "weight" else Axis("input")
        return Axis("input", rows.labels), answer_axis(model, node) or Axis("unit")
    if isinstance(layer, Clockwork) and name == "recurrent_weight":
        size = layer.units // len(layer.periods)
        first = (int(path.removeprefix(path.rstrip("0123456789"))) - 1) * size
        seen, own = range(first, layer.units), range(first, first + size)
        return Axis("from", tuple(map(str, seen))), Axis("unit", tuple(map(str, own)))
    if isinstance(layer, Seq2Seq):
        return Axis("context"), Axis("unit")
    if name == "input_weight":
        return Axis("input"), Axis("unit")
    return Axis("from"), Axis("unit")


# ── views ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _is_conv(model: Model, node: Node | None) -> bool:
    return node is not None and isinstance(node.layer, Conv2D)


def _sees_image(model: Model, node: Node | None) -> bool:
    return node is not None and _flattened(model, node) is not None


def _offer(name: str) -> Offer:
    about = {
        "weight": "its weights, inputs × units",
        "bias": "its biases",
        "input_weight": "the weights from its input",
        "recurrent_weight": "the weights from its own state before",
        "recurrent_bias": "the biases of its own state before",
        "peephole": "the weights from the cells to the gates",
    }[name]

    def fits(model: Model, node: Node | None) -> bool:
        return node is not None and any(base_name(path) == name for path in own_parameters(node))

    return Offer(name, about, "nothing", fits, lambda question: parameters(question, name), ("units", "at", "gate"))


VIEWS: tuple[Offer, ...] = (
    Offer("kernels", "its kernels as pictures", "nothing", _is_conv, kernels, ("units", "at")),
    Offer("images", "the weights of each unit as an image", "nothing", _sees_image, images, ("units", "at")),
    *map(_offer, PARAMETERS),
)
