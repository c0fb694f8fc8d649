"""Splits take rows out of arrays as they are stored, and read nothing else."""

import numpy as np

from tuinet.data.dataset import Column, Dataset, Split
from tuinet.nn.layer import Shape


def test_take_gathers_the_rows_asked_for_in_their_order_and_dtype():
    split = Split(np.arange(12, dtype=np.uint8).reshape(6, 2), np.arange(6), np.array([1, 3, 5]))
    inputs, targets = split.take([2, 0])
    assert inputs.tolist() == [[10, 11], [2, 3]] and targets.tolist() == [5, 1] and inputs.dtype == np.uint8
    assert len(split) == 3 and split.all_targets().tolist() == [1, 3, 5]


def test_a_slice_of_an_undivided_part_copies_nothing():
    inputs = np.arange(12).reshape(6, 2)
    taken, _ = Split(inputs, np.arange(6)).take(slice(2, 4))
    assert np.shares_memory(taken, inputs) and taken.tolist() == [[4, 5], [6, 7]]


def test_batches_cover_the_part_once_in_order():
    split = Split(np.arange(7)[:, None], np.arange(7), np.array([0, 1, 2, 4, 6]))
    assert [targets.tolist() for _, targets in split.batches(2)] == [[0, 1], [2, 4], [6]]


def test_a_batch_of_a_mapped_file_is_an_ordinary_array(tmp_path):
    np.save(tmp_path / "x.npy", np.arange(20.0).reshape(10, 2))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    for rows in (None, np.array([0, 4, 9])):
        inputs, _ = Split(mapped, np.arange(10), rows).take([1])
        assert type(inputs) is np.ndarray and inputs.tolist() == [[2.0, 3.0] if rows is None else [8.0, 9.0]]


def test_info_is_the_data_set_without_its_arrays():
    data = Dataset(
        "t",
        "regression",
        Shape.vector(2),
        {"train": Split(np.zeros((5, 2)), np.zeros((5, 1)), np.array([0, 2]))},
        columns=(Column("a"), Column("b", ("x", "y", "z"))),
        target_names=("y",),
    )
    assert data.info.sizes == {"train": 2} and data.info.outputs == 1 and data.info.classes == 0
    assert [column.width for column in data.columns] == [1, 3]
