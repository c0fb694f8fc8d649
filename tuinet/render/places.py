"""Which value lies under which cell of a drawing: what a cursor, the arrow keys and the mouse go by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from tuinet.render.cells import reduced
from tuinet.render.oklab import Array
from tuinet.render.paper import Lines

Index = tuple[int, ...]
"""A place in a view's data: `data[index]` is the value drawn, of a coloured point the first of its three."""


class Block(NamedTuple):
    """A rectangle of points of one size, side by side: a value each or, of a reduced drawing, a box of values.

    x, y           the cell of its upper left corner
    columns, rows  how many points
    wide, high     half cells of each: where two values share a cell, 1
    start          the index of the first point's first value
    across, down   what the next point to the right, or below, adds to the index; nothing where there is none
    largest        whether a point shows the value of largest size in its box; else its first stands for it
    base           the line of a point that is pointed at: columns are as many lines high as the highest
    lead           the one cell of it that is pointed at, None: all of them; the place of a curve is a single column
    """

    x: int
    y: int
    columns: int
    rows: int
    wide: int
    high: int
    start: Index
    across: Index
    down: Index
    largest: bool = False
    base: int = 0
    lead: int | None = None

    def point(self, index: Sequence[int]) -> tuple[int, int] | None:
        """Row and column of the point that shows a value or stands for it; a channel behind them does not matter."""
        if len(index) < len(self.start):
            return None
        row = column = 0
        for at, first, down, across in zip(index, self.start, self.down, self.across, strict=False):
            if down:
                row = (at - first) // down
            elif across:
                column = (at - first) // across
            elif at != first:
                return None
        return (row, column) if 0 <= row < self.rows and 0 <= column < self.columns else None

    def place(self, row: int, column: int) -> Index:
        """That of a point's first value."""
        steps = zip(self.start, self.down, self.across, strict=True)
        return tuple(first + row * down + column * across for first, down, across in steps)

    def follows(self, other: Block) -> bool:
        """Whether this goes on to the right where the other, a band of the same map, ends."""
        return any(self.across) and self.start == other.place(0, other.columns)


Body = tuple[Lines, Iterable[Block]]
"""Lines without a title, and the blocks in them, which may be made only when somebody goes through them, once."""

_Point = tuple[Block, int, int]


