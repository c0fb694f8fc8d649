"""Whether the layers fit the data, each other, and the loss."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tuinet.data.dataset import DatasetInfo
from tuinet.errors import TuinetError
from tuinet.experiment.costs import kind_of
from tuinet.experiment.data import answers_wanted
from tuinet.experiment.problem import did_you_mean
from tuinet.experiment.report import Findings
from tuinet.experiment.spec import Experiment
from tuinet.experiment.stacks import Stack, only_translator
from tuinet.model.meta import MAX_LAYERS, MAX_VALUES
from tuinet.model.model import choose_coding
from tuinet.nn import stack
from tuinet.nn.initializers import Zeros
from tuinet.nn.layer import Layer, Shape, ShapeError
from tuinet.nn.layers.activation import Linear, Relu, Sigmoid, Sign, Softmax, Step, Tanh
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.dropout import Dropout, GaussianNoise
from tuinet.nn.layers.embedding import Embedding
from tuinet.nn.layers.flatten import Flatten
from tuinet.nn.layers.over_time import LastStep, MaxOverTime, MeanOverTime, Rows
from tuinet.nn.layers.pool import MaxPool
from tuinet.nn.losses import BinaryCrossEntropy, CrossEntropy, Hinge, Loss, MeanSquaredError, Perceptron, SquaredError
from tuinet.nn.network import Sequential
from tuinet.nn.ranges import is_frozen
from tuinet.nn.recurrent import OverTime

Weighted = Dense | Conv2D | Embedding | OverTime
NONLINEAR = (Step, Sign, Sigmoid, Tanh, Relu, Softmax, MaxPool, MaxOverTime, OverTime)
PLAIN = (Linear, Dropout, GaussianNoise, Flatten, LastStep, MeanOverTime, MaxOverTime, Rows)
"""Layers that leave the range of values as it is."""
STEPWISE = ("tagging", "next-symbol", "seq2seq")
"""The tasks with an answer at every step."""

# Activations in front of a loss that has none of its own use for them, and why.
NEEDLESS: dict[type[Loss], str] = {
    CrossEntropy: "cross-entropy takes any numbers and applies softmax itself; {} keeps them {}",
    BinaryCrossEntropy: "binary-cross-entropy takes any numbers and applies the sigmoid itself; {} keeps them {}",
    Hinge: "hinge compares outputs of any value; {} keeps them {}",
}
RANGES: dict[type, str] = {
    Sigmoid: "between 0 and 1",
    Softmax: "between 0 and 1",
    Tanh: "between −1 and 1",
    Relu: "0 or above",
}


class Output(NamedTuple):
    """What stands at the end: the last layer with weights, the last activation behind it, and where each is."""

    weighted: int | None
    activation: Layer | None
    place: int


def find_shapes(part: Stack, findings: Findings) -> list[Shape | None]:
    """The shape before the first layer and after each; None where it cannot be known, from which a layer with units
    recovers, so that what is wrong behind it is found as well."""
    layers, shape = part.layers, part.shape
    if not layers:
        findings.refuse(part.path, "there are no layers", 'begin with { kind = "dense", units = … }')
    if len(layers) > MAX_LAYERS:
        findings.refuse(part.path, f"there are {len(layers):,} layers; {MAX_LAYERS:,} are allowed")
    names = part.names()
    shapes: list[Shape | None] = [shape]
    sequence = shape is not None and shape.sequence
    for index, layer in enumerate(layers):
        after: Shape | None = None
        if shape is not None:
            try:
                after = stack.output_shape(layer, shape)
            except ShapeError as error:
                findings.refuse(part.place(index, error.field), f"{names[index]}: {error.message}", error.hint)
        shapes.append(shape := after or _recovered(layer, sequence))
        if shape is not None:
            sequence = shape.sequence
        elif isinstance(layer, LastStep | MeanOverTime | MaxOverTime | Rows):  # whatever it was given
            sequence = isinstance(layer, Rows)
    values = sum(each.size for each in shapes if each is not None)
    if values > MAX_VALUES:
        largest = max(range(len(shapes)), key=lambda i: shape.size if (shape := shapes[i]) is not None else 0)
        path = part.place(largest - 1) if largest else "data"
        message = f"one sample becomes over {MAX_VALUES:,} values in this network"
        findings.refuse(path, message, "take fewer units or filters, a larger stride, or pooling")
    return shapes


def _recovered(layer: Layer, sequence: bool) -> Shape | None:
    """What a layer puts out whatever comes in, `sequence` telling whether that has steps."""
    units: int | None = getattr(layer, "units", None)
    if isinstance(layer, OverTime):
        return Shape.vector(units).over_time if units is not None else None
    if not isinstance(layer, Dense | Embedding) or units is None:
        return None
    return Shape.vector(units).over_time if sequence else Shape.vector(units)


def check_output(experiment: Experiment, info: DatasetInfo, part: Stack, last: Shape | None, findings: Findings) -> str:
    """Whether the outputs of `part`, the stack that answers, are what data and loss need.

    Returns the coding of the classes, "" if there is none."""
    layers, loss, targets = experiment.model.layers, experiment.training.loss, experiment.data.targets
    if info.task == "regression" and not isinstance(loss, SquaredError | MeanSquaredError):
        message = f"{kind_of(loss)} is for classes, but the targets of {info.name} are real values"
        findings.refuse("training.loss", message, 'take { kind = "squared-error" } or "mean-squared-error"')
    if info.task in STEPWISE and loss.targets != "ids":
        message = f"{kind_of(loss)} compares values, but {info.name} asks for one of many at every step"
        findings.refuse("training.loss", message, 'take { kind = "cross-entropy" }')
        return ""
    if targets is not None and (info.task == "regression" or loss.targets == "ids"):
        reason = f"{info.name} has no classes" if info.task == "regression" else f"{kind_of(loss)} takes class ids"
        findings.refuse("data.targets", f"{reason}: there is nothing to code", "leave this key out")
        targets = None
    if info.task == "classification" and info.classes < 2:
        findings.refuse("data.source", f"there is only one class in {info.name}", "learning needs at least two")
        return ""
    if last is None or not part.layers:
        return ""
    if len(last.sizes) != 1:
        hint = "put a flatten and a dense layer at the end"
        findings.refuse(part.place(len(part.layers) - 1), f"the network's output is {last}, not one vector", hint)
        return ""
    try:
        coding = choose_coding(Sequential(layers), last.size, info, loss, targets)
        return coding.kind
    except TuinetError as error:
        index = output_of(part.layers).weighted
        is_dense = index is not None and isinstance(part.layers[index], Dense)
        path = part.place(index, "units" if is_dense else "") if index is not None else part.path
        hint = f"units = {answers_wanted(info)}" if not info.target_ids else "leave `units` unset in the last layer"
        if index is not None and not is_dense:
            hint = 'put { kind = "dense" } behind it'
        findings.refuse(path, error.message, hint)
        return ""


def output_of(layers: Sequence[Layer]) -> Output:
    """What the loss sees: layers that change nothing or only disturb do not count."""
    activation: Layer | None = None
    place = len(layers) - 1
    for index in reversed(range(len(layers))):
        layer = layers[index]
        if isinstance(layer, Weighted):
            return Output(index, activation, place)
        if activation is None and not isinstance(layer, PLAIN):
            activation, place = layer, index
    return Output(None, activation, place)


def check_gradient(experiment: Experiment, parts: Sequence[Stack], findings: Findings) -> None:
    """Whether the loss can reach the weights: no step or sign in between, no softmax twice."""
    loss, freeze = experiment.training.loss, experiment.model.freeze
    every = [(part, index, name) for part in parts for index, name in enumerate(part.names())]
    learning = [
        place
        for place, (part, index, name) in enumerate(every)
        if isinstance(part.layers[index], Weighted) and not is_frozen(name, freeze)
    ]
    if every and not learning:
        reason = "every layer with weights is frozen" if freeze else "no layer has weights"
        path = "model.freeze" if freeze else "model.layers"
        findings.refuse(path, f"{reason}: nothing can learn", "unfreeze one" if freeze else "add a dense layer")
    for place, (part, index, name) in enumerate(every):
        if isinstance(part.layers[index], Step | Sign) and learning and learning[0] < place:
            kind = kind_of(part.layers[index])
            hint = (
                "leave it out: this loss applies sign itself when predicting"
                if isinstance(loss, Perceptron)
                else "take sigmoid or tanh in its place, or leave it out and take the perceptron loss"
            )
            message = f"the gradient of {kind} is 0 everywhere, so no layer before {name} can learn"
            findings.refuse(part.place(index), message, hint)
    if parts:
        _check_activation(experiment, parts[-1], findings)


def _check_activation(experiment: Experiment, part: Stack, findings: Findings) -> None:
    layers, loss = part.layers, experiment.training.loss
    weighted, activation, place = output_of(layers)
    if isinstance(loss, Perceptron) and any(isinstance(layer, Weighted) for layer in layers[:weighted]):
        message = "the perceptron rule is made for one layer of weights; for hidden layers take cross-entropy"
        findings.warn("training.loss", message)
    if activation is None or isinstance(activation, Step | Sign):
        return
    path, kind = part.place(place), kind_of(activation)
    twice = (CrossEntropy, Softmax), (BinaryCrossEntropy, Sigmoid), (BinaryCrossEntropy, Softmax)
    if any(isinstance(loss, a) and isinstance(activation, b) for a, b in twice):
        own = "softmax" if isinstance(loss, CrossEntropy) else "sigmoid"
        findings.refuse(
            path, f"{kind_of(loss)} applies {own} itself, so {kind} before it is one too many", "leave it out"
        )
    elif isinstance(loss, Perceptron) and isinstance(activation, Sigmoid | Softmax | Tanh | Relu):
        message = f"the perceptron loss takes the linear output n, which {kind} would keep {RANGES[type(activation)]}"
        findings.refuse(path, message, "leave it out, or take another loss")
    elif type(activation) in RANGES and type(loss) in NEEDLESS:
        findings.warn(path, NEEDLESS[type(loss)].format(kind, RANGES[type(activation)]))


def check_range(info: DatasetInfo, part: Stack, findings: Findings) -> None:
    """A regression whose outputs cannot take every value."""
    _, activation, place = output_of(part.layers)
    if info.task == "regression" and activation is not None and type(activation) in RANGES:
        message = f"outputs behind {kind_of(activation)} are {RANGES[type(activation)]}; the targets may not be"
        findings.warn(part.place(place), message)


def check_stack(part: Stack, findings: Findings) -> None:
    """Layers that are allowed and yet hardly meant."""
    names, layers = part.names(), part.layers
    last = output_of(layers).weighted
    previous: int | None = None
    nonlinear = True
    for index, layer in enumerate(layers):
        if isinstance(layer, NONLINEAR):
            nonlinear = True
        if not isinstance(layer, Dense | Conv2D):
            if isinstance(layer, Dropout) and last is not None and index > last and layer.rate > 0:
                findings.warn(part.place(index), "dropout on the outputs themselves: put it before the last layer")
            continue
        if previous is not None and not nonlinear:
            both = f"{names[previous]} and {names[index]}"
            message = f"{both} have no activation between them: two linear layers can do no more than one"
            findings.warn(part.place(index), message)
        if isinstance(layer.initializer, Zeros) and index != last:
            message = "units that all begin at zero stay equal: only the last layer may begin so"
            findings.warn(part.place(index, "initializer"), message)
        previous, nonlinear = index, False


def check_freeze(experiment: Experiment, parts: Sequence[Stack], findings: Findings) -> None:
    """Whether what is to be frozen is there: layers, or the parts and layers of a seq2seq layer."""
    freeze, layers = experiment.model.freeze, experiment.model.layers
    weighted = [name for part in parts for name, layer in _named(part) if isinstance(layer, Weighted)]
    known = [name for part in parts for name in part.names()]
    for name in Sequential(layers).names() if only_translator(layers) is not None else ():
        weighted += [name, *(f"{name}/{each}" for each in ("encoder", "bridge", "decoder"))]
    for index, name in enumerate(freeze):
        path = f"model.freeze[{index}]"
        if name not in known and name not in weighted:
            findings.refuse(path, f"there is no layer {name!r}", did_you_mean(name, weighted, "layers with weights"))
        elif name not in weighted:
            findings.warn(path, f"{name} has no weights to keep")
    if freeze and experiment.model.start is None:
        findings.warn("model.freeze", "without model.start, frozen layers keep random weights")


def _named(part: Stack) -> Iterator[tuple[str, Layer]]:
    return zip(part.names(), part.layers, strict=True)
