"""Pictures: the same colours as on the terminal, every value a rectangle, whatever the view holds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PIL import Image, ImageFont

from tests.render.examples import cell_of_a_map, confusion, curves, digit, forget_gate, layers, matrix, view
from tests.render.test_draw import HOSTILE, everything
from tuinet.inspection.view import Table, View
from tuinet.render import oklab, typeset
from tuinet.render.png import HIGHEST, png
from tuinet.render.typeset import LINE


def pixels(seen: object, **more: object) -> np.ndarray:
    return np.asarray(png([seen], **more))  # pyright: ignore[reportArgumentType, reportCallIssue]


def area(picture: np.ndarray, color: object) -> int:
    return int((picture == np.asarray(color)).all(axis=2).sum())


def box(picture: np.ndarray, color: object) -> tuple[int, int, int, int]:
    """Left, top, width and height of all that has the colour."""
    rows, columns = np.nonzero((picture == np.asarray(color)).all(axis=2))
    return int(columns.min()), int(rows.min()), int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1


def test_every_value_of_a_map_is_a_square_of_its_colour() -> None:
    seen = view("images", [[[-1.0, 0.5], [0.25, 1.0]]], "map", "row", "column")
    picture = pixels(seen)
    colors = oklab.signed()
    middle = len(colors) // 2
    half, quarter = colors[middle + middle // 2], colors[middle + middle // 4]
    ramp = 260 // len(colors)  # each level once more in the legend
    left, top, width, height = box(picture[: picture.shape[0] // 2 + 60], half)
    assert area(picture, half) == 100 * 100 + ramp * 14 == area(picture, quarter)
    assert (width, height) == (100, 100)
    assert (picture[top + 50, left - 50] == colors[0]).all()  # −1 to the left of 0.5
    assert (picture[top + 150, left + 50] == colors[-1]).all()  # 1 below it


def test_an_image_keeps_its_colours() -> None:
    picture = pixels(view("image", [[[1.0, 0.0, 0.0], [0.0, 0.5, 1.0]]], "row", "column", "channel"))
    assert area(picture, (255, 0, 0)) == area(picture, (0, 128, 255)) == 160 * 160
    grey = pixels(digit()["input"])
    assert area(grey, oklab.grey()[0]) > 1000


def test_coloured_images_are_tiles_in_their_colours() -> None:
    data = [[[[255, 0, 0], [0, 255, 0]]], [[[0, 0, 255], [255, 255, 254]]]]
    picture = pixels(view("images", data, "sample", "row", "column", "channel"))
    red, green, blue = (box(picture, color) for color in ((255, 0, 0), (0, 255, 0), (0, 0, 255)))
    assert red[2:] == green[2:] == blue[2:] == (100, 100)
    assert red[0] + 100 == green[0] and red[1] == green[1] == blue[1] and blue[0] > green[0] + 100


def test_no_numbers_are_crossed_out() -> None:
    data = np.ones((30, 30))
    data[3, 4] = math.nan
    picture = pixels(matrix(data))
    _, _, width, height = box(picture, (255, 0, 255))
    assert 0 < area(picture, (255, 0, 255)) < width * height * 0.95


def test_numbers_stand_in_the_cells_of_a_small_matrix() -> None:
    picture = pixels(confusion())
    darkest = oklab.magnitude()[0]
    left, top, width, height = box(picture, darkest)
    inside = picture[top : top + height, left : left + width]
    assert area(inside, (255, 255, 255)) > 100  # white digits on dark cells
    assert picture.shape[1] < 1200


def test_bars_are_as_long_as_their_values() -> None:
    picture = pixels(view("vector", [1.0, -2.0, 0.0], "unit"))
    colors = oklab.signed()
    above, below = colors[round(0.75 * 32)], colors[round(0.25 * 32)]
    assert box(picture, below)[2] == pytest.approx(240, abs=2)
    assert box(picture, above)[2] == pytest.approx(120, abs=2)


def test_a_histogram_is_as_high_as_its_counts() -> None:
    picture = pixels(view("histogram", [1, 4, 2], "bin", x=np.array([0.0, 1, 2, 3])))
    color = oklab.magnitude()[round(0.6 * 31)]
    columns = (picture == color).all(axis=2).sum(axis=0)
    heights = [int(columns[columns > 0][n]) for n in (100, 350, 600)]
    assert heights[1] / heights[0] == pytest.approx(4, abs=0.1)
    assert heights[1] / heights[2] == pytest.approx(2, abs=0.05)


def test_curves_are_drawn_in_their_place() -> None:
    picture = pixels(curves())
    _, _, width, height = box(picture[80:], (33, 102, 172))  # tanh: from one corner to the other
    assert width == pytest.approx(720, abs=6)
    assert height == pytest.approx(260, abs=6)
    assert area(picture, (214, 96, 10)) > 700


def test_everything_becomes_a_picture() -> None:
    whole = png(everything())
    assert whole.mode == "RGB"
    assert whole.width < 1400
    single = sum(png([seen]).height for seen in everything())
    assert whole.height == pytest.approx(single, abs=40 * len(everything()))
    assert png([]).size[0] > 0


def test_tiles_are_bounded() -> None:
    seen = view("images", np.ones((100, 3, 3)), "kernel", "row", "column")
    assert pixels(seen, most=10).shape[0] < pixels(seen).shape[0]
    assert (pixels(seen, most=10, more="--unit {first}-{last}") != 255).sum() > (pixels(seen, most=10) != 255).sum()


def test_a_picture_has_a_bound_and_says_what_is_left_out() -> None:
    """300 samples of 16 maps would be 945 MB."""
    maps = view("images", np.random.default_rng(0).random((16, 8, 8)), "map", "row", "column")
    single = png([maps]).height
    whole = png([maps] * 300)
    assert whole.height == pytest.approx(HIGHEST, abs=single)
    assert whole.height <= HIGHEST
    fits = HIGHEST // single - 1
    few = png([maps] * fits)
    assert few.height == fits * single  # nothing is added where nothing is left out
    assert np.array_equal(np.asarray(whole)[: 3 * single - 36], np.asarray(few)[: 3 * single - 36])


def test_one_view_that_is_too_high_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []

    def noted(texts: list[str], *more: object, **others: object) -> Image.Image:
        said.extend(texts[-1:])
        assert len(texts) <= HIGHEST // LINE + 1
        return typeset.lines(texts, *more, **others)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr("tuinet.render.png.lines", noted)
    table = Table("many", ("row",), tuple((n,) for n in range(3000)))
    found = png([table, *[digit()["conv1/output"]] * 2])
    assert found.height <= HIGHEST
    assert said[-1] == "the last view goes on and 2 more views are left out: a picture is at most 20,000 pixels high"


@pytest.mark.parametrize("fallback", [False, True])
def test_whatever_names_hold(fallback: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if fallback:  # as where none of the fonts is installed
        monkeypatch.setattr(typeset, "_FONTS", ())
    caches = (typeset.font, typeset._has)
    for cache in caches:
        cache.cache_clear()
    try:
        names = {"step": HOSTILE, "class": HOSTILE}
        data = np.linspace(-1, 1, 9)
        for seen in (
            view("matrix", np.tile(data, (9, 1)), "step", "class", labels=names),
            view("vector", data, "class", labels=names),
            view("images", np.tile(data, (9, 2, 1)), "class", "row", "column", labels=names),
            view("series", np.tile(data, (9, 1)), "class", "step", labels=names),
            layers(), cell_of_a_map(), forget_gate(),
        ):  # fmt: skip
            assert pixels(seen).std() > 0
        if fallback:
            assert isinstance(typeset.font()[0], ImageFont.FreeTypeFont | ImageFont.ImageFont) and typeset.font()[1]
            assert typeset.safe("8×8 − 漢") == "8x8 - \\u6f22"
    finally:
        for cache in caches:
            cache.cache_clear()


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf, 1e308, -1e308])
@pytest.mark.parametrize("kind", ["image", "images", "matrix", "vector", "series", "histogram"])
def test_any_value_in_any_kind(kind: str, value: float) -> None:
    ndim = {"image": 3, "images": 3, "matrix": 2, "series": 2}.get(kind, 1)
    for size in (0, 1, 3, 45):
        shape = (size,) * ndim if kind != "image" else (size, size, 1)
        seen: View = view(kind, np.full(shape, value), *("abc"[:ndim]))
        assert pixels(seen).shape[2] == 3
