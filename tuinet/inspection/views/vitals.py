"""Whether a model learns, a row a layer: what comes through on the way forwards, what comes back, how far a step goes.

`health` and `gradients` say more of each; this is their sum over a few samples, fast enough to be looked at while a
model trains.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tuinet.inspection.passes import Back
from tuinet.inspection.question import Node, Offer, Question, Samples, nodes, own_parameters
from tuinet.inspection.summary import summarize
from tuinet.inspection.sums.gradient_sums import what_j_is
from tuinet.inspection.view import Cell, Seen, Table
from tuinet.inspection.views.health import Tally, some_samples, tally
from tuinet.inspection.views.sensitivities import Step, rate_of, size_of, step_of, verdict
from tuinet.inspection.words import counts
from tuinet.model.lengths import lengths_of
from tuinet.model.model import Model
from tuinet.model.signals import answers
from tuinet.nn.seq2seq import Seq2Seq
from tuinet.nn.sequence import Ragged

SAMPLES = 64
"""Samples that are looked at, evenly spread over the data, or fewer where the model takes smaller batches."""

MULTIPLY_ADDS = 500_000_000
"""On the way forwards, of all samples together: fewer are looked at, but one at least, where each costs much."""

OF_STEPS = {
    "not finite": 5, "explodes": 4, "no gradient": 4, "vanishes": 3, "hardly learns": 2, "large": 2, "fine": 0,
}  # fmt: skip
"""How bad it is, 0 to 5, what is said of a step; of units, see `Tally.verdict`."""

FINE = 1e-4
"""From this part of the weights' size on a step is fine (`sensitivities.VERDICTS`)."""

ADAPTIVE = ("adam", "rmsprop")
"""Optimizers that divide the gradient by its own size: a small gradient is no small step."""

WORST = 2
"""From here on a layer is named."""


def vitals(question: Question) -> tuple[Seen, ...]:
    """Every layer that calculates or has weights, over the inputs that are named, else over some of the data.

    Raises TuinetError if there are none, or nobody knows their targets.
    """
    model = question.model
    asked = replace(question, samples=question.samples or _some(question))
    rate, of_rate = rate_of(model.meta)
    optimizer = model.meta.training.partition(",")[0]
    adaptive = optimizer in ADAPTIVE and rate is not None
    tallies: dict[tuple[str, str], Tally] = {}
    with np.errstate(all="ignore"):
        tally(asked.run, tallies)
        found = asked.back
    learnt = not answers(asked.loss.dy).any()  # then no gradient is no fault
    rows: list[tuple[Cell, ...]] = []
    ranked: list[tuple[int, str]] = []
    for path, node in nodes(model).items():
        own = {kind: each for (layer, kind), each in tallies.items() if layer == path}
        if not own and not own_parameters(node):
            continue
        step = (_adaptive if adaptive else step_of)(model, found, node, rate)
        badness, words = _verdict(own, step, learnt)
        inner = isinstance(node.layer, Seq2Seq)  # of a layer that holds others, its bridge is left
        name = f"{path}/bridge" if inner else path
        ranked.append((badness, f"{name}: {words}"))
        rows.append((name, *_of_units(own), None if inner else size_of(found, path)[0], step.update, words))
    columns = ("layer", "mean", "dead", "saturated", "mean |dJ/dy|", "step / ‖w‖", "verdict")
    how = f"of {optimizer}, which moves each weight about as far" if adaptive else "plain gradient descent"
    notes = (
        _worst(ranked) + (": these samples leave nothing to learn" if learnt else ""),
        f"over {counts(len(asked.need_samples().names), 'sample')}; {what_j_is(asked)}",
        "dead, saturated: shares of the units, of a layer with gates those of the gate with most",
        f"step: {how}, {of_rate}",
    )
    return (Table("vitals", columns, tuple(rows), f"how {model.meta.name} learns, layer by layer", notes),)


def _some(question: Question) -> Samples:
    """Samples of the data, as many as go through the model and back in a moment."""
    model = question.model
    found = some_samples(question, min(SAMPLES, model.batch_size))
    steps = lengths_of(found.inputs, model.meta.input_shape)
    if isinstance(found.targets, Ragged):  # what is written may be longer than what is read
        steps = np.maximum(steps, found.targets.lengths)
    cost = steps.cumsum() * summarize(model).multiply_adds
    count = max(1, int((cost <= MULTIPLY_ADDS).sum()))
    targets = None if found.targets is None else found.targets[:count]
    return Samples(found.inputs[:count], targets, found.names[:count])


def _adaptive(model: Model, found: Back, node: Node, rate: float | None) -> Step:
    """A step of an optimizer that moves every weight with a gradient by about its rate. That much is not too large for
    its gradient's sake, so nothing is said of large ones."""
    plain = step_of(model, found, node, rate)
    if rate is None or not plain.slope or not plain.weight or not np.isfinite(plain.slope):
        return plain
    moved = sum(int(np.count_nonzero(found.params[f"{node.path}/{name}"])) for name in own_parameters(node))
    update = rate * moved**0.5 / plain.weight
    return plain._replace(update=update, verdict=verdict(update) if update < FINE else "fine")


def _of_units(own: dict[str, Tally]) -> tuple[Cell, ...]:
    """Mean and share of the dead of what a layer puts out, and the share of the saturated of that or of its gates."""
    if not own:
        return None, None, None
    stuck = [each.saturated for each in own.values() if each.saturated is not None]
    return own["output"].mean, own["output"].dead, max(stuck, default=None)


def _verdict(own: dict[str, Tally], step: Step, learnt: bool) -> tuple[int, str]:
    """How bad it is, 0 to 5, and in words: the worst of all that can be said."""
    said: list[tuple[int, str]] = []
    for kind, each in own.items():
        badness, words = each.verdict()
        if kind != "output":  # a gate may well be open or closed all the time
            badness, words = badness if badness == 5 else min(badness, 1), f"{kind}: {words}"
        said.append((badness, words))
    if step.verdict is not None and not learnt:
        moved = f": a step changes it by {step.update:.1g} of its size" if step.update else ""
        said.append((OF_STEPS[step.verdict], step.verdict + moved))
    badness, words = max(said, key=lambda each: each[0], default=(0, ""))
    return badness, words if badness else "fine"


def _worst(ranked: list[tuple[int, str]]) -> str:
    """The layer that is worst off, the first of equals, and how many are badly off."""
    badness, words = max(ranked, key=lambda each: each[0], default=(0, ""))
    if badness < WORST:
        return "no layer is badly off"
    bad = sum(each >= WORST for each, _ in ranked)
    return f"worst off: {words}" + (f" ({bad} of {counts(len(ranked), 'layer')} badly off)" if bad > 1 else "")


def _of_the_model(model: Model, node: Node | None) -> bool:
    return node is None


VIEWS: tuple[Offer, ...] = (
    Offer(
        "vitals",
        "units, gradients and a step of every layer, and a verdict",
        "data",
        _of_the_model,
        vitals,
        ("masks",),
        uses="input",
    ),
)
