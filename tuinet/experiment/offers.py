"""Which layers can be added at a place of a network, and why the others cannot."""

from __future__ import annotations

import typing
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from tuinet.data.dataset import DatasetInfo
from tuinet.errors import TuinetError
from tuinet.experiment import training_rules
from tuinet.experiment.check import check
from tuinet.experiment.costs import kind_of
from tuinet.experiment.data import assume_texts, fill_in, has_texts
from tuinet.experiment.layer_edits import add, replace
from tuinet.experiment.network_rules import STEPWISE, find_shapes
from tuinet.experiment.places import Place, layer_at, list_at
from tuinet.experiment.problem import Problem
from tuinet.experiment.report import Findings
from tuinet.experiment.spec import Experiment
from tuinet.experiment.stacks import Stack, stacks_of
from tuinet.model.model import choose_coding
from tuinet.nn.layer import Shape
from tuinet.nn.layers.activation import Linear, Relu, Sigmoid, Sign, Softmax, Step, Tanh
from tuinet.nn.layers.bidirectional import Bidirectional, Cell
from tuinet.nn.layers.clockwork import Clockwork
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.dropout import Dropout, GaussianNoise
from tuinet.nn.layers.embedding import Embedding, OneHot
from tuinet.nn.layers.flatten import Flatten
from tuinet.nn.layers.gru import GRU
from tuinet.nn.layers.lstm import LSTM
from tuinet.nn.layers.over_time import LastStep, MaxOverTime, MeanOverTime, Rows
from tuinet.nn.layers.pool import AveragePool, MaxPool, SumPool
from tuinet.nn.layers.rnn import RNN
from tuinet.nn.network import AnyLayer, Sequential
from tuinet.nn.parts import Part
from tuinet.nn.seq2seq import Seq2Seq

UNITS = 64
"""Of a layer nobody has given a size yet."""

ORDINARY: dict[type[AnyLayer], AnyLayer] = {
    type(layer): layer
    for layer in (
        Dense(UNITS), Conv2D(16, 3, padding="same"), MaxPool(2), AveragePool(2), SumPool(2), Flatten(), Dropout(0.5),
        GaussianNoise(0.1), Step(), Sign(), Sigmoid(), Tanh(), Relu(), Linear(), Softmax(), Embedding(UNITS), OneHot(),
        RNN(UNITS), LSTM(UNITS), GRU(UNITS), Clockwork(UNITS), Bidirectional(LSTM(UNITS)), LastStep(), MeanOverTime(),
        MaxOverTime(), Rows(),
        Seq2Seq((Embedding(UNITS), LSTM(UNITS)), (Embedding(UNITS), LSTM(UNITS), Dense())),
    )
}  # fmt: skip
"""A layer of each kind, as it is offered."""


class Offered(NamedTuple):
    """A layer to add. If it does not fit, `reason` says why and `hint` what to do."""

    kind: str
    layer: AnyLayer
    fits: bool
    reason: str = ""
    hint: str = ""


class Laid(NamedTuple):
    """The stacks of an experiment's network on its data, and the shapes in each: before its first layer and after each,
    None where it cannot be known. The last stack answers."""

    experiment: Experiment
    info: DatasetInfo
    stacks: tuple[Stack, ...]
    shapes: tuple[list[Shape | None], ...]

    def shapes_at(self, place: Place) -> list[Shape | None]:
        """Those of the list that `place` is in; of a bidirectional layer's inner one, of the list that holds it."""
        at = place if place.in_list or place.outer is None else place.outer
        path = str(Place(at.keys[:-1]))
        found = [shapes for part, shapes in zip(self.stacks, self.shapes, strict=True) if part.path == path]
        return found[0] if found else []

    def before(self, place: Place) -> Shape | None:
        """The shape of what reaches the layer at `place`."""
        at = place if place.in_list or place.outer is None else place.outer
        found = self.shapes_at(place)
        return found[at.index] if at.index < len(found) else None

    @property
    def answers(self) -> bool:
        """Whether what comes out is what data and loss ask for."""
        last, info = self.shapes[-1][-1], self.info
        if last is None or len(last.sizes) != 1 or last.kind != "number":
            return False
        if last.sequence != (info.task in STEPWISE):
            return False
        layers, loss = self.experiment.model.layers, self.experiment.training.loss
        try:
            choose_coding(Sequential(layers), last.size, info, loss, self.experiment.data.targets)
        except TuinetError:
            return False
        return True


def laid(experiment: Experiment, info: DatasetInfo) -> Laid:
    """The network on the data that `info` describes; sizes of vocabularies are assumed where texts are not encoded."""
    if has_texts(info):
        info, _ = assume_texts(experiment, info, info.sizes)
    layers = fill_in(experiment.model.layers, info)
    experiment = msgspec.structs.replace(experiment, model=msgspec.structs.replace(experiment.model, layers=layers))
    nobody = Findings()
    shape = training_rules.check_preparation(experiment, info, nobody)
    parts = stacks_of(layers, shape, info)
    return Laid(experiment, info, parts, tuple(find_shapes(part, nobody) for part in parts))


