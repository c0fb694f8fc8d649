"""Views of tensors in any file: which axes are drawn, what is sampled and said so, statistics against NumPy's."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

import tuinet
from tuinet.errors import TuinetError
from tuinet.files.tensors import Place, TensorsFile, open_weights, runs
from tuinet.inspection import tensor_statistics, tensor_views
from tuinet.inspection.catalog import look
from tuinet.inspection.question import Choice, Question
from tuinet.inspection.tensor_statistics import histogram, nth, statistics, statistics_of, step_for
from tuinet.inspection.tensor_views import TENSOR_VIEWS, default_axes, tensor_table, tensor_view
from tuinet.inspection.view import Table, View


def counted(*shape: int) -> np.ndarray:
    return np.arange(math.prod(shape), dtype=np.float32).reshape(shape)


ARRAYS = {
    "features.10.weight": counted(6, 4, 3, 3),
    "features.3.weight": counted(5, 2, 3, 5),
    "tf": counted(3, 3, 7, 6),
    "matrix": counted(4, 9),
    "stack": counted(2, 4, 5),
    "bias": counted(7),
    "one": np.array(3.5, np.float32),
    "none": np.zeros((0, 3), np.float32),
}


@pytest.fixture
def file(tmp_path: Path):
    save_file(ARRAYS, tmp_path / "w.safetensors")
    with open_weights(tmp_path / "w.safetensors") as found:
        yield found


def seen(file: TensorsFile, name: str, axes: tuple[int, int] | None = None, **choice: object) -> View:
    (found,) = tensor_view(file, name, "values", axes, Choice(**choice))
    assert isinstance(found, View)
    assert found.data.ndim == len(found.axes)
    return found


def test_the_table_lists_in_natural_order(file: TensorsFile) -> None:
    table = tensor_table(file)
    assert [row[0] for row in table.rows] == [
        "bias", "features.3.weight", "features.10.weight", "matrix", "none", "one", "stack", "tf",
    ]  # fmt: skip
    assert table.rows[1] == ("features.3.weight", "F32", "5×2×3×5", 150, 600)
    assert table.notes == ("8 tensors, 828 values, 3,312 bytes",)
    some = tensor_table(file, "FEATURES")
    assert len(some.rows) == 2
    assert some.notes == ("2 of 8 tensors, 366 values, 1,464 bytes",)
    with pytest.raises(TuinetError, match="no tensor's name has 'zzz'"):
        tensor_table(file, "zzz")


@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((4, 9), (0, 1)),
        ((2, 4, 5), (1, 2)),
        ((64, 3, 3, 3), (2, 3)),  # PyTorch's
        ((64, 3, 11, 11), (2, 3)),
        ((3, 3, 3, 64), (0, 1)),  # tuinet's, TensorFlow's
        ((5, 5, 1, 6), (0, 1)),  # both fit, one is square
        ((6, 1, 5, 5), (2, 3)),
        ((3, 3, 4, 4), (2, 3)),  # both are square
        ((8, 4, 1, 7), (2, 3)),
        ((256, 128, 1, 1), (0, 1)),  # kernels of one value: a matrix
        ((10, 40, 50, 3), (1, 2)),  # images
        ((2, 2, 2, 30, 40), (3, 4)),
    ],
)
def test_which_axes_are_rows_and_columns(shape: tuple[int, ...], axes: tuple[int, int]) -> None:
    assert default_axes(shape) == axes


def test_kernels_are_pictures(file: TensorsFile) -> None:
    view = seen(file, "features.10.weight")
    assert view.kind == "images"
    assert np.array_equal(view.data, ARRAYS["features.10.weight"].reshape(24, 3, 3))
    assert view.axes[0].name == "axis 0, 1"
    assert view.axes[0].labels[5] == "1,1"
    tf = seen(file, "tf")
    assert np.array_equal(tf.data, ARRAYS["tf"].transpose(2, 3, 0, 1).reshape(42, 3, 3))


def test_the_axes_can_be_chosen_and_others_fixed(file: TensorsFile) -> None:
    array = ARRAYS["features.3.weight"]
    assert np.array_equal(seen(file, "features.3.weight", (3, 0)).data, array.transpose(1, 2, 3, 0).reshape(6, 5, 5))
    fixed = seen(file, "features.3.weight", (0, 3), at=(1, 2))
    assert fixed.kind == "matrix"
    assert np.array_equal(fixed.data, array[:, 1, 2, :])
    assert "axis 1 at 1, axis 2 at 2" in fixed.title
    part = seen(file, "features.3.weight", (0, 3), at=(1,), units=(2, 0))
    assert np.array_equal(part.data, array[:, 1, [2, 0], :].transpose(1, 0, 2))
    assert part.axes[0].labels == ("2", "0")


def test_vectors_matrices_and_single_values(file: TensorsFile) -> None:
    assert seen(file, "bias").kind == "vector"
    assert seen(file, "bias", units=(6, 1)).data.tolist() == [6, 1]
    assert seen(file, "one").data.tolist() == [3.5]
    assert seen(file, "matrix").kind == "matrix"
    assert np.array_equal(seen(file, "matrix", (1, 0)).data, ARRAYS["matrix"].T)
    assert seen(file, "stack").data.shape == (2, 4, 5)


@pytest.mark.parametrize(
    ("name", "axes", "choice", "words"),
    [
        ("matrix", (0, 2), {}, "the axes 0 to 1"),
        ("matrix", (1, 1), {}, "the axes 0 to 1"),
        ("bias", (0, 1), {}, "no two axes"),
        ("bias", None, {"at": (0,)}, "no axis before"),
        ("bias", None, {"units": (7,)}, "has no value 7"),
        ("stack", None, {"units": (2,)}, "has no picture 2"),
        ("stack", None, {"at": (2,)}, "places 0 to 1"),
        ("stack", None, {"at": (0, 0)}, "2 places"),
        ("matrix", None, {"units": (1,)}, "has no picture 1"),
        ("none", None, {}, "nothing in it"),
        ("nine", None, {}, "no tensor 'nine'"),
    ],
)
def test_what_is_out_of_range(
    file: TensorsFile, name: str, axes: tuple[int, int] | None, choice: dict[str, object], words: str
) -> None:
    with pytest.raises(TuinetError) as caught:
        seen(file, name, axes, **choice)
    assert words in caught.value.message + caught.value.hint


@pytest.mark.parametrize("view", ["statistics", "histogram"])
@pytest.mark.parametrize(
    ("axes", "choice", "option"), [(None, {"units": (0,)}, "unit"), (None, {"at": (0,)}, "at"), ((0, 1), {}, "axes")]
)
def test_what_a_view_does_not_take_is_refused(
    file: TensorsFile, view: str, axes: tuple[int, int] | None, choice: dict[str, object], option: str
) -> None:
    with pytest.raises(TuinetError, match=f"the view {view} takes no --{option}"):
        tensor_view(file, "stack", view, axes, Choice(**choice))  # type: ignore[arg-type]


def test_several_values_are_one_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a deflated file every read inflates the whole tensor."""
    np.savez_compressed(tmp_path / "w.npz", v=counted(50))
    reads: list[str] = []

    def read(self: TensorsFile, name: str, places: tuple[Place, ...] = ()) -> np.ndarray:
        reads.append(name)
        return whole(self, name, places)

    whole = TensorsFile.read
    monkeypatch.setattr(TensorsFile, "read", read)
    with open_weights(tmp_path / "w.npz") as file:
        assert seen(file, "v", units=(40, 3, 3, 0)).data.tolist() == [40, 3, 3, 0]
    assert reads == ["v"]