@dataclass(frozen=True, eq=False)
class Drawing:
    """One thing as lines, none of them wider than `width`, and where in them the values of `data` lie.

    `body`: the blocks, counted from the line `top` on.
    """

    lines: Lines
    width: int
    data: Array
    body: Iterable[Block] = ()
    top: int = 0

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """The rectangles in which values are drawn, as far as the paper reaches; made when first asked for."""
        found: list[Block] = []
        for block in self.body:
            fit = min(block.columns, -(-2 * (self.width - block.x) // block.wide))
            if fit > 0:
                found.append(block._replace(y=block.y + self.top, columns=fit))
        return tuple(found)

    def at(self, x: int, y: int, second: bool = False) -> Index | None:
        """The index of the value drawn in cell x of line y, None if there is none.

        Where two values share the cell it is the upper or left one, or the `second`.
        """
        if x >= self.width:
            return None
        for block in self.blocks:
            left, above = 2 * (x - block.x), 2 * (y - block.y)
            if 0 <= left < block.columns * block.wide and 0 <= above < block.rows * block.high:
                row = min((above + second) // block.high, block.rows - 1)
                column = min((left + second) // block.wide, block.columns - 1)
                return self._shown((block, row, column))
        return None

    def where(self, index: Sequence[int]) -> tuple[int, int, int] | None:
        """The cell x, the line y and the width in cells at which a value is drawn, None if it is not.

        Of a reduced drawing: those of the point that stands for it. A point higher than a line: the first line that it
        has to itself; of a column, the line that it stands on.
        """
        found = self._point(index)
        if found is None:
            return None
        block, row, column = found
        x, width = _own_cells(column * block.wide, block.wide)
        y, _ = _own_cells(row * block.high, block.high)
        x += block.x
        if block.lead is not None:
            x, width = x + block.lead, 1
        return x, block.y + y + block.base, min(width, self.width - x)

    def second(self, index: Sequence[int]) -> bool:
        """Whether a value is the lower or the right one of two that share a cell."""
        found = self._point(index)
        if found is None:
            return False
        block, row, column = found
        return (block.high == 1 and row % 2 == 1) or (block.wide == 1 and column % 2 == 1)

    def moved(self, index: Sequence[int], dx: int, dy: int) -> Index:
        """The index of the value that lies so many to the right of this one and then so many below it.

        Over the edge of a tile it goes on in the next one, at the end of a band at the beginning of the band that
        continues it; at the outer edge it stays. An index that is not drawn stays, too.
        """
        found = point = self._point(index)
        if point is None:
            return tuple(index)
        for x, y, count in (((dx > 0) - (dx < 0), 0, abs(dx)), (0, (dy > 0) - (dy < 0), abs(dy))):
            for _ in range(count):
                beside = self._beside(point, x, y)
                if beside is None:
                    break
                point = beside
        return tuple(index) if point == found else self._shown(point)

    def _point(self, index: Sequence[int]) -> _Point | None:
        if all(0 <= at < size for at, size in zip(index, self.data.shape, strict=False)):
            for block in self.blocks:
                point = block.point(index)
                if point is not None:
                    return block, *point
        return None

    def _beside(self, point: _Point, dx: int, dy: int) -> _Point | None:
        """The next point in that direction, one of both being 0."""
        block, row, column = point
        if 0 <= row + dy < block.rows and 0 <= column + dx < block.columns:
            return block, row + dy, column + dx
        beyond = [
            (abs(other.x - block.x) + abs(other.y - block.y), n)
            for n, other in enumerate(self.blocks)
            if _lies(other, block, dx, dy)
        ]
        if beyond:
            other = self.blocks[min(beyond)[1]]
        else:  # a band goes on under itself
            ahead = (each for each in self.blocks if (each.follows(block) if dx > 0 else block.follows(each)))
            other = next(ahead, None) if dx else None
            if other is None:
                return None
        row = min(row, other.rows - 1) if dx else 0 if dy > 0 else other.rows - 1
        column = min(column, other.columns - 1) if dy else 0 if dx > 0 else other.columns - 1
        return other, row, column

    def _shown(self, point: _Point) -> Index:
        """The index of the value that a point shows, or of the first that it stands for."""
        block, row, column = point
        index = block.place(row, column)
        index += (0,) * (self.data.ndim - len(index))
        sizes = [max(1, down + across) for down, across in zip(block.down, block.across, strict=True)]
        sizes += [1] * (self.data.ndim - len(sizes))
        if not block.largest or max(sizes) == 1:
            return index
        box = self.data[tuple(slice(at, at + size) for at, size in zip(index, sizes, strict=True))].astype(np.float64)
        values = box.reshape(1, -1)
        shown = reduced(values, 1, values.size)[0, 0]
        first = int(np.argmax((values == shown) | (np.isnan(values) & np.isnan(shown))))
        within = np.unravel_index(first, box.shape)
        return tuple(at + int(n) for at, n in zip(index, within, strict=True))


def _own_cells(begin: int, size: int) -> tuple[int, int]:
    """The first cell that so many half cells from `begin` on have to themselves, and how many those are.

    If they have none: the one that they share.
    """
    first, end = -(-begin // 2), (begin + size) // 2
    return (first, end - first) if end > first else (begin // 2, 1)


def _lies(other: Block, block: Block, dx: int, dy: int) -> bool:
    """Whether another block lies in that direction, beside this one."""
    one, two = (_edges(each) for each in (block, other))
    if dx:
        beside = two[1] < one[3] and one[1] < two[3]
        return beside and (two[0] >= one[2] if dx > 0 else two[2] <= one[0])
    beside = two[0] < one[2] and one[0] < two[2]
    return beside and (two[1] >= one[3] if dy > 0 else two[3] <= one[1])


def _edges(block: Block) -> tuple[int, int, int, int]:
    """Left, top, right and bottom in half cells."""
    left, top = 2 * block.x, 2 * block.y
    return left, top, left + block.columns * block.wide, top + block.rows * block.high
