"""CSV tables: what the columns are taken for, worked by hand, and every way a table can be wrong."""

import numpy as np
import pytest

from tuinet.data import csv_rows
from tuinet.data.csv_file import CsvFile, rows_from_csv
from tuinet.data.dataset import Column
from tuinet.errors import TuinetError

FLOWERS = """length,colour,kind
1.5,red,rose
2.5,blue,iris
3,red,rose
"""


def load(folder, text, **settings):
    data = text if isinstance(text, bytes) else text.encode()
    (folder / "table.csv").write_bytes(data)
    source = CsvFile("table.csv", **settings)
    dataset = source.load(folder, 0)
    assert source.describe(folder) == dataset.info
    split = dataset.splits["train"]
    return dataset, split.inputs.tolist(), split.targets.tolist()


def refused(folder, text, **settings):
    with pytest.raises(TuinetError) as caught:
        load(folder, text, **settings)
    return str(caught.value)


def test_words_become_one_input_each_and_classes_are_sorted(tmp_path):
    dataset, inputs, targets = load(tmp_path, FLOWERS)
    assert inputs == [[1.5, 0, 1], [2.5, 1, 0], [3, 0, 1]]
    assert targets == [1, 0, 1] and dataset.labels == ("iris", "rose")
    assert dataset.columns == (Column("length"), Column("colour", ("blue", "red")))
    assert dataset.task == "classification" and dataset.input_shape.sizes == (3,) and dataset.name == "table"


@pytest.mark.parametrize("target", ["length", 0, -3])
def test_the_target_by_name_or_number(tmp_path, target):
    dataset, inputs, targets = load(tmp_path, FLOWERS, target=target)
    assert dataset.task == "regression" and dataset.target_names == ("length",) and dataset.labels == ()
    assert targets == [[1.5], [2.5], [3]]
    assert inputs == [[0, 1, 0, 1], [1, 0, 1, 0], [0, 1, 0, 1]]


def test_a_header_is_found_where_numbers_begin_below_it(tmp_path):
    assert [column.name for column in load(tmp_path, "a,b\n1,x\n2,y\n")[0].columns] == ["a"]
    dataset, inputs, _ = load(tmp_path, "1,x\n2,y\n")
    assert [column.name for column in dataset.columns] == ["column 1"] and inputs == [[1], [2]]
    assert load(tmp_path, "1,x\n2,y\n", header=False)[1] == [[1], [2]]
    assert load(tmp_path, "2019,x\n1,y\n2,z\n", header=True)[1] == [[1], [2]]
    assert load(tmp_path, "a,b\nx,y\nz,y\n", header=True)[1] == [[1, 0], [0, 1]]
    assert "header = true or header = false" in refused(tmp_path, "a,b\nx,y\nz,y\n")


def test_few_whole_numbers_are_classes_many_or_broken_ones_are_not(tmp_path):
    few = "".join(f"{n},{n % 3 - 1}\n" for n in range(30))
    dataset, _, targets = load(tmp_path, few)
    assert dataset.labels == ("-1", "0", "1") and targets[:4] == [0, 1, 2, 0]
    assert load(tmp_path, few, task="regression")[2][:2] == [[-1], [0]]
    many = "".join(f"{n},{n % 25}\n" for n in range(100))
    assert load(tmp_path, many)[0].task == "regression"
    assert len(load(tmp_path, many, task="classification")[0].labels) == 25
    halves = "".join(f"{n},{n % 3 / 2}\n" for n in range(30))
    assert load(tmp_path, halves)[0].task == "regression"
    assert load(tmp_path, halves, task="classification")[0].labels == ("0", "0.5", "1")
    once = "1,1\n2,2\n3,3\n"  # few, but none comes twice
    assert load(tmp_path, once)[0].task == "regression"


def test_columns_left_out_and_numbers_taken_as_words(tmp_path):
    text = "id,month,y\n7,1,0.5\n8,12,0.25\n"
    dataset, inputs, _ = load(tmp_path, text, ignore=("id",), categorical=("month",))
    assert dataset.columns == (Column("month", ("1", "12")),) and inputs == [[1, 0], [0, 1]]
    assert load(tmp_path, text, ignore=(0,), categorical=(1,))[0].columns == dataset.columns
    # the nameless first column that pandas writes
    assert "ignore = [0]" in refused(tmp_path, ",a,y\n0,1,0.5\n1,2,0.25\n")
    assert load(tmp_path, ",a,y\n0,1,0.5\n1,2,0.25\n", ignore=(0,))[1] == [[1], [2]]


def test_quotes_spaces_byte_order_mark_empty_lines_and_other_delimiters(tmp_path):
    text = '\ufeffa; "b, c";kind\n\n 1 ; 2;"x ""1"""\n3;4;"y\nz"\r\n'
    dataset, inputs, _ = load(tmp_path, text, delimiter=";")
    assert inputs == [[1, 2], [3, 4]] and dataset.labels == ('x "1"', "y\nz")
    assert [column.name for column in dataset.columns] == ["a", "b, c"]


def test_underscores_make_words_not_numbers(tmp_path):
    dataset, _, _ = load(tmp_path, "age,y\n10_19,1.5\n20_29,2.5\n")
    assert dataset.columns == (Column("age", ("10_19", "20_29")),)


