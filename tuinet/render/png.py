"""The same views as pictures, with the same colours: each value a square, the numbers and names beside it."""

from __future__ import annotations

from collections.abc import Iterable

from PIL import Image

from tuinet.inspection.view import Seen, Sum, Table, View
from tuinet.render.draw import draw, plain
from tuinet.render.paper import Paper, wrap
from tuinet.render.png_charts import histogram, series, vector
from tuinet.render.png_maps import image, images, matrix
from tuinet.render.png_regions import regions
from tuinet.render.tiles import TILES
from tuinet.render.typeset import LINE, Picture, blank, lines, safe, stacked

_MARGIN = 18
_COLUMNS = 110
"""Characters of a line of text."""


HIGHEST = 20_000
"""Pixels from the top to the bottom at most: higher pictures take gigabytes, and few programs show them."""


def png(seens: Iterable[Seen], *, most: int = TILES, more: str = "") -> Image.Image:
    """One picture of all, under one another. `most` and `more` as for `draw`. What would be below HIGHEST is left out,
    and that is said at the end."""
    parts: list[Picture] = []
    free, cut, left = HIGHEST - 4 * _MARGIN - LINE, False, 0
    for seen in seens:
        if free <= 0:
            left += 1
            continue
        part = _one(seen, most, more)
        if part.height > free:
            part, cut = part.crop((0, 0, part.width, free)), True
        parts.append(part)
        free -= part.height + 2 * _MARGIN
    rest = ["the last view goes on"] if cut else []
    rest += [f"{left:,} more {'view is' if left == 1 else 'views are'} left out"] if left else []
    if rest:
        parts.append(lines([f"{' and '.join(rest)}: a picture is at most {HIGHEST:,} pixels high"]))
    found = stacked(parts or [lines(["nothing to show"])], 2 * _MARGIN)
    whole = blank(found.width + 2 * _MARGIN, found.height + 2 * _MARGIN)
    whole.paste(found, (_MARGIN, _MARGIN))
    return whole


def _one(seen: Seen, most: int, more: str) -> Picture:
    if isinstance(seen, Table | Sum):
        text = plain(draw(seen, Paper(_COLUMNS, "none"))).split("\n")[: HIGHEST // LINE + 1]
        return lines([safe(line) for line in text], heavy=[0])
    sizes = " × ".join(f"{axis.name} {size:,}" for axis, size in zip(seen.axes, seen.data.shape, strict=True))
    head = lines([*_wrapped(seen.title or seen.name), *_wrapped(sizes)], heavy=[0])
    body, notes = _body(seen, most, more) if seen.data.size else (lines(["no values"]), [])
    said = [line for note in (*notes, *seen.notes) for line in _wrapped(note)]
    return stacked([head, body, *([lines(said)] if said else [])], 6)


def _wrapped(text: str) -> list[str]:
    return wrap(safe(text), _COLUMNS)


def _body(view: View, most: int, more: str) -> tuple[Picture, list[str]]:
    """The picture of a view, and what is to be said under it."""
    if view.kind == "images":
        return images(view, most, more)
    make = {
        "image": image, "matrix": matrix, "vector": vector, "series": series, "histogram": histogram,
        "regions": regions,
    }  # fmt: skip
    return make[view.kind](view)
