"""`tuinet inspect` as people use it: on shipped models, on a terminal and in a pipe, into files, and wrongly."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.commands import Command, run_command
from tuinet.files.load import load
from tuinet.files.model_file import save_model


def test_without_a_view_it_lists_those_there_are(tuinet: Command) -> None:
    done = tuinet("inspect", "digits-cnn", "conv1")
    assert done.code == 0
    names = [line.split()[0] for line in done.out.splitlines() if line]
    assert {"output", "kernels", "maps", "window", "excites", "ideal"} <= set(names)
    listed = tuinet("inspect", "digits-cnn", "conv1", "--json").lines[0]
    assert listed["layer"] == "conv1"
    assert {offer["needs"] for offer in listed["offers"]} == {"nothing", "input", "target", "data"}
    assert {offer["name"]: offer["takes"] for offer in listed["offers"]}["ideal"] == ["--unit", "--at"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("conv9",), "has no layer 'conv9'"),
        (("conv1", "--view", "kernel"), "Did you mean kernels?"),
        (("conv1", "--view", "output"), "--sample test:0"),
        (("conv1", "--view", "output", "--sample", "test:9999"), "has 0 to"),
        (("conv1", "--view", "output", "--sample", "1,x"), "Write it like 0,3-7"),
        (("conv1", "--view", "output", "--sample", "1", "--text", "1"), "--sample and --text are given"),
        (("conv1", "--view", "output", "--sample", "1", "--unit", "99"), "0 to 15"),
        (("conv1", "--view", "output", "--sample", "1", "--at", "9,9", "--sum"), "0 to 7"),
        (("conv1", "--sample", "1", "--at", "x", "--sum"), "Write it like 2,5"),
        (("conv1", "--sample", "1", "--gate", "forget", "--sum"), "forget"),
        (("--view", "confusion", "--data", "no-such-set"), "no-such-set"),
        (("conv1", "--view", "kernels", "-o", "kernels.jpg"), ".png"),
        (("conv1", "--view", "kernels", "-o", "kernels.npy", "--json"), "--json does not go into kernels.npy"),
        (("conv1", "--view", "kernels", "-o", "kernels.png", "--words"), "End its name in .txt"),
        (("conv1", "--view", "kernels", "--step", "3"), "takes no --step"),
        (("conv1", "--view", "kernels", "--masks", "3"), "takes no --masks"),
        (("conv1", "--unit", "3"), "--unit belongs to a view"),
        (("--off", "conv1:0"), "--off belongs to a view"),
        (("--view", "confusion", "--decoder", "both"), "--decoder"),
        (("conv1", "--view", "kernels", "--sample", "1"), "looks at no input"),
        (("conv1", "--view", "output", "--sample", "1", "--split", "test"), "looks through no data"),
        (("--view", "layers", "--data", "digits"), "looks through no data"),
        (("conv1", "--view", "kernels", "--axes", "0,1"), "files of tensors"),
        (("--sum",), "layer"),
        (("conv1", "--off", "conv1:77", "--view", "kernels"), "77"),
    ],
)
def test_what_is_wrong_is_one_line_that_says_what_would_work(
    tuinet: Command, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    done = tuinet("inspect", "digits-cnn", *arguments)
    assert done.code == 2
    assert said in done.err
    assert not done.out
    assert not list(tmp_path.glob("kernels*"))


def test_a_sum_agrees_and_says_so(tuinet: Command) -> None:
    asked = ("inspect", "digits-cnn", "conv1", "--sample", "test:17", "--unit", "3", "--at", "2,5", "--sum")
    found = tuinet(*asked, "--json").lines[0]["views"][0]
    assert found["kind"] == "sum"
    assert found["agrees"] is True
    (part, *_) = found["parts"]
    assert part["total"] == pytest.approx(sum(term["product"] for term in part["terms"]))
    whole = [each for each in asked if each not in ("--sum", "--at", "2,5")]
    values = tuinet(*whole, "--view", "output", "--json").lines[0]["views"][0]
    assert np.array(values["data"]).reshape(8, 8)[2, 5] == pytest.approx(found["stored"])
    assert "agree" in tuinet(*asked).out


def test_a_gradient_stands_beside_the_numerical_one(tuinet: Command) -> None:
    asked = ("inspect", "digits-cnn", "dense1", "--view", "weight-gradient", "--sample", "test:3", "--sum", "--json")
    found = tuinet(*asked).lines[0]["views"][0]
    assert found["agrees"] is True
    assert found["numerical"] == pytest.approx(found["value"], rel=1e-3, abs=1e-7)


def test_the_same_view_as_picture_array_json_and_text(tuinet: Command, tmp_path: Path) -> None:
    asked = ("inspect", "digits-cnn", "conv1", "--view", "kernels")
    for suffix in ("png", "npy", "json", "txt"):
        assert tuinet(*asked, "-o", f"kernels.{suffix}").code == 0
    array = np.load(tmp_path / "kernels.npy", allow_pickle=False)
    (view,) = json.loads((tmp_path / "kernels.json").read_text())["views"]
    assert np.allclose(np.array(view["data"]), array)
    assert array.shape[-2:] == (3, 3)
    with Image.open(tmp_path / "kernels.png") as picture:
        assert min(picture.size) > 50
        assert len(picture.convert("RGB").getcolors(1 << 24) or ()) > 10
    assert len((tmp_path / "kernels.txt").read_text().splitlines()) > 5
    assert any("mean" in line for line in view["words"])


def test_what_ships_can_be_asked_from_stdin_and_files(tuinet: Command, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("sepal_length,sepal_width,petal_length,petal_width\n5.1,3.5,1.4,0.2\n")
    by_row = tuinet("inspect", "iris-mlp", "dense1", "--view", "output", "--text", "5.1,3.5,1.4,0.2", "--json")
    assert by_row.code == 0, by_row.err
    digit = np.zeros((8, 8), np.uint8)
    digit[1:7, 3:5] = 255
    Image.fromarray(digit).save(tmp_path / "one.png")
    says = tuinet("inspect", "digits-cnn", "--file", "one.png", "--words")
    assert says.code == 0, says.err
    gates = tuinet("inspect", "cmudict-seq2seq", "encoder/lstm1", "--view", "gates", "--gate", "forget",
                   "--text", "thought", "--json").lines[0]["views"]  # fmt: skip
    rows = gates[0]["axes"][0]["labels"]
    assert [label.split()[-1] for label in rows] == list("thought"[::-1])
    assert np.array(gates[0]["data"]).shape == (7, 192)


def test_switched_off_units_change_the_answer(tuinet: Command) -> None:
    asked = ("inspect", "digits-cnn", "--sample", "test:17", "--view", "answer")
    shown = tuinet(*asked, "--off", "conv1:0-15", "--json").lines[0]["views"]
    assert shown[0]["kind"] == "table"
    whole = tuinet(*asked, "--json").lines[0]["views"]
    assert whole[0]["data"] != shown[-1]["data"]


CASES = {
    "gates": (
        "inspect",
        "cmudict-seq2seq",
        "encoder/lstm1",
        "--view",
        "gates",
        "--gate",
        "forget",
        "--text",
        "thought",
    ),
    "maps": ("inspect", "digits-cnn", "conv1", "--view", "output", "--sample", "test:17"),
    "confusion": ("inspect", "digits-cnn", "--view", "confusion"),
}


def test_a_pipe_gets_no_colours(tuinet: Command) -> None:
    assert "\x1b" not in tuinet(*CASES["maps"]).out


def test_a_view_fits_the_width_that_is_asked_for(tuinet: Command) -> None:
    for width in (60, 120, 200):
        for asked in CASES.values():
            assert max(map(len, tuinet(*asked, "--width", width).out.splitlines())) <= width


def test_the_summary_lists_layers_and_views(tuinet: Command) -> None:
    shown = run_command("inspect", "digits-cnn", cwd=Path.cwd()).out
    assert "conv1" in shown and "confusion" in shown
    assert tuinet("inspect", "digits-cnn", "--json").lines[0]["layers"][0]["name"] == "conv1"


def test_what_is_read_is_not_written_over(tuinet: Command, tmp_path: Path) -> None:
    rows = tmp_path / "rows.npy"
    np.save(rows, np.array([[5.1, 3.5, 1.4, 0.2]]))
    np.save(tmp_path / "image.npy", np.eye(5))
    (tmp_path / "other").symlink_to("image.npy")
    before = {path: path.read_bytes() for path in tmp_path.glob("*.npy")}
    for arguments in (
        ("inspect", "iris-mlp", "dense1", "--view", "output", "--file", "rows.npy", "-o", "rows.npy"),
        ("convolve", "image.npy", "--kernel", "blur", "-o", "image.npy"),
        ("convolve", "other", "--kernel", "image.npy", "-o", tmp_path / "image.npy"),
    ):
        done = tuinet(*arguments)
        assert done.code == 2
        assert "would be written over" in done.err
    assert {path: path.read_bytes() for path in tmp_path.glob("*.npy")} == before


def test_an_encoding_without_shades_gets_ascii(tuinet: Command) -> None:
    asked = ("inspect", "digits-cnn", "conv1", "--view", "kernels")
    shown = tuinet(*asked, PYTHONIOENCODING="latin-1").out
    assert "?" not in shown
    assert shown == tuinet(*asked, "--ascii").out


def test_an_array_comes_with_what_it_cannot_say(tuinet: Command) -> None:
    done = tuinet("inspect", "digits-cnn", "conv2", "--view", "kernels", "-o", "k.npy")
    assert "note: of input channel 0, of 0 to 15" in done.err


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_summary_keeps_to_its_paper(tuinet: Command, width: int) -> None:
    """All but the path, which stays whole."""
    for name in ("digits-cnn", "cmudict-seq2seq"):
        first, *lines = tuinet("inspect", name, "--width", width, "--ascii").out.splitlines()
        assert first.startswith("file")
        assert max(map(len, lines)) <= width
        assert "\n".join(lines).isascii()


def test_an_answer_that_is_no_number_is_none(tuinet: Command, tmp_path: Path) -> None:
    model = load("iris-mlp")
    model.params.vector[:] = np.nan
    save_model(model, tmp_path / "nan.safetensors")
    looked = tuinet("inspect", "nan.safetensors", "--view", "answer", "--text", "5.1,3.5,1.4,0.2")
    predicted = tuinet("predict", "nan.safetensors", "5.1,3.5,1.4,0.2")
    assert looked.code == predicted.code == 2
    assert looked.err == predicted.err
    assert "the model's answer is not a number" in looked.err
