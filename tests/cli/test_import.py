"""PyTorch's models, stored under tests/reference, imported and run; and everything that must be refused."""

from __future__ import annotations

from pathlib import Path

import click.testing
import numpy as np
import pytest
import tomli_w
from safetensors.numpy import save_file

import tuinet
from tests.cli.commands import Command
from tuinet.cli.import_weights import command
from tuinet.errors import TuinetError
from tuinet.experiment.decode import to_raw
from tuinet.experiment.foreign import decode, import_weights
from tuinet.files.tensors import open_weights
from tuinet.model.model import Model

REFERENCE = Path(__file__).parent.parent / "reference" / "weights.npz"

CNN = """
name = "cnn"
notes = "from PyTorch"
input = { shape = [10, 11, 2], prepare = [{ kind = "scale", divisor = 255.0 }] }
output = { labels = ["a", "b", "c"] }
[model]
layers = [
    { kind = "conv2d", filters = 4, kernel = 3, padding = 1 }, { kind = "relu" }, { kind = "max-pool" },
    { kind = "conv2d", filters = 6, kernel = 3, stride = 2 }, { kind = "tanh" },
    { kind = "flatten" }, { kind = "dense", units = 10 }, { kind = "relu" }, { kind = "dense" },
]
"""

TEXT = """
name = "text"
input = { symbols = ["a", "b", "c", "d", "<unk>", "e", "f"] }
output = { labels = ["x", "y", "z"] }
[model]
layers = [{ kind = "embedding", units = 5 }, LAYERS, { kind = "mean-over-time" }, { kind = "dense" }]
"""

RECURRENT = {
    "lstm": '{ kind = "lstm", units = 6 }',
    "lstm-two-layers-bidirectional": ", ".join(
        ['{ kind = "bidirectional", layer = { kind = "lstm", units = 4 } }'] * 2
    ),
    "gru": '{ kind = "gru", form = "pytorch", units = 4 }',
    "rnn": '{ kind = "rnn", activation = "relu", units = 4 }',
}

NAMES = """
[names]
"embedding1/weight" = "embedding.weight"
"lstm1/input_weight" = "recurrent.weight_ih_l0"
"lstm1/recurrent_weight" = "recurrent.weight_hh_l0"
"lstm1/bias" = ["recurrent.bias_ih_l0", "recurrent.bias_hh_l0"]
"dense1/weight" = "head.weight"
"dense1/bias" = "head.bias"
"""


def stored(case: str) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Tensors by PyTorch's names, inputs, outputs."""
    with np.load(REFERENCE) as file:
        start = f"{case}/weight:"
        tensors = {key.removeprefix(start): file[key] for key in file.files if key.startswith(start)}
        return tensors, file[f"{case}/inputs"], file[f"{case}/outputs"]


def renamed(case: str, **names: str) -> dict[str, np.ndarray]:
    """The tensors with other names for their modules, so that natural order is the network's."""
    found = stored(case)[0]
    return {names[name.split(".")[0]] + "." + name.split(".")[1]: tensor for name, tensor in found.items()}


def in_order(case: str) -> dict[str, np.ndarray]:
    return renamed(case, embedding="0", recurrent="1", head="2")


def imported(folder: Path, tensors: dict[str, np.ndarray], spec: str) -> Model:
    path = folder / "weights.safetensors"
    save_file(tensors, path)
    with open_weights(path) as file:
        return import_weights(decode(spec), file)[0]


def logits(model: Model, inputs: object) -> np.ndarray:
    (outputs,) = model.run([model.raw(inputs)])
    return outputs


def texts(ids: np.ndarray) -> list[str]:
    return ["".join("abcd?ef"[number] for number in row) for row in ids]  # ? is not known


def cnn_weights() -> dict[str, np.ndarray]:
    """The tensors of the CNN under names in whose natural order it is."""
    return {name.replace("classifier.", "head."): tensor for name, tensor in stored("cnn")[0].items()}


def test_a_cnn_gives_pytorchs_outputs(tmp_path: Path) -> None:
    _, images, outputs = stored("cnn")
    model = imported(tmp_path, cnn_weights(), CNN)
    np.testing.assert_allclose(logits(model, images), outputs, rtol=0, atol=1e-5)
    assert [model.meta.labels[k] for k in outputs.argmax(1)] == list(model.predict(images).labels)
    assert model.meta.notes == "from PyTorch"


