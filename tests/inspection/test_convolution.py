"""Any image with any kernel: the lecture's numbers, every step against loops, and what cannot be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tuinet.errors import TuinetError
from tuinet.inspection.convolution import KERNELS, MAX_SIDE, convolve, parse_kernel, parse_rows
from tuinet.nn.context import Context
from tuinet.nn.layer import Shape
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.params import Params

LECTURE = np.array([[1, 1, 1, 0, 0], [0, 1, 1, 1, 0], [0, 0, 1, 1, 1], [0, 0, 1, 1, 0], [0, 1, 1, 0, 0]])
CROSS = np.array([[1, 0, 1], [0, 1, 0], [1, 0, 1]])


def test_the_lecture() -> None:
    done = convolve(LECTURE, CROSS)
    assert done.result[..., 0].tolist() == [[4, 3, 4], [2, 4, 3], [2, 3, 4]]
    step = done.step(1, 2)
    assert (step.value, step.stored, step.agrees) == (3, 3, True)
    window, kernel, products = step.pictures
    assert window.data.tolist() == [[1, 1, 0], [1, 1, 1], [1, 1, 0]]
    assert kernel.data.tolist() == CROSS.tolist()
    assert products.data.tolist() == [[1, 0, 0], [0, 1, 0], [1, 0, 0]]
    assert (window.axes[0].labels, window.axes[1].labels) == (("1", "2", "3"), ("2", "3", "4"))


def test_the_kernel_is_not_flipped() -> None:
    done = convolve(np.eye(3), [[1, 2], [3, 4]])
    assert done.result[..., 0].tolist() == [[5, 3], [2, 5]]  # flipped, it would be 5 2 / 3 5


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("sharpen", [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]),
        ("blur", [[1 / 9] * 3] * 3),
        ("edge-enhance", [[0, 0, 0], [-1, 1, 0], [0, 0, 0]]),
        ("edge-detect", [[0, 1, 0], [1, -4, 1], [0, 1, 0]]),
        ("emboss", [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]]),
    ],
)
def test_the_named_kernels_have_the_lectures_numbers(name: str, rows: list[list[float]]) -> None:
    assert parse_kernel(name)[1].tolist() == rows
    assert len(KERNELS) == 5


CASES: list[tuple[tuple[int, ...], tuple[int, int], Any, Any]] = [
    ((6, 5), (3, 3), 1, "valid"),
    ((6, 5), (3, 3), 1, "same"),
    ((7, 9), (2, 4), 2, "same"),
    ((6, 5, 3), (3, 2), (2, 1), 3),
    ((6, 5, 1), (1, 1), 3, "valid"),
    ((3, 3), (5, 5), 1, 1),
]


@pytest.mark.parametrize(("size", "kernel", "stride", "padding"), CASES)
def test_every_step_is_its_window_times_the_kernel(
    size: tuple[int, ...], kernel: tuple[int, int], stride: Any, padding: Any
) -> None:
    rng = np.random.default_rng(1)
    image, weights = rng.normal(size=size), rng.normal(size=kernel)
    done = convolve(image, weights, stride, padding)
    for row, column, channel in np.ndindex(*done.result.shape):
        step = done.step(row, column, channel)
        window, shown, products = (view.data for view in step.pictures)
        assert step.agrees and step.difference <= 1e-12 * step.magnitude
        assert step.stored == done.result[row, column, channel]
        np.testing.assert_array_equal(shown, weights)
        np.testing.assert_array_equal(products, window * weights)
        assert step.value == pytest.approx((window * weights).sum(), abs=1e-12)
        assert len(step.parts[0].terms) == weights.size
        assert [term.product for term in step.parts[0].terms] == products.ravel().tolist()
        for u, down in enumerate(step.pictures[0].axes[0].labels):  # labels say where in the image each cell is
            for v, right in enumerate(step.pictures[0].axes[1].labels):
                inside = "·" not in (down, right)
                at = (int(down), int(right), *([channel] if image.ndim == 3 else [])) if inside else ()
                assert window[u, v] == (image[at] if inside else 0)


@pytest.mark.parametrize(("size", "kernel", "stride", "padding"), CASES)
def test_it_is_what_a_convolutional_layer_does(
    size: tuple[int, ...], kernel: tuple[int, int], stride: Any, padding: Any
) -> None:
    rng = np.random.default_rng(2)
    image, weights = rng.normal(size=size), rng.normal(size=kernel)
    layer = Conv2D(1, kernel, stride, padding, bias=False)
    result = convolve(image, weights, stride, padding).result
    planes = image.reshape(*size[:2], -1)
    for channel in range(planes.shape[2]):
        x = np.ascontiguousarray(planes[None, :, :, channel : channel + 1])
        specs = layer.param_shapes(Shape.image(*x.shape[1:]))
        params = Params(specs, weights.ravel().copy())
        y, _ = layer.forward(params, x, Context())
        np.testing.assert_allclose(result[..., channel], y[0, ..., 0], rtol=1e-12, atol=1e-12)


def test_colours_are_convolved_one_by_one() -> None:
    image = np.zeros((3, 3, 3), np.uint8)
    image[1, 1] = (10, 20, 30)
    done = convolve(image, parse_kernel("sharpen")[1], padding="same")
    assert done.result[1, 1].tolist() == [50, 100, 150]
    assert done.step(1, 1, 2).name == "row 1, column 1, blue"
    assert [view.kind for view in done.views()] == ["image", "matrix", "image"]
    result = done.views()[2]
    assert result.data.shape == (3, 3, 3) and (result.low, result.high) == (0, 30)  # drawn in the image's own colours
    assert "values from -30 to 150" in result.notes


def test_padding_is_told() -> None:
    done = convolve(np.ones((3, 3)), np.ones((3, 3)), padding="same")
    step = done.step(0, 0)
    assert step.notes == ("5 of the window's 9 cells lie in the padding",)
    assert [term.names[0] for term in step.parts[0].terms[:5]] == ["0 of the padding"] * 4 + ["x[0,0]"]
    assert done.step(1, 1).notes == ()
    assert done.views()[2].notes[1] == "zeros around the image: 1 above, 1 below, 1 on the left, 1 on the right"
    even = convolve(np.ones((3, 3)), np.ones((2, 4)), padding="same")
    assert even.views()[2].notes[1].endswith(": 0 above, 1 below, 1 on the left, 2 on the right")
    strided = convolve(np.ones((4, 5)), np.ones((3, 3)), stride=2, padding="same")
    assert strided.views()[2].notes[1].endswith(": 0 above, 1 below, 1 on the left, 1 on the right")
    assert len(convolve(np.ones((4, 5)), np.ones((3, 3)), stride=2).views()[2].notes) == 1


@pytest.mark.parametrize(
    ("where", "message"), [((3, 0), "no row 3"), ((0, -1), "no column -1"), ((0, 0, 1), "channel 1")]
)
def test_steps_that_are_not_there(where: tuple[int, ...], message: str) -> None:
    with pytest.raises(TuinetError, match=message) as caught:
        convolve(LECTURE, CROSS).step(*where)
    assert "There are" in caught.value.hint


def test_neither_image_nor_kernel_is_kept() -> None:
    image, kernel = LECTURE.astype(float), CROSS.astype(float)
    done = convolve(image, kernel)
    image[...] = kernel[...] = np.nan
    assert done.step(0, 0).value == 4


@pytest.mark.parametrize(
    ("image", "kernel", "options", "message"),
    [
        (np.ones(5), CROSS, {}, "an array of 5 is no image"),
        (np.ones((5, 5, 4)), CROSS, {}, "5×5×4 is no image"),
        (np.ones((0, 5)), CROSS, {}, "0×5 is no image"),
        (np.ones((5, 5)), np.ones(3), {}, "3 is no kernel"),
        (np.ones((5, 5)), np.ones((0, 3)), {}, "0×3 is no kernel"),
        (np.ones((99, 99)), np.ones((1, MAX_SIDE + 1)), {}, "is no kernel"),
        (np.ones((2, 5)), CROSS, {}, "3×3 kernel does not fit 2×5"),
        (np.ones((5, 5)), CROSS, {"stride": 0}, "stride of 0"),
        (np.ones((5, 5)), CROSS, {"padding": -1}, "padding of -1"),
        (np.ones((5, 5)), CROSS, {"padding": 10**9}, "more than 16,777,216 values"),
        (np.full((5, 5), np.nan), CROSS, {}, "the image holds a value that is not finite"),
        (np.ones((5, 5)), np.full((3, 3), np.inf), {}, "the kernel holds a value that is not finite"),
        (np.full((5, 5), 1e300), CROSS, {}, "far too large"),
        (np.array([["a"]]), CROSS, {}, "the image holds <U1"),
        (np.ones((3, 3), complex), CROSS, {}, "the image holds complex128"),
        (np.broadcast_to(np.uint8(1), (1 << 13, 1 << 12)), CROSS, {}, "more than 16,777,216 values"),
        (np.broadcast_to(np.uint8(1), (1 << 12, 1 << 12)), np.ones((64, 64)), {}, "multiplications"),
    ],
)  # fmt: skip
def test_what_cannot_be_convolved(image: Any, kernel: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(TuinetError, match=message) as caught:
        convolve(image, kernel, **options)
    assert "\n" not in caught.value.message and caught.value.hint


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("0 1 0; 1 -4 1; 0 1 0", [[0, 1, 0], [1, -4, 1], [0, 1, 0]]),
        ("1,2;3,4", [[1, 2], [3, 4]]),
        (" .5  1e-2 ;-1 +2;", [[0.5, 0.01], [-1, 2]]),
        ("7", [[7]]),
    ],
)
def test_kernels_are_read_from_rows(text: str, rows: list[list[float]]) -> None:
    assert parse_kernel(text)[1].tolist() == rows


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("edge-detec", "there is no kernel 'edge-detec'", "Did you mean edge-detect?"),
        ("", "there is no kernel ''", "sharpen"),
        ("nan 1", "there is no kernel", "0 1 0; 1 -4 1"),
        ("1 2; 3", "row 1 has 1 numbers, row 0 has 2", ""),
        ("1 2;;3 4", "row 1 is empty", "0 1 0"),
        ("1 2; 3 --4", "row 1 holds '--4', which is no number", ""),
        ("1e999", "holds '1e999', which is no number", ""),
        ("1,,2", "holds '', which is no number", ""),
        (";", "there is no kernel ';'", ""),
    ],
)
def test_wrong_kernels_are_refused(text: str, message: str, hint: str) -> None:
    with pytest.raises(TuinetError) as caught:
        parse_kernel(text)
    assert message in caught.value.message and hint in caught.value.hint


def test_tables_of_numbers() -> None:
    assert parse_rows(["1, 2", "3 ,4", "", " "], "here").tolist() == [[1, 2], [3, 4]]
    with pytest.raises(TuinetError, match="here holds no numbers"):
        parse_rows(["", ""], "here")
    with pytest.raises(TuinetError, match="here: row 0 holds '1_000'"):
        parse_rows(["1_000"], "here")
