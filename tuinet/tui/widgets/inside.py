"""What is inside a run now: kernels, maps, gates, regions …, its layers' health, and what it said."""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from rich.segment import Segment
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message

from tuinet.errors import TuinetError
from tuinet.inspection.view import Table
from tuinet.render.paper import Line, clean, width_of
from tuinet.training.directory import LIVE
from tuinet.tui.popup import paragraphs
from tuinet.tui.says import without_options
from tuinet.tui.verdicts import warnings
from tuinet.tui.widgets.bars import Bar, rule
from tuinet.tui.widgets.sheet import Sheet

if TYPE_CHECKING:
    from tuinet.inspection.view import Seen
    from tuinet.model.model import Model
    from tuinet.render.paper import Paper
    from tuinet.tui.subject import Subject

PANES = {"inside": "Inside", "health": "Health", "log": "Log"}

SHARE = 0.025
"""The part of a core that looking may take: what takes longer is looked at less often."""

LEAST_SECONDS, HEALTH_SECONDS, UNSEEN_SECONDS = 1.0, 3.0, 10.0
"""Between two looks at what is inside, at the layers' health, and at that while only its warnings are seen."""


SMALL = 12
"""Lines: a pane that has fewer shows views without notes."""


class Found(NamedTuple):
    """What a look gave, or what was wrong.

    stamp      when the weights were written, in nanoseconds
    asked      which view, and which sample
    live       whether they are those of the moment, not the best so far
    health_of  the stamp of the weights whose health it is
    """

    seen: tuple[Seen, ...]
    health: Table | None
    stamp: int
    wrong: str = ""
    asked: tuple[int, int] = (0, 0)
    live: bool = False
    health_of: int = 0


