"""The layers of an experiment as lines: what each is, what comes out of it, what it costs, what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.style import Style

from tuinet.experiment.check import check
from tuinet.experiment.costs import kind_of, settings_in_words
from tuinet.experiment.places import Place, located, rows
from tuinet.readable import about, size
from tuinet.render.paper import Line, Paper, clean, cut, wrap
from tuinet.tui.widgets.bars import DIM, PLAIN, said

if TYPE_CHECKING:
    from tuinet.experiment.check import LayerRow, Problem, Report
    from tuinet.experiment.spec import Experiment
    from tuinet.nn.network import AnyLayer
    from tuinet.tui.draft import Draft

Rows = list[tuple[object, Line]]

WRONG = Style(bold=True, color="red")

_OUTPUT, _PARAMETERS, _WORK, _KIND = 10, 10, 8, 18
"""Columns of what stands in the table."""


def layer_lines(draft: Draft, report: Report | None, closed: Collection[Place], width: int, ascii_only: bool) -> Rows:
    """(place, line) of each layer that is not in a closed one, its problems under it; None stands for lines that are no
    layers."""
    paper = Paper(width, ascii=ascii_only)
    known = {row.name: row for row in report.layers} if report is not None else {}
    problems = _by_place(draft, report)
    room = max(8, width - 4 - _KIND - _OUTPUT - _PARAMETERS - _WORK)
    heads = [f" {'#':>2} ", "layer".ljust(_KIND), "settings".ljust(room), "output".rjust(_OUTPUT)]
    found: Rows = [(None, [said("".join([*heads, "params".rjust(_PARAMETERS), "MFLOP".rjust(_WORK)]), DIM)])]
    data = report.data if report is not None else None
    shape = (
        "×".join(map(str, data.prepared)) if data is not None and data.prepared else "T" if data is not None else "…"
    )
    source = cut(kind_of(draft.experiment.data.source), room - 1, paper).ljust(room)
    found.append((None, [said(f"    {'input'.ljust(_KIND)}{source}{shape.rjust(_OUTPUT)}")]))
    for number, row in enumerate(rows(draft.experiment)):
        if any(row.place != outer and row.place.keys[: len(outer.keys)] == outer.keys for outer in closed):
            continue
        own = problems.get(row.place, [])
        counted = number + 1 if row.depth == 0 else ""
        sign = ("x" if ascii_only else "✗") if own else "+" if row.place in closed else " "
        name = cut("  " * row.depth + kind_of(row.layer), _KIND - 3, paper).ljust(_KIND - 2) + sign + " "
        settings = cut(clean(brief(row.layer), paper), room - 1, paper).ljust(room)
        line = [said(f" {counted:>2} "), said(name, WRONG if own else PLAIN), said(settings)]
        found.append((row.place, [*line, said(_costs(known.get(row.name)))]))
        found += [(None, each) for problem in own for each in _problem(problem, width, paper)]
    for problem in problems.get(None, []):
        found += [(None, each) for each in _problem(problem, width, paper, path=True)]
    return [*found, *remarks(draft, "model", width, ascii_only)]


def brief(layer: AnyLayer) -> str:
    """What is set of a layer, as short as can be: `16 of 3×3, same`."""
    text = settings_in_words(layer, brief=True)
    return re.sub(r"(\d+) filters, kernel ", r"\1 of ", text).replace("padding same", "same")


def _by_place(draft: Draft, report: Report | None) -> dict[Place | None, list[Problem]]:
    found: dict[Place | None, list[Problem]] = {}
    for problem in report.problems if report is not None else ():
        place, _ = located(draft.experiment, problem.path)
        found.setdefault(place, []).append(problem)
    return found


def _costs(row: LayerRow | None) -> str:
    if row is None:
        return "?".rjust(_OUTPUT)
    output = "×".join((*("T",) * row.steps, *map(str, row.output))) or "–"
    parameters = f"{row.parameters:,}" if row.parameters else "–"
    work = f"{2 * row.multiply_adds / 1e6:.2f}" if row.multiply_adds else "–"
    return output.rjust(_OUTPUT) + parameters.rjust(_PARAMETERS) + work.rjust(_WORK)


def _problem(problem: Problem, width: int, paper: Paper, path: bool = False) -> list[Line]:
    """What is wrong, then the way out."""
    where = f"{problem.path}: " if path and problem.path else ""
    lines = [(WRONG, each) for each in wrap(clean(where + problem.message, paper), max(8, width - 5))]
    lines += [(PLAIN, each) for each in wrap(clean(problem.hint, paper), max(8, width - 7))] if problem.hint else []
    return [[Segment(" " * 4 + (" " if style is PLAIN else ""), PLAIN), Segment(text, style)] for style, text in lines]


def remarks(draft: Draft, pane: str, width: int, ascii_only: bool) -> Rows:
    """What is wrong with the settings of a pane, or only strange."""
    report, paper = draft.report(), Paper(width, ascii=ascii_only)
    if report is None:
        return []
    mine = [problem for problem in report.problems if problem.path.split(".")[0] == pane]
    problems = mine if pane != "model" else []  # those of layers stand under their layers
    found: Rows = [(None, line) for problem in problems for line in _problem(problem, width, paper, path=True)]
    words = [f"{each}: {each.hint}" if each.hint else str(each) for each in draft.advice()]
    for text in (text for text in dict.fromkeys((*report.warnings, *words)) if text.startswith(f"{pane}.")):
        found += [(None, [said(f"  {line}", DIM)]) for line in wrap(clean(text, paper), width - 2)]
    return [(None, [said("")]), *found] if found else []


def problem_lines(draft: Draft, width: int, ascii_only: bool) -> list[Line]:
    """Beside the table: all problems and warnings, and the whole's costs."""
    report, paper = draft.report(), Paper(width, ascii=ascii_only)
    if report is None:
        return [[said("reading the data …")]]
    lines: list[Line] = []
    for problem in report.problems:
        lines += [*_problem(problem, width, paper, path=True), []]
    for text in report.warnings:
        lines += [[said(each)] for each in wrap(clean(text, paper), width, 2)]
    if report.totals is not None:
        memory = report.totals.memory
        costs = (
            f"{report.totals.parameters:,} parameters, {report.totals.trainable:,} of them learn",
            f"about {size(memory.total)} in training: activations {size(memory.activations)}, "
            f"weights {size(memory.weights)}, optimizer {size(memory.optimizer)}",
        )
        lines += [[], *([said(each)] for text in costs for each in wrap(text, width, 2))]
    return lines


