"""Worked differences of models and of tensor files: norms, cosines, places, bits, NaNs, settings."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from safetensors.numpy import save_file

import tuinet
from tests.model.models import IMAGES, cnn, linear
from tuinet.data.coding import Coding
from tuinet.data.preparation import Scale
from tuinet.errors import TuinetError
from tuinet.files import tensors
from tuinet.files.tensors import open_weights
from tuinet.inspection.difference import Difference, difference, layer_of, side_of
from tuinet.inspection.difference_views import difference_views, layer_difference, tensors_of
from tuinet.inspection.settings import settings_of, shown
from tuinet.inspection.view import Table, View
from tuinet.model.model import Model, new_model
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.dropout import Dropout
from tuinet.nn.layers.flatten import Flatten
from tuinet.nn.losses import CrossEntropy, SquaredError
from tuinet.nn.network import Sequential


def line(weight: object, bias: object) -> Model:
    return linear(weight, bias, SquaredError(), Coding("values"))


def compared(a: Model, b: Model) -> Difference:
    return difference(side_of(a, "A"), side_of(b, "B"))


@contextlib.contextmanager
def sides(folder: Path, a: dict[str, np.ndarray], b: dict[str, np.ndarray], save=save_file) -> Iterator[list]:
    with contextlib.ExitStack() as stack:
        found = []
        for name, arrays in (("a", a), ("b", b)):
            path = folder / f"{name}.{'safetensors' if save is save_file else 'npz'}"
            save_file(arrays, path) if save is save_file else save(path, **arrays)
            found.append(side_of(stack.enter_context(open_weights(path)), name))
        yield found


def test_worked_norms() -> None:
    found = compared(line([[3.0], [4.0]], [0.0]), line([[3.0], [0.0]], [2.0]))
    weight, bias = found.tensors
    assert (weight.norm_before, weight.norm_after, weight.norm_change) == (5.0, 3.0, 4.0)
    assert weight.relative == 0.8
    assert weight.cosine == pytest.approx(9 / 15)
    assert [(each.index, each.before, each.after) for each in weight.largest] == [((1, 0), 4.0, 0.0)]
    assert (weight.changed, weight.size) == (1, 2)
    assert (bias.relative, bias.cosine) == (None, None)  # a norm is 0
    (layer,) = found.layers
    assert layer.name == "dense1"
    assert layer.norm_change == pytest.approx(np.sqrt(16 + 4))
    assert layer.cosine == pytest.approx(9 / (5 * np.sqrt(13)))
    assert found.equal == "no"
    assert (found.before, found.after) == ("A", "B")


def test_a_model_equals_itself_bit_for_bit() -> None:
    model = tuinet.load("cmudict-seq2seq")
    found = compared(model, tuinet.load("cmudict-seq2seq"))
    assert found.equal == "bits"
    assert not found.settings
    assert {each.name for each in found.layers} >= {"seq2seq1/encoder/lstm1", "seq2seq1/decoder/dense1"}
    for each in (*found.layers, *found.tensors):
        assert (each.norm_change, each.changed, each.bits, each.largest) == (0.0, 0, 0, ())
        assert each.cosine == pytest.approx(1)


def test_zeros_of_other_signs_and_other_nans_are_equal_numbers() -> None:
    a, b = line([[0.0], [np.nan]], [1.0]), line([[-0.0], [np.nan]], [1.0])
    b.params["dense1/weight"].view(np.uint64)[1] ^= 1  # a NaN of other bits
    found = compared(a, b)
    assert found.equal == "numbers"
    assert (found.tensors[0].changed, found.tensors[0].bits, found.tensors[0].not_finite) == (0, 2, 1)
    notes = [note for seen in difference_views(found) for note in seen.notes]
    assert "dense1/weight: 2 values are equal as numbers and not in their bits" in notes
    assert [seen.name for seen in difference_views(found)] == ["layers", "tensors"]  # no largest changes


def test_what_is_not_finite_is_counted_and_comes_first() -> None:
    a = line([[1.0], [np.nan], [np.inf], [np.inf], [2.0]], [0.0])
    b = line([[2.0], [5.0], [np.inf], [-np.inf], [2.0]], [0.0])
    weight = compared(a, b).tensors[0]
    assert (weight.changed, weight.not_finite) == (3, 3)
    assert weight.norm_change == 1.0
    assert [(each.index[0], each.before, each.after) for each in weight.largest] == [
        (1, None, 5.0),
        (3, None, None),
        (0, 1.0, 2.0),
    ]
    assert msgspec.json.decode(msgspec.json.encode(compared(a, b)))["equal"] == "no"
    for view in layer_difference(side_of(a), side_of(b), compared(a, b), "dense1"):
        assert isinstance(view, Table) or view.low is None or np.isfinite(view.low)


def test_values_too_large_or_too_small_to_square() -> None:
    weight = compared(line([[1e300], [1.0]], [0.0]), line([[1e300], [2.0]], [0.0])).tensors[0]
    assert (weight.norm_before, weight.norm_change, weight.cosine, weight.changed) == (1e300, 1.0, 1.0, 1)
    assert weight.relative == pytest.approx(1e-300, rel=1e-12)
    for size in (1e-320, 3e-200, 1.0, 1e200, 3e307):
        weight, bias = compared(line([[3 * size], [4 * size]], [0.0]), line([[3 * size], [0.0]], [size])).tensors
        digits = 1e-3 if size < 1e-300 else 1e-12  # so few have numbers that are below the smallest normal one
        assert weight.norm_before == pytest.approx(5 * size, rel=digits, abs=0)
        assert weight.norm_change == pytest.approx(4 * size, rel=digits, abs=0)
        assert weight.relative == pytest.approx(0.8, rel=digits)
        assert weight.cosine == pytest.approx(0.6, rel=digits)
        assert bias.norm_change == pytest.approx(size, rel=digits, abs=0)


def test_norms_and_changes_too_large_for_a_float64() -> None:
    large = 1.5e308
    found = compared(line([[large], [large]], [1e-200]), line([[-large], [large]], [2e-200]))
    weight, bias = found.tensors
    assert weight.norm_before == weight.norm_change == np.inf  # 2e308 and 3e308
    assert weight.relative == pytest.approx(np.sqrt(2))
    assert weight.cosine == pytest.approx(0, abs=1e-12)
    assert bias.norm_change == pytest.approx(1e-200, rel=1e-12, abs=0)
    assert found.layers[0].relative == pytest.approx(np.sqrt(2))
    beside = compared(line([[1e300], [0.0]], [0.0]), line([[1e300], [1e-200]], [0.0])).tensors[0]
    assert beside.norm_change == pytest.approx(1e-200, rel=1e-12, abs=0)
    grown = compared(line([[1e-200]], [0.0]), line([[1e200]], [0.0])).tensors[0]
    assert (grown.relative, grown.cosine) == (None, pytest.approx(1.0))  # 1e400


def test_settings_that_differ() -> None:
    a, b = cnn(), cnn()
    layers = [Dropout(0.25) if isinstance(layer, Dropout) else layer for layer in b.network.layers]
    b = Model(Sequential(tuple(layers)), b.params, msgspec.structs.replace(b.meta, labels=("a", "b", "z"), notes="x"))
    found = compared(a, b)
    assert [(each.name, each.before, each.after) for each in found.settings] == [
        ("dropout1.rate", "0.5", "0.25"),
        ("labels", '["a","b","c"]', '["a","b","z"]'),
        ("notes", "", "x"),
    ]
    assert found.equal == "no"
    assert not any(each.changed for each in found.tensors)


def test_layers_only_in_one_and_other_shapes() -> None:
    found = compared(tuinet.load("digits-cnn"), tuinet.load("iris-mlp"))
    assert ("conv1/weight", (3, 3, 1, 16)) in found.only_before
    assert found.reshaped[0] == ("dense1/weight", (512, 64), (4, 16))
    assert not found.only_after
    assert ("tensor", "before", "after") in [
        seen.columns for seen in difference_views(found) if isinstance(seen, Table)
    ]


def test_every_setting_of_every_shipped_model_is_said() -> None:
    for name in ("digits-cnn", "cmudict-seq2seq", "iris-mlp", "shakespeare-lstm"):
        said = settings_of(tuinet.load(name))
        assert said["name"] == name
        assert all(isinstance(value, str) for value in said.values())
    assert settings_of(tuinet.load("cmudict-seq2seq"))["seq2seq1.encoder[2].units"] == "192"


def test_long_settings_are_cut_where_they_part() -> None:
    a, b = "x" * 500 + "left" + "y" * 500, "x" * 500 + "right" + "y" * 500
    first, second = shown(a, b)
    assert "left" in first
    assert "right" in second
    assert max(len(first), len(second)) <= 62
    assert shown("short", "") == ("short", "")
    assert shown("x" * 100, "x" * 200)[1].endswith("…")


# files of tensors


def test_files_are_gone_through_in_blocks_of_any_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(size=(50, 20))
    b = a.astype(np.float32)
    b[31, 7] += 3
    monkeypatch.setattr(tensors, "BLOCK_BYTES", 360)  # 45 float64s, 90 float32s
    with sides(tmp_path, {"m.w": a}, {"m.w": b}) as (before, after):
        found = difference(before, after)
    assert found.tensors[0].largest[0].index == (31, 7)
    assert found.tensors[0].norm_change == pytest.approx(np.linalg.norm(b - a))
    assert found.layers[0].name == "m"
    assert [(each.name, each.before, each.after) for each in found.settings] == [("m.w: dtype", "F64", "F32")]


def test_the_same_numbers_in_another_dtype_or_order(tmp_path: Path) -> None:
    a = np.arange(12, dtype=np.float32).reshape(3, 4)
    with sides(tmp_path, {"w": a}, {"w": a.astype(np.float16)}) as (before, after):
        found = difference(before, after)
        assert (found.equal, found.tensors[0].changed, found.tensors[0].bits) == ("numbers", 0, 12)
    with sides(tmp_path, {"w": a}, {"w": np.asfortranarray(a)}, np.savez) as (before, after):
        assert difference(before, after).equal == "bits"
    with sides(tmp_path, {"w": a}, {"w": a, "v": a}) as (before, after):
        found = difference(before, after)
        assert (found.equal, found.only_after) == ("no", (("v", (3, 4)),))


def test_whole_numbers_are_compared_as_they_are(tmp_path: Path) -> None:
    a = np.array([2**60, 5], np.int64)
    with sides(tmp_path, {"w": a}, {"w": a + np.array([1, 0])}) as (before, after):
        found = difference(before, after)
    assert (found.equal, found.tensors[0].changed) == ("no", 1)  # in float64 they would be equal


def test_an_empty_tensor_and_a_single_value(tmp_path: Path) -> None:
    a = {"none": np.zeros((0, 3)), "one": np.array(2.0)}
    with sides(tmp_path, a, a | {"one": np.array(3.0)}) as (before, after):
        found = difference(before, after)
    changes = {each.name: each for each in found.tensors}
    assert changes["none"].size == 0
    assert changes["one"].largest[0].index == ()


# pictures


def test_kernels_before_after_and_difference() -> None:
    a, b = cnn(), cnn()
    b.params["conv1/weight"][1, 2, 0, 3] += 0.25
    found = compared(a, b)
    seen = layer_difference(side_of(a), side_of(b), found, "conv1")
    views = {view.name: view for view in seen if isinstance(view, View)}
    before, after, change = (views[f"conv1/weight {when}"] for when in ("before", "after", "difference"))
    assert (before.low, before.high) == (after.low, after.high)
    assert before.low == -before.high
    assert before.high == max(np.abs(a.params["conv1/weight"]).max(), np.abs(b.params["conv1/weight"]).max())
    assert (change.low, change.high) == pytest.approx((-0.25, 0.25))
    assert change.kind == "images"
    assert change.data.shape == (4, 3, 3)
    assert np.argwhere(change.data).tolist() == [[3, 1, 2]]
    assert views["conv1/bias difference"].low is None  # nothing changed
    assert [each.columns[1] for each in seen if isinstance(each, Table)] == ["values", "place"]


def test_kernels_of_a_model_are_known_even_where_channels_look_like_one() -> None:
    def model() -> Model:
        layers = (Conv2D(3, 3), Conv2D(3, 3), Flatten(), Dense(3))
        return new_model(Sequential(layers), IMAGES, (Scale(255.0),), CrossEntropy(), 1, "m")

    a, b = model(), model()
    b.params["conv2/weight"][0, 2, 1, 2] += 1  # (3, 3, 3, 3)
    views = layer_difference(side_of(a), side_of(b), compared(a, b), "conv2/weight")
    change = views[-1]
    assert isinstance(change, View)
    assert np.argwhere(change.data).tolist() == [[5, 0, 2]]
    assert change.axes[0].labels[5] == "1,2"  # channel, filter


def test_layers_by_their_names() -> None:
    side = side_of(tuinet.load("cmudict-seq2seq"))
    assert tensors_of(side, side, "encoder/lstm1") == [
        f"seq2seq1/encoder/lstm1/{name}" for name in ("input_weight", "recurrent_weight", "bias")
    ]
    assert tensors_of(side, side, "seq2seq1/decoder/dense1/bias") == ["seq2seq1/decoder/dense1/bias"]
    with pytest.raises(TuinetError, match="no layer 'lstm9'") as caught:
        tensors_of(side, side, "lstm9")
    assert "lstm1" in caught.value.hint
    assert [layer_of(name) for name in ("a/b/c", "a.b", "c")] == ["a/b", "a", "c"]
