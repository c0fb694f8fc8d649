"""How packed sequences lie."""

from __future__ import annotations

import numpy as np
import pytest

from tuinet.nn.sequence import Ragged, Sequence, pack, steps_of, unpack

LENGTHS = [2, 4, 1, 4]


def letters() -> Ragged:
    """Four sequences whose values say sample and time: 21 is step 1 of sample 2."""
    return Ragged.of([np.arange(length) + 10 * sample for sample, length in enumerate(LENGTHS)])


def test_steps_come_first_and_the_longest_lead() -> None:
    x = pack(letters())
    assert x.values.tolist() == [10, 30, 0, 20, 11, 31, 1, 12, 32, 13, 33]
    assert x.steps.counts == [4, 3, 2, 2] and x.steps.starts == [0, 4, 7, 9, 11]
    assert [x.values[x.steps.rows(t)].tolist() for t in range(4)] == [[10, 30, 0, 20], [11, 31, 1], [12, 32], [13, 33]]
    assert len(x.steps) == 4 and x.steps.total == 11


def test_where_each_row_belongs() -> None:
    values, steps = pack(letters())
    assert steps.order.tolist() == [1, 3, 0, 2] and steps.place.tolist() == [2, 0, 3, 1]
    np.testing.assert_array_equal(steps.samples, values // 10)
    np.testing.assert_array_equal(steps.times, values % 10)
    for sample, length in enumerate(LENGTHS):
        rows = steps.rows_of(sample)
        np.testing.assert_array_equal(values[rows], letters().row(sample))
        assert rows.tolist() == [steps.row(sample, t) for t in range(length)]
    assert values[steps.last].tolist() == [1, 13, 20, 33]
    np.testing.assert_array_equal(values[steps.before], values[4:] - 1)


def test_reversal_turns_each_sequence_by_itself() -> None:
    values, steps = pack(letters())
    turned = unpack(Sequence(values[steps.reversal], steps))
    for sample, length in enumerate(LENGTHS):
        np.testing.assert_array_equal(turned.row(sample), letters().row(sample)[::-1])
        assert len(turned.row(sample)) == length
    np.testing.assert_array_equal(steps.reversal[steps.reversal], np.arange(11))


def test_unpack_is_the_opposite_of_pack() -> None:
    rng = np.random.default_rng(0)
    for lengths in ([1], [3, 3], [1, 5, 2, 2, 9], []):
        data = Ragged.of([rng.normal(size=(length, 2)) for length in lengths], np.float64)
        again = unpack(pack(data))
        np.testing.assert_array_equal(again.values, data.values)
        np.testing.assert_array_equal(again.offsets, data.offsets)


def test_an_array_of_equal_sequences() -> None:
    array = np.arange(24).reshape(2, 4, 3)
    x = pack(array)
    np.testing.assert_array_equal(x.values.reshape(4, 2, 3), array.transpose(1, 0, 2))
    assert x.steps.is_ordered and not pack(letters()).steps.is_ordered
    np.testing.assert_array_equal(unpack(x).values.reshape(2, 4, 3), array)


def test_layouts_of_equal_lengths_are_kept_and_no_others() -> None:
    """Only they come again; those of ragged batches would fill the memory."""
    assert steps_of([4, 4]) is steps_of(np.array([4, 4]))
    assert steps_of([1, 2]) is not steps_of([1, 2])
    assert steps_of([1 << 15, 1 << 15]) is not steps_of([1 << 15, 1 << 15])  # too large to keep


def test_an_empty_sequence_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one step"):
        steps_of([2, 0])


def test_ragged_rows_and_choices() -> None:
    data = letters()
    assert len(data) == 4 and data.lengths.tolist() == LENGTHS
    assert data.row(3).tolist() == [30, 31, 32, 33]
    chosen = data[np.array([3, 0, 3])]
    assert chosen.values.tolist() == [30, 31, 32, 33, 0, 1, 30, 31, 32, 33]
    assert data[1:3].values.tolist() == [10, 11, 12, 13, 20] and data[1:3].offsets.tolist() == [0, 4, 5]
    assert len(data[2:2]) == 0 and len(Ragged.of([], np.float32).values) == 0
