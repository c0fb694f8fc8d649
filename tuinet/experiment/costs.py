"""What an experiment costs, before any array exists: the layer table, memory, and the MLP to compare a CNN with."""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Sequence
from typing import cast

import msgspec

from tuinet.experiment.report import Comparison, LayerRow, Memory
from tuinet.experiment.spec import Experiment
from tuinet.nn.layer import Layer, Shape, ShapeError
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.windows import pair
from tuinet.nn.network import Sequential
from tuinet.nn.shards import lane_count, shard_size


def kind_of(settings: msgspec.Struct) -> str:
    """What the settings are called in the file: `conv2d`, `max-pool`."""
    return str(settings.__struct_config__.tag)


def settings_in_words(settings: msgspec.Struct) -> str:
    """Like "16 filters, kernel 3×3, stride 1, padding same". What is not set is left out."""
    found: list[str] = []
    for field in settings.__struct_fields__:
        value = getattr(settings, field)
        name = field.replace("_", " ")
        if isinstance(value, bool):
            found += [] if value else [f"no {name}"]
        elif isinstance(value, msgspec.Struct):
            found.append(f"{name} {kind_of(value)} {settings_in_words(value)}".strip())
        elif isinstance(value, tuple):
            found.append(f"{name} {'×'.join(map(str, cast('tuple[object, ...]', value)))}")
        elif field in ("kernel", "window"):
            found.append(f"{name} {value}×{value}")
        elif isinstance(value, int) and name.endswith("s"):
            found.append(f"{value} {name}")
        elif isinstance(value, int | float):
            found.append(f"{name} {value:g}")
        elif value is not None:
            found.append(f"{name} {value}")
    return ", ".join(found)


def layer_rows(
    network: Sequential, shapes: Sequence[Shape | None], frozen: Collection[str] = ()
) -> tuple[LayerRow, ...]:
    """The layer table. `shapes`: before the first layer and after each, None where it could not be found."""
    rows: list[LayerRow] = []
    for name, layer, before, after in zip(network.names(), network.layers, shapes, shapes[1:], strict=False):
        parameters = multiply_adds = 0
        if before is not None and after is not None and _takes(layer, before):
            parameters, multiply_adds = _parameters(layer, before), layer.multiply_adds(before)
        output = after.sizes if after is not None else ()
        settings, is_frozen = settings_in_words(layer), name in frozen
        rows.append(LayerRow(name, kind_of(layer), settings, output, parameters, multiply_adds, is_frozen))
    return tuple(rows)


def training_memory(experiment: Experiment, network: Sequential, shapes: Sequence[Shape], samples: int) -> Memory:
    """An estimate of what training takes, in bytes: weights, gradients, optimizer state, best weights, and what the
    layers put out and keep for the samples in work. `samples`: the training part."""
    settings = experiment.training
    number = 4 if settings.dtype == "float32" else 8
    weights = number * sum(_parameters(layer, shape) for layer, shape in zip(network.layers, shapes, strict=False))
    batch = samples if settings.batch_size == "all" else min(settings.batch_size, samples)
    shard, lanes = shard_size(network.layers, batch), lane_count(network.layers, batch)
    in_work = min(batch, shard * min(lanes, os.cpu_count() or 1))
    # Forwards each value once, backwards its gradient once; convolutions keep the rows of their windows both ways.
    values = 2 * sum(shape.size for shape in shapes)
    for layer, before, after in zip(network.layers, shapes, shapes[1:], strict=False):
        if isinstance(layer, Conv2D):
            places = math.prod(after.sizes[:2])
            values += 2 * places * math.prod(pair(layer.kernel)) * before.sizes[2]
    # Each lane has a sum of gradients and one more for the next shard.
    gradients = weights * (2 * lanes if lanes * shard < batch else lanes)
    optimizer = weights * len(settings.optimizer.slots)
    stopping = settings.early_stopping
    again = stopping is not None and stopping.reuse == "retrain"
    best = weights * (2 if again else 1)  # and the first weights, for training once more from scratch
    activations = number * values * in_work
    total = weights + gradients + optimizer + best + activations
    return Memory(weights, gradients, optimizer, best, activations, in_work, total)


def machine_memory() -> int | None:
    """The memory of this machine in bytes, if the system says."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def compare_with_mlp(network: Sequential, raw: Shape, outputs: int, parameters: int) -> Comparison | None:
    """Beside a CNN: an MLP on the raw images with one hidden layer, as wide as the CNN's widest hidden dense layer."""
    dense = [layer.units for layer in network.layers if isinstance(layer, Dense)]
    convolutional = any(isinstance(layer, Conv2D) for layer in network.layers)
    if not convolutional or not dense or len(raw.sizes) != 3:
        return None
    units = max(dense[:-1], default=100)
    total = (raw.size + 1) * units + (units + 1) * outputs
    text = (
        f"one unit of an MLP has {raw.size:,} weights on an image of {raw}; with {units:,} hidden units that makes "
        f"{total:,} parameters, here there are {parameters:,}"
    )
    return Comparison(raw.size, units, total, text)


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
        layer.output_shape(shape)
    except ShapeError:
        return False
    return True


def _parameters(layer: Layer, shape: Shape) -> int:
    return sum(spec.size for spec in layer.param_shapes(shape).values())
