"""Whether a network over sequences fits its task: what may look ahead, what must pool, what a translator is made of."""

from __future__ import annotations

from collections.abc import Sequence

from tuinet.data.dataset import DatasetInfo
from tuinet.experiment.costs import kind_of
from tuinet.experiment.network_rules import STEPWISE
from tuinet.experiment.report import Findings
from tuinet.experiment.spec import Experiment, TeacherForcing
from tuinet.experiment.stacks import Stack, only_translator
from tuinet.nn.layer import Layer, Shape, ShapeError
from tuinet.nn.layers.bidirectional import Bidirectional
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.dropout import Dropout, GaussianNoise
from tuinet.nn.layers.over_time import LastStep, MaxOverTime, MeanOverTime
from tuinet.nn.recurrent import OverTime
from tuinet.nn.seq2seq import Seq2Seq

POOLING = (LastStep, MeanOverTime, MaxOverTime)
"""The layers that make one vector of a sequence."""


def check_text_settings(experiment: Experiment, info: DatasetInfo, findings: Findings) -> None:
    """Settings of texts and sequences that mean nothing for these data."""
    data, training = experiment.data, experiment.training
    leave = "leave this key out"
    if data.tokens is not None and info.input_shape.kind != "id":
        findings.refuse("data.tokens", f"what goes in of {info.name} is no text", leave)
    if data.target_tokens is not None and info.task == "next-symbol":
        message = "where the next symbol is learnt, one vocabulary is for both sides"
        findings.refuse("data.target_tokens", message, "set data.tokens")
    elif data.target_tokens is not None and not info.target_ids:
        findings.refuse("data.target_tokens", f"what comes out of {info.name} is no text", leave)
    if info.task != "next-symbol":
        if data.window is not None:
            message = f"windows are cut where the next symbol of one text is learnt, and this is {info.task}"
            findings.refuse("data.window", message, leave)
        if not training.carry_state:
            findings.warn("training.carry_state", f"this has no meaning for {info.task}: no sample goes on another")
    if info.task != "seq2seq" and training.teacher_forcing != TeacherForcing():
        findings.warn("training.teacher_forcing", "this has a meaning only where a decoder is fed, in a seq2seq layer")


def check_task(experiment: Experiment, info: DatasetInfo, findings: Findings) -> bool:
    """Whether the network has the form of its task: one seq2seq layer for pairs of sequences, and for nothing else."""
    layers = experiment.model.layers
    places = [index for index, layer in enumerate(layers) if isinstance(layer, Seq2Seq)]
    for index in places:
        if len(layers) > 1:
            hint = "what comes before it belongs into its encoder, what comes behind it into its decoder"
            findings.refuse(f"model.layers[{index}]", "a seq2seq layer is the only layer of its network", hint)
        elif info.task != "seq2seq":
            message = f"a seq2seq layer writes a sequence of symbols, and {info.name} asks for something else"
            findings.refuse(f"model.layers[{index}]", f"{message} ({info.task})", "put its encoder's layers in place")
    if not places and info.task == "seq2seq" and layers:
        hint = 'layers = [{ kind = "seq2seq", encoder = [ … ], decoder = [ … ] }]'
        findings.refuse("model.layers", f"the targets of {info.name} are sequences of symbols of their own", hint)
        return False
    return not places or (len(layers) == 1 and info.task == "seq2seq")


