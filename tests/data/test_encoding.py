"""Texts become ids, with what the training part alone knows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuinet.data.dataset import Dataset, Split
from tuinet.data.encoding import encode_dataset, encode_split, set_aside, windows
from tuinet.data.splits import SplitSettings, join, split_dataset
from tuinet.data.texts import Texts
from tuinet.data.vocabulary import Tokens
from tuinet.errors import TuinetError
from tuinet.nn.layer import Shape
from tuinet.nn.sequence import Ragged

WORDS = Tokens("words")


def pairs(sources, targets, **more):
    train = Split(Texts(sources), Texts(targets))
    return Dataset("t", "seq2seq", Shape.tokens(0), {"train": train, **more}, tokens=WORDS, target_tokens=WORDS)


def text(content):
    texts = Texts([content])
    return Dataset("t", "next-symbol", Shape.tokens(0), {"train": Split(texts, texts)}, tokens=Tokens())


def test_the_training_part_alone_makes_the_vocabularies():
    data = pairs(["a b", "a"], ["x", "y x"], test=Split(Texts(["c a"]), Texts(["z y"])))
    encoded = encode_dataset(data)
    assert encoded.vocabulary is not None and encoded.target_vocabulary is not None
    assert encoded.vocabulary.symbols[3:] == ("a", "b") and encoded.target_vocabulary.symbols[3:] == ("x", "y")
    inputs, targets = encoded.dataset.splits["test"].take(slice(None))
    assert inputs.row(0).tolist() == [0, 3] and targets.row(0).tolist() == [0, 4] and inputs.values.dtype == np.uint8
    info = encoded.dataset.info
    assert (info.input_shape, info.length, info.target_length, info.target_ids) == (Shape.tokens(5), 1.5, 1.5, 5)
    assert info.tokens == info.target_tokens == WORDS


def test_tokens_that_are_asked_for_count_before_those_of_the_set():
    encoded = encode_dataset(pairs(["Ab"], ["Ab"]), Tokens(lowercase=True), Tokens())
    assert encoded.vocabulary is not None and encoded.vocabulary.symbols[3:] == ("a", "b")
    assert encoded.target_vocabulary is not None and encoded.target_vocabulary.symbols[3:] == ("A", "b")
    assert encoded.dataset.tokens == Tokens(lowercase=True)


def test_only_the_rows_of_the_training_part_count():
    data = split_dataset(pairs(list("abcdefgh"), list("abcdefgh")), SplitSettings(test=3), 0)
    encoded = encode_dataset(data)
    assert encoded.vocabulary is not None
    assert encoded.vocabulary.symbols[3:] == tuple(data.splits["train"].take(slice(None))[0])
    assert all(row == 0 for row in encoded.dataset.splits["test"].inputs.values)


def test_data_without_texts_stays_as_it_is():
    data = Dataset("t", "regression", Shape.vector(1), {"train": Split(np.zeros((2, 1)), np.zeros((2, 1)))})
    encoded = encode_dataset(data)
    assert encoded.vocabulary is encoded.target_vocabulary is None
    assert encoded.dataset.splits["train"] is data.splits["train"] and encoded.dataset.info == data.info


def test_pictures_with_captions_stay_where_they_are():
    images = np.zeros((3, 4, 4), np.uint8)
    train = Split(images, Texts(["one", "two", "one"]), np.array([0, 2]))
    data = Dataset("t", "seq2seq", Shape.image(4, 4, 1), {"train": train}, target_tokens=Tokens())
    encoded = encode_dataset(data)
    assert encoded.vocabulary is None and encoded.dataset.input_shape == Shape.image(4, 4, 1)
    assert encoded.target_vocabulary is not None and encoded.target_vocabulary.symbols[3:] == ("e", "n", "o")
    split = encoded.dataset.splits["train"]
    assert split.inputs is images and len(split) == 2 and split.take([1])[1].row(0).tolist() == [5, 4, 3]
    assert (encoded.dataset.info.length, encoded.dataset.info.target_length) == (1.0, 3.0)


@given(st.text(min_size=2, max_size=60), st.integers(1, 20))
def test_windows_are_moved_on_by_one(content, window):
    encoded = encode_dataset(text(content), window=window)
    vocabulary = encoded.vocabulary
    assert vocabulary is not None and encoded.target_vocabulary is vocabulary
    inputs, targets = encoded.dataset.splits["train"].take(slice(None))
    used = inputs.size
    assert inputs.shape == targets.shape and used <= len(content) - 1
    assert inputs.shape[1] == min(window, len(content) - 1) and len(content) - 1 - used < inputs.shape[1]
    assert vocabulary.decode(inputs.ravel()) == content[:used]
    assert vocabulary.decode(targets.ravel()) == content[1 : used + 1]
    info = encoded.dataset.info
    assert (info.length, info.target_length, info.target_ids) == (*[float(inputs.shape[1])] * 2, len(vocabulary))
    assert info.sizes == {"train": len(inputs)} and info.input_shape == Shape.tokens(len(vocabulary))


def test_windows_are_views_of_one_array():
    ids = np.arange(100, dtype=np.uint8)
    split = windows(ids, 8)
    assert len(split) == 12 and np.shares_memory(split.inputs, ids) and np.shares_memory(split.targets, ids)
    assert (split.targets == split.inputs + 1).all()


def test_several_texts_are_read_as_one():
    texts = Texts(["abc", "d", "", "ef"])
    data = Dataset("t", "next-symbol", Shape.tokens(0), {"train": Split(texts, texts)}, tokens=Tokens())
    encoded = encode_dataset(data, window=5)
    assert encoded.vocabulary is not None and data.info.sizes == {"train": 6}
    assert encoded.vocabulary.decode(encoded.dataset.splits["train"].inputs[0]) == "abcde"


def test_a_text_cut_and_joined_is_the_text_again():
    data = split_dataset(text("one long text"), SplitSettings(validation=3, test=2), 0)
    assert data.info.sizes == {"train": 8, "validation": 3, "test": 2}
    whole = join(join(data.splits["train"], data.splits["validation"]), data.splits["test"])
    assert "".join(whole.inputs) == "one long text"
    short = encode_dataset(data, window=4).dataset
    with pytest.raises(TuinetError, match="parts with samples of 4 and 2 cannot be joined"):
        join(short.splits["train"], short.splits["validation"])


def test_other_data_are_written_in_the_numbers_of_a_model():
    encoded = encode_dataset(pairs(["a b"], ["x y"]))
    one = encode_split(
        Split(Texts(["b c"]), Texts(["y"])), "seq2seq", encoded.vocabulary, encoded.target_vocabulary, None
    )
    assert one.inputs.row(0).tolist() == [4, 0] and one.targets.row(0).tolist() == [4]
    with pytest.raises(TuinetError, match="data part, input is a text, but the model takes none"):
        encode_split(Split(Texts(["b c"]), Texts(["y"])), "seq2seq", None, None)


def test_tags_and_symbols_are_equally_many():
    tags = Ragged.of([[0, 1], [1, 0]])
    data = Dataset(
        "t",
        "tagging",
        Shape.tokens(0),
        {"train": Split(Texts(["ab", "abc"]), tags)},
        labels=("x", "y"),
        tokens=Tokens(),
    )
    with pytest.raises(TuinetError, match="train part, row 2: 2 tags for 3 symbols"):
        encode_dataset(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (pairs(["a", " "], ["x", "y"]), r"train part, input of row 2 is empty: ' ' holds no symbol"),
        (pairs(["a", "b"], ["x", "\n "[1:]]), r"train part, target of row 2 is empty"),
        (text(""), "no symbol occurs 1 times"),
        (text("a"), "train part: a text of 1 symbols has no next symbol"),
    ],
)
def test_what_has_no_symbols_is_refused(data, message):
    with pytest.raises(TuinetError, match=message):
        encode_dataset(data)


def test_a_text_of_unknown_symbols_only_is_encoded():
    encoded = encode_dataset(text("abcabc"))
    other = Texts(["😀😀😀"])
    split = encode_split(Split(other, other), "next-symbol", encoded.vocabulary, encoded.target_vocabulary, 64)
    assert split.inputs.tolist() == [[0, 0]] and split.targets.tolist() == [[0, 0]]


def test_many_ids_lie_in_a_file_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = np.arange(600_000, dtype=np.uint16)
    kept = set_aside(ids)
    assert type(kept) is np.ndarray and kept.dtype == ids.dtype and not kept.flags.writeable
    np.testing.assert_array_equal(kept, ids)
    assert set_aside(ids[:10]).flags.writeable  # few stay where they are

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", full)
    assert set_aside(ids) is ids
