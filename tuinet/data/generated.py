"""Data sets made by a formula: small, in the plane (or on a line), different for every seed.

Each is a source: its fields are its settings, `load` makes the points, all of them in "train".
Where noise is 0 the points lie exactly where the docstring says.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from tuinet.data.dataset import Column, Dataset, DatasetInfo, Split
from tuinet.data.random import stream
from tuinet.nn.layer import Shape

Floats = npt.NDArray[np.float64]
Ids = npt.NDArray[np.intp]

Size = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Seed = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Deviation = Annotated[float, msgspec.Meta(ge=0.0, le=1e6)]
Positive = Annotated[float, msgspec.Meta(gt=0.0, le=1e6)]

PLANE = (Column("x1"), Column("x2"))


class HasPoints(Protocol):
    """What each set below brings of its own."""

    @property
    def noise(self) -> float: ...
    @property
    def seed(self) -> int | None: ...
    def describe(self, base: Path) -> DatasetInfo: ...
    def points(self, rng: np.random.Generator) -> tuple[Floats, Ids]:
        """The points (N, 2) without noise and their classes (N,)."""
        ...


class Generated(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="kind"):
    """A set of labelled points in the plane."""

    size: Size = 200
    """Points in all, over all classes."""
    noise: Deviation = 0.0
    """Standard deviation of what is added to each coordinate."""
    seed: Seed | None = None
    """Fixes the points. Unset: they follow from the experiment's seed."""

    @property
    def class_names(self) -> tuple[str, ...]:
        return ("0", "1")

    def load(self: HasPoints, base: Path, seed: int) -> Dataset:
        rng = stream(seed if self.seed is None else self.seed, self.describe(base).name)
        points, classes = self.points(rng)
        if self.noise:
            points = points + rng.normal(0.0, self.noise, points.shape)
        info = self.describe(base)
        return Dataset(
            info.name, info.task, info.input_shape, {"train": Split(points, classes)}, info.labels, info.columns
        )

    def describe(self, base: Path) -> DatasetInfo:
        return DatasetInfo(
            name=str(self.__struct_config__.tag),
            task="classification",
            input_shape=Shape.vector(2),
            sizes={"train": self.size},
            labels=self.class_names,
            columns=PLANE,
        )


class Xor(Generated, frozen=True, tag="xor"):
    """The four corners (0,0), (0,1), (1,0), (1,1), over and over; class x1 xor x2. No straight line divides them."""

    size: Size = 4

    def points(self, rng: np.random.Generator) -> tuple[Floats, Ids]:
        return _corners(self.size, np.bitwise_xor)


class And(Generated, frozen=True, tag="and"):
    """The four corners (0,0), (0,1), (1,0), (1,1), over and over; class x1 and x2."""

    size: Size = 4

    def points(self, rng: np.random.Generator) -> tuple[Floats, Ids]:
        return _corners(self.size, np.bitwise_and)


class Blobs(Generated, frozen=True, tag="blobs"):
    """Round clouds about centres evenly spaced on a circle, the first at 45°.

    Two clouds at the default radius and noise lie twelve standard deviations apart: a straight line divides them.
    """

    noise: Deviation = 0.5
    classes: Annotated[int, msgspec.Meta(ge=2, le=100)] = 2
    """How many clouds."""
    radius: Positive = 3.0
    """How far the centres lie from the origin."""

    @property
    def class_names(self) -> tuple[str, ...]:
        return tuple(map(str, range(self.classes)))

    def points(self, rng: np.random.Generator) -> tuple[Floats, Ids]:
        classes = _in_turn(self.size, self.classes)
        angle = np.pi / 4 + 2 * np.pi * classes / self.classes
        return self.radius * _direction(angle), classes


class Regions(Generated, frozen=True, tag="regions"):
    """Four classes for two perceptrons: two lines cut the square [−1, 1]² into four regions.

    Class 2·b₁ + b₂, where bⱼ = 1 if wⱼᵀx + cⱼ ≥ 0: the binary code of the regions. Without noise, no point lies
    nearer than `margin` to either line, so that two perceptrons can learn it without a mistake.
    """

    normals: ClassVar[Floats] = np.array([[0.8, 0.6], [-0.6, 0.8]])  # (lines, 2), of length 1
    offsets: ClassVar[Floats] = np.array([-0.1, 0.15])

    margin: Annotated[float, msgspec.Meta(ge=0.0, le=0.3)] = 0.05
    """How far from both lines the points stay."""

    @property
    def class_names(self) -> tuple[str, ...]:
        return ("--", "-+", "+-", "++")

    def points(self, rng: np.random.Generator) -> tuple[Floats, Ids]:
        wanted = _in_turn(self.size, 4)
        points = np.empty((self.size, 2))
        missing = np.arange(self.size)
        while missing.size:
            tried = rng.uniform(-1.0, 1.0, (missing.size, 2))
            distance = tried @ self.normals.T + self.offsets  # (N, lines), signed
            classes = (distance >= 0.0) @ np.array([2, 1])
            fits = (classes == wanted[missing]) & (np.abs(distance) >= self.margin).all(axis=1)
            points[missing[fits]] = tried[fits]
            missing = missing[~fits]
        return points, wanted


