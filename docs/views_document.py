"""docs/views.md: the views there are, from the catalog, and what every key of their JSON means."""

from __future__ import annotations

import json
import re
import types
import typing
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import msgspec
import numpy as np

import tuinet
from tuinet.data.coding import Coding
from tuinet.experiment.document import describe
from tuinet.experiment.report import LayerRow
from tuinet.files.find import shipped_models
from tuinet.inspection.catalog import ALL, look
from tuinet.inspection.difference import Change, Difference, Setting, TensorChange
from tuinet.inspection.explain import explain
from tuinet.inspection.question import OPTIONS, Choice, Offer, Question, Samples, nodes
from tuinet.inspection.summary import Summary
from tuinet.inspection.tensor_views import TENSOR_VIEWS, TensorOffer
from tuinet.inspection.view import Table
from tuinet.inspection.written import as_json
from tuinet.model.meta import EpochRecord, Meta
from tuinet.model.model import Model
from tuinet.nn.layer import Shape
from tuinet.nn.layers.activation import Step
from tuinet.nn.layers.dense import Dense
from tuinet.nn.losses import SquaredError
from tuinet.nn.network import Sequential
from tuinet.nn.params import Params

NEEDS = {
    "nothing": "–",
    "input": "an input",
    "target": "an input and its answer",
    "data": "data",
    "input and data": "an input and data",
}

INTRODUCTION = """\
# Views

<!-- Made from tuinet/inspection/ by `make docs`. Change it there. -->

`tuinet inspect MODEL [LAYER] --view NAME` shows one thing inside a model; `tuinet inspect MODEL LAYER` lists the views
which that layer has. Units, rows, columns and steps count from 0. Some views need an input (`--sample [SPLIT:]N`,
`--file PATH` or `--text TEXT`), some one whose answer is known (`--sample`), some data to look through (the test part
of what the model was trained on, or `--data` and `--split`).

`--unit 0,3-7` picks units, maps or kernels (the last axis), `--step T` a step of a sequence, `--gate NAME` a gate, and
`--at` the places on all other axes: row and column of a map, the input of a weight. With `--sum` they name one value,
which is then worked out term by term, apart from the code of the layer, and held against what the layer gave: they
agree within 1e-6 of the sum of the sizes of all terms in float32, 1e-12 in float64. Beside
a gradient (`--view weight-gradient --sum`) stands the numerical one, taken in a float64 copy with the same batch and
the same masks.

`--order change` puts the units that change most over the steps first (`index`: as they are numbered). `--decoder` says
what the decoder of a translator is fed: `forced` the target, `free` its own answer, `both` to see where they part;
where nobody knows the target, it is fed its own answer. `--masks SEED` looks at the model as it trains, with dropout
and noise drawn from SEED. An option that a view does not take is refused. At most 64 inputs are looked at together.

"""

TENSORS = """\

## Of a tensor

A safetensors or .npz file that is no tuinet model has views, too: `tuinet inspect FILE` lists its tensors (`--filter
TEXT` those whose names hold TEXT), `tuinet inspect FILE TENSOR` the views of one. `--axes R,C` says which two axes are
the rows and the columns of pictures; `--at` fixes the first of the others, and `--unit` picks some of the pictures that
are left, or values of a vector. They need nothing.

"""

JSON = """\

## As JSON

`--json` (and `-o FILE.json`, the same) give one object; with `--view NAME` it is `{"views": [...]}`. New keys and kinds
may come with new versions: pass over what you do not know. Keys are never taken away or given another meaning within a
major version. A number that is not finite is `null`. Each view has:

| key | value |
|---|---|
| `kind` | `image`, `images`, `matrix`, `vector`, `series`, `histogram` or `regions`: an array; `table`; `sum` |
| `name` | string: which view of which layer |
| `notes` | strings: what else is to be said |
| `words` | strings: the view in words |

An array (the names of `axes` say what its axes are; `labels` the names of their places, or none):

| key | value |
|---|---|
| `axes` | objects with `name` and `labels`, one for each axis |
| `shape` | whole numbers |
| `data` | numbers, nested as `shape` says |
| `x` | numbers or null: where the places of a series lie, or the edges of a histogram's bins; of regions two lists, \
where the columns lie from left to right and the rows from the top down |
| `range` | two numbers: the values at both ends of the colours |
| `title` | string: the view's name for people |
| `points` | objects: samples over a series or over regions, with their `name`, `x`, `y` and, of regions, `wrong` |
| `classes` | strings: the names of the classes of regions, whose `data` are their numbers |

A table:

| key | value |
|---|---|
| `columns` | strings |
| `rows` | lists of strings, numbers and nulls, one for each column |
| `title` | string |

A sum:

| key | value |
|---|---|
| `equation` | string |
| `parts` | objects: the stages of the calculation, as below |
| `value`, `stored` | numbers: what the terms give, and what the layer gave |
| `difference`, `bound`, `agrees` | by how much they differ, may differ, and whether they agree |
| `numerical` | number or null: of a gradient, the difference quotient |
| `numerical_bound`, `numerical_agrees` | by how much that may differ from the value, and whether it does not |
| `pictures` | arrays, as above: the window, the kernel, the products |

A stage of a sum:

| key | value |
|---|---|
| `name` | string |
| `how` | how its terms come together: `sum`, `largest`, or `only`, where there is one |
| `terms` | objects with `names`, `factors` and their `product` |
| `total` | number: of the terms |
| `function`, `value` | what is made of the total ("" for nothing), and what that gives |

`tuinet inspect MODEL LAYER --json`, without a view, lists those there are: `{"layer": string, "offers": [...]}`, and so
it does for a tensor. Each has:

| key | value |
|---|---|
| `name` | string: what comes behind `--view` |
| `about` | string: what it shows |
| `needs` | NEEDS |
| `takes` | strings: the options that say which part of it is meant |

`tuinet convolve --json` gives views, too, and so does `tuinet diff A B LAYER --json`. With `--off`, `predict` and
`evaluate` give what they always do, with all on, and the same keys again under `off`.
"""

