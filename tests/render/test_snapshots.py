"""Layout, kept as SVG files under snapshots/: TUINET_SNAPSHOTS=write makes them anew. Look at them, then commit."""

from __future__ import annotations

import os
import re
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from rich.segment import Segment, Segments

from tests.render.examples import cell_of_a_map, confusion, curves, digit, forget_gate, layers, view
from tuinet.inspection.view import Seen
from tuinet.render.draw import Lines, Paper, draw_all

FOLDER = Path(__file__).parent / "snapshots"
PAPERS = {
    "60": Paper(60),
    "120": Paper(120),
    "200": Paper(200),
    "60-none": Paper(60, "none"),
    "60-ascii": Paper(60, "none", True),
}


def scenes() -> dict[str, list[Seen]]:
    maps = digit()
    return {
        "feature-maps": [maps["input"], maps["conv1/kernels"], maps["conv1/output"]],
        "gates": [forget_gate()],
        "confusion": [confusion(), maps["scores"]],
        "words": [layers(), cell_of_a_map(), curves(), view("histogram", range(12), "bin")],
    }


def svg(lines: Lines, width: int) -> str:
    console = Console(
        record=True, width=width, height=len(lines), file=StringIO(), color_system="truecolor", force_terminal=True,
        legacy_windows=False, _environ={},
    )  # fmt: skip
    console.print(Segments([each for line in lines for each in (*line, Segment.line())]), end="", soft_wrap=True)
    text = console.export_svg(title="tuinet", unique_id="tuinet")
    return re.sub(r"@font-face \{.*?\}\s*", "", text, flags=re.DOTALL)  # the address of a font on the web


def compare(name: str, found: str) -> None:
    """With the file of that name; or write it, if TUINET_SNAPSHOTS=write asks for it."""
    path = FOLDER / name
    if os.environ.get("TUINET_SNAPSHOTS") == "write":
        FOLDER.mkdir(exist_ok=True)
        path.write_text(found, "utf-8")
    assert path.exists(), f"no {name}: TUINET_SNAPSHOTS=write makes it"
    assert found == path.read_text("utf-8"), f"{name} differs: look at both, then TUINET_SNAPSHOTS=write"


@pytest.mark.parametrize("paper", PAPERS)
@pytest.mark.parametrize("scene", ["feature-maps", "gates", "confusion", "words"])
def test_layout(scene: str, paper: str) -> None:
    lines = draw_all(scenes()[scene], PAPERS[paper], most=8)
    compare(f"{scene}-{paper}.svg", svg(lines, PAPERS[paper].width))