def consequence(draft: Draft, experiment: Experiment, key: str) -> str:
    """What a change would come to: what leaves the layer that it is in, the parameters of all; what would not fit."""
    known = draft.known
    if known is None or experiment.data != draft.experiment.data:
        return ""
    report = check(experiment, known.described.info, Path.cwd(), divided=known.described.divided)
    place, _ = located(experiment, key)
    if report.problems:
        first = report.problems[0]
        return f"it would not fit: {first.message}"
    total = f"{report.totals.parameters:,} weights in all" if report.totals is not None else ""
    name = next((row.name for row in rows(experiment) if row.place == place), None)
    own = next((row for row in report.layers if row.name == name), None)
    if own is None:
        return total
    output = "×".join((*("T",) * own.steps, *map(str, own.output)))
    return f"output {output}, {own.parameters:,} parameters, {2 * own.multiply_adds / 1e6:.2f} MFLOP; {total}"


def cost_words(draft: Draft, report: Report | None) -> str:
    """The whole network in a line."""
    known = draft.known
    if report is None or known is None:
        return "reading the data …"
    if report.problems:
        first = report.problems[0]
        return f"it does not fit yet: {first.message}"
    if report.totals is None:
        return known.fetch
    totals, data = report.totals, report.data
    each = "step" if totals.steps else "sample"
    text = (
        f"{totals.parameters:,} weights, {size(totals.flops, 'FLOP')} a {each}, {size(totals.memory.total)} in training"
    )
    text += f"; {data.steps:,} steps"
    if draft.timing is not None:
        text += f", ≈ {about(draft.timing.epoch)} an epoch"
    compared = report.comparison
    return text + (f"; an MLP on these images (m): {compared.parameters:,} weights" if compared is not None else "")
