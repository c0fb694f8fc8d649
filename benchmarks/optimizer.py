"""Adam in blocks over the flat vector beside the same in plain expressions: `python benchmarks/optimizer.py`."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import numpy as np

from tuinet.nn.optimizers import Adam, new_scratch, new_state


def milliseconds(work: Callable[[], None], times: int) -> float:
    """The median of seven rounds of so many calls."""
    rounds: list[float] = []
    for _ in range(8):
        begin = time.perf_counter()
        for _ in range(times):
            work()
        rounds.append((time.perf_counter() - begin) / times * 1000)
    return median(rounds[1:])


def main() -> None:
    print(f"{'values':>10} {'blocks ms':>10} {'plain ms':>10} {'ratio':>6}")
    for size, times in ((235_146, 100), (1_000_000, 20), (5_000_000, 5)):
        adam = Adam()
        rng = np.random.default_rng(0)
        vector, gradient = rng.random(size, np.float32), rng.random(size, np.float32)
        state, scratch = new_state(adam, vector), new_scratch(vector)
        moments = [np.zeros_like(vector), np.zeros_like(vector), vector.copy()]

        def plain(state: list[np.ndarray] = moments, g: np.ndarray = gradient) -> None:
            m, q, w = state
            m = 0.9 * m + 0.1 * g
            q = 0.999 * q + 0.001 * g * g
            state[:] = m, q, w - 0.001 * (m / 0.9) / (np.sqrt(q / 0.99) + 1e-8)

        def blocks(
            adam: Adam = adam, v: np.ndarray = vector, g: np.ndarray = gradient, state: dict[str, np.ndarray] = state
        ) -> None:
            adam.update(v, g, state, 0.001, 5, scratch)  # noqa: B023

        fast, slow = milliseconds(blocks, times), milliseconds(plain, times)
        print(f"{size:10,} {fast:10.2f} {slow:10.2f} {slow / fast:6.2f}")


if __name__ == "__main__":
    main()