def test_a_tensor_and_a_parameter_have_one_histogram(tmp_path: Path) -> None:
    model = tuinet.load("iris-mlp")
    save_file({"weight": model.params["dense1/weight"]}, tmp_path / "w.safetensors")
    with open_weights(tmp_path / "w.safetensors") as file:
        (of_file,) = tensor_view(file, "weight", "histogram")
        (table,) = tensor_view(file, "weight", "statistics")
    of_model, _ = look(Question(model, "dense1"), "histogram")
    (figures,) = look(Question(model, "dense1"), "statistics")
    assert isinstance(of_file, View) and isinstance(of_model, View)
    assert of_file.data.tolist() == of_model.data.tolist()
    assert of_file.x is not None and of_model.x is not None and of_file.x.tolist() == of_model.x.tolist()
    assert (of_file.title, of_file.notes) == (of_model.title, of_model.notes)
    assert isinstance(table, Table) and isinstance(figures, Table)
    assert (
        dict(zip(figures.columns, figures.rows[0], strict=True))["share of zeros"] == dict(table.rows)["share of zeros"]  # type: ignore[arg-type]
    )


def test_unknown_views_are_named(file: TensorsFile) -> None:
    with pytest.raises(TuinetError, match="no view 'histgram'") as caught:
        tensor_view(file, "bias", "histgram")
    assert caught.value.hint == "Did you mean histogram? Views: values, statistics, histogram"
    assert [offer.name for offer in TENSOR_VIEWS] == ["values", "statistics", "histogram"]


