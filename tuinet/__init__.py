"""tuinet: build, train, steer and look inside neural networks in a terminal, with nothing but NumPy underneath.

model = tuinet.load("digits-cnn")          a file, a run's folder, or the name of a model that ships
model.predict(images).labels               what it says
tuinet.trace(model, images[0]).values      every value on the way
tuinet.fit(*tuinet.build("digits-cnn"))    a generator of events that trains an experiment's model
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tuinet.files.load import load
    from tuinet.inspection.trace import trace
    from tuinet.model.model import Model
    from tuinet.training.build import build
    from tuinet.training.fit import fit

__version__ = "0.1.0"
__all__ = ["Model", "__version__", "build", "fit", "load", "trace"]

_HOMES = {
    "Model": "tuinet.model.model",
    "build": "tuinet.training.build",
    "fit": "tuinet.training.fit",
    "load": "tuinet.files.load",
    "trace": "tuinet.inspection.trace",
}


def __getattr__(name: str) -> Any:
    """The public names are imported when first used: `tuinet --help` does not wait for NumPy."""
    if name not in _HOMES:
        raise AttributeError(f"module 'tuinet' has no attribute '{name}'")
    import importlib

    value = globals()[name] = getattr(importlib.import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
