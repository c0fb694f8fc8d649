"""What a model says with all on, and with something off, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tuinet.model.model import Model


def write_both(answers: list[dict[str, Any]], model: Model, more: bool) -> None:
    """All on and off side by side: a line an answer, a step, or a value."""
    from tuinet.cli.output import write_table
    from tuinet.readable import number

    if "values" in answers[0]:
        rows = [
            (answer["input"], name, *(number(each, 6) for each in (value, other, other - value)))
            for answer in answers
            for name, value in answer["values"].items()
            for other in (answer["off"]["values"][name],)
        ]
        headers = ("input", "value", "all on", "off", "difference")
        write_table(headers, rows, right=headers[2:], more=more)
        return
    probable = model.meta.loss.activation == "softmax"
    of_it = "probability" if probable else "score"
    if "outputs" in answers[0] or "text" in answers[0]:
        of_it = "outputs" if "outputs" in answers[0] else "score"
    # Two columns have the same header, and each is flush right.
    headers = ("input", "all on", of_it, "off", of_it)
    rows = [
        (place, *first, *second)
        for answer in answers
        for place, first, second in zip(
            _places(answer), _said(answer, probable), _said(answer["off"], probable), strict=True
        )
    ]
    write_table(headers, rows, right=(of_it,), more=more)


def _places(answer: dict[str, Any]) -> list[str]:
    """What each line of an answer is called: the input, and beside tags their symbols."""
    if "tags" in answer:
        symbols = answer["symbols"] or range(1, len(answer["tags"]) + 1)
        return [f"{answer['input']}: {symbol}" for symbol in symbols]
    return [answer["input"], *[""] * (len(answer.get("top", ())) - 1)]


def _said(answer: dict[str, Any], probable: bool) -> list[tuple[str, str]]:
    """What it says and how likely that is, line by line; of translations, the score."""
    from tuinet.readable import number

    if "tags" in answer:
        return [(tag, f"{sure:.4f}") for tag, sure in zip(answer["tags"], answer["probabilities"], strict=True)]
    if "top" in answer:
        top = [(choice["label"], choice["score"]) for choice in answer["top"]]
        return [(label, f"{score:.4f}" if probable else number(score)) for label, score in top]
    if "text" in answer:
        return [(answer["text"], number(answer["score"]))]
    return [(answer["label"], " ".join(number(value) for value in answer["outputs"]))]
