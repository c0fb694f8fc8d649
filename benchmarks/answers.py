"""The contestants that answer: one image, one sentence, 10,000 images. All begin at NumPy arrays and end at numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set

import images
import numpy as np
import recurrent

START, END = 1, 2
SENTENCES, LENGTH = 64, 8
NEVER = -1e9
"""The end symbol's bias: every answer has all its words, on both sides."""

Work = Iterator[int]


def sentences() -> np.ndarray:
    return np.random.default_rng(0).integers(3, recurrent.WORDS, (SENTENCES, LENGTH))


def pictures(kind: str) -> np.ndarray:
    return images.data("cnn", 10_000 if kind == "images-10000" else 100)[0]


def answers(kind: str, answer: Callable[[np.ndarray], object]) -> Work:
    """The work of classifying, for all libraries: one image after the other, or all at once."""
    x = pictures(kind)
    while True:
        if kind == "images-10000":
            answer(x)
            yield len(x)
        else:
            for image in x:
                answer(image)
                yield 1


def tuinet(kind: str, sizes: Mapping[str, int], _: Set[str]) -> Work:
    if kind == "one-sentence":
        yield from _tuinet_sentences(sizes["width"])
    from tuinet.model.blas import one_blas_thread

    model, _info = images.tuinet_model("cnn")
    with one_blas_thread:  # as `tuinet predict` does
        yield from answers(kind, lambda x: model.predict(x).ids)


def _tuinet_sentences(width: int) -> Work:
    from tuinet.model.blas import one_blas_thread
    from tuinet.model.decoding import Search, decode
    from tuinet.nn.sequence import Ragged

    model, _ = recurrent.tuinet_model("one-sentence", width)
    model.params["seq2seq1/decoder/dense1/bias"][END] = NEVER
    with one_blas_thread:  # as `tuinet predict` does
        while True:
            for sentence in sentences():
                (answer,) = decode(model, Ragged.of([sentence]), Search(limit=recurrent.LONGEST))
                assert len(answer.ids) == recurrent.LONGEST
                yield 1


def torch(kind: str, sizes: Mapping[str, int], flags: Set[str]) -> Work:
    import torch

    torch.set_num_threads(sizes["threads"])
    torch.manual_seed(0)
    channels_last = "nhwc" in flags
    with torch.inference_mode():
        if kind == "one-sentence":
            yield from _torch_sentences(sizes["width"], cell="cell" in flags)
        model = images.torch_model("cnn", channels_last=channels_last).eval()

        def ids(x: np.ndarray) -> np.ndarray:
            """Of a batch (N, H, W, C)."""
            batch = torch.from_numpy(x).permute(0, 3, 1, 2)
            return model(batch if channels_last else batch.contiguous()).argmax(1).numpy()

        def all_ids(x: np.ndarray) -> np.ndarray:
            size = sizes["batch"]
            return np.concatenate([ids(x[start : start + size]) for start in range(0, len(x), size)])

        yield from answers(kind, all_ids if kind == "images-10000" else lambda image: ids(image[None]))


def _torch_sentences(width: int, *, cell: bool) -> Work:
    """A greedy loop of LSTM or, with less to do for each call, of LSTMCell."""
    import torch
    from torch import nn

    read, write = (nn.Embedding(recurrent.WORDS, width) for _ in range(2))
    encoder, decoder = (nn.LSTM(width, width, batch_first=True) for _ in range(2))
    out, step = nn.Linear(width, recurrent.WORDS), nn.LSTMCell(width, width)
    out.bias[END] = NEVER
    start = torch.tensor([START])

    def answer(sentence: np.ndarray) -> list[int]:
        _, (hidden, memory) = encoder(read(torch.from_numpy(sentence)[None]))
        if cell:
            hidden, memory = hidden[0], memory[0]
        word, found = start, []
        while len(found) < recurrent.LONGEST:
            if cell:
                hidden, memory = step(write(word), (hidden, memory))
                scores = out(hidden)
            else:
                shown, (hidden, memory) = decoder(write(word)[None], (hidden, memory))
                scores = out(shown[0])
            word = scores.argmax(1)
            symbol = word.item()
            if symbol == END:
                break
            found.append(symbol)
        return found

    while True:
        for sentence in sentences():
            assert len(answer(sentence)) == recurrent.LONGEST
            yield 1
