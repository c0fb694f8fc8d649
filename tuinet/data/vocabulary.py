"""How a text is cut into symbols, and the numbers that stand for them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from tuinet.errors import TuinetError
from tuinet.nn.params import Array

UNKNOWN, START, END = 0, 1, 2
SPECIAL = ("<unk>", "<start>", "<end>")
"""The first three symbols of every vocabulary."""

MAX_SYMBOLS = 100_000
"""Most symbols of a vocabulary, the special ones among them."""

MAX_SYMBOL = 1000
"""Most characters of one symbol. A longer word is an unknown one."""

GLUE = "￭"
"""What a punctuation mark bears on a side where no space is."""

# In a text, GLUE itself counts as a letter; so do accents that are characters of their own.
_PIECE = re.compile(rf"[\w{GLUE}\u0300-\u036f]+(?:(?<!{GLUE})['’](?=\w))?|\n|[^\w\s]")
_WORD = re.compile(rf"[\w{GLUE}\u0300-\u036f]")
_MARK = re.compile(rf"({GLUE}?)([^\w\s{GLUE}\u0300-\u036f])({GLUE}?)")
_BLOCK = 1 << 20


class Tokens(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How texts become symbols, and which symbols are known."""

    unit: Literal["characters", "words", "symbols"] = "characters"
    """What a symbol is. characters: every character, spaces and line breaks too. words: words and punctuation marks
    apart; an apostrophe inside a word ends its first part (`don't` is `don'` and `t`, `l'eau` is `l'` and `eau`), a
    line break is a symbol. symbols: whatever stands between white space (phonemes, tags, words already cut)."""
    lowercase: bool = False
    """Whether capital letters become small ones first."""
    minimum_count: Annotated[int, msgspec.Meta(ge=1)] = 1
    """How often a symbol must occur in the training part to be known."""
    size: Annotated[int, msgspec.Meta(ge=1, le=MAX_SYMBOLS - 3)] | None = None
    """How many symbols are known besides the special ones: the most frequent. Unset: all, at most 99,997."""

    def split(self, text: str) -> list[str]:
        """The symbols of a text, in order."""
        return list(self.iterate(text))

    def iterate(self, text: str) -> Iterator[str]:
        """The same one by one.

        A punctuation mark of "words" bears a ￭ before it if no space parts it from what is before, and one after it
        if no space parts it from a word behind: `(yes), no` is `(￭ yes ￭) ￭, no`. So words stay as they are, and
        `join` knows where the spaces were.
        """
        if self.lowercase:
            text = text.lower()
        if self.unit == "characters":
            return iter(text)
        if self.unit == "symbols":
            return iter(text.split())
        return _words(text)

    def join(self, tokens: Iterable[str]) -> str:
        """The text of these symbols: the opposite of `split`, but for capitals and for the kind and number of spaces.

        Of words, a single space stands for white space of any sort, and none at either end of a line.
        """
        if self.unit != "words":
            return ("" if self.unit == "characters" else " ").join(tokens)
        pieces: list[str] = []
        tight = True  # no space before the next one
        for token in tokens:
            mark = _MARK.fullmatch(token)
            left, piece, right = mark.groups() if mark else ("", token, "")
            if not (tight or left or token == "\n"):
                pieces.append(" ")
            pieces.append(piece)
            tight = bool(right) or token == "\n" or (mark is None and token[-1:] in ("'", "’"))
        return "".join(pieces)


def _words(text: str) -> Iterator[str]:
    for match in _PIECE.finditer(text):
        piece = match[0]
        if piece == "\n" or _WORD.match(piece):
            yield piece
            continue
        start, end = match.span()
        left = start > 0 and not text[start - 1].isspace()
        right = end < len(text) and _WORD.match(text, end) is not None
        yield GLUE * left + piece + GLUE * right