def check_stacks(
    experiment: Experiment,
    info: DatasetInfo,
    parts: Sequence[Stack],
    shapes: Sequence[Sequence[Shape | None]],
    findings: Findings,
) -> bool:
    """Whether an answer comes when the task wants one, from no more than may be seen. True if so."""
    before = len(findings.problems)
    for part in parts:
        _check_last_step(part, findings)
    answering = parts[-1]
    layers = answering.layers
    if info.task in ("next-symbol", "seq2seq"):
        for index, layer in enumerate(layers):
            if isinstance(layer, OverTime) and not layer.goes_forward:
                message = f"{answering.names()[index]} looks ahead, where the symbol stands that is asked for"
                hint = "take the layer inside it alone" + "; both directions belong into the encoder" * (len(parts) > 1)
                findings.refuse(answering.place(index), message, hint)
    last = shapes[-1][-1]
    if info.task in STEPWISE:
        _check_every_step(info, answering, last, findings)
    elif layers and last is not None and last.sequence:
        index = max((i for i, layer in enumerate(layers) if isinstance(layer, OverTime)), default=len(layers) - 1)
        message = f"the network answers at every step, but {info.task} wants one answer a sample"
        hint = 'put { kind = "last-step" } or { kind = "mean-over-time" } behind it'
        findings.refuse(answering.place(index), message, hint)
    elif layers and isinstance(_end(layers), OverTime | LastStep) and info.task == "regression":
        message = f"what comes out is a state of {kind_of(layers[-1])}, between −1 and 1; the targets may not be"
        findings.warn(answering.place(len(layers) - 1), message)
    if info.task == "seq2seq":
        fits = last is None or last.sizes == (info.target_ids,)  # if not, the output's own check says it
        _check_translator(experiment, info, parts, findings, clean=fits and len(findings.problems) == before)
    return len(findings.problems) == before


def _check_last_step(part: Stack, findings: Findings) -> None:
    """The last step of both directions is the end of one and the beginning of the other."""
    source: Layer | None = None
    for index, layer in enumerate(part.layers):
        if isinstance(layer, LastStep) and isinstance(source, Bidirectional) and not layer.both_ways:
            message = "at the last step the backward direction has seen one symbol: both_ways = true takes its end"
            findings.warn(part.place(index, "both_ways"), message)
        elif isinstance(layer, LastStep) and layer.both_ways and not isinstance(source, Bidirectional):
            message = "this is for a bidirectional layer: here it takes half the units from the first step"
            findings.warn(part.place(index, "both_ways"), message)
        if not isinstance(layer, Dropout | GaussianNoise):
            source = layer


def _check_every_step(info: DatasetInfo, part: Stack, last: Shape | None, findings: Findings) -> None:
    pooling = [index for index, layer in enumerate(part.layers) if isinstance(layer, POOLING)]
    for index in pooling:
        message = f"{part.names()[index]} makes one vector of a sequence, but {info.task} wants an answer at every step"
        findings.refuse(part.place(index), message, "leave it out")
    if part.layers and last is not None and not last.sequence and not pooling:
        message = f"the network gives one answer a sample, but {info.task} wants one at every step"
        findings.refuse(part.place(len(part.layers) - 1), message, "take data that are sequences")
    if info.task == "next-symbol" and not any(isinstance(layer, OverTime) for layer in part.layers):
        findings.warn(part.path, "there is no recurrent layer: the next symbol is guessed from one symbol alone")


def _end(layers: Sequence[Layer]) -> Layer | None:
    """The last layer, but for those that only disturb in training."""
    return next((layer for layer in reversed(layers) if not isinstance(layer, Dropout | GaussianNoise)), None)


def _check_translator(
    experiment: Experiment, info: DatasetInfo, parts: Sequence[Stack], findings: Findings, clean: bool
) -> None:
    """What only encoder and decoder together show; the shapes of the whole if all else is `clean`."""
    layer, encoder, decoder = only_translator(experiment.model.layers), parts[0], parts[-1]
    if layer is None or not (encoder.layers and decoder.layers):
        return
    if not any(isinstance(each, Dense) for each in decoder.layers):
        hint = 'end it with { kind = "dense" }, which gives a score for every symbol'
        findings.refuse(decoder.path, f"the decoder ends with {kind_of(decoder.layers[-1])}", hint)
        return
    if info.target_ids and layer.symbols not in (None, info.target_ids):
        message = f"{layer.symbols} symbols, but the vocabulary of what comes out has {info.target_ids}"
        findings.refuse("model.layers[0].symbols", message, "leave this key out")
        return
    if clean and encoder.shape is not None:
        try:
            layer.output_shape(encoder.shape)
        except ShapeError as error:
            path = "model.layers[0]" + (f".{error.field}" if error.field else "")
            findings.refuse(path, error.message, error.hint)
