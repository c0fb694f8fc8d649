"""`tuinet predict`: what a model says about images, rows of tables, arrays, or texts."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from tuinet.cli.options import off_option

if TYPE_CHECKING:
    from tuinet.cli.stdin import Line
    from tuinet.model.inputs import Inputs
    from tuinet.model.model import Model, Prediction

CHUNK = 4096
"""Samples predicted at a time, so that the memory does not grow with the input."""


@click.command(
    "predict",
    short_help="Ask a model about images, rows, arrays or texts.",
    # A row may begin with a minus sign; what begins with one and is no option is an input.
    context_settings={"ignore_unknown_options": True},
)
@click.argument("model")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option("--top", type=click.IntRange(1), metavar="K", help="Show the K likeliest classes. Default: 1.")
@click.option("--beam", type=int, default=1, metavar="N", help="Follow N answers at a time. Default: 1, greedy.")
@off_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object a sample.")
def command(
    model: str, inputs: tuple[str, ...], top: int | None, beam: int, off: tuple[str, ...], as_json: bool
) -> None:
    """Ask MODEL about each INPUT: it gives a label, tags, a translation or a caption, whatever it does.

    An INPUT is an image file, a .csv or .tsv file of rows, an .npy file of samples, or a row: 5.1,3.5,1.4,0.2. For a
    model that reads texts it is a text. - reads one input a line from stdin: texts are answered as they come, and one
    that cannot be, such as an empty line, gets an error in its place (the exit code is then 1); of all else, every line
    is read before the first answer, and a PNG, a JPEG or an .npy file may come in place of lines.

    With --off the model answers twice, with all on and with those units off; in JSON, the second answer is an object
    of the same keys under "off".
    """
    from tuinet.cli.output import write_json
    from tuinet.cli.stdin import stdin_inputs
    from tuinet.errors import TuinetError
    from tuinet.files.load import load
    from tuinet.inspection.off import with_off
    from tuinet.model.blas import one_blas_thread
    from tuinet.model.inputs import read_inputs

    loaded = load(model)
    if loaded.meta.task == "next-symbol":
        raise TuinetError(f"{loaded.meta.name} goes on with a text", "Ask it with tuinet generate.")
    if beam != 1 and loaded.meta.task != "seq2seq":
        raise TuinetError(f"{loaded.meta.name} writes no answers that a beam could look for", "Leave out --beam.")
    if top is not None and loaded.meta.task != "classification":
        raise TuinetError(f"{loaded.meta.name} chooses among no classes", "Leave out --top.")
    ask = Ask(loaded, with_off(loaded, off), top or 1, beam)
    if loaded.meta.vocabulary is not None:
        _predict_texts(ask, inputs, as_json)
        return
    # All are read before the first is answered: a wrong one is an error, not half an answer.
    meta = loaded.meta
    read = [each for text in inputs for each in (stdin_inputs(meta) if text == "-" else [read_inputs(text, meta)])]
    with one_blas_thread:
        answers = (answer for each in read for answer in _answers(ask, each))
        if as_json:
            for answer in answers:
                write_json(answer)
        else:
            _write(list(answers), loaded)


class Ask(NamedTuple):
    """Who is asked, and for what; `off`: the same model with something switched off, which is asked, too."""

    model: Model
    off: Model | None
    top: int
    beam: int


def _predict_texts(ask: Ask, inputs: tuple[str, ...], as_json: bool) -> None:
    """Answers come while stdin is still being read, so a line that is no input is answered by an error in its place.

    Raises TuinetError before the first answer if an argument is wrong, RunFailedError at the end if a line was.
    """
    from tuinet.cli.output import write_json
    from tuinet.cli.stdin import check_texts, text_blocks
    from tuinet.errors import RunFailedError
    from tuinet.model.blas import one_blas_thread

    model = ask.model
    model.raw(check_texts(inputs))
    count = wrong = 0
    with one_blas_thread:
        for block in text_blocks(inputs):
            answers = _answered(ask, block)
            if as_json:
                for answer in answers:
                    write_json(answer)
            else:
                _write_lines(answers, model, more=count > 0)
            sys.stdout.flush()
            count += len(block)
            wrong += sum("error" in answer for answer in answers)
    if wrong:
        raise RunFailedError(f"{wrong:,} of {count:,} texts could not be answered", "Each has an error in its place.")


def _answered(ask: Ask, lines: list[Line]) -> list[dict[str, Any]]:
    """An answer a line; of a wrong one its number, `error` and `hint`."""
    from tuinet.errors import TuinetError
    from tuinet.model.inputs import Inputs

    try:
        texts = [line.text for line in lines if line.wrong is None]
        found = _answers(ask, Inputs("", texts, True))
        return [_of_line(line) if line.wrong else next(found) | {"input": line.text} for line in lines]
    except TuinetError:
        checked = [_checked(ask.model, line) for line in lines]
        if checked == lines:
            raise
        return _answered(ask, checked)


def _checked(model: Model, line: Line) -> Line:
    """The line, with what is wrong with it for this model."""
    from tuinet.errors import TuinetError

    if line.wrong is not None:
        return line
    try:
        model.raw([line.text])
    except TuinetError as error:
        return line._replace(wrong=TuinetError(f"stdin, line {line.number}: {error.message}", error.hint))
    return line


def _of_line(line: Line) -> dict[str, Any]:
    assert line.wrong is not None
    return {"input": line.text, "line": line.number, "error": line.wrong.message, "hint": line.wrong.hint}


def _write_lines(answers: list[dict[str, Any]], model: Model, more: bool) -> None:
    """Errors go to stderr; among translations an empty line stays in their place."""
    from tuinet.readable import printable

    for answer in answers:
        if "error" in answer:
            click.echo(f"error: {printable(answer['error'])}", err=True)
    if model.meta.task == "seq2seq" and not any(
        "off" in answer for answer in answers
    ):  # a line an answer, so that a file of lines becomes one of translations
        for answer in answers:
            click.echo(printable(answer.get("text", "")))
        return
    right = [answer for answer in answers if "error" not in answer]
    if right:
        _write(right, model, more)


def _answers(ask: Ask, inputs: Inputs) -> Iterator[dict[str, Any]]:
    samples = inputs.samples
    for start in range(0, len(samples), CHUNK):
        chunk = samples[start : start + CHUNK]
        found = _of_chunk(ask.model, inputs.name, chunk, ask.top, ask.beam)
        if ask.off is not None:
            second = _of_chunk(ask.off, inputs.name, chunk, ask.top, ask.beam)
            found = (answer | {"off": other} for answer, other in zip(found, second, strict=True))
        for row, answer in enumerate(found):
            name = f"{inputs.name}:{start + row + 1}" if inputs.many else inputs.name
            yield {"input": name} | answer


def _of_chunk(model: Model, name: str, samples: Any, top: int, beam: int) -> Iterator[dict[str, Any]]:
    import numpy as np

    from tuinet.model.prediction import not_a_number

    if model.meta.task == "seq2seq":
        for said in model.translate(samples, beam):
            yield {"text": said.text, "symbols": said.tokens, "score": said.score, "complete": said.complete}
        return
    if model.meta.task == "tagging":
        for tagged in model.tag(samples):
            yield {"symbols": tagged.tokens, "tags": tagged.tags, "probabilities": tagged.probabilities}
        return
    prediction = model.predict(samples)
    if not np.isfinite(prediction.outputs).all():
        raise not_a_number(name)
    for row in range(len(prediction)):
        yield _answer(model, prediction, row, top)


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


def _write(answers: list[dict[str, Any]], model: Model, more: bool = False) -> None:
    """`more` of what was begun has no headers again."""
    from tuinet.cli.output import write_table
    from tuinet.readable import number
    from tuinet.render.table import bar

    if "off" in answers[0]:
        from tuinet.cli.side_by_side import write_both

        write_both(answers, model, more)
        return
    if "text" in answers[0]:
        write_table(("input", "says"), [(answer["input"], answer["text"]) for answer in answers])
        return
    if "tags" in answers[0]:
        for place, answer in enumerate(answers):
            if place or more:
                click.echo()
            _write_tags(answer)
        return
    if "values" in answers[0]:
        names = list(answers[0]["values"])
        rows = [(answer["input"], *(number(value, 6) for value in answer["values"].values())) for answer in answers]
        write_table(("input", *names), rows, right=names, more=more)
        return
    if "top" not in answers[0]:
        rows = [(a["input"], a["label"], " ".join(number(value) for value in a["outputs"])) for a in answers]
        write_table(("input", "says", "outputs"), rows, more=more)
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
    headers = ("input", "says", "probability" if probable else "score", "")
    write_table(headers, rows, right=("probability", "score"), more=more)


def _write_tags(answer: dict[str, Any]) -> None:
    """A line a symbol: its tag, and how sure the model is."""
    from tuinet.cli.output import write_table

    tags, sure = answer["tags"], [f"{value:.4f}" for value in answer["probabilities"]]
    symbols = answer["symbols"] or range(1, len(tags) + 1)
    first = "symbol" if answer["symbols"] else "step"
    write_table((first, "tag", "probability"), list(zip(symbols, tags, sure, strict=True)), right=("probability",))
