"""Files appear whole or not at all, and hold the arrays' values whatever their memory order."""

from __future__ import annotations

import signal
import stat
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.numpy import load_file

from tuinet.errors import EXIT_FAILED, EXIT_WRONG_INPUT, RunFailedError, TuinetError
from tuinet.files.atomic import replacing, write_bytes
from tuinet.files.header import MAX_METADATA
from tuinet.files.reader import read_tensors
from tuinet.files.writer import write_tensors

OLD = {"a": np.arange(4, dtype=np.float32)}


def names_in(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def run(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_library_reads_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    tensors = {
        "transposed": np.arange(6, dtype=np.float32).reshape(2, 3).T,
        "every second": np.arange(10.0)[::2],
        "backwards": np.arange(3)[::-1],
        "one value": np.array(2.5, np.float32),
        "none": np.zeros((2, 0), np.float32),
        "bytes": np.arange(5, dtype=np.uint8),
    }
    write_tensors(path, tensors, {"tuinet": "{}"})
    for read in (load_file(path), read_tensors(path)[0]):
        assert read.keys() == tensors.keys()
        for name, array in tensors.items():
            assert read[name].shape == array.shape
            assert read[name].dtype == array.dtype
            assert (read[name] == array).all()


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    tensors=st.dictionaries(
        st.text(max_size=8).filter(lambda name: name != "__metadata__"),
        hnp.arrays(
            st.sampled_from([np.float32, np.float64, np.int64, np.uint8]), hnp.array_shapes(min_dims=0, min_side=0)
        ),
        max_size=4,
    ),
    text=st.text(max_size=50),
)
def test_round_trip(tmp_path: Path, tensors: dict[str, np.ndarray], text: str) -> None:
    path = tmp_path / "a.safetensors"
    write_tensors(path, tensors, {"tuinet": text})
    read, metadata = read_tensors(path)
    assert metadata == {"tuinet": text}
    assert {name: (array.shape, array.dtype, array.tobytes()) for name, array in read.items()} == {
        name: (array.shape, array.dtype, array.tobytes()) for name, array in tensors.items()
    }


def test_equal_tensors_are_equal_files_in_any_order(tmp_path: Path) -> None:
    names = ["b", "a", "c"]
    for index, order in enumerate((names, names[::-1])):
        write_tensors(tmp_path / str(index), dict.fromkeys(order, OLD["a"]), {"tuinet": "x"})
    assert (tmp_path / "0").read_bytes() == (tmp_path / "1").read_bytes()


def test_a_dtype_that_could_not_be_read_again_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="float16"):
        write_tensors(tmp_path / "a", {"a": np.zeros(1, np.float16)}, {})
    with pytest.raises(TuinetError, match=r"16\.0 MB of metadata"):
        write_tensors(tmp_path / "a", OLD, {"tuinet": "x" * MAX_METADATA})
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_the_old_file_whole(tmp_path: Path) -> None:
    """The system itself refuses the bytes beyond 100,000, as a full disk does."""
    path = tmp_path / "a.safetensors"
    write_tensors(path, OLD, {"tuinet": "old"})
    before = path.read_bytes()
    code = """
        import resource, sys
        from pathlib import Path
        import numpy as np
        from tuinet.errors import TuinetError
        from tuinet.files.writer import write_tensors
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        try:
            write_tensors(Path(sys.argv[1]), {"a": np.zeros(100_000, np.float32)}, {"tuinet": "new"})
        except TuinetError as error:
            print(error)
            sys.exit(error.exit_code)
    """
    done = run(code, path)
    assert done.returncode == EXIT_FAILED, done.stderr
    assert f"{path}: could not be written: File too large" in done.stdout
    assert path.read_bytes() == before
    assert names_in(tmp_path) == ["a.safetensors"]


def test_an_error_half_way_leaves_the_old_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_bytes(path, b"old")

    def fail_half_way() -> None:
        with replacing(path) as temporary:
            temporary.write_bytes(b"half")
            raise KeyError

    with pytest.raises(KeyError):
        fail_half_way()
    assert path.read_bytes() == b"old"
    assert names_in(tmp_path) == ["a.txt"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_what_the_system_says_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_bytes(path, b"old")
    with (
        pytest.raises(RunFailedError, match=r"a\.txt: could not be written: No space left on device"),
        replacing(path),
        Path("/dev/full").open("wb") as full,
    ):
        full.write(b"x")
    assert path.read_bytes() == b"old"
    assert names_in(tmp_path) == ["a.txt"]


def test_a_kill_half_way_leaves_the_old_file_whole_and_the_next_write_clears_up(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_bytes(path, b"old")
    code = """
        import sys, time
        from pathlib import Path
        from tuinet.files.atomic import replacing
        with replacing(Path(sys.argv[1])) as temporary:
            temporary.write_bytes(b"half")
            print("now", flush=True)
            time.sleep(60)
    """
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), str(path)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    with child, child.stdout:
        assert child.stdout.readline() == "now\n"
        assert path.read_bytes() == b"old"
        write_bytes(path, b"newer")  # what a living writer has begun is left alone
        assert len(names_in(tmp_path)) == 2
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert path.read_bytes() == b"newer"
    assert len(names_in(tmp_path)) == 2
    write_bytes(path, b"last")
    assert names_in(tmp_path) == ["a.txt"]
    assert path.read_bytes() == b"last"


def test_a_kill_at_any_moment_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    code = """
        import sys
        from pathlib import Path
        import numpy as np
        from tuinet.files.writer import write_tensors
        n = 0
        while True:
            n += 1
            write_tensors(Path(sys.argv[1]), {"a": np.full(300_000, n, np.float32)}, {"tuinet": str(n)})
            print(n, flush=True)
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(path)]
    for pause in np.random.default_rng(0).uniform(0, 0.03, 5):
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        with child, child.stdout:
            child.stdout.readline()
            time.sleep(pause)
            child.kill()
        tensors, metadata = read_tensors(path)
        assert (tensors["a"] == float(metadata["tuinet"])).all()
    write_tensors(path, OLD, {})
    assert names_in(tmp_path) == ["a.safetensors"]


def test_permissions_are_those_of_any_new_file(tmp_path: Path) -> None:
    plain, ours, tensors = tmp_path / "plain", tmp_path / "ours", tmp_path / "tensors"
    plain.touch()
    write_bytes(ours, b"x")
    write_tensors(tensors, OLD, {})
    for path in (ours, tensors):
        assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_a_link_is_written_through(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    target = tmp_path / "elsewhere" / "a.txt"
    target.write_bytes(b"old")
    link = tmp_path / "link"
    link.symlink_to(target)
    write_bytes(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_names_that_can_be_no_file(tmp_path: Path) -> None:
    with pytest.raises(TuinetError, match="is a folder"):
        write_bytes(tmp_path, b"")
    with pytest.raises(TuinetError, match="there is no folder"):
        write_bytes(tmp_path / "none" / "a", b"")
    (tmp_path / "file").touch()
    with pytest.raises(TuinetError, match="there is no folder"):
        write_bytes(tmp_path / "file" / "a", b"")
    with pytest.raises(TuinetError, match="could not be written: File name too long") as caught:
        write_bytes(tmp_path / ("n" * 250), b"")
    assert caught.value.exit_code == EXIT_WRONG_INPUT
    assert names_in(tmp_path) == ["file"]
