"""Steering the run that a screen shows: lines into its `control.jsonl`, and what the run answers."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from tuinet.errors import TuinetError
from tuinet.tui.starting import PACES

if TYPE_CHECKING:
    from tuinet.training.control import Do
    from tuinet.training.feed import Feed

ANSWER_SECONDS = 10.0
"""How long a run may take to answer: it does so between two steps."""

WATCH_SECONDS = 2.0
"""How often a run is told that somebody looks; its word holds for five."""


class Steering:
    """Commands to one run. `tell` says what came of them, `complain` what was refused."""

    def __init__(self, feed: Feed, tell: Callable[[str], None], complain: Callable[[Exception], None]) -> None:
        self.feed, self.tell, self.complain = feed, tell, complain
        self.asked: dict[str, tuple[Do, float]] = {}
        self.next_watch = 0.0

    @property
    def directory(self) -> Path:
        return self.feed.directory

    def send(self, do: Do, **fields: object) -> None:
        """Append the command; what the run makes of it comes with its log."""
        from tuinet.training.control import send
        from tuinet.training.runs import new_line

        try:
            line = new_line(do, **fields)
            send(self.directory, line)
        except (TuinetError, OSError) as error:
            self.complain(error)
            return
        if do != "watch":
            self.asked[line.id] = (do, time.monotonic())

    def hear(self) -> bool:
        """Say what was answered, and what was not. Whether anything was answered."""
        heard = False
        for id_, (do, since) in [*self.asked.items()]:
            answer = self.feed.answers.get(id_)
            if answer is not None:
                heard = True
                del self.asked[id_]
                if answer.ok:
                    self.tell(answer.message)
                else:
                    self.complain(TuinetError(f"{do} was refused: {answer.message}"))
            elif time.monotonic() - since > ANSWER_SECONDS:
                del self.asked[id_]
                hint = "It may be in a long step, or have ended."
                self.complain(TuinetError(f"the run did not answer to {do} within {ANSWER_SECONDS:g} s", hint))
        return heard

    def keep_watching(self) -> None:
        """Have the run write its weights of the moment, as long as this is called."""
        if time.monotonic() >= self.next_watch:
            self.next_watch = time.monotonic() + WATCH_SECONDS
            self.send("watch")

    # ── what keys do ──────────────────────────────────────────────────────────────────────────────────────────────

    def pause_or_go(self) -> None:
        self.send("resume" if self.feed.state() in ("paused", "waiting") else "pause")

    def change_pace(self, by: int) -> None:
        """To the next of the paces; beyond the last, as fast as it goes."""
        now = self.feed.pace or 0.0
        if now <= 0:
            if by < 0:
                speed = self.feed.steps_per_second or PACES[-1] + 1
                self.send("set", pace=max((pace for pace in PACES if pace < speed), default=PACES[0]))
            return
        if by < 0:
            self.send("set", pace=max((pace for pace in PACES if pace < now), default=PACES[0]))
        else:
            self.send("set", pace=min((pace for pace in PACES if pace > now), default=0))

    def change_rate(self, by: int) -> None:
        """Twice the learning rate, or half of it."""
        if self.feed.rate:
            self.send("set", rate=float(f"{self.feed.rate * 2.0**by:.4g}"))

    def set_values(self, text: str) -> None:
        """`rate 0.001, pace 20, teacher_forcing 0.5, dropout 0.2`: what is named is set. Raises TuinetError."""
        fields: dict[str, float] = {}
        for part in text.replace("=", " ").split(","):
            name, _, value = part.strip().replace("-", "_").partition(" ")
            if name == "teacher":
                name, value = "teacher_forcing", value.strip().removeprefix("forcing")
            try:
                fields[name] = 0.0 if value.strip() == "full" else float(value)
            except ValueError:
                hint = "Write rate 0.001, pace 20 or pace full, teacher_forcing 0.5, dropout 0.2."
                raise TuinetError(f"{part.strip()!r} sets nothing", hint) from None
        self.send("set", **fields)
