"""Model files: what is saved comes back, equal models are equal files, and nothing else gets in."""

from __future__ import annotations

import copy
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import tuinet
from tests.model.models import cnn, constant, images, linear, xor
from tests.model.text_models import LETTERS, classifier, language_model, one_hot_classifier, tagger, translator
from tuinet.data.coding import Coding
from tuinet.data.dataset import Column
from tuinet.data.preparation import Downsample, Scale, Standardize
from tuinet.errors import TuinetError
from tuinet.files.model_file import load_model, save_model
from tuinet.model.meta import EpochRecord, Meta
from tuinet.model.model import Model
from tuinet.nn.initializers import Normal
from tuinet.nn.layer import Shape
from tuinet.nn.layers.activation import Linear, Relu, Sigmoid, Sign, Softmax, Step, Tanh
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.dropout import Dropout, GaussianNoise
from tuinet.nn.layers.flatten import Flatten
from tuinet.nn.layers.pool import AveragePool, MaxPool, SumPool
from tuinet.nn.losses import Hinge, SquaredError
from tuinet.nn.network import Sequential, initialize

ONE = Coding("values")


def everything() -> Model:
    """Every layer and every field at once."""
    network = Sequential((
        GaussianNoise(0.1), Conv2D(3, (3, 2), stride=(1, 2), padding="same", bias=False), Relu(),
        MaxPool((2, 1), stride=1),
        Conv2D(2, 1, padding=1, initializer=Normal(0.5)), Tanh(), AveragePool(2), Sigmoid(), SumPool(1), Flatten(),
        Dropout(0.25), Linear(), Dense(4, initializer=Normal(0.1)), Softmax(), Step(), Sign(), Dense(2, bias=False),
    ))  # fmt: skip
    preparation = (Downsample(2), Scale(16.0), Standardize("channel", (0.5,), (2.0,)))
    meta = Meta(
        name="everything", task="classification", input_shape=Shape.image(16, 16, 1), preparation=preparation,
        coding=Coding("ids", classes=2), labels=("naïve", "\x1b[2J\n\u2028\N{GRINNING FACE}"),
        loss=Hinge(0.5), data="digits",
        columns=(Column("words", tuple(map(str, range(255)))), Column("number")),
        training="adam", history=(EpochRecord(1, 8, {"loss": 0.5}), EpochRecord(2, 16, {"loss": None}, {"loss": 1.5})),
        seed=2**63 - 1, epochs=2, steps=16, notes="a \\ and a \"",
    )  # fmt: skip
    return Model(network, initialize(network, Shape.image(8, 8, 1), 3), meta)


