"""What a forward pass is told besides its input: training or not, random numbers, and scratch memory."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from tuinet.nn.params import Array


class Arena:
    """Scratch arrays that are handed out again after each `reset`, in the order they were asked for.

    A fresh array over 128 KiB is mapped and zeroed by the system each time; a step asks for the same shapes in
    the same order as the step before, so the n-th request after a reset gets the n-th buffer again.
    What was handed out stays valid until the next `reset`; its content is undefined.
    """

    def __init__(self) -> None:
        self._buffers: list[npt.NDArray[np.uint8]] = []
        self._views: list[Array] = []
        self._next = 0

    def reset(self) -> None:
        self._next = 0

    def empty(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> Array:
        index = self._next
        self._next += 1
        if index < len(self._views):
            view = self._views[index]
            if view.shape == shape and view.dtype == dtype:
                return view
        nbytes = math.prod(shape) * np.dtype(dtype).itemsize
        if index == len(self._buffers):
            self._buffers.append(np.empty(nbytes, np.uint8))
            self._views.append(self._buffers[index])
        elif self._buffers[index].nbytes < nbytes:
            self._buffers[index] = np.empty(nbytes, np.uint8)
        view = self._views[index] = self._buffers[index][:nbytes].view(dtype).reshape(shape)
        return view


class Context:
    """The state of one pass through a network. One context serves one thread.

    training   whether dropout and noise act.
    plain      run the plain list of layers, no fused plan (what `trace` shows).
    key        (seed, step, shard): names the random numbers of this pass, so that any pass can be repeated.

    `teacher_forcing` is the share of symbols that a decoder is fed from the true target in training; the others are
    its own choice.
    """

    teacher_forcing = 1.0

    def __init__(
        self,
        *,
        training: bool = False,
        plain: bool = False,
        key: tuple[int, int, int] = (0, 0, 0),
        arena: Arena | None = None,
    ) -> None:
        self.training = training
        self.plain = plain
        self.arena = arena
        self._key = key
        self._rng: np.random.Generator | None = None

    def restart(self, key: tuple[int, int, int]) -> None:
        """Begin the next pass: scratch memory is free again, random numbers start from `key`."""
        self._key = key
        self._rng = None
        if self.arena is not None:
            self.arena.reset()

    @property
    def rng(self) -> np.random.Generator:
        """The generator of this pass, made when first asked for (it costs 20 µs)."""
        if self._rng is None:
            self._rng = philox(*self._key)
        return self._rng

    def empty(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> Array:
        """An array of undefined content: from the arena if there is one, else the caller's own."""
        if self.arena is None:
            return np.empty(shape, dtype)
        return self.arena.empty(shape, dtype)


def philox(seed: int, step: int = 0, shard: int = 0) -> np.random.Generator:
    """Random numbers named by (seed, step, shard): Philox 4×64 (Salmon et al. 2011), keyed, so never stored."""
    return np.random.Generator(np.random.Philox(key=seed, counter=[0, 0, step, shard]))
