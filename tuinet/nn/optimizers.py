"""How gradients move parameters. An optimizer is a frozen struct and one loop over blocks of the flat vector.

θ the parameters, g = dJ/dθ, α the rate of this step (a schedule may change it), t the step, counted from 1.
The definitions are PyTorch's, so that settings found elsewhere mean the same here. State begins at zero.

Each `update` works in place, block by block, and makes no array but its scratch: plain expressions, whose temporary
arrays are mapped anew each time, take Adam three to four times as long (benchmarks/optimizer.py).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, ClassVar

import msgspec
import numpy as np

from tuinet.nn.params import Array
from tuinet.nn.ranges import BLOCK, Ranges, blocks

Rate = Annotated[float, msgspec.Meta(gt=0, le=1e6)]
Fraction = Annotated[float, msgspec.Meta(ge=0, lt=1)]
Epsilon = Annotated[float, msgspec.Meta(gt=0, le=1)]


class _Optimizer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="kind"):
    slots: ClassVar[tuple[str, ...]] = ()
    """The names of the state vectors, each as long as θ."""


class Sgd(_Optimizer, frozen=True, tag="sgd"):
    """Stochastic gradient descent: θ ← θ − α g.

    With the perceptron loss, one sample at a time and α = 0.5 this is the perceptron rule.
    """

    rate: Rate = 0.01
    """The step size α at the start; the schedule may change it."""

    def update(
        self,
        vector: Array,
        gradient: Array,
        state: Mapping[str, Array],
        rate: float,
        step: int,
        scratch: Array,
        slices: Ranges | None = None,
    ) -> None:
        """Change `vector` in place, only within `slices` (None: everywhere). `scratch` comes from `new_scratch`."""
        for part in blocks(vector.size, slices):
            theta, g = vector[part], gradient[part]
            work = scratch[: g.size]
            np.multiply(g, rate, out=work)
            np.subtract(theta, work, out=theta)


class Momentum(_Optimizer, frozen=True, tag="momentum"):
    """A rolling ball: v ← μ v + g, θ ← θ − α v; with `nesterov` θ ← θ − α (g + μ v).

    Polyak (1964); Nesterov's form after Sutskever et al., "On the importance of initialization and momentum" (2013).
    """

    rate: Rate = 0.01
    """The step size α at the start; the schedule may change it."""
    momentum: Fraction = 0.9
    """μ, how much of the velocity is kept from step to step."""
    nesterov: bool = False
    """Look ahead: move by g + μ v instead of by v."""

    slots: ClassVar[tuple[str, ...]] = ("velocity",)

    def update(
        self,
        vector: Array,
        gradient: Array,
        state: Mapping[str, Array],
        rate: float,
        step: int,
        scratch: Array,
        slices: Ranges | None = None,
    ) -> None:
        """Change `vector` and `state` in place, only within `slices` (None: everywhere)."""
        velocity = state["velocity"]
        for part in blocks(vector.size, slices):
            theta, g, v = vector[part], gradient[part], velocity[part]
            work = scratch[: g.size]
            np.multiply(v, self.momentum, out=v)
            np.add(v, g, out=v)
            if self.nesterov:
                np.multiply(v, self.momentum, out=work)
                np.add(work, g, out=work)
                np.multiply(work, rate, out=work)
            else:
                np.multiply(v, rate, out=work)
            np.subtract(theta, work, out=theta)


class RmsProp(_Optimizer, frozen=True, tag="rmsprop"):
    """Each value has a step of its own size: q ← ρ q + (1 − ρ) g², θ ← θ − α g / (√q + ε).

    Tieleman & Hinton, Coursera "Neural networks for machine learning", lecture 6.5 (2012). ρ is `decay`.
    """

    rate: Rate = 0.001
    """The step size α at the start; the schedule may change it."""
    decay: Fraction = 0.9
    """ρ, how slowly the mean of squares forgets."""
    epsilon: Epsilon = 1e-8
    """ε, which keeps the division finite."""

    slots: ClassVar[tuple[str, ...]] = ("sum_of_squares",)

    def update(
        self,
        vector: Array,
        gradient: Array,
        state: Mapping[str, Array],
        rate: float,
        step: int,
        scratch: Array,
        slices: Ranges | None = None,
    ) -> None:
        """Change `vector` and `state` in place, only within `slices` (None: everywhere)."""
        square = state["sum_of_squares"]
        # the state holds the sum Q = q / (1 − ρ), which saves a pass: α g / (√q + ε) = (α / c) · g / (√Q + ε / c)
        c = math.sqrt(1.0 - self.decay)
        scale, epsilon = rate / c, self.epsilon / c
        for part in blocks(vector.size, slices):
            theta, g, q = vector[part], gradient[part], square[part]
            work = scratch[: g.size]
            np.multiply(q, self.decay, out=q)
            np.multiply(g, g, out=work)
            np.add(q, work, out=q)
            np.sqrt(q, out=work)
            np.add(work, epsilon, out=work)
            np.divide(g, work, out=work)
            np.multiply(work, scale, out=work)
            np.subtract(theta, work, out=theta)


class Adam(_Optimizer, frozen=True, tag="adam"):
    """m ← β₁ m + (1 − β₁) g, q ← β₂ q + (1 − β₂) g², θ ← θ − α m̂ / (√q̂ + ε), m̂ = m / (1 − β₁ᵗ), q̂ = q / (1 − β₂ᵗ).

    Kingma & Ba, "Adam: a method for stochastic optimization" (2015). With `weight_decay` of the regularization
    it is AdamW (Loshchilov & Hutter 2019).
    """

    rate: Rate = 0.001
    """The step size α at the start; the schedule may change it."""
    beta1: Fraction = 0.9
    """β₁, how slowly the mean of gradients forgets."""
    beta2: Fraction = 0.999
    """β₂, how slowly the mean of squares forgets."""
    epsilon: Epsilon = 1e-8
    """ε, which keeps the division finite."""

    slots: ClassVar[tuple[str, ...]] = ("sum", "sum_of_squares")

    def update(
        self,
        vector: Array,
        gradient: Array,
        state: Mapping[str, Array],
        rate: float,
        step: int,
        scratch: Array,
        slices: Ranges | None = None,
    ) -> None:
        """Change `vector` and `state` in place, only within `slices` (None: everywhere). `step` counts from 1."""
        total, square = state["sum"], state["sum_of_squares"]
        # The state holds sums, M = m / (1 − β₁) and Q = q / (1 − β₂), which saves two passes over the vector.
        # What m̂ and √q̂ differ by from M and √Q are then scalars, `first` and `second`:
        # α m̂ / (√q̂ + ε) = (α first / second) · M / (√Q + ε / second)
        first = (1.0 - self.beta1) / (1.0 - self.beta1**step)
        second = math.sqrt((1.0 - self.beta2) / (1.0 - self.beta2**step))
        scale, epsilon = rate * first / second, self.epsilon / second
        for part in blocks(vector.size, slices):
            theta, g, m, q = vector[part], gradient[part], total[part], square[part]
            work = scratch[: g.size]
            np.multiply(m, self.beta1, out=m)
            np.add(m, g, out=m)
            np.multiply(q, self.beta2, out=q)
            np.multiply(g, g, out=work)
            np.add(q, work, out=q)
            np.sqrt(q, out=work)
            np.add(work, epsilon, out=work)
            np.divide(m, work, out=work)
            np.multiply(work, scale, out=work)
            np.subtract(theta, work, out=theta)


Optimizer = Sgd | Momentum | RmsProp | Adam


def new_state(optimizer: Optimizer, vector: Array) -> dict[str, Array]:
    """The state vectors before the first step: zeros, as long as `vector` and of its dtype."""
    return {slot: np.zeros_like(vector) for slot in optimizer.slots}


def new_scratch(vector: Array) -> Array:
    """Working space for `update` (its content means nothing): one block."""
    return np.empty(min(vector.size, BLOCK), vector.dtype)
