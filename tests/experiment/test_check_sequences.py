"""`check` on networks over sequences: what is refused, where and why, what is doubtful, and what they cost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tuinet.data.dataset import DatasetInfo
from tuinet.data.vocabulary import Tokens
from tuinet.experiment.check import Report, check
from tuinet.experiment.decode import decode
from tuinet.experiment.edit import apply_settings
from tuinet.nn.layer import Shape

IMAGES = DatasetInfo("digits", "classification", Shape.image(8, 8, 1), {"train": 900}, tuple("0123456789"))
REVIEWS = DatasetInfo(
    "reviews", "classification", Shape.tokens(50), {"train": 900}, ("bad", "good"), tokens=Tokens(), length=20.0
)
TAGGED = replace(REVIEWS, name="tagged", task="tagging")
PLAY = DatasetInfo(
    "play", "next-symbol", Shape.tokens(30), {"train": 900, "validation": 50},
    length=64.0, target_length=64.0, target_ids=30,
)  # fmt: skip
PAIRS = DatasetInfo("pairs", "seq2seq", Shape.tokens(20), {"train": 900}, length=6.0, target_length=9.0, target_ids=25)
SERIES = DatasetInfo(
    "series", "regression", Shape((3,), ("channel",), sequence=True), {"train": 900}, target_names=("y",), length=12.0
)
INFOS = {info.name: info for info in (IMAGES, REVIEWS, TAGGED, PLAY, PAIRS, SERIES)}

EMBEDDING, LSTM, DENSE = "{kind='embedding', units=8}", "{kind='lstm', units=16}", "{kind='dense'}"
BOTH = "{kind='bidirectional', layer={kind='gru', units=16}}"
LAST, MEAN = "{kind='last-step'}", "{kind='mean-over-time'}"


def layers(*found: str) -> str:
    return f"model.layers=[{', '.join(found)}]"


def pair(encoder: tuple[str, ...], decoder: tuple[str, ...], more: str = "") -> str:
    inside = f"encoder=[{', '.join(encoder)}], decoder=[{', '.join(decoder)}]{more}"
    return f"model.layers=[{{kind='seq2seq', {inside}}}]"


GOOD = {
    "digits": layers("{kind='rows'}", LSTM, LAST, DENSE),
    "reviews": layers(EMBEDDING, BOTH, MEAN, DENSE),
    "tagged": layers(EMBEDDING, BOTH, DENSE),
    "play": layers(EMBEDDING, LSTM, LSTM, DENSE),
    "pairs": pair((EMBEDDING, LSTM), (EMBEDDING, LSTM, DENSE)),
    "series": layers(LSTM, LAST, DENSE),
}

BASE = """
name = "any"
[data.source]
kind = "blobs"
[model]
layers = []
[training]
epochs = 2
loss = { kind = "cross-entropy" }
optimizer = { kind = "adam" }
"""


def report(name: str, *settings: str) -> Report:
    loss = ["training.loss=mean-squared-error"] if name == "series" else []
    return check(apply_settings(decode(BASE), [*loss, *settings]), INFOS[name], divided=True)


@pytest.mark.parametrize("name", GOOD)
def test_what_is_right_is_neither_refused_nor_warned_of(name: str) -> None:
    found = report(name, GOOD[name])
    assert found.problems == ()
    assert found.warnings == ()
    assert found.totals is not None and found.totals.steps
    assert (found.data.vocabulary, found.data.target_vocabulary) == (
        INFOS[name].input_shape.ids,
        INFOS[name].target_ids,
    )


DECODER = "model.layers[0].decoder"
ENCODER = "model.layers[0].encoder"


@pytest.mark.parametrize(
    ("name", "settings", "path", "words"),
    [
        ("digits", [layers("{kind='flatten'}", LSTM, LAST, DENSE)], "model.layers[1]", "a rows layer reads an image"),
        ("digits", [layers(LSTM, LAST, DENSE)], "model.layers[0]", "takes a sequence"),
        ("digits", [layers(EMBEDDING, LSTM, LAST, DENSE)], "model.layers[0]", "leave it out"),
        ("reviews", [layers(LSTM, LAST, DENSE)], "model.layers[0]", "put an embedding or a one-hot layer before it"),
        ("reviews", [layers(DENSE)], "model.layers[0]", "embedding"),
        ("reviews", [layers(EMBEDDING, LSTM, DENSE)], "model.layers[1]", "last-step"),
        ("reviews", [layers(EMBEDDING, DENSE)], "model.layers[1]", "mean-over-time"),
        ("reviews", [layers("{kind='one-hot', symbols=7}", LSTM, LAST, DENSE)], "model.layers[0].symbols", "50"),
        ("reviews", [layers(EMBEDDING, "{kind='dense'}", LSTM, LAST, DENSE)], "model.layers[1].units", "last layer"),
        ("reviews", [layers(EMBEDDING, LSTM, LAST)], "model.layers[1]", "put { kind = \"dense\" } behind it"),
        ("reviews", [GOOD["pairs"]], "model.layers[0]", "asks for something else (classification)"),
        ("reviews", [GOOD["reviews"], "data.window=9"], "data.window", "leave this key out"),
        ("reviews", [GOOD["reviews"], "data.target_tokens.unit=words"], "data.target_tokens", "no text"),
        ("reviews", [GOOD["reviews"], "data.augment=[{kind='flip'}]"], "data.augment[0]", "not sequences"),
        ("series", [GOOD["series"], "data.augment=[{kind='noise', deviation=0.1}]"], "data.augment[0]", "sequences"),
        ("reviews", [GOOD["reviews"], "data.prepare=[{kind='scale'}]"], "data.prepare", "ids"),
        ("digits", [GOOD["digits"], "data.tokens.unit=words"], "data.tokens", "no text"),
        ("tagged", [layers(EMBEDDING, LSTM, LAST, DENSE)], "model.layers[2]", "leave it out"),
        ("tagged", [GOOD["tagged"], "training.loss=squared-error"], "training.loss", "cross-entropy"),
        ("play", [layers(EMBEDDING, BOTH, DENSE)], "model.layers[1]", "looks ahead"),
        ("play", [layers(EMBEDDING, LSTM, MEAN, DENSE)], "model.layers[2]", "leave it out"),
        ("play", [layers(EMBEDDING, LSTM, "{kind='dense', units=9}")], "model.layers[2].units", "unset"),
        ("play", [GOOD["play"], "data.target_tokens.unit=words"], "data.target_tokens", "one vocabulary"),
        ("play", [layers(EMBEDDING, LSTM, DENSE, "{kind='softmax'}")], "model.layers[3]", "softmax itself"),
        ("pairs", [GOOD["reviews"]], "model.layers", "seq2seq"),
        ("pairs", ["model.layers=[]"], "model.layers", "there are no layers"),
        ("pairs", [GOOD["pairs"], "model.layers[1]={kind='dense'}"], "model.layers[0]", "the only layer"),
        ("pairs", [pair((EMBEDDING, LSTM), (EMBEDDING, LSTM))], DECODER, "end it with"),
        ("pairs", [pair((EMBEDDING, LSTM), (EMBEDDING, BOTH, DENSE))], f"{DECODER}[1]", "looks ahead"),
        ("pairs", [pair((EMBEDDING, LSTM), (EMBEDDING, LSTM, LAST, DENSE))], f"{DECODER}[2]", "leave it out"),
        ("pairs", [pair((EMBEDDING, LSTM), (LSTM, DENSE))], f"{DECODER}[0]", "embedding"),
        ("pairs", [pair((LSTM,), (EMBEDDING, LSTM, DENSE))], f"{ENCODER}[0]", "embedding"),
        ("pairs", [pair((), (EMBEDDING, LSTM, DENSE))], ENCODER, "no layers"),
        ("pairs", [pair((EMBEDDING, LSTM), ())], DECODER, "no layers"),
        ("pairs", [pair((EMBEDDING, LSTM, MEAN), (EMBEDDING, DENSE))], DECODER, "no recurrent layer"),
        ("pairs", [pair((EMBEDDING, DENSE), (EMBEDDING, LSTM, DENSE))], f"{ENCODER}[1].units", "not set"),
        ("pairs", [pair((EMBEDDING, BOTH), (EMBEDDING, LSTM, DENSE))], "model.layers[0].bridge", "dense"),
        ("pairs", [pair((EMBEDDING, LSTM, "{kind='step'}"), (EMBEDDING, LSTM, DENSE))], f"{ENCODER}[2]", "gradient"),
        ("pairs", [pair((EMBEDDING, LSTM), (EMBEDDING, LSTM, "{kind='dense', units=4}"))], f"{DECODER}[2].units", "4"),
        ("pairs", [pair((EMBEDDING, LSTM), (EMBEDDING, LSTM, DENSE), ", symbols=4")], "model.layers[0].symbols", "25"),
        ("pairs", [GOOD["pairs"], "model.freeze=['seq2seq1/encodr']"], "model.freeze[0]", "seq2seq1/encoder"),
        ("pairs", [GOOD["pairs"], "model.freeze=['seq2seq1']"], "model.freeze", "nothing can learn"),
    ],
)  # fmt: skip
def test_each_problem_has_path_reason_and_way_out(name: str, settings: list[str], path: str, words: str) -> None:
    found = [(each.path, f"{each.message} | {each.hint}") for each in report(name, *settings).problems]
    assert any(place == path and words in said for place, said in found), found


@pytest.mark.parametrize(
    ("name", "settings", "path", "words"),
    [
        ("reviews", [layers(EMBEDDING, BOTH, LAST, DENSE)], "model.layers[2].both_ways", "both_ways = true"),
        ("reviews", [layers(EMBEDDING, LSTM, "{kind='last-step', both_ways=true}", DENSE)],
         "model.layers[2].both_ways", "bidirectional"),
        ("reviews", [GOOD["reviews"], "training.carry_state=false"], "training.carry_state", "no meaning"),
        ("reviews", [GOOD["reviews"], "training.teacher_forcing.ratio=0.5"], "training.teacher_forcing", "decoder"),
        ("play", [layers(EMBEDDING, DENSE)], "model.layers", "one symbol alone"),
        ("series", [layers("{kind='lstm', units=1}", LAST)], "model.layers[1]", "between −1 and 1"),
        ("pairs", [pair((EMBEDDING, LSTM), (EMBEDDING, LSTM, DENSE, "{kind='dropout', rate=0.1}"))],
         f"{DECODER}[3]", "outputs themselves"),
        ("pairs", [GOOD["pairs"], "model.freeze=['seq2seq1/encoder']"], "model.freeze", "random weights"),
    ],
)  # fmt: skip
def test_what_is_doubtful_is_a_warning(name: str, settings: list[str], path: str, words: str) -> None:
    found = report(name, *settings)
    assert found.problems == ()
    assert any(each.startswith(f"{path}: ") and words in each for each in found.warnings), found.warnings


def test_every_problem_of_both_parts_at_once() -> None:
    found = report("pairs", pair((LSTM,), (EMBEDDING, BOTH, LAST, DENSE)))
    assert {each.path for each in found.problems} >= {f"{ENCODER}[0]", f"{DECODER}[1]", f"{DECODER}[2]"}


def test_the_table_of_a_translator_by_hand() -> None:
    """Embeddings 20·8 and 25·8; LSTMs (8 + 16)·4·16 weights and 64 biases; dense 16·25 + 25. No bridge to learn."""
    found = report("pairs", GOOD["pairs"], "model.freeze=['seq2seq1/encoder/embedding1']")
    rows = {row.name: (row.output, row.parameters, row.frozen) for row in found.layers}
    assert rows == {
        "seq2seq1": ((25,), 0, False),
        "seq2seq1/encoder/embedding1": ((8,), 160, True),
        "seq2seq1/encoder/lstm1": ((16,), 1600, False),
        "seq2seq1/decoder/embedding1": ((8,), 200, False),
        "seq2seq1/decoder/lstm1": ((16,), 1600, False),
        "seq2seq1/decoder/dense1": ((25,), 425, False),
    }
    assert found.totals is not None
    assert (found.totals.parameters, found.totals.trainable) == (3985, 3825)
    assert found.totals.multiply_adds == 2 * 24 * 64 + 16 * 25
    bridged = report("pairs", pair((EMBEDDING, LSTM), (EMBEDDING, LSTM, DENSE), ", bridge='dense'"))
    assert bridged.layers[0].parameters == 2 * (32 * 16 + 16)


def test_memory_grows_linearly_with_the_length_and_not_with_the_number_of_samples() -> None:
    def activations(length: float, samples: int) -> int:
        info = replace(PLAY, sizes={"train": samples}, length=length, target_length=length)
        totals = check(apply_settings(decode(BASE), [GOOD["play"]]), info, divided=True).totals
        assert totals is not None
        return totals.memory.activations

    one = activations(50.0, 900)
    assert activations(100.0, 900) == 2 * one == activations(100.0, 90_000)
    # 8 of the embedding; twice 4·16 gates, 2·16 state and 16 outputs; 30 scores: each with a gradient, in float32.
    assert one == 2 * (8 + 2 * (64 + 32 + 16) + 30) * 50 * 4 * 32


def test_windows_side_by_side_make_whole_steps_only() -> None:
    assert report("play", GOOD["play"], "training.batch_size=64").data.steps_per_epoch == 900 // 64
    assert (
        report("play", GOOD["play"], "training.batch_size=64", "training.carry_state=false").data.steps_per_epoch == 15
    )


def test_texts_that_are_not_here_yet_are_assumed() -> None:
    info = DatasetInfo("far", "seq2seq", Shape.tokens(0), {"train": 900}, tokens=Tokens("words", size=70))
    found = check(apply_settings(decode(BASE), [GOOD["pairs"]]), info)
    assert found.problems == ()
    assert (found.data.assumed, found.data.vocabulary, found.data.target_vocabulary) == (True, 73, 73)
    text = DatasetInfo("far", "next-symbol", Shape.tokens(0), {"train": 6400}, tokens=Tokens())
    found = check(apply_settings(decode(BASE), [GOOD["play"], "data.window=32"]), text)
    assert (found.problems, found.data.samples) == ((), {"train": 200})
