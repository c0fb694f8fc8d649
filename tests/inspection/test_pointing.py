"""What lies under a cursor: whatever is seen at any place of any view, its sum, gradient and unit are its own."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

import tuinet
from tests.inspection import small_models
from tests.model.models import cnn, images, made
from tests.model.text_models import translator
from tuinet.data.coding import Coding
from tuinet.errors import TuinetError
from tuinet.files.find import find_model
from tuinet.inspection.asked import part_of
from tuinet.inspection.catalog import look, offers
from tuinet.inspection.off import Off, parse_off, switched_off
from tuinet.inspection.pointing import gradient_of, said, sum_of, unit_of
from tuinet.inspection.question import Choice, Question, Samples, nodes
from tuinet.inspection.view import Axis, Origin, Sum, View
from tuinet.inspection.views.gates import gates_of
from tuinet.model.model import Model
from tuinet.nn.layer import Shape
from tuinet.nn.layers.bidirectional import Bidirectional
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.dropout import Dropout, GaussianNoise
from tuinet.nn.layers.flatten import Flatten
from tuinet.nn.layers.gru import GRU
from tuinet.nn.layers.over_time import LastStep
from tuinet.nn.layers.pool import AveragePool, MaxPool
from tuinet.nn.losses import CrossEntropy
from tuinet.nn.recurrent import OverTime
from tuinet.nn.seq2seq import Seq2Seq
from tuinet.nn.sequence import Sequence

SHIPPED = ("xor", "iris-mlp", "digits-cnn", "mnist-small-cnn", "cmudict-seq2seq", "shakespeare-lstm")

SLOW = ("ideal", "excites", "matches", "mistakes", "occlusion", "leave-one-out", "health", "shifts")
"""Views that run a model often. None of their values is that of one layer for the input asked about."""

SUMMED = (
    "answer", "output", "maps", "pooling", "gates", "ticks", "directions", "shares", "contributions", "mask", "noise",
    "translation",
)  # fmt: skip
"""Views that have a sum behind every value, and every view of a parameter's gradient."""

TERMS = ("contributions", "shares")
"""Views whose values are terms of the sum behind them."""

PARAMETERS = ("kernels", "images", "weight", "bias", "input_weight", "recurrent_weight", "recurrent_bias", "peephole")


def pictures() -> Model:
    """Coloured images through dropout, noise and both kinds of pooling."""
    layers = (
        Conv2D(3, 3),
        AveragePool(),
        GaussianNoise(0.1),
        Conv2D(4, 2),
        MaxPool(),
        Flatten(),
        Dropout(0.5),
        Dense(3),
    )
    return drawn(made(layers, {}, Shape.image(12, 12, 3), CrossEntropy(), Coding("ids", classes=3)))


def flat() -> Model:
    """A first layer of weights that sees an image."""
    layers = (Flatten(), Dense(4), Dense(3))
    return drawn(made(layers, {}, Shape.image(5, 4, 3), CrossEntropy(), Coding("ids", classes=3)))


def drawn(model: Model) -> Model:
    model.params.vector[:] = np.random.default_rng(5).normal(size=model.parameter_count)
    return model


@cache
def shipped(name: str) -> Model:
    return tuinet.load(name)


@cache
def shipped_samples(name: str) -> Samples:
    model = shipped(name)
    inputs, targets = part_of(find_model(name), model, None, "train" if name == "xor" else None)().take([1])
    return Samples(model.raw(inputs), targets, ("test:1",))


MODELS = {
    **small_models.MODELS,
    "pictures": pictures(),
    "flat": flat(),
    "in float32": cnn(np.float32),
    "translator in float32": translator(dtype=np.float32),
}

CASES = [
    *((name, layer) for name in SHIPPED for layer in ("", *nodes(shipped(name)))),
    *((name, layer) for name, model in MODELS.items() for layer in ("", *nodes(model))),
]


def asked(name: str, layer: str, **choice: Any) -> Question:
    if name in SHIPPED:
        return Question(shipped(name), layer, shipped_samples(name), choice=Choice(**choice))
    return Question(MODELS[name], layer, small_models.samples(MODELS[name]), choice=Choice(**choice))


