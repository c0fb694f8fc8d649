"""The experiment to train something again, changed: from a run's folder, or from what a model says of itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, cast

import msgspec

from tuinet.data.preparation import Preparation, Standardize
from tuinet.data.sources import Source
from tuinet.data.splits import SplitSettings
from tuinet.errors import TuinetError
from tuinet.experiment.decode import load_experiment
from tuinet.experiment.edit import apply_settings
from tuinet.experiment.provenance import TrainedOn, run_experiment, said_by
from tuinet.experiment.spec import DataSettings, Experiment, ModelSettings, TrainingSettings
from tuinet.experiment.stacks import only_translator
from tuinet.files.find import find_model
from tuinet.files.model_file import load_model
from tuinet.model.meta import Meta
from tuinet.model.model import Model
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.embedding import OneHot
from tuinet.nn.network import AnyLayer
from tuinet.nn.optimizers import Adam
from tuinet.nn.parts import Part

EPOCHS = 10
"""Of a model that does not say how long it was trained."""

_OPTIMIZER = re.compile(r"(?P<kind>[a-z]+), rate (?P<rate>[0-9.e+-]+)(?P<rest>.*)")
_STOPPING = re.compile(r"early stopping, patience (?P<patience>[0-9]+), then (?P<reuse>[a-z]+)")


class Again(NamedTuple):
    """An experiment, and in a sentence each what is not known and was taken as usual."""

    experiment: Experiment
    notes: tuple[str, ...] = ()


def from_run(directory: Path) -> Experiment:
    """The experiment of a run, its paths absolute. Raises TuinetError if the folder holds none."""
    file = directory / "experiment.toml"
    if not file.is_file():
        raise TuinetError(f"{directory}: is no run's folder, there is no experiment.toml in it")
    return load_experiment(str(file.absolute()))


def from_model(model: str | Path, source: Source | None = None) -> Again:
    """The experiment of a model's run, if it lies in one; else what the model says of itself: its network, data, input
    preparation, loss, seed and epochs, and of how it was trained what its words tell.

    `source` names the data of a model that does not. Raises TuinetError if nothing does, or it cannot be read.
    """
    path = find_model(model)
    of_run = run_experiment(path)
    if of_run is not None:
        return Again(of_run)
    loaded = load_model(path)
    trained = said_by(loaded)
    notes: list[str] = []
    if trained is None and source is None:
        raise TuinetError(f"{path} does not say what it was trained on", "name the data")
    if source is not None:
        trained = TrainedOn(source, trained.split if trained is not None and trained.source == source else None)
    assert trained is not None
    if trained.split is None:
        notes.append("how the data were divided is not known: nothing is set aside")
    if not loaded.meta.epochs:
        notes.append(f"how long it was trained is not known: {EPOCHS} epochs")
    experiment = _said(loaded, trained)
    for words in filter(None, loaded.meta.training.split("; ")):
        changed = _with_words(experiment, words)
        if changed is None:
            notes.append(f"left out, as only words say it: {words}")
        experiment = changed or experiment
    if experiment.training.early_stopping is not None:
        notes.append(f"how many epochs were allowed is not known: {experiment.training.epochs}, after which it ended")
    if not loaded.meta.training:
        notes.append("how it was trained is not known: adam, batches of 32")
    return Again(experiment, tuple(notes))


def _said(model: Model, trained: TrainedOn) -> Experiment:
    """All that is in a model in so many fields."""
    meta = model.meta
    tokens = meta.vocabulary.tokens if meta.vocabulary is not None else None
    target = meta.target_vocabulary.tokens if meta.target_vocabulary is not None else None
    data = DataSettings(
        source=trained.source,
        split=trained.split or SplitSettings(),
        prepare=tuple(map(_unfitted, meta.preparation)),
        tokens=tokens,
        target_tokens=target if meta.task != "next-symbol" else None,
        window=meta.window if meta.task == "next-symbol" else None,
        targets=meta.coding.kind if meta.coding.kind in ("one-hot", "binary") else None,
    )
    training = TrainingSettings(
        loss=meta.loss,
        optimizer=Adam(),
        epochs=meta.epochs or EPOCHS,
        seed=meta.seed,
        dtype="float64" if model.params.vector.dtype.itemsize == 8 else "float32",
    )
    layers = _open(model.network.layers, meta)
    return Experiment(name=_name(meta.name), data=data, model=ModelSettings(layers=layers), training=training)


def _name(name: str) -> str:
    """A model's name as the name of an experiment."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).lstrip("-._")[:64] or "again"


