"""What a person asks about, from words to values: which samples, which part of which data, which place."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from tuinet.data.dataset import Split
from tuinet.data.encoding import encode_split
from tuinet.data.reading import reading
from tuinet.errors import TuinetError
from tuinet.experiment.provenance import find_part
from tuinet.inspection.question import NoDataError, Samples
from tuinet.inspection.ranges import numbers, whole
from tuinet.model.inputs import checked_text, read_inputs, rows_in, valid_text
from tuinet.model.model import Model

Lines = Callable[[], list[str]]
Place = tuple[int, ...]

MOST_SAMPLES = 64
"""Inputs that are looked at together: all that goes through every layer for them is held at once."""

MOST_TEXT = 4_000_000
"""Most characters of a text file."""


class Inputs(NamedTuple):
    """Which input is meant; at most one is given."""

    sample: str | None = None
    file: str | None = None
    text: str | None = None


def place(
    text: str, option: str = "--at", what: str = "place", hint: str = "Write it like 2,5: row, column, counted from 0."
) -> Place:
    """ROW,COL as numbers: up to eight. Raises TuinetError, which names the option, and what it should be."""
    if not re.fullmatch(r"\s*\d+(\s*,\s*\d+){0,7}\s*", text, re.ASCII):
        raise TuinetError(f"{option} {text[:60]!r} is no {what}", hint)
    return tuple(whole(part.strip(), f"{option} {text[:60]!r}") for part in text.split(","))


def part_of(path: Path, model: Model, data: str | None, split: str | None) -> Callable[[], Split]:
    """What gives the part of a data set to look through, with ids in place of texts, when it is first asked for.

    It raises NoDataError if none is named and the model's own cannot be had, TuinetError if what is named is wrong.
    """

    @cache
    def find() -> Split:
        try:
            dataset, name, part = find_part(path, model, data, split)
        except TuinetError as error:
            if data is None and split is None:
                raise NoDataError(error.message, error.hint) from None
            raise
        return _encoded(model, part, f"{dataset.name}, {name}")

    return find


def samples(
    path: Path, model: Model, inputs: Inputs, data: str | None = None, piped: Lines | None = None
) -> Samples | None:
    """The samples that are meant; None if no input is named. Raises TuinetError, also for more than MOST_SAMPLES.

    `piped` gives the lines that a - stands for; without it, - is a file or a text as any other.
    """
    given = [f"--{name}" for name, value in inputs._asdict().items() if value is not None]
    if len(given) > 1:
        raise TuinetError(f"{' and '.join(given)} are given", "Name one input.")
    if inputs.sample is not None:
        return _of_data(path, model, inputs.sample, data)
    if piped is not None and "-" in (inputs.file, inputs.text):
        return _of_lines(model, piped())
    if inputs.file is not None:
        return _of_file(model, inputs.file)
    if inputs.text is not None:
        return _of_lines(model, [inputs.text])
    return None


def _of_data(path: Path, model: Model, text: str, data: str | None) -> Samples:
    split, _, which = text.rpartition(":")
    places = numbers(which, "--sample")
    _check_count(len(places))
    dataset, name, part = find_part(path, model, data, split or None)
    if model.meta.task == "next-symbol":  # its samples are windows, which only the whole text has
        part = _encoded(model, part, dataset.name)
    if max(places) >= len(part):
        hint = f"The {name} part of {dataset.name} has 0 to {len(part) - 1:,}."
        raise TuinetError(f"there is no sample {max(places):,}", hint)
    found = _encoded(model, Split(*part.take(list(places))), dataset.name)
    raw, targets = found.take(slice(None))
    return Samples(model.raw(raw), targets, tuple(f"{name}:{each}" for each in places))


def _encoded(model: Model, part: Split, name: str) -> Split:
    meta = model.meta
    return encode_split(part, meta.task, meta.vocabulary, meta.target_vocabulary, meta.window, name)


def _of_file(model: Model, file: str) -> Samples:
    if model.meta.vocabulary is None:
        read = read_inputs(file, model.meta)
        return _named(model, read.samples, (read.name,) if not read.many else ())
    return _of_texts(model, _text_file(model, file))


def _text_file(model: Model, file: str) -> list[str]:
    """The text of a file for a model that goes on with texts; for all others each line is one."""
    path = Path(valid_text(file, "a file's name"))
    with reading(path) as stream:
        content = stream.read(4 * MOST_TEXT + 4)  # a character has at most four bytes
    try:
        text = content.decode("utf-8-sig", "strict" if len(content) <= 4 * MOST_TEXT else "replace")
    except UnicodeDecodeError:
        raise TuinetError(f"{path}: is not UTF-8", "Save the text as UTF-8.") from None
    if len(text) > MOST_TEXT:
        raise TuinetError(f"{path}: has more than {MOST_TEXT:,} characters", "Give a part of it.")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if model.meta.task == "next-symbol":
        return [text]
    return [line for line in text.splitlines() if line.strip()]


def _of_lines(model: Model, lines: list[str]) -> Samples:
    """Each line a text, or a row of numbers; the first row may name the columns."""
    if model.meta.vocabulary is not None:
        return _of_texts(model, lines)
    return _named(model, rows_in(lines, model.meta), tuple(lines))


def _of_texts(model: Model, texts: list[str]) -> Samples:
    if not texts:
        raise TuinetError("there is no text", "A text has at least one symbol.")
    checked = [checked_text(text, f"text {place}") for place, text in enumerate(texts, 1)]
    return _named(model, checked, tuple(checked))


def _check_count(count: int) -> None:
    if count > MOST_SAMPLES:
        hint = "Name fewer; views of many samples take --data and --split, and tuinet predict takes any number."
        raise TuinetError(f"{count:,} inputs are named, and at most {MOST_SAMPLES} are looked at together", hint)


def _named(model: Model, given: Any, names: tuple[str, ...]) -> Samples:
    _check_count(len(given))
    raw = model.raw(given)
    if not len(raw):
        raise TuinetError("there is no input", "Name one with a value.")
    if len(names) != len(raw):
        names = tuple(f"input {number}" for number in range(len(raw)))
    return Samples(raw, None, names)
