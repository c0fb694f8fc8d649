"""`tuinet convolve` as people use it: images from files and data sets, kernels by name, by file, by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.commands import Done, run_command
from tuinet.cli.main import run

LECTURE = "1 1 1 0 0\n0 1 1 1 0\n0 0 1 1 1\n0 0 1 1 0\n0 1 1 0 0\n"
CROSS = "1 0 1; 0 1 0; 1 0 1"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the command runs."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lecture.txt").write_text(LECTURE)
    return tmp_path


Convolve = Callable[..., Done]


@pytest.fixture
def convolve(folder: Path, capsys: pytest.CaptureFixture[str]) -> Convolve:
    """The command in this process: dozens of new ones would take long."""

    def command(*arguments: object) -> Done:
        code = run(["convolve", *map(str, arguments)])
        out, err = capsys.readouterr()
        return Done(code, out, err)

    return command


def test_the_lecture_as_json(convolve: Convolve) -> None:
    done = convolve("lecture.txt", "--kernel", CROSS, "--json")
    assert (done.code, done.err) == (0, "")
    image, kernel, result = done.lines[0]["views"]
    assert (image["name"], kernel["name"], result["name"]) == ("image", "kernel", "result")
    assert np.array(result["data"])[..., 0].tolist() == [[4, 3, 4], [2, 4, 3], [2, 3, 4]]


def test_one_step_term_by_term(convolve: Convolve) -> None:
    done = convolve("lecture.txt", "--kernel", CROSS, "--at", "1,2", "--json")
    (step,) = done.lines[0]["views"]
    assert (step["value"], step["stored"]) == (3, 3)
    assert [picture["name"] for picture in step["pictures"]] == ["window", "kernel", "products"]
    assert step["pictures"][0]["data"] == [[1, 1, 0], [1, 1, 1], [1, 1, 0]]


def test_as_a_command_of_its_own(folder: Path) -> None:
    done = run_command("convolve", "lecture.txt", "--kernel", CROSS, "--words", cwd=folder)
    assert done.code == 0 and "from 2 to 4" in done.out


def test_it_is_drawn_and_said(convolve: Convolve) -> None:
    drawn = convolve("lecture.txt", "--kernel", "edge-detect", "--width", 60)
    assert drawn.code == 0 and "edge-detect" in drawn.out
    assert max(map(len, drawn.out.splitlines())) <= 60
    ascii_ = convolve("lecture.txt", "--kernel", "blur", "--at", "0,0", "--ascii")
    assert ascii_.code == 0 and ascii_.out.isascii()
    said = convolve("lecture.txt", "--kernel", CROSS, "--words")
    assert "from 2 to 4" in said.out


def test_stride_and_padding(folder: Path, convolve: Convolve) -> None:
    done = convolve("lecture.txt", "--kernel", "emboss", "--stride", 2, "--padding", "same", "-o", "result.npy")
    assert done.code == 0 and "result.npy" in done.err
    assert np.load(folder / "result.npy").tolist() == [[[4], [3], [0]], [[0], [2], [-2]], [[1], [-1], [-2]]]
    wide = convolve("lecture.txt", "--kernel", "7", "--padding", 1, "-o", "wide.npy")
    assert wide.code == 0 and np.load(folder / "wide.npy").shape == (7, 7, 1)


def test_images_and_kernels_from_files(folder: Path, convolve: Convolve) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 7, 3), np.uint8)
    Image.fromarray(pixels).save(folder / "photo.png")
    np.save(folder / "photo.npy", pixels)
    np.save(folder / "kernel.npy", np.array([[0.0, 1.0], [2.0, 0.0]]))
    (folder / "kernel.csv").write_text("0,1\n2,0\n")
    expected = pixels[:-1, 1:].astype(float) + 2.0 * pixels[1:, :-1]
    for image in ("photo.png", "photo.npy"):
        for kernel in ("kernel.npy", "kernel.csv", "0 1; 2 0"):
            assert convolve(image, "--kernel", kernel, "-o", "out.npy").code == 0
            np.testing.assert_array_equal(np.load(folder / "out.npy"), expected)
    step = convolve("photo.png", "--kernel", "0 1; 2 0", "--at", "2,3", "--json").lines[0]["views"]
    assert [each["value"] for each in step] == expected[2, 3].tolist()  # red, green, blue
    assert convolve("photo.png", "--kernel", "sharpen", "-o", "drawn.png").code == 0
    with Image.open(folder / "drawn.png") as drawn:
        drawn.load()


def test_a_sample_of_a_data_set(folder: Path, convolve: Convolve) -> None:
    done = convolve("digits:train:17", "--kernel", "1", "-o", "out.npy")
    assert done.code == 0
    short = convolve("digits:17", "--kernel", "1", "-o", "short.npy")
    assert short.code == 0
    found = np.load(folder / "out.npy")
    assert found.shape == (8, 8, 1) and found.max() == 16
    np.testing.assert_array_equal(found, np.load(folder / "short.npy"))


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["lecture.txt", "--kernel", "blurr"], "there is no kernel 'blurr'", "Did you mean blur?"),
        (["lecture.txt", "--kernel", "none.npy"], "there is no file none.npy", ""),
        (["nothing.png", "--kernel", "blur"], "there is no file nothing.png", ""),
        (["lecture.txt", "--kernel", "blur", "--at", "9,0"], "no row 9", "0 to 2"),
        (["lecture.txt", "--kernel", "blur", "--at", "1"], "--at '1' is no place", "row, column"),
        (["lecture.txt", "--kernel", "blur", "--at", "x"], "--at 'x' is no place", ""),
        (["lecture.txt", "--kernel", "blur", "--padding", "some"], "--padding 'some'", "same"),
        (["lecture.txt", "--kernel", "blur", "-o", "out.gif"], "out.gif", ".png"),
        (["text.txt", "--kernel", "blur"], "row 0 holds 'hello'", ""),
        (["bytes.txt", "--kernel", "blur"], "byte 1 is not UTF-8", ""),
        (["damaged.png", "--kernel", "blur"], "damaged.png", ""),
        (["objects.npy", "--kernel", "blur"], "objects.npy", ""),
        (["digits:test:1", "--kernel", "blur"], "digits has no part 'test'", "Parts: train"),
        (["digits:train:99999", "--kernel", "blur"], "no sample 99999", "0 to 1,796"),
        (["iris:1", "--kernel", "blur"], "iris holds no images", ""),
        (["nosuch:1", "--kernel", "blur"], "nosuch", ""),
    ],
)
def test_what_is_wrong_is_said_in_a_line(
    folder: Path, convolve: Convolve, arguments: list[str], message: str, hint: str
) -> None:
    (folder / "text.txt").write_text("hello world\n")
    (folder / "bytes.txt").write_bytes(b"\xff\xfe1 2")
    (folder / "damaged.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    np.save(folder / "objects.npy", np.array([{"a": 1}], object), allow_pickle=True)
    before = sorted(folder.iterdir())
    done = convolve(*arguments)
    assert done.code == 2 and done.out == ""
    first, *rest = done.err.splitlines()
    assert first.startswith("error: ") and message in first
    assert len(rest) <= 1 and hint in " ".join(rest)
    assert sorted(folder.iterdir()) == before