class Vocabulary(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """The symbols that are known, each with its number: its place among them. Built from the training part only.

    0, 1 and 2 are `<unk>` (any symbol that is not known), `<start>` and `<end>`, which no text can spell.
    """

    tokens: Tokens
    """How a text is cut."""
    symbols: tuple[str, ...]
    """The special ones, then the others by falling count, ties in the order of their code points."""

    @classmethod
    def build(cls, tokens: Tokens, texts: Iterable[str]) -> Vocabulary:
        """The vocabulary of these texts. Raises TuinetError if no symbol is frequent enough."""
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(tokens.iterate(text))
        known = [
            (-count, symbol)
            for symbol, count in counts.items()
            if count >= tokens.minimum_count and symbol not in SPECIAL and len(symbol) <= MAX_SYMBOL
        ]
        if not known:
            most = max(counts.values(), default=0)
            raise TuinetError(
                f"no symbol occurs {tokens.minimum_count} times in the training part (the most frequent: {most})",
                "take a smaller minimum_count",
            )
        known.sort()
        limit = MAX_SYMBOLS - len(SPECIAL) if tokens.size is None else tokens.size
        return cls(tokens, (*SPECIAL, *(symbol for _, symbol in known[:limit])))

    def __len__(self) -> int:
        return len(self.symbols)

    def check(self) -> None:
        """Raises TuinetError unless this can be a vocabulary, for one that comes from a file."""
        if self.symbols[:3] != SPECIAL:
            raise TuinetError(f"a vocabulary begins with {', '.join(SPECIAL)}")
        if len(self.symbols) == len(SPECIAL):
            raise TuinetError("a vocabulary has no symbols but the special ones")
        if len(self.symbols) > MAX_SYMBOLS:
            raise TuinetError(f"a vocabulary of {len(self.symbols):,} symbols; at most {MAX_SYMBOLS:,} are possible")
        if len(set(self.symbols)) != len(self.symbols):
            raise TuinetError("a vocabulary holds a symbol twice")
        most = 1 if self.tokens.unit == "characters" else MAX_SYMBOL
        for number, symbol in enumerate(self.symbols[3:], 3):
            if not 1 <= len(symbol) <= most:
                raise TuinetError(f"symbol {number} of a vocabulary has {len(symbol):,} characters, not 1 to {most:,}")

    def symbol(self, number: int) -> str:
        """The symbol of this number."""
        return self.symbols[number]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The smallest type that holds every number."""
        return np.dtype(np.uint8 if len(self) <= 1 << 8 else np.uint16 if len(self) <= 1 << 16 else np.int32)

    def encode(self, text: str) -> Array:
        """The numbers of a text's symbols, (T,) of `dtype`."""
        if self.tokens.unit == "characters":
            return self._encode_characters(text)
        numbers = self._numbers
        return np.fromiter((numbers.get(token, UNKNOWN) for token in self.tokens.iterate(text)), self.dtype)

    def decode(self, ids: npt.ArrayLike) -> str:
        """The text of these numbers up to the first `<end>`, without the special symbols."""
        given: list[int] = np.asarray(ids).tolist()
        if END in given:
            given = given[: given.index(END)]
        return self.tokens.join(self.symbols[number] for number in given if number > END)

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {symbol: number for number, symbol in enumerate(self.symbols) if number > END}

    @cached_property
    def _by_code_point(self) -> Array:
        """The number of every code point up to the largest known one, and of one more, which stands for all others."""
        codes = [ord(symbol) for symbol in self.symbols[3:]]
        table = np.full(max(codes, default=0) + 2, UNKNOWN, self.dtype)
        table[codes] = np.arange(3, len(self))
        return table

    def _encode_characters(self, text: str) -> Array:
        if self.tokens.lowercase:
            text = text.lower()
        table = self._by_code_point
        out = np.empty(len(text), self.dtype)
        for start in range(0, len(text), _BLOCK):
            raw = text[start : start + _BLOCK].encode("utf-32-le", "surrogatepass")
            out[start : start + _BLOCK] = table[np.minimum(np.frombuffer(raw, "<u4"), len(table) - 1)]
        return out
