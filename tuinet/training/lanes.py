"""What one process computes of a batch: some of its lanes, each shard by shard.

A shard is a fixed number of samples, computed alone; lane l takes shards l, l + L, … one after the other and adds
their gradients up.
"""

from __future__ import annotations

from collections import abc
from typing import Any, NamedTuple

import numpy as np

from tuinet.data.augmentation import Augmentation, augment
from tuinet.model.meta import Meta
from tuinet.model.prediction import decode
from tuinet.model.signals import answers, signals
from tuinet.nn.context import Arena, Context
from tuinet.nn.losses import Perceptron
from tuinet.nn.network import Sequential, with_dropout
from tuinet.nn.params import Array, Params, ParamSpec
from tuinet.nn.seq2seq import Pair
from tuinet.nn.sequence import Ragged, Sequence
from tuinet.nn.stack import States

Data = Array | Ragged


class Task(NamedTuple):
    """What all steps of a training have in common. Layers before `first_trainable` get no gradient."""

    network: Sequential
    meta: Meta
    augmentation: abc.Sequence[Augmentation]
    seed: int
    first_trainable: int


class Welcome(NamedTuple):
    """What a worker is told first. `specs`, `size` and `dtype` are those of the flat vectors that are shared."""

    task: Task
    specs: abc.Mapping[str, ParamSpec]
    size: int
    dtype: np.dtype[Any]


class Shard(NamedTuple):
    """Raw inputs and targets as they are stored, and where recurrent layers begin (None: at zero, nobody asks)."""

    number: int
    x: Data
    y: Data
    begin: States | None


class Work(NamedTuple):
    """Lanes of one step, by number, each a list of shards; `targets` counts the answers of the whole batch.

    `dropout`: the rate of every dropout layer, if it is another than the network's own.
    """

    step: int
    targets: int
    teacher_forcing: float
    dropout: float | None
    lanes: dict[int, list[Shard]]


class ShardSums(NamedTuple):
    """Sums over a shard: loss, right answers, samples with any output on the wrong side; where its states ended."""

    loss: float
    correct: int
    mistakes: int
    after: States | None


Done = dict[int, list[ShardSums]]
"""The sums of every shard of every lane."""


class Lanes:
    """Computes lanes one after the other, in one thread."""

    def __init__(self, task: Task, totals: abc.Sequence[Params]) -> None:
        """`totals`: where each lane's sum of gradients goes."""
        self.totals = totals
        self._task, self._network = task, task.network
        self._dropout: float | None = None
        self._next: Params | None = None
        self._ctx = Context(training=True, arena=Arena())

    def run(self, params: Params, work: Work) -> Done:
        """OVERWRITES the totals of these lanes."""
        if work.dropout is not None and work.dropout != self._dropout:
            self._network, self._dropout = with_dropout(self._task.network, work.dropout), work.dropout
        # A loss that overflows is an event of the run, not a warning in the terminal.
        with np.errstate(all="ignore"):
            return {lane: self._run_lane(params, work, lane) for lane in work.lanes}

    def _run_lane(self, params: Params, work: Work, lane: int) -> list[ShardSums]:
        total = self.totals[lane]
        found: list[ShardSums] = []
        for shard in work.lanes[lane]:
            if not found:
                found.append(self._run_shard(params, total, work, shard))
                continue
            if self._next is None:
                self._next = total.like(np.zeros_like(total.vector))
            found.append(self._run_shard(params, self._next, work, shard))
            total.vector += self._next.vector
        return found

    def _run_shard(self, params: Params, grads: Params, work: Work, shard: Shard) -> ShardSums:
        task, ctx = self._task, self._ctx
        meta, network = task.meta, self._network
        ctx.restart((task.seed, work.step, shard.number))
        ctx.teacher_forcing = work.teacher_forcing
        inputs, targets = signals(meta, shard.x, shard.y, ctx, params.vector.dtype)
        if task.augmentation:
            inputs = self._augmented(inputs)
        outputs, after, cache = network.run(params, inputs, shard.begin, ctx)
        scores = answers(outputs)
        losses, gradient = meta.loss.value_and_gradient(scores, meta.coding.encode(targets, scores.dtype), ctx)
        correct = int((decode(meta, scores) == targets).sum()) if meta.task != "regression" else 0
        wrong_side = isinstance(meta.loss, Perceptron)
        mistakes = int(gradient.any(axis=1).sum()) if wrong_side else 0
        gradient *= 1.0 / work.targets
        dy = Sequence(gradient, outputs.steps) if isinstance(outputs, Sequence) else gradient
        network.backward(params, cache, dy, grads, ctx, need_dx=False, first_trainable=task.first_trainable)
        return ShardSums(float(losses.sum()), correct, mistakes, None if shard.begin is None else after)

    def _augmented(self, inputs: Any) -> Any:
        if isinstance(inputs, Pair):
            return Pair(augment(self._task.augmentation, inputs.source, self._ctx.rng), inputs.fed)
        return augment(self._task.augmentation, inputs, self._ctx.rng)
