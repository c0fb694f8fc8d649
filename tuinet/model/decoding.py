"""Writing a target symbol by symbol: the likeliest one each time, by chance, or several ways at once (a beam).

The probability of a target y of a source x is P(y | x) = Π P(yₜ | x, y₁ … yₜ₋₁), the end symbol being its last. Every
factor is a softmax over what may be written: `<unk>` and `<start>` may not. Answers are compared by log P / lengthᵅ,
where the end symbol counts: without it, the shortest answer would win nearly always.
Shapes: B sources, R answers in progress, V symbols.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import msgspec
import numpy as np

from tuinet.data.dataset import Indices
from tuinet.data.random import stream
from tuinet.data.vocabulary import END, START, UNKNOWN
from tuinet.errors import TuinetError
from tuinet.model.lengths import groups, lengths_of
from tuinet.model.prediction import not_a_number
from tuinet.model.signals import inputs_of
from tuinet.nn.context import Arena, Context
from tuinet.nn.params import Array
from tuinet.nn.recurrent import State
from tuinet.nn.seq2seq import Seq2Seq
from tuinet.nn.sequence import Ragged

if TYPE_CHECKING:
    from tuinet.model.model import Model

SOURCES = 128
"""Sources decoded at a time: their answers, not their lengths, decide how long a batch takes."""

MAX_BEAM = 100
"""Most answers followed at a time."""

NO_SEQUENCE = 100
"""Most symbols of the answer to a source that is no sequence, such as an image."""

States = dict[str, State]
Choose = Callable[[Array, Indices], Indices]
"""Of log probabilities (R, V), and which source each row answers (R,), one symbol a row."""


class Search(msgspec.Struct, frozen=True):
    """How an answer is looked for."""

    beam: int = 1
    """How many answers are followed at a time; 1: greedy, the likeliest symbol each time."""
    alpha: float = 1.0
    """The power of the length by which log P is divided. 0: not at all; 1: the mean of a symbol."""
    temperature: float | None = None
    """Symbols are drawn by chance, by softmax(scores / temperature). None: they are not. 0 is greedy."""
    top_k: int | None = None
    """By chance among the k likeliest only."""
    seed: int = 0
    """Fixes what is drawn: for a source the same, whatever other sources are asked beside it. Where the same source is
    asked several times, each time has an answer of its own."""
    limit: int | None = None
    """Most symbols of an answer. None: 2 × the source's + 20; 100 if the source is no sequence."""

    @property
    def greedy(self) -> bool:
        """Whether nothing is drawn by chance."""
        return self.temperature is None and self.top_k is None

    @property
    def heat(self) -> float:
        """The temperature of what is drawn."""
        return 1.0 if self.temperature is None else self.temperature

    def check(self) -> None:
        """Raises TuinetError for what cannot be."""
        if not 1 <= self.beam <= MAX_BEAM:
            raise TuinetError(f"a beam of {self.beam} is not possible", f"1 (greedy) to {MAX_BEAM}; 5 is usual.")
        if not 0 <= self.alpha <= 10:
            raise TuinetError(f"alpha {self.alpha:g} is not possible", "0 (lengths do not count) to 10; 1 is usual.")
        if self.limit is not None and self.limit < 1:
            raise TuinetError(f"an answer of at most {self.limit} symbols is none", "Allow at least 1.")
        if self.beam > 1 and not self.greedy:
            raise TuinetError("a beam looks for the likeliest answer and draws none by chance", "Choose one of them.")
        check_sampling(self.temperature, self.top_k)


class Hypothesis(NamedTuple):
    """An answer: its symbols without the end symbol, log P of them, and whether it came to its end."""

    ids: list[int]
    log_probability: float
    complete: bool

    def score(self, alpha: float) -> float:
        """log P / lengthᵅ."""
        return self.log_probability / max(1, len(self.ids) + self.complete) ** alpha


