"""What the arithmetic of every layer is written in: the value asked for, terms, and stages of terms.

All in float64, and in Python's own numbers: one value is asked for at a time, and its terms are to be read.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple

import numpy as np

from tuinet.inspection.view import Part, Term, View
from tuinet.nn.layer import Value
from tuinet.nn.params import Array, Params
from tuinet.nn.recurrent import State
from tuinet.nn.sequence import Sequence


class Asked(NamedTuple):
    """One value of a layer: `values[name].array[where]`, and all that may have gone into it, as a `Place` has it."""

    layer: Any
    params: Params
    x: Any
    first: State | None
    values: Mapping[str, Value]
    name: str
    where: tuple[int, ...]

    def stored(self, name: str, *index: int) -> float:
        """What the layer gave elsewhere."""
        return float(self.values[name].array[index])

    def weight(self, name: str, *index: int) -> float:
        return float(self.params[name][index])

    @property
    def steps(self) -> int:
        """How many steps the sample has; for a layer whose input is a `Sequence`."""
        return int(self.x.steps.lengths[self.where[0]])

    def step(self, t: int) -> Array:
        """Step t of the sample's input; for a layer whose input is a `Sequence`."""
        return self.x.values[self.x.steps.row(self.where[0], t)]

    @property
    def input(self) -> Input:
        """What a layer that does not look across time was given where the value lies."""
        if isinstance(self.x, Sequence):
            return Input(self.step(self.where[1]), self.where[2:], "[t]")
        return Input(self.x[self.where[0]], self.where[1:], "")


class Input(NamedTuple):
    """The input of one sample, or of one step; where the value lies in the output of that; what names say of it."""

    array: Array
    where: tuple[int, ...]
    at: str

    def only(self, letter: str) -> Term:
        """The input at the very place of the output."""
        return term((f"{letter}{self.at}{place(*self.where)}", float(self.array[self.where])))


class Worked(NamedTuple):
    """How a value comes about: see `Sum`."""

    equation: str
    parts: tuple[Part, ...]
    pictures: tuple[View, ...] = ()
    notes: tuple[str, ...] = ()


def place(*index: int) -> str:
    """[2,5,0]"""
    return f"[{','.join(map(str, index))}]"


def numbers(array: Array) -> list[float]:
    """As Python's own float64."""
    return np.asarray(array, np.float64).tolist()


def term(*factors: tuple[str, float]) -> Term:
    """The product of named factors. A product of −0 is 0."""
    values = tuple(value for _, value in factors)
    return Term(tuple(name for name, _ in factors), values, math.prod(values) + 0.0)


def weighted(
    inputs: Array, weights: Array, input_name: Callable[[int], str], weight_name: Callable[[int], str]
) -> list[Term]:
    """Input k times weight k, for all k."""
    pairs = enumerate(zip(numbers(inputs), numbers(weights), strict=True))
    return [Term((input_name(k), weight_name(k)), (x, w), x * w + 0.0) for k, (x, w) in pairs]


def stage(
    name: str,
    terms: Iterable[Term],
    function: str = "",
    apply: Callable[[float], float] | None = None,
    how: Literal["sum", "largest", "only"] = "sum",
) -> Part:
    """The terms together, and what `apply`, which `function` names, makes of the total."""
    found = tuple(terms)
    products = [each.product for each in found]
    total = float(np.max(products)) if how == "largest" else added(products)
    return Part(name, how, found, total, function, total if apply is None else apply(total))


def added(numbers: list[float]) -> float:
    """Their sum, rounded once; of numbers that are not finite, whatever float64 makes of them."""
    try:
        return math.fsum(numbers)
    except (ValueError, OverflowError):  # ∞ − ∞, or a sum beyond what float64 holds
        with np.errstate(all="ignore"):
            return float(np.sum(numbers))


def alone(name: str, only: Term, function: str = "", apply: Callable[[float], float] | None = None) -> Part:
    """A single term, and what a function makes of it."""
    return stage(name, (only,), function, apply, "only")


def squashed(name: str, net: str, terms: Iterable[Term]) -> tuple[Part, Part]:
    """σ of a sum, as ½ tanh(n / 2) + ½: the same function, which cannot overflow, and whose terms are never all
    close to 0 where rounding is not."""
    inner = stage(net, terms, "tanh(n / 2)", lambda n: math.tanh(n / 2))
    outer = stage(name, (term(("½", 0.5), ("tanh(n / 2)", inner.value)), term(("½", 0.5))))
    return inner, outer
