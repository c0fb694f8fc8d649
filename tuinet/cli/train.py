"""`tuinet train`: train what an experiment describes, or go on with a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from tuinet.errors import EXIT_DONE, EXIT_INTERRUPTED

if TYPE_CHECKING:
    from tuinet.cli.progress import Progress
    from tuinet.data.encoding import EncodedDataset
    from tuinet.experiment.spec import Experiment
    from tuinet.training.build import Job
    from tuinet.training.interrupts import Interrupts


class Asked(NamedTuple):
    """How it is to be trained."""

    changes: tuple[str, ...]
    threads: int | None
    pace: float | None
    after: str | None


@click.command("train", short_help="Train an experiment, or go on with a run.")
@click.argument("experiment", required=False)
@click.option("--resume", "run", metavar="RUN", help="Go on with a run instead; no experiment is needed.")
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change a setting: training.epochs=3.")
@click.option("--out", metavar="DIR", help="The run's directory. Default: $TUINET_RUNS or ./runs, NAME-DATE-TIME.")
@click.option(
    "--threads", type=click.IntRange(1, 1024), metavar="N", help="Cores to use; they never change the result."
)
@click.option("--pace", type=float, metavar="N", help="Steps a second to begin with; 0: as fast as it goes.")
@click.option("--after", metavar="RUN", help="Begin when nobody trains that run any more; until then, wait.")
@click.option("--detach", is_flag=True, help="Train in the background: print the run's directory and return.")
@click.option("--json", "as_json", is_flag=True, help="One event a line on stdout, as in events.jsonl.")
@click.option("--quiet", "-q", is_flag=True, help="No progress, only the result.")
def command(
    experiment: str | None,
    run: str | None,
    changes: tuple[str, ...],
    out: str | None,
    threads: int | None,
    pace: float | None,
    after: str | None,
    detach: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Train EXPERIMENT, a recipe's name or a TOML file; or go on with a run: --resume RUN.

    Ctrl-C once finishes the step, saves and ends with exit code 130; twice ends at once. With --detach neither Ctrl-C
    nor the end of the terminal reaches the run; `tuinet runs` steers it, and its words are in its log.txt.
    """
    if (experiment is None) == (run is None):
        raise click.UsageError("Name an experiment, or a run with --resume; one of the two.")
    if run is not None and out is not None:
        raise click.UsageError("--out is for a new run; --resume goes on in the run's own directory.")
    asked = Asked(changes, threads, pace, after)
    if detach:
        return _detach(experiment, run, out, asked, as_json)
    # The signals are taken before the libraries load: a Ctrl-C in between must not show where they were.
    from tuinet.training.interrupts import Interrupts

    with Interrupts() as interrupts:
        from tuinet.cli.progress import new_progress

        asked = _possible(asked)
        directory, job = _begin(experiment, run, out, asked)
        progress = new_progress(directory, as_json=as_json, quiet=quiet)
        with progress:
            _follow(progress, directory, job, asked, interrupts, new=run is None)
    return EXIT_INTERRUPTED if progress.reason == "interrupted" else EXIT_DONE


def _begin(experiment: str | None, run: str | None, out: str | None, asked: Asked) -> tuple[Path, Job | None]:
    """Check whole what is asked, then make the directory of a new run."""
    from tuinet.training.directory import find_run
    from tuinet.training.run import lay_out, new_run

    if experiment is None:
        assert run is not None
        return find_run(run), None
    place = Path(out) if out is not None else None
    checked, encoded = _checked(experiment, asked)
    if asked.after is not None:  # what was read to check it would only take memory until its turn
        return lay_out(checked, Path.cwd(), place), None
    return new_run(checked, Path.cwd(), place, encoded)


def _checked(experiment: str, asked: Asked) -> tuple[Experiment, EncodedDataset | None]:
    """The experiment, and its data if they had to be read for it; warnings go to stderr."""
    from tuinet.experiment.checked import checked_experiment
    from tuinet.readable import printable

    checked, found = checked_experiment(experiment, asked.changes)
    for warning in found.report.warnings:
        click.echo(f"warning: {printable(warning)}", err=True)
    return checked, found.encoded


def _possible(asked: Asked) -> Asked:
    """The same with the directory of the run that is waited for. Raises TuinetError for what cannot be."""
    from tuinet.training.control import pace_line
    from tuinet.training.directory import find_run

    if asked.pace is not None:
        pace_line(asked.pace)
    return asked if asked.after is None else asked._replace(after=str(find_run(asked.after)))


def _follow(
    progress: Progress, directory: Path, job: Job | None, asked: Asked, interrupts: Interrupts, new: bool
) -> None:
    """Train and show what happens. When nobody can read it any more, the run is saved and ends, as on a signal."""
    from tuinet.training.run import train_run

    lost: list[OSError] = []

    def interrupted() -> bool:
        return bool(lost) or interrupts()

    events = train_run(
        directory,
        job=job,
        threads=asked.threads,
        changes=() if new else asked.changes,
        interrupted=interrupted,
        pace=asked.pace,
        after=Path(asked.after) if asked.after is not None else None,
        commands_from=0 if new else None,
    )
    try:
        for event in events:
            progress.note(event)
            try:
                if not lost:
                    progress.show(event)
            except OSError as error:  # a closed pipe, or a terminal that is gone
                lost.append(error)
    finally:
        events.close()
    if lost and not interrupts():
        raise lost[0]


def _detach(experiment: str | None, run: str | None, out: str | None, asked: Asked, as_json: bool) -> int:
    """Check as if it were trained here, then have it trained in the background."""
    from tuinet.cli.output import write_json
    from tuinet.readable import printable
    from tuinet.training.directory import find_run
    from tuinet.training.start import resume, start, wait_until_there

    asked = _possible(asked)
    words = [word for change in asked.changes for word in ("--set", change)]
    for option, value in (("--threads", asked.threads), ("--pace", asked.pace), ("--after", asked.after)):
        words += [] if value is None else [option, str(value)]
    if experiment is None:
        assert run is not None
        started = resume(find_run(run), words)
    else:
        checked, _ = _checked(experiment, asked)
        started = start([experiment, *words], checked.name, Path(out) if out is not None else None)
    wait_until_there(started)
    if as_json:
        write_json({"run": str(started.directory), "pid": started.process.pid})
    else:
        click.echo(printable(started.directory))
    return EXIT_DONE
