"""All sources together: decoding, naming, dividing, and what a word on the command line means."""

import csv
import struct
import subprocess
import sys
from pathlib import Path
from typing import get_args

import msgspec
import numpy as np
import pytest

from tuinet.data.array_files import NpyFiles, NpzFile
from tuinet.data.cifar import CifarBinary
from tuinet.data.csv_file import CsvFile
from tuinet.data.fetched import Fetched, NotFetchedError
from tuinet.data.idx import IdxFiles
from tuinet.data.image_folder import ImageFolder
from tuinet.data.official import OFFICIAL, TRAIN_IMAGES, TRAIN_LABELS
from tuinet.data.sources import DATASETS, NamedSource, Source, describe, load, source_from_argument
from tuinet.data.splits import SplitSettings
from tuinet.data.texts import Texts
from tuinet.errors import TuinetError

HERE = Path()
PRESENT = [name for name, known in DATASETS.items() if known.kind != "fetched"]


@pytest.fixture(autouse=True)
def empty_data_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TUINET_DATA", str(tmp_path / "data"))


def tag(source):
    return source.__struct_config__.tag


def test_every_named_set_is_in_the_table_under_its_own_name():
    assert {tag(kind) for kind in get_args(NamedSource)} == set(DATASETS)
    assert all(tag(known.source) == name == known.info.name for name, known in DATASETS.items())
    assert {name for name, known in DATASETS.items() if known.kind == "fetched"} == set(OFFICIAL)
    assert all(known.title and known.licence for known in DATASETS.values())


@pytest.mark.parametrize("kind", get_args(Source))
def test_a_source_is_its_own_spec(kind):
    """Through JSON, as in a model or a run, and strictly."""
    needed = {"csv": {"path": "p"}, "npz": {"path": "p"}, "images": {"path": "p"}, "cifar-binary": {"path": "p"}}
    needed |= {kind: {"path": "p"} for kind in ("text", "pairs", "labelled-text", "json-lines", "series")}
    needed |= {"parallel": {"source_path": "a", "target_path": "b"}}
    needed |= {"npy": {"inputs": "a", "targets": "b"}, "idx": {"images": "a", "labels": "b"}}
    spec = {"kind": tag(kind), **needed.get(tag(kind), {})}
    source = msgspec.convert(spec, Source)
    assert type(source) is kind
    assert msgspec.json.decode(msgspec.json.encode(source), type=Source) == source
    with pytest.raises(msgspec.ValidationError, match="unknown field `sise`"):
        msgspec.convert({**spec, "sise": 3}, Source)


@pytest.mark.parametrize("name", PRESENT)
def test_loading_and_describing_agree(name):
    source = DATASETS[name].source
    own = "validation" in DATASETS[name].info.sizes
    settings = SplitSettings() if own else SplitSettings(validation=0.25)
    data = load(source, settings, 1, HERE)
    assert data.info == describe(source, HERE, settings) and "validation" in data.splits
    assert describe(source, HERE) == DATASETS[name].info
    inputs, targets = data.splits["train"].take([0])
    if isinstance(inputs, Texts) or isinstance(targets, Texts):
        return
    stored = data.input_shape.sizes if data.input_shape.sizes[-1] != 1 else data.input_shape.sizes[:-1]
    assert inputs.shape[1:] in (data.input_shape.sizes, stored)
    assert (targets[0] < len(data.labels)) if data.labels else targets.shape == (1, len(data.target_names))


@pytest.mark.parametrize("name", sorted(OFFICIAL))
def test_a_set_that_was_not_fetched_says_how_to(name):
    source = DATASETS[name].source
    for attempt in (lambda: load(source, SplitSettings(), 0, HERE), lambda: describe(source, HERE)):
        with pytest.raises(
            NotFetchedError, match=f"^{name} is not on this machine\ntuinet data fetch {name}$"
        ) as caught:
            attempt()
        assert isinstance(source, Fetched) and caught.value.info == source.official == DATASETS[name].info


def test_the_same_seed_gives_the_same_data_and_parts():
    def values(seed):
        data = load(DATASETS["moons"].source, SplitSettings(validation=0.2), seed, HERE)
        return np.concatenate([split.take(slice(None))[0] for split in data.splits.values()])

    assert np.array_equal(values(5), values(5)) and not np.array_equal(values(5), values(6))


