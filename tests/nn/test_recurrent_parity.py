"""Recurrent layers against PyTorch and ONNX's reference, by vectors stored under tests/reference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from tuinet.nn import stack
from tuinet.nn.context import Arena, Context
from tuinet.nn.layer import Shape
from tuinet.nn.network import AnyLayer, Sequential
from tuinet.nn.params import Params
from tuinet.nn.sequence import Ragged, pack, unpack

REFERENCE = Path(__file__).parents[1] / "reference"
types = pytest.mark.parametrize("dtype", [np.float64, np.float32])
SERIES = Shape.vector(3).over_time


def load(family: str) -> dict[str, dict[str, np.ndarray]]:
    """{case: {name: array}}"""
    cases: dict[str, dict[str, np.ndarray]] = {}
    with np.load(REFERENCE / f"{family}.npz") as stored:
        for key in stored.files:
            case, name = key.split("/")
            cases.setdefault(case, {})[name] = stored[key]
    return cases


TORCH, ONNX = load("recurrent"), load("onnx_recurrent")


def agree(ours: np.ndarray, theirs: np.ndarray, dtype: Any) -> None:
    """Within 1e-10 in float64 and 1e-5 in float32 of the size of the largest value."""
    assert ours.dtype == dtype and ours.shape == theirs.shape
    tolerance = (1e-10 if dtype == np.float64 else 1e-5) * max(1.0, float(np.abs(theirs).max()))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance)


@types
@pytest.mark.parametrize("name", TORCH)
def test_pytorch(name: str, dtype: Any) -> None:
    """Outputs, last states, and the gradients of the inputs, the first states and every parameter."""
    case = {key: value if value.dtype.kind in "Ui" else value.astype(dtype) for key, value in TORCH[name].items()}
    layers = msgspec.json.decode(str(case["settings"]), type=tuple[AnyLayer, ...])
    offsets = np.concatenate([[0], np.cumsum(case["lengths"])]).astype(np.intp)
    params = Params(Sequential(layers).param_shapes(SERIES), case["start"])
    grads, ctx = params.like(np.full_like(params.vector, np.nan)), Context(training=True, arena=Arena())

    def by_layer(stored: np.ndarray) -> dict[str, tuple[np.ndarray, ...]]:
        parts = iter(stored)
        return {
            layer_name: tuple(next(parts) for _ in layer.state_sizes())
            for layer_name, layer in stack.recurrent(layers).items()
        }

    def in_one(states: dict[str, tuple[np.ndarray, ...]]) -> np.ndarray:
        return np.stack([part for layer_name in stack.recurrent(layers) for part in states[layer_name]])

    y, last, cache = stack.run(layers, params, pack(Ragged(case["x"], offsets)), by_layer(case["first"]), ctx)
    agree(unpack(y).values, TORCH[name]["y"], dtype)
    agree(in_one(last), TORCH[name]["last"], dtype)
    dy, dlast = pack(Ragged(case["dy"], offsets)), by_layer(case["dlast"])
    dx, dfirst = stack.run_back(layers, params, cache, dy, dlast, grads, ctx)
    agree(unpack(dx).values, TORCH[name]["dx"], dtype)
    agree(in_one(dfirst), TORCH[name]["dfirst"], dtype)
    agree(grads.vector, TORCH[name]["gradient"], dtype)


@types
@pytest.mark.parametrize("name", ONNX)
def test_onnx(name: str, dtype: Any) -> None:
    case = ONNX[name]
    layer = msgspec.json.decode(str(case["settings"]), type=AnyLayer)
    params = Params.zeros(layer.param_shapes(SERIES), dtype)
    for parameter in params:
        params[parameter][...] = case[parameter]
    y, _ = layer.forward(params, pack(case["x"].astype(dtype)), Context())
    agree(unpack(y).values.reshape(case["y"].shape), case["y"], dtype)
