"""Views as JSON: docs/views.md says what every key means. Keys are never taken away within a major version."""

from __future__ import annotations

from typing import Any

import numpy as np

from tuinet.inspection.view import Part, Seen, Sum, Table, View
from tuinet.inspection.words import in_words


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
    }


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
