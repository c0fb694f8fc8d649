"""What if: units, kernels or gates switched off, or gates held open, on a copy of the parameters.

A unit is off when nothing sees it: the weights that lead on from it are 0. A gate is held by its own weights being 0
and its bias ±30, where σ and tanh are at their end. Layers know nothing of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from collections.abc import Sequence as Several
from typing import NamedTuple

import numpy as np

from tuinet.data.dataset import Indices
from tuinet.errors import TuinetError
from tuinet.inspection.question import Node, find_layer, nodes
from tuinet.inspection.ranges import numbers, picked
from tuinet.model.model import Model
from tuinet.nn.layer import Layer
from tuinet.nn.layers.activation import Softmax
from tuinet.nn.layers.bidirectional import Bidirectional
from tuinet.nn.layers.clockwork import Clockwork
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.flatten import Flatten
from tuinet.nn.layers.gru import GRU
from tuinet.nn.layers.lstm import LSTM
from tuinet.nn.layers.over_time import Rows
from tuinet.nn.layers.rnn import RNN
from tuinet.nn.params import Array, Params
from tuinet.nn.recurrent import OverTime
from tuinet.nn.seq2seq import Seq2Seq

FORMS = "Like conv1:3,5-7 for units, lstm1:forget for a gate at 0, lstm1:forget=1, or lstm1:forget=1:3-5."

HELD = 30.0
"""The bias that holds a gate: 1 − σ(30) = 9·10⁻¹⁴, and in float32 σ(30) and tanh(30) are 1."""

NAMED = 12
"""Layers that an error lists at most."""

_GATE = re.compile(r"([a-z][a-z_/]*)(=(0|1|\+1|-1))?")


class Off(NamedTuple):
    """What is switched off: units of a layer, or, with a `gate`, that gate of them is held at `value`.

    layer  its path, or the end of it
    units  counted from 0; None: all
    value  0 or 1; of a candidate also −1
    """

    layer: str
    units: tuple[int, ...] | None
    gate: str | None = None
    value: int = 0

    def __str__(self) -> str:
        gate = [] if self.gate is None else [f"{self.gate}={self.value}"]
        units = [] if self.units is None else [_ranges(self.units)]
        return ":".join([self.layer, *gate, *units])


def parse_off(text: str) -> Off:
    """`LAYER:UNITS`, `LAYER:GATE`, `LAYER:GATE=VALUE` or `LAYER:GATE=VALUE:UNITS`, with units like `3,5-7`.

    Raises TuinetError for anything else.
    """
    layer, *parts = text.split(":")
    if not layer or not 1 <= len(parts) <= 2:
        raise TuinetError(f"{text[:60]!r} does not say which units of which layer are off", FORMS)
    gate = _GATE.fullmatch(parts[0])
    if gate is None and len(parts) == 1:
        return Off(layer, _units(parts[0]))
    if gate is None:
        raise TuinetError(f"{parts[0][:60]!r} names no gate and no value to hold it at", FORMS)
    return Off(layer, _units(parts[1]) if len(parts) == 2 else None, gate[1], int(gate[3] or 0))


def with_off(model: Model, texts: Several[str]) -> Model | None:
    """A copy of the model with all of this off, as `parse_off` reads it; None if nothing is. Raises TuinetError."""
    return switched_off(model, map(parse_off, texts)) if texts else None


def switched_off(model: Model, offs: Iterable[Off]) -> Model:
    """The model with parameters of its own, in which all of this is off.

    A unit, map or kernel: the weights of the next layer that see it become 0. Of a recurrent layer, its own recurrent
    weights from the unit too, and all that makes its candidate, so that cell and hidden value stay 0 from a zero
    state on: a context that is copied from there is 0 as well. (In a decoder that begins with a copied context, its
    value is still to be seen there, but nothing sees it.) A unit of a layer without weights is the one it stands for:
    relu1:3 is map 3 behind the rectifier.
    A gate of an LSTM (forget, input, output, candidate) or a GRU (update, reset, candidate): the input, the
    states and the peepholes count for nothing, and it has its value at every step. Of a bidirectional layer, `forget`
    is that of both directions with units counted through; `forward/forget` is one.

    Raises TuinetError, with what would work, where nothing can be switched off.
    """
    changed = Model(model.network, model.params.like(model.params.vector.copy()), model.meta)
    known = nodes(changed)
    for off in offs:
        node = known[find_layer(changed, off.layer)]
        if off.gate is not None:
            _hold(node, off)
        else:
            _cut(known, node, off)
    return changed


def _cut(known: Mapping[str, Node], node: Node, off: Off) -> None:
    units = _checked(node.path, off.units, _size(node), "map" if len(node.after.sizes) == 3 else "unit")
    ahead = _ahead(known, node, units)
    if isinstance(ahead, str):
        there = [each.path for each in known.values() if not isinstance(_ahead(known, each, _FIRST), str)]
        more = f" … ({len(there)} in all)" if len(there) > NAMED else ""
        hint = f"It works for {', '.join(there[:NAMED])}{more}." if there else "It has no layers with others behind."
        raise TuinetError(f"{node.path}: {ahead}", hint)
    for weight, places in ahead:
        weight[..., places, :] = 0
    if isinstance(node.layer, OverTime):
        _silence(node.layer, node.params, units)
        _forget_beginning(known, node, units)


_FIRST: Indices = np.zeros(1, np.intp)


def _ahead(known: Mapping[str, Node], node: Node, units: Indices) -> list[tuple[Array, Indices]] | str:
    """The weights that see these units, (…, inputs, outputs), and as which of their inputs; or why there are none."""
    if isinstance(node.layer, Seq2Seq):
        return "it has no units of its own, its layers have"
    parent = node.path.rpartition("/")[0]
    paths = [path for path in known if path.rpartition("/")[0] == parent]
    size, places = _size(node), units
    for each in [known[path] for path in paths[paths.index(node.path) + 1 :]]:
        weights = _incoming(each)
        if weights:
            return [(weight, places) for weight in weights]
        if isinstance(each.layer, Softmax):
            return f"{each.path} behind it mixes its units, and no weight sees one of them alone"
        if isinstance(each.layer, Flatten | Rows):  # the last axis runs fastest: every size-th value is this unit's
            times = _size(each) // size
            places = (np.arange(times)[:, None] * size + places).ravel()
            size *= times
    owner = known.get(parent.rpartition("/")[0])
    if owner is None or not parent.endswith("/encoder"):
        return "its units are the answer itself, with no weights behind them"
    bridge = [array for name, array in owner.params.items() if re.fullmatch(r"bridge/.*/weight", name)]
    if isinstance(known[paths[-1]].layer, OverTime) or (not bridge and isinstance(node.layer, OverTime)):
        return []  # its state is the context, and stays 0
    return [(weight, places) for weight in bridge] or "only states of recurrent layers go over to the decoder"


def _incoming(node: Node) -> list[Array]:
    """The weights with which a layer sees its input, (…, inputs, outputs)."""
    if isinstance(node.layer, Dense | Conv2D):
        return [node.params["weight"]]
    return [array for name, array in node.params.items() if name.rpartition("/")[2] == "input_weight"]


def _silence(layer: Layer, own: Params, units: Indices) -> None:
    """What a recurrent layer does with these units of its own: they neither change nor are seen."""
    if isinstance(layer, Bidirectional):
        for way, part in _directions(layer, units).items():
            _silence(layer.layer, own.scope(way), part)
        return
    assert isinstance(layer, RNN | LSTM | GRU | Clockwork)
    if isinstance(layer, Clockwork):
        own["input_weight"][:, units] = 0
        own["bias"][units] = 0
        size = layer.units // len(layer.periods)
        for group in range(len(layer.periods)):
            weight, local = own[f"recurrent_weight{group + 1}"], units - group * size
            weight[local[local >= 0]] = 0
            weight[:, local[(local >= 0) & (local < size)]] = 0
        return
    last = own["input_weight"].shape[1] - layer.units  # the candidate lies last
    own["recurrent_weight"][units] = 0
    for name in ("input_weight", "recurrent_weight", "bias"):
        if name in own:
            own[name][..., last + units] = 0
    if "recurrent_bias" in own:
        own["recurrent_bias"][units] = 0
    if isinstance(layer, LSTM) and layer.peephole == "full":
        own["peephole"][units] = 0


def _forget_beginning(known: Mapping[str, Node], node: Node, units: Indices) -> None:
    """In a decoder behind a dense bridge these units begin at 0, too."""
    parent, _, name = node.path.rpartition("/")
    owner = known.get(parent.rpartition("/")[0])
    if owner is not None and parent.endswith("/decoder"):
        for path, array in owner.params.items():
            if path.startswith(f"bridge/{name}/"):
                array[..., units] = 0


def _hold(node: Node, off: Off) -> None:
    layer, way, gate = node.layer, "", str(off.gate)
    if isinstance(layer, Bidirectional):
        way, _, gate = gate.rpartition("/")
        cell = layer.layer
        if way not in ("", "forward", "backward"):
            raise TuinetError(f"{node.path} has no direction {way!r}", f"forward/{gate} or backward/{gate}.")
        size = cell.units if way else 2 * cell.units
    else:
        cell, size = layer, getattr(layer, "units", 0)
    known = _gates(cell)
    if not known:
        hint = f"lstm and gru have some. Units can be off: {node.path}:0."
        raise TuinetError(f"{node.path} has no gates", hint)
    gate = "output_gate" if gate == "output" and "output_gate" in known else gate  # as people and views call it
    if gate not in known:
        names = ", ".join(name.removesuffix("_gate") for name in known)
        raise TuinetError(f"{node.path} has no gate {gate!r}", f"Its gates: {names}.")
    if off.value < 0 and gate != "candidate":
        raise TuinetError(f"{gate} of {node.path} lies between 0 and 1", f"{off.layer}:{off.gate}=0 or =1.")
    units = _checked(node.path, off.units, size, "unit")
    if isinstance(layer, Bidirectional):
        parts = {way: units} if way else _directions(layer, units)
        for each, part in parts.items():
            _hold_gate(node.path, cell, node.params.scope(each), gate, off.value, part)
    else:
        _hold_gate(node.path, cell, node.params, gate, off.value, units)


def _hold_gate(path: str, layer: Layer, own: Params, gate: str, value: int, units: Indices) -> None:
    assert isinstance(layer, LSTM | GRU)
    gates = _gates(layer)
    place = gates.index(gate)
    level = value * HELD if gate == "candidate" else (2 * value - 1) * HELD
    if level and "bias" not in own:
        hint = f"Without: {path}:candidate=0, or units: {path}:0."
        raise TuinetError(f"{path} has no biases that could hold its {gate} at {value}", hint)
    columns = place * layer.units + units
    own["input_weight"][:, columns] = 0
    own["recurrent_weight"][:, columns] = 0
    if "bias" in own:
        own["bias"][columns] = level
    if gate == "candidate" and "recurrent_bias" in own:
        own["recurrent_bias"][units] = 0
    if gate != "candidate" and "peephole" in own:
        peephole = own["peephole"]
        if isinstance(layer, LSTM) and layer.peephole == "diagonal":
            peephole[place, units] = 0
        else:
            peephole[:, columns] = 0


def _gates(layer: Layer) -> tuple[str, ...]:
    """In the order in which they lie, the candidate last."""
    if isinstance(layer, LSTM):
        return layer.gates
    return ("update", "reset", "candidate") if isinstance(layer, GRU) else ()


def _directions(layer: Bidirectional, units: Indices) -> dict[str, Indices]:
    half = layer.layer.units
    return {"forward": units[units < half], "backward": units[units >= half] - half}


def _size(node: Node) -> int:
    """How many units, maps or values there are: the last axis of what the layer gives."""
    return node.after.sizes[-1]


def _checked(path: str, units: tuple[int, ...] | None, size: int, what: str) -> Indices:
    """Those units, or all. Raises TuinetError if there is one that the layer does not have."""
    return np.array(picked(units, size, what, path), np.intp)


def _units(text: str) -> tuple[int, ...]:
    """Like 0,3-7, in order and each once. Raises TuinetError for anything else."""
    return tuple(sorted(numbers(text, "units", FORMS)))


def _ranges(units: Several[int]) -> str:
    """0,3-7: runs of neighbours in short."""
    runs: list[tuple[int, int]] = []
    for unit in units:
        if runs and unit == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], unit)
        else:
            runs.append((unit, unit))
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)
