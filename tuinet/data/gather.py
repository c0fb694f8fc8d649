"""Gathering a set's files in one folder, unpacked: from mirrors, or from a folder of this machine."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import file_digest
from pathlib import Path
from urllib.parse import urlsplit

from tuinet.data.download import DownloadError, download, public
from tuinet.data.fetched import FileRecord
from tuinet.data.kept import user_path
from tuinet.data.official import Official, Package
from tuinet.data.unpack import copy_unpacked, extract
from tuinet.errors import RunFailedError, TuinetError

Progress = Callable[[str, int, int], None]
"""Called with a file's name, the bytes that have come, and the bytes in all."""


def gather(official: Official, origin: str | None, contents: Path, progress: Progress) -> tuple[str, bool]:
    """All files of the set into the folder `contents`. Returns where they came from, and whether they are official.

    origin  None: the authors' mirrors; a URL: this mirror; else a path of this machine. See fetch.fetch.
    """
    if origin is not None and "://" not in origin:
        place = user_path(origin).resolve()
        folder = _folder_of(official, place)
        matched = [_take_local(package, folder, contents, progress) for package in official.packages]
        return str(place), all(matched)
    if not official.mirrors:
        raise TuinetError(
            "this set cannot be downloaded by itself: the file that is published changes, so no hash tells it",
            f"get it from {official.page}, unpack it and give its folder: --from FOLDER",
        )
    mirrors = official.mirrors if origin is None else (_checked_url(origin),)
    used = {_take_from_mirrors(package, mirrors, contents, progress) for package in official.packages}
    return ", ".join(sorted(used)), True


def file_record(path: Path) -> FileRecord:
    with path.open("rb") as file:
        return FileRecord(path.stat().st_size, file_digest(file, "sha256").hexdigest())


def _take_from_mirrors(package: Package, mirrors: tuple[str, ...], contents: Path, progress: Progress) -> str:
    """One package from the first mirror that has it right; returns the mirror.

    Raises what went wrong if there is one mirror, else RunFailedError with all reasons.
    """
    failures: list[TuinetError] = []
    arrived = contents.parent / package.name
    for mirror in mirrors:
        try:
            _receive(package, mirror, arrived, progress)
            if _unpack(package, arrived, contents, str(arrived)):
                return public(mirror)
            found = file_record(arrived).sha256
            raise TuinetError(
                f"{arrived} is not the official file: its SHA-256 is {found}, not {package.sha256}",
                "use another mirror; a copy that you trust can be given as a folder: --from FOLDER",
            )
        except TuinetError as error:
            # What is wrong with the file is wrong with what lies on the mirror.
            error.message = error.message.replace(str(arrived), f"{public(mirror)}: {package.name}")
            failures.append(error)
        arrived.unlink(missing_ok=True)
        for content in package.contents:
            (contents / content.name).unlink(missing_ok=True)
    if len(failures) == 1:
        raise failures[0]
    reasons = "; ".join(failure.message for failure in failures)
    raise RunFailedError(
        f"{package.name} could not be downloaded: {reasons}",
        "try again later, or take it from another mirror or a folder: --from DIR_OR_URL",
    )


def _receive(package: Package, mirror: str, arrived: Path, progress: Progress) -> None:
    """Download a package, packed or (a .gz only) unpacked, from a mirror or from the URL of the file itself."""
    if package.archive and mirror.endswith((".tar.gz", ".tgz", ".tar")):
        urls = [mirror]
    else:
        stem = mirror.rstrip("/")
        urls = [f"{stem}/{package.name}"]
        if package.contents[0].sha256 and not package.archive:
            urls.append(f"{stem}/{package.contents[0].name}")
    for url in urls:
        try:
            download(url, arrived, package.limit, lambda done: progress(package.name, done, max(done, package.size)))
            return
        except DownloadError as error:
            if error.status != 404 or url == urls[-1]:
                raise


