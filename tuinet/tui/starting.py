"""Beginning a run from a screen: checked first, by itself or behind the one that is going on, at a pace to watch."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tuinet.errors import TuinetError
from tuinet.tui.fetching import ask_to_fetch
from tuinet.tui.popup import Choose, Option, Read, paragraphs

if TYPE_CHECKING:
    from tuinet.experiment.check import Report
    from tuinet.experiment.spec import Experiment
    from tuinet.training.start import Started
    from tuinet.tui.app import TuinetApp

PACES = (1, 5, 20, 50, 100, 200, 500, 1000)
"""Steps a second that can be chosen; beyond the last it goes as fast as it can."""

SHORT, SHOWN = 10.0, 40.0
"""A run that would be over in so many seconds begins at the pace that makes it last about that long."""

A_STEP, WORK_A_SECOND = 5e-4, 1e10
"""A step's least time in seconds, and the multiply-adds of training a core does in one: a rough guess is enough."""

BESIDE = "Two runs share the cores of this machine: each is then about half as fast."


class Plan(NamedTuple):
    """What to start: an experiment's name, how it begins with more arguments, the pace (0: as fast as it goes), the
    runs that are going on."""

    name: str
    begin: Callable[[list[str]], Started]
    pace: int
    alive: tuple[Path, ...]


def pace_for(report: Report) -> int:
    """The pace at which a run begins that would be over before anybody had seen it; 0 for all others."""
    work = report.totals.multiply_adds if report.totals is not None else 0
    length = report.data.length if report.data.sequence else 1.0
    data = report.data
    batch = data.samples.get("train", 1) / max(1, data.steps_per_epoch)
    seconds = data.steps * (A_STEP + 3 * work * length * batch / WORK_A_SECOND)
    if seconds >= SHORT:
        return 0
    return next((pace for pace in PACES if report.data.steps / pace <= SHOWN), 0)


def start_recipe(app: TuinetApp, name: str) -> None:
    """Check the experiment, ask what the run is to wait for, start it, and show it."""

    def begin(arguments: list[str]) -> Started:
        from tuinet.training.start import start

        return start([name, *arguments], name)

    _start_check(app, name, None, begin)


def start_experiment(app: TuinetApp, experiment: Experiment) -> None:
    """The same for an experiment that lies in no file: its run has it."""

    def begin(arguments: list[str]) -> Started:
        from tuinet.training.run import lay_out
        from tuinet.training.start import resume

        return resume(lay_out(experiment, Path.cwd()), arguments)

    _start_check(app, experiment.name, experiment, begin)


def _start_check(
    app: TuinetApp, name: str, experiment: Experiment | None, begin: Callable[[list[str]], Started]
) -> None:
    work = partial(_check, app, name, experiment, begin)
    app.run_worker(work, thread=True, exclusive=True, group="start")


def _check(app: TuinetApp, name: str, experiment: Experiment | None, begin: Callable[[list[str]], Started]) -> None:
    from tuinet.experiment.checked import problem_lines, read_experiment, report_on
    from tuinet.experiment.costs import kind_of
    from tuinet.training.runs import list_runs

    try:
        found = experiment if experiment is not None else read_experiment(name)
        report, fetch, _ = report_on(found)
    except (TuinetError, OSError) as error:
        app.call_from_thread(_say, app, f"{name} cannot be trained", str(error))
        return
    if fetch:
        again = partial(_start_check, app, name, experiment, begin)
        app.call_from_thread(ask_to_fetch, app, kind_of(found.data.source), again)
        return
    if report.problems:
        app.call_from_thread(_say, app, f"{name} cannot be trained", problem_lines(report))
        return
    alive = tuple(Path(run.directory) for run in list_runs() if run.state in ("running", "paused", "waiting"))
    app.call_from_thread(_ask, app, Plan(name, begin, pace_for(report), alive))


def _say(app: TuinetApp, title: str, text: str) -> None:
    app.push_screen(Read(title, paragraphs(text, min(68, app.size.width - 8))))


def _ask(app: TuinetApp, plan: Plan) -> None:
    """Where a run is going on, the new one waits for it, unless somebody wants both at once."""
    if not plan.alive:
        _begin(app, plan, None)
        return
    last = _behind_all(plan.alive)

    def answered(answer: str | None) -> None:
        if answer in ("after", "beside"):
            _begin(app, plan, last if answer == "after" else None)

    options = (
        Option("q", f"queue {plan.name} behind it", "after"),
        Option("r", "run beside it", "beside"),
        Option("b", "back", "back"),
    )
    app.push_screen(Choose("A run is going on", f"{last} is being trained. {BESIDE}", options), answered)


def _behind_all(alive: tuple[Path, ...]) -> Path:
    """The run that no other waits for: two that wait for the same one would begin at once."""
    from tuinet.training.directory import waits_for

    waited_for = {found.resolve() for run in alive if (found := waits_for(run)) is not None}
    return next((run for run in alive if run.resolve() not in waited_for), alive[0])


def _begin(app: TuinetApp, plan: Plan, after: Path | None) -> None:
    arguments = ["--pace", str(plan.pace)] if plan.pace else []
    arguments += ["--after", str(after)] if after is not None else []
    try:
        started = plan.begin(arguments)
    except (TuinetError, OSError) as error:
        app.complain(error)
        return
    app.started(started)


def go_on(app: TuinetApp, directory: Path) -> None:
    """Go on with a run that has stopped; with half the learning rate where its loss was no number any more."""
    from tuinet.training.feed import Feed
    from tuinet.training.start import resume

    feed = Feed(directory)
    feed.read()
    rate = feed.rate if feed.failed is not None else None
    try:
        app.started(resume(directory, ["--set", f"training.optimizer.rate={rate / 2:g}"] if rate else []))
    except (TuinetError, OSError) as error:
        app.complain(error)
