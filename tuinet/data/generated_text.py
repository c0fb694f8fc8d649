"""Texts made by a rule: small tasks that show what a network over sequences can and cannot learn.

Each is a source with a training, a validation and a test part of its own; no question of one part is asked in another
(but for `recall`, where only the first symbol is a question).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, ClassVar

import msgspec
import numpy as np

from tuinet.data.dataset import SPLITS, Dataset, DatasetInfo, Split, Task
from tuinet.data.generated import Ids, Seed
from tuinet.data.random import stream
from tuinet.data.texts import Texts
from tuinet.data.vocabulary import Tokens
from tuinet.errors import TuinetError
from tuinet.nn.layer import Shape
from tuinet.nn.sequence import Ragged

Samples = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Others = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
Length = Annotated[int, msgspec.Meta(ge=1, le=10_000)]

LETTERS = "abcdefghijklmnopqrstuvwxyz"

MAX_CHARACTERS = 200_000_000
"""Most characters of a generated set."""


class GeneratedText(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="kind"):
    """A set of texts made by a rule, of characters on both sides."""

    task: ClassVar[Task] = "seq2seq"

    samples: Samples = 10_000
    """Samples to learn from."""
    validation: Others = 1000
    """Samples to validate on."""
    test: Others = 1000
    """Samples to test on."""
    seed: Seed | None = None
    """Fixes the samples. Unset: they follow from the experiment's seed."""

    def load(self, base: Path, seed: int) -> Dataset:
        """Raises TuinetError where the settings contradict each other, or allow fewer different samples."""
        info = self.describe(base)
        rng = stream(seed if self.seed is None else self.seed, info.name)
        return Dataset(
            info.name,
            info.task,
            info.input_shape,
            self.parts(rng, info.sizes),
            labels=info.labels,
            tokens=info.tokens,
            target_tokens=info.target_tokens,
        )

    def describe(self, base: Path) -> DatasetInfo:
        self.check()
        wanted = dict(zip(SPLITS, (self.samples, self.validation, self.test), strict=True))
        return DatasetInfo(
            str(self.__struct_config__.tag),
            self.task,
            Shape.tokens(0),
            {name: size for name, size in wanted.items() if size},
            self.class_names,
            tokens=Tokens(),
            target_tokens=Tokens() if self.task == "seq2seq" else None,
        )

    @property
    def class_names(self) -> tuple[str, ...]:
        return ()

    @property
    def total(self) -> int:
        return self.samples + self.validation + self.test

    def check(self) -> None:
        """Raises TuinetError where the settings contradict each other."""

    def parts(self, rng: np.random.Generator, sizes: Mapping[str, int]) -> dict[str, Split]:
        raise NotImplementedError

    def refuse(self, field: str, why: str, hint: str = "") -> TuinetError:
        return TuinetError(f"data.source.{field}: {why}", hint)


class Copy(GeneratedText, frozen=True, tag="copy"):
    """Random letters, to be written again as they are."""

    minimum_length: Length = 3
    """Letters of the shortest text."""
    maximum_length: Length = 10
    """Letters of the longest text."""
    letters: Annotated[int, msgspec.Meta(ge=1, le=26)] = 26
    """How many letters of the alphabet there are."""

    def check(self) -> None:
        check_lengths(self, self.minimum_length, self.maximum_length)

    def parts(self, rng: np.random.Generator, sizes: Mapping[str, int]) -> dict[str, Split]:
        def draw(count: int) -> list[str]:
            lengths = rng.integers(self.minimum_length, self.maximum_length + 1, count)
            return random_texts(rng, lengths, LETTERS[: self.letters])

        texts = different(rng, draw, self.total)
        return _pairs(texts, [self.answer(text) for text in texts], sizes)

    def answer(self, text: str) -> str:
        return text


class Reverse(Copy, frozen=True, tag="reverse"):
    """Random letters, to be written from the last to the first."""

    def answer(self, text: str) -> str:
        return text[::-1]


