"""A row of the comparison: from the figures of each round to its ratio, as a table and for JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import NamedTuple

from works import Work

OURS = "tuinet"

PYTORCH = "torch"
"""How the names begin of those that the wanted ratios are meant of."""


class Row(NamedTuple):
    """`figures`: one of each round, by contestant, tuinet among them. `peaks`: MB, where they were looked at."""

    name: str
    work: Work
    figures: Mapping[str, Sequence[float]]
    peaks: Mapping[str, float]

    @property
    def medians(self) -> dict[str, float]:
        return {name: median(each) for name, each in self.figures.items()}

    def best(self, library: str = "") -> str | None:
        """The peer whose median is best, of those whose name begins so; None: there was none."""
        peers = [name for name in self.figures if name != OURS and name.startswith(library)]
        return (min if self.work.less else max)(peers, key=self.medians.__getitem__, default=None)

    def ratios(self, peer: str | None) -> list[float]:
        """Round by round, how many times better tuinet is than that peer."""
        if peer is None:
            return []
        rounds = zip(self.figures[OURS], self.figures[peer], strict=True)
        return [other / own if self.work.less else own / other for own, other in rounds]

    @property
    def kept(self) -> bool:
        """Whether the ratio to the best PyTorch is what is wanted; nothing is where it does not take part."""
        ratios = self.ratios(self.best(PYTORCH))
        return self.work.wanted is None or not ratios or median(ratios) >= self.work.wanted


def table(row: Row) -> str:
    """With every contestant."""
    work = row.work
    best, worst = ("least", "most") if work.less else ("fastest", "slowest")
    peak = f" {'peak MB':>8}" if row.peaks else ""
    lines = [f"{row.name}: {work.title}", f"  {'':22} {work.unit:>11} {worst:>10} {best:>10}{peak}"]
    for name, each in row.figures.items():
        low, high = (max(each), min(each)) if work.less else (min(each), max(each))
        peak = f" {row.peaks[name]:8.0f}" if row.peaks else ""
        lines.append(f"  {name:22} {number(median(each)):>11} {number(low):>10} {number(high):>10}{peak}")
    wanted = "" if work.wanted is None else f"; wanted: {work.wanted:.1f}{'' if row.kept else ', FALLS SHORT'}"
    for library, end in ((PYTORCH, wanted), ("", "")):
        peer = row.best(library)
        if peer is not None and (library or peer != row.best(PYTORCH)):
            ratios = row.ratios(peer)
            what = f"{peer} / {OURS}" if work.less else f"{OURS} / {peer}"
            span = f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
            lines.append(f"  {what} in the same round: {span}{end}")
    return "\n".join(lines)


def number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def plain(row: Row) -> dict[str, object]:
    """For JSON: the ratio to the best of all peers, and under "pytorch" that to the best PyTorch, which `wanted` is
    meant of. A ratio is above 1 where tuinet is the better one, also of seconds and of memory."""
    beside = _beside(row, row.best())
    pytorch = _beside(row, row.best(PYTORCH)) | {"wanted": row.work.wanted}
    given = {"unit": row.work.unit, "all": row.medians}
    return {"work": row.name, "tuinet": row.medians[OURS], **beside, "pytorch": pytorch, **given}


def _beside(row: Row, peer: str | None) -> dict[str, object]:
    ratios = row.ratios(peer)
    return {
        "best_peer": row.medians[peer] if peer else None,
        "peer": peer,
        "ratio": median(ratios) if ratios else None,
        "low": min(ratios, default=None),
        "high": max(ratios, default=None),
    }
