"""The experiment: data, model and training settings, the whole of one TOML file.

The classes are the file: their fields are its keys, and docs/experiment-file.md is made from them. They check
nothing when made in code; what comes from outside goes through `decode`, which holds it to the types and limits here.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from tuinet.data.augmentation import Augmentation
from tuinet.data.preparation import Preparation
from tuinet.data.sources import Source
from tuinet.data.splits import SplitSettings
from tuinet.data.vocabulary import Tokens
from tuinet.nn.losses import Loss
from tuinet.nn.network import AnyLayer
from tuinet.nn.optimizers import Optimizer
from tuinet.nn.regularization import Regularization
from tuinet.nn.schedules import Constant, Schedule

Name = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*\Z",
        max_length=64,
        description="a name of at most 64 letters, digits, dots, dashes and underscores, a letter or digit first,",
    ),
]
Count = Annotated[int, msgspec.Meta(ge=1, le=10**9)]
Seed = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
NotNegative = Annotated[float, msgspec.Meta(ge=0)]


class _Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class DataSettings(_Settings, frozen=True, kw_only=True):
    """What is learnt from: where the samples come from, how they are divided, and what is done to them."""

    source: Source
    """Where the samples come from: a set by its name, or files of your own (paths start at this file's folder)."""
    split: SplitSettings = SplitSettings()
    """What is cut off the training part for validation and for testing."""
    prepare: tuple[Preparation, ...] = ()
    """Steps every sample goes through, in order; they are saved with the model. If none of them scales,
    images are divided by the largest value a pixel can have."""
    augment: tuple[Augmentation, ...] = ()
    """Random changes of the training images, made anew each time an image is used."""
    tokens: Tokens | None = None
    """How texts that go in become symbols, and which symbols are known. Unset: as the source is made for."""
    target_tokens: Tokens | None = None
    """The same for texts that come out. Unset: as the source is made for, else as `tokens` says."""
    window: Annotated[int, msgspec.Meta(ge=2, le=100_000)] | None = None
    """Symbols a sample has where the next symbol of a text is learnt: through so many steps a gradient goes back.
    Unset: 64."""
    targets: Literal["one-hot", "binary"] | None = None
    """How classes become target values, for losses that compare values. Unset: one-hot if there are as many outputs
    as classes, binary code if there are as many outputs as it has digits."""


class ModelSettings(_Settings, frozen=True, kw_only=True):
    """The network: layers, first to last; where they start, and which of them stay as they are."""

    layers: tuple[AnyLayer, ...]
    """The layers in order. Each is named after its kind and place: conv1, relu1, pool1, conv2 …"""
    start: str | None = None
    """A trained model (a `.safetensors` file, a run's folder or the name of a model that ships) whose parameters
    are taken where name and shape are equal; the others start at random."""
    freeze: tuple[str, ...] = ()
    """Names of layers whose parameters do not change in training; of a seq2seq layer its parts too, such as
    `seq2seq1/encoder` or `seq2seq1/decoder/embedding1`."""


class EarlyStopping(_Settings, frozen=True, kw_only=True):
    """Stop when the validation part shows no improvement, and hand back the best weights."""

    patience: Count
    """How many validations in a row may pass without an improvement."""
    monitor: Literal["loss", "accuracy"] = "loss"
    """Which validation figure has to improve."""
    minimum_change: NotNegative = 0.0
    """An improvement smaller than this does not count."""
    reuse: Literal["none", "retrain", "continue"] = "none"
    """What to do with the validation samples afterwards: "none"; "retrain": from scratch on training and validation
    part together, for as many epochs as it took to reach the best; "continue": from the best weights on both
    together, until the training loss on both falls below the validation loss at the stop."""
    reuse_epochs: Count | None = None
    """The most epochs "continue" may take. Unset: as many as `training.epochs`."""


class TeacherForcing(_Settings, frozen=True, kw_only=True):
    """How often a decoder is fed the true symbol in training, and not its own choice."""

    ratio: Share = 1.0
    """The share of true symbols at the start of the run; 1: all of them."""
    last: Share | None = None
    """The share at its end; in between it falls or rises evenly. Unset: it stays."""


class TrainingSettings(_Settings, frozen=True, kw_only=True):
    """How the network learns."""

    loss: Loss
    """What is made small."""
    optimizer: Optimizer
    """How a gradient becomes a step; its `rate` is the learning rate before the schedule."""
    schedule: Schedule = Constant()
    """How the learning rate changes during the run."""
    regularization: Regularization = Regularization()
    """Penalties, decay, noise on the weights, and clipping of the gradient."""
    epochs: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
    """How many times the training part is gone through, at most."""
    batch_size: Count | Literal["all"] = 32
    """Samples a step: 1 for the online rule, "all" for the whole training part at once."""
    shuffle: bool = True
    """Go through the samples in a new random order each epoch; sequences of like length share a batch."""
    carry_state: bool = True
    """Where the next symbol of a text is learnt: each window goes on where the one before it ended (so they keep their
    order), and only the gradient stops there. If not, windows are shuffled and each begins at zero."""
    teacher_forcing: TeacherForcing = TeacherForcing()
    """What a decoder is fed in training."""
    validate_every: Count | None = None
    """Validate every so many steps. Unset: after each epoch."""
    checkpoint_every: Count | None = None
    """Write a checkpoint every so many steps. Unset: by a fixed rule from network and batch, a few seconds apart."""
    early_stopping: EarlyStopping | None = None
    """Unset: train all epochs."""
    seed: Seed = 0
    """The start of all random numbers: the split, the first weights, the order of samples, dropout, noise."""
    dtype: Literal["float32", "float64"] = "float32"
    """The numbers to compute with."""


class Experiment(_Settings, frozen=True, kw_only=True):
    """The whole file."""

    name: Name
    """A short name for folders and tables: letters, digits, dot, dash, underscore."""
    title: str = ""
    """One line for people."""
    data: DataSettings
    """What is learnt from."""
    model: ModelSettings
    """The network."""
    training: TrainingSettings
    """How it learns."""