class Add(GeneratedText, frozen=True, tag="add"):
    """Two whole numbers as text, such as `12+345`, and their sum, `357`.

    Short numbers are drawn as often as long ones; since no sum comes twice, there are fewer of them.
    """

    samples: Samples = 20_000
    digits: Annotated[int, msgspec.Meta(ge=1, le=18)] = 3
    """Digits of the largest number."""

    def parts(self, rng: np.random.Generator, sizes: Mapping[str, int]) -> dict[str, Split]:
        def numbers(count: int) -> Ids:
            digits = rng.integers(1, self.digits + 1, count)
            return rng.integers(np.where(digits == 1, 0, 10 ** (digits - 1)), 10**digits)

        def draw(count: int) -> list[str]:
            return [f"{a}+{b}" for a, b in zip(numbers(count).tolist(), numbers(count).tolist(), strict=True)]

        texts = different(rng, draw, self.total)
        return _pairs(texts, [str(sum(map(int, text.split("+")))) for text in texts], sizes)


class Recall(GeneratedText, frozen=True, tag="recall"):
    """One capital letter, then small ones that say nothing: which capital was it?

    The network must carry the first symbol over `distance` others. Chance names one in `symbols`.
    """

    task: ClassVar[Task] = "classification"

    samples: Samples = 5000
    distance: Length = 20
    """How many letters follow the one to remember."""
    more: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 0
    """Up to how many further letters follow, so that the end comes at different times."""
    symbols: Annotated[int, msgspec.Meta(ge=2, le=26)] = 8
    """How many letters there are to remember."""
    distractors: Annotated[int, msgspec.Meta(ge=1, le=26)] = 8
    """How many different letters follow."""

    @property
    def class_names(self) -> tuple[str, ...]:
        return tuple(LETTERS[: self.symbols].upper())

    def check(self) -> None:
        if self.total * (self.distance + self.more) > MAX_CHARACTERS:
            hint = "take fewer samples, or a smaller distance"
            raise self.refuse("distance", f"more than the {MAX_CHARACTERS:,} characters a set may have", hint)

    def parts(self, rng: np.random.Generator, sizes: Mapping[str, int]) -> dict[str, Split]:
        classes = rng.integers(0, self.symbols, self.total)
        lengths = rng.integers(self.distance, self.distance + self.more + 1, self.total)
        rest = random_texts(rng, lengths, LETTERS[: self.distractors])
        names = self.class_names
        texts = [names[which] + text for which, text in zip(classes.tolist(), rest, strict=True)]
        return {name: Split(Texts(texts[part]), classes[part].astype(np.int32)) for name, part in slices(sizes).items()}


class Brackets(GeneratedText, frozen=True, tag="brackets"):
    """Brackets of several kinds among letters: of every symbol, whether it is a bracket that is matched.

    Two brackets of one kind match if what lies between them is balanced: every bracket in it has its match in it.
    An opening bracket must look ahead for that, a closing one back, so a network needs both directions.
    """

    task: ClassVar[Task] = "tagging"
    pairs: ClassVar[tuple[str, ...]] = ("()", "[]", "{}", "<>")

    samples: Samples = 5000
    minimum_length: Length = 10
    """Symbols of the shortest text."""
    maximum_length: Length = 40
    """Symbols of the longest text."""
    kinds: Annotated[int, msgspec.Meta(ge=1, le=4)] = 3
    """How many kinds of brackets there are: round, square, curly, pointed."""
    faults: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)] = 0.1
    """The share of symbols put there at random, which leaves brackets without their match."""

    @property
    def class_names(self) -> tuple[str, ...]:
        return ("other", "matched", "unmatched")

    def check(self) -> None:
        check_lengths(self, self.minimum_length, self.maximum_length)

    def parts(self, rng: np.random.Generator, sizes: Mapping[str, int]) -> dict[str, Split]:
        kinds = self.pairs[: self.kinds]

        def draw(count: int) -> list[str]:
            lengths = rng.integers(self.minimum_length, self.maximum_length + 1, count)
            return [bracketed(rng, length, kinds, self.faults) for length in lengths.tolist()]

        texts = different(rng, draw, self.total)
        tags = [np.array(bracket_tags(text, kinds), np.uint8) for text in texts]
        return {
            name: Split(Texts(texts[part]), Ragged.of(tags[part], np.uint8)) for name, part in slices(sizes).items()
        }


