"""A model as a table: its layers, what they cost, and how it came to be. Plain structs that can be JSON."""

from __future__ import annotations

import json

import msgspec
import numpy as np

from tuinet.data.preparation import Preparation, Standardize
from tuinet.data.vocabulary import END, Vocabulary
from tuinet.experiment.costs import kind_of, layer_rows, settings_in_words
from tuinet.experiment.report import LayerRow
from tuinet.model.meta import EpochRecord
from tuinet.model.model import Model


class Summary(msgspec.Struct, frozen=True):
    """All that can be said about a model without running it.

    name           what it is called
    task           what it does
    dtype          of its numbers: float32 or float64
    parameters     how many numbers it has learnt
    multiply_adds  its work for one sample, forwards; of sequences, for one step
    not_finite     how many of its parameters are no finite numbers
    input          the shape of one sample, as it is given; of sequences, of one step
    preparation    what is done with it before it goes into the network, step by step
    prepared       its shape then
    layers         its layers, in their order
    loss           what it was trained to make small
    targets        what comes out, in words
    labels         the names of its classes
    columns        the names of the columns that go in
    target_names   the names of the values that come out
    data           what it was trained on: the name of a data set, or the source and the division as JSON
    training       the settings of its training, in words
    seed           that of its training
    epochs         how often it has seen the data
    steps          how often its parameters were changed
    history        what was measured at the end of each epoch
    notes          whatever was written about it
    sequence       whether samples are sequences
    vocabulary     what a text that goes in is made of, in words; "" for none
    target_vocabulary  what a text that comes out is made of
    """

    name: str
    task: str
    dtype: str
    parameters: int
    multiply_adds: int
    not_finite: int
    input: tuple[int, ...]
    preparation: tuple[str, ...]
    prepared: tuple[int, ...]
    layers: tuple[LayerRow, ...]
    loss: str
    targets: str
    labels: tuple[str, ...]
    columns: tuple[str, ...]
    target_names: tuple[str, ...]
    data: str
    training: str
    seed: int
    epochs: int
    steps: int
    history: tuple[EpochRecord, ...]
    notes: str
    sequence: bool = False
    vocabulary: str = ""
    target_vocabulary: str = ""


def summarize(model: Model) -> Summary:
    """Everything `tuinet inspect` shows. `not_finite` counts weights that are no finite numbers."""
    meta = model.meta
    layers = layer_rows(model.network, model.network.shapes(model.prepared_shape))
    return Summary(
        name=meta.name,
        task=meta.task,
        dtype=model.params.vector.dtype.name,
        parameters=model.parameter_count,
        multiply_adds=sum(layer.multiply_adds for layer in layers),
        not_finite=int(model.parameter_count - np.isfinite(model.params.vector).sum()),
        input=meta.input_shape.sizes,
        preparation=tuple(map(_preparation, meta.preparation)),
        prepared=model.prepared_shape.sizes,
        layers=layers,
        loss=f"{kind_of(meta.loss)} {settings_in_words(meta.loss)}".strip(),
        targets=_targets(model),
        labels=meta.labels,
        columns=tuple(column.name for column in meta.columns),
        target_names=meta.target_names,
        data=meta.data,
        training=meta.training,
        seed=meta.seed,
        epochs=meta.epochs,
        steps=meta.steps,
        history=meta.history,
        notes=meta.notes,
        sequence=meta.input_shape.sequence,
        vocabulary=_vocabulary(meta.vocabulary),
        target_vocabulary=_vocabulary(meta.target_vocabulary),
    )


def data_in_words(said: str) -> str:
    """What a model was trained on, where it holds that as JSON: the data set's name and its settings."""
    if not said.startswith("{"):
        return said
    try:
        source = dict(json.loads(said)["source"])
        return ", ".join([str(source.pop("kind")), *(f"{name} {value}" for name, value in source.items())])
    except (ValueError, TypeError, KeyError, RecursionError):
        return said


def _vocabulary(known: Vocabulary | None) -> str:
    """Like "68 characters: ' ', 'e', 't' …": how many are known, and the most frequent."""
    if known is None:
        return ""
    first = ", ".join(map(repr, known.symbols[END + 1 :][:8]))
    lowercase = ", small letters only" if known.tokens.lowercase else ""
    return f"{len(known) - END - 1:,} {known.tokens.unit}{lowercase}: {first}" + (" …" if len(known) > END + 9 else "")


def _preparation(step: Preparation) -> str:
    if isinstance(step, Standardize):  # its numbers would fill pages
        step = msgspec.structs.replace(step, mean=None, deviation=None)
    return f"{kind_of(step)} {settings_in_words(step)}".strip()


def _targets(model: Model) -> str:
    coding = model.meta.coding
    match coding.kind:
        case "ids":
            named = "classes" if model.meta.target_vocabulary is None else "symbols"
            when = " at every step" if model.meta.answers_steps else ""
            return f"{coding.classes} {named}, one output each{when}"
        case "one-hot":
            return f"{coding.classes} classes, one output each, {coding.high:g} for the class, {coding.low:g} elsewhere"
        case "binary":
            return f"{coding.classes} classes as binary numbers of {coding.low:g} and {coding.high:g}"
        case "values":
            return f"{model.output_size} values"
