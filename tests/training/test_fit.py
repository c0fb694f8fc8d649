"""fit: the perceptron rule, early stopping, exact continuation, the same numbers for any number of threads."""

from __future__ import annotations

import copy

import msgspec
import numpy as np
import pytest

from tuinet.data.dataset import Dataset, Split
from tuinet.errors import TuinetError
from tuinet.experiment.decode import decode
from tuinet.experiment.spec import Experiment
from tuinet.training.build import Job, build
from tuinet.training.checkpoint import Place, load_checkpoint, save_checkpoint
from tuinet.training.commands import SetRate, Stop
from tuinet.training.events import (
    Checkpointed,
    EpochDone,
    Event,
    PhaseStarted,
    RunEnded,
    RunFailed,
    RunStarted,
    StepDone,
)
from tuinet.training.fit import fit
from tuinet.training.progress import TrainingState

PERCEPTRON = """
name = "and"
[data]
source = { kind = "and" }
[model]
layers = [{ kind = "dense", units = 1, initializer = { kind = "zeros" } }]
[training]
loss = { kind = "perceptron" }
optimizer = { kind = "sgd", rate = 0.5 }
epochs = 50
batch_size = 1
shuffle = false
"""

IRIS = """
name = "iris"
[data]
source = { kind = "iris" }
split = { validation = 0.2, test = 0.2 }
prepare = [{ kind = "standardize" }]
[model]
layers = [
  { kind = "dense", units = 16 }, { kind = "relu" }, { kind = "dropout", rate = 0.2 }, { kind = "dense", units = 3 },
]
[training]
loss = { kind = "cross-entropy" }
optimizer = { kind = "adam", rate = 0.01 }
epochs = 8
batch_size = 7
"""

CNN = """
name = "digits"
[data]
source = { kind = "digits" }
split = { validation = 300, test = 300 }
augment = [{ kind = "shift", pixels = 1 }]
[model]
layers = [
  { kind = "conv2d", filters = 4, kernel = 3, padding = "same" }, { kind = "relu" }, { kind = "max-pool" },
  { kind = "flatten" }, { kind = "dropout", rate = 0.3 }, { kind = "dense", units = 10 },
]
[training]
loss = { kind = "cross-entropy" }
optimizer = { kind = "adam", rate = 0.01 }
epochs = 1
batch_size = 50
"""


def job(text: str, **training: object) -> Job:
    experiment = decode(text, "test")
    settings = msgspec.structs.replace(experiment.training, **training)
    return build(Experiment(name=experiment.name, data=experiment.data, model=experiment.model, training=settings))


def place_of(state: TrainingState) -> Place:
    return Place(progress=state.progress, experiment="", log_offset=0, pending=None, data="", threads=1)


def ended(events: list[Event]) -> RunEnded:
    assert isinstance(events[-1], RunEnded)
    return events[-1]


# ── the perceptron ────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_first_steps_of_a_perceptron_by_hand():
    # Zero weights: n = 0 is a tie, so f = +1. Sample 1 is (0, 0) with y = −1: e = −2, w stays (x = 0), b = −1.
    trained = job(PERCEPTRON)
    x, y = trained.data.splits["train"].take(np.arange(4))
    np.testing.assert_array_equal(x, [[0, 0], [0, 1], [1, 0], [1, 1]])
    np.testing.assert_array_equal(y, [0, 0, 0, 1])
    params = trained.model.params
    seen = []
    for event in fit(*trained):
        if isinstance(event, StepDone):
            seen.append((*params["dense1/weight"].ravel().tolist(), params["dense1/bias"].item()))
        if len(seen) == 5:
            break
    # 1: (0,0) wrong, b −1 | 2: (0,1) n = −1 right | 3: (1,0) right | 4: (1,1) n = −1 but y = +1: e = 2, w += 1, b += 1
    # 5: (0,0) again, n = 0 → +1, wrong: b −1
    assert seen == [(0, 0, -1), (0, 0, -1), (0, 0, -1), (1, 1, 0), (1, 1, -1)]