def seen_by(question: Question) -> Iterator[tuple[str, View]]:
    """All that the question shows, by the names of the views."""
    for offer in offers(question.model, question.node):
        if offer.name in SLOW or offer.needs.endswith("data"):
            continue
        yield from ((offer.name, seen) for seen in views(question, offer.name))


def views(question: Question, name: str) -> list[View]:
    try:
        return [seen for seen in look(question, name) if isinstance(seen, View)]
    except TuinetError:  # it was never trained, or what is no number is no answer
        assert name == "curves" or not np.isfinite(question.model.params.vector).all()
        return []


def places(seen: View, count: int = 3) -> Iterator[tuple[int, ...]]:
    rng = np.random.default_rng(len(seen.name))
    for _ in range(count if seen.data.size else 0):
        yield tuple(int(rng.integers(size)) for size in seen.data.shape)


def has_a_sum(question: Question, name: str, seen: View) -> bool:
    """Whether there must be one: of what comes from outside there is none, nor of what a dense bridge makes."""
    if name == "pooling" and seen.name == "before":
        return question.layer != next(iter(nodes(question.model)))
    if name == "translation" and "/context/" in seen.name:
        first = question.model.network.layers[0]
        return isinstance(first, Seq2Seq) and first.bridge == "copy"
    return name in SUMMED or name.endswith("-gradient")


def check_sum(question: Question, name: str, seen: View, place: tuple[int, ...]) -> None:
    """It is that of the value that is seen; or it is said that there is none, and there need not be one."""
    value, where = float(seen.data[place]), f"{question.layer} {seen.name} {place}"
    found = sum_or_reason(question, name, seen, place)
    if isinstance(found, TuinetError):
        assert found.message and found.hint, where
        assert not has_a_sum(question, name, seen), where
        return
    if name in TERMS:
        spread = 1e-6 * abs(value) + 1e-12
        if seen.name == "places":
            assert found.parts
        else:
            assert any(abs(term.product - value) <= spread for term in found.parts[0].terms), where
    else:
        assert found.stored == value or (seen.name == "noise" and abs(found.stored - value) <= found.bound), where
    assert found.agrees, where


def sum_or_reason(question: Question, name: str, seen: View, place: tuple[int, ...]) -> Sum | TuinetError:
    try:
        return sum_of(question, name, seen, place)
    except TuinetError as error:
        return error


@pytest.mark.parametrize(("name", "layer"), CASES)
def test_the_sum_behind_whatever_is_seen_gives_just_that(name: str, layer: str) -> None:
    question = asked(name, layer)
    for view, seen in seen_by(question):
        for place in places(seen):
            check_sum(question, view, seen, place)
            assert said(seen, place)


@pytest.mark.parametrize("name", small_models.BROKEN)
def test_what_is_no_number_is_pointed_at_like_any_other(name: str) -> None:
    model = small_models.BROKEN[name]
    for layer in ("", *nodes(model)):
        question = Question(model, layer, small_models.samples(model))
        for view, seen in seen_by(question):
            for place in places(seen, 1):
                words, value = said(seen, place), float(seen.data[place])
                assert math.isfinite(value) or words.endswith(("= not a number", "infinity"))
                if has_a_sum(question, view, seen) and view not in TERMS:
                    assert np.array_equal(sum_of(question, view, seen, place).stored, value, equal_nan=True)


# ── the same place, whatever is chosen ────────────────────────────────────────────────────────────────────────────────

