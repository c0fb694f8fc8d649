"""The experiment that Build shows: the earlier ones for undo, the file it lies in, and what `check` says of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from tuinet.experiment.check import Problem, Report, check
from tuinet.experiment.data import Described, describe_data
from tuinet.experiment.spec import DataSettings, Experiment
from tuinet.files.find import find_model
from tuinet.training.directory import EXPERIMENT

if TYPE_CHECKING:
    from tuinet.data.dataset import DatasetInfo
    from tuinet.inspection.view import Seen
    from tuinet.nn.network import AnyLayer
    from tuinet.training.timing import Timing

MOST_UNDO = 200


class Known(NamedTuple):
    """What is known of the data: as they are described, and how to get them if they are not here ("" if they are)."""

    described: Described
    fetch: str


class Draft:
    """An experiment that is being changed.

    path   the file it was opened from or saved to; None: none yet
    recipe the one it began as, "" if it began as none
    text   what stands in that file, comments and all
    timing what a few real steps of `timed_for` took
    notes  what could not be known of a model that is to be trained again
    """

    def __init__(
        self, experiment: Experiment, path: Path | None = None, text: str = "", notes: tuple[str, ...] = ()
    ) -> None:
        self.experiment, self.path, self.text, self.notes = experiment, path, text, notes
        self.recipe = ""
        self.saved: Experiment | None = experiment if path is not None else None
        self.past: list[Experiment] = []
        self.future: list[Experiment] = []
        self.timing: Timing | None = None
        self.timed_for: Experiment | None = None
        self._known: tuple[DataSettings, Known] | None = None
        self._report: tuple[Experiment, Report] | None = None

    @property
    def changed(self) -> bool:
        """Whether something would be lost."""
        return self.experiment != self.saved and bool(self.past or self.path is not None)

    # ── changes ───────────────────────────────────────────────────────────────────────────────────────────────────

    def change(self, experiment: Experiment) -> bool:
        """Another experiment in its place; whether it is another."""
        if experiment == self.experiment:
            return False
        self.past = [*self.past, self.experiment][-MOST_UNDO:]
        self.future = []
        self.experiment = experiment
        return True

    def undo(self) -> bool:
        if not self.past:
            return False
        self.future.append(self.experiment)
        self.experiment = self.past.pop()
        return True

    def redo(self) -> bool:
        if not self.future:
            return False
        self.past.append(self.experiment)
        self.experiment = self.future.pop()
        return True

    # ── what is known ─────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def data_known(self) -> bool:
        """Whether the data were described already: that may take long, and is done in a thread."""
        return self._known is not None and self._known[0] == self.experiment.data

    def describe(self) -> Known:
        """Look at the data. Raises TuinetError if they cannot be read."""
        from tuinet.data.fetched import NotFetchedError

        experiment = self.experiment
        try:
            known = Known(describe_data(experiment, Path.cwd()), "")
        except NotFetchedError as error:
            known = Known(Described(error.info), str(error).replace("\n", ": "))
        self._known = (experiment.data, known)
        self._report = None
        return known

    @property
    def known(self) -> Known | None:
        return self._known[1] if self._known is not None else None

    @property
    def info(self) -> DatasetInfo | None:
        known = self.known
        return known.described.info if known is not None else None

    def report(self) -> Report | None:
        """What `check` says, with the data as they were last described; None before."""
        known = self.known
        if known is None:
            return None
        if self._report is None or self._report[0] is not self.experiment:
            found = check(self.experiment, known.described.info, Path.cwd(), divided=known.described.divided)
            self._report = (self.experiment, found)
        return self._report[1]

    def advice(self) -> tuple[Problem, ...]:
        """Words on what is far from usual."""
        from tuinet.experiment.advice import advice

        return advice(self.experiment, self.info) if self.info is not None else ()

    def with_layers(self, layers: tuple[AnyLayer, ...]) -> Experiment:
        model = msgspec.structs.replace(self.experiment.model, layers=layers)
        return msgspec.structs.replace(self.experiment, model=model)

    def data_views(self) -> tuple[Seen, ...]:
        """What the data are made of. Raises TuinetError if they cannot be read."""
        from tuinet.inspection.samples import data_views

        return data_views(self.experiment.data, Path.cwd(), self.experiment.training.seed)


def open_draft(wanted: str | Path) -> Draft:
    """A recipe's name, a TOML file, a run's folder, or a model that is to be trained again. Raises TuinetError."""
    from tuinet.experiment.checked import read_experiment
    from tuinet.experiment.decode import experiment_path, read_toml
    from tuinet.experiment.recipes import ORDER

    text = str(wanted)
    if text in ORDER:
        draft = Draft(read_experiment(text))
        draft.recipe = text
        return draft
    path = Path(text)
    if (path / EXPERIMENT).is_file():
        from tuinet.experiment.again import from_run

        return Draft(from_run(path))
    if path.suffix == ".toml":
        return Draft(read_experiment(text), path, read_toml(experiment_path(text)))
    from tuinet.experiment.again import from_model

    experiment, notes = from_model(find_model(text))
    return Draft(experiment, notes=notes)
