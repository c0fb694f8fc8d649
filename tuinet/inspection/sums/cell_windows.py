"""The arithmetic of layers that slide a window over an image: a convolution's products, a pool's cells."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from tuinet.inspection.sums.cell_parts import Asked, Worked, numbers, place, stage, term
from tuinet.inspection.view import Axis, Term, View
from tuinet.nn.layers.pool import AveragePool, MaxPool
from tuinet.nn.layers.windows import pair
from tuinet.nn.params import Array


class Window(NamedTuple):
    """The cells of an image that one value of the output sees.

    cells          (kh, kw, C) in float64, 0 in the padding
    rows, columns  where they lie on the image, outside of it in the padding
    inside         (kh, kw) whether they are cells of the image
    """

    cells: Array
    rows: list[int]
    columns: list[int]
    inside: Array


def window(
    image: Array,
    at: tuple[int, int],
    size: tuple[int, int],
    stride: tuple[int, int],
    padding: Literal["same", "valid"] | int,
) -> Window:
    """Row i of the output sees the rows i · stride − padding and those below it, `size` in all; so do columns."""
    spans = [
        list(range(i * s - before(n, k, s, padding), i * s - before(n, k, s, padding) + k))
        for i, n, k, s in zip(at, image.shape[:2], size, stride, strict=True)
    ]
    rows, columns = spans
    within = [np.array([0 <= i < n for i in span]) for span, n in zip(spans, image.shape[:2], strict=True)]
    inside = within[0][:, None] & within[1]
    cells = np.zeros((*size, image.shape[2]))
    seen = np.ix_(np.array(rows)[within[0]], np.array(columns)[within[1]])
    cells[inside] = image[seen].reshape(-1, image.shape[2])
    return Window(cells, rows, columns, inside)


def before(n: int, k: int, s: int, padding: Literal["same", "valid"] | int) -> int:
    """How many zeros lie before the n cells of an image: of those that "same" needs for ⌈n / s⌉ windows, half."""
    if padding == "valid":
        return 0
    return max(0, (-(-n // s) - 1) * s + k - n) // 2 if padding == "same" else padding


def conv(asked: Asked) -> Worked:
    layer, given = asked.layer, asked.input
    i, j, f = given.where
    kernel = np.asarray(asked.params["weight"][..., f], np.float64)  # (kh, kw, C)
    seen = window(given.array, (i, j), pair(layer.kernel), pair(layer.stride), layer.padding)
    terms: list[Term] = []
    for (u, v, c), weight in np.ndenumerate(kernel):
        cell = f"x{given.at}{place(seen.rows[u], seen.columns[v], c)}"
        name = cell if seen.inside[u, v] else "0 of the padding"
        terms.append(term((name, float(seen.cells[u, v, c])), (f"weight{place(u, v, c, f)}", float(weight))))
    if layer.bias:
        terms.append(term((f"bias{place(f)}", asked.weight("bias", f))))
    pictures = (
        _picture("window", seen.cells, seen, "what the kernel lies on"),
        _picture("kernel", kernel, None, f"kernel {f}"),
        _picture("products", seen.cells * kernel + 0.0, seen, "cell by cell, window × kernel"),
    )
    outside = int((~seen.inside).sum())
    notes = (f"{outside} of the window's {seen.inside.size} cells lie in the padding",) if outside else ()
    bias = " + bias[f]" if layer.bias else ""
    equation = f"y[b, i, j, f] = Σ_{{u, v, c}} x[b, i·s + u − p, j·s + v − p, c] · weight[u, v, c, f]{bias}"
    return Worked(equation, (stage("sum of products", terms),), pictures, notes)


def pool(asked: Asked) -> Worked:
    layer, given = asked.layer, asked.input
    i, j, c = given.where
    size = pair(layer.window)
    seen = window(given.array, (i, j), size, size if layer.stride is None else pair(layer.stride), "valid")
    cells = seen.cells[:, :, c]
    share = [(f"1 / {cells.size}", 1 / cells.size)] if isinstance(layer, AveragePool) else []
    terms = [
        term((f"x{given.at}{place(row, column, c)}", value), *share)
        for row, line in zip(seen.rows, cells, strict=True)
        for column, value in zip(seen.columns, numbers(line), strict=True)
    ]
    pictures = (_picture("window", cells[:, :, None], seen, f"map {c} of the input"),)
    if isinstance(layer, MaxPool):
        u, v = np.unravel_index(int(cells.argmax()), cells.shape)
        notes = (f"the largest lies at row {seen.rows[u]}, column {seen.columns[v]}",)
        return Worked(
            "y = the greatest value of each window", (stage("window", terms, how="largest"),), pictures, notes
        )
    what = "mean" if share else "sum"
    return Worked(f"y = the {what} of each window", (stage(f"{what} of the window", terms),), pictures)


def _picture(name: str, cells: Array, seen: Window | None, title: str) -> View:
    """(kh, kw, C) as one matrix, or as one for each channel; with the rows and columns of the image."""
    labels = ((), ()) if seen is None else (tuple(map(str, seen.rows)), tuple(map(str, seen.columns)))
    axes = (Axis("row", labels[0]), Axis("column", labels[1]))
    if cells.shape[2] == 1:
        return View(name, "matrix", axes, cells[:, :, 0], title=title)
    return View(name, "images", (Axis("channel"), *axes), np.moveaxis(cells, 2, 0), title=title)