@pytest.mark.parametrize("case", RECURRENT)
def test_recurrent_models_give_pytorchs_outputs(tmp_path: Path, case: str) -> None:
    _, ids, outputs = stored(case)
    model = imported(tmp_path, in_order(case), TEXT.replace("LAYERS", RECURRENT[case]))
    np.testing.assert_allclose(logits(model, texts(ids)), outputs, rtol=0, atol=1e-5)
    assert model.meta.vocabulary is not None
    assert model.meta.vocabulary.symbols[:4] == ("<unk>", "<start>", "<end>", "a")
    assert not model.params["embedding1/weight"][1].any()  # the file has no <start>


def test_names_say_what_an_order_of_names_does_not(tmp_path: Path) -> None:
    tensors, ids, outputs = stored("lstm")
    spec = TEXT.replace("LAYERS", RECURRENT["lstm"])
    with pytest.raises(TuinetError, match="does not fit"):  # head comes before recurrent
        imported(tmp_path, tensors, spec)
    model = imported(tmp_path, tensors, spec + NAMES)
    np.testing.assert_allclose(logits(model, texts(ids)), outputs, rtol=0, atol=1e-5)


def test_an_npz_file_in_its_own_order_deflated_or_not(tmp_path: Path) -> None:
    tensors, ids, outputs = stored("lstm")
    spec = TEXT.replace("LAYERS", RECURRENT["lstm"]) + '[weights]\norder = "file"\n'
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "w.npz", **tensors)
        with open_weights(tmp_path / "w.npz") as file:
            model, _ = import_weights(decode(spec), file)
        np.testing.assert_allclose(logits(model, texts(ids)), outputs, rtol=0, atol=1e-5)


def test_one_hot_symbols_are_put_in_order_too(tmp_path: Path) -> None:
    weight = np.arange(12, dtype=np.float32).reshape(3, 4)  # (units, symbols)
    spec = """
name = "hot"
input = { symbols = ["b", "a", "<end>", "<unk>"] }
output = { task = "regression", targets = ["t"] }
model.layers = [{ kind = "one-hot" }, { kind = "dense", units = 3, bias = false }, { kind = "mean-over-time" },
                { kind = "dense" }]
"""
    model = imported(
        tmp_path,
        {"0.weight": weight, "1.weight": np.ones((1, 3), np.float32), "1.bias": np.zeros(1, np.float32)},
        spec,
    )
    assert model.params["dense1/weight"].tolist() == [[3, 7, 11], [0, 0, 0], [2, 6, 10], [0, 4, 8], [1, 5, 9]]
    assert logits(model, ["b"]).tolist() == [[12.0]]


def test_tuinets_own_tensors_come_back(tmp_path: Path) -> None:
    model = tuinet.load("digits-cnn")
    spec = """
name = "digits"
input = { shape = [8, 8], prepare = [{ kind = "scale", divisor = 16.0 }] }
output = { labels = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"] }
weights = { layout = "tuinet" }
"""

    spec += tomli_w.dumps({"model": {"layers": [to_raw(layer, True) for layer in model.network.layers]}})
    again = imported(tmp_path, {name: np.array(values) for name, values in model.params.items()}, spec)
    assert again.params.vector.tobytes() == model.params.vector.tobytes()


def half(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: tensor.astype(np.float16) for name, tensor in tensors.items()}


def test_weights_of_other_floats(tmp_path: Path) -> None:
    model = imported(tmp_path, half(cnn_weights()), CNN)
    assert model.params.vector.dtype == np.float32
    kernel = stored("cnn")[0]["features.0.weight"].astype(np.float16).astype(np.float32)
    assert (model.params["conv1/weight"] == kernel.transpose(2, 3, 1, 0)).all()


def without(name: str) -> dict[str, np.ndarray]:
    return {key: value for key, value in cnn_weights().items() if key != name}


def integers() -> dict[str, np.ndarray]:
    return {name: (tensor * 10).astype(np.int8) for name, tensor in cnn_weights().items()}


def huge() -> dict[str, np.ndarray]:
    return {name: tensor.astype(np.float64) * 1e200 for name, tensor in cnn_weights().items()}


