"""The documents are held to the code: what the README says is run, what is made from the code is up to date."""

from __future__ import annotations

import importlib.util
import re
import shlex
import typing
from pathlib import Path
from types import ModuleType

import click
import numpy as np
import pytest
from PIL import Image

from tests.cli.commands import run_command
from tuinet.cli.main import tuinet
from tuinet.data.sources import DATASETS
from tuinet.experiment.report import LayerRow
from tuinet.inspection.difference import Change, Difference, Setting, TensorChange
from tuinet.inspection.summary import Summary
from tuinet.model.meta import EpochRecord
from tuinet.training import events as ev

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    """The README's code blocks of one language."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    return [text for word, text in found if word == language]


def load_generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def digit() -> np.ndarray:
    pixels, _ = DATASETS["digits"].source.load(Path(), 0).splits["train"].take([3])
    return pixels[0].reshape(8, 8, 1)


def test_what_is_made_from_the_code_is_up_to_date() -> None:
    for path, text in load_generator().documents().items():
        assert path.read_text("utf-8") == text, f"{path} is out of date: make docs"


def test_every_key_of_what_is_written_about_models_is_explained_in_its_row() -> None:
    text = (ROOT / "docs/views.md").read_text("utf-8")
    for struct in (Summary, LayerRow, EpochRecord, Difference, TensorChange, Change, Setting):
        heading = "gives one object" if struct in (Summary, Difference) else f"`{struct.__name__}`. "
        start = text.index("`tuinet diff A B --json`") if struct in (Difference, TensorChange, Change, Setting) else 0
        rows = text[text.index(heading, start) :].split("|---|---|---|\n")[1].split("\n\n")[0]
        told = dict(re.findall(r"^\| `(\w+)` \| [^|]+ \| (.+) \|$", rows, re.MULTILINE))
        assert tuple(told) == struct.__struct_fields__
        assert all(meaning.strip() for meaning in told.values())
    assert not re.search(r"\b(None|True|False)\b", text)


def test_every_event_has_an_example_that_is_one() -> None:
    examples = load_generator().EXAMPLES
    assert {type(example) for example in examples} == set(typing.get_args(ev.AnyEvent))
    assert [ev.decode(ev.encode(example)) for example in examples] == list(examples)


def test_the_readme_leads_nowhere_wrong() -> None:
    for document in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))):
        for link in re.findall(r"\]\(([^)#:]+)[^):]*\)", document.read_text("utf-8")):
            assert (document.parent / link).exists(), f"{document.name}: {link}"


def test_the_readme_commands_and_its_python_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command of the five minutes in turn, with fewer epochs; then the five lines of Python on their model."""
    lines = next(block.splitlines() for block in blocks("") if block.startswith("tuinet recipes"))
    commands = [shlex.split(line.split("   ")[0])[1:] for line in lines]
    Image.fromarray((digit()[:, :, 0] * (255 / 16)).astype(np.uint8)).save(tmp_path / "digit.png")
    assert [command[0] for command in commands][:4] == ["recipes", "init", "check", "train"]
    for command in commands:
        extra = ["--set", "training.epochs=2"] if command[0] == "train" else []
        done = run_command(*command, *extra, cwd=tmp_path)
        assert done.code == 0, (command, done.err)
    monkeypatch.chdir(tmp_path)
    said: list[object] = []
    exec(blocks("python")[0], {"image": digit(), "print": said.append})
    labels, values = typing.cast("list[list[str]]", said)
    assert len(labels) == 1
    assert labels[0] in set("0123456789")
    assert "conv1/output" in values


def test_the_readme_trains_from_python() -> None:
    said: list[object] = []
    exec(blocks("python")[1], {"print": said.append})
    measured = typing.cast("dict[str, float]", said[-1])
    assert measured["samples"] == 30
    assert measured["accuracy"] > 0.8


def test_the_readme_experiment_trains(tmp_path: Path) -> None:
    (text,) = blocks("toml")
    (tmp_path / "my.toml").write_text(text)
    (tmp_path / "flowers.csv").write_text((ROOT / "datasets/iris/iris.csv").read_text())
    done = run_command("train", "my.toml", "--out", "run", "--json", cwd=tmp_path)
    assert done.code == 0, done.err
    assert done.lines[-1]["metrics"]["test"]["accuracy"] > 0.6


def test_the_readme_steers_with_commands_that_exist() -> None:
    from tuinet.cli.runs import command

    (steering,) = [block for block in blocks("") if block.startswith("tuinet runs ")]
    for line in steering.splitlines():
        words = shlex.split(line.split("   ")[0])[1:]
        if words[0] == "runs" and len(words) > 1:
            options = {option for parameter in command.commands[words[1]].params for option in parameter.opts}
            assert {word for word in words if word.startswith("--")} <= options


def test_every_command_in_the_readme_exists_with_its_options() -> None:
    lines = [line for block in blocks("") for line in block.splitlines() if line.startswith("tuinet ")]
    assert len(lines) > 15
    for line in lines:
        words = shlex.split(line.split("   ")[0])[1:]
        command = tuinet.get_command(click.Context(tuinet), words[0])
        assert command is not None, line
        if isinstance(command, click.Group) and len(words) > 1:
            command = command.commands[words[1]]
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options, line


def test_make_knows_the_two_commands_of_a_newcomer() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in ("demo", "test"):
        assert f"make {target}\n" in "".join(blocks(""))
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)
    assert "make test check" in (ROOT / ".ci/run").read_text("utf-8")
