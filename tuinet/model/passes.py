"""A network's outputs for batches of raw inputs, one after the other or on several threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from tuinet.errors import TuinetError
from tuinet.model.blas import one_blas_thread
from tuinet.model.signals import inputs_of
from tuinet.nn.context import Arena, Context

if TYPE_CHECKING:
    from tuinet.model.model import Model


def passes(model: Model, batches: Iterable[Any], threads: int | None) -> Iterator[Any]:
    """The outputs, (B, S) or a `Sequence`, for each batch, in their order; valid until the next.

    On so many threads, BLAS keeps to one in each: its own would wait for each other at every product. None: on the
    caller's thread, with whatever BLAS has.
    """
    if threads is None:
        yield from _one_by_one(model, batches)
        return
    if threads == 1:
        with one_blas_thread:
            yield from _one_by_one(model, batches)
        return
    free = [Context(arena=Arena()) for _ in range(threads)]
    under_way: deque[tuple[Context, Future[Any]]] = deque()
    with one_blas_thread, ThreadPoolExecutor(threads, "tuinet-pass") as pool:
        for raw in batches:
            if not free:
                ctx, first = under_way.popleft()
                yield first.result()
                free.append(ctx)
            ctx = free.pop()
            under_way.append((ctx, pool.submit(_outputs, model, raw, ctx)))
        for _, last in under_way:
            yield last.result()


def _one_by_one(model: Model, batches: Iterable[Any]) -> Iterator[Any]:
    ctx = Context()
    for raw in batches:
        yield _outputs(model, raw, ctx)
        if ctx.arena is None:  # which pays from the second batch on
            ctx = Context(arena=Arena())


def _outputs(model: Model, raw: Any, ctx: Context) -> Any:
    ctx.restart((0, 0, 0))
    try:
        with np.errstate(all="ignore"):
            inputs = inputs_of(model.meta, raw, ctx, model.params.vector.dtype)
            return model.network.forward(model.params, inputs, ctx)[0]
    except MemoryError:
        hint = "A smaller batch takes less."
        raise TuinetError(f"a batch of {len(raw)} samples does not fit in memory", hint) from None
