"""A process that computes lanes for a trainer: `python -m tuinet.training.worker DESCRIPTOR …`, started by it alone.

It ends when the trainer does: there is then nobody at the other end of its channel.
"""

from __future__ import annotations

import os
import signal
import sys

from tuinet.nn.params import Params
from tuinet.training.channel import Channel, Memory
from tuinet.training.lanes import Done, Lanes, Welcome, Work


def serve(channel: Channel, memory: Memory) -> None:
    """Answer with None to the welcome, with the sums to every piece of work, or with None if it could not be done.

    `memory` holds the weights, then the gradients of every lane. Raises EOFError or OSError when the trainer is gone.
    """
    welcome: Welcome = channel.receive()
    params, *totals = (Params(welcome.specs, vector) for vector in memory.vectors(welcome.size, welcome.dtype))
    lanes = Lanes(welcome.task, totals)
    channel.send(None)
    while True:
        work: Work = channel.receive()
        done: Done | None = None
        try:
            done = lanes.run(params, work)
        except Exception:  # the trainer will do the same itself, and tell of it as if it had been alone
            done = None
        channel.send(done)


def main(arguments: list[str]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    *ends, memory = map(int, arguments)
    try:
        serve(Channel.open(ends), Memory(memory))
    except (EOFError, OSError):
        os._exit(0)  # nothing to tidy up, and nobody to tell


if __name__ == "__main__":
    main(sys.argv[1:])
