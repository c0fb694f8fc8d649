"""Text in pictures: a font of fixed width, and only characters that it has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Literal

from PIL import Image, ImageDraw, ImageFont

from tuinet.render.paper import Paper, clean

Picture = Image.Image
Rgb = tuple[int, int, int]

SIZE = 14
LINE = 19
"""Pixels from one line of text to the next."""

PAPER: Rgb = (255, 255, 255)
TEXT: Rgb = (32, 32, 32)
FAINT: Rgb = (200, 200, 200)

_FONTS = ("DejaVuSansMono.ttf", "LiberationMono-Regular.ttf", "Menlo.ttc", "consola.ttf")
"""Of these whichever the system has; Pillow's own font has little but ASCII."""


@cache
def font() -> tuple[ImageFont.FreeTypeFont | ImageFont.ImageFont, bool]:
    """The font, and whether only ASCII is to be written with it."""
    for name in _FONTS:
        try:
            return ImageFont.truetype(name, SIZE), False
        except OSError:
            continue
    return ImageFont.load_default(SIZE), True


@cache
def _has(character: str) -> bool:
    used, only_ascii = font()
    if character.isascii() or only_ascii:
        return character.isascii()
    return _drawn(character) != _drawn("\U000e1234") and used.getlength(character) == used.getlength("0")


def _drawn(character: str) -> bytes:
    """A character's pixels: of all that a font has not, they are the same."""
    picture = Image.new("L", (2 * SIZE, 2 * SIZE))
    ImageDraw.Draw(picture).text((4, 4), character, fill=255, font=font()[0])
    return picture.tobytes()


def safe(text: object) -> str:
    """A text in characters that the font has; the others as escapes."""
    line = clean(text, Paper())
    return line if all(map(_has, line)) else "".join(_each(character) for character in line)


def _each(character: str) -> str:
    return character if _has(character) else clean(character, Paper(ascii=True))


def measure(text: str) -> int:
    """How many pixels wide a safe text is."""
    return round(font()[0].getlength(text))


Anchor = Literal["left", "middle", "right"]


def write(
    picture: Picture,
    at: tuple[float, float],
    text: str,
    anchor: Anchor = "left",
    color: Rgb = TEXT,
    heavy: bool = False,
) -> None:
    """A safe text, `at` its left end, middle or right end and the top of its line."""
    left = at[0] - {"left": 0, "middle": measure(text) / 2, "right": measure(text)}[anchor]
    draw = ImageDraw.Draw(picture)
    for shift in (0, 0.6) if heavy else (0,):
        draw.text((left + shift, at[1]), text, fill=color, font=font()[0])


def shortened(text: str, pixels: float) -> str:
    """A safe text cut to so many pixels."""
    if measure(text) <= pixels:
        return text
    dots = safe("…")
    while text and measure(text + dots) > pixels:
        text = text[:-1]
    return text + dots


def lines(texts: Sequence[str], heavy: Iterable[int] = ()) -> Picture:
    """Safe lines under one another, every character in a cell of its own, so that columns stay columns."""
    bold = set(heavy)
    used, proportional = font()
    cell = 9 if proportional else used.getlength("0")
    wide = round(cell * max((len(text) for text in texts), default=0)) + 2
    picture = blank(max(1, wide), LINE * max(1, len(texts)))
    for n, text in enumerate(texts):
        if not proportional:
            write(picture, (0, n * LINE), text, heavy=n in bold)
            continue
        for place, character in enumerate(text):
            write(picture, ((place + 0.5) * cell, n * LINE), character, "middle", heavy=n in bold)
    return picture


def blank(width: int, height: int) -> Picture:
    return Image.new("RGB", (max(1, width), max(1, height)), PAPER)


def stacked(parts: Sequence[Picture], gap: int) -> Picture:
    """Pictures under one another."""
    whole = blank(max((part.width for part in parts), default=1), sum(part.height + gap for part in parts) - gap)
    top = 0
    for part in parts:
        whole.paste(part, (0, top))
        top += part.height + gap
    return whole
