"""Every view of every layer of the models that ship: it is made, drawn at any width, said in words, written as JSON.
Those of small models of every kind are, too, or are refused with a reason."""

from __future__ import annotations

import math
import types
import typing
from dataclasses import replace
from functools import cache
from typing import Any

import msgspec
import pytest
from rich.cells import cell_len

import tuinet
from tests.inspection import small_models
from tuinet.data.dataset import Split
from tuinet.errors import TuinetError
from tuinet.files.find import find_model
from tuinet.inspection.asked import part_of
from tuinet.inspection.catalog import ALL, look, offers
from tuinet.inspection.explain import explain
from tuinet.inspection.question import Choice, Question, Samples, nodes
from tuinet.inspection.view import Seen, Sum, Table, View
from tuinet.inspection.views.gates import gates_of
from tuinet.inspection.words import in_words
from tuinet.inspection.written import as_json
from tuinet.model.model import Model
from tuinet.nn.parts import Part
from tuinet.nn.seq2seq import Seq2Seq
from tuinet.render.draw import Paper, draw_all, plain
from tuinet.render.png import png

SHIPPED = ("xor", "iris-mlp", "digits-cnn", "mnist-small-cnn", "cmudict-seq2seq", "shakespeare-lstm")


@cache
def model(name: str) -> Model:
    return tuinet.load(name)


@cache
def part(name: str) -> Split:
    found = part_of(find_model(name), model(name), None, "train" if name == "xor" else None)()
    return Split(*found.take(slice(0, 40)))


@cache
def samples(name: str) -> Samples:
    inputs, targets = part(name).take([1])
    return Samples(model(name).raw(inputs), targets, ("test:1",))


def asked(name: str, layer: str) -> Question:
    return Question(model(name), layer, samples(name), lambda: part(name))


CASES = [
    (name, layer, offer.name)
    for name in SHIPPED
    for layer in ("", *nodes(model(name)))
    for offer in offers(model(name), nodes(model(name)).get(layer))
]


@pytest.mark.parametrize(("name", "layer", "view"), CASES)
def test_every_view_is_drawn_said_and_written(name: str, layer: str, view: str) -> None:
    seens = look(asked(name, layer), view)
    assert seens
    for seen in seens:
        check(seen)
        lines = in_words(seen)
        assert lines
        assert all(lines)
        decoded = msgspec.json.decode(msgspec.json.encode(as_json(seen)))
        assert decoded["kind"]
    for paper in (Paper(60, "none"), Paper(120, "truecolor"), Paper(200, "256"), Paper(80, "none", ascii=True)):
        text = plain(draw_all(seens, paper))
        assert max(map(cell_len, text.split("\n"))) <= paper.width
        assert not paper.ascii or text.isascii()
        assert text.strip()
    assert min(png(seens).size) > 0


SMALL = {**small_models.MODELS, **{f"{name}, broken": model for name, model in small_models.BROKEN.items()}}

SMALL_CASES = [
    (name, layer, offer.name)
    for name, small in SMALL.items()
    for layer in ("", *nodes(small))
    for offer in offers(small, nodes(small).get(layer))
]

MAY_REFUSE = ("curves", "matches")
"""Small models were never trained, and of some no unit is on at the last step."""


@pytest.mark.parametrize(("name", "layer", "view"), SMALL_CASES)
def test_every_view_of_a_small_model_is_drawn_or_refused_with_a_reason(name: str, layer: str, view: str) -> None:
    small = SMALL[name]
    question = Question(small, layer, small_models.samples(small), lambda: small_models.data(small))
    seens = look_or_reason(question, view)
    if isinstance(seens, TuinetError):
        assert seens.message and seens.hint
        assert name.endswith("broken") or view in MAY_REFUSE
        return
    assert seens
    for seen in seens:
        check(seen)
        assert all(in_words(seen))
        assert msgspec.json.encode(as_json(seen))
    assert plain(draw_all(seens, Paper(60, "none"))).strip()


def look_or_reason(question: Question, view: str) -> tuple[Seen, ...] | TuinetError:
    try:
        return look(question, view)
    except TuinetError as error:
        return error


RECURRENT = [
    (name, layer, gate.name)
    for name, small in small_models.MODELS.items()
    for layer, node in nodes(small).items()
    for gate in gates_of(node.layer)
]


@pytest.mark.parametrize(("name", "layer", "gate"), RECURRENT)
def test_the_sum_of_a_gate_is_that_of_the_value_that_is_seen(name: str, layer: str, gate: str) -> None:
    """The same gate, unit and step name the same number, in whatever order a layer comes to its steps."""
    small = small_models.MODELS[name]
    asked = Question(small, layer, small_models.samples(small), choice=Choice(gate=gate))
    for unit in range(3):
        view = look(replace(asked, choice=Choice((unit,), gate=gate)), "gates")[0]
        assert isinstance(view, View) and len(view.data) > 1
        for step, row in enumerate(view.data):
            found = explain(replace(asked, choice=Choice((unit,), step=step, gate=gate)), "gates")
            assert found.agrees and found.stored == row[0]


def check(seen: Seen) -> None:
    """Axes are named for what they hold."""
    match seen:
        case View():
            assert len(seen.axes) == seen.data.ndim
            for axis, size in zip(seen.axes, seen.data.shape, strict=True):
                assert len(axis.labels) in (0, size), axis.name
            low, high = seen.range
            assert low <= high
        case Table():
            assert all(len(row) == len(seen.columns) for row in seen.rows)
        case Sum():
            assert seen.agrees
            assert math.isfinite(seen.value)


def kinds() -> set[type[Any]]:
    union = typing.get_args(Part)
    assert isinstance(Part, types.UnionType)
    return {*union, Seq2Seq}


def test_names_are_unique_for_each_layer() -> None:
    for name in SHIPPED:
        for node in (None, *nodes(model(name)).values()):
            found = [offer.name for offer in offers(model(name), node)]
            assert len(found) == len(set(found)), node
    assert all(offer.about for offer in ALL)


def test_an_unknown_view_lists_those_there_are() -> None:
    with pytest.raises(TuinetError, match="conv1 has no view 'kernel'") as caught:
        look(asked("digits-cnn", "conv1"), "kernel")
    assert "Did you mean kernels?" in caught.value.hint
    assert "output" in caught.value.hint


def test_looking_changes_nothing() -> None:
    for name in ("digits-cnn", "cmudict-seq2seq"):
        vector, file = model(name).params.vector.copy(), find_model(name).read_bytes()
        for layer in ("", *nodes(model(name))):
            for offer in offers(model(name), nodes(model(name)).get(layer)):
                look(asked(name, layer), offer.name)
        assert (model(name).params.vector == vector).all()
        assert find_model(name).read_bytes() == file
