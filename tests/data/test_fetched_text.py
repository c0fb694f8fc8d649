"""Texts that are fetched, from a folder: what is right is read as it says, what is not is refused by name and line."""

import gzip
from hashlib import sha256
from pathlib import Path

import pytest

from tuinet.data.encoding import encode_dataset
from tuinet.data.fetch import FETCHED, fetch
from tuinet.data.fetched import read_record
from tuinet.data.fetched_text import EngFra, Multi30k, Sst2, TinyShakespeare
from tuinet.data.official import OFFICIAL, Content, Official, Package
from tuinet.data.sources import describe, load
from tuinet.data.splits import SplitSettings
from tuinet.errors import TuinetError

HERE = Path()
SHAKESPEARE = "".join(f"Citizen {number}:\nSpeak, speak.\n\n" for number in range(40))


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """The data folder, empty."""
    monkeypatch.setenv("TUINET_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def multi30k_files():
    """Captions of Multi30k's form: 6 for training, 2 to validate on, 3 to test on."""
    counts = {"train": 6, "val": 2, "test_2016_flickr": 3}
    return {
        f"{part}.{side}": "".join(f"{word} {part} {number}.\n" for number in range(count))
        for part, count in counts.items()
        for side, word in (("en", "A dog in"), ("de", "Ein Hund in"))
    }


def pairs(count=300):
    return "".join(f"Go {number // 2}.\tVa {number} !\tCC-BY 2.0 (France)\n" for number in range(count))


FILES = {
    "eng-fra": {"fra.txt": pairs()},
    "multi30k": multi30k_files(),
    "sst2": {
        "train.tsv": "a fine film\t1\nno fun\t0\nno fun at all\t0\n",
        "dev.tsv": "fine\t1\nno\t0\n",
        "test.tsv": "a film\t1\n",
    },
    "tinyshakespeare": {"input.txt": SHAKESPEARE},
}


def write(folder, files, packed=False):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        content = text if isinstance(text, bytes) else text.encode()
        path = folder / (f"{name}.gz" if packed else name)
        path.write_bytes(gzip.compress(content, mtime=0) if packed else content)
    return str(folder)


def rows(data, part):
    inputs, targets = data.splits[part].take(slice(None))
    return list(zip(inputs, targets, strict=True))


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", FILES)
def test_a_folder_gives_the_set_and_it_is_marked(name, packed, tmp_path, home):
    fetch(name, write(tmp_path / "mine", FILES[name], packed))
    assert {path.name for path in (home / name).iterdir()} == {*FILES[name], "fetched.json"}
    record = read_record(name)
    assert record is not None and not record.official and record.note.startswith(f"{name} was taken from")
    source = FETCHED[name]()
    data = source.load(HERE, 0)
    assert data.info == source.describe(HERE)
    info, known = data.info, source.official
    assert (info.name, info.task, info.input_shape, info.labels) == (name, known.task, known.input_shape, known.labels)
    assert (info.tokens, info.target_tokens) == (known.tokens, known.target_tokens)
    assert info.sizes.keys() == known.sizes.keys()


def test_each_set_is_read_as_its_form_says(tmp_path):
    for name, files in FILES.items():
        fetch(name, write(tmp_path / name, files))
    captions = Multi30k().load(HERE, 0)
    assert captions.info.sizes == {"train": 6, "validation": 2, "test": 3}
    assert rows(captions, "validation")[1] == ("A dog in val 1.", "Ein Hund in val 1.")
    assert rows(Multi30k("de-en").load(HERE, 0), "test")[0][1] == "A dog in test_2016_flickr 0."
    reviews = Sst2().load(HERE, 0)
    assert rows(reviews, "train")[1:] == [("no fun", 0), ("no fun at all", 0)] and reviews.labels[1] == "positive"
    text = TinyShakespeare().load(HERE, 0)
    parts = [text.splits[part].inputs.row(0) for part in ("train", "test")]
    assert "".join(parts) == SHAKESPEARE and len(parts[0]) == len(SHAKESPEARE) * 9 // 10
    assert text.splits["test"].inputs is text.splits["test"].targets


def test_the_validation_part_of_tinyshakespeare_is_cut_off_before_the_test_part(tmp_path):
    fetch("tinyshakespeare", write(tmp_path / "mine", FILES["tinyshakespeare"]))
    settings = SplitSettings(validation=100)
    data = load(TinyShakespeare(), settings, 0, HERE)
    assert data.info == describe(TinyShakespeare(), HERE, settings)
    parts = ["".join(data.splits[part].take(slice(None))[0]) for part in ("train", "validation", "test")]
    assert "".join(parts) == SHAKESPEARE and len(parts[1]) == 100


def test_a_sentence_of_eng_fra_is_where_its_hash_says_with_all_its_translations(tmp_path):
    fetch("eng-fra", write(tmp_path / "mine", FILES["eng-fra"]))
    data = EngFra().load(HERE, 0)
    seen: dict[str, str] = {}
    for part in data.splits:
        for english, _ in rows(data, part):
            assert seen.setdefault(english, part) == part
            left = int(sha256(english.encode()).hexdigest(), 16) % 20
            assert part == {0: "test", 1: "validation"}.get(left, "train")
    assert sum(data.info.sizes.values()) == 300 and len(seen) == 150
    fetch("eng-fra", write(tmp_path / "later", {"fra.txt": pairs(600)}))
    later = EngFra().load(HERE, 0)
    assert set(rows(data, "test")) < set(rows(later, "test"))
    other = EngFra("fra-eng").load(HERE, 0)
    assert rows(other, "train")[0][0].startswith("Va") and other.info.sizes != later.info.sizes


def test_they_become_ids_and_a_word_seen_once_is_unknown(tmp_path):
    fetch("sst2", write(tmp_path / "mine", FILES["sst2"]))
    encoded = encode_dataset(Sst2().load(HERE, 0))
    assert encoded.vocabulary is not None and set(encoded.vocabulary.symbols[3:]) == {"no", "fun"}
    assert encoded.dataset.splits["train"].inputs.values.tolist().count(0) == 5


def test_a_set_of_one_file_may_be_given_by_its_file(tmp_path):
    write(tmp_path / "mine", {"input.txt": SHAKESPEARE, "other.txt": SHAKESPEARE})
    fetch("tinyshakespeare", str(tmp_path / "mine" / "input.txt"))
    record = read_record("tinyshakespeare")
    assert record is not None and record.origin.endswith("input.txt")
    with pytest.raises(TuinetError, match=r"other\.txt is a file, not a folder with input\.txt"):
        fetch("tinyshakespeare", str(tmp_path / "mine" / "other.txt"))


def test_a_file_with_the_official_hash_is_the_official_set(tmp_path, monkeypatch):
    packages = tuple(
        Package(name, len(text), (Content(name, len(text), sha256(text.encode()).hexdigest()),))
        for name, text in FILES["sst2"].items()
    )
    monkeypatch.setitem(OFFICIAL, "sst2", Official((), packages))
    fetch("sst2", write(tmp_path / "mine", FILES["sst2"], packed=True))
    record = read_record("sst2")
    assert record is not None and record.official and record.note == ""


@pytest.mark.parametrize("origin", [None, "http://127.0.0.1:9/set"])
def test_what_changes_with_every_edition_is_not_downloaded_unseen(origin, home):
    with pytest.raises(TuinetError, match="cannot be downloaded by itself") as caught:
        fetch("eng-fra", origin)
    assert "manythings.org" in caught.value.hint and "--from FOLDER" in caught.value.hint
    assert not home.exists() or list(home.iterdir()) == []


CAPTIONS = multi30k_files()
SENTENCE = "train.tsv, sentence 1: the label is"


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        # A file is missing, or one half of a pair.
        ("eng-fra", {"fra.txt": None}, r"has neither fra\.txt\.gz nor fra\.txt"),
        ("multi30k", {"train.de": None}, r"has neither train\.de\.gz nor train\.de"),
        ("multi30k", {"test_2016_flickr.en": None}, r"nor test_2016_flickr\.en"),
        ("sst2", {"dev.tsv": None}, r"has neither dev\.tsv\.gz nor dev\.tsv"),
        ("tinyshakespeare", {"input.txt": None}, r"nor input\.txt"),
        # Halves that are not in step.
        ("multi30k", {"val.de": CAPTIONS["val.de"] + "Noch einer.\n"}, r"val\.en has 2 lines, but val\.de has 3"),
        (
            "multi30k",
            {"train.de": CAPTIONS["train.de"].replace("Ein Hund in train 0.", "")},
            r"train\.de, line 1 is empty",
        ),
        ("multi30k", {"val.de": "", "val.en": ""}, r"are empty"),
        # Wrong columns and labels.
        ("eng-fra", {"fra.txt": "Go.\nRun!\n"}, r"fra\.txt, line 1 has no TAB"),
        ("eng-fra", {"fra.txt": "Go.\tVa !\nRun!\t\n"}, r"fra\.txt, line 2: the target is empty"),
        ("eng-fra", {"fra.txt": "Go.\tVa !\n"}, r"fra\.txt: 1 pairs are too few"),
        ("eng-fra", {"fra.txt": ""}, r"fra\.txt is empty"),
        ("sst2", {"train.tsv": "sentence\tlabel\nfine\t1\n"}, rf"{SENTENCE} 'label'"),
        ("sst2", {"train.tsv": "1\tfine\n"}, rf"{SENTENCE} 'fine'"),
        ("sst2", {"test.tsv": "fine\n"}, r"test\.tsv, line 1 has no TAB"),
        ("sst2", {"test.tsv": ""}, r"test\.tsv is empty"),
        # No text at all, or too little or too much of it.
        ("sst2", {"dev.tsv": b"fine\t1\nd\xe9j\xe0 vu\t0\n"}, r"dev\.tsv, line 2, byte 2 is not UTF-8"),
        (
            "tinyshakespeare",
            {"input.txt": b"A" * 30 + b"\n\0"},
            r"input\.txt, line 2 holds the control character U\+0000",
        ),
        ("tinyshakespeare", {"input.txt": b"\xff\xfeA\0B\0"}, r"input\.txt, line 1, byte 1 is not UTF-8"),
        ("tinyshakespeare", {"input.txt": "Speak."}, r"a tenth of 6 characters"),
        ("tinyshakespeare", {"input.txt": ""}, r"input\.txt"),
        ("tinyshakespeare", {"input.txt": "speak " * 200_000}, r"holds more than the 1,115,394 bytes"),
        ("multi30k", {"val.en": "A dog. " * 10_000}, r"holds more than the 63,297 bytes"),
    ],
)
def test_what_is_wrong_is_refused_and_nothing_is_kept(name, change, message, tmp_path, home):
    files = {file: text for file, text in {**FILES[name], **change}.items() if text is not None}
    with pytest.raises(TuinetError, match=message) as caught:
        fetch(name, write(tmp_path / "mine", files))
    assert str(tmp_path / "mine") in caught.value.message and str(home) not in str(caught.value)
    assert "\n" not in caught.value.message
    assert not home.exists() or list(home.iterdir()) == []


def test_every_set_that_can_be_fetched_has_its_official_files():
    assert FETCHED.keys() == OFFICIAL.keys()
    for name, official in OFFICIAL.items():
        assert FETCHED[name].official.name == name
        assert bool(official.mirrors) != bool(official.page)
        hashes = [content.sha256 or package.sha256 for package in official.packages for content in package.contents]
        assert all(len(digest) == 64 for digest in hashes) or not official.mirrors
