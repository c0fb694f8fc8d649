"""The files of Build: opened, saved with the comments they had; and the command that does the same."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tuinet.errors import TuinetError
from tuinet.tui.draft import Draft
from tuinet.tui.popup import Ask, Choose, Option

if TYPE_CHECKING:
    from tuinet.tui.screens.changes import Changes


def ask_to_open(screen: Changes) -> None:
    """A recipe's name, a TOML file, a run's folder, a model."""

    def answered(text: str | None) -> None:
        if text:
            screen.begin(text.strip())

    words = "A recipe's name, an experiment's .toml file, a run's folder, or a model to train again, changed."
    screen.app.push_screen(Ask("Open", words, "", files=True), answered)


def ask_to_save(screen: Changes) -> None:
    draft = screen.draft
    if draft is None:
        return

    def answered(text: str | None) -> None:
        if text:
            path = Path(text.strip()).expanduser()
            save(screen, path if path.suffix else path.with_suffix(".toml"))

    name = str(draft.path) if draft.path is not None else new_name(draft)
    screen.app.push_screen(Ask("Save the experiment", "Comments of a file that was opened stay.", name), answered)


def save(screen: Changes, path: Path) -> None:
    """Whole or not at all; another file of that name is only written over when that is wished."""
    draft = screen.draft
    assert draft is not None
    if path != draft.path and (path.exists() or path.is_symlink()):

        def answered(answer: str | None) -> None:
            if answer == "yes":
                _write(screen, draft, path)

        options = (Option("n", "keep it", "no"), Option("y", "write over it", "yes"))
        screen.app.push_screen(Choose("Write over it?", f"{path} is already there.", options), answered)
        return
    _write(screen, draft, path)


def _write(screen: Changes, draft: Draft, path: Path) -> None:
    from tuinet.files.atomic import write_bytes

    try:
        text = written(draft, path)
        write_bytes(path, text.encode())
    except (TuinetError, OSError) as error:
        screen.tui.complain(error)
        return
    draft.path, draft.text, draft.saved = path, text, draft.experiment
    screen.tui.tell(f"wrote {path}")
    screen.fill()


def written(draft: Draft, path: Path) -> str:
    """The file's text: the one that was opened, changed as little as possible, or a new one."""
    from tuinet.experiment.decode import encode
    from tuinet.experiment.toml_file import updated

    if not draft.text:
        return encode(draft.experiment)
    return updated(draft.text, draft.experiment, path.parent.resolve())


def command_words(draft: Draft) -> str:
    """The command line that trains this experiment."""
    from tuinet.experiment.command import command_for

    return command_for(draft.experiment, str(draft.path) if draft.path is not None else draft.recipe or new_name(draft))


def new_name(draft: Draft) -> str:
    """The file that an experiment without one would be saved to."""
    return f"{draft.experiment.name}.toml"