CHOICES = [
    ("pictures", "conv1", "output", {"units": (2, 0)}),
    ("pictures", "conv1", "output", {"units": (2, 0), "at": (1, 2)}),
    ("pictures", "conv2", "input", {"at": (1, 2)}),
    ("pictures", "conv1", "maps", {"units": (1,)}),
    ("pictures", "pool1", "pooling", {"units": (2, 1)}),
    ("film", "conv1", "output", {}),
    ("film", "conv1", "output", {"step": 1, "units": (1, 0)}),
    ("film", "relu1", "output", {"step": 1, "at": (0, 2)}),
    ("film", "mean1", "shares", {"units": (2, 0), "order": "change"}),
    ("tables", "flatten1", "output", {"units": (11, 3)}),
    ("language model", "lstm1", "output", {"step": 1}),
    ("language model", "dense1", "contributions", {"units": (5, 3), "step": 1}),
    ("language model", "lstm1", "gates", {"order": "change"}),
    ("language model", "lstm1", "gates", {"order": "change", "units": (3, 1, 0), "step": 1}),
    ("both ways", "bidirectional1", "gates", {"gate": "forget", "units": (2, 0)}),
    ("both ways", "bidirectional1", "directions", {"order": "change", "step": 1}),
    ("clockwork both ways", "bidirectional1", "gates", {"gate": "ticked", "units": (3,)}),
    ("clockwork both ways", "bidirectional1", "ticks", {"step": 1}),
    ("rows", "rows1", "reading", {"units": (7, 2), "order": "change"}),
    ("translator", "", "translation", {"decoder": "both", "order": "change"}),
    ("translator", "", "translation", {"gate": "hidden", "units": (4, 1)}),
    ("translator", "", "translation", {"decoder": "free", "step": 0}),
    ("translator", "seq2seq1/decoder/lstm1", "gates", {"decoder": "both", "order": "change"}),
    ("translator", "seq2seq1/decoder/dense1", "output", {"decoder": "free"}),
    ("captioner", "", "translation", {"order": "change"}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "layer", "view", "choice"), CHOICES)
def test_units_that_are_picked_and_put_in_order_keep_their_sums(
    name: str, layer: str, view: str, choice: dict[str, Any]
) -> None:
    question = asked(name, layer, **choice)
    found = views(question, view)
    assert found
    for seen in found:
        for place in itertools.islice(np.ndindex(*seen.data.shape), 60):
            check_sum(question, view, seen, place)


def test_dropout_and_noise_that_a_view_draws_of_itself_are_those_of_its_sum() -> None:
    for layer, view in (("dropout1", "mask"), ("noise1", "noise")):
        for masks in (None, 3):
            question = replace(asked("pictures", layer), masks=masks)
            for seen in views(question, view):
                for place in places(seen, 9):
                    check_sum(question, view, seen, place)
    question = replace(asked("pictures", "dense1"), masks=3)
    (seen, _) = views(question, "output")
    assert seen.data[1] != views(asked("pictures", "dense1"), "output")[0].data[1]
    check_sum(question, "output", seen, (1,))


def test_a_free_decoder_has_sums_of_its_own() -> None:
    question = asked("translator", "seq2seq1/decoder/lstm1", decoder="both", gate="cell")
    forced, free = (next(seen for seen in views(question, "gates") if seen.name.endswith(way)) for way in WAYS)
    place = (1, 2)
    assert forced.data[place] != free.data[place]
    assert sum_of(question, "gates", forced, place).stored == forced.data[place]
    assert sum_of(question, "gates", free, place).stored == free.data[place]


WAYS = ("/forced", "/free")


def test_the_unit_that_is_named_is_the_one_that_is_worked_out() -> None:
    """Not only its value: two units may have the same."""
    question = asked("language model", "lstm1", order="change")
    (seen, *_) = views(question, "gates")
    units = seen.axes[1].labels
    assert units != tuple(sorted(units))
    for place, unit in enumerate(units):
        found = sum_of(question, "gates", seen, (1, place))
        assert found.name == f"lstm1 forget: unit {unit}, step 1, sample 0"
        assert said(seen, (1, place)).startswith(f"step {seen.axes[0].labels[1][0]} ")
        assert f"unit {unit}: forget = " in said(seen, (1, place))
        assert unit_of(question, "gates", seen, (1, place)) == f"lstm1:forget=0:{unit}"


def test_a_picked_map_keeps_its_number() -> None:
    question = asked("pictures", "conv1", units=(2, 0))
    (seen, _) = views(question, "output")
    assert said(seen, (0, 1, 5)) == f"map 2, row 1, column 5 = {seen.data[0, 1, 5]:.4g}"
    assert sum_of(question, "output", seen, (0, 1, 5)).name == "conv1 output: map 2, row 1, column 5, sample 0"
    assert unit_of(question, "output", seen, (0, 1, 5)) == "conv1:2"
    assert unit_of(question, "output", seen, (1, 1, 5)) == "conv1:0"


