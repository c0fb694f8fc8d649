"""Optimizers, schedules, initializers and whole trainings, with PyTorch."""

from __future__ import annotations

import json

import numpy as np
import torch
from torch_layers import leaf, loss_values, run_layer
from vectors import put

STEPS = 12


# Optimizers: the same gradients in the same order, the parameters after every step


def torch_optimizer(settings, parameters, **more):
    names = {"rate": "lr", "decay": "alpha", "epsilon": "eps"}
    rest = {names.get(key, key): value for key, value in settings.items() if key not in ("kind", "beta1", "beta2")}
    match settings["kind"]:
        case "sgd" | "momentum":
            return torch.optim.SGD(parameters, **rest, **more)
        case "rmsprop":
            return torch.optim.RMSprop(parameters, **rest, **more)
        case "adam":
            betas = (settings.get("beta1", 0.9), settings.get("beta2", 0.999))
            decoupled = more.pop("decoupled", 0.0)
            if decoupled:
                return torch.optim.AdamW(parameters, betas=betas, weight_decay=decoupled, **rest, **more)
            return torch.optim.Adam(parameters, betas=betas, **rest, **more)
    raise ValueError(settings)


def trajectory(optimizer, theta, gradients):
    path = []
    for gradient in gradients:
        theta.grad = torch.tensor(gradient)
        optimizer.step()
        path.append(theta.detach().clone())
    return torch.stack(path)


def optimizers(rng):
    found = {}
    momentum = {"kind": "momentum", "rate": 0.05, "momentum": 0.9}
    adam = {"kind": "adam", "rate": 0.1}
    cases = [
        ("sgd", {"kind": "sgd", "rate": 0.1}, {}, {}),
        ("momentum", momentum, {}, {}),
        ("nesterov", momentum | {"nesterov": True}, {}, {}),
        ("rmsprop", {"kind": "rmsprop", "rate": 0.01, "decay": 0.9}, {}, {}),
        ("rmsprop-epsilon", {"kind": "rmsprop", "rate": 0.01, "decay": 0.99, "epsilon": 0.01}, {}, {}),
        ("adam", adam, {}, {}),
        ("adam-betas", adam | {"beta1": 0.5, "beta2": 0.9, "epsilon": 0.001}, {}, {}),
        ("sgd-l2", {"kind": "sgd", "rate": 0.1}, {"weight_decay": 0.2}, {"l2": 0.2}),
        ("nesterov-l2", momentum | {"nesterov": True}, {"weight_decay": 0.2}, {"l2": 0.2}),
        ("adam-l2", adam, {"weight_decay": 0.2}, {"l2": 0.2}),
        ("adam-decay", adam, {"decoupled": 0.2}, {"weight_decay": 0.2}),
    ]
    for case, settings, more, regularization in cases:
        settings = {"rate": settings["rate"], **settings}
        theta = leaf(rng.normal(size=8))
        start = theta.detach().clone()
        gradients = rng.normal(size=(STEPS, 8)) * 10.0 ** rng.integers(-3, 3, 8)
        path = trajectory(torch_optimizer(settings, [theta], **more), theta, gradients)
        put(
            found,
            case,
            settings,
            regularization=json.dumps(regularization),
            start=start,
            gradients=gradients,
            path=path,
        )
    gradient = leaf(np.zeros(9))
    gradient.grad = torch.tensor(rng.normal(size=9))
    put(found, "clip", start=gradient.grad.clone(), norm=torch.nn.utils.clip_grad_norm_([gradient], 0.5))
    put(found, "clip", clipped=gradient.grad)  # PyTorch divides by the norm + 1e-6
    return found


# Schedules: the rate of every step


def schedules(rng):
    found = {}
    base, epoch, total, warmup = 0.3, 5, 40, 8

    def rates(make):
        optimizer = torch.optim.SGD([leaf(np.zeros(1))], lr=base)
        schedule = make(optimizer)
        got = []
        for _ in range(total):
            got.append(schedule.get_last_lr()[0])
            optimizer.step()
            schedule.step()
        return got

    lr = torch.optim.lr_scheduler
    # LinearLR reaches 1 after total_iters steps, having begun at start_factor: (i + 1) / warmup
    rising = {"start_factor": 1 / warmup, "total_iters": warmup - 1}
    cases = [
        ("cosine", {"kind": "cosine"}, lambda o: lr.CosineAnnealingLR(o, total)),
        ("cosine-floor", {"kind": "cosine", "floor": 0.2}, lambda o: lr.CosineAnnealingLR(o, total, 0.2 * base)),
        ("step", {"kind": "step", "every": 3, "factor": 0.5}, lambda o: lr.StepLR(o, 3 * epoch, 0.5)),
        ("warm-up", {"kind": "constant", "warmup": warmup}, lambda o: lr.LinearLR(o, **rising)),
        (
            "cosine-warm-up",
            {"kind": "cosine", "warmup": warmup},
            lambda o: lr.SequentialLR(
                o, [lr.LinearLR(o, **rising), lr.CosineAnnealingLR(o, total - warmup)], milestones=[warmup]
            ),
        ),
        ("inverse", {"kind": "inverse", "c": 4.0}, lambda o: lr.LambdaLR(o, lambda i: 1 / (i + 4.0))),
    ]
    for case, settings, make in cases:
        put(found, case, settings, base=base, steps_per_epoch=epoch, total_steps=total, rates=rates(make))
    return found


# Initializers: PyTorch's fans and its bound or deviation for them


