"""What the events of a run say to a person, in words. What comes from outside in them is harmless for a terminal."""

from __future__ import annotations

from collections.abc import Mapping

from tuinet.readable import number, percent, printable, printable_lines
from tuinet.training import events as ev

REASONS = {
    "epochs": "all epochs done",
    "early-stopping": "stopped early: the validation did not improve",
    "no-mistakes": "an epoch without a mistake",
    "stopped": "stopped on request",
    "interrupted": "interrupted",
}


def scores(event: ev.EpochDone, brief: bool = False) -> str:
    """The figures of an epoch in a line: train, then validation."""
    parts = [figures("train", event.train, brief)]
    if event.validation:
        parts.append(figures("validation", event.validation, brief) + (" (best)" if event.best else ""))
    return "  ".join(parts)


def figures(name: str, metrics: Mapping[str, float | None], brief: bool = False) -> str:
    """The loss and what else people look at, under a name: "train loss 0.1, accuracy 97.00 %"."""
    words = [number(metrics.get("loss")) if brief else f"loss {number(metrics.get('loss'))}"]
    if metrics.get("accuracy") is not None:
        words.append(percent(metrics["accuracy"]) if brief else f"accuracy {percent(metrics['accuracy'])}")
    elif metrics.get("r2") is not None:
        words.append(f"R² {number(metrics['r2'])}")
    if metrics.get("perplexity") is not None and not brief:
        words.append(f"perplexity {number(metrics['perplexity'])}")
    return f"{name} {(' ' if brief else ', ').join(words)}".strip()


def sentence(event: ev.Event) -> str:
    """What an event says to a person, or "" for those that only move the bar."""
    match event:
        case ev.RunStarted():
            sizes = ", ".join(f"{count:,} {printable(name)}" for name, count in event.samples.items())
            return (
                f"{printable(event.name)}: {event.parameters:,} parameters, "
                f"{event.epochs:,} epochs of {event.steps_per_epoch:,} steps\nsamples: {sizes}"
            )
        case ev.PhaseStarted():
            how = "from scratch" if event.phase == "retrain" else "on from the best weights"
            return f"step {event.step}: now {how}, with the validation samples too ({event.samples:,} in all)"
        case ev.CommandDone():
            return f"{'' if event.ok else 'refused: '}{printable(event.message or event.do)}"
        case ev.SettingsChanged():
            changes = ", ".join(f"{key} = {value}" for key, value in event.changes.items())
            return f"step {event.step}: changed {printable(changes)}"
        case _:
            return ""


def ending(event: ev.RunEnded) -> list[str]:
    """Why a run ended, how good its model is, and where it is: some lines."""
    lines = [f"{REASONS.get(event.reason, printable(event.reason))} after {event.step:,} steps"]
    if event.message:
        lines.append(printable_lines(event.message))
    parts = ("train", "validation", "test")
    lines += [result(part, event.metrics[part]) for part in parts if event.metrics.get(part)]
    if event.model is not None:
        lines.append(f"model: {printable(event.model)}")
    return lines


def result(split: str, metrics: Mapping[str, float | None]) -> str:
    """All that was measured of a model on a part of the data: "test: accuracy 97.00 %, 3 mistakes, loss 0.1"."""
    parts: list[str] = []
    symbols = metrics.get("targets")
    if "accuracy" in metrics:
        parts.append(f"accuracy {percent(metrics['accuracy'])}" + (" of the symbols" if symbols else ""))
    if metrics.get("errors") is not None and symbols:
        parts.append(f"{metrics['errors']:,} mistakes in {symbols:,}")
    elif metrics.get("errors") is not None:
        parts.append(f"{metrics['errors']:g} mistake{'' if metrics['errors'] == 1 else 's'}")
    parts += [f"{name} {number(metrics[name])}" for name in ("loss", "mse", "r2") if name in metrics]
    if symbols and parts:
        parts[-1] += " nats a symbol"
    if metrics.get("perplexity") is not None:
        parts += [f"{number(metrics.get('bits'))} bits", f"perplexity {number(metrics['perplexity'])}"]
    return f"{split}: {', '.join(parts)}"
