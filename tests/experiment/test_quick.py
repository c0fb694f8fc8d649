"""The quick line: what it says by hand, that it says the same back, and what it answers to what it cannot say."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.experiment.strategies import layers
from tuinet.errors import TuinetError
from tuinet.experiment.decode import load_experiment
from tuinet.experiment.quick import parse_layers, written
from tuinet.experiment.quick_words import BY_LAYER, BY_NAME
from tuinet.experiment.recipes import ORDER
from tuinet.nn.initializers import He, Normal, Zeros
from tuinet.nn.layer import Shape
from tuinet.nn.layers.activation import Relu, Tanh
from tuinet.nn.layers.bidirectional import Bidirectional
from tuinet.nn.layers.clockwork import Clockwork
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.dropout import Dropout
from tuinet.nn.layers.embedding import Embedding
from tuinet.nn.layers.flatten import Flatten
from tuinet.nn.layers.gru import GRU
from tuinet.nn.layers.lstm import LSTM
from tuinet.nn.layers.over_time import LastStep, MeanOverTime, Rows
from tuinet.nn.layers.pool import AveragePool, MaxPool
from tuinet.nn.layers.rnn import RNN
from tuinet.nn.parts import Part
from tuinet.nn.seq2seq import Seq2Seq

MANY = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("dense 1 zeros", (Dense(1, initializer=Zeros()),)),
        ("dense 8 tanh, dense", (Dense(8), Tanh(), Dense())),
        (
            "conv 16 3 same relu, pool 2, dense 10",
            (Conv2D(16, 3, padding="same"), Relu(), MaxPool(2), Flatten(), Dense(10)),
        ),
        ("conv 16 3x5 relu stride 2 same he", (Conv2D(16, (3, 5), 2, "same", initializer=He()), Relu())),
        ("conv2d 4 3 pad 1 nobias, avgpool 3 stride 1", (Conv2D(4, 3, padding=1, bias=False), AveragePool(3, 1))),
        (
            "conv 4 3, relu, dropout 0.4, flatten, dense 2",
            (Conv2D(4, 3), Relu(), Dropout(0.4), Flatten(), Dense(2)),
        ),
        ("embed 64, lstm 256 peephole, dense", (Embedding(64), LSTM(256, peephole="diagonal"), Dense())),
        ("embed 8 normal 0.1", (Embedding(8, Normal(0.1)),)),
        ("rnn 4 relu, rnn 4", (RNN(4, "relu"), RNN(4))),
        ("lstm 5 chrono 100 coupled full-peephole", (LSTM(5, "full", True, chrono=100),)),
        ("lstm 5 forget 2.5", (LSTM(5, forget_bias=2.5),)),
        ("gru 5 pytorch update -1", (GRU(5, "pytorch", update_bias=-1),)),
        ("clockwork 64 1 2 4 8", (Clockwork(64),)),
        ("clockwork 64 1 4 16", (Clockwork(64, (1, 4, 16)),)),
        ("bi lstm 64, last both, dense", (Bidirectional(LSTM(64)), LastStep(both_ways=True), Dense())),
        ("rows, bidirectional gru 8, mean", (Rows(), Bidirectional(GRU(8)), MeanOverTime())),
        (
            "encoder(embed 64, lstm 128) decoder(embed 64, lstm 128, dense) reversed",
            (Seq2Seq((Embedding(64), LSTM(128)), (Embedding(64), LSTM(128), Dense()), reverse_source=True),),
        ),
        (
            "encoder(conv 8 3, dense 9), decoder(embed 4, gru 9, dense) dense symbols 30",
            (
                Seq2Seq(
                    (Conv2D(8, 3), Flatten(), Dense(9)), (Embedding(4), GRU(9), Dense()), bridge="dense", symbols=30
                ),
            ),
        ),
        ("  dense 3  ,", (Dense(3),)),
    ],
)
def test_lines_by_hand(line: str, expected: tuple[Part, ...]) -> None:
    assert parse_layers(line) == expected


def test_a_dense_layer_on_images_gets_its_flatten() -> None:
    image = Shape.image(8, 8, 1)
    assert parse_layers("dense 3, dense 2", image) == (Flatten(), Dense(3), Dense(2))
    assert parse_layers("dropout 0.1, dense 3", image)[1] == Flatten()
    assert parse_layers("rows, dense 3", image) == (Rows(), Dense(3))
    assert parse_layers("dense 3", Shape.vector(4)) == parse_layers("dense 3") == (Dense(3),)
    (translator,) = parse_layers("encoder(dense 3) decoder(embed 2, gru 3, dense) dense", image)
    assert isinstance(translator, Seq2Seq) and translator.encoder == (Flatten(), Dense(3))
    assert translator.decoder == (Embedding(2), GRU(3), Dense())


@pytest.mark.parametrize("name", ORDER)
def test_every_recipe_can_be_said(name: str) -> None:
    found = load_experiment(name).model.layers
    line = written(found)
    assert line is not None and parse_layers(line) == found


def test_the_line_is_as_a_person_would_write_it() -> None:
    lines = {name: written(load_experiment(name).model.layers) for name in ORDER}
    assert lines["mnist-small-cnn"] == (
        "conv 16 3 relu, pool 2, conv 32 3 relu, pool 2, dense 128 relu, dropout 0.25, dense 10"
    )
    assert lines["recall-clockwork"] == "onehot, clockwork 64 1 4 16 64, last, dense"
    assert lines["dates-seq2seq"] == "encoder(embed 32, gru 128) decoder(embed 32, gru 128, dense)"


def test_what_cannot_be_said_is_not_said() -> None:
    assert written((Dense(3, initializer=He("uniform")),)) is None
    assert written((Conv2D(3, 3), Dense(3))) is None  # a flatten layer would be put in


def test_every_layer_has_a_name_of_its_own() -> None:
    assert set(BY_LAYER) | {Bidirectional} == set(Part.__args__)
    assert len(BY_NAME) == sum(len(kind.names) for kind in BY_LAYER.values())
    for kind, spoken in BY_LAYER.items():
        assert str(kind.__struct_config__.tag) in spoken.names


@given(layers())
@MANY
def test_what_is_written_reads_the_same(found: tuple[Part, ...]) -> None:
    line = written(found)
    assert line is None or parse_layers(line) == found


WORDS = st.sampled_from([*BY_NAME, *BY_LAYER[Conv2D].words, *BY_LAYER[LSTM].words, "bi", "encoder(", "decoder(", ")",
                         "relu", "3", "0.5", "16 3", "3x3", "1 2 4", ",", ", dense", "(", "-1", "1e999"])  # fmt: skip


@given(st.lists(WORDS, max_size=12).map(" ".join) | st.text(max_size=30))
@settings(max_examples=500, deadline=None)
def test_any_line_is_layers_that_read_the_same_or_is_refused_in_words(line: str) -> None:
    try:
        found = parse_layers(line)
    except TuinetError:
        return
    again = written(found)
    assert again is not None and parse_layers(again) == found


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ("", "no layer is named", "conv 16 3"),
        ("conv 16 3 sme relu", 'column 11: "sme" is no word of conv', "did you mean same?"),
        ("pool 2, cnv 16 3", 'column 9: there is no layer "cnv"', "did you mean conv?"),
        ("conv 16", "column 1: conv needs kernel", "a whole number of at least 1"),
        ("dense 0", "column 1: dense: units: a whole number of at least 1 is needed here, not 0", ""),
        ("dropout 2", "column 1: dropout: rate: a number of at least 0 and below 1", ""),
        ("pool 2 3", "column 8: pool takes one number", ""),
        ("flatten 3", "column 9: flatten takes no numbers", ""),
        ("dense 10,,dense", "column 10: a layer is missing before this comma", ""),
        ("lstm 64 chrono", "column 9: a number is missing behind chrono", ""),
        ("lstm 64 chrono coupled", "column 9: a number is missing behind chrono", ""),
        ("conv 3 3 same valid", "column 15: padding is set twice", ""),
        ("dense 3 relu tanh", "column 14: one activation is enough", "comma"),
        ("bi", "column 1: which layer?", "bi lstm 64"),
        ("bi dense 3 relu", "column 4: dense cannot be read in both directions", "clockwork"),
        ("encoder(embed 3) dense", "column 18: decoder(…) belongs here", ""),
        ("decoder(embed 3)", "column 1: encoder(…) belongs here", ""),
        ("encoder() decoder(dense)", "column 1: the encoder has no layers", ""),
        ("encoder(dense 3", "column 15: a bracket is not closed", ""),
        ("dense 3)", "column 8: this bracket closes none", ""),
        ("dense 3 ()", "column 9: a bracket stands only behind encoder", ""),
        ("encoder(encoder(dense) decoder(dense)) decoder(dense)", "column", ""),
        ("dense " + "9" * 5000, "column 7", ""),
        ("dense 3, " * 9000, "the line has over 20,000 characters", ""),
    ],
)  # fmt: skip
def test_what_is_wrong_where_and_what_would_be_right(line: str, message: str, hint: str) -> None:
    with pytest.raises(TuinetError) as caught:
        parse_layers(line)
    assert caught.value.message.startswith(message)
    assert hint in caught.value.hint
