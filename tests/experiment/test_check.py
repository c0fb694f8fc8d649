"""What `check` finds: every problem of meaning at once, what training would cost, and what is only doubtful."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from tuinet.data.coding import Coding
from tuinet.data.dataset import DatasetInfo
from tuinet.experiment.check import Report, check
from tuinet.experiment.decode import decode, load_experiment
from tuinet.experiment.edit import apply_settings
from tuinet.files.model_file import save_model
from tuinet.model.model import Meta, Model
from tuinet.nn.layer import Shape
from tuinet.nn.losses import CrossEntropy
from tuinet.nn.network import Sequential, initialize

DIGITS = DatasetInfo(
    "digits", "classification", Shape.image(8, 8, 1), {"train": 1797}, tuple("0123456789"), maximum=16.0,
    letters_or_digits=True,
)  # fmt: skip
CIFAR = DatasetInfo(
    "cifar10", "classification", Shape.image(32, 32, 3), {"train": 50_000, "test": 10_000}, tuple("abcdefghij")
)
PLANE = DatasetInfo("blobs", "classification", Shape.vector(2), {"train": 200}, ("0", "1"))
SINE = DatasetInfo("sine", "regression", Shape.vector(1), {"train": 200}, target_names=("sin x",))

CNN = load_experiment("digits-cnn")


def report(recipe: str, info: DatasetInfo, *settings: str) -> Report:
    return check(apply_settings(load_experiment(recipe), settings), info)


def problems(recipe: str, info: DatasetInfo, *settings: str) -> dict[str, str]:
    return {each.path: f"{each.message} | {each.hint}" for each in report(recipe, info, *settings).problems}


def test_the_layer_table_by_hand() -> None:
    """digits-cnn: conv 3·3·1·16 + 16 weights, 64 places; conv 3·3·16·32 + 32; dense 512·64 + 64 and 64·10 + 10."""
    found = check(CNN, DIGITS)
    rows = {row.name: (row.output, row.parameters, row.multiply_adds) for row in found.layers}
    assert rows["conv1"] == ((8, 8, 16), 160, 64 * 9 * 16)
    assert rows["conv2"] == ((8, 8, 32), 4640, 64 * 9 * 16 * 32)
    assert rows["pool1"][:2] == ((4, 4, 32), 0)
    assert rows["dense1"] == ((64,), 32_832, 512 * 64)
    assert rows["dense2"] == ((10,), 650, 640)
    assert found.layers[0].settings == "16 filters, kernel 3×3, stride 1, padding same"
    assert found.totals is not None
    assert found.totals.parameters == found.totals.trainable == 38_282
    assert found.totals.flops == 2 * found.totals.multiply_adds == 2 * (9216 + 294_912 + 64 * 32 + 32_768 + 640)
    memory = found.totals.memory
    assert memory.weights == 4 * 38_282
    assert memory.optimizer == 2 * memory.weights  # Adam keeps two vectors
    assert memory.best == memory.weights
    assert memory.total == sum([memory.weights, memory.gradients, memory.optimizer, memory.best, memory.activations])
    assert found.data.samples == {"train": 1258, "validation": 180, "test": 359}
    assert (found.data.coding, found.data.steps_per_epoch, found.data.steps) == ("ids", 40, 2400)
    assert found.problems == () == found.warnings
    msgspec.json.encode(found)


def test_memory_by_hand() -> None:
    """iris-mlp, 4-16-16-3 with tanh: 131 float32 weights, 39 values a sample forwards and as many back, 16 samples."""
    info = DatasetInfo("iris", "classification", Shape.vector(4), {"train": 150}, ("a", "b", "c"))
    totals = report("iris-mlp", info).totals
    assert totals is not None and totals.parameters == 5 * 16 + 17 * 3 == 131
    memory = totals.memory
    assert (memory.weights, memory.gradients, memory.optimizer, memory.best) == (524, 524, 1048, 1048)
    assert (memory.samples, memory.activations) == (16, 2 * 39 * 4 * 16)
    double = report("iris-mlp", info, "training.dtype=float64", "training.batch_size=60").totals
    assert double is not None and double.memory.activations == 2 * 39 * 8 * 60


def test_weights_proliferate_on_raw_images() -> None:
    """3,072 weights a neuron on CIFAR-10: (3,072 + 1)·64 + (64 + 1)·10 parameters, more than twice the CNN's."""
    found = report("cifar10-cnn", CIFAR)
    assert found.comparison is not None and found.totals is not None
    assert (found.comparison.weights_per_unit, found.comparison.units) == (3072, 64)
    assert found.comparison.parameters == 3073 * 64 + 65 * 10 == 197_322
    assert found.comparison.multiply_adds == 3072 * 64 + 64 * 10
    same = report("cifar10-mlp", CIFAR, "model.layers[1].units=64", "model.layers[3]=", "training.batch_size=64").totals
    assert same is not None and same.parameters == found.comparison.parameters
    assert found.comparison.memory == same.memory.total
    assert found.totals.parameters == 89_834
    assert "3,072" in found.comparison.text
    assert report("cifar10-mlp", CIFAR).comparison is None
    mlp = report("cifar10-mlp", CIFAR).totals
    assert mlp is not None and mlp.parameters == 3073 * 256 + 257 * 10


