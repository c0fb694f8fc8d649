"""One key that mends a problem: the experiment without it, where there is one obvious way out.

Ways out are proposed by where the problem is, and taken only if `check` then finds it gone and nothing new.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import msgspec

from tuinet.data.dataset import DatasetInfo
from tuinet.errors import TuinetError
from tuinet.experiment.check import check
from tuinet.experiment.layer_edits import set_field
from tuinet.experiment.layer_remedies import layer_remedies, stack_remedies
from tuinet.experiment.offers import Laid, laid
from tuinet.experiment.places import located, rows
from tuinet.experiment.problem import Problem, nearest
from tuinet.experiment.spec import Experiment
from tuinet.nn.losses import CrossEntropy, MeanSquaredError

UNSET = ("data.prepare", "data.augment", "data.tokens", "data.target_tokens", "data.window", "data.targets")
"""Settings of the data that are refused only where they mean nothing."""


def way_out(experiment: Experiment, info: DatasetInfo, problem: Problem, *, divided: bool = False) -> Experiment | None:
    """The experiment without this problem of `check(experiment, info, divided=divided)`, if there is one obvious way
    out; else None, as for a split that is impossible, a network that is too large, layers all frozen, or a model to
    start from that cannot be read or has nothing in common.

    No problem is new in what is returned, other than of layers that could not be looked at before.
    """
    here = laid(experiment, info)
    hidden = any(None in shapes for shapes in here.shapes)
    before = Counter(map(_said, check(experiment, info, divided=divided).problems))
    second: Experiment | None = None
    for mended in _proposed(experiment, here, problem, divided):
        problems = check(mended, info, divided=divided).problems
        after = Counter(map(_said, problems))
        if after[_said(problem)] >= before[_said(problem)]:
            continue
        new = after - before
        if not new:
            return mended
        if hidden and all(each.path.startswith("model.layers") for each in problems if _said(each) in new):
            second = second or mended
    return second


def _said(problem: Problem) -> tuple[str, str]:
    """What makes a problem the same one after an edit; its path may be another then."""
    return problem.message, problem.hint


def _proposed(experiment: Experiment, here: Laid, problem: Problem, divided: bool) -> Iterator[Experiment]:
    place, field = located(experiment, problem.path)
    try:
        if place is not None:
            yield from layer_remedies(experiment, here, place, field)
        elif problem.path == "model.layers":
            yield from stack_remedies(experiment, here)
        else:
            yield from _settings(experiment, here.info, problem.path, divided)
    except TuinetError:  # an edit that cannot be made is no way out
        return


def _settings(experiment: Experiment, info: DatasetInfo, path: str, divided: bool) -> Iterator[Experiment]:
    """Settings of data and training that are right, where there is one that is."""
    training = experiment.training
    top = path.partition("[")[0]
    if path == "training.loss":
        loss = MeanSquaredError() if info.task == "regression" else CrossEntropy()
        changed = msgspec.structs.replace(training, loss=loss)
        yield msgspec.structs.replace(experiment, training=changed)
    elif path in UNSET or top == "data.augment":
        yield set_field(experiment, path, "")
    elif path == "training.early_stopping":
        if not divided:
            yield set_field(experiment, "data.split.validation", "0.1")
        yield set_field(experiment, path, "")
    elif path == "training.early_stopping.monitor":
        yield set_field(experiment, path, "loss")
    elif path == "training.schedule.warmup":
        steps = check(experiment, info, divided=divided).data.steps
        yield set_field(experiment, path, str(steps // 10))
    elif top == "model.freeze" and path != top:
        index = int(path.removeprefix(f"{top}[").removesuffix("]"))
        like = nearest(experiment.model.freeze[index], [row.name for row in rows(experiment)])
        if like is not None:
            yield set_field(experiment, path, like)
        yield set_field(experiment, path, "")
