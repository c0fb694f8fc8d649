"""Recurrent layers over packed sequences of different lengths with PyTorch; peepholes and the plain GRU with ONNX.

Parameters and their gradients are stored as one vector in tuinet's order and layout; x, y and their gradients as the
steps of one sequence after the other; states as (states, B, H): for each layer, for each direction, hidden and cell.
"""

from __future__ import annotations

import numpy as np
import torch
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from vectors import put

LENGTHS = [3, 5, 1, 4]
INPUTS, UNITS = 3, 4

GATES = {"lstm": [1, 0, 3, 2], "gru": [1, 0, 2], "rnn": [0]}
"""Where each of tuinet's gates stands among PyTorch's: LSTM f i o C̃ among i f g o, GRU z r h̃ among r z n."""

CASES = [
    ("rnn", {"kind": "rnn"}, 1),
    ("rnn-relu", {"kind": "rnn", "activation": "relu"}, 1),
    ("lstm", {"kind": "lstm"}, 1),
    ("gru", {"kind": "gru", "form": "pytorch"}, 1),
    ("gru-without-bias", {"kind": "gru", "form": "pytorch", "bias": False}, 1),
    ("rnn-bidirectional", {"kind": "rnn"}, 1),
    ("lstm-bidirectional", {"kind": "lstm"}, 1),
    ("gru-bidirectional", {"kind": "gru", "form": "pytorch"}, 1),
    ("rnn-two-layers", {"kind": "rnn"}, 2),
    ("lstm-two-layers", {"kind": "lstm"}, 2),
    ("gru-two-layers", {"kind": "gru", "form": "pytorch"}, 2),
    ("lstm-two-layers-bidirectional", {"kind": "lstm"}, 2),
]


def recurrent(rng):
    found = {}
    for case, settings, depth in CASES:
        both = "bidirectional" in case
        kind, layer = settings["kind"], {"units": UNITS, **settings}
        more = {"nonlinearity": settings.get("activation", "tanh")} if kind == "rnn" else {}
        module = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[kind](
            INPUTS, UNITS, depth, bidirectional=both, bias=settings.get("bias", True), **more
        )
        with torch.no_grad():
            for parameter in module.parameters():
                parameter[...] = torch.tensor(rng.normal(0, 0.6, tuple(parameter.shape)))
        directions = depth * (2 if both else 1)
        names = ("hidden", "cell") if kind == "lstm" else ("hidden",)
        first = [torch.tensor(rng.normal(size=(directions, len(LENGTHS), UNITS)), requires_grad=True) for _ in names]
        x = [torch.tensor(rng.normal(size=(length, INPUTS)), requires_grad=True) for length in LENGTHS]
        packed = pack_padded_sequence(pad_sequence(x), torch.tensor(LENGTHS), enforce_sorted=False)
        y, last = module(packed, tuple(first) if kind == "lstm" else first[0])
        last = last if kind == "lstm" else (last,)
        padded, _ = pad_packed_sequence(y)
        y = torch.cat([padded[:length, i] for i, length in enumerate(LENGTHS)])
        dy = torch.tensor(rng.normal(size=tuple(y.shape)))
        dlast = [torch.tensor(rng.normal(size=tuple(part.shape))) for part in last]
        torch.autograd.backward([y, *last], [dy, *dlast])
        put(
            found,
            case,
            [{"kind": "bidirectional", "layer": layer} if both else layer] * depth,
            lengths=np.array(LENGTHS),
            x=torch.cat(x),
            y=y,
            dy=dy,
            dx=torch.cat([each.grad for each in x]),
            start=flat(module, kind, depth, both, lambda parameter: parameter),
            gradient=flat(module, kind, depth, both, lambda parameter: parameter.grad, sum_biases=False),
            first=states(first),
            last=states(last),
            dfirst=states([part.grad for part in first]),
            dlast=states(dlast),
        )
    return found


def states(parts):
    """(directions, B, H) for each of hidden and cell → (directions · parts, B, H), hidden beside cell."""
    return torch.stack(list(parts), 1).flatten(0, 1)


def flat(module, kind, depth, both, pick, sum_biases=True):
    """All parameters, or their gradients, as tuinet's vector.

    PyTorch adds two biases where tuinet has one: their sum is the parameter, and either's gradient is its gradient.
    """
    found = []
    for name in [f"l{k}{way}" for k in range(depth) for way in (("", "_reverse") if both else ("",))]:
        for weight in (f"weight_ih_{name}", f"weight_hh_{name}"):
            found.append(torch.cat([pick(getattr(module, weight)).chunk(len(GATES[kind]))[k] for k in GATES[kind]]).T)
        if not module.bias:
            continue
        ours, theirs = (
            [pick(getattr(module, f"bias_{side}_{name}")).chunk(len(GATES[kind]))[k] for k in GATES[kind]]
            for side in ("ih", "hh")
        )
        own = ours.pop() if kind == "gru" else None
        beside = theirs.pop() if kind == "gru" else None
        found += [a + b for a, b in zip(ours, theirs, strict=True)] if sum_biases else ours
        if own is not None:
            found += [own, beside]
    return torch.cat([part.reshape(-1) for part in found])


def onnx_recurrent(rng):
    """One state and the next of ONNX's operators: forward only, sequences of one length."""
    found = {}
    batch, steps = 2, 5
    for case, settings, op, gates in [
        ("lstm", {"kind": "lstm"}, "LSTM", 4),
        ("lstm-peephole", {"kind": "lstm", "peephole": "diagonal"}, "LSTM", 4),
        ("gru-plain", {"kind": "gru"}, "GRU", 3),
    ]:
        x = rng.normal(size=(steps, batch, INPUTS))
        w, r = rng.normal(size=(1, gates * UNITS, INPUTS)), rng.normal(size=(1, gates * UNITS, UNITS))
        b = np.concatenate([rng.normal(size=(1, gates * UNITS)), np.zeros((1, gates * UNITS))], axis=1)
        fed = {"x": x, "w": w, "r": r, "b": b}
        names, more = ["x", "w", "r", "b"], {}
        if "peephole" in settings:
            fed["p"] = rng.normal(size=(1, 3 * UNITS))  # i, o, f
            names += ["", "", "", "p"]
            more = {"peephole": fed["p"].reshape(3, UNITS)[[2, 0, 1]]}
        inputs = [helper.make_tensor_value_info(name, TensorProto.DOUBLE, None) for name in fed]
        output = helper.make_tensor_value_info("y", TensorProto.DOUBLE, None)
        node = helper.make_node(op, names, ["y"], hidden_size=UNITS)
        graph = helper.make_graph([node], "g", inputs, [output])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)])
        (y,) = ReferenceEvaluator(model).run(None, fed)
        # LSTM f i o C̃ among i o f c; GRU z r h̃ stand alike, but ONNX's z is the share of the old: 1 − σ(a) = σ(−a)
        order, signs = ([2, 0, 1, 3], [1, 1, 1, 1]) if op == "LSTM" else ([0, 1, 2], [-1, 1, 1])
        weight, recurrent_weight, bias = (
            np.concatenate([sign * np.split(part, gates)[k] for k, sign in zip(order, signs, strict=True)])
            for part in (w[0], r[0], b[0, : gates * UNITS])
        )
        put(
            found,
            case,
            {"units": UNITS, **settings},
            x=x.transpose(1, 0, 2),
            y=y[:, 0].transpose(1, 0, 2),
            input_weight=weight.T,
            recurrent_weight=recurrent_weight.T,
            bias=bias,
            **more,
        )
    return found