# ── answers ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_probability_is_the_softmax_of_the_last_layer() -> None:
    question = asked("cnn", "")
    seen = views(question, "answer")[1]
    found = sum_of(question, "answer", seen, (2,))
    assert found.name == "the answer: class c"
    assert found.equation.startswith("yⱼ = e^{nⱼ}")
    assert found.notes[-1] == "n is what dense1 gives"
    outputs = question.run.outputs[1]
    assert found.value == pytest.approx(math.exp(outputs[2]) / sum(math.exp(n) for n in outputs), rel=1e-12)


def test_a_value_that_nothing_is_made_of_is_that_of_the_last_layer() -> None:
    question = asked("regression", "")
    seen = views(question, "answer")[0]
    assert sum_of(question, "answer", seen, (1,)).name == "dense2 output: unit 1, sample 0"


def test_the_sums_of_a_fused_sigmoid() -> None:
    question = asked("xor", "")
    (seen,) = views(question, "answer")
    assert sum_of(question, "answer", seen, (0,)).agrees


# ── gradients ─────────────────────────────────────────────────────────────────────────────────────────────────────────

INDEX = re.compile(r"dJ/d (.+)\[([\d, ]+)\]")


@pytest.mark.parametrize(("name", "layer"), [case for case in CASES if case[1] and case[0] not in SHIPPED[4:]])
def test_the_gradient_of_whatever_weight_is_seen(name: str, layer: str) -> None:
    question = asked(name, layer)
    for view, seen in seen_by(question):
        if view.removesuffix("-gradient") not in PARAMETERS:
            continue
        for place in places(seen, 1):
            check_gradient(question, view, seen, place)


def check_gradient(question: Question, view: str, seen: View, place: tuple[int, ...]) -> None:
    found = gradient_of(question, view, seen, place)
    named = INDEX.fullmatch(found.name)
    assert named
    path, index = named[1], tuple(map(int, named[2].split(", ")))
    params = question.back.params if view.endswith("-gradient") else question.model.params
    assert params[path][index] == seen.data[place]
    assert found.stored == question.back.params[path][index]
    assert found.agrees
    assert found.numerical is not None


@pytest.mark.parametrize(
    ("name", "layer", "view", "choice"),
    [
        ("pictures", "conv1", "kernels", {"units": (2, 0)}),
        ("pictures", "conv1", "kernels", {"units": (2,), "at": (1,)}),
        ("pictures", "conv2", "kernels", {"units": (3, 1)}),
        ("pictures", "conv2", "weight-gradient", {"at": (2,)}),
        ("pictures", "conv2", "weight", {"units": (3, 1)}),
        ("flat", "dense1", "images", {"units": (3, 1)}),
        ("peephole", "lstm1", "input_weight", {"gate": "output", "units": (3, 1)}),
        ("peephole", "lstm1", "peephole-gradient", {"gate": "output"}),
        ("both ways", "bidirectional1", "recurrent_weight-gradient", {"gate": "candidate", "units": (2, 0)}),
        ("both ways", "bidirectional1", "peephole", {"gate": "input"}),
        ("clockwork both ways", "bidirectional1", "recurrent_weight", {"units": (1,)}),
    ],
)
def test_weights_that_are_picked_keep_their_gradients(name: str, layer: str, view: str, choice: dict[str, Any]) -> None:
    question = asked(name, layer, **choice)
    for seen in views(question, view):
        for place in places(seen, 5):
            check_gradient(question, view, seen, place)


def test_the_gradient_of_a_kernel_is_measured_too() -> None:
    question = asked("cnn", "conv1")
    (seen,) = views(question, "kernels")
    found = gradient_of(question, "kernels", seen, (3, 1, 2))
    assert found.name == "dJ/d conv1/weight[1, 2, 0, 3]"
    assert found.numerical_agrees


