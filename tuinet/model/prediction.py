"""What a model says about some inputs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tuinet.data.vocabulary import END
from tuinet.errors import TuinetError
from tuinet.model.meta import Meta
from tuinet.nn.losses import apply_activation
from tuinet.nn.params import Array


@dataclass(frozen=True, eq=False)
class Prediction:
    """For N inputs and S outputs, in arrays of its own:

    outputs  (N, S) what the last layer gives (logits, if the loss has softmax or sigmoid fused)
    scores   (N, S) probabilities for cross-entropies, signs for perceptrons, else the outputs
    ids      (N,) class ids, and their `labels`; None for regression
    meta     what the model knows about its outputs
    """

    outputs: Array
    scores: Array
    ids: Array | None
    labels: list[str] | None
    meta: Meta

    def __len__(self) -> int:
        return len(self.outputs)

    def ranking(self, k: int) -> Array:
        """(N, min(k, classes)) class ids, the likeliest first; equal ones in the order of their ids.

        With one output a class, by the outputs; with a binary code, by the distance to each class's code word.
        """
        if self.ids is None:
            raise ValueError("a regression ranks no classes")
        coding = self.meta.coding
        if coding.kind == "binary":
            key = ((self.scores[:, None, :] - coding.words()) ** 2).sum(axis=2)  # (N, C)
            key[np.arange(len(self)), self.ids] = -1.0  # what `ids` says comes first, also where two are as near
        else:
            key = -self.outputs
        return np.argsort(key, axis=1, kind="stable")[:, :k]


def not_a_number(name: str = "") -> TuinetError:
    """What is said of an answer that is not finite; `name`: to which input."""
    return TuinetError(
        f"{name + ': ' if name else ''}the model's answer is not a number",
        "Its weights are not finite, or they or the input are too large: tuinet inspect MODEL --view health",
    )


def predicted(meta: Meta, outputs: Array) -> Prediction:
    """What `outputs` (N, S) mean."""
    scores = apply_activation(meta.loss, outputs)
    if meta.task == "regression":
        return Prediction(outputs, scores, None, None, meta)
    ids = decode(meta, outputs, scores)
    return Prediction(outputs, scores, ids, [meta.labels[i] for i in ids], meta)


def never_said(meta: Meta) -> int:
    """The first so many ids are no answer: of tags that are symbols, those that stand for no tag, as in decoding."""
    return END + 1 if meta.task == "tagging" and meta.target_vocabulary is not None else 0


def decode(meta: Meta, outputs: Array, scores: Array | None = None) -> Array:
    """The class ids (N,) that outputs (N, S) stand for.

    One output a class: the largest output, which no rounding of softmax can blur. Binary codes: each score against
    the middle (for a fused sigmoid the outputs are logits, and their middle would be another).
    """
    if meta.coding.kind != "binary":
        first = never_said(meta)
        return first + meta.coding.decode(outputs[:, first:])
    return meta.coding.decode(apply_activation(meta.loss, outputs) if scores is None else scores)
