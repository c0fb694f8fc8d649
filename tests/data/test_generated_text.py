"""Texts made by a rule: the rules hold, checked in another way than they were made, and no question comes twice."""

import datetime
import re
from itertools import combinations
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuinet.data.dates import FORMS, MONTHS, WEEKDAYS, Dates, ending, written
from tuinet.data.encoding import encode_dataset
from tuinet.data.generated_text import Add, Brackets, Copy, Recall, Reverse, bracket_tags
from tuinet.data.sources import Source
from tuinet.errors import TuinetError

HERE = Path()
ALL = [Copy(), Reverse(), Add(), Dates(), Brackets(), Recall()]
SMALL = {"samples": 300, "validation": 50, "test": 60}


def parts(source, seed=0):
    splits = source.load(HERE, seed).splits
    return {name: tuple(map(list, split.take(slice(None)))) for name, split in splits.items()}


def kind(source):
    return source.__struct_config__.tag


@pytest.mark.parametrize("source", ALL, ids=kind)
def test_the_parts_have_the_sizes_asked_for(source):
    data = msgspec.structs.replace(source, **SMALL).load(HERE, 0)
    assert data.info.sizes == {"train": 300, "validation": 50, "test": 60}
    assert data.info == msgspec.structs.replace(source, **SMALL).describe(HERE) and data.name == kind(source)
    assert list(msgspec.structs.replace(source, **SMALL | {"validation": 0}).load(HERE, 0).splits) == ["train", "test"]


@pytest.mark.parametrize("source", ALL, ids=kind)
def test_the_seed_decides_and_nothing_else(source):
    small = msgspec.structs.replace(source, **SMALL)
    assert str(parts(small, 1)) == str(parts(small, 1)) != str(parts(small, 2))
    fixed = msgspec.structs.replace(small, seed=1)
    assert str(parts(fixed, 5)) == str(parts(small, 1))


@pytest.mark.parametrize("source", [source for source in ALL if not isinstance(source, Recall)], ids=kind)
def test_no_question_of_one_part_is_asked_in_another(source):
    asked = [set(inputs) for inputs, _ in parts(source).values()]
    assert len(asked) == 3 and not any(first & second for first, second in combinations(asked, 2))


@pytest.mark.parametrize("source", ALL, ids=kind)
def test_they_are_encoded_as_their_task_wants(source):
    info = encode_dataset(msgspec.structs.replace(source, **SMALL).load(HERE, 0)).dataset.info
    assert info.input_shape.ids > 3 and info.length > 3
    assert (info.target_ids > 3) == (info.task == "seq2seq") and (info.classes > 1) == (info.task != "seq2seq")
    assert (info.target_length == info.length) == (kind(source) in ("copy", "reverse", "brackets"))


def test_copy_and_reverse():
    for source, step in ((Copy(letters=3, minimum_length=4, maximum_length=9, **SMALL), 1), (Reverse(), -1)):
        for inputs, targets in parts(source).values():
            assert targets == [text[::step] for text in inputs]
            lengths = {len(text) for text in inputs}
            assert lengths == set(range(source.minimum_length, source.maximum_length + 1))
    assert set("".join(parts(Copy(letters=3, **SMALL))["train"][0])) == set("abc")


def test_add():
    for digits in (1, 3, 18):
        source = Add(digits=digits, samples=40, validation=10, test=10)
        for inputs, targets in parts(source).values():
            for text, answer in zip(inputs, targets, strict=True):
                first, second = re.fullmatch(r"(0|[1-9]\d*)\+(0|[1-9]\d*)", text).groups()
                assert int(answer) == int(first) + int(second) and max(len(first), len(second)) <= digits
    for inputs, _ in parts(Add()).values():  # the short numbers are shared out, too
        lengths = np.bincount([len(text.split("+")[0]) for text in inputs])
        assert lengths[1:].min() > 0.15 * lengths.sum()


def read_date(text):
    """A date as a person reads it: words and numbers apart, whatever the order."""
    text = text.lower()
    if re.fullmatch(r"\d{8}", text):
        return datetime.date(int(text[:4]), int(text[4:6]), int(text[6:]))
    numbers = [int(number) for number in re.findall(r"\d+", text)]
    words = re.findall("[a-z]{3,}", re.sub(r"(?<=\d)(st|nd|rd|th)", "", text).replace("the ", ""))
    months = [n for n, name in enumerate(MONTHS, 1) for word in words if word in (name.lower(), name[:3].lower())]
    year = next(number for number in numbers if number > 999)
    rest = [number for number in numbers if number != year]
    month = months[0] if months else rest[0] if numbers[0] == year else rest[1]
    day = rest[0] if months or numbers[0] != year else rest[1]
    days = [n for n, name in enumerate(WEEKDAYS) for word in words if word in (name.lower(), name[:3].lower())]
    date = datetime.date(year, month, day)
    assert not days or days == [date.weekday()]
    return date


def test_dates_are_the_same_dates():
    for inputs, targets in parts(Dates()).values():
        for text, answer in zip(inputs, targets, strict=True):
            assert read_date(text).isoformat() == answer and 1900 <= int(answer[:4]) <= 2099


