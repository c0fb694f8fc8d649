"""What a model says of an input, in a line; and what is off."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from tuinet.inspection.view import Seen, Sum, Table, View
from tuinet.nn.sequence import Ragged
from tuinet.render.paper import Line, Paper, clean, cut
from tuinet.tui.subject import Subject, Tensors
from tuinet.tui.widgets.bars import BOLD, PLAIN, fitted, said

if TYPE_CHECKING:
    from tuinet.inspection.question import Samples
    from tuinet.tui.asking import Asking

_OPTIONS = re.compile(r":?[^:;]*--[a-z].*")
"""What a note says about options of the command, which a screen has none of."""

_PROBABILITY = re.compile(r" \([\d.e−-]+\)")

BAR = 8
"""Cells of a bar that stands for a probability of 1."""


def says_line(asking: Asking, width: int, ascii_only: bool) -> Line:
    """` ‹ test:17 ›  says 3, in truth 3   3 .97 ▇▇▇▇▇▇▇▇  8 .02 ▏`"""
    if not asking.is_model:
        return fitted(
            [said(f" {asking.path.name}", BOLD), said("   of another program: only its tensors are known")], width
        )
    if not asking.answers or not asking.answers[0]:
        return fitted([said(f" {asking.name}", BOLD), said("   no sample: i names an input")], width)
    name, text, parts = in_brief(asking.answers[0][0])
    paper = Paper(width, ascii=ascii_only)
    open_, close = ("< ", " >") if ascii_only else ("‹ ", " ›")
    line: Line = [said(f" {open_}{name}{close}  ", BOLD)]
    if asking.input_words and asking.input_words != name:
        line.append(said(f"{cut(clean(asking.input_words, paper), width // 3, paper)}   ", BOLD))
    line.append(said(text, BOLD if asking.subject.offs else PLAIN))
    return fitted([*line, *shares(parts, ascii_only)], width)


def shares(parts: list[tuple[str, float]], ascii_only: bool) -> Line:
    """`   3 0.97 ▇▇▇▇▇▇▇▇   8 0.02 ▏`"""
    full, empty = ("#", ".") if ascii_only else ("▇", "▏")
    return [said(f"   {label} {share:.2f} {full * round(BAR * share) or empty}") for label, share in parts]


def input_words(subject: Subject | Tensors, samples: Samples | None) -> str:
    """The text that is read; "" if the input is none."""
    vocabulary = subject.model.meta.vocabulary if isinstance(subject, Subject) else None
    if samples is None or vocabulary is None or not isinstance(samples.inputs, Ragged):
        return ""
    return vocabulary.decode(samples.inputs.row(0))


def in_brief(seen: Seen) -> tuple[str, str, list[tuple[str, float]]]:
    """The sample's name, what the model says and what is true, and the likeliest classes."""
    if isinstance(seen, View):
        name, _, text = seen.title.rpartition(": ")
        text = _PROBABILITY.sub("", text)  # it stands beside its bar
        labels = seen.axes[0].labels
        data = np.asarray(seen.data, np.float64)
        if not labels or seen.axes[0].name != "class" or not np.isfinite(data).all():
            return name, text, []
        order = np.argsort(-data, kind="stable")[:3]
        return name, text, [(labels[at], min(1.0, max(0.0, float(data[at])))) for at in order]
    if isinstance(seen, Table) and seen.rows:
        row = dict(zip(seen.columns, seen.rows[0], strict=True))
        if "sample" in row:
            truth = row.get("truth")
            sign = "" if truth in (None, "") else "  right" if truth == row.get("says") else f"  in truth {truth}"
            probability = row.get("probability")
            share = f"  p {probability:.2f}" if isinstance(probability, float) else ""
            return str(row["sample"]), f"says {row.get('says', '') or 'nothing'}{sign}{share}", []
        last = dict(zip(seen.columns, seen.rows[-1], strict=True))
        return "text", f"behind it comes {last.get('says', '')!r}", []
    return "", seen.name, []


def without_options(seen: Seen) -> Seen:
    """The same, its notes without words about options of commands."""
    if isinstance(seen, Sum):
        return seen
    notes = tuple(kept for note in seen.notes if (kept := _OPTIONS.sub("", note).strip()))
    return msgspec.structs.replace(seen, notes=notes)


def off_words(asking: Asking) -> str:
    """What is off, and what the model would say with all on."""
    if not asking.subject.offs:
        return ""
    off = ", ".join(asking.subject.offs)
    before = in_brief(asking.answers[1][0]) if len(asking.answers) > 1 and asking.answers[1] else None
    if before is None:
        return f"off: {off}   R puts all back"
    share = f" {before[2][0][1]:.2f}" if before[2] else ""
    return f"off: {off}   with all on: {before[1].partition(',')[0]}{share}   R puts all back"
