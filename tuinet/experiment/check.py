"""Everything that is wrong with an experiment, at once, and what it would cost. Trains nothing, makes no arrays."""

from __future__ import annotations

from pathlib import Path

import msgspec

from tuinet.data.dataset import DatasetInfo
from tuinet.experiment import network_rules, training_rules
from tuinet.experiment.costs import compare_with_mlp, layer_rows, training_memory
from tuinet.experiment.data import answers_wanted, fill_in
from tuinet.experiment.problem import Problem
from tuinet.experiment.report import Comparison, DataSummary, Findings, LayerRow, Memory, Report, Totals
from tuinet.experiment.spec import Experiment
from tuinet.nn.network import Sequential

__all__ = [
    "Comparison",
    "DataSummary",
    "LayerRow",
    "Memory",
    "Problem",
    "Report",
    "Totals",
    "check",
]


def check(experiment: Experiment, info: DatasetInfo, base: Path | None = None, *, divided: bool = False) -> Report:
    """What `experiment` would do with the data that `info` describes, and every problem that can be seen beforehand.

    `info` describes the whole data (`source.describe(base)`), before `data.split` divides them, or what it left if
    `divided`; `base` (default: the
    current folder) is where a relative `model.start` begins. The report's `problems` forbid training; its `warnings`
    do not.
    """
    findings = Findings()
    settings = experiment.training
    layers = fill_in(experiment.model.layers, info)
    experiment = msgspec.structs.replace(experiment, model=msgspec.structs.replace(experiment.model, layers=layers))
    sizes = dict(info.sizes) if divided else training_rules.check_split(experiment, info, findings)
    shape = training_rules.check_preparation(experiment, info, findings)
    shapes = network_rules.find_shapes(layers, shape, findings)
    coding = network_rules.check_output(experiment, info, shapes[-1], findings)
    network_rules.check_gradient(experiment, findings)
    network_rules.check_range(experiment, info, findings)
    network_rules.check_stack(layers, findings)
    network_rules.check_freeze(experiment, findings)
    steps_per_epoch = training_rules.check_training(experiment, info, sizes, findings)

    network = Sequential(layers)
    rows = layer_rows(network, shapes, experiment.model.freeze)
    totals: Totals | None = None
    comparison: Comparison | None = None
    known = [each for each in shapes if each is not None]
    if layers and len(known) == len(shapes) and not _broken(findings):
        memory = training_memory(experiment, network, known, sizes.get("train", 0))
        training_rules.check_memory(memory, findings)
        training_rules.check_start(experiment, known[0], base, findings)
        totals = _totals(rows, memory)
        outputs = answers_wanted(info)
        comparison = compare_with_mlp(network, info.input_shape, outputs, totals.parameters)
    data = DataSummary(
        name=info.name,
        task=info.task,
        input=info.input_shape.sizes,
        prepared=shape.sizes if shape is not None else (),
        samples=sizes,
        classes=info.classes,
        labels=info.labels,
        coding=coding,
        steps_per_epoch=steps_per_epoch,
        steps=steps_per_epoch * settings.epochs,
    )
    problems, warnings = tuple(findings.problems), tuple(findings.warnings)
    return Report(experiment.name, experiment.title, problems, warnings, rows, totals, data, comparison)


def _broken(findings: Findings) -> bool:
    """Whether a layer cannot be: then sums over the layers would mean nothing."""
    return any(problem.path.startswith("model.layers") for problem in findings.problems)


def _totals(rows: tuple[LayerRow, ...], memory: Memory) -> Totals:
    parameters = sum(row.parameters for row in rows)
    multiply_adds = sum(row.multiply_adds for row in rows)
    return Totals(
        parameters=parameters,
        trainable=sum(row.parameters for row in rows if not row.frozen),
        multiply_adds=multiply_adds,
        flops=2 * multiply_adds,
        memory=memory,
    )
