"""`tuinet bench`: how near each kind of work comes to what this machine can multiply."""

from __future__ import annotations

import math
import os
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from tuinet.training.bench import Limit, Row

LEAST, MOST = 0.05, 60.0
"""Seconds that a kind of work may be given."""


@click.command("bench", short_help="How near to its limit this machine works.")
@click.option("--threads", type=click.IntRange(1, 1024), metavar="N", help="Cores to use. Default: all there are.")
@click.option(
    "--seconds",
    type=click.FloatRange(LEAST, MOST),
    default=1.0,
    metavar="S",
    help="How long each kind of work is timed, 0.05 to 60. Default: 1.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(threads: int | None, seconds: float, as_json: bool) -> None:
    """Train and ask networks of every kind on random data, and tell how near each comes to this machine's limit.

    The limit is what matrix products alone reach: float32, 1024×1024, one product at a time on each core that a
    training would use. A kind of work is measured by the products that it takes, forward and backward; whatever else
    it does is what it stays behind. In JSON, a share of 1 is the limit.

    It takes some 20 seconds. Nothing else should be running meanwhile.
    """
    if math.isnan(seconds):  # which no range refuses
        raise click.BadParameter("nan is no number of seconds", param_hint="'--seconds'")
    from tuinet import __version__
    from tuinet.cli.output import write_json
    from tuinet.model.blas import cores
    from tuinet.training.bench import bench

    try:
        limit, rows = bench(threads or cores(), seconds, lambda name: _note(f"measuring: {name}"))
    finally:
        _note("")
    if as_json:
        write_json({"version": __version__, "limit": limit, "rows": rows})
        return
    _write(limit, rows)


def _note(words: str) -> None:
    """What goes on, in place of the note before, for who watches on a terminal."""
    if sys.stderr.isatty() and os.environ.get("TERM", "") not in ("dumb", "unknown"):
        click.echo(f"\r{words:<60}" if words else f"\r{'':60}\r", nl=False, err=True)


def _write(limit: Limit, rows: list[Row]) -> None:
    from tuinet.cli.output import write_facts, write_table

    on = f"{limit.threads} cores at once" if limit.threads > 1 else "one core"
    write_facts(
        [
            ("limit", f"{limit.gflops:,.1f} GFLOP/s in products of 1024×1024, on {on}"),
            ("BLAS", limit.blas or "unknown"),
            ("kernels", limit.kernels or ""),
        ]
    )
    click.echo()
    right = ("a second", "GFLOP/s", "of the limit")
    shown = [
        (row.work, f"{row.per_second:,.0f}", row.unit, f"{row.gflops:,.1f}", f"{100 * row.share:.1f} %") for row in rows
    ]
    write_table(("work", "a second", "of", "GFLOP/s", "of the limit"), shown, right)
