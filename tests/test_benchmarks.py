"""The arithmetic of benchmarks/compare.py: whose turn it is, the ratio, what falls short, what is printed."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest

FOLDER = Path(__file__).resolve().parent.parent / "benchmarks"


@pytest.fixture(scope="module")
def bench() -> Iterator[SimpleNamespace]:
    """The scripts' modules, which import each other by name; gone again afterwards."""
    names = [path.stem for path in FOLDER.glob("*.py")]
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(FOLDER)
        for name in names:
            patch.delitem(sys.modules, name, raising=False)
        yield SimpleNamespace(
            **{name: importlib.import_module(name) for name in ("compare", "figures", "starting", "tabled", "works")}
        )
        for name in names:
            sys.modules.pop(name, None)


def row(bench: SimpleNamespace, less: bool = False, wanted: float | None = None, **figures: list[float]):
    work = bench.works.Work("title", "kind", wanted=wanted, unit="s", less=less)
    return bench.figures.Row("mlp-128", work, figures, {})


def test_the_ratio_is_that_to_the_peer_with_the_best_median(bench: SimpleNamespace) -> None:
    found = bench.figures.plain(row(bench, tuinet=[10.0, 20.0, 30.0], a=[5.0, 20.0, 10.0], b=[8.0, 12.0, 60.0]))
    assert (found["peer"], found["best_peer"], found["tuinet"]) == ("b", 12.0, 20.0)
    assert [found[key] for key in ("low", "ratio", "high")] == [0.5, 1.25, 20 / 12]


def test_of_seconds_the_least_is_best_and_the_ratio_the_peers_over_ours(bench: SimpleNamespace) -> None:
    found = bench.figures.plain(row(bench, less=True, tuinet=[1.0, 2.0, 1.0], a=[4.0, 4.0, 9.0], b=[6.0, 3.0, 5.0]))
    assert found["peer"] == "a" and found["best_peer"] == 4.0
    assert [found[key] for key in ("low", "ratio", "high")] == [2.0, 4.0, 9.0]


def test_without_a_peer_there_is_no_ratio_and_nothing_falls_short(bench: SimpleNamespace) -> None:
    alone = row(bench, wanted=1.0, tuinet=[3.0])
    found = bench.figures.plain(alone)
    assert alone.kept and found["tuinet"] == 3.0
    assert {found[key] for key in ("peer", "best_peer", "ratio", "low", "high")} == {None}


@pytest.mark.parametrize(("wanted", "kept"), [(None, True), (1.5, True), (1.51, False)])
def test_a_row_is_held_to_pytorch_and_shows_who_is_better_still(
    bench: SimpleNamespace, wanted: float | None, kept: bool
) -> None:
    found = row(bench, wanted=wanted, **{"tuinet": [3.0], "torch-a": [2.0], "torch-b": [1.0], "jax": [6.0]})
    assert found.kept is kept
    shown = bench.figures.table(found)
    assert ("FALLS SHORT" in shown) is not kept
    assert "tuinet / torch-a in the same round: 1.50" in shown and "tuinet / jax in the same round: 0.50" in shown
    plain = bench.figures.plain(found)
    assert (plain["peer"], plain["ratio"]) == ("jax", 0.5)
    assert (plain["pytorch"]["peer"], plain["pytorch"]["ratio"], plain["pytorch"]["wanted"]) == ("torch-a", 1.5, wanted)


def test_runs_are_tabled_by_their_median(bench: SimpleNamespace) -> None:
    runs = [
        bench.figures.plain(row(bench, wanted=1.0, tuinet=[own], torch=[2.0], jax=[8.0])) for own in (2.0, 6.0, 4.0)
    ]
    title = bench.works.WORKS["mlp-128"].title
    assert bench.tabled.line(runs) == (
        f"| {title} | 4 s | 2 (torch) | 2.00 (1.00 to 3.00) | 1.0 | jax: 0.50 (0.25 to 0.75) |"
    )


@pytest.mark.parametrize("count", range(3, 13))
def test_nobody_always_comes_after_the_same_neighbour(bench: SimpleNamespace, count: int) -> None:
    names = [str(n) for n in range(count)]
    turns = [bench.compare.in_order(names, turn) for turn in range(count)]
    assert all(sorted(turn) == sorted(names) for turn in turns)
    followed = [pair for turn in turns for pair in pairwise(turn)]
    assert max(map(followed.count, followed)) <= 2
    assert {turn[0] for turn in turns} == set(names)


def test_a_row_is_chosen_by_its_name_and_several_by_their_beginning(bench: SimpleNamespace) -> None:
    assert bench.compare.chosen("cnn") == ["cnn"]
    assert bench.compare.chosen("lstm") == ["lstm-128", "lstm-256"]
    assert bench.compare.chosen("nothing") == []
    assert bench.compare.chosen(None) == list(bench.works.WORKS)


def test_only_an_event_of_the_first_step_alone_ends_the_wait_for_it(bench: SimpleNamespace) -> None:
    assert not bench.starting.is_first_step('{"event":"run-started","step":0}\n')
    assert bench.starting.is_first_step('{"event":"step","step":1}\n') and bench.starting.is_first_step("step\n")
    with pytest.raises(SystemExit, match="228"):
        bench.starting.is_first_step('{"event":"step","step":228}\n')


def test_json_is_one_document_with_tuinet_alone_where_there_is_no_peer() -> None:
    command = [sys.executable, "compare.py", "--only", "decode", "--rounds", "1", "--seconds", "0.01", "--json"]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=True)
    (found,) = json.loads(done.stdout)["rows"]
    assert found.keys() == {"work", "tuinet", "best_peer", "peer", "ratio", "low", "high", "pytorch", "unit", "all"}
    assert found["work"] == "decode" and found["peer"] is None and found["tuinet"] > 0


def test_an_unknown_row_is_an_error_that_names_the_rows() -> None:
    done = subprocess.run([sys.executable, "compare.py", "--only", "x"], cwd=FOLDER, capture_output=True, text=True)
    assert done.returncode == 2 and "mlp-128" in done.stderr
