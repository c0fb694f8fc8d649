"""One thread for matrix products where they are small, as those of recurrent layers are (docs/decisions/0007)."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits  # pyright: ignore[reportMissingTypeStubs]

from tuinet.model.model import Model
from tuinet.nn import stack
from tuinet.nn.seq2seq import Seq2Seq


@contextmanager
def suited_to(model: Model) -> Generator[None]:
    """A model that goes step by step keeps BLAS to one thread: two that wait for each other at every step cost up to
    seven times the whole work on a busy machine. All others have what there is."""
    layers = model.network.layers
    if not stack.recurrent(layers) and not any(isinstance(layer, Seq2Seq) for layer in layers):
        yield
        return
    with threadpool_limits(1, "blas"):
        yield
