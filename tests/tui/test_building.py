"""From an empty screen to a network that trains: each family, by keys alone, on a small terminal."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from rich.cells import cell_len

from tests.experiment.strategies import EXPERIMENTS
from tests.tui.pilots import Traveller, travel
from tuinet.experiment.checked import read_experiment
from tuinet.experiment.decode import decode
from tuinet.experiment.form_rows import form_rows
from tuinet.experiment.places import rows
from tuinet.experiment.recipes import ORDER
from tuinet.experiment.spec import Experiment
from tuinet.training.feed import Feed
from tuinet.tui.draft import Draft, open_draft
from tuinet.tui.families import FAMILIES, arguments, made
from tuinet.tui.filing import written
from tuinet.tui.screens.build import BuildScreen
from tuinet.tui.table import layer_lines
from tuinet.tui.widgets.rows import Rows


async def choose(person: Traveller, value: str) -> None:
    """The row of a popup that stands for this value, by arrows."""
    rows = person.app.screen.query_one(Rows)
    for _ in range(len(rows.values)):
        if rows.value == value:
            break
        await person.press("down")
    assert rows.value == value
    await person.press("enter")


async def begin(person: Traveller, family: str, data: str, sizes: str | None = None) -> BuildScreen:
    """A new experiment of a family on some data."""
    await person.press("2")
    await person.until("‹Layers›")
    await person.until("weights")
    await person.press_shown("n", "new")
    await person.until("New from")
    await person.press(family)
    await person.until("Which data?")
    await choose(person, data)
    if sizes is not None:
        await person.until("enter takes it")
        await person.write(sizes)
    await person.until(lambda: isinstance(person.app.screen, BuildScreen))
    screen = person.app.screen
    assert isinstance(screen, BuildScreen)
    await person.until(lambda: screen.draft is not None and screen.draft.experiment.name.startswith(data))
    await person.until(lambda: screen.draft is not None and screen.draft.report() is not None)
    return screen


async def train_some_steps(person: Traveller, steps: int = 5) -> None:
    await person.press_shown("t", "train")
    await person.until("epoch ", 60)
    (run,) = Path("runs").iterdir()
    feed = Feed(run)
    await person.until(lambda: (feed.read() or True) and (feed.step >= steps or feed.ended is not None), 60)


@pytest.mark.parametrize(
    ("family", "data", "sizes", "words"),
    [
        ("p", "blobs", None, "dense"),
        ("m", "iris", "sizes 16", "16 units"),
        ("c", "digits", "filters 4, dense 8", "4 of 3×3, same"),
        ("s", "reverse", "cell lstm, units 16, embedding 8, reversed", "lstm"),
    ],
)
def test_a_network_of_each_family_is_built_and_trained(family: str, data: str, sizes: str | None, words: str) -> None:
    async def journey(person: Traveller) -> None:
        await begin(person, family, data, sizes)
        await person.until(words)
        await train_some_steps(person)

    travel(journey)


def test_a_cnn_with_a_mistake_is_understood_mended_and_trained() -> None:
    async def journey(person: Traveller) -> None:
        await begin(person, "c", "mnist-small", "filters 4, dense 8")
        await person.press_shown("i", "quick line")
        await person.fill("conv 4 40 relu, pool 2, dense 10")
        await person.until("40×40 kernel does not fit 28×28")
        await person.press("enter")
        await person.until("28 or less, or pad")
        await person.press_shown("F", "way out")
        await person.until(lambda: "does not fit" not in person.text)
        await person.press_shown("u", "undo")
        await person.until("does not fit")
        await person.press("U")
        await person.until(lambda: "does not fit" not in person.text)
        await train_some_steps(person)

    travel(journey)


def test_layers_are_added_changed_moved_and_taken_away() -> None:
    async def journey(person: Traveller) -> None:
        await person.press("2")
        await person.until("38,282 weights")
        screen = person.app.screen
        assert isinstance(screen, BuildScreen) and screen.draft is not None
        first = screen.draft.experiment
        await person.press_shown("a", "add")
        await person.until("Add a layer")
        await choose(person, "dropout")
        draft = screen.draft
        await person.until(lambda: len(draft.experiment.model.layers) == 11)
        await person.press("J")
        await person.press("K", "K")
        await person.press_shown("d", "delete")
        await person.until(lambda: screen.draft is not None and screen.draft.experiment == first)
        await person.press("home", "enter")
        await person.until("filters")
        await person.press("enter")
        await person.until("How many kernels")
        await person.fill("0")
        await person.until("at least 1")
        await person.fill("4")
        await person.until("output 8×8×4, 40 parameters")
        await person.press("enter", "escape")
        await person.until("4 of 3×3, same")
        assert screen.draft.changed
        while screen.draft.past:
            await person.press("u")
        assert screen.draft.experiment == first

    travel(journey)


def test_a_file_keeps_its_comments() -> None:
    Path("mine.toml").write_text(
        "# my own\n" + Path(read_path("iris-mlp")).read_text(encoding="utf-8"), encoding="utf-8"
    )

    async def journey(person: Traveller) -> None:
        person.app.build("mine.toml")
        await person.until("‹Layers›")
        await person.until("weights")
        await person.press("tab", "tab")
        await person.until("‹Training:")
        screen = person.app.screen
        assert isinstance(screen, BuildScreen)
        screen.rows.stand("training.epochs")
        await person.press("enter")
        await person.until("How many times")
        await person.write("7")
        await person.until("7 epochs")
        await person.press("w")
        await person.until("wrote mine.toml")

    travel(journey)
    text = Path("mine.toml").read_text(encoding="utf-8")
    assert text.startswith("# my own\n")
    assert read_experiment("mine.toml").training.epochs == 7


def read_path(recipe: str) -> Path:
    from tuinet.experiment.recipes import recipe_path

    return recipe_path(recipe)


@pytest.mark.parametrize("recipe", ORDER)
def test_every_recipe_opens_and_says_all_it_holds(recipe: str) -> None:
    from tuinet.experiment.form_rows import form_rows
    from tuinet.tui.table import cost_words, layer_lines, problem_lines

    draft = open_draft(recipe)
    draft.describe()
    report = draft.report()
    assert report is not None
    assert not report.problems
    lines = layer_lines(draft, report, (), 80, False)
    text = "\n".join("".join(segment.text for segment in line) for _, line in lines)
    for row in report.layers:
        assert row.kind in text
    assert cost_words(draft, report)
    beside = ["".join(segment.text for segment in line) for line in problem_lines(draft, 36, False)]
    assert max(map(cell_len, beside)) <= 36
    assert "optimizer" in " ".join(beside)
    for pane in ("data", "training"):
        assert len(form_rows(draft.experiment, pane)) > 5


def test_what_is_set_in_a_form_is_what_it_shows() -> None:
    """Typing what a row shows changes nothing, whatever the row."""
    from tuinet.experiment.form_rows import form_rows
    from tuinet.experiment.layer_edits import set_field

    for recipe in ("digits-cnn", "cmudict-seq2seq", "sst2-lstm", "iris-mlp"):
        experiment = read_experiment(recipe)
        for pane in ("data", "training", "model.layers[0]"):
            for row in form_rows(experiment, pane):
                if row.text and not row.shown.startswith(("1:", "2:")):
                    assert set_field(experiment, row.key, row.text) == experiment, row.key


def test_words_of_a_family_that_mean_nothing_are_refused() -> None:
    from tuinet.errors import TuinetError

    families = {family.make: family for family in FAMILIES}
    for name, text in (("cnn", "filter 3"), ("cnn", "filters x"), ("seq2seq", "cell lxtm"), ("mlp", "sizes 0")):
        with pytest.raises(TuinetError):
            arguments(families[name], text)
    from tuinet.data.sources import DATASETS

    with pytest.raises(TuinetError):
        made(families["cnn"], DATASETS["iris"].source, "")
    assert Draft(made(families["mlp"], DATASETS["iris"].source, "sizes 4")).experiment.model.layers


@settings(max_examples=60, deadline=None, suppress_health_check=[*HealthCheck])
@given(EXPERIMENTS)
def test_any_experiment_that_the_structs_allow_is_shown_whole_and_saved(experiment: Experiment) -> None:
    """Every layer has its row, every setting its row with its value, and the file that is written is the experiment."""
    draft = Draft(experiment)
    lines = layer_lines(draft, None, (), 80, False)
    assert [place for place, _ in lines if place is not None] == [row.place for row in rows(experiment)]
    keys = {row.key for pane in ("data", "training") for row in form_rows(experiment, pane)}
    assert {"data.source", "training.loss", "training.optimizer", "training.epochs", "training.seed"} <= keys
    for row in rows(experiment):
        assert form_rows(experiment, str(row.place))[0].text
    assert decode(written(draft, Path("it.toml"))) == experiment
