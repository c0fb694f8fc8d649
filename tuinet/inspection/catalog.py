"""All views, by the names under which they are asked for. A new view is one function and one `Offer` in its module."""

from __future__ import annotations

import difflib

import numpy as np

from tuinet.errors import TuinetError
from tuinet.inspection.question import Node, Offer, Question, check_choice
from tuinet.inspection.view import Seen
from tuinet.inspection.views import (
    activations,
    erasure,
    fit,
    gates,
    health,
    ideal,
    layers,
    likes,
    losses,
    maps,
    matches,
    memory,
    mistakes,
    occlusion,
    outputs,
    predictions,
    regions,
    sensitivities,
    sequences,
    shifts,
    step_answers,
    translation,
    vitals,
    weights,
    whole,
    why,
    windows,
    writes,
)
from tuinet.model.model import Model

ALL: tuple[Offer, ...] = (
    *whole.VIEWS,
    *predictions.VIEWS,
    *regions.VIEWS,
    *fit.VIEWS,
    *writes.VIEWS,
    *translation.VIEWS,
    *step_answers.VIEWS,
    *mistakes.VIEWS,
    *outputs.VIEWS,
    *maps.VIEWS,
    *gates.VIEWS,
    *windows.VIEWS,
    *activations.VIEWS,
    *layers.VIEWS,
    *sequences.VIEWS,
    *weights.VIEWS,
    *why.VIEWS,
    *occlusion.VIEWS,
    *erasure.VIEWS,
    *likes.VIEWS,
    *matches.VIEWS,
    *ideal.VIEWS,
    *shifts.VIEWS,
    *sensitivities.VIEWS,
    *losses.VIEWS,
    *memory.VIEWS,
    *health.VIEWS,
    *vitals.VIEWS,
)
"""In the order in which they are listed."""


def offers(model: Model, node: Node | None) -> tuple[Offer, ...]:
    """The views that a layer has (None: those of the model as a whole)."""
    return tuple(offer for offer in ALL if offer.fits(model, node))


def look(question: Question, name: str) -> tuple[Seen, ...]:
    """The view of this name. Raises TuinetError, with the names there are, if the layer has no such view."""
    offer = offered(question, name)
    check_choice(question, f"the view {name}", offer.takes)
    with np.errstate(all="ignore"):  # a network that diverged is looked at, too
        return offer.make(question)


def offered(question: Question, name: str) -> Offer:
    """What the layer offers under this name. Raises TuinetError, with the names there are."""
    found = offers(question.model, question.node)
    for offer in found:
        if offer.name == name:
            return offer
    what = question.layer or question.model.meta.name
    names = [offer.name for offer in found]
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"Did you mean {near[0]}? " if near else ""
    raise TuinetError(f"{what} has no view {name!r}", f"{hint}Views: {', '.join(names)}")
