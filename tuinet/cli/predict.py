"""`tuinet predict`: what a model says about images, rows of tables, or arrays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from tuinet.cli.inputs import Inputs
    from tuinet.model.model import Model, Prediction

CHUNK = 4096
"""Samples predicted at a time, so that the memory does not grow with the input."""


@click.command(
    "predict",
    short_help="Ask a model about images, rows or arrays.",
    # A row may begin with a minus sign; what begins with one and is no option is an input.
    context_settings={"ignore_unknown_options": True},
)
@click.argument("model")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option("--top", type=click.IntRange(1), default=1, metavar="K", help="Show the K likeliest classes.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a sample.")
def command(model: str, inputs: tuple[str, ...], top: int, as_json: bool) -> None:
    """Ask MODEL about each INPUT.

    An INPUT is an image file, a .csv or .tsv file of rows, an .npy file of samples, or a row: 5.1,3.5,1.4,0.2
    """
    from tuinet.cli.inputs import read_inputs
    from tuinet.cli.output import write_json
    from tuinet.files.load import load

    loaded = load(model)
    # All are read before the first is answered: a wrong one is an error, not half an answer.
    read = [read_inputs(text, loaded.meta) for text in inputs]
    answers = (answer for each in read for answer in _answers(loaded, each, top))
    if as_json:
        for answer in answers:
            write_json(answer)
    else:
        _write(list(answers), loaded)


def _answers(model: Model, inputs: Inputs, top: int) -> Iterator[dict[str, Any]]:
    import numpy as np

    from tuinet.errors import TuinetError

    for start in range(0, len(inputs.samples), CHUNK):
        prediction = model.predict(inputs.samples[start : start + CHUNK])
        if not np.isfinite(prediction.outputs).all():
            raise TuinetError(
                f"{inputs.name}: the model's answer is not a number",
                "its weights are not finite, or the input is far too large; tuinet inspect tells of the weights",
            )
        for row in range(len(prediction)):
            name = f"{inputs.name}:{start + row + 1}" if inputs.many else inputs.name
            yield {"input": name} | _answer(model, prediction, row, top)


def _answer(model: Model, prediction: Prediction, row: int, top: int) -> dict[str, Any]:
    """One sample's answer: its class with the likeliest classes and their scores, or its values by name."""
    meta = model.meta
    scores = prediction.scores[row]
    if prediction.ids is None or prediction.labels is None:
        names = meta.target_names or tuple(f"output {n + 1}" for n in range(len(scores)))
        return {"values": {name: float(value) for name, value in zip(names, scores, strict=True)}}
    answer: dict[str, Any] = {"class": int(prediction.ids[row]), "label": prediction.labels[row]}
    if meta.coding.kind == "binary":
        return answer | {"outputs": [float(value) for value in scores]}
    ranking = prediction.ranking(top)[row]
    return answer | {"top": [{"label": meta.labels[i], "score": float(scores[i])} for i in ranking]}


def _write(answers: list[dict[str, Any]], model: Model) -> None:
    from tuinet.cli.output import write_table
    from tuinet.render.table import bar, number

    if "values" in answers[0]:
        names = list(answers[0]["values"])
        rows = [(answer["input"], *(number(value, 6) for value in answer["values"].values())) for answer in answers]
        write_table(("input", *names), rows, right=names)
        return
    if "top" not in answers[0]:
        rows = [(a["input"], a["label"], " ".join(number(value) for value in a["outputs"])) for a in answers]
        write_table(("input", "says", "outputs"), rows)
        return
    probable = model.meta.loss.activation == "softmax"
    rows = []
    for answer in answers:
        for place, choice in enumerate(answer["top"]):
            score = choice["score"]
            shown = f"{score:.4f}" if probable else number(score)
            rows.append(
                (answer["input"] if place == 0 else "", choice["label"], shown, bar(score, 10) if probable else "")
            )
    write_table(("input", "says", "probability" if probable else "score", ""), rows, right=("probability", "score"))