def test_relative_paths_start_at_the_base(tmp_path):
    with (tmp_path / "table.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["a", "b", "kind"], *([n, n * 2, "xy"[n % 2]] for n in range(20))])
    source = CsvFile("table.csv", target="kind")
    data = load(source, SplitSettings(test=4), 0, tmp_path)
    assert data.info.sizes == {"train": 16, "test": 4} and data.labels == ("x", "y")
    assert data.info == describe(source, tmp_path, SplitSettings(test=4))


# What a word on the command line means


@pytest.mark.parametrize("name", DATASETS)
def test_a_known_name_is_the_set(name):
    assert source_from_argument(name) == DATASETS[name].source


def test_files_are_known_by_their_endings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.csv", "a.tsv", "a.npz", "cifar-10-binary.tar.gz"):
        (tmp_path / name).write_bytes(b"")
    assert source_from_argument("a.csv") == CsvFile("a.csv")
    assert source_from_argument("./a.tsv") == CsvFile("a.tsv", delimiter="\t")
    assert source_from_argument(str(tmp_path / "a.npz")) == NpzFile(str(tmp_path / "a.npz"))
    assert source_from_argument("cifar-10-binary.tar.gz") == CifarBinary("cifar-10-binary.tar.gz")


def test_folders_are_known_by_what_they_hold(tmp_path):
    for folder, names, kind in (
        ("cifar", ["data_batch_1.bin", "test_batch.bin"], CifarBinary),
        ("arrays", ["inputs.npy", "targets.npy"], NpyFiles),
        ("photos", ["cat/1.png", "dog/1.png"], ImageFolder),
    ):
        for name in names:
            (tmp_path / folder / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / folder / name).write_bytes(b"")
        assert type(source_from_argument(str(tmp_path / folder))) is kind


def test_a_folder_of_mnists_files_is_read(tmp_path):
    (tmp_path / TRAIN_IMAGES).write_bytes(struct.pack(">4B3I", 0, 0, 8, 3, 2, 3, 3) + bytes(range(18)))
    (tmp_path / TRAIN_LABELS).write_bytes(struct.pack(">4BI", 0, 0, 8, 1, 2) + b"\x00\x01")
    source = source_from_argument(str(tmp_path))
    assert isinstance(source, IdxFiles) and source.test_images is None
    assert load(source, SplitSettings(), 0, HERE).splits["train"].inputs[1].tolist() == [
        [9, 10, 11],
        [12, 13, 14],
        [15, 16, 17],
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mnist-smal", "mnist-smal is neither a data set's name nor a file: did you mean mnist-small"),
        ("nowhere.csv", "nowhere.csv is neither a data set's name nor a file"),
        ("x" * 5000, "xxx: .*too long"),
        ("a\0b", "neither a data set's name nor a file"),
        ("~nobody-of-this-name/x", "neither a data set's name nor a file"),
        ("", "nothing is neither a data set's name nor a file"),
        ("what.docx", "what.docx: cannot tell what kind of data this is"),
    ],
)
def test_what_is_neither_is_refused(tmp_path, monkeypatch, text, message):
    (tmp_path / "what.docx").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TuinetError, match=message):
        source_from_argument(text)


def test_importing_the_sources_loads_neither_pillow_nor_the_network():
    code = "import sys, tuinet.data.sources; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"PIL", "pooch", "requests", "platformdirs", "click", "textual", "safetensors"} & set(loaded)


ARRAYS = ({"kind": "csv", "path": "t"}, {"kind": "npz", "path": "t"}, {"kind": "npy", "inputs": "x", "targets": "y"})


@pytest.mark.parametrize("task", ["tagging", "next-symbol", "seq2seq"])
@pytest.mark.parametrize("source", ARRAYS, ids=lambda source: source["kind"])
def test_tables_and_arrays_have_one_answer_a_row(source, task):
    with pytest.raises(msgspec.ValidationError, match=f"'{task}' - at `\\$.task`"):
        msgspec.convert(source | {"task": task}, Source)
