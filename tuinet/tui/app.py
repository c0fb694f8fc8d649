"""The app: its screens, what is watched and looked into, and the runs that it starts."""

from __future__ import annotations

import contextlib
import gc
from collections import deque
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import App, SystemCommand
from textual.screen import Screen

from tuinet.errors import TuinetError
from tuinet.render.paper import Colors, Paper, colors_of
from tuinet.tui.keys import Key, bindings, keys_of, own_keys, shown
from tuinet.tui.popup import Read, paragraphs
from tuinet.tui.screens.base import Room
from tuinet.tui.screens.home import HomeScreen

if TYPE_CHECKING:
    from tuinet.experiment.spec import Experiment
    from tuinet.training.start import Started
    from tuinet.tui.screens.build import BuildScreen
    from tuinet.tui.screens.inspect import InspectScreen
    from tuinet.tui.screens.train import TrainScreen

LOG_LINES = 500
"""Prints and warnings that are kept for the log pane."""

REAP_SECONDS = 2.0


def _train() -> TrainScreen:
    from tuinet.tui.screens.train import TrainScreen

    return TrainScreen()


def _inspect() -> InspectScreen:
    from tuinet.tui.screens.inspect import InspectScreen

    return InspectScreen()


def _build() -> BuildScreen:
    from tuinet.tui.screens.build import BuildScreen

    return BuildScreen()


SCREENS: dict[str, tuple[str, str]] = {
    "home": ("1", "Home"),
    "build": ("2", "Build"),
    "train": ("3", "Train"),
    "inspect": ("4", "Inspect"),
}
"""The screens by name: their key and title."""


