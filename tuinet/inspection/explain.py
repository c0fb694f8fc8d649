"""The arithmetic behind a number that is seen: which one a view shows is said by its name."""

from __future__ import annotations

from dataclasses import replace

from tuinet.errors import TuinetError
from tuinet.inspection.question import Question, check_choice
from tuinet.inspection.sums.cells import cell_sum
from tuinet.inspection.sums.gradient_sums import gradient_sum
from tuinet.inspection.view import Sum
from tuinet.inspection.views.gates import asked_gates, gates_of

SHOWN = {"maps": "output", "gates": "output", "window": "output"}
"""Views that show a value of the layer under a name of their own."""


def explain(question: Question, view: str | None = None) -> Sum:
    """The value that the question's choice names, term by term: of `PARAM-gradient` a weight's gradient, of all other
    views the value of that name, by default the layer's output.

    Raises TuinetError if no layer or no input is named, or if there is no such value.
    """
    if question.node is None:
        raise TuinetError("a sum is that of one value of a layer, and no layer is named", "Name a LAYER.")
    name = SHOWN.get(view or "output", view or "output")
    if name.endswith("-gradient"):
        check_choice(question, "the gradient of one weight", ("units", "at", "masks", "decoder"))
        return gradient_sum(question, name)
    check_choice(question, "a sum", ("units", "at", "step", "gate", "masks", "decoder"))
    gate = question.choice.gate
    if gate is not None and gates_of(question.node.layer):  # by the name of people: the output gate, the hidden state
        name = asked_gates(question.node.layer, question.layer, gate)[0].key
        question = replace(question, choice=question.choice._replace(gate=None))
    return cell_sum(question, name)