class Writer:
    """The decoder of a model, one step after the other."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.name = model.network.names()[0]
        self.layer = cast("Seq2Seq", model.network.layers[0])
        self._encoding, self._stepping = Context(arena=Arena()), Context(arena=Arena())

    def begin(self, raw: Array | Ragged) -> States:
        """Where the decoder begins for these raw sources, in their order."""
        ctx, params = self._encoding, self.model.params
        ctx.restart((0, 0, 0))
        with np.errstate(all="ignore"):
            source = inputs_of(self.model.meta, raw, ctx, params.vector.dtype)
            return self.layer.encode(params.scope(self.name), source, ctx)

    def step(self, ids: Indices, states: States) -> tuple[Array, States]:
        """log P (R, V) of what follows `ids` (R,), and the states after them."""
        self._stepping.restart((0, 0, 0))
        with np.errstate(all="ignore"):
            scores, after = self.layer.step(self.model.params.scope(self.name), ids, states, self._stepping)
            return log_probabilities(scores, (UNKNOWN, START)), after


def decode(model: Model, raw: Array | Ragged, search: Search) -> list[Hypothesis]:
    """The answer to each raw source. Sources of like length are decoded together, and leave when they are done.

    Raises TuinetError if the search is not possible or the model's scores are not numbers.
    """
    search.check()
    writer = Writer(model)
    lengths = lengths_of(raw, model.meta.input_shape)
    limits = _limits(model, lengths, search)
    chances = [] if search.greedy else _chances(raw, search.seed)
    found: list[Hypothesis | None] = [None] * len(raw)
    for places in groups(raw, max(1, SOURCES // search.beam)):
        states = writer.begin(raw[places])
        own = np.arange(len(raw))[places].tolist()
        choose = _likeliest if search.greedy else _drawn(search, [chances[place] for place in own])
        answers = write(writer, states, limits[places], choose)
        if search.beam > 1:  # the greedy answer is among those compared, so that a beam never finds a worse one
            pairs = zip(answers, beam(writer, states, limits[places], search), strict=True)
            answers = [max(pair, key=lambda one: _order(one, search.alpha)) for pair in pairs]
        for place, answer in zip(own, answers, strict=True):
            found[place] = answer
    return [answer for answer in found if answer is not None]


def write(writer: Writer, states: States, limits: Indices, choose: Choose) -> list[Hypothesis]:
    """One answer a source, each symbol as `choose` says."""
    count = len(limits)
    written: list[list[int]] = [[] for _ in range(count)]
    sums, complete = np.zeros(count), np.zeros(count, bool)
    running, ids = np.arange(count), np.full(count, START)  # (R,) which source, and its last symbol
    while running.size:
        scores, states = writer.step(ids, states)
        ids = choose(scores, running)
        sums[running] += scores[np.arange(len(ids)), ids]
        going = ids != END
        complete[running[~going]] = True
        for source, symbol in zip(running[going].tolist(), ids[going].tolist(), strict=True):
            written[source].append(symbol)
            going_on = len(written[source]) < limits[source]
            if not going_on:
                going[np.searchsorted(running, source)] = False
        if not going.all():
            running, ids, states = running[going], ids[going], _rows(states, going)
    return [Hypothesis(*each) for each in zip(written, sums.tolist(), complete.tolist(), strict=True)]


def beam(writer: Writer, states: States, limits: Indices, search: Search) -> list[Hypothesis]:
    """One answer a source: the best of those in the beam.

    Of all ways to go on by one symbol, the `width` likeliest are followed. One that ends leaves the beam, which is
    narrower by one from then on (Sutskever, Vinyals & Le 2014); the search ends when it is empty.
    """
    count = len(limits)
    width = np.full(count, search.beam)
    best: list[Hypothesis | None] = [None] * count

    def finish(source: int, answer: Hypothesis) -> None:
        other = best[source]
        if other is None or _order(answer, search.alpha) > _order(other, search.alpha):
            best[source] = answer

    owner = np.arange(count)  # (R,) the source of each answer in progress, ascending
    sums = np.zeros(count)
    ids = np.full(count, START)
    written = np.empty((count, 0), np.intp)  # (R, t)
    while owner.size:
        scores, states = writer.step(ids, states)
        row, symbol, total = _likeliest_ways(scores, sums, search.beam)
        source = owner[row]
        order = np.lexsort((-total, source))
        row, symbol, total, source = row[order], symbol[order], total[order], source[order]
        rank = np.arange(len(order)) - np.searchsorted(source, source)  # among the ways of one source
        kept = rank < width[source]
        row, symbol, total, source = row[kept], symbol[kept], total[kept], source[kept]
        ended = symbol == END
        for place in np.flatnonzero(ended).tolist():
            width[source[place]] -= 1
            finish(int(source[place]), Hypothesis(written[row[place]].tolist(), float(total[place]), True))
        going = ~ended
        full = going & (limits[source] <= written.shape[1] + 1)
        for place in np.flatnonzero(full).tolist():
            ids_so_far = [*written[row[place]].tolist(), int(symbol[place])]
            finish(int(source[place]), Hypothesis(ids_so_far, float(total[place]), False))
        going &= ~full
        row, ids, sums, owner = row[going], symbol[going], total[going], source[going]
        written = np.concatenate([written[row], ids[:, None]], axis=1)
        states = _rows(states, row)
    return [answer for answer in best if answer is not None]


def _likeliest_ways(scores: Array, sums: Array, width: int) -> tuple[Indices, Indices, Array]:
    """Row, symbol and log P of the `width` likeliest ways to go on from each of the R answers, in any order."""
    rows, symbols = scores.shape
    if width < symbols:
        picked: Indices = np.argpartition(scores, symbols - width, axis=1)[:, symbols - width :]
    else:
        picked = np.broadcast_to(np.arange(symbols), (rows, symbols))
    total = sums[:, None] + np.take_along_axis(scores, picked, axis=1)
    possible = np.isfinite(total)
    row = np.broadcast_to(np.arange(rows)[:, None], picked.shape)
    return row[possible], picked[possible], total[possible]


def log_probabilities(scores: Array, never: tuple[int, ...]) -> Array:
    """log softmax (R, V) of the scores over all symbols but those that may `never` be written, which get −∞.

    Raises TuinetError if a score is not a number.
    """
    scores = np.array(scores)
    scores[:, never] = -np.inf
    scores -= scores.max(axis=1, keepdims=True)
    scores -= np.log(np.exp(scores).sum(axis=1, keepdims=True))
    if np.isnan(scores[:, -1]).any():
        raise not_a_number()
    return scores


def check_sampling(temperature: float | None, top_k: int | None) -> None:
    """Raises TuinetError for what cannot be."""
    if temperature is not None and not 0 <= temperature < np.inf:
        raise TuinetError(f"a temperature of {temperature:g} is not possible", "0 is greedy, 1 as learnt, 2 wild.")
    if top_k is not None and top_k < 1:
        raise TuinetError(f"the {top_k} likeliest symbols are none", "Allow at least 1.")


def draw(scores: Array, temperature: float, top_k: int | None, chance: Array) -> Indices:
    """(R,) symbols by chance from softmax(scores / temperature), scores (R, V), among the `top_k` likeliest.

    `chance` (R,): a random number of 0 … 1 for each. Among equals at the edge, the first by number. Temperature 0: the
    likeliest.
    """
    if temperature == 0:
        return scores.argmax(axis=1)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :top_k]
    ranked = np.take_along_axis(scores, order, axis=1).astype(np.float64)
    with np.errstate(all="ignore"):
        weights = np.exp((ranked - ranked[:, :1]) / temperature)
    sums = weights.cumsum(axis=1)
    place = (sums <= chance[:, None] * sums[:, -1:]).sum(axis=1)
    return order[np.arange(len(order)), place]


def _likeliest(scores: Array, _: Indices) -> Indices:
    return scores.argmax(axis=1)


def _drawn(search: Search, chances: list[np.random.Generator]) -> Choose:
    """By chance, each source by random numbers of its own."""

    def choose(scores: Array, sources: Indices) -> Indices:
        chance = np.array([chances[source].random() for source in sources.tolist()])
        return draw(scores, search.heat, search.top_k, chance)

    return choose


def _chances(raw: Array | Ragged, seed: int) -> list[np.random.Generator]:
    """The random numbers of each raw source, from its values and how often they came before."""
    times: Counter[str] = Counter()
    found: list[np.random.Generator] = []
    for place in range(len(raw)):
        row = raw.row(place) if isinstance(raw, Ragged) else raw[place]
        mark = sha256(row.astype(np.float64).tobytes()).hexdigest()  # the same for ids of any type
        found.append(stream(seed, f"answer {times[mark]} to {mark}"))
        times[mark] += 1
    return found


def _order(answer: Hypothesis, alpha: float) -> tuple[bool, float]:
    """What is cut off at its limit is worse than whatever came to an end."""
    return answer.complete, answer.score(alpha)


def _limits(model: Model, lengths: Indices, search: Search) -> Indices:
    if search.limit is not None:
        return np.full(len(lengths), search.limit)
    return 2 * lengths + 20 if model.meta.input_shape.sequence else np.full(len(lengths), NO_SEQUENCE)


def _rows(states: States, rows: Any) -> States:
    return {name: tuple(array[rows] for array in state) for name, state in states.items()}
