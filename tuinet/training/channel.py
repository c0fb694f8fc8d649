"""Messages between two processes, which lie in shared memory; a socket says that there is one, and how long
its table is.

So sending never waits, and a process that is gone is noticed at once.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import pickle
import select
import socket
import struct
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, closing
from typing import Any

import numpy as np

from tuinet.nn.params import Array

ALIGN = 64
"""Arrays begin at multiples of so many bytes, as NumPy's own do."""

CHUNK = 1 << 20

_NUMBER = struct.Struct("<Q")


class Memory:
    """Bytes that several processes see: a file without a name, which is gone when the last of them is.

    `descriptor` is all that another process needs. Whoever writes makes it grow; what was mapped before stays valid.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._size = os.fstat(descriptor).st_size
        self._view = self._mapped() if self._size else memoryview(b"")

    @classmethod
    def new(cls, size: int = 0) -> Memory:
        """Raises OSError if there is no room."""
        if hasattr(os, "memfd_create"):
            descriptor = _above_standard(os.memfd_create("tuinet"))
        else:
            with tempfile.TemporaryFile() as file:
                descriptor = _above_standard(os.dup(file.fileno()))
        memory = cls(descriptor)
        try:
            memory.room(size)
        except BaseException:
            memory.close()
            raise
        return memory

    def room(self, size: int) -> memoryview:
        """At least so many bytes, to write. Raises OSError if there is no room for them."""
        if size > self._size:
            _reserve(self.descriptor, self._size, size)
            self._size = size
            self._view = self._mapped()
        return self._view

    def content(self, size: int) -> memoryview:
        """At least so many bytes, as another process wrote them."""
        if size > self._size:
            self._size = os.fstat(self.descriptor).st_size
            self._view = self._mapped()
        return self._view

    def vectors(self, size: int, dtype: np.dtype[Any]) -> list[Array]:
        """As many arrays (size,) as it holds."""
        stride = vector_bytes(size, dtype)
        starts = range(0, self._size - stride + 1, stride)
        return [np.frombuffer(self._view, dtype, size, start) for start in starts]

    def close(self) -> None:
        """Other processes keep it, and so do arrays that lie in it (each mapping holds a descriptor of its own)."""
        self._view = memoryview(b"")
        os.close(self.descriptor)

    def _mapped(self) -> memoryview:
        return memoryview(mmap.mmap(self.descriptor, self._size))


class Channel:
    """One end of a conversation. Each end writes the arrays of its messages into a memory of its own.

    A message is a table of where its parts begin and end, then the parts: the pickled object, and its arrays.
    """

    def __init__(self, end: socket.socket, mine: Memory, theirs: Memory) -> None:
        self._socket, self._mine, self._theirs = end, mine, theirs

    @classmethod
    def open(cls, descriptors: Sequence[int]) -> Channel:
        """The end that another process was given these descriptors of."""
        end, mine, theirs = descriptors
        return cls(socket.socket(fileno=end), Memory(mine), Memory(theirs))

    @classmethod
    def pair(cls) -> tuple[Channel, Channel]:
        """Both ends. Raises OSError if there are no more descriptors or no memory."""
        with ExitStack() as made:  # of which nothing is left open where the rest cannot be had
            memories = [made.enter_context(closing(Memory.new())) for _ in range(2)]
            sockets = [made.enter_context(end) for end in socket.socketpair()]
            ends = [made.enter_context(socket.socket(fileno=_above_standard(end.detach()))) for end in sockets]
            made.pop_all()
        return cls(ends[0], *memories), cls(ends[1], *reversed(memories))

    @property
    def descriptors(self) -> tuple[int, int, int]:
        """What `open` takes; the process must inherit them."""
        return self._socket.fileno(), self._mine.descriptor, self._theirs.descriptor

    def send(self, message: object) -> None:
        """Raises OSError if nobody is there any more, and what pickle raises for what cannot be sent."""
        arrays: list[pickle.PickleBuffer] = []
        text = pickle.dumps(message, 5, buffer_callback=arrays.append)
        parts = [memoryview(text), *(array.raw() for array in arrays)]
        places: list[int] = []
        end = 2 * len(parts) * _NUMBER.size
        for part in parts:
            start = _aligned(end)
            end = start + part.nbytes
            places += (start, end)
        room = self._mine.room(end)
        struct.pack_into(f"<{len(places)}Q", room, 0, *places)
        for part, start, end in zip(parts, places[::2], places[1::2], strict=True):
            room[start:end] = part
        self._socket.sendall(_NUMBER.pack(len(places)))

    def receive(self, seconds: float | None = None) -> Any:
        """The next message, once it is there; its arrays are valid until the other end sends again.

        Raises EOFError or OSError if nobody is there any more, TimeoutError if nothing has come after so many seconds.
        """
        if seconds is not None and not _heard(self._socket, seconds):
            raise TimeoutError
        said = self._socket.recv(_NUMBER.size)
        if len(said) < _NUMBER.size:
            raise EOFError
        (count,) = _NUMBER.unpack(said)
        places = struct.unpack_from(f"<{count}Q", self._theirs.content(count * _NUMBER.size))
        content = self._theirs.content(places[-1])
        text, *arrays = (content[start:end] for start, end in zip(places[::2], places[1::2], strict=True))
        return pickle.loads(text, buffers=arrays)

    def waiting(self) -> bool:
        """Whether there is a message, or nobody any more."""
        return _heard(self._socket, 0)

    def hand_over(self) -> None:
        """Leave this end to the process that has opened it."""
        self._socket.close()

    def close(self) -> None:
        """The other end then finds nobody."""
        self._socket.close()
        self._mine.close()
        self._theirs.close()


def _heard(end: socket.socket, seconds: float) -> bool:
    """Whether there is something to read, or nobody to write any more, after so many seconds at the latest."""
    poll = select.poll()  # select.select would refuse descriptors from 1024 on
    poll.register(end, select.POLLIN)
    return bool(poll.poll(1000 * seconds))


def vector_bytes(size: int, dtype: np.dtype[Any]) -> int:
    """What an array (size,) takes in a Memory of several."""
    return _aligned(size * dtype.itemsize)


def _aligned(size: int) -> int:
    return -(-size // ALIGN) * ALIGN


def _reserve(descriptor: int, old: int, new: int) -> None:
    """Make the file longer, with all its bytes really there: a page that cannot be had later would end the process."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, old, new - old)
        return
    while old < new:
        old += os.pwrite(descriptor, bytes(min(CHUNK, new - old)), old)


def _above_standard(descriptor: int) -> int:
    """The same under a number above 2: where standard input or output are closed, theirs are given out again."""
    if descriptor > 2:
        return descriptor
    try:
        return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 3)
    finally:
        os.close(descriptor)
