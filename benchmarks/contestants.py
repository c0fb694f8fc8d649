"""The same work in tuinet, PyTorch, scikit-learn and JAX: each contestant works for a while and says how much it did.

Run as a worker: `python contestants.py NAME KIND [KEY=VALUE …]` prepares, prints "ready", then for every line with a
number of seconds on standard input works that long and prints the samples, the seconds, its peak memory in MB, and what
that grew by since it began. NAME is the library and how it is used (see `works.py`); keys change the sizes
(batch, width, depth, threads, samples).
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Set
from pathlib import Path

import answers
import images
import jax_peers
import recurrent

WARM_UP = 1.5
"""Seconds of work before "ready": whatever a contestant starts is then there."""

SIZES = {"batch": 64, "width": 256, "threads": 2, "samples": 10_000}
OF_KIND = {
    "mlp": {"batch": 128},
    "lstm": {"batch": 32},
    "gru": {"batch": 32},
    "peephole": {"batch": 32, "width": 128},
    "decode": {"batch": 100},
}

Contestant = Callable[[str, Mapping[str, int], Set[str]], Iterator[int]]
"""Of the kind of work, the sizes and the flags of a name: yields how many samples after every step, for ever."""

ROOMS = {
    **dict.fromkeys(images.SHAPES, images),
    **dict.fromkeys(("lstm", "gru", "peephole", "seq2seq", "decode"), recurrent),
    **dict.fromkeys(("one-image", "one-sentence", "images-10000"), answers),
}
"""The module that has each kind of work."""


def contestant(name: str, kind: str, sizes: dict[str, int]) -> Iterator[int]:
    """What that name stands for, at work."""
    library, *flags = name.split("-")
    for flag in flags:
        if flag == "1":
            sizes["threads"] = 1
        elif flag[0] == "b" and flag[1:].isdigit():
            sizes["batch"] = int(flag[1:])
    found: dict[str, Contestant] = {
        "tuinet": ROOMS[kind].tuinet,
        "torch": ROOMS[kind].torch,
        "scikit": images.scikit_learn,
        "jax": jax_peers.jax,
    }
    return found[library](kind, sizes, set(flags))


def peak_memory(pid: int) -> int:
    """Of a process and of those it has started, in KiB. What they share is counted for each."""
    found = 0
    for path in Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError):
            status = dict(line.split(":", 1) for line in path.read_text().splitlines() if ":" in line)
            if pid in (int(status["Pid"]), int(status["PPid"])):
                found += int(status.get("VmHWM", "0").split()[0])
    return found


def nothing() -> None:
    """Most work is done when a step returns."""


def main() -> None:
    name, kind = sys.argv[1:3]
    sizes = SIZES | OF_KIND.get(kind, {})
    for given in sys.argv[3:]:
        key, _, value = given.partition("=")
        sizes[key] = int(value)
    work = contestant(name, kind, sizes)
    settle = jax_peers.settle if name.startswith("jax") else nothing
    before = peak_memory(os.getpid())
    for _ in range(2):  # however long they take
        next(work)
    until = time.perf_counter() + WARM_UP
    while time.perf_counter() < until:
        next(work)
    settle()
    print("ready", flush=True)
    for line in sys.stdin:
        begin, done = time.perf_counter(), 0
        until = begin + float(line)
        while time.perf_counter() < until:
            done += next(work)
        settle()
        taken, peak = time.perf_counter() - begin, peak_memory(os.getpid())
        print(done, taken, peak // 1024, (peak - before) // 1024, flush=True)


if __name__ == "__main__":
    main()
