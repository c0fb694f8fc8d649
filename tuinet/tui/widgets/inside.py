"""What is inside a run now: kernels, maps, gates, regions …, its layers' health, and what it said."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rich.segment import Segment
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from tuinet.errors import TuinetError
from tuinet.inspection.view import Table
from tuinet.tui.popup import paragraphs
from tuinet.tui.widgets.bars import Bar, rule
from tuinet.tui.widgets.sheet import Sheet

if TYPE_CHECKING:
    from tuinet.inspection.view import Seen
    from tuinet.render.paper import Paper
    from tuinet.tui.subject import Asked, Subject

PANES = {"inside": "Inside", "health": "Health", "log": "Log"}

SHARE = 0.025
"""The part of a core that looking may take: what takes longer is looked at less often."""

LEAST_SECONDS, HEALTH_SECONDS = 1.0, 3.0


class Found(NamedTuple):
    """What a look gave: of the weights of which moment, or what was wrong."""

    seen: tuple[Seen, ...]
    health: Table | None
    stamp: int
    wrong: str = ""


class Inside(Vertical):
    """Looks into the newest weights of a run in a thread, at most once a second, and draws what it finds."""

    DEFAULT_CSS = """
    Inside { height: 1fr; min-height: 5; }
    Inside Sheet { height: 1fr; width: 1fr; display: none; }
    Inside Sheet.seen { display: block; }
    Screen.wide Inside Sheet { margin-right: 1; }
    Screen.huge Inside #inside { width: 2fr; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.pane = "inside"
        self.forget()

    def compose(self) -> ComposeResult:
        yield Bar(id="panes")
        with Horizontal():
            for name in PANES:
                yield Sheet(id=name)

    # ── looking ───────────────────────────────────────────────────────────────────────────────────────────────────

    def forget(self) -> None:
        """Another run."""
        self.subject: Subject | None = None
        self.views: tuple[tuple[str, str], ...] = ()  # (view, layer), those that suit the network
        self.what, self.sample = 0, 0
        self.found = Found((), None, 0)
        self.frozen = False
        self.ranges: dict[str, tuple[float, float]] = {}
        self.next_look = self.next_health = 0.0
        self.looking = False
        self.since = time.monotonic()

    def look(self, directory: Path, *, soon: bool = False) -> None:
        """Look into the newest weights, if that is due (`soon`: even if not)."""
        now = time.monotonic()
        if soon:
            self.next_look = self.next_health = 0.0
        if self.looking or (self.frozen and not soon) or now < self.next_look:
            return
        self.looking = True
        self.run_worker(partial(self._look, directory), thread=True, exclusive=True, group="inside")

    def _look(self, directory: Path) -> None:
        begin = time.thread_time()
        found = self._find(directory)
        spent = time.thread_time() - begin
        self.app.call_from_thread(self._take, found, spent)

    def _find(self, directory: Path) -> Found:
        """In a thread: the views of the weights that are newest."""
        try:
            path, stamp = newest_weights(directory)
        except OSError:
            return Found((), None, 0, "no weights yet: they come with the first steps")
        due = time.monotonic() >= self.next_health and "health" in self.shown
        if stamp == self.found.stamp and self._same and not due:
            return self.found
        try:
            subject = self._load(path)
            seen = subject.look(self.asked(), subject.sample(self.sample)) if self.views else ()
            health = self.found.health
            if due:
                health = next((seen for seen in subject.look(_whole("vitals"), None) if isinstance(seen, Table)), None)
        except (TuinetError, OSError) as error:
            return Found((), self.found.health, stamp, str(error))
        return Found(seen, health, stamp)

    def _load(self, path: Path) -> Subject:
        from tuinet.files.model_file import load_model
        from tuinet.inspection.families import family
        from tuinet.tui.subject import Subject

        model = load_model(path)
        if self.subject is None:
            self.subject = Subject(path, model)
            self.views = family(model)
        else:
            self.subject.take(model)
        return self.subject

    def _take(self, found: Found, spent: float) -> None:
        self.looking, self._same = False, True
        changed, self.found = found is not self.found, found
        begin = time.thread_time()
        if changed:
            self.draw()
        spent += time.thread_time() - begin
        now = time.monotonic()
        self.next_look = now + max(LEAST_SECONDS, spent / SHARE)
        if now >= self.next_health:
            self.next_health = now + max(HEALTH_SECONDS, spent / SHARE)
        self.since = now

    _same = False
    """Whether what was found last is what is asked now."""

    def asked(self) -> Asked:
        from tuinet.tui.subject import Asked

        view, layer = self.views[self.what % len(self.views)]
        return Asked(layer, view)

    # ── drawing ───────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def shown(self) -> tuple[str, ...]:
        """As many panes as have room, the chosen one always among them."""
        if self.screen.has_class("huge"):
            return tuple(PANES)
        if self.screen.has_class("wide"):
            return ("inside", self.pane if self.pane != "inside" else "health")
        return (self.pane,)

    def paper(self, name: str) -> Paper | None:
        size = self.query_one(f"#{name}", Sheet).size
        if size.width < 2 or size.height < 1:
            return None
        return self.screen.paper(size.width - 1, size.height)  # pyright: ignore[reportAttributeAccessIssue]

    def draw(self) -> None:
        for name in PANES:
            self.query_one(f"#{name}", Sheet).set_class(name in self.shown, "seen")
        self._titles()
        paper = self.paper("inside")
        if paper is not None and "inside" in self.shown:
            self.query_one("#inside", Sheet).show(self._inside(paper))
        paper = self.paper("health")
        if paper is not None and "health" in self.shown:
            self.query_one("#health", Sheet).show(self._health(paper))

    def _inside(self, paper: Paper) -> list[list[Segment]]:
        from tuinet.inspection.view import View
        from tuinet.render.draw import draw, page_of

        if not self.found.seen:
            return [*paragraphs(self.found.wrong or "looking …", paper.width)]  # pyright: ignore[reportReturnType]
        lines: list[list[Segment]] = []
        for seen in map(self._held, self.found.seen):
            fits = page_of(seen, paper) if isinstance(seen, View) else 1
            lines += draw(seen, paper, most=fits, more="4 looks at {first} to {last}")
        return lines

    def _held(self, seen: Seen) -> Seen:
        """With the range of colours that it was first seen with: a picture whose range moves lies."""
        from tuinet.inspection.view import View, held

        if not isinstance(seen, View) or seen.kind not in ("images", "matrix") or seen.low is not None:
            return seen
        low, high = self.ranges.setdefault(f"{self.what} {seen.name}", seen.range)
        return held(seen, low, high)

    def _health(self, paper: Paper) -> list[list[Segment]]:
        from tuinet.render.draw import draw

        if self.found.health is None:
            return [*paragraphs(self.found.wrong or "looking …", paper.width)]  # pyright: ignore[reportReturnType]
        return draw(self.found.health, paper)

    def say(self, lines: list[str]) -> None:
        """What the log pane shows; the newest is in sight."""
        sheet = self.query_one("#log", Sheet)
        paper = self.paper("log")
        if "log" not in self.shown or paper is None:
            return
        drawn = [line for text in lines for line in paragraphs(text, paper.width)]
        sheet.show(drawn, top=max(0, len(drawn) - paper.height) if paper.height else 0)

    def _titles(self) -> None:
        bar = self.query_one("#panes", Bar)
        ascii_only = self.app.ascii  # pyright: ignore[reportAttributeAccessIssue]
        warnings = len(self.warnings())
        sign = "!" if ascii_only else "⚠"
        names = {
            **PANES,
            "inside": f"Inside: {self.name_of()}" + (" (held)" if self.frozen else ""),
            "health": f"Health {sign}{warnings}" if warnings else "Health",
        }
        titles = [(names[name], name in self.shown, f"screen.pane('{name}')") for name in PANES]
        focused = any(self.query_one(f"#{name}", Sheet).has_focus for name in PANES)
        dot = ", " if ascii_only else " · "
        bar.show(rule(titles, f"tab next{dot}v what to see", bar.size.width, ascii_only=ascii_only, focused=focused))

    def name_of(self) -> str:
        if not self.views:
            return "nothing yet"
        view, layer = self.views[self.what % len(self.views)]
        return f"{layer} {view}".strip()

    def warnings(self) -> list[str]:
        """The verdicts of layers that do not work as they should, in words."""
        table = self.found.health
        if table is None or "verdict" not in table.columns:
            return []
        at = table.columns.index("verdict")
        return [f"{row[0]}: {row[at]}" for row in table.rows if row[at] not in ("fine", "", None)]

    # ── what keys do ──────────────────────────────────────────────────────────────────────────────────────────────

    def next_view(self, by: int = 1) -> None:
        if self.views:
            self.what = (self.what + by) % len(self.views)
            self._same = False

    def next_sample(self, by: int) -> None:
        self.sample = max(0, self.sample + by)
        self._same = False

    def refit(self) -> None:
        self.ranges.clear()
        self.draw()

    def choose(self, name: str) -> None:
        self.pane = name
        self.draw()
        self.query_one(f"#{name}", Sheet).focus()


def newest_weights(directory: Path) -> tuple[Path, int]:
    """The file of the weights of this moment, else of the best so far, and when it was written. Raises OSError."""
    from tuinet.training.directory import MODEL
    from tuinet.training.live import LIVE

    try:
        return directory / LIVE, (directory / LIVE).stat().st_mtime_ns
    except FileNotFoundError:
        return directory / MODEL, (directory / MODEL).stat().st_mtime_ns


def _whole(view: str) -> Asked:
    from tuinet.tui.subject import Asked

    return Asked("", view)
