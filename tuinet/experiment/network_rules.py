"""Whether the layers fit the data, each other, and the loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tuinet.data.dataset import DatasetInfo
from tuinet.errors import TuinetError
from tuinet.experiment.costs import kind_of
from tuinet.experiment.problem import did_you_mean
from tuinet.experiment.report import Findings
from tuinet.experiment.spec import Experiment
from tuinet.model.meta import MAX_LAYERS, MAX_VALUES
from tuinet.model.model import choose_coding
from tuinet.nn import stack
from tuinet.nn.initializers import Zeros
from tuinet.nn.layer import Shape, ShapeError
from tuinet.nn.layers.activation import Linear, Relu, Sigmoid, Sign, Softmax, Step, Tanh
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.dropout import Dropout, GaussianNoise
from tuinet.nn.layers.flatten import Flatten
from tuinet.nn.layers.pool import MaxPool
from tuinet.nn.losses import BinaryCrossEntropy, CrossEntropy, Hinge, Loss, MeanSquaredError, Perceptron, SquaredError
from tuinet.nn.network import AnyLayer, Sequential

Weighted = Dense | Conv2D
NONLINEAR = (Step, Sign, Sigmoid, Tanh, Relu, Softmax, MaxPool)

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
    activation: AnyLayer | None
    place: int


def layer_path(index: int, field: str = "") -> str:
    return f"model.layers[{index}]" + (f".{field}" if field else "")


def find_shapes(layers: Sequence[AnyLayer], shape: Shape | None, findings: Findings) -> list[Shape | None]:
    """The shape before the first layer and after each; None where it cannot be known, from which a dense layer
    recovers, so that what is wrong behind it is found as well."""
    if not layers:
        findings.refuse("model.layers", "there are no layers", 'begin with { kind = "dense", units = … }')
    if len(layers) > MAX_LAYERS:
        findings.refuse("model.layers", f"there are {len(layers):,} layers; {MAX_LAYERS:,} are allowed")
    names = Sequential(tuple(layers)).names()
    shapes: list[Shape | None] = [shape]
    for index, layer in enumerate(layers):
        after: Shape | None = None
        if shape is not None:
            try:
                after = stack.output_shape(layer, shape)
            except ShapeError as error:
                findings.refuse(layer_path(index, error.field), f"{names[index]}: {error.message}", error.hint)
        if after is None and isinstance(layer, Dense) and layer.units is not None:
            after = Shape.vector(layer.units)
        shapes.append(shape := after)
    values = sum(each.size for each in shapes if each is not None)
    if values > MAX_VALUES:
        largest = max(range(len(shapes)), key=lambda i: shape.size if (shape := shapes[i]) is not None else 0)
        path = layer_path(largest - 1) if largest else "data"
        message = f"one sample becomes over {MAX_VALUES:,} values in this network"
        findings.refuse(path, message, "take fewer units or filters, a larger stride, or pooling")
    return shapes


def check_output(experiment: Experiment, info: DatasetInfo, last: Shape | None, findings: Findings) -> str:
    """Whether the outputs are what data and loss need. Returns the coding of the classes, "" if there is none."""
    layers, loss, targets = experiment.model.layers, experiment.training.loss, experiment.data.targets
    if info.task == "regression" and not isinstance(loss, SquaredError | MeanSquaredError):
        message = f"{kind_of(loss)} is for classes, but the targets of {info.name} are real values"
        findings.refuse("training.loss", message, 'take { kind = "squared-error" } or "mean-squared-error"')
    if targets is not None and (info.task == "regression" or loss.targets == "ids"):
        reason = f"{info.name} has no classes" if info.task == "regression" else f"{kind_of(loss)} takes class ids"
        findings.refuse("data.targets", f"{reason}: there is nothing to code", "leave this key out")
        targets = None
    if info.task == "classification" and info.classes < 2:
        findings.refuse("data.source", f"there is only one class in {info.name}", "learning needs at least two")
        return ""
    if last is None or not layers:
        return ""
    if len(last.sizes) != 1:
        hint = "put a flatten and a dense layer at the end"
        findings.refuse(layer_path(len(layers) - 1), f"the network's output is {last}, not one vector", hint)
        return ""
    try:
        coding = choose_coding(Sequential(layers), last.size, info, loss, targets)
        return coding.kind
    except TuinetError as error:
        index = output_of(layers).weighted
        field = "units" if index is not None and isinstance(layers[index], Dense) else ""
        path = layer_path(index, field) if index is not None else "model.layers"
        wanted = info.outputs if info.task == "regression" else info.classes
        findings.refuse(path, error.message, f"units = {wanted}")
        return ""


def output_of(layers: Sequence[AnyLayer]) -> Output:
    """What the loss sees: layers that change nothing or only disturb do not count."""
    activation: AnyLayer | None = None
    place = len(layers) - 1
    for index in reversed(range(len(layers))):
        layer = layers[index]
        if isinstance(layer, Weighted):
            return Output(index, activation, place)
        if activation is None and not isinstance(layer, Linear | Dropout | GaussianNoise | Flatten):
            activation, place = layer, index
    return Output(None, activation, place)


def check_gradient(experiment: Experiment, findings: Findings) -> None:
    """Whether the loss can reach the weights: no step or sign in between, no softmax twice."""
    layers, loss, frozen = experiment.model.layers, experiment.training.loss, set(experiment.model.freeze)
    names = Sequential(layers).names()
    learning = [i for i, layer in enumerate(layers) if isinstance(layer, Weighted) and names[i] not in frozen]
    if layers and not learning:
        reason = "every layer with weights is frozen" if frozen else "no layer has weights"
        path = "model.freeze" if frozen else "model.layers"
        findings.refuse(path, f"{reason}: nothing can learn", "unfreeze one" if frozen else "add a dense layer")
    for index, layer in enumerate(layers):
        if isinstance(layer, Step | Sign) and learning and learning[0] < index:
            kind = kind_of(layer)
            hint = (
                "leave it out: this loss applies sign itself when predicting"
                if isinstance(loss, Perceptron)
                else "take sigmoid or tanh in its place, or leave it out and take the perceptron loss"
            )
            message = f"the gradient of {kind} is 0 everywhere, so no layer before {names[index]} can learn"
            findings.refuse(layer_path(index), message, hint)
    _check_activation(experiment, findings)


def _check_activation(experiment: Experiment, findings: Findings) -> None:
    layers, loss = experiment.model.layers, experiment.training.loss
    weighted, activation, place = output_of(layers)
    if isinstance(loss, Perceptron) and any(isinstance(layer, Weighted) for layer in layers[:weighted]):
        message = "the perceptron rule is made for one layer of weights; for hidden layers take cross-entropy"
        findings.warn("training.loss", message)
    if activation is None or isinstance(activation, Step | Sign):
        return
    path, kind = layer_path(place), kind_of(activation)
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


def check_range(experiment: Experiment, info: DatasetInfo, findings: Findings) -> None:
    """A regression whose outputs cannot take every value."""
    _, activation, place = output_of(experiment.model.layers)
    if info.task == "regression" and activation is not None and type(activation) in RANGES:
        message = f"outputs behind {kind_of(activation)} are {RANGES[type(activation)]}; the targets may not be"
        findings.warn(layer_path(place), message)


def check_stack(layers: Sequence[AnyLayer], findings: Findings) -> None:
    """Layers that are allowed and yet hardly meant."""
    names = Sequential(tuple(layers)).names()
    last = output_of(layers).weighted
    previous: int | None = None
    nonlinear = True
    for index, layer in enumerate(layers):
        if isinstance(layer, NONLINEAR):
            nonlinear = True
        if not isinstance(layer, Weighted):
            if isinstance(layer, Dropout) and last is not None and index > last and layer.rate > 0:
                findings.warn(layer_path(index), "dropout on the outputs themselves: put it before the last layer")
            continue
        if previous is not None and not nonlinear:
            both = f"{names[previous]} and {names[index]}"
            message = f"{both} have no activation between them: two linear layers can do no more than one"
            findings.warn(layer_path(index), message)
        if isinstance(layer.initializer, Zeros) and index != last:
            message = "units that all begin at zero stay equal: only the last layer may begin so"
            findings.warn(layer_path(index, "initializer"), message)
        previous, nonlinear = index, False


def check_freeze(experiment: Experiment, findings: Findings) -> None:
    layers, freeze = experiment.model.layers, experiment.model.freeze
    names = Sequential(layers).names()
    for index, name in enumerate(freeze):
        path = f"model.freeze[{index}]"
        if name not in names:
            weighted = [n for n, layer in zip(names, layers, strict=True) if isinstance(layer, Weighted)]
            findings.refuse(path, f"there is no layer {name!r}", did_you_mean(name, weighted, "layers with weights"))
        elif not isinstance(layers[names.index(name)], Weighted):
            findings.warn(path, f"{name} has no weights to keep")
    if freeze and experiment.model.start is None:
        findings.warn("model.freeze", "without model.start, frozen layers keep random weights")
