"""Texts through the commands: small models trained in seconds, asked, measured, looked at; and wrong input."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.commands import Done, run_command
from tests.model.models import images
from tests.model.text_models import captioner, tagger
from tuinet.data.dataset import Column, DatasetInfo
from tuinet.files.load import load
from tuinet.files.model_file import save_model
from tuinet.model.model import new_model
from tuinet.nn.layer import Shape
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.over_time import LastStep
from tuinet.nn.layers.rnn import RNN
from tuinet.nn.losses import CrossEntropy
from tuinet.nn.network import Sequential

EXPERIMENTS = {
    "copy": """
name = "copy"
[data]
source = { kind = "pairs", path = "pairs.tsv", test_path = "pairs.tsv" }
tokens = { unit = "characters" }
target_tokens = { unit = "characters" }
[[model.layers]]
kind = "seq2seq"
encoder = [{ kind = "embedding", units = 8 }, { kind = "lstm", units = 24 }]
decoder = [{ kind = "embedding", units = 8 }, { kind = "lstm", units = 24 }, { kind = "dense" }]
[training]
batch_size = 8
epochs = 60
loss = { kind = "cross-entropy" }
optimizer = { kind = "adam", rate = 0.01 }
""",
    "text": """
name = "rhyme"
[data]
source = { kind = "text", path = "rhyme.txt" }
window = 16
split = { test = 0.2 }
[model]
layers = [{ kind = "embedding", units = 8 }, { kind = "lstm", units = 24 }, { kind = "dense" }]
[training]
batch_size = 8
epochs = 12
loss = { kind = "cross-entropy" }
optimizer = { kind = "adam", rate = 0.01 }
""",
    "moods": """
name = "moods"
[data]
source = { kind = "labelled-text", path = "moods.tsv" }
split = { test = 0.25 }
[model]
layers = [{ kind = "embedding", units = 8 }, { kind = "rnn", units = 8 }, { kind = "last-step" }, { kind = "dense" }]
[training]
batch_size = 8
epochs = 20
loss = { kind = "cross-entropy" }
optimizer = { kind = "adam", rate = 0.02 }
""",
}


@pytest.fixture(scope="session")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with runs: copy (seq2seq), text (a language model), moods (classes); and tags.safetensors."""
    folder = tmp_path_factory.mktemp("texts")
    pairs = ["".join(each) for length in (1, 2, 3) for each in product("abc", repeat=length)]
    (folder / "pairs.tsv").write_text("".join(f"{text}\t{text}\n" for text in pairs))
    (folder / "rhyme.txt").write_text("the cat sat on the mat\n" * 60)
    moods = [f"{word} {kind}\t{label}" for word in ("a", "the", "no", "one") for kind, label in MOODS.items()]
    (folder / "moods.tsv").write_text("\n".join(moods * 4) + "\n")
    for name, text in EXPERIMENTS.items():
        (folder / f"{name}.toml").write_text(text)
        done = run_command("train", f"{name}.toml", "--out", name, "-q", cwd=folder)
        assert done.code == 0, done.err
    save_model(tagger(), folder / "tags.safetensors")
    return folder


MOODS = {"good film": "glad", "bad film": "sad", "fine book": "glad", "dull book": "sad"}


def piped(line: tuple[str, ...], data: bytes, folder: Path) -> Done:
    done = subprocess.run(
        [sys.executable, "-m", "tuinet", *line], input=data, cwd=folder, capture_output=True, check=False, timeout=60
    )
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


def test_a_translator_answers_texts_and_lines(texts: Path) -> None:
    done = run_command("predict", "copy", "ab", "c", "--json", cwd=texts)
    assert done.code == 0, done.err
    assert [line["input"] for line in done.lines] == ["ab", "c"]
    assert [line["text"] for line in done.lines] == ["ab", "c"]
    assert done.lines[0]["symbols"] == ["a", "b"] and done.lines[0]["complete"] and done.lines[0]["score"] < 0
    lines = piped(("predict", "copy", "-", "--beam", "3"), b"ab\ncb\r\na", texts)
    assert (lines.code, lines.out) == (0, "ab\ncb\na\n")