# ── where there is none ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "layer", "view", "why"),
    [
        ("cnn", "", "histogram", "a bin of a histogram counts values, and has no sum"),
        ("cnn", "relu1", "curve", "a point of a curve of the view curve has no sum"),
        ("cnn", "", "input", "came in from outside"),
        ("cnn", "conv1", "input", "came in from outside"),
        ("cnn", "conv1", "kernels", "a weight is learnt, not worked out: conv1/weight"),
        ("cnn", "conv1", "gradient", "the sensitivity of J to what conv1 gives"),
        ("cnn", "conv1", "window", "a value of the view window has no sum"),
        ("cnn", "flatten1", "origin", "a value of the view origin has no sum"),
    ],
)
def test_it_is_said_why_a_value_has_no_sum(name: str, layer: str, view: str, why: str) -> None:
    question = asked(name, layer)
    seen = views(question, view)[0]
    with pytest.raises(TuinetError, match=why):
        sum_of(question, view, seen, (0,) * seen.data.ndim)


def test_a_state_that_a_dense_bridge_made_has_no_sum() -> None:
    question = asked("captioner", "")
    seen = next(seen for seen in views(question, "translation") if "/context/" in seen.name)
    with pytest.raises(TuinetError, match="a dense bridge made this state"):
        sum_of(question, "translation", seen, (0, 0))
    assert unit_of(question, "translation", seen, (0, 0)) is None


def test_what_is_no_weight_has_no_gradient_to_sum() -> None:
    question = asked("cnn", "conv1")
    seen = views(question, "output")[0]
    with pytest.raises(TuinetError, match="a value of the view output is no weight"):
        gradient_of(question, "output", seen, (0, 0, 0))


def test_a_gradient_needs_an_input_and_its_answer() -> None:
    bare = Question(MODELS["cnn"], "conv1")
    (seen,) = views(bare, "kernels")
    with pytest.raises(TuinetError, match="none is named"):
        gradient_of(bare, "kernels", seen, (0, 0, 0))
    assert unit_of(bare, "kernels", seen, (3, 0, 0)) == "conv1:3"
    unknown = Question(MODELS["cnn"], "conv1", Samples(images(1), None, ("one",)))
    with pytest.raises(TuinetError, match="right answer"):
        gradient_of(unknown, "kernels", seen, (0, 0, 0))


@pytest.mark.parametrize("index", [(4, 0, 0), (0, -1, 0), (0, 0), (0, 0, 0, 0)])
def test_a_place_that_is_not_there(index: tuple[int, ...]) -> None:
    question = asked("cnn", "conv1")
    (seen,) = views(question, "kernels")
    for ask in (
        lambda: said(seen, index),
        lambda: sum_of(question, "kernels", seen, index),
        lambda: gradient_of(question, "kernels", seen, index),
        lambda: unit_of(question, "kernels", seen, index),
    ):
        with pytest.raises(TuinetError, match="kernels has no place") as caught:
            ask()
        assert "4×3×3" in caught.value.message and "kernel, row, column" in caught.value.hint


# ── units ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("name", "layer"), CASES)
def test_what_is_switched_off_is_what_is_seen(name: str, layer: str) -> None:
    question = asked(name, layer)
    tried: set[Off] = set()
    for view, seen in seen_by(question):
        for place in places(seen, 2):
            text = unit_of(question, view, seen, place)
            if text is None:
                continue
            off = parse_off(text)
            assert str(off) == text
            if off not in tried:
                check_off(question, off)
                tried.add(off)
            check_seen(question, view, seen, place, off)


def check_off(question: Question, off: Off) -> None:
    """Nothing depends on the unit any more: dJ/dy is 0 there. A gate that is off is 0, or in a candidate nearly so."""
    model = switched_off(question.model, [off])
    changed = Question(model, off.layer, question.samples, choice=question.choice)
    assert off.units is not None
    units, place = list(off.units), changed.run.places[off.layer]
    if off.gate is not None:
        *way, gate = off.gate.split("/")
        key = "/".join((*way, "output_gate" if gate == "output" else gate))
        assert np.abs(place.values[key].array[..., units]).max() < 1e-6
        return
    sensitivity = changed.back.of_output[off.layer]
    if sensitivity is not None:
        values = sensitivity.values if isinstance(sensitivity, Sequence) else sensitivity
        assert not values[..., units].any()
    if isinstance(place.layer, OverTime) and "/decoder/" not in off.layer and gates_of(place.layer):
        assert not place.y.values[..., units].any()


