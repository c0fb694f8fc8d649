"""The contestants over sequences: language models, a translator, and its answers to many sources.

Random symbols: speed does not depend on what they say. Lengths of source and target are drawn from 3 to 15, and both
sides train on the same batches, made of pairs of about the same length.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Set

import numpy as np

SYMBOLS = 64
STEPS = 50
WINDOWS = 640
"""Windows of STEPS symbols that a language model reads."""

WORDS = 5_000
PAIRS = 6_400
SHORTEST, LONGEST = 3, 15
TRANSLATOR = ("seq2seq", "decode", "one-sentence")
"""The kinds of work of the translator; all others are a language model's."""

Work = Iterator[int]


def text() -> np.ndarray:
    """One symbol more than the windows hold."""
    return np.random.default_rng(0).integers(3, SYMBOLS, WINDOWS * STEPS + 1)


def windows(batch: int, kind: type = np.int64) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Inputs and targets (B, T) of each batch of an epoch; each row of a batch goes on where it was."""
    ids = text().astype(kind)
    x, y = (ids[start : start + WINDOWS * STEPS].reshape(WINDOWS, STEPS) for start in (0, 1))
    steps = WINDOWS // batch
    return ((x[k : batch * steps : steps], y[k : batch * steps : steps]) for k in range(steps))


def pairs() -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Sources and targets without start and end."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(SHORTEST, LONGEST + 1, PAIRS)
    other = np.clip(lengths + rng.integers(-2, 3, PAIRS), SHORTEST, LONGEST)
    draw = [[rng.integers(3, WORDS, length) for length in side] for side in (lengths, other)]
    return draw[0], draw[1]


def batches(size: int) -> Iterator[np.ndarray]:
    """Rows of pairs for each step, epoch after epoch: as tuinet makes them, for every contestant."""
    from tuinet.data.batches import shuffled
    from tuinet.data.dataset import Split
    from tuinet.nn.sequence import Ragged

    split = Split(*(Ragged.of(side) for side in pairs()))
    epoch = 0
    while True:
        order = shuffled(split, np.random.default_rng(epoch), size)
        epoch += 1
        yield from (order[start : start + size] for start in range(0, PAIRS, size))


# ── tuinet ────────────────────────────────────────────────────────────────────────────────────────────────────────


def tuinet_model(kind: str, width: int, depth: int = 1):
    """A model with new weights, and its data. A language model has `depth` recurrent layers, one over another."""
    from tuinet.data.dataset import Dataset, Split
    from tuinet.data.vocabulary import Tokens, Vocabulary
    from tuinet.model.model import new_model
    from tuinet.nn.layer import Shape
    from tuinet.nn.layers.dense import Dense
    from tuinet.nn.layers.embedding import Embedding
    from tuinet.nn.layers.gru import GRU
    from tuinet.nn.layers.lstm import LSTM
    from tuinet.nn.losses import CrossEntropy
    from tuinet.nn.network import Sequential
    from tuinet.nn.seq2seq import Seq2Seq
    from tuinet.nn.sequence import Ragged

    symbols = WORDS if kind in TRANSLATOR else SYMBOLS
    if kind in TRANSLATOR:
        sides = [Ragged.of(side, np.uint16) for side in pairs()]
        data = Dataset("random", "seq2seq", Shape.tokens(symbols), {"train": Split(*sides)})
        encoder = (Embedding(width), LSTM(width))
        network = Sequential((Seq2Seq(encoder, (Embedding(width), LSTM(width), Dense(symbols)), symbols=symbols),))
    else:
        ids = text().astype(np.uint8)
        x, y = (ids[start : start + WINDOWS * STEPS].reshape(WINDOWS, STEPS) for start in (0, 1))
        data = Dataset("random", "next-symbol", Shape.tokens(symbols), {"train": Split(x, y)})
        cells = {"gru": GRU(width, form="pytorch"), "peephole": LSTM(width, peephole="diagonal")}
        network = Sequential((Embedding(64), *(cells.get(kind, LSTM(width)),) * depth, Dense(symbols)))
    names = ("<unk>", "<start>", "<end>", *(f"w{i}" for i in range(3, symbols)))
    words = Vocabulary(Tokens("symbols"), names)
    info = dataclasses.replace(data.info, target_ids=symbols)
    loss = CrossEntropy()
    return new_model(network, info, (), loss, name="bench", vocabulary=words, target_vocabulary=words), data


def tuinet(kind: str, sizes: Mapping[str, int], _: Set[str]) -> Work:
    """Through `fit`, as a user trains; yields symbols, or pairs, or sentences decoded."""
    from tuinet.experiment.spec import TrainingSettings
    from tuinet.nn.optimizers import Adam
    from tuinet.training.events import StepDone
    from tuinet.training.fit import fit

    batch = sizes["batch"]
    model, data = tuinet_model(kind, sizes["width"], sizes.get("depth", 1))
    if kind == "decode":
        yield from _decoded(model, data.splits["train"].inputs, batch)
    settings = TrainingSettings(loss=model.meta.loss, optimizer=Adam(0.001), epochs=10**6, batch_size=batch)
    for event in fit(model, data, settings, threads=sizes["threads"]):
        if isinstance(event, StepDone):
            yield event.samples * (1 if kind in TRANSLATOR else STEPS)


def _decoded(model, sources, batch: int) -> Work:
    """Greedy answers of at most LONGEST words; weights are random, so nearly all are that long."""
    from tuinet.model.blas import one_blas_thread
    from tuinet.model.decoding import Search, decode

    with one_blas_thread:  # as `tuinet predict` does
        while True:
            for start in range(0, 1_000, batch):
                rows = slice(start, min(start + batch, 1_000))
                yield len(decode(model, sources[rows], Search(limit=LONGEST)))


# ── PyTorch ───────────────────────────────────────────────────────────────────────────────────────────────────────


def torch(kind: str, sizes: Mapping[str, int], flags: Set[str]) -> Work:
    import torch

    torch.set_num_threads(sizes["threads"])
    torch.manual_seed(0)
    fused = "fused" in flags
    if kind == "seq2seq":
        yield from _translator(sizes["batch"], sizes["width"], fused, packed="padded" not in flags)
    else:
        yield from _language_model(kind, sizes["batch"], sizes["width"], fused)


def _language_model(kind: str, batch: int, width: int, fused: bool) -> Work:
    import torch
    from torch import nn

    class Peephole(nn.Module):
        """A loop in the manner of LSTMCell; the inputs' part of all steps is one product before it."""

        def __init__(self) -> None:
            super().__init__()
            self.inputs = nn.Linear(64, 4 * width)
            self.recurrent = nn.Parameter(torch.randn(width, 4 * width) / width**0.5)
            self.peephole = nn.Parameter(torch.randn(3, width) * 0.1)

        def forward(self, x, state):
            hidden, cell = state
            found = []
            for a in self.inputs(x).unbind(1):
                i, f, g, o = torch.addmm(a, hidden, self.recurrent).chunk(4, 1)
                i = torch.sigmoid(torch.addcmul(i, cell, self.peephole[0]))
                f = torch.sigmoid(torch.addcmul(f, cell, self.peephole[1]))
                cell = f * cell + i * torch.tanh(g)
                hidden = torch.sigmoid(torch.addcmul(o, cell, self.peephole[2])) * torch.tanh(cell)
                found.append(hidden)
            return torch.stack(found, 1), (hidden, cell)

    embed, out = nn.Embedding(SYMBOLS, 64), nn.Linear(width, SYMBOLS)
    if kind == "gru":
        cell = nn.GRU(64, width, batch_first=True)
        zero = torch.zeros(1, batch, width)
    elif kind == "peephole":
        cell = Peephole()
        zero = (torch.zeros(batch, width), torch.zeros(batch, width))
    else:
        cell = nn.LSTM(64, width, batch_first=True)
        zero = (torch.zeros(1, batch, width), torch.zeros(1, batch, width))
    model = nn.ModuleList([embed, cell, out])
    optimizer = torch.optim.Adam(model.parameters(), 0.001, fused=fused)
    loss = nn.CrossEntropyLoss()
    epoch = [tuple(map(torch.from_numpy, pair)) for pair in windows(batch)]
    while True:
        state = zero
        for x, y in epoch:
            optimizer.zero_grad()
            hidden, state = cell(embed(x), state)
            loss(out(hidden).reshape(-1, SYMBOLS), y.reshape(-1)).backward()
            optimizer.step()
            state = state.detach() if kind == "gru" else tuple(each.detach() for each in state)
            yield batch * STEPS


