"""The gradient of one batch, computed shard by shard.

A shard is a fixed number of samples, computed alone; lane l takes shards l, l + L, … one after the other and adds
them up, and the lanes are added in order. Sizes follow from network and batch only, so the rounding of every sum is
the same for any number of threads.
"""

from __future__ import annotations

import time
from collections import abc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

import numpy as np

from tuinet.data.augmentation import Augmentation
from tuinet.data.dataset import Indices
from tuinet.model.blas import one_blas_thread
from tuinet.model.model import Model
from tuinet.model.signals import target_count
from tuinet.nn.optimizers import new_scratch
from tuinet.nn.params import Array, Params
from tuinet.nn.ranges import Ranges, blocks, divide
from tuinet.nn.recurrent import State
from tuinet.nn.sequence import Ragged
from tuinet.nn.shards import LANES, lane_count, shard_size
from tuinet.nn.stack import States
from tuinet.training.lanes import Data, Done, Lanes, Shard, Task, Work
from tuinet.training.workers import Workers

T = TypeVar("T")
R = TypeVar("R")

PARALLEL_VALUES = 1_000_000
"""From so many values on, work on the vector is shared out among the threads: below, handing it over costs more."""


class BatchSums(NamedTuple):
    """Sums over a batch: loss, right answers, samples with any output on the wrong side, and answers asked for."""

    loss: float
    correct: int
    mistakes: int
    targets: int


Places = slice | Indices


class Gradients:
    """`of(params, x, y, step)` computes dJ/dparams, J the mean loss of the batch; `update` sums it up into `total`.

    Use as a context manager: it keeps BLAS to one thread, and ends its own threads and processes.
    Layers before `first_trainable` get no gradient; `slices` are the ranges that may change.
    """

    def __init__(
        self,
        model: Model,
        augmentation: abc.Sequence[Augmentation],
        *,
        seed: int,
        batch_size: int,
        threads: int,
        slices: Ranges,
        first_trainable: int = 0,
    ) -> None:
        self.model = model
        self.teacher_forcing = 1.0
        self.dropout: float | None = None
        layers = model.network.layers
        self.shard_size = shard_size(layers, batch_size)
        count = lane_count(layers, batch_size)
        self._totals = [model.params.like(np.zeros_like(model.params.vector)) for _ in range(count)]
        task = Task(model.network, model.meta, tuple(augmentation), seed, first_trainable)
        self._lanes = Lanes(task, self._totals)
        self.workers = Workers(task, model.params, self._totals, min(threads, count) - 1)
        self._used = 1
        vector = model.params.vector
        shares = min(threads, LANES) if vector.size >= PARALLEL_VALUES else 1
        self._shares = [(share, new_scratch(vector)) for share in divide(slices, shares)]
        self._pool: ThreadPoolExecutor | None = None

    @property
    def total(self) -> Params:
        return self._totals[0]

    def __enter__(self) -> Gradients:
        one_blas_thread.__enter__()
        if len(self._shares) > 1:
            self._pool = ThreadPoolExecutor(len(self._shares), "tuinet-update")
        return self

    def __exit__(self, *_: object) -> None:
        self.workers.end()
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None
        one_blas_thread.__exit__()

    def of(self, params: Params, x: Data, y: Data, step: int, carried: States | None = None) -> BatchSums:
        """x: raw inputs, y: raw targets of a batch, both as they are stored.

        `carried`: where the recurrent layers begin, in the order of the samples; changed to where they end.
        """
        targets = target_count(self.model.meta, y)
        places = self._places(x, y)
        self._used = min(len(self._totals), len(places))
        lanes: dict[int, list[Shard]] = {lane: [] for lane in range(self._used)}
        for index, where in enumerate(places):
            begin = None if carried is None else _part(carried, where)
            lanes[index % len(self._totals)].append(Shard(index, x[where], y[where], begin))
        done = self._run(params, Work(step, targets, self.teacher_forcing, self.dropout, lanes))
        sums: list[tuple[float, int, int]] = []
        for lane, shards in lanes.items():
            loss, correct, mistakes = 0.0, 0, 0
            for shard, found in zip(shards, done[lane], strict=True):
                loss, correct, mistakes = loss + found.loss, correct + found.correct, mistakes + found.mistakes
                if carried is not None:
                    _put(carried, places[shard.number], found.after)
            sums.append((loss, correct, mistakes))
        loss, correct, mistakes = (sum(each) for each in zip(*sums, strict=True))
        return BatchSums(loss, correct, mistakes, targets)

    def _run(self, params: Params, work: Work) -> Done:
        """The lanes dealt out to the workers and this process, which does again what a worker could not."""
        try:
            workers = self.workers.ready(params)[: self._used - 1]
            parts = [_dealt(work, first, 1 + len(workers)) for first in range(1 + len(workers))]
            for worker, part in zip(workers, parts[1:], strict=True):
                worker.give(part)
            began = time.monotonic()
            done = self._lanes.run(params, parts[0])
            took = time.monotonic() - began
            for worker, part in zip(workers, parts[1:], strict=True):
                found = worker.result(took)
                done |= self._lanes.run(params, part) if found is None else found
        except BaseException:
            self.workers.end()  # one of them may still be at it
            raise
        return done

    def _places(self, x: Data, y: Data) -> list[Places]:
        """Which samples of the batch make each shard: neighbours; of sequences, as many long ones as short ones."""
        total, size = len(x), self.shard_size
        count = -(-total // size)
        lengths = [data.lengths for data in (x, y) if isinstance(data, Ragged)]
        if not lengths:
            return [slice(start, start + size) for start in range(0, total, size)]
        order = np.argsort(-sum(lengths[1:], lengths[0]), kind="stable")
        return [order[index::count] for index in range(count)]

    def update(self, work: Callable[[Ranges, Array], None]) -> None:
        """On every thread's share of what may change: add up the lanes, then do `work(ranges, scratch)`.

        The work is elementwise, so how it is shared out changes no number.
        """

        def share_work(share: tuple[Ranges, Array]) -> None:
            self._add_lanes(share[0])
            work(*share)

        self._each(share_work, self._shares)
        self._used = 1

    def _each(self, work: Callable[[T], R], items: abc.Sequence[T]) -> list[R]:
        if self._pool is None or len(items) == 1:
            return [work(item) for item in items]
        # The last one is done here: the thread that waits might as well work.
        waiting = [self._pool.submit(work, item) for item in items[:-1]]
        last = work(items[-1])
        return [*(future.result() for future in waiting), last]

    def _add_lanes(self, slices: Ranges) -> None:
        """Add up the lanes in order."""
        total = self.total.vector
        for lane in self._totals[1 : self._used]:
            for part in blocks(total.size, slices):
                np.add(total[part], lane.vector[part], out=total[part])


def _dealt(work: Work, first: int, hands: int) -> Work:
    """Every so many lanes, from `first` on."""
    return work._replace(lanes={lane: shards for lane, shards in work.lanes.items() if lane % hands == first})


def _part(states: States, where: Places) -> dict[str, State]:
    return {name: tuple(array[where] for array in state) for name, state in states.items()}


def _put(states: States, where: Places, ended: States | None) -> None:
    for name, state in (ended or {}).items():
        for array, new in zip(states[name], state, strict=True):
            array[where] = new
