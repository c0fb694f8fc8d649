"""Makes mnist-small out of MNIST, the same files every time:

    tuinet data fetch mnist && python datasets/mnist-small/make.py

500 images a class of MNIST's training part and 100 a class of its test part, drawn with a fixed seed, in MNIST's order.
"""

import gzip
import struct
from hashlib import sha256
from pathlib import Path

import numpy as np

from tuinet.data.fetched import Mnist
from tuinet.data.random import stream

HERE = Path(__file__).parent
SEED = 0
PER_CLASS = {"train": 500, "test": 100}
FILES = {"train": "train", "test": "t10k"}


def idx(values: np.ndarray) -> bytes:
    """The array of uint8 as an IDX file."""
    return struct.pack(f">BBBB{values.ndim}I", 0, 0, 8, values.ndim, *values.shape) + values.tobytes()


def main() -> None:
    mnist = Mnist().load(HERE, SEED)
    for part, split in mnist.splits.items():
        rng = stream(SEED, f"mnist-small {part}")
        ids = split.all_targets()
        chosen = [rng.choice(np.flatnonzero(ids == digit), PER_CLASS[part], replace=False) for digit in range(10)]
        images, labels = split.take(np.sort(np.concatenate(chosen)))
        for kind, values in (("images-idx3", images), ("labels-idx1", labels)):
            path = HERE / f"{FILES[part]}-{kind}-ubyte.gz"
            content = idx(values)
            path.write_bytes(gzip.compress(content, 9, mtime=0))
            print(f"{path.name}  {path.stat().st_size} bytes")
            print(f"  packed    {sha256(path.read_bytes()).hexdigest()}")
            print(f"  unpacked  {sha256(content).hexdigest()}")


if __name__ == "__main__":
    main()