def _folder_of(official: Official, place: Path) -> Path:
    """The folder to look in. A set of one file may be given by the file itself, if it has the file's name."""
    names = {official.packages[0].name, f"{official.packages[0].contents[0].name}.gz"}
    alone = len(official.packages) == 1 and not official.packages[0].archive
    return place.parent if alone and place.is_file() and place.name in names else place


def _take_local(package: Package, folder: Path, contents: Path, progress: Progress) -> bool:
    """One package from a folder of this machine. Returns whether it is the official one."""
    if not folder.exists():
        raise TuinetError(
            f"there is no folder {folder}", "give --from a folder with the set's files, or a mirror's URL"
        )
    packed = _find_package(package, folder)
    if packed is not None:
        matched = _unpack(package, packed, contents, str(packed))
    else:
        for content in package.contents:
            path = _find_content(package, content.name, folder)
            if path is not None:
                copy_unpacked(path, contents / content.name, content.size)
            elif content.required:
                raise _missing(package, content.name, folder)
        matched = _contents_match(package, contents)
    progress(package.name, package.size, package.size)
    return matched


def _find_package(package: Package, folder: Path) -> Path | None:
    """The archive or .gz that `folder` is or holds."""
    if folder.is_file():
        if package.archive:
            return folder
        raise TuinetError(f"{folder} is a file, not a folder with {package.name}", "give the folder it lies in")
    if (folder / package.name).is_file():
        return folder / package.name
    if not package.archive or any((folder / part / "test_batch.bin").exists() for part in ("", package.folder)):
        return None
    found = sorted(path for path in folder.glob("*.tar*") if path.is_file() and path.suffix in (".gz", ".tar"))
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise TuinetError(f"{folder} holds several archives: {names}", "give the right one: --from FILE")
    return found[0] if found else None


def _find_content(package: Package, name: str, folder: Path) -> Path | None:
    """The file, mostly unpacked: in the folder or the archive's folder within; some tools write a dot for the dash."""
    inside = folder / package.folder
    choices = [folder / name, inside / name, folder / name.replace("-idx", ".idx"), folder / f"{name}.gz"]
    return next((path for path in choices if path.is_file()), None)


def _missing(package: Package, name: str, folder: Path) -> TuinetError:
    if not package.archive:
        return TuinetError(
            f"{folder} has neither {name}.gz nor {name}", "every file of the set is needed, gzipped or not"
        )
    if any((folder / part).exists() for part in ("data_batch_1", "cifar-10-batches-py")):
        return _pickled(folder, package)
    return TuinetError(
        f"{folder} has neither {package.name} nor {name}", f"give the folder with the archive, or {package.folder}/"
    )


def _unpack(package: Package, packed: Path, contents: Path, origin: str) -> bool:
    """A package's files into `contents`. Returns whether they are the official ones."""
    if package.archive:
        sizes = {content.name: content.size for content in package.contents}
        entries = extract(packed, package.folder, sizes, contents)
        for content in package.contents:
            if content.required and not (contents / content.name).is_file():
                if any("batches-py" in entry for entry in entries):
                    raise _pickled(origin, package)
                raise TuinetError(f"{origin}: the archive has no {package.folder}/{content.name}")
    else:
        content = package.contents[0]
        copy_unpacked(packed, contents / content.name, content.size)
    return (bool(package.sha256) and file_record(packed).sha256 == package.sha256) or _contents_match(package, contents)


def _pickled(where: Path | str, package: Package) -> TuinetError:
    return TuinetError(
        f"{where}: this is CIFAR-10's Python version, pickled files: opening one can run any program hidden in it",
        f"take the binary version, {package.name}, from the same page",
    )


def _contents_match(package: Package, contents: Path) -> bool:
    """Whether every file is there and has the official hash; False too where no hash of the unpacked file is known."""
    paths = [(contents / content.name, content.sha256) for content in package.contents]
    return all(path.is_file() and file_record(path).sha256 == digest for path, digest in paths)


def _checked_url(url: str) -> str:
    if urlsplit(url).scheme not in ("http", "https"):
        raise TuinetError(f"{url}: only http and https are supported", "or give a folder of this machine")
    return url
