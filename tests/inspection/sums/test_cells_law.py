"""The law of the arithmetic: over every layer, every value that it works out is what its terms give.

The bounds are 1e-6·Σ|terms| in float32 and 1e-12·Σ|terms| in float64.
"""

from __future__ import annotations

import dataclasses
import math
import re
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from tests.nn.test_laws import EXAMPLES, draw, every_layer
from tuinet.errors import TuinetError
from tuinet.inspection.passes import Place, context, forward
from tuinet.inspection.sums.cells import cell, worked_values
from tuinet.inspection.view import Part, Sum
from tuinet.nn.gradcheck import values_of, with_values
from tuinet.nn.layer import Layer, Shape
from tuinet.nn.layers.dropout import GaussianNoise
from tuinet.nn.network import Sequential
from tuinet.nn.params import Params
from tuinet.nn.recurrent import OverTime
from tuinet.nn.seq2seq import Seq2Seq
from tuinet.nn.sequence import Sequence

both_dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])
both_masks = pytest.mark.parametrize("masks", [None, 3], ids=["predicting", "training"])


def places(layer: Layer, shape: Shape, dtype: Any, masks: int | None = None) -> list[Place]:
    """Every layer of an example in one pass; a recurrent one begins in a state that is not zero."""
    params, x, _ = draw(layer, shape, dtype=dtype)
    ctx = context(masks)
    if isinstance(layer, OverTime):
        return [begun(layer, params, x, ctx)]
    if isinstance(layer, Sequential):
        found = forward(layer.layers, params, x, ctx)
    else:
        network = Sequential((layer,))
        found = forward(network.layers, Params(network.param_shapes(shape), params.vector), x, ctx)
    return [place for place in found.places.values() if not isinstance(place.layer, Seq2Seq)]


def begun(layer: OverTime, params: Params, x: Sequence, ctx: Any) -> Place:
    rng = np.random.default_rng(11)
    first = tuple(
        (rng.integers(0, 9, (3, size)) if name in layer.counters else rng.normal(size=(3, size))).astype(x.values.dtype)
        for name, size in layer.state_sizes().items()
    )
    y, last, kept = layer.run(params, x, first, ctx)
    return Place("layer1", layer, params, x, y, first, last, kept)


def indices(place: Place, name: str, count: int = 4) -> Iterator[tuple[int, ...]]:
    """The first and the last place of a value, and some in between; of sequences, only steps that there are."""
    shape = place.values[name].array.shape
    rng = np.random.default_rng(len(name))
    for draw_no in range(count + 2):
        at = [0 if draw_no == 0 else size - 1 if draw_no == 1 else int(rng.integers(size)) for size in shape]
        if isinstance(place.x, Sequence) and place.values[name].axes[1] == "step":
            at[1] %= int(place.x.steps.lengths[at[0]])
        yield tuple(at)


def sums(place: Place, count: int = 4) -> Iterator[Sum]:
    for name in worked_values(place):
        for index in indices(place, name, count):
            yield cell(place, name, index)


TINY = {dtype: float(np.finfo(dtype).smallest_subnormal) for dtype in (np.float32, np.float64)}

FUNCTIONS: dict[str, Callable[[float], float]] = {
    "": lambda n: n,
    "tanh": math.tanh,
    "tanh(n / 2)": lambda n: math.tanh(n / 2),
    "max(n, 0)": lambda n: max(n, 0.0),
    "1 / Σ": lambda n: 1 / n,
    "1 where n ≥ 0, else 0": lambda n: float(n >= 0),
    "1 where n ≥ 0, else −1": lambda n: 1.0 if n >= 0 else -1.0,
}


def function(name: str) -> Callable[[float], float]:
    if found := re.fullmatch(r"1 where n mod (\d+) = 0, else 0", name):
        return lambda n: float(n % int(found[1]) == 0)
    return FUNCTIONS[name]


def check_part(part: Part) -> None:
    assert part.terms
    for term in part.terms:
        assert len(term.names) == len(term.factors) > 0
        assert all(term.names)
        assert term.product == math.prod(term.factors)
    products = [term.product for term in part.terms]
    assert part.total == (max(products) if part.how == "largest" else math.fsum(products))
    assert len(products) == 1 or part.how != "only"
    assert part.value == function(part.function)(part.total)


