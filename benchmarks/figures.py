"""A row of the comparison: from the figures of each round to its ratio, as a table and for JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import NamedTuple

from works import Work

OURS = "tuinet"


class Row(NamedTuple):
    """`figures`: one of each round, by contestant, tuinet among them. `peaks`: MB, where they were looked at."""

    name: str
    work: Work
    figures: Mapping[str, Sequence[float]]
    peaks: Mapping[str, float]

    @property
    def medians(self) -> dict[str, float]:
        return {name: median(each) for name, each in self.figures.items()}

    @property
    def peer(self) -> str | None:
        """The peer whose median is best; None: there was none."""
        peers = [name for name in self.figures if name != OURS]
        best = min if self.work.less else max
        return best(peers, key=self.medians.__getitem__, default=None)

    @property
    def ratios(self) -> list[float]:
        """Round by round, how many times better tuinet is than the best of all peers in that round."""
        peers = [each for name, each in self.figures.items() if name != OURS]
        if not peers:
            return []
        rounds = zip(self.figures[OURS], zip(*peers, strict=True), strict=True)
        return [min(others) / own if self.work.less else own / max(others) for own, others in rounds]

    @property
    def kept(self) -> bool:
        """Whether the ratio is what is wanted; nothing is where there is no peer."""
        return self.work.wanted is None or not self.ratios or median(self.ratios) >= self.work.wanted


def table(row: Row) -> str:
    """With every contestant."""
    work, ratios = row.work, row.ratios
    best, worst = ("least", "most") if work.less else ("fastest", "slowest")
    peak = f" {'peak MB':>8}" if row.peaks else ""
    lines = [f"{row.name}: {work.title}", f"  {'':22} {work.unit:>11} {worst:>10} {best:>10}{peak}"]
    for name, each in row.figures.items():
        low, high = (max(each), min(each)) if work.less else (min(each), max(each))
        peak = f" {row.peaks[name]:8.0f}" if row.peaks else ""
        lines.append(f"  {name:22} {number(median(each)):>11} {number(low):>10} {number(high):>10}{peak}")
    if ratios:
        what = "best peer / tuinet" if work.less else "tuinet / best peer"
        wanted = "" if work.wanted is None else f"; wanted: {work.wanted:.1f}{'' if row.kept else ', FALLS SHORT'}"
        span = f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        lines.append(f"  {what} in the same round: {span}; best: {row.peer}{wanted}")
    return "\n".join(lines)


def number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def plain(row: Row) -> dict[str, object]:
    """For JSON. The ratio is above 1 where tuinet is the better one, also of seconds and of memory."""
    ratios, medians, peer = row.ratios, row.medians, row.peer
    return {
        "work": row.name,
        "tuinet": medians[OURS],
        "best_peer": medians[peer] if peer else None,
        "peer": peer,
        "ratio": median(ratios) if ratios else None,
        "low": min(ratios, default=None),
        "high": max(ratios, default=None),
        "unit": row.work.unit,
        "all": medians,
    }