def test_a_translator_is_measured_twice(texts: Path) -> None:
    measured = run_command("evaluate", "copy", "--json", "--beam", "2", cwd=texts).lines[0]
    assert measured["exact"] > 0.9 and measured["accuracy"] > 0.9
    assert measured["sequence-error-rate"] == pytest.approx(1 - measured["exact"])
    shown = run_command("evaluate", "copy", "--limit", "5", cwd=texts).out
    assert "exact answers" in shown and "symbol error rate" in shown and "\nsources              5\n" in shown
    (texts / "mine.tsv").write_text("ab\tab\nab\tzz\nc\tzz\n")
    mine = run_command("evaluate", "copy", "--data", "mine.tsv", "--json", cwd=texts).lines[0]
    assert (mine["split"], mine["sources"], mine["exact"]) == ("all", 2, 0.5)


def test_a_language_model_writes_and_is_measured(texts: Path) -> None:
    done = run_command("generate", "text", "--prompt", "the cat", "--length", "40", "--temperature", "0", cwd=texts)
    assert done.code == 0, done.err
    assert done.out.startswith("the cat sat on the mat\nthe cat")
    assert len(done.out) == len("the cat") + 40 + 1
    first, again = (
        run_command("generate", "text", "--length", "30", "--seed", "4", "--json", cwd=texts).lines[0] for _ in "12"
    )
    assert first == again
    assert (len(first["text"]), first["symbols"], first["seed"], first["prompt"]) == (30, 30, 4, "")
    measured = run_command("evaluate", "text", "--json", cwd=texts).lines[0]
    assert measured["perplexity"] < 2 and measured["bits"] < 1
    assert "bits a character" in run_command("evaluate", "text", cwd=texts).out


def test_unknown_symbols_of_a_prompt_are_noted(texts: Path) -> None:
    done = run_command("generate", "text", "--prompt", "日\x1b本", "--length", "5", cwd=texts)
    assert done.code == 0
    assert "does not know '日' '\\x1b' '本'" in done.err
    assert "\x1b" not in done.out + done.err


def test_a_classifier_of_texts(texts: Path) -> None:
    done = run_command("predict", "moods", "a good film", "the dull book", "--json", cwd=texts)
    assert [line["label"] for line in done.lines] == ["glad", "sad"]
    shown = run_command("predict", "moods", "a good film", cwd=texts).out
    assert shown.splitlines()[1].split()[:4] == ["a", "good", "film", "glad"]
    assert "confusion" in run_command("evaluate", "moods", cwd=texts).out


def test_tags_stand_beside_their_symbols(texts: Path) -> None:
    shown = run_command("predict", "tags.safetensors", "ab", "c", cwd=texts).out.splitlines()
    assert shown[0].split() == ["symbol", "tag", "probability"]
    assert [line.split()[0] for line in shown if line][1:3] == ["a", "b"]
    line = run_command("predict", "tags.safetensors", "ab", "--json", cwd=texts).lines[0]
    assert line["symbols"] == ["a", "b"] and len(line["tags"]) == 2


def test_images_get_captions_and_tables_of_steps_a_label(tmp_path: Path) -> None:
    save_model(captioner(), tmp_path / "captions.safetensors")
    for number, pixels in enumerate(images(2)):
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    given = run_command("predict", "captions.safetensors", "0.png", "1.png", "--json", cwd=tmp_path).lines
    assert [line["text"] for line in given] == [each.text for each in captioner().translate(images(2))]
    shown = run_command("predict", "captions.safetensors", "0.png", cwd=tmp_path).out.splitlines()
    assert shown[1].split() == ["0.png", given[0]["text"]]
    lines = piped(("predict", "captions.safetensors", "-", "--json"), b"0.png\n1.png\n", tmp_path).lines
    assert lines == given

    shape, columns = Shape((2,), ("channel",), sequence=True), (Column("x"), Column("y"))
    info = DatasetInfo("walks", "classification", shape, {"train": 9}, labels=("up", "down"), columns=columns)
    model = new_model(Sequential((RNN(3), LastStep(), Dense(2))), info, (), CrossEntropy())
    save_model(model, tmp_path / "walks.safetensors")
    (tmp_path / "walk.csv").write_text("y,x\n1,2\n3,4\n")
    np.save(tmp_path / "walks.npy", np.array([[[2.0, 1.0], [4.0, 3.0]]] * 2))
    answers = run_command("predict", "walks.safetensors", "walk.csv", "walks.npy", "--json", cwd=tmp_path).lines
    assert [line["input"] for line in answers] == ["walk.csv", "walks.npy:1", "walks.npy:2"]
    assert len({line["top"][0]["score"] for line in answers}) == 1
    asked = ("inspect", "walks.safetensors", "--view", "memory", "--file", "walk.csv", "--json")
    curve, table = run_command(*asked, cwd=tmp_path).lines[0]["views"]
    assert curve["shape"] == [1, 2]
    assert [row[0] for row in table["rows"]] == [0, 1]
    refused = run_command("predict", "walks.safetensors", "1,2", cwd=tmp_path)
    assert refused.code == 2 and "a step of the sequence a row" in refused.err


