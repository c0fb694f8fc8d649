"""What `tuinet bench` counts and measures: operations worked out by hand, and no assertion on speed."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
from threadpoolctl import threadpool_info

from tuinet.data.dataset import Dataset, Split
from tuinet.errors import RunFailedError
from tuinet.nn.layer import Shape
from tuinet.nn.layers.activation import Relu
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.embedding import Embedding
from tuinet.nn.layers.flatten import Flatten
from tuinet.nn.layers.lstm import LSTM
from tuinet.nn.layers.pool import MaxPool
from tuinet.nn.network import Sequential
from tuinet.nn.optimizers import Sgd
from tuinet.nn.seq2seq import Seq2Seq
from tuinet.nn.sequence import Ragged
from tuinet.training.bench import answering_operations, measured, multiplied, training_operations
from tuinet.training.bench_work import WORKS, Work
from tuinet.training.build import Job, build


def images(side: int) -> Dataset:
    split = Split(np.zeros((2, side, side), np.float32), np.array([0, 1]))
    return Dataset("two", "classification", Shape.image(side, side, 1), {"train": split}, ("a", "b"))


def test_the_operations_of_two_dense_layers() -> None:
    network = Sequential((Flatten(), Dense(3), Relu(), Dense(2)))
    forward = 2 * (4 * 3 + 3 * 2)
    weights, inputs = forward, 2 * (3 * 2)  # of the second layer alone: nobody asks for the gradient of the pixels
    assert answering_operations(network.layers, Shape.image(2, 2, 1)) == forward == 36
    assert training_operations(network, images(2)) == forward + weights + inputs == 84


def test_a_convolution_multiplies_and_pooling_does_not() -> None:
    network = Sequential((Conv2D(5, 3, padding="same"), Relu(), MaxPool(), Flatten(), Dense(2)))
    convolution, dense = 2 * (4 * 4 * 5) * (3 * 3 * 1), 2 * (2 * 2 * 5) * 2
    assert answering_operations(network.layers, Shape.image(4, 4, 1)) == convolution + dense
    assert training_operations(network, images(4)) == 2 * convolution + 3 * dense


def test_a_language_model_has_them_at_every_step() -> None:
    ids = np.zeros((6, 7), np.uint8)  # windows of 7 steps
    data = Dataset("text", "next-symbol", Shape.tokens(5), {"train": Split(ids, ids)})
    network = Sequential((Embedding(4), LSTM(3), Dense(5)))
    forward = 2 * ((4 + 3) * 4 * 3 + 3 * 5)
    assert training_operations(network, data) == 7 * 3 * forward  # an embedding that learns needs all of them


def test_a_translator_has_them_for_the_steps_that_are_there() -> None:
    def sequences(*lengths: int) -> Ragged:
        return Ragged.of([np.full(length, 3) for length in lengths])

    data = Dataset("pairs", "seq2seq", Shape.tokens(9), {"train": Split(sequences(1, 3, 5), sequences(2, 2, 8))})
    encoder, decoder = (Embedding(4), LSTM(2)), (Embedding(3), LSTM(2), Dense(6))
    network = Sequential((Seq2Seq(encoder, decoder, symbols=6),))
    read, write = 2 * (4 + 2) * 4 * 2, 2 * ((3 + 2) * 4 * 2 + 2 * 6)
    pairs = [(1, 2), (3, 2), (5, 8)]
    operations = [3 * (read * source + write * (target + 1)) for source, target in pairs]  # after the start symbol
    assert training_operations(network, data) == pytest.approx(sum(operations) / 3)


def test_what_is_measured_is_what_is_said() -> None:
    jobs = {work.name: work.job() for work in WORKS}
    operations = {name: training_operations(job.model.network, job.data) for name, job in jobs.items()}
    dense = (784 * 256, 256 * 128, 128 * 10)
    assert operations["MLP 784-256-128-10, batch 128"] == 6 * sum(dense) - 2 * dense[0]
    step = (64 + 128) * 128
    assert operations["LSTM language model, 128 units"] == 50 * 6 * (4 * step + 128 * 64)
    assert operations["GRU language model, 128 units"] == 50 * 6 * (3 * step + 128 * 64)
    for job in jobs.values():
        size = job.settings.batch_size
        assert isinstance(size, int) and len(job.data.splits["train"]) % size == 0
    for name, again in ((work.name, work.job()) for work in WORKS):
        assert np.array_equal(again.model.params.vector, jobs[name].model.params.vector)
        assert again.data.info == jobs[name].data.info
    assert all(len(work.job().data.splits["train"]) >= work.asked for work in WORKS if work.asked)
    assert {work.units for work in WORKS if work.unit == "symbols"} == {50}


@pytest.mark.parametrize("threads", [1, 3])
def test_products_leave_blas_as_it_was(threads: int) -> None:
    before = threadpool_info()
    for seconds in (0.0, 0.05):  # one product, if there is no time for more
        assert 0 < multiplied(threads, seconds) < math.inf
    assert threadpool_info() == before


def tiny() -> Job:
    return build("xor")


@pytest.mark.parametrize("asked", [None, 1, 4])
def test_any_job_is_measured(asked: int | None) -> None:
    before = threadpool_info()
    found = measured(Work("xor", "samples", tiny, asked=asked), threads=1, seconds=0.01)
    assert 0 < found.speed < math.inf
    network = tiny().model.network
    forward = answering_operations(network.layers, Shape.vector(2))
    assert found.operations == (forward if asked else training_operations(network, tiny().data))
    assert threadpool_info() == before


def test_a_loss_that_is_not_finite_is_told() -> None:
    def wild() -> Job:
        job = build("sine")
        return job._replace(settings=msgspec.structs.replace(job.settings, optimizer=Sgd(1e6)))

    with pytest.raises(RunFailedError, match="not finite"):
        measured(Work("sine", "samples", wild), threads=1, seconds=0.01)
