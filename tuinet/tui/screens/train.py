"""Train: a run as it goes, its curves, what is inside it, and how it is steered."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult

from tuinet.tui.keys import bindings
from tuinet.tui.popup import Choose, Option, paragraphs
from tuinet.tui.progress import milestones, progress_line, trouble
from tuinet.tui.screens.steered import Steered
from tuinet.tui.steering import Steering
from tuinet.tui.widgets.bars import Bar, said
from tuinet.tui.widgets.curves import Curves
from tuinet.tui.widgets.inside import PANES, Inside
from tuinet.tui.widgets.sheet import Sheet

if TYPE_CHECKING:
    from tuinet.training.feed import Feed

SLICE = 0.03
"""Seconds that reading a long log takes at a time: keys are answered in between."""

LOOK_SECONDS, MOST_SECONDS, SHARE = 0.5, 3.0, 0.02
"""The curves are drawn at most so often, less often if that took more of a core than SHARE, but at least so often."""

WARNING_LINES = 4

LIVING = ("running", "paused", "waiting")


class TrainScreen(Steered):
    """One run: how far it is, its curves, what is inside, what it says."""

    PLACE: ClassVar[str] = "train"
    WORDS: ClassVar[str] = (
        "Train shows a run, whoever started it and wherever: the loss on its mini-batches as a line, that on the "
        "validation part, which it does not learn from, as points; below, what is inside it now. A mini-batch is a "
        "step; an epoch is once through the training part. The run is a process of its own: quitting leaves it be."
    )
    BINDINGS = bindings("train")  # pyright: ignore[reportAssignmentType]
    DEFAULT_CSS = """
    TrainScreen.wide Inside Sheet { margin-right: 1; width: 7fr; }
    TrainScreen.wide #inside { width: 6fr; }
    TrainScreen.huge #inside, TrainScreen.huge #health { width: 3fr; }
    TrainScreen.huge #log { width: 2fr; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.feed: Feed | None = None
        self.steering: Steering | None = None
        self.state = ""
        self.undrawn = True
        self.next_draw = 0.0
        self.discarding: Path | None = None
        self.passed = 0

    def body(self) -> ComposeResult:
        yield Bar(id="progress")
        yield Curves(id="curves")
        yield Inside(id="panes-below")
        yield Sheet(id="warning", focusable=False)

    @property
    def curves(self) -> Curves:
        return self.query_one(Curves)

    @property
    def inside(self) -> Inside:
        return self.query_one(Inside)

    def on_mount(self) -> None:
        self.curves.chart.focus()
        self.set_interval(0.1, self.tick)

    def on_screen_resume(self) -> None:
        self.meet()
        super().on_screen_resume()

    # ── the run ───────────────────────────────────────────────────────────────────────────────────────────────────

    def meet(self) -> None:
        """The run that is to be watched, the latest if none was named."""
        from tuinet.training.feed import Feed
        from tuinet.training.runs import newest_runs

        if self.tui.watched is None:
            self.tui.watched = next(iter(newest_runs()), None)
        directory = self.tui.watched
        if directory is None or (self.feed is not None and self.feed.directory == directory):
            return
        self.feed = Feed(directory)
        self.steering = Steering(self.feed, self.tui.tell, self.tui.complain)
        self.state, self.undrawn, self.next_draw, self.passed = "", True, 0.0, 0
        self.curves.follow(self.feed)
        self.inside.forget()

    def tick(self) -> None:
        """Ten times a second: read on, hear what was answered, draw what changed. Nothing if nobody sees it."""
        feed, steering = self.feed, self.steering
        if feed is None or steering is None or self.app.screen is not self or self.has_class("cramped"):
            return
        self.undrawn |= feed.read(SLICE)
        if steering.hear():
            self.undrawn, self.next_draw = True, 0.0
        self.note_state(feed)
        now = time.monotonic()
        if self.undrawn and not feed.behind and now >= self.next_draw:
            self.undrawn, begin = False, time.thread_time()
            self.draw_run()
            self.passed = milestones(feed, self.passed, self.tui.tell)
            took = time.thread_time() - begin
            self.next_draw = now + min(max(LOOK_SECONDS, took / SHARE), MOST_SECONDS)
        if self.state in LIVING and self.state != "waiting":
            steering.keep_watching()
        self.inside.look(feed.directory)

    def note_state(self, feed: Feed) -> None:
        """A process may end without a line in the log."""
        state = str(feed.state())
        if state != self.state:
            was, self.state = self.state, state
            self.tui.note_living()
            self.undrawn, self.next_draw = True, 0.0
            if was in LIVING and state not in LIVING:
                self.inside.look(feed.directory, soon=True)
                self.ended(feed)

    def ended(self, feed: Feed) -> None:
        if self.discarding == feed.directory:
            self.discarding = None
            self.tui.discard(feed.directory)
            self.feed, self.steering, self.tui.watched = None, None, None
            self.tui.action_go("home")
            return
        words = trouble(feed)
        self.tui.tell(words or "the run has ended: 4 looks inside its model")

    # ── drawing ───────────────────────────────────────────────────────────────────────────────────────────────────

    def redraw(self) -> None:
        super().redraw()
        self.draw_run()
        self.inside.draw()

    def draw_run(self) -> None:
        bar, feed = self.query_one("#progress", Bar), self.feed
        if feed is None:
            bar.show([said(" no run yet: 1 goes Home, where t trains what is under the cursor")])
            return
        paper = self.paper(self.size.width)
        bar.show(progress_line(feed, self.state, bar.size.width, paper.ascii))
        self.curves.draw(paper)
        self.inside.say(self.log_lines(feed))
        self.draw_warning()
        self.refresh_bars()

    def draw_warning(self) -> None:
        """What is wrong with the run, else with a layer."""
        words = trouble(self.feed) if self.feed is not None else ""
        words = words or next(iter(self.inside.warnings()), "")
        sign = "!" if self.tui.ascii else "⚠"
        sheet = self.query_one("#warning", Sheet)
        lines = paragraphs(f"{sign} {words}", max(10, sheet.size.width - 1), bold=True)[:WARNING_LINES] if words else []
        sheet.styles.height = max(1, len(lines))
        sheet.show([[said(" "), *line] for line in lines])

    def on_inside_looked(self) -> None:
        self.draw_warning()

    def log_lines(self, feed: Feed) -> list[str]:
        """What was done to the run, what it printed, and what anything else here printed."""
        from tuinet.training.start import log_tail

        return [*(f"step {mark.step:,}: {mark.text}" for mark in feed.marks), *log_tail(feed.directory), *self.tui.said]

    # ── what the bars say ─────────────────────────────────────────────────────────────────────────────────────────

    @property
    def subject(self) -> str:
        return self.feed.directory.name if self.feed is not None else ""

    def about_cursor(self) -> str:
        return self.curves.in_words()

    def words(self) -> dict[str, str]:
        return {"train.pause": "go on" if self.state in ("paused", "waiting") else "pause"}

    def works(self, action: str) -> bool:
        alive = self.state in LIVING
        if action in ("pause", "step", "epoch", "pace", "rate", "stop", "settings", "checkpoint"):
            return alive
        if action == "go_on":
            return self.state in ("interrupted", "stopped short", "failed")
        return True

    # ── keys ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def action_build(self) -> None:
        if self.feed is not None:
            self.tui.build(str(self.feed.directory))

    def action_look_inside(self) -> None:
        if self.feed is not None:
            self.tui.look_into(str(self.feed.directory))
        else:
            self.tui.action_go("inspect")

    def action_what(self) -> None:
        self.inside.next_view()
        self.look_again()

    def action_sample(self, by: int) -> None:
        self.inside.next_sample(by)
        self.look_again()

    def look_again(self) -> None:
        if self.feed is not None:
            self.inside.look(self.feed.directory, soon=True)
            self.inside.draw()

    def action_refit(self) -> None:
        self.inside.refit()

    def action_freeze(self) -> None:
        self.inside.frozen = not self.inside.frozen
        self.inside.draw()

    def action_metric(self, name: str = "") -> None:
        self.curves.next_metric(name)
        self.draw_run()

    def action_logarithmic(self) -> None:
        self.curves.linear_or_log()
        self.draw_run()

    def action_smooth(self) -> None:
        self.curves.next_smoothing()
        self.draw_run()

    def action_overlay(self) -> None:
        """Another run's curves over these, or none any more."""
        options = [
            Option(str(n), directory.name, str(directory)) for n, directory in enumerate(self.curves.others(), 1)
        ]
        if self.curves.over:
            options.append(Option("0", "none", "none"))
        if not options:
            self.tui.tell("there is no other run to lay over this one")
            return

        def answered(answer: str | None) -> None:
            if answer:
                self.curves.lay_over(None if answer == "none" else Path(answer))
            self.draw_run()

        self.app.push_screen(Choose("Lay over", "The curves of another run, over these.", options), answered)

    # ── panes ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def action_pane(self, name: str) -> None:
        self.inside.choose(name)
        self.draw_run()

    def action_next_pane(self) -> None:
        self._turn(1)

    def action_pane_before(self) -> None:
        self._turn(-1)

    def _turn(self, by: int) -> None:
        """The chart, then each pane, and round again."""
        ring = ("chart", *PANES)
        here = self.focused.id if isinstance(self.focused, Sheet) and self.focused.id in ring else "chart"
        name = ring[(ring.index(here or "chart") + by) % len(ring)]
        if name == "chart":
            self.curves.chart.focus()
        else:
            self.inside.choose(name)
        self.call_after_refresh(self.redraw)
