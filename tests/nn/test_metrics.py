"""Metrics: small cases counted by hand."""

import numpy as np
import pytest

from tuinet.nn.metrics import RegressionSums, accuracy, confusion, errors, mse, r2, top_k

IDS, PREDICTED = np.array([0, 1, 2, 2, 1, 0]), np.array([0, 2, 2, 2, 1, 1])


def test_accuracy_and_errors():
    assert errors(IDS, PREDICTED) == 2
    assert accuracy(IDS, PREDICTED) == pytest.approx(4 / 6)
    assert accuracy(IDS, IDS) == 1.0 and errors(IDS, IDS) == 0
    assert accuracy(IDS.astype(np.uint8), PREDICTED) == pytest.approx(4 / 6)


def test_confusion_has_a_row_for_each_true_class():
    counts = confusion(IDS, PREDICTED, 4)
    np.testing.assert_array_equal(counts, [[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 2, 0], [0, 0, 0, 0]])
    assert np.trace(counts) == 6 - errors(IDS, PREDICTED)
    many = np.full(3, 99, np.uint8)  # 99 · 100 + 99 does not fit uint8
    assert confusion(many, many, 100)[99, 99] == 3


@pytest.mark.parametrize("wrong", [[0, 1, 2, 2, 1, 3], [0, 1, 2, 2, 1, -1]])
def test_confusion_refuses_ids_that_would_land_in_another_row(wrong):
    with pytest.raises(ValueError, match="0 … 2"):
        confusion(IDS, np.array(wrong), 3)
    with pytest.raises(ValueError, match="0 … 2"):
        confusion(np.array(wrong), PREDICTED, 3)


def test_top_k():
    scores = np.array([[0.1, 0.6, 0.3], [0.5, 0.2, 0.3], [0.2, 0.3, 0.5]])
    ids = np.array([1, 2, 0])  # first, second, third place
    assert [top_k(scores, ids, k) for k in (1, 2, 3)] == pytest.approx([1 / 3, 2 / 3, 1.0])


def test_top_1_is_the_accuracy_of_argmax_also_among_equal_scores():
    rng = np.random.default_rng(0)
    scores, ids = rng.integers(0, 3, (200, 5)).astype(np.float32), rng.integers(0, 5, 200)
    assert top_k(scores, ids, 1) == accuracy(ids, scores.argmax(axis=1))
    assert top_k(scores, ids, 5) == 1.0


def test_a_score_that_is_not_a_number_never_counts():
    assert top_k(np.array([[np.nan, 1.0]]), np.array([0]), 2) == 0.0
    assert top_k(np.array([[np.nan, 1.0]]), np.array([1]), 1) == 1.0


def test_mse_and_r2_by_hand():
    y, a = np.array([[1.0], [2.0], [6.0]]), np.array([[2.0], [2.0], [4.0]])
    assert mse(y, a) == pytest.approx(5 / 3)
    assert r2(y, a) == pytest.approx(1 - 5 / 14)  # the mean is 3: Σ(y − 3)² = 4 + 1 + 9
    assert r2(y, y) == 1.0 and mse(y, y) == 0.0
    assert r2(y, np.full_like(y, 3.0)) == 0.0
    assert mse(y[:, 0], a[:, 0]) == pytest.approx(5 / 3)


def test_r2_is_the_mean_over_outputs_and_a_constant_target_is_all_or_nothing():
    y = np.array([[1.0, 5.0], [3.0, 5.0]])
    assert r2(y, y) == 1.0
    assert r2(y, y + np.array([[0.0, 0.5], [0.0, 0.0]])) == 0.5
    assert r2(y, y + np.array([[1.0, 0.0], [0.0, 0.0]])) == pytest.approx((0.5 + 1.0) / 2)


@pytest.mark.parametrize("batch", [1, 7, 64, 100])
def test_sums_over_batches_equal_the_whole(batch):
    rng = np.random.default_rng(1)
    y = rng.normal(1e6, 1.0, (100, 3))  # a large mean: Σy² − N ȳ² would lose the spread
    a = y + rng.normal(0.0, 0.5, y.shape)
    sums = RegressionSums(3)
    for start in range(0, 100, batch):
        sums.add(y[start : start + batch], a[start : start + batch])
    sums.add(y[:0], a[:0])
    spread = np.square(y - y.mean(axis=0)).sum(axis=0)
    assert sums.mse == pytest.approx(np.square(y - a).mean(), rel=1e-12)
    assert sums.r2 == pytest.approx((1 - np.square(y - a).sum(axis=0) / spread).mean(), rel=1e-9)


def test_unequal_numbers_and_none_at_all_are_refused():
    for function in (accuracy, errors, mse, r2):
        with pytest.raises(ValueError, match="as many"):
            function(np.zeros(3), np.zeros(2))
        with pytest.raises(ValueError, match="at least one"):
            function(np.zeros(0), np.zeros(0))
    with pytest.raises(ValueError, match="one shape"):
        mse(np.zeros((3, 1)), np.zeros(3))
