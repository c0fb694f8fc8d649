"""What is compared: the rows, who takes part in each, and the ratio that is wanted.

A contestant's name says what it is: the library, then how it is used.

plain, fused  PyTorch's Adam
nhwc          PyTorch's images in channels-last order; JAX's always are
padded        pairs of sentences padded to the longest of their batch; else packed
cell          LSTMCell step by step; else LSTM, called for each step
b1000         batches of so many
1             on one thread; else on two
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Work(NamedTuple):
    """A row.

    `kind` and `sizes` are what each contestant's process is told, `unit` is that of the figures, and `less`: the lower
    figure is the better one, and the ratio is the peer's over tuinet's. `wanted`: the least ratio that is asked for.
    """

    title: str
    kind: str
    peers: tuple[str, ...] = ()
    wanted: float | None = None
    unit: str = "samples/s"
    sizes: Mapping[str, int] = {}
    less: bool = False


def with_one_thread(*names: str) -> tuple[str, ...]:
    """The same on two threads and on one."""
    return (*names, *(f"{name}-1" for name in names))


DENSE = with_one_thread("torch-plain", "torch-fused", "scikit-learn", "jax")
IMAGES = with_one_thread("torch-plain", "torch-fused", "torch-plain-nhwc", "torch-fused-nhwc", "jax")
SEQUENCES = with_one_thread("torch-plain", "torch-fused", "jax")
PAIRS = with_one_thread("torch-plain", "torch-fused", "torch-plain-padded", "torch-fused-padded")
ONE_IMAGE = with_one_thread("torch", "torch-nhwc", "jax")
ONE_SENTENCE = with_one_thread("torch", "torch-cell")
MANY_IMAGES = (
    *(f"{name}-b{size}" for name in ("torch", "torch-nhwc", "jax") for size in (256, 1000, 10000)),
    *("torch-b256-1", "torch-nhwc-b256-1"),
)
FIRST_STEP = with_one_thread("torch-plain", "torch-fused")

MLP = "MLP 784-256-128-10, batch {}: forward, backward, Adam, float32"
CNN = "CNN 28×28: conv 3×3×16, ReLU, pool, conv 3×3×32, ReLU, pool, 128, 10; batch 64"
COLOUR = "CNN 32×32×3: two conv 3×3×32, pool, two conv 3×3×64, pool, 128, 10, ReLU after each; batch 64"
LANGUAGE_MODEL = "language model of 64 symbols, embedding 64, 50 steps, batch 32, Adam"
TRANSLATOR = "translator: LSTM 256 to LSTM 256, 5,000 words, 3 to 15 words each, batch 64, Adam"
ONE = "one image through the CNN of `cnn`, classified"
SENTENCE = "the translator's greedy answer of 15 words to one sentence of 8"
STARTING = "a first step of `digits-cnn`: the whole process, from its command"

WORKS = {
    "mlp-128": Work(MLP.format(128), "mlp", DENSE, 1.3, sizes={"batch": 128}),
    "mlp-32": Work(MLP.format(32), "mlp", DENSE, 1.3, sizes={"batch": 32}),
    "cnn": Work(CNN, "cnn", IMAGES, 1.0),
    "cnn-colour": Work(COLOUR, "cnn-colour", IMAGES, 1.0, sizes={"samples": 2_000}),
    "lstm-128": Work(f"LSTM 128, {LANGUAGE_MODEL}", "lstm", SEQUENCES, 1.0, "symbols/s", {"width": 128}),
    "lstm-256": Work(f"LSTM 256, {LANGUAGE_MODEL}", "lstm", SEQUENCES, 1.0, "symbols/s", {"width": 256}),
    "seq2seq": Work(TRANSLATOR, "seq2seq", PAIRS, 1.0, "pairs/s"),
    "gru": Work(f"GRU 256 in PyTorch's form, {LANGUAGE_MODEL}", "gru", SEQUENCES, 1.0, "symbols/s"),
    "peephole": Work(f"LSTM 128 with peepholes, {LANGUAGE_MODEL}", "peephole", SEQUENCES, 2.0, "symbols/s"),
    "decode": Work("its greedy answers of 15 words, 100 sources at a time", "decode", unit="sentences/s"),
    "one-image": Work(ONE, "one-image", ONE_IMAGE, 3.0, "answers/s"),
    "one-sentence": Work(SENTENCE, "one-sentence", ONE_SENTENCE, 3.0, "sentences/s"),
    "images-10000": Work("10,000 images through the CNN of `cnn`", "images-10000", MANY_IMAGES, 1.0, "images/s"),
    "first-step": Work(f"seconds to {STARTING}", "first-step", FIRST_STEP, 4.0, "s", less=True),
    "memory": Work(f"peak memory at {STARTING}", "first-step", FIRST_STEP, 2.0, "MB", less=True),
}
