"""Fetching a data set: from its authors' mirrors, from another mirror, or from a folder of this machine.

A set appears in the data folder whole or not at all: it is gathered in a hidden folder beside its place and renamed.
What comes over the net must have the set's SHA-256. A folder that a person names may hold something else of the same
form (a part of the set, say): it is read by the strict readers first, and marked as not official.
"""

from __future__ import annotations

import difflib
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from tuinet.data.fetched import Cifar10, FashionMnist, Fetched, FetchRecord, FileRecord, Mnist, read_record
from tuinet.data.fetched_text import EngFra, Multi30k, Sst2, TinyShakespeare
from tuinet.data.gather import Progress, file_record, gather
from tuinet.data.kept import RECORD, data_folder
from tuinet.data.official import OFFICIAL
from tuinet.errors import RunFailedError, TuinetError

FETCHED: dict[str, type[Fetched]] = {
    kind.official.name: kind for kind in (Mnist, FashionMnist, Cifar10, EngFra, Multi30k, Sst2, TinyShakespeare)
}

STALE_SECONDS = 24 * 3600
"""A gathering folder untouched for so long was left by a process that was killed."""


def fetch(name: str, origin: str | None = None, progress: Progress | None = None) -> Path:
    """Put the set `name` into the data folder and return its folder there.

    origin  None: the authors' mirrors (nothing is done if the set is there and undamaged);
            http://… or https://…: another mirror, which must hold the official files, gzipped or not;
            else a folder (or an archive) of this machine, gzipped or not, unpacked or not.

    Raises TuinetError if the name or the origin is wrong or what lies there is not the set, RunFailedError if no
    mirror could be reached or the disk is full. Then nothing has changed.
    """
    if name not in OFFICIAL:
        near = difflib.get_close_matches(name, OFFICIAL, 1)
        raise TuinetError(
            f"{name} is no set that is fetched" + (f": did you mean {near[0]}?" if near else ""),
            f"these are: {', '.join(OFFICIAL)}",
        )
    target = data_folder() / name
    if origin is None and is_intact(name):
        return target
    try:
        with _hidden_folder(name) as place:
            contents = place / "contents"
            contents.mkdir()
            whence, matched = gather(OFFICIAL[name], origin, contents, progress or _no_progress)
            _check_form(name, contents, whence)
            files = {path.name: file_record(path) for path in sorted(contents.iterdir())}
            _refuse_other_set(name, files, whence)
            record = msgspec.json.encode(FetchRecord(name, whence, matched, files))
            (contents / RECORD).write_bytes(msgspec.json.format(record) + b"\n")
            _put(contents, target, place / "before")
    except OSError as error:
        where = error.filename or target
        raise RunFailedError(f"{where}: {error.strerror or error}", f"{name} was not fetched") from error
    return target


def is_intact(name: str) -> bool:
    """Whether the set is in the data folder with every file as it was when fetched. Reads them all."""
    record = read_record(name)
    folder = data_folder() / name
    try:
        return record is not None and all(file_record(folder / file) == kept for file, kept in record.files.items())
    except OSError:
        return False


def _check_form(name: str, contents: Path, whence: str) -> None:
    """Raises TuinetError unless the strict readers can read the set."""
    try:
        FETCHED[name]().read(contents)
    except TuinetError as error:
        message = error.message.replace(f"{contents}/", "").replace(f"{contents}: ", "")
        raise TuinetError(f"{whence}: {message}", error.hint) from error


def _refuse_other_set(name: str, files: Mapping[str, FileRecord], whence: str) -> None:
    """MNIST's files and Fashion-MNIST's have the same names and the same form."""
    found = {file.sha256 for file in files.values()}
    for other, official in OFFICIAL.items():
        if other != name and {content.sha256 for content in official.contents} <= found:
            raise TuinetError(f"{whence}: this is {other}, not {name}", f"tuinet data fetch {other} --from {whence}")


@contextmanager
def _hidden_folder(name: str) -> Iterator[Path]:
    """A folder beside the set's place, gone afterwards whatever happens. Sweeps away what a killed process left."""
    root = data_folder()
    root.mkdir(parents=True, exist_ok=True)
    for left in root.glob(f".{name}-*"):
        if time.time() - max(path.stat().st_mtime for path in (left, *left.rglob("*"))) > STALE_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=root, ignore_cleanup_errors=True) as place:
        yield Path(place)


def _put(contents: Path, target: Path, before: Path) -> None:
    """Rename the gathered folder into place; what was there before goes away with the hidden folder."""
    if target.exists():
        target.replace(before)
    try:
        contents.replace(target)
    except OSError:
        if before.exists():
            before.replace(target)
        raise


def _no_progress(name: str, done: int, total: int) -> None:
    pass
