"""The data of an experiment, read, divided and encoded; and its layers with what follows from the data filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, cast

import msgspec

from tuinet.data.dataset import DatasetInfo
from tuinet.data.encoding import WINDOW, EncodedDataset, encode_dataset
from tuinet.data.sources import load
from tuinet.data.vocabulary import SPECIAL, Tokens
from tuinet.experiment.spec import Experiment
from tuinet.nn.layer import Shape
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.embedding import OneHot
from tuinet.nn.network import AnyLayer
from tuinet.nn.parts import Part
from tuinet.nn.seq2seq import Seq2Seq

SYMBOLS = {"characters": 100, "words": 10_000, "symbols": 1_000}
LENGTHS = {"characters": 60.0, "words": 15.0, "symbols": 15.0}
"""What a vocabulary and a text of each unit are assumed to be like where they cannot be read yet."""


def load_data(experiment: Experiment, base: Path) -> EncodedDataset:
    """The data set, divided, with ids in place of texts. Raises TuinetError, naming the file and the place in it."""
    settings = experiment.data
    dataset = load(settings.source, settings.split, experiment.training.seed, base)
    return encode_dataset(dataset, settings.tokens, settings.target_tokens, settings.window)


class Described(NamedTuple):
    """What is known of an experiment's data before it is trained.

    `divided`: whether the sizes are those after `data.split`; `encoded`: the data, if they had to be read for it.
    """

    info: DatasetInfo
    divided: bool = False
    encoded: EncodedDataset | None = None


def describe_data(experiment: Experiment, base: Path) -> Described:
    """What `load_data` gives, without its arrays wherever these need not be read; of texts, only they tell how many
    symbols there are. Raises as `load_data`, and NotFetchedError."""
    info = experiment.data.source.describe(base)
    if not has_texts(info):
        return Described(info)
    encoded = load_data(experiment, base)
    return Described(encoded.dataset.info, True, encoded)


def has_texts(info: DatasetInfo) -> bool:
    """Whether inputs or targets are texts that are not encoded yet."""
    inputs = info.input_shape.kind == "id" and info.input_shape.ids == 0
    return inputs or (info.task in ("seq2seq", "next-symbol", "tagging") and not info.target_ids and not info.labels)


def assume_texts(
    experiment: Experiment, info: DatasetInfo, sizes: Mapping[str, int]
) -> tuple[DatasetInfo, dict[str, int]]:
    """Likely sizes of vocabularies and lengths of texts where the texts themselves are not here; and the parts' sizes,
    in windows where a text is cut into those."""
    settings = experiment.data
    tokens = settings.tokens or info.tokens or Tokens()
    target_tokens = settings.target_tokens or info.target_tokens or tokens
    shape, length, target_ids, target_length = info.input_shape, info.length, info.target_ids, info.target_length
    if shape.kind == "id" and not shape.ids:
        shape, length = Shape.tokens(_symbols(tokens)), LENGTHS[tokens.unit]
    if info.task == "next-symbol":
        target_ids, length = shape.ids, float(settings.window or WINDOW)
        target_length, sizes = length, {part: max(1, int(size // length)) for part, size in sizes.items()}
    elif info.task == "seq2seq" or (info.task == "tagging" and not info.labels):
        target_ids, target_length = _symbols(target_tokens), LENGTHS[target_tokens.unit]
    found = replace(info, input_shape=shape, length=length, target_ids=target_ids, target_length=target_length)
    return found, dict(sizes)


def _symbols(tokens: Tokens) -> int:
    return min(SYMBOLS[tokens.unit], tokens.size or SYMBOLS[tokens.unit]) + len(SPECIAL)


def answers_wanted(info: DatasetInfo) -> int:
    """How many outputs the data ask for: one a symbol, a class, or a target value."""
    return info.target_ids or info.classes or info.outputs


def fill_in(layers: tuple[AnyLayer, ...], info: DatasetInfo) -> tuple[AnyLayer, ...]:
    """The layers with what is unset because the data say it: outputs of the last dense layer, sizes of vocabularies."""
    if len(layers) == 1 and isinstance(layers[0], Seq2Seq):
        layer = layers[0]
        encoder = _filled(layer.encoder, info.input_shape.ids, None)
        decoder = _filled(layer.decoder, info.target_ids, info.target_ids)
        symbols = layer.symbols or info.target_ids or None
        return (msgspec.structs.replace(layer, encoder=encoder, decoder=decoder, symbols=symbols),)
    return _filled(cast("tuple[Part, ...]", layers), info.input_shape.ids, answers_wanted(info))


def _filled(layers: tuple[Part, ...], ids: int, outputs: int | None) -> tuple[Part, ...]:
    found: list[Part] = []
    last = max((index for index, layer in enumerate(layers) if isinstance(layer, Dense)), default=-1)
    for index, layer in enumerate(layers):
        if isinstance(layer, OneHot) and layer.symbols is None and ids:
            found.append(OneHot(ids))
        elif isinstance(layer, Dense) and layer.units is None and index == last and outputs:
            found.append(msgspec.structs.replace(layer, units=outputs))
        else:
            found.append(layer)
    return tuple(found)
