"""Readers of texts: what they take, and that everything else is refused in words that name the line."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from tuinet.data.encoding import encode_dataset
from tuinet.data.json_lines import JsonLines
from tuinet.data.labelled_text import LabelledText
from tuinet.data.pairs import PairsFile, ParallelFiles
from tuinet.data.sources import load, source_from_argument
from tuinet.data.splits import SplitSettings
from tuinet.data.text_file import TextFile
from tuinet.data.text_lines import MAX_LINE, lines_of
from tuinet.data.vocabulary import Tokens
from tuinet.errors import TuinetError
from tuinet.nn.layer import Shape


@pytest.fixture
def write(tmp_path):
    def to(content, name="f"):
        data = content.encode() if isinstance(content, str) else content
        (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return tmp_path

    return to


def rows(dataset, part="train"):
    inputs, targets = dataset.splits[part].take(slice(None))
    return list(inputs), list(targets) if not isinstance(targets, np.ndarray) else targets.tolist()


# Plain text


def test_a_text_is_one_row(write):
    data = TextFile("play.txt").load(write("To be,\r\nor not\n", "play.txt"), 0)
    assert rows(data)[0] == ["To be,\nor not\n"] and data.name == "play"
    assert (data.task, data.input_shape, data.tokens) == ("next-symbol", Shape.tokens(0), Tokens())
    assert data.info.sizes == {"train": 14}


def test_parts_of_a_text_come_from_its_end_or_from_files_of_their_own(write):
    folder = write("0123456789", "a.txt")
    write("test!", "b.txt.gz")
    data = load(TextFile("a.txt", test_path="b.txt.gz"), SplitSettings(validation=0.3), 0, folder)
    assert {part: rows(data, part)[0] for part in data.splits} == {
        "train": ["0123456"],
        "validation": ["789"],
        "test": ["test!"],
    }


def test_a_text_may_be_one_long_line(write):
    data = TextFile("f").load(write("word " * 500_000), 0)
    assert data.info.sizes == {"train": 2_500_000}


# What all refuse

SOURCES = [TextFile("f"), PairsFile("f"), LabelledText("f"), JsonLines("f"), ParallelFiles("f", "f")]


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.__struct_config__.tag)
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a\tb\n\xff\xfe\n", r"f, line 2, byte 1 is not UTF-8"),
        (b"{}\na\xc3\n", r"f, line 2, byte 2 is not UTF-8|f, line 1"),
        (b"a\tb\n\xed\xa0\x80\tc\n", r"f, line 2, byte 1 is not UTF-8"),  # half a surrogate pair
        (b"a\tb\nx\0\ty\n", r"f, line 2 holds the control character U\+0000"),
        (b"a\tb\nx\x1b[31m\ty\n", r"f, line 2 holds the control character U\+001B"),
        ("a\tb\nx\u0085\ty\n".encode(), r"f, line 2 holds the control character U\+0085"),
        (b"a\tb\nx\ry\tz\n", r"f, line 2 holds the control character U\+000D"),
        (b"", r"f(: a text of 0| is empty| and .* are empty)"),
    ],
)
def test_what_is_no_text_is_refused_with_its_line(write, source, content, message):
    if isinstance(source, JsonLines):
        content = content.replace(b"a\tb\n", b'{"text": "a", "label": "b"}\n')
    with pytest.raises(TuinetError, match=message):
        source.load(write(content), 0)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.__struct_config__.tag)
def test_a_missing_file_a_folder_and_a_broken_gzip_are_refused(tmp_path, source):
    with pytest.raises(TuinetError, match="there is no file"):
        source.load(tmp_path, 0)
    (tmp_path / "f").mkdir()
    with pytest.raises(TuinetError, match="is not a file"):
        source.load(tmp_path, 0)
    for content in (b"plain", gzip.compress(b"a\tb\n" * 1000)[:40], gzip.compress(b"a\tb\n")[:-8] + bytes(8)):
        (tmp_path / "f.gz").write_bytes(content)
        with pytest.raises(TuinetError, match="is damaged or no gzip file"):
            [*lines_of(tmp_path / "f.gz")]
        with pytest.raises(TuinetError, match="is damaged or no gzip file"):
            TextFile("f.gz").load(tmp_path, 0)


@pytest.mark.parametrize("letter", ["x", "é", "漢", "😀"])
def test_a_line_may_have_a_million_characters_and_no_more(write, letter):
    folder = write(letter * (MAX_LINE - 2) + "\ty\nz\tz\n")
    assert len(rows(PairsFile("f").load(folder, 0))[0][0]) == MAX_LINE - 2
    for end in ("\n", "\r\n", ""):
        assert [len(line) for _, line in lines_of(write(letter * MAX_LINE + end) / "f")] == [MAX_LINE]
    for more in (1, 3 * MAX_LINE + 2):
        with pytest.raises(TuinetError, match=r"f, line 2 is longer than 1,000,000 characters"):
            PairsFile("f").load(write("a\tb\n" + letter * (MAX_LINE + more) + "\ty\n"), 0)


# Pairs


def test_pairs_of_any_script(write):
    content = "\ufeffGo.\tVa !\tCC-BY\r\n\r\n👩‍🚀 hi\tשלום עולם\n   \n x \t y "
    data = PairsFile("f.txt").load(write(content, "f.txt"), 0)
    assert rows(data) == (["Go.", "👩‍🚀 hi", "x"], ["Va !", "שלום עולם", "y"])
    assert (data.task, data.name, data.tokens, data.target_tokens) == ("seq2seq", "f", Tokens("words"), Tokens("words"))
    swapped = PairsFile("f.txt", swap=True, test_path="f.txt").load(write(content, "f.txt"), 0)
    assert rows(swapped, "test")[0][0] == "Va !" and encode_dataset(swapped).dataset.info.target_ids == 10


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a\tb\nno tabulator\n", r"f, line 2 has no TAB"),
        ("a\tb\n\tb\n", r"f, line 2: the text before the TAB is empty"),
        ("a\tb\n\na\t \tc\n", r"f, line 3: the target is empty"),
        (" \n\n", r"f is empty"),
    ],
)
def test_lines_that_are_no_pairs_are_refused(write, content, message):
    with pytest.raises(TuinetError, match=message):
        PairsFile("f").load(write(content), 0)


def test_two_files_in_step(write):
    folder = write("one\n\n two\n", "en.gz")
    write("eins\n\nzwei", "de")
    source = ParallelFiles("en.gz", "de", test_source_path="en.gz", test_target_path="de")
    data = source.load(folder, 0)
    assert rows(data) == rows(data, "test") == (["one", "two"], ["eins", "zwei"]) and data.name == "en"
    write("eins\nzwei\n", "de")
    with pytest.raises(TuinetError, match=r"en\.gz has 3 lines, but .*de has 2"):
        source.load(folder, 0)
    write("eins\n\n\n", "de")
    with pytest.raises(TuinetError, match=r"de, line 3 is empty, but its other side is not"):
        source.load(folder, 0)
    with pytest.raises(TuinetError, match="test_source_path and test_target_path come together"):
        ParallelFiles("en.gz", "en.gz", test_source_path="en.gz").load(folder, 0)


# Labels


def test_texts_with_labels(write):
    folder = write("a fine film\tgood\nbad\tbad\nfine\tgood\n", "train.tsv")
    write("odd\tbad\n", "test.tsv")
    data = LabelledText("train.tsv", test_path="test.tsv").load(folder, 0)
    assert data.labels == ("bad", "good") and rows(data) == (["a fine film", "bad", "fine"], [1, 0, 1])
    assert rows(data, "test") == (["odd"], [0]) and data.task == "classification" and data.name == "train"
    encoded = encode_dataset(data)
    assert encoded.vocabulary is not None and encoded.target_vocabulary is None
    assert encoded.dataset.info.length == 5 / 3 and encoded.dataset.info.classes == 2
    write("odd\tstrange\n", "test.tsv")
    with pytest.raises(
        TuinetError, match=r"\(test part\), row 1: there is no 'strange' in training\nlabels: bad, good"
    ):
        LabelledText("train.tsv", test_path="test.tsv").load(folder, 0)
    with pytest.raises(TuinetError, match="line 1: the label is empty"):
        LabelledText("test.tsv").load(write("odd\t\n", "test.tsv"), 0)


# JSON lines


def json_lines(*objects):
    return "\n".join(map(json.dumps, objects)) + "\n"


@pytest.mark.parametrize(
    ("target", "task", "stored", "labels"),
    [
        (["b", "a", "b"], "classification", [1, 0, 1], ("a", "b")),
        ([True, False, True], "classification", [1, 0, 1], ("false", "true")),
        ([7, 3, 3], "classification", [1, 0, 0], ("3", "7")),
        ([0.5, 1, -2.0], "regression", [[0.5], [1.0], [-2.0]], ()),
    ],
)
def test_the_task_follows_from_the_targets(write, target, task, stored, labels):
    data = JsonLines("f", target="y").load(write(json_lines(*({"text": "t", "y": y, "id": 1} for y in target))), 0)
    assert (data.task, rows(data)[1], data.labels) == (task, stored, labels)
    assert data.target_names == (("y",) if task == "regression" else ())


def test_a_string_can_be_a_text_to_produce(write):
    folder = write(json_lines({"en": "a\tb", "fr": "x\ny"}))
    data = JsonLines("f", input="en", target="fr", task="seq2seq", test_path="f").load(folder, 0)
    assert rows(data) == rows(data, "test") == (["a\tb"], ["x\ny"]) and data.target_tokens == Tokens("words")


def test_lists_of_words_and_tags(write):
    folder = write(
        json_lines({"text": ["The", "cat's", "!"], "label": ["D", "N", "."]}, {"text": ["A"], "label": ["D"]})
    )
    data = JsonLines("f").load(folder, 0)
    assert data.task == "tagging" and data.labels == (".", "D", "N") and data.tokens == Tokens("symbols")
    assert rows(data)[0] == ["The cat's !", "A"] and data.splits["train"].targets.row(0).tolist() == [1, 2, 0]
    assert encode_dataset(data).dataset.info.length == 2.0
    folder = write(json_lines({"text": "ab", "label": ["x", "y"]}))
    encoded = encode_dataset(JsonLines("f").load(folder, 0), Tokens())
    assert encoded.dataset.splits["train"].inputs.row(0).tolist() == [3, 4]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", r"f, line 1 is not JSON: .*\nwrite one object a line"),
        ("[" * 100_000, r"f, line 1 is not JSON"),
        ("3", r"f, line 1 is no JSON object"),
        ('{"text": "a"}', r"f, line 1 has no key 'label'\nits keys: text"),
        ('{"text": 3, "label": 1}', r"f, line 1: 'text' is no text"),
        ('{"text": " ", "label": 1}', r"f, line 1: 'text' is empty"),
        ('{"text": [], "label": []}', r"f, line 1: 'text' is empty"),
        ('{"text": "a\\u0000", "label": 1}', r"f, line 1: 'text' holds the control character U\+0000"),
        ('{"text": "\\ud800", "label": 1}', r"f, line 1 is not JSON"),
        ('{"text": ["a b"], "label": ["x"]}', r'f, line 1: "a b" in \'text\' is no word'),
        ('{"text": ["a", 1], "label": ["x"]}', r"f, line 1: 1 in 'text' is no word"),
        ('{"text": ["a"], "label": ["x", "y"]}', r"f, line 1: 2 tags for 1 words"),
        ('{"text": "a", "label": []}', r"f, line 1: there are no tags"),
        ('{"text": "a", "label": ["x"]}\n{"text": "a", "label": "x"}', r"f, line 2: the target is no list"),
        ('{"text": "a", "label": null}', r"f, line 1: the target null names no class"),
        ('{"text": "a", "label": "\\u0007"}', r"f, line 1: the target holds the control character U\+0007"),
        ('{"text": "a", "label": 1.5}\n{"text": "a", "label": "x"}', r"f, line 2: the target is no finite number"),
        ('{"text": "a", "label": 1e39}', r"f, line 1: the target is no finite number"),
        (
            '{"text": "a", "label": "x"}\n{"text": ["a"], "label": "x"}',
            r"f, line 2: strings and lists of words are mixed",
        ),
        ("\n \n", r"f is empty"),
    ],
)
def test_lines_that_say_nothing_are_refused(write, content, message):
    with pytest.raises(TuinetError, match=message):
        JsonLines("f").load(write(content), 0)


def test_files_of_text_are_known_by_their_endings(tmp_path):
    for name, kind in (("a.txt", TextFile), ("a.jsonl", JsonLines)):
        (tmp_path / name).write_text("x")
        assert source_from_argument(str(tmp_path / name)) == kind(str(tmp_path / name))


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.__struct_config__.tag)
def test_describing_says_the_same_as_loading(write, source):
    folder = write('{"text": "a\\tb", "label": "c"}\n' if isinstance(source, JsonLines) else "a\tb\n")
    assert source.describe(folder) == source.load(folder, 0).info
    assert source.load(Path(folder), 3).info.sizes["train"] in (1, 4)