def check_seen(question: Question, view: str, seen: View, place: tuple[int, ...], off: Off) -> None:
    """The value that is seen is one of those units'."""
    value, (unit, *others) = seen.data[place], off.units or ()
    if view in (*TERMS, "gradient", "mask", "noise") or others or view.removesuffix("-gradient") in PARAMETERS:
        return
    places = question.run.places[off.layer]
    inner = unit - places.layer.layer.units if isinstance(places.layer, Bidirectional) else unit
    arrays = [each.array for each in places.values.values() if each.axes[0] == "sample"]
    assert any(value in array[..., at] for array in arrays for at in (unit, inner) if 0 <= at < array.shape[-1])


def test_units_of_every_kind_of_view() -> None:
    def at(name: str, layer: str, view: str, place: tuple[int, ...], number: int = 0, **choice: Any) -> str | None:
        question = asked(name, layer, **choice)
        return unit_of(question, view, views(question, view)[number], place)

    assert at("cnn", "conv1", "maps", (3, 0, 0)) == "conv1:3"
    assert at("cnn", "conv1", "maps", (3, 0, 0), 1) == "relu1:3"  # the second stage
    assert at("cnn", "conv1", "kernels", (2, 0, 0)) == "conv1:2"
    assert at("cnn", "conv2", "input", (2, 0, 0)) == "pool1:2"  # what comes in is what pool1 gave
    assert at("cnn", "conv1", "input", (0, 0, 0)) is None
    assert at("cnn", "dense1", "output", (1,)) is None  # the answer itself
    assert at("cnn", "", "answer", (1,)) is None
    assert at("pictures", "conv1", "kernels", (1, 0, 0, 2), units=(2, 0)) == "conv1:0"  # in colour
    assert at("flat", "dense1", "images", (1, 0, 0, 2)) == "dense1:1"
    assert at("flat", "dense1", "contributions", (0, 0), units=(2,)) == "dense1:2"
    assert at("language model", "lstm1", "recurrent_weight", (1, 4 + 3)) == "lstm1:3"  # forget, then input
    assert at("language model", "lstm1", "gates", (0, 2), gate="output") == "lstm1:output=0:2"
    assert at("language model", "lstm1", "gates", (0, 2), gate="cell") == "lstm1:2"
    assert at("both ways", "bidirectional1", "gates", (0, 2), gate="backward/forget") == (
        "bidirectional1:backward/forget=0:2"
    )
    assert at("both ways", "bidirectional1", "gates", (0, 2), gate="backward/hidden") == "bidirectional1:5"
    assert at("both ways", "bidirectional1", "directions", (0, 1), 1) == "bidirectional1:4"
    assert at("both ways", "bidirectional1", "recurrent_weight", (0, 5), 1) == "bidirectional1:5"  # 3 + 5 % 3
    assert at("clockwork", "clockwork1", "ticks", (0, 1)) == "clockwork1:2-3"
    assert at("clockwork", "clockwork1", "recurrent_weight", (0, 1), 1) == "clockwork1:3"
    assert at("clockwork both ways", "bidirectional1", "ticks", (0, 0), 1) == "bidirectional1:4-5"
    assert at("translator", "", "translation", (0, 3)) == "seq2seq1/encoder/lstm1:3"


def test_a_gate_that_nothing_can_hold_gives_its_unit() -> None:
    """Without biases a gate cannot be held shut; its unit can be off."""
    shape, layers = Shape.vector(3).over_time, (GRU(4, bias=False), LastStep(), Dense(2))
    model = drawn(made(layers, {}, shape, CrossEntropy(), Coding("ids", classes=2)))
    question = Question(model, "gru1", small_models.samples(model))
    update, _, candidate, _, *_ = views(question, "gates")
    assert unit_of(question, "gates", update, (0, 2)) == "gru1:2"
    assert unit_of(question, "gates", candidate, (0, 2)) == "gru1:candidate=0:2"


# ── in words ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def shown(data: Any, *axes: Axis, kind: Any = "matrix", **more: Any) -> View:
    return View("seen", kind, axes, np.array(data), **more)


STEPS = Axis("step", ("0 t", "1 o", "2 of the", "3"))

FORGET = Origin("lstm1", "forget", 0, (37,), called="forget")

