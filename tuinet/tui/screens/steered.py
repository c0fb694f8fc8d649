"""The keys that steer the run which a screen shows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tuinet.errors import TuinetError
from tuinet.tui.popup import Ask, Choose, Option
from tuinet.tui.screens.base import Room

if TYPE_CHECKING:
    from tuinet.training.feed import Feed
    from tuinet.tui.steering import Steering

STOP = (
    Option("b", "stop, and keep the best weights", "best"),
    Option("l", "stop, and keep the last weights", "last"),
    Option("d", "stop, and delete the run and all it wrote", "discard"),
    Option("g", "go on", ""),
)


class Steered(Room):
    """A screen with a run, if there is one: `feed` is what it said, `steering` how it is told; `discarding` one that
    is deleted once it has stopped."""

    feed: Feed | None
    steering: Steering | None
    discarding: Path | None

    def action_pause(self) -> None:
        if self.steering is not None:
            self.steering.pause_or_go()

    def action_step(self) -> None:
        if self.steering is not None:
            self.steering.send("step")

    def action_epoch(self) -> None:
        if self.steering is not None:
            self.steering.send("epoch")

    def action_pace(self, by: int) -> None:
        if self.steering is not None:
            self.steering.change_pace(by)

    def action_rate(self, by: int) -> None:
        if self.steering is not None:
            self.steering.change_rate(by)

    def action_checkpoint(self) -> None:
        if self.steering is not None:
            self.steering.send("checkpoint")

    def action_settings(self) -> None:
        steering, feed = self.steering, self.feed
        if steering is None or feed is None:
            return

        def answered(text: str | None) -> None:
            if text:
                try:
                    steering.set_values(text)
                except TuinetError as error:
                    self.tui.complain(error)

        text = (
            "rate 0.001 (the learning rate), pace 20 (steps a second; pace full), teacher_forcing 0.5, dropout 0.2; "
            "commas between several."
        )
        self.app.push_screen(Ask("Set while it trains", text, f"rate {feed.rate:g}" if feed.rate else ""), answered)

    def action_stop(self) -> None:
        steering = self.steering
        if steering is None:
            return

        def answered(answer: str | None) -> None:
            if answer == "discard":
                self.discarding = steering.directory
                steering.send("stop", keep="last")
            elif answer:
                steering.send("stop", keep=answer)

        text = "A run that is stopped hands back a model and measures it. r goes on with it from there."
        self.app.push_screen(Choose("Stop this run?", text, STOP), answered)

    def action_go_on(self) -> None:
        if self.feed is not None:
            self.tui.go_on(self.feed.directory)
