"""From TOML to an Experiment and back. Nothing read is trusted: the first departure from the types is named.

A file is refused if it is over 1 MB, not UTF-8, not TOML, nested too deeply, or anything else than `spec` describes.
"""

from __future__ import annotations

import functools
import re
import tomllib
from pathlib import Path
from typing import Any, cast

import msgspec
import msgspec.inspect
import tomli_w

from tuinet.errors import TuinetError
from tuinet.experiment.problem import Problem, did_you_mean, show_text
from tuinet.experiment.recipes import FOLDER, ORDER, recipe_path
from tuinet.experiment.schema import first_problem
from tuinet.experiment.spec import Experiment
from tuinet.files.find import shipped_models

LARGEST_FILE = 1_000_000
"""Bytes: a hundred times what an experiment needs."""

LONGEST_LINE = 20_000
"""Characters: Python's TOML reader takes a time that grows with the square of a dotted key's length."""

PATH_FIELDS: dict[str, tuple[str, ...]] = {
    "csv": ("path",),
    "npz": ("path",),
    "npy": ("inputs", "targets", "test_inputs", "test_targets"),
    "idx": ("images", "labels", "test_images", "test_labels"),
    "images": ("path",),
    "cifar-binary": ("path",),
    "text": ("path", "validation_path", "test_path"),
    "pairs": ("path", "validation_path", "test_path"),
    "parallel": (
        "source_path",
        "target_path",
        "validation_source_path",
        "validation_target_path",
        "test_source_path",
        "test_target_path",
    ),
    "labelled-text": ("path", "validation_path", "test_path"),
    "json-lines": ("path", "validation_path", "test_path"),
    "series": ("path",),
}
"""The fields of each source of one's own files that name files or folders."""

_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


def load_experiment(text: str) -> Experiment:
    """The experiment of a recipe's name or of a file (with a `/` or a suffix, it is a file).

    Relative paths in a file start at its folder; in what is returned they are absolute.
    Raises TuinetError with what is wrong, where, and what would be right.
    """
    path = experiment_path(text)
    experiment = decode(read_toml(path), str(text))
    return experiment if path.parent == FOLDER else absolute(experiment, path.parent)


def experiment_path(text: str) -> Path:
    """The file that a recipe's name or a path means. Raises TuinetError, with the nearest recipe, if there is none."""
    path = Path(text)
    is_path = "/" in text or "\\" in text or path.suffix == ".toml"
    if not is_path and text in ORDER:
        return recipe_path(text)
    try:
        if path.is_file():
            return path
        if path.is_dir():
            if (path / "experiment.toml").is_file():
                hint = f"its experiment is {path / 'experiment.toml'}"
            else:
                hint = "an experiment is one TOML file"
            raise TuinetError(f"{text} is a folder, not an experiment file", hint)
    except (OSError, ValueError):  # a name too long for the system, or with a zero byte in it
        pass
    shown = text if text.isprintable() and len(text) < 200 else show_text(text)
    if is_path:
        hint = did_you_mean(path.stem, ORDER, "a recipe is named without suffix; there are")
        raise TuinetError(f"there is no file {shown}", hint)
    raise TuinetError(f"there is no recipe or file {shown}", did_you_mean(text, ORDER, "recipes"))


def decode(text: str, where: str = "experiment") -> Experiment:
    """The experiment that a TOML text describes. `where` names the text in messages."""
    return from_raw(parse(text, where), where)


def parse(text: str, where: str) -> dict[str, Any]:
    """The tables of a TOML text. Raises TuinetError with line and column."""
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > LONGEST_LINE:
            raise TuinetError(f"{where}, line {number}: longer than {LONGEST_LINE:,} characters", "break the line")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _syntax_error(str(error), where) from None
    except RecursionError:
        raise TuinetError(f"{where}: tables or lists are nested too deeply", "an experiment needs six levels") from None
    except ValueError:  # a whole number of thousands of digits
        raise TuinetError(f"{where}: a number has too many digits") from None


