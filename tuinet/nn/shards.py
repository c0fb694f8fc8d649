"""How many samples are computed at a time: a fixed rule from network and batch, never from threads or a clock.

The rule decides the rounding of every sum, so that any number of threads trains to the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence

from tuinet.nn.layer import Layer
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.recurrent import OverTime
from tuinet.nn.seq2seq import Seq2Seq

LANES = 8
"""Sums that grow side by side; more threads than this bring nothing."""

IMAGES = 32
"""Samples a shard where there are convolutions: few enough for their maps to stay in a core's cache, enough that the
calls between the products cost little."""

ROWS = 64
"""The fewest samples a shard is made of elsewhere: with less, products no longer pay for the call."""

SEQUENCES = (16, 64)
"""The fewest and the most sequences a shard where there is recurrence: half a batch, so that two cores share it; the
products of a step over fewer rows would cost more than they bring."""

MOST_ROWS = 4096
"""The most: memory stays bounded when the batch is the whole training part."""


def shard_size(layers: Sequence[Layer], batch_size: int) -> int:
    """The samples of one shard."""
    if any(isinstance(layer, Conv2D) for layer in layers):
        return min(IMAGES, batch_size)
    if any(isinstance(layer, OverTime | Seq2Seq) for layer in layers):
        fewest, most = SEQUENCES
        return min(batch_size, most, max(fewest, -(-batch_size // 2)))
    return min(batch_size, MOST_ROWS, max(ROWS, -(-batch_size // LANES)))


def lane_count(layers: Sequence[Layer], batch_size: int) -> int:
    """How many sums of gradients a batch needs: lane l takes shards l, l + LANES, …"""
    return min(LANES, -(-batch_size // shard_size(layers, batch_size)))
