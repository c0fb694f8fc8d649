"""What `tuinet inspect MODEL` says first: what a model is made of, and how it came to be."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tuinet.cli.seen import Output
    from tuinet.inspection.question import Offer
    from tuinet.inspection.summary import Summary
    from tuinet.inspection.tensor_views import TensorOffer
    from tuinet.inspection.view import Table
    from tuinet.model.model import Model

NEEDS = {
    "nothing": "",
    "input": "an input: --sample, --file or --text",
    "target": "an input whose answer is known: --sample",
    "data": "data: its own, or --data NAME",
    "input and data": "an input, and data to look through",
}
"""What a view needs, for people."""


def show_summary(path: Path, model: Model, out: Output) -> None:
    """The model in `path` as facts and a table of its layers; as JSON one object."""
    from tuinet.cli.output import write_facts
    from tuinet.cli.seen import write_object, write_seen
    from tuinet.inspection.catalog import look
    from tuinet.inspection.question import Question
    from tuinet.inspection.summary import summarize
    from tuinet.readable import size

    summary = summarize(model)
    if out.gives_json:
        write_object(summary, out)
        return
    seens = (_about(summary), *look(Question(model), "layers"), *look(Question(model), "training"), _views(model))
    if out.path is None and not out.words:
        write_facts([("file", f"{path} ({size(path.stat().st_size)})")])  # a path stays whole, to be copied
    write_seen(seens, out)


def _views(model: Model) -> Table:
    """The names of the views there are, and how to come to them."""
    from tuinet.inspection.catalog import offers
    from tuinet.inspection.view import Table

    names = ", ".join(offer.name for offer in offers(model, None))
    rows = (("--view", names), ("LAYER", "tuinet inspect MODEL LAYER lists the views of a layer"))
    return Table("views", ("what else", "there is"), rows)


def list_views(path: str, offered: Iterable[Offer | TensorOffer], out: Output) -> None:
    """The views of a layer or a tensor: their names, what they show, what they need, and the options they take."""
    from tuinet.cli.seen import write_object, write_seen
    from tuinet.inspection.question import OPTIONS
    from tuinet.inspection.view import Table

    rows = [(each.name, each.about, each.needs, [OPTIONS[name] for name in each.takes]) for each in offered]
    if out.gives_json:
        keys = ("name", "about", "needs", "takes")
        write_object({"layer": path, "offers": [dict(zip(keys, row, strict=True)) for row in rows]}, out)
        return
    cells = tuple((name, about, NEEDS[needs], " ".join(takes)) for name, about, needs, takes in rows)
    title = f"views of {path}: tuinet inspect MODEL {path} --view NAME"
    write_seen((Table(path, ("view", "shows", "needs", "takes"), cells, title=title),), out)


def _about(summary: Summary) -> Table:
    from tuinet.inspection.view import Table

    broken = f"{summary.not_finite:,} weights are not finite numbers" if summary.not_finite else ""
    facts = (
        ("task", summary.task),
        ("input", "" if summary.vocabulary else _shape(summary.input, summary.sequence)),
        ("reads", summary.vocabulary),
        ("writes", summary.target_vocabulary if summary.target_vocabulary != summary.vocabulary else ""),
        ("columns", _some(summary.columns)),
        ("labels", _some(summary.labels)),
        ("values", _some(summary.target_names)),
        ("numbers", summary.dtype),
        ("WARNING", broken),
    )
    return Table("model", ("model", summary.name), tuple((name, said) for name, said in facts if said))


def _shape(sizes: tuple[int, ...], steps: bool) -> str:
    """Like 28×28; of sequences T×64, T any number of steps."""
    return "×".join(("T",) * steps + tuple(map(str, sizes)))


def _some(names: tuple[str, ...], most: int = 12) -> str:
    """The names in a line, the middle left out where there are many."""
    if len(names) > most:
        return f"{', '.join(names[: most - 2])}, … {names[-1]} ({len(names)} in all)"
    return ", ".join(names)
