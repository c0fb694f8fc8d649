"""Target codes: worked words, round trips, and what lies between the words."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuinet.data.coding import Coding, binary_width
from tuinet.errors import TuinetError


def test_one_hot_puts_high_at_the_class_and_low_elsewhere():
    assert Coding("one-hot", classes=3).encode([2, 0]).tolist() == [[0, 0, 1], [1, 0, 0]]
    assert Coding("one-hot", low=-1, classes=3).encode([1]).tolist() == [[-1, 1, -1]]


def test_binary_words_are_the_bits_of_the_class_most_significant_first():
    """Six classes, three perceptrons: class 4 is 100, class 3 is 011."""
    coding = Coding("binary", low=-1, classes=6)
    assert coding.outputs == 3
    assert coding.encode([4, 3, 5, 0]).tolist() == [[1, -1, -1], [-1, 1, 1], [1, -1, 1], [-1, -1, -1]]


@pytest.mark.parametrize(
    ("classes", "width"), [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (8, 3), (9, 4), (10, 4), (1000, 10)]
)
def test_binary_width_is_the_logarithm_rounded_up(classes, width):
    assert binary_width(classes) == width


@given(
    st.sampled_from(["one-hot", "binary"]), st.integers(1, 40), st.sampled_from([(0.0, 1.0), (-1.0, 1.0), (0.1, 0.9)])
)
def test_every_class_survives_the_round_trip(kind, classes, levels):
    coding = Coding(kind, *levels, classes)
    ids = np.arange(classes)
    words = coding.encode(ids)
    assert words.shape == (classes, coding.outputs) and words.dtype == np.float32
    assert len({tuple(word) for word in words.tolist()}) == classes
    assert coding.decode(words).tolist() == ids.tolist()


def test_ids_stay_whole_numbers_and_decode_to_the_largest_output():
    coding = Coding("ids", classes=3)
    ids = coding.encode(np.array([2, 0], np.uint8))
    assert ids.tolist() == [2, 0] and ids.dtype == np.intp and coding.outputs == 3
    assert coding.decode([[0.1, 0.7, 0.2], [5.0, 5.0, 1.0]]).tolist() == [1, 0]


def test_binary_decides_at_the_middle_and_a_tie_is_a_one():
    sign, logistic = Coding("binary", low=-1, classes=4), Coding("binary", classes=4)
    assert sign.decode([[0.0, -0.001], [-0.2, 0.3]]).tolist() == [2, 1]
    assert logistic.decode([[0.5, 0.49], [0.2, 0.9]]).tolist() == [2, 1]


def test_bits_that_name_no_class_go_to_the_nearest_word():
    """Three classes: 00, 01, 10. The bits 11 are none; (0.9, 0.6) lies nearer to 10 than to 01, (0.6, 0.9) to 01."""
    coding = Coding("binary", classes=3)
    assert coding.decode([[0.9, 0.6], [0.6, 0.9], [0.9, 0.1]]).tolist() == [2, 1, 2]


def test_real_values_become_columns_and_have_no_words():
    coding = Coding("values")
    assert coding.encode([1.5, 2.5]).tolist() == [[1.5], [2.5]]
    assert coding.encode([[1.0, 2.0]], np.float64).dtype == np.float64
    assert coding.outputs is None
    with pytest.raises(ValueError, match="no code words"):
        coding.words()
    with pytest.raises(ValueError, match="no classes"):
        coding.decode([[1.0]])


@pytest.mark.parametrize("wrong", [[3], [0, -1]])
@pytest.mark.parametrize("kind", ["ids", "one-hot", "binary"])
def test_a_class_outside_the_code_is_an_error(kind, wrong):
    with pytest.raises(TuinetError, match=rf"class {wrong[-1]} is outside 0 … 2"):
        Coding(kind, classes=3).encode(wrong)


def test_a_coding_saves_as_json():
    coding = Coding("binary", low=-1.0, classes=6)
    assert msgspec.json.decode(msgspec.json.encode(coding), type=Coding) == coding
