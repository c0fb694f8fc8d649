"""What a model writes by itself: how a language model goes on with a text, how a translator answers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tuinet.inspection.question import Node, Offer, Question, Samples
from tuinet.inspection.view import Cell, Seen, Table
from tuinet.inspection.views.health import some_samples
from tuinet.inspection.views.predictions import in_short, said
from tuinet.inspection.words import counts
from tuinet.model.generation import generate
from tuinet.model.model import Model
from tuinet.nn.sequence import Ragged

LENGTH, TEMPERATURE, SEED = 200, 0.8, 0
"""What `tuinet generate` would be asked for: always the same seed, so that two looks differ by the weights alone."""

SAMPLES = 5
"""Sources of the data that are answered, evenly spread over the part."""

RIGHT, WRONG = "✓", "✗"


def goes_on(question: Question) -> tuple[Seen, ...]:
    """A text that the model writes, behind each text that is named or behind none; one row a line of it."""
    prompts = [""] if question.samples is None else _texts(question.model, question.samples)
    return tuple(_written(question.model, prompt) for prompt in prompts)


def _written(model: Model, prompt: str) -> Table:
    found = generate(model, prompt, LENGTH, TEMPERATURE, None, SEED)
    lines = found.text.split("\n")
    behind = f" behind {in_short(prompt)!r}" if prompt else ""
    notes = [f"{LENGTH} symbols, drawn at temperature {TEMPERATURE} from seed {SEED}"]
    if found.unknown:
        notes.append(f"symbols that it does not know: {', '.join(map(repr, found.unknown))}")
    rows = tuple((number, line) for number, line in enumerate(lines))
    return Table("writes", ("line", "text"), rows, f"what {model.meta.name} writes{behind}", tuple(notes))


def _texts(model: Model, samples: Samples) -> list[str]:
    """Each sample as a text: as it was typed, or what its symbols mean."""
    vocabulary = model.meta.vocabulary
    assert vocabulary is not None
    found: list[str] = []
    for row, name in enumerate(samples.names):
        ids = np.asarray(samples.inputs.row(row) if isinstance(samples.inputs, Ragged) else samples.inputs[row])
        found.append(name if np.array_equal(vocabulary.encode(name), ids) else vocabulary.decode(ids.tolist()))
    return found


def answers(question: Question) -> tuple[Seen, ...]:
    """What the model answers, greedily, to the inputs that are named, else to some of the data."""
    model = question.model
    samples = question.samples or some_samples(question, SAMPLES)
    found = said(replace(question, samples=samples))
    sources = _texts(model, samples) if model.meta.vocabulary is not None else [""] * len(found)
    rows: list[tuple[Cell, ...]] = []
    for source, each in zip(sources, found, strict=True):
        mark = "" if not each.truth else RIGHT if each.says == each.truth else WRONG
        name = "" if each.sample == source else in_short(each.sample)
        rows.append((name, in_short(source), each.says, each.truth, mark))
    known = [row for row in rows if row[4]]
    right = sum(row[4] == RIGHT for row in known)
    notes = (f"{right:,} of {counts(len(known), 'answer')} right",) if known else ()
    columns = ("sample", "source", "says", "target", "right")
    return (Table("writes", columns, tuple(rows), f"what {model.meta.name} writes", notes),)


def is_writer(model: Model, node: Node | None) -> bool:
    """Whether it is a language model, which goes on with a text."""
    return node is None and model.meta.task == "next-symbol"


def is_translator(model: Model, node: Node | None) -> bool:
    """Whether it answers with a text of its own."""
    return node is None and model.meta.task == "seq2seq"


VIEWS: tuple[Offer, ...] = (
    Offer("writes", "how it goes on with a text", "nothing", is_writer, goes_on, uses="input"),
    Offer("writes", "what it answers to some of the data", "data", is_translator, answers, uses="input"),
)
