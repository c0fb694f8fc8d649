"""Which views tell most about a model while it trains: that depends on what kind of model it is."""

from __future__ import annotations

from tuinet.inspection.catalog import offers
from tuinet.inspection.question import nodes
from tuinet.model.model import Model

FIRST_WEIGHTS = ("images", "weight", "input_weight")
"""What is looked at where nothing else suits: the first weights, as images if they are of images."""


def family(model: Model) -> tuple[tuple[str, str], ...]:
    """Names of views with the layer's path ("" for the model as a whole), the one of most interest first.

    There are: regions or a curve where a plane or a line of inputs can be drawn; what a language model writes; the
    kernels of every convolution and the maps of the first; the gates of every recurrent layer, and the answer; what a
    translator writes; else the first weights. `maps`, `gates` and `answer` need an input, the others none or data.
    """
    whole = [(offer.name, "") for offer in offers(model, None) if offer.name in ("regions", "fit", "writes")]
    of_layers = {path: [offer.name for offer in offers(model, node)] for path, node in nodes(model).items()}
    kernels = [("kernels", path) for path, names in of_layers.items() if "kernels" in names]
    gates = [("gates", path) for path, names in of_layers.items() if "gates" in names]
    found = [*kernels, *(("maps", path) for _, path in kernels[:1]), *gates, *([("answer", "")] if gates else [])]
    found = [*found, *whole] if model.meta.task == "seq2seq" else [*whole, *found]
    if found:
        return tuple(found)
    weights = ((name, path) for path, names in of_layers.items() for name in FIRST_WEIGHTS if name in names)
    return tuple([first for first in (next(weights, None),) if first is not None])
