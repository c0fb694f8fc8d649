"""What `--sample`, `--file`, `--text` and `--data` mean: how many, which texts, which rows, and data read once."""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

import click.testing
import msgspec
import numpy as np
import pytest
from PIL import Image

import tuinet
from tuinet.cli import stdin
from tuinet.cli.predict import command
from tuinet.cli.stdin import samples
from tuinet.errors import TuinetError
from tuinet.files.find import find_model
from tuinet.inspection.asked import MOST_SAMPLES, Inputs, part_of
from tuinet.inspection.question import NoDataError, Question, Samples
from tuinet.inspection.view import Table
from tuinet.inspection.views.ideal import ideal
from tuinet.nn.sequence import Ragged


def asked(name: str, **inputs: str) -> Samples:
    found = samples(find_model(name), tuinet.load(name), Inputs(**inputs), None)
    assert found is not None
    return found


def piped(monkeypatch: pytest.MonkeyPatch, given: str | bytes) -> None:
    content = given.encode() if isinstance(given, str) else given
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


def digit(kind: str) -> bytes:
    """A 1, as a file of this kind; of arrays two."""
    pixels = np.zeros((8, 8), np.uint8)
    pixels[1:7, 3:5] = 255
    stream = io.BytesIO()
    if kind == "npy":
        np.save(stream, np.stack([pixels, pixels])[..., None] / 16)
    else:
        Image.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


def test_data_are_read_once_however_often_they_are_looked_through() -> None:
    part = part_of(find_model("digits-cnn"), tuinet.load("digits-cnn"), None, None)
    assert part() is part()


def test_so_many_inputs_are_looked_at_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(asked("digits-cnn", sample=f"0-{MOST_SAMPLES - 1}").names) == MOST_SAMPLES
    np.save(tmp_path / "many.npy", np.zeros((MOST_SAMPLES + 1, 8, 8, 1)))
    (tmp_path / "many.txt").write_text("ab\n" * (MOST_SAMPLES + 1))
    wrong = [
        ("digits-cnn", {"sample": "0-99999"}, "100,000 inputs"),
        ("digits-cnn", {"file": str(tmp_path / "many.npy")}, "65 inputs"),
        ("cmudict-seq2seq", {"file": str(tmp_path / "many.txt")}, "65 inputs"),
    ]
    for name, inputs, said in wrong:
        with pytest.raises(TuinetError, match=said) as caught:
            asked(name, **inputs)
        assert "--data" in caught.value.hint
    piped(monkeypatch, "1,2,3,4\n" * (MOST_SAMPLES + 1))
    with pytest.raises(TuinetError, match="65 inputs"):
        asked("iris-mlp", text="-")


def test_a_dash_in_a_file_is_a_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "words.txt").write_text("ab\n-\ncab\n")
    found = asked("cmudict-seq2seq", file=str(tmp_path / "words.txt"))
    assert found.names == ("ab", "-", "cab")
    assert isinstance(found.inputs, Ragged) and found.inputs.lengths.tolist() == [2, 1, 3]
    piped(monkeypatch, "ab\n-\n")
    assert asked("cmudict-seq2seq", text="-").names == ("ab", "-")
    with pytest.raises(TuinetError, match="empty"):
        asked("cmudict-seq2seq", text=" ")


def test_rows_are_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.save(tmp_path / "x.npy", np.zeros((1, 4)))
    monkeypatch.chdir(tmp_path)
    for text in ("x.npy", str(tmp_path / "x.npy"), "-"):
        piped(monkeypatch, "x.npy\n")
        with pytest.raises(TuinetError, match="no row of numbers") as caught:
            asked("iris-mlp", text=text)
        assert "--file" in caught.value.hint
    with pytest.raises(TuinetError, match="takes images") as caught:
        asked("digits-cnn", text="x.npy")
    assert "--file" in caught.value.hint
    assert asked("iris-mlp", file="x.npy").inputs.shape == (1, 4)  # pyright: ignore[reportAttributeAccessIssue]
    row = asked("iris-mlp", text="5.1,3.5,1.4,0.2")
    assert row.names == ("5.1,3.5,1.4,0.2",)


