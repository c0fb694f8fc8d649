"""Files of other programs in Inspect: what they hold, its values and statistics; hostile ones say why in words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.files.test_reader import HOSTILE
from tests.files.test_tensors import archive, npy, safetensors
from tests.tui.pilots import Traveller, travel
from tests.tui.test_inspecting import inspect


def bfloat16(values: np.ndarray) -> bytes:
    return (np.asarray(values, np.float32).view(np.uint32) >> 16).astype(np.uint16).tobytes()


def foreign(folder: Path, name: str) -> Path:
    """Two tensors, `encoder.weight` 3×4 with 0 … 11 and `encoder.bias` with 4 ones."""
    path = folder / name
    weight, bias = np.arange(12, dtype=np.float32).reshape(3, 4), np.ones(4, np.float32)
    if name.endswith("npz"):
        np.savez(path, **{"encoder.weight": weight, "encoder.bias": bias})
    else:
        path.write_bytes(
            safetensors(
                {"encoder.weight": ("BF16", (3, 4), bfloat16(weight)), "encoder.bias": ("BF16", (4,), bfloat16(bias))}
            )
        )
    return path


@pytest.mark.parametrize("name", ["other.safetensors", "other.npz"])
def test_tensors_are_listed_and_their_values_read(own_folder: Path, name: str) -> None:
    path = foreign(own_folder, name)

    async def journey(person: Traveller) -> None:
        await person.until("Tensors")
        await person.until("encoder.weight")
        await person.until("of another program: only its tensors are known")
        assert "3×4" in person.text
        for word in ("draw", "sample", "input", "off"):
            assert f" {word} " not in person.foot
        screen = inspect(person)
        screen.rows.stand("encoder.weight")
        await person.until(lambda: screen.asking is not None and screen.asking.layer == "encoder.weight")
        await person.until(lambda: screen.pane.about_value().endswith("= 0"))
        await person.press_shown("enter", "look")
        await person.press("down", "right", "right")
        await person.until(lambda: screen.pane.about_value().endswith("= 6"))
        names = screen.asking.view_names()
        assert "statistics" in names
        for _ in names:
            await person.press("v")
            await person.until(f"‹{screen.asking.view}›")
            if screen.asking.view == "statistics":
                await person.until("5.5")  # the mean of 0 … 11
        for key in ("space", "g", "R", "d", "i", "comma", "left_square_bracket", "enter"):
            await person.press(key)  # of a model; here they are dead or say so
            assert person.app.screen is screen or await close(person)
        await person.press("ctrl+o")
        await person.until("Open")
        await person.write("digits-cnn")
        await person.until("‹kernels›")

    travel(journey, str(path))


async def close(person: Traveller) -> bool:
    await person.press("escape")
    return True


def test_hostile_files_say_why(own_folder: Path) -> None:
    hostile = {
        **{f"{n}.safetensors": content for n, (_, (content, *_)) in enumerate(sorted(HOSTILE.items())[::5])},
        "pickled.npz": archive(("a.npy", npy(np.array([{}], dtype=object), pickled=True))),
        "cut.npz": b"PK\3\4",
        "empty.npz": b"",
        "text.npz": archive(("a.npy", b"[/s] no array")),
    }
    for name, content in hostile.items():
        (own_folder / name).write_bytes(content)
    (own_folder / "folder").mkdir()

    async def journey(person: Traveller) -> None:
        await person.until("‹kernels›")
        screen = inspect(person)
        told = 0
        for name in (*hostile, "folder", "nowhere.safetensors", "[/s]", "\x1b[2J"):
            before, asking = len(person.app.said), screen.asking
            person.app.look_into(name)
            await person.until(lambda b=before, a=asking: len(person.app.said) > b or screen.asking is not a)
            told += len(person.app.said) > before
            await person.press("v", "enter", "escape")
            assert "\x1b" not in person.text
        assert told >= len(hostile) - 4
        person.app.look_into("iris-mlp")
        await person.until("iris-mlp")
        await person.until("says ")

    travel(journey, "digits-cnn")