class TuinetApp(App[None]):
    """`opened` is a run to watch or a model or file to look into. `ascii`: nothing but ASCII is drawn."""

    TITLE = "tuinet"
    MODES: ClassVar = {"home": HomeScreen, "build": _build, "train": _train, "inspect": _inspect}
    DEFAULT_MODE = "home"
    BINDINGS = bindings("app")  # pyright: ignore[reportAssignmentType]
    CSS = """
    Screen { layout: vertical; }
    .-ascii Popup > Vertical, .-ascii DrawScreen Pad { border: ascii $primary; }
    .-ascii Toast { border-left: ascii $primary; }
    """

    def __init__(self, opened: str | None = None, *, ascii: bool = False, theme: str | None = None) -> None:
        super().__init__()
        self.opened, self.ascii = opened, ascii
        self.set_class(ascii, "-ascii")
        self.watched: Path | None = None
        self.looked_into: str | None = None
        self.to_build: str | None = None
        self.unsaved = ""
        self.said: deque[str] = deque(maxlen=LOG_LINES)
        self.alive = False
        self.begun: list[Started] = []
        self.loaded = False
        self._wanted = self.DEFAULT_MODE
        self._held = contextlib.ExitStack()
        if theme is not None:
            self.check_theme(theme)
            self.theme = theme

    def check_theme(self, name: str) -> None:
        """Raises TuinetError, with the names there are, for a theme that is not there."""
        if name not in self.available_themes:
            raise TuinetError(f"there is no theme {name!r}", f"There are: {', '.join(sorted(self.available_themes))}.")

    def on_mount(self) -> None:
        self.set_interval(REAP_SECONDS, self._reap)
        self.begin_capture_print(self)  # whatever prints would tear the screen
        with contextlib.suppress(ImportError):
            self._own_keys()
        self.call_after_refresh(self._begin)

    def _own_keys(self) -> None:
        from platformdirs import user_config_path

        try:
            self.set_keymap(own_keys(user_config_path("tuinet") / "keys.toml"))
        except TuinetError as error:
            self.complain(error)

    def _begin(self) -> None:
        """What comes after the first frame."""
        self.run_worker(self._load_numbers, thread=True)
        if self.opened is not None:
            self.open(self.opened)

    def _load_numbers(self) -> None:
        """NumPy and all that stands on it, while the first frame is seen already. A busy machine wants one thread."""
        from tuinet.model.blas import one_blas_thread
        from tuinet.tui.later import load

        self._held.enter_context(one_blas_thread)
        load()
        self.call_from_thread(self._loaded)

    def _loaded(self) -> None:
        self.loaded = True
        if not gc.isenabled():
            gc.freeze()  # what was imported stays: going through it would hold up a key for 30 ms now and then
            gc.enable()
        if self._wanted != self.current_mode:
            self.show_room(self._wanted)

    def show_room(self, name: str) -> None:
        """Go to a screen, to one that needs NumPy once that is there."""
        self._wanted = name
        if not self.loaded and name != self.DEFAULT_MODE:
            return
        if self.current_mode == name and self.room is not None:
            self.room.on_screen_resume()  # as if one had come to it just now
        else:
            self.switch_mode(name)

    def on_unmount(self) -> None:
        self._held.close()

    # ── what is shown on ──────────────────────────────────────────────────────────────────────────────────────────

    @property
    def depth(self) -> Colors:
        """How many colours the terminal has."""
        return colors_of(self.console.color_system, self.no_color)

    def paper(self, width: int, height: int | None = None) -> Paper:
        return Paper(width=max(1, width), colors=self.depth, ascii=self.ascii, height=height)

    @property
    def room(self) -> Room | None:
        """The screen that is seen, under any popup."""
        return next((screen for screen in reversed(self.screen_stack) if isinstance(screen, Room)), None)

    def tabs(self) -> list[tuple[str, str, str]]:
        """(name, key, title) of the screens; the one of a living run bears a sign."""
        live = (" *" if self.ascii else " ●") if self.alive else ""
        return [(name, key, title + (live if name == "train" else "")) for name, (key, title) in SCREENS.items()]

    def shown_key(self, key: Key) -> str:
        """How a key is written: as in the table, or as the person's own file has it."""
        return shown(self._keymap[key.id]) if key.id in self._keymap else key.show

    # ── going about ───────────────────────────────────────────────────────────────────────────────────────────────

    def action_go(self, name: str) -> None:
        if isinstance(self.screen, Room) and self._wanted != name:
            self.show_room(name)

    def action_help(self) -> None:
        from tuinet.tui.help import help_for

        room = self.room
        if room is not None and isinstance(self.screen, Room):
            self.push_screen(help_for(room))

    def action_next_pane(self) -> None:
        if isinstance(self.screen, Room):
            self.screen.action_next_pane()

    def action_pane_before(self) -> None:
        if isinstance(self.screen, Room):
            self.screen.action_pane_before()

    def action_save_view(self) -> None:
        save = getattr(self.screen, "save_view", None)
        if save is not None:
            save()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        room = self.room
        place = room.PLACE if room is not None else ""
        for key in (*keys_of(place), *keys_of("app")):
            if room is None or key.place == "app" or room.works(key.action.partition("(")[0]):
                target = self if key.place == "app" else room
                yield SystemCommand(key.help, f"{self.shown_key(key)}", partial(self._do, target, key.action))
        for name in sorted(self.available_themes):
            yield SystemCommand(f"theme {name}", "the colours of the screen", partial(setattr, self, "theme", name))

    async def _do(self, target: object, action: str) -> None:
        await self.run_action(action, target)  # pyright: ignore[reportArgumentType]

    def action_leave(self) -> None:
        """Quit; what would be lost is asked about first, then what is to become of runs that go on."""
        from tuinet.tui.leaving import leave

        leave(self)

    # ── runs and models ───────────────────────────────────────────────────────────────────────────────────────────

    def open(self, text: str) -> None:
        """A run to watch, or anything to look into."""
        from tuinet.training.directory import find_run

        try:
            self.show_run(find_run(text))
        except TuinetError:
            self.look_into(text)

    def show_run(self, directory: Path) -> None:
        self.watched = directory
        self.show_room("train")

    def look_into(self, text: str) -> None:
        self.looked_into = text
        self.show_room("inspect")

    def train(self, name: str) -> None:
        """Start `tuinet train NAME` beside the app."""
        from tuinet.tui.starting import start_recipe

        start_recipe(self, name)

    def train_experiment(self, experiment: Experiment) -> None:
        """Start a run of an experiment that lies in no file."""
        from tuinet.tui.starting import start_experiment

        start_experiment(self, experiment)

    def build(self, wanted: str | Path) -> None:
        """Open a recipe, a file, a run or a model in Build."""
        self.to_build = str(wanted)
        self.show_room("build")

    def go_on(self, directory: Path) -> None:
        from tuinet.tui.starting import go_on

        go_on(self, directory)

    def started(self, started: Started) -> None:
        """Show a run that was just started; say so if it could not begin."""
        self.begun.append(started)
        self.show_run(started.directory)
        self.run_worker(partial(self._wait, started), thread=True)

    def _wait(self, started: Started) -> None:
        from tuinet.training.start import wait_until_there

        try:
            wait_until_there(started)
        except TuinetError as error:
            self.call_from_thread(self._refused, started.directory, error)

    def _reap(self) -> None:
        """A process that ended stays in the table of processes until it is asked for."""
        for started in self.begun:
            started.process.poll()
        self.note_living()

    def living(self) -> list[Path]:
        """The runs that were begun or are watched here and go on."""
        from tuinet.training.directory import is_locked

        known = dict.fromkeys([*(started.directory for started in self.begun), *filter(None, [self.watched])])
        return [directory for directory in known if is_locked(directory)]

    def note_living(self) -> None:
        """Whether any goes on stands in the head of every screen."""
        alive, room = bool(self.living()), self.room
        if alive != self.alive:
            self.alive = alive
            if room is not None:
                room.refresh_bars()

    def _refused(self, directory: Path, error: TuinetError) -> None:
        if self.watched == directory:
            self.watched = None
            self.show_room("home")
        width = min(68, self.size.width - 8)
        self.push_screen(Read("The run could not begin", paragraphs(f"{error.message}\n{error.hint}", width)))

    def discard(self, directory: Path) -> None:
        from tuinet.training.runs import discard

        try:
            discard(directory)
        except (TuinetError, OSError) as error:
            self.complain(error)

    # ── words ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def complain(self, error: Exception) -> None:
        """Say what went wrong and what to do."""
        hint = getattr(error, "hint", "")
        message = getattr(error, "message", None) or str(error)
        self.said.append(f"{message} {hint}".strip())
        self.clear_notifications()  # several of them would hide what they are about
        self.notify(f"{message}\n{hint}".strip(), severity="error", timeout=8, markup=False)

    def tell(self, text: str) -> None:
        self.said.append(text)
        self.clear_notifications()
        self.notify(text, timeout=4, markup=False)

    def on_print(self, event: events.Print) -> None:
        self.said += [line for line in event.text.splitlines() if line.strip()]
