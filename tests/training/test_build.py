"""From an experiment to a job: what is taken over from another model, and what the model file will say of it."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import numpy as np

import tuinet
from tuinet.data.sources import load
from tuinet.data.splits import SplitSettings
from tuinet.experiment.decode import decode
from tuinet.experiment.provenance import TrainedOn
from tuinet.training.build import build

TABLE = """
name = "t"
[data]
source = { kind = "csv", path = "d.csv", target = "y" }
augment = []
[model]
layers = [{ kind = "dense", units = 2 }]
[training]
loss = { kind = "cross-entropy" }
optimizer = { kind = "momentum", rate = 0.1 }
schedule = { kind = "cosine", warmup = 5 }
regularization = { l2 = 0.01 }
early_stopping = { patience = 3, reuse = "retrain" }
epochs = 3
"""


def test_another_classifier_on_learnt_features_takes_the_kernels_and_keeps_them():
    start = tuinet.load("digits-cnn").params
    job = build("digits-svm")
    for path in ("conv1/weight", "conv1/bias", "conv2/weight", "conv2/bias"):
        np.testing.assert_array_equal(job.model.params[path], start[path])
    assert job.model.params["dense1/weight"].shape != start["dense1/weight"].shape
    list(zip(tuinet.fit(*job), range(5), strict=False))
    np.testing.assert_array_equal(job.model.params["conv2/weight"], start["conv2/weight"])


def test_a_model_says_how_it_was_trained_and_on_which_of_our_sets(tmp_path: Path):
    (tmp_path / "d.csv").write_text("a,b,y\n" + "".join(f"{i},{i % 3},{'uv'[i % 2]}\n" for i in range(40)))
    own = build(decode(TABLE), tmp_path).model.meta
    assert own.training == (
        "momentum, rate 0.1, momentum 0.9; schedule cosine, warmup 5; l2 0.01; batches of 32; "
        "early stopping, patience 3, then retrain"
    )
    assert str(tmp_path) not in own.data  # where files of one's own lie is nobody's business
    named = build("digits-cnn").model.meta
    said = json.loads(named.data)
    assert said["source"]["kind"] == "digits" and said["split"]["test"] == 0.2


def test_shipped_models_reach_the_figures_that_their_page_states():
    page = (Path(__file__).parent.parent.parent / "models" / "README.md").read_text("utf-8")
    for name, accuracy in (("digits-cnn", "98.61 %"), ("iris-mlp", "96.67 %"), ("mnist-small-cnn", "99.00 %")):
        model = tuinet.load(name)
        said = msgspec.json.decode(model.meta.data, type=TrainedOn)
        data = load(said.source, said.split or SplitSettings(), model.meta.seed, Path())
        reached = model.evaluate(data.splits["test"])["accuracy"]
        assert f"{100 * reached:.2f} %" == accuracy and accuracy in page
