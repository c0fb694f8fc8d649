"""Where a layer is in an experiment, also inside an encoder, a decoder or a bidirectional layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, cast

from tuinet.errors import TuinetError
from tuinet.experiment.edit import Key, parse_key
from tuinet.experiment.spec import Experiment
from tuinet.nn import stack
from tuinet.nn.layers.bidirectional import Bidirectional
from tuinet.nn.network import AnyLayer
from tuinet.nn.seq2seq import Seq2Seq


@dataclass(frozen=True)
class Place:
    """The keys that lead to a layer; `str` of it is what `Problem.path` and `--set` say: model.layers[0].encoder[2].

    A place need not hold a layer: the one behind the last layer of a list is where another can be added.
    """

    keys: Key

    def __str__(self) -> str:
        first, *rest = self.keys
        return str(first) + "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in rest)

    @property
    def in_list(self) -> bool:
        """Whether layers can be added, moved and removed here. A bidirectional layer holds just one, in no list."""
        return isinstance(self.keys[-1], int)

    @property
    def index(self) -> int:
        """Its place in its list, counted from 0. Raises TuinetError if it is in none."""
        index = self.keys[-1]
        if not isinstance(index, int):
            raise TuinetError(
                f"{self} is the one layer that is read in both directions", "replace it, or what it is in"
            )
        return index

    def at(self, index: int) -> Place:
        """Another place of the same list."""
        return Place((*self.keys[:-1], index))

    def beside(self, by: int) -> Place:
        """So many places further on in the same list. Raises TuinetError if it is in none."""
        return self.at(self.index + by)

    @property
    def outer(self) -> Place | None:
        """The layer that this one is inside of."""
        return Place(self.keys[: -2 if self.in_list else -1]) if len(self.keys) > 3 else None


class Row(NamedTuple):
    """One layer in the list of all of them.

    depth  in how many other layers it is
    name   what the network calls it (`conv1`, `seq2seq1/encoder/lstm1`), as the rows of `check` do; these have none
           for the layer in a bidirectional one
    opens  whether layers inside it follow
    """

    place: Place
    layer: AnyLayer
    depth: int
    name: str
    opens: bool


_LAYERS: Key = ("model", "layers")


def end(experiment: Experiment) -> Place:
    """Behind the last layer of the network."""
    return Place((*_LAYERS, len(experiment.model.layers)))


def rows(experiment: Experiment) -> tuple[Row, ...]:
    """All layers in the order of the file, each followed by those inside it."""
    return tuple(_rows(experiment.model.layers, _LAYERS, 0, ""))


def _rows(layers: tuple[AnyLayer, ...], keys: Key, depth: int, prefix: str) -> Iterator[Row]:
    for index, (layer, name) in enumerate(zip(layers, stack.names(layers), strict=True)):
        here = (*keys, index)
        name = prefix + name
        yield Row(Place(here), layer, depth, name, isinstance(layer, Seq2Seq | Bidirectional))
        if isinstance(layer, Bidirectional):
            yield Row(Place((*here, "layer")), layer.layer, depth + 1, f"{name}/layer", False)
        elif isinstance(layer, Seq2Seq):
            yield from _rows(layer.encoder, (*here, "encoder"), depth + 1, f"{name}/encoder/")
            yield from _rows(layer.decoder, (*here, "decoder"), depth + 1, f"{name}/decoder/")


def layer_at(experiment: Experiment, place: Place) -> AnyLayer:
    """The layer at a place. Raises TuinetError if there is none."""
    found = next((row.layer for row in rows(experiment) if row.place == place), None)
    if found is None:
        raise TuinetError(f"there is no layer at {place}")
    return found


def list_at(experiment: Experiment, place: Place) -> tuple[AnyLayer, ...]:
    """All layers of the list that a place is in. Raises TuinetError if there is no such list."""
    *outer, field, _ = (*place.keys[:-1], place.index)
    if place.outer is None:
        found = experiment.model.layers if (*outer, field) == _LAYERS else None
    else:
        found = getattr(layer_at(experiment, place.outer), str(field), None)
    if not isinstance(found, tuple):
        raise TuinetError(f"there are no layers at {place}")
    return cast("tuple[AnyLayer, ...]", found)


def located(experiment: Experiment, path: str) -> tuple[Place | None, str]:
    """The row that shows what a path (of a problem, a setting) is about, and what is left of the path inside that row:
    ("model.layers[0].encoder[2]", "units"). None and the whole path where it is about no layer."""
    keys = parse_key(path)
    for length in range(len(keys), 2, -1):
        place = Place(keys[:length])
        if any(row.place == place for row in rows(experiment)):
            return place, str(Place(keys[length:])) if keys[length:] else ""
    return None, path