def test_down_sampling_is_counted() -> None:
    found = report("cifar10-mlp", CIFAR, "data.prepare=[{kind='downsample', factor=2}]")
    assert found.data.prepared == (16, 16, 3)
    assert found.layers[1].parameters == (16 * 16 * 3 + 1) * 256


def test_every_problem_at_once() -> None:
    found = problems(
        "digits-cnn",
        DIGITS,
        "model.layers[2].kernel=9",
        "model.layers[2].padding=valid",
        "model.layers[9].units=11",
        "model.layers[10]=softmax",
        "model.freeze=['conv3']",
        "data.augment=[{kind='rotate', degrees=5.0}]",
        "data.prepare=[{kind='downsample', factor=3}]",
        "data.split.test=0.95",
        "training.early_stopping={patience=3, monitor='accuracy'}",
        "training.schedule.warmup=999999999",
    )
    assert "do not divide into blocks of 3" in found["data.prepare[0].factor"]
    assert "11 outputs" in found["model.layers[9].units"] and "units = 10" in found["model.layers[9].units"]
    assert "applies softmax itself" in found["model.layers[10]"]
    assert "did you mean conv2?" in found["model.freeze[0]"]
    assert "data.split" in found
    assert "999" not in found["training.schedule.warmup"]
    # The input's shape is unknown here; where it is known, the kernel that does not fit is named beside the rest.
    found = problems(
        "digits-cnn", DIGITS, "model.layers[2]={kind='conv2d', filters=4, kernel=9}", "model.layers[9].units=11"
    )
    assert set(found) == {"model.layers[2].kernel", "model.layers[9].units"}
    assert "conv2" in found["model.layers[2].kernel"]


@pytest.mark.parametrize(
    ("recipe", "info", "settings", "path", "words"),
    [
        ("perceptron-2d", PLANE, ["model.layers[1]=sign"], "model.layers[1]", "applies sign itself"),
        ("perceptron-2d", PLANE, ["model.layers[1]=tanh"], "model.layers[1]", "linear output"),
        ("perceptron-2d", PLANE, ["model.layers[0].units=3"], "model.layers[0].units", "3 outputs"),
        ("xor", PLANE, ["model.layers[0].units="], "model.layers[0].units", "only in the last layer"),
        ("perceptron-2d", PLANE, ["model.layers=[]"], "model.layers", "there are no layers"),
        ("perceptron-2d", PLANE, ["model.layers=[{kind='linear'}]"], "model.layers", "nothing can learn"),
        ("perceptron-2d", PLANE, ["data.augment=[{kind='shift', pixels=1}]"], "data.augment[0]", "needs images"),
        ("perceptron-2d", SINE, [], "training.loss", "is for classes"),
        ("iris-mlp", SINE, ["model.layers[2].units=1"], "training.loss", "cross-entropy is for classes"),
        ("sine", SINE, ["model.layers[4].units=2"], "model.layers[4].units", "units = 1"),
        ("sine", SINE, ["data.targets=binary"], "data.targets", "no classes"),
        ("spirals", PLANE, ["data.targets=one-hot"], "data.targets", "takes class ids"),
        ("xor", PLANE, ["model.layers[3]=sigmoid"], "model.layers[3]", "applies sigmoid itself"),
        ("xor", PLANE, ["model.layers[1]=step"], "model.layers[1]", "the gradient of step is 0 everywhere"),
        ("xor", PLANE, ["model.freeze=['dense1', 'dense2']"], "model.freeze", "nothing can learn"),
        ("xor", PLANE, ["model.freeze=['dense9']"], "model.freeze[0]", "did you mean dense2?"),
        ("xor", PLANE, ["model.layers[0].units=4000000000000"], "model.layers[0]", "values in this network"),
        ("xor", PLANE, ["model.layers[0].units=200000000", "model.layers[1]=relu", "model.layers[2].units=2"],
         "model.layers[0]", "values in this network"),
        ("xor", PLANE, ["model.layers=[{kind='dense', units=1000000},{kind='relu'},{kind='dense', units=1000000},"
                        "{kind='relu'},{kind='dense', units=1}]"], "model", "this machine has"),
        ("digits-mlp", DIGITS, ["model.layers[0]=linear"], "model.layers[1]", "put a flatten layer before it"),
        ("digits-cnn", DIGITS, ["model.layers[5]=relu", "model.layers[6]=relu", "model.layers[9]=relu"],
         "model.layers[9]", "not one vector"),
        ("digits-mlp", DIGITS, ["data.split.validation=0", "training.early_stopping.patience=3"],
         "training.early_stopping", "no validation part"),
        ("sine", SINE, ["training.early_stopping={patience=3, monitor='accuracy'}"],
         "training.early_stopping.monitor", "no accuracy"),
        ("digits-mlp", DIGITS, ["data.split.test=0.9", "data.split.validation=0.097"], "data.split", "all 10 classes"),
        ("digits-mlp", DIGITS, ["training.regularization.weight_decay=1000"],
         "training.regularization.weight_decay", "of each weight away"),
        ("digits-mlp", DIGITS, ["model.start=./nowhere.safetensors"], "model.start", "no such"),
    ],
)  # fmt: skip
def test_each_problem_has_path_reason_and_way_out(recipe, info, settings, path, words) -> None:
    found = problems(recipe, info, *settings)
    assert words in found[path]


