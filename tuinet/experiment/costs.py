"""What an experiment costs, before any array exists: the layer table, memory, and the MLP to compare a CNN with."""

from __future__ import annotations

import math
import os
from collections.abc import Collection
from collections.abc import Sequence as Several
from typing import cast

import msgspec

from tuinet.experiment.report import Comparison, LayerRow, Memory
from tuinet.experiment.spec import Experiment
from tuinet.experiment.stacks import Stack, only_translator, stacks_of
from tuinet.nn import stack
from tuinet.nn.layer import Layer, Shape, ShapeError
from tuinet.nn.layers.activation import Relu
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.flatten import Flatten
from tuinet.nn.layers.windows import pair
from tuinet.nn.network import Sequential
from tuinet.nn.params import ParamSpec
from tuinet.nn.ranges import is_frozen
from tuinet.nn.recurrent import OverTime
from tuinet.nn.shards import lane_count, shard_size


def kind_of(settings: msgspec.Struct) -> str:
    """What the settings are called in the file: `conv2d`, `max-pool`."""
    return str(settings.__struct_config__.tag)


def settings_in_words(settings: msgspec.Struct, brief: bool = False) -> str:
    """Like "16 filters, kernel 3×3, stride 1, padding same". What is not set is left out, and so are layers inside;
    `brief`: what is at its default, too."""
    found: list[str] = []
    for field in msgspec.structs.fields(settings):
        value: object = getattr(settings, field.name)
        name = field.name.replace("_", " ")
        if brief and value == field.default:
            continue
        if isinstance(value, bool):
            found += [] if value == bool(field.default) else [name if value else f"no {name}"]
        elif isinstance(value, msgspec.Struct):
            found.append(f"{name} {kind_of(value)} {settings_in_words(value)}".strip())
        elif isinstance(value, tuple):
            items = cast("tuple[object, ...]", value)
            if not any(isinstance(item, msgspec.Struct) for item in items):
                found.append(f"{name} {_between(field.name).join(map(str, items))}")
        elif field.name in ("kernel", "window"):
            found.append(f"{name} {value}×{value}")
        elif isinstance(value, int) and name.endswith("s"):
            found.append(f"{value} {name}")
        elif isinstance(value, int | float):
            found.append(f"{name} {value:g}")
        elif value is not None and not (value == "none" and field.default == "none"):
            found.append(f"{name} {value}")
    return ", ".join(found)


def _between(field: str) -> str:
    """What stands between the numbers of a setting that has several."""
    return "·" if field == "periods" else "×"


def layer_rows(
    network: Sequential, shapes: Several[Shape | None], frozen: Collection[str] = ()
) -> tuple[LayerRow, ...]:
    """The layer table. `shapes`: before the first layer and after each, None where it could not be found."""
    parts = stacks_of(network.layers, shapes[0])
    if only_translator(network.layers) is None:
        return stack_rows(parts[0], shapes, frozen)
    return translator_rows(network, parts, [_shapes(part) for part in parts], frozen)


def translator_rows(
    network: Sequential,
    parts: Several[Stack],
    shapes: Several[Several[Shape | None]],
    frozen: Collection[str] = (),
) -> tuple[LayerRow, ...]:
    """The layer table of a seq2seq network: its own row, in which the bridge is counted, then those of its parts."""
    (layer,), (name,) = network.layers, network.names()
    rows = [row for part, known in zip(parts, shapes, strict=True) for row in stack_rows(part, known, frozen)]
    bridge: dict[str, ParamSpec] = {}
    if shapes[0][0] is not None and _takes(layer, shapes[0][0]):
        specs = layer.param_shapes(shapes[0][0])
        bridge = {path: spec for path, spec in specs.items() if path.startswith("bridge/")}
    parameters = sum(spec.size for spec in bridge.values())
    work = sum(spec.size for spec in bridge.values() if spec.role == "weight")
    last = rows[-1].output if rows else ()
    held = is_frozen(f"{name}/bridge", frozen)
    return (LayerRow(name, kind_of(layer), settings_in_words(layer), last, parameters, work, held, True), *rows)


def stack_rows(part: Stack, shapes: Several[Shape | None], frozen: Collection[str] = ()) -> tuple[LayerRow, ...]:
    """The layer table of one stack."""
    rows: list[LayerRow] = []
    for name, layer, before, after in zip(part.names(), part.layers, shapes, shapes[1:], strict=False):
        parameters = multiply_adds = 0
        if before is not None and after is not None and _takes(layer, before):
            parameters, multiply_adds = _parameters(layer, before), layer.multiply_adds(before)
        output, steps = (after.sizes, after.sequence) if after is not None else ((), False)
        settings, held = settings_in_words(layer), is_frozen(name, frozen)
        rows.append(LayerRow(name, kind_of(layer), settings, output, parameters, multiply_adds, held, steps))
    return tuple(rows)


