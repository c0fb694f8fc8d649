"""What goes into a layer and what comes out of it, for one input at a time, with a name for every place that has one.

The helpers here are those of every view of a layer's values: which steps, units and maps are meant, and their names.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence as Several
from typing import Any, NamedTuple

import msgspec
import numpy as np

from tuinet.errors import TuinetError
from tuinet.inspection import steps
from tuinet.inspection.question import Choice, Node, Offer, Question
from tuinet.inspection.ranges import picked
from tuinet.inspection.view import Axis, Kind, Origin, Seen, View
from tuinet.inspection.views.places import answer_axis, comes_from, input_names, is_picture, last_of_names
from tuinet.model.model import Model
from tuinet.nn.layer import Layer, Shape
from tuinet.nn.params import Array
from tuinet.nn.seq2seq import Pair, Seq2Seq
from tuinet.nn.sequence import Sequence

MAPS = ("row", "column", "channel")


class Shown(NamedTuple):
    """Some values of one sample; the axes say what they are. `notes` say what was chosen without being asked for,
    `origin` whose values they are."""

    data: Array
    axes: tuple[Axis, ...]
    notes: tuple[str, ...] = ()
    origin: Origin | None = None

    def told(self, **where: Any) -> Origin | None:
        """Its origin, of which this is known as well."""
        return None if self.origin is None else msgspec.structs.replace(self.origin, **where)


# ── which sample, which step ──────────────────────────────────────────────────────────────────────────────────────


def sample_count(question: Question) -> int:
    """How many inputs are asked about. Raises TuinetError if there are none."""
    return len(question.need_samples().names)


def of_sample(question: Question, sample: int) -> str:
    """Like " for test:17", "" for a sample without a name; for titles."""
    name = steps.sample_name(question, sample)
    return f" for {name}" if name else ""


def one_sample(signal: Any, sample: int) -> Array:
    """The values of one sample, (…) or (T, …): a batch (B, …) or packed sequences hold several."""
    return steps.of_sample(signal, sample) if isinstance(signal, Sequence) else np.asarray(signal[sample])


# ── what is chosen ────────────────────────────────────────────────────────────────────────────────────────────────


def named(question: Question, signal: Any, shape: Shape, sample: int, units: Axis, path: str) -> Shown:
    """All values of a sample, its axes those of `shape` with the steps in front; `units` names the last axis."""
    data = one_sample(signal, sample)
    axes = [Axis(name) for name in shape.axes]
    if axes:
        axes[-1] = units
    if shape.sequence:
        labels = steps.step_labels(question, path, sample)
        axes.insert(0, Axis("step", labels if len(labels) == len(data) else ()))
    return Shown(data, tuple(axes))


def chosen(shown: Shown, choice: Choice, where: str, what: str = "unit") -> Shown:
    """Only the step, the place and the units that are meant. Of images at every step, those of step 0 if none is said.

    Raises TuinetError if they are not there.
    """
    data, axes, notes, _ = shown
    step, at = choice.step, choice.at
    known: dict[str, Any] = {}
    in_time = axes[0].name == "step"
    if step is None and in_time and data.ndim > 3:
        step, notes = 0, (*notes, f"step 0 of {len(data)}")
    if step is not None:
        known["step"] = step
        if not in_time:
            raise TuinetError(f"{where} has no steps", "Name no step.")
        picked((step,), len(data), "step", where)
        if data.ndim == 1:
            label = axes[0].labels[step] if axes[0].labels else str(step)
            data, axes = data[step : step + 1], (Axis("step", (label,)),)
        else:
            data, axes = data[step], axes[1:]
    between = [axis for axis in axes[:-1] if axis.name != "step"]
    if at is not None:
        if not between or len(at) != len(between):
            names = ", ".join(axis.name for axis in between)
            hint = f"Name {names}." if names else "Name a unit."
            raise TuinetError(f"{where} has no place {', '.join(map(str, at))}", hint)
        first = len(axes) - 1 - len(between)
        for place, axis in zip(at, between, strict=True):
            picked((place,), data.shape[first], axis.name, where)
            data = np.take(data, place, axis=first)
        axes, known["at"] = (*axes[:first], axes[-1]), at
    if choice.units is not None:
        if axes[-1].name == "step":
            raise TuinetError(f"{where} has no {what}s", "Name a step.")
        units = picked(choice.units, data.shape[-1], what, where)
        labels = tuple(axes[-1].labels[unit] if axes[-1].labels else str(unit) for unit in units)
        data, axes = data[..., units], (*axes[:-1], Axis(axes[-1].name, labels))
        known["units"] = tuple(units)
    return Shown(data, axes, notes, shown.told(**known))


def as_view(name: str, shown: Shown, title: str = "", notes: tuple[str, ...] = (), *, picture: bool = False) -> View:
    """The values as they want to be seen: `picture` says that channels are colours, not maps."""
    data, axes, said, origin = shown
    kind: Kind = "vector" if data.ndim == 1 else "matrix" if data.ndim == 2 else "images"
    if data.ndim == 3 and axes[0].name == "row":
        if picture and data.shape[2] in (1, 3):
            kind = "image"
        else:  # feature maps, one picture each
            last = axes[2] if picture else Axis("map", axes[2].labels)
            data, axes, origin = np.moveaxis(data, 2, 0), (last, axes[0], axes[1]), shown.told(unit_axis=0)
    return View(name, kind, axes, np.array(data), title=title, notes=(*said, *notes), origin=origin)


# ── what is said of it ────────────────────────────────────────────────────────────────────────────────────────────


def size_in_words(sizes: Several[int], *, maps: bool) -> str:
    """Like "16 maps of 8×8", "8×8×3" or "10 values"."""
    if maps:
        return f"{sizes[-1]:,} {'map' if sizes[-1] == 1 else 'maps'} of {sizes[0]}×{sizes[1]}"
    return f"{sizes[0]:,} {'value' if sizes[0] == 1 else 'values'}" if len(sizes) == 1 else "×".join(map(str, sizes))


def share(part: float) -> str:
    """A share in per cent, as people read it: 0 and all only if it is so."""
    if 0 < part < 0.001 or 0.999 < part < 1:
        return "under 0.1 %" if part < 0.5 else "over 99.9 %"
    return f"{100 * part:.3g} %"


def value_notes(shown: Shown, *, maps: bool) -> tuple[str, ...]:
    """The shape, the share of zeros if there are any, and the maps that are 0 everywhere."""
    data = shown.data
    notes = [size_in_words(data.shape, maps=maps)]
    zeros = float((data == 0).mean()) if data.size else 0.0
    if zeros:
        notes.append(f"{share(zeros)} are 0")
    if maps:
        labels = shown.axes[-1].labels
        dead = [labels[place] if labels else str(place) for place in np.flatnonzero(~data.any(axis=(0, 1)))]
        if dead:
            listed = ", ".join(dead[:12]) + (" …" if len(dead) > 12 else "")
            notes.append(f"{len(dead)} of {data.shape[-1]} maps are 0 everywhere: {listed}")
    return tuple(notes)


def values_view(
    question: Question,
    name: str,
    signal: Any,
    shape: Shape,
    sample: int,
    units: Axis,
    title: str,
    *,
    picture: bool,
    path: str | None = None,
    of: tuple[str, str] = ("", ""),
) -> View:
    """What is chosen of a layer's input or output, for one sample. `path`: whose steps they are ("": those of the
    input as it is given), if not those of the layer. `of`: a layer, and which of its values this is; "" if of none."""
    path = question.layer if path is None else path
    where = path or "the input"
    is_map = shape.axes == MAPS
    shown = named(question, signal, shape, sample, units, path)
    shown = shown._replace(origin=Origin(*of, sample) if of[0] else None)
    shown = chosen(shown, question.choice, where, ("channel" if picture else "map") if is_map else "unit")
    maps = is_map and not picture and shown.data.ndim == 3
    return as_view(name, shown, title + of_sample(question, sample), value_notes(shown, maps=maps), picture=picture)


# ── views ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def output(question: Question) -> tuple[Seen, ...]:
    """What came out of the layer, for each input."""
    node, model = question.node, question.model
    assert node is not None
    signal, title = question.run.places[node.path].y, f"what {node.path} gives"
    axis = answer_axis(model, node) or Axis(node.after.axes[-1])
    picture = is_picture(model, node, after=True)
    count, last = sample_count(question), list(question.run.places)[-1]
    of = (last if isinstance(node.layer, Seq2Seq) else node.path, "output")  # it gives what its decoder ends with
    return tuple(
        values_view(question, "output", signal, node.after, sample, axis, title, picture=picture, of=of)
        for sample in range(count)
    )


def came_in(question: Question) -> tuple[Seen, ...]:
    """What came into the layer, for each input; of the model, the input as it is prepared for the network."""
    model, node = question.model, question.node
    places = question.run.places
    path = node.path if node is not None else next(iter(places))
    signal, shape = places[path].x, model.prepared_shape if node is None else node.before
    title = f"what goes into {node.path}" if node is not None else "the input as the network sees it"
    fed = signal.fed if isinstance(signal, Pair) else None
    source = signal.source if isinstance(signal, Pair) else signal
    steps_of = node.path if node is not None and fed is None else ""  # a source is named as it is given
    picture = node is None or is_picture(model, node, after=False)
    names = last_of_names(shape, input_names(model, node))
    of = ("" if node is None else comes_from(model, node), "output")
    found: list[Seen] = []
    for sample in range(sample_count(question)):
        seen = values_view(
            question, "input", source, shape, sample, names, title, picture=picture, path=steps_of, of=of
        )
        found.append(seen)
        if fed is not None:
            found.append(_what_is_fed(question, fed, path, sample))
    return tuple(found)


def _what_is_fed(question: Question, fed: Sequence, path: str, sample: int) -> View:
    first = question.model.network.layers[0]
    assert isinstance(first, Seq2Seq)
    shown = named(question, fed, first.target_shape(), sample, Axis("unit"), path)
    title = f"what the decoder is fed, and what is asked of it{of_sample(question, sample)}"
    return as_view("fed", shown, title, value_notes(shown, maps=False))


def each_sample(make: Callable[[Question, Node, int], tuple[Seen, ...]]) -> Callable[[Question], tuple[Seen, ...]]:
    """A view of a layer, for one input after the other."""

    def made(question: Question) -> tuple[Seen, ...]:
        node = question.node
        assert node is not None
        return tuple(seen for sample in range(sample_count(question)) for seen in make(question, node, sample))

    return made


def of_kind(*kinds: type[Layer]) -> Callable[[Model, Node | None], bool]:
    """Whether a layer is one of these."""

    def fits(model: Model, node: Node | None) -> bool:
        return node is not None and isinstance(node.layer, kinds)

    return fits


def _any(model: Model, node: Node | None) -> bool:
    return True


def _layer(model: Model, node: Node | None) -> bool:
    return node is not None


VIEWS: tuple[Offer, ...] = (
    Offer(
        "output", "what comes out, for an input", "input", _layer, output, ("units", "at", "step", "masks", "decoder")
    ),
    Offer("input", "what goes in, for an input", "input", _any, came_in, ("units", "at", "step", "masks", "decoder")),
)
