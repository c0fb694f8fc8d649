"""Unpacking what comes from outside: only what was asked for, within bounds, and damage said in one line."""

import gzip
import io
import tarfile

import pytest

from tuinet.data.unpack import copy_unpacked, extract
from tuinet.errors import TuinetError

SIZES = {"a.bin": 100, "b.bin": 100}


def archive(path, *members, packed=True):
    """A tar of (name, content) pairs and ready-made TarInfo."""
    with tarfile.open(path, "w:gz" if packed else "w") as tar:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member)
            else:
                name, content = member
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return path


def link(kind, name, target):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.fixture
def target(tmp_path):
    folder = tmp_path / "target"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("packed", [True, False])
def test_takes_the_files_asked_for_and_passes_over_the_rest(tmp_path, target, packed):
    path = archive(
        tmp_path / "x",
        ("set/readme.html", b"hi"),
        ("set/a.bin", b"A" * 100),
        ("other/b.bin", b"no"),
        ("set/b.bin", b"B"),
        packed=packed,
    )
    assert extract(path, "set", SIZES, target) == ["set/readme.html", "set/a.bin", "other/b.bin", "set/b.bin"]
    assert {file.name: file.read_bytes() for file in target.iterdir()} == {"a.bin": b"A" * 100, "b.bin": b"B"}


@pytest.mark.parametrize("name", ["../a.bin", "/a.bin", "set/../a.bin", "set/../../a.bin", "set/sub/a.bin", "a.bin"])
def test_a_path_that_leads_elsewhere_is_not_taken(tmp_path, target, name):
    extract(archive(tmp_path / "x", (name, b"evil")), "set", SIZES, target)
    assert list(target.iterdir()) == [] and {path.name for path in tmp_path.iterdir()} == {"x", "target"}


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE])
def test_links_and_devices_are_refused(tmp_path, target, kind):
    path = archive(tmp_path / "x", link(kind, "set/a.bin", "/etc/passwd"))
    with pytest.raises(TuinetError, match=r"set/a\.bin is a link or a device, not a file"):
        extract(path, "set", SIZES, target)
    assert list(target.iterdir()) == []


def test_a_file_that_is_too_large_or_comes_twice_is_refused(tmp_path, target):
    with pytest.raises(TuinetError, match=r"set/a\.bin has 101 bytes; 100 are possible"):
        extract(archive(tmp_path / "x", ("set/a.bin", b"A" * 101)), "set", SIZES, target)
    with pytest.raises(TuinetError, match=r"set/a\.bin comes twice"):
        extract(archive(tmp_path / "y", ("set/a.bin", b"A"), ("set/a.bin", b"B")), "set", SIZES, target)


def test_an_archive_that_unpacks_to_far_too_much_is_refused(tmp_path, target):
    path = archive(tmp_path / "bomb", ("other", bytes(50_000_000)), ("set/a.bin", b"A"))
    assert path.stat().st_size < 100_000
    with pytest.raises(TuinetError, match=r"bomb: holds more than the .* bytes it can have"):
        extract(path, "set", SIZES, target)


def test_too_many_entries_are_refused(tmp_path, target):
    path = archive(tmp_path / "x", *((f"set/{n}", b"") for n in range(101)))
    with pytest.raises(TuinetError, match="more than 100 entries"):
        extract(path, "set", SIZES, target)


@pytest.mark.parametrize("cut", [0, 1, 10, 60])
def test_a_damaged_archive_is_one_line(tmp_path, target, cut):
    whole = archive(tmp_path / "x", ("set/a.bin", bytes(range(100))), ("set/b.bin", bytes(range(100)))).read_bytes()
    path = tmp_path / "cut"
    path.write_bytes(whole[:cut])
    with pytest.raises(TuinetError, match=r"cut: damaged or cut short") as caught:
        extract(path, "set", SIZES, target)
    assert "\n" not in caught.value.message


def test_copies_plain_and_gzipped_files_alike(tmp_path):
    content = bytes(range(256)) * 10
    (tmp_path / "plain").write_bytes(content)
    (tmp_path / "packed").write_bytes(gzip.compress(content))
    for name in ("plain", "packed"):
        copy_unpacked(tmp_path / name, tmp_path / f"{name}-copy", len(content))
        assert (tmp_path / f"{name}-copy").read_bytes() == content
    for name in ("plain", "packed"):
        with pytest.raises(TuinetError, match=rf"{name}: holds more than the 2,559 bytes"):
            copy_unpacked(tmp_path / name, tmp_path / f"{name}-short", len(content) - 1)


def test_a_damaged_gzip_is_one_line(tmp_path):
    whole = gzip.compress(bytes(range(256)))
    for name, damaged in {
        "cut": whole[:-9],
        "changed": whole[:30] + b"\xff" + whole[31:],
        "sum": whole[:-8] + b"0000" + whole[-4:],
    }.items():
        (tmp_path / name).write_bytes(damaged)
        with pytest.raises(TuinetError, match=rf"{name}: damaged or cut short"):
            copy_unpacked(tmp_path / name, tmp_path / f"{name}-copy", 1000)
