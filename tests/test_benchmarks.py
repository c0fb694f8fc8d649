"""The arithmetic of benchmarks/compare.py: whose turn it is, the ratio, what falls short, what is printed; and the
points and pictures of benchmarks/growth.py."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

FOLDER = Path(__file__).resolve().parent.parent / "benchmarks"


@pytest.fixture(scope="module")
def bench() -> Iterator[SimpleNamespace]:
    """The scripts' modules, which import each other by name; gone again afterwards."""
    names = [path.stem for path in FOLDER.glob("*.py")]
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(FOLDER)
        for name in names:
            patch.delitem(sys.modules, name, raising=False)
        modules = ("bandwidth", "compare", "figures", "starting", "tabled", "works")
        growth = ("curves", "growing", "growth", "images", "recurrent")
        yield SimpleNamespace(**{name: importlib.import_module(name) for name in (*modules, *growth)})
        for name in names:
            sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def accelerated(bench: SimpleNamespace) -> SimpleNamespace:
    """The modules that need numba."""
    pytest.importorskip("numba", reason="pip install --group accelerators")
    modules = ("accelerators", "numba_cases", "numba_loops")
    return SimpleNamespace(**{name: importlib.import_module(name) for name in modules})


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


def test_the_loops_of_numba_give_the_numbers_of_numpy(accelerated: SimpleNamespace) -> None:
    cases = accelerated.numba_cases
    adam, on_two = (cases.adam(("mlp-32",), 1_001, threads) for threads in (1, 2))
    assert adam.check() == on_two.check() == 0
    for case in (*cases.lstm("lstm-128", 24), cases.conv_pool(8, 3, 5)):
        assert case.check() <= 1e-6
    nearly = adam._replace(numpy=lambda: [np.ones(3, np.float32)], numba=lambda: [np.full(3, 1.00001, np.float32)])
    with pytest.raises(AssertionError, match=r"Adam\.update"):
        nearly.check()


def test_the_tanh_of_the_loops_is_as_near_as_float32_comes(accelerated: SimpleNamespace) -> None:
    x = np.concatenate([np.linspace(-20, 20, 4_001), [1e-30, 1e-6, 100, 1e30]]).astype(np.float32)
    found = np.array([accelerated.numba_loops.tanh(each) for each in x])
    np.testing.assert_allclose(found, np.tanh(x.astype(np.float64)), rtol=4e-7, atol=0)


def test_only_what_numba_saves_on_one_thread_is_taken_off_a_step(accelerated: SimpleNamespace) -> None:
    def kernel(*saved: float, threads: int = 1, works: tuple[str, ...] = ("lstm-128",)) -> dict[str, object]:
        return {"works": works, "saved": saved, "threads": threads}

    kernels = [kernel(30, 20), kernel(-5, 1), kernel(9, 9, threads=2), kernel(7, 7, works=("mlp-32",))]
    alone, of_two = (accelerated.accelerators.estimate("lstm-128", count, 90, kernels) for count in (1, 2))
    assert (alone["saved"], alone["estimate"], alone["faster"]) == (30, 60, 1.5)
    assert (of_two["saved"], of_two["estimate"]) == (21, 69)


def test_what_both_do_is_taken_off_in_the_turn_in_which_it_was_measured(accelerated: SimpleNamespace) -> None:
    assert accelerated.accelerators.per_call([12.0, 52.0, 13.0], [2.0, 40.0, 4.0], 2) == 5.0


def test_the_weights_of_a_sentence_are_those_of_the_translator(bench: SimpleNamespace) -> None:
    model, _ = importlib.import_module("recurrent").tuinet_model("one-sentence", bench.bandwidth.UNITS)

    def size(side: str, *names: str) -> int:
        return sum(model.params[f"seq2seq1/{side}/{name}"].nbytes for name in names)

    _, total, step = bench.bandwidth.products()
    assert step == size("decoder", "lstm1/input_weight", "lstm1/recurrent_weight", "dense1/weight")
    reading = size("encoder", "lstm1/input_weight") + 8 * size("encoder", "lstm1/recurrent_weight")
    assert total == reading + 15 * step  # the inputs of the 8 words are one product


