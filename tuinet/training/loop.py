"""The training loop behind `fit`: what happens next, and what is said of it."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from typing import Literal

import msgspec
import numpy as np

from tuinet import __version__
from tuinet.data.augmentation import Augmentation
from tuinet.data.batches import in_order, shuffled, side_by_side
from tuinet.data.dataset import Dataset, Split
from tuinet.data.splits import join
from tuinet.experiment.spec import TrainingSettings
from tuinet.model.model import EpochRecord
from tuinet.nn.context import philox
from tuinet.nn.losses import Perceptron
from tuinet.nn.params import Array, Params
from tuinet.nn.ranges import Ranges
from tuinet.nn.regularization import add_penalty_gradient, clip, decay, noisy
from tuinet.nn.schedules import rate_at
from tuinet.nn.sequence import Ragged
from tuinet.training.commands import HIGHEST_RATE, Command, SetDropout, SetRate, SetTeacherForcing
from tuinet.training.events import (
    Checkpointed,
    EpochDone,
    Event,
    PhaseStarted,
    Range,
    RunEnded,
    RunFailed,
    RunStarted,
    StepDone,
    finite,
)
from tuinet.training.gradients import Gradients
from tuinet.training.numbers import (
    batch_samples,
    first_bad_layer,
    sample_length,
    steps_per_checkpoint,
    steps_per_event,
    symbols_a_sample,
    trainable,
)
from tuinet.training.progress import TrainingState
from tuinet.training.stopping import (
    epochs_in_phase,
    forcing_now,
    improved,
    keeps_best,
    kept_step,
    not_separable,
    out_of_patience,
    reason_to_stop,
)

SHUFFLE = 1 << 40
WEIGHT_NOISE = 1 << 41
"""Random streams beside those of the shards, which are numbered from 0."""


class Loop:
    """The training loop. Each branch of `run` changes the state fully, then yields one event."""

    def __init__(
        self,
        state: TrainingState,
        data: Dataset,
        settings: TrainingSettings,
        augmentation: Sequence[Augmentation],
        freeze: Sequence[str],
        threads: int,
    ) -> None:
        self.state, self.progress, self.model = state, state.progress, state.model
        self.params = state.model.params
        self.data, self.settings, self.threads = data, settings, threads
        self.validation = data.splits.get("validation")
        self.train = self._joined() if self.progress.phase != "main" else data.splits["train"]
        self.batch_size = batch_samples(settings, data)
        self.slices, first = trainable(self.params, self.model.network.names(), freeze)
        self.gradients = Gradients(
            self.model,
            augmentation,
            seed=settings.seed,
            batch_size=self.batch_size,
            threads=threads,
            slices=self.slices,
            first_trainable=first,
        )
        noisy = settings.regularization.weight_noise > 0
        self.noisy = self.params.like(np.empty_like(self.params.vector)) if noisy else None
        self.order: tuple[int, Array] | None = None
        self.length = sample_length(data)
        every = settings.checkpoint_every
        self.steps_per_checkpoint = every or steps_per_checkpoint(self.model, self.batch_size, self.length)

    # ── the loop ──────────────────────────────────────────────────────────────────────────────────────────────────

    def run(self) -> Generator[Event, Command | None, None]:
        p = self.progress
        if not p.started:
            p.started = True
            yield from self.tell(self.started())
        while p.finished is None:
            if p.batch >= self.steps_per_epoch:
                event: Event = self.end_epoch()
            elif p.stop is not None:
                event = self.after_stop()
            elif self.validation_due():
                event = self.epoch_done(complete=False)
            elif p.step - p.checkpointed >= self.steps_per_checkpoint and self.sound():
                p.checkpointed = p.step
                event = Checkpointed(step=p.step)
            else:
                event = self.step()
            yield from self.tell(event)
            if isinstance(event, RunFailed):
                return
        yield self.ended()

    def tell(self, event: Event) -> Generator[Event, Command | None, None]:
        """Yield the event, and once more for each command that is sent, until training is to go on."""
        while (command := (yield event)) is not None:
            self.receive(command)

    def receive(self, command: Command) -> None:
        p = self.progress
        if isinstance(command, SetRate):
            now = self.rate()
            p.base_rate = min(p.base_rate * command.rate / now, HIGHEST_RATE) if now > 0 else command.rate
        elif isinstance(command, SetTeacherForcing):
            p.forcing = command.ratio
        elif isinstance(command, SetDropout):
            self.state.set_dropout(command.rate)
        else:
            p.stop, p.keep = "stopped", command.keep

    def validation_due(self) -> bool:
        p, every = self.progress, self.settings.validate_every
        due = every is not None and p.step % every == 0 and p.validated < p.step
        return due and self.validation is not None and p.phase == "main"

    def started(self) -> RunStarted:
        return RunStarted(
            name=self.model.meta.name,
            version=__version__,
            parameters=self.params.vector.size,
            samples={name: len(part) for name, part in self.data.splits.items()},
            epochs=self.settings.epochs,
            batch_size=min(self.batch_size, len(self.train)),
            steps_per_epoch=self.steps_per_epoch,
            shard_size=self.gradients.shard_size,
            threads=self.threads,
            steps_per_event=steps_per_event(self.model, self.batch_size, self.length),
            steps_per_checkpoint=self.steps_per_checkpoint,
            task=self.model.meta.task,
            symbols=symbols_a_sample(self.data.info),
        )

    # ── one step ──────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def steps_per_epoch(self) -> int:
        whole, rest = divmod(len(self.train), self.batch_size)
        return whole if self.state.carried is not None else whole + (rest > 0)

    def rate(self) -> float:
        p = self.progress
        total = epochs_in_phase(p, self.settings) * self.steps_per_epoch
        return rate_at(self.settings.schedule, p.base_rate, p.step - p.phase_step, self.steps_per_epoch, total)

    def step(self) -> StepDone | RunFailed:
        p, settings = self.progress, self.settings
        x, y = self.train.take(self.batch())
        rate = self.rate()
        weights = self.params
        if self.noisy is not None:
            rng = philox(settings.seed, p.step, WEIGHT_NOISE)
            noisy(settings.regularization, self.params, self.noisy, rng, self.slices)
            weights = self.noisy
        self.gradients.teacher_forcing = forcing_now(p, settings, self.steps_per_epoch)
        self.gradients.dropout = p.dropout
        sums = self.gradients.of(weights, x, y, p.step, self.state.begin_step())
        loss = sums.loss / sums.targets
        if not math.isfinite(loss):
            return self.failed(weights, x, y, rate)
        self.update(rate)
        p.step, p.batch = p.step + 1, p.batch + 1
        p.seen += sums.targets
        p.loss_sum += sums.loss
        p.correct += sums.correct
        p.mistakes += sums.mistakes
        same = Range(loss, loss, loss)
        return StepDone(step=p.step, epoch=p.epoch + 1, count=1, samples=len(x), loss=same, rate=rate)

    def batch(self) -> Array:
        """The samples of the next batch: a part of this epoch's order, which (seed, epoch) names."""
        p = self.progress
        if self.order is None or self.order[0] != p.epoch:
            if self.state.carried is not None:
                rows = side_by_side(len(self.train), self.batch_size)
            elif self.settings.shuffle:
                rows = shuffled(self.train, philox(self.settings.seed, p.epoch, SHUFFLE), self.batch_size)
            else:
                rows = in_order(len(self.train))
            self.order = (p.epoch, rows)
        return self.order[1][p.batch * self.batch_size : (p.batch + 1) * self.batch_size]

    def update(self, rate: float) -> None:
        """One step of the optimizer, on every thread's share of the weights."""
        regularization, grads, optimizer = self.settings.regularization, self.gradients.total, self.settings.optimizer
        step = self.progress.step - self.progress.phase_step + 1

        def penalize(slices: Ranges, scratch: Array) -> None:
            add_penalty_gradient(regularization, self.params, grads, slices, scratch)

        def move(slices: Ranges, scratch: Array) -> None:
            if regularization.clip_norm is None:
                penalize(slices, scratch)
            decay(regularization, self.params, rate, slices)
            state = self.state.optimizer
            optimizer.update(self.params.vector, grads.vector, state, rate, step, scratch, slices)

        with np.errstate(all="ignore"):
            if regularization.clip_norm is not None:  # needs the length of the whole gradient first
                self.gradients.update(penalize)
                clip(regularization, grads, self.slices)
            self.gradients.update(move)

    def failed(self, weights: Params, x: Array | Ragged, y: Array | Ragged, rate: float) -> RunFailed:
        p = self.progress
        layer, what = first_bad_layer(self.model, weights, x, y)
        message = f"the loss is not finite at step {p.step + (p.stop is None)} (learning rate {rate:g}): {what}"
        return RunFailed(step=p.step, message=message, layer=layer, rate=rate)

    # ── the end of an epoch ───────────────────────────────────────────────────────────────────────────────────────

    def epoch_done(self, complete: bool) -> EpochDone:
        """Validate, note the best weights, and say so."""
        p = self.progress
        p.validated = p.step
        train: dict[str, int | float | None] = {"loss": finite(p.loss_sum / p.seen)}
        if self.model.meta.task != "regression":
            train["accuracy"] = p.correct / p.seen
        if isinstance(self.model.meta.loss, Perceptron):
            train["mistakes"] = p.mistakes
        validation = self.evaluate(self.validation) if self.validation is not None and p.phase == "main" else None
        best = validation is not None and improved(p, self.settings.early_stopping, validation)
        if best:
            self.state.best[:] = self.params.vector
        elif validation is not None and p.stop is None and out_of_patience(p, self.settings):
            p.stop = "early-stopping"
        event = EpochDone(
            step=p.step, epoch=p.epoch + 1, complete=complete, train=train, validation=validation, best=best
        )
        if complete:
            p.record(EpochRecord(epoch=p.epoch + 1, step=p.step, train=train, validation=validation))
        return event

    def end_epoch(self) -> EpochDone:
        p = self.progress
        done = self.epoch_done(complete=True)
        self.close_epoch()
        if p.stop is None:
            no_mistakes = isinstance(self.model.meta.loss, Perceptron) and p.wrong == 0
            p.stop = reason_to_stop(p, self.settings, no_mistakes=no_mistakes)
        if p.target_loss is not None and p.stop in (None, "epochs"):
            loss = self.evaluate(self.train)["loss"]
            if loss is not None and loss < p.target_loss:
                p.stop = "early-stopping"
        return done

    def close_epoch(self) -> None:
        """The next step begins a new epoch."""
        p = self.progress
        p.epoch, p.batch, p.wrong = p.epoch + 1, 0, p.mistakes
        p.loss_sum, p.seen, p.correct, p.mistakes = 0.0, 0, 0, 0

    def evaluate(self, part: Split) -> dict[str, int | float | None]:
        return {name: finite(value) for name, value in self.model.evaluate(part, threads=self.threads).items()}

    def sound(self) -> bool:
        """Whether the weights are worth saving; if not, the next step fails and says why."""
        return bool(np.isfinite(self.params.vector).all())

    # ── stopping ──────────────────────────────────────────────────────────────────────────────────────────────────

    def after_stop(self) -> Event:
        """Go on with the validation data if the settings say so; else this was the last step."""
        p, stopping = self.progress, self.settings.early_stopping
        if not self.sound():
            return self.failed(self.params, *self.train.take(slice(0, self.gradients.shard_size)), self.rate())
        through = p.stop in ("early-stopping", "epochs") and p.phase == "main" and p.best_step > 0
        if through and stopping is not None and stopping.reuse != "none":
            return self.start_phase(stopping.reuse, stopping.reuse_epochs)
        p.finished, p.checkpointed = p.stop, p.step
        return Checkpointed(step=p.step)

    def start_phase(self, phase: Literal["retrain", "continue"], epochs: int | None) -> PhaseStarted:
        """Train on with training and validation data together (Goodfellow et al. 2016, algorithms 7.2 and 7.3).

        "retrain" from the first weights for as many epochs as the best took; "continue" from the best weights until
        the loss on both together is below the validation loss that the best reached, or for `epochs`.
        """
        p = self.progress
        if p.batch > 0:
            self.close_epoch()
        p.phase_limit = math.ceil(p.best_step / self.steps_per_epoch) if phase == "retrain" else epochs
        p.target_loss = p.best_loss if phase == "continue" else None
        p.phase, p.phase_step, p.phase_epoch, p.stop = phase, p.step, p.epoch, None
        p.base_rate = self.settings.optimizer.rate
        self.params.vector[:] = self.state.best if phase == "continue" else self.state.first_weights()
        for vector in self.state.optimizer.values():
            vector[:] = 0
        self.train, self.order = self._joined(), None
        return PhaseStarted(
            step=p.step,
            phase=phase,
            samples=len(self.train),
            epochs=epochs_in_phase(p, self.settings),
            target_loss=p.target_loss,
        )

    def _joined(self) -> Split:
        assert self.validation is not None
        return join(self.data.splits["train"], self.validation)

    def ended(self) -> RunEnded:
        """Hand back the weights that are to be kept, and measure them."""
        p = self.progress
        if keeps_best(p, self.settings):
            self.params.vector[:] = self.state.best
        self.model.meta = msgspec.structs.replace(
            self.model.meta, history=tuple(p.history), epochs=p.epoch, steps=kept_step(p, self.settings)
        )
        seen = ("train",) if p.phase == "main" else ("train", "validation")
        parts = [name for name in self.data.splits if name not in seen]
        metrics = {name: self.evaluate(self.data.splits[name]) for name in parts or ["train"]}
        message = not_separable(p, len(self.train)) if isinstance(self.model.meta.loss, Perceptron) else None
        return RunEnded(step=p.step, reason=p.finished or "stopped", metrics=metrics, message=message)
