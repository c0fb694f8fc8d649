"""JAX with jit on the processor: networks over images and language models, trained for ever, and images classified.

Batches come from NumPy at every step, as a user would have them; Adam is written out; a step gives its state's memory
to the next. Calls return before they are done: one step is begun while the last is on its way, and `settle` waits.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Set
from functools import partial
from typing import Any

import answers
import images
import numpy as np
import recurrent

Work = Iterator[int]
Loss = Callable[..., tuple[Any, Any]]
"""Of the weights, and the rest that a step is given: the loss, and what the next step is given."""

ONE_THREAD = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"


def jax(kind: str, sizes: Mapping[str, int], flags: Set[str]) -> Work:
    os.environ["JAX_PLATFORMS"] = "cpu"
    if sizes["threads"] == 1:
        os.environ["XLA_FLAGS"] = ONE_THREAD
    if kind in images.SHAPES:
        yield from in_turn(_images(kind, sizes))
    elif kind in ("one-image", "images-10000"):
        yield from _answers(kind, sizes)
    else:
        yield from in_turn(_language_model(kind, sizes))


def settle() -> None:
    """Wait until all that was asked for is done."""
    import jax

    jax.block_until_ready(jax.live_arrays())


def in_turn(steps: Iterator[tuple[int, Any]]) -> Work:
    """Begin a step when the one before the last is done: without that, seconds of work pile up in a short stretch.

    `steps` gives the samples and the loss of each.
    """
    before = None
    for samples, loss in steps:
        if before is not None:
            before.block_until_ready()
        before = loss
        yield samples


def adam(loss: Loss):
    """`step(state, …)`: one step of Adam; gives the state after it, the loss, and what the loss hands on."""
    import jax
    import jax.numpy as jnp

    @partial(jax.jit, donate_argnums=0)
    def step(state, *given):
        weights, first, second, t = state
        (value, after), grads = jax.value_and_grad(loss, has_aux=True)(weights, *given)
        t = t + 1
        first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, grads)
        second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, grads)
        a, b = 1 - 0.9**t, 1 - 0.999**t
        move = lambda w, m, v: w - 0.001 * (m / a) / (jnp.sqrt(v / b) + 1e-8)  # noqa: E731
        return (jax.tree.map(move, weights, first, second), first, second, t), value, after

    return step


def begin(weights):
    """The state before the first step."""
    import jax
    import jax.numpy as jnp

    return weights, *(jax.tree.map(jnp.zeros_like, weights) for _ in range(2)), jnp.zeros((), jnp.float32)


def cross_entropy(scores, classes):
    import jax
    import jax.numpy as jnp

    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(scores), classes[:, None], 1))


def drawn(*shape: int):
    """Weights whose last axis is that of the outputs."""
    import jax.numpy as jnp

    rng = np.random.default_rng(0)
    return jnp.asarray(rng.standard_normal(shape) * (2 / np.prod(shape[:-1])) ** 0.5, jnp.float32)


# ── images ────────────────────────────────────────────────────────────────────────────────────────────────────────


def classifier(kind: str, width: int = 256):
    """The weights of each layer, and the scores of a batch (N, H, W, C) by them."""
    import jax
    import jax.numpy as jnp
    from jax import lax

    layers = images.network(kind, width)
    rows, columns, channels = images.SHAPES[kind]
    weights = []
    for what, size in layers:
        if what in ("conv", "dense"):
            kernel = (3, 3) if what == "conv" else ()
            weights.append((drawn(*kernel, channels, size), jnp.zeros(size)))
            channels = size
        elif what == "pool":
            rows, columns = rows // 2, columns // 2
        elif what == "flatten":
            channels *= rows * columns

    def scores(weights, x):
        left = iter(weights)
        for what, _ in layers:
            if what == "conv":
                kernel, bias = next(left)
                x = lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
                x = x + bias
            elif what == "dense":
                weight, bias = next(left)
                x = x @ weight + bias
            elif what == "pool":  # four times as fast as reduce_window, whose gradient is slow here
                n, h, w, c = x.shape
                x = x.reshape(n, h // 2, 2, w // 2, 2, c).max((2, 4))
            elif what == "flatten":
                x = x.reshape(len(x), -1)
            else:
                x = jax.nn.relu(x)
        return x

    return weights, scores


def _images(kind: str, sizes: Mapping[str, int]) -> Iterator[tuple[int, Any]]:
    weights, scores = classifier(kind, sizes["width"])
    step = adam(lambda weights, x, y: (cross_entropy(scores(weights, x), y), None))
    x, y = images.data(kind, sizes["samples"])
    y = y.astype(np.int32)
    state = begin(weights)
    for rows in images.shuffled(len(x), sizes["batch"]):
        state, value, _ = step(state, x[rows], y[rows])
        yield len(rows), value


def _answers(kind: str, sizes: Mapping[str, int]) -> Work:
    import jax

    weights, scores = classifier("cnn")
    ids = jax.jit(lambda x: scores(weights, x).argmax(1))
    size = sizes["batch"]

    def all_ids(x: np.ndarray) -> np.ndarray:
        parts = [ids(x[start : start + size]) for start in range(0, len(x), size)]  # begun before the first is done
        return np.concatenate([np.asarray(part) for part in parts])

    one = lambda image: np.asarray(ids(image[None]))  # noqa: E731
    yield from answers.answers(kind, all_ids if kind == "images-10000" else one)


# ── language models ───────────────────────────────────────────────────────────────────────────────────────────────


def cell(kind: str, width: int):
    """Its weights, and (state, inputs' part of a step) -> state, whose first is `hidden`."""
    import jax
    import jax.numpy as jnp

    sigmoid, tanh = jax.nn.sigmoid, jnp.tanh
    gates = 3 if kind == "gru" else 4
    weights = [drawn(width, gates * width), drawn(3, width) if kind == "peephole" else jnp.zeros(gates * width)]

    def lstm(weights, state, a):
        hidden, memory = state
        i, f, g, o = jnp.split(a + hidden @ weights[0], 4, 1)
        memory = sigmoid(f) * memory + sigmoid(i) * tanh(g)
        return sigmoid(o) * tanh(memory), memory

    def peephole(weights, state, a):
        hidden, memory = state
        i, f, g, o = jnp.split(a + hidden @ weights[0], 4, 1)
        seen = weights[1]
        memory = sigmoid(f + seen[1] * memory) * memory + sigmoid(i + seen[0] * memory) * tanh(g)
        return sigmoid(o + seen[2] * memory) * tanh(memory), memory

    def gru(weights, state, a):
        (hidden,) = state
        b = hidden @ weights[0] + weights[1]
        (ar, az, an), (br, bz, bn) = jnp.split(a, 3, 1), jnp.split(b, 3, 1)
        r, z = sigmoid(ar + br), sigmoid(az + bz)
        return ((1 - z) * tanh(an + r * bn) + z * hidden,)

    return weights, {"lstm": lstm, "peephole": peephole, "gru": gru}[kind]


def _language_model(kind: str, sizes: Mapping[str, int]) -> Iterator[tuple[int, Any]]:
    import jax.numpy as jnp
    from jax import lax

    batch, width, symbols = sizes["batch"], sizes["width"], recurrent.SYMBOLS
    recurrence, forward = cell(kind, width)
    fed = recurrence[0].shape[1]
    weights = [
        drawn(symbols, 64),
        drawn(64, fed),
        jnp.zeros(fed),
        recurrence,
        drawn(width, symbols),
        jnp.zeros(symbols),
    ]

    def loss(weights, x, y, state):
        embedding, inputs, bias, recurrence, out, out_bias = weights

        def step(state, a):
            state = forward(recurrence, state, a)
            return state, state[0]

        a = embedding[x.T] @ inputs + bias  # (T, B, gates), of all steps at once
        state, hidden = lax.scan(step, state, a)
        return cross_entropy((hidden @ out + out_bias).reshape(-1, symbols), y.T.reshape(-1)), state

    step = adam(loss)
    state = begin(weights)
    zero = tuple(np.zeros((batch, width), np.float32) for _ in range(1 if kind == "gru" else 2))
    epoch = list(recurrent.windows(batch, np.int32))
    while True:
        carried = zero
        for x, y in epoch:
            state, value, carried = step(state, x, y, carried)
            yield x.size, value
