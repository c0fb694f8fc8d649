"""The gradient of one batch, computed shard by shard.

A shard is a fixed number of samples, computed alone; lane l takes shards l, l + L, … one after the other and adds
them up, and the lanes are added in order. Sizes follow from network and batch only, so the rounding of every sum is
the same for any number of threads.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits  # pyright: ignore[reportMissingTypeStubs]

from tuinet.data.augmentation import Augmentation, augment
from tuinet.data.preparation import prepare
from tuinet.model.model import Model
from tuinet.model.prediction import decode
from tuinet.nn.context import Arena, Context
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.losses import Perceptron
from tuinet.nn.params import Array, Params

CONVOLUTION_SHARD = 16
"""Images a shard: their feature maps and im2col matrices stay in a core's cache (8 and 32 were slower)."""

DENSE_SHARD = 4096
"""Samples a shard without convolutions: one product is fastest whole, but memory must stay bounded."""

LANES = 8
"""Sums that can grow side by side; more threads than this bring nothing."""


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
    """`of(params, x, y, step)` leaves dJ/dparams, J the mean loss of the batch, in `total`.

    Use as a context manager: it sets the number of BLAS threads and ends its own threads.
    Layers before `first_trainable` get no gradient.
    """

    def __init__(
        self,
        model: Model,
        augmentation: Sequence[Augmentation],
        *,
        seed: int,
        batch_size: int,
        threads: int,
        first_trainable: int = 0,
    ) -> None:
        self.model = model
        self.augmentation = augmentation
        self.seed = seed
        self.first_trainable = first_trainable
        self.input_sizes = model.prepared_shape.sizes
        self.shard_size = shard_size(model, batch_size)
        self.sharded = self.shard_size == CONVOLUTION_SHARD
        shards = -(-batch_size // self.shard_size)
        self.lanes = [_Lane(model.params) for _ in range(min(LANES, shards) if self.sharded else 1)]
        self.threads = min(threads, len(self.lanes)) if self.sharded else 1
        self.blas_threads = 1 if self.sharded else threads
        self._local = threading.local()
        self._pool: ThreadPoolExecutor | None = None

    @property
    def total(self) -> Params:
        return self.lanes[0].total

    def __enter__(self) -> Gradients:
        self._limits = threadpool_limits(self.blas_threads, "blas")
        if self.threads > 1:
            self._pool = ThreadPoolExecutor(self.threads, "tuinet-shard")
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None
        self._limits.restore_original_limits()

    def of(self, params: Params, x: Array, y: Array, step: int) -> BatchSums:
        """x: raw inputs (B, …), y: raw targets (B,) or (B, T), both as they are stored."""
        lanes = range(min(len(self.lanes), -(-len(x) // self.shard_size)))
        if self._pool is None:
            sums = [self._run_lane(lane, params, x, y, step) for lane in lanes]
        else:
            waiting = [self._pool.submit(self._run_lane, lane, params, x, y, step) for lane in lanes]
            sums = [future.result() for future in waiting]
        for lane in lanes[1:]:
            self.total.vector += self.lanes[lane].total.vector
        if len(sums) == 1:
            return sums[0]
        return BatchSums(sum(s.loss for s in sums), sum(s.correct for s in sums), sum(s.mistakes for s in sums))

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
        meta = self.model.meta
        out = ctx.empty((len(x), *self.input_sizes), self.model.params.vector.dtype)
        inputs = prepare(meta.preparation, x, meta.input_shape, out=out)
        return augment(self.augmentation, inputs, ctx.rng) if self.augmentation and ctx.training else inputs

    def _context(self) -> Context:
        ctx = getattr(self._local, "ctx", None)
        if ctx is None:
            ctx = self._local.ctx = Context(training=True, arena=Arena())
        return ctx


def shard_size(model: Model, batch_size: int) -> int:
    """The samples computed at a time: 16 where there is a convolution, else up to 4,096."""
    if any(isinstance(layer, Conv2D) for layer in model.network.layers):
        return CONVOLUTION_SHARD
    return min(batch_size, DENSE_SHARD)