MODELS: dict[str, Callable[[], Model]] = {
    "xor": xor,
    "cnn": cnn,
    "cnn32": lambda: cnn(np.float32),
    "everything": everything,
    "regression": lambda: linear([[2.0]], 1.0, SquaredError(), ONE),
    "no weights": lambda: Model(
        Sequential((Linear(),)),
        initialize(Sequential((Linear(),)), Shape.vector(2), 0),
        Meta(name="n", task="regression", input_shape=Shape.vector(2), coding=ONE, loss=SquaredError()),
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_what_is_saved_comes_back(tmp_path: Path, name: str) -> None:
    model, path = MODELS[name](), tmp_path / "m.safetensors"
    save_model(model, path)
    loaded = load_model(path)
    assert loaded.network == model.network
    assert loaded.meta == model.meta
    assert loaded.params.vector.dtype == model.params.vector.dtype
    assert loaded.params.vector.tobytes() == model.params.vector.tobytes()
    again = tmp_path / "again.safetensors"
    save_model(loaded, again)
    assert again.read_bytes() == path.read_bytes()


def test_predictions_survive(tmp_path: Path) -> None:
    model, path = cnn(np.float32), tmp_path / "m.safetensors"
    save_model(model, path)
    assert (load_model(path).predict(images(9)).outputs == model.predict(images(9)).outputs).all()


def test_equal_models_are_equal_files_at_any_time(tmp_path: Path) -> None:
    save_model(everything(), tmp_path / "a")
    time.sleep(0.01)
    os.utime(tmp_path / "a", (0, 0))
    save_model(everything(), tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_the_order_in_which_things_were_measured_does_not_matter(tmp_path: Path) -> None:
    for name, figures in (("a", {"loss": 1.0, "accuracy": 0.5}), ("b", {"accuracy": 0.5, "loss": 1.0})):
        model = xor()
        model.meta = msgspec.structs.replace(model.meta, history=(EpochRecord(1, 1, figures),))
        save_model(model, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_every_setting_is_written_out(tmp_path: Path) -> None:
    """A default may change; what a file means may not."""
    save_model(cnn(), tmp_path / "m.safetensors")
    content = content_of(tmp_path / "m.safetensors")
    assert content["network"]["layers"][0] == {
        "kind": "conv2d", "filters": 4, "kernel": 3, "stride": 1, "padding": "valid", "bias": True, "initializer": None,
    }  # fmt: skip
    assert content["meta"].keys() == set(Meta.__struct_fields__)
    assert content["format"] == 1
    assert content["tuinet"] == tuinet.__version__


def test_weights_that_are_not_finite_are_kept_as_they_are(tmp_path: Path) -> None:
    model = constant([np.nan, np.inf], SquaredError(), ONE)
    save_model(model, tmp_path / "m.safetensors")
    outputs = load_model(tmp_path / "m.safetensors").predict([[0.0]]).outputs
    assert np.isnan(outputs[0, 0]) and np.isinf(outputs[0, 1])


def test_a_model_that_could_not_be_read_again_is_not_written(tmp_path: Path) -> None:
    model = xor()
    model.meta = msgspec.structs.replace(model.meta, notes="x" * 2**24)
    with pytest.raises(TuinetError, match="MB of metadata"):
        save_model(model, tmp_path / "m.safetensors")
    assert not list(tmp_path.iterdir())


# ── hostile files ─────────────────────────────────────────────────────────────────────────────────────────────────────


def content_of(path: Path) -> dict[str, Any]:
    with safe_open(path, "np") as file:
        return json.loads(file.metadata()["tuinet"])


def write(path: Path, tensors: dict[str, np.ndarray], content: object) -> None:
    """A safetensors file as another program could write it."""
    text = content if isinstance(content, str) else json.dumps(content)
    save_file(tensors, path, {"tuinet": text})


@pytest.fixture
def parts(tmp_path: Path) -> tuple[Path, dict[str, np.ndarray], dict[str, Any]]:
    """A path, and the sound tensors and content of a small CNN."""
    path = tmp_path / "m.safetensors"
    save_model(cnn(np.float32), path)
    return path, load_file(path), content_of(path)


Parts = tuple[Path, dict[str, np.ndarray], dict[str, Any]]


def refused(path: Path, *words: str) -> None:
    started = time.perf_counter()
    with pytest.raises(TuinetError) as caught:
        load_model(path)
    assert time.perf_counter() - started < 5
    error = caught.value
    assert error.exit_code == 2
    assert error.hint
    assert str(path) in error.message and error.message.count(str(path)) == 1
    assert len(error.message) < 800 and error.message.isprintable()
    for word in words:
        assert word in error.message


def test_the_parts_are_sound(parts: Parts) -> None:
    write(*parts)
    load_model(parts[0])


def at(place: str, value: object) -> Callable[[dict[str, Any]], object]:
    """A change of the content: the value at "meta.input_shape.sizes" becomes `value`; ... deletes it."""

    def change(content: dict[str, Any]) -> object:
        *way, last = place.split(".")
        inner: Any = content
        for step in way:
            inner = inner[int(step) if isinstance(inner, list) else step]
        if value is ...:
            del inner[last]
        else:
            inner[int(last) if isinstance(inner, list) else last] = value
        return content

    return change


CONTENTS: dict[str, tuple[Callable[[dict[str, Any]], object], tuple[str, ...]]] = {
    "no JSON": (lambda _: "hello", ("malformed",)),
    "empty": (lambda _: "", ("truncated",)),
    "a list": (lambda _: [], ("Expected `object`",)),
    "deep": (lambda _: "[" * 200_000, ()),
    "deep inside": (
        lambda c: json.dumps(c)[:-1] + ',"x":' + "[" * 200_000 + "]" * 200_000 + "}", ("nested too deeply",),
    ),
    "newer format": (at("format", 2), ("written by a newer tuinet", "format 2")),
    "newer format, other form": (lambda _: {"format": 99, "tuinet": "9.0", "graph": []}, ("newer tuinet: tuinet 9.0",)),
    "newer version": (
        lambda c: at("tuinet", "99.1.0")(at("meta.future", 1)(c)),  # type: ignore[arg-type]
        ("written by a newer tuinet: tuinet 99.1.0", "future"),
    ),
    "format 0": (at("format", 0), ("format 0",)),
    "format text": (at("format", "1"), ("$.format",)),
    "a checkpoint": (lambda _: {"format": 1, "progress": {}}, ("holds no network",)),
    "no format": (at("format", ...), ("format",)),
    "unknown field": (at("meta.colour", "red"), ("colour",)),
    "unknown setting": (at("network.layers.0.size", 3), ("size", "network.layers[0]")),
    "unknown layer": (at("network.layers.0.kind", "lstm9"), ("lstm9",)),
    "a network for a layer": (at("network.layers.0", {"kind": "sequential", "layers": []}), ("sequential",)),
    "no layers": (at("network.layers", []), ("not 0",)),
    "2,000 layers": (at("network.layers", [{"kind": "relu"}] * 2000), ("not 2000",)),
    "500,000 layers": (at("network.layers", [{"kind": "relu"}] * 500_000), ("not 500000",)),
    "negative filters": (at("network.layers.0.filters", -4), ("filters",)),
    "stride 0": (at("network.layers.0.stride", 0), ("stride",)),
    "10^12 filters": (at("network.layers.0.filters", 10**12), ()),
    "10^30 filters": (at("network.layers.0.filters", 10**30), ()),
    "padding of a million": (at("network.layers.0.padding", 10**6), ()),
    "kernel too large": (at("network.layers.0.kernel", 9), ("conv1",)),
    "rate NaN": (lambda c: json.dumps(at("network.layers.6.rate", float("nan"))(c)), ("malformed",)),
    "rate 2": (at("network.layers.6.rate", 2.0), ("rate",)),
    "another shape": (at("network.layers.0.filters", 5), ("conv1/weight", "3×3×1×4", "3×3×1×5")),
    "a layer more": (lambda c: (c["network"]["layers"].insert(0, {"kind": "dense", "units": 3}), c)[1], ("dense",)),
    "a layer without tensors": (
        lambda c: (c["network"]["layers"].append({"kind": "dense", "units": 3}), c)[1],
        ("missing tensor 'dense2/bias'",),
    ),
    "a layer less": (
        lambda c: (c["network"]["layers"].__setitem__(3, {"kind": "relu"}), c)[1], ("conv2",),
    ),
    "input of 0": (at("meta.input_shape.sizes", [0, 8, 1]), ("shape of an input",)),
    "input too large": (at("meta.input_shape.sizes", [10**9, 10**9, 1]), ("over 10^15",)),
    "input of 4 axes": (at("meta.input_shape", {"sizes": [1, 1, 1, 1], "axes": ["a"] * 4}), ("shape of an input",)),
    "ids as input": (at("meta.input_shape.kind", "id"), ("shape of an input",)),
    "labels missing": (at("meta.labels", ["a"]), ("1 labels for 3 classes",)),
    "a million labels": (at("meta.labels", ["a"] * 10**6), ("labels",)),
    "labels of numbers": (at("meta.labels", [1, 2, 3]), ("labels",)),
    "10^9 classes": (at("meta.coding.classes", 10**9), ("3 labels for 1000000000 classes",)),
    "scale by 0": (at("meta.preparation.0.divisor", 0), ("divisor",)),
    "scale never fitted": (at("meta.preparation.0.divisor", None), ("never fitted",)),
    "wrong means": (
        at("meta.preparation.0", {"kind": "standardize", "per": "feature", "mean": [1.0], "deviation": [1.0]}),
        ("needs 64",),
    ),
    "deviation 0": (
        at("meta.preparation.0", {"kind": "standardize", "per": "all", "mean": [1.0], "deviation": [0.0]}),
        ("not above 0",),
    ),
    "factor 0": (at("meta.preparation.0", {"kind": "downsample", "factor": 0}), ("factor",)),
    "factor 3": (at("meta.preparation.0", {"kind": "downsample", "factor": 3}), ("blocks of 3",)),
    "unknown loss": (at("meta.loss.kind", "magic"), ("magic",)),
    "a loss of another kind": (at("meta.loss", {"kind": "squared-error"}), ("coded as ids",)),
    "history of text": (at("meta.history", ["good"]), ("history",)),
    "escape sequences": (at("\x1b[2J", 1), ()),
}  # fmt: skip


@pytest.mark.parametrize("case", CONTENTS)
def test_descriptions_that_are_wrong_give_one_clear_error(parts: Parts, case: str) -> None:
    path, tensors, content = parts
    change, words = CONTENTS[case]
    write(path, tensors, change(content))
    refused(path, *words)


LETTERS_AND_ONE = {"tokens": {"unit": "characters"}, "symbols": [*LETTERS.symbols[:-1], "z"]}
FIRST = "network.layers.0"

TEXTS: dict[str, tuple[Callable[[], Model], Callable[[dict[str, Any]], object], tuple[str, ...]]] = {
    "a classification with a vocabulary of answers": (
        classifier, lambda c: at("meta.target_vocabulary", c["meta"]["vocabulary"])(c), ("they have a vocabulary",),
    ),
    "a regression with a vocabulary of answers": (
        lambda: linear([[2.0]], 1.0, SquaredError(), ONE), at("meta.target_vocabulary", LETTERS_AND_ONE),
        ("they have a vocabulary",),
    ),
    "labels beside a vocabulary": (
        lambda: tagger(words=True), at("meta.labels", ["a"] * 7), ("they have a vocabulary",),
    ),
    "another vocabulary of answers": (
        language_model, at("meta.target_vocabulary", LETTERS_AND_ONE), ("its answers the same one",),
    ),
    "no vocabulary of answers": (
        language_model, at("meta.target_vocabulary", None), ("its answers the same one",),
    ),
    "no vocabulary of a text": (language_model, at("meta.vocabulary", None), ("its answers the same one",)),
    "no vocabulary of a translation": (
        translator, at("meta.target_vocabulary", None), ("needs the vocabulary of its answers",),
    ),
    "a vocabulary of another size": (
        classifier, at("meta.input_shape.ids", 7), ("vocabulary of 6 symbols does not fit",),
    ),
    "one-hot of unknown size": (one_hot_classifier, at(f"{FIRST}.symbols", None), ("onehot1", "how many symbols")),
    "one-hot of another size": (one_hot_classifier, at(f"{FIRST}.symbols", 9), ("9 symbols", "has 6")),
    "one-hot of unknown size in an encoder": (
        translator, at(f"{FIRST}.encoder.0", {"kind": "one-hot"}), ("seq2seq1", "how many symbols"),
    ),
    "one-hot of another size in an encoder": (
        translator, at(f"{FIRST}.encoder.0", {"kind": "one-hot", "symbols": 5}), ("encoder", "5 symbols", "has 6"),
    ),
    "one-hot of unknown size in a decoder": (
        translator, at(f"{FIRST}.decoder.0", {"kind": "one-hot"}), ("seq2seq1", "how many symbols"),
    ),
    "one-hot of another size in a decoder": (
        translator, at(f"{FIRST}.decoder.0", {"kind": "one-hot", "symbols": 7}), ("decoder", "7 symbols", "has 6"),
    ),
    "seq2seq of unknown size": (translator, at(f"{FIRST}.symbols", None), ("no number of symbols", "has 6")),
    "seq2seq of another size": (translator, at(f"{FIRST}.symbols", 5), ("5 symbols", "has 6")),
    "a decoder that looks ahead": (
        translator,
        at(f"{FIRST}.decoder.1", {"kind": "bidirectional", "layer": {"kind": "lstm", "units": 5}}),
        ("cannot look ahead",),
    ),
    "a language model that looks ahead": (
        language_model,
        at("network.layers.1", {"kind": "bidirectional", "layer": {"kind": "lstm", "units": 4}}),
        ("bidirectional1 looks ahead",),
    ),
    "a large value within an encoder": (
        translator, lambda c: (c["network"]["layers"][0]["encoder"].insert(0, {"kind": "embedding", "units": 10**9}),
                               c["network"]["layers"][0]["encoder"].__setitem__(1, {"kind": "linear"}), c)[2],
        ("2000000028 values",),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", TEXTS)
def test_what_is_said_of_symbols_must_agree(tmp_path: Path, case: str) -> None:
    model, change, words = TEXTS[case]
    path = tmp_path / "m.safetensors"
    save_model(model(), path)
    load_model(path)
    write(path, load_file(path), change(content_of(path)))
    refused(path, *words)


TENSORS: dict[str, tuple[Callable[[dict[str, np.ndarray]], object], tuple[str, ...]]] = {
    "missing": (lambda t: t.pop("conv2/weight"), ("missing tensor 'conv2/weight'",)),
    "all missing": (lambda t: t.clear(), ("missing tensor 'conv1/bias' and 5 more",)),
    "extra": (lambda t: t.update(more=t["conv1/bias"]), ("unknown tensor 'more'",)),
    "renamed": (lambda t: t.update({"Conv1/bias": t.pop("conv1/bias")}), ("missing tensor 'conv1/bias'",)),
    "shape": (lambda t: t.update({"dense1/bias": np.zeros(4, np.float32)}), ("'dense1/bias' is 4, but", "needs 3")),
    "same size": (
        lambda t: t.update({"dense1/weight": t["dense1/weight"].T.copy()}), ("'dense1/weight' is 3×8", "needs 8×3"),
    ),
    "an axis more": (lambda t: t.update({"dense1/bias": np.zeros((3, 1), np.float32)}), ("is 3×1", "needs 3")),
    "no axis": (lambda t: t.update({"dense1/bias": np.array(1, np.float32)}), ("is one value",)),
    "mixed dtypes": (lambda t: t.update({"dense1/bias": np.zeros(3)}), ("float32, float64",)),
    "whole numbers": (lambda t: t.update({k: v.astype(np.int64) for k, v in t.items()}), ("not int64",)),
    "half floats": (lambda t: t.update({"dense1/bias": np.zeros(3, np.float16)}), ("F16",)),
}  # fmt: skip


@pytest.mark.parametrize("case", TENSORS)
def test_tensors_that_do_not_fit_give_one_clear_error(parts: Parts, case: str) -> None:
    path, tensors, content = parts
    change, words = TENSORS[case]
    change(tensors)
    write(path, tensors, content)
    refused(path, *words)


def test_files_of_other_programs(tmp_path: Path) -> None:
    path = tmp_path / "foreign.safetensors"
    save_file({"layer.weight": np.zeros(3, np.float32)}, path, {"format": "pt"})
    refused(path, "another program", "'tuinet'")
    save_file({"layer.weight": np.zeros(3, np.float32)}, path)
    refused(path, "another program")
    save_file({"layer.weight": np.zeros(3, np.float16)}, path)  # no dtype of tuinet's models
    refused(path, "another program")
    header = json.dumps({"layer.weight": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    refused(path, "another program")
    np.savez(tmp_path / "foreign.npz", weight=np.zeros(3))
    refused(tmp_path / "foreign.npz", "another program")
    with pytest.raises(TuinetError) as caught:
        load_model(path)
    assert "tuinet import makes a model of them" in caught.value.hint


def test_a_damaged_file_of_another_program_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "foreign.safetensors"
    save_file({"layer.weight": np.zeros(3, np.float16)}, path)
    path.write_bytes(path.read_bytes()[:-2])
    refused(path, "not a sound safetensors file")
    (tmp_path / "foreign.npz").write_bytes(b"PK\3\4 and no archive")
    refused(tmp_path / "foreign.npz", "not a sound .npz file")


def test_a_description_of_10_to_the_12_weights_costs_nothing(parts: Parts) -> None:
    """It is compared with what the file holds before a single weight is allocated."""
    path, _, content = parts
    content["network"]["layers"] = [{"kind": "flatten"}, *({"kind": "dense", "units": n} for n in (10**6, 10**6, 3))]
    write(path, {}, content)
    refused(path, "missing tensor 'dense1/bias' and 5 more")
    names = [f"dense{n}/{name}" for n in (1, 2, 3) for name in ("weight", "bias")]
    small = {name: np.zeros(1, np.float32) for name in names}
    write(path, small, content)
    refused(path, "is 1, but its network needs 64×1000000")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.integers(-2, 9) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def loaded_or_refused(path: Path) -> Model | None:
    """Anything but a model or one printable error fails the test that asks."""
    try:
        return load_model(path)
    except TuinetError as error:
        message = error.message
    assert message.isprintable() and len(message) < 1000
    return None


def places(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [way] if way else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return found + [place for key, inner in items for place in places(inner, (*way, key))]


_SMALL = cnn(np.float32)
_SAVED: dict[str, Any] = {}


def sound_content(folder: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    if not _SAVED:
        save_model(_SMALL, folder / "sound")
        _SAVED["parts"] = load_file(folder / "sound"), content_of(folder / "sound")
    tensors, content = _SAVED["parts"]
    return tensors, copy.deepcopy(content)


@settings(deadline=None, max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_anything_anywhere_in_a_description_works_or_is_refused(tmp_path: Path, data: st.DataObject) -> None:
    tensors, content = sound_content(tmp_path)
    for _ in range(data.draw(st.integers(1, 3))):
        *way, last = data.draw(st.sampled_from(places(content)))
        inner: Any = content
        for step in way:
            inner = inner[step]
        if isinstance(inner, dict) and data.draw(st.integers(0, 4)) == 0:
            inner.pop(last)
        else:
            inner[last] = data.draw(json_values)
    path = tmp_path / "fuzz.safetensors"
    write(path, tensors, content)
    model = loaded_or_refused(path)
    if model is None:
        return
    assert model.predict(np.zeros((2, *model.meta.input_shape.sizes))).labels is not None
    save_model(model, path)
    assert load_model(path).meta == model.meta


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    edits=st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=4), st.integers(0, 4)), min_size=1, max_size=3),
    keep=st.floats(0, 1) | st.just(1.0),
)
def test_a_file_with_any_bytes_changed_loads_or_is_refused(
    tmp_path: Path, edits: list[tuple[float, bytes, int]], keep: float
) -> None:
    sound_content(tmp_path)
    path = tmp_path / "fuzz.safetensors"
    save_model(_SMALL, path)
    content = bytearray(path.read_bytes())
    for share, new, removed in edits:
        place = int(share * len(content))
        content[place : place + removed] = new
    path.write_bytes(content[: int(keep * len(content))])
    model = loaded_or_refused(path)
    if model is not None:
        model.predict(np.zeros((1, *model.meta.input_shape.sizes)))
