"""A translation in one list: what was read, the context, and what was written, row under row."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

import msgspec
import numpy as np

from tuinet.inspection.view import Axis, Seen, View


class Listed(NamedTuple):
    """What is shown, and the views that it is made of, each with the row at which it begins; () if there is nothing to
    point at."""

    seen: Seen
    parts: tuple[tuple[int, View], ...] = ()

    def source(self, index: tuple[int, ...]) -> tuple[View, tuple[int, ...]] | None:
        """The view from which a value comes, and its place there."""
        if len(self.parts) < 2:
            return (self.parts[0][1], index) if self.parts else None
        start, view = next((first, view) for first, view in reversed(self.parts) if first <= index[0])
        return view, (index[0] - start, *index[1:])


def each(seens: Sequence[Seen]) -> tuple[Listed, ...]:
    """Every view by itself."""
    return tuple(Listed(seen, ((0, seen),) if isinstance(seen, View) else ()) for seen in seens)


def in_one_list(seens: Sequence[Seen]) -> tuple[Listed, ...]:
    """Matrices of the same units one under the other, first; then all else."""
    found: list[Listed] = []
    views = [seen for seen in seens if isinstance(seen, View) and seen.kind == "matrix"]
    for _, group in groupby(views, key=lambda view: (view.axes[1], view.low, view.high)):
        parts = tuple(group)
        found += [_joined(parts)] if len(parts) > 1 else each(parts)
    others = [seen for seen in seens if not any(seen is view for view in views)]
    return (*found, *each(others))


def _joined(views: tuple[View, ...]) -> Listed:
    labels = tuple(label for view in views for label in (view.axes[0].labels or map(str, range(len(view.data)))))
    starts = np.cumsum([0, *(len(view.data) for view in views[:-1])]).tolist()
    called = views[0].origin.called if views[0].origin is not None else views[0].name
    title = f"{called}: {', '.join(map(_what, views))}"
    data = np.concatenate([view.data for view in views])
    axes = (Axis("place", labels), views[0].axes[1])
    joined = msgspec.structs.replace(views[0], axes=axes, data=data, title=title, notes=(), origin=None)
    return Listed(joined, tuple(zip(starts, views, strict=True)))


def _what(view: View) -> str:
    """`encoder lstm1`, with what the view's title says behind the sample."""
    _, _, *said = [*view.title.split(" · "), "", ""][: max(2, view.title.count(" · ") + 1)]
    path = view.name.split("/")
    layer = " ".join(path[1:3]) if len(path) > 3 else view.name
    return layer + (f" ({', '.join(said)})" if said else "")
