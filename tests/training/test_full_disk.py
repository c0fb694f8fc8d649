"""A disk that is full: the training ends in words, and goes on once there is room.

The system refuses files beyond a size here (RLIMIT_FSIZE), as a full disk would.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.training.test_run import EXPERIMENT, Tuinet, lines, place  # noqa: F401
from tuinet.errors import RunFailedError
from tuinet.model.model import Model
from tuinet.training.live import Live
from tuinet.training.runs import summary

TINY = """
name = "and"
[data]
source = { kind = "and" }
[model]
layers = [{ kind = "dense", units = 2 }]
[training]
loss = { kind = "cross-entropy" }
optimizer = { kind = "sgd", rate = 0.01 }
epochs = 3000
batch_size = 4
checkpoint_every = 500
"""


def train(most: int, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tuinet", "train", "e.toml", "--out", "run", "--quiet"],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)),
    )


@pytest.mark.parametrize(
    ("text", "most", "file"),
    [(TINY, 100_000, "events.jsonl"), (EXPERIMENT, 12_000, "checkpoint.safetensors")],
    ids=["log", "checkpoint"],
)
def test_training_ends_in_words_and_goes_on(place: Path, text: str, most: int, file: str) -> None:  # noqa: F811
    (place / "e.toml").write_text(text)
    done = train(most, place)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: run/{file}: could not be written: File too large"), done.stderr
    assert "tuinet train --resume run" in done.stderr and "Traceback" not in done.stderr
    run = place / "run"
    assert summary(run).state == "stopped short" and summary(run).step > 0
    assert (run / "checkpoint.safetensors").exists() == (file == "events.jsonl")
    Tuinet("train", "--resume", "run", "--quiet", cwd=place).end(0)
    Tuinet("train", "e.toml", "--out", "alone", "--quiet", cwd=place).end(0)
    alone = [{**event, "model": None} for event in lines(place / "alone")]
    assert [{**event, "model": None} for event in lines(run)] == alone
    assert (run / "model.safetensors").read_bytes() == (place / "alone/model.safetensors").read_bytes()


def test_those_who_watch_end_no_training(tmp_path: Path) -> None:
    live = Live(tmp_path)
    live.renew()

    def full() -> Model:
        raise RunFailedError("no space left")

    live.show(1, full)
