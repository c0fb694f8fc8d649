"""What Build changes: layers, settings, the whole experiment; and what is done with it: opened, saved, trained."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from tuinet.errors import TuinetError
from tuinet.tui.draft import Draft, open_draft
from tuinet.tui.families import ask_for_data, ask_for_new
from tuinet.tui.filing import ask_to_open, ask_to_save, command_words, save
from tuinet.tui.forming import FieldPopup, FormPopup
from tuinet.tui.popup import Choose, Option, Read, paragraphs
from tuinet.tui.screens.base import Room

if TYPE_CHECKING:
    from tuinet.data.sources import Source
    from tuinet.experiment.places import Place
    from tuinet.experiment.spec import Experiment
    from tuinet.inspection.view import Seen

ESTIMATE_SECONDS = 1.0
"""After the last change, before the time of an epoch is measured."""

UNSAVED = (
    Option("w", "save it first", "save"),
    Option("l", "lose the changes", "lose"),
    Option("b", "back", ""),
)


class Changes(Room):
    """A screen with a draft. `fill` draws it again."""

    def __init__(self) -> None:
        super().__init__()
        self.draft: Draft | None = None
        self.pane = "layers"
        self.closed: set[Place] = set()
        self.data_seen: tuple[Seen, ...] = ()
        self.opening = False

    def fill(self) -> None:
        raise NotImplementedError

    def place_now(self) -> Place | None:
        raise NotImplementedError

    def key_now(self) -> str:
        """The setting under the cursor, as `--set` calls it."""
        raise NotImplementedError

    # ── another experiment ────────────────────────────────────────────────────────────────────────────────────────

    def begin(self, wanted: str | Path | Draft) -> None:
        """A recipe, a file, a run's folder, a model; what is changed and not saved is asked about."""

        def go() -> None:
            self.opening = True
            self.run_worker(partial(self._open, wanted), thread=True, exclusive=True, group="open")

        if self.draft is None or not self.draft.changed:
            go()
            return

        def answered(answer: str | None) -> None:
            if answer == "save":
                self.action_save_view()
            elif answer == "lose":
                go()

        text = f"{self.draft.experiment.name} was changed and not saved."
        self.app.push_screen(Choose("Another experiment?", text, UNSAVED), answered)

    def _open(self, wanted: str | Path | Draft) -> None:
        try:
            draft = wanted if isinstance(wanted, Draft) else open_draft(wanted)
            draft.describe()
        except (TuinetError, OSError) as error:
            self.app.call_from_thread(self._failed, error)
            return
        self.app.call_from_thread(self._opened, draft)

    def _failed(self, error: Exception) -> None:
        self.opening = False
        self.tui.complain(error)

    def _opened(self, draft: Draft) -> None:
        self.opening = False
        self.draft, self.pane, self.closed, self.data_seen = draft, "layers", set(), ()
        for note in draft.notes:
            self.tui.tell(note)
        self.fill()

    # ── changes ───────────────────────────────────────────────────────────────────────────────────────────────────

    def change(self, experiment: Experiment) -> None:
        """Another experiment in place of this one, which undo brings back."""
        draft = self.draft
        if draft is None or not draft.change(experiment):
            return
        if draft.data_known:
            self.fill()
        else:
            self.describe()

    def describe(self) -> None:
        """The data are others: look at them in a thread."""
        self.fill()
        self.run_worker(self._describe, thread=True, exclusive=True, group="data")

    def _describe(self) -> None:
        draft = self.draft
        if draft is None:
            return
        try:
            draft.describe()
        except (TuinetError, OSError) as error:
            self.app.call_from_thread(self.tui.complain, error)
            return
        self.app.call_from_thread(self.fill)
        if self.pane == "data":
            self.app.call_from_thread(self.look_at_data)

    def attempt(self, edit: Callable[[], Experiment]) -> bool:
        """Change it so, or say why not. Whether it was changed."""
        try:
            self.change(edit())
        except TuinetError as error:
            self.tui.complain(error)
            return False
        return True

    def action_undo(self) -> None:
        if self.draft is not None and self.draft.undo():
            self.describe() if not self.draft.data_known else self.fill()

    def action_redo(self) -> None:
        if self.draft is not None and self.draft.redo():
            self.describe() if not self.draft.data_known else self.fill()

    # ── layers ────────────────────────────────────────────────────────────────────────────────────────────────────

    def action_add(self) -> None:
        """A layer behind the one under the cursor, of those that fit there."""
        from tuinet.experiment.layer_edits import add
        from tuinet.experiment.offers import offered
        from tuinet.experiment.places import end

        draft, place = self.draft, self.place_now()
        if draft is None or draft.info is None:
            return
        where = end(draft.experiment) if place is None or not place.in_list else place.beside(1)
        offers = offered(draft.experiment, draft.info, where)
        options = [
            Option("", offer.kind if offer.fits else f"{offer.kind}: {offer.reason}", offer.kind, offer.fits)
            for offer in offers
        ]
        layers = {offer.kind: offer.layer for offer in offers}

        def answered(kind: str | None) -> None:
            if kind is not None and self.attempt(lambda: add(draft.experiment, where, layers[kind])):
                self.stand(where)

        text = "Behind the one under the cursor; those that do not fit there say why."
        self.app.push_screen(Choose("Add a layer", text, options), answered)

    def stand(self, value: object) -> None:
        """The cursor onto a layer or a setting."""
        raise NotImplementedError

    def action_edit(self) -> None:
        """The settings of the layer, or the setting, under the cursor."""
        draft, place = self.draft, self.place_now()
        if draft is None:
            return
        if self.pane != "layers":
            self.edit_field(self.key_now())
        elif place is not None:
            self.app.push_screen(FormPopup(self, str(place)))

    def edit_field(self, key: str) -> None:
        """One setting; the source of the data is chosen from those that there are."""
        if key == "data.source":
            ask_for_data(self, (), self.take_source)
        elif key:
            self.app.push_screen(FieldPopup(self, key))

    def take_source(self, source: Source) -> None:
        draft = self.draft
        if draft is not None:
            data = msgspec.structs.replace(draft.experiment.data, source=source)
            self.change(msgspec.structs.replace(draft.experiment, data=data))

    def action_remove(self) -> None:
        from tuinet.experiment.layer_edits import remove

        draft, place = self.draft, self.place_now()
        if draft is not None and place is not None:
            self.attempt(lambda: remove(draft.experiment, place))

    def action_duplicate(self) -> None:
        from tuinet.experiment.layer_edits import duplicate

        draft, place = self.draft, self.place_now()
        if draft is not None and place is not None and self.attempt(lambda: duplicate(draft.experiment, place)):
            self.stand(place.beside(1))

    def action_move(self, by: int) -> None:
        from tuinet.experiment.layer_edits import move

        draft, place = self.draft, self.place_now()
        if draft is not None and place is not None and self.attempt(lambda: move(draft.experiment, place, by)):
            self.stand(place.beside(by))

    def action_fold(self) -> None:
        """Open or close a layer that is made of layers."""
        place = self.place_now()
        if place is not None:
            self.closed ^= {place}
            self.fill()

    def estimate(self) -> None:
        """Measure a few real steps a while after the last change, in a process of its own."""
        draft = self.draft
        report = draft.report() if draft is not None else None
        if draft is None or report is None or report.problems or (draft.known is not None and draft.known.fetch):
            return
        if draft.timed_for is not draft.experiment:
            draft.timed_for, draft.timing = draft.experiment, None
            self.run_worker(partial(self._estimate, draft), thread=True, exclusive=True, group="time")

    def _estimate(self, draft: Draft) -> None:
        from textual.worker import get_current_worker

        from tuinet.training.timing import measured_apart

        worker, experiment = get_current_worker(), draft.experiment
        time.sleep(ESTIMATE_SECONDS)
        if worker.is_cancelled:
            return
        try:
            found = measured_apart(experiment, Path.cwd())
        except (TuinetError, OSError):
            return
        if not worker.is_cancelled and draft.experiment is experiment:
            draft.timing = found
            self.app.call_from_thread(self.fill)

    def way_out(self) -> Experiment | None:
        """The experiment without the problem under the cursor, or else the first that has a way out."""
        from tuinet.experiment.places import located
        from tuinet.experiment.remedies import way_out

        draft = self.draft
        report = draft.report() if draft is not None else None
        if draft is None or report is None or draft.info is None:
            return None
        here = self.place_now()
        ranked = sorted(report.problems, key=lambda each: located(draft.experiment, each.path)[0] != here)
        divided = draft.known.described.divided if draft.known is not None else False
        found = (way_out(draft.experiment, draft.info, problem, divided=divided) for problem in ranked)
        return next((experiment for experiment in found if experiment is not None), None)

    def action_fix(self) -> None:
        found = self.way_out()
        if found is not None:
            self.change(found)

    def action_compare(self) -> None:
        """This network beside an MLP on the same images."""
        from tuinet.inspection.comparison import comparison_table
        from tuinet.render.draw import draw

        report = self.draft.report() if self.draft is not None else None
        table = comparison_table(report) if report is not None else None
        if table is not None:
            lines = draw(table, self.paper(min(68, self.size.width - 8)))
            self.app.push_screen(Read("Beside an MLP", lines))

    # ── data ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def look_at_data(self) -> None:
        if self.draft is not None:
            self.run_worker(partial(self._look_at_data, self.draft), thread=True, exclusive=True, group="samples")

    def _look_at_data(self, draft: Draft) -> None:
        try:
            found = draft.data_views()
        except (TuinetError, OSError):
            found = ()  # why they cannot be read is said already
        self.app.call_from_thread(self._data_seen, found)

    def _data_seen(self, found: tuple[Seen, ...]) -> None:
        self.data_seen = found
        self.fill()

    # ── files and runs ────────────────────────────────────────────────────────────────────────────────────────────

    def action_new(self) -> None:
        ask_for_new(self)

    def action_open(self) -> None:
        ask_to_open(self)

    def save_view(self) -> None:
        """Write the TOML file."""
        if self.draft is not None:
            if self.draft.path is not None:
                save(self, self.draft.path)
            else:
                ask_to_save(self)

    def action_save_view(self) -> None:
        self.save_view()

    def action_save_as(self) -> None:
        ask_to_save(self)

    def action_copy(self) -> None:
        """The command that does the same, shown and copied."""
        if self.draft is not None:
            words = command_words(self.draft)
            self.app.copy_to_clipboard(words)
            self.app.push_screen(Read("The same as a command", paragraphs(f"{words}\n\nIt was copied.", 66)))

    def action_train(self) -> None:
        if self.draft is not None:
            self.tui.train_experiment(self.draft.experiment)
