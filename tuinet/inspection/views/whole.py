"""The model as a whole, at rest: its layers and what they cost, its weights in figures, how it was trained."""

from __future__ import annotations

import json
from collections.abc import Iterable

import numpy as np

from tuinet.errors import TuinetError
from tuinet.experiment.costs import size_in_words
from tuinet.inspection.question import Node, Offer, Question
from tuinet.inspection.scaled import dot
from tuinet.inspection.summary import data_in_words, summarize
from tuinet.inspection.tensor_statistics import histogram_of, histogram_view, statistics_of
from tuinet.inspection.view import Axis, Cell, Seen, Table, View
from tuinet.model.meta import EpochRecord
from tuinet.model.model import Model
from tuinet.nn.params import Array

LOWER_IS_BETTER = ("loss", "mse", "errors", "perplexity", "bits")
CURVES = ("loss", "accuracy", "mse", "r2", "perplexity")
"""The figures of a history that are drawn, in this order."""


def layers(question: Question) -> tuple[Seen, ...]:
    """The layer table. FLOPs = 2 · multiply-adds of one sample forwards, memory in bytes."""
    model = question.model
    summary, width = summarize(model), model.params.vector.dtype.itemsize
    rows: list[tuple[Cell, ...]] = []
    activations = 0
    for layer in summary.layers:
        values = width * int(np.prod(layer.output, dtype=np.int64)) if layer.kind != "seq2seq" else 0
        activations += values
        shape = "×".join(("T",) * layer.steps + tuple(map(str, layer.output)))
        flops, held = 2 * layer.multiply_adds, width * layer.parameters
        rows.append((layer.name, layer.kind, layer.settings, shape, layer.parameters, flops, held, values))
    steps = any(layer.steps for layer in summary.layers)
    total = (summary.parameters, 2 * summary.multiply_adds, width * summary.parameters, activations)
    rows.append(("total", "", "", "", *total))
    one = "one step of a sequence (T steps)" if steps else "one sample"
    notes = (
        f"FLOPs = 2 × multiply-adds of {one}, forwards",
        f"memory in bytes of {summary.dtype}: parameters {size_in_words(total[2])}, "
        f"what the layers put out for {one} {size_in_words(activations)}",
    )
    columns = ("layer", "kind", "settings", "output", "parameters", "FLOPs", "parameter bytes", "activation bytes")
    return (Table("layers", columns, tuple(rows), f"{summary.name}: {summary.task}", notes),)


def statistics(question: Question) -> tuple[Seen, ...]:
    """Figures of every parameter, of the whole model or of one layer, over its finite values."""
    rows: list[tuple[Cell, ...]] = []
    broken = 0
    for name, array in _parameters(question):
        found = statistics_of([array], array.size)
        values = _finite(array)
        norm = dot(values, values).root().number if values.size else None
        figures = (found.mean, found.deviation, found.minimum, found.maximum, norm)
        lost = found.nan + found.infinite
        broken += lost
        rows.append((name, "×".join(map(str, array.shape)), *figures, found.zeros, lost))
    columns = ("parameter", "shape", "mean", "deviation", "min", "max", "norm", "share of zeros", "not finite")
    notes = (f"{broken:,} values are not finite numbers, and are left out",) if broken else ()
    return (Table("statistics", columns, tuple(rows), "the parameters in figures", notes),)


def histogram(question: Question) -> tuple[Seen, ...]:
    """How the weights are spread: all of the model together, or each parameter of a layer."""
    if question.node is None:
        return (_histogram("all parameters", question.model.params.vector),)
    return tuple(_histogram(name, array) for name, array in _parameters(question))


def curves(question: Question) -> tuple[Seen, ...]:
    """Loss, accuracy … after each epoch, of training and validation. Raises TuinetError if the model has no history."""
    meta = question.model.meta
    if not meta.history:
        raise TuinetError(f"{meta.name} has no history of its training", "A model that tuinet trained has one.")
    known = [part for record in meta.history for part in _parts(record)]
    found = [name for name in CURVES if any(part.get(name) is not None for part in known)]
    if not found:
        raise TuinetError(f"the history of {meta.name} holds no finite figures", "Train with a lower rate.")
    return tuple(_curve(name, meta.history) for name in found)


