"""What `check` finds: plain structs that can be JSON."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from tuinet.experiment.problem import Problem


class LayerRow(msgspec.Struct, frozen=True):
    """One layer. Of a seq2seq layer, its own row counts only the bridge; its encoder's and decoder's layers have rows
    of their own.

    name           its path in the network
    kind           what it is, as the experiment file calls it
    settings       how it is set, in words
    output         the shape of one sample after it, of one step with `steps`; empty if it could not be found
    parameters     how many numbers it learns
    multiply_adds  its work for one sample, forwards; of one step with `steps`
    frozen         it does not learn
    steps          samples are sequences behind it
    """

    name: str
    kind: str
    settings: str
    output: tuple[int, ...]
    parameters: int
    multiply_adds: int
    frozen: bool = False
    steps: bool = False


class Memory(msgspec.Struct, frozen=True):
    """Bytes that training takes, estimated; `samples` are in work at the same time."""

    weights: int
    gradients: int
    optimizer: int
    best: int
    activations: int
    samples: int
    total: int


class Totals(msgspec.Struct, frozen=True):
    """Sums over the layers. `flops` = 2 · multiply-adds, for one sample forwards (with `steps`, for one step of it);
    training takes thrice as many."""

    parameters: int
    trainable: int
    multiply_adds: int
    flops: int
    memory: Memory
    steps: bool = False


class DataSummary(msgspec.Struct, frozen=True):
    """The data as the experiment uses them. `coding` is how classes become targets ("" if that could not be found).

    sequence           whether samples are sequences: then `input` and `prepared` are one step's shape
    vocabulary         how many symbols the texts that go in have; 0: they are no texts
    target_vocabulary  the same of those that come out
    length             the mean number of steps of an input; target_length: of a target
    assumed            whether the sizes of vocabularies and the lengths are only assumed, for want of the data
    """

    name: str
    task: str
    input: tuple[int, ...]
    prepared: tuple[int, ...]
    samples: Mapping[str, int]
    classes: int
    labels: tuple[str, ...]
    coding: str
    steps_per_epoch: int
    steps: int
    sequence: bool = False
    vocabulary: int = 0
    target_vocabulary: int = 0
    length: float = 1.0
    target_length: float = 1.0
    assumed: bool = False


class Comparison(msgspec.Struct, frozen=True):
    """What the same number of hidden units would take on the raw image: every unit has a weight for each value.

    `weights_per_unit` = the values of a raw image, `units` in the one hidden layer, `parameters` of that whole network,
    `multiply_adds` its work for one sample, forwards, and `memory` the bytes that training takes in the same way.
    """

    weights_per_unit: int
    units: int
    parameters: int
    text: str
    multiply_adds: int = 0
    memory: int = 0


class Report(msgspec.Struct, frozen=True):
    """Everything `check` finds. `problems` forbid training, `warnings` do not."""

    name: str
    title: str
    problems: tuple[Problem, ...]
    warnings: tuple[str, ...]
    layers: tuple[LayerRow, ...]
    totals: Totals | None
    data: DataSummary
    comparison: Comparison | None = None


class Findings:
    """Problems and warnings as they come up."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.warnings: list[str] = []

    def refuse(self, path: str, message: str, hint: str = "") -> None:
        self.problems.append(Problem(path, message, hint))

    def warn(self, path: str, message: str) -> None:
        self.warnings.append(f"{path}: {message}")
