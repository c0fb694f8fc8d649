"""Cutting parts off: nothing lost, nothing twice, classes in proportion, the same for the same seed."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuinet.data.dataset import Dataset, Split
from tuinet.data.splits import SplitSettings, apportion, join, split_dataset, split_sizes
from tuinet.data.texts import Texts
from tuinet.errors import TuinetError
from tuinet.nn.layer import Shape
from tuinet.nn.sequence import Ragged


def dataset(ids, **more) -> Dataset:
    ids = np.asarray(ids)
    inputs = np.arange(len(ids), dtype=np.float64)[:, None]
    return Dataset(
        "t", "classification", Shape.vector(1), {"train": Split(inputs, ids), **more}, labels=("a", "b", "c")
    )


def test_apportion_by_largest_remainders():
    """10 seats over 47, 16, 16, 12, 6, 3 votes: shares 4.7 1.6 1.6 1.2 0.6 0.3 → 5 2 2 1 0 0 (the textbook example)."""
    assert apportion([47, 16, 16, 12, 6, 3], 10) == [5, 2, 2, 1, 0, 0]


@given(st.lists(st.integers(0, 2), min_size=4, max_size=200), st.floats(0, 0.4), st.floats(0, 0.4), st.integers(0, 9))
def test_parts_are_disjoint_and_complete_and_each_class_is_in_proportion(ids, validation, test, seed):
    settings = SplitSettings(validation, test)
    if len(ids) - round(validation * len(ids)) - round(test * len(ids)) < 1:
        return
    cut = split_dataset(dataset(ids), settings, seed)
    rows = [split.take(slice(None))[0][:, 0].astype(int) for split in cut.splits.values()]
    assert sorted(np.concatenate(rows).tolist()) == list(range(len(ids)))
    assert all((np.diff(part) > 0).all() for part in rows)
    assert cut.info.sizes == split_sizes({"train": len(ids)}, settings)
    left = np.bincount(ids, minlength=3)
    for name in ("test", "validation"):
        if name in cut.splits:
            part = np.bincount(cut.splits[name].all_targets(), minlength=3)
            assert np.abs(part - left * part.sum() / left.sum()).max() < 1
            left = left - part


def test_iris_like_thirds_stay_thirds():
    cut = split_dataset(dataset(np.repeat([0, 1, 2], 50)), SplitSettings(validation=0.2, test=30), 0)
    counts = {name: np.bincount(split.all_targets()).tolist() for name, split in cut.splits.items()}
    assert counts == {"train": [30, 30, 30], "validation": [10, 10, 10], "test": [10, 10, 10]}
    assert list(cut.splits) == ["train", "validation", "test"]


def test_the_seed_decides_and_nothing_else():
    data, settings = dataset(np.arange(300) % 3), SplitSettings(validation=0.3)
    first, again, other = (split_dataset(data, settings, seed).splits["validation"].rows for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_without_stratifying_the_proportions_are_left_to_chance():
    data = dataset(np.repeat([0, 1], 500))
    counts = [
        np.bincount(split_dataset(data, SplitSettings(0.5, stratified=False), seed).splits["validation"].all_targets())[
            0
        ]
        for seed in range(5)
    ]
    assert any(count != 250 for count in counts) and all(200 < count < 300 for count in counts)


def test_real_targets_are_cut_without_classes():
    values = np.linspace(0, 1, 40)[:, None]
    data = Dataset("t", "regression", Shape.vector(1), {"train": Split(values, values)}, target_names=("y",))
    assert split_dataset(data, SplitSettings(test=10), 0).info.sizes == {"train": 30, "test": 10}


def test_no_row_is_copied(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((100, 3), np.uint8))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    data = Dataset("t", "classification", Shape.vector(3), {"train": Split(mapped, np.arange(100) % 2)}, ("a", "b"))
    cut = split_dataset(data, SplitSettings(0.1, 0.2), 0)
    assert all(split.inputs is mapped for split in cut.splits.values())


def test_a_test_part_of_its_own_is_kept():
    own = Split(np.full((5, 1), -1.0), np.zeros(5, int))
    cut = split_dataset(dataset(np.arange(10) % 2, test=own), SplitSettings(validation=4), 0)
    assert cut.splits["test"] is own and cut.info.sizes == {"train": 6, "validation": 4, "test": 5}
    with pytest.raises(TuinetError, match=r"data\.split\.test: this data set has a test part of its own \(5 samples\)"):
        split_dataset(dataset(np.arange(10) % 2, test=own), SplitSettings(test=0.1), 0)


def test_a_part_of_a_part_stays_within_it():
    data = Dataset(
        "t",
        "classification",
        Shape.vector(1),
        {"train": Split(np.arange(20.0)[:, None], np.arange(20) % 2, np.arange(0, 20, 2))},
        ("a", "b"),
    )
    cut = split_dataset(data, SplitSettings(validation=3), 0)
    rows = np.concatenate([split.rows for split in cut.splits.values()])
    assert sorted(rows.tolist()) == list(range(0, 20, 2))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (SplitSettings(validation=1.5), r"data\.split\.validation: 1\.5 is no share"),
        (SplitSettings(test=-0.1), r"data\.split\.test: -0\.1 is no share"),
        (SplitSettings(test=float("nan")), r"data\.split\.test: nan is no share"),
        (SplitSettings(validation=-3), r"data\.split\.validation: -3 is negative"),
        (SplitSettings(validation=6, test=4), r"validation \(6\) and test \(4\) leave nothing of the 10"),
        (SplitSettings(validation=0.5, test=0.5), r"leave nothing of the 10"),
        (SplitSettings(validation=10**12), r"leave nothing of the 10"),
    ],
)
def test_impossible_cuts_are_refused(settings, message):
    with pytest.raises(TuinetError, match=message):
        split_dataset(dataset(np.arange(10) % 2), settings, 0)


def test_no_cut_gives_the_data_set_back():
    data = dataset([0, 1, 2])
    assert split_dataset(data, SplitSettings(), 0) is data


def test_join_undoes_a_cut():
    data = dataset(np.arange(30) % 3)
    cut = split_dataset(data, SplitSettings(validation=0.3), 0)
    whole = join(cut.splits["train"], cut.splits["validation"])
    assert (
        whole.rows is not None
        and whole.rows.tolist() == list(range(30))
        and whole.inputs is data.splits["train"].inputs
    )
    other = join(whole, Split(np.array([[7.0]]), np.array([1])))
    assert len(other) == 31 and other.take([30])[0].tolist() == [[7.0]]


# Pairs and texts


def pairs(sources):
    texts = Texts(sources)
    return Dataset("t", "seq2seq", Shape.tokens(0), {"train": Split(texts, Texts(map(str, range(len(texts)))))})


@given(st.lists(st.integers(0, 30), min_size=10, max_size=200), st.floats(0.05, 0.4), st.integers(0, 9))
def test_equal_sources_never_lie_on_both_sides(names, share, seed):
    names = [*names, *range(100, 100 + len(names))]  # some stand once, so that no part comes out empty
    data = pairs([f"s{name}" for name in names])
    cut = split_dataset(data, SplitSettings(share, share), seed)
    parts = {name: split.take(slice(None)) for name, split in cut.splits.items()}
    seen = [set(inputs) for inputs, _ in parts.values()]
    assert sum(map(len, seen)) == len(set.union(*seen))
    rows = [int(target) for _, targets in parts.values() for target in targets]
    assert sorted(rows) == list(range(len(names)))
    asked = round(share * len(names))
    assert all(len(cut.splits[name]) <= asked for name in ("validation", "test") if name in cut.splits)


def test_the_count_is_exact_where_some_sources_stand_once():
    data = pairs([f"s{n // 3}" if n < 60 else f"t{n}" for n in range(100)])
    cut = split_dataset(data, SplitSettings(validation=17, test=0.25), 3)
    assert (
        cut.info.sizes
        == {"train": 58, "validation": 17, "test": 25}
        == split_sizes({"train": 100}, SplitSettings(validation=17, test=0.25))
    )


def test_sequences_of_ids_are_grouped_too():
    inputs = Ragged.of([[1, 2], [1], [1, 2], [2]])
    data = Dataset("t", "seq2seq", Shape.tokens(3), {"train": Split(inputs, inputs)})
    for seed in range(10):
        cut = split_dataset(data, SplitSettings(test=1), seed)
        assert cut.splits["test"].rows.tolist() in ([1], [3])


def test_a_cut_smaller_than_every_group_is_refused():
    with pytest.raises(TuinetError, match=r"test: every text that is left stands in more than the 1 samples"):
        split_dataset(pairs(["a", "a", "b", "b"]), SplitSettings(test=1), 0)


def labelled(texts, ids, task="classification"):
    targets = np.asarray(ids)
    if task == "tagging":
        targets = Ragged.of([[number] for number in ids])
    if task == "regression":
        targets = targets[:, None] / 2
    return Dataset("t", task, Shape.tokens(0), {"train": Split(Texts(texts), targets)}, ("a", "b", "c"))


@pytest.mark.parametrize("task", ["classification", "tagging", "regression", "seq2seq"])
@given(st.lists(st.integers(0, 30), min_size=10, max_size=200), st.floats(0.05, 0.4), st.integers(0, 9))
def test_equal_texts_never_lie_on_both_sides(task, names, share, seed):
    names = [*names, *range(100, 100 + len(names))]
    texts = [("Straße %d" if n % 2 else "STRASSE %d") % name for n, name in enumerate(names)]
    data = pairs(texts) if task == "seq2seq" else labelled(texts, [name % 3 for name in names], task)
    cut = split_dataset(data, SplitSettings(share, share), seed)
    seen = [{text.casefold() for text in split.take(slice(None))[0]} for split in cut.splits.values()]
    assert sum(map(len, seen)) == len(set.union(*seen))
    assert sorted(np.concatenate([split.rows for split in cut.splits.values()]).tolist()) == list(range(len(names)))
    # Where there are enough texts that stand once, of every class, the count is exact.
    classes = [name % 3 for name in names] if task == "classification" else [0] * len(names)
    single = [classes[n] for n, name in enumerate(names) if names.count(name) == 1]
    if all(2 * math.ceil(share * classes.count(each)) <= single.count(each) for each in set(classes)):
        assert cut.info.sizes == split_sizes({"train": len(names)}, SplitSettings(share, share))


@pytest.mark.parametrize("task", ["classification", "tagging", "regression", "seq2seq"])
def test_what_stands_more_often_than_a_part_is_large_stays_whole(task):
    """Ten samples of one text, and ten others: two parts of eight cannot be cut off; the one text stays together."""
    texts = ["Straße 0"] * 10 + [f"Straße {n}" for n in range(100, 110)]
    data = pairs(texts) if task == "seq2seq" else labelled(texts, [0] * 10 + [n % 3 for n in range(100, 110)], task)
    cut = split_dataset(data, SplitSettings(0.375, 0.375), 0)
    assert cut.info.sizes == {"train": 10, "validation": 2, "test": 8}
    assert set(cut.splits["train"].take(slice(None))[0]) == {"Straße 0"}


def test_classes_of_texts_keep_their_proportion():
    """300 samples of 3 classes as 3 : 2 : 1, a third of them standing twice: every part has its share to the sample."""
    ids = np.repeat([0, 1, 2], [150, 100, 50])
    texts = [f"{n - n % 2 if n % 3 == 0 else n}" for n in range(300)]
    assert len(set(texts)) < 300
    for seed in range(5):
        cut = split_dataset(labelled(texts, ids), SplitSettings(validation=60, test=0.1), seed)
        counts = {name: np.bincount(split.all_targets()).tolist() for name, split in cut.splits.items()}
        assert counts == {"train": [105, 70, 35], "validation": [30, 20, 10], "test": [15, 10, 5]}


def test_where_all_stand_twice_no_class_is_off_by_more_than_a_text():
    ids = np.repeat([0, 1, 2], 60)
    cut = split_dataset(labelled([f"{n // 2}" for n in range(180)], ids), SplitSettings(validation=45), 0)
    counts = np.bincount(cut.splits["validation"].all_targets())
    assert counts.sum() == 44 and (np.abs(counts - 15) <= 2).all()


def test_texts_of_which_no_two_are_equal_are_cut_as_ever():
    ids = np.arange(60) % 3
    texts = labelled([f"t{n}" for n in range(60)], ids)
    for settings in (SplitSettings(0.2, 0.1), SplitSettings(0.2, stratified=False)):
        one, other = (split_dataset(data, settings, 1).splits for data in (texts, dataset(ids)))
        assert all(np.array_equal(one[name].rows, other[name].rows) for name in other)


@given(st.lists(st.text(max_size=9), min_size=1, max_size=6), st.integers(0, 9), st.integers(0, 9))
def test_a_text_is_cut_from_its_end(rows, validation, test):
    texts = Texts(rows)
    whole = "".join(rows)
    if len(whole) <= validation + test:
        return
    data = Dataset("t", "next-symbol", Shape.tokens(0), {"train": Split(texts, texts)})
    cut = split_dataset(data, SplitSettings(validation, test), 0)
    parts = {name: "".join(split.inputs) for name, split in cut.splits.items()}
    assert "".join(parts[name] for name in ("train", "validation", "test") if name in parts) == whole
    assert len(parts.get("validation", "")) == validation and len(parts.get("test", "")) == test
    assert cut.info.sizes == split_sizes({"train": len(whole)}, SplitSettings(validation, test))


def test_windows_are_cut_in_order():
    ids = np.arange(20).reshape(10, 2)
    data = Dataset("t", "next-symbol", Shape.tokens(30), {"train": Split(ids, ids + 1)}, target_ids=30)
    cut = split_dataset(data, SplitSettings(validation=0.2, test=1), 0)
    assert cut.splits["validation"].inputs.tolist() == [[14, 15], [16, 17]] and len(cut.splits["train"]) == 7
