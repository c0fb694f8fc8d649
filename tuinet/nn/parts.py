"""The union of all layers that a stack can be made of."""

from __future__ import annotations

from tuinet.nn.layers.activation import Linear, Relu, Sigmoid, Sign, Softmax, Step, Tanh
from tuinet.nn.layers.bidirectional import Bidirectional
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

Part = (
    Dense
    | Conv2D
    | MaxPool
    | AveragePool
    | SumPool
    | Flatten
    | Dropout
    | GaussianNoise
    | Step
    | Sign
    | Sigmoid
    | Tanh
    | Relu
    | Linear
    | Softmax
    | Embedding
    | OneHot
    | RNN
    | LSTM
    | GRU
    | Clockwork
    | Bidirectional
    | LastStep
    | MeanOverTime
    | MaxOverTime
    | Rows
)
