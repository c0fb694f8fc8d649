"""Networks over sequences by the commands: checked, trained, steered while they train, resumed; texts shown."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.cli.commands import Command, run_command
from tuinet.data.sources import DATASETS
from tuinet.experiment.decode import decode
from tuinet.experiment.edit import apply_settings
from tuinet.training.build import build
from tuinet.training.checkpoint import read_place
from tuinet.training.fit import fit

PAIRS = """
name = "backwards"
[data]
source = { kind = "reverse", samples = 400, validation = 50, test = 50, maximum_length = 5, seed = 1 }
[[model.layers]]
kind = "seq2seq"
encoder = [{ kind = "embedding", units = 8 }, { kind = "gru", units = 16 }]
decoder = [{ kind = "embedding", units = 8 }, { kind = "gru", units = 16 }, { kind = "dense" }]
[training]
loss = { kind = "cross-entropy" }
optimizer = { kind = "adam" }
epochs = 2
"""

LABELS = """
name = "labels"
[data]
source = { kind = "recall", samples = 300, validation = 40, test = 40, distance = 3 }
[model]
layers = [
  { kind = "one-hot" }, { kind = "rnn", units = 16 }, { kind = "last-step" }, { kind = "dense" },
]
[training]
loss = { kind = "cross-entropy" }
optimizer = { kind = "adam" }
epochs = 2
"""


def wait_for(what: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def events(run: Path) -> list[dict[str, object]]:
    log = run / "events.jsonl"
    return [json.loads(line) for line in log.read_text("utf-8").splitlines()] if log.exists() else []


def test_check_shows_what_the_texts_are_and_each_part_of_a_translator(tuinet: Command, tmp_path: Path) -> None:
    (tmp_path / "e.toml").write_text(PAIRS)
    done = tuinet("check", "e.toml")
    assert done.code == 0, done.err
    assert "29 symbols in, 29 symbols out" in done.out
    rows = {line.split()[0]: line for line in done.out.splitlines() if line}
    assert "T×16" in rows["seq2seq1/encoder/gru1"] and "T×29" in rows["seq2seq1/decoder/dense1"]
    report = tuinet("check", "e.toml", "--json").lines[0]
    assert sum(layer["parameters"] for layer in report["layers"]) == report["totals"]["parameters"]
    wrong = tuinet("check", "e.toml", "--set", "model.layers[0].decoder[1]=bidirectional",
                   "--set", "model.layers[0].decoder[1].layer={kind='gru', units=8}")  # fmt: skip
    assert wrong.code == 2
    assert "model.layers[0].decoder[1]" in wrong.err


def test_a_translator_trains_and_says_how_many_symbols_it_learns(tuinet: Command, tmp_path: Path) -> None:
    (tmp_path / "e.toml").write_text(PAIRS)
    done = tuinet("train", "e.toml", "--out", "run")
    assert done.code == 0, done.err
    assert "of the symbols" in done.out and "nats a symbol" in done.out
    started = events(tmp_path / "run")[0]
    assert started["task"] == "seq2seq"
    assert 5.0 <= float(str(started["symbols"])) <= 6.0  # three to five letters and the end
    shown = tuinet("runs", "show", "run")
    assert shown.code == 0
    assert "symbols/s" in done.out
    resumed = tuinet("train", "--resume", "run", "--set", "training.epochs=6")
    assert resumed.code == 0, resumed.err
    assert "symbols/s" in resumed.out


def test_teacher_forcing_is_set_while_it_trains_and_kept(tmp_path: Path) -> None:
    (tmp_path / "e.toml").write_text(PAIRS.replace("epochs = 2", "epochs = 100000"))
    run = tmp_path / "run"
    process = subprocess.Popen(
        [sys.executable, "-m", "tuinet", "train", "e.toml", "--out", "run", "--quiet"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        wait_for(lambda: len(events(run)) > 1)
        done = run_command("runs", "set", "run", "--teacher-forcing", "0.25", "--pace", "50", cwd=tmp_path)
        assert done.code == 0, done.err
        assert "teacher forcing 0.25 from step" in done.out
        refused = run_command("runs", "set", "run", "--teacher-forcing", "1.5", cwd=tmp_path)
        assert refused.code == 2
        assert "a share from 0 to 1" in refused.err
    finally:
        process.kill()
        process.communicate()
    place = read_place(run / "checkpoint.safetensors")
    assert place.progress.forcing == 0.25
    one_more = f"training.epochs={place.progress.epoch + 1}"
    resumed = run_command("train", "--resume", "run", "--set", one_more, "-q", cwd=tmp_path)
    assert resumed.code == 0, resumed.err
    assert read_place(run / "checkpoint.safetensors").progress.forcing == 0.25


def test_a_frozen_part_of_a_translator_stays_as_it_is() -> None:
    job = build(apply_settings(decode(PAIRS), ["model.freeze=['seq2seq1/encoder', 'seq2seq1/decoder/embedding1']"]))
    before = {path: array.copy() for path, array in job.model.params.items()}
    for _ in fit(*job, threads=1):
        pass
    changed = {path for path, array in job.model.params.items() if not np.array_equal(array, before[path])}
    frozen = ("seq2seq1/encoder/", "seq2seq1/decoder/embedding1/")
    assert changed == {path for path in before if not path.startswith(frozen)}


def test_a_run_without_a_decoder_refuses_teacher_forcing(tmp_path: Path) -> None:
    (tmp_path / "e.toml").write_text(LABELS.replace("epochs = 2", "epochs = 100000"))
    run = tmp_path / "run"
    process = subprocess.Popen(
        [sys.executable, "-m", "tuinet", "train", "e.toml", "--out", "run", "--quiet"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        wait_for(lambda: len(events(run)) > 1)
        refused = run_command("runs", "set", "run", "--teacher-forcing", "0.5", cwd=tmp_path)
        assert refused.code == 2
        assert "with a decoder" in refused.err
        assert run_command("runs", "set", "run", "--rate", "0.5", cwd=tmp_path).code == 0
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("recall", ["characters", "→ "]),
        ("brackets", ["matched"]),
        ("cmudict", ["symbols out", "K AH Z"]),
        ("shakespeare", ["ALL'S WELL THAT ENDS WELL", "4,359,426 train"]),
        ("digit-captions", ["→ one"]),
    ],
)
def test_data_info_shows_texts(tuinet: Command, name: str, words: list[str]) -> None:
    done = tuinet("data", "info", name)
    assert done.code == 0, done.err
    for each in words:
        assert each in done.out


def test_every_set_can_be_described(tuinet: Command) -> None:
    for name in ("copy", "reverse", "add", "dates", "eng-fra", "sst2"):
        assert DATASETS[name].title in tuinet("data", "info", name).out


def test_a_recipe_over_texts_trains_from_its_file(tuinet: Command, tmp_path: Path) -> None:
    assert tuinet("init", "brackets-birnn").code == 0
    few = ["--set", "data.source.samples=200", "--set", "training.epochs=1"]
    assert tuinet("train", "brackets-birnn.toml", *few, "--out", "run", "-q").code == 0


def test_a_table_of_several_sequences_is_not_read_as_one(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = [f"{s},{rng.normal() + s % 2:.3f},{'ab'[s % 2]}" for s in range(40) for _ in range(5)]
    (tmp_path / "all.csv").write_text("\n".join(["id,x,label", *rows]))
    (tmp_path / "one.csv").write_text("\n".join(["x", "0.9", "1.2", "1.1"]))
    (tmp_path / "e.toml").write_text("""
name = "series"
[data]
source = { kind = "series", path = "all.csv", sequence = "id", target = "label" }
[model]
layers = [{ kind = "rnn", units = 4 }, { kind = "last-step" }, { kind = "dense" }]
[training]
loss = { kind = "cross-entropy" }
optimizer = { kind = "adam" }
epochs = 1
""")
    done = run_command("train", "e.toml", "--out", "run", "--quiet", cwd=tmp_path)
    assert done.code == 0, done.err
    assert run_command("predict", "run", "one.csv", "--json", cwd=tmp_path).lines[0]["label"] in "ab"
    refused = run_command("predict", "run", "all.csv", cwd=tmp_path)
    assert refused.code == 2 and "the column 'id' besides x" in refused.err
