"""The gradient of one batch, computed shard by shard.

A shard is a fixed number of samples, computed alone; lane l takes shards l, l + L, … one after the other and adds
them up, and the lanes are added in order. Sizes follow from network and batch only, so the rounding of every sum is
the same for any number of threads.
"""

from __future__ import annotations

import threading
from collections import abc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

import numpy as np
from threadpoolctl import threadpool_limits  # pyright: ignore[reportMissingTypeStubs]

from tuinet.data.augmentation import Augmentation, augment
from tuinet.data.dataset import Indices
from tuinet.model.model import Model
from tuinet.model.prediction import decode
from tuinet.model.signals import answers, signals, target_count
from tuinet.nn.context import Arena, Context
from tuinet.nn.losses import Perceptron
from tuinet.nn.optimizers import new_scratch
from tuinet.nn.params import Array, Params
from tuinet.nn.ranges import Ranges, blocks, divide
from tuinet.nn.seq2seq import Pair
from tuinet.nn.sequence import Ragged, Sequence
from tuinet.nn.shards import LANES, lane_count, shard_size
from tuinet.nn.stack import States

Data = Array | Ragged

T = TypeVar("T")
R = TypeVar("R")

PARALLEL_VALUES = 1_000_000
"""From so many values on, work on the vector is shared out among the threads: below, handing it over costs more."""


class _OneBlasThread:
    """The limit is the whole process's: the first training sets it, the last one to end lifts it."""

    def __init__(self) -> None:
        self._users = 0
        self._lock = threading.Lock()

    def enter(self) -> None:
        with self._lock:
            if self._users == 0:
                self._limits = threadpool_limits(1, "blas")
            self._users += 1

    def leave(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0:
                self._limits.restore_original_limits()


_one_blas_thread = _OneBlasThread()


class BatchSums(NamedTuple):
    """Sums over a batch: loss, right answers, samples with any output on the wrong side, and answers asked for."""

    loss: float
    correct: int
    mistakes: int
    targets: int


Places = slice | Indices


class _Work(NamedTuple):
    """One batch: raw inputs and targets, how it is divided, and where recurrent layers begin."""

    params: Params
    x: Data
    y: Data
    step: int
    shards: list[Places]
    targets: int
    carried: States | None


class _Lane:
    """One running sum of gradients, and room for the next shard's."""

    def __init__(self, params: Params) -> None:
        self.total = params.like(np.zeros_like(params.vector))
        self._params = params
        self._next: Params | None = None

    def target(self, first: bool) -> Params:
        if first:
            return self.total
        if self._next is None:
            self._next = self._params.like(np.zeros_like(self._params.vector))
        return self._next

    def add(self) -> None:
        if self._next is not None:
            self.total.vector += self._next.vector


class Gradients:
    """`of(params, x, y, step)` computes dJ/dparams, J the mean loss of the batch; `update` sums it up into `total`.

    Use as a context manager: it keeps BLAS to one thread, since BLAS threads that wait for each other on a busy
    machine can cost thirty times what they bring, and ends its own threads.
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
        self.augmentation = augmentation
        self.seed = seed
        self.first_trainable = first_trainable
        self.teacher_forcing = 1.0
        layers = model.network.layers
        self.shard_size = shard_size(layers, batch_size)
        self.lanes = [_Lane(model.params) for _ in range(lane_count(layers, batch_size))]
        vector = model.params.vector
        shares = min(threads, LANES) if vector.size >= PARALLEL_VALUES else 1
        self.shares = [(share, new_scratch(vector)) for share in divide(slices, shares)]
        self.threads = max(min(threads, len(self.lanes)), shares)
        self._used = 1
        self._local = threading.local()
        self._pool: ThreadPoolExecutor | None = None

    @property
    def total(self) -> Params:
        return self.lanes[0].total

    def __enter__(self) -> Gradients:
        _one_blas_thread.enter()
        if self.threads > 1:
            self._pool = ThreadPoolExecutor(self.threads, "tuinet-shard")
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None
        _one_blas_thread.leave()

    def of(self, params: Params, x: Data, y: Data, step: int, carried: States | None = None) -> BatchSums:
        """x: raw inputs, y: raw targets of a batch, both as they are stored.

        `carried`: where the recurrent layers begin, in the order of the samples; changed to where they end.
        """
        targets = target_count(self.model.meta, y)
        shards = self._shards(x, y)
        self._used = min(len(self.lanes), len(shards))
        work = _Work(params, x, y, step, shards, targets, carried)
        sums = self._each(lambda lane: self._run_lane(lane, work), range(self._used))
        loss, correct, mistakes = (sum(each) for each in zip(*sums, strict=True))
        return BatchSums(loss, correct, mistakes, targets)

    def _shards(self, x: Data, y: Data) -> list[Places]:
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

        self._each(share_work, self.shares)
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
        for lane in self.lanes[1 : self._used]:
            for part in blocks(total.size, slices):
                np.add(total[part], lane.total.vector[part], out=total[part])

    def _run_lane(self, index: int, work: _Work) -> tuple[float, int, int]:
        lane = self.lanes[index]
        loss, correct, mistakes = 0.0, 0, 0
        for shard in range(index, len(work.shards), len(self.lanes)):
            # A loss that overflows is an event of the run, not a warning in the terminal.
            with np.errstate(all="ignore"):
                sums = self._run_shard(lane.target(shard == index), work, shard)
            if shard != index:
                lane.add()
            loss, correct, mistakes = loss + sums[0], correct + sums[1], mistakes + sums[2]
        return loss, correct, mistakes

    def _run_shard(self, grads: Params, work: _Work, shard: int) -> tuple[float, int, int]:
        meta, network, params = self.model.meta, self.model.network, work.params
        ctx = self._context()
        ctx.restart((self.seed, work.step, shard))
        ctx.teacher_forcing = self.teacher_forcing
        places = work.shards[shard]
        inputs, targets = signals(meta, work.x[places], work.y[places], ctx, params.vector.dtype)
        if self.augmentation:
            inputs = self._augmented(inputs, ctx)
        begin = None
        if work.carried is not None:
            begin = {name: tuple(array[places] for array in state) for name, state in work.carried.items()}
        outputs, after, cache = network.run(params, inputs, begin, ctx)
        if work.carried is not None:
            for name, state in work.carried.items():
                for array, new in zip(state, after[name], strict=True):
                    array[places] = new
        scores = answers(outputs)
        losses, gradient = meta.loss.value_and_gradient(scores, meta.coding.encode(targets, scores.dtype), ctx)
        correct = int((decode(meta, scores) == targets).sum()) if meta.task != "regression" else 0
        wrong_side = isinstance(meta.loss, Perceptron)
        mistakes = int(gradient.any(axis=1).sum()) if wrong_side else 0
        gradient *= 1.0 / work.targets
        dy = Sequence(gradient, outputs.steps) if isinstance(outputs, Sequence) else gradient
        network.backward(params, cache, dy, grads, ctx, need_dx=False, first_trainable=self.first_trainable)
        return float(losses.sum()), correct, mistakes

    def _augmented(self, inputs: Any, ctx: Context) -> Any:
        if isinstance(inputs, Pair):
            return Pair(augment(self.augmentation, inputs.source, ctx.rng), inputs.fed)
        return augment(self.augmentation, inputs, ctx.rng)

    def _context(self) -> Context:
        ctx = getattr(self._local, "ctx", None)
        if ctx is None:
            ctx = self._local.ctx = Context(training=True, arena=Arena())
        return ctx