def offered(experiment: Experiment, info: DatasetInfo, place: Place) -> tuple[Offered, ...]:
    """Every kind of layer, with usual settings, and whether it can be added before the layer at `place` (behind the
    last: at the end): those that fit first.

    What is behind does not count: it can be changed, or more can follow. The layer in a bidirectional one cannot be
    added to; there it is which layers can replace it. Raises TuinetError if there is no such place.
    """
    if place.in_list:
        list_at(experiment, place)
    else:
        layer_at(experiment, place)
    # A model to start from would be read for each kind, and says nothing about which fits.
    model = msgspec.structs.replace(experiment.model, start=None)
    here = laid(msgspec.structs.replace(experiment, model=model), info)
    found = [_offer(here, place, kind) for kind in (*typing.get_args(Part), Seq2Seq)]
    return tuple(sorted(found, key=lambda each: not each.fits))


def _offer(here: Laid, place: Place, kind: type[AnyLayer]) -> Offered:
    layer = ordinary(kind, here, place)
    name = kind_of(layer)
    try:  # with what the data say filled in: a dense layer keeps its units when another comes behind it
        trial = (add if place.in_list else replace)(here.experiment, place, layer)
    except TuinetError as error:
        return Offered(name, layer, False, error.message, error.hint)
    if here.before(place) is None and kind is not Seq2Seq:
        return Offered(name, layer, False, "what reaches this place is not known", "mend the layers before it first")
    after = laid(trial, here.info)
    if not after.answers:
        trial = with_ending(after.experiment, after)
    problem = problem_at(check(trial, here.info).problems, trial, place)
    if problem is None:
        return Offered(name, layer, True)
    return Offered(name, layer, False, problem.message, problem.hint)


def problem_at(problems: Sequence[Problem], experiment: Experiment, place: Place) -> Problem | None:
    """The first problem of the layer at `place`, or of its being beside a seq2seq layer."""
    own = str(place)
    alone = any(isinstance(layer, Seq2Seq) for layer in experiment.model.layers) and len(experiment.model.layers) > 1
    for problem in problems:
        inside = problem.path == own or problem.path.startswith((f"{own}.", f"{own}["))
        if inside or (alone and problem.path.startswith("model.layers[")):
            return problem
    return None


def ordinary(kind: type[AnyLayer], here: Laid, place: Place) -> AnyLayer:
    """The usual layer of a kind, as it is needed at `place`: the last dense layer takes its units from the data, both
    ends are taken of both directions, and an encoder reads what the data are."""
    shape = here.before(place)
    if kind is Seq2Seq:
        return ordinary_translator(here.shapes[0][0])
    if kind is LastStep and place.in_list and place.index:
        before = list_at(here.experiment, place)[place.index - 1]
        return LastStep(both_ways=isinstance(before, Bidirectional))
    if kind is Dense and shape is not None and place.in_list and str(Place(place.keys[:-1])) == here.stacks[-1].path:
        layers = list_at(here.experiment, place)
        if place.index == len(layers) and not here.answers:
            return Dense()
    return ORDINARY[kind]


def ordinary_translator(shape: Shape | None, cell: Cell = LSTM(UNITS)) -> Seq2Seq:  # noqa: B008 (it is frozen)
    """A seq2seq layer that reads inputs of `shape`: texts, sequences of vectors, or whole images and vectors."""
    decoder = (Embedding(UNITS), cell, Dense())
    if shape is None or shape.sequence:
        before = () if shape is not None and shape.kind == "number" else (Embedding(UNITS),)
        return Seq2Seq((*before, cell), decoder)
    return Seq2Seq((*(Flatten(),) * (len(shape.sizes) > 1), Dense(UNITS), Relu()), decoder, bridge="dense")


def ending(shape: Shape, stepwise: bool) -> tuple[Part, ...]:
    """The layers that make an answer of what has this shape; `stepwise`: an answer at every step."""
    found: list[Part] = []
    if shape.kind == "id":
        found.append(Embedding(UNITS))
        shape = Shape.vector(UNITS).over_time if shape.sequence else Shape.vector(UNITS)
    if len(shape.sizes) > 1:
        found.append(Flatten())
    if shape.sequence and not stepwise:
        found.append(MeanOverTime())
    return (*found, Dense())


def with_ending(experiment: Experiment, here: Laid) -> Experiment:
    """The experiment with layers at its end that answer, if it is known what reaches them."""
    part, last = here.stacks[-1], here.shapes[-1][-1]
    if last is None:
        return experiment
    keys = ("model", "layers") if part.path == "model.layers" else ("model", "layers", 0, "decoder")
    for layer in ending(last, here.info.task in STEPWISE):
        place = Place((*keys, 0))
        experiment = add(experiment, place.at(len(list_at(experiment, place))), layer)
    return experiment
