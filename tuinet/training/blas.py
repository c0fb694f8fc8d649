"""One thread for matrix products (docs/decisions/0007): where they are small, threads that wait for each other cost
more than they bring, and on a busy machine many times the whole work."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager, nullcontext

from threadpoolctl import threadpool_limits  # pyright: ignore[reportMissingTypeStubs]

from tuinet.model.model import Model
from tuinet.nn import stack
from tuinet.nn.seq2seq import Seq2Seq


class _OneBlasThread:
    """`with one_blas_thread:`. The limit is the whole process's: the first to enter sets it, the last to leave lifts
    it, in whatever order trainings that run side by side end."""

    def __init__(self) -> None:
        self._users = 0
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        with self._lock:
            if self._users == 0:
                self._limits = threadpool_limits(1, "blas")
            self._users += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0:
                self._limits.restore_original_limits()


one_blas_thread = _OneBlasThread()


def suited_to(model: Model) -> AbstractContextManager[None]:
    """For asking a model: one that goes step by step keeps BLAS to one thread, all others have what there is."""
    layers = model.network.layers
    steps = bool(stack.recurrent(layers)) or any(isinstance(layer, Seq2Seq) for layer in layers)
    return one_blas_thread if steps else nullcontext()
