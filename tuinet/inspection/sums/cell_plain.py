"""The arithmetic of layers whose values are one sum, one function or one choice of what went in."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from tuinet.inspection.sums.cell_parts import Asked, Worked, alone, numbers, place, squashed, stage, term, weighted
from tuinet.nn.layers.activation import Linear, Relu, Sigmoid, Sign, Step, Tanh
from tuinet.nn.layers.over_time import MaxOverTime

_FUNCTIONS: dict[type, tuple[str, str, Callable[[float], float] | None]] = {
    Step: ("y = 1 where n ≥ 0, else 0", "1 where n ≥ 0, else 0", lambda n: float(n >= 0)),
    Sign: ("y = +1 where n ≥ 0, else −1", "1 where n ≥ 0, else −1", lambda n: 1.0 if n >= 0 else -1.0),
    Tanh: ("y = tanh n", "tanh", math.tanh),
    Relu: ("y = max(n, 0)", "max(n, 0)", lambda n: n if n > 0 or math.isnan(n) else 0.0),
    Linear: ("y = n", "", None),
}


def dense(asked: Asked) -> Worked:
    given = asked.input
    (j,) = given.where
    weight = asked.params["weight"][:, j]
    terms = weighted(given.array, weight, lambda k: f"x{given.at}[{k}]", lambda k: f"weight[{k},{j}]")
    if asked.layer.bias:
        terms.append(term((f"bias[{j}]", asked.weight("bias", j))))
    return Worked("y = x W + b" if asked.layer.bias else "y = x W", (stage("sum of products", terms),))


def activation(asked: Asked) -> Worked:
    """A function of one value."""
    only = asked.input.only("n")
    if isinstance(asked.layer, Sigmoid):
        inner, outer = squashed("sigmoid", "n", (only,))
        return Worked("y = 1 / (1 + e⁻ⁿ) = ½ tanh(n / 2) + ½", (alone("n", only, inner.function, _half_tanh), outer))
    kind = next(kind for kind in _FUNCTIONS if isinstance(asked.layer, kind))
    equation, function, apply = _FUNCTIONS[kind]
    return Worked(equation, (alone("n", only, function, apply),))


def _half_tanh(n: float) -> float:
    return math.tanh(n / 2)


def softmax(asked: Asked) -> Worked:
    """The largest n is subtracted from all, which changes no quotient, and no power can overflow."""
    given = asked.input
    *before, j = given.where
    values = numbers(given.array[tuple(before)])
    largest = float(np.max(values))
    winner = values.index(largest) if largest in values else j
    powers = [math.exp(n - largest) for n in values]
    names = [f"e^(n{given.at}{place(*before, k)} − largest)" for k in range(len(values))]
    below = stage("Σ", (term(pair) for pair in zip(names, powers, strict=True)), "1 / Σ", lambda n: 1 / n)
    quotient = term((names[j], powers[j]), ("1 / Σ", below.value))
    notes = (f"the largest n is number {winner}: {largest:.6g}",)
    return Worked("yⱼ = e^{nⱼ} / Σₖ e^{nₖ}", (below, alone("quotient", quotient)), notes=notes)


def flatten(asked: Asked) -> Worked:
    given = asked.input
    found = np.unravel_index(given.where[0], given.array.shape)
    cell = tuple(int(i) for i in found)
    only = term((f"x{given.at}{place(*cell)}", float(given.array[cell])))
    return Worked("y = x, all values in one row", (alone("copied", only),))


def dropout(asked: Asked) -> Worked:
    """The mask was drawn: whether a value was kept is read off it, and how much it then grew is worked out."""
    only = asked.input.only("x")
    if "mask" not in asked.values:
        return Worked("y = x", (alone("copied", only),), notes=("nothing is dropped outside training",))
    kept = float(asked.stored("mask", *asked.where) != 0)
    grows = term(("kept", kept), ("1 / (1 − p)", 1 / (1 - asked.layer.rate)))
    notes = (f"drawn: {'kept' if kept else 'dropped'}; p = {asked.layer.rate:g} are dropped",)
    if asked.name == "mask":
        return Worked("mask = 1 / (1 − p) where kept, else 0", (alone("mask", grows),), notes=notes)
    part = alone("dropout", term((only.names[0], only.product), *zip(grows.names, grows.factors, strict=True)))
    return Worked("y = x / (1 − p) where kept, else 0", (part,), notes=notes)


def noise(asked: Asked) -> Worked:
    """The noise was drawn; what is known of it is the difference it made."""
    only = asked.input.only("x")
    if "noise" not in asked.values:
        return Worked("y = x", (alone("copied", only),), notes=("there is no noise outside training",))
    notes = (f"drawn from a normal distribution with standard deviation {asked.layer.deviation:g}",)
    if asked.name == "noise":
        came = term(("y", asked.stored("output", *asked.where)))
        less = term(("−1", -1.0), (only.names[0], only.product))
        return Worked("noise = y − x", (stage("difference", (came, less)),), notes=notes)
    drawn = term(("noise", asked.stored("noise", *asked.where)))
    return Worked("y = x + noise", (stage("sum", (only, drawn)),), notes=notes)


def embedding(asked: Asked) -> Worked:
    given = asked.input
    (j,) = given.where
    symbol = int(given.array)
    only = term((f"weight[{symbol},{j}]", asked.weight("weight", symbol, j)))
    return Worked("y = weight[x]", (alone("looked up", only),), notes=(f"the symbol is number {symbol}",))


def one_hot(asked: Asked) -> Worked:
    given = asked.input
    (j,) = given.where
    symbol = int(given.array)
    part = alone("looked up", term((f"x{given.at} = {j}", float(symbol == j))))
    return Worked("y = 1 at the symbol's place, 0 elsewhere", (part,), notes=(f"the symbol is number {symbol}",))


def rows(asked: Asked) -> Worked:
    """Step t is row t."""
    sample, t, unit = asked.where
    row = asked.x[sample, t]
    cell = tuple(int(i) for i in np.unravel_index(unit, row.shape))
    return Worked("x⁽ᵗ⁾ = row t of the image", (alone("copied", term((f"x{place(t, *cell)}", float(row[cell])))),))


def last_step(asked: Asked) -> Worked:
    _, unit = asked.where
    turned = asked.layer.both_ways and unit >= asked.x.values.shape[1] // 2
    t = 0 if turned else asked.steps - 1
    part = alone("copied", term((f"x[{t}][{unit}]", float(asked.step(t)[unit]))))
    if turned:
        return Worked("y = x⁽⁰⁾", (part,), notes=("the backward direction ends at the first step",))
    return Worked("y = x⁽ᵀ⁾", (part,), notes=(f"the last step is number {t}",))


def over_time(asked: Asked) -> Worked:
    """The mean or the largest over the sample's own steps."""
    _, unit = asked.where
    count = asked.steps
    values = [float(asked.step(t)[unit]) for t in range(count)]
    share = [] if isinstance(asked.layer, MaxOverTime) else [(f"1 / {count}", 1 / count)]
    terms = [term((f"x[{t}][{unit}]", value), *share) for t, value in enumerate(values)]
    if share:
        return Worked("y = (1/T) Σₜ x⁽ᵗ⁾", (stage("mean over the steps", terms),))
    notes = (f"the largest is at step {int(np.argmax(values))}",)
    return Worked("y = maxₜ x⁽ᵗ⁾", (stage("steps", terms, how="largest"),), notes=notes)
