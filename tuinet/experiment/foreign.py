"""Weights of another program made a model: what the TOML file beside them says of the network, read strictly.

The classes are the file: their fields are its keys.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, cast

import msgspec
import msgspec.inspect
import numpy as np

from tuinet.data.dataset import DatasetInfo
from tuinet.data.preparation import Preparation, prepared_shape
from tuinet.data.vocabulary import SPECIAL, Tokens, Vocabulary
from tuinet.errors import TuinetError
from tuinet.experiment.data import fill_in
from tuinet.experiment.decode import parse, read_toml
from tuinet.experiment.layouts import Inputs, Layout, needs
from tuinet.experiment.matching import Match, matched
from tuinet.experiment.problem import Problem, join_key
from tuinet.experiment.schema import first_problem
from tuinet.experiment.spec import Name
from tuinet.files.tensors import TensorsFile
from tuinet.model.meta import Meta, check_model
from tuinet.model.model import Model, choose_coding
from tuinet.nn.layer import Shape
from tuinet.nn.losses import CrossEntropy, Loss, MeanSquaredError
from tuinet.nn.network import AnyLayer, Sequential
from tuinet.nn.params import Params

Size = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]


class _Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class InputSettings(_Settings, frozen=True, kw_only=True):
    """What goes in: numbers of a shape, or texts of known symbols. Give `shape` or `symbols`."""

    shape: tuple[Size, ...] | None = None
    """One sample, or one step of a sequence: [values], [rows, columns] of a grey image, or [rows, columns,
    channels]."""
    sequence: bool = False
    """A sample is a sequence of any length, and `shape` is that of one step."""
    symbols: tuple[str, ...] = ()
    """The symbols of texts, in the order of the rows of the file's embedding (or of its one-hot vectors). The one for
    whatever is not known is written "<unk>" here; where there is none, it counts as a vector of zeros."""
    tokens: Tokens = Tokens()
    """How texts are cut into symbols; its `minimum_count` and `size` stay unset, as `symbols` says which are known."""
    prepare: tuple[Preparation, ...] = ()
    """Steps that every sample goes through, with their numbers: { kind = "scale", divisor = 255.0 } …"""


class OutputSettings(_Settings, frozen=True, kw_only=True):
    """What comes out, and what it means."""

    task: Literal["classification", "regression", "tagging"] = "classification"
    """A class or values for each sample, or a class for each step of a sequence."""
    labels: tuple[str, ...] = ()
    """The names of the classes, in the order of the outputs."""
    targets: tuple[str, ...] = ()
    """The names of the values of a regression."""
    loss: Loss | None = None
    """What was made small; it says what predicting applies to the outputs. Unset: cross-entropy (so softmax) for
    classes, mean-squared-error (so nothing) for values."""


class WeightSettings(_Settings, frozen=True, kw_only=True):
    """How the tensors lie in the file."""

    layout: Layout = "pytorch"
    """Whose axes and gates: "pytorch" (Linear (out, in), Conv2d (filters, channels, rows, columns), gates i f g o …),
    or "tuinet", as docs/model-file.md says."""
    order: Literal["natural", "file"] = "natural"
    """Without [names], the tensors are taken in this order: by name, `features.3` before `features.10`, the weights of
    a module before its biases; or as they stand in the file."""
    ignore: tuple[str, ...] = ()
    """Tensors that are left out: texts in their names, or patterns with * and ?. All others have to be used."""
    dtype: Literal["float32", "float64"] = "float32"
    """The numbers to compute with."""


class NetworkSettings(_Settings, frozen=True, kw_only=True):
    """The network."""

    layers: tuple[AnyLayer, ...]
    """The layers in order, as in an experiment file. Each is named after its kind and place: conv1, relu1, dense1 …"""


class Foreign(_Settings, frozen=True, kw_only=True):
    """The whole file."""

    name: Name
    """A short name for tables: letters, digits, dot, dash, underscore."""
    notes: str = ""
    """What else is to be known about the model; it is saved with it."""
    input: InputSettings
    """What goes in."""
    output: OutputSettings = OutputSettings()
    """What comes out."""
    weights: WeightSettings = WeightSettings()
    """How the tensors lie in the file."""
    model: NetworkSettings
    """The network."""
    names: dict[str, str | tuple[str, ...]] = {}
    """The tensor of every parameter: "conv1/weight" = "features.0.weight"; of a recurrent layer's bias, which is two in
    PyTorch, a list: "lstm1/bias" = ["lstm.bias_ih_l0", "lstm.bias_hh_l0"]. Empty: the tensors are taken in order, or by
    the names of the parameters where they bear just those."""


def load_spec(path: Path) -> Foreign:
    """What the file at `path` says. Raises TuinetError with what is wrong, where, and what would be right."""
    return decode(read_toml(path), str(path))


def decode(text: str, where: str = "spec") -> Foreign:
    """What a TOML text says. `where` names it in messages. Raises TuinetError."""
    raw = parse(text, where)
    names: Any = raw.pop("names", {})  # the only table whose keys are free
    problem = first_problem(raw, msgspec.inspect.type_info(Foreign)) or _names_problem(names)
    if problem is None:
        try:
            return msgspec.convert({**raw, "names": names}, Foreign)
        except (msgspec.ValidationError, RecursionError) as error:
            problem = Problem("", str(error))
    raise TuinetError(f"{where}: {problem}", problem.hint)


def _names_problem(names: Any) -> Problem | None:
    if not isinstance(names, dict):
        return Problem("names", "a table is needed here", '[names] and lines such as "dense1/weight" = "fc.weight"')
    for key, value in cast("dict[str, object]", names).items():
        each = cast("list[object]", value) if isinstance(value, list) else [value]
        if not each or not all(isinstance(name, str) for name in each):
            return Problem(join_key("names", key), "the name of a tensor is needed here, or a list of names")
    return None


def import_weights(spec: Foreign, file: TensorsFile) -> tuple[Model, tuple[Match, ...]]:
    """The model that `spec` describes with the weights in `file`, and which tensors became which parameter.

    Raises TuinetError if the description is not sound, or the file does not hold exactly what the network needs.
    """
    _check(spec)
    vocabulary, symbols = _vocabulary(spec.input.symbols, spec.input.tokens)
    info = DatasetInfo(
        name=spec.name,
        task=spec.output.task,
        input_shape=_input_shape(spec.input, vocabulary),
        labels=spec.output.labels,
        target_names=spec.output.targets,
    )
    loss = spec.output.loss or (MeanSquaredError() if info.task == "regression" else CrossEntropy())
    network = Sequential(fill_in(spec.model.layers, info))
    shape = prepared_shape(spec.input.prepare, info.input_shape)
    meta = Meta(
        name=spec.name,
        task=info.task,
        input_shape=info.input_shape,
        preparation=spec.input.prepare,
        coding=choose_coding(network, network.output_shape(shape).size, info, loss),
        labels=info.labels,
        target_names=info.target_names,
        vocabulary=vocabulary,
        loss=loss,
        training=f"imported from {file.path.name}",
        notes=spec.notes,
    )
    check_model(network, meta)
    wanted = needs(network, shape, spec.weights.layout, symbols)
    pairs = matched(wanted, file, spec.names, spec.weights.order, spec.weights.ignore)
    params = Params.zeros(network.param_shapes(shape), spec.weights.dtype)
    for need, match in zip(wanted, pairs, strict=True):
        for path, values in need.make([file.read(name) for name in match.tensors]).items():
            with np.errstate(over="ignore"):
                params[path][...] = values
            if np.isinf(params[path]).sum() != np.isinf(values).sum():
                hint = 'Take weights.dtype = "float64".'
                raise TuinetError(f"{file.path}: {path} has values too large for {spec.weights.dtype}", hint)
    return Model(network, params, meta), pairs


def _check(spec: Foreign) -> None:
    """Raises TuinetError for settings that do not go together."""
    texts, classes = bool(spec.input.symbols), spec.output.task != "regression"
    if texts == (spec.input.shape is not None):
        raise TuinetError("input: either shape or symbols is needed", "shape = [28, 28], or symbols = […] for texts")
    if spec.input.shape is not None and not 1 <= len(spec.input.shape) <= 3:
        raise TuinetError(f"input.shape: it has {len(spec.input.shape)} sizes", "shape = [4], [28, 28] or [32, 32, 3]")
    if texts and (spec.input.sequence or spec.input.prepare):
        name = "sequence" if spec.input.sequence else "prepare"
        raise TuinetError(f"input.{name}: symbols make sequences that go in as they are", "leave it out")
    tokens = spec.input.tokens
    if tokens.minimum_count != 1 or tokens.size is not None:
        raise TuinetError("input.tokens: which symbols are known, input.symbols says", "set unit and lowercase only")
    if not texts and tokens != Tokens():
        raise TuinetError("input.tokens: without symbols there are no texts", "leave it out, or give symbols")
    if classes == (not spec.output.labels) or (classes and spec.output.targets):
        wanted = "labels and no targets" if classes else "no labels"
        raise TuinetError(f"output: a {spec.output.task} has {wanted}", 'labels = ["cat", "dog"], targets = ["price"]')


def _input_shape(settings: InputSettings, vocabulary: Vocabulary | None) -> Shape:
    if vocabulary is not None:
        return Shape.tokens(len(vocabulary))
    assert settings.shape is not None
    sizes = settings.shape
    found = Shape.vector(*sizes) if len(sizes) == 1 else Shape.image(*sizes[:2], *(sizes[2:] or (1,)))
    return found.over_time if settings.sequence else found


def _vocabulary(symbols: tuple[str, ...], tokens: Tokens) -> tuple[Vocabulary | None, Inputs | None]:
    """The vocabulary of the file's symbols, and where each of its own stands among those."""
    if not symbols:
        return None, None
    places = {symbol: place for place, symbol in enumerate(symbols)}
    if len(places) < len(symbols):
        twice = next(symbol for place, symbol in enumerate(symbols) if places[symbol] != place)
        raise TuinetError(f"input.symbols: {twice!a} is there twice")
    vocabulary = Vocabulary(tokens, (*SPECIAL, *(symbol for symbol in symbols if symbol not in SPECIAL)))
    vocabulary.check()
    rows = np.array([places.get(symbol, -1) for symbol in vocabulary.symbols], np.intp)
    return vocabulary, Inputs(rows, len(symbols))
