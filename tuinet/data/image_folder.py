"""A folder of class folders of images: PNG, JPEG, BMP, GIF, PPM, WebP or TIFF, of any size, grey or in colour.

An image becomes uint8 pixels: turned as its EXIF tag says, transparent parts put on white, 16-bit grey brought down to
8 bits, converted to grey (ITU-R 601 luma) or RGB, and resized by Pillow to exactly the size asked for (bilinear with
anti-aliasing; the proportions are not kept).
"""

from __future__ import annotations

import stat
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import numpy as np

from tuinet.data.dataset import Dataset, DatasetInfo, Split
from tuinet.data.reading import MAX_CLASSES, MAX_WHOLE, FileSource, placeholder
from tuinet.errors import TuinetError
from tuinet.nn.layer import Shape
from tuinet.nn.params import Array

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "PPM", "WEBP", "TIFF")
"""What Pillow may try: formats of pixels only. Others (EPS) would start programs."""

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".ppm", ".pgm", ".pbm", ".webp", ".tif", ".tiff")
SIDECARS = ("Thumbs.db", "desktop.ini")

MAX_PIXELS = 64 << 20
"""Most pixels an image may have before it is resized: 64 million."""

MAX_SIDE = 4096

Side = Annotated[int, msgspec.Meta(ge=1, le=MAX_SIDE)]


class ImageFolder(FileSource, frozen=True, tag="images"):
    """Images sorted into folders: the folders' names, sorted, are the classes.

    If `path` holds a folder `train` (and perhaps `test`) and nothing else but files, these hold the class folders.
    Hidden files and folders (and Thumbs.db, desktop.ini) do not count, nor do files beside the class folders; within
    a class folder anything but an image is an error.

    size               (rows, columns) to resize to; unset: those of the first image
    grey               grey or colour; unset: as the first image is
    letters_or_digits  mirroring or turning an image may change its class
    """

    path: str
    """The folder of class folders."""
    size: tuple[Side, Side] | None = None
    grey: bool | None = None
    letters_or_digits: bool = False

    def load(self, base: Path, seed: int) -> Dataset:
        """Images (N, H, W, C) of uint8, C 1 or 3, in the order of class and file name. Read whole, at most 2 GiB."""
        parts, labels = _parts(base / self.path)
        shape = self._shape(parts)
        splits: dict[str, Split] = {}
        for part, classes in parts.items():
            files = [(file, number) for number, folder in enumerate(classes) for file in folder]
            images = np.empty((len(files), *shape.sizes), np.uint8)
            for place, (file, _) in enumerate(files):
                images[place] = read_image(file, *shape.sizes)
            splits[part] = Split(images, np.array([number for _, number in files], np.int32))
        return self._dataset(splits, labels, shape)

    def describe(self, base: Path) -> DatasetInfo:
        """Counts files; opens one image at most."""
        parts, labels = _parts(base / self.path)
        shape = self._shape(parts)
        splits: dict[str, Split] = {}
        for part, classes in parts.items():
            count = sum(map(len, classes))
            images = placeholder((count, *shape.sizes), np.dtype("u1"))
            splits[part] = Split(images, placeholder((count,), np.dtype("i4")))
        return self._dataset(splits, labels, shape).info

    def _shape(self, parts: Mapping[str, list[list[Path]]]) -> Shape:
        height, width = self.size or (0, 0)
        channels = 1 if self.grey else 3
        if self.size is None or self.grey is None:
            first = next(file for folder in parts["train"] for file in folder)
            found = _pixels(first, None, None)
            if self.size is None:
                height, width = found.shape[:2]
            if self.grey is None:
                channels = found.shape[2]
            if max(height, width) > MAX_SIDE:
                raise TuinetError(f"{first} has {height}×{width} pixels", "say which size to take: size = [64, 64]")
        count = sum(len(folder) for classes in parts.values() for folder in classes)
        if count * height * width * channels > MAX_WHOLE:
            gib = count * height * width * channels / 2**30
            hint = "take a smaller size, or make .npy files of them: they are read from the disk as needed"
            raise TuinetError(f"{count} images of {height}×{width}×{channels} take {gib:.3g} GiB", hint)
        return Shape.image(height, width, channels)

    def _dataset(self, splits: Mapping[str, Split], labels: tuple[str, ...], shape: Shape) -> Dataset:
        name = Path(self.path).name or "images"
        letters = self.letters_or_digits
        return Dataset(name, "classification", shape, splits, labels, maximum=255.0, letters_or_digits=letters)


def read_image(path: Path, height: int, width: int, channels: int) -> Array:
    """(height, width, channels) of uint8 from an image file of any size; channels 1 is grey, 3 is RGB.

    Raises TuinetError, naming the file, for what is no single image, damaged, or larger than 64 million pixels.
    """
    if channels not in (1, 3):
        raise TuinetError(f"{path}: an image has 1 (grey) or 3 (RGB) channels, not {channels}", "give a .npy file")
    return _pixels(path, (height, width), channels)


