"""Views on pages, a translation in one list, and which part of a view is seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from tuinet.inspection.view import Axis, Origin, Seen, Table, View
from tuinet.render.draw import plain
from tuinet.render.paper import Paper
from tuinet.tui.asking import open_asking
from tuinet.tui.listing import in_one_list
from tuinet.tui.widgets.pages import Part, draw_page, pages


def maps(count: int, notes: tuple[str, ...] = ()) -> View:
    axes = (Axis("map"), Axis("row"), Axis("column"))
    return View("maps", "images", axes, np.arange(count * 16.0).reshape(count, 4, 4), title="maps", notes=notes)


def gate(name: str, steps: tuple[str, ...], first: float = 0.0) -> View:
    data = first + np.arange(3.0 * len(steps)).reshape(-1, 3)
    origin = Origin(name.rpartition("/")[0], "forget", 0, called="forget")
    title = f"forget gate of {name} · test:0 · fed the target"
    return View(
        name, "matrix", (Axis("step", steps), Axis("unit")), data, low=0.0, high=1.0, title=title, origin=origin
    )


# ── pages ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_has_room_is_on_one_page() -> None:
    seens = (maps(4), Table("t", ("a",), (("b",),)))
    assert pages(seens, Paper(60, height=40)) == [(Part(0, 0, 4), Part(1))]
    assert len(pages(seens, Paper(60))) == 1


def test_many_pictures_come_on_pages_of_their_own_each_with_its_legend() -> None:
    paper = Paper(24, height=9)
    found = pages((maps(20, ("a note",)), Table("t", ("a",), (("b",),))), paper)
    assert [part for page in found[:-1] for part in page] == [Part(0, n, found[0][0].most) for n in range(0, 20, 4)]
    assert found[-1] == (Part(1),)
    for page in found[:-1]:
        lines, (piece,) = draw_page((maps(20, ("a note",)),), page, paper)
        assert len(lines) <= 9 + 1 and plain(lines).endswith("a note")
        assert "of 20" in plain(lines) and "319" in plain(lines), "the range is that of all"
        end = piece.end()
        assert end is not None and end[0] == page[0].first


def test_steps_are_never_put_together_a_page_that_is_too_short_is_scrolled() -> None:
    steps = tuple(f"{n} w{n}" for n in range(30))
    ((part,),) = pages((gate("lstm1/forget", steps),), Paper(60, height=12))
    lines, _ = draw_page((gate("lstm1/forget", steps),), (part,), Paper(60, height=12))
    assert all(f"w{n} " in plain(lines) + " " for n in range(30))


# ── one list ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_reading_and_writing_stand_in_one_list_and_every_row_leads_back() -> None:
    reading, writing = gate("s/encoder/lstm1/forget", ("0 a", "1 b")), gate("s/decoder/lstm1/forget", ("0 x",), 7.0)
    table = Table("t", ("a",), (("b",),))
    listed, last = in_one_list((table, reading, writing))
    assert isinstance(listed.seen, View) and last.seen is table
    assert listed.seen.axes[0].labels == ("0 a", "1 b", "0 x")
    assert listed.seen.title == "forget: encoder lstm1 (fed the target), decoder lstm1 (fed the target)"
    for row in range(3):
        found = listed.source((row, 1))
        assert found is not None
        view, place = found
        assert view.data[place] == listed.seen.data[row, 1]
        assert view is (writing if row == 2 else reading)
    assert last.source((0, 0)) is None


# ── which part ────────────────────────────────────────────────────────────────────────────────────────────────────────


def titles(seens: tuple[Seen, ...]) -> str:
    return " ".join(getattr(seen, "title", "") for seen in seens)


def test_kernels_are_seen_by_one_input_channel_after_the_other() -> None:
    asking = open_asking("digits-cnn")
    asking.layer, asking.wish = "conv2", "kernels"
    assert "input channel 0 of 16" in titles(asking.ranged(asking.find(asking.wanted()).seen))
    asking.part.turn("slice")
    (seen,) = asking.ranged(asking.find(asking.wanted()).seen)
    assert isinstance(seen, View) and "input channel 1 of 16" in seen.title and not seen.notes
    weight = asking.model_subject.model.params["conv2/weight"]  # (3, 3, C, F)
    assert np.array_equal(seen.data, np.moveaxis(weight[:, :, 1], -1, 0))
    asking.part.turn("slice", -2)
    assert "input channel 15 of 16" in titles(asking.ranged(asking.find(asking.wanted()).seen))
    asking.layer = "conv1"
    assert asking.wanted().choice.at is None and not asking.part.turns("slice")


def test_a_tensor_is_seen_slice_by_slice_and_by_other_axes(tmp_path: Path) -> None:
    data = np.arange(2 * 3 * 4.0, dtype=np.float32).reshape(2, 3, 4)
    save_file({"states": data, "bias": data[0, 0]}, tmp_path / "foreign.safetensors")
    asking = open_asking(str(tmp_path / "foreign.safetensors"))
    asking.layer, asking.wish = "states", "values"
    asking.wanted()
    asking.part.turn("slice", 2)
    (seen,) = asking.find(asking.wanted()).seen
    assert isinstance(seen, View) and np.array_equal(seen.data, data[1]) and "axis 0 at 1" in seen.title
    asking.part.turn("axes")
    (seen,) = asking.find(asking.wanted()).seen
    assert isinstance(seen, View) and np.array_equal(seen.data, np.moveaxis(data, 2, 0)), (
        "rows 0, columns 1, not sliced"
    )
    asking.layer = "bias"
    asking.wanted()
    assert not asking.part.turns("slice") and not asking.part.turns("axes")


@pytest.mark.parametrize("gate", ["forget", "input"])
def test_a_translation_is_seen_by_one_gate_after_the_other(gate: str) -> None:
    asking = open_asking("cmudict-seq2seq")
    assert (asking.layer, asking.wanted().view) == ("", "translation")
    while asking.wanted().choice.gate != gate:
        asking.part.turn("gate")
    assert f"{gate} gate of seq2seq1/encoder/lstm1" in titles(asking.find(asking.wanted()).seen)


def test_a_view_that_a_layer_has_not_is_seen_again_at_the_next_that_has_it() -> None:
    asking = open_asking("digits-cnn")
    seen: list[str] = []
    for layer in ("conv1", "relu1", "conv2"):
        asking.layer = layer
        seen.append(asking.wanted().view)
    assert seen == ["kernels", "output", "kernels"]
