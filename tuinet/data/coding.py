"""How targets are written for a network's outputs, and how outputs are read back as classes."""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from tuinet.errors import TuinetError
from tuinet.nn.params import Array


class Coding(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A code for C classes, or none for real values.

    ids      the class id itself, one output a class (cross-entropy, hinge): (B,)
    one-hot  `high` at the class, `low` elsewhere: (B, C)
    binary   ⌈log₂ C⌉ outputs, the bits of the class id, most significant first, 0 as `low` and 1 as `high`;
             the code words of several perceptrons, whose hyperplanes cut the space into 2^S regions: (B, S)
    values   real targets, unchanged: (B, T)

    `low` is 0 for sigmoid-like outputs, −1 for tanh- and sign-like ones.
    """

    kind: Literal["ids", "one-hot", "binary", "values"]
    low: float = 0.0
    high: float = 1.0
    classes: int = 0

    @property
    def outputs(self) -> int | None:
        """How many outputs a network needs; None for real values, which have as many as they have."""
        if self.kind == "values":
            return None
        return binary_width(self.classes) if self.kind == "binary" else self.classes

    def words(self) -> npt.NDArray[np.float64]:
        """(C, S): the code word of each class, for "one-hot" and "binary" (and what "ids" stand for)."""
        if self.kind == "values":
            raise ValueError("real values have no code words")
        if self.kind == "binary":
            width = binary_width(self.classes)
            ones = (np.arange(self.classes)[:, None] >> np.arange(width)[::-1]) & 1  # (C, S)
        else:
            ones = np.eye(self.classes)
        return np.where(ones > 0, self.high, self.low)

    def encode(self, targets: npt.ArrayLike, dtype: npt.DTypeLike = np.float32) -> Array:
        """Targets as the loss takes them: ids (B,) as whole numbers, all else (B, S) in `dtype`.

        Raises TuinetError if a class id lies outside 0 … C − 1.
        """
        given = np.asarray(targets)
        if self.kind == "values":
            return given.astype(dtype).reshape(len(given), -1)
        ids = given.astype(np.intp)  # (B,)
        if ids.size and (ids.min() < 0 or ids.max() >= self.classes):
            wrong = int(ids.min()) if ids.min() < 0 else int(ids.max())
            raise TuinetError(
                f"class {wrong} is outside 0 … {self.classes - 1}",
                f"the data must have the {self.classes} classes that the model was made for",
            )
        return ids if self.kind == "ids" else self.words().astype(dtype)[ids]

    def decode(self, outputs: npt.ArrayLike) -> npt.NDArray[np.intp]:
        """(B, S) outputs as class ids (B,).

        One output a class: the largest (the first of equals). Binary: each output is a 1 from the middle between
        `low` and `high` on; where the bits name no class, the class whose code word lies nearest (least squares).
        """
        if self.kind == "values":
            raise ValueError("real values name no classes")
        given = np.asarray(outputs)  # (B, S)
        if self.kind != "binary":
            return np.argmax(given, axis=1)
        bits = given >= (self.low + self.high) / 2  # a tie is a 1, as with step and sign
        ids = bits @ (1 << np.arange(given.shape[1])[::-1])  # (B,)
        unknown = ids >= self.classes
        if unknown.any():
            distance = ((given[unknown, None, :] - self.words()) ** 2).sum(axis=2)  # (U, C)
            ids[unknown] = np.argmin(distance, axis=1)
        return ids.astype(np.intp)


def binary_width(classes: int) -> int:
    """⌈log₂ C⌉, and at least 1: the outputs that a binary code for `classes` classes takes."""
    return max(1, (classes - 1).bit_length())
