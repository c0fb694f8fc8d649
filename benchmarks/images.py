"""The contestants over images: networks that classify them, trained for ever.

Random images and classes: speed does not depend on what they show.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set

import numpy as np

CLASSES = 10
SHAPES = {"mlp": (28, 28, 1), "cnn": (28, 28, 1), "cnn-colour": (32, 32, 3)}

Work = Iterator[int]
"""Yields the number of samples after every training step, for ever."""

Layer = tuple[str, int]
"""What it is, and its filters or units."""


def network(kind: str, width: int = 256, depth: int | None = None) -> tuple[Layer, ...]:
    """The layers, for all libraries. A convolution is 3×3 with its borders kept, pooling takes the larger of 2×2.

    `depth`: an MLP has so many hidden layers of `width` units; else two, of `width` and half of it.
    """
    relu, pool, flat = ("relu", 0), ("pool", 0), ("flatten", 0)
    head = (flat, ("dense", 128), relu, ("dense", CLASSES))
    hidden = (width, width // 2) if depth is None else (width,) * depth
    return {
        "mlp": (flat, *(layer for units in hidden for layer in (("dense", units), relu)), ("dense", CLASSES)),
        "cnn": (("conv", 16), relu, pool, ("conv", 32), relu, pool, *head),
        "cnn-colour": (
            ("conv", 32), relu, ("conv", 32), relu, pool, ("conv", 64), relu, ("conv", 64), relu, pool, *head,
        ),
    }[kind]  # fmt: skip


def data(kind: str, samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, H, W, C) and their classes (N,)."""
    rng = np.random.default_rng(0)
    return rng.random((samples, *SHAPES[kind]), np.float32), rng.integers(0, CLASSES, samples)


def shuffled(samples: int, batch: int) -> Iterator[np.ndarray]:
    """The rows of each batch, epoch after epoch."""
    rng = np.random.default_rng(0)
    while True:
        order = rng.permutation(samples)
        yield from (order[start : start + batch] for start in range(0, samples - batch + 1, batch))


# ── tuinet ────────────────────────────────────────────────────────────────────────────────────────────────────────


def tuinet_model(kind: str, width: int = 256, depth: int | None = None):
    """A model with new weights, and what is known of its data."""
    from tuinet.data.dataset import DatasetInfo
    from tuinet.model.model import new_model
    from tuinet.nn.layer import Shape
    from tuinet.nn.layers.activation import Relu
    from tuinet.nn.layers.conv import Conv2D
    from tuinet.nn.layers.dense import Dense
    from tuinet.nn.layers.flatten import Flatten
    from tuinet.nn.layers.pool import MaxPool
    from tuinet.nn.losses import CrossEntropy
    from tuinet.nn.network import Sequential

    make = {
        "conv": lambda filters: Conv2D(filters, kernel=3, padding="same"),
        "dense": Dense,
        "relu": lambda _: Relu(),
        "pool": lambda _: MaxPool(),
        "flatten": lambda _: Flatten(),
    }
    layers = tuple(make[what](size) for what, size in network(kind, width, depth))
    labels = tuple(map(str, range(CLASSES)))
    info = DatasetInfo("random", "classification", Shape.image(*SHAPES[kind]), {}, labels)
    return new_model(Sequential(layers), info, (), CrossEntropy(), seed=0, name="bench"), info


def tuinet(kind: str, sizes: Mapping[str, int], _: Set[str]) -> Work:
    """Through `fit`, as a user trains."""
    from tuinet.data.dataset import Split
    from tuinet.experiment.spec import TrainingSettings
    from tuinet.nn.optimizers import Adam
    from tuinet.training.events import StepDone
    from tuinet.training.fit import fit

    model, info = tuinet_model(kind, sizes["width"], sizes.get("depth"))
    dataset = info.dataset({"train": Split(*data(kind, sizes["samples"]))})
    settings = TrainingSettings(loss=model.meta.loss, optimizer=Adam(0.001), epochs=10**6, batch_size=sizes["batch"])
    for event in fit(model, dataset, settings, threads=sizes["threads"]):
        if isinstance(event, StepDone):
            yield event.samples


# ── PyTorch ───────────────────────────────────────────────────────────────────────────────────────────────────────


def torch_model(kind: str, width: int = 256, *, channels_last: bool):
    import torch
    from torch import nn

    rows, columns, channels = SHAPES[kind]
    layers: list[nn.Module] = []
    for what, size in network(kind, width):
        if what == "conv":
            layers.append(nn.Conv2d(channels, size, 3, padding=1))
            channels = size
        elif what == "dense":
            layers.append(nn.Linear(channels, size))
            channels = size
        elif what == "pool":
            layers.append(nn.MaxPool2d(2))
            rows, columns = rows // 2, columns // 2
        elif what == "flatten":
            layers.append(nn.Flatten())
            channels *= rows * columns
        else:
            layers.append(nn.ReLU())
    model = nn.Sequential(*layers)
    return model.to(memory_format=torch.channels_last) if channels_last else model


def torch(kind: str, sizes: Mapping[str, int], flags: Set[str]) -> Work:
    import torch
    from torch import nn

    torch.set_num_threads(sizes["threads"])
    torch.manual_seed(0)
    images, classes = data(kind, sizes["samples"])
    x, y = torch.from_numpy(images), torch.from_numpy(classes)
    channels_last = "nhwc" in flags
    if not channels_last:
        x = x.permute(0, 3, 1, 2).contiguous()
    model = torch_model(kind, sizes["width"], channels_last=channels_last)
    optimizer = torch.optim.Adam(model.parameters(), 0.001, fused="fused" in flags)
    loss = nn.CrossEntropyLoss()
    for rows in map(torch.from_numpy, shuffled(len(x), sizes["batch"])):
        optimizer.zero_grad()
        batch = x[rows].permute(0, 3, 1, 2) if channels_last else x[rows]
        loss(model(batch), y[rows]).backward()
        optimizer.step()
        yield len(rows)


# ── scikit-learn ──────────────────────────────────────────────────────────────────────────────────────────────────


def scikit_learn(_: str, sizes: Mapping[str, int], __: Set[str]) -> Work:
    from sklearn.neural_network import MLPClassifier
    from threadpoolctl import threadpool_limits

    threadpool_limits(sizes["threads"])
    x, y = data("mlp", sizes["samples"])
    x = x.reshape(len(x), -1)
    width, batch = sizes["width"], sizes["batch"]
    model = MLPClassifier((width, width // 2), alpha=0.0, batch_size=batch, random_state=0)
    for rows in shuffled(len(x), batch):
        model.partial_fit(x[rows], y[rows], classes=np.arange(CLASSES))
        yield len(rows)
