"""JSON lines: one object a line, with a text and what belongs to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np

from tuinet.data.dataset import Dataset, DatasetInfo, Split
from tuinet.data.labelled_text import label_ids, label_names
from tuinet.data.reading import LARGEST, FileSource
from tuinet.data.text_lines import WORDS, control_in, lines_of
from tuinet.data.texts import Texts
from tuinet.data.vocabulary import Tokens
from tuinet.errors import TuinetError
from tuinet.nn.layer import Shape
from tuinet.nn.sequence import Ragged

JsonTask = Literal["classification", "regression", "tagging", "seq2seq"]


class Row(NamedTuple):
    """One line: its text, whether that was a list of words, and its target as JSON has it."""

    line: int
    text: str
    listed: bool
    target: Any


class JsonLines(FileSource, frozen=True, tag="json-lines"):
    """One JSON object a line, such as `{"text": "a fine film", "label": "good"}`. UTF-8, `.gz` is unpacked.

    The text is a string, or a list of words without spaces, each of which is a symbol. Other keys do not count, empty
    lines are passed over.
    """

    path: str
    """The samples to learn from."""
    input: str = "text"
    """The key of the text."""
    target: str = "label"
    """The key of what is to be learnt."""
    task: JsonTask | None = None
    """What the targets are. Unset: a list is one tag a symbol, a number with a point or an exponent is a value, all
    else is a class. A string that is itself a text, to be produced, takes "seq2seq"."""
    validation_path: str | None = None
    """The samples to validate on, if they have a file of their own."""
    test_path: str | None = None
    """The samples to test on, if they have a file of their own."""

    def load(self, base: Path, seed: int) -> Dataset:
        named = {"train": self.path, "validation": self.validation_path, "test": self.test_path}
        paths = {part: base / path for part, path in named.items() if path is not None}
        parts = {part: self._rows(path) for part, path in paths.items()}
        task = self.task or _task(parts["train"][0].target)
        listed = parts["train"][0].listed
        for part, rows in parts.items():
            for row in rows:
                if row.listed != listed:
                    where = f"{paths[part]}, line {row.line}"
                    raise TuinetError(f"{where}: strings and lists of words are mixed", "give one or the other")
        targets = {part: _targets(task, rows, paths[part]) for part, rows in parts.items()}
        labels: tuple[str, ...] = ()
        if task in ("classification", "tagging"):
            train = targets["train"]
            names = train if task == "classification" else [tag for tags in train for tag in tags]
            labels = label_names(paths["train"], names)
        splits = {
            part: Split(
                Texts(row.text for row in rows),
                _encoded(task, targets[part], labels, f"{paths[part]} ({part} part)"),
            )
            for part, rows in parts.items()
        }
        return Dataset(
            paths["train"].name.split(".")[0],
            task,
            Shape.tokens(0),
            splits,
            labels=labels,
            target_names=(self.target,) if task == "regression" else (),
            tokens=Tokens("symbols") if listed or task == "tagging" else WORDS,
            target_tokens=WORDS if task == "seq2seq" else None,
        )

    def describe(self, base: Path) -> DatasetInfo:
        return self.load(base, 0).info

    def _rows(self, path: Path) -> list[Row]:
        rows: list[Row] = []
        for line, content in lines_of(path):
            if not content.strip():
                continue
            where = f"{path}, line {line}"
            try:
                given = msgspec.json.decode(content)
            except (msgspec.DecodeError, RecursionError) as error:
                raise TuinetError(f"{where} is not JSON: {error}", "write one object a line") from None
            if not isinstance(given, dict):
                raise TuinetError(f"{where} is no JSON object", 'write {"text": …, "label": …}')
            for key in (self.input, self.target):
                if key not in given:
                    there = ", ".join(map(str, [*given][:20])) or "none"
                    raise TuinetError(f"{where} has no key {key!r}", f"its keys: {there}")
            text = given[self.input]
            rows.append(Row(line, _text(text, self.input, where), isinstance(text, list), given[self.target]))
        if not rows:
            raise TuinetError(f"{path} is empty", "write one JSON object a line")
        return rows


def _task(target: Any) -> JsonTask:
    if isinstance(target, list):
        return "tagging"
    return "regression" if isinstance(target, float) else "classification"


def _text(given: Any, key: str, where: str) -> str:
    """A string as it is, a list of words with a space between them."""
    if isinstance(given, list):
        for word in given:
            if not isinstance(word, str) or len(word.split()) != 1 or word != word.strip():
                shown = msgspec.json.encode(word).decode()[:40]
                raise TuinetError(f"{where}: {shown} in {key!r} is no word", "a list of words holds strings, no spaces")
        given = " ".join(given)
    if not isinstance(given, str):
        raise TuinetError(f"{where}: {key!r} is no text", "give a string, or a list of words")
    if not given.strip():
        raise TuinetError(f"{where}: {key!r} is empty", "fill it in or leave the line out")
    control = control_in(given)
    if control is not None:
        raise TuinetError(f"{where}: {key!r} holds the control character U+{ord(control):04X}", "take it out")
    return given


def _targets(task: JsonTask, rows: list[Row], path: Path) -> list[Any]:
    """The targets as names of classes, lists of them, numbers or texts. Raises TuinetError, with the line."""
    targets: list[Any] = []
    for row in rows:
        where = f"{path}, line {row.line}"
        if task == "classification":
            targets.append(_name(row.target, where))
        elif task == "seq2seq":
            targets.append(_text(row.target, "target", where))
        elif task == "regression":
            number = row.target
            if isinstance(number, bool) or not isinstance(number, int | float) or not abs(number) <= LARGEST:
                raise TuinetError(f"{where}: the target is no finite number (of float32)")
            targets.append(float(number))
        else:
            if not isinstance(row.target, list):
                raise TuinetError(f"{where}: the target is no list", "give one tag a symbol, as a list")
            tags = [_name(tag, where) for tag in row.target]
            symbols = len(row.text.split())
            if row.listed and len(tags) != symbols:
                raise TuinetError(f"{where}: {len(tags)} tags for {symbols} words", "give one tag a word")
            if not tags:
                raise TuinetError(f"{where}: there are no tags", "give one tag a symbol")
            targets.append(tags)
    return targets


def _name(given: Any, where: str) -> str:
    """The name of a class: a string, a whole number, true or false."""
    if isinstance(given, bool):
        return str(given).lower()
    if not isinstance(given, str | int) or not (name := str(given).strip()):
        shown = msgspec.json.encode(given).decode()[:40]
        raise TuinetError(f"{where}: the target {shown} names no class", "give a string or a whole number")
    control = control_in(name)
    if control is not None:
        raise TuinetError(f"{where}: the target holds the control character U+{ord(control):04X}", "take it out")
    return name


def _encoded(task: JsonTask, targets: list[Any], labels: tuple[str, ...], where: str) -> Any:
    if task == "classification":
        return label_ids(targets, labels, where)
    if task == "seq2seq":
        return Texts(targets)
    if task == "regression":
        return np.array(targets)[:, None]
    lengths = [len(tags) for tags in targets]
    flat = label_ids([tag for tags in targets for tag in tags], labels, where)
    return Ragged(flat, np.concatenate([[0], np.cumsum(lengths)]).astype(np.intp))
