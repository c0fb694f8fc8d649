"""Which idea of the lecture a setting is: what a form says beside it."""

from __future__ import annotations

from typing import Any

from tuinet.data.augmentation import Flip, Noise, Rotate, Shift, Zoom
from tuinet.data.cifar import CifarBinary
from tuinet.data.fetched import Cifar10, FashionMnist, Mnist
from tuinet.data.generated import And, Blobs, Regions, Sine, Xor
from tuinet.data.idx import IdxFiles
from tuinet.data.preparation import Downsample
from tuinet.data.shipped_sets import MnistSmall
from tuinet.data.text_file import TextFile
from tuinet.experiment.spec import DataSettings, EarlyStopping, ModelSettings, TeacherForcing, TrainingSettings
from tuinet.nn.layers.activation import Linear, Relu, Sigmoid, Sign, Softmax, Step, Tanh
from tuinet.nn.layers.bidirectional import Bidirectional
from tuinet.nn.layers.clockwork import Clockwork
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.dropout import Dropout, GaussianNoise
from tuinet.nn.layers.embedding import Embedding, OneHot
from tuinet.nn.layers.gru import GRU
from tuinet.nn.layers.lstm import LSTM
from tuinet.nn.layers.over_time import LastStep, MaxOverTime, MeanOverTime
from tuinet.nn.layers.pool import AveragePool, MaxPool, SumPool
from tuinet.nn.layers.rnn import RNN
from tuinet.nn.losses import BinaryCrossEntropy, CrossEntropy, Hinge, MeanSquaredError, Perceptron, SquaredError
from tuinet.nn.optimizers import Sgd
from tuinet.nn.regularization import Regularization
from tuinet.nn.schedules import Inverse
from tuinet.nn.seq2seq import Seq2Seq

IDEAS = {
    "P1": "the perceptron rule",
    "P2": "several outputs, 2^S regions",
    "P3": "a falling step size",
    "P4": "linear separability",
    "P5": "XOR",
    "M1": "an MLP of any depth and width",
    "M2": "regression",
    "M3": "classes as targets",
    "M4": "backpropagation",
    "M5": "one sample, mini-batches or the whole set",
    "M6": "L1 and L2",
    "M7": "weight decay",
    "M8": "noise",
    "M9": "augmentation",
    "M10": "early stopping",
    "M11": "dropout",
    "C1": "images in files",
    "C3": "down-sampling",
    "C5": "depth, stride, padding",
    "C6": "activations on feature maps",
    "C7": "pooling",
    "C9": "another classifier on top",
    "C10": "squared error against cross-entropy",
    "C11": "softmax",
    "R1": "the recurrent net",
    "R2": "back-propagation through time",
    "R3": "output fed back, or only at the end",
    "R4": "both directions",
    "R5": "an encoder, a context, a decoder",
    "R6": "exploding gradients",
    "R7": "LSTM",
    "R8": "peepholes",
    "R9": "coupled gates",
    "R10": "GRU",
    "R11": "clockwork RNN",
    "R12": "sequences of text",
    "R13": "translation with two LSTMs",
    "A1": "pre-training",
    "A4": "words as vectors",
}
"""The lecture's ideas that are a setting, by their number."""

_OF: dict[type, str] = {
    And: "P4", Blobs: "P4", Regions: "P2", Xor: "P5", Sine: "M2",
    Mnist: "C1", FashionMnist: "C1", MnistSmall: "C1", Cifar10: "C1", IdxFiles: "C1", CifarBinary: "C1",
    TextFile: "R12", Downsample: "C3",
    Shift: "M9", Rotate: "M9", Zoom: "M9", Flip: "M9", Noise: "M8", GaussianNoise: "M8", Dropout: "M11",
    Dense: "M1", Step: "P1", Sign: "P1", Sigmoid: "M1", Tanh: "M1", Linear: "M2", Relu: "C6", Softmax: "C11",
    Conv2D: "C5", MaxPool: "C7", AveragePool: "C7", SumPool: "C7",
    Embedding: "A4", OneHot: "A4", RNN: "R1", LSTM: "R7", GRU: "R10", Clockwork: "R11", Bidirectional: "R4",
    LastStep: "R3", MeanOverTime: "R3", MaxOverTime: "R3", Seq2Seq: "R5",
    Perceptron: "P1", SquaredError: "C10", MeanSquaredError: "M2", CrossEntropy: "C10", BinaryCrossEntropy: "C10",
    Hinge: "C9", Sgd: "M4", Inverse: "P3", EarlyStopping: "M10", TeacherForcing: "R13",
}  # fmt: skip

_OF_FIELDS: dict[tuple[type, str], str] = {
    (DataSettings, "augment"): "M9",
    (DataSettings, "window"): "R2",
    (DataSettings, "targets"): "M3",
    (ModelSettings, "start"): "A1",
    (ModelSettings, "freeze"): "C9",
    (TrainingSettings, "loss"): "C10",
    (TrainingSettings, "optimizer"): "M4",
    (TrainingSettings, "schedule"): "P3",
    (TrainingSettings, "batch_size"): "M5",
    (TrainingSettings, "epochs"): "M5",
    (TrainingSettings, "shuffle"): "M5",
    (TrainingSettings, "carry_state"): "R2",
    (TrainingSettings, "teacher_forcing"): "R13",
    (TrainingSettings, "early_stopping"): "M10",
    (Regularization, "l1"): "M6",
    (Regularization, "l2"): "M6",
    (Regularization, "weight_decay"): "M7",
    (Regularization, "weight_noise"): "M8",
    (Regularization, "clip_norm"): "R6",
    (LSTM, "peephole"): "R8",
    (LSTM, "coupled"): "R9",
    (Seq2Seq, "reverse_source"): "R13",
}


def idea_of(cls: type[Any], field: str = "") -> str:
    """The idea that a kind of setting, or one of its fields, is in the lecture; "" if it is none."""
    return IDEAS.get(_OF.get(cls, "") if not field else _OF_FIELDS.get((cls, field), ""), "")
