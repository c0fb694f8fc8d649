"""What could be done about a layer that cannot stay as it is: the usual ways out, the likeliest first.

Whether one of them is a way out, `remedies` finds out by checking it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from tuinet.data.coding import binary_width
from tuinet.experiment.data import answers_wanted
from tuinet.experiment.layer_edits import add, move, remove, replace, set_field
from tuinet.experiment.network_rules import STEPWISE
from tuinet.experiment.offers import UNITS, Laid, ending, ordinary_translator, with_ending
from tuinet.experiment.places import Place, end, layer_at, list_at
from tuinet.experiment.sequence_rules import POOLING
from tuinet.experiment.spec import Experiment
from tuinet.nn import stack
from tuinet.nn.layer import Shape, ShapeError
from tuinet.nn.layers.activation import Relu, Sigmoid, Sign, Softmax, Step, Tanh
from tuinet.nn.layers.bidirectional import Bidirectional, Cell
from tuinet.nn.layers.clockwork import Clockwork
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.embedding import Embedding, OneHot
from tuinet.nn.layers.flatten import Flatten
from tuinet.nn.layers.gru import GRU
from tuinet.nn.layers.over_time import LastStep, MeanOverTime, Rows
from tuinet.nn.layers.pool import AveragePool, MaxPool, SumPool
from tuinet.nn.losses import Perceptron
from tuinet.nn.network import AnyLayer
from tuinet.nn.recurrent import OverTime
from tuinet.nn.seq2seq import Seq2Seq


def layer_remedies(experiment: Experiment, here: Laid, place: Place, field: str) -> Iterator[Experiment]:
    """Experiments without a problem of the layer at `place`, perhaps; `field` is the setting it is about, if any."""
    layer, shape = layer_at(experiment, place), here.before(place)
    if isinstance(layer, Seq2Seq):
        yield from _translator(experiment, here, place, layer, field)
    elif shape is not None and not _takes(layer_at(here.experiment, place), shape):  # with what the data say filled in
        yield from (replace(experiment, place, changed) for changed in _changed(layer, shape))
        yield from _around(experiment, place, layer, shape) if place.in_list else ()
    elif place.in_list:
        yield from _role(experiment, here, place, layer)


def stack_remedies(experiment: Experiment, here: Laid) -> Iterator[Experiment]:
    """The same where the network as a whole is wrong: it has no layers, none that learns, or not the task's form."""
    if any(isinstance(layer, Seq2Seq) for layer in experiment.model.layers):
        return  # what is wrong is inside it
    if here.info.task == "seq2seq" and experiment.model.layers:
        yield from _wrapped(experiment, here)
    elif here.info.task == "seq2seq":
        yield add(experiment, end(experiment), ordinary_translator(here.shapes[0][0]))
    else:
        yield with_ending(experiment, here)


def _takes(layer: AnyLayer, shape: Shape) -> bool:
    try:
        stack.output_shape(layer, shape)
    except ShapeError:
        return False
    return True


# ── a layer that cannot take what reaches it ──────────────────────────────────────────────────────────────────────────


