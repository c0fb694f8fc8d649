"""The stacks of layers that a network is made of: one, or the encoder and the decoder of a seq2seq layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tuinet.data.dataset import DatasetInfo
from tuinet.nn import stack
from tuinet.nn.layer import Layer, Shape
from tuinet.nn.seq2seq import Seq2Seq


class Stack(NamedTuple):
    """Layers one after the other.

    path    where they are in the experiment: `model.layers`, `model.layers[0].decoder`
    prefix  what stands before their names: "", `seq2seq1/decoder/`
    shape   of what goes in; None: not known
    steps   the mean number of steps of what goes in; 1 where it is no sequence
    """

    path: str
    prefix: str
    layers: tuple[Layer, ...]
    shape: Shape | None
    steps: float = 1.0

    def names(self) -> tuple[str, ...]:
        """The names of the layers in the network."""
        return tuple(self.prefix + name for name in stack.names(self.layers))

    def place(self, index: int, field: str = "") -> str:
        """Where a layer, or a setting of it, is in the experiment."""
        return f"{self.path}[{index}]" + (f".{field}" if field else "")


def only_translator(layers: Sequence[Layer]) -> Seq2Seq | None:
    """The seq2seq layer of a network that is nothing else."""
    return layers[0] if len(layers) == 1 and isinstance(layers[0], Seq2Seq) else None


def stacks_of(layers: Sequence[Layer], shape: Shape | None, info: DatasetInfo | None = None) -> tuple[Stack, ...]:
    """The stacks of a network, in the order of the signal; `shape` is what goes into the first, `info` says how long.

    The last is the one that answers.
    """
    length, target_length = (info.length, info.target_length) if info is not None else (1.0, 1.0)
    translator = only_translator(layers)
    if translator is None:
        return (Stack("model.layers", "", tuple(layers), shape, length),)
    path, prefix = "model.layers[0]", f"{stack.names(tuple(layers))[0]}/"
    return (
        Stack(f"{path}.encoder", f"{prefix}encoder/", translator.encoder, shape, length),
        Stack(f"{path}.decoder", f"{prefix}decoder/", translator.decoder, translator.target_shape(), target_length + 1),
    )
