"""What Inspect asks: which layer, view, sample, epoch, what is off; and what was answered."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from tuinet.errors import TuinetError
from tuinet.files.find import find_model
from tuinet.files.model_file import load_model
from tuinet.inspection.asked import Inputs
from tuinet.inspection.families import family
from tuinet.inspection.pointing import gradient_of, sum_of, unit_of
from tuinet.inspection.question import Choice, Offer, Samples
from tuinet.inspection.tensor_views import Axes
from tuinet.inspection.view import Seen, Sum, Table, View, held
from tuinet.tui.choosing import Parts, named
from tuinet.tui.says import input_words, without_options
from tuinet.tui.subject import Asked, Subject, Tensors, open_subject

if TYPE_CHECKING:
    from tuinet.data.drawn import Drawing

_SAMPLE = re.compile(r"(train|validation|test|all):\d+|\d+")


class Look(NamedTuple):
    """All that decides what is seen. `sample` names the input; `epoch` the weights, 0 those of the file."""

    layer: str
    view: str
    sample: str
    choice: Choice
    axes: Axes | None
    offs: tuple[str, ...]
    epoch: int


class Answered(NamedTuple):
    """What was found; what the model says of the input, None if that is not known; the input, if it is a text."""

    seen: tuple[Seen, ...]
    answers: tuple[tuple[Seen, ...], ...] | None
    input_words: str = ""


class Asking:
    """A model, or a file of tensors, and what is asked of it. `answers` are what the model says of the input, with
    what is off, and with all on where something is off."""

    def __init__(self, name: str, path: Path, subject: Subject | Tensors, epochs: dict[int, Path]) -> None:
        self.name, self.path, self.subject, self.epochs = name, path, subject, epochs
        self.first = _first(subject)
        self.layer = self.first[0][1] if self.first else ""
        self.view = self.wish = self.first[0][0] if self.first else "list"
        self.part = Parts(subject)
        self.epoch = 0
        self.number = 0
        self.samples: Samples | None = None
        self.input_text = ""
        self.answers: tuple[tuple[Seen, ...], ...] = ()
        self.held = False
        self.input_words = ""
        self._ranges: dict[tuple[str, str, str], tuple[float, float]] = {}

    @property
    def is_model(self) -> bool:
        return isinstance(self.subject, Subject)

    @property
    def model_subject(self) -> Subject:
        if not isinstance(self.subject, Subject):
            raise TuinetError(f"{self.path.name} is no model of tuinet's", "tuinet import makes one of such a file.")
        return self.subject

    @property
    def title(self) -> str:
        return f"{self.name}{f' · epoch {self.epoch}' if self.epoch else ''}"

    @property
    def first_layer(self) -> str:
        return self.first[0][1] if self.first else ""

    @property
    def count(self) -> int:
        """Samples that can be turned over; 0 before the data are read."""
        return self.subject.count if self.is_model else 0

    # ── views ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def view_names(self) -> list[str]:
        """The views of the layer, those first that show it best."""
        names = [offer.name for offer in self.subject.offers(self.layer)]
        liked = [view for view, layer in self.first if layer == self.layer]
        own = [name for name in names if name not in ("statistics", "histogram", "translation", "input")]
        ranked = [*liked, *own, *names]
        return list(dict.fromkeys(name for name in ranked if name in names))

    def wanted(self) -> Look:
        """What is to be seen. A layer without the view that was chosen last shows its first."""
        names = self.view_names()
        self.view = self.wish if self.wish in names else names[0]
        choice = self.part.choice(self.layer, self.view)
        sample = self.samples.names[0] if self.samples is not None else f"#{self.number}"
        return Look(self.layer, self.view, sample, choice, self.part.axes, self.subject.offs, self.epoch)

    def find(self, look: Look) -> Answered:
        """In a thread: the view, or what is wrong as a table of words, and what the model says."""
        try:
            samples = self._samples()
            asked = Asked(look.layer, look.view, look.choice, look.axes)
            found = self.subject.look(asked, samples if self._needs_input(look) else None)
            return Answered(found, self._answers(samples), input_words(self.subject, samples))
        except (TuinetError, OSError) as error:
            message = getattr(error, "message", str(error))
            return Answered((Table(look.view, (message,), (), notes=(getattr(error, "hint", ""),)),), None)

    def _needs_input(self, look: Look) -> bool:
        offers = [offer for offer in self.subject.offers(look.layer) if offer.name == look.view]
        return any(isinstance(offer, Offer) and offer.looks_at_input for offer in offers)

    def _samples(self) -> Samples | None:
        if not isinstance(self.subject, Subject):
            return None
        return self.samples if self.samples is not None else self.subject.sample(self.number)

    def _answers(self, samples: Samples | None) -> tuple[tuple[Seen, ...], ...]:
        subject = self.subject
        if samples is None or not isinstance(subject, Subject):
            return ()
        now = subject.look(Asked("", "answer"), samples)
        if not subject.offs:
            return (now,)
        return now, subject.look_with_all_on(Asked("", "answer"), samples)

    def ranged(self, seens: tuple[Seen, ...]) -> tuple[Seen, ...]:
        """The same; of weights of several epochs, in the range of colours in which they were first seen."""
        if not (self.held or self.epoch):
            self._ranges.clear()
        found: list[Seen] = []
        for seen in seens:
            seen = self._marked(seen)
            if isinstance(seen, View) and seen.low is None and seen.kind in ("images", "matrix", "image"):
                low, high = self._ranges.setdefault((self.layer, self.view, seen.name), seen.range)
                seen = held(seen, low, high) if self.held or self.epoch else seen
            found.append(seen)
        return tuple(found)

    def _marked(self, seen: Seen) -> Seen:
        """With "off" behind the names of maps and kernels that are, and without words about options of commands."""
        seen = named(without_options(seen), self.subject, self.layer, self.view, self.part.at)
        off = {off.partition(":")[2] for off in self.subject.offs if off.partition(":")[0] == self.layer}
        if not isinstance(seen, View) or seen.kind != "images" or not off:
            return seen
        axis = seen.axes[0]
        names = axis.labels or tuple(map(str, range(len(seen.data))))
        labels = tuple(f"{name} off" if name in off else name for name in names)
        return msgspec.structs.replace(seen, axes=(msgspec.structs.replace(axis, labels=labels), *seen.axes[1:]))

    def about_view(self) -> str:
        """What the view shows, in words."""
        offers = {offer.name: offer.about for offer in self.subject.offers(self.layer)}
        return offers.get(self.view, "")

    # ── turning ───────────────────────────────────────────────────────────────────────────────────────────────────

    def turn_view(self, by: int) -> None:
        names = self.view_names()
        self.wish = names[(names.index(self.view) + by) % len(names)] if self.view in names else names[0]

    def turn_sample(self, by: int) -> None:
        self.samples, self.input_text = None, ""
        self.number = (self.number + by) % max(1, self.count)

    def turn_epoch(self, by: int) -> None:
        """The weights of another epoch that was kept; beyond the last, those of the file."""
        numbers = [*self.epochs, 0]
        at = numbers.index(self.epoch) if self.epoch in numbers else len(numbers) - 1
        self.epoch = numbers[max(0, min(len(numbers) - 1, at + by))]
        path = self.epochs[self.epoch] if self.epoch else self.path
        self.model_subject.take(load_model(path))

    def epoch_words(self) -> str:
        if not self.epoch:
            count = "1 epoch" if len(self.epochs) == 1 else f"{len(self.epochs)} epochs"
            return f", and . step through the weights of {count}" if self.epochs else ""
        return f"the weights after epoch {self.epoch}: , earlier   . later   (colours keep their range)"

    # ── the value under the cursor ────────────────────────────────────────────────────────────────────────────────

    def explain(self, what: str, view: Seen, index: tuple[int, ...]) -> Sum:
        """Its sum, or its gradient. Raises TuinetError where there is none."""
        look = self.wanted()
        asked = Asked(look.layer, look.view, look.choice)
        question = self.model_subject.question(asked, self._samples())
        assert isinstance(view, View)
        return (sum_of if what == "sum" else gradient_of)(question, look.view, view, index)

    def switch(self, view: Seen, index: tuple[int, ...]) -> None:
        """Its unit off, or on again. Raises TuinetError where nothing can be switched off."""
        subject, look = self.model_subject, self.wanted()
        assert isinstance(view, View)
        asked = Asked(look.layer, look.view, look.choice)
        off = unit_of(subject.question(asked, self._samples()), look.view, view, index)
        if off is None:
            raise TuinetError("nothing can be switched off here", "Stand on a map, a unit or a gate.")
        before = subject.offs
        subject.offs = tuple(each for each in before if each != off) if off in before else (*before, off)
        try:
            subject.asked_model()
        except TuinetError:
            subject.offs = before
            raise

    def restore(self) -> None:
        self.model_subject.offs = ()

    # ── inputs ────────────────────────────────────────────────────────────────────────────────────────────────────

    def inputs_in_words(self) -> str:
        """What can be typed."""
        meta = self.model_subject.model.meta
        kind = "a text" if meta.vocabulary is not None else "an image's file" if self._image else "a row like 5.1,3.5"
        part = self.model_subject.part_name
        return f"A sample like {part}:17 (there are {self.count:,}), or {kind}."

    @property
    def _image(self) -> bool:
        return len(self.model_subject.model.meta.input_shape.sizes) == 3

    def read(self, text: str) -> None:
        """The input that was typed: a sample, a text, a file. Raises TuinetError."""
        subject = self.model_subject
        is_text = subject.model.meta.vocabulary is not None
        if _SAMPLE.fullmatch(text.strip()) and (not is_text or ":" in text):
            found = subject.read(Inputs(sample=text.strip()))
        elif is_text:
            found = subject.read(Inputs(text=text))
        elif self._image or Path(text).suffix:
            found = subject.read(Inputs(file=text))
        else:
            found = subject.read(Inputs(text=text))
        self.samples, self.input_text = found, text

    @property
    def drawn(self) -> Drawing | None:
        """How an input is drawn by hand; None where none can be."""
        from tuinet.inspection.drawing import drawing_for

        if not isinstance(self.subject, Subject):
            return None
        return drawing_for(self.subject.model)

    def answer_and_maps(self) -> tuple[Seen, ...]:
        """In a thread, while somebody draws: what goes in, and the maps of the first convolution."""
        samples = self._samples()
        self.answers = self._answers(samples)
        subject = self.model_subject
        maps = [layer for view, layer in self.first if view in ("maps", "kernels")][:1]
        seen = subject.look(Asked("", "input"), samples)
        return (*seen, *(view for layer in maps for view in subject.look(Asked(layer, "maps"), samples)[:1]))

    def take_drawing(self, raw: np.ndarray) -> None:
        """A raw sample that was drawn."""
        model = self.model_subject.model
        self.samples, self.input_text = Samples(model.raw(raw[np.newaxis]), None, ("drawn",)), ""


def _first(subject: Subject | Tensors) -> tuple[tuple[str, str], ...]:
    """The views that tell most, and of which layer: of a translator first the whole of it."""
    if not isinstance(subject, Subject):
        return ()
    whole = (("translation", ""),) if subject.model.meta.task == "seq2seq" else ()
    return (*whole, *family(subject.model))


def open_asking(text: str) -> Asking:
    """What `text` names: a model that ships, a run's folder, any file of tensors. Reads a model's data, too, so that
    nobody waits for them later. Raises TuinetError."""
    from tuinet.training.snapshots import snapshots

    path = find_model(text)
    in_run = path.parent if path.name == "model.safetensors" else None
    subject = open_subject(path)
    _ = subject.count  # it reads the data
    name = in_run.name if in_run is not None else path.stem if path.suffix == ".safetensors" else path.name
    return Asking(name, path, subject, snapshots(in_run) if in_run is not None else {})
