"""Training on sequences: the same bits after a checkpoint and for any number of threads, carried states, losses."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tuinet.data.batches import shuffled, side_by_side
from tuinet.data.dataset import Split
from tuinet.errors import TuinetError
from tuinet.experiment.decode import decode
from tuinet.model.signals import fed_and_asked, signals
from tuinet.nn.context import Context
from tuinet.nn.sequence import Ragged
from tuinet.training.build import Job, build
from tuinet.training.checkpoint import Place, load_checkpoint, save_checkpoint
from tuinet.training.commands import SetTeacherForcing
from tuinet.training.events import EpochDone, RunEnded, StepDone
from tuinet.training.fit import fit
from tuinet.training.numbers import batch_samples
from tuinet.training.progress import TrainingState

TEXT = """
name = "text"
[data]
source = { kind = "text", path = "PATH" }
split = { validation = 0.2 }
window = 7
[model]
layers = [{ kind = "embedding", units = 5 }, { kind = "CELL", units = 6 }, { kind = "dense" }]
[training]
loss = { kind = "cross-entropy" }
optimizer = { kind = "adam", rate = 0.01 }
regularization = { clip_norm = 1.0 }
epochs = 3
batch_size = 4
"""

REVERSE = """
name = "reverse"
[data]
source = { kind = "reverse", samples = 150 }
[[model.layers]]
kind = "seq2seq"
reverse_source = true
encoder = [{ kind = "embedding", units = 4 }, { kind = "lstm", units = 5 }]
decoder = [{ kind = "embedding", units = 4 }, { kind = "dropout", rate = 0.2 }, { kind = "lstm", units = 5 },
           { kind = "dense" }]