COUNT = np.zeros((), np.int64)
MISFITS = {
    "missing": (without("head.2.bias"), CNN, "needs 8 tensors, and the file has 7"),
    "left over": (cnn_weights() | {"bn.num_batches_tracked": COUNT}, CNN, "the file has 9"),
    "another shape": (cnn_weights(), CNN.replace("filters = 6", "filters = 5"), "conv2/weight needs 5×4×3×3"),
    "whole numbers": (integers(), CNN, "real numbers, but features.0.weight holds I8"),
    "too large": (huge(), CNN, "too large for float32"),
    "tuinet's layout": (cnn_weights(), CNN.replace("[model]", 'weights.layout = "tuinet"\n[model]'), "needs 3×3×2×4"),
    "not named": (cnn_weights(), CNN + '[names]\n"conv1/weight" = "features.0.weight"', "which tensor conv1/bias is"),
    "named wrong": (
        cnn_weights(),
        CNN + '[names]\n"conv1/weight" = "features.9.weight"',
        "which the file does not have",
    ),
    "no parameter": (cnn_weights(), CNN + '[names]\n"conv9/weight" = "x"', "no parameter 'conv9/weight'"),
    "named twice": (
        in_order("lstm"),
        TEXT.replace("LAYERS", RECURRENT["lstm"])
        + '[names]\n"embedding1/weight" = "0.weight"\n"lstm1/input_weight" = "0.weight"',
        "named for two",
    ),
    "named for none": (
        in_order("rnn") | {"more": np.zeros(3, np.float32)},
        TEXT.replace("LAYERS", RECURRENT["rnn"])
        + NAMES.replace("lstm1", "rnn1").replace("embedding.", "0.").replace("recurrent.", "1.").replace("head.", "2."),
        "more is named for no parameter",
    ),
    "one bias": (
        stored("lstm")[0],
        TEXT.replace("LAYERS", RECURRENT["lstm"])
        + NAMES.replace('["recurrent.bias_ih_l0", "recurrent.bias_hh_l0"]', '"recurrent.bias_ih_l0"'),
        "lstm1/bias is made of 2 tensors, not 1",
    ),
    "unused ignore": (cnn_weights(), CNN.replace("[model]", 'weights.ignore = ["x*"]\n[model]'), "no tensor 'x*'"),
    "peephole": (
        in_order("lstm"),
        TEXT.replace("LAYERS", '{ kind = "lstm", units = 6, peephole = "diagonal" }'),
        "PyTorch has no such layer",
    ),
    "plain gru": (in_order("gru"), TEXT.replace("LAYERS", '{ kind = "gru", units = 4 }'), "PyTorch has no such layer"),
    "clockwork": (
        in_order("rnn"),
        TEXT.replace("LAYERS", '{ kind = "clockwork", units = 4, periods = [1, 2] }'),
        "PyTorch has no such layer",
    ),
    "labels": (cnn_weights(), CNN.replace('"a", "b", "c"', ""), "labels"),
    "classes": (cnn_weights(), CNN.replace('{ kind = "dense" }', '{ kind = "dense", units = 4 }'), "4 outputs"),
    "unknown key": (cnn_weights(), CNN + "[weights]\nlay = 1", "weights.lay: unknown key"),
    "no shape": (cnn_weights(), CNN.replace("shape = [10, 11, 2], ", ""), "either shape or symbols"),
    "four sizes": (cnn_weights(), CNN.replace("[10, 11, 2]", "[10, 11, 2, 1]"), "it has 4 sizes"),
    "a shape and symbols": (
        cnn_weights(),
        CNN.replace("shape =", 'symbols = ["a"], shape ='),
        "either shape or symbols",
    ),
    "prepared texts": (
        in_order("rnn"),
        TEXT.replace("LAYERS", RECURRENT["rnn"]).replace("input = {", 'input = { prepare = [{ kind = "scale" }],'),
        "input.prepare",
    ),
    "counted symbols": (
        in_order("rnn"),
        TEXT.replace("LAYERS", RECURRENT["rnn"]).replace("input = {", "input = { tokens = { size = 3 },"),
        "input.tokens",
    ),
    "tokens of numbers": (cnn_weights(), CNN.replace("shape =", 'tokens = { unit = "words" }, shape ='), "no texts"),
    "values with labels": (cnn_weights(), CNN.replace("labels =", 'task = "regression", labels ='), "no labels"),
    "unfitted": (cnn_weights(), CNN.replace(", divisor = 255.0", ""), "never fitted"),
    "names no table": (cnn_weights(), "names = 3\n" + CNN, "names: a table"),
    "a name no text": (cnn_weights(), CNN + '[names]\n"conv1/weight" = 3', 'names."conv1/weight"'),
    "a symbol twice": (in_order("rnn"), TEXT.replace('"b"', '"a"').replace("LAYERS", RECURRENT["rnn"]), "twice"),
}


@pytest.mark.parametrize("case", MISFITS)
def test_what_does_not_fit_is_refused(tmp_path: Path, case: str) -> None:
    tensors, spec, words = MISFITS[case]
    with pytest.raises(TuinetError) as caught:
        imported(tmp_path, tensors, spec)
    assert words in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.hint or case in ("a symbol twice", "unfitted", "classes", "a name no text")
    if "does not fit" in caught.value.message:  # both lists
        for line in ("The network needs:", "The file has:", "/weight", next(iter(tensors))):
            assert line in caught.value.hint


