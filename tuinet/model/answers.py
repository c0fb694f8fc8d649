"""What models over sequences say: translations and captions, and tags, as plain values."""

from __future__ import annotations

from collections.abc import Sequence as Several
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tuinet.errors import TuinetError
from tuinet.model.decoding import Search, decode, log_probabilities
from tuinet.model.lengths import groups
from tuinet.model.prediction import never_said
from tuinet.model.raw import finite
from tuinet.model.signals import answers
from tuinet.nn.params import Array
from tuinet.nn.sequence import Ragged, Sequence, unpack

if TYPE_CHECKING:
    from tuinet.model.meta import Meta
    from tuinet.model.model import Model


@dataclass(frozen=True)
class Translation:
    """What a model that writes a target said about one source.

    text             the answer
    tokens           its symbols
    ids              their numbers in the target's vocabulary, without the end symbol
    score            log P(answer | source) / lengthᵅ: what answers are compared by (the length counts the end symbol)
    log_probability  log P(answer | source)
    complete         whether it came to its end; False: it was cut off where an answer may grow no longer
    """

    text: str
    tokens: tuple[str, ...]
    ids: tuple[int, ...]
    score: float
    log_probability: float
    complete: bool


@dataclass(frozen=True)
class Tagging:
    """What a model that tags said about one sequence, step by step.

    tokens  the symbols of the text; () if the input was none
    tags    one a step, their `ids`, and their `probabilities`
    """

    tokens: tuple[str, ...]
    tags: tuple[str, ...]
    ids: tuple[int, ...]
    probabilities: tuple[float, ...]


ASK = {
    "classification": "predict",
    "regression": "predict",
    "tagging": "tag",
    "next-symbol": "generate",
    "seq2seq": "translate",
}
"""The method of a model that answers its task."""

DOES = {
    "classification": "tells classes apart",
    "regression": "gives values",
    "tagging": "tags every symbol",
    "next-symbol": "goes on with a text",
    "seq2seq": "writes an answer",
}


def require(meta: Meta, *tasks: str) -> None:
    """Raises TuinetError, with what to ask instead, unless the model is for one of these tasks."""
    if meta.task not in tasks:
        raise TuinetError(
            f"{meta.name} {DOES[meta.task]}, it does not do this: {ASK[tasks[0]]}", f"Ask it to {ASK[meta.task]}."
        )


def translate(model: Model, sources: Any, search: Search) -> list[Translation]:
    """The answer to each source; see `Model.translate`."""
    require(model.meta, "seq2seq")
    vocabulary = model.meta.target_vocabulary
    assert vocabulary is not None
    return [
        Translation(
            text=vocabulary.decode(found.ids),
            tokens=tuple(map(vocabulary.symbol, found.ids)),
            ids=tuple(found.ids),
            score=found.score(search.alpha),
            log_probability=found.log_probability,
            complete=found.complete,
        )
        for found in decode(model, finite(model.raw(sources)), search)
    ]


def tag(model: Model, inputs: Any) -> list[Tagging]:
    """The tags of each sequence; see `Model.tag`."""
    meta = model.meta
    require(meta, "tagging")
    raw = finite(model.raw(inputs))
    never = tuple(range(never_said(meta)))
    names = meta.labels if meta.target_vocabulary is None else meta.target_vocabulary.symbols
    tokens = symbols_of(model, inputs)
    found: list[Tagging | None] = [None] * len(raw)
    for places in groups(raw, model.batch_size):
        for outputs in model.run([raw[places]]):
            scores = log_probabilities(answers(outputs), never)
            ids = scores.argmax(axis=1)
            likely = np.exp(np.take_along_axis(scores, ids[:, None], axis=1))[:, 0]
            own_places = np.arange(len(raw))[places].tolist()
            for place, (own, sure) in zip(own_places, _rows(outputs, ids, likely), strict=True):
                tags = tuple(names[number] for number in own)
                found[place] = Tagging(tokens[place] if tokens else (), tags, tuple(own), tuple(sure))
    return [each for each in found if each is not None]


def symbols_of(model: Model, inputs: Any) -> list[tuple[str, ...]]:
    """The symbols of each input text as they stand there, known or not; [] if the inputs are no texts."""
    vocabulary = model.meta.vocabulary
    if vocabulary is None or isinstance(inputs, np.ndarray):
        return []
    if isinstance(inputs, Ragged):
        return [tuple(map(vocabulary.symbol, inputs.row(row).tolist())) for row in range(len(inputs))]
    texts: Several[str] = [inputs] if isinstance(inputs, str) else inputs
    return [tuple(vocabulary.tokens.iterate(text)) for text in texts]


def _rows(outputs: Sequence, *values: Array) -> list[tuple[list[Any], ...]]:
    """Values (N,) of the steps, of each sample, in their order."""
    whole = [unpack(Sequence(each, outputs.steps)) for each in values]
    return [tuple(each.row(row).tolist() for each in whole) for row in range(len(whole[0]))]
