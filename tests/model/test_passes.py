"""A pass on several threads gives the outputs of one, in their order, and ends as it should."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from tuinet.data.dataset import DatasetInfo, Split
from tuinet.errors import TuinetError
from tuinet.model import passes
from tuinet.model.blas import one_blas_thread
from tuinet.model.model import Model, new_model
from tuinet.nn.context import Context
from tuinet.nn.layer import Shape
from tuinet.nn.layers.activation import Relu
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.embedding import Embedding
from tuinet.nn.layers.lstm import LSTM
from tuinet.nn.layers.over_time import LastStep
from tuinet.nn.losses import CrossEntropy
from tuinet.nn.network import Sequential

RNG = np.random.default_rng(2)
X = RNG.standard_normal((70, 4))
Y = RNG.integers(0, 3, 70)


def mlp() -> Model:
    info = DatasetInfo("made up", "classification", Shape.vector(4), {}, ("a", "b", "c"))
    network = Sequential((Dense(5), Relu(), Dense(3)))
    return new_model(network, info, (), CrossEntropy(), dtype=np.float64)


def batches(size: int) -> Iterator[np.ndarray]:
    return (X[start : start + size] for start in range(0, len(X), size))


@pytest.mark.parametrize("threads", [1, 2, 3, 20])
@pytest.mark.parametrize("size", [1, 8, 100])
def test_outputs_come_in_order(threads: int, size: int) -> None:
    model = mlp()
    expected, _ = model.network.forward(model.params, X, Context())
    found = np.concatenate([part.copy() for part in model.run(batches(size), threads)])
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-14)
    np.testing.assert_array_equal(model.predict(X, size, threads).outputs, found)
    split = Split(X, Y)
    assert model.evaluate(split, size, threads=threads) == model.evaluate(split, size, threads=1)


def test_a_pass_that_is_given_up_leaves_no_thread() -> None:
    before = threading.active_count()
    parts = mlp().run(batches(1), 4)
    next(parts)
    assert threading.active_count() > before
    parts.close()  # pyright: ignore[reportAttributeAccessIssue]
    assert threading.active_count() == before


def test_an_error_of_one_batch_is_told() -> None:
    wrong = X.copy()
    wrong[69, 0] = np.nan
    with pytest.raises(TuinetError, match="not a finite number"):
        mlp().predict(wrong, 8, 3)


@pytest.mark.parametrize("threads", [1, 3])
def test_blas_keeps_to_one_thread_meanwhile(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passes, "one_blas_thread", type(one_blas_thread)())  # which nobody else has entered
    with threadpool_limits(2, "blas"):
        parts = mlp().run(batches(10), threads)
        next(parts)
        assert all(found["num_threads"] == 1 for found in threadpool_info() if found["user_api"] == "blas")
        assert sum(1 for _ in parts) == 6
        assert all(found["num_threads"] == 2 for found in threadpool_info() if found["user_api"] == "blas")


def test_how_many_threads() -> None:
    assert mlp().threads_for(samples=70, batch_size=70, threads=4) is None, "one batch"
    assert mlp().threads_for(samples=71, batch_size=70, threads=4) == 2
    assert mlp().threads_for(samples=1000, batch_size=10, threads=4) == 4
    assert mlp().threads_for(samples=0, batch_size=10) is None
    info = DatasetInfo("made up", "classification", Shape.tokens(5), {}, ("a", "b"))
    reader = new_model(Sequential((Embedding(2), LSTM(2), LastStep(), Dense(2))), info, (), CrossEntropy())
    assert reader.threads_for(samples=1000, batch_size=10, threads=4) == 1, "step by step"
