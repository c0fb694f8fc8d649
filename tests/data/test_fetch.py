"""Fetching: from a folder, from a server on 127.0.0.1 in all its moods; whole or not at all."""

import gzip
import io
import os
import struct
import tarfile
import threading
import time
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from tuinet.data.dataset import SPLITS
from tuinet.data.fetch import fetch, is_intact
from tuinet.data.fetched import Cifar10, FashionMnist, Mnist, NotFetchedError, read_record
from tuinet.data.official import (
    OFFICIAL,
    TEST_IMAGES,
    TEST_LABELS,
    TRAIN_IMAGES,
    TRAIN_LABELS,
    Content,
    Official,
    Package,
)
from tuinet.errors import RunFailedError, TuinetError

HERE = Path()


TEXT = b"First Citizen:\nBefore we proceed any further, hear me speak.\n" * 5


def idx(values):
    return struct.pack(f">BBBB{values.ndim}I", 0, 0, 8, values.ndim, *values.shape) + values.tobytes()


def mnist_files(seed=0, size=28):
    """A set of MNIST's form: 20 training and 10 test images of noise."""
    rng = np.random.default_rng(seed)
    return {
        TRAIN_IMAGES: idx(rng.integers(0, 256, (20, size, size), np.uint8)),
        TRAIN_LABELS: idx(np.arange(20, dtype=np.uint8) % 10),
        TEST_IMAGES: idx(rng.integers(0, 256, (10, size, size), np.uint8)),
        TEST_LABELS: idx(np.arange(10, dtype=np.uint8)),
    }


def cifar_files(seed=0):
    rng = np.random.default_rng(seed)
    records = rng.integers(0, 256, (30, 3073), np.uint8)
    records[:, 0] = np.arange(30) % 10
    return {"data_batch_1.bin": records[:20].tobytes(), "test_batch.bin": records[20:].tobytes()}