class Moons(Generated, frozen=True, tag="moons"):
    """Two half circles of radius 1 that reach into each other: (cos t, sin t) and (1 − cos t, ½ − sin t), 0 ≤ t ≤ π."""

    noise: Deviation = 0.1

    def points(self, rng: np.random.Generator) -> tuple[Floats, Ids]:
        classes = _in_turn(self.size, 2)
        first = _direction(np.pi * _along(classes, 2))
        return np.where(classes[:, None] == 0, first, np.array([1.0, 0.5]) - first), classes


class Circles(Generated, frozen=True, tag="circles"):
    """Two circles about the origin: class 0 of radius 1, class 1 of radius `factor`."""

    noise: Deviation = 0.05
    factor: Annotated[float, msgspec.Meta(gt=0.0, lt=1.0)] = 0.5
    """The radius of the inner circle."""

    def points(self, rng: np.random.Generator) -> tuple[Floats, Ids]:
        classes = _in_turn(self.size, 2)
        radius = np.where(classes == 0, 1.0, self.factor)
        return radius[:, None] * _direction(2 * np.pi * _along(classes, 2, closed=True)), classes


class Spirals(Generated, frozen=True, tag="spirals"):
    """Arms wound about the origin: r = t, angle = 2π·(turns·t + class/arms), 0.05 ≤ t ≤ 1."""

    size: Size = 400
    noise: Deviation = 0.02
    arms: Annotated[int, msgspec.Meta(ge=2, le=20)] = 2
    """How many spirals."""
    turns: Positive = 1.5
    """How often each goes round."""

    @property
    def class_names(self) -> tuple[str, ...]:
        return tuple(map(str, range(self.arms)))

    def points(self, rng: np.random.Generator) -> tuple[Floats, Ids]:
        classes = _in_turn(self.size, self.arms)
        t = 0.05 + 0.95 * _along(classes, self.arms)
        return t[:, None] * _direction(2 * np.pi * (self.turns * t + classes / self.arms)), classes


class Sine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="kind", tag="sine"):
    """A regression: y = sin x at evenly spaced places x from −π·periods to π·periods."""

    size: Size = 200
    """Places x."""
    noise: Deviation = 0.0
    """Standard deviation of what is added to y."""
    periods: Positive = 1.0
    """How many periods of the sine there are."""
    seed: Seed | None = None
    """Fixes the noise. Unset: it follows from the experiment's seed."""

    def load(self, base: Path, seed: int) -> Dataset:
        rng = stream(seed if self.seed is None else self.seed, "sine")
        x = np.linspace(-np.pi * self.periods, np.pi * self.periods, self.size)[:, None]  # (N, 1)
        y = np.sin(x)
        if self.noise:
            y = y + rng.normal(0.0, self.noise, y.shape)
        info = self.describe(base)
        return Dataset(
            info.name,
            info.task,
            info.input_shape,
            {"train": Split(x, y)},
            columns=info.columns,
            target_names=info.target_names,
        )

    def describe(self, base: Path) -> DatasetInfo:
        return DatasetInfo(
            name="sine",
            task="regression",
            input_shape=Shape.vector(1),
            sizes={"train": self.size},
            columns=(Column("x"),),
            target_names=("sin x",),
        )


def _in_turn(size: int, classes: int) -> Ids:
    """0, 1, … classes − 1, 0, 1, …: the classes of `size` points."""
    return np.arange(size, dtype=np.intp) % classes


def _along(classes: Ids, count: int, closed: bool = False) -> Floats:
    """How far along its class's curve each point lies, evenly from 0 to 1 (short of 1 where the curve is closed)."""
    places = np.arange(len(classes)) // count  # 0, 1, 2 … within each class
    sizes = np.bincount(classes, minlength=count)[classes]
    return places / np.maximum(sizes if closed else sizes - 1, 1)


def _direction(angle: Floats) -> Floats:
    """(N,) angles as points (N, 2) of the unit circle."""
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _corners(size: int, rule: np.ufunc) -> tuple[Floats, Ids]:
    corner = np.arange(size, dtype=np.intp) % 4
    first, second = corner >> 1, corner & 1
    return np.stack([first, second], axis=1).astype(np.float64), rule(first, second)