def _translator(batch: int, width: int, fused: bool, packed: bool) -> Work:
    import torch
    from torch import nn
    from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence

    read, write = nn.Embedding(WORDS, width), nn.Embedding(WORDS, width)
    encoder, decoder = (nn.LSTM(width, width, batch_first=True) for _ in range(2))
    out = nn.Linear(width, WORDS)
    model = nn.ModuleList([read, write, encoder, decoder, out])
    optimizer = torch.optim.Adam(model.parameters(), 0.001, fused=fused)
    loss = nn.CrossEntropyLoss(ignore_index=-100)
    start, end = torch.tensor([1]), torch.tensor([2])
    sources, targets = ([torch.from_numpy(each) for each in side] for side in pairs())
    fed = [torch.cat([start, each]) for each in targets]
    asked = [torch.cat([each, end]) for each in targets]

    def packed_up(padded: torch.Tensor, rows: np.ndarray, side: list[torch.Tensor]):
        lengths = torch.tensor([len(side[row]) for row in rows])
        return pack_padded_sequence(padded, lengths, batch_first=True, enforce_sorted=False)

    def padded(side: list[torch.Tensor], rows: np.ndarray, value: int = 0) -> torch.Tensor:
        return pad_sequence([side[row] for row in rows], batch_first=True, padding_value=value)

    for rows in batches(batch):
        optimizer.zero_grad()
        x, shown = read(padded(sources, rows)), write(padded(fed, rows))
        if packed:
            _, state = encoder(packed_up(x, rows, sources))
            hidden, _ = decoder(packed_up(shown, rows, fed), state)
            wanted = packed_up(padded(asked, rows), rows, asked)
            loss(out(hidden.data), wanted.data).backward()
        else:  # the encoder reads the padding too
            _, state = encoder(x)
            hidden, _ = decoder(shown, state)
            loss(out(hidden).flatten(0, 1), padded(asked, rows, -100).flatten()).backward()
        optimizer.step()
        yield len(rows)
