"""What a layer is. The laws every layer obeys are listed in docs/architecture.md and held by tests/nn/test_laws.py."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, NamedTuple

import msgspec

from tuinet.errors import TuinetError
from tuinet.nn.context import Context
from tuinet.nn.params import Array, Params, ParamSpec

Cache = Any


class Shape(msgspec.Struct, frozen=True):
    """The shape of one sample: sizes, the names of their axes, and what the values are.

    kind      "number" for real values, "id" for whole numbers that name something (tokens, classes)
    sequence  a sample is a sequence of any length; sizes and axes are those of one step (a token has none)
    ids       how many different ids there are, 0 … ids − 1; 0 for numbers
    """

    sizes: tuple[int, ...]
    axes: tuple[str, ...]
    kind: Literal["number", "id"] = "number"
    sequence: bool = False
    ids: int = 0

    @staticmethod
    def vector(units: int) -> Shape:
        return Shape((units,), ("unit",))

    @staticmethod
    def tokens(ids: int) -> Shape:
        """A sequence of token ids from a vocabulary of that size."""
        return Shape((), (), "id", True, ids)

    @staticmethod
    def image(height: int, width: int, channels: int) -> Shape:
        return Shape((height, width, channels), ("row", "column", "channel"))

    @property
    def size(self) -> int:
        """The values of one sample; of one step, for a sequence."""
        return math.prod(self.sizes)

    @property
    def step(self) -> Shape:
        """The shape of one step of a sequence."""
        return Shape(self.sizes, self.axes, self.kind, False, self.ids)

    @property
    def over_time(self) -> Shape:
        """A sequence of this."""
        return Shape(self.sizes, self.axes, self.kind, True, self.ids)

    def __str__(self) -> str:
        return "×".join(("T",) * self.sequence + tuple(map(str, self.sizes)))


class ShapeError(TuinetError):
    """A layer cannot take this input: `field` names the setting to change ("" for the layer itself)."""

    def __init__(self, message: str, hint: str = "", field: str = "") -> None:
        super().__init__(message, hint)
        self.field = field


class Value(NamedTuple):
    """One array that can be seen inside a layer; `axes` names its axes, the first is "sample"."""

    array: Array
    axes: tuple[str, ...]


class Layer(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="kind", cache_hash=True
):
    """A frozen struct whose fields are its settings, so a layer is its own spec and saves as JSON or TOML.

    Its arrays are handed in and out: nothing is stored on it. Shapes below: B samples in a batch. x, y and their
    gradients are arrays, or `Sequence`s where the samples are sequences.
    """

    stem: ClassVar[str] = "layer"
    """The first part of the layer's name in a network: stem "conv" makes conv1, conv2 …"""

    over_time: ClassVar[bool] = False
    """Whether the layer takes whole sequences (`Sequence`). All others take arrays: of a sequence they are given the
    values of all its steps as one batch, and know nothing of time."""

    def output_shape(self, shape: Shape) -> Shape:
        """The shape of one output sample. Raises ShapeError if the layer cannot take `shape`. Costs no arrays."""
        return shape

    def param_shapes(self, shape: Shape) -> Mapping[str, ParamSpec]:
        """The parameters for inputs of `shape`, in the order in which they lie in memory."""
        return {}

    def multiply_adds(self, shape: Shape) -> int:
        """Multiply-add pairs of one forward pass of one sample."""
        return 0

    def forward(self, params: Params, x: Any, ctx: Context) -> tuple[Any, Cache]:
        """y (B, *output) and whatever `backward` will need. Pure: neither x nor params change."""
        raise NotImplementedError

    def backward(
        self, params: Params, cache: Cache, dy: Any, grads: Params, ctx: Context, need_dx: bool = True
    ) -> Any | None:
        """Given dJ/dy, OVERWRITE every grads[name] with dJ/dparam and return dJ/dx (None if not needed).

        Changes neither cache nor dy.
        """
        raise NotImplementedError

    def values(self, params: Params, x: Any, y: Any, cache: Cache) -> Mapping[str, Value]:
        """What can be seen of the layer for these inputs."""
        return {}