def test_blocks_give_the_same_as_one(tmp_path, monkeypatch):
    text = "n,word,y\n" + "".join(f"{n},{'abc'[n % 3]},{n / 7}\n" for n in range(100))
    whole = load(tmp_path, text)
    monkeypatch.setattr(csv_rows, "BLOCK_CELLS", 9)
    parts = load(tmp_path, text)
    assert parts[1:] == whole[1:] and parts[0].info == whole[0].info


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a,b,y\n1,2,0.5\n1,,0.5\n", "line 3, column 'b' is empty"),
        ("a,b,y\n1,2,0.5\n1,nan,0.5\n", "line 3, column 'b' holds 'nan', which is not a finite number"),
        ("a,b,y\n1,2,0.5\n1,-inf,0.5\n", "line 3, column 'b' holds '-inf'"),
        ("a,b,y\n1,2,0.5\n1,1e39,0.5\n", "line 3, column 'b' holds '1e39'"),
        ("a,b,y\n1,2,0.5\n1,NA,0.5\n1,3,0.5\n", "line 3, column 'b' holds 'NA', which is not a number"),
        ("a,b,y\n1,u,0.5\n1,v,0.5\n1,3,0.5\n", "line 4, column 'b' holds '3', which is a number"),
        ("a,b,y\n1,2,0.5\n1,2\n", "line 3: 2 cells, but line 1 has 3"),
        ("a,b,y\n1,2,0.5\n1,2,3,4\n", "line 3: 4 cells, but line 1 has 3"),
        ("a,a,y\n1,2,0.5\n", "two columns are called 'a'"),
        ("a,b,y\n", "cannot be seen"),
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("y\n1\n", "no input columns"),
        ('a,y\n"1,2\n', "line 2: unexpected end of data"),
        ('a,y\n"1"x,2\n', "line 2: ',' expected"),
        (b"a,y\n1,2\n\xff,3\n", "line 3, byte 1 is not UTF-8"),
        (b"a,y\n1,\x002\n", "line 2 holds a zero byte"),
        ("a,y\n".encode("utf-16"), "line 1 holds a zero byte"),
    ],
)
def test_bad_tables_are_named_by_line_and_column(tmp_path, text, says):
    assert says in refused(tmp_path, text)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"target": "weight"}, "no column 'weight'"),
        ({"target": 3}, "no column 3"),
        ({"target": -4}, "no column -4"),
        ({"ignore": ("weight",)}, "no column 'weight'"),
        ({"target": "kind", "header": False}, "header = false"),
        ({"task": "regression"}, "line 2, column 'kind' holds 'rose', but a regression needs numbers"),
    ],
)
def test_settings_that_do_not_fit_the_table(tmp_path, settings, says):
    assert says in refused(tmp_path, FLOWERS, **settings)


def test_a_header_alone_is_no_data(tmp_path):
    assert "no rows below" in refused(tmp_path, "a,b\n", header=True)


def test_bounds(tmp_path, monkeypatch):
    names = "".join(f"person{n},{n}\n" for n in range(1100))
    message = refused(tmp_path, names)
    assert "line 1002" in message and "1001th different word" in message and "ignore" in message
    assert "more than 1000 different numbers" in refused(
        tmp_path, "".join(f"1,{n}\n" for n in range(1500)), task="classification"
    )
    assert "line 1 is longer than 4 MiB" in refused(tmp_path, "1," * (3 << 20))
    assert "1048576 columns" in refused(tmp_path, "1," * ((1 << 20) - 1) + "1")
    assert "field larger than field limit" in refused(tmp_path, "1,2\n" + "9" * 140_000 + ",2\n")
    monkeypatch.setattr(csv_rows, "MAX_CELLS", 5)
    assert "more than the 5 cells" in refused(tmp_path, "1,2\n3,4\n5,6\n")
    monkeypatch.setattr(csv_rows, "MAX_BYTES", 5)
    assert "is larger than" in refused(tmp_path, "1,2\n3,4\n")


def test_words_may_not_blow_the_inputs_up(tmp_path, monkeypatch):
    monkeypatch.setattr("tuinet.data.csv_file.MAX_CELLS", 90)
    assert "10 rows of 10 inputs" in refused(tmp_path, "".join(f"w{n},{n / 2}\n" for n in range(10)))


def test_files_that_cannot_be_read(tmp_path):
    for name, says in [("none.csv", "no file"), (".", "is not a file"), ("a\0b", "is not a file")]:
        with pytest.raises(TuinetError, match=says):
            CsvFile(name).load(tmp_path, 0)


COLUMNS = (Column("length"), Column("colour", ("blue", "red")))


def test_rows_to_predict_come_with_or_without_names_and_target(tmp_path):
    expected = [[1.5, 0, 1], [2.5, 1, 0]]
    assert rows_from_csv(["1.5,red", "2.5,blue"], COLUMNS).tolist() == expected
    assert rows_from_csv(["kind,colour,length", "?,red,1.5", "?,blue,2.5"], COLUMNS).tolist() == expected
    path = tmp_path / "flowers.csv"
    path.write_text(FLOWERS)
    assert rows_from_csv(path, COLUMNS).tolist() == [*expected, [3, 0, 1]]
    assert np.array_equal(rows_from_csv(path, COLUMNS), CsvFile(path.name).load(tmp_path, 0).splits["train"].inputs)
    assert rows_from_csv(["1.5;red"], COLUMNS, ";").tolist() == expected[:1]


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([], "the input holds no rows"),
        (["length,colour"], "no rows below"),
        (["1.5,red,rose"], "has 3 columns, but the model takes 2"),
        (["1.5,green"], "line 1, column 'colour' holds 'green'\nknown words: blue, red"),
        (["1.5,red", "red,1.5"], "line 2, column 'colour' holds '1.5'|line 2, column 'length' holds 'red'"),
        (["1.5,red", ",red"], "line 2, column 'length' is empty"),
        (["nan,red"], "line 1, column 'length' holds 'nan'"),
        (["1.5,red", "1"], "line 2: 1 cells"),
    ],
)
def test_bad_rows_to_predict(lines, says):
    with pytest.raises(TuinetError) as caught:
        rows_from_csv(lines, COLUMNS)
    assert any(part in str(caught.value) for part in says.split("|"))
