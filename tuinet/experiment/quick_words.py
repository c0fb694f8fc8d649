"""What each kind of layer is called in the quick line, and which words set what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from tuinet.nn.initializers import Glorot, He, Normal, Zeros
from tuinet.nn.layers.activation import Linear, Relu, Sigmoid, Sign, Softmax, Step, Tanh
from tuinet.nn.layers.clockwork import Clockwork
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.dropout import Dropout, GaussianNoise
from tuinet.nn.layers.embedding import Embedding, OneHot
from tuinet.nn.layers.flatten import Flatten
from tuinet.nn.layers.gru import GRU
from tuinet.nn.layers.lstm import LSTM
from tuinet.nn.layers.over_time import LastStep, MaxOverTime, MeanOverTime, Rows
from tuinet.nn.layers.pool import AveragePool, MaxPool, SumPool
from tuinet.nn.layers.rnn import RNN
from tuinet.nn.parts import Part


class Word(NamedTuple):
    """A word that sets a field: to `value`, or, if that is None, to the number behind the word."""

    field: str
    value: object = None


@dataclass(frozen=True)
class Kind:
    """How a kind of layer is written.

    layer    what it is
    names    what it is called, first as it is written
    numbers  the fields that the numbers right behind the name set, in order
    rest     the field that all further numbers go into
    words    what else can be said
    """

    layer: type[Part]
    names: tuple[str, ...]
    numbers: tuple[str, ...] = ()
    rest: str = ""
    words: Mapping[str, Word] = field(default_factory=dict[str, Word])


_INITIALIZERS: dict[str, Word] = {
    "zeros": Word("initializer", Zeros()),
    "he": Word("initializer", He()),
    "glorot": Word("initializer", Glorot()),
    "normal": Word("initializer"),
}
_NO_BIAS = {"nobias": Word("bias", False)}
_STRIDE = {"stride": Word("stride")}
_CHRONO = {"chrono": Word("chrono")}

KINDS = (
    Kind(Dense, ("dense",), ("units",), words=_NO_BIAS | _INITIALIZERS),
    Kind(
        Conv2D,
        ("conv", "conv2d"),
        ("filters", "kernel"),
        words={"same": Word("padding", "same"), "valid": Word("padding", "valid"), "pad": Word("padding")}
        | _STRIDE
        | _NO_BIAS
        | _INITIALIZERS,
    ),
    Kind(MaxPool, ("pool", "maxpool", "max-pool"), ("window",), words=_STRIDE),
    Kind(AveragePool, ("avgpool", "averagepool", "average-pool"), ("window",), words=_STRIDE),
    Kind(SumPool, ("sumpool", "sum-pool"), ("window",), words=_STRIDE),
    Kind(Flatten, ("flatten",)),
    Kind(Dropout, ("dropout",), ("rate",)),
    Kind(GaussianNoise, ("noise", "gaussian-noise"), ("deviation",)),
    Kind(Step, ("step",)),
    Kind(Sign, ("sign",)),
    Kind(Sigmoid, ("sigmoid",)),
    Kind(Tanh, ("tanh",)),
    Kind(Relu, ("relu",)),
    Kind(Linear, ("linear",)),
    Kind(Softmax, ("softmax",)),
    Kind(Embedding, ("embed", "embedding"), ("units",), words=_INITIALIZERS),
    Kind(OneHot, ("onehot", "one-hot"), ("symbols",)),
    Kind(RNN, ("rnn",), ("units",), words={"tanh": Word("activation", "tanh"), "relu": Word("activation", "relu")}),
    Kind(
        LSTM,
        ("lstm",),
        ("units",),
        words={
            "peephole": Word("peephole", "diagonal"),
            "full-peephole": Word("peephole", "full"),
            "coupled": Word("coupled", True),
            "forget": Word("forget_bias"),
        }
        | _CHRONO,
    ),
    Kind(
        GRU,
        ("gru",),
        ("units",),
        words={"pytorch": Word("form", "pytorch"), "update": Word("update_bias")} | _NO_BIAS | _CHRONO,
    ),
    Kind(Clockwork, ("clockwork",), ("units",), rest="periods"),
    Kind(LastStep, ("last", "last-step"), words={"both": Word("both_ways", True)}),
    Kind(MeanOverTime, ("mean", "mean-over-time")),
    Kind(MaxOverTime, ("max", "max-over-time")),
    Kind(Rows, ("rows",)),
)
"""Every kind but those that hold other layers."""

BOTH_WAYS = ("bi", "bidirectional")
"""What stands before a recurrent layer that is read in both directions."""

ACTIVATIONS: dict[str, Part] = {
    "step": Step(), "sign": Sign(), "sigmoid": Sigmoid(), "tanh": Tanh(), "relu": Relu(), "linear": Linear(),
    "softmax": Softmax(),
}  # fmt: skip
"""Layers of their own that can be said with the dense or convolutional layer before them."""

ACTIVATED = (Dense, Conv2D)

TRANSLATOR: dict[str, Word] = {
    "reversed": Word("reverse_source", True),
    "copied": Word("bridge", "copy"),
    "dense": Word("bridge", "dense"),
    "symbols": Word("symbols"),
}
"""The words behind encoder(…) decoder(…)."""


BY_NAME = {name: kind for kind in KINDS for name in kind.names}
"""Every kind by every name it has."""

BY_LAYER = {kind.layer: kind for kind in KINDS}


def to_value(field: str, number: object) -> object:
    """What a number behind a word sets a field to, as the experiment file has it."""
    return {"kind": "normal", "deviation": number} if field == "initializer" else number


def from_value(field: str, value: object) -> object:
    """The number that sets a field to a value; a text, a struct or a bool where none does."""
    return value.deviation if field == "initializer" and isinstance(value, Normal) else value