SAID: list[tuple[View, tuple[int, ...], str]] = [
    (shown([[[0.25, 0.812]]], Axis("map"), Axis("row"), Axis("column"), kind="images"), (0, 0, 1),
     "map 0, row 0, column 1 = 0.812"),
    (shown([[0.0], [0.92345], [1.0], [2.0]], STEPS, Axis("unit", ("37",)), origin=FORGET), (1, 0),
      "step 1 'o', unit 37: forget = 0.9234"),
    (shown([[0.0], [1.0], [1.0], [2.0]], STEPS, Axis("unit")), (2, 0), "step 2 of the, unit 0 = 1"),
    (shown([[0.0], [1.0], [1.0], [2.0]], STEPS, Axis("unit")), (3, 0), "step 3, unit 0 = 2"),
    (shown([0.5, np.nan], Axis("class", ("[/s]", "b")), kind="vector"), (0,), "class [/s] = 0.5"),
    (shown([0.5, np.nan], Axis("class", ("a", "b")), kind="vector"), (1,), "class b = not a number"),
    (shown([np.inf, -np.inf], Axis("unit"), kind="vector"), (0,), "unit 0 = infinity"),
    (shown([np.inf, -np.inf], Axis("unit"), kind="vector"), (1,), "unit 1 = -infinity"),
    (shown([12345, 3], Axis("step"), kind="vector"), (0,), "step 0 = 12,345"),
    (shown([[[0.5], [1.0]]], Axis("row"), Axis("column"), Axis("channel"), kind="image"), (0, 1, 0),
     "row 0, column 1 = 1"),
    (shown([[[0.5, 0.1, 0.2]]], Axis("row"), Axis("column"), Axis("channel"), kind="image"), (0, 0, 2),
     "row 0, column 0, channel 2 = 0.2"),
    (shown([[0.5, 0.25]], Axis("line", ("train",)), Axis("epoch"), kind="series", x=np.array([1, 2])), (0, 1),
     "train, epoch 2 = 0.25"),
    (shown([[0.5, 0.25]], Axis("line"), Axis("n"), kind="series", x=np.array([-0.5, 0.5])), (0, 0),
     "line 0, n -0.5 = 0.5"),
    (shown([[0.5, 0.25]], Axis("line", ("size",)), Axis("layer", ("conv1", "dense1")), kind="series"), (0, 1),
     "size, layer dense1 = 0.25"),
    (shown([4, 7], Axis("bin"), kind="histogram", x=np.array([0.0, 0.5, 1.0])), (1,), "bin 1, 0.5 to 1 = 7"),
]  # fmt: skip


@pytest.mark.parametrize(("seen", "index", "words"), SAID)
def test_what_lies_under_the_cursor_in_words(seen: View, index: tuple[int, ...], words: str) -> None:
    assert said(seen, index) == words


def test_what_lies_under_the_cursor_of_regions() -> None:
    question = Question(shipped("xor"))
    (seen,) = views(question, "regions")
    assert seen.x is not None
    for place in ((20, 70, 0), (20, 70, 1)):
        number, sure = seen.data[20, 70]
        where = f"x2 {seen.x[1, 20]:.4g}, x1 {seen.x[0, 70]:.4g}"
        assert said(seen, place) == f"{where}: class {seen.classes[int(number)]}, probability {sure:.4g}"
    with pytest.raises(TuinetError, match="a value of the view regions has no sum"):
        sum_of(question, "regions", seen, (0, 0, 0))
    seen.data[3, 4] = np.nan
    assert said(seen, (3, 4, 0)).endswith(": the answer is not a number")


def test_what_lies_under_the_cursor_of_real_views() -> None:
    (seen,) = views(asked("digits-cnn", "conv1", units=(3,), at=(2, 5)), "output")
    assert said(seen, (0,)) == f"channel 3 = {seen.data[0]:.4g}"
    seen = views(asked("cmudict-seq2seq", "", gate="forget"), "translation")[0]
    symbol = seen.axes[0].labels[1].split(" ")[1]
    assert said(seen, (1, 37)) == f"step 1 {symbol!r}, unit 37: forget = {seen.data[1, 37]:.4g}"