def test_large_pictures_are_read_in_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensor_views, "MOST_SIDE", 10)
    monkeypatch.setattr(tensor_views, "MOST_VALUES", 100)
    array = counted(25, 8)
    many = counted(30, 5, 5)
    save_file({"a": array, "many": many, "v": counted(250)}, tmp_path / "w.safetensors")
    with open_weights(tmp_path / "w.safetensors") as file:
        view = seen(file, "a")
        assert np.array_equal(view.data, array[::3])
        assert view.notes == ("of axis 0, every 3rd of 25 places",)
        assert view.axes[0].labels == ("0", "3", "6", "9", "12", "15", "18", "21", "24")
        assert seen(file, "many").data.shape == (4, 5, 5)
        assert seen(file, "many").notes == ("the first 4 of 30 pictures; --unit picks others",)
        assert np.array_equal(seen(file, "many", units=(29,)).data, many[29:])
        assert seen(file, "v").data.tolist() == list(range(0, 250, 3))
        assert seen(file, "v").notes == ("every 3rd of 250 values",)


def values(file: TensorsFile, name: str) -> dict[object, object]:
    (table,) = tensor_view(file, name, "statistics")
    assert isinstance(table, Table)
    return {row[0]: row[1] for row in table.rows}


def test_statistics_are_numpys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tuinet.files import tensors

    monkeypatch.setattr(tensors, "BLOCK_BYTES", 1024)
    rng = np.random.default_rng(1)
    a = (1e4 + rng.normal(0, 3, 10_001)).astype(np.float32)
    a[::10] = 0
    b = a.copy()
    b[5], b[6], b[7] = np.nan, np.inf, -np.inf
    save_file({"a": a, "b": b, "nan": np.full(3, np.nan, np.float32), "none": a[:0]}, tmp_path / "w.safetensors")
    with open_weights(tmp_path / "w.safetensors") as file:
        for name, array in (("a", a), ("b", b)):
            kept = array[np.isfinite(array)].astype(np.float64)
            found = statistics(file, name)
            assert (found.minimum, found.maximum) == (kept.min(), kept.max())
            assert found.mean == pytest.approx(kept.mean(), rel=1e-12)
            assert found.deviation == pytest.approx(kept.std(), rel=1e-10)
            assert found.zeros == (array == 0).sum() / array.size
            assert (found.nan, found.infinite) == (int(np.isnan(array).sum()), int(np.isinf(array).sum()))
        assert values(file, "b")["not a number"] == 1
        assert values(file, "b")["infinite"] == 2
        assert values(file, "nan")["mean"] is None
        assert statistics(file, "none").sampled == 0


