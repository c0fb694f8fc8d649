"""Every value inside a model for chosen inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tuinet.errors import TuinetError
from tuinet.model.model import Model
from tuinet.model.raw import samples
from tuinet.model.prediction import Prediction
from tuinet.nn.context import Context
from tuinet.nn.layer import Value


@dataclass(frozen=True, eq=False)
class Trace:
    """What happened to N inputs on their way through a model, in arrays of its own.

    input       the prepared inputs, as the first layer saw them
    values      layer/value → Value(array, axes), in the order of the layers: `conv1/output`, `conv1/kernels` …
    prediction  what came out, as `Model.predict` says it
    """

    input: Value
    values: Mapping[str, Value]
    prediction: Prediction

    def layer(self, name: str) -> dict[str, Value]:
        """The values of one layer under their own names. Raises TuinetError for an unknown layer."""
        found = {path.split("/", 1)[1]: value for path, value in self.values.items() if path.split("/", 1)[0] == name}
        if not found:
            names = dict.fromkeys(path.split("/", 1)[0] for path in self.values)
            raise TuinetError(f"there is no layer {name!r}", f"layers: {', '.join(names)}")
        return found


def trace(model: Model, inputs: npt.ArrayLike) -> Trace:
    """Run raw inputs (as for `Model.predict`) through the plain list of layers and keep every value.

    The model and the inputs stay as they are; what is returned shares no memory with them. Raises TuinetError as
    `Model.predict`, and if the values do not fit in memory.
    """
    raw = samples(inputs, model.meta.input_shape)
    try:
        with np.errstate(all="ignore"):
            return _trace(model, raw)
    except MemoryError:
        raise TuinetError(f"the values of {len(raw)} samples do not fit in memory", "Trace fewer at a time.") from None


def _trace(model: Model, raw: npt.NDArray[np.generic]) -> Trace:
    prepared = model.prepare(raw)
    values: dict[str, Value] = {}
    y = prepared
    for part in model.network.trace(model.params, prepared, Context(plain=True)):
        inside = part.layer.values(model.params.scope(part.name), part.x, part.y, part.cache)
        values |= {f"{part.name}/{key}": Value(np.array(value.array), value.axes) for key, value in inside.items()}
        y = part.y
    axes = ("sample", *model.prepared_shape.axes)
    return Trace(Value(prepared, axes), values, model.interpret(np.array(y)))
