"""New experiments from a screen: a family, its data, and the few sizes that it needs."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tuinet.errors import TuinetError
from tuinet.tui.draft import Draft
from tuinet.tui.fetching import ask_to_fetch
from tuinet.tui.popup import Ask, Choose, Option

if TYPE_CHECKING:
    from tuinet.data.sources import Source
    from tuinet.experiment.spec import Experiment
    from tuinet.tui.screens.changes import Changes


class Family(NamedTuple):
    """A family of networks.

    make   the function of `experiment.starters` that makes one
    tasks  what data it is for
    asks   what is asked, as it is typed: names and values, commas between
    about  what the names mean
    """

    key: str
    title: str
    make: str
    tasks: tuple[str, ...]
    asks: str
    about: str


CELLS = "cell lstm, units 128, layers 1, embedding 64"
ABOUT_CELLS = (
    "cell: rnn, lstm, gru or clockwork (periods 1 2 4 8). Also: both (directions), peephole, coupled; embedding none "
    "takes symbols one-hot."
)
FAMILIES = (
    Family("p", "Perceptron", "perceptron", ("classification",), "", ""),
    Family("m", "MLP", "mlp", ("classification", "regression"), "sizes 128 64", "sizes: units of the hidden layers."),
    Family("c", "CNN", "cnn", ("classification",), "filters 16 32, dense 64",
           "filters: kernels of each convolution of 3×3, pooled behind each; dense: units of the layers behind them."),
    Family("l", "Language model: the next symbol of a text", "language_model", ("next-symbol",), CELLS, ABOUT_CELLS),
    Family("k", "Classifier of texts and sequences", "text_classifier", ("classification",), CELLS, ABOUT_CELLS),
    Family("t", "Tagger: an answer at every symbol", "tagger", ("tagging",), CELLS, ABOUT_CELLS),
    Family("s", "Sequence to sequence, with an LSTM", "seq2seq", ("seq2seq",), f"{CELLS}, reversed",
           f"{ABOUT_CELLS} reversed: the source is read backwards."),
    Family("i", "Caption: a text from an image", "caption", ("seq2seq",), "filters 8 16, dense 64, units 64",
           "filters and dense as of a CNN; units of the decoder."),
)  # fmt: skip

OTHER = Option("o", "from what there is: a recipe, a file, a run, a model", "")


def ask_for_new(screen: Changes) -> None:
    """Which family; then its data; then its sizes."""
    families = {family.make: family for family in FAMILIES}

    def answered(answer: str | None) -> None:
        if answer == "":
            screen.action_open()
        elif answer is not None:
            ask_for_data(screen, families[answer].tasks, partial(_ask_for_sizes, screen, families[answer]))

    options = [*(Option(family.key, family.title, family.make) for family in FAMILIES), OTHER]
    screen.app.push_screen(
        Choose("New from …", "Each asks only for what it needs; all can be changed later.", options), answered
    )


def ask_for_data(screen: Changes, tasks: tuple[str, ...], then: Callable[[Source], None]) -> None:
    """Which data: a set by its name, those that are here first, or a file."""
    from tuinet.data.fetched import read_record
    from tuinet.data.sources import DATASETS, source_from_argument

    sets = [(name, found) for name, found in DATASETS.items() if not tasks or found.info.task in tasks]
    there = {name: found.kind != "fetched" or read_record(name) is not None for name, found in sets}
    options = [
        Option("", f"{name}: {found.title}" if there[name] else f"{name}: {found.title} (to be fetched)", name)
        for name, found in sorted(sets, key=lambda each: not there[each[0]])
    ]

    def typed(text: str | None) -> None:
        if text:
            try:
                then(source_from_argument(str(Path(text.strip()).expanduser())))
            except TuinetError as error:
                screen.tui.complain(error)

    def answered(answer: str | None) -> None:
        if answer == "":
            words = "A .csv, .npz, .npy, IDX or text file, pairs, JSON lines, or a folder of images."
            screen.app.push_screen(Ask("Data of your own", words, "", files=True), typed)
        elif answer is not None and not there[answer]:
            ask_to_fetch(screen.tui, answer, lambda: then(DATASETS[answer].source))
        elif answer is not None:
            then(DATASETS[answer].source)

    screen.app.push_screen(Choose("Which data?", "", [*options, Option("f", "a file of your own", "")]), answered)


def _ask_for_sizes(screen: Changes, family: Family, source: Source) -> None:
    def answered(text: str | None) -> None:
        if text is not None:
            screen.run_worker(partial(_make, screen, family, source, text), thread=True, group="new")

    if not family.asks:
        answered("")
        return
    screen.app.push_screen(Ask(family.title.partition(":")[0], family.about, family.asks), answered)


def _make(screen: Changes, family: Family, source: Source, text: str) -> None:
    """In a thread: the data are looked at for it."""
    try:
        draft = Draft(made(family, source, text))
        draft.saved = None
    except (TuinetError, OSError) as error:
        screen.app.call_from_thread(screen.tui.complain, error)
        return
    screen.app.call_from_thread(screen.begin, draft)


def made(family: Family, source: Source, text: str) -> Experiment:
    """The experiment. Raises TuinetError for words that mean nothing, and for data that are not for it."""
    from tuinet.data.fetched import NotFetchedError
    from tuinet.experiment import starters

    try:
        info = source.describe(Path.cwd())
    except NotFetchedError as error:
        info = error.info
    make: Callable[..., Experiment] = getattr(starters, family.make)
    return make(source, info, **arguments(family, text))


def arguments(family: Family, text: str) -> dict[str, Any]:
    """`filters 16 32, dense 64` as arguments of the family's function. Raises TuinetError."""
    from tuinet.experiment.starters import Cells

    words = dict.fromkeys(re.findall(r"[a-z]+", family.asks))
    allowed = {*words, *(("both", "peephole", "coupled", "periods") if "cell" in words else ())}
    given: dict[str, list[str]] = {}
    for part in filter(None, (part.split() for part in text.lower().replace("=", " ").split(","))):
        if part[0] not in allowed:
            raise TuinetError(f"{part[0]!r} is none of {', '.join(sorted(allowed))}", family.about)
        given[part[0]] = part[1:]
    found: dict[str, Any] = {name: _numbers(name, given[name]) for name in ("sizes", "filters") if name in given}
    if "dense" in given:
        dense = _numbers("dense", given["dense"])
        found["dense"] = dense[0] if family.make == "caption" and dense else dense
    if "embedding" in given:
        found["embedding"] = None if given["embedding"] == ["none"] else _number("embedding", given["embedding"])
    if "reversed" in given:
        found["reverse_source"] = True
    if "units" in given or "cell" in given:
        kind = given.get("cell", ["gru" if family.make == "caption" else "lstm"])[0]
        if kind not in ("rnn", "lstm", "gru", "clockwork"):
            raise TuinetError(f"there is no cell {kind!r}", "Take rnn, lstm, gru or clockwork.")
        found["cells"] = Cells(
            kind,  # pyright: ignore[reportArgumentType]
            units=_number("units", given.get("units", ["128"])),
            layers=_number("layers", given.get("layers", ["1"])),
            bidirectional="both" in given,
            peephole="diagonal" if "peephole" in given else "none",
            coupled="coupled" in given,
            **({"periods": _numbers("periods", given["periods"])} if "periods" in given else {}),
        )
    return found


def _numbers(name: str, texts: list[str]) -> tuple[int, ...]:
    if not all(re.fullmatch(r"[1-9][0-9]{0,5}", text) for text in texts):
        raise TuinetError(f"{name} takes whole numbers, not {' '.join(texts)!r}", f"Write it like {name} 16 32.")
    return tuple(map(int, texts))


def _number(name: str, texts: list[str]) -> int:
    found = _numbers(name, texts)
    if len(found) != 1:
        raise TuinetError(f"{name} takes one number", f"Write it like {name} 64.")
    return found[0]
