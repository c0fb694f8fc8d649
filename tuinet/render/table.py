"""Tables of aligned text, bars made of block characters."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from rich.cells import cell_len, set_cell_size

_GAP = "  "
_EIGHTHS = " ▏▎▍▌▋▊▉"


def table(
    headers: Sequence[str], rows: Sequence[Sequence[str]], right: Iterable[str] = (), width: int | None = None
) -> list[str]:
    """Lines of a table: the headers first, columns two blanks apart, wide characters counted as the terminal does.

    Columns whose header is in `right` are flush right. With a `width`, the widest columns that are flush left are cut
    (with …) until a line fits, but none below eight cells.
    """
    flush_right = set(right)
    sizes = [max(cell_len(cell) for cell in column) for column in zip(headers, *rows, strict=True)]
    if width is not None:
        _shrink(sizes, [header not in flush_right for header in headers], width - len(_GAP) * (len(headers) - 1))
    lines: list[str] = []
    for row in (headers, *rows):
        cells = [
            _fit(cell, size, header in flush_right) for cell, size, header in zip(row, sizes, headers, strict=True)
        ]
        lines.append(_GAP.join(cells).rstrip())
    return lines


def _shrink(sizes: list[int], may_shrink: Sequence[bool], total: int) -> None:
    while sum(sizes) > total:
        widest = max((i for i, may in enumerate(may_shrink) if may), key=lambda i: sizes[i], default=None)
        if widest is None or sizes[widest] <= 8:
            return
        sizes[widest] -= 1


def _fit(cell: str, size: int, flush_right: bool) -> str:
    length = cell_len(cell)
    if length > size:
        return set_cell_size(cell, size - 1) + "…"
    pad = " " * (size - length)
    return pad + cell if flush_right else cell + pad


def bar(fraction: float, width: int) -> str:
    """A bar of `fraction` of `width` cells, in eighths of a cell; what is outside 0 to 1 is cut off.

    Anything above zero shows at least its thinnest line.
    """
    if not math.isfinite(fraction) or fraction <= 0:
        return ""
    eighths = max(1, round(min(1.0, fraction) * width * 8))
    return ("█" * (eighths // 8) + _EIGHTHS[eighths % 8]).rstrip()
