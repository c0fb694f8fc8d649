"""How near each kind of work comes to what this machine can multiply.

The limit is what the trainer's processes could reach together, if they did nothing but multiply. The work is what
`fit` and `predict` do on random data. Counted are the operations that the layers' products take by their formulas, also
where a layer finds a way to do fewer (that of symbols with the weights of a recurrent layer); all else that it does
(activations, pooling, gates, the optimizer) takes time and counts nothing: it is what the work stays behind by.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from statistics import median
from typing import Any, NamedTuple, cast

import msgspec
import numpy as np
from threadpoolctl import threadpool_info  # pyright: ignore[reportMissingTypeStubs]

from tuinet.data.dataset import Dataset
from tuinet.errors import RunFailedError
from tuinet.model.blas import cores, one_blas_thread
from tuinet.nn import stack
from tuinet.nn.layer import Shape
from tuinet.nn.network import Sequential
from tuinet.nn.params import Array
from tuinet.nn.seq2seq import Seq2Seq
from tuinet.nn.shards import LANES
from tuinet.nn.stack import Layers
from tuinet.training.bench_work import WORKS, Work
from tuinet.training.build import Job
from tuinet.training.events import EpochDone, RunFailed, StepDone
from tuinet.training.fit import fit
from tuinet.training.workers import START_AFTER

SIDE = 1024
"""Rows and columns of the matrices whose product is the limit: so many that BLAS is at its best."""

WINDOW = 0.2
"""Seconds of products before each kind of work, at most."""

JOINING = 0.75
"""Seconds that a worker is given to join, once it is started."""


class Limit(msgspec.Struct, frozen=True):
    """gflops   10⁹ floating-point operations a second in products of float32, by all threads together
    threads  how many there were
    kernels  which BLAS chose for this processor; null if it does not say
    blas     the library and its version; null if it is not known
    """

    gflops: float
    threads: int
    kernels: str | None
    blas: str | None


class Row(msgspec.Struct, frozen=True):
    """work        what was done
    per_second  how much of it a second, counted in `unit`
    unit        samples, symbols, pairs or images
    gflops      10⁹ floating-point operations that this takes a second
    share       of the limit; 1 is the limit
    """

    work: str
    per_second: float
    unit: str
    gflops: float
    share: float


class Measured(NamedTuple):
    """Samples a second, and the floating-point operations of one."""

    speed: float
    operations: float


def bench(threads: int, seconds: float, tell: Callable[[str], None]) -> tuple[Limit, list[Row]]:
    """Measure every kind of work for about so many seconds, on as many of these threads as there are cores and as a
    training can use: it adds up its gradients in no more than LANES places.

    The limit is the median of a window before each kind of work: machines change their pace within seconds.
    `tell` is given the name of what is measured. Raises RunFailedError if a loss is not finite.
    """
    threads = min(threads, LANES, cores())
    reached: list[float] = []
    found: list[Measured] = []
    for work in WORKS:
        tell(work.name)
        reached.append(multiplied(threads, min(seconds, WINDOW)))
        found.append(measured(work, threads, seconds))
    limit = Limit(median(reached), threads, *_blas())
    return limit, [_row(work, each, limit) for work, each in zip(WORKS, found, strict=True)]


def _row(work: Work, found: Measured, limit: Limit) -> Row:
    gflops = found.speed * found.operations / 1e9
    return Row(work.name, found.speed * work.units, work.unit, gflops, gflops / limit.gflops)


# ── the limit ─────────────────────────────────────────────────────────────────────────────────────────────────────


def multiplied(threads: int, seconds: float) -> float:
    """GFLOP/s that `threads` reach together, each multiplying float32 matrices of 1024×1024 on one BLAS thread.

    So do the trainer's processes, and threads do as well here: Python's lock is free while a product is computed. One
    large product shared out by BLAS itself comes to about the same on an idle machine.
    """
    a, b = np.random.default_rng(0).random((2, SIDE, SIDE), np.float32)

    def multiply(out: Array) -> float:
        return _repeated(lambda: np.matmul(a, b, out=out), seconds)

    with one_blas_thread, ThreadPoolExecutor(threads, "tuinet-bench") as pool:
        outs = [a @ b for _ in range(threads)]  # memory that is in use already
        products = sum(pool.map(multiply, outs))
    return products * 2 * SIDE**3 / 1e9


def _blas() -> tuple[str | None, str | None]:
    """The kernels, and the library with its version."""
    for library in cast("list[dict[str, Any]]", threadpool_info()):
        if library.get("user_api") == "blas":
            version = library.get("version")
            return library.get("architecture"), f"{library['internal_api']} {version or ''}".rstrip()
    return None, None


# ── operations ────────────────────────────────────────────────────────────────────────────────────────────────────


def training_operations(network: Sequential, data: Dataset) -> float:
    """Floating-point operations that a training sample's products take, on average over the training part.

    Two for each multiply-add of the forward pass, as many for the gradients of the weights, and as many for those of
    the inputs, which the first layer with weights is spared. Layers without weights multiply nothing. A sequence has
    them once for each step that is there; of a translator, the encoder for each symbol of the source, the decoder for
    each of the target and the start before it. (Weights that turn a context into first states are left out.)
    """
    info, (first, *_) = data.info, network.layers
    if isinstance(first, Seq2Seq):
        read = _operations(first.encoder, info.input_shape) * info.length
        return read + _operations(first.decoder, first.target_shape()) * (info.target_length + 1)
    return _operations(network.layers, info.input_shape) * info.length


def answering_operations(layers: Layers, shape: Shape) -> int:
    """The same of the forward pass alone, for a sample or a step: two for each multiply-add."""
    return sum(2 * count for count in _multiply_adds(layers, shape))


def _operations(layers: Layers, shape: Shape) -> int:
    spared = next(_multiply_adds(layers, shape), 0)
    return 3 * answering_operations(layers, shape) - 2 * spared


def _multiply_adds(layers: Layers, shape: Shape) -> Iterator[int]:
    """Of each layer with weights. (Pooling's are comparisons; an embedding looks up, and has none.)"""
    for layer, before in zip(layers, stack.shapes(layers, shape), strict=False):
        if layer.param_shapes(before):
            yield layer.multiply_adds(before)


# ── the work ──────────────────────────────────────────────────────────────────────────────────────────────────────


def measured(work: Work, threads: int, seconds: float) -> Measured:
    """Do the work for about so many seconds. Raises RunFailedError if the loss is not finite."""
    job = work.job()
    if work.asked is not None:
        operations = answering_operations(job.model.network.layers, job.data.input_shape)
        return Measured(_answered(job, work.asked, threads, seconds), operations)
    return Measured(_trained(job, threads, seconds), training_operations(job.model.network, job.data))


def _trained(job: Job, threads: int, seconds: float) -> float:
    """Samples a second, from the end of an epoch to the end of another: so every batch counts as often as any other,
    those of short sequences and those of long ones. Before that, the workers join."""
    start, begin, done = time.perf_counter(), None, 0
    join = START_AFTER + JOINING if threads > 1 else 0.0
    with closing(fit(*job, threads=threads)) as events:
        for event in events:
            if isinstance(event, StepDone):
                done += event.samples
            elif isinstance(event, RunFailed):
                raise RunFailedError(event.message)
            elif isinstance(event, EpochDone):
                now = time.perf_counter()
                if begin is None and now >= start + join:
                    begin, done = now, 0
                elif begin is not None and now >= begin + seconds:
                    return done / (now - begin)
    raise AssertionError("its epochs are more than anyone waits for")


def _answered(job: Job, asked: int, threads: int, seconds: float) -> float:
    """Images a second, so many at a time."""
    images = job.data.splits["train"].inputs[:asked]
    with one_blas_thread:
        job.model.predict(images, threads=threads)  # what is made only once is then there
        return len(images) * _repeated(lambda: job.model.predict(images, threads=threads), seconds)


def _repeated(work: Callable[[], object], seconds: float) -> float:
    """How often a second it is done, over so many seconds, or once if that takes longer."""
    begin = time.perf_counter()
    done, taken = 0, 0.0
    while done == 0 or taken < seconds:
        work()
        done, taken = done + 1, time.perf_counter() - begin
    return done / taken
