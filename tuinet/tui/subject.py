"""A model or a file of tensors that a screen looks into: what it is, what can be asked of it, and the asking."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tuinet.errors import TuinetError
from tuinet.files.model_file import is_model, load_model
from tuinet.files.tensors import open_weights
from tuinet.inspection.asked import Inputs, part_of, samples
from tuinet.inspection.catalog import look, offers
from tuinet.inspection.explain import explain
from tuinet.inspection.off import parse_off, switched_off
from tuinet.inspection.question import Choice, Offer, Question, Samples, nodes
from tuinet.inspection.tensor_views import TENSOR_VIEWS, Axes, TensorOffer, sizes, tensor_table, tensor_view
from tuinet.inspection.view import Seen
from tuinet.training.directory import LIVE, MODEL

if TYPE_CHECKING:
    from tuinet.data.dataset import Split
    from tuinet.model.model import Model


PARTS = ("test", "validation", "train")


class Asked(NamedTuple):
    """What is asked: a layer ("" for the model as a whole), a view, and which part of it; of a tensor also which of its
    axes are rows and columns."""

    layer: str
    view: str
    choice: Choice = Choice()
    axes: Axes | None = None


_LIST = TensorOffer("list", "the tensors of the file", lambda file, _tensor, _axes, _choice: (tensor_table(file),))


class Tensors:
    """Any file of tensors, ours or another program's: they take the place of layers."""

    offs: tuple[str, ...] = ()
    count = 0

    def __init__(self, path: Path) -> None:
        self.path = path
        with open_weights(path) as file:
            self.shapes = {name: tuple(tensor.shape) for name, tensor in file.tensors.items()}

    @property
    def layers(self) -> list[str]:
        return list(self.shapes)

    def row(self, layer: str) -> str:
        return sizes(self.shapes[layer]) if layer else ""

    def offers(self, layer: str) -> tuple[TensorOffer, ...]:
        return TENSOR_VIEWS if layer else (_LIST,)

    def look(self, asked: Asked, samples: Samples | None) -> tuple[Seen, ...]:
        with open_weights(self.path) as file:
            if not asked.layer:
                return (tensor_table(file),)
            return tensor_view(file, asked.layer, asked.view, asked.axes, asked.choice)


class Subject:
    """A model file with the data it was trained on. Its weights may change; the data and the samples stay.

    path  the file; of a run also its live weights or those of an epoch
    offs  what is switched off, as `--off` writes it
    """

    def __init__(self, path: Path, model: Model) -> None:
        self.path, self.model = path, model
        self.offs: tuple[str, ...] = ()
        self._found: tuple[str, Callable[[], Split]] | None = None
        self._count: int | None = None
        self._offers: dict[str, tuple[Offer, ...]] = {}

    # ── the data ──────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def part_name(self) -> str:
        """The part of the data that is looked through: the test part, or the first of the others that there is."""
        if self._found is None:
            for name in PARTS:
                part = part_of(self.path, self.model, None, name)
                try:
                    part()
                except TuinetError:
                    continue
                self._found = name, part
                break
            else:
                self._found = PARTS[0], part_of(self.path, self.model, None, None)
        return self._found[0]

    def _part(self) -> Split:
        """Raises TuinetError if the data cannot be had."""
        assert self.part_name and self._found is not None
        return self._found[1]()

    # ── what there is ─────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def layers(self) -> list[str]:
        return list(nodes(self.model))

    def offers(self, layer: str) -> tuple[Offer, ...]:
        """The views of a layer, or of the model as a whole. Asked for with every key: the network stays the same."""
        if layer not in self._offers:
            self._offers[layer] = offers(self.model, nodes(self.model)[layer] if layer else None)
        return self._offers[layer]

    @property
    def count(self) -> int:
        """How many samples there are to look at; 0 if the data cannot be had."""
        if self._count is None:
            try:
                self._count = len(self._part())
            except TuinetError:
                self._count = 0
        return self._count

    def sample(self, number: int) -> Samples | None:
        """One sample of the part that is looked through; None if there is none."""
        if not self.count:
            return None
        raw, targets = self._part().take([number % self.count])
        return Samples(self.model.raw(raw), targets, (f"{self.part_name}:{number % self.count}",))

    def row(self, layer: str) -> str:
        """A layer in a few words: what comes out of it."""
        shape = nodes(self.model)[layer].after if layer else None
        return str(shape) if shape is not None else ""

    # ── the asking ────────────────────────────────────────────────────────────────────────────────────────────────

    @cached_property
    def _changed(self) -> dict[tuple[str, ...], Model]:
        return {}

    def asked_model(self) -> Model:
        """The model with what is switched off."""
        if not self.offs:
            return self.model
        if self.offs not in self._changed:
            self._changed.clear()
            self._changed[self.offs] = switched_off(self.model, map(parse_off, self.offs))
        return self._changed[self.offs]

    def take(self, model: Model) -> None:
        """Other weights of the same network."""
        self.model = model
        self._changed.clear()

    def question(self, asked: Asked, samples: Samples | None) -> Question:
        return Question(self.asked_model(), asked.layer, samples, self._part, asked.choice)

    def look(self, asked: Asked, samples: Samples | None) -> tuple[Seen, ...]:
        """The view. Raises TuinetError."""
        return look(self.question(asked, samples), asked.view)

    def look_with_all_on(self, asked: Asked, samples: Samples | None) -> tuple[Seen, ...]:
        """The view, whatever is off. Raises TuinetError."""
        return look(Question(self.model, asked.layer, samples, self._part, asked.choice), asked.view)

    def explain(self, asked: Asked, samples: Samples | None) -> Seen:
        """The value that is named, term by term. Raises TuinetError."""
        return explain(self.question(asked, samples), asked.view)

    def read(self, inputs: Inputs) -> Samples | None:
        """The input that somebody names. Raises TuinetError."""
        return samples(self.path, self.model, inputs)


def open_subject(path: Path) -> Subject | Tensors:
    """What lies in the file. Raises TuinetError."""
    return Subject(path, load_model(path)) if is_model(path) else Tensors(path)


def newest_weights(directory: Path) -> tuple[Path, int]:
    """The file of the weights of this moment, else of the best so far, and when it was written. Raises OSError."""
    try:
        return directory / LIVE, (directory / LIVE).stat().st_mtime_ns
    except FileNotFoundError:
        return directory / MODEL, (directory / MODEL).stat().st_mtime_ns