@pytest.mark.parametrize(
    ("recipe", "info", "settings", "path", "words"),
    [
        ("iris-mlp", PLANE, ["model.layers[2].units=2", "training.batch_size=5000"], "training.batch_size", "take"),
        ("digits-mlp", DIGITS, ["model.layers[5]=sigmoid"], "model.layers[5]", "keeps them between 0 and 1"),
        ("sine", SINE, ["model.layers[5]=tanh"], "model.layers[5]", "between −1 and 1"),
        ("digits-cnn", DIGITS, ["data.augment=[{kind='flip'}]"], "data.augment", "can change the class"),
        ("digits-cnn", DIGITS, ["data.augment=[{kind='rotate', degrees=180.0}]"], "data.augment", "a 9"),
        ("digits-mlp", DIGITS, ["model.layers[2]=linear", "model.layers[3]=linear"], "model.layers[4]", "no act"),
        ("digits-mlp", DIGITS, ["model.layers[5]={kind='dropout', rate=0.5}"], "model.layers[5]", "outputs themselves"),
        ("xor", PLANE, ["model.layers[0].initializer=zeros"], "model.layers[0].initializer", "stay equal"),
        ("xor", PLANE, ["training.loss=perceptron"], "training.loss", "one layer of weights"),
        ("xor", PLANE, ["model.freeze=['dense1']"], "model.freeze", "random weights"),
        ("xor", PLANE, ["model.freeze=['tanh1']"], "model.freeze[0]", "no weights"),
        ("xor", PLANE, ["training.validate_every=5"], "training.validate_every", "no validation part"),
        ("xor", PLANE, ["training.schedule={kind='step', every=500}"], "training.schedule.every", "never falls"),
        ("digits-mlp", DIGITS, ["training.early_stopping.patience=60"], "training.early_stopping.patience", "never"),
        ("digits-mlp", DIGITS, ["data.split.validation=5"], "data.split.validation", "cannot show all 10 classes"),
    ],
)  # fmt: skip
def test_what_is_doubtful_is_a_warning(recipe, info, settings, path, words) -> None:
    found = report(recipe, info, *settings)
    assert found.problems == ()
    assert any(each.startswith(f"{path}: ") and words in each for each in found.warnings), found.warnings


def test_hand_set_layers_before_a_step_are_allowed_if_frozen() -> None:
    settings = ["model.layers[1]=step", "model.freeze=['dense1']"]
    assert problems("xor", PLANE, *settings) == {}


def test_the_model_to_start_from(tmp_path) -> None:
    network = Sequential(CNN.model.layers)
    meta = Meta(
        name="old", task="classification", input_shape=DIGITS.input_shape, coding=Coding("ids", classes=10),
        labels=DIGITS.labels, loss=CrossEntropy(),
    )  # fmt: skip
    params = initialize(network, DIGITS.input_shape, 0, np.float32)
    save_model(Model(network, params, meta), tmp_path / "old.safetensors")
    start = f"model.start={tmp_path / 'old.safetensors'}"
    # conv1 and conv2 are there, dense1 is 512×64 there and 512×10 here: it starts at random, as it should.
    assert problems("digits-svm", DIGITS, start) == {}
    assert report("digits-svm", DIGITS, start).warnings == ()
    frozen = report("digits-svm", DIGITS, start, "model.layers[2].filters=33")
    assert any("conv2/weight 3×3×16×33 is 3×3×16×32" in each for each in frozen.warnings)
    totals = report("digits-svm", DIGITS, start).totals
    assert totals is not None and totals.trainable == 5130
    found = problems("perceptron-2d", PLANE, start)
    assert "no parameter of" in found["model.start"]


def test_a_thousand_layers_are_enough() -> None:
    layers = ",\n".join(['{ kind = "relu" }'] * 1001)
    head = 'name = "deep"\n[data.source]\nkind = "blobs"\n'
    training = '[training]\nepochs = 1\nloss = { kind = "cross-entropy" }\noptimizer = { kind = "sgd" }\n'
    text = f"{head}[model]\nlayers = [\n{layers}]\n{training}"
    assert any("1,001 layers" in each.message for each in check(decode(text), PLANE).problems)
