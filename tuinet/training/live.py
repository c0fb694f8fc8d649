"""The weights of a run as they are now, in a file, as long as somebody watches."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

from tuinet.errors import RunFailedError
from tuinet.files.model_file import save_model
from tuinet.model.model import Model
from tuinet.training.directory import LIVE

LEASE_SECONDS = 5.0
"""How long a viewer's word holds; it renews it while it looks."""

BETWEEN_SECONDS = 1.0
"""The file is written at most so often."""


class Live:
    """`renew` begins or prolongs the lease; `show` writes the file if it is leased, due, and holds other weights."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / LIVE
        self._until = self._next = 0.0
        self._step: int | None = None

    def renew(self) -> None:
        self._until = time.monotonic() + LEASE_SECONDS

    def show(self, step: int, model: Callable[[], Model]) -> None:
        """`model` gives the model at `step`; it is asked only if it is written.

        A full disk ends no training here: those who look see older weights.
        """
        now = time.monotonic()
        if now >= self._until or now < self._next or step == self._step:
            return
        with contextlib.suppress(RunFailedError):
            save_model(model(), self.path)
        self._step, self._next = step, time.monotonic() + BETWEEN_SECONDS

    def close(self) -> None:
        """Nothing is live any more."""
        self.path.unlink(missing_ok=True)
