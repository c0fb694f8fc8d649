"""docs/model-file.md says what the code does."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import msgspec
import numpy as np
import pytest

from tests.model.models import made
from tuinet.data.coding import Coding
from tuinet.data.dataset import Task
from tuinet.data.preparation import Preparation
from tuinet.data.vocabulary import MAX_SYMBOLS, Tokens, Vocabulary
from tuinet.files import header, reader
from tuinet.files.model_file import FORMAT, METADATA_KEY, Content, save_model
from tuinet.model.meta import MAX_LAYERS, MAX_VALUES, EpochRecord, Meta
from tuinet.nn.layer import Layer, Shape
from tuinet.nn.layers.activation import Relu
from tuinet.nn.layers.clockwork import Clockwork
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.embedding import Embedding
from tuinet.nn.layers.gru import GRU
from tuinet.nn.layers.lstm import LSTM
from tuinet.nn.layers.rnn import RNN
from tuinet.nn.losses import CrossEntropy
from tuinet.nn.network import AnyLayer

TEXT = (Path(__file__).parents[2] / "docs" / "model-file.md").read_text(encoding="utf-8")


def rows(heading: str) -> dict[str, list[str]]:
    """The table whose first column is called `heading`: key → the other cells. `a`, `b` are two keys."""
    found: dict[str, list[str]] = {}
    table = TEXT[TEXT.index(f"| {heading} |") :].split("\n\n")[0]
    for line in table.splitlines()[2:]:
        first, *others = (cell.strip() for cell in line.strip("|").split(" | "))
        for key in re.findall(r"`([^`]+)`", first):
            found[key] = others
    return found


@pytest.mark.parametrize("seed", range(4))
def test_the_example_reads_a_model_with_the_safetensors_library_alone(tmp_path: Path, seed: int) -> None:
    code = TEXT.split("```python\n")[1].split("```")[0]
    assert "tuinet." not in code and len(code.splitlines()) < 20
    rng = np.random.default_rng(seed)
    model = made(
        (Dense(5), Relu(), Dense(4), Relu(), Dense(3)),
        {"dense1/weight": rng.normal(size=(2, 5)), "dense1/bias": rng.normal(size=5),
         "dense2/weight": rng.normal(size=(5, 4)), "dense3/weight": rng.normal(size=(4, 3))},
        Shape.vector(2), CrossEntropy(), Coding("ids", classes=3),
    )  # fmt: skip
    save_model(model, tmp_path / "model.safetensors")
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert [done.stdout.strip()] == model.predict([0.5, -1.0]).labels


def test_every_layer_is_described_with_its_stem_and_parameters() -> None:
    described = rows("kind")
    layers = {str(layer.__struct_config__.tag): layer for layer in get_args(AnyLayer)}
    assert described.keys() == layers.keys()
    for kind, (stem, parameters) in described.items():
        assert stem == f"`{layers[kind].stem}`"
        assert set(re.findall(r"`(\w+)` \(", parameters)) == parameter_names(kind), kind


def parameter_names(kind: str) -> set[str]:
    """The parameters of a layer of this kind, whatever its settings, without those of layers within it."""
    sequence = Shape.vector(5).over_time
    examples: dict[str, list[tuple[Layer, Shape]]] = {
        "dense": [(Dense(4), Shape.vector(5))],
        "conv2d": [(Conv2D(2, 3), Shape.image(5, 5, 1))],
        "embedding": [(Embedding(3), Shape.tokens(5).step)],
        "rnn": [(RNN(4), sequence)],
        "lstm": [(LSTM(4), sequence), (LSTM(4, peephole="diagonal"), sequence)],
        "gru": [(GRU(4), sequence), (GRU(4, form="pytorch"), sequence)],
        "clockwork": [(Clockwork(4, (1, 2)), sequence)],
    }
    return {name for layer, shape in examples.get(kind, []) for name in layer.param_shapes(shape)}


def test_every_key_is_described() -> None:
    assert rows("key").keys() == set(Content.__struct_fields__)
    assert rows("key of `meta`").keys() == set(Meta.__struct_fields__)
    about = rows("key of `meta`")
    for kind in get_args(Preparation):
        step, *fields = (kind.__struct_config__.tag, *kind.__struct_fields__)
        assert f"`{step}`" in about["preparation"][0]
        assert all(f"`{field}`" in about["preparation"][0] for field in fields)
    assert all(f"`{field}`" in about["history"][0] for field in EpochRecord.__struct_fields__)
    assert all(f"`{field}`" in about["coding"][0] for field in Coding.__struct_fields__)
    for kind in get_args(msgspec.structs.fields(Coding)[0].type):
        assert f"`{kind}`" in about["coding"][0]
    for field in (*Vocabulary.__struct_fields__, *Tokens.__struct_fields__):
        assert f"`{field}`" in about["vocabulary"][0]
    for task in get_args(Task):
        assert f"`{task}`" in about["task"][0]
    assert f"key, `{METADATA_KEY}`" in TEXT
    assert rows("key")["format"][0].startswith(f"{FORMAT}.")


def test_the_limits_are_those_of_the_code() -> None:
    text = " ".join(TEXT.split())
    assert header.MAX_HEADER == 17 * 2**20 and "header over 17 MB" in text
    assert header.MAX_METADATA == 16 * 2**20 and "metadata over 16 MB" in text
    assert f"more than {header.MAX_TENSORS:,} tensors" in text
    assert f"more than {MAX_LAYERS:,} layers" in text
    assert f"more than {MAX_SYMBOLS:,} symbols" in text
    assert MAX_VALUES == 2**28 and "more than 2²⁸ values" in text
    assert reader.DEFAULT_LIMIT == 4 * 2**30 and "over 4 GB of weights" in text
