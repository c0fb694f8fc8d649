"""Whole PyTorch models, what `tuinet import` has to make run, and numbers of few bits.

Each `case/weight:NAME` is a tensor of the model's state_dict in float32, as files have them; the outputs are float64.
"""

from __future__ import annotations

import numpy as np
import torch
from vectors import put


def weights(rng):
    """Per case all tensors in the order of the modules, inputs, and PyTorch's outputs for them."""
    found = {}
    nn = torch.nn
    cnn = nn.Sequential()
    cnn.features = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 6, 3, stride=2), nn.Tanh()
    )
    cnn.flatten = nn.Flatten()
    cnn.classifier = nn.Sequential(nn.Linear(6 * 2 * 2, 10), nn.ReLU(), nn.Linear(10, 3))
    images = rng.integers(0, 256, (5, 2, 10, 11))
    put_model(found, rng, "cnn", cnn, torch.tensor(images / 255), images.transpose(0, 2, 3, 1).astype(np.uint8))
    for name, module, width in [
        ("lstm", nn.LSTM(5, 6, batch_first=True), 6),
        ("lstm-two-layers-bidirectional", nn.LSTM(5, 4, 2, batch_first=True, bidirectional=True), 8),
        ("gru", nn.GRU(5, 4, batch_first=True), 4),
        ("rnn", nn.RNN(5, 4, batch_first=True, nonlinearity="relu"), 4),
    ]:
        ids = rng.integers(0, 7, (4, 6))
        put_model(found, rng, name, Text(module, width), torch.tensor(ids), ids)
    return found


class Text(torch.nn.Module):
    """Symbols to vectors, read by a recurrent module, whose outputs' mean is classified."""

    def __init__(self, recurrent, width):
        super().__init__()
        self.embedding = torch.nn.Embedding(7, 5)
        self.recurrent = recurrent
        self.head = torch.nn.Linear(width, 3)

    def forward(self, x):
        return self.head(self.recurrent(self.embedding(x))[0].mean(1))


def put_model(found, rng, case, model, fed, inputs):
    """With weights of its own, so that no generator of PyTorch's has a part in them."""
    with torch.no_grad():
        for tensor in model.parameters():
            tensor[...] = torch.tensor(rng.normal(0, 0.5, tuple(tensor.shape)).astype(np.float32))
        outputs = model(fed)
    tensors = {f"weight:{path}": tensor.numpy().astype(np.float32) for path, tensor in model.state_dict().items()}
    put(found, case, inputs=inputs, outputs=outputs, **tensors)


def numbers(rng):
    """Every 8-bit float, and bfloat16s of all kinds, as bits and as the float32 that PyTorch makes of them."""
    del rng
    found = {}
    byte = torch.arange(256, dtype=torch.int16).to(torch.uint8)
    for name, dtype in (("F8_E4M3", torch.float8_e4m3fn), ("F8_E5M2", torch.float8_e5m2)):
        put(found, name, bits=byte, values=byte.view(dtype).to(torch.float32))
    bits = torch.cat([torch.arange(0, 2**16, 97), torch.tensor([0x7F80, 0xFF80, 0x7FC0, 0x8000, 0x0001])])
    values = bits.to(torch.int32).to(torch.uint16).view(torch.bfloat16).to(torch.float32)
    put(found, "BF16", bits=bits.to(torch.int32).to(torch.uint16), values=values)
    return found