def training(question: Question) -> tuple[Seen, ...]:
    """How the model came to be."""
    meta, summary = question.model.meta, summarize(question.model)
    facts: list[tuple[str, Cell]] = [
        ("data", data_in_words(meta.data)),
        ("divided into", _split(meta.data)),
        ("prepared by", ", then ".join(summary.preparation)),
        ("settings", meta.training),
        ("loss", summary.loss),
        ("targets", summary.targets),
        ("epochs", meta.epochs or None),
        ("steps", meta.steps or None),
        ("seed", meta.seed),
        ("notes", meta.notes),
    ]
    if meta.history:
        last = meta.history[-1]
        for name, part in (("training", last.train), ("validation", last.validation)):
            told = ", ".join(f"{key} {value:.4g}" for key, value in (part or {}).items() if value is not None)
            facts.append((f"{name}, epoch {last.epoch}", told))
    rows = tuple((name, value) for name, value in facts if value not in ("", None))
    return (Table("training", ("fact", "value"), rows, f"how {meta.name} was trained"),)


def _parameters(question: Question) -> Iterable[tuple[str, Array]]:
    """Of the layer that is asked about, or of all."""
    params = question.node.params if question.node is not None else question.model.params
    return params.items()


def _finite(array: Array) -> Array:
    """The finite values, in float64."""
    values = array.astype(np.float64).ravel()
    return values[np.isfinite(values)]


def _histogram(name: str, array: Array) -> View:
    return histogram_view(name, name, histogram_of([array], statistics_of([array], array.size)))


def _parts(record: EpochRecord) -> list[dict[str, int | float | None]]:
    return [dict(part) for part in (record.train, record.validation) if part is not None]


def _curve(name: str, history: tuple[EpochRecord, ...]) -> View:
    """One figure over the epochs: a line for training, one for validation if there was any."""
    lines = {
        "train": [_number(record.train.get(name)) for record in history],
        "validation": [_number((record.validation or {}).get(name)) for record in history],
    }
    lines = {line: values for line, values in lines.items() if not np.isnan(values).all()}
    data = np.array(list(lines.values())).reshape(len(lines), len(history))
    epochs = np.array([record.epoch for record in history], np.float64)
    notes: list[str] = []
    for line, values in zip(lines, data, strict=True):
        best = int(np.nanargmin(values) if name in LOWER_IS_BETTER else np.nanargmax(values))
        notes.append(f"best {line} {name}: {values[best]:.4g} after epoch {history[best].epoch}")
    axes = (Axis("line", tuple(lines)), Axis("epoch"))
    return View(name, "series", axes, data, epochs, title=f"{name} after each epoch", notes=tuple(notes))


def _number(value: int | float | None) -> float:
    return float("nan") if value is None else float(value)


def _split(said: str) -> str:
    """How the data were divided, if the model says it."""
    try:
        split = json.loads(said)["split"]
        return ", ".join(f"{name} {value}" for name, value in dict(split).items())
    except (ValueError, TypeError, KeyError, RecursionError):
        return ""


def _of_the_model(model: Model, node: Node | None) -> bool:
    return node is None


def _has_parameters(model: Model, node: Node | None) -> bool:
    return node is None or bool(len(node.params))


VIEWS: tuple[Offer, ...] = (
    Offer("layers", "its layers, their shapes, parameters, FLOPs and memory", "nothing", _of_the_model, layers),
    Offer("statistics", "mean, deviation, range … of each parameter", "nothing", _has_parameters, statistics),
    Offer("histogram", "how the values of the parameters are spread", "nothing", _has_parameters, histogram),
    Offer("curves", "loss and accuracy after each epoch", "nothing", _of_the_model, curves),
    Offer("training", "how it was trained", "nothing", _of_the_model, training),
)
