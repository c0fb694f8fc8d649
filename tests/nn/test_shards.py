"""The fixed rule of how many samples are computed at a time."""

import pytest

from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.dense import Dense
from tuinet.nn.shards import lane_count, shard_size


@pytest.mark.parametrize(
    ("batch", "shard", "lanes"), [(1, 1, 1), (64, 64, 1), (65, 64, 2), (128, 64, 2), (4096, 512, 8), (60_000, 4096, 8)]
)
def test_dense_networks_take_few_large_shards(batch: int, shard: int, lanes: int):
    assert (shard_size([Dense(3)], batch), lane_count([Dense(3)], batch)) == (shard, lanes)


@pytest.mark.parametrize(("batch", "shard", "lanes"), [(1, 1, 1), (32, 32, 1), (64, 32, 2), (60_000, 32, 8)])
def test_convolutions_take_shards_that_fit_the_cache(batch: int, shard: int, lanes: int):
    layers = [Conv2D(3, 3), Dense(3)]
    assert (shard_size(layers, batch), lane_count(layers, batch)) == (shard, lanes)
