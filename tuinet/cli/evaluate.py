"""`tuinet evaluate`: how good a model is on a part of a data set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tuinet.cli.options import off_option

if TYPE_CHECKING:
    from tuinet.data.dataset import Split
    from tuinet.model.model import Model

SHARES = ("accuracy", "exact", "sequence-error-rate", "symbol-error-rate")
WORDS = {
    "targets": "symbols asked for",
    "bits": "bits a symbol",
    "exact": "exact answers",
    "sequence-error-rate": "sequence error rate",
    "symbol-error-rate": "symbol error rate",
    "cut-off": "cut off",
    "bleu": "BLEU",
    "chrf": "chrF",
}
"""What figures are called for people, where it is not their name."""


COUNTS = ("samples", "targets", "sources")
"""Figures that say how much was measured."""


@click.command("evaluate", short_help="Measure a model on a part of a data set.")
@click.argument("model")
@click.option("--data", metavar="NAME_OR_PATH", help="A data set or file. Default: what the model was trained on.")
@click.option("--split", metavar="PART", help="train, validation, test or all. Default: test.")
@click.option("--beam", type=int, metavar="N", help="Of models that write answers: follow N at a time. Default: 1.")
@click.option(
    "--limit", type=click.IntRange(1), metavar="N", help="Let it write answers to N sources only, spread evenly."
)
@off_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(
    model: str,
    data: str | None,
    split: str | None,
    beam: int | None,
    limit: int | None,
    off: tuple[str, ...],
    as_json: bool,
) -> None:
    """Measure MODEL: a .safetensors file, a run's directory, or the name of a model that ships.

    A model that writes answers is measured twice: fed the true symbols, as in training (loss, accuracy), and writing
    by itself, where an answer counts as exact if it is any of those given for the same source.

    With --off it is measured once more with those units off; in JSON, the second figures are an object of the same
    keys under "off".
    """
    from tuinet.cli.output import write_facts, write_json
    from tuinet.experiment.provenance import find_part
    from tuinet.files.find import find_model
    from tuinet.files.model_file import load_model
    from tuinet.inspection.off import with_off
    from tuinet.model.blas import one_blas_thread
    from tuinet.readable import printable

    path = find_model(model)
    loaded = load_model(path)
    _check_options(loaded, beam, limit)
    other = with_off(loaded, off)
    dataset, name, part = find_part(path, loaded, data, split)
    with one_blas_thread:
        measured = _measured(loaded, part, beam, limit)
        without = _measured(other, part, beam, limit) if other is not None else None
    if loaded.meta.task == "seq2seq":
        _tell_of_sacrebleu(loaded)
    if as_json:
        write_json({"split": name, **measured} | ({"off": without} if without is not None else {}))
        return
    facts: list[tuple[str, object]] = [
        ("model", path),
        ("data", f"{dataset.name}, {'all parts' if name == 'all' else f'the {name} part'}"),
    ]
    if without is not None:
        write_facts([*facts, ("off", ", ".join(off))])
        click.echo()
        _write_both(measured, without, loaded)
        return
    facts += [(_words(key, loaded), _shown(key, value)) for key, value in measured.items()]
    write_facts(facts)
    if loaded.meta.task == "classification" and 1 < len(loaded.meta.labels) <= 12:
        click.echo("\nconfusion (rows: the truth, columns: what the model says)")
        counts = loaded.confusion(part)
        labels = [printable(label) for label in loaded.meta.labels]
        _write_confusion(labels, counts.tolist())


def _measured(model: Model, part: Split, beam: int | None, limit: int | None) -> dict[str, float | int]:
    measured = model.evaluate(part)
    if model.meta.task == "seq2seq":
        measured |= model.evaluate_answers(part, beam or 1, limit)
    return measured


def _write_both(measured: dict[str, float | int], without: dict[str, float | int], model: Model) -> None:
    """Each figure with all on, with something off, and how far it went: shares in percentage points."""
    from tuinet.cli.output import write_table

    headers = ("", "all on", "off", "difference")
    rows: list[tuple[str, ...]] = []
    for key, value in measured.items():
        other = without[key]
        gone = f"{100 * (other - value):+.2f} points" if key in SHARES else _shown(key, other - value)
        rows.append((_words(key, model), _shown(key, value), _shown(key, other), "" if key in COUNTS else gone))
    write_table(headers, rows, right=headers[1:])


def _shown(key: str, value: float | int) -> str:
    from tuinet.readable import number, percent

    return percent(value) if key in SHARES else f"{value:,}" if isinstance(value, int) else number(value)


def _words(key: str, model: Model) -> str:
    """What a figure is called: the symbols of a text are its characters or its words."""
    vocabulary = model.meta.target_vocabulary
    unit = {"characters": "character", "words": "word"}.get(vocabulary.tokens.unit if vocabulary else "", "symbol")
    return WORDS.get(key, key).replace("a symbol", f"a {unit}")


def _check_options(model: Model, beam: int | None, limit: int | None) -> None:
    from tuinet.errors import TuinetError

    if model.meta.task != "seq2seq" and (beam is not None or limit is not None):
        raise TuinetError(f"{model.meta.name} writes no answers", "Leave out --beam and --limit.")


def _tell_of_sacrebleu(model: Model) -> None:
    from tuinet.model.written import has_sacrebleu

    vocabulary = model.meta.target_vocabulary
    if vocabulary is not None and vocabulary.tokens.unit == "words" and not has_sacrebleu():
        click.echo("note: for BLEU and chrF: pip install 'tuinet[bleu]'", err=True)


def _write_confusion(labels: list[str], counts: list[list[int]]) -> None:
    from tuinet.cli.output import write_table

    rows = [
        (label, *(f"{count:,}" if count else "·" for count in row)) for label, row in zip(labels, counts, strict=True)
    ]
    write_table(("", *labels), rows, right=labels)
