"""A run in words: how far it is, what is wrong with it, and what it has just reached."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tuinet.render.paper import Line
from tuinet.tui.widgets.bars import BOLD, PLAIN, fitted, said

if TYPE_CHECKING:
    from tuinet.training.feed import Feed

REACHED = (0.5, 0.8, 0.9, 0.95, 0.98, 0.99)
"""Shares of right answers on the validation part that are worth a word."""

_ENDED = {
    "epochs": "done", "early-stopping": "ended early: no better any more", "no-mistakes": "done: no mistake any more",
    "stopped": "ended: stopped", "interrupted": "interrupted: r goes on",
}  # fmt: skip
"""Why a run ended, in words."""

_DOES = {
    "running": "", "paused": "PAUSED: space goes on", "waiting": "WAITS for the run before it: space begins now",
    "ended": "ended", "failed": "FAILED", "interrupted": "interrupted: r goes on", "stopped short": "died: r goes on",
}  # fmt: skip


def progress_line(feed: Feed, state: str, width: int, ascii_only: bool) -> Line:
    """`epoch 7/20 ━━━━╸──── 34 %  pace 20 of ~1,500 steps/s  lr 0.001`"""
    share = min(1.0, feed.step / feed.steps) if feed.steps else 0.0
    if state == "ended":
        share = 1.0
    does = _DOES.get(state, state)
    if state == "ended" and feed.ended is not None:
        does = _ENDED.get(feed.ended.reason, f"ended: {feed.ended.reason}")
    behind = "  ".join(
        part
        for part in (
            f"{share:.0%}".replace("%", " %"),
            speed(feed) if state == "running" else "",
            f"lr {feed.rate:.4g}" if feed.rate and state != "ended" else "",
            f"forcing {feed.teacher_forcing:g}" if feed.teacher_forcing is not None else "",
            f"dropout {feed.dropout:g}" if feed.dropout is not None else "",
            does,
        )
        if part
    )
    epoch = min(max(1, feed.epoch), feed.epochs) if feed.epochs else 0
    ahead = f" epoch {epoch}/{feed.epochs} " if feed.epochs else " begins "
    room = max(0, min(40, width - len(ahead) - len(behind) - 3))
    full = int(share * room)
    strokes = ("=" * full + "-" * (room - full)) if ascii_only else ("━" * full + "─" * (room - full))
    return fitted([said(ahead, BOLD), said(strokes, PLAIN), said(f" {behind}", PLAIN)], width)


def speed(feed: Feed) -> str:
    """The pace, where one holds, and how fast it goes."""
    found = f"~{feed.steps_per_second:,.0f} steps/s" if feed.steps_per_second else ""
    return f"pace {feed.pace:g} of {found}" if feed.pace and found else f"pace {feed.pace:g}" if feed.pace else found


def trouble(feed: Feed) -> str:
    """What went wrong with the run, and what to do; "" if nothing did."""
    from tuinet.training.start import failure

    state = feed.state()
    if feed.failed is not None:
        where = f" in {feed.failed.layer}" if feed.failed.layer else ""
        ways = "Clipping of gradients may help; r goes on from the last checkpoint with half the learning rate."
        return f"it failed{where}: {feed.failed.message}. {ways}"
    if state in ("stopped short", "interrupted"):
        said_ = (failure(feed.directory) or "").removeprefix("error: ").replace("\n", ". ").rstrip(".")
        return f"its process has gone{f': {said_}' if said_ else ''}. r goes on from the last checkpoint."
    return ""


def milestones(feed: Feed, passed: int, tell: Callable[[str], None]) -> int:
    """Say what was reached since `passed` of REACHED were; gives how many are by now."""
    curves = feed.epochs_done.get("accuracy")
    points = curves.validation.points if curves is not None else ()
    best = max((point.maximum for point in points), default=0.0)
    reached = sum(best >= share for share in REACHED)
    if reached > passed:
        share = REACHED[reached - 1]
        step = next(point.step for point in points if point.maximum >= share)
        tell(f"{share:.0%} of the validation part right, at step {step:,}")
    return max(reached, passed)
