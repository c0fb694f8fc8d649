"""The processes that share the work of a training with the trainer's own.

A step is hundreds of small NumPy operations, and threads would wait for each other at Python's lock after each. What
a worker computes is what the trainer would have computed, bit for bit, so it may join late, or die, and no number
changes.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from tuinet.nn.params import Params
from tuinet.training import interpreter
from tuinet.training.channel import Channel, Memory, vector_bytes
from tuinet.training.lanes import Done, Task, Welcome, Work

T = TypeVar("T")

START_AFTER = 0.5
"""Seconds of training before workers are started: each takes half a second of a core before it can begin."""

PATIENCE = 10.0
"""A worker has so many times as long as the trainer took for its own share, and at least so many seconds."""

ONE_THREAD = {f"{name}_THREADS": "1" for name in ("OMP_NUM", "OPENBLAS_NUM", "MKL_NUM", "BLIS_NUM", "VECLIB_MAXIMUM")}
"""How the libraries behind NumPy's products are told to keep to one thread."""


class Worker:
    """One of them, as the trainer sees it. Whatever goes wrong with it, it is ended, and no longer `alive`."""

    def __init__(self, memory: Memory, welcome: Welcome) -> None:
        """Raises OSError if no process can be started, and what pickle raises for a network it cannot send."""
        self.alive, self.joined = True, False
        self._channel, other = Channel.pair()
        self._process: subprocess.Popen[bytes] | None = None
        descriptors = (*other.descriptors, memory.descriptor)
        try:
            self._process = subprocess.Popen(
                interpreter.command("tuinet.training.worker", *map(str, descriptors)),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=descriptors,
                start_new_session=True,  # Ctrl-C and a hang-up of the terminal are the trainer's alone
                env={**interpreter.same_modules(), **ONE_THREAD},
            )
            self._channel.send(welcome)
        except BaseException:
            self.end()
            raise
        finally:
            other.hand_over()

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    def ready(self) -> bool:
        """Whether it can be given work."""
        if self.alive and not self.joined and self._channel.waiting():
            self.result()
            self.joined = True
        return self.alive and self.joined

    def give(self, work: Work) -> None:
        self._try(lambda: self._channel.send(work))

    def result(self, took: float | None = None) -> Done | None:
        """What it found; None if it could not, or is gone. Its arrays are valid until it is given work again.

        `took`: the seconds that a share like its own took here. One that needs far longer was stopped, or has the
        machine against it: it is ended.
        """
        return self._try(lambda: self._channel.receive(None if took is None else PATIENCE * max(1.0, took)))

    def end(self) -> None:
        """It has nothing to lose: everything that counts is here."""
        if not self.alive:
            return
        self.alive = False
        self._channel.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _try(self, say: Callable[[], T]) -> T | None:
        if self.alive:
            try:
                return say()
            except Exception:  # it was killed, or there is no more memory to share: the trainer goes on alone
                self.end()
        return None


class Workers:
    """At most `most` workers, none until training has lasted `START_AFTER` seconds."""

    def __init__(self, task: Task, params: Params, totals: list[Params], most: int) -> None:
        """`totals`: the gradients of each lane; from the second on they are moved into shared memory."""
        self._task, self._like, self._totals = task, params, totals
        self._most = most if sys.executable and not getattr(sys, "frozen", False) else 0
        self._started: float | None = None
        self._memory: Memory | None = None
        self._weights = params.vector
        self._workers: list[Worker] = []

    def ready(self, params: Params) -> list[Worker]:
        """Those that can be given work, with these weights."""
        if self._most == 0:
            return []
        if not self._workers:
            now = time.monotonic()
            self._started = self._started or now
            if now - self._started >= START_AFTER:
                self._start()
        found = [worker for worker in self._workers if worker.ready()]
        if found:
            np.copyto(self._weights, params.vector)
        return found

    def end(self) -> None:
        for worker in self._workers:
            worker.end()
        if self._memory is not None:
            self._memory.close()
        self._most, self._workers, self._memory = 0, [], None

    def _start(self) -> None:
        """Share the vectors and start workers, or, where that cannot be, never try again."""
        vector = self._like.vector
        try:
            self._memory = Memory.new(vector_bytes(vector.size, vector.dtype) * (1 + len(self._totals)))
            self._weights, *shared = self._memory.vectors(vector.size, vector.dtype)
            welcome = Welcome(self._task, self._like.specs, vector.size, vector.dtype)
            for _ in range(self._most):
                self._workers.append(Worker(self._memory, welcome))
        except Exception:  # no processes, no memory, or a layer of the caller's own that another process cannot import
            self.end()
            return
        self._totals[1:] = [self._like.like(vector) for vector in shared[1:]]
