"""What a data set is made of: parts, classes, values, lengths, and images beside their changed copies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from tuinet.data.augmentation import Flip, Noise, Rotate, Shift
from tuinet.data.dataset import Dataset, Split
from tuinet.data.preparation import Downsample, Standardize
from tuinet.data.sources import DATASETS, load
from tuinet.data.splits import SplitSettings
from tuinet.errors import TuinetError
from tuinet.experiment.data import load_data
from tuinet.experiment.decode import load_experiment
from tuinet.inspection.samples import augmented, class_balance, data_views, overview, parts_table, sample_views
from tuinet.inspection.view import Table, View
from tuinet.nn.layer import Shape
from tuinet.nn.sequence import Ragged
from tuinet.render.draw import Paper, draw_all, plain


def data(name: str, test: float = 0.0) -> Dataset:
    return load(DATASETS[name].source, SplitSettings(test=test), 0, Path())


def names(seen: tuple[object, ...]) -> list[str]:
    return [each.name for each in seen if isinstance(each, View | Table)]


def test_the_parts() -> None:
    table = parts_table(data("digits", 0.2))
    assert table.columns == ("part", "samples", "share")
    assert table.rows == (("train", "1,438", "80 %"), ("test", "359", "20 %"))
    text = parts_table(data("shakespeare"))
    assert text.columns[1] == "characters"


def test_the_balance_of_classes() -> None:
    view = class_balance(data("iris"), ("a", "b", "c"))
    assert (view.kind, view.axes[0].labels, view.data.tolist(), view.notes) == ("vector", ("a", "b", "c"), [50] * 3, ())
    part = Split(np.zeros((6, 2)), np.array([0, 1, 1, 2, 1, 2]), np.array([0, 1, 2, 3]))
    few = class_balance(part, ("a", "b", "c"))
    assert few.data.tolist() == [1, 2, 1]
    assert few.notes == ("the largest class has 2 times the samples of the smallest",)
    assert class_balance(part, tuple("abcd")).notes == ("there is no sample of 1 of the 4 classes",)
    tags = Split(Ragged.of([[1.0], [1.0, 2.0]]), Ragged.of([[0], [1, 1]]))
    assert class_balance(tags, ("a", "b")).data.tolist() == [1, 2]


def test_no_balance_where_there_are_no_classes() -> None:
    for name in ("sine", "cmudict"):
        with pytest.raises(TuinetError, match="no classes"):
            class_balance(data(name), ("a",))
    with pytest.raises(TuinetError, match="none of the 2 classes"):
        class_balance(data("iris"), ("a", "b"))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("digits", ["balance"]),
        ("sine", ["parts", "spread of sin x"]),
        ("cmudict", ["parts", "spread of characters of an input", "spread of characters of a target"]),
        ("recall", ["balance", "spread of characters of an input"]),
        ("brackets", ["balance", "spread of characters of an input"]),
        ("digit-captions", ["parts", "spread of characters of a target"]),
        ("shakespeare", ["parts"]),
    ],
)
def test_an_overview_of_every_sort_can_be_drawn(name: str, expected: list[str]) -> None:
    seen = overview(data(name))
    assert names(seen) == expected
    assert "train" in plain(draw_all(seen, Paper(80)))


def test_an_overview_of_data_as_the_network_gets_them() -> None:
    encoded = load_data(load_experiment("dates-seq2seq"), Path()).dataset
    seen = overview(encoded)
    assert names(seen) == ["parts", "spread of steps of an input", "spread of steps of a target"]
    lengths = seen[2]
    assert isinstance(lengths, View)
    assert lengths.data.tolist() == [len(encoded.splits["train"])]  # all are as long as 2024-03-03
    assert lengths.x is not None and lengths.x.tolist() == [9.5, 10.5]


def test_how_values_are_spread() -> None:
    dataset = Dataset(
        "y", "regression", Shape.vector(1), {"train": Split(np.zeros((4, 1)), np.array([[0.0], [0.5], [1.0], [1.0]]))}
    )
    spread = overview(dataset)[1]
    assert isinstance(spread, View) and spread.x is not None
    assert (spread.data[0], spread.data[12], spread.data[-1], spread.data.sum()) == (1, 1, 2, 4)
    assert (spread.x[0], spread.x[-1], len(spread.x)) == (0, 1, len(spread.data) + 1)


def test_images_beside_their_changed_copies() -> None:
    dataset = data("digits")
    view = augmented(dataset, (), 0, 3, copies=1)
    assert (view.kind, view.data.shape) == ("images", (6, 8, 8, 1))
    assert view.axes[0].labels == ("0", "changed", "1", "changed", "2", "changed")
    assert np.array_equal(view.data[::2], view.data[1::2])  # nothing was to be changed
    raw, _ = dataset.splits["train"].take([0])
    assert np.allclose(view.data[0, :, :, 0], raw[0].reshape(8, 8) / 16)
    turned = augmented(dataset, (Rotate(30.0),), 0, 3, copies=2)
    assert turned.data.shape == (9, 8, 8, 1)
    assert np.array_equal(turned.data[::3], view.data[::2])
    assert not np.allclose(turned.data[1::3], turned.data[::3])
    assert not np.allclose(turned.data[1::3], turned.data[2::3])


def test_the_seed_names_the_copies() -> None:
    dataset = data("digits")
    one, again, other = (augmented(dataset, (Shift(1),), seed, 4).data for seed in (1, 1, 2))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_copies_are_made_of_what_the_network_gets() -> None:
    dataset = data("digits")
    small = augmented(dataset, (Flip(),), 0, 2, (Downsample(2), Standardize("all")), copies=1)
    assert small.data.shape == (4, 4, 4, 1)
    assert small.data.min() < 0
    assert "changed" in plain(draw_all((small,), Paper(80)))


def test_vectors_and_their_noisy_copies() -> None:
    view = augmented(data("iris"), (Noise(0.1),), 0, 2, copies=1)
    assert (view.kind, view.data.shape) == ("matrix", (4, 4))
    assert view.axes[0].labels == ("setosa", "changed", "versicolor", "changed")
    assert 0 < np.abs(view.data[0] - view.data[1]).max() < 1


def test_what_cannot_be_changed_says_so() -> None:
    with pytest.raises(TuinetError, match="not sequences"):
        augmented(data("cmudict"), (Noise(0.1),), 0)
    with pytest.raises(TuinetError, match="rotate needs images"):
        augmented(data("iris"), (Rotate(10.0),), 0)
    with pytest.raises(TuinetError, match="no channels"):
        augmented(data("iris"), (Noise(0.1),), 0, prepare_by=(Standardize("channel"),))


def test_some_samples_of_each_class() -> None:
    (view,) = sample_views(DATASETS["digits"].source, Path(), 10)
    assert isinstance(view, View)
    assert view.axes[0].labels == tuple("0123456789")


def test_all_that_is_seen_of_an_experiments_data() -> None:
    experiment = load_experiment("digits-cnn")
    assert names(data_views(experiment.data, Path())) == ["digits", "augmented", "balance"]
    wrong = replace(load_experiment("iris-mlp").data, augment=(Rotate(10.0),))
    assert names(data_views(wrong, Path())) == ["iris", "balance"]


def test_noise_is_added_to_what_was_prepared() -> None:
    """A deviation of 0.1 is a tenth of the range of pixels from 0 to 1, not of those from 0 to 16."""
    view = augmented(data("digits"), (Noise(0.1),), 0, 8, copies=1)
    assert np.std(view.data[1::2] - view.data[::2]) == pytest.approx(0.1, rel=0.15)
