"""What keeps weights small or steady: L1, L2, weight decay, weight noise, clipped gradients.

Every function takes the ranges of the flat vector that may be touched (None: all of it), so frozen layers stay
bit-identical, and narrows them to the weights unless `biases` says that biases are treated alike.
"""

from __future__ import annotations

import math
from typing import Annotated

import msgspec
import numpy as np

from tuinet.nn.params import Array, Params
from tuinet.nn.ranges import BLOCK, Ranges, blocks, intersection, ranges

Strength = Annotated[float, msgspec.Meta(ge=0, le=1e6)]


class Regularization(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What keeps the weights small or steady. All off by default."""

    l1: Strength = 0.0
    """λ₁: the cost becomes J + λ₁ Σ|w| + (λ₂/2) Σ w²."""
    l2: Strength = 0.0
    """λ₂, see `l1`."""
    weight_decay: Strength = 0.0
    """η: W ← (1 − ηα) W before each step of size α, apart from the gradient. Under plain gradient descent this
    equals l2 = η; under Adam it is AdamW and does not."""
    biases: bool = False
    """Whether the three above and the noise act on biases too; usually they are left alone."""
    weight_noise: Strength = 0.0
    """The standard deviation of normal noise added to the weights for each step's gradient only."""
    clip_norm: Annotated[float, msgspec.Meta(gt=0, le=1e30)] | None = None
    """Gradients longer than this are shortened to it (Pascanu et al. 2013)."""


def add_penalty_gradient(
    reg: Regularization, params: Params, grads: Params, slices: Ranges | None = None, scratch: Array | None = None
) -> None:
    """g ← g + λ₁ sign(w) + λ₂ w, in place (sign(0) = 0). `scratch`: as for an optimizer's update."""
    if not (reg.l1 or reg.l2):
        return
    touched = _touched(reg, params, slices)
    work = _scratch(params.vector) if scratch is None else scratch
    for part in blocks(params.vector.size, touched):
        w, g = params.vector[part], grads.vector[part]
        t = work[: g.size]
        if reg.l1:
            np.sign(w, out=t)
            np.multiply(t, reg.l1, out=t)
            np.add(g, t, out=g)
        if reg.l2:
            np.multiply(w, reg.l2, out=t)
            np.add(g, t, out=g)


def penalty(reg: Regularization, params: Params, slices: Ranges | None = None) -> float:
    """λ₁ Σ|w| + (λ₂/2) Σ w², summed in float64."""
    total = 0.0
    if reg.l1 or reg.l2:
        for part in blocks(params.vector.size, _touched(reg, params, slices)):
            w = params.vector[part].astype(np.float64)
            if reg.l1:
                total += reg.l1 * float(np.abs(w).sum())
            if reg.l2:
                total += 0.5 * reg.l2 * float(np.square(w).sum())
    return total


def decay(reg: Regularization, params: Params, rate: float, slices: Ranges | None = None) -> None:
    """W ← (1 − ηα) W in place, α = `rate`; to be called before the optimizer's update of the same step.

    ηα > 1 would turn the weights' signs: the factor stops at 0.
    """
    if not reg.weight_decay:
        return
    keep = max(0.0, 1.0 - reg.weight_decay * rate)
    for part in _touched(reg, params, slices):
        np.multiply(params.vector[part], keep, out=params.vector[part])


def noisy(
    reg: Regularization, params: Params, out: Params, rng: np.random.Generator, slices: Ranges | None = None
) -> None:
    """out ← params + normal noise of deviation `weight_noise`. The forward and backward pass then use `out`.

    What may not be touched is copied. Noise on the weights favours flat minima (An 1996; Graves 2011).
    """
    out.vector[:] = params.vector
    if not reg.weight_noise:
        return
    for part in blocks(params.vector.size, _touched(reg, params, slices)):
        target = out.vector[part]
        noise = rng.standard_normal(target.size, np.float32 if target.dtype == np.float32 else np.float64)
        np.multiply(noise, reg.weight_noise, out=noise)
        np.add(target, noise, out=target)


def clip(
    reg: Regularization, grads: Params, slices: Ranges | None = None, scratch: Array | None = None
) -> float | None:
    """Shorten the gradient to length `clip_norm` if it is longer; returns its length before (None: clipping is off).

    Biases count as well: it is the direction of the whole step that is kept. A gradient that is not finite is left
    as it is, to be noticed.
    """
    if reg.clip_norm is None:
        return None
    norm = gradient_norm(grads, slices, scratch)
    if reg.clip_norm < norm < math.inf:
        for part in (slice(None),) if slices is None else slices:
            np.multiply(grads.vector[part], reg.clip_norm / norm, out=grads.vector[part])
    return norm


def gradient_norm(grads: Params, slices: Ranges | None = None, scratch: Array | None = None) -> float:
    """√Σg² over `slices`; summed in one fixed order, so it does not depend on the number of BLAS threads."""
    work = _scratch(grads.vector) if scratch is None else scratch
    norm = math.sqrt(_sum_of_squares(grads.vector, slices, work, 1.0))
    if math.isinf(norm):  # float32 squares overflow from 1.8e19 on: measure in units of the largest value
        pieces = [np.abs(grads.vector[part]).max() for part in blocks(grads.vector.size, slices)]
        largest = float(max(pieces))
        if math.isfinite(largest):
            norm = largest * math.sqrt(_sum_of_squares(grads.vector, slices, work, largest))
    return norm


def _sum_of_squares(vector: Array, slices: Ranges | None, work: Array, unit: float) -> float:
    total = 0.0
    with np.errstate(over="ignore"):
        for part in blocks(vector.size, slices):
            g = vector[part]
            t = work[: g.size]
            if unit != 1.0:
                g = np.divide(g, unit, out=t)
            total += float(np.multiply(g, g, out=t).sum(dtype=np.float64))
    return total


def _touched(reg: Regularization, params: Params, slices: Ranges | None) -> Ranges:
    own = ranges(params, role=None if reg.biases else "weight")
    return own if slices is None else intersection(own, slices)


def _scratch(vector: Array) -> Array:
    return np.empty(min(vector.size, BLOCK), vector.dtype)
