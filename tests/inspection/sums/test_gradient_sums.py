"""The gradient of one weight of real models, term by term, beside the stored and the measured one."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import msgspec
import numpy as np
import pytest

import tuinet
from tests.model.models import cnn, images, linear, made, xor
from tests.model.text_models import captioner, classifier, language_model, translator
from tuinet.data.coding import Coding
from tuinet.data.encoding import encode_texts
from tuinet.data.texts import Texts
from tuinet.errors import TuinetError
from tuinet.files.find import find_model
from tuinet.inspection.asked import part_of
from tuinet.inspection.question import Choice, Question, Samples, nodes
from tuinet.inspection.sums import gradient_sums
from tuinet.inspection.sums.gradient_sums import gradient_sum, weight_gradient
from tuinet.inspection.view import Sum
from tuinet.inspection.words import in_words
from tuinet.model.model import Model
from tuinet.nn.layer import Shape
from tuinet.nn.layers.activation import Relu
from tuinet.nn.layers.bidirectional import Bidirectional
from tuinet.nn.layers.clockwork import Clockwork
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.gru import GRU
from tuinet.nn.losses import Hinge, SquaredError
from tuinet.nn.sequence import Ragged
from tuinet.render.draw import Paper, draw, plain

TEXTS = ["abc", "b", "caab"]


@cache
def shipped(name: str) -> Model:
    return tuinet.load(name)


def of_texts(model: Model, texts: list[str], targets: list[str]) -> Samples:
    assert model.meta.target_vocabulary is not None
    written = encode_texts(Texts(targets), model.meta.target_vocabulary, "target")
    assert isinstance(written, Ragged)
    return Samples(model.raw(texts), written, tuple(texts))


def digits(count: int = 3) -> Samples:
    sizes = shipped("digits-cnn").meta.input_shape.sizes
    raw = np.random.default_rng(0).integers(0, 17, (count, *sizes)).astype(np.uint8)
    return Samples(raw, np.arange(count), tuple(map(str, range(count))))


def every_sum(model: Model, samples: Samples, masks: int | None = None) -> list[Sum]:
    """That of the largest gradient of every parameter."""
    question = Question(model, "", samples, masks=masks)
    found: list[Sum] = []
    for path, gradient in question.back.params.items():
        index = np.unravel_index(int(np.abs(gradient).argmax()), gradient.shape)
        found.append(weight_gradient(question, path, tuple(map(int, index))))
    return found


def check(found: list[Sum], digits: float) -> None:
    assert found
    for each in found:
        assert each.agrees, each.name
        assert each.numerical is not None
        assert each.value == pytest.approx(sum(term.product for term in each.parts[0].terms), rel=1e-12, abs=1e-300)
        if not any("bends or jumps" in note for note in each.notes):
            assert each.numerical == pytest.approx(each.stored, rel=digits, abs=1e-9), each.name


@pytest.mark.parametrize("masks", [None, 5])
def test_digits(masks: int | None) -> None:
    """With masks, the float64 copy must see the masks that were drawn in float32."""
    found = every_sum(shipped("digits-cnn"), digits(), masks)
    assert len(found) == 8
    check(found, 2e-5)
    plain = every_sum(shipped("digits-cnn"), digits())
    assert ([each.value for each in found] == [each.value for each in plain]) == (masks is None)


def test_words_to_sounds() -> None:
    model = shipped("cmudict-seq2seq")
    found = every_sum(model, of_texts(model, ["thought", "a"], ["TH AO T", "AH"]))
    check(found, 1e-4)
    named = [each for each in found if each.name.startswith("dJ/d seq2seq1/encoder/lstm1/input_weight")]
    first = named[0].parts[0].terms[0].names
    assert first == ("x at sample 0, step 0 't'", "δ")  # read from its end; and 't' is also its first letter
    assert named[0].parts[0].terms[2].names[0] == "x at sample 0, step 1 'h'"


@pytest.mark.parametrize(
    ("model", "samples"),
    [
        (classifier(cell=Bidirectional(GRU(3, form="pytorch"))), None),
        (classifier(cell=Clockwork(6, (1, 2, 3))), None),
        (translator(reverse=True), of_texts(translator(), TEXTS, ["b", "cab", "a"])),
        (captioner(), Samples(images(2), Ragged.of([[3, 4], [5]]), ("x", "y"))),
        (language_model(), None),
        (cnn(), Samples(images(4), np.array([0, 1, 2, 0]), tuple("wxyz"))),
    ],
    ids=["both ways", "clockwork", "translator", "captioner", "language model", "cnn"],
)
def test_small_models_in_float64(model: Model, samples: Samples | None) -> None:
    if samples is None and model.meta.task == "next-symbol":
        samples = of_texts(model, TEXTS, ["bca", "c", "aabb"])
    elif samples is None:
        samples = Samples(model.raw(TEXTS), np.array([0, 1, 1]), tuple(TEXTS))
    found = every_sum(model, samples)
    check(found, 1e-6)
    assert all(each.bound <= 1e-12 * each.magnitude + 1e-300 for each in found)


def test_a_false_gradient_is_seen() -> None:
    question = Question(cnn(), "conv1", Samples(images(2), np.array([0, 1]), ("x", "y")))
    question.back.params["conv1/weight"][1, 1, 0, 2] *= 1.0001
    found = weight_gradient(question, "conv1/weight", (1, 1, 0, 2))
    assert not found.agrees
    assert found.difference == pytest.approx(1e-4 * abs(found.value), rel=1e-3)
    assert found.numerical == pytest.approx(found.value, rel=1e-6)


def test_the_lectures_neuron_by_hand() -> None:
    """J = (y − a)², a = 2 · 3 + 1 = 7, y = 5: dJ/dw = x δ = 3 · 4."""
    model = linear([[2.0]], [1.0], SquaredError(), Coding("values"))
    question = Question(model, "dense1", Samples(np.array([[3.0]]), np.array([[5.0]]), ("",)))
    found = gradient_sum(question, "weight-gradient")
    (term,) = found.parts[0].terms
    assert (term.names, term.factors, term.product) == (("x of the sample", "δ"), (3.0, 4.0), 12.0)
    assert (found.value, found.stored, found.magnitude) == (12.0, 12.0, 12.0)
    assert found.numerical == pytest.approx(12.0, rel=1e-9)
    assert found.name == "dJ/d dense1/weight[0, 0]"
    assert "J is the loss of this answer" in found.notes


def test_kinks_are_named() -> None:
    """max(0, w x) at w = 0: the slope is 0 on one side, 1 on the other, and half of it is measured."""
    weights: dict[str, Any] = {"dense1/weight": [[0.0]], "dense1/bias": 0.0, "dense2/weight": [[1.0]]}
    layers = (Dense(1), Relu(), Dense(1))
    model = made(layers, weights, Shape.vector(1), SquaredError(), Coding("values"))
    question = Question(model, "dense1", Samples(np.ones((1, 1)), np.array([[-1.0]]), ("",)))
    found = gradient_sum(question, "weight")
    assert found.value == found.stored == 0
    assert found.numerical == pytest.approx(1.0, rel=1e-5)  # half of 2 (a − y) x
    assert any("relu1 bends or jumps" in note for note in found.notes)


def test_steps_and_margins_are_kinks_too() -> None:
    model = xor()
    model.params["dense1/bias"][0] = -1.0  # 1 + 0 − 1 = 0: on the step
    question = Question(model, "dense1", Samples(np.array([[1.0, 0.0]]), np.array([0]), ("",)))
    found = weight_gradient(question, "dense1/bias", (0,))
    assert found.value == 0
    assert any("step1, step2 bends or jumps" in note for note in found.notes)
    margin = linear([[1.0, 0.0]], [0.0, 0.0], Hinge(), Coding("ids", classes=2))
    question = Question(margin, "dense1", Samples(np.array([[1.0]]), np.array([0]), ("",)))
    assert any("the loss bends" in note for note in weight_gradient(question, "dense1/bias", (0,)).notes)


def test_which_weight() -> None:
    samples = digits(1)

    def of(choice: Choice, name: str = "weight-gradient", layer: str = "conv2") -> str:
        return gradient_sum(Question(shipped("digits-cnn"), layer, samples, choice=choice), name).name

    gradient = Question(shipped("digits-cnn"), "conv2", samples).back.params["conv2/weight"]
    largest = np.unravel_index(int(np.abs(gradient).argmax()), gradient.shape)
    assert of(Choice()) == f"dJ/d conv2/weight[{', '.join(map(str, largest))}]"
    assert of(Choice(units=(3,), at=(0, 2, 5))) == "dJ/d conv2/weight[0, 2, 5, 3]"
    own = np.unravel_index(int(np.abs(gradient[..., 3]).argmax()), gradient.shape[:3])
    assert of(Choice(units=(3,))) == f"dJ/d conv2/weight[{', '.join(map(str, own))}, 3]"
    assert of(Choice(units=(3,)), "bias") == "dJ/d conv2/bias[3]"


def test_parameters_of_several_parts_are_found_by_their_name() -> None:
    model = classifier(cell=Clockwork(6, (1, 2, 3)))
    samples = Samples(model.raw(TEXTS), np.array([0, 1, 1]), tuple(TEXTS))
    question = Question(model, "clockwork1", samples)
    sizes = {name: np.abs(question.back.params[f"clockwork1/recurrent_weight{name}"]).max() for name in (1, 2, 3)}
    most = max(sizes, key=lambda name: sizes[name])
    found = gradient_sum(question, "recurrent_weight-gradient")
    assert found.name.startswith(f"dJ/d clockwork1/recurrent_weight{most}[")
    assert gradient_sum(question, "recurrent_weight2").name.startswith("dJ/d clockwork1/recurrent_weight2[")
    only = Question(model, "clockwork1", samples, choice=Choice(units=(0,), at=(5,)))  # the first group alone sees six
    assert gradient_sum(only, "recurrent_weight-gradient").name == "dJ/d clockwork1/recurrent_weight1[5, 0]"


@pytest.mark.parametrize(
    ("choice", "name", "said", "hint"),
    [
        (Choice(units=(16,)), "weight", "conv1/weight is 3×3×1×16", "--at up to 2,2,0 and --unit up to 15"),
        (Choice(at=(0, 0)), "weight", "has no weight", "--at up to 2,2,0"),
        (Choice(at=(0, 0, 0)), "bias", "conv1/bias is 16", "no --at"),
        (Choice(units=(1, 2)), "weight", "that of one weight", "--unit 1"),
        (Choice(), "peephole-gradient", "conv1 has no parameter 'peephole'", "Parameters: weight, bias"),
    ],
)
def test_what_is_not_there(choice: Choice, name: str, said: str, hint: str) -> None:
    with pytest.raises(TuinetError, match=said) as caught:
        gradient_sum(Question(shipped("digits-cnn"), "conv1", digits(1), choice=choice), name)
    assert hint in caught.value.hint


def test_what_else_is_not_there() -> None:
    model, samples = shipped("digits-cnn"), digits(1)
    with pytest.raises(TuinetError, match="pool1 has no parameter 'weight'") as caught:
        gradient_sum(Question(model, "pool1", samples), "weight-gradient")
    assert caught.value.hint == "Name a layer that has weights."
    with pytest.raises(TuinetError, match="needs to know the right answer"):
        gradient_sum(Question(model, "conv1", samples._replace(targets=None)), "weight")
    with pytest.raises(TuinetError, match="no parameter 'conv9/weight'"):
        weight_gradient(Question(model, "", samples), "conv9/weight", (0,))
    with pytest.raises(TuinetError, match="has no weight"):
        weight_gradient(Question(model, "", samples), "conv1/bias", (-1,))


def test_a_decoder_that_goes_its_own_way_has_no_gradient() -> None:
    model = shipped("cmudict-seq2seq")
    samples = of_texts(model, ["thought"], ["TH AO T T T T"])
    question = Question(model, "seq2seq1/decoder/lstm1", samples, choice=Choice(decoder="free"))
    with pytest.raises(TuinetError, match="goes its own way") as caught:
        gradient_sum(question, "bias-gradient")
    assert "--decoder forced" in caught.value.hint


def test_many_terms_are_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gradient_sums, "MANY", 100)
    for count in (2, 3):
        found = gradient_sum(Question(shipped("digits-cnn"), "conv1", digits(count)), "weight")
        terms = found.parts[0].terms
        assert len(terms) == count
        assert terms[0].names == ("sample 0: 64 products",)
        assert found.value == pytest.approx(sum(term.product for term in terms), rel=1e-12)
        assert found.agrees
        assert found.magnitude > sum(abs(term.product) for term in terms)
        assert f"{count * 64} terms, put together by sample" in found.notes
    monkeypatch.setattr(gradient_sums, "MANY", 3)
    (part,) = gradient_sum(Question(shipped("digits-cnn"), "conv1", digits(1)), "weight").parts
    assert [term.names[0] for term in part.terms] == [
        "rows 0 to 2: 24 products",
        "rows 3 to 5: 24 products",
        "rows 6 to 7: 16 products",
    ]
    assert part.total == pytest.approx(sum(term.product for term in part.terms), rel=1e-12)
    monkeypatch.setattr(gradient_sums, "MANY", 10)
    (part,) = gradient_sum(Question(shipped("digits-cnn"), "conv1", digits(1)), "weight").parts
    assert [term.names[0] for term in part.terms] == [f"row {row}: 8 products" for row in range(8)]


def test_pictures_of_a_kernels_weight() -> None:
    model, samples = shipped("digits-cnn"), digits(2)
    found = gradient_sum(Question(model, "conv1", samples, choice=Choice((0,), (1, 1, 0))), "weight")
    under, delta, products = (view.data for view in found.pictures)
    question = Question(model, "", samples)
    assert np.allclose(under, question.run.places["conv1"].x[0, :, :, 0])  # the middle of 3×3 lies on the cell itself
    assert np.allclose(delta, question.back.of_output["conv1"][0, :, :, 0])
    assert np.allclose(products, under * delta)


def test_a_broken_model_is_looked_at_all_the_same() -> None:
    model = cnn()
    model.params["conv1/weight"][0, 0, 0, 0] = np.inf
    question = Question(model, "conv1", Samples(images(1), np.array([0]), ("",)))
    found = gradient_sum(question, "weight")
    assert not np.isfinite([found.value, found.stored]).any()
    assert "a number here is not finite" in found.notes
    for said in ("\n".join(in_words(found)), plain(draw(found, Paper(80)))):
        assert said.count("a number in it is not finite") == 2 and "DIFFER" not in said


@pytest.mark.parametrize("name", ["digits-cnn", "mnist-small-cnn", "iris-mlp"])
def test_gradients_of_answers_that_are_as_good_as_certain(name: str) -> None:
    """p − 1 of the right class is the sum of all others, also where p rounds to 1 in float32."""
    model = tuinet.load(name)
    part = part_of(find_model(name), model, None, None)()
    last = list(nodes(model))[-1]
    for row in range(20):
        inputs, targets = part.take([row])
        question = Question(model, last, Samples(model.raw(inputs), targets, ("",)))
        outputs = question.run.outputs[0].astype(np.float64)
        others = np.delete(outputs - outputs[targets[0]], targets[0])
        rest = np.exp(others).sum()
        slope = question.loss.dy[0]
        assert slope[targets[0]] == pytest.approx(-rest / (1 + rest), rel=1e-6)
        assert slope.sum() == pytest.approx(0, abs=1e-6 * float(np.abs(slope).sum()))
        found = gradient_sum(replace(question, choice=Choice(units=(int(targets[0]),))), "bias-gradient")
        assert found.agrees and found.value != 0
        assert found.numerical_agrees, (row, found.value, found.numerical)


def asked(name: str, split: str, row: int) -> Question:
    model = shipped(name)
    inputs, targets = part_of(find_model(name), model, None, split)().take([row])
    return Question(model, "", Samples(model.raw(inputs), targets, ("",)))


def some_sums(question: Question) -> list[Sum]:
    """Of the first, the last and three other weights of every parameter."""
    rng = np.random.default_rng(4)
    found: list[Sum] = []
    for path, gradient in question.back.params.items():
        for flat in (0, gradient.size - 1, *rng.integers(0, gradient.size, 3).tolist()):
            found.append(weight_gradient(question, path, tuple(map(int, np.unravel_index(flat, gradient.shape)))))
    return [each for each in found if not any("bends or jumps" in note for note in each.notes)]


SLOPES = [*(("xor", "train", row) for row in range(4)), *(("iris-mlp", "test", row) for row in range(8))]
SLOPES += [("digits-cnn", "test", row) for row in range(8)]


def test_slopes_of_right_gradients_agree() -> None:
    """Also of weights that hardly matter, beside a J whose rounding is larger than what they change."""
    found = [(question, each) for question in SLOPES for each in some_sums(asked(*question))]
    assert len(found) > 400
    assert [(question, each.name) for question, each in found if not each.numerical_agrees] == []
    for name, split, row, path, index in (
        ("digits-cnn", "test", 0, "dense2/bias", (6,)),  # 9e-11, beside a loss of 13
        ("xor", "train", 1, "dense1/bias", (1,)),  # 5e-7; 1 − tanh² has few digits in float32
    ):
        single = weight_gradient(asked(name, split, row), path, index)
        assert single.numerical_agrees and single.numerical is not None
        assert single.numerical == pytest.approx(single.value, rel=1e-3, abs=0)
        assert single.numerical_bound < 1e-3 * abs(single.value)


def test_slopes_of_gradients_that_are_one_percent_off_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """A way back that is wrong in both dtypes. No weight is so small that it would not be seen."""
    right = Dense.backward

    def backward(*arguments: Any, **options: Any) -> Any:
        dx = right(*arguments, **options)
        return None if dx is None else dx * dx.dtype.type(1.01)

    monkeypatch.setattr(Dense, "backward", backward)
    for name, split, row in SLOPES:
        question = asked(name, split, row)
        below = [each for each in some_sums(question) if each.value and "dense2" not in each.name]
        assert all(each.agrees and not each.numerical_agrees for each in below), (name, row)


def test_nor_where_only_float32_is_off() -> None:
    """As far as a gradient is not so small beside the others that float32 may hold no digit of it."""
    flagged = small = 0
    for question in (asked(*each) for each in SLOPES):
        for array in (question.back.params.vector, *question.back.of_output.values()):
            array *= np.float32(1.01)
        for each in some_sums(question):
            if 0.0095 * abs(each.value) > each.numerical_bound:
                assert each.agrees and not each.numerical_agrees, each.name
                flagged += 1
            else:
                small += each.value != 0
    assert flagged > 5 * small


def test_a_measured_slope_that_is_another_is_told() -> None:
    model = tuinet.load("iris-mlp")
    part = part_of(find_model("iris-mlp"), model, None, None)()
    inputs, targets = part.take([0])
    found = gradient_sum(Question(model, "dense1", Samples(model.raw(inputs), targets, ("",))), "weight-gradient")
    assert found.numerical_agrees and found.numerical is not None
    other = msgspec.structs.replace(found, numerical=found.numerical + 2 * found.numerical_bound)
    assert other.numerical_agrees is False
    assert any("DIFFER" in line for line in in_words(other))
    assert "DIFFERS by" in plain(draw(other, Paper(80)))