# ── growth.py ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_depth_is_the_number_of_hidden_layers(bench: SimpleNamespace) -> None:
    dense = [units for what, units in bench.images.network("mlp", 32, 3) if what == "dense"]
    assert dense == [32, 32, 32, 10]
    model, _ = bench.recurrent.tuinet_model("lstm", 16, 3)
    assert [type(layer).__name__ for layer in model.network.layers] == ["Embedding", *["LSTM"] * 3, "Dense"]
    # 784·32 forward and for its weights; 32·32 twice and 32·10 for the inputs, too; two operations each
    of_all = 4 * 784 * 32 + 6 * (32 * 32 * 2 + 32 * 10)
    assert bench.growing.operations("mlp", {"width": 32, "depth": 3}) == of_all
    one, two = (bench.growing.operations("lstm", {"width": 16, "depth": depth}) for depth in (1, 2))
    assert two - one == 6 * 4 * 16 * (16 + 16)  # of a symbol, not of a window of them


def test_work_on_a_text_is_counted_in_symbols(
    bench: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.growing.write("text", {"characters": 5_000}, tmp_path)
    monkeypatch.chdir(tmp_path)
    assert next(bench.growing.from_files("text", {"window": 7, "threads": 1})) == 32 * 7


def test_gflops_are_the_operations_of_what_is_done_in_a_second(bench: SimpleNamespace) -> None:
    assert bench.growth.Point(1, [1000.0, 3000.0], [1.0, 1.0], 2e6).gflops == [2.0, 6.0]
    assert bench.growth.Point(1, [1000.0], [1.0], None).gflops == []


def test_a_mapped_file_takes_no_memory_of_its_size(bench: SimpleNamespace) -> None:
    line = bench.growth.Line("title", "mapped", "samples", (200_000,), {"threads": 1}, scale=784 / 2**20)
    point = bench.growth.measured(line, 200_000, 0.01, 2)
    assert point.x > 149 and 10 < min(point.memory) <= max(point.memory) < 75
    assert len(point.speeds) == 2 and min(point.speeds) > 0


def test_the_largest_mapped_file_could_not_be_loaded(bench: SimpleNamespace) -> None:
    (line,) = (each for each in bench.growth.AXES["data"].lines if each.kind == "mapped")
    size = max(line.values) * 784
    code = f"import growing, numpy; growing.limited(); numpy.ones({size // 4}, 'u1'); numpy.ones({size}, 'u1')"
    done = subprocess.run([sys.executable, "-c", code], cwd=FOLDER, capture_output=True, text=True)
    assert f"array with shape ({size},)" in done.stderr and "ArrayMemoryError" in done.stderr


def test_memory_that_processes_share_is_counted_once_and_a_files_pages_are_not(
    bench: SimpleNamespace, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(bytes(50 * 2**20))
    code = """
import mmap, os, sys, time, growing
before = growing.memory()
file = mmap.mmap(os.open(sys.argv[1], os.O_RDONLY), 0, access=mmap.ACCESS_READ)
shared, own = mmap.mmap(-1, 40 * 2**20), bytearray(b"x") * (20 * 2**20)
shared.write(bytes(40 * 2**20)); sum(file[::4096])
end, begin = os.pipe()
if not (child := os.fork()):
    os.close(begin); sum(shared[::4096]); print(flush=True); os.read(end, 1); os._exit(0)
time.sleep(0.3)
print(growing.memory() - before); os.close(begin); os.waitpid(child, 0)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "file"], cwd=FOLDER, capture_output=True, text=True, check=True
    )
    assert 60 <= float(done.stdout.split()[-1]) < 80


def test_growth_measures_writes_and_draws(
    bench: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sizes = {"characters": 20_000, "threads": 1}
    line = bench.growth.Line("an LSTM", "text", "window", (5, 10), sizes, "symbols/s")
    monkeypatch.setattr(bench.growth, "AXES", {"length": bench.growth.Axis("symbols of a window", (line,))})
    report = tmp_path / "all.json"
    bench.growth.main(["--rounds", "1", "--seconds", "0.01", "--json", str(report), "--plots", str(tmp_path / "new")])
    rows = json.loads(report.read_text())["rows"]
    assert [(row["axis"], row["work"], row["x"], row["unit"]) for row in rows] == [
        ("length", "an LSTM", x, "symbols/s") for x in (5, 10)
    ]
    assert all(0 < row["low"] == row["speed"] == row["high"] and row["gflops"] is None for row in rows)
    said = [line.split() for line in capsys.readouterr().out.splitlines()[-2:]]
    figures = [[bench.figures.number(row[key]) for key in ("x", *["speed"] * 3, *["memory"] * 3)] for row in rows]
    assert said == figures
    with Image.open(tmp_path / "new" / "length.png") as drawn:
        assert drawn.width <= 800 and drawn.height <= 400


def test_a_picture_is_logarithmic_with_a_band_from_lowest_to_highest(bench: SimpleNamespace) -> None:
    curves = bench.curves
    curve = curves.Curve("name", [1, 10, 100], [[90.0, 100.0, 200.0], [900.0, 1000.0, 2000.0], [9e3, 1e4, 2e4]])
    picture = curves.picture("across", [curves.Panel("left", [curve]), curves.Panel("right", [curve])])
    pixels = np.asarray(picture.convert("RGB")).astype(int)
    where = {
        name: np.argwhere(np.abs(pixels[curves.LINE * 2 + 8 :, : curves.LEFT + curves.WIDE] - color).sum(axis=2) < 24)
        for name, color in (("line", curves.COLORS[0]), ("band", curves.pale(curves.COLORS[0])))
    }
    line = where["line"]
    slope, start = np.polyfit(line[:, 1], line[:, 0], 1)
    assert slope < 0 and np.abs(slope * line[:, 1] + start - line[:, 0]).max() < 9  # one straight line, rising
    middle = curves.LEFT + curves.WIDE // 4
    band = where["band"][where["band"][:, 1] == middle][:, 0]
    at = slope * middle + start
    assert band.min() < at - 10 and at < band.max() < at + 10  # twice the median above, nine tenths of it below
    assert (pixels[:, curves.LEFT + curves.WIDE + curves.RIGHT + curves.LEFT :] != 255).any()


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [(3, 40, [2, 5, 10, 20, 50]), (10, 10, [10, 20]), (1, 1e6, [10**n for n in range(7)]), (0.5, 0.9, [0.5, 1])],
)
def test_marks_are_round_and_hold_all_between_them(
    bench: SimpleNamespace, low: float, high: float, found: list[float]
) -> None:
    assert bench.curves.marks(low, high) == pytest.approx(found)


def test_labels_are_left_out_where_they_would_lie_over_others(bench: SimpleNamespace) -> None:
    assert bench.curves.with_room([0, 5, 20, 35, 40], [10] * 5) == [0, 2, 4]
    assert bench.curves.with_room([0], [10]) == [0]


def test_the_pictures_in_the_repository_are_small_and_there_is_one_of_each_axis(bench: SimpleNamespace) -> None:
    drawn = {path.stem: path for path in (FOLDER / "growth").glob("*")}
    assert drawn.keys() == bench.growth.AXES.keys()
    for path in drawn.values():
        assert path.suffix == ".png" and path.stat().st_size < 25_000
        with Image.open(path) as picture:
            assert picture.width <= 800 and picture.height <= 400


@pytest.mark.parametrize(
    ("given", "said"), [(["--only", "x"], "'threads'"), (["--rounds", "0"], "at least 1"), (["--json", "no/f"], "no/f")]
)
def test_growth_refuses_what_it_cannot_do_before_it_measures(
    bench: SimpleNamespace, given: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as raised:
        bench.growth.main(given)
    assert raised.value.code == 2 and said in capsys.readouterr().err


def test_work_that_fails_ends_the_measuring_with_its_name(bench: SimpleNamespace) -> None:
    line = bench.growth.Line("title", "text", "characters", (1,), {"window": 64})
    with pytest.raises(SystemExit, match="title, characters 1"):
        bench.growth.measured(line, 1, 0.01, 1)
