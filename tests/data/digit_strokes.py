"""The ten digits as a person draws them: lines through points (row, column) of a canvas of 32×32."""

from __future__ import annotations

from itertools import pairwise

from tuinet.data.drawn import Drawing, Point, empty, stroke
from tuinet.nn.params import Array

DIGIT_LINES: tuple[tuple[tuple[Point, ...], ...], ...] = (
    (((4, 16), (6, 11), (12, 8.5), (20, 8.5), (26, 11), (28, 16), (26, 21), (20, 23.5), (12, 23.5), (6, 21), (4, 16)),),
    (((9, 11), (4, 17), (28, 17)),),
    (((9, 9), (5, 12), (4, 17), (6, 22), (11, 22), (17, 17), (23, 11), (28, 8), (28, 24)),),
    (((6, 9), (4, 14), (5, 20), (9, 22), (13, 20), (15, 15), (18, 20), (22, 23), (26, 20), (28, 14), (26, 9)),),
    (((4, 17), (20, 7), (20, 25)), ((10, 20), (28, 20))),
    (((4, 22), (4, 10), (14, 10), (12, 16), (15, 21), (20, 23), (25, 21), (28, 15), (26, 9)),),
    (((4, 19), (10, 12), (17, 9), (24, 10), (28, 15), (26, 21), (21, 22), (17, 18), (17, 13), (20, 9)),),
    (((4, 8), (4, 23), (14, 18), (28, 13)),),
    (
        (
            (4, 16), (7, 10), (11, 11), (15, 16), (20, 21), (25, 21), (28, 16), (25, 10), (20, 10), (15, 16),
            (11, 21), (7, 21), (4, 16),
        ),
    ),
    (((13, 22), (16, 16), (13, 10), (8, 9), (4, 14), (5, 20), (12, 22), (20, 20), (28, 17)),),
)  # fmt: skip


def drawn_digit(digit: int, drawing: Drawing, *, size: float = 1.0, at: Point = (0, 0), pen: float = 1.0) -> Array:
    """The digit drawn on the canvas, `size` as large and `at` so far from its middle, with a pen `pen` as thick."""
    ink = empty(drawing.canvas)
    scale = drawing.canvas[0] / 32
    for line in DIGIT_LINES[digit]:
        points = [(((y - 16) * size + 16 + at[0]) * scale, ((x - 16) * size + 16 + at[1]) * scale) for y, x in line]
        for start, end in pairwise(points):
            stroke(ink, start, end, pen * drawing.pen)
    return ink
