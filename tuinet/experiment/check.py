"""Everything that is wrong with an experiment, at once, and what it would cost. Trains nothing, makes no arrays."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from tuinet.data.dataset import DatasetInfo
from tuinet.experiment import network_rules, sequence_rules, training_rules
from tuinet.experiment.costs import compare_with_mlp, stack_rows, training_memory, translator_rows
from tuinet.experiment.data import answers_wanted, assume_texts, fill_in, has_texts
from tuinet.experiment.problem import Problem
from tuinet.experiment.report import Comparison, DataSummary, Findings, LayerRow, Memory, Report, Totals
from tuinet.experiment.spec import Experiment
from tuinet.experiment.stacks import only_translator, stacks_of
from tuinet.nn.layer import Shape
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
    `divided`; where it holds texts that are not encoded, sizes of vocabularies are assumed. `base` (default: the
    current folder) is where a relative `model.start` begins. The report's `problems` forbid training; its `warnings`
    do not.
    """
    findings = Findings()
    assumed = has_texts(info)
    sizes = dict(info.sizes) if divided else training_rules.check_split(experiment, info, findings)
    if assumed:
        info, sizes = assume_texts(experiment, info, sizes)
    layers = fill_in(experiment.model.layers, info)
    experiment = msgspec.structs.replace(experiment, model=msgspec.structs.replace(experiment.model, layers=layers))
    shape = training_rules.check_preparation(experiment, info, findings)
    sequence_rules.check_text_settings(experiment, info, findings)
    steps_per_epoch = training_rules.check_training(experiment, info, sizes, findings)
    rows: tuple[LayerRow, ...] = ()
    coding = ""
    totals: Totals | None = None
    comparison: Comparison | None = None
    if sequence_rules.check_task(experiment, info, findings):
        network = Sequential(layers)
        parts = stacks_of(layers, shape, info)
        shapes = [network_rules.find_shapes(part, findings) for part in parts]
        if sequence_rules.check_stacks(experiment, info, parts, shapes, findings):
            coding = network_rules.check_output(experiment, info, parts[-1], shapes[-1][-1], findings)
        network_rules.check_gradient(experiment, parts, findings)
        network_rules.check_range(info, parts[-1], findings)
        for part in parts:
            network_rules.check_stack(part, findings)
        network_rules.check_freeze(experiment, parts, findings)
        freeze = experiment.model.freeze
        if only_translator(layers) is None:
            rows = stack_rows(parts[0], shapes[0], freeze)
        else:
            rows = translator_rows(network, parts, shapes, freeze)
        known = [_known(each) for each in shapes]
        if layers and all(known) and not _broken(findings):
            parameters = sum(row.parameters for row in rows)
            memory = training_memory(experiment, parameters, parts, known, sizes.get("train", 0))
            training_rules.check_memory(memory, findings)
            if not assumed:
                training_rules.check_start(experiment, known[0][0], base, findings)
            totals = _totals(rows, memory)
            samples = sizes.get("train", 0)
            comparison = compare_with_mlp(experiment, info.input_shape, answers_wanted(info), parameters, samples)
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
        steps=steps_per_epoch * experiment.training.epochs,
        sequence=info.input_shape.sequence,
        vocabulary=info.input_shape.ids,
        target_vocabulary=info.target_ids,
        length=info.length,
        target_length=info.target_length,
        assumed=assumed,
    )
    problems, warnings = tuple(findings.problems), tuple(findings.warnings)
    return Report(experiment.name, experiment.title, problems, warnings, rows, totals, data, comparison)


def _known(shapes: Sequence[Shape | None]) -> list[Shape]:
    """The shapes, if all of them could be found."""
    found = [each for each in shapes if each is not None]
    return found if len(found) == len(shapes) else []


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
        steps=any(row.steps for row in rows),
    )
