"""What a model knows besides network and weights: how inputs are prepared, what outputs mean, where it came from."""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec

from tuinet.data.coding import Coding
from tuinet.data.dataset import Column, Task
from tuinet.data.preparation import Preparation, Scale, Standardize, prepared_shape
from tuinet.errors import TuinetError
from tuinet.nn.layer import Shape
from tuinet.nn.losses import Loss
from tuinet.nn.network import Sequential

MAX_LAYERS = 1_000
MAX_CLASSES = 10_000
MAX_VALUES = 2**28
"""The most values that one sample may become on its way through the network: 1 GiB of float32."""


class EpochRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What was measured at the end of an epoch; `step` counts all training steps so far.

    `train` are the running means over the epoch, `validation` what the weights reached then. A number that is not
    finite is None.
    """

    epoch: int
    step: int
    train: Mapping[str, int | float | None]
    validation: Mapping[str, int | float | None] | None = None


class Meta(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """All that predicting needs besides the network, and how the model came to be.

    input_shape     one raw sample, before `preparation`
    preparation     fitted steps that make raw inputs the network's
    coding          what the outputs mean
    labels          class names; class id c is labels[c]; () for regression
    columns         the columns of the table the inputs came from, if they did
    target_names    the names of the values of a regression
    loss            what was made small; it says what predicting applies to the outputs
    data            what it was trained on
    training        how it was trained, in words
    history         what was measured after each epoch
    epochs, steps   how long it was trained
    """

    name: str
    task: Task
    input_shape: Shape
    preparation: tuple[Preparation, ...] = ()
    coding: Coding
    labels: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    target_names: tuple[str, ...] = ()
    loss: Loss
    data: str = ""
    training: str = ""
    history: tuple[EpochRecord, ...] = ()
    seed: int = 0
    epochs: int = 0
    steps: int = 0
    notes: str = ""


def check_model(network: Sequential, meta: Meta) -> None:
    """Raise TuinetError unless network and meta fit each other, so that predicting cannot go wrong later.

    Costs no arrays, whatever sizes are named.
    """
    if not 1 <= len(network.layers) <= MAX_LAYERS:
        raise TuinetError(f"a network has 1 to {MAX_LAYERS} layers, not {len(network.layers)}")
    _check_inputs(meta)
    _check_text(meta)
    shapes = network.shapes(prepared_shape(meta.preparation, meta.input_shape))
    values = sum(shape.size for shape in shapes)
    if values > MAX_VALUES:
        raise TuinetError(f"one sample becomes {_short(values)} values in this network; {MAX_VALUES} are allowed")
    output = shapes[-1]
    if len(output.sizes) != 1:
        raise TuinetError(f"the network's output is {output}, not one vector", "A flatten or dense layer is missing.")
    _check_coding(meta, output.size)


def _check_inputs(meta: Meta) -> None:
    shape = meta.input_shape
    if len(shape.sizes) not in (1, 2, 3) or len(shape.axes) != len(shape.sizes) or min(shape.sizes) < 1:
        raise TuinetError(f"{shape} ({', '.join(shape.axes)}) cannot be the shape of an input")
    if shape.size > MAX_VALUES:
        raise TuinetError(f"an input of {_short(shape.size)} values is too large; at most {MAX_VALUES} are allowed")
    if meta.columns and sum(column.width for column in meta.columns) != shape.size:
        raise TuinetError(f"the columns do not make an input of {shape}")
    for step in meta.preparation:
        unfitted = isinstance(step, Scale) and step.divisor is None
        if unfitted or (isinstance(step, Standardize) and (step.mean is None or step.deviation is None)):
            raise TuinetError("a preparation step was never fitted to data")


def _check_text(meta: Meta) -> None:
    """Names of folders and files may hold bytes that are no text, and no file could keep them."""
    texts = (meta.name, meta.data, meta.training, meta.notes, *meta.labels, *meta.target_names)
    for text in (*texts, *(word for column in meta.columns for word in (column.name, *column.categories))):
        try:
            text.encode()
        except UnicodeEncodeError:
            raise TuinetError(f"the name {text[:60]!a} is not valid text", "Rename it.") from None


def _check_coding(meta: Meta, outputs: int) -> None:
    coding, classes = meta.coding, len(meta.labels)
    if (meta.task == "regression") != (coding.kind == "values"):
        raise TuinetError(f"a {meta.task} cannot have targets coded as {coding.kind}")
    if (meta.loss.targets == "ids") != (coding.kind == "ids"):
        raise TuinetError(f"the loss does not take targets coded as {coding.kind}")
    if meta.task == "regression":
        if len(meta.target_names) not in (0, outputs):
            raise TuinetError(f"{len(meta.target_names)} target names for {outputs} outputs")
        return
    if classes != coding.classes or not 1 <= classes <= MAX_CLASSES:
        raise TuinetError(f"{classes} labels for {coding.classes} classes; 1 to {MAX_CLASSES} are allowed")
    if coding.outputs != outputs:
        raise TuinetError(f"{outputs} outputs, but {classes} classes coded as {coding.kind} take {coding.outputs}")
    if not (math.isfinite(coding.low) and math.isfinite(coding.high) and coding.low < coding.high):
        raise TuinetError(f"a code from {coding.low:g} to {coding.high:g} is not possible")


def _short(number: int) -> str:
    return str(number) if number < 10**15 else "over 10^15"