[training]
loss = { kind = "cross-entropy" }
optimizer = { kind = "adam", rate = 0.01 }
teacher_forcing = { ratio = 0.9, last = 0.4 }
epochs = 3
batch_size = 40
"""


@pytest.fixture
def text(tmp_path: Path) -> str:
    path = tmp_path / "text.txt"
    path.write_text("the quick brown fox jumps over the lazy dog. " * 12)
    return TEXT.replace("PATH", str(path)).replace("CELL", "lstm")


def experiment(which: str, text: str) -> str:
    return {
        "lstm": text,
        "clockwork": text.replace('"lstm", units = 6', '"clockwork", units = 6, periods = [1, 2, 4]'),
    }.get(which, REVERSE)


def job(text: str) -> Job:
    return build(decode(text))


def begin(each: Job) -> TrainingState:
    return TrainingState.new(each.model, each.settings, batch_samples(each.settings, each.data))


@pytest.mark.parametrize("which", ["lstm", "clockwork", "seq2seq"])
def test_continuing_at_any_step_gives_the_same_bits(which: str, text: str, tmp_path: Path) -> None:
    toml = experiment(which, text)
    whole = job(toml)
    events = list(fit(*whole))
    steps = [i for i, event in enumerate(events) if isinstance(event, StepDone)]
    for stop in (steps[1], steps[len(steps) // 2], steps[-2]):
        first = job(toml)
        state = begin(first)
        run = fit(*first, state=state)
        before = [next(run) for _ in range(stop + 1)]
        place = Place(progress=state.progress, experiment="", log_offset=0, pending=None, data="", threads=1)
        save_checkpoint(tmp_path / "c.safetensors", state, place)
        run.close()
        second = job(toml)
        state = begin(second)
        load_checkpoint(tmp_path / "c.safetensors", state)
        assert before + list(fit(*second, state=state)) == events
        assert second.model.params.vector.tobytes() == whole.model.params.vector.tobytes()


@pytest.mark.parametrize("which", ["lstm", "clockwork", "seq2seq"])
def test_any_number_of_threads_gives_the_same_bits(which: str, text: str) -> None:
    toml = experiment(which, text).replace("batch_size = 4", "batch_size = 40").replace("window = 7", "window = 3")
    vectors = []
    for threads in (1, 2, 5):
        trained = job(toml)
        list(fit(*trained, threads=threads))
        vectors.append(trained.model.params.vector.tobytes())
    assert vectors[0] == vectors[1] == vectors[2]


def test_each_row_of_a_batch_goes_on_where_it_was() -> None:
    order = side_by_side(11, 3)  # 3 rows of 3 windows; two windows are left out
    assert order.reshape(3, 3).tolist() == [[0, 3, 6], [1, 4, 7], [2, 5, 8]]
    assert side_by_side(2, 5).tolist() == [0, 1]


def test_carried_states_are_those_of_one_long_pass(text: str) -> None:
    """With a learning rate of 0, the losses of an epoch's steps are those of one pass over each row's whole text."""
    still = job(text.replace("rate = 0.01", "rate = 1e-30"))
    losses = [e.loss.mean for e in fit(*still) if isinstance(e, StepDone)]
    train, model, rows = still.data.splits["train"], still.model, 4
    length = len(train) // rows
    x = train.inputs[: rows * length].reshape(rows, -1)  # the windows of each row, one after the other
    y = train.targets[: rows * length].reshape(rows, -1)
    inputs, asked = signals(model.meta, x, y, Context(), np.float32)
    outputs, _ = model.network.forward(model.params, inputs, Context())
    values = model.meta.loss.value(outputs.values, asked).reshape(length, 7, rows)  # packed: time comes first
    np.testing.assert_allclose(losses[:length], values.mean(axis=(1, 2)), rtol=1e-5)


def test_states_that_are_not_carried_begin_at_zero(text: str) -> None:
    assert begin(job(text)).carried is not None
    assert begin(job(text.replace("batch_size = 4", "batch_size = 4\ncarry_state = false"))).carried is None


def test_a_loss_is_the_mean_over_all_symbols(text: str) -> None:
    trained = job(REVERSE)
    done = [event for event in fit(*trained) if isinstance(event, EpochDone)]
    validation = done[-1].validation
    assert validation is not None
    part = trained.data.splits["validation"]
    assert validation["targets"] == len(part.take(slice(None))[1].values) + len(part)
    one_by_one = [trained.model.evaluate(Split(part.inputs, part.targets, np.array([row]))) for row in range(len(part))]
    total = sum(each["loss"] * each["targets"] for each in one_by_one)
    assert validation["loss"] == pytest.approx(total / validation["targets"], rel=1e-5)


def test_the_decoder_is_fed_one_step_behind() -> None:
    fed, asked = fed_and_asked(Ragged.of([[7, 8], [9]], np.uint8))
    assert fed.values.tolist() == [1, 7, 8, 1, 9]
    assert asked.values.tolist() == [7, 8, 2, 9, 2]
    assert fed.offsets.tolist() == asked.offsets.tolist() == [0, 3, 5]


def test_batches_hold_sequences_of_like_length() -> None:
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 60, 2005)
    split = Split(Ragged.of([np.zeros(n, np.uint8) for n in lengths]), np.zeros(2005, int))
    order = shuffled(split, rng, 20)
    assert sorted(order.tolist()) == list(range(2005))
    spread = [np.ptp(lengths[order[start : start + 20]]) for start in range(0, 2000, 20)]
    assert np.median(spread) <= 3  # at random it is above 50
    assert np.ptp([lengths[order[start]] for start in range(0, 2000, 20)]) > 40  # and the batches come in any order


def test_teacher_forcing_falls_and_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    trained = job(REVERSE)
    seen: list[float] = []
    run = fit(*trained)
    for event in run:
        if isinstance(event, StepDone):
            seen.append(run.gi_frame.f_locals["loop"].gradients.teacher_forcing)
            if event.step == 6:
                run.send(SetTeacherForcing(0.123))
    assert seen[0] == 0.9
    assert all(later < sooner for sooner, later in pairwise(seen[:6]))
    assert seen[6:] == [0.123] * len(seen[6:])


def test_what_is_fed_changes_what_is_learnt() -> None:
    vectors = []
    for forcing in ("{ ratio = 1.0 }", "{ ratio = 0.0 }"):
        trained = job(REVERSE.replace("{ ratio = 0.9, last = 0.4 }", forcing))
        list(fit(*trained))
        vectors.append(trained.model.params.vector)
    assert np.abs(vectors[0] - vectors[1]).max() > 1e-4


def test_a_text_is_learnt(text: str) -> None:
    toml = text.replace("epochs = 3", "epochs = 40").replace("units = 6", "units = 24").replace("0.01", "0.02")
    end = next(event for event in fit(*job(toml)) if isinstance(event, RunEnded))
    perplexity = end.metrics["validation"]["perplexity"]
    assert perplexity is not None and perplexity < 3  # 29 symbols; the text repeats itself


def test_an_old_checkpoint_without_carried_states_is_refused(text: str, tmp_path: Path) -> None:
    one, other = job(text), job(text.replace("batch_size = 4", "batch_size = 5"))
    state = begin(one)
    place = Place(progress=state.progress, experiment="", log_offset=0, pending=None, data="", threads=1)
    save_checkpoint(tmp_path / "c.safetensors", state, place)
    with pytest.raises(TuinetError, match="does not fit its experiment: carried"):
        load_checkpoint(tmp_path / "c.safetensors", begin(other))