def bracketed(rng: np.random.Generator, length: int, kinds: tuple[str, ...], faults: float) -> str:
    """A text that would be balanced if no symbol were put there at random."""
    opening, closing = "".join(pair[0] for pair in kinds), "".join(pair[1] for pair in kinds)
    draws = rng.random((length, 3)).tolist()
    some = opening + closing + LETTERS[: len(kinds)]
    stack: list[int] = []
    symbols: list[str] = []
    for place, (fault, what, which) in enumerate(draws):
        left = length - place
        if fault < faults:
            symbols.append(some[int(which * len(some))])
        elif stack and (what < 0.35 or len(stack) >= left):
            symbols.append(closing[stack.pop()])
        elif what < 0.7 and len(stack) + 1 < left:
            stack.append(int(which * len(kinds)))
            symbols.append(opening[stack[-1]])
        else:
            symbols.append(LETTERS[int(which * len(LETTERS))])
    return "".join(symbols)


def bracket_tags(text: str, kinds: tuple[str, ...]) -> list[int]:
    """Of every symbol: 0 it is no bracket, 1 it is matched, 2 it is not. One pass: a closing bracket that does not
    match the last open one stands between all that are open and whatever follows, so none of them can be matched."""
    opening = {pair[0]: pair[1] for pair in kinds}
    closing = {pair[1] for pair in kinds}
    tags = [2 if symbol in opening or symbol in closing else 0 for symbol in text]
    stack: list[int] = []
    for place, symbol in enumerate(text):
        if symbol in opening:
            stack.append(place)
        elif symbol in closing:
            if stack and opening[text[stack[-1]]] == symbol:
                tags[stack.pop()] = tags[place] = 1
            else:
                stack.clear()
    return tags


def check_lengths(source: GeneratedText, shortest: int, longest: int) -> None:
    if shortest > longest:
        raise source.refuse("minimum_length", f"{shortest} is more than maximum_length, {longest}")
    if source.total * longest > MAX_CHARACTERS:
        hint = "take fewer samples, or a smaller length"
        raise source.refuse("maximum_length", f"more than the {MAX_CHARACTERS:,} characters a set may have", hint)


def random_texts(rng: np.random.Generator, lengths: Ids, letters: str) -> list[str]:
    """One text of each length, every letter as likely."""
    known = np.frombuffer(letters.encode("ascii"), np.uint8)
    text = known[rng.integers(0, len(known), int(lengths.sum()))].tobytes().decode("ascii")
    ends = np.cumsum(lengths).tolist()
    return [text[end - length : end] for end, length in zip(ends, lengths.tolist(), strict=True)]


def different(rng: np.random.Generator, draw: Callable[[int], list[str]], count: int) -> list[str]:
    """`count` different texts. Raises TuinetError if they do not come.

    They are shuffled: what is rare among the possible texts is found early, and would else be in the first part only.
    """
    found: dict[str, None] = {}
    for _ in range(100):
        found.update(dict.fromkeys(draw(count)))
        if len(found) >= count:
            texts = [*found][:count]
            return [texts[place] for place in rng.permutation(count).tolist()]
    raise TuinetError(
        f"data.source: {count:,} different samples were wanted, but after many tries there were {len(found):,}",
        "take fewer samples, or settings that allow more of them",
    )


def slices(sizes: Mapping[str, int]) -> dict[str, slice]:
    """Where each part lies if they lie one after the other."""
    ends = np.cumsum([*sizes.values()]).tolist()
    return {name: slice(end - size, end) for (name, size), end in zip(sizes.items(), ends, strict=True)}


def _pairs(sources: list[str], targets: list[str], sizes: Mapping[str, int]) -> dict[str, Split]:
    return {name: Split(Texts(sources[part]), Texts(targets[part])) for name, part in slices(sizes).items()}
