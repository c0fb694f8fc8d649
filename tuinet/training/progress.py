"""How far a training has come: everything besides the arrays that continuing it exactly takes."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec
import numpy as np

from tuinet.experiment.spec import TrainingSettings
from tuinet.model.model import EpochRecord, Model
from tuinet.nn.optimizers import new_state
from tuinet.nn.params import Array

HISTORY_LIMIT = 512
"""Records kept of a run's epochs; a longer history keeps every second, fourth … epoch."""


class Progress(msgspec.Struct, forbid_unknown_fields=True):
    """The numbers of a run. `step` counts finished steps, `epoch` finished epochs, `batch` batches done in this one.

    Training has phases: "main", and after early stopping "retrain" or "continue" with the validation data joined.
    `loss_sum`, `correct`, `mistakes` and `seen` are sums over the epoch so far, `wrong` its mistakes when it was done.
    `phase_step` and `phase_epoch` are where the present one began.
    """

    step: int = 0
    epoch: int = 0
    batch: int = 0
    phase: str = "main"
    phase_step: int = 0
    phase_epoch: int = 0
    phase_limit: int | None = None
    target_loss: float | None = None
    base_rate: float = 0.0
    loss_sum: float = 0.0
    correct: int = 0
    mistakes: int = 0
    seen: int = 0
    wrong: int = 0
    validated: int = 0
    checkpointed: int = 0
    best_value: float | None = None
    best_step: int = 0
    best_loss: float | None = None
    waited: int = 0
    stop: str | None = None
    keep: str | None = None
    finished: str | None = None
    history: list[EpochRecord] = []
    history_stride: int = 1

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

    `initial` is where the weights began, for training once more from scratch; whoever makes the model again has it.
    """

    model: Model
    optimizer: dict[str, Array]
    best: Array
    initial: Array
    progress: Progress = field(default_factory=Progress)

    @classmethod
    def new(cls, model: Model, settings: TrainingSettings) -> TrainingState:
        vector = model.params.vector
        progress = Progress(base_rate=settings.optimizer.rate)
        return cls(model, new_state(settings.optimizer, vector), np.array(vector), np.array(vector), progress)

    def arrays(self) -> dict[str, Array]:
        """Every array of the state under its name; changing their content changes the state."""
        slots = {f"optimizer/{name}": vector for name, vector in self.optimizer.items()}
        return {"weights": self.model.params.vector, "best": self.best, **slots}
