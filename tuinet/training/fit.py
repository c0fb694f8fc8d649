"""Training: one generator that yields what happens and takes commands in return."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from tuinet.data.augmentation import Augmentation
from tuinet.data.dataset import Dataset
from tuinet.errors import TuinetError
from tuinet.experiment.spec import TrainingSettings
from tuinet.model.blas import cores
from tuinet.model.model import Model
from tuinet.model.raw import checked
from tuinet.training.commands import Command
from tuinet.training.events import Event
from tuinet.training.loop import Loop
from tuinet.training.numbers import batch_samples
from tuinet.training.progress import TrainingState


def fit(
    model: Model,
    data: Dataset,
    settings: TrainingSettings,
    augmentation: Sequence[Augmentation] = (),
    freeze: Sequence[str] = (),
    *,
    state: TrainingState | None = None,
    threads: int | None = None,
) -> Generator[Event, Command | None, None]:
    """Train `model` in place on data's "train" part, as `settings` say.

    Yields events; between two of them all arrays are consistent, so that is when to save, to probe or to `send` a
    Command: `send` carries it out at once and returns the event before again, so that several can be sent; the next
    `next` goes on. Not advancing the generator is a pause, `close()` abandons. A `state` that was saved continues
    exactly where it was: random numbers are named by (seed, step, shard), the order of the data by (seed, epoch).

    `augmentation` changes the training images, layers named in `freeze` keep their weights, `threads` (default: all
    cores) is how many cores are used, by other processes too; it changes no number. Raises TuinetError if the data do
    not fit the model.
    """
    if not len(data.splits.get("train", ())):
        raise TuinetError("the data have no training part", "data.split cuts off validation and test parts")
    for split in data.splits.values():
        checked(split, model.meta)
    threads = threads or cores()
    state = state or TrainingState.new(model, settings, batch_samples(settings, data))
    loop = Loop(state, data, settings, augmentation, freeze, threads)
    with loop.gradients:
        yield from loop.run()