def _changed(layer: AnyLayer, shape: Shape) -> Iterator[AnyLayer]:
    """The layer with a setting that fits."""
    match layer:
        case Conv2D() if len(shape.sizes) == 3:
            yield msgspec.structs.replace(layer, padding="same")
        case MaxPool() | AveragePool() | SumPool() if len(shape.sizes) == 3 and min(shape.sizes[:2]) > 1:
            yield msgspec.structs.replace(layer, window=min(shape.sizes[:2]), stride=None)
        case Dense(units=None):
            yield msgspec.structs.replace(layer, units=UNITS)
        case OneHot():
            yield OneHot()
        case LastStep(both_ways=True):
            yield LastStep()
        case Clockwork(units=units, periods=periods):
            rising = tuple(sorted(set(periods)))
            yield Clockwork(-(-units // len(rising)) * len(rising), rising)
        case GRU(bias=False):
            yield msgspec.structs.replace(layer, chrono=None, update_bias=0.0)
        case Bidirectional(layer=inner):
            yield from (Bidirectional(cell) for cell in _changed(inner, shape) if isinstance(cell, Cell))
        case _:
            pass


def _around(experiment: Experiment, place: Place, layer: AnyLayer, shape: Shape) -> Iterator[Experiment]:
    """Another layer before it, the layer before it elsewhere, or it left out."""
    if isinstance(layer, Embedding | OneHot | Rows):
        yield remove(experiment, place)
        if len(shape.sizes) > 1:
            yield replace(experiment, place, Rows())
    elif shape.kind == "id":
        yield add(experiment, place, Embedding(UNITS))
    elif isinstance(layer, Conv2D | MaxPool | AveragePool | SumPool):
        if len(shape.sizes) == 3:  # and no window fits: one pixel is left, and the smallest pooling does nothing
            yield from () if isinstance(layer, Conv2D) else (remove(experiment, place),)
        else:
            yield from _flatten_later(experiment, place)
    elif isinstance(layer, Dense) and len(shape.sizes) > 1:
        yield add(experiment, place, Flatten())
    elif isinstance(layer, OverTime):
        yield from _sequence_before(experiment, place, shape)
    elif isinstance(layer, POOLING):
        yield remove(experiment, place)


def _flatten_later(experiment: Experiment, place: Place) -> Iterator[Experiment]:
    """The flatten layer before an image layer moved to where the next dense layer needs it."""
    layers = list_at(experiment, place)
    early = max((i for i, layer in enumerate(layers[: place.index]) if isinstance(layer, Flatten)), default=None)
    dense = next((i for i in range(place.index, len(layers)) if isinstance(layers[i], Dense)), len(layers))
    if early is not None and isinstance(layers[dense - 1], Flatten):
        yield remove(experiment, place.at(early))
    elif early is not None:
        yield move(experiment, place.at(early), dense - 1 - early)


def _sequence_before(experiment: Experiment, place: Place, shape: Shape) -> Iterator[Experiment]:
    """What makes a sequence for a recurrent layer: the rows of an image, or what was pooled too early."""
    layers = list_at(experiment, place)
    if shape.sequence:
        yield add(experiment, place, Flatten())
    elif len(shape.sizes) > 1:
        yield add(experiment, place, Rows())
    elif place.index and isinstance(layers[place.index - 1], Flatten):
        yield replace(experiment, place.beside(-1), Rows())
    elif place.index and isinstance(layers[place.index - 1], POOLING):
        yield move(experiment, place.beside(-1), 1)
        yield remove(experiment, place.beside(-1))


# ── a layer that takes what reaches it, and still is not what data and loss need ─────────────────────────────────────


def _role(experiment: Experiment, here: Laid, place: Place, layer: AnyLayer) -> Iterator[Experiment]:
    info, last = here.info, here.shapes_at(place)[-1]
    answering = str(Place(place.keys[:-1])) == here.stacks[-1].path
    stepwise, behind = info.task in STEPWISE, list_at(experiment, place)[place.index + 1 :]
    if isinstance(layer, Step | Sign):
        if not isinstance(experiment.training.loss, Perceptron):
            yield replace(experiment, place, Sigmoid() if isinstance(layer, Step) else Tanh())
        yield remove(experiment, place)
    if not answering:
        return
    if isinstance(layer, Bidirectional):
        ahead = replace(experiment, place, layer.layer)
        yield ahead
        if place.outer is not None:  # its states may not be the encoder's
            yield set_field(ahead, f"{place.outer}.bridge", "dense")
    if isinstance(layer, POOLING) and stepwise:
        yield remove(experiment, place)
    if isinstance(layer, Dense) and not any(isinstance(each, Dense) for each in behind):
        for units in (None, answers_wanted(info), binary_width(info.classes) if info.classes else 0):
            if units != 0:
                yield replace(experiment, place, msgspec.structs.replace(layer, units=units))
    elif isinstance(layer, Sigmoid | Softmax | Tanh | Relu):
        yield remove(experiment, place)
    if last is None:
        return
    if last.sequence and not stepwise:
        yield from _pooled(experiment, place)
    yield with_ending(experiment, here)


def _pooled(experiment: Experiment, place: Place) -> Iterator[Experiment]:
    """One vector of a sequence: behind the last recurrent layer, else before the last dense one."""
    layers = list_at(experiment, place)
    recurrent = max((i for i, layer in enumerate(layers) if isinstance(layer, OverTime)), default=None)
    dense = max((i for i, layer in enumerate(layers) if isinstance(layer, Dense)), default=len(layers))
    if recurrent is None:
        found = [add(experiment, place.at(dense), MeanOverTime())]
    else:
        both = isinstance(layers[recurrent], Bidirectional)
        pooling = MeanOverTime() if both else LastStep()
        found = [add(experiment, place.at(recurrent + 1), pooling)]
    yield from found
    for each in found:
        yield add(each, end(each), Dense())


# ── a translator ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _translator(experiment: Experiment, here: Laid, place: Place, layer: Seq2Seq, field: str) -> Iterator[Experiment]:
    layers = experiment.model.layers
    if here.info.task != "seq2seq":
        outside = _with(experiment, (*layers[: place.index], *layer.encoder, *layers[place.index + 1 :]))
        shape = here.shapes[0][-1] if len(layers) == 1 else None
        yield (
            outside
            if shape is None
            else _with(experiment, (*layer.encoder, *ending(shape, here.info.task in STEPWISE)))
        )
        return
    if len(layers) > 1:
        before, behind = layers[: place.index], layers[place.index + 1 :]
        if not any(isinstance(each, Seq2Seq) for each in (*before, *behind)):
            inside = {"encoder": (*before, *layer.encoder), "decoder": (*layer.decoder, *behind)}
            yield _with(experiment, (msgspec.structs.replace(layer, **inside),))
            yield _with(experiment, (layer,))
    settings: dict[str, dict[str, object]] = {
        "symbols": {"symbols": None},
        "bridge": {"bridge": "dense"},
        "reverse_source": {"reverse_source": False},
    }
    if field in settings:
        yield replace(experiment, place, msgspec.structs.replace(layer, **settings[field]))
    if field == "encoder":
        yield from _encoders(experiment, here, place, layer)
    if field == "decoder":
        yield from _decoders(experiment, here, place, layer)


def _encoders(experiment: Experiment, here: Laid, place: Place, layer: Seq2Seq) -> Iterator[Experiment]:
    """An encoder that ends with one vector, or with the states that the decoder begins with."""
    last = here.shapes[0][-1]
    if not layer.encoder:
        usual = _usual(here, layer.decoder)
        yield replace(experiment, place, msgspec.structs.replace(layer, encoder=usual.encoder, bridge=usual.bridge))
    elif last is not None:
        closing = MeanOverTime() if last.sequence else Flatten()
        longer = msgspec.structs.replace(layer, encoder=(*layer.encoder, closing))
        yield replace(experiment, place, longer)
        yield replace(experiment, place, msgspec.structs.replace(longer, bridge="dense"))


def _decoders(experiment: Experiment, here: Laid, place: Place, layer: Seq2Seq) -> Iterator[Experiment]:
    """A decoder with layers, with a state to begin with, with a score for every symbol."""
    usual = _usual(here, layer.encoder)
    if not layer.decoder:
        yield replace(experiment, place, msgspec.structs.replace(layer, decoder=usual.decoder))
    elif not any(isinstance(each, OverTime) for each in layer.decoder):
        dense = next((i for i, each in enumerate(layer.decoder) if isinstance(each, Dense)), len(layer.decoder))
        yield add(experiment, Place((*place.keys, "decoder", dense)), usual.decoder[1])
    else:
        yield with_ending(experiment, here)


def _usual(here: Laid, beside: Sequence[AnyLayer]) -> Seq2Seq:
    """The usual translator for these inputs, of the cell that is last in the other half, if any is."""
    cells = [each.layer if isinstance(each, Bidirectional) else each for each in beside]
    cells = [each for each in cells if isinstance(each, Cell)]
    return ordinary_translator(here.shapes[0][0], *cells[-1:])


def _wrapped(experiment: Experiment, here: Laid) -> Iterator[Experiment]:
    """The layers as an encoder: up to the last recurrent one, else without the dense layer that would answer."""
    layers = experiment.model.layers
    ends = [index for index, layer in enumerate(layers) if isinstance(layer, OverTime)]
    answer = [index for index, layer in enumerate(layers) if isinstance(layer, Dense)]
    encoder = layers[: ends[-1] + 1] if ends else layers[: answer[-1]] if answer else layers
    usual = _usual(here, encoder)
    for bridge in ("copy", "dense"):
        changed = msgspec.structs.replace(usual, encoder=encoder, bridge=bridge)
        yield _with(experiment, (changed,))


def _with(experiment: Experiment, layers: tuple[AnyLayer, ...]) -> Experiment:
    model = msgspec.structs.replace(experiment.model, layers=layers)
    return msgspec.structs.replace(experiment, model=model)
