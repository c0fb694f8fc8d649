"""Views to draw: small ones with known values, and those of shipped models."""

from __future__ import annotations

from functools import cache

import numpy as np
import pyte

import tuinet
from tuinet.inspection.trace import trace
from tuinet.inspection.view import Axis, Sum, Table, Term, View, views
from tuinet.inspection.view import Part as Stage
from tuinet.render.draw import Paper, ansi, draw

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def view(
    kind: str, data: object, *names: str, labels: dict[str, tuple[str, ...]] | None = None, **more: object
) -> View:
    axes = tuple(Axis(name, (labels or {}).get(name, ())) for name in names)
    return View("example", kind, axes, np.asarray(data), **more)


def matrix(data: object, **more: object) -> View:
    return view("matrix", data, "row", "column", **more)


@cache
def digit() -> dict[str, View]:
    """What digits-cnn makes of a nought."""
    ring = [
        [0, 0, 5, 13, 9, 1, 0, 0], [0, 0, 13, 15, 10, 15, 5, 0], [0, 3, 15, 2, 0, 11, 8, 0], [0, 4, 12, 0, 0, 8, 8, 0],
        [0, 5, 8, 0, 0, 9, 8, 0], [0, 4, 11, 0, 1, 12, 7, 0], [0, 2, 14, 5, 10, 12, 0, 0], [0, 0, 6, 13, 10, 0, 0, 0],
    ]  # fmt: skip
    return {each.name: each for each in views(trace(tuinet.load("digits-cnn"), np.array(ring, float)[..., None]))}


@cache
def word() -> dict[str, View]:
    """What cmudict-seq2seq makes of "thought"."""
    return {each.name: each for each in views(trace(tuinet.load("cmudict-seq2seq"), ["thought"]))}


def forget_gate() -> View:
    found = word()["seq2seq1/encoder/lstm1/forget"]
    return View("forget", "matrix", found.axes, found.data, low=0.0, high=1.0, title="encoder/lstm1, forget gate")


def confusion() -> View:
    counts = np.arange(100).reshape(10, 10) * 7 % 4 + np.diag(range(20, 40, 2))
    axes = (Axis("true class", CLASSES), Axis("predicted class", CLASSES))
    return View("confusion", "matrix", axes, counts, title="Confusion")


def curves() -> View:
    x = np.linspace(-3, 3, 61)
    axes = (Axis("line", ("tanh", "its slope")), Axis("sum of the inputs"))
    return View("curve", "series", axes, np.stack([np.tanh(x), 1 - np.tanh(x) ** 2]), x=x, title="tanh")


def layers() -> Table:
    rows = (
        ("conv1", "16 of 3×3, same padding, stride 1", "8×8×1", "8×8×16", 160, 0.0184),
        ("relu1", "", "8×8×16", "8×8×16", None, None),
        ("dense1", "10 units, Glorot's uniform distribution", "256", "10", 2570, 0.00514),
    )
    return Table("layers", ("layer", "settings", "input", "output", "parameters", "MFLOP"), rows, title="Layers")


def cell_of_a_map() -> Sum:
    """The sum of SCREENS: a window times a kernel, and a bias."""
    window = np.array([[0, 0.5, 1], [0.2, 0.9, 1], [0, 0.3, 0.8]])
    kernel = np.array([[0.21, -0.4, 0.11], [0.35, 0.02, -0.07], [-0.11, 0.52, 0.3]])
    places = [(r, c) for r in range(3) for c in range(3)]
    terms = tuple(
        Term((f"window {r},{c}", f"kernel {r},{c}"), (window[r, c], kernel[r, c]), window[r, c] * kernel[r, c])
        for r, c in places
    )
    terms = (*terms, Term(("bias",), (0.488,), 0.488))
    total = sum(term.product for term in terms)
    pictures = tuple(
        View(name, "matrix", (Axis("row"), Axis("column")), data)
        for name, data in (("window", window), ("kernel", kernel), ("products", window * kernel))
    )
    part = Stage("", "sum", terms, total, "", total)
    equation = "y[r, c] = Σ x[r + i, c + j] · w[i, j] + b"
    return Sum("conv1 · map 3 · row 2, column 5", equation, (part,), total, total, 2.0, 2e-6, pictures=pictures)


def gate_of_many() -> Sum:
    """784 terms, a function, and a numerical value beside it."""
    weights = np.sin(np.arange(784.0))
    terms = tuple(Term((f"x[{n}]", f"w[{n}, 7]"), (0.5, w), 0.5 * w) for n, w in enumerate(weights.tolist()))
    total = sum(term.product for term in terms)
    value = 0.5 * np.tanh(total / 2) + 0.5
    part = Stage("what goes into the gate", "sum", terms, total, "sigmoid", value)
    return Sum("lstm1 · forget · step 5, unit 37", "", (part,), value, value + 1.0, 2.0, 2e-6, numerical=value)


def screen(seen: object, paper: Paper) -> pyte.Screen:
    """What a terminal of the paper's width shows of it."""
    lines = draw(seen, paper)  # pyright: ignore[reportArgumentType]
    terminal = pyte.Screen(paper.width, len(lines) + 1)
    pyte.Stream(terminal).feed(ansi(lines, paper).replace("\n", "\r\n"))
    return terminal