def tar_gz(files, folder="cifar-10-batches-bin/"):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(folder + name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def digest(content):
    return sha256(content).hexdigest()


class Server:
    """Serves `files`; `mood` says how, by path. Remembers what it was asked for."""

    def __init__(self):
        self.files: dict[str, bytes] = {}
        self.mood: dict[str, str] = {}
        self.asked: list[str] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                server.answer(self)

            def log_message(self, *args):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/set"

    def answer(self, request):
        name = request.path.rpartition("/")[2]
        self.asked.append(name)
        content, mood = self.files.get(name), self.mood.get(name, "")
        if content is None or mood == "broken":
            return request.send_error(404 if content is None else 503)
        request.send_response(200)
        if mood == "endless":
            request.end_headers()
            try:
                while True:
                    request.wfile.write(bytes(1 << 16))
            except OSError:
                return None
        if mood != "no length":
            request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content[: len(content) // 2] if mood == "dies" else content)
        return None


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = Server()
    thread = threading.Thread(target=server.http.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.http.shutdown()
    thread.join()
    server.http.server_close()


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """The data folder, empty."""
    monkeypatch.setenv("TUINET_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def official(server, monkeypatch):
    """Small sets as if their authors had published them on the server."""
    mnist, cifar = mnist_files(), cifar_files()
    packages = tuple(
        Package(f"{name}.gz", len(content), (Content(name, len(content), digest(content)),))
        for name, content in mnist.items()
    )
    packed = {f"{name}.gz": gzip.compress(content, mtime=0) for name, content in mnist_files(1).items()}
    fashion = tuple(
        Package(name, len(content), (Content(name[:-3], len(gzip.decompress(content))),), digest(content))
        for name, content in packed.items()
    )
    archive = tar_gz(cifar)
    contents = tuple(Content(name, 20 * 3073, digest(content)) for name, content in cifar.items())
    cifar_package = Package("cifar-10-binary.tar.gz", len(archive), contents, digest(archive), "cifar-10-batches-bin")
    monkeypatch.setitem(OFFICIAL, "mnist", Official((server.url,), packages))
    monkeypatch.setitem(OFFICIAL, "fashion-mnist", Official((server.url,), fashion))
    monkeypatch.setitem(OFFICIAL, "cifar10", Official((server.url,), (cifar_package,)))
    text = Package("input.txt", len(TEXT), (Content("input.txt", len(TEXT), digest(TEXT)),), digest(TEXT))
    monkeypatch.setitem(OFFICIAL, "tinyshakespeare", Official((server.url,), (text,)))
    server.files = {f"{name}.gz": gzip.compress(content, mtime=0) for name, content in mnist.items()}
    server.files["cifar-10-binary.tar.gz"] = archive
    server.files["input.txt"] = TEXT
    return server


def write(folder, files, packed=False):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / (f"{name}.gz" if packed else name)).write_bytes(
            gzip.compress(content, mtime=0) if packed else content
        )
    return str(folder)


def nothing_in(home):
    return not home.exists() or list(home.iterdir()) == []


# From the authors' mirror


def test_fetches_from_the_mirror_unpacks_checks_and_says_how_far_it_is(official, home):
    seen = []
    folder = fetch("mnist", progress=lambda *step: seen.append(step))
    assert folder == home / "mnist" and list(home.iterdir()) == [folder]
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".json"} == mnist_files()
    assert [name for name, done, total in seen if done == total or done > 0][-1] == f"{TEST_LABELS}.gz"
    assert {name for name, _, _ in seen} == {f"{name}.gz" for name in mnist_files()}
    record = read_record("mnist")
    assert record is not None and record.official and record.origin == official.url and record.note == ""
    data = Mnist().load(HERE, 0)
    assert data.info.sizes == {"train": 20, "test": 10} and data.info == Mnist().describe(HERE)
    assert data.letters_or_digits and data.maximum == 255 and data.labels == tuple("0123456789")


def test_what_is_there_and_whole_is_not_fetched_again(official):
    fetch("mnist")
    official.asked.clear()
    fetch("mnist")
    assert official.asked == []


def test_a_damaged_copy_is_noticed_and_fetched_again(official, home):
    fetch("mnist")
    path = home / "mnist" / TRAIN_IMAGES
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(TuinetError, match=r"train-images-idx3-ubyte has .* bytes, not") as caught:
        Mnist().load(HERE, 0)
    assert "tuinet data fetch mnist" in caught.value.hint
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert not is_intact("mnist")
    fetch("mnist")
    assert path.read_bytes() == whole and is_intact("mnist")


def test_the_second_mirror_helps_out(official, monkeypatch):
    dead = official.url.replace("/set", "/dead")
    monkeypatch.setitem(OFFICIAL, "mnist", Official((dead, official.url), OFFICIAL["mnist"].packages))
    first = f"{TRAIN_IMAGES}.gz"
    official.files[first], good = b"something else", official.files[first]
    with pytest.raises(RunFailedError, match=r"train-images.*could not be downloaded: .*/dead.*; .*/set"):
        fetch("mnist")
    official.files[first] = good
    assert fetch("mnist").is_dir()


def test_cifar_comes_out_of_its_archive(official):
    folder = fetch("cifar10")
    assert {path.name for path in folder.iterdir()} == {"data_batch_1.bin", "test_batch.bin", "fetched.json"}
    data = Cifar10().load(HERE, 0)
    image = np.frombuffer(cifar_files()["data_batch_1.bin"], np.uint8)[1:3073].reshape(3, 32, 32)
    assert np.array_equal(data.splits["train"].inputs[0], image.transpose(1, 2, 0))
    assert data.labels[3] == "cat" and data.info == Cifar10().describe(HERE)


def test_fashion_mnist_is_known_by_the_hashes_of_its_packages(official):
    for name, content in mnist_files(1).items():
        official.files[f"{name}.gz"] = gzip.compress(content, mtime=0)
    fetch("fashion-mnist")
    record = read_record("fashion-mnist")
    assert record is not None and record.official
    assert FashionMnist().load(HERE, 0).labels[9] == "Ankle boot"


def test_a_set_of_one_plain_file_comes_as_it_is(official):
    folder = fetch("tinyshakespeare")
    record = read_record("tinyshakespeare")
    assert (folder / "input.txt").read_bytes() == TEXT and record is not None and record.official
    official.files["input.txt"] = TEXT[:-1] + b"!"
    with pytest.raises(TuinetError, match=r"input\.txt is not the official file: its SHA-256 is"):
        fetch("tinyshakespeare", official.url)
    del official.files["input.txt"]
    with pytest.raises(RunFailedError, match="the server answers 404"):
        fetch("tinyshakespeare", official.url)


# What can go wrong on the way


@pytest.mark.parametrize(
    ("mood", "message"),
    [
        ("missing", "the server answers 404"),
        ("broken", "the server answers 503"),
        ("dies", "broke off"),
        ("endless", "sends more than the .* bytes that the file can have"),
    ],
)
@pytest.mark.parametrize("which", [TRAIN_IMAGES, TEST_LABELS])
def test_a_download_that_fails_leaves_nothing(official, home, mood, message, which):
    if mood == "missing":
        del official.files[f"{which}.gz"]
    official.mood[f"{which}.gz"] = mood
    with pytest.raises(TuinetError, match=message) as caught:
        fetch("mnist")
    assert which in caught.value.message and "\n" not in caught.value.message
    assert nothing_in(home)
    with pytest.raises(NotFetchedError, match="mnist is not on this machine") as missing:
        Mnist().load(HERE, 0)
    assert missing.value.hint == "tuinet data fetch mnist" and missing.value.info.sizes["train"] == 60_000


def test_no_server_at_all(official, home):
    official.http.server_close()
    with pytest.raises(RunFailedError, match="no connection"):
        fetch("mnist", f"http://127.0.0.1:{unused_port()}")
    assert nothing_in(home)


def unused_port():
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        return server.server_port


@pytest.mark.parametrize("wrong", ["other", "cut", "not gzip"])
def test_wrong_content_is_refused_by_its_hash(official, home, wrong):
    name = f"{TRAIN_LABELS}.gz"
    good = official.files[name]
    other = idx(np.arange(20, dtype=np.uint8)[::-1] % 10)
    official.files[name] = {"other": gzip.compress(other), "cut": good[:-5], "not gzip": b"<html>Not here</html>"}[
        wrong
    ]
    with pytest.raises(TuinetError) as caught:
        fetch("mnist")
    assert f"{official.url}: {name}" in caught.value.message and str(home) not in str(caught.value)
    assert nothing_in(home)


def test_an_interrupted_download_leaves_nothing(official, home):
    def stop(name, done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch("mnist", progress=stop)
    assert nothing_in(home)


def test_a_failed_fetch_leaves_the_old_copy(official, home):
    fetch("mnist")
    before = (home / "mnist" / TRAIN_IMAGES).read_bytes()
    del official.files[f"{TEST_LABELS}.gz"]
    with pytest.raises(TuinetError):
        fetch("mnist", official.url)
    assert (home / "mnist" / TRAIN_IMAGES).read_bytes() == before and is_intact("mnist")


def test_what_a_killed_process_left_is_swept_away_later(official, home):
    for name, age in ((".mnist-old", 2 * 86400), (".mnist-new", 60), (".cifar10-old", 2 * 86400)):
        (home / name).mkdir(parents=True)
        os.utime(home / name, (time.time() - age,) * 2)
    fetch("mnist")
    assert {path.name for path in home.iterdir()} == {"mnist", ".mnist-new", ".cifar10-old"}


def test_a_data_folder_that_cannot_be_written_is_one_line(official, home):
    home.write_text("a file")
    with pytest.raises(RunFailedError, match=r"data: .*exists"):
        fetch("mnist")


# From another mirror


@pytest.mark.parametrize("mood", ["", "no length"])
def test_another_mirror_may_hold_the_files_unpacked(official, mood):
    official.files = mnist_files()
    official.mood = dict.fromkeys(official.files, mood)
    fetch("mnist", official.url + "/")
    record = read_record("mnist")
    assert record is not None and record.official and f"{TRAIN_IMAGES}.gz" in official.asked


def test_another_mirror_must_hold_the_official_set(official, home):
    official.files = {f"{name}.gz": gzip.compress(content, mtime=0) for name, content in mnist_files(7).items()}
    for name in ("mnist", "fashion-mnist"):
        with pytest.raises(TuinetError, match=r"is not the official file: its SHA-256 is") as caught:
            fetch(name, official.url)
        assert "--from FOLDER" in caught.value.hint
    assert nothing_in(home)


def test_the_archives_own_address_will_do(official):
    fetch("cifar10", f"{official.url}/cifar-10-binary.tar.gz")
    assert official.asked == ["cifar-10-binary.tar.gz"]


def test_a_password_in_the_address_is_not_written_down(official):
    fetch("mnist", official.url.replace("//", "//someone:secret@"))
    record = read_record("mnist")
    assert record is not None and record.origin == official.url


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/x", "file:///etc"])
def test_other_kinds_of_address_are_refused(url):
    with pytest.raises(TuinetError, match="only http and https"):
        fetch("mnist", url)


# From a folder


@pytest.mark.parametrize("packed", [True, False])
def test_a_folder_may_hold_the_files_gzipped_or_not(official, tmp_path, packed):
    fetch("mnist", write(tmp_path / "mine", mnist_files(), packed))
    record = read_record("mnist")
    assert record is not None and record.official and record.origin == str(tmp_path / "mine") and official.asked == []


def test_dots_for_dashes_as_some_tools_unpack_them(official, tmp_path):
    fetch(
        "mnist", write(tmp_path / "mine", {name.replace("-idx", ".idx"): data for name, data in mnist_files().items()})
    )
    assert is_intact("mnist")


def test_a_folder_may_hold_something_else_of_the_same_form_and_is_marked(official, tmp_path):
    fetch("mnist", write(tmp_path / "mine", mnist_files(5), packed=True))
    record = read_record("mnist")
    assert record is not None and not record.official
    assert "is not the official set" in record.note and str(tmp_path / "mine") in record.note
    assert set(Mnist().load(HERE, 0).splits) <= set(SPLITS)


@pytest.mark.parametrize("form", ["archive", "folder with archive", "folder with folder", "folder"])
def test_cifar_from_this_machine_in_every_form(official, tmp_path, form):
    mine = tmp_path / "mine"
    files = cifar_files(3)
    origin = str(mine)
    if form == "archive":
        write(mine, {"any-name.tgz": tar_gz(files)})
        origin = str(mine / "any-name.tgz")
    elif form == "folder with archive":
        write(mine, {"cifar-10-binary-subset.tar.gz": tar_gz(files)})
    else:
        write(mine / "cifar-10-batches-bin" if form == "folder with folder" else mine, files)
    fetch("cifar10", origin)
    record = read_record("cifar10")
    assert (
        record is not None and not record.official and Cifar10().load(HERE, 0).info.sizes == {"train": 20, "test": 10}
    )


def test_unpacked_official_batches_are_known_by_their_hashes(official, tmp_path):
    fetch("cifar10", write(tmp_path / "mine", cifar_files()))
    record = read_record("cifar10")
    assert record is not None and record.official


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({TRAIN_LABELS: None}, "has neither train-labels-idx1-ubyte.gz nor train-labels-idx1-ubyte"),
        ({TRAIN_LABELS: idx(np.full(20, 10, np.uint8))}, "10"),
        ({TRAIN_LABELS: idx(np.zeros(19, np.uint8))}, "20 inputs, but 19 targets"),
        ({TRAIN_IMAGES: mnist_files()[TRAIN_IMAGES][:-1]}, "train-images-idx3-ubyte"),
        ({TRAIN_IMAGES: mnist_files()[TRAIN_IMAGES] + b"x"}, "holds more than"),
        ({TRAIN_IMAGES: b"\0\0\x08\x03" + b"\x7f\xff\xff\xff" * 3}, "train-images-idx3-ubyte"),
        (mnist_files(size=27), "images of 27×27×1; mnist has 28×28×1"),
    ],
)
def test_a_folder_with_something_wrong_is_refused_by_the_strict_reader(official, home, tmp_path, change, message):
    files = {name: content for name, content in {**mnist_files(), **change}.items() if content is not None}
    with pytest.raises(TuinetError, match=message) as caught:
        fetch("mnist", write(tmp_path / "mine", files))
    assert str(tmp_path / "mine") in caught.value.message and str(home) not in str(caught.value)
    assert nothing_in(home)


def test_one_set_is_not_taken_for_another(official, home, tmp_path):
    with pytest.raises(TuinetError, match="this is mnist, not fashion-mnist"):
        fetch("fashion-mnist", write(tmp_path / "mine", mnist_files()))
    assert nothing_in(home)


@pytest.mark.parametrize("form", ["folder", "files", "archive"])
def test_cifars_pickled_version_is_refused_with_the_reason(official, tmp_path, form):
    pickled = {"data_batch_1": b"\x80\x02}q\x00.", "test_batch": b"\x80\x02}q\x00."}
    mine = tmp_path / "mine"
    if form == "archive":
        write(mine, {"cifar-10-python.tar.gz": tar_gz(pickled, "cifar-10-batches-py/")})
    else:
        write(mine / "cifar-10-batches-py" if form == "folder" else mine, pickled)
    with pytest.raises(TuinetError, match="pickle") as caught:
        fetch("cifar10", str(mine))
    assert "cifar-10-binary.tar.gz" in caught.value.hint


def test_a_folder_or_archive_that_cannot_be_the_set(official, tmp_path):
    attempts = {
        "there is no folder": ("mnist", str(tmp_path / "nowhere")),
        "has neither cifar-10-binary.tar.gz nor data_batch_1.bin": ("cifar10", write(tmp_path / "empty", {})),
        "is a file, not a folder with train-images": ("mnist", write(tmp_path / "file", {"x": b""}) + "/x"),
        "holds several archives": ("cifar10", write(tmp_path / "two", {"a.tar.gz": b"", "b.tar.gz": b""})),
        "the archive has no cifar-10-batches-bin/data_batch_1.bin": (
            "cifar10",
            write(tmp_path / "tar", {"x.tar.gz": tar_gz({"other.bin": b""})}),
        ),
    }
    for message, (name, origin) in attempts.items():
        with pytest.raises(TuinetError, match=message):
            fetch(name, origin)


def test_a_name_that_is_no_fetched_set():
    with pytest.raises(TuinetError, match="fashion_mnist is no set that is fetched: did you mean fashion-mnist"):
        fetch("fashion_mnist")


@pytest.mark.parametrize(
    "record", [b"", b"{", b"[]", b'{"name": "mnist", "origin": "", "official": true, "files": {}}']
)
def test_a_broken_record_means_not_fetched(official, home, record):
    fetch("mnist")
    (home / "mnist" / "fetched.json").write_bytes(record)
    with pytest.raises(NotFetchedError):
        Mnist().describe(HERE)
    assert fetch("mnist") and is_intact("mnist")


def test_the_data_folder_follows_the_environment(monkeypatch, tmp_path):
    from tuinet.data.kept import data_folder

    monkeypatch.setenv("TUINET_DATA", "~/sets")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert data_folder() == tmp_path / "sets"
    monkeypatch.delenv("TUINET_DATA")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    assert data_folder().name == "tuinet"


def test_images_are_mapped_not_read(official):
    fetch("mnist")
    owner = Mnist().load(HERE, 0).splits["train"].inputs
    while getattr(owner, "base", None) is not None and not isinstance(owner, np.memmap):
        owner = owner.base
    assert isinstance(owner, np.memmap)
