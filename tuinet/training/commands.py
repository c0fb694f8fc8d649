"""What can be sent to `fit` between two events."""

from __future__ import annotations

from typing import Literal

import msgspec

HIGHEST_RATE = 1e6
"""The highest learning rate that can be set, as in an experiment file."""


class SetRate(msgspec.Struct, frozen=True):
    """From the next step on, the learning rate is `rate`; a schedule goes on falling from there."""

    rate: float


class SetTeacherForcing(msgspec.Struct, frozen=True):
    """From the next step on, a decoder is fed this share of true symbols (0 … 1), whatever the settings say."""

    ratio: float


class SetDropout(msgspec.Struct, frozen=True):
    """From the next step on, every dropout layer sets this share of its values to 0 (0 ≤ rate < 1)."""

    rate: float


class Stop(msgspec.Struct, frozen=True):
    """End after this step and hand back the best or the last weights (None: what the settings would hand back)."""

    keep: Literal["best", "last"] | None = None


Command = SetRate | SetTeacherForcing | SetDropout | Stop
