"""The maps: even, in order for every eye, the same on both sides of 0, and told apart with few colours, too."""

from __future__ import annotations

import numpy as np
import pytest

from tuinet.render import oklab
from tuinet.render.ink import NO_NUMBER_RGB, ink

# Machado, Oliveira and Fernandes 2009: full deuteranopia and protanopia, on linear RGB
BLIND = {
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881],
    ],
    "protanopia": [
        [0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998],
    ],
}  # fmt: skip


def seen_by(name: str, colors: np.ndarray) -> np.ndarray:
    value = colors / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    changed = np.clip(linear @ np.array(BLIND[name]).T, 0, 1)
    return 255 * np.where(changed <= 0.0031308, 12.92 * changed, 1.055 * changed ** (1 / 2.4) - 0.055)


def test_oklab_gives_its_authors_numbers() -> None:
    assert oklab.lab(np.array([255, 255, 255])) == pytest.approx([1, 0, 0], abs=1e-4)
    assert oklab.lab(np.array([255, 0, 0])) == pytest.approx([0.628, 0.225, 0.126], abs=1e-3)
    assert oklab.lab(np.array([0, 0, 255])) == pytest.approx([0.452, -0.032, -0.312], abs=1e-3)
    colors = np.array([[0, 0, 0], [12, 200, 99], [255, 128, 1]])
    assert (oklab.srgb(oklab.lab(colors)) == colors).all()


@pytest.mark.parametrize("name", ["magnitude", "grey"])
def test_equal_steps_of_lightness(name: str) -> None:
    light = oklab.lab(getattr(oklab, name)())[:, 0]
    steps = np.diff(light)
    assert len(steps) >= 31
    assert steps.min() > 0
    assert np.abs(steps - steps.mean()).max() < 0.005  # of 1: that of rounding to 256 values a channel


def test_the_signed_map_is_as_light_on_both_sides_and_dark_at_0() -> None:
    colors = oklab.lab(oklab.signed())
    assert len(colors) % 2 == 1
    middle = len(colors) // 2
    assert np.abs(colors[:, 0] - colors[::-1, 0]).max() < 0.004
    above = np.diff(colors[middle:, 0])
    assert above.min() > 0 and np.abs(above - above.mean()).max() < 0.005
    assert np.hypot(*colors[middle, 1:]) < 0.01
    chroma = np.hypot(colors[:, 1], colors[:, 2])
    assert np.abs(chroma - chroma[::-1]).max() < 0.01


@pytest.mark.parametrize("eye", BLIND)
def test_colour_blind_eyes_keep_the_order_and_the_sign(eye: str) -> None:
    light = oklab.lab(seen_by(eye, oklab.magnitude()))[:, 0]
    assert np.diff(light).min() > 0
    signed = oklab.lab(seen_by(eye, oklab.signed()))
    middle = len(signed) // 2
    assert np.diff(signed[middle:, 0]).min() > 0 and np.diff(signed[: middle + 1, 0]).max() < 0
    below, above = signed[:middle][::-1], signed[middle + 1 :]
    apart = np.linalg.norm(below - above, axis=1)  # the same size with the other sign
    assert apart[2:].min() > 0.06  # 0.02 is just seen
    assert (below[2:, 2] < 0).all() and (above[2:, 2] > 0).all()  # blue and yellow, whatever else is lost


@pytest.mark.parametrize("name", ["magnitude", "signed", "grey"])
def test_256_colours_still_give_14_levels_in_order(name: str) -> None:
    used = ink(name, "256", False, False)
    colors = used.rgb[2:]
    light = oklab.lab(colors)[:, 0]
    assert len(np.unique(colors, axis=0)) == len(colors) == used.count >= 14
    middle = used.count // 2 if name == "signed" else 0
    assert np.diff(light[middle:]).min() > 0
    if name == "signed":
        assert np.diff(light[: middle + 1]).max() < 0
        # no greys but the middle: the hue is the sign
        lab = oklab.lab(colors)
        assert (lab[:middle, 2] < -0.02).all() and (lab[middle + 1 :, 2] > 0.02).all()


@pytest.mark.parametrize("name", ["magnitude", "signed", "grey"])
def test_what_is_no_number_is_like_no_level(name: str) -> None:
    for colors in ("truecolor", "256"):
        used = ink(name, colors, False, False)
        distance = np.linalg.norm(oklab.lab(used.rgb[2:]) - oklab.lab(np.array(NO_NUMBER_RGB)), axis=1)
        assert distance.min() > 0.15
