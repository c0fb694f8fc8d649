"""What `--sample`, `--file`, `--text` and `--data` mean: how many, which texts, which rows, and data read once."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest

import tuinet
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


def piped(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))


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
        ("cmudict-small", {"file": str(tmp_path / "many.txt")}, "65 inputs"),
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
    found = asked("cmudict-small", file=str(tmp_path / "words.txt"))
    assert found.names == ("ab", "-", "cab")
    assert isinstance(found.inputs, Ragged) and found.inputs.lengths.tolist() == [2, 1, 3]
    piped(monkeypatch, "ab\n-\n")
    assert asked("cmudict-small", text="-").names == ("ab", "-")
    with pytest.raises(TuinetError, match="empty"):
        asked("cmudict-small", text=" ")


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
