"""Views as JSON and as arrays: docs/views.md says what every key means. Keys are never taken away within a major
version."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

import msgspec
import numpy as np

from tuinet.errors import TuinetError
from tuinet.inspection.view import Part, Points, Seen, Sum, Table, View
from tuinet.inspection.words import in_words

SUFFIXES = (".png", ".npy", ".json", ".txt")
"""The files that views are saved as: `render/saved.py` makes them."""


def all_as_json(seens: Iterable[Seen]) -> dict[str, Any]:
    """Several as the one object that is written of them."""
    return {"views": [as_json(seen) for seen in seens]}


def encoded(value: Any) -> bytes:
    """One value as a line of JSON; what is not a finite number is null."""
    return msgspec.json.encode(value) + b"\n"


def as_npy(seens: Iterable[Seen]) -> bytes:
    """The values of the only view there is. Raises TuinetError if there is none, or several."""
    arrays = [seen for seen in seens if isinstance(seen, View)]
    if len(arrays) != 1:
        names = ", ".join(view.name for view in arrays[:8])
        what = f"{len(arrays)} arrays ({names}{' …' if len(arrays) > 8 else ''})" if arrays else "no array"
        raise TuinetError(f"a .npy file holds one array, and this view gives {what}", "Take a .json file.")
    stream = io.BytesIO()
    np.save(stream, np.ascontiguousarray(arrays[0].data), allow_pickle=False)
    return stream.getvalue()


def as_json(seen: Seen) -> dict[str, Any]:
    """A view, a table or a sum as values that JSON knows; a number that is not finite is null."""
    match seen:
        case View():
            own = _view(seen)
        case Table():
            own = {
                "kind": "table",
                "name": seen.name,
                "columns": seen.columns,
                "rows": [[_cell(cell) for cell in row] for row in seen.rows],
                "title": seen.title,
            }
        case Sum():
            own = {
                "kind": "sum",
                "name": seen.name,
                "equation": seen.equation,
                "parts": [_part(part) for part in seen.parts],
                "value": seen.value,
                "stored": seen.stored,
                "difference": seen.difference,
                "bound": seen.bound,
                "agrees": seen.agrees,
                "numerical": seen.numerical,
                "numerical_bound": seen.numerical_bound,
                "numerical_agrees": seen.numerical_agrees,
                "pictures": [_view(picture) for picture in seen.pictures],
            }
    return own | {"notes": seen.notes, "words": in_words(seen)}


def _view(view: View) -> dict[str, Any]:
    return {
        "kind": view.kind,
        "name": view.name,
        "axes": [{"name": axis.name, "labels": axis.labels} for axis in view.axes],
        "shape": view.data.shape,
        "data": view.data.tolist(),
        "x": None if view.x is None else view.x.tolist(),
        "range": view.range,
        "title": view.title,
        "points": [_points(points) for points in view.points],
        "classes": view.classes,
    }


def _points(points: Points) -> dict[str, Any]:
    wrong = None if points.wrong is None else points.wrong.tolist()
    return {"name": points.name, "x": points.x.tolist(), "y": points.y.tolist(), "wrong": wrong}


def _part(part: Part) -> dict[str, Any]:
    terms = [{"names": term.names, "factors": term.factors, "product": term.product} for term in part.terms]
    return {
        "name": part.name,
        "how": part.how,
        "terms": terms,
        "total": part.total,
        "function": part.function,
        "value": part.value,
    }


def _cell(cell: object) -> object:
    return cell.item() if isinstance(cell, np.generic) else cell
