"""What `tuinet inspect MODEL` says first: what a model is made of, and how it came to be."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from tuinet.cli.seen import Output
    from tuinet.inspection.question import Offer
    from tuinet.inspection.summary import Summary
    from tuinet.model.model import Model

NEEDS = {
    "nothing": "",
    "input": "an input: --sample, --file or --text",
    "target": "an input whose answer is known: --sample",
    "data": "data: its own, or --data NAME",
}
"""What a view needs, for people."""


def show_summary(path: Path, model: Model, out: Output) -> None:
    """The model in `path` as facts and a table of its layers; as JSON one object."""
    from tuinet.cli.output import write_facts, write_json
    from tuinet.cli.seen import write_seen
    from tuinet.inspection.catalog import look
    from tuinet.inspection.question import Question
    from tuinet.inspection.summary import summarize
    from tuinet.render.table import size

    summary = summarize(model)
    if out.as_json and out.path is None:
        write_json(summary)
        return
    layers = look(Question(model), "layers")
    if out.path is not None or out.words:
        write_seen(layers, out)
        return
    write_facts([("file", f"{path} ({size(path.stat().st_size)})"), *_about(summary)])
    click.echo()
    write_seen(layers, out)
    trained = _training(summary)
    if trained:
        click.echo()
        write_facts(trained)
    click.echo()
    write_facts(_views(model))


def _views(model: Model) -> list[tuple[str, object]]:
    """The names of the views there are, and how to come to them."""
    from tuinet.inspection.catalog import offers

    names = ", ".join(offer.name for offer in offers(model, None))
    return [("--view", names), ("LAYER", "tuinet inspect MODEL LAYER lists the views of a layer")]


def list_views(path: str, offered: tuple[Offer, ...], out: Output) -> None:
    """The views of a layer: their names, what they show, what they need."""
    from tuinet.cli.output import write_json
    from tuinet.cli.seen import write_seen
    from tuinet.inspection.view import Table

    if out.as_json and out.path is None:
        views = [{"name": offer.name, "about": offer.about, "needs": offer.needs} for offer in offered]
        write_json({"layer": path, "views": views})
        return
    rows = tuple((offer.name, offer.about, NEEDS[offer.needs]) for offer in offered)
    title = f"views of {path}: tuinet inspect MODEL {path} --view NAME"
    write_seen((Table(path, ("view", "shows", "needs"), rows, title=title),), out)


def _about(summary: Summary) -> list[tuple[str, object]]:
    broken = f"{summary.not_finite:,} weights are not finite numbers" if summary.not_finite else ""
    return [
        ("model", summary.name),
        ("task", summary.task),
        ("input", "" if summary.vocabulary else _shape(summary.input, summary.sequence)),
        ("reads", summary.vocabulary),
        ("writes", summary.target_vocabulary if summary.target_vocabulary != summary.vocabulary else ""),
        ("columns", _some(summary.columns)),
        ("prepared by", ", then ".join(summary.preparation)),
        ("labels", _some(summary.labels)),
        ("targets", _some(summary.target_names) or summary.targets),
        ("numbers", summary.dtype),
        ("WARNING", broken),
        ("notes", summary.notes),
    ]


def _training(summary: Summary) -> list[tuple[str, object]]:
    from tuinet.cli.progress import figures
    from tuinet.inspection.summary import data_in_words

    last = summary.history[-1] if summary.history else None
    return [
        ("trained on", data_in_words(summary.data)),
        ("with", summary.training),
        ("loss", summary.loss),
        ("for", f"{summary.epochs:,} epochs, {summary.steps:,} steps, seed {summary.seed}" if summary.steps else ""),
        (f"epoch {last.epoch}" if last else "", figures("train", last.train) if last else ""),
        ("", figures("validation", last.validation) if last and last.validation else ""),
    ]


def _shape(sizes: tuple[int, ...], steps: bool) -> str:
    """Like 28×28; of sequences T×64, T any number of steps."""
    return "×".join(("T",) * steps + tuple(map(str, sizes)))


def _some(names: tuple[str, ...], most: int = 12) -> str:
    """The names in a line, the middle left out where there are many."""
    if len(names) > most:
        return f"{', '.join(names[: most - 2])}, … {names[-1]} ({len(names)} in all)"
    return ", ".join(names)
