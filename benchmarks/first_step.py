"""A first training step in PyTorch, as a plain script: the CNN of `digits-cnn` on the same digits.

    python first_step.py [fused] [1]

Says "step" when the step is done, and waits for the end of standard input. `1`: on one thread.
"""

import gzip
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

DIGITS = Path(__file__).parent.parent / "datasets" / "digits"


def main() -> None:
    if "1" in sys.argv:
        torch.set_num_threads(1)
    images = np.frombuffer(gzip.decompress((DIGITS / "images-idx3-ubyte.gz").read_bytes()), np.uint8, offset=16)
    labels = np.frombuffer(gzip.decompress((DIGITS / "labels-idx1-ubyte.gz").read_bytes()), np.uint8, offset=8)
    x = torch.from_numpy(images.reshape(-1, 1, 8, 8).astype(np.float32) / 16)
    y = torch.from_numpy(labels.astype(np.int64))
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(512, 64), nn.ReLU(), nn.Dropout(0.4), nn.Linear(64, 10),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), 0.002, fused="fused" in sys.argv)
    rows = torch.randperm(len(x))[:32]
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
    optimizer.step()
    print("step", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
