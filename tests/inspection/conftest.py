"""Looking keeps BLAS to one thread, as the command does: beside other work two are many times slower."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tuinet.model.blas import one_blas_thread


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    with one_blas_thread:
        yield