SUMMARY = """\

## The summary of a model

`tuinet inspect MODEL --json` gives one object:

"""

DIFFERENCE = """\

## The difference of two models

`tuinet diff A B --json` gives one object. Here, too, a number that is not finite is `null`.

"""


def views_document() -> str:
    """docs/views.md."""
    parts = [INTRODUCTION]
    for title, chosen in (("Of the model as a whole", _of_models), ("Of a layer", _of_layers)):
        parts.append(f"## {title}\n\n| view | shows | needs | takes |\n|---|---|---|---|\n")
        parts += [f"{_shows(offer)} | {_needs(offer)} | {_takes(offer)} |\n" for offer in ALL if chosen(offer)]
        parts.append("\n")
    parts[-1] = TENSORS + "| view | shows | takes |\n|---|---|---|\n"
    parts += [f"{_shows(offer)} | {_takes(offer)} |\n" for offer in TENSOR_VIEWS]
    parts.append(JSON.replace("NEEDS", _words(typing.get_type_hints(Offer)["needs"])))
    for heading, value in _examples():
        parts.append(f"\n{heading}\n\n```json\n{json.dumps(value, indent=None, ensure_ascii=False)}\n```\n")
    for heading, struct, inner in (
        (SUMMARY, Summary, (LayerRow, EpochRecord)),
        (DIFFERENCE, Difference, (TensorChange, Change, Setting)),
    ):
        parts.append(heading + _keys(struct))
        parts += [f"\n`{each.__name__}`. {_keys(each)}" for each in inner]
    return "".join(parts)


def _keys(struct: type[msgspec.Struct]) -> str:
    """The struct in words, and its keys with their types."""
    prose, meanings = describe(struct)
    prose, *said = (re.sub(r"\bNone\b", "null", text) for text in (prose, *meanings.values()))
    meanings = dict(zip(meanings, said, strict=True))
    hints = typing.get_type_hints(struct)
    rows = [f"| `{name}` | {_words(hints[name])} | {meanings.get(name, '')} |\n" for name in struct.__struct_fields__]
    return f"{prose}\n\n| key | value | |\n|---|---|---|\n{''.join(rows)}"


def _words(hint: Any) -> str:
    """A type as words of JSON."""
    plain = {int: "whole number", float: "number", str: "string", bool: "true or false", type(None): "null"}
    if hint in plain:
        return plain[hint]
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return f"`{hint.__name__}`"
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        inside = [_words(each) for each in arguments if each is not ...]
        return f"list of {inside[0]}" if ... in arguments else f"list: {', '.join(inside)}"
    if origin is Mapping:
        return f"object: name → ({_words(arguments[1])})"
    if origin is typing.Literal:
        return " or ".join(f"`{each}`" for each in arguments)
    if origin in (types.UnionType, typing.Union):
        return " or ".join(map(_words, arguments))
    raise TypeError(f"no words for {hint}")


def _of_models(offer: Offer) -> bool:
    """Whether some model has the view as a whole."""
    return any(offer.fits(model, None) for model in _shipped())


def _of_layers(offer: Offer) -> bool:
    """Whether the view is one of layers; that no model that ships has such a layer does not make it one of models."""
    found = any(offer.fits(model, node) for model in _shipped() for node in nodes(model).values())
    return found or not _of_models(offer)


@cache
def _shipped() -> tuple[Model, ...]:
    models = tuple(map(tuinet.load, shipped_models()))
    tagger = replace(models[0], meta=msgspec.structs.replace(models[0].meta, task="tagging"))  # none ships
    return (*models, tagger, _by_hand(inputs=1))


def _shows(offer: Offer | TensorOffer) -> str:
    return f"| `{offer.name}` | {offer.about.replace('|', chr(92) + '|')}"


def _needs(offer: Offer) -> str:
    more = {"": "", "input": " (an input, if one is named)", "data": " (data, if there are any)"}[offer.uses]
    return NEEDS[offer.needs] + more


def _takes(offer: Offer | TensorOffer) -> str:
    return " ".join(f"`{OPTIONS[name]}`" for name in offer.takes) or "–"


def _by_hand(inputs: int = 2) -> Model:
    """x W + b with weights that no machine rounds."""
    network = Sequential((Dense(2), Step()))
    params = Params.zeros(network.param_shapes(Shape.vector(inputs)), np.float64)
    params["dense1/weight"][...] = 1
    params["dense1/bias"][...] = -0.5, -1.5
    meta = Meta(
        name="by-hand",
        task="regression",
        input_shape=Shape.vector(inputs),
        coding=Coding("values"),
        loss=SquaredError(),
    )
    return Model(network, params, meta)


def _examples() -> list[tuple[str, Any]]:
    question = Question(_by_hand(), "dense1", Samples(np.array([[0.0, 1.0]]), None, ("0,1",)))
    table = Table("example", ("layer", "parameters"), (("dense1", 6), ("step1", None)))
    return [
        ("A vector, from `--view output`:", as_json(look(question, "output")[0])),
        ("A sum, from `--unit 0 --sum`:", as_json(explain(replace(question, choice=Choice(units=(0,))), "output"))),
        ("A table:", as_json(table)),
    ]
