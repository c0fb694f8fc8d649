"""Texts are a column of strings that is indexed like an array; parts of them are taken and joined like others."""

import numpy as np

from tuinet.data.dataset import Dataset, Split
from tuinet.data.splits import join
from tuinet.data.texts import Texts
from tuinet.nn.layer import Shape
from tuinet.nn.sequence import Ragged

FOUR = Texts(["a", "bc", "", "déf"])


def test_it_is_indexed_like_an_array():
    assert len(FOUR) == 4 and list(FOUR[1:3]) == ["bc", ""] and list(FOUR[np.array([3, 0, 0])]) == ["déf", "a", "a"]
    assert list(FOUR[[]]) == [] and FOUR.row(3) == "déf" and FOUR.characters == 6
    assert FOUR == Texts(iter(["a", "bc", "", "déf"])) != Texts(["a"]) and hash(FOUR) == hash(FOUR[:])
    assert FOUR != ["a", "bc", "", "déf"] and list(FOUR[:1] + FOUR[3:]) == ["a", "déf"] and repr(FOUR) == "Texts(4)"


def test_parts_of_texts_and_of_sequences_are_taken_and_cut_into_batches():
    tags = Ragged.of([[1], [2, 3], [4], [5, 6, 7]])
    split = Split(FOUR, tags, np.array([1, 3]))
    inputs, targets = split.take([1])
    assert list(inputs) == ["déf"] and targets.row(0).tolist() == [5, 6, 7]
    assert [row.tolist() for row in map(split.all_targets().row, range(2))] == [[2, 3], [5, 6, 7]]
    sizes = [(len(x), len(y)) for x, y in Split(FOUR, tags).batches(3)]
    assert sizes == [(3, 3), (1, 1)]


def test_a_whole_part_is_taken_without_copying():
    split = Split(FOUR, Ragged.of([[1]] * 4))
    assert split.take(slice(None))[0] is FOUR and split.all_targets() is split.targets


def test_join_puts_texts_and_sequences_together():
    one = Split(FOUR[:2], Ragged.of([[1, 2], [3]]))
    other = Split(FOUR[2:], Ragged.of([[4], [5, 6]]), np.array([1]))
    both = join(one, other)
    assert list(both.inputs) == ["a", "bc", "déf"]
    assert [both.targets.row(n).tolist() for n in range(3)] == [[1, 2], [3], [5, 6]]


def test_lengths_are_those_of_the_training_part():
    tags = Ragged.of([[1], [2, 3], [4, 5, 6, 7]])
    data = Dataset("t", "tagging", Shape.tokens(9), {"train": Split(tags, tags, np.array([1, 2]))}, labels=("x",) * 9)
    assert (data.info.length, data.info.target_length, data.info.classes) == (3.0, 3.0, 9)
    data = Dataset("t", "regression", Shape.vector(4), {"train": Split(np.zeros((3, 4)), np.zeros((3, 2)))})
    assert (data.info.length, data.info.target_length) == (1.0, 1.0)
