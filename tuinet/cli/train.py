"""`tuinet train`: train what an experiment describes, or go on with a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tuinet.errors import EXIT_DONE, EXIT_INTERRUPTED

if TYPE_CHECKING:
    from tuinet.cli.progress import Progress
    from tuinet.training.build import Job
    from tuinet.training.interrupts import Interrupts


@click.command("train", short_help="Train an experiment, or go on with a run.")
@click.argument("experiment", required=False)
@click.option("--resume", "run", metavar="RUN", help="Go on with a run instead; no experiment is needed.")
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change a setting: training.epochs=3.")
@click.option("--out", metavar="DIR", help="The run's directory. Default: $TUINET_RUNS or ./runs, NAME-DATE-TIME.")
@click.option(
    "--threads", type=click.IntRange(1, 1024), metavar="N", help="Cores to use; they never change the result."
)
@click.option("--json", "as_json", is_flag=True, help="One event a line on stdout, as in events.jsonl.")
@click.option("--quiet", "-q", is_flag=True, help="No progress, only the result.")
def command(
    experiment: str | None,
    run: str | None,
    changes: tuple[str, ...],
    out: str | None,
    threads: int | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Train EXPERIMENT, a recipe's name or a TOML file; or go on with a run: --resume RUN.

    Ctrl-C once finishes the step, saves and ends with exit code 130; twice ends at once.
    """
    if (experiment is None) == (run is None):
        raise click.UsageError("Name an experiment, or a run with --resume; one of the two.")
    if run is not None and out is not None:
        raise click.UsageError("--out is for a new run; --resume goes on in the run's own directory.")
    # The signals are taken before the libraries load: a Ctrl-C in between must not show where they were.
    from tuinet.training.interrupts import Interrupts

    with Interrupts() as interrupts:
        from tuinet.cli.progress import new_progress
        from tuinet.training.directory import find_run

        job: Job | None = None
        if experiment is not None:
            directory, job = _begin(experiment, changes, out)
            changes = ()
        else:
            assert run is not None
            directory = find_run(run)
        progress = new_progress(directory, as_json=as_json, quiet=quiet)
        with progress:
            _follow(progress, directory, job, threads, changes, interrupts)
    return EXIT_INTERRUPTED if progress.reason == "interrupted" else EXIT_DONE


def _begin(text: str, changes: tuple[str, ...], out: str | None) -> tuple[Path, Job]:
    """Check the experiment whole, then make the run's directory."""
    from tuinet.experiment.checked import checked_experiment
    from tuinet.readable import printable
    from tuinet.training.run import new_run

    experiment, found = checked_experiment(text, changes)
    for warning in found.report.warnings:
        click.echo(f"warning: {printable(warning)}", err=True)
    return new_run(experiment, Path.cwd(), Path(out) if out is not None else None, found.encoded)


def _follow(
    progress: Progress,
    directory: Path,
    job: Job | None,
    threads: int | None,
    changes: tuple[str, ...],
    interrupts: Interrupts,
) -> None:
    """Train and show what happens. When nobody can read it any more, the run is saved and ends, as on a signal."""
    from tuinet.training.run import train_run

    lost: list[OSError] = []

    def interrupted() -> bool:
        return bool(lost) or interrupts()

    events = train_run(directory, job=job, threads=threads, changes=changes, interrupted=interrupted)
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
