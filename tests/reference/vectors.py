"""How a case is stored."""

from __future__ import annotations

import json

import numpy as np


def put(found, case, settings=None, **arrays):
    if settings is not None:
        found[f"{case}/settings"] = np.array(json.dumps(settings))
    for name, array in arrays.items():
        found[f"{case}/{name}"] = array.detach().numpy() if hasattr(array, "detach") else np.asarray(array)