@every_layer
@both_masks
@both_dtypes
def test_every_value_is_what_its_terms_give(layer: Layer, shape: Shape, masks: int | None, dtype: Any) -> None:
    for place in places(layer, shape, dtype, masks):
        for found in sums(place):
            assert found.agrees, f"{found.name}: {found.value} and {found.stored} differ by more than {found.bound}"
            for part in found.parts:
                check_part(part)
            assert found.parts[-1].value == found.value
            assert found.magnitude == math.fsum(abs(term.product) for part in found.parts for term in part.terms)
            share, terms = 1e-6 if dtype == np.float32 else 1e-12, sum(len(part.terms) for part in found.parts)
            assert found.bound == pytest.approx(share * found.magnitude, rel=1e-9, abs=terms * TINY[dtype])
            assert found.equation
            assert found.name.startswith(place.path)


# ── what is false is noticed ─────────────────────────────────────────────────────────────────────────────────────────


def showing(place: Place, name: str, index: tuple[int, ...], more: float) -> Place:
    """The same place, but for one value, which is stored as larger."""
    value = place.values[name]
    array = value.array.copy()
    array[index] += more
    copy = dataclasses.replace(place)
    copy.__dict__["values"] = {**place.values, name: value._replace(array=array)}
    return copy


@every_layer
@both_masks
def test_a_false_value_is_noticed(layer: Layer, shape: Shape, masks: int | None) -> None:
    for place in places(layer, shape, np.float64, masks):
        for name in worked_values(place):
            for index in indices(place, name, 2):
                right = cell(place, name, index)
                more = 4 * right.bound + 1e-15 * abs(right.stored)
                found = cell(showing(place, name, index, more), name, index)
                assert not found.agrees, found.name


@every_layer
def test_a_false_weight_is_noticed(layer: Layer, shape: Shape) -> None:
    for place in places(layer, shape, np.float64):
        for name, part in place.params.slices.items():
            vector = place.params.vector.copy()
            vector[part] += 1e-6
            copy = dataclasses.replace(place, params=place.params.like(vector))
            assert not all(found.agrees for found in sums(copy, 60)), f"{place.path}: {name}"


ALONE = [each for each in EXAMPLES if not isinstance(each[0], Sequential | Seq2Seq | GaussianNoise)]
"""Of noise nothing is known but the difference that it made, so whatever it gives is right."""


@pytest.mark.parametrize(("layer", "shape"), ALONE, ids=[type(layer).__name__ for layer, _ in ALONE])
@both_dtypes
def test_a_false_layer_is_noticed(layer: Layer, shape: Shape, dtype: Any) -> None:
    kind = type(layer)

    def forward(self: Layer, params: Params, x: Any, ctx: Any) -> Any:
        y, kept = kind.forward(self, params, x, ctx)
        return with_values(y, values_of(y) * dtype(1.001) + dtype(0.003)), kept

    def run(self: OverTime, params: Params, x: Any, state: Any, ctx: Any) -> Any:
        y, last, kept = kind.run(self, params, x, state, ctx)  # type: ignore[attr-defined]
        return with_values(y, values_of(y) * dtype(1.001) + dtype(0.003)), last, kept

    broken = with_method(layer, "run", run) if isinstance(layer, OverTime) else with_method(layer, "forward", forward)
    (place,) = places(broken, shape, dtype)
    assert not all(cell(place, "output", index).agrees for index in indices(place, "output"))


def with_method(layer: Layer, name: str, method: Any) -> Layer:
    """A copy of a layer, of a type of its own that does this one thing in another way."""
    kind = types.new_class(
        "Broken", (type(layer),), {"frozen": True, "tag": "broken"}, lambda body: body.update({name: method})
    )
    return kind(**{field: getattr(layer, field) for field in layer.__struct_fields__})


def test_weights_are_learnt_and_behind_no_sum() -> None:
    for layer, shape in EXAMPLES:
        for place in places(layer, shape, np.float64):
            for name in {*place.values} - {*worked_values(place)}:
                assert name.split("/")[-1] in {"weight", "kernels", "input_weight", "recurrent_weight", "peephole"}
                with pytest.raises(TuinetError, match=f"{name} of .* is learnt"):
                    cell(place, name, (0,) * place.values[name].array.ndim)
