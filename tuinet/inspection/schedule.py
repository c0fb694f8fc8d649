"""How the learning rate changes during a run, before it begins."""

from __future__ import annotations

import numpy as np

from tuinet.experiment.spec import TrainingSettings
from tuinet.inspection.view import Axis, View
from tuinet.nn.schedules import rate_at

POINTS = 100


def rate_curve(settings: TrainingSettings, steps_per_epoch: int) -> View:
    """α(i), the learning rate at each of some steps i, evenly spread over all epochs."""
    total = max(1, steps_per_epoch * settings.epochs)
    steps = np.unique(np.linspace(0, total - 1, min(POINTS, total)).astype(np.int64))
    rates = [
        rate_at(settings.schedule, settings.optimizer.rate, int(step), max(1, steps_per_epoch), total) for step in steps
    ]
    axes = (Axis("line", ("rate",)), Axis("step"))
    return View("rate", "series", axes, np.array([rates]), x=steps, title="the learning rate over the run")