def from_raw(raw: dict[str, Any], where: str) -> Experiment:
    """The experiment that tables describe. Raises TuinetError for the first thing that is not as `spec` says."""
    problem = first_problem(raw, experiment_type())
    if problem is None:
        try:
            return msgspec.convert(raw, Experiment)
        except (msgspec.ValidationError, RecursionError) as error:
            problem = Problem("", str(error))
    raise TuinetError(f"{where}: {problem}", problem.hint)


@functools.cache
def experiment_type() -> msgspec.inspect.Type:
    return msgspec.inspect.type_info(Experiment)


def encode(experiment: Experiment, complete: bool = True) -> str:
    """The experiment as TOML, with every key that has a value, or, unless `complete`, with those that are not at their
    defaults. Decoding it gives an equal one."""
    return tomli_w.dumps(cast("dict[str, Any]", to_raw(experiment, complete)))


def to_raw(value: object, complete: bool) -> object:
    """Structs as tables; without a key that is unset, and, unless `complete`, without those at their defaults."""
    if isinstance(value, msgspec.Struct):
        config = value.__struct_config__
        table: dict[str, object] = {} if config.tag is None else {config.tag_field or "kind": config.tag}
        for field in msgspec.structs.fields(value):
            setting = getattr(value, field.name)
            default = field.default
            if field.default_factory is not msgspec.NODEFAULT:
                default = field.default_factory()
            same = default is not msgspec.NODEFAULT and setting == default and type(setting) is type(default)
            if setting is not None and (complete or not same):
                table[field.encode_name] = to_raw(setting, complete)
        return table
    if isinstance(value, tuple | list):
        return [to_raw(each, complete) for each in cast("tuple[object, ...]", value)]
    return value


def absolute(experiment: Experiment, base: Path) -> Experiment:
    """The same with every relative path, of the data and of the model to start from, put behind `base`."""
    source, start = experiment.data.source, experiment.model.start
    changed: dict[str, str] = {}
    for field in PATH_FIELDS.get(str(source.__struct_config__.tag), ()):
        path: str | None = getattr(source, field)
        if path is not None:
            changed[field] = _behind(base, path)
    if changed:
        data = msgspec.structs.replace(experiment.data, source=msgspec.structs.replace(source, **changed))
        experiment = msgspec.structs.replace(experiment, data=data)
    if start and start not in shipped_models():
        model = msgspec.structs.replace(experiment.model, start=_behind(base, start))
        experiment = msgspec.structs.replace(experiment, model=model)
    return experiment


def _behind(base: Path, path: str) -> str:
    inside = Path.home() / path[2:] if path.startswith("~/") else Path(path)
    return str((base / inside).absolute())


def read_toml(path: Path) -> str:
    """The text of a file. Raises TuinetError if it is too large, no UTF-8, or cannot be read."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise TuinetError(f"{path}: {error.strerror or error}") from None
    if len(content) > LARGEST_FILE:
        raise TuinetError(f"{path} is over {LARGEST_FILE:,} bytes long: that is no experiment file")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        hint = "an experiment is a TOML file; save it as UTF-8"
        raise TuinetError(f"{path}, line {line}: this is not UTF-8 text", hint) from None


def _syntax_error(message: str, where: str) -> TuinetError:
    place = _PLACE.search(message)
    reason = _PLACE.sub("", message)
    known = {
        "Cannot overwrite a value": "this key is there twice",
        "Cannot declare": "this table is there twice",
        "Cannot mutate": "this table was already written on one line",
        "Expected '=' after a key": "an = is missing after the key",
        "Invalid value": "this is no value: texts need quotes, and true and false are small",
        "Invalid initial character for a key part": "a key is missing here, or it is written with odd characters",
        "Unclosed array": "a list is not closed with ]",
        "Unclosed inline table": "a table is not closed with }",
        "Expected newline or end of document": "there is more on this line than one key and its value",
        "Illegal character": "a line break or another odd character stands inside a text",
        "Unterminated string": "a text is not closed with a quote",
        "Invalid statement": "this is neither `key = value` nor a [table]",
    }
    said = next((words for begin, words in known.items() if reason.startswith(begin)), reason)
    if place is None:
        return TuinetError(f"{where}: {said}")
    if place[1] is None:
        return TuinetError(f"{where}: {said}, at the end of the file")
    return TuinetError(f"{where}, line {place[1]}, column {place[2]}: {said}")