def _unfitted(step: Preparation) -> Preparation:
    """A step that learns its figures from the data anew. A divisor stays: nobody can tell whether it was asked for."""
    return Standardize(step.per) if isinstance(step, Standardize) else step


def _open(layers: tuple[AnyLayer, ...], meta: Meta) -> tuple[AnyLayer, ...]:
    """The layers without what follows from the data, so that they fit others too."""
    translator = only_translator(layers)
    if translator is not None:
        encoder, decoder = _opened(translator.encoder, outputs=False), _opened(translator.decoder, outputs=True)
        return (msgspec.structs.replace(translator, encoder=encoder, decoder=decoder, symbols=None),)
    return _opened(cast("tuple[Part, ...]", layers), outputs=meta.coding.kind != "binary")


def _opened(layers: tuple[Part, ...], outputs: bool) -> tuple[Part, ...]:
    """Any number of symbols in one-hot layers and, with `outputs`, of units in the last dense one."""
    found: list[Part] = [OneHot() if isinstance(layer, OneHot) else layer for layer in layers]
    last = max((index for index, layer in enumerate(layers) if isinstance(layer, Dense)), default=None)
    if last is not None and outputs:
        found[last] = msgspec.structs.replace(found[last], units=None)
    return tuple(found)


# ── how it was trained, in words ──────────────────────────────────────────────────────────────────────────────────────


def _with_words(experiment: Experiment, words: str) -> Experiment | None:
    """The experiment with what one part of `Meta.training` says; None if it cannot be told from the words."""
    try:
        settings = list(_settings(words, len(experiment.data.augment)))
        return apply_settings(experiment, settings) if settings else None
    except TuinetError:
        return None


def _settings(words: str, augmented: int) -> Iterator[str]:
    """KEY=VALUE for what words such as "schedule cosine, floor 0.1" say."""
    optimizer, stopping = _OPTIMIZER.fullmatch(words), _STOPPING.fullmatch(words)
    if optimizer:
        yield f"training.optimizer={optimizer['kind']}"
        yield from _pairs("training.optimizer", f"rate {optimizer['rate']}{optimizer['rest']}")
    elif stopping:
        yield f"training.early_stopping.patience={stopping['patience']}"
        yield f"training.early_stopping.reuse={stopping['reuse']}"
    elif words == "all samples at once":
        yield "training.batch_size=all"
    elif words.startswith("batches of "):
        yield f"training.batch_size={words.removeprefix('batches of ')}"
    elif words.startswith("schedule "):
        kind, _, rest = words.removeprefix("schedule ").partition(", ")
        yield f"training.schedule={kind}"
        yield from _pairs("training.schedule", rest)
    elif words.startswith("augmented by "):
        kind, _, rest = words.removeprefix("augmented by ").partition(", ")
        table = ", ".join(pair.removeprefix(".") for pair in _pairs("", rest))
        yield f"data.augment[{augmented}]={{kind='{kind}', {table}}}" if table else f"data.augment[{augmented}]={kind}"
    elif re.fullmatch(r"(l1|l2|weight_decay|biases|weight_noise|clip_norm) .*", words):
        yield from _pairs("training.regularization", words)


def _pairs(table: str, words: str) -> Iterator[str]:
    """ "rate 0.1, no nesterov, 2 pixels" as settings of a table."""
    for part in filter(None, words.split(", ")):
        first, _, last = part.rpartition(" ")
        if not first:
            yield f"{table}.{last}=true"
        elif first == "no":
            yield f"{table}.{last}=false"
        elif re.fullmatch(r"[0-9]+", first):
            yield f"{table}.{last}={first}"
        else:
            yield f"{table}.{first.replace(' ', '_')}={last.lower() if last in ('True', 'False') else last}"
