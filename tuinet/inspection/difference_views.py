"""What `difference` found as tables, and tensors before, after and less each other as pictures on common scales."""

from __future__ import annotations

import msgspec
import numpy as np

from tuinet.errors import TuinetError
from tuinet.experiment.problem import did_you_mean
from tuinet.inspection.difference import Difference, Side, TensorChange, layer_of
from tuinet.inspection.settings import shown
from tuinet.inspection.tensor_views import default_axes, sizes
from tuinet.inspection.view import Axis, Seen, Table, View
from tuinet.nn.params import Array

WORDS = {
    "bits": "equal, bit for bit",
    "numbers": "equal as numbers, but not in every bit",
    "no": "different",
}

MOST_VALUES = 2**22
"""Values of a tensor that is drawn."""


def difference_views(found: Difference) -> tuple[Seen, ...]:
    """Tables: the verdict with all layers, every tensor, what only one has, settings; those with nothing to say left
    out."""
    title = f"{found.before} and {found.after}: {WORDS[found.equal]}"
    seen: list[Seen] = [_changes("layers", "layer", found.layers, title)]
    moved = [each for each in found.tensors if each.bits]
    if moved:
        seen += [_changes("tensors", "tensor", moved, "the tensors that differ"), *_largest(moved)]
    alone = [(name, sizes(shape), "") for name, shape in found.only_before]
    alone += [(name, "", sizes(shape)) for name, shape in found.only_after]
    alone += [(name, sizes(before), sizes(after)) for name, before, after in found.reshaped]
    if alone:
        seen.append(
            Table(
                "alone",
                ("tensor", "before", "after"),
                tuple(alone),
                title="tensors that only one has, or in another shape",
            )
        )
    if found.settings:
        rows = tuple((each.name, *shown(each.before, each.after)) for each in found.settings)
        seen.append(Table("settings", ("setting", "before", "after"), rows, title="settings that differ"))
    return tuple(seen)


def layer_difference(before: Side, after: Side, found: Difference, name: str) -> tuple[Seen, ...]:
    """Of each tensor that `name` means: how it changed, and pictures of it before, after, and of the difference.

    Before and after have one range of colours; the difference has its own, symmetric about 0, or nothing could be seen
    of small steps. Raises TuinetError if both do not have it, or a tensor is too large to be drawn.
    """
    names = tensors_of(before, after, name)
    changes = [each for each in found.tensors if each.name in names]
    seen: list[Seen] = [_changes("tensors", "tensor", changes, f"{found.before} and {found.after}")]
    seen += _largest(changes)
    for path in names:
        seen += _pictures(before, after, path)
    return tuple(seen)


def tensors_of(before: Side, after: Side, name: str) -> list[str]:
    """The tensors, which both must have in one shape, that `name` means: itself, or all of that layer.

    Raises TuinetError with the names there are.
    """
    known = [key for key in before.shapes if after.shapes.get(key) == before.shapes[key]]
    found = [key for key in known if key == name] or [
        key for key in known if key.startswith((f"{name}/", f"{name}.")) or layer_of(key).endswith(f"/{name}")
    ]
    if not found:
        layers = list(dict.fromkeys(map(layer_of, known)))
        hint = did_you_mean(name, layers[:20], "layers")
        raise TuinetError(f"there is no layer {name!a} that both have in the same shape", hint)
    return found


def _changes(name: str, what: str, changes: tuple[TensorChange, ...] | list[TensorChange], title: str) -> Table:
    columns = (what, "values", "changed", "‖before‖", "‖after‖", "‖change‖", "relative", "cosine")
    rows = [
        (
            each.name,
            each.size,
            each.changed,
            each.norm_before,
            each.norm_after,
            each.norm_change,
            each.relative,
            each.cosine,
        )
        for each in changes
    ]
    notes = [
        f"{each.name}: {each.bits - each.changed:,} values are equal as numbers and not in their bits"
        for each in changes
        if each.bits > each.changed
    ]
    notes += [
        f"{each.name}: {each.not_finite:,} values are not finite in one or both, and in no norm"
        for each in changes
        if each.not_finite
    ]
    return Table(name, columns, tuple(rows), title=title, notes=tuple(notes))


def _largest(changes: list[TensorChange]) -> list[Table]:
    """A table of the values that changed most; none where only bits did."""
    rows = [
        (each.name, ",".join(map(str, change.index)), change.before, change.after, _step(change.before, change.after))
        for each in changes
        for change in each.largest
    ]
    columns = ("tensor", "place", "before", "after", "change")
    return [Table("largest changes", columns, tuple(rows), title="the largest changes of each")] if rows else []


def _step(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before


def _pictures(before: Side, after: Side, name: str) -> list[View]:
    if before.shapes[name] and np.prod(before.shapes[name], dtype=float) > MOST_VALUES:
        raise TuinetError(f"{name!a} has too many values to be drawn: {sizes(before.shapes[name])}")
    a, b = before.read(name), after.read(name)
    if not a.size:
        return []
    with np.errstate(all="ignore"):
        delta = np.where(a == b, 0.0, b.astype(np.float64) - a.astype(np.float64)).astype(np.result_type(a, b, "f4"))
        finite = np.concatenate([each[np.isfinite(each)].reshape(-1) for each in (a, b)])
        most = np.abs(delta[np.isfinite(delta)]).max(initial=0.0)
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    if low < 0:  # signed: 0 in the middle
        low, high = -max(-low, high), max(-low, high)
    kernel = before.kernel_axes if before.kernel_axes == after.kernel_axes else None
    views = [
        _picture(f"{name} {when}", array, kernel, low, high, f"{name} {words}")
        for when, array, words in (("before", a, f"in {before.name}"), ("after", b, f"in {after.name}"))
    ]
    title = f"{name}: what was added, on a scale of its own"
    low, high = (-float(most), float(most)) if most else (None, None)
    return [*views, _picture(f"{name} difference", delta, kernel, low, high, title)]


def _picture(
    name: str, array: Array, kernel: tuple[int, int] | None, low: float | None, high: float | None, title: str
) -> View:
    axes = tuple(Axis(f"axis {axis}") for axis in range(array.ndim))
    view = View(name, "vector", axes, array, low=low, high=high, title=title)
    if array.ndim < 2:
        return msgspec.structs.replace(view, data=array.reshape(-1), axes=(Axis("axis 0"),))
    if array.ndim == 2:
        return msgspec.structs.replace(view, kind="matrix")
    rows, columns = kernel if kernel is not None and array.ndim == 4 else default_axes(array.shape)
    others = [axis for axis in range(array.ndim) if axis not in (rows, columns)]
    data = array.transpose(*others, rows, columns).reshape(-1, array.shape[rows], array.shape[columns])
    places = np.ndindex(*(array.shape[axis] for axis in others))
    item = Axis("axis " + ", ".join(map(str, others)), tuple(",".join(map(str, place)) for place in places))
    return msgspec.structs.replace(view, kind="images", axes=(item, axes[rows], axes[columns]), data=data)