def test_large_tensors_are_sampled_and_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensor_statistics, "MOST", 100)
    array = np.random.default_rng(0).normal(size=(60, 20))
    save_file({"a": array}, tmp_path / "w.safetensors")
    with open_weights(tmp_path / "w.safetensors") as file:
        found = statistics(file, "a")
        assert (found.step, found.sampled) == (12, 100)
        (start, count), *rest = runs(1200, 12, 2**20)
        assert not rest and count == 100
        assert found.mean == pytest.approx(array.ravel()[start : start + count].mean())
        for view in ("statistics", "histogram"):
            (table,) = tensor_view(file, "a", view)
            assert table.notes[:1] == ("100 of 1,200 values were looked at, in runs of 4,096 spread evenly",)
        assert histogram(file, "a")[0].sum() == 100


def test_how_many_are_looked_at() -> None:
    assert step_for(10_000_000) == 1
    assert step_for(10_000_001) == 2
    for size in (20_000_000, 151_936 * 4096, 3**20, 10**12 + 39):
        assert 5_000_000 < size / step_for(size) <= 10_000_000


def test_ordinal_numbers() -> None:
    assert [nth(number) for number in (1, 2, 3, 4, 11, 12, 13, 21, 71, 111, 1002)] == [
        "1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "71st", "111th", "1,002nd",
    ]  # fmt: skip


def test_a_histogram_counts_every_finite_value(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    arrays = {
        "normal": rng.normal(size=1000),
        "same": np.full(5, 7.0),
        "zeros": np.zeros(5),
        "widest": np.array([-1.7e308, 0.0, 1.7e308]),
        "largest": np.full(3, 1.7e308),
        "smallest": np.array([0.0, 5e-324]),
        "holes": np.array([np.nan, 1.0, np.inf, 2.0]),
        "empty": np.zeros(0),
        "whole": np.arange(10),
    }
    save_file(arrays, tmp_path / "w.safetensors")
    with open_weights(tmp_path / "w.safetensors") as file:
        for name, array in arrays.items():
            (view,) = tensor_view(file, name, "histogram")
            assert isinstance(view, View)
            assert view.x is not None
            assert len(view.x) == len(view.data) + 1
            assert view.data.sum() == np.isfinite(array).sum(), name
        counts, edges, _ = histogram(file, "normal")
        expected, places = np.histogram(arrays["normal"], len(counts))
        assert counts.tolist() == expected.tolist()
        np.testing.assert_allclose(edges, places)
        assert tensor_view(file, "holes", "histogram")[0].notes == (
            "2 values, mean 1.5, deviation 0.5",
            "left out: 1 that are not a number, 1 infinite",
        )


def test_numbers_whose_squares_are_beyond_all_numbers(tmp_path: Path) -> None:
    arrays = {
        "a": np.array([1e200, -1e200, 1e200, -1e200]),
        "b": np.array([1e308, 0.0]),
        "c": np.array([1e-200, 3e-200]),
        "d": np.array([1.7e308, -1.7e308]),
        "e": np.array([0.0, 1e-320]),
    }
    save_file(arrays, tmp_path / "w.safetensors")
    expected = {"a": (0, 1e200), "b": (5e307, 5e307), "c": (2e-200, 1e-200), "d": (0, 1.7e308), "e": (5e-321, 5e-321)}
    with open_weights(tmp_path / "w.safetensors") as file:
        for name, (mean, deviation) in expected.items():
            found = statistics(file, name)
            assert found.mean == pytest.approx(mean, rel=1e-3, abs=0)
            assert found.deviation == pytest.approx(deviation, rel=1e-3, abs=0)
            for view in ("statistics", "histogram"):
                assert tensor_view(file, name, view)


def test_blocks_of_all_sizes_in_any_order() -> None:
    sizes = (1e-300, 1.0, 1e200, 0.0, 1e-5)
    for order in (sizes, sizes[::-1]):
        found = statistics_of([np.array([size, 3 * size]) for size in order], 10)
        assert (found.minimum, found.maximum) == (0, 3e200)
        assert found.mean == pytest.approx(4e199)
        assert found.deviation == pytest.approx(np.std([1e100, 3e100, *[0] * 8]) * 1e100)
    tiny = statistics_of([np.zeros(2), np.array([2e-200, 2e-200])], 4)
    assert (tiny.mean, tiny.deviation) == (pytest.approx(1e-200, abs=0), pytest.approx(1e-200, abs=0))
