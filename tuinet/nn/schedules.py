"""How the learning rate changes during a run. α₀ is the optimizer's rate, i the step counted from 0.

`warmup` steps, where a schedule has them, raise the rate in equal parts: step i < warmup uses (i + 1) / warmup of
what the schedule gives, so the first step uses α₀ / warmup and step warmup − 1 the whole.
"""

from __future__ import annotations

import math
from typing import Annotated

import msgspec

Steps = Annotated[int, msgspec.Meta(ge=0, le=10**9)]


class _Schedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="kind"):
    pass


class Constant(_Schedule, frozen=True, tag="constant"):
    """α(i) = α₀."""

    warmup: Steps = 0
    """How many steps the rate takes to rise to its full size at the beginning."""


class Inverse(_Schedule, frozen=True, tag="inverse"):
    """α(i) = α₀ / (i + c): falling steps, whose sum grows without bound while the sum of their squares does not."""

    c: Annotated[float, msgspec.Meta(gt=0, le=1e9)] = 1.0
    """c: the larger, the slower the fall."""


class StepDecay(_Schedule, frozen=True, tag="step"):
    """α(i) = α₀ · factor^⌊epoch / every⌋: every so many epochs the rate is multiplied by `factor`."""

    every: Annotated[int, msgspec.Meta(ge=1, le=10**9)] = 10
    """Epochs between two changes."""
    factor: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.1
    """What the rate is multiplied by."""
    warmup: Steps = 0
    """How many steps the rate takes to rise to its full size at the beginning."""


class Cosine(_Schedule, frozen=True, tag="cosine"):
    """α(i) = α₀ · (floor + (1 − floor) · (1 + cos(π t / T)) / 2): half a wave, down to `floor` of α₀.

    t = i − warmup and T = total steps − warmup: the wave begins after the warm-up (t = 0 during it) and would reach
    the floor at the step after the last. Loshchilov & Hutter, "SGDR" (2017), without restarts.
    """

    floor: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    """The part of the rate, 0 to 1, that is left at the end."""
    warmup: Steps = 0
    """How many steps the rate takes to rise to its full size at the beginning."""


Schedule = Constant | Inverse | StepDecay | Cosine


def rate_at(schedule: Schedule, base: float, step: int, steps_per_epoch: int, total_steps: int) -> float:
    """The rate of step `step` (counted from 0), with `base` = α₀.

    `steps_per_epoch` matters to StepDecay only, `total_steps` to Cosine only; elsewhere they may be 0.
    Steps past the end of a cosine stay at its floor. Raises ValueError where the one that matters is below 1.
    """
    match schedule:
        case Inverse(c):
            return base / (step + c)
        case Constant(warmup):
            part = 1.0
        case StepDecay(every, factor, warmup):
            if steps_per_epoch < 1:
                raise ValueError("a step schedule needs the number of steps per epoch")
            part = factor ** (step // steps_per_epoch // every)
        case Cosine(floor, warmup):
            if total_steps < 1:
                raise ValueError("a cosine schedule needs the number of steps of the whole run")
            progress = max(0, step - warmup) / max(1, total_steps - warmup)
            part = floor + (1.0 - floor) * 0.5 * (1.0 + math.cos(math.pi * min(1.0, progress)))
    return base * part * (min(1.0, (step + 1) / warmup) if warmup else 1.0)