def read_whole_image(path: Path) -> Array:
    """(height, width, channels) of uint8: the image at its own size, grey or RGB as it is. Raises as `read_image`."""
    return _pixels(path, None, None)


def _pixels(path: Path, size: tuple[int, int] | None, channels: int | None) -> Array:
    """As read_image; None keeps the image's own size, its own choice of grey or colour."""
    from PIL import Image

    try:
        # A pipe or a device would wait for ever.
        if not stat.S_ISREG(path.stat().st_mode):
            raise TuinetError(f"{path} is not a file")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=FORMATS) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise TuinetError(f"{path} has {image.width}×{image.height} pixels, more than the 64 million read")
                if getattr(image, "is_animated", False):
                    raise TuinetError(f"{path} holds several images", "save the one you mean as a file of its own")
                if size is not None and channels is not None:
                    # A JPEG can be decoded at a fraction of its size, which is many times faster.
                    image.draft("L" if channels == 1 else "RGB", (2 * max(size), 2 * max(size)))
                pixels = _converted(image, channels, path)
                if size is not None and pixels.size != (size[1], size[0]):
                    pixels = pixels.resize((size[1], size[0]), Image.Resampling.BILINEAR)
                array = np.array(pixels, np.uint8)
    except TuinetError:
        raise
    except FileNotFoundError:
        raise TuinetError(f"there is no file {path}") from None
    except (Image.UnidentifiedImageError, Image.DecompressionBombError) as error:
        bomb = isinstance(error, Image.DecompressionBombError)
        reason = "has more pixels than the 64 million read" if bomb else "is not an image that can be read"
        raise TuinetError(f"{path} {reason}", f"images: {', '.join(FORMATS)}") from None
    # Pillow's decoders answer damaged files with whatever went wrong in them, from SyntaxError to struct.error.
    except Exception as error:
        raise TuinetError(f"{path} is damaged or cannot be read: {_first_line(error)}") from None
    return array.reshape(*array.shape[:2], -1)  # a grey image comes as (H, W)


def _converted(image: Image, channels: int | None, path: Path) -> Image:
    """The image upright, in mode L or RGB."""
    from PIL import Image as Images
    from PIL import ImageOps

    grey = image.mode in ("1", "L", "LA", "La") or image.mode.startswith(("I", "F"))
    mode = "L" if (grey if channels is None else channels == 1) else "RGB"
    image.load()
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith(("I", "F")):
        values = np.asarray(upright)
        if upright.mode == "F" or values.min() < 0 or values.max() > 0xFFFF:
            raise TuinetError(f"{path} has pixels of an unusual type ({upright.mode})", "save it with 8 bits a channel")
        upright = Images.fromarray((values >> 8).astype(np.uint8))
    if upright.has_transparency_data:
        layer = upright.convert("RGBA")
        upright = Images.new("RGB", layer.size, (255, 255, 255))
        upright.paste(layer, mask=layer.getchannel("A"))
    return upright.convert(mode)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:200] or type(error).__name__


def _parts(root: Path) -> tuple[dict[str, list[list[Path]]], tuple[str, ...]]:
    """For each part the files of each class, and the names of the classes."""
    folders = _folders(root)
    names = {folder.name for folder in folders}
    if names in ({"train"}, {"train", "test"}):
        found = {folder.name: _folders(folder) for folder in reversed(folders)}  # train first
    else:
        found = {"train": folders}
    labels = tuple(folder.name for folder in found["train"])
    for part, classes in found.items():
        if tuple(folder.name for folder in classes) != labels:
            odd = sorted({folder.name for folder in classes} ^ set(labels))
            raise TuinetError(f"{root}: train and {part} have different classes: {', '.join(odd[:5])}")
    if not 1 <= len(labels) <= MAX_CLASSES:
        raise TuinetError(f"{root} holds no class folders", "put the images of each class into a folder of its name")
    return {part: [_images(folder) for folder in classes] for part, classes in found.items()}, labels


def _folders(root: Path) -> list[Path]:
    try:
        return sorted(entry for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    except OSError as error:
        raise TuinetError(f"{root} cannot be read: {error.strerror or error}") from None


def _images(folder: Path) -> list[Path]:
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise TuinetError(f"{folder} cannot be read: {error.strerror or error}") from None
    files = [entry for entry in entries if not entry.name.startswith(".") and entry.name not in SIDECARS]
    for file in files:
        if file.suffix.lower() not in SUFFIXES or not file.is_file():
            hint = "a class folder holds images only: take it out, or put a dot before its name"
            raise TuinetError(f"{file} is not an image file ({', '.join(SUFFIXES)})", hint)
    if not files:
        raise TuinetError(f"the class folder {folder} holds no images", "put images into it, or remove it")
    return files
