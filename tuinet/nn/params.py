"""Parameters: names and shapes laid over one contiguous vector."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from tuinet.nn.initializers import AnyInitializer

Array = npt.NDArray[Any]

Role = Literal["weight", "bias"]


class ParamSpec(msgspec.Struct, frozen=True):
    """What a layer says of one of its parameters before any array exists.

    `fan_in` and `fan_out` are the numbers of inputs and outputs one weight connects (Glorot & Bengio 2010);
    `initializer` None leaves the choice to the network, which knows the activation that follows.
    """

    shape: tuple[int, ...]
    role: Role
    fan_in: int
    fan_out: int
    initializer: AnyInitializer | None = None

    @property
    def size(self) -> int:
        return math.prod(self.shape)


class Params(Mapping[str, Array]):
    """A mapping path → view into ONE contiguous vector, in the order of `specs`.

    A path is `layer/name` (`conv1/weight`); `scope("conv1")` is the same vector seen from inside that layer.
    """

    def __init__(self, specs: Mapping[str, ParamSpec], vector: Array) -> None:
        size = sum(spec.size for spec in specs.values())
        if vector.shape != (size,):
            raise ValueError(f"a vector of {size} values is needed, not one of shape {vector.shape}")
        self.specs = dict(specs)
        self.vector = vector
        self.slices: dict[str, slice] = {}
        self._views: dict[str, Array] = {}
        self._scopes: dict[str, Params] = {}
        start = 0
        for path, spec in self.specs.items():
            part = slice(start, start + spec.size)
            self.slices[path] = part
            self._views[path] = vector[part].reshape(spec.shape)
            start = part.stop

    @classmethod
    def zeros(cls, specs: Mapping[str, ParamSpec], dtype: npt.DTypeLike = np.float32) -> Params:
        """All parameters zero."""
        return cls(specs, np.zeros(sum(spec.size for spec in specs.values()), dtype))

    def like(self, vector: Array) -> Params:
        """The same names and shapes over another vector (gradients, optimizer state, best weights)."""
        return Params(self.specs, vector)

    def scope(self, name: str) -> Params:
        """The parameters under `name/`, under their local names. They lie side by side in the vector."""
        found = self._scopes.get(name)
        if found is None:
            prefix = name + "/"
            inside = {path: spec for path, spec in self.specs.items() if path.startswith(prefix)}
            start = self.slices[next(iter(inside))].start if inside else 0
            size = sum(spec.size for spec in inside.values())
            specs = {path.removeprefix(prefix): spec for path, spec in inside.items()}
            found = self._scopes[name] = Params(specs, self.vector[start : start + size])
        return found

    def __getitem__(self, path: str) -> Array:
        return self._views[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._views)

    def __len__(self) -> int:
        return len(self._views)
