"""The texts that ship: clean, whole, and what is held out is held out."""

import gzip
import re
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from tuinet.data import shipped
from tuinet.data.encoding import encode_dataset
from tuinet.data.shipped_sets import MnistSmall
from tuinet.data.shipped_text import Cmudict, DigitCaptions, Shakespeare
from tuinet.errors import TuinetError

HERE = Path()
PARTS = ("train", "validation", "test")


@pytest.fixture(scope="module")
def words():
    """The rows of each part of cmudict."""
    splits = Cmudict().load(HERE, 0).splits
    return {part: list(zip(splits[part].inputs, splits[part].targets, strict=True)) for part in PARTS}


@pytest.fixture(scope="module")
def plays():
    """The text of each part of shakespeare."""
    splits = Shakespeare().load(HERE, 0).splits
    return {part: splits[part].inputs.row(0) for part in PARTS}


@pytest.mark.parametrize("kind", [Cmudict, Shakespeare])
def test_the_readme_has_the_hashes_of_what_is_inside(kind):
    folder = shipped.shipped("datasets", kind.known.name)
    text = (folder / "README.md").read_text()
    for name in kind.files:
        assert sha256(gzip.decompress((folder / name).read_bytes())).hexdigest() in text


def test_words_are_letters_and_pronunciations_phonemes_without_stress(words):
    phonemes: set[str] = set()
    for rows in words.values():
        for word, spoken in rows:
            assert re.fullmatch("[a-z']+", word)
            phonemes.update(spoken.split(" "))
    assert len(phonemes) == 39 and all(re.fullmatch("[A-Z]{1,2}", phoneme) for phoneme in phonemes)
    assert ("seven", "S EH V AH N") in words["train"] + words["validation"] + words["test"]


def test_no_word_is_in_two_parts_and_its_pronunciations_differ(words):
    spelt = {part: {word for word, _ in rows} for part, rows in words.items()}
    assert [len(spelt[part]) for part in PARTS] == [114_926, 5000, 5000]
    assert len(spelt["train"] | spelt["validation"] | spelt["test"]) == 124_926
    for rows in words.values():
        assert rows == sorted(set(rows))


def test_the_hash_of_a_word_says_where_it_is(words):
    places = {part: sorted(sha256(word.encode()).digest() for word in dict(rows)) for part, rows in words.items()}
    assert places["test"][-1] < places["validation"][0] and places["validation"][-1] < places["train"][0]


def test_a_word_with_variants_has_a_row_for_each():
    rows = Cmudict().load(HERE, 0).splits["train"]
    spoken = [target for word, target in zip(rows.inputs, rows.targets, strict=True) if word == "tomato"]
    assert spoken == ["T AH M AA T OW", "T AH M EY T OW"]


def test_the_plays_are_plain_text_without_anybodys_header(plays):
    everything = "".join(plays.values())
    assert everything.isascii() and set(everything) - set(map(chr, range(32, 127))) == {"\n"}
    foreign = r"\b(gutenberg|copyright|e-?text|https?|public domain|persons represented|dramatis)\b"
    assert re.findall(foreign, everything, re.IGNORECASE) == []
    assert "\n\n\n" not in everything and not re.search(r"[ \t]\n", everything)
    assert set(plays["validation"] + plays["test"]) <= set(plays["train"])


def test_whole_plays_are_held_out(plays):
    assert (
        plays["test"].startswith("MACBETH\n\nACT I.\n\nSCENE I.")
        and "\n\nTWELFTH NIGHT; OR, WHAT YOU WILL\n\n" in plays["test"]
    )
    assert plays["validation"].startswith("JULIUS CAESAR\n\nACT I.")
    assert "Is this a dagger which I see before me" in plays["test"]
    for line in (
        "Is this a dagger",
        "If music be the food of love",
        "Beware the Ides of March",
        "Sigh no more, ladies",
    ):
        assert line.lower() not in plays["train"].lower()
    assert all(line in plays["train"] for line in ("To be, or not to be,--that is the question", "\nKING JOHN\n"))


def test_captions_are_the_names_of_the_labels():
    captions, digits = DigitCaptions().load(HERE, 0), MnistSmall().load(HERE, 0)
    for part in ("train", "test"):
        images, names = captions.splits[part].take(slice(None))
        expected, labels = digits.splits[part].take(slice(None))
        assert np.array_equal(images, expected)
        assert len({(name, label) for name, label in zip(names, labels.tolist(), strict=True)}) == 10
        assert {name for name, label in zip(names, labels.tolist(), strict=True) if label == 7} == {"seven"}


@pytest.mark.parametrize(
    ("kind", "inputs", "targets", "length"),
    [(Cmudict, 27 + 3, 39 + 3, 6.37), (DigitCaptions, None, 15 + 3, 4.0)],
)
def test_they_become_ids(kind, inputs, targets, length):
    encoded = encode_dataset(kind().load(HERE, 0))
    assert (encoded.vocabulary and len(encoded.vocabulary)) == inputs
    assert encoded.target_vocabulary is not None and len(encoded.target_vocabulary) == targets
    assert encoded.dataset.info.target_length == pytest.approx(length, abs=0.005)


@pytest.mark.parametrize("kind", [Cmudict, Shakespeare, DigitCaptions])
def test_a_missing_file_is_said_in_one_line(kind, tmp_path, monkeypatch):
    monkeypatch.setattr(shipped, "PACKAGE", tmp_path / "tuinet")
    with pytest.raises(TuinetError, match="a data file that ships with tuinet cannot be read") as caught:
        kind().load(HERE, 0)
    assert "\n" not in caught.value.message