class Inside(Vertical):
    """Looks into the newest weights of a run in a thread, at most once a second, and draws what it finds."""

    DEFAULT_CSS = """
    Inside { height: 1fr; min-height: 5; }
    Inside Sheet { height: 1fr; width: 1fr; display: none; }
    Inside Sheet.seen { display: block; }
    """

    class Looked(Message):
        """Something else was found."""

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

    runs = 0
    """How many runs were watched so far."""

    def forget(self) -> None:
        """Another run; what a thread still finds of the one before is dropped."""
        self.runs += 1
        self.subject: Subject | None = None
        self.views: tuple[tuple[str, str], ...] = ()  # (view, layer), those that suit the network
        self.what, self.sample = 0, 0
        self.found = Found((), None, 0)
        self.frozen = False
        self.ranges: dict[tuple[int, str], tuple[float, float]] = {}
        self.next_look = self.next_health = 0.0
        self.looking = False

    def look(self, directory: Path, *, soon: bool = False) -> None:
        """Look into the newest weights, if that is due (`soon`: even if not)."""
        now = time.monotonic()
        if soon:
            self.next_look = self.next_health = 0.0
        if self.looking or (self.frozen and not soon) or now < self.next_look:
            return
        due = now >= self.next_health
        if not soon and self._is_known(directory, due):
            self.next_look = now + LEAST_SECONDS
            return
        self.looking = True
        self.run_worker(partial(self._look, directory, due, self.runs), thread=True, exclusive=True, group="inside")

    def _is_known(self, directory: Path, due: bool) -> bool:
        """Whether nothing new would be found: a run that is held or has ended costs no more than this."""
        from tuinet.tui.subject import newest_weights

        found = self.found
        with contextlib.suppress(OSError):
            same = (newest_weights(directory)[1], (self.what, self.sample)) == (found.stamp, found.asked)
            return same and (not due or found.health_of == found.stamp)
        return False

    def _look(self, directory: Path, due: bool, runs: int) -> None:
        begin = time.thread_time()
        found = self._find(directory, (self.what, self.sample), due, runs)
        spent = time.thread_time() - begin
        self.app.call_from_thread(self._take, found, spent, due, runs)

    def _find(self, directory: Path, asked: tuple[int, int], due: bool, runs: int) -> Found:
        """In a thread: the views of the weights that are newest, their health if that is due."""
        from tuinet.files.model_file import load_model
        from tuinet.tui.subject import Asked, newest_weights

        try:
            path, stamp = newest_weights(directory)
        except OSError:
            return Found((), None, 0, "no weights yet: they come with the first steps")
        if stamp == self.found.stamp and asked == self.found.asked and not due:
            return self.found
        health, health_of = self.found.health, self.found.health_of
        try:
            model = load_model(path)
            if runs != self.runs:  # another run is watched by now
                return self.found
            subject = self._subject(path, model)
            what, sample = asked
            view, layer = self.views[what % len(self.views)] if self.views else ("", "")
            seen = subject.look(Asked(layer, view), subject.sample(sample)) if view else ()
            if due:
                vitals = subject.look(Asked("", "vitals"), None)
                health, health_of = next((seen for seen in vitals if isinstance(seen, Table)), None), stamp
        except (TuinetError, OSError) as error:
            return Found((), health, stamp, str(error), asked, health_of=stamp)
        return Found(tuple(map(without_options, seen)), health, stamp, "", asked, path.name == LIVE, health_of)

    def _subject(self, path: Path, model: Model) -> Subject:
        from tuinet.inspection.families import family
        from tuinet.tui.subject import Subject

        if self.subject is None:
            self.subject = Subject(path, model)
            self.views = family(model)
        else:
            self.subject.take(model)
        return self.subject

    def _take(self, found: Found, spent: float, due: bool, runs: int) -> None:
        if runs != self.runs:
            return
        self.looking = False
        changed, self.found = found is not self.found, found
        begin = time.thread_time()
        if changed:
            self.draw()
        spent += time.thread_time() - begin
        now = time.monotonic()
        self.next_look = now + max(LEAST_SECONDS, spent / SHARE)
        if due:
            least = HEALTH_SECONDS if "health" in self.shown else UNSEEN_SECONDS
            self.next_health = now + max(least, spent / SHARE)
        if changed:
            self.post_message(self.Looked())

    # ── drawing ───────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def shown(self) -> tuple[str, ...]:
        """As many panes as have room, the chosen one always among them."""
        if self.screen.has_class("huge"):
            return tuple(PANES)
        other = self.pane if self.pane != "inside" else "health"
        return ("inside", other) if self.screen.has_class("wide") else (self.pane,)

    def paper(self, name: str) -> Paper | None:
        size = self.query_one(f"#{name}", Sheet).size
        if size.width < 2 or size.height < 1:
            return None
        return self.screen.paper(size.width - 1, size.height)  # pyright: ignore[reportAttributeAccessIssue]

    def draw(self) -> None:
        sheets = {name: self.query_one(f"#{name}", Sheet) for name in PANES}
        others = any(sheet.has_class("seen") != (name in self.shown) for name, sheet in sheets.items())
        for name, sheet in sheets.items():
            sheet.set_class(name in self.shown, "seen")
        self.call_after_refresh(self._draw) if others else self._draw()  # others have their sizes only then

    def _draw(self) -> None:
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
            return self._instead(paper)
        held = [self._held(seen) for seen in self.found.seen]
        below = paragraphs(clean(self._of_range(), paper), paper.width)
        paper = replace(paper, height=max(1, (paper.height or 1) - len(below)))
        lines: list[list[Segment]] = []
        for seen in held:
            if isinstance(seen, View) and (paper.height or 0) < SMALL:
                seen = msgspec.structs.replace(seen, notes=())  # the picture needs the lines
            fits = page_of(seen, paper) if isinstance(seen, View) else 1
            drawn = draw(seen, paper, most=fits, more="4 looks at {first} to {last}")
            if lines and len(lines) + len(drawn) > (paper.height or 0):
                break  # what has no room is seen in Inspect
            lines += drawn
        return [*lines, *below]

    def _instead(self, paper: Paper) -> list[list[Segment]]:
        """What is said where nothing was found yet."""
        return paragraphs(clean(self.found.wrong or "looking …", paper), paper.width)

    def _of_range(self) -> str:
        """Whether the colours keep their range, whose weights these are, and how old."""
        holds = any(what == self.found.asked[0] for what, _ in self.ranges)
        said = ["colours held, z refits"] if holds else []
        if self.found.live:
            age = max(0.0, time.time() - self.found.stamp / 1e9)
            said += ["f moves on" if self.frozen else "f freezes", f"{age:.1f} s old"]
        return " · ".join(said)

    def _held(self, seen: Seen) -> Seen:
        """With the range of colours that it was first seen with: a picture whose range moves lies."""
        from tuinet.inspection.view import View, held

        if not isinstance(seen, View) or seen.kind not in ("images", "matrix") or seen.low is not None:
            return seen
        low, high = self.ranges.setdefault((self.found.asked[0], seen.name), seen.range)
        return held(seen, low, high)

    def _health(self, paper: Paper) -> list[list[Segment]]:
        from tuinet.render.draw import draw

        return self._instead(paper) if self.found.health is None else draw(self.found.health, paper)

    def say(self, lines: list[str]) -> None:
        """What the log pane shows; the newest is in sight."""
        sheet = self.query_one("#log", Sheet)
        paper = self.paper("log")
        if "log" not in self.shown or paper is None:
            return
        drawn = [line for text in lines for line in paragraphs(text, paper.width)]
        sheet.show(drawn, top=max(0, len(drawn) - paper.height) if paper.height else 0)

    def _titles(self) -> None:
        """Each over its pane; those of panes that have no room behind the last."""
        bar = self.query_one("#panes", Bar)
        ascii_only = self.app.ascii  # pyright: ignore[reportAttributeAccessIssue]
        bad = len(self.warnings())
        sign = "!" if ascii_only else "⚠"
        names = {
            **PANES,
            "inside": f"Inside: {self.name_of()}" + (" (frozen)" if self.frozen else ""),
            "health": f"Health {sign}{bad}" if bad else "Health",
        }
        shown, order = self.shown, tuple(PANES)
        groups = [(name,) for name in shown[:-1]] + [order[len(shown) - 1 :]]
        line: Line = []
        for group in groups:
            first, last = group is groups[0], group is groups[-1]
            sheet = self.query_one(f"#{group[0]}", Sheet)
            width = bar.size.width - width_of(line) if last else sheet.size.width + sheet.styles.margin.width
            titles = [(names[name], name in shown, f"screen.pane('{name}')") for name in group]
            hints = ["v what to see"] * first + ["tab next pane"] * last
            focused = any(self.query_one(f"#{name}", Sheet).has_focus for name in group)
            line += rule(titles, "  ".join(hints), width, ascii_only=ascii_only, focused=focused)
        bar.show(line)

    def name_of(self) -> str:
        view, layer = self.views[self.what % len(self.views)] if self.views else ("nothing yet", "")
        return f"{layer} {view}".strip()

    def warnings(self) -> list[str]:
        """The verdicts of layers that do not work as they should, in words."""
        return warnings(self.found.health)

    # ── what keys do ──────────────────────────────────────────────────────────────────────────────────────────────

    def next_view(self, by: int = 1) -> None:
        if self.views:
            self.what = (self.what + by) % len(self.views)

    def next_sample(self, by: int) -> None:
        self.sample = max(0, self.sample + by)

    def refit(self) -> None:
        self.ranges.clear()
        self.draw()

    def choose(self, name: str) -> None:
        self.pane = name
        if name == "health":
            self.next_look = self.next_health = 0.0
        self.draw()
        self.query_one(f"#{name}", Sheet).focus()
