"""`tuinet convolve`: the convolution of any image with any kernel, and every step of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from tuinet.cli.seen import Output, output_options

if TYPE_CHECKING:
    from tuinet.nn.params import Array

MAX_BYTES = 64 << 20
"""Most bytes of a text file of numbers."""


@click.command("convolve", short_help="Slide a kernel over an image, step by step.")
@click.argument("image")
@click.option(
    "--kernel", "-k", required=True, metavar="KERNEL", help='A name, a file, or rows: "0 1 0; 1 -4 1; 0 1 0".'
)
@click.option("--stride", default=1, type=click.IntRange(1), metavar="N", help="Cells from step to step. Default: 1.")
@click.option("--padding", default="valid", metavar="P", help="Zeros around: valid (none), same, or how many.")
@click.option("--at", metavar="ROW,COL", help="Show the step that gives this cell of the result.")
@output_options
def command(image: str, kernel: str, stride: int, padding: str, at: str | None, out: Output) -> None:
    """Slide a kernel over IMAGE and show what comes out; with --at, how one value of it comes about.

    IMAGE is an image file, a .npy file, a .csv or .txt file of numbers, or a sample of a data set, digits:train:17,
    counted as the set itself has them, before anything is cut off for a test.
    Kernels: sharpen, blur, edge-enhance, edge-detect, emboss; a .npy, .csv or .txt file; or rows of numbers.
    Each colour of an image is convolved by itself. The kernel is not flipped.
    """
    from tuinet.cli.output import spare
    from tuinet.cli.seen import write_seen
    from tuinet.inspection.convolution import convolve

    name, weights = read_kernel(kernel)
    spare(out.path, image, kernel)
    done = convolve(read_pixels(image), weights, stride, _padding(padding), name)
    if at is None:
        views = done.views()
        only_result = out.path is not None and out.path.suffix.lower() == ".npy"  # which holds one array
        write_seen(views[-1:] if only_result else views, out)
        return
    from tuinet.errors import TuinetError
    from tuinet.inspection.asked import place

    where = place(at)
    if len(where) != 2:
        raise TuinetError(f"--at {at!r} is no place of an image", "Write it like 2,5: row, column, counted from 0.")
    channels = range(done.image.shape[2])
    write_seen(tuple(done.step(where[0], where[1], channel) for channel in channels), out)


def _padding(text: str) -> Literal["valid", "same"] | int:
    from tuinet.errors import TuinetError

    if text == "valid" or text == "same":
        return text
    if text.isascii() and text.isdigit() and len(text) <= 9:
        return int(text)
    raise TuinetError(f"--padding {text!r}", "It is valid, same, or how many zeros on every side: 1")


def read_kernel(text: str) -> tuple[str, Array]:
    """A kernel by its name, from a file, or from rows. Raises TuinetError."""
    from tuinet.inspection.convolution import KERNELS, parse_kernel
    from tuinet.model.inputs import valid_text

    path = Path(valid_text(text, "a kernel"))
    if text not in KERNELS and (path.suffix.lower() in (".npy", ".csv", ".txt") or path.is_file()):
        return text, _array(path)
    return parse_kernel(text)


def read_pixels(text: str) -> Array:
    """The image that is meant, (H, W) or (H, W, C): of a file, or of a data set. Raises TuinetError."""
    from tuinet.model.inputs import valid_text

    path = Path(valid_text(text, "an image's name"))
    if path.suffix.lower() in (".npy", ".csv", ".txt"):
        return _array(path)
    if ":" in text and not path.exists():
        return _sample(text)
    from tuinet.data.image_folder import read_whole_image

    return read_whole_image(path)


def _array(path: Path) -> Array:
    from tuinet.data.array_files import read_npy
    from tuinet.data.reading import reading
    from tuinet.errors import TuinetError
    from tuinet.inspection.convolution import parse_rows

    if path.suffix.lower() == ".npy":
        return read_npy(path)
    with reading(path) as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise TuinetError(f"{path} is larger than the {MAX_BYTES >> 20} MiB that are read", "Save it as a .npy file.")
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise TuinetError(f"{path}, byte {error.start + 1} is not UTF-8", "Save it as UTF-8.") from None
    return parse_rows(lines, str(path))


def _sample(text: str) -> Array:
    """One image of a data set: NAME:N of its training part, or NAME:PART:N."""
    from tuinet.data.sources import load, source_from_argument
    from tuinet.data.splits import SplitSettings
    from tuinet.errors import TuinetError
    from tuinet.inspection.ranges import numbers

    first, _, number = text.rpartition(":")
    name, _, part = first.partition(":")
    dataset = load(source_from_argument(name), SplitSettings(), 0, Path())
    part = part or "train"
    if part not in dataset.splits:
        raise TuinetError(f"{name} has no part {part!r}", f"Parts: {', '.join(dataset.splits)}.")
    if len(dataset.input_shape.sizes) != 3:
        raise TuinetError(f"{name} holds no images", "Name a set of images, such as digits.")
    split, places = dataset.splits[part], numbers(number, "the sample")
    if len(places) != 1 or places[0] >= len(split):
        raise TuinetError(f"{name}:{part} has no sample {number}", f"Name one of 0 to {len(split) - 1:,}.")
    inputs, _ = split.take(list(places))
    return inputs[0]
