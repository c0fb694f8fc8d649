"""The gradient of one batch, computed shard by shard.

A shard is a fixed number of samples, computed alone; lane l takes shards l, l + L, … one after the other and adds
them up, and the lanes are added in order. Sizes follow from network and batch only, so the rounding of every sum is
the same for any number of threads.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

import numpy as np
from threadpoolctl import threadpool_limits  # pyright: ignore[reportMissingTypeStubs]

from tuinet.data.augmentation import Augmentation, augment
from tuinet.data.preparation import prepare
from tuinet.model.model import Model
from tuinet.model.prediction import decode
from tuinet.nn.context import Arena, Context
from tuinet.nn.losses import Perceptron
from tuinet.nn.optimizers import new_scratch
from tuinet.nn.params import Array, Params
from tuinet.nn.ranges import Ranges, blocks, divide
from tuinet.nn.shards import LANES, lane_count, shard_size

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
    """Sums over the samples of a batch: loss, right answers, and samples with any output on the wrong side."""

    loss: float
    correct: int
    mistakes: int


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
        augmentation: Sequence[Augmentation],
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
        self.input_sizes = model.prepared_shape.sizes
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

    def of(self, params: Params, x: Array, y: Array, step: int) -> BatchSums:
        """x: raw inputs (B, …), y: raw targets (B,) or (B, T), both as they are stored."""
        self._used = min(len(self.lanes), -(-len(x) // self.shard_size))
        sums = self._each(lambda lane: self._run_lane(lane, params, x, y, step), range(self._used))
        return BatchSums(sum(s.loss for s in sums), sum(s.correct for s in sums), sum(s.mistakes for s in sums))

    def update(self, work: Callable[[Ranges, Array], None]) -> None:
        """On every thread's share of what may change: add up the lanes, then do `work(ranges, scratch)`.

        The work is elementwise, so how it is shared out changes no number.
        """

        def share_work(share: tuple[Ranges, Array]) -> None:
            self._add_lanes(share[0])
            work(*share)

        self._each(share_work, self.shares)
        self._used = 1

    def _each(self, work: Callable[[T], R], items: Sequence[T]) -> list[R]:
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

    def _run_lane(self, index: int, params: Params, x: Array, y: Array, step: int) -> BatchSums:
        lane = self.lanes[index]
        loss, correct, mistakes = 0.0, 0, 0
        for shard in range(index, -(-len(x) // self.shard_size), len(self.lanes)):
            part = slice(shard * self.shard_size, (shard + 1) * self.shard_size)
            # A loss that overflows is an event of the run, not a warning in the terminal.
            with np.errstate(all="ignore"):
                sums = self._run_shard(params, lane.target(shard == index), x[part], y[part], len(x), (step, shard))
            if shard != index:
                lane.add()
            loss, correct, mistakes = loss + sums.loss, correct + sums.correct, mistakes + sums.mistakes
        return BatchSums(loss, correct, mistakes)

    def _run_shard(
        self, params: Params, grads: Params, x: Array, y: Array, batch: int, place: tuple[int, int]
    ) -> BatchSums:
        meta, network = self.model.meta, self.model.network
        ctx = self._context()
        ctx.restart((self.seed, *place))
        inputs = self.inputs(x, ctx)
        outputs, cache = network.forward(params, inputs, ctx)
        losses, gradient = meta.loss.value_and_gradient(outputs, meta.coding.encode(y, outputs.dtype), ctx)
        correct = int((decode(meta, outputs) == y).sum()) if meta.task == "classification" else 0
        wrong_side = isinstance(meta.loss, Perceptron)
        mistakes = int(gradient.any(axis=1).sum()) if wrong_side else 0
        gradient *= 1.0 / batch
        network.backward(params, cache, gradient, grads, ctx, need_dx=False, first_trainable=self.first_trainable)
        return BatchSums(float(losses.sum()), correct, mistakes)

    def inputs(self, x: Array, ctx: Context) -> Array:
        """The network's inputs: prepared and, in training, augmented."""
        meta, dtype = self.model.meta, self.model.params.vector.dtype
        if not meta.preparation and x.dtype == dtype and x.shape[1:] == self.input_sizes:
            inputs = x  # nothing to do, and layers change no input
        else:
            out = ctx.empty((len(x), *self.input_sizes), dtype)
            inputs = prepare(meta.preparation, x, meta.input_shape, out=out)
        return augment(self.augmentation, inputs, ctx.rng) if self.augmentation and ctx.training else inputs

    def _context(self) -> Context:
        ctx = getattr(self._local, "ctx", None)
        if ctx is None:
            ctx = self._local.ctx = Context(training=True, arena=Arena())
        return ctx
