"""Layers and losses, with PyTorch."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from vectors import put


def leaf(array):
    return torch.tensor(array, requires_grad=True)


# Layers: forward, and every gradient for a random dy


def pair(value):
    return (value, value) if isinstance(value, int) else tuple(value)


def conv2d(x, weight, bias, stride=1, padding="valid", **_):
    """x (B, H, W, C), weight (kh, kw, C, F). "same" as TensorFlow: ⌈n / s⌉ outputs, the odd zero last."""
    stride, x = pair(stride), x.permute(0, 3, 1, 2)
    if padding == "same":
        (top, bottom), (left, right) = (
            same(n, k, s) for n, k, s in zip(x.shape[2:], weight.shape[:2], stride, strict=True)
        )
        x, padding = F.pad(x, (left, right, top, bottom)), 0
    y = F.conv2d(x, weight.permute(3, 2, 0, 1), bias, stride, 0 if padding == "valid" else padding)
    return y.permute(0, 2, 3, 1)


def same(n, k, s):
    total = max(0, (-(-n // s) - 1) * s + k - n)
    return total // 2, total - total // 2


def pool(kind, x, window=2, stride=None):
    x, window, stride = x.permute(0, 3, 1, 2).contiguous(), pair(window), stride and pair(stride)
    if kind == "max-pool":
        y = F.max_pool2d(x, window, stride)
    else:
        y = F.avg_pool2d(x, window, stride, divisor_override=1 if kind == "sum-pool" else None)
    return y.permute(0, 2, 3, 1)


def run_layer(settings, x, weight=None, bias=None):
    rest = {key: value for key, value in settings.items() if key not in ("kind", "bias")}
    match settings["kind"]:
        case "dense":
            return F.linear(x, weight.T, bias)
        case "conv2d":
            return conv2d(x, weight, bias, **rest)
        case "max-pool" | "average-pool" | "sum-pool" as kind:
            return pool(kind, x, **rest)
        case "flatten":
            return torch.flatten(x, 1)
        case "softmax":
            return torch.softmax(x, -1)
        case kind:
            return {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": torch.relu, "linear": lambda x: x}[kind](x)


CONVOLUTIONS = [
    ("narrow", {"kernel": 3}, (7, 6, 3)),
    ("one-channel", {"kernel": 5}, (9, 8, 1)),
    ("kernel-of-one", {"kernel": 1}, (4, 5, 3)),
    ("kernel-of-one-stride-2", {"kernel": 1, "stride": 2}, (5, 6, 2)),
    ("whole-image", {"kernel": [5, 4]}, (5, 4, 2)),
    ("wide-kernel", {"kernel": [2, 3]}, (6, 7, 2)),
    ("row-kernel", {"kernel": [1, 4], "padding": "same"}, (5, 7, 2)),
    ("column-kernel", {"kernel": [3, 1], "stride": [2, 1]}, (7, 4, 2)),
    ("same", {"kernel": 3, "padding": "same"}, (6, 7, 2)),
    ("same-even-kernel", {"kernel": 4, "padding": "same"}, (6, 5, 2)),
    ("same-stride-2", {"kernel": 3, "stride": 2, "padding": "same"}, (7, 8, 2)),
    ("same-stride-2-3", {"kernel": [5, 3], "stride": [2, 3], "padding": "same"}, (8, 7, 2)),
    ("same-stride-over-kernel", {"kernel": 2, "stride": 3, "padding": "same"}, (8, 7, 2)),
    ("padding-1", {"kernel": 3, "padding": 1}, (6, 5, 3)),
    ("padding-2-stride-2", {"kernel": 5, "stride": 2, "padding": 2}, (9, 8, 1)),
    ("padding-over-kernel", {"kernel": 2, "padding": 3}, (3, 4, 1)),
    ("stride-3-leaves-a-rest", {"kernel": 3, "stride": 3}, (8, 10, 2)),
    ("without-bias", {"kernel": 3, "bias": False}, (5, 5, 2)),
]

POOLINGS = [
    ("window-2", {}, (6, 8, 3)),
    ("odd-image", {"window": 2}, (7, 5, 2)),
    ("overlapping", {"window": 3, "stride": 2}, (7, 9, 2)),
    ("stride-1", {"window": 3, "stride": 1}, (5, 6, 2)),
    ("wide-window", {"window": [2, 3], "stride": [1, 2]}, (5, 8, 2)),
    ("gaps", {"window": 2, "stride": 3}, (8, 7, 1)),
]


def layers(rng):
    found = {}

    def add(case, settings, x, **params):
        x, params = leaf(x), {name: leaf(value) for name, value in params.items()}
        y = run_layer(settings, x, **params)
        dy = torch.tensor(rng.normal(size=tuple(y.shape)))
        y.backward(dy)
        gradients = {f"d{name}": each.grad for name, each in params.items()}
        put(found, case, settings, x=x, y=y, dy=dy, dx=x.grad, **params, **gradients)

    for bias in (True, False):
        more = {"bias": rng.normal(size=5)} if bias else {}
        settings = {"kind": "dense", "units": 5, "bias": bias}
        add(
            f"dense-{'bias' if bias else 'plain'}",
            settings,
            rng.normal(size=(4, 7)),
            weight=rng.normal(size=(7, 5)),
            **more,
        )
    for name, settings, image in CONVOLUTIONS:
        weight = rng.normal(size=(*pair(settings["kernel"]), image[2], 4))
        more = {"bias": rng.normal(size=4)} if settings.get("bias", True) else {}
        settings = {"kind": "conv2d", "filters": 4, **settings}
        add(f"conv-{name}", settings, rng.normal(size=(3, *image)), weight=weight, **more)
    for kind in ("max-pool", "average-pool", "sum-pool"):
        for name, settings, image in POOLINGS:
            add(f"{kind}-{name}", {"kind": kind, **settings}, rng.normal(size=(2, *image)))
    add("max-pool-ties", {"kind": "max-pool"}, rng.integers(0, 3, (3, 6, 6, 2)).astype(float))
    add("flatten", {"kind": "flatten"}, rng.normal(size=(2, 3, 4, 2)))
    for kind in ("sigmoid", "tanh", "relu", "linear", "softmax"):
        add(kind, {"kind": kind}, rng.normal(size=(4, 6)) * 3)
        if kind != "linear":
            add(f"{kind}-large", {"kind": kind}, np.array([[800.0, -800, 0, 799, 30], [-40, -1e4, 20, 1e4, 3]]))
    logits = torch.tensor(rng.normal(size=6) * 2)
    jacobian = torch.autograd.functional.jacobian(lambda n: torch.softmax(n, 0), logits)
    put(found, "softmax-jacobian", x=logits, jacobian=jacobian)
    return found


# Losses: the value of every sample, and its gradient


def loss_values(settings, output, target):
    """PyTorch's loss of each sample."""
    match settings["kind"]:
        case "cross-entropy":
            return F.cross_entropy(output, target, reduction="none")
        case "hinge":  # PyTorch divides by the number of classes
            margin = settings.get("margin", 1.0)
            return F.multi_margin_loss(output, target, p=1, margin=margin, reduction="none") * output.shape[1]
        case "binary-cross-entropy":
            return F.binary_cross_entropy_with_logits(output, target, reduction="none").sum(1)
        case "squared-error":
            return F.mse_loss(output, target, reduction="none").sum(1)
        case "mean-squared-error":
            return F.mse_loss(output, target, reduction="none").mean(1)
    raise ValueError(settings)


def losses(rng):
    found = {}
    large = np.array([[1e4, -1e4, 0, 5], [-300.0, 300, 299.5, 0], [60, 0, -60, 59]])
    ids = rng.integers(0, 4, 9)
    targets = {
        "cross-entropy": ids,
        "hinge": ids,
        "binary-cross-entropy": rng.integers(0, 2, (9, 4)).astype(float),
        "squared-error": rng.normal(size=(9, 4)),
        "mean-squared-error": rng.normal(size=(9, 4)),
    }
    cases = [(kind, {"kind": kind}) for kind in targets] + [("hinge-margin", {"kind": "hinge", "margin": 0.4})]
    for case, settings in cases:
        target = torch.tensor(targets[settings["kind"]])
        for name, n in (("", rng.normal(size=(9, 4)) * 2), ("-large", large)):
            output, some = leaf(n), target[: len(n)]
            values = loss_values(settings, output, some)
            values.sum().backward()
            put(found, case + name, settings, output=output, target=some, values=values, gradient=output.grad)
    return found
