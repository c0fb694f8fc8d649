"""Figures and texts as people read them: numbers short, text from outside harmless. The standard library alone."""

from __future__ import annotations

import math


def number(value: float | None, digits: int = 4) -> str:
    """A measured value: `digits` significant digits, – if there is none."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:.{digits}g}"


def percent(fraction: float | None) -> str:
    """0.9825 as 98.25 %."""
    return "–" if fraction is None or not math.isfinite(fraction) else f"{100 * fraction:.2f} %"


def size(count: float, unit: str = "B") -> str:
    """A number of bytes (or multiply-adds …) with a prefix: 1.5 MB."""
    for prefix in ("", "k", "M", "G", "T"):
        if abs(count) < 1000 or prefix == "T":
            return f"{count:.0f} {unit}" if prefix == "" else f"{count:.1f} {prefix}{unit}"
        count /= 1000
    raise AssertionError("unreachable")


def about(seconds: float) -> str:
    """A time that is estimated: 0.25 s, 12 s, 4 min, 3 h, 2 days."""
    if seconds < 10:
        return f"{max(seconds, 0.001):.2g} s"
    for unit, length, most in (("s", 1, 120), ("min", 60, 120), ("h", 3600, 48)):
        if seconds < most * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds / 86400:,.0f} days"


def duration(seconds: float) -> str:
    """1:05 for 65 seconds, 1:01:01 for 3,661."""
    whole = max(0, round(seconds))
    hours, rest = divmod(whole, 3600)
    minutes, rest = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def printable(text: object) -> str:
    """One line of text from outside, made harmless for a terminal: control characters become escapes.

    Names of columns, labels, tensors and files may hold anything, also sequences that steer a terminal.
    """
    line = str(text)
    return line if line.isprintable() else "".join(_shown(character) for character in line)


def _shown(character: str) -> str:
    if character.isprintable():
        return character
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def printable_lines(text: str) -> str:
    """Text of several lines, each made harmless."""
    return "\n".join(printable(line) for line in text.split("\n"))


def printable_text(text: str) -> str:
    """A text of any shape made harmless; line breaks and tabulators stay."""
    if text.isprintable():
        return text
    return "".join(each if each in "\n\t" else _shown(each) for each in text)
