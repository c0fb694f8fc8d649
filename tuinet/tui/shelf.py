"""What Home lists: recipes, runs, models; and what it says of the one under the cursor."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from tuinet.render.paper import Line, Paper, clean, cut
from tuinet.tui.widgets.bars import DIM, said

if TYPE_CHECKING:
    from tuinet.inspection.view import Seen
    from tuinet.render.chart import Series
    from tuinet.training.runs import Listing, RunSummary


CURVES_SECONDS = 0.5
"""How long reading a run's log may take for its preview."""


SIGNS = {
    "running": ("●", ">"), "paused": ("‖", "="), "waiting": ("…", "."), "ended": (" ", " "), "failed": ("✗", "x"),
    "interrupted": ("!", "!"), "stopped short": ("!", "!"),
}  # fmt: skip
"""What stands before a run in each of its states, in ASCII behind."""


class Item(NamedTuple):
    """One thing that can be opened. `name` is what a command calls it; `state` of a run; `needs` the data set that has
    to be fetched first."""

    kind: Literal["recipe", "run", "model"]
    name: str
    what: str = ""
    state: str = ""
    needs: str = ""

    def has(self, letters: str) -> bool:
        """Whether the letters stand in what is said of it."""
        return letters.lower() in f"{self.kind} {self.name} {self.what} {self.state}".lower()


def recipes() -> list[Item]:
    """Those that run on data that are here first, each group in the order of the lecture. Needs no NumPy."""
    from tuinet.data.kept import is_kept
    from tuinet.experiment.recipes import recipes as listed

    found: list[Item] = []
    for recipe in listed():
        fetch = re.search(r"\(tuinet data fetch ([\w-]+)", recipe.data)
        needs = fetch[1] if fetch and not is_kept(fetch[1]) else ""
        found.append(Item("recipe", recipe.name, recipe.title, needs=needs))
    return sorted(found, key=lambda item: bool(item.needs))


def runs(listing: Listing) -> list[Item]:
    """The latest first."""
    return [Item("run", run.directory, in_words(run), run.state) for run in listing.look()]


def in_words(run: RunSummary) -> str:
    """How far a run has come, and what came out."""
    from tuinet.readable import number, percent

    parts = run.metrics.get("test") or run.metrics.get("validation") or run.validation or {}
    accuracy, loss = parts.get("accuracy"), parts.get("loss", run.loss)
    result = percent(accuracy) if accuracy is not None else f"loss {number(loss)}" if loss is not None else ""
    return "  ".join(part for part in (f"epoch {run.epoch}/{run.epochs}" if run.epochs else "", result) if part)


def models() -> list[Item]:
    """Those that ship."""
    from tuinet.files.find import shipped_models

    return [Item("model", name) for name in shipped_models()]


def layer_in_brief(kind: str, settings: str) -> str:
    """`conv2d 16 of 3×3`, `dense 64`, `dropout 0.4`: the first figures of a layer's settings."""
    first, *others = settings.split(", ")
    figures = [word for word in first.split() if word[:1].isdigit()]
    kernel = [part.removeprefix("kernel ") for part in others if part.startswith("kernel ")]
    return " of ".join([" ".join([kind, *figures]), *kernel])


def item_row(item: Item, paper: Paper, wide: int) -> Line:
    """A sign, the name in `wide` cells, what is to be said of it as far as there is room: of a run its state, at the
    least."""
    width = paper.width
    mark, name, what = " ", Path(item.name).name, item.what
    if item.kind == "recipe" and item.needs:
        mark = "v" if paper.ascii else "↓"
    elif item.kind == "run":
        mark = SIGNS.get(item.state, ("!", "!"))[paper.ascii]
        what = f"{item.state}  {what}" if item.state != "ended" else what
        if wide + len(what) + 6 > width:
            what = item.state if item.state != "ended" else what.rpartition("  ")[2]
    wide = min(wide, max(6, width - 6 - len(what))) if item.kind == "run" else min(wide, width - 4)
    line = [said(f" {mark} {cut(clean(name, paper), wide, paper).ljust(wide)}")]
    room = width - wide - 6
    return [*line, said(f"  {cut(clean(what, paper), room, paper)}", DIM)] if what and room > 3 else line


