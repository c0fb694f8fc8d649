"""Names of the places of a layer's input and output: columns, pixels, classes; and the layers around it."""

from __future__ import annotations

from tuinet.inspection import steps
from tuinet.inspection.question import Node, nodes
from tuinet.inspection.view import Axis
from tuinet.model.model import Model
from tuinet.nn.layer import Layer, Shape
from tuinet.nn.layers.activation import Linear, Relu, Sigmoid, Sign, Softmax, Step, Tanh
from tuinet.nn.layers.dropout import Dropout, GaussianNoise
from tuinet.nn.layers.flatten import Flatten
from tuinet.nn.layers.pool import AveragePool, MaxPool, SumPool

ACTIVATIONS = (Step, Sign, Sigmoid, Tanh, Relu, Linear, Softmax)
CURVES = (Step, Sign, Sigmoid, Tanh, Relu, Linear)
"""Activations that treat every value by itself."""
DISTURBING = (Dropout, GaussianNoise)
POOLS = (MaxPool, AveragePool, SumPool)


def siblings(model: Model, node: Node) -> tuple[list[Node], list[Node]]:
    """The layers before and after this one in the same list of layers: the network's, an encoder's, a decoder's."""
    folder = node.path.rpartition("/")[0]
    around = [other for other in nodes(model).values() if other.path.rpartition("/")[0] == folder]
    here = next(place for place, other in enumerate(around) if other.path == node.path)
    return around[:here], around[here + 1 :]


def comes_from(model: Model, node: Node) -> str:
    """The path of the layer whose output goes into this one; "" if what goes in comes from outside."""
    before, _ = siblings(model, node)
    return before[-1].path if before else ""


def value_by_value(layer: Layer) -> bool:
    """Whether each value that comes out is made of the one in its place, so that the places keep their names."""
    return isinstance(layer, ACTIVATIONS + DISTURBING)


def is_picture(model: Model, node: Node, *, after: bool) -> bool:
    """Whether the channels behind (or before) the layer are still those of the input, and so may be colours."""
    shape = node.after if after else node.before
    before, _ = siblings(model, node)
    passed = [*before, node] if after else before
    plain = all(value_by_value(other.layer) or isinstance(other.layer, POOLS) for other in passed)
    return plain and shape.axes == ("row", "column", "channel")


def last_of_names(shape: Shape, names: tuple[str, ...]) -> Axis:
    """The last axis of a shape, its places named if they have names."""
    if not shape.axes:
        return Axis("id")
    fits = len(names) == shape.sizes[-1] and len(shape.sizes) == 1
    return Axis("input" if fits and names else shape.axes[-1], names if fits else ())


def input_names(model: Model, node: Node | None) -> tuple[str, ...]:
    """The names of what goes into a layer of vectors (None: into the model): columns of the table, symbols, or the
    places of an image that was flattened; () if they have none."""
    if node is None:
        return _columns(model)
    before, _ = siblings(model, node)
    while before and value_by_value(before[-1].layer):
        before.pop()
    if not before:
        return _columns(model) if "/decoder/" not in node.path else ()
    if isinstance(before[-1].layer, Flatten):
        return pixel_names(before[-1].before, maps=not is_picture(model, before[-1], after=False))
    return ()


def _columns(model: Model) -> tuple[str, ...]:
    names = [
        f"{column.name}={word}" if word else column.name
        for column in model.meta.columns
        for word in column.categories or ("",)
    ]
    return tuple(names) if (len(names),) == model.prepared_shape.sizes else ()


def pixel_names(shape: Shape, *, maps: bool) -> tuple[str, ...]:
    """The places of an image of `shape` in the order in which a flatten layer lays them: the last axis runs fastest."""
    if shape.axes != ("row", "column", "channel"):
        return ()
    height, width, channels = shape.sizes
    last = "map" if maps else "channel"
    return tuple(
        f"row {row}, column {column}" + (f", {last} {channel}" if channels > 1 else "")
        for row in range(height)
        for column in range(width)
        for channel in range(channels)
    )


def answer_axis(model: Model, node: Node) -> Axis | None:
    """The axis of the answers, if what comes out of this layer stands for them value by value: classes, symbols, the
    values of a regression. None otherwise."""
    _, after = siblings(model, node)
    if "/encoder/" in node.path or not all(value_by_value(other.layer) for other in after):
        return None
    meta = model.meta
    vocabulary = meta.target_vocabulary or (meta.vocabulary if meta.task == "next-symbol" else None)
    for name, labels in (
        ("symbol", tuple(map(steps.shown, vocabulary.symbols)) if vocabulary is not None else ()),
        ("class", meta.labels),
        ("output", meta.target_names),
    ):
        if labels and node.after.sizes == (len(labels),):
            return Axis(name, tuple(labels))
    return None


def symbol_names(model: Model, node: Node) -> tuple[str, ...]:
    """The symbols that a layer of ids is given; () if nobody knows them."""
    meta = model.meta
    vocabulary = meta.target_vocabulary if "/decoder/" in node.path else meta.vocabulary
    known = tuple(map(steps.shown, vocabulary.symbols)) if vocabulary is not None else ()
    return known if len(known) == node.before.ids else ()
