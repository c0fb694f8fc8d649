"""Going on with a text: a language model writes one symbol after the other, and reads each before the next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tuinet.data.vocabulary import END, START, UNKNOWN, Vocabulary
from tuinet.errors import TuinetError
from tuinet.model.decoding import check_sampling, draw, log_probabilities
from tuinet.nn.context import Arena, Context
from tuinet.nn.params import Array
from tuinet.nn.recurrent import State
from tuinet.nn.sequence import Sequence, steps_of

if TYPE_CHECKING:
    from tuinet.model.model import Model

PIECE = 1024
"""Symbols of a prompt that are read at a time; the state is carried, so a prompt may have any length."""

MAX_LENGTH = 100_000_000
"""Most symbols that are written."""

LENGTH = 500
"""Symbols that are written where nobody says how many."""


@dataclass(frozen=True)
class Generated:
    """What a language model made of a prompt.

    prompt   the text it went on with
    text     what it wrote, without the prompt
    ids      the symbols of `text`
    unknown  the symbols of the prompt that it does not know, each once
    seed     the same seed gives the same text
    """

    prompt: str
    text: str
    ids: tuple[int, ...]
    unknown: tuple[str, ...]
    seed: int


class Generation:
    """Writing in progress: iterating gives the text of one symbol after the other.

    A prompt's unknown symbols are read as `<unk>`. Without a prompt it begins as if after a line break, or after the
    most frequent symbol where there is none; that one is not part of the text. None of the special symbols is written.
    Raises TuinetError if the model is no language model, or what is asked for cannot be.
    """

    def __init__(
        self,
        model: Model,
        prompt: str = "",
        length: int = LENGTH,
        temperature: float = 1.0,
        top_k: int | None = None,
        seed: int | None = None,
    ) -> None:
        meta = model.meta
        if meta.task != "next-symbol" or meta.target_vocabulary is None or meta.vocabulary is None:
            raise TuinetError(f"{meta.name} was not trained to go on with a text", "Ask it with predict.")
        if not 1 <= length <= MAX_LENGTH:
            raise TuinetError(f"{length:,} symbols cannot be written", f"1 to {MAX_LENGTH:,}")
        check_sampling(temperature, top_k)
        self.model, self.prompt, self.length = model, prompt, length
        self.temperature, self.top_k = temperature, top_k
        self.seed = int(np.random.SeedSequence().generate_state(1)[0]) if seed is None else seed
        self.ids: list[int] = []
        """What has been written so far; of several iterations, by the last that was begun."""
        self._vocabulary = meta.target_vocabulary
        self._given = meta.vocabulary.encode(prompt)
        self.unknown = _unknown(meta.vocabulary, prompt) if (self._given == UNKNOWN).any() else ()
        self._context = Context(arena=Arena())

    def __iter__(self) -> Iterator[str]:
        given = self._given if len(self._given) else np.array([_first(self._vocabulary)])
        before = self._vocabulary.symbol(int(given[-1]))
        rng = np.random.default_rng(self.seed)
        self.ids = written = []  # each iteration begins again
        states: dict[str, State] | None = None
        scores = np.empty(0)
        for start in range(0, len(given), PIECE):
            scores, states = self._read(given[start : start + PIECE], states)
        for place in range(self.length):
            if place:
                scores, states = self._read(np.array(written[-1:]), states)
            allowed = log_probabilities(scores, (UNKNOWN, START, END))
            chosen = int(draw(allowed, self.temperature, self.top_k, rng.random(1))[0])
            written.append(chosen)
            symbol = self._vocabulary.symbol(chosen)
            yield _continued(self._vocabulary, before, symbol)
            before = symbol

    def _read(self, ids: Array, states: dict[str, State] | None) -> tuple[Array, dict[str, State]]:
        """The scores (1, V) of what follows the last of `ids`, and the states after it."""
        self._context.restart((0, 0, 0))
        model = self.model
        with np.errstate(all="ignore"):
            text = Sequence(ids, steps_of([len(ids)]))
            outputs, after, _ = model.network.run(model.params, text, states, self._context)
        return outputs.values[-1:], after


def generate(
    model: Model, prompt: str, length: int, temperature: float, top_k: int | None, seed: int | None
) -> Generated:
    """The whole text at once; see `Generation`."""
    writing = Generation(model, prompt, length, temperature, top_k, seed)
    text = "".join(writing)
    return Generated(prompt, text, tuple(writing.ids), writing.unknown, writing.seed)


def _first(vocabulary: Vocabulary) -> int:
    """What an empty prompt stands for: a line break, or the most frequent symbol."""
    return vocabulary.symbols.index("\n") if "\n" in vocabulary.symbols else END + 1


def _continued(vocabulary: Vocabulary, before: str, symbol: str) -> str:
    """The text of a symbol behind another: with a space before it where the text needs one."""
    join = vocabulary.tokens.join
    return join([before, symbol])[len(join([before])) :]


def _unknown(vocabulary: Vocabulary, prompt: str) -> tuple[str, ...]:
    """The symbols that are not known, each once, in order."""
    known = set(vocabulary.symbols[END + 1 :])
    return tuple(dict.fromkeys(symbol for symbol in vocabulary.tokens.iterate(prompt) if symbol not in known))