class Preview(NamedTuple):
    """What is said of an item: words, then what is drawn, last the curves of a run, which has that name."""

    title: str
    lines: tuple[str, ...]
    seen: tuple[Seen, ...] = ()
    run: str = ""
    curves: tuple[Series, ...] = ()


def preview(item: Item) -> Preview:
    """Raises TuinetError if it cannot be read."""
    return {"recipe": _recipe, "run": _run, "model": _model}[item.kind](item)


def _recipe(item: Item) -> Preview:
    from tuinet.experiment.checked import read_experiment, report_on
    from tuinet.experiment.recipes import recipes as listed
    from tuinet.inspection.samples import sample_views
    from tuinet.readable import size

    recipe = next(each for each in listed() if each.name == item.name)
    experiment = read_experiment(item.name)
    report, fetch, _ = report_on(experiment)
    seen = sample_views(experiment.data.source, Path.cwd()) if not fetch else ()
    layers = " · ".join(layer_in_brief(row.kind, row.settings) for row in report.layers)
    totals, epochs = report.totals, experiment.training.epochs
    cost = f"{totals.parameters:,} parameters, {size(totals.memory.total)}; " if totals else ""
    last = fetch or "t trains it"
    lines = (
        f"teaches {recipe.teaches}", f"data    {recipe.data}", f"layers  {layers}",
        f"cost    {cost}{epochs:,} epochs, {report.data.steps:,} steps", last,
    )  # fmt: skip
    last_run = _latest(item.name)
    if last_run is None:
        return Preview(recipe.title, lines, seen)
    return Preview(recipe.title, lines, seen, last_run.name, _curves(last_run))


def _latest(name: str) -> Path | None:
    """The latest run of a recipe, among the runs that are called after it."""
    from tuinet.training.directory import EVENTS, runs_folder

    logs = runs_folder().glob(f"{name}-2*/{EVENTS}")
    latest = max(logs, key=lambda path: path.stat().st_mtime, default=None)
    return latest.parent if latest is not None else None


def _run(item: Item) -> Preview:
    from tuinet.training.directory import EXPERIMENT, MODEL
    from tuinet.training.runs import summary

    directory = Path(item.name)
    found = summary(directory)
    far = in_words(found)
    lines = [f"state   {found.state}{f': {found.reason}' if found.reason else ''}"]
    lines += [*([f"so far  {far}"] if far else []), f"folder  {item.name}"]
    if found.message:
        lines.append(f"note    {found.message}")
    if (directory / MODEL).is_file():
        lines.append("4 or i looks inside; enter shows how it went")
    elif (directory / EXPERIMENT).is_file():
        lines.append("enter shows how it goes")
    return Preview(found.name, tuple(lines), (), directory.name, _curves(directory))


def _curves(directory: Path) -> tuple[Series, ...]:
    """The losses of a run."""
    from tuinet.render.chart import Series
    from tuinet.training.feed import Feed

    feed = Feed(directory)
    feed.read(CURVES_SECONDS)
    both = feed.epochs_done.get("loss")
    found = [("train", feed.train, "blue", None)]
    found += [("valid", both.validation, "orange", "o")] if both is not None else []
    return tuple(
        Series(name, [point.step for point in curve.points], [point.mean for point in curve.points], color, glyph)
        for name, curve, color, glyph in found
        if len(curve) > 1
    )


def _model(item: Item) -> Preview:
    from tuinet.files.find import find_model
    from tuinet.files.model_file import load_model
    from tuinet.inspection.catalog import look, offers
    from tuinet.inspection.question import Question
    from tuinet.inspection.summary import data_in_words, summarize

    model = load_model(find_model(item.name))
    found = summarize(model)
    layers = " · ".join(layer_in_brief(row.kind, row.settings) for row in found.layers)
    lines = (
        f"does    {found.task}", f"data    {data_in_words(found.data)}", f"layers  {layers}",
        f"size    {found.parameters:,} parameters", f"trained {found.epochs:,} epochs, {found.steps:,} steps",
        "enter looks inside",
    )  # fmt: skip
    curves = any(offer.name == "curves" for offer in offers(model, None)) and model.meta.history
    return Preview(found.name, lines, look(Question(model), "curves") if curves else ())
