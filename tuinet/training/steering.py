"""What commands make of a run between two steps: whether it holds, how fast it goes, what it is trained with."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from tuinet.nn.network import has_dropout
from tuinet.training.build import Job
from tuinet.training.commands import Command, SetDropout, SetRate, SetTeacherForcing, Stop
from tuinet.training.control import Line
from tuinet.training.numbers import EVENTS_A_SECOND
from tuinet.training.progress import Progress

LOOK_SECONDS = 0.02
"""How often the trainer looks for commands, between steps and while it holds."""


def obstacle(line: Line, job: Job) -> str:
    """Why this run cannot do what the line says; "" if it can."""
    if line.teacher_forcing is not None and job.data.task != "seq2seq":
        return "teacher_forcing is for runs with a decoder (seq2seq), and this has none"
    if line.dropout is not None and not has_dropout(job.model.network):
        return "dropout is for networks with dropout layers, and this has none"
    return ""


class Steering:
    """`pace` is in steps a second; 0: as fast as it goes."""

    def __init__(self, pace: float) -> None:
        self.pace = pace
        self.paused = False
        self._single_steps, self._to_epoch_end, self._next_step = 0, False, 0.0

    def steps_per_event(self, full: int) -> int:
        """At most 20 events a second at this pace; `full` at full speed."""
        return min(full, math.ceil(self.pace / EVENTS_A_SECOND)) if self.pace > 0 else full

    def wait(self, progress: Progress, paced: bool) -> float | None:
        """The seconds to wait until the next look at the commands, or None: the next step may begin.

        `paced`: the event before was a step. A run that ends waits for nobody.
        """
        if progress.stop is not None or progress.finished is not None:
            return None
        if self.paused and not self._single_steps and not self._to_epoch_end:
            return LOOK_SECONDS
        left = self._next_step - time.monotonic() if paced and self.pace > 0 else 0.0
        return min(0.05, left) if left > 0 else None

    def begin_step(self) -> None:
        """The next step begins now: the one after it is due one beat later."""
        if self.pace > 0:
            self._next_step = max(self._next_step, time.monotonic() - 0.1) + 1 / self.pace

    def step_done(self) -> bool:
        """Whether the step was one that somebody asked for, and waits to see."""
        asked = self._single_steps > 0
        self._single_steps -= asked
        return asked

    def epoch_done(self) -> bool:
        """Whether it was the epoch that was still to be done."""
        asked, self._to_epoch_end = self._to_epoch_end, False
        return asked

    def carry_out(self, line: Line, step: int, send: Callable[[Command], object]) -> str:
        """Do what the line says, after `step`; `send` reaches the trainer. Says what was done."""
        if line.do == "step":
            self.paused = True
            self._single_steps += 1
            return f"one step after step {step + self._single_steps - 1}"
        if line.do in ("pause", "resume", "epoch"):
            self.paused, self._single_steps, self._to_epoch_end = line.do != "resume", 0, line.do == "epoch"
            done = {"pause": "paused", "resume": "going on", "epoch": "to the end of the epoch,"}[line.do]
            return f"{done} after step {step}"
        if line.do == "checkpoint":
            return f"checkpoint at step {step}"
        if line.do == "stop":
            send(Stop(line.keep))
            return f"stopping after step {step}"
        return f"{', '.join(self._set(line, send))} from step {step + 1} on"

    def _set(self, line: Line, send: Callable[[Command], object]) -> list[str]:
        said: list[str] = []
        if line.rate is not None:
            send(SetRate(line.rate))
            said.append(f"learning rate {line.rate:g}")
        if line.pace is not None:
            self.pace, self._next_step = line.pace, 0.0
            said.append(f"pace {line.pace:g} steps a second" if line.pace > 0 else "full pace")
        if line.teacher_forcing is not None:
            send(SetTeacherForcing(line.teacher_forcing))
            said.append(f"teacher forcing {line.teacher_forcing:g}")
        if line.dropout is not None:
            send(SetDropout(line.dropout))
            said.append(f"dropout {line.dropout:g}")
        return said
