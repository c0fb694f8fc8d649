"""What numba would bring where NumPy goes over memory many times: `python benchmarks/accelerators.py`.

    python benchmarks/accelerators.py [--seconds 0.5] [--json]

tuinet needs no numba; this says what it does without. Each kernel in NumPy, as tuinet does it, works in turns with a
fused loop that gives the same numbers, both on one thread (`numba_cases.py`). What that saves of a step,

    calls · (NumPy − numba)                  calls: of one process, where two share the step

is taken off a measured step of the row in `works.py`. `pip install --group accelerators` installs numba.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from compare import Worker
from numba_cases import SHARD, STEPS, Case, Work, cases
from works import WORKS

from tuinet.model.blas import one_blas_thread

SAMPLES = {"mlp-32": 32, "mlp-128": 128, "lstm-128": 2 * SHARD * STEPS, "lstm-256": 2 * SHARD * STEPS, "one-image": 1}
"""The rows, and how much one step of each does."""

PACKAGES = ("numba", "llvmlite")

Found = dict[str, Any]


def in_turns(works: Sequence[Work], seconds: float) -> list[list[float]]:
    """Microseconds of each call: the first of all, then the second of all …, at least three."""
    found: list[list[float]] = [[] for _ in works]
    until = time.perf_counter() + seconds
    while time.perf_counter() < until or len(found[0]) < 3:
        for work, taken in zip(works, found, strict=True):
            begin = time.perf_counter()
            work()
            taken.append((time.perf_counter() - begin) * 1e6)
    return found


def per_call(taken: Sequence[float], shared: Sequence[float], calls: int) -> float:
    """Of so many calls in each turn, less what took as long as `shared` did in the same turn: their median."""
    return median(both - other for both, other in zip(taken, shared, strict=True)) / calls


def measured(case: Case, seconds: float) -> Found:
    """Microseconds of one call, and what numba saves a step: of a process that is alone, and of one of two."""
    distance = case.check()
    *both, shared = in_turns((case.numpy, case.numba, case.shared), seconds)
    plain, fused = (per_call(taken, shared, case.of) for taken in both)
    saved = [calls * (plain - fused) for calls in case.calls]
    found = {"kernel": case.kernel, "works": case.works, "calls": case.calls, "threads": case.threads}
    return found | {"numpy": plain, "numba": fused, "ratio": plain / fused, "saved": saved, "distance": distance}


def estimate(work: str, processes: int, step: float, kernels: Sequence[Found]) -> Found:
    """A step (microseconds) less what numba saves, where it does; what takes two threads does not count."""
    saves = (each["saved"][processes - 1] for each in kernels if work in each["works"] and each["threads"] == 1)
    saved = sum(max(0.0, each) for each in saves)
    found = {"work": work, "processes": processes, "step": step, "saved": saved}
    return found | {"estimate": step - saved, "faster": step / (step - saved)}


def step_of(name: str, processes: int, seconds: float) -> float:
    """Microseconds of a step in tuinet as it is."""
    sizes = [f"{key}={value}" for key, value in WORKS[name].sizes.items()]
    worker = Worker("tuinet" if processes == 2 else "tuinet-1", WORKS[name].kind, *sizes)
    speed, _ = worker.run(seconds)
    worker.end()
    return SAMPLES[name] / speed * 1e6


def first_calls() -> Found:
    """Seconds of every loop's first call in this process."""
    found: Found = {}
    for case in cases():
        name = case.kernel.split(",")[0] + (f" on {case.threads} threads" if case.threads > 1 else "")
        if name not in found:
            begin = time.perf_counter()
            case.numba()
            found[name] = time.perf_counter() - begin
    return found


def costs() -> Found:
    """What numba asks for: seconds to import it beside NumPy, of first calls that compile and of those that find it
    done, and megabytes of files."""
    importing = "import time, numpy; begin = time.perf_counter(); import numba; print(time.perf_counter() - begin)"
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"NUMBA_CACHE_DIR": folder}
        commands = (["-c", importing], [__file__, "--first-calls"], [__file__, "--first-calls"])
        done = [
            subprocess.run([sys.executable, *each], env=environment, stdout=subprocess.PIPE, check=True).stdout
            for each in commands
        ]
    imported, compiled, cached = map(json.loads, done)
    places = [Path(str(importlib.util.find_spec(name).origin)).parent for name in PACKAGES]
    size = sum(path.stat().st_size for place in places for path in place.rglob("*") if path.is_file())
    return {"import": imported, "compiled": compiled, "cached": cached, "megabytes": size / 2**20}


def show(kernels: Sequence[Found], rows: Sequence[Found], cost: Found) -> None:
    print(f"{'microseconds of a call':40} {'NumPy':>7} {'numba':>7} {'ratio':>6} {'calls':>8} {'saved a step':>14}")
    for each in kernels:
        calls, saved = ("{:,}/{:,}".format(*each["calls"]), "{:,.0f}/{:,.0f}".format(*each["saved"]))
        figures = f"{each['numpy']:7.1f} {each['numba']:7.1f} {each['ratio']:6.1f} {calls:>8} {saved:>14}"
        print(f"{each['kernel']:40} {figures}")
    print(
        f"\n{'microseconds of a step':20} {'processes':>9} {'measured':>9} {'saved':>7} {'estimate':>9} {'faster':>7}"
    )
    for each in rows:
        figures = f"{each['step']:9,.0f} {each['saved']:7,.0f} {each['estimate']:9,.0f} {each['faster']:6.2f}×"
        print(f"{each['work']:20} {each['processes']:9} {figures}")
    print(f"\n{'seconds of the first call':40} {'compiled':>9} {'cached':>9}")
    for name, seconds in cost["compiled"].items():
        print(f"{name:40} {seconds:9.2f} {cost['cached'][name]:9.2f}")
    print(f"{'all':40} {sum(cost['compiled'].values()):9.2f} {sum(cost['cached'].values()):9.2f}")
    print(f"\n{' and '.join(PACKAGES)}: {cost['megabytes']:.0f} MB; import numba: {cost['import']:.2f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=0.5, help="how long each kernel and each row works")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of tables")
    parser.add_argument("--first-calls", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.first_calls:
        print(json.dumps(first_calls()))
        return
    cost = costs()
    with one_blas_thread:
        kernels = [measured(case, options.seconds) for case in cases()]
    rows = [
        estimate(name, processes, step_of(name, processes, options.seconds), kernels)
        for name in SAMPLES
        for processes in ((1, 2) if WORKS[name].kind != "one-image" else (1,))
    ]
    if options.json:
        print(json.dumps({"kernels": kernels, "rows": rows, "cost": cost}))
    else:
        show(kernels, rows, cost)


if __name__ == "__main__":
    main()
