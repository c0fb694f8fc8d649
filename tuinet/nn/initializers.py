"""How parameters begin. Each initializer is a frozen struct; `draw` makes the array.

Glorot and He keep the variance of the signals roughly equal from layer to layer: Glorot & Bengio, "Understanding the
difficulty of training deep feedforward neural networks" (2010); He et al., "Delving deep into rectifiers" (2015).
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

Deviation = Annotated[float, msgspec.Meta(ge=0)]
Distribution = Literal["uniform", "normal"]


class _Initializer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="kind"):
    pass


class Zeros(_Initializer, frozen=True, tag="zeros"):
    """Every value 0. Right for biases; hidden units that all begin with equal weights would stay equal."""


class Uniform(_Initializer, frozen=True, tag="uniform"):
    """Every value equally likely between `low` and `high`."""

    low: float = -0.1
    """The smallest value."""
    high: float = 0.1
    """The largest value."""


class Normal(_Initializer, frozen=True, tag="normal"):
    """A normal distribution with mean 0 and standard deviation `deviation`."""

    deviation: Deviation = 0.1
    """The standard deviation."""


class Glorot(_Initializer, frozen=True, tag="glorot"):
    """Variance 2 / (fan_in + fan_out): for tanh, sigmoid, linear and softmax units."""

    distribution: Distribution = "uniform"
    """The form of the distribution; its variance is the same."""


class He(_Initializer, frozen=True, tag="he"):
    """Variance 2 / fan_in: for ReLU units, which pass on half of what reaches them."""

    distribution: Distribution = "normal"
    """The form of the distribution; its variance is the same."""


class Orthogonal(_Initializer, frozen=True, tag="orthogonal"):
    """Columns at right angles and of length 1, in square (or taller) blocks side by side: a state keeps its length.

    Saxe, McClelland & Ganguli, "Exact solutions to the nonlinear dynamics of learning" (2014).
    """


class GateBias(_Initializer, frozen=True, tag="gate-bias"):
    """One value for each gate of a recurrent layer, whose biases lie one after the other."""

    gates: tuple[float, ...]
    """The value of each gate."""


class ChronoBias(_Initializer, frozen=True, tag="chrono-bias"):
    """s · log u for each gate of a recurrent layer, with one u for all gates of a unit, drawn between 1 and T − 1.

    A unit whose forget gate starts at log u remembers for about u steps. Tallec & Ollivier, "Can recurrent neural
    networks warp time?" (2018).
    """

    gates: tuple[float, ...]
    """s of each gate; their biases lie one after the other."""
    longest: int
    """T, the longest distance to bridge, in steps."""


Initializer = Zeros | Uniform | Normal | Glorot | He
AnyInitializer = Initializer | Orthogonal | GateBias | ChronoBias
"""Those a person can choose, and those that belong to a kind of layer."""


def draw(
    initializer: AnyInitializer,
    shape: tuple[int, ...],
    fan_in: int,
    fan_out: int,
    rng: np.random.Generator,
    dtype: npt.DTypeLike = np.float32,
) -> npt.NDArray[Any]:
    """A new array of `shape`. Drawn in float64 and then rounded, so float32 and float64 begin at the same values."""
    match initializer:
        case Zeros():
            return np.zeros(shape, dtype)
        case Uniform(low, high):
            return rng.uniform(low, high, shape).astype(dtype)
        case Normal(deviation):
            return rng.normal(0.0, deviation, shape).astype(dtype)
        case Orthogonal():
            rows, columns = shape[0], min(shape)
            blocks: list[npt.NDArray[Any]] = []
            for _ in range(shape[1] // columns):
                q, r = np.linalg.qr(rng.normal(size=(rows, columns)))
                blocks.append(q * np.sign(np.diag(r)))  # else Q leans to the negative side (Mezzadri 2007)
            return np.concatenate(blocks, axis=1).astype(dtype)
        case GateBias(gates):
            return np.repeat(np.array(gates, dtype), shape[0] // len(gates))
        case ChronoBias(gates, longest):
            kept = np.log(rng.uniform(1, longest - 1, shape[0] // len(gates)))
            return np.concatenate([sign * kept for sign in gates]).astype(dtype)
        case Glorot(distribution):
            variance = 2.0 / max(1, fan_in + fan_out)
        case He(distribution):
            variance = 2.0 / max(1, fan_in)
    if distribution == "normal":
        return rng.normal(0.0, math.sqrt(variance), shape).astype(dtype)
    limit = math.sqrt(3.0 * variance)  # a uniform distribution over ±limit has variance limit² / 3
    return rng.uniform(-limit, limit, shape).astype(dtype)
