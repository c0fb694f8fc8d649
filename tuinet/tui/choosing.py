"""Which part of what is seen can be chosen: an input channel of kernels, a slice or two axes of a tensor, a gate."""

from __future__ import annotations

from itertools import combinations
from typing import Literal, TypeVar

import msgspec

from tuinet.inspection.question import Choice, nodes
from tuinet.inspection.tensor_views import Axes, default_axes
from tuinet.inspection.view import Seen, View
from tuinet.inspection.views.gates import gates_of
from tuinet.tui.subject import Subject, Tensors

At = tuple[int, ...] | None
T = TypeVar("T")


Order = Literal["index", "change"]


class Parts:
    """What is chosen of the view of a layer; what another view has none of falls back to None."""

    def __init__(self, subject: Subject | Tensors) -> None:
        self.subject, self.layer, self.view = subject, "", ""
        self.at: At = None
        self.axes: Axes | None = None
        self.gate: str | None = None
        self.order: Order | None = None

    def choice(self, layer: str, view: str) -> Choice:
        """What a question is asked with."""
        if (layer, view) != (self.layer, self.view):
            self.layer, self.view, self.at, self.axes = layer, view, None, None
        gate = self.gate if self.gate in gates(self.subject, view) else None
        return Choice(at=self.at, order=self.order if self.turns("order") else None, gate=gate)

    def turn(self, what: str, by: int = 1) -> None:
        """The next `slice`, `axes`, `gate` or `order`."""
        if what == "slice":
            self.at = _turned(slices(self.subject, self.layer, self.view, self.axes), self.at, by)
        elif what == "axes":
            self.axes, self.at = _turned(pairs(self.subject, self.layer, self.view), self.axes, by), None
        elif what == "gate":
            self.gate = _turned(gates(self.subject, self.view), self.gate, by)
        else:
            self.order = None if self.order == "change" else "change"

    def turns(self, what: str) -> bool:
        """Whether there are several to choose from."""
        if what == "slice":
            return len(slices(self.subject, self.layer, self.view, self.axes)) > 1
        if what == "axes":
            return len(pairs(self.subject, self.layer, self.view)) > 1
        if what == "gate":
            return len(gates(self.subject, self.view)) > 1
        offers = [offer for offer in self.subject.offers(self.layer) if offer.name == self.view]
        return any("order" in offer.takes for offer in offers)


def slices(subject: Subject | Tensors, layer: str, view: str, axes: Axes | None) -> tuple[At, ...]:
    """What `Choice.at` can be, None first: as the view is without one. Of kernels an input channel, of a tensor the
    place on the first axis that is neither rows nor columns."""
    if isinstance(subject, Subject):
        if view != "kernels" or not layer:
            return (None,)
        channels = nodes(subject.model)[layer].params["weight"].shape[2]
        colours = channels == 3  # they are seen all three at once
        return (None, *((channel,) for channel in range(0 if colours else 1, channels)))
    shape = subject.shapes.get(layer, ())
    if view != "values" or len(shape) < 3:
        return (None,)
    pair = axes or default_axes(shape)
    first = next(axis for axis in range(len(shape)) if axis not in pair)
    return (None, *((place,) for place in range(shape[first])))


def pairs(subject: Subject | Tensors, layer: str, view: str) -> tuple[Axes | None, ...]:
    """Which axes of a tensor can be rows and columns, None first: those that are unless others are chosen."""
    shape = subject.shapes.get(layer, ()) if isinstance(subject, Tensors) else ()
    if view != "values" or len(shape) < 3:
        return (None,)
    return (None, *(pair for pair in combinations(range(len(shape)), 2) if pair != default_axes(shape)))


def gates(subject: Subject | Tensors, view: str) -> tuple[str | None, ...]:
    """The gates that a translation can be seen by, None first: the cell, else the hidden state."""
    if not isinstance(subject, Subject) or view != "translation":
        return (None,)
    known = [gate for node in nodes(subject.model).values() for gate in gates_of(node.layer)]
    names = dict.fromkeys(gate.name.rpartition("/")[2] for gate in known if not gate.key.endswith("ticked"))
    first = "cell" if "cell" in names else "hidden"
    return (None, *(name for name in names if name != first))


def _turned(options: tuple[T, ...], now: T, by: int) -> T:
    """The option so many behind the one that holds now, round and round."""
    return options[(options.index(now) + by) % len(options)] if now in options else options[0]


def named(seen: Seen, subject: Subject | Tensors, layer: str, view: str, at: At) -> Seen:
    """Kernels with the input channel in their title, which only their notes tell; gates without what the lines around
    them tell: the layer and the sample."""
    if view == "gates" and isinstance(seen, View):
        gate, _, *said = [*seen.title.split(" · "), ""][: max(2, seen.title.count(" · ") + 1)]
        return msgspec.structs.replace(seen, title=" · ".join((gate.removesuffix(f" of {layer}"), *said)))
    options = slices(subject, layer, view, None)
    if not isinstance(subject, Subject) or not isinstance(seen, View) or len(options) == 1:
        return seen
    channels = nodes(subject.model)[layer].params["weight"].shape[2]
    if seen.data.ndim == 4:  # in colour
        return seen
    title = f"{seen.title}: input channel {at[0] if at else 0} of {channels}"
    return msgspec.structs.replace(seen, title=title, notes=())
