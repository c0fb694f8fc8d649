"""Views as the content of files, whoever writes them."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image

from tuinet.errors import TuinetError
from tuinet.inspection.view import Axis, Table, View
from tuinet.inspection.written import SUFFIXES
from tuinet.render.paper import Paper
from tuinet.render.saved import saved

ASCII = Paper(80, ascii=True)

VIEW = View(
    "kernels", "matrix", (Axis("row"), Axis("column")), np.arange(6.0).reshape(2, 3).T, title="2 × 3", notes=("n",)
)
TABLE = Table("facts", ("fact", "value"), (("size", 3),))


def test_every_kind_of_file() -> None:
    content = {suffix: saved([VIEW], suffix) for suffix in SUFFIXES}
    assert Image.open(io.BytesIO(content[".png"])).format == "PNG"
    assert np.load(io.BytesIO(content[".npy"]), allow_pickle=False).tolist() == VIEW.data.tolist()
    (view,) = json.loads(content[".json"])["views"]
    assert view["data"] == VIEW.data.tolist() and view["words"]
    text = content[".txt"].decode()
    assert text.startswith("2 × 3") and "\x1b" not in text and text.endswith("\n")
    assert saved([VIEW], ".PNG") == content[".png"]


def test_text_as_it_is_wanted() -> None:
    assert max(map(len, saved([VIEW], ".txt", Paper(30)).decode().splitlines())) <= 30
    assert saved([VIEW], ".txt", ASCII).isascii() and not saved([VIEW], ".txt").isascii()
    words = saved([VIEW, TABLE], ".txt", words=True).decode()
    assert "from 0 to 5, mean 2.5" in words and "fact size, value 3" in words and "×" in words
    assert saved([VIEW], ".txt", ASCII, words=True).startswith(b"2 x 3")


def test_what_a_file_cannot_hold() -> None:
    with pytest.raises(TuinetError, match="no array"):
        saved([TABLE], ".npy")
    with pytest.raises(TuinetError, match=r"2 arrays \(kernels, kernels\)"):
        saved([VIEW, VIEW], ".npy")
    with pytest.raises(TuinetError, match=r"not written as '.gif'") as caught:
        saved([VIEW], ".gif")
    assert ".png" in caught.value.hint
