"""Several runs: behind one another, beside one another, laid over one another; found, filtered and deleted."""

from __future__ import annotations

from pathlib import Path

from tests.tui.pilots import Traveller, background, travel
from tuinet.training.control import send
from tuinet.training.directory import waits_for
from tuinet.training.feed import Feed
from tuinet.training.runs import new_line
from tuinet.tui.screens.home import HomeScreen
from tuinet.tui.screens.train import TrainScreen
from tuinet.tui.shelf import Item


def home(person: Traveller) -> HomeScreen:
    screen = person.app.room
    assert isinstance(screen, HomeScreen)
    return screen


async def stand(person: Traveller, name: str) -> Item:
    """The cursor of Home onto what ends in this name."""
    await person.until(lambda: person.app.current_mode == "home")
    screen = home(person)
    await person.until(lambda: any(item.name.endswith(name) for item in screen.items))
    found = next(item for item in screen.items if item.name.endswith(name))
    screen.query_one("#items").stand(found)
    await person.until(f"‹{Path(name).name}")
    return found


async def stop(directory: Path, person: Traveller) -> None:
    feed = Feed(directory)
    send(directory, new_line("stop", keep="last"))
    await person.until(lambda: (feed.read(), feed.state() == "ended")[1])


def test_a_second_run_queues_behind_the_first_or_runs_beside_it() -> None:
    async def journey(person: Traveller) -> None:
        first = Path(person.app.opened or "")
        await person.until("steps/s", 60)
        await person.press("1")
        await stand(person, "spirals")
        await person.press_shown("t", "train")
        await person.until("A run is going on")
        await person.until("half as fast")
        await person.press("b")
        await person.until(lambda: person.app.screen is person.app.room)
        await person.press_shown("t", "train")
        await person.until("queue spirals behind it")
        await person.press("q")
        await person.until("WAITS for the run before it", 60)
        second = person.app.watched
        assert second is not None and waits_for(second) == first.resolve()
        await person.press("1")
        await stand(person, second.name)
        await person.until(f"{second.name}  waiting")
        await person.until("state   waiting")
        assert "enter how it goes" in person.foot and "delete" not in person.foot
        # A third one waits for the one that waits.
        await stand(person, "sine")
        await person.press("t")
        await person.until("queue sine behind it")
        assert "spirals" in person.text[person.text.index("A run is going on") :]
        await person.press("r")  # beside it
        await person.until("Inside: fit", 60)
        third = person.app.watched
        assert third is not None and waits_for(third) is None
        await stop(third, person)
        # When the first has ended the second begins.
        person.app.show_run(second)
        await person.until("Train")
        await stop(first, person)
        await person.until("Inside: regions", 60)
        await person.until(lambda: waits_for(second) is None)
        # Curves of another run over this one.
        await person.press("o")
        await person.until("Lay over")
        await person.until("sine-")
        await person.press("1")
        screen = person.app.screen
        assert isinstance(screen, TrainScreen)
        await person.until(lambda: len(screen.curves.over) == 1)
        await person.until(screen.curves.over[0].directory.name[:8])
        await person.press("o")
        await person.until("none")
        await person.press("0")
        await person.until(lambda: not screen.curves.over)
        await person.press("space")
        await person.until("PAUSED")

    travel(journey, str(background("sine", "--pace", "50")))


def test_a_run_is_looked_at_resumed_and_deleted_from_home(trained: Path) -> None:
    async def journey(person: Traveller) -> None:
        await stand(person, "runs/digits-cnn")
        await person.until("state   ended: epochs")
        await person.until("epoch 2/2")
        await person.press_shown("enter", "how it went")
        await person.until("epoch 2/2")
        await person.until("16 kernels of 3×3")
        await person.press("1")
        await person.until("state   ended")
        await person.press_shown("i", "look inside")
        await person.until("‹kernels›")
        await person.press("1")
        await person.until("state   ended")
        await person.press_shown("d", "delete")
        await person.until("Delete this run?")
        await person.press("enter")  # the first way on is to keep it
        await person.until(lambda: person.app.screen is home(person))
        assert (trained / "digits-cnn").is_dir()
        await person.press("d", "y")
        await person.until(lambda: not (trained / "digits-cnn").exists())
        await person.until(lambda: not any(item.name.endswith("runs/digits-cnn") for item in home(person).items))
        assert (trained / "reverse-lstm").is_dir()

    travel(journey)


def test_the_filter_shows_what_has_the_letters() -> None:
    async def journey(person: Traveller) -> None:
        await person.until("digits-cnn")
        await person.press_shown("/", "filter")
        await person.press(*"SPIR")
        await person.until("only 'SPIR'")
        assert "spirals" in person.text and "perceptron-2d" not in person.text
        await person.press("q", "1", "t")  # letters, while somebody types
        await person.until("nothing has 'SPIRq1t' in it")
        assert "train" not in person.foot
        await person.press("enter", "enter", "t", "i", "d", "r", "down", "up")  # nothing to do it to
        await person.press("escape")
        await person.until("perceptron-2d")

    travel(journey)


def test_what_needs_a_download_says_how() -> None:
    async def journey(person: Traveller) -> None:
        await stand(person, "mnist-cnn")
        await person.until("↓ mnist-cnn")
        await person.until("mnist is not on this machine")
        await person.press("t")
        await person.until("Fetch mnist?")
        await person.until("tuinet data fetch mnist")
        await person.press("escape")
        assert not Path("runs").exists()

    travel(journey)


def test_the_dot_says_that_a_run_goes_on_wherever_one_looks() -> None:
    async def journey(person: Traveller) -> None:
        await person.until("Train ●", 60)
        await person.press("1")
        await person.until("Train ●")
        assert person.app.watched is not None
        await stop(person.app.watched, person)
        await person.until(lambda: "Train ●" not in person.text)

    travel(journey, str(background("sine", "--pace", "20")))
