"""How good the answers are that a model writes by itself, without being fed the true symbols.

Rows with the same source are alternative answers: each source is asked once, and any of its targets is right.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tuinet.data.dataset import Data, Split
from tuinet.data.encoding import encode_split
from tuinet.data.texts import Texts
from tuinet.errors import TuinetError
from tuinet.model.answers import require
from tuinet.model.decoding import Search, decode
from tuinet.model.raw import finite
from tuinet.nn.metrics import edit_distance
from tuinet.nn.sequence import Ragged

if TYPE_CHECKING:
    from tuinet.model.model import Model

BLOCK = 4096
"""Sources decoded before their figures are added up. Memory grows with the data only where BLEU and chrF, which want
all answers at once, are computed."""


@dataclass
class Written:
    """Answers and what they should have been.

    texts       the answers as text
    references  of each, the texts that are right
    """

    texts: list[str]
    references: list[list[str]]


def evaluate(model: Model, split: Split, search: Search, limit: int | None = None) -> dict[str, float | int]:
    """Figures of the answers to every different source of the part, or to `limit` of them, evenly spread.

    sources              how many were asked
    exact                the share of answers that are, symbol by symbol, one of those given
    sequence-error-rate  1 − exact: of a lexicon such as cmudict the word error rate
    symbol-error-rate    edits (`edit_distance`) to the nearest answer given, per symbol of that answer
    cut-off              answers that did not come to an end
    bleu, chrf           0 … 100, by sacrebleu, where it is installed and the answers are words

    Raises TuinetError if the part is empty or the model writes no answers.
    """
    require(model.meta, "seq2seq")
    if not len(split):
        raise TuinetError(f"there are no samples to evaluate {model.meta.name} on")
    rows = _rows_of_sources(split)
    if limit is not None and limit < len(rows):
        rows = [rows[place] for place in np.linspace(0, len(rows) - 1, limit).astype(int).tolist()]
    exact = edits = symbols = cut_off = 0
    written = Written([], []) if has_bleu(model) else None
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        sources, _ = _encoded(model, split.take([own[0] for own in block])).take(slice(None))
        places = [row for own in block for row in own]
        given = split.take(places)
        _, targets = _encoded(model, given).take(slice(None))
        assert isinstance(targets, Ragged)
        row = 0
        for own, answer in zip(block, decode(model, finite(sources), search), strict=True):
            right = [targets.row(place).tolist() for place in range(row, row + len(own))]
            distance, length = min((edit_distance(each, answer.ids), len(each)) for each in right)
            exact += distance == 0
            edits, symbols, cut_off = edits + distance, symbols + length, cut_off + (not answer.complete)
            if written is not None:
                written.texts.append(_text(model, answer.ids))
                written.references.append(_references(model, given[1], range(row, row + len(own))))
            row += len(own)
    found: dict[str, float | int] = {
        "sources": len(rows),
        "exact": exact / len(rows),
        "sequence-error-rate": (len(rows) - exact) / len(rows),
        "symbol-error-rate": edits / max(1, symbols),
        "cut-off": cut_off,
    }
    return found if written is None else found | bleu_and_chrf(model, written)


def has_bleu(model: Model) -> bool:
    """Whether BLEU and chrF can be computed of its answers: sacrebleu is there, and they are no bare symbols, such as
    phonemes."""
    vocabulary = model.meta.target_vocabulary
    return vocabulary is not None and vocabulary.tokens.unit == "words" and has_sacrebleu()


def bleu_and_chrf(model: Model, written: Written) -> dict[str, float | int]:
    """BLEU (Papineni et al. 2002) and chrF (Popović 2015), 0 … 100, by sacrebleu."""
    import sacrebleu

    vocabulary = model.meta.target_vocabulary
    assert vocabulary is not None
    most = max(map(len, written.references))
    # sacrebleu wants as many streams as the most answers a source has, and None where it has fewer.
    streams: list[Any] = [
        [own[place] if place < len(own) else None for own in written.references] for place in range(most)
    ]
    lowercase = vocabulary.tokens.lowercase
    bleu = sacrebleu.corpus_bleu(written.texts, streams, lowercase=lowercase, force=True)
    chrf = sacrebleu.CHRF(lowercase=lowercase).corpus_score(written.texts, streams)
    return {"bleu": float(bleu.score), "chrf": float(chrf.score)}


def has_sacrebleu() -> bool:
    """Whether BLEU and chrF can be computed."""
    from importlib.util import find_spec

    return find_spec("sacrebleu") is not None


def _rows_of_sources(split: Split) -> list[list[int]]:
    """The rows of each different source, in the order in which the sources come first. An image is its own source."""
    if not isinstance(split.inputs, Texts | Ragged):
        return [[row] for row in range(len(split))]
    inputs: Data = split.inputs if split.rows is None else split.inputs[split.rows]
    found: dict[str | bytes, list[int]] = {}
    for row in range(len(inputs)):
        key = inputs.row(row) if isinstance(inputs, Texts) else inputs.row(row).tobytes()  # type: ignore[union-attr]
        found.setdefault(key, []).append(row)
    return list(found.values())


def _encoded(model: Model, taken: tuple[Data, Data]) -> Split:
    meta = model.meta
    return encode_split(Split(*taken), meta.task, meta.vocabulary, meta.target_vocabulary)


def _text(model: Model, ids: list[int]) -> str:
    vocabulary = model.meta.target_vocabulary
    assert vocabulary is not None
    return vocabulary.decode(ids)


def _references(model: Model, targets: Data, rows: range) -> list[str]:
    """The targets as they were given, or, where they came as numbers, as text again."""
    if isinstance(targets, Texts):
        return [targets.row(row) for row in rows]
    assert isinstance(targets, Ragged)
    return [_text(model, targets.row(row).tolist()) for row in rows]
