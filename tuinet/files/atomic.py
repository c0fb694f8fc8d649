"""Files that appear whole or not at all: written in a folder beside the target, then renamed."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
import stat
from collections.abc import Generator
from pathlib import Path

from tuinet.errors import RunFailedError, TuinetError

UNCHANGED = "What was there before is unchanged."

_WRONG_PATH = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR)


@contextlib.contextmanager
def replacing(path: Path) -> Generator[Path, None, None]:
    """Write the file under the name handed out; leaving without an error renames it to `path`.

    Until then whatever was at `path` stays whole, whether the disk is full, the process is killed or the power fails:
    the content is on the disk before its name changes. A link is written through, not replaced.
    Raises TuinetError if `path` cannot be a file here, RunFailedError if it could not be written (a full disk).
    """
    try:
        target = _target(path)
        remove_leftovers(target)
        # A folder of its own, for a library that writes may itself use names beside the one it is given.
        folder = target.with_name(f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
        try:
            folder.mkdir()
            temporary = folder / target.name
            temporary.touch()
            mode = stat.S_IMODE(temporary.stat().st_mode)
            yield temporary
            temporary.chmod(mode)  # the same library makes files that only their owner may read
            _sync(temporary)
            temporary.replace(target)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    except OSError as error:
        kind = TuinetError if error.errno in _WRONG_PATH else RunFailedError
        raise kind(f"{path}: could not be written: {error.strerror or error}", UNCHANGED) from error
    with contextlib.suppress(OSError):  # the new name lasts too; some systems cannot sync a folder
        _sync(target.parent)


def write_bytes(path: Path, content: bytes) -> None:
    """`content` at `path`, whole or not at all. Raises as `replacing`."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def _target(path: Path) -> Path:
    target = path.resolve()
    if target.is_dir():
        raise TuinetError(f"{path}: is a folder; a file's name is needed")
    if not target.parent.is_dir():
        raise TuinetError(f"{path}: there is no folder {target.parent}", "Make it first, or write elsewhere.")
    return target


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_leftovers(target: Path) -> None:
    """What writers of this file left behind when they were killed."""
    if os.name != "posix":
        return
    pattern = re.compile(re.escape(f".{target.name}.") + r"(\d{1,9})-[0-9a-f]{8}\.tmp")
    for entry in target.parent.iterdir():
        match = pattern.fullmatch(entry.name)
        if match and not _alive(int(match[1])):
            shutil.rmtree(entry, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # it is there, but not ours
    return True