@pytest.mark.parametrize(
    ("kind", "names"), [("PNG", ("stdin",)), ("JPEG", ("stdin",)), ("npy", ("input 0", "input 1"))]
)
def test_images_and_arrays_come_through_stdin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, names: tuple[str, ...]
) -> None:
    """The same as from a file, and nothing of it is left behind."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    path = tmp_path / ("one.npy" if kind == "npy" else "one")
    path.write_bytes(digit(kind))
    piped(monkeypatch, digit(kind))
    found = asked("digits-cnn", file="-")
    assert found.names == names
    np.testing.assert_array_equal(np.asarray(found.inputs), np.asarray(asked("digits-cnn", file=str(path)).inputs))
    run = click.testing.CliRunner().invoke(command, ["digits-cnn", "-", "--json"], input=digit(kind))
    answers = [msgspec.json.decode(line) for line in run.stdout.splitlines()]
    assert [(each["input"], each["label"]) for each in answers] == (
        [("stdin:1", "1"), ("stdin:2", "1")] if kind == "npy" else [("stdin", "1")]
    )
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("digits-cnn", digit("PNG")[:40], "stdin is not an image|stdin is damaged"),
        ("digits-cnn", digit("npy")[:150], "stdin is truncated"),
        ("iris-mlp", digit("PNG"), "stdin: iris-mlp takes rows, not images"),
        ("iris-mlp", b"\xff\xfe5\0", "stdin, line 1, byte 1 is not UTF-8"),
        ("digits-cnn", digit("PNG") + b"\0" * 4000, "stdin holds more than 0 MiB"),
        ("digits-cnn", b"", "takes images, not rows"),
    ],
    ids=["half an image", "half an array", "image for rows", "UTF-16", "too large", "nothing"],
)
def test_what_comes_through_stdin_is_not_trusted(
    monkeypatch: pytest.MonkeyPatch, name: str, content: bytes, said: str
) -> None:
    monkeypatch.setattr(stdin, "MAX_FILE", 4000)
    piped(monkeypatch, content)
    with pytest.raises(TuinetError, match=said):
        asked(name, file="-")


def test_rows_come_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    for text in ("5.1,3.5,1.4,0.2\n", "\ufeff5.1,3.5,1.4,0.2", "5,3,1,0\n5.1,3.5,1.4,0.2\n"):
        piped(monkeypatch, text)
        assert np.asarray(asked("iris-mlp", file="-").inputs)[-1].tolist() == [5.1, 3.5, 1.4, 0.2]


def test_a_first_line_names_the_columns_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = [column.name for column in tuinet.load("iris-mlp").meta.columns]
    piped(monkeypatch, "\n".join([",".join(reversed(columns)), "1,2,3,4", "5,6,7,8", ""]))
    found = asked("iris-mlp", text="-")
    assert np.asarray(found.inputs).tolist() == [[4, 3, 2, 1], [8, 7, 6, 5]]
    assert found.names == ("input 0", "input 1")


def test_a_model_whose_data_nobody_knows_still_shows_what_needs_none(tmp_path: Path) -> None:
    model = tuinet.load("iris-mlp")
    model.meta = msgspec.structs.replace(model.meta, data="")
    path = tmp_path / "stranger.safetensors"
    part = part_of(path, model, None, None)
    with pytest.raises(NoDataError, match="does not say what it was trained on"):
        part()
    found = ideal(Question(model, "dense1", part=part))[0]
    alone = ideal(Question(model, "dense1"))[0]
    assert isinstance(found, Table) and isinstance(alone, Table)
    assert found.rows == alone.rows
    assert any("does not say what it was trained on" in note for note in found.notes)
    with pytest.raises(TuinetError, match="no-such-set"):  # what is named must be there
        ideal(Question(model, "dense1", part=part_of(path, model, "no-such-set", None)))
