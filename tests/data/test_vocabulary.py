"""How texts are cut and put together again, and which symbols get which numbers."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuinet.data.vocabulary import END, MAX_SYMBOL, SPECIAL, START, UNKNOWN, Tokens, Vocabulary
from tuinet.errors import TuinetError

WORDS, CHARACTERS, SYMBOLS = Tokens("words"), Tokens(), Tokens("symbols")


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Hello, world!", ["Hello", "￭,", "world", "￭!"]),
        ("(yes), no", ["(￭", "yes", "￭)", "￭,", "no"]),
        ("Ça va !", ["Ça", "va", "!"]),
        ("J'ai fini, l’eau", ["J'", "ai", "fini", "￭,", "l’", "eau"]),
        ("don't 'quote' dogs' x'", ["don'", "t", "'￭", "quote", "￭'", "dogs", "￭'", "x", "￭'"]),
        ("Lève-toi...", ["Lève", "￭-￭", "toi", "￭.", "￭.", "￭."]),
        ("3.14 a_b", ["3", "￭.￭", "14", "a_b"]),
        ("one\ntwo\n\nthree", ["one", "\n", "two", "\n", "\n", "three"]),
        ("e\u0301te\u0301 😀👍 שלום", ["e\u0301te\u0301", "😀", "￭👍", "שלום"]),
        ("￭ ￭a, a￭", ["￭", "￭a", "￭,", "a￭"]),
        ("￭'1", ["￭", "￭'￭", "1"]),
        ("  \u00a0 ", []),
    ],
)
def test_words_and_marks_apart(text, tokens):
    assert WORDS.split(text) == tokens
    assert WORDS.join(tokens) == "\n".join(" ".join(line.split()) for line in text.split("\n"))


@given(st.text(st.sampled_from("aé1_'’.,-(￭\u0301 \u202f\n😀!")) | st.text())
def test_joining_words_undoes_the_cut_but_for_spaces(text):
    lines = [" ".join(line.split()) for line in text.split("\n")]
    assert WORDS.join(WORDS.split(text)) == "\n".join(lines)


@given(st.text())
def test_joining_characters_undoes_the_cut(text):
    assert CHARACTERS.join(CHARACTERS.split(text)) == text
    assert SYMBOLS.join(SYMBOLS.split(text)) == " ".join(text.split())


def test_capitals_become_small_ones_before_the_cut():
    assert Tokens("words", lowercase=True).split("The THE the") == ["the"] * 3
    assert Tokens(lowercase=True).split("ÀB") == ["à", "b"]


def test_the_most_frequent_come_first_and_equals_by_code_point():
    vocabulary = Vocabulary.build(SYMBOLS, ["b a c", "c d a", "Z c"])
    assert vocabulary.symbols == (*SPECIAL, "c", "a", "Z", "b", "d")
    assert [vocabulary.symbol(number) for number in (UNKNOWN, START, END, 3)] == ["<unk>", "<start>", "<end>", "c"]
    assert len(vocabulary) == 8


def test_minimum_count_and_size():
    texts = ["a a a b b c"]
    assert Vocabulary.build(Tokens("symbols", minimum_count=2), texts).symbols[3:] == ("a", "b")
    assert Vocabulary.build(Tokens("symbols", size=1), texts).symbols[3:] == ("a",)
    with pytest.raises(TuinetError, match=r"no symbol occurs 4 times in the training part \(the most frequent: 3\)"):
        Vocabulary.build(Tokens("symbols", minimum_count=4), texts)
    with pytest.raises(TuinetError, match="no symbol occurs 1 times"):
        Vocabulary.build(WORDS, [" "])


def test_ids_by_hand():
    vocabulary = Vocabulary.build(CHARACTERS, ["abba a"])
    assert vocabulary.symbols[3:] == ("a", "b", " ")
    assert vocabulary.encode("ab c").tolist() == [3, 4, 5, UNKNOWN] and vocabulary.encode("").tolist() == []
    assert vocabulary.decode([START, 3, UNKNOWN, 4, END, 3, 3]) == "ab"
    assert vocabulary.encode("😀\U0010ffffz").tolist() == [UNKNOWN] * 3


def test_no_text_can_spell_a_special_symbol():
    vocabulary = Vocabulary.build(SYMBOLS, ["a <end> <start> <unk> <end> <end>"])
    assert vocabulary.symbols == (*SPECIAL, "a") and vocabulary.encode("<end> a <unk>").tolist() == [0, 3, 0]


def test_a_monstrous_word_is_unknown():
    vocabulary = Vocabulary.build(WORDS, ["a " + "x" * (MAX_SYMBOL + 1)])
    assert vocabulary.symbols[3:] == ("a",) and vocabulary.encode("x" * 10**6).tolist() == [UNKNOWN]


@given(st.lists(st.text(min_size=1), min_size=1), st.sampled_from([CHARACTERS, Tokens(lowercase=True)]))
def test_characters_come_back(texts, tokens):
    vocabulary = Vocabulary.build(tokens, texts)
    for text in texts:
        ids = vocabulary.encode(text)
        assert ids.dtype == vocabulary.dtype and ids.min() > END
        assert vocabulary.decode(ids) == (text.lower() if tokens.lowercase else text)


@given(st.lists(st.text(), min_size=1))
def test_words_come_back(texts):
    vocabulary = Vocabulary.build(WORDS, ["always", *texts])
    for text in texts:
        expected = "\n".join(" ".join(line.split()) for line in text.split("\n"))
        assert vocabulary.decode(vocabulary.encode(text)) == expected


def test_ids_are_as_small_as_they_can_be():
    def of(count):
        return Vocabulary(SYMBOLS, (*SPECIAL, *(f"w{n}" for n in range(count - 3)))).encode("w0").dtype

    assert [of(count) for count in (256, 257, 65_536, 65_537)] == [np.uint8, np.uint16, np.uint16, np.int32]


def test_it_survives_json_and_is_checked_when_it_comes_back():
    vocabulary = Vocabulary.build(WORDS, ["Ça va, « mon » ami ?"])
    vocabulary.encode("x")  # what it keeps for itself is no part of it
    back = msgspec.json.decode(msgspec.json.encode(vocabulary), type=Vocabulary)
    back.check()
    assert back == vocabulary and back.encode("mon ami, zut").tolist() == vocabulary.encode("mon ami, zut").tolist()


@pytest.mark.parametrize(
    ("tokens", "symbols", "message"),
    [
        (SYMBOLS, ("a", "b", "c"), "begins with <unk>, <start>, <end>"),
        (SYMBOLS, (*SPECIAL, "a", "a"), "holds a symbol twice"),
        (SYMBOLS, (*SPECIAL, "<end>"), "holds a symbol twice"),
        (SYMBOLS, (*SPECIAL, ""), "symbol 3 of a vocabulary has 0 characters, not 1 to 1,000"),
        (CHARACTERS, (*SPECIAL, "a", "bc"), "symbol 4 of a vocabulary has 2 characters, not 1 to 1"),
        (SYMBOLS, (*SPECIAL, "x" * 1001), "has 1,001 characters"),
        (SYMBOLS, (*SPECIAL, *map(str, range(99_998))), "100,001 symbols; at most 100,000"),
    ],
)
def test_a_vocabulary_that_cannot_be_is_refused(tokens, symbols, message):
    with pytest.raises(TuinetError, match=message):
        Vocabulary(tokens, symbols).check()
