"""Small sums that training makes about a network: how often to report, what may change, where it went wrong."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tuinet.data.dataset import Dataset, DatasetInfo
from tuinet.errors import TuinetError
from tuinet.experiment.spec import TrainingSettings
from tuinet.model.model import Model
from tuinet.model.signals import answers, signals
from tuinet.nn.context import Context
from tuinet.nn.params import Array, Params
from tuinet.nn.ranges import Ranges, is_frozen, ranges
from tuinet.nn.seq2seq import Pair
from tuinet.nn.sequence import Ragged

EVENTS_A_SECOND = 20
SECONDS_A_CHECKPOINT = 10.0


def batch_samples(settings: TrainingSettings, data: Dataset) -> int:
    """The most samples of a batch: never more than training and validation part together hold."""
    everything = len(data.splits["train"])
    if data.task != "next-symbol":
        everything += len(data.splits.get("validation", ()))
    return everything if settings.batch_size == "all" else min(settings.batch_size, everything)


def sample_length(data: Dataset) -> float:
    """The mean steps of a training sample: those of its input, and of the target that a decoder writes."""
    info = data.info
    return info.length + info.target_length if info.task == "seq2seq" else info.length


def symbols_a_sample(info: DatasetInfo) -> float | None:
    """The answers that a training sample asks for, on average, where there is one at every step."""
    if info.task not in ("tagging", "next-symbol", "seq2seq"):
        return None
    length = info.length if info.task == "tagging" else info.target_length
    return round(length + (info.task == "seq2seq"), 3)  # and the end symbol


def step_seconds(model: Model, batch_size: int, length: float, flops_a_second: float, call_seconds: float) -> float:
    """How long a step takes on a machine of that speed, forward and backward being three forward passes.

    `length`: the steps of a sample that is a sequence, each of which is a call of its own.
    `call_seconds` is what a layer costs besides its products, and four layers' worth is what a step costs itself.
    """
    multiply_adds = model.network.multiply_adds(model.prepared_shape)
    calls = len(model.network.layers) * length + 4
    return calls * call_seconds + 6.0 * multiply_adds * batch_size * length / flops_a_second


def steps_per_event(model: Model, batch_size: int, length: float = 1.0) -> int:
    """Steps a step event covers: at most 20 events a second, even on a machine of 4·10¹¹ FLOP/s and 4 µs a layer.

    That is some four times what two cores do today. A fixed rule, not a clock, so that a run that was killed and
    resumed writes the same log as one left alone.
    """
    return max(1, round(1.0 / EVENTS_A_SECOND / step_seconds(model, batch_size, length, 4e11, 4e-6)))


def steps_per_checkpoint(model: Model, batch_size: int, length: float = 1.0) -> int:
    """Steps between checkpoints: some ten seconds on a slow machine (5·10¹⁰ FLOP/s, 10 µs a layer)."""
    return max(1, round(SECONDS_A_CHECKPOINT / step_seconds(model, batch_size, length, 5e10, 1e-5)))


def trainable(params: Params, names: Sequence[str], freeze: Sequence[str]) -> tuple[Ranges, int]:
    """The ranges of the vector that may change, and the index of the first layer that has any.

    `freeze` names layers, and parts of layers by their paths. Raises TuinetError for a name that is neither, or if
    nothing is left to learn.
    """
    unknown = [name for name in freeze if name not in names and not any(path.startswith(f"{name}/") for path in params)]
    if unknown:
        raise TuinetError(f"there is no layer {unknown[0]!r} to freeze", "layers: " + ", ".join(names))
    free = ranges(params, freeze)
    if not free:
        raise TuinetError("every layer is frozen or has no weights: nothing can learn", "unfreeze a layer, or add one")
    learning = [path.split("/", 1)[0] for path in params if not is_frozen(path, freeze)]
    return free, min(map(names.index, learning))


def first_bad_layer(model: Model, params: Params, x: Array | Ragged, y: Array | Ragged) -> tuple[str | None, str]:
    """The first layer whose weights, or else whose outputs for this raw batch, are not finite; and that in words."""
    for path, array in params.items():
        if not np.isfinite(array).all():
            name = path.split("/", 1)[0]
            helps = "a smaller learning rate or training.regularization.clip_norm helps"
            return name, f"the weights of {name} are not finite; {helps}"
    ctx = Context(plain=True)
    with np.errstate(all="ignore"):
        inputs = signals(model.meta, x, y, ctx, params.vector.dtype).inputs
        given = answers(inputs.source if isinstance(inputs, Pair) else inputs)
        if not np.isfinite(given).all():
            return None, "the inputs are not finite"
        passes = model.network.trace(params, inputs, ctx)
    for layer in passes:
        if not np.isfinite(answers(layer.y)).all():
            return layer.name, f"the outputs of {layer.name} are not finite; a smaller learning rate helps"
    last = passes[-1]
    largest = float(np.abs(answers(last.y)).max())
    return last.name, (
        f"the outputs of {last.name} have grown to {largest:.3g}, too large for the loss; a smaller learning rate helps"
    )