def test_inspect_shows_how_far_back_a_model_remembers(texts: Path) -> None:
    asked = ("inspect", "text", "--view", "memory")
    curve, table = run_command(*asked, "--text", "the cat sat on the mat", "--json", cwd=texts).lines[0]["views"]
    assert [row[0] for row in table["rows"]] == [0, 1, 2, 5, 10, 20, 21]
    assert curve["data"][0][0] == 0  # log₁₀ of 1
    assert any("lstm1" in note for note in curve["notes"] + table["notes"] + [curve["axes"][0]["name"]])
    assert "steps before the last" in run_command(*asked, "--text", "the cat", cwd=texts).out


WRONG = [
    (("predict", "text", "abc"), "tuinet generate"),
    (("generate", "copy"), "tuinet predict"),
    (("generate", "moods", "--prompt", "x"), "tuinet predict"),
    (("generate", "text", "--length", "0"), "0 symbols"),
    (("generate", "text", "--temperature", "-1"), "temperature"),
    (("generate", "text", "--temperature", "nan"), "temperature"),
    (("generate", "text", "--top-k", "0"), "likeliest"),
    (("predict", "copy", "ab", "--beam", "0"), "beam of 0"),
    (("predict", "copy", "ab", "--beam", "1000000"), "beam of 1000000"),
    (("predict", "moods", "a", "--beam", "2"), "Leave out --beam"),
    (("predict", "copy", "ab", "--top", "2"), "Leave out --top"),
    (("predict", "copy", "ab", ""), "text 2 is empty"),
    (("predict", "copy", "a" * 20_000), "20,000 symbols"),
    (("evaluate", "text", "--beam", "2"), "Leave out"),
    (("evaluate", "copy", "--data", "iris"), "was trained for seq2seq"),
    (("evaluate", "text", "--data", "moods.tsv"), "moods"),
]


@pytest.mark.parametrize(("line", "words"), WRONG, ids=[" ".join(line)[:40] for line, _ in WRONG])
def test_wrong_questions_are_refused_in_words(texts: Path, line: tuple[str, ...], words: str) -> None:
    done = run_command(*line, cwd=texts)
    assert (done.code, done.out) == (2, ""), done.err
    assert words in done.err


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"ab\n\xff\xfe\n", "stdin, line 2, byte 1 is not UTF-8"),
        (b"ab\nab\n\nab\n", "stdin, line 3 is empty"),
        (b"a" * 1_000_000, "1,000,000 symbols"),
        (b"a" * 5_000_000, "line 1 is longer"),
    ],
)
def test_wrong_lines_are_named(texts: Path, data: bytes, words: str) -> None:
    done = piped(("predict", "copy", "-"), data, texts)
    count = len(data.splitlines())
    assert done.code == 1 and f"1 of {count} texts" in done.err
    assert words in done.err and "Traceback" not in done.err
    shown = done.out.split("\n")
    assert len(shown) == count + 1 and [bool(text) for text in shown].count(False) == 2  # and behind the last line
    lines = piped(("predict", "copy", "-", "--json"), data, texts).lines
    (wrong,) = (line for line in lines if "error" in line)
    assert len(lines) == count and words in wrong["error"] and f"line {wrong['line']}" in wrong["error"]
    assert lines.index(wrong) == wrong["line"] - 1