def test_ignored_tensors_are_left_out(tmp_path: Path) -> None:
    tensors = cnn_weights() | {"bn.num_batches_tracked": COUNT}
    spec = CNN.replace("[model]", 'weights.ignore = ["*.num_batches_tracked"]\n[model]')
    assert imported(tmp_path, tensors, spec).meta.name == "cnn"


def test_the_command_and_then_predict(tuinet: Command, tmp_path: Path) -> None:
    _, images, outputs = stored("cnn")
    save_file(cnn_weights(), tmp_path / "w.safetensors")
    (tmp_path / "spec.toml").write_text(CNN)
    done = tuinet("import", "w.safetensors", "--spec", "spec.toml", "-o", "m.safetensors")
    assert done.code == 0, done.err
    assert "conv2/weight   3×3×4×6  features.3.weight" in done.out
    np.save(tmp_path / "x.npy", images)
    done = tuinet("predict", "m.safetensors", "x.npy", "--json")
    assert done.code == 0, done.err
    said = [line["label"] for line in done.lines]
    assert said == ["abc"[k] for k in outputs.argmax(1)]
    assert "features.0" not in tuinet("inspect", "m.safetensors").out  # a model like any other


def test_json_says_what_became_of_what(tuinet: Command, tmp_path: Path) -> None:
    save_file(in_order("gru"), tmp_path / "w.safetensors")
    (tmp_path / "spec.toml").write_text(TEXT.replace("LAYERS", RECURRENT["gru"]))
    (said,) = tuinet("import", "w.safetensors", "--spec", "spec.toml", "-o", "m.safetensors", "--json").lines
    assert said["made"][3] == {"parameter": "gru1/bias", "tensors": ["1.bias_ih_l0", "1.bias_hh_l0"]}
    assert tuinet("predict", "m.safetensors", "abba", "--json").lines[0]["label"] in "xyz"


def test_sequences_of_vectors_are_tagged(tmp_path: Path) -> None:
    """Every step's class is the larger of its two values: weights that hand them through."""
    spec = """
name = "tagger"
input = { shape = [2], sequence = true }
output = { task = "tagging", labels = ["first", "second"] }
model.layers = [{ kind = "rnn", units = 2 }, { kind = "dense" }]
"""
    eye, zeros = np.eye(2, dtype=np.float32), np.zeros(2, np.float32)
    tensors = {"0.weight_ih_l0": eye, "0.weight_hh_l0": eye * 0, "0.bias_ih_l0": zeros, "0.bias_hh_l0": zeros}
    model = imported(tmp_path, tensors | {"1.weight": eye, "1.bias": zeros}, spec)
    (tagging,) = model.tag([np.array([[0.1, 0.2], [0.3, 0.1], [0.0, 0.9]])])
    assert tagging.tags == ("second", "first", "second")


def test_nothing_is_written_if_it_does_not_fit(tmp_path: Path) -> None:
    save_file(without("head.2.bias"), tmp_path / "w.safetensors")
    (tmp_path / "spec.toml").write_text(CNN)
    arguments = [tmp_path / "w.safetensors", "--spec", tmp_path / "spec.toml", "-o", tmp_path / "m.safetensors"]
    run = click.testing.CliRunner().invoke(command, [*map(str, arguments)])
    assert isinstance(run.exception, TuinetError)
    assert not (tmp_path / "m.safetensors").exists()


@pytest.mark.parametrize("name", ["m.npz", "m.pt", "m"])
def test_a_model_is_no_file_of_another_kind(tuinet: Command, tmp_path: Path, name: str) -> None:
    """Said before anything is read: neither of the two files is there."""
    done = tuinet("import", "w.safetensors", "--spec", "spec.toml", "-o", name)
    assert done.code == 2
    assert f"{name}: a model is written as a .safetensors file" in done.err
    assert list(tmp_path.iterdir()) == []


def test_the_second_bias_is_named_with_the_first(tmp_path: Path) -> None:
    spec = TEXT.replace("LAYERS", RECURRENT["gru"]) + '[names]\n"gru1/recurrent_bias" = "1.bias_hh_l0"\n'
    with pytest.raises(TuinetError, match="has no parameter 'gru1/recurrent_bias'") as caught:
        imported(tmp_path, in_order("gru"), spec)
    assert caught.value.hint == "It comes with the other bias: 'gru1/bias' = [input's, recurrent one's]."
    (tmp_path / "weights.safetensors").unlink()
    tensors = in_order("gru")
    del tensors["1.bias_hh_l0"]
    with pytest.raises(TuinetError) as caught:
        imported(tmp_path, tensors, TEXT.replace("LAYERS", RECURRENT["gru"]))
    assert "gru1/bias (1 of 2)" in caught.value.hint and "gru1/bias (2 of 2)" in caught.value.hint
