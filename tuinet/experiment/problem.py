"""What is wrong with an experiment, where, and what would be right: in words for people."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence

import msgspec

BARE_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")
SHOWN = 40  # characters of a foreign text repeated in a message


class Problem(msgspec.Struct, frozen=True):
    """`path` is the key it is about (`model.layers[4].units`), `message` the reason, `hint` a way out."""

    path: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate most like `word`, if any is like it at all; case, dashes and underscores count for nothing."""
    import difflib  # only for messages: listing the recipes must stay quick

    plain = {_plain(candidate): candidate for candidate in candidates}
    found = difflib.get_close_matches(_plain(word[:64]), plain, n=1, cutoff=0.55)
    if found:
        return plain[found[0]]
    beginning = _plain(word[:64])
    inside = [plain[key] for key in plain if len(beginning) > 2 and (key.startswith(beginning) or beginning in key)]
    return inside[0] if inside else None


def did_you_mean(word: str, candidates: Sequence[str], what: str) -> str:
    """A hint: the nearest candidate if there is one, and all of them."""
    found = nearest(word, candidates)
    everything = f"{what}: {', '.join(candidates)}" if candidates else ""
    return f"did you mean {show_key(found)}? {everything}" if found else everything


def _plain(word: str) -> str:
    return word.casefold().replace("_", "-").replace(" ", "-")


def join_key(path: str, key: str) -> str:
    return f"{path}.{show_key(key)}" if path else show_key(key)


def show_key(key: str) -> str:
    """A key as TOML writes it; whatever is odd about it is escaped, and it is cut if long."""
    return key if BARE_KEY.fullmatch(key) else show_text(key)


def show_text(text: str) -> str:
    cut = text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
    return json.dumps(cut, ensure_ascii=not cut.isprintable())


def show(value: object) -> str:
    """A value from a TOML file, briefly."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return show_text(value)
        case int() | float():
            return repr(value) if isinstance(value, float) or value.bit_length() < 128 else "a very long number"
        case dict():
            return "a table"
        case list():
            return "a list"
        case _:
            return "a date or time"
