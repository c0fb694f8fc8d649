"""A word on values far outside of what is usual. They may be meant: nothing here forbids anything.

What `check` warns of is left to it, but for the size of a batch and augmentation, which are said here in the same words
with the place of the setting.
"""

from __future__ import annotations

from collections.abc import Iterator

from tuinet.data.augmentation import Noise
from tuinet.data.augmentation import warnings as augmentation_warnings
from tuinet.data.dataset import DatasetInfo
from tuinet.data.splits import split_sizes
from tuinet.errors import TuinetError
from tuinet.experiment.costs import kind_of
from tuinet.experiment.problem import Problem
from tuinet.experiment.spec import Experiment, TrainingSettings
from tuinet.experiment.training_rules import batch_warning
from tuinet.nn.layers.dropout import Dropout, GaussianNoise
from tuinet.nn.losses import Perceptron
from tuinet.nn.network import AnyLayer
from tuinet.nn.optimizers import Adam, Momentum, RmsProp, Sgd
from tuinet.nn.schedules import Inverse
from tuinet.nn.seq2seq import Seq2Seq

RATES: dict[type, tuple[float, float, str]] = {
    Sgd: (1e-5, 1.0, "0.01 to 0.1"),
    Momentum: (1e-6, 0.3, "0.001 to 0.01"),
    RmsProp: (1e-6, 0.05, "0.001"),
    Adam: (1e-6, 0.05, "0.001"),
}
"""For each optimizer the rates outside of which hardly anything is learnt or everything diverges, and what is usual.

A step of RMSProp or Adam is about as long as the rate, whatever the gradient; one of momentum μ comes to 1 / (1 − μ)
of plain descent's.
"""

MOST_DROPOUT = 0.8
MOST_EPOCHS = 10_000
LEAST_PATIENCE = 2
MOST_MOMENTUM = 0.995
MOST_PENALTY = 0.1
MOST_DECAY = 1.0
MOST_WEIGHT_NOISE = 0.3
MOST_NOISE = 1.0


def advice(experiment: Experiment, info: DatasetInfo) -> tuple[Problem, ...]:
    """What is far from usual in `experiment`: each with the path of the setting, why, and what is usual as its hint.

    `info` describes the whole data, before `data.split` divides them.
    """
    training = experiment.training
    return (
        *_of_augmentation(experiment, info),
        *_of_layers(experiment.model.layers, "model.layers"),
        *_of_rate(training),
        *_of_regularization(training),
        *_of_course(experiment, info),
    )


def _of_augmentation(experiment: Experiment, info: DatasetInfo) -> Iterator[Problem]:
    for index, step in enumerate(experiment.data.augment):
        for warning in augmentation_warnings((step,), info):
            yield Problem(f"data.augment[{index}]", warning)
        if isinstance(step, Noise) and step.deviation > MOST_NOISE:
            yield _noise(f"data.augment[{index}].deviation", step.deviation)


def _of_layers(layers: tuple[AnyLayer, ...], path: str) -> Iterator[Problem]:
    for index, layer in enumerate(layers):
        here = f"{path}[{index}]"
        if isinstance(layer, Seq2Seq):
            yield from _of_layers(layer.encoder, f"{here}.encoder")
            yield from _of_layers(layer.decoder, f"{here}.decoder")
        elif isinstance(layer, Dropout) and layer.rate > MOST_DROPOUT:
            message = (
                f"only {1 - layer.rate:.2g} of the values get through, each enlarged {1 / (1 - layer.rate):.3g} times"
            )
            yield Problem(f"{here}.rate", message, "0.2 for inputs and 0.5 for hidden units are usual")
        elif isinstance(layer, GaussianNoise) and layer.deviation > MOST_NOISE:
            yield _noise(f"{here}.deviation", layer.deviation)


def _noise(path: str, deviation: float) -> Problem:
    message = f"noise of {deviation:g} drowns values, which are about 1 in size"
    return Problem(path, message, "0.05 to 0.3 is usual")


def _of_rate(training: TrainingSettings) -> Iterator[Problem]:
    optimizer, schedule = training.optimizer, training.schedule
    path = "training.optimizer"
    least, most, usual = RATES[type(optimizer)]
    kind = kind_of(optimizer)
    rate = optimizer.rate / schedule.c if isinstance(schedule, Inverse) else optimizer.rate  # that of the first step
    hint = f"{usual} is usual for {kind}"
    # From a zero start the perceptron's answers do not depend on the rate: it only scales the weights.
    if rate > most and not isinstance(training.loss, Perceptron):
        message = f"steps of rate {rate:g} are likely to overshoot, and the loss to grow without bound"
        if isinstance(optimizer, Adam | RmsProp):
            message = (
                f"each step moves every weight by about {rate:g}, however small the gradient: it can hardly settle"
            )
        yield Problem(f"{path}.rate", message, hint)
    elif rate < least and not isinstance(training.loss, Perceptron):
        yield Problem(f"{path}.rate", f"with a rate of {rate:g} the weights hardly move", hint)
    if isinstance(optimizer, Momentum) and optimizer.momentum > MOST_MOMENTUM:
        steps = 1 / (1 - optimizer.momentum)
        message = f"gradients of the last {steps:,.0f} steps or so add up: it goes on rolling long after it should turn"
        yield Problem(f"{path}.momentum", message, "0.9 is usual")


def _of_regularization(training: TrainingSettings) -> Iterator[Problem]:
    settings, path = training.regularization, "training.regularization"
    for name in ("l1", "l2"):
        strength: float = getattr(settings, name)
        if strength > MOST_PENALTY:
            message = f"a penalty of {strength:g} outweighs most losses: the weights go to 0"
            yield Problem(f"{path}.{name}", message, "0.0001 to 0.01 is usual")
    if settings.weight_decay > MOST_DECAY:
        message = f"weights shrink by {settings.weight_decay:g} times the rate at every step: hardly any stay"
        yield Problem(f"{path}.weight_decay", message, "0.0001 to 0.1 is usual")
    if settings.weight_noise > MOST_WEIGHT_NOISE:
        message = f"noise of {settings.weight_noise:g} is larger than most weights are"
        yield Problem(f"{path}.weight_noise", message, "0.01 to 0.1 is usual")


def _of_course(experiment: Experiment, info: DatasetInfo) -> Iterator[Problem]:
    """Batches, epochs, stopping."""
    training, stopping = experiment.training, experiment.training.early_stopping
    try:
        samples = split_sizes(info.sizes, experiment.data.split).get("train", 0)
    except TuinetError:  # `check` says what is wrong with the split
        samples = 0
    if samples and info.task != "next-symbol" and training.batch_size != "all":
        warning = batch_warning(training.batch_size, samples)
        if warning:
            yield Problem("training.batch_size", warning, '"all" says the same')
    if training.epochs > MOST_EPOCHS and stopping is None:
        message = f"{training.epochs:,} times through the data, and nothing ends it earlier"
        yield Problem(
            "training.epochs", message, "10 to 500 are usual; early stopping ends a run that no longer improves"
        )
    if stopping is not None and stopping.patience < LEAST_PATIENCE:
        message = "one validation without an improvement ends the run, which may be mere chance"
        yield Problem("training.early_stopping.patience", message, "3 to 20 are usual")
