"""Makes the vectors that tests/test_parity.py holds tuinet to, with PyTorch, scikit-learn and ONNX's reference.

    python tests/reference/make_reference.py            writes *.npz beside this file
    python tests/reference/make_reference.py --check    makes them anew and compares with what is stored

Nothing here imports tuinet: every number comes from the other side. Each case is a group of arrays `case/name`;
`case/settings` is the JSON of the tuinet struct that has to give the same. Layouts are tuinet's (images NHWC, kernels
(kh, kw, C, F), dense weights (P, S)), brought into PyTorch's by views, so its gradients come back in tuinet's.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from sklearn_onnx import metrics, onnx_reference
from torch_layers import layers, losses
from torch_recurrent import onnx_recurrent, recurrent
from torch_training import initializers, networks, optimizers, schedules
from torch_weights import numbers, weights

HERE = Path(__file__).parent

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)


def make_all():
    """Every file: {name: {key: array}}."""
    families = (
        layers,
        losses,
        optimizers,
        schedules,
        initializers,
        networks,
        metrics,
        onnx_reference,
        recurrent,
        onnx_recurrent,
        weights,
        numbers,
    )
    return {family.__name__: family(np.random.default_rng(2024)) for family in families}


def differences(name, made):
    """What differs between the arrays made now and those stored under `name`."""
    path = HERE / f"{name}.npz"
    if not path.exists():
        return [f"{path.name} is missing"]
    found = []
    with np.load(path) as stored:
        for key in sorted({*made, *stored.files}):
            if key not in made or key not in stored.files:
                found.append(f"{path.name}: {key} is {'not made any more' if key in stored.files else 'not stored'}")
            elif made[key].dtype.kind == "U":
                if made[key] != stored[key]:
                    found.append(f"{path.name}: {key} is {made[key]}, stored is {stored[key]}")
            elif made[key].shape != stored[key].shape:
                found.append(f"{path.name}: {key} has shape {made[key].shape}, stored is {stored[key].shape}")
            elif not np.allclose(made[key], stored[key], rtol=1e-11, atol=1e-11, equal_nan=True):
                worst = np.abs(made[key] - stored[key]).max()
                found.append(f"{path.name}: {key} differs by up to {worst:.1e}")
    return found


def main(arguments):
    if arguments not in ([], ["--check"]):
        print(__doc__)
        return 2
    made = make_all()
    if not arguments:
        for name, arrays in made.items():
            np.savez_compressed(HERE / f"{name}.npz", **arrays)
            print(f"{name}.npz: {len(arrays)} arrays, {(HERE / f'{name}.npz').stat().st_size:,} bytes")
        return 0
    found = [line for name, arrays in made.items() for line in differences(name, arrays)]
    found += [f"{path.name} is made by nothing" for path in HERE.glob("*.npz") if path.stem not in made]
    print("\n".join(found) or f"{sum(map(len, made.values()))} stored arrays agree with torch {torch.__version__}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