def test_a_perceptron_ends_after_an_epoch_without_mistakes():
    events = list(fit(*job(PERCEPTRON)))
    epochs = [event for event in events if isinstance(event, EpochDone)]
    assert ended(events).reason == "no-mistakes"
    assert [event.train["mistakes"] for event in epochs][-1] == 0
    assert all(event.train["mistakes"] for event in epochs[:-1])
    assert ended(events).metrics["train"]["accuracy"] == 1


def test_a_perceptron_on_xor_says_why_it_cannot():
    events = list(fit(*job(PERCEPTRON.replace('kind = "and"', 'kind = "xor"'))))
    end = ended(events)
    assert end.reason == "epochs"
    assert end.message is not None and "linearly separable" in end.message


# ── continuing ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("text", [IRIS, CNN], ids=["mlp", "cnn"])
def test_continuing_from_a_checkpoint_at_any_step_gives_the_same_bits(text: str, tmp_path):
    whole = job(text)
    events = list(fit(*whole))
    steps = [i for i, event in enumerate(events) if isinstance(event, StepDone)]
    for stop in (steps[0], steps[len(steps) // 2], steps[-1], len(events) - 2):
        first = job(text)
        state = TrainingState.new(first.model, first.settings)
        run = fit(*first, state=state)
        before = [next(run) for _ in range(stop + 1)]
        save_checkpoint(tmp_path / "c.safetensors", state, place_of(state))
        run.close()
        second = job(text)
        state = TrainingState.new(second.model, second.settings)
        load_checkpoint(tmp_path / "c.safetensors", state)
        after = list(fit(*second, state=state))
        assert before + after == events
        assert second.model.params.vector.tobytes() == whole.model.params.vector.tobytes()
        assert second.model.meta == whole.model.meta


WIDE = IRIS.replace("units = 16", "units = 130_000").replace("batch_size = 7", "batch_size = 80")


@pytest.mark.parametrize("text", [IRIS, WIDE, CNN], ids=["small", "wide", "cnn"])
def test_any_number_of_threads_gives_the_same_bits(text: str):
    vectors = []
    for threads in (1, 2, 5):
        trained = job(text, epochs=2)
        list(fit(*trained, threads=threads))
        vectors.append(trained.model.params.vector.tobytes())
    assert vectors[0] == vectors[1] == vectors[2]


def test_another_seed_gives_other_weights():
    first, second = job(IRIS, epochs=1), job(IRIS, epochs=1, seed=1)
    list(fit(*first)), list(fit(*second))
    assert not np.array_equal(first.model.params.vector, second.model.params.vector)


def test_shards_add_up_to_the_whole_batch(monkeypatch):
    # The same float64 step with shards of 16 and with one shard for the batch, noise off: equal but for rounding.
    text = CNN.replace('{ kind = "dropout", rate = 0.3 }, ', "").replace("augment", "#")
    vectors = []
    for size in (16, 1000):
        monkeypatch.setattr("tuinet.nn.shards.IMAGES", size)
        trained = job(text, dtype="float64", batch_size="all")
        list(fit(*trained))
        vectors.append(trained.model.params.vector)
    np.testing.assert_allclose(vectors[0], vectors[1], rtol=0, atol=1e-12)


# ── stopping ──────────────────────────────────────────────────────────────────────────────────────────────────────


def overfitting(reuse: str, **more: object) -> Job:
    text = IRIS.replace("epochs = 8", f'epochs = 60\nearly_stopping = {{ patience = 3, reuse = "{reuse}" }}')
    text = text.replace("rate = 0.01 }\n", "rate = 0.2 }\n", 1)
    return job(text, **more)


def test_early_stopping_hands_back_the_best_weights():
    trained = overfitting("none")
    run, best, events = fit(*trained), np.zeros(0), []
    for event in run:
        events.append(event)
        if isinstance(event, EpochDone) and event.best:
            best = trained.model.params.vector.copy()
    epochs = [event for event in events if isinstance(event, EpochDone)]
    assert ended(events).reason == "early-stopping"
    assert [event.best for event in epochs[-3:]] == [False] * 3 and epochs[-4].best
    assert trained.model.params.vector.tobytes() == best.tobytes()
    assert ended(events).metrics["validation"]["loss"] == epochs[-4].validation["loss"]


def test_retraining_takes_both_parts_from_scratch_for_the_epochs_of_the_best():
    trained = overfitting("retrain")
    first = trained.model.params.vector.copy()
    seen = {}
    events = []
    for event in fit(*trained):
        events.append(event)
        if isinstance(event, PhaseStarted):
            seen["weights"] = trained.model.params.vector.copy()
    phase = next(event for event in events if isinstance(event, PhaseStarted))
    before = [event for event in events[: events.index(phase)] if isinstance(event, EpochDone)]
    after = [event for event in events[events.index(phase) :] if isinstance(event, EpochDone)]
    assert phase.samples == 120 and phase.phase == "retrain"
    assert len(after) == phase.epochs == sum(1 for event in before) - 3
    assert seen["weights"].tobytes() == first.tobytes()
    assert ended(events).reason == "epochs" and "validation" not in ended(events).metrics


def test_continuing_goes_on_from_the_best_until_the_loss_is_low_enough():
    trained = overfitting("continue")
    events = list(fit(*trained))
    phase = next(event for event in events if isinstance(event, PhaseStarted))
    best = min(e.validation["loss"] for e in events if isinstance(e, EpochDone) and e.validation)
    assert phase.target_loss == best
    end = ended(events)
    both = (
        trained.model.evaluate(trained.data.splits["train"]),
        trained.model.evaluate(trained.data.splits["validation"]),
    )
    loss = (both[0]["loss"] * 90 + both[1]["loss"] * 30) / 120
    assert (end.reason == "early-stopping") == (loss < best)


def test_a_continued_phase_survives_a_checkpoint(tmp_path):
    whole = overfitting("retrain")
    events = list(fit(*whole))
    place = next(i for i, event in enumerate(events) if isinstance(event, PhaseStarted))
    first = overfitting("retrain")
    state = TrainingState.new(first.model, first.settings)
    run = fit(*first, state=state)
    for _ in range(place + 2):
        next(run)
    save_checkpoint(tmp_path / "c", state, place_of(state))
    second = overfitting("retrain")
    state = TrainingState.new(second.model, second.settings)
    load_checkpoint(tmp_path / "c", state)
    assert list(fit(*second, state=state)) == events[place + 2 :]
    assert second.model.params.vector.tobytes() == whole.model.params.vector.tobytes()


def test_validation_every_few_steps():
    events = list(fit(*job(IRIS, validate_every=5, epochs=2)))
    marks = [(event.step, event.complete) for event in events if isinstance(event, EpochDone)]
    assert marks == [(5, False), (10, False), (13, True), (15, False), (20, False), (25, False), (26, True)]


# ── commands and failures ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_new_rate_counts_from_the_next_step():
    run = fit(*job(IRIS))
    events = [next(run), next(run)]
    assert run.send(SetRate(0.5)) == events[-1]  # carried out at once; nothing moves
    assert run.send(SetRate(0.25)) == events[-1]
    events += [next(run), next(run)]
    assert isinstance(events[0], RunStarted)
    assert [event.rate for event in events[1:] if isinstance(event, StepDone)] == [0.01, 0.25, 0.25]


def test_stop_ends_after_the_step_and_keeps_what_was_asked_for():
    run = fit(*job(IRIS))
    events = [next(run) for _ in range(20)]
    run.send(Stop("best"))
    events += [*run]
    assert isinstance(events[20], Checkpointed)
    assert ended(events).reason == "stopped"


def test_a_loss_that_is_not_finite_ends_the_run_and_names_the_layer():
    trained = job(IRIS)
    run = fit(*trained)
    next(run), next(run)
    trained.model.params["dense2/weight"][0, 0] = np.inf
    events = list(run)
    failure = events[-1]
    assert isinstance(failure, RunFailed) and failure.layer == "dense2" and failure.rate == 0.01
    assert "step 2" in failure.message


def test_a_rate_that_blows_up_is_told_with_step_layer_and_rate():
    events = list(fit(*job(IRIS.replace("cross-entropy", "squared-error"), optimizer=sgd(1e5))))
    failure = events[-1]
    assert isinstance(failure, RunFailed) and failure.layer is not None and "learning rate 100000" in failure.message


def sgd(rate: float):
    from tuinet.nn.optimizers import Sgd

    return Sgd(rate)


def test_frozen_layers_stay_bit_for_bit():
    trained = job(IRIS, epochs=1)
    before = trained.model.params["dense1/weight"].copy()
    list(fit(*trained._replace(freeze=("dense1",))))
    assert trained.model.params["dense1/weight"].tobytes() == before.tobytes()
    with pytest.raises(TuinetError, match="dense9"):
        next(fit(*trained._replace(freeze=("dense9",))))


def test_weight_noise_leaves_the_weights_that_are_kept_clean():
    # With a rate of (nearly) nothing the weights stay where they are, however loud the noise.
    trained = job(IRIS, epochs=1, optimizer=sgd(1e-30))
    noisy = trained._replace(
        settings=msgspec.structs.replace(
            trained.settings, regularization=msgspec.structs.replace(trained.settings.regularization, weight_noise=1.0)
        )
    )
    before = trained.model.params.vector.copy()
    quiet = [event.loss.mean for event in fit(*copy.deepcopy(trained)) if isinstance(event, StepDone)]
    loud = [event.loss.mean for event in fit(*noisy) if isinstance(event, StepDone)]
    np.testing.assert_allclose(noisy.model.params.vector, before, atol=1e-20)
    assert quiet != loud


def test_the_history_is_thinned_evenly():
    events = list(fit(*job(PERCEPTRON.replace('"and"', '"xor"'), epochs=1500)))
    trained = job(PERCEPTRON.replace('"and"', '"xor"'), epochs=1500)
    list(fit(*trained))
    epochs = [record.epoch for record in trained.model.meta.history]
    assert len(epochs) <= 512 and set(np.diff(epochs)) == {4} and ended(events).step == 6000


@pytest.mark.parametrize("parts", [{}, {"train": Split(np.zeros((0, 4)), np.zeros(0, int))}])
def test_data_without_training_samples_are_refused(parts: dict[str, Split]):
    trained = job(IRIS)
    empty = Dataset("empty", "classification", trained.data.input_shape, parts, trained.data.labels)
    with pytest.raises(TuinetError, match="no training part"):
        next(fit(trained.model, empty, trained.settings))


def test_patience_counts_every_validation_and_ends_inside_an_epoch():
    trained = overfitting("none", validate_every=2)
    events = list(fit(*trained))
    checks = [event.best for event in events if isinstance(event, EpochDone)]
    assert ended(events).reason == "early-stopping"
    assert checks[-3:] == [False] * 3 and checks[-4]
    assert all(any(checks[i : i + 3]) for i in range(len(checks) - 3))  # never three in a row before


def test_an_epoch_that_stopped_early_inside_is_closed_before_training_goes_on():
    events = list(fit(*overfitting("continue", validate_every=2)))
    phase = next(i for i, event in enumerate(events) if isinstance(event, PhaseStarted))
    epochs = [event.epoch for event in events[phase:] if isinstance(event, StepDone)]
    last = [event.epoch for event in events[:phase] if isinstance(event, StepDone)][-1]
    assert epochs[0] == last + 1 and epochs.count(last + 1) == -(-120 // 7)


def test_weights_that_go_bad_in_the_very_last_step_are_no_success():
    trained = job(IRIS, epochs=1)
    events = []
    for event in fit(*trained):
        events.append(event)
        if isinstance(event, EpochDone):
            trained.model.params["dense1/bias"][0] = np.nan
    assert isinstance(events[-1], RunFailed) and events[-1].layer == "dense1"


def test_two_trainings_at_once_leave_the_threads_of_blas_as_they_were():
    from threadpoolctl import threadpool_info

    before = [pool["num_threads"] for pool in threadpool_info()]
    first, second = fit(*job(IRIS)), fit(*job(IRIS))
    next(first), next(second)
    first.close()
    assert {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"} == {1}
    second.close()
    assert [pool["num_threads"] for pool in threadpool_info()] == before
