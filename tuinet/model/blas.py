"""One thread for matrix products (docs/decisions/0007): where they are small, threads that wait for each other cost
more than they bring, and on a busy machine many times the whole work."""

from __future__ import annotations

import os
import threading

from threadpoolctl import threadpool_limits  # pyright: ignore[reportMissingTypeStubs]


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


def cores() -> int:
    """The processor's cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
