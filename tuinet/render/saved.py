"""Views as the content of a file: a picture, an array, JSON, or text. Whoever has it writes it, whole or not at all."""

from __future__ import annotations

import io
from collections.abc import Sequence

from tuinet.errors import TuinetError
from tuinet.inspection.view import Seen
from tuinet.inspection.words import in_words
from tuinet.inspection.written import SUFFIXES, all_as_json, as_npy, encoded
from tuinet.render.draw import Paper, as_ascii, draw_all, plain
from tuinet.render.png import png

TEXT = Paper(80, "none")


def saved(seens: Sequence[Seen], suffix: str, paper: Paper = TEXT, *, words: bool = False, more: str = "") -> bytes:
    """What a file with this suffix holds of the views.

    paper  of text: as wide as this, and in ASCII if it is so; colours are left out
    words  of text: not drawn, but said
    more   how to see those of many pictures that are left out, as for `draw`

    Raises TuinetError for another suffix, or if a .npy file cannot hold them.
    """
    match suffix.lower():
        case ".png":
            stream = io.BytesIO()
            png(seens, more=more).save(stream, "PNG")
            return stream.getvalue()
        case ".npy":
            return as_npy(seens)
        case ".json":
            return encoded(all_as_json(seens))
        case ".txt" if words:
            lines = [line for seen in seens for line in in_words(seen)]
            return ("\n".join(map(as_ascii, lines) if paper.ascii else lines) + "\n").encode()
        case ".txt":
            return (plain(draw_all(seens, Paper(paper.width, "none", paper.ascii), more=more)) + "\n").encode()
        case _:
            raise TuinetError(f"views are not written as {suffix!r}", f"There are {', '.join(SUFFIXES)}.")
