"""The curves of a run: a chart with a cursor, what is under it in words, and the runs that are laid over."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical

from tuinet.tui.widgets.bars import DIM, PLAIN, Bar, rule, said
from tuinet.tui.widgets.sheet import Sheet

if TYPE_CHECKING:
    from tuinet.render.chart import Series
    from tuinet.render.live_chart import ChartDrawing
    from tuinet.render.paper import Paper
    from tuinet.training.feed import Curve, Feed

SMOOTHING = (0, 5, 20, 80)
"""Over how many points a training curve is averaged, one after the other."""

COUNTS = frozenset({"loss", "samples", "errors", "targets", "correct"})
"""Figures of epochs that are no curves of their own."""

OVERLAYS = ("magenta", "cyan", "red")
"""Colours of the runs that are laid over, and so their number."""


class Scale(NamedTuple):
    """How the chart is drawn: which figure, how high, how smooth."""

    metric: str = "loss"
    log: bool = False
    smooth: int = 0


class Curves(Vertical):
    """Draws what a feed holds. Arrows move the cursor over the chart."""

    DEFAULT_CSS = """
    Curves { height: 1fr; min-height: 7; }
    Curves Sheet { height: 1fr; }
    """
    BINDINGS = [
        Binding("left", "move(-1)", show=False),
        Binding("right", "move(1)", show=False),
        Binding("shift+left", "move(-10)", show=False),
        Binding("shift+right", "move(10)", show=False),
        Binding("home", "move(-100000)", show=False),
        Binding("end", "leave", show=False),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.feed: Feed | None = None
        self.over: list[Feed] = []
        self.scale_ = Scale()
        self.column: int | None = None
        self.drawn: ChartDrawing | None = None

    def compose(self) -> ComposeResult:
        yield Bar(id="chart-title")
        yield Sheet(id="chart")
        yield Bar(id="chart-cursor")

    @property
    def chart(self) -> Sheet:
        return self.query_one("#chart", Sheet)

    def follow(self, feed: Feed) -> None:
        """Another run."""
        self.feed, self.over, self.column, self.drawn = feed, [], None, None

    # ── drawing ───────────────────────────────────────────────────────────────────────────────────────────────────

    def draw(self, paper: Paper) -> None:
        """The chart as the feed is now; `paper` says what a terminal can show."""
        from tuinet.render.live_chart import live_chart

        feed, sheet = self.feed, self.chart
        width, height = sheet.size.width, sheet.size.height
        if feed is None or width < 1 or height < 1:
            return
        for other in self.over:
            other.read(0.05)
        series = [*self._series(feed), *(line for n, other in enumerate(self.over) for line in self._over(other, n))]
        best = feed.best if self.scale_.metric == "loss" else None
        marks = [(mark.step, mark.text) for mark in feed.marks]
        cursor = self.drawn.x_at(self.column) if self.drawn is not None and self.column is not None else None
        self.drawn = live_chart(
            series, width, height, log=self.scale_.log, marks=marks, cursor=cursor, best=best, paper=paper
        )
        sheet.show(self.drawn.lines, top=0)
        self._title(series, best, paper)
        self.query_one("#chart-cursor", Bar).show([said(f" {self.in_words()}", DIM if self.column is None else PLAIN)])

    def _series(self, feed: Feed) -> list[Series]:
        train, validation = self._curves(feed)
        return [_line("train", train, "blue", None, self.scale_.smooth), _line("valid", validation, "orange", "o", 0)]

    def _over(self, feed: Feed, number: int) -> list[Series]:
        train, validation = self._curves(feed)
        name, sign = feed.directory.name, "+x#"[number]
        chosen = validation if len(validation.points) > 1 else train
        return [_line(name, chosen, OVERLAYS[number], sign, 0)]

    def _curves(self, feed: Feed) -> tuple[Curve, Curve]:
        from tuinet.training.feed import Curve

        found = feed.epochs_done.get(self.scale_.metric)
        train, validation = found if found is not None else (Curve(), Curve())
        if self.scale_.metric == "loss" and len(feed.train.points) >= len(train.points):
            train = feed.train
        return train, validation

    def _metrics(self) -> list[str]:
        """The figures that have a curve, the loss first; how many samples there were is none."""
        known = self.feed.epochs_done if self.feed is not None else {}
        return ["loss", *(name for name in known if name not in COUNTS)]

    def _title(self, series: list[Series], best: tuple[int, float] | None, paper: Paper) -> None:
        from tuinet.render.live_chart import key

        bar = self.query_one("#chart-title", Bar)
        names = self._metrics()
        titles = [(name.capitalize(), name == self.scale_.metric, f"screen.metric('{name}')") for name in names]
        scale = [
            word
            for word in ("log" if self.scale_.log else "", f"smooth {self.scale_.smooth}" if self.scale_.smooth else "")
            if word
        ]
        right = "  ".join([*scale, f"best {best[1]:.4g} at step {best[0]:,}" if best is not None else ""]).strip()
        focused, signs = self.chart.has_focus, key(series, paper)
        bar.show(rule(titles, right, bar.size.width, ascii_only=paper.ascii, focused=focused, middle=signs))

    # ── the cursor ────────────────────────────────────────────────────────────────────────────────────────────────

    def in_words(self) -> str:
        """What is under the cursor: the values nearest to its step."""
        if self.feed is None:
            return ""
        x = self.drawn.x_at(self.column) if self.drawn is not None and self.column is not None else None
        if x is None:
            return "left and right: a cursor that reads values" if self.feed.train.points else ""
        train, validation = self._curves(self.feed)
        found = [f"step {round(x):,}"]
        for name, curve in (("train", train), ("valid", validation)):
            near = min(curve.points, key=lambda point: abs(point.step - x), default=None)
            if near is not None and near.mean is not None:
                found.append(f"{name} {near.mean:.4g}" + (f" (at {near.step:,})" if near.step != round(x) else ""))
        marks = [
            mark.text
            for mark in self.feed.marks
            if self.drawn is not None and self.drawn.column_of(mark.step) == self.column
        ]
        return "cursor: " + "   ".join([*found, *marks])

    def action_move(self, by: int) -> None:
        if self.drawn is None:
            return
        width = self.chart.size.width
        column = width if self.column is None else self.column
        places = [n for n in range(width) if self.drawn.x_at(n) is not None]
        if places:
            wanted = max(places[0], min(places[-1], column + by))
            self.column = wanted
            self.draw(self.screen.paper(self.chart.size.width))  # pyright: ignore[reportAttributeAccessIssue]

    def action_leave(self) -> None:
        self.column = None
        self.draw(self.screen.paper(self.chart.size.width))  # pyright: ignore[reportAttributeAccessIssue]

    def on_sheet_pressed(self, message: Sheet.Pressed) -> None:
        message.stop()
        if self.drawn is not None and self.drawn.x_at(message.x) is not None:
            self.column = message.x
            self.action_move(0)

    # ── other runs ────────────────────────────────────────────────────────────────────────────────────────────────

    def others(self) -> list[Path]:
        """The newest runs that are not seen here."""
        from tuinet.training.runs import newest_runs

        here = {feed.directory for feed in (self.feed, *self.over) if feed is not None}
        return [directory for directory in newest_runs() if directory not in here][:9]

    def lay_over(self, directory: Path | None) -> None:
        """The curves of another run over these, as many as there are colours; None: no more of any."""
        from tuinet.training.feed import Feed

        self.over = [*self.over, Feed(directory)][-len(OVERLAYS) :] if directory is not None else []
        for feed in self.over:
            feed.read()

    # ── what keys do ──────────────────────────────────────────────────────────────────────────────────────────────

    def next_metric(self, name: str = "") -> None:
        names = self._metrics()
        at = names.index(self.scale_.metric) if self.scale_.metric in names else 0
        self.scale_ = self.scale_._replace(metric=name or names[(at + 1) % len(names)])

    def next_smoothing(self) -> None:
        at = SMOOTHING.index(self.scale_.smooth)
        self.scale_ = self.scale_._replace(smooth=SMOOTHING[(at + 1) % len(SMOOTHING)])

    def linear_or_log(self) -> None:
        self.scale_ = self.scale_._replace(log=not self.scale_.log)


def _line(name: str, curve: Curve, color: str, glyph: str | None, smooth: int) -> Series:
    from tuinet.render.chart import Series

    y = [point.mean for point in curve.points]
    return Series(name, [point.step for point in curve.points], averaged(y, smooth) if smooth else y, color, glyph)


def averaged(values: Sequence[float | None], over: int) -> list[float | None]:
    """Each value with up to `over` before it, their mean; what is no number is passed over."""
    found: list[float | None] = []
    window: list[float] = []
    for value in values:
        if value is not None:
            window = [*window[-over:], value]
        found.append(sum(window) / len(window) if window and value is not None else None)
    return found