@pytest.mark.parametrize("model", ["copy", "moods", "tags.safetensors"])
def test_lines_are_answered_as_they_come(texts: Path, model: str) -> None:
    """A program that sends a line and waits for its answer gets it; several at once are answered together."""
    line = [sys.executable, "-m", "tuinet", "predict", model, "-", "--json"]
    process = subprocess.Popen(
        line, cwd=texts, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
    )
    assert process.stdin is not None and process.stdout is not None
    waiting = b""
    for sent in (["ab"], ["c"], [""], ["a", "b", "abc"]):
        process.stdin.write("".join(f"{text}\n" for text in sent).encode())
        while waiting.count(b"\n") < len(sent):
            assert select.select([process.stdout], [], [], 30)[0], "no answer came"
            waiting += os.read(process.stdout.fileno(), 1 << 16)
        answers = [json.loads(each) for each in waiting.splitlines()]
        assert [answer["input"] for answer in answers] == sent
        assert ["error" in answer for answer in answers] == [not text for text in sent]
        waiting = b""
    _, said = process.communicate(b"c", timeout=30)  # the last line has no end
    assert process.returncode == 1 and b"1 of 7 texts" in said


def test_a_closed_stdin_is_said_before_the_first_answer(texts: Path) -> None:
    line = ["/bin/sh", "-c", 'exec "$0" "$@" <&-', sys.executable, "-m", "tuinet", "predict", "copy", "ab", "-"]
    done = subprocess.run(line, cwd=texts, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: stdin is closed")


def test_a_table_that_grows_has_one_head(texts: Path) -> None:
    shown = piped(("predict", "moods", "-"), b"a good film\n" * 600, texts).out
    assert shown.count("says") == 1 and shown.count("a good film") == 600


def test_hostile_lines_get_an_answer_each(texts: Path) -> None:
    lines = ["\0", "😀", "שלום", "\u202eab", "zzz\x1b[2J", "\ufeffab"]
    for model in ("copy", "moods", "tags.safetensors"):
        done = piped(("predict", model, "-", "--json"), "\n".join(lines).encode(), texts)
        assert done.code == 0, done.err
        assert [json.loads(line)["input"] for line in done.out.splitlines()] == lines
    shown = piped(("predict", "moods", "-"), "\n".join(lines).encode(), texts)
    assert "\x1b" not in shown.out and "\0" not in shown.out


def test_an_argument_that_is_not_utf8(texts: Path) -> None:
    for line in (["predict", "copy", b"a\xff"], ["generate", "text", "--prompt", b"\xff"]):
        done = subprocess.run(
            [sys.executable, "-m", "tuinet", *line], cwd=texts, capture_output=True, check=False, timeout=60
        )
        assert done.returncode == 2
        assert b"is not UTF-8" in done.stderr


def test_the_text_appears_as_it_is_written_and_ends_quietly(texts: Path) -> None:
    """The first symbols are there long before the last; Ctrl-C and a reader that has gone need no word."""
    line = [sys.executable, "-m", "tuinet", "generate", "text", "--length", "50000000"]
    for end in ("interrupt", "close"):
        process = subprocess.Popen(line, cwd=texts, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdout is not None and process.stderr is not None
        assert len(os.read(process.stdout.fileno(), 10)) > 0
        if end == "interrupt":
            process.send_signal(signal.SIGINT)
            process.stdout.read()
        process.stdout.close()
        code = process.wait(30)
        assert code == (130 if end == "interrupt" else 1)
        assert process.stderr.read().strip() == b""  # click ends the line of an interrupted command
        process.stderr.close()


def test_a_broken_model_says_so(texts: Path) -> None:
    for name in ("copy", "text", "moods"):
        model = load(str(texts / name))
        model.params.vector[:] = float("nan")
        save_model(model, texts / "broken.safetensors")
        line = ("generate", "broken.safetensors") if name == "text" else ("predict", "broken.safetensors", "ab")
        done = run_command(*line, cwd=texts)
        assert done.code == 2 and "not a number" in done.err