def _shapes(part: Stack) -> Several[Shape | None]:
    return stack.shapes(part.layers, part.shape) if part.shape is not None else [None] * (len(part.layers) + 1)


def training_memory(
    experiment: Experiment,
    parameters: int,
    parts: Several[Stack],
    shapes: Several[Several[Shape]],
    samples: int,
) -> Memory:
    """An estimate of what training takes, in bytes: weights, gradients, optimizer state, best weights, and what the
    layers put out and keep for the samples in work, which grows with the length of sequences and not with their number.

    `parameters`: of the whole network; `shapes`: of each stack, before its first layer and after each; `samples`: the
    training part."""
    settings, layers = experiment.training, experiment.model.layers
    number = 4 if settings.dtype == "float32" else 8
    weights = number * parameters
    batch = samples if settings.batch_size == "all" else min(settings.batch_size, samples)
    shard, lanes = shard_size(layers, batch), lane_count(layers, batch)
    in_work = min(batch, shard * min(lanes, os.cpu_count() or 1))
    # Each lane has a sum of gradients and one more for the next shard.
    gradients = weights * (2 * lanes if lanes * shard < batch else lanes)
    optimizer = weights * len(settings.optimizer.slots)
    stopping = settings.early_stopping
    again = stopping is not None and stopping.reuse == "retrain"
    best = weights * (2 if again else 1)  # and the first weights, for training once more from scratch
    values = sum(values_kept(part, known) for part, known in zip(parts, shapes, strict=True))
    activations = round(number * values * in_work)
    total = weights + gradients + optimizer + best + activations
    return Memory(weights, gradients, optimizer, best, activations, in_work, total)


def values_kept(part: Stack, shapes: Several[Shape]) -> float:
    """The numbers that training holds of one sample in a stack: each value once forwards, its gradient once backwards.

    Convolutions keep the rows of their windows both ways, recurrent layers their gates and states at every step.
    """
    total, steps = 0.0, 1.0
    for layer, before, after in zip((None, *part.layers), (shapes[0], *shapes), shapes, strict=False):
        if after.sequence and not (layer is not None and before.sequence):  # where it becomes a sequence
            steps = float(before.sizes[0]) if layer is not None and before.sizes else part.steps
        inside = 0
        if isinstance(layer, Conv2D):
            inside = math.prod(after.sizes[:2]) * math.prod(pair(layer.kernel)) * before.sizes[2]
        elif isinstance(layer, OverTime):
            specs = layer.param_shapes(before)
            gates = sum(spec.shape[1] for path, spec in specs.items() if path.endswith("input_weight"))
            inside = gates + sum(layer.state_sizes().values())
        total += 2 * (after.size * (after.kind == "number") + inside) * (steps if after.sequence else 1.0)
    return total


def machine_memory() -> int | None:
    """The memory of this machine in bytes, if the system says."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def compare_with_mlp(
    experiment: Experiment, raw: Shape, outputs: int, parameters: int, samples: int
) -> Comparison | None:
    """Beside a CNN: an MLP on the raw images with one hidden layer, as wide as the CNN's widest hidden dense layer,
    trained in the same way. `parameters`: of the CNN; `samples`: the training part."""
    layers = experiment.model.layers
    dense = [layer.units or 0 for layer in layers if isinstance(layer, Dense)]
    convolutional = any(isinstance(layer, Conv2D) for layer in layers)
    if not convolutional or not dense or len(raw.sizes) != 3:
        return None
    units = max(dense[:-1], default=100)
    total = (raw.size + 1) * units + (units + 1) * outputs
    mlp = (Flatten(), Dense(units), Relu(), Dense(outputs))
    model = msgspec.structs.replace(experiment.model, layers=mlp)
    part = Stack("model.layers", "", mlp, raw)
    trained = msgspec.structs.replace(experiment, model=model)
    memory = training_memory(trained, total, (part,), (stack.shapes(mlp, raw),), samples)
    text = (
        f"one unit of an MLP has {raw.size:,} weights on an image of {raw}; with {units:,} hidden units that makes "
        f"{total:,} parameters, here there are {parameters:,}"
    )
    return Comparison(raw.size, units, total, text, raw.size * units + units * outputs, memory.total)


def size_in_words(count: int) -> str:
    """Bytes: 12.3 MB."""
    for unit, size in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            whole, part = divmod(count * 10 // size, 10)
            return f"{whole:,}.{part} {unit}" if whole < 10**6 else f"over {10**6:,} {unit}"
    return f"{count} bytes"


def _takes(layer: Layer, shape: Shape) -> bool:
    """Whether this shape is right: behind a problem, the output of a dense layer is known though its input is wrong."""
    try:
        stack.output_shape(layer, shape)
    except ShapeError:
        return False
    return True


def _parameters(layer: Layer, shape: Shape) -> int:
    """Of one layer."""
    return sum(spec.size for spec in layer.param_shapes(shape).values())