def initializers(rng):
    found = {}
    init = torch.nn.init
    for case, settings, image, weight in [
        ("dense", {"kind": "dense", "units": 40}, (300,), torch.empty(40, 300)),
        ("conv", {"kind": "conv2d", "filters": 32, "kernel": [3, 5]}, (8, 8, 16), torch.empty(32, 16, 3, 5)),
    ]:
        torch.manual_seed(0)
        fan_in, fan_out = init._calculate_fan_in_and_fan_out(weight)
        drawn = {
            "glorot_uniform": init.xavier_uniform_(weight).abs().max(),
            "glorot_normal": init.xavier_normal_(weight).std(),
            "he_uniform": init.kaiming_uniform_(weight, nonlinearity="relu").abs().max(),
            "he_normal": init.kaiming_normal_(weight, nonlinearity="relu").std(),
        }
        drawn = {name: value.clone() for name, value in drawn.items()}
        put(found, case, settings, shape=image, fan_in=fan_in, fan_out=fan_out, **drawn)
    return found


# Whole networks: the loss and all gradients of the first step, the losses of every step, the parameters at the end


def networks(rng):
    found = {}
    dense = lambda units: {"kind": "dense", "units": units}  # noqa: E731
    conv = lambda filters, **more: {"kind": "conv2d", "filters": filters, "kernel": 3, **more}  # noqa: E731
    relu, tanh, sigmoid, flatten = ({"kind": kind} for kind in ("relu", "tanh", "sigmoid", "flatten"))
    cnn = [conv(4, padding="same"), relu, {"kind": "max-pool"}, conv(6), relu, {"kind": "max-pool"}, flatten, dense(8)]
    cnn = [*cnn, relu, dense(5)]
    pooled = [conv(3, stride=2, padding=1), tanh, {"kind": "average-pool"}, flatten, dense(3)]
    image = (10, 10, 2)
    momentum = {"kind": "momentum", "rate": 0.05, "momentum": 0.9}
    adam, sgd = ({"kind": kind, "rate": 0.01} for kind in ("adam", "sgd"))
    rmsprop = {"kind": "rmsprop", "rate": 0.01, "decay": 0.9}
    l2 = {"weight_decay": 0.01}, {"l2": 0.01, "biases": True}
    none = {}, {}
    # case, layers, input, loss, optimizer, (PyTorch's settings, regularization)
    cases = [
        ("mlp-adam", [dense(8), relu, dense(6), relu, dense(3)], (5,), "cross-entropy", adam, none),
        ("mlp-nesterov", [dense(8), tanh, dense(2)], (5,), "squared-error", momentum | {"nesterov": True}, none),
        ("mlp-rmsprop", [dense(8), sigmoid, dense(4)], (5,), "binary-cross-entropy", rmsprop, none),
        ("mlp-sgd", [dense(8), relu, dense(4)], (5,), "hinge", sgd, none),
        ("mlp-l2", [dense(7), tanh, dense(2)], (5,), "mean-squared-error", sgd, l2),
        ("softmax-squared", [dense(6), relu, dense(3), {"kind": "softmax"}], (4,), "squared-error", momentum, none),
        ("cnn-adam", cnn, image, "cross-entropy", adam, none),
        ("cnn-momentum", cnn, image, "cross-entropy", momentum, none),
        ("cnn-hinge", cnn, image, "hinge", sgd, none),
        ("cnn-average", pooled, image, "cross-entropy", momentum, none),
    ]
    for case, stack, shape, loss, optimizer, (more, regularization) in cases:
        start, where = random_parameters(rng, stack, shape)
        outputs = start[-1].shape[0]
        x = rng.normal(size=(6, *shape))
        target = rng.integers(0, outputs, 6) if loss in ("cross-entropy", "hinge") else rng.random((6, outputs))
        target = target.round() if loss == "binary-cross-entropy" else target
        parameters = [leaf(each) for each in start]
        values, first = train(
            stack, parameters, where, x, target, {"kind": loss}, torch_optimizer(optimizer, parameters, **more)
        )
        flat = [
            np.concatenate([np.ravel(each) for each in group])
            for group in (start, first, [p.detach() for p in parameters])
        ]
        settings = {"network": stack, "loss": {"kind": loss}, "optimizer": optimizer, "regularization": regularization}
        put(found, case, settings, x=x, target=target, values=values, start=flat[0], gradient=flat[1], end=flat[2])
    return found


def random_parameters(rng, stack, shape):
    """Weights and biases of every layer, in order, and the indices of those of each."""
    found, where = [], []
    x = torch.zeros(1, *shape)
    for settings in stack:
        if settings["kind"] == "dense":
            size = (x.shape[1], settings["units"])
        elif settings["kind"] == "conv2d":
            size = (3, 3, x.shape[3], settings["filters"])
        else:
            size = ()
        where.append((len(found), len(found) + 1) if size else ())
        if size:
            fan_in = np.prod(size[:-1])
            found += [rng.normal(size=size) * np.sqrt(2 / fan_in), rng.normal(size=size[-1]) * 0.1]
        x = run_layer(settings, x, *(torch.tensor(found[i]) for i in where[-1]))
    return found, where


def train(stack, parameters, where, x, target, loss, optimizer):
    """Full-batch steps on the mean over samples. Returns the loss at every step and the gradients of the first."""
    values, first, x, target = [], [], torch.tensor(x), torch.tensor(target)
    for _ in range(STEPS):
        a = x
        for settings, indices in zip(stack, where, strict=True):
            a = run_layer(settings, a, *(parameters[i] for i in indices))
        value = loss_values(loss, a, target).mean()
        optimizer.zero_grad()
        value.backward()
        first = first or [each.grad.numpy().copy() for each in parameters]
        optimizer.step()
        values.append(value.item())
    return values, first