def test_a_date_is_in_one_part_only():
    days = [set(targets) for _, targets in parts(Dates(first_year=2000, last_year=2001)).values()]
    assert not any(first & second for first, second in combinations(days, 2)) and len(set.union(*days)) > 600


def test_every_form_of_a_date():
    date = datetime.date(2024, 3, 3)
    made = [written(date, form) for form in range(len(FORMS))]
    assert len(set(made)) == len(made) == 28 and all(read_date(text) == date for text in made)
    wanted = {"3rd of March 2024", "March 3, 2024", "Sunday 3 Mar 2024", "03/03/2024", "3.3.2024", "20240303"}
    assert wanted < set(made) and written(date, 1, 0.05) == "3 mar 2024" and written(date, 1, 0.12) == "3 MAR 2024"
    assert [ending(day) for day in (1, 2, 3, 4, 11, 12, 13, 21, 22, 23, 30, 31)] == (
        ["st", "nd", "rd", "th", "th", "th", "th", "st", "nd", "rd", "th", "st"]
    )


def struck_out(text):
    """The places of matched brackets: pairs with nothing but letters between them are struck out until none is left."""
    left = [(place, symbol) for place, symbol in enumerate(text) if symbol in "()[]{}<>"]
    struck = set()
    while True:
        for n in range(len(left) - 1):
            if left[n][1] + left[n + 1][1] in ("()", "[]", "{}", "<>"):
                struck |= {left[n][0], left[n + 1][0]}
                del left[n : n + 2]
                break
        else:
            return struck


@given(st.text(st.sampled_from("()[]{}<>a")))
def test_the_rule_of_brackets(text):
    struck = struck_out(text)
    expected = [0 if symbol == "a" else 1 if place in struck else 2 for place, symbol in enumerate(text)]
    assert bracket_tags(text, Brackets.pairs) == expected


def test_brackets_by_hand():
    assert bracket_tags("(a[])b]", ("()", "[]")) == [1, 0, 1, 1, 1, 0, 2]
    assert bracket_tags("([)]", ("()", "[]")) == [2, 2, 2, 2] and bracket_tags("(]()", ("()", "[]")) == [2, 2, 1, 1]


def test_brackets_are_tagged_and_no_tag_is_rare():
    data = Brackets().load(HERE, 0)
    for split in data.splits.values():
        inputs, targets = split.take(slice(None))
        assert set("".join(inputs)) - set("abcdefghijklmnopqrstuvwxyz") == set("()[]{}")
        for row, text in enumerate(inputs):
            struck = struck_out(text)
            assert {n for n, tag in enumerate(targets.row(row)) if data.labels[tag] == "matched"} == struck
            assert [tag == 0 for tag in targets.row(row)] == [symbol.isalpha() for symbol in text]
        shares = np.bincount(targets.values) / len(targets.values)
        assert shares.min() > 0.15
    pure = Brackets(faults=0.0, **SMALL).load(HERE, 0).splits["train"].targets
    assert pure.values.max() == 1


def test_recall():
    data = Recall(distance=7, more=3, symbols=4, distractors=2, **SMALL).load(HERE, 0)
    for split in data.splits.values():
        inputs, targets = split.take(slice(None))
        assert [data.labels[target] for target in targets] == [text[0] for text in inputs]
        assert all(re.fullmatch("[A-D][ab]{7,10}", text) for text in inputs)
    assert {len(text) for text in data.splits["train"].inputs} == {8, 9, 10, 11}
    assert {len(text) for text in parts(Recall(distance=100, **SMALL))["test"][0]} == {101}
    assert np.bincount(data.splits["train"].targets).min() > 40


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (Copy(minimum_length=5, maximum_length=4), r"data\.source\.minimum_length: 5 is more than maximum_length, 4"),
        (
            Copy(letters=2, maximum_length=4),
            r"12,000 different samples were wanted, but after many tries there were 24",
        ),
        (Add(digits=1), "22,000 different samples were wanted, but after many tries there were 100"),
        (Dates(first_year=2001, last_year=2000), "first_year: 2001 is after last_year, 2000"),
        (Recall(distance=10_000, samples=100_000), r"data\.source\.distance: more than the 200,000,000 characters"),
        (Brackets(maximum_length=10_000, samples=100_000), "maximum_length: more than the 200,000,000 characters"),
    ],
)
def test_settings_that_cannot_be_are_refused(source, message):
    with pytest.raises(TuinetError, match=message):
        source.load(HERE, 0)


@pytest.mark.parametrize(
    "spec",
    [
        {"kind": "copy", "samples": 0},
        {"kind": "add", "digits": 19},
        {"kind": "brackets", "kinds": 5},
        {"kind": "brackets", "faults": 1.5},
        {"kind": "recall", "symbols": 1},
        {"kind": "recall", "distance": 0},
        {"kind": "dates", "first_year": 999},
        {"kind": "reverse", "letters": 27},
    ],
)
def test_values_out_of_their_limits_are_refused(spec):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(spec, Source)
