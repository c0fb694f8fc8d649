"""A model as a table: its layers, what they cost, and how it came to be. Plain structs that can be JSON."""

from __future__ import annotations

import msgspec
import numpy as np

from tuinet.model.meta import EpochRecord
from tuinet.model.model import Model
from tuinet.nn.layer import Layer, Shape
from tuinet.nn.network import Sequential


class LayerSummary(msgspec.Struct, frozen=True):
    """One layer: `output` is the shape of one sample after it, `multiply_adds` its cost for one sample forward."""

    name: str
    kind: str
    settings: str
    output: tuple[int, ...]
    parameters: int
    multiply_adds: int


class Summary(msgspec.Struct, frozen=True):
    """All that can be said about a model without running it."""

    name: str
    task: str
    dtype: str
    parameters: int
    multiply_adds: int
    not_finite: int
    input: tuple[int, ...]
    preparation: tuple[str, ...]
    prepared: tuple[int, ...]
    layers: tuple[LayerSummary, ...]
    loss: str
    targets: str
    labels: tuple[str, ...]
    columns: tuple[str, ...]
    target_names: tuple[str, ...]
    data: str
    training: str
    seed: int
    epochs: int
    steps: int
    history: tuple[EpochRecord, ...]
    notes: str


def summarize(model: Model) -> Summary:
    """Everything `tuinet inspect` shows. `not_finite` counts weights that are no finite numbers."""
    meta = model.meta
    layers = layer_table(model.network, model.prepared_shape)
    return Summary(
        name=meta.name,
        task=meta.task,
        dtype=model.params.vector.dtype.name,
        parameters=model.parameter_count,
        multiply_adds=sum(layer.multiply_adds for layer in layers),
        not_finite=int(model.parameter_count - np.isfinite(model.params.vector).sum()),
        input=meta.input_shape.sizes,
        preparation=tuple(f"{kind_of(step)} {words(step)}".strip() for step in meta.preparation),
        prepared=model.prepared_shape.sizes,
        layers=layers,
        loss=f"{kind_of(meta.loss)} {words(meta.loss)}".strip(),
        targets=_targets(model),
        labels=meta.labels,
        columns=tuple(column.name for column in meta.columns),
        target_names=meta.target_names,
        data=meta.data,
        training=meta.training,
        seed=meta.seed,
        epochs=meta.epochs,
        steps=meta.steps,
        history=meta.history,
        notes=meta.notes,
    )


def layer_table(network: Sequential, shape: Shape) -> tuple[LayerSummary, ...]:
    """One row a layer for inputs of `shape`. Costs no arrays. Raises LayerShapeError."""
    shapes = network.shapes(shape)
    rows: list[LayerSummary] = []
    for name, layer, before, after in zip(network.names(), network.layers, shapes, shapes[1:], strict=False):
        parameters = sum(spec.size for spec in layer.param_shapes(before).values())
        rows.append(
            LayerSummary(name, kind_of(layer), words(layer), after.sizes, parameters, layer.multiply_adds(before))
        )
    return tuple(rows)


def kind_of(settings: msgspec.Struct) -> str:
    """What the settings are called in an experiment file: `conv2d`, `max-pool`."""
    return str(settings.__struct_config__.tag)


def words(settings: Layer | msgspec.Struct) -> str:
    """Settings in words: "16 filters, kernel 3×3, stride 1, padding same". What is not set is left out."""
    found: list[str] = []
    for field in settings.__struct_fields__:
        value = getattr(settings, field)
        name = field.replace("_", " ")
        if value is None or value is True:
            continue
        if value is False:
            found.append(f"no {name}")
        elif isinstance(value, msgspec.Struct):
            found.append(f"{name} {kind_of(value)} {words(value)}".strip())
        elif isinstance(value, tuple):
            found.append(f"{name} {_tuple(value)}")
        elif isinstance(value, int) and name.endswith("s"):
            found.append(f"{value} {name}")
        elif field in ("kernel", "window"):
            found.append(f"{name} {value}×{value}")
        else:
            found.append(f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}")
    return ", ".join(found)


def _tuple(values: tuple[object, ...]) -> str:
    if len(values) <= 4:
        return "×".join(f"{value:g}" if isinstance(value, float) else str(value) for value in values)
    return f"of {len(values)} values"


def _targets(model: Model) -> str:
    coding = model.meta.coding
    match coding.kind:
        case "ids":
            return f"{coding.classes} classes, one output each"
        case "one-hot":
            return f"{coding.classes} classes, one output each, {coding.high:g} for the class, {coding.low:g} elsewhere"
        case "binary":
            return f"{coding.classes} classes as binary numbers of {coding.low:g} and {coding.high:g}"
        case "values":
            return f"{model.output_size} values"
