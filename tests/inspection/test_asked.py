"""Inputs in a person's words, without any stdin: what - means is said by whoever has the lines."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import tuinet
from tuinet.errors import TuinetError
from tuinet.files.find import find_model
from tuinet.inspection.asked import Inputs, place, samples
from tuinet.inspection.off import parse_off, switched_off, with_off
from tuinet.nn.sequence import Ragged


def test_a_dash_is_what_the_asker_says() -> None:
    path, model = find_model("cmudict-seq2seq"), tuinet.load("cmudict-seq2seq")
    alone = samples(path, model, Inputs(text="-"))
    assert alone is not None and alone.names == ("-",)
    assert isinstance(alone.inputs, Ragged) and alone.inputs.lengths.tolist() == [1]
    for name in ("-", str(path.parent), "\0"):
        with pytest.raises(TuinetError, match=r"no file|not a file"):
            samples(path, model, Inputs(file=name))
    for inputs in (Inputs(text="-"), Inputs(file="-")):
        found = samples(path, model, inputs, piped=lambda: ["thought", "-"])
        assert found is not None and found.names == ("thought", "-")
    with pytest.raises(TuinetError, match="text 2 is empty"):
        samples(path, model, Inputs(text="-"), piped=lambda: ["a", " "])
    with pytest.raises(TuinetError, match="there is no text"):
        samples(path, model, Inputs(text="-"), piped=list)


def test_lines_of_a_table_are_rows() -> None:
    path, model = find_model("iris-mlp"), tuinet.load("iris-mlp")
    found = samples(path, model, Inputs(file="-"), piped=lambda: ["1,2,3,4", "5,6,7,8"])
    assert found is not None and np.asarray(found.inputs).tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]
    with pytest.raises(TuinetError, match="'-' is no row"):
        samples(path, model, Inputs(text="-"))


def test_one_input_is_named(tmp_path: Path) -> None:
    path, model = find_model("iris-mlp"), tuinet.load("iris-mlp")
    assert samples(path, model, Inputs()) is None
    with pytest.raises(TuinetError, match="--sample and --text"):
        samples(path, model, Inputs(sample="0", text="1,2,3,4"))
    assert place(" 2, 5") == (2, 5)


def test_off_in_words() -> None:
    model = tuinet.load("digits-cnn")
    assert with_off(model, ()) is None
    changed = with_off(model, ("conv1:3", "dense1:0-2"))
    wanted = switched_off(model, [parse_off("conv1:3"), parse_off("dense1:0-2")])
    assert changed is not None and np.array_equal(changed.params.vector, wanted.params.vector)
    assert not np.array_equal(changed.params.vector, model.params.vector)


def test_a_file_of_text(tmp_path: Path) -> None:
    path, model = find_model("cmudict-seq2seq"), tuinet.load("cmudict-seq2seq")
    file = tmp_path / "words.txt"
    file.write_bytes(b"\xef\xbb\xbfone\r\n\rtwo\n")
    found = samples(path, model, Inputs(file=str(file)))
    assert found is not None and found.names == ("one", "two")
    file.write_bytes(b"one\xff")
    with pytest.raises(TuinetError, match="not UTF-8"):
        samples(path, model, Inputs(file=str(file)))
    file.write_text("é" * 4_000_001)
    with pytest.raises(TuinetError, match="more than 4,000,000 characters"):
        samples(path, model, Inputs(file=str(file)))
    file.write_text("\U0001f600" * 4_000_010)
    with pytest.raises(TuinetError, match="more than 4,000,000 characters"):
        samples(path, model, Inputs(file=str(file)))
