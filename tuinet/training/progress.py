"""How far a training has come: everything besides the arrays that continuing it exactly takes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

import msgspec
import numpy as np

from tuinet.experiment.spec import TrainingSettings
from tuinet.model.model import EpochRecord, Model
from tuinet.nn.network import with_dropout
from tuinet.nn.optimizers import new_state
from tuinet.nn.params import Array
from tuinet.nn.recurrent import State
from tuinet.training.commands import HIGHEST_RATE

HISTORY_LIMIT = 512
"""Records kept of a run's epochs; a longer history keeps every second, fourth … epoch."""


Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Positive = Annotated[int, msgspec.Meta(ge=1, le=2**53)]
Reason = Literal["epochs", "early-stopping", "no-mistakes", "stopped"]


class Progress(msgspec.Struct, forbid_unknown_fields=True):
    """The numbers of a run. `step` counts finished steps, `epoch` finished epochs, `batch` batches done in this one.

    Training has phases: "main", and after early stopping "retrain" or "continue" with the validation data joined.
    `loss_sum`, `correct`, `mistakes` and `seen` (answers asked for) are sums over the epoch so far, `wrong` its
    mistakes when it was done. `forcing` is the share of true symbols a decoder is fed, and `dropout` the rate of every
    dropout layer, if a command set it.
    `phase_step` and `phase_epoch` are where the present one began.
    """

    started: bool = False
    step: Count = 0
    epoch: Count = 0
    batch: Count = 0
    phase: Literal["main", "retrain", "continue"] = "main"
    phase_step: Count = 0
    phase_epoch: Count = 0
    phase_limit: Positive | None = None
    target_loss: float | None = None
    base_rate: Annotated[float, msgspec.Meta(ge=0, le=HIGHEST_RATE)] = 0.0
    forcing: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    dropout: Annotated[float, msgspec.Meta(ge=0, lt=1)] | None = None
    loss_sum: float = 0.0
    correct: Count = 0
    mistakes: Count = 0
    seen: Count = 0
    wrong: Count = 0
    validated: Count = 0
    checkpointed: Count = 0
    best_value: float | None = None
    best_loss: float | None = None
    best_step: Count = 0
    waited: Count = 0
    stop: Reason | None = None
    keep: Literal["best", "last"] | None = None
    finished: Reason | None = None
    history: list[EpochRecord] = []
    history_stride: Positive = 1

    def reopen(self) -> None:
        """Let training that was to stop, or had ended, go on."""
        self.stop = self.keep = self.finished = None

    def record(self, record: EpochRecord) -> None:
        """Add an epoch to the history, thinning it evenly when it grows too long."""
        if record.epoch % self.history_stride == 0:
            self.history.append(record)
        if len(self.history) > HISTORY_LIMIT:
            self.history_stride *= 2
            self.history = [kept for kept in self.history if kept.epoch % self.history_stride == 0]


@dataclass
class TrainingState:
    """All of a training that `fit` changes: the model's weights, the optimizer's vectors, the best weights, progress.

    `initial` is where the weights began, kept if the settings may train once more from scratch. `carried` are the
    states of recurrent layers at the end of the step before, where a text is read window by window.
    """

    model: Model
    optimizer: dict[str, Array]
    best: Array
    initial: Array | None = None
    carried: dict[str, State] | None = None
    progress: Progress = field(default_factory=Progress)

    @classmethod
    def new(cls, model: Model, settings: TrainingSettings, rows: int = 0) -> TrainingState:
        """`rows`: the samples of a batch, whose states are carried if the data are windows of one text."""
        vector, stopping = model.params.vector, settings.early_stopping
        initial = np.array(vector) if stopping is not None and stopping.reuse == "retrain" else None
        progress = Progress(base_rate=settings.optimizer.rate)
        carries = model.meta.task == "next-symbol" and settings.carry_state and rows
        carried = model.network.zero_states(rows, vector.dtype) if carries else None
        return cls(model, new_state(settings.optimizer, vector), np.array(vector), initial, carried, progress)

    def begin_step(self) -> dict[str, State] | None:
        """Where recurrent layers begin: where the step before ended, and at zero in the first step of an epoch."""
        if self.carried is not None and self.progress.batch == 0:
            for state in self.carried.values():
                for array in state:
                    array[...] = 0
        return self.carried

    def set_dropout(self, rate: float) -> None:
        """From now on the model is the network with this rate: so it trains, and so it is saved."""
        self.progress.dropout = rate
        self.model.network = with_dropout(self.model.network, rate)

    def first_weights(self) -> Array:
        """Where the weights began. Raises ValueError if they were not kept."""
        if self.initial is None:
            raise ValueError("the first weights were not kept")
        return self.initial

    def arrays(self) -> dict[str, Array]:
        """Every array of the state under its name; changing their content changes the state."""
        slots = {f"optimizer/{name}": vector for name, vector in self.optimizer.items()}
        first = {} if self.initial is None else {"initial": self.initial}
        carried: dict[str, Array] = {}
        for name, state in (self.carried or {}).items():
            carried |= {f"carried/{name}/{index}": array for index, array in enumerate(state)}
        return {"weights": self.model.params.vector, "best": self.best, **first, **carried, **slots}
