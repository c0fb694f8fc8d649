"""Random numbers for data, kept apart from those of training that are drawn with the same seed."""

from __future__ import annotations

from hashlib import sha256

import numpy as np


def stream(seed: int, purpose: str) -> np.random.Generator:
    """The random numbers named by (seed, purpose): Philox with both in its key.

    Two purposes ("split", "moons") never share numbers, and none shares them with nn.context.philox(seed).
    """
    mark = int.from_bytes(sha256(purpose.encode()).digest()[:8], "little") | 1
    return np.random.Generator(np.random.Philox(key=np.array([seed % 2**64, mark], np.uint64)))
