"""Numeric sequences from tables: one row a step."""

import numpy as np
import pytest

from tuinet.data.series import SeriesFile
from tuinet.data.sources import load
from tuinet.data.splits import SplitSettings
from tuinet.errors import TuinetError
from tuinet.nn.layer import Shape

TABLE = "run,x,y,kind\na,1,2,up\na,3,4,up\nb,5,6.5,down\nc,7,8,up\n"


@pytest.fixture
def write(tmp_path):
    def to(content, name="f.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
        return tmp_path

    return to


def test_one_table_with_a_column_that_names_the_sequence(write):
    data = SeriesFile("f.csv", sequence="run").load(write(TABLE), 0)
    inputs, targets = data.splits["train"].take(slice(None))
    assert [inputs.row(n).tolist() for n in range(3)] == [[[1, 2], [3, 4]], [[5, 6.5]], [[7, 8]]]
    assert targets.tolist() == [1, 0, 1] and data.labels == ("down", "up") and data.task == "classification"
    assert data.input_shape == Shape((2,), ("channel",), sequence=True) and data.info.length == 4 / 3
    assert [column.name for column in data.columns] == ["x", "y"] and data.info.sizes == {"train": 3}
    assert SeriesFile("f.csv", sequence="run").describe(write(TABLE)) == data.info


def test_every_step_can_have_a_class(write):
    data = SeriesFile("f.csv", sequence=0, each="step", ignore=("y",)).load(write(TABLE.replace("4,up", "4,no")), 0)
    targets = data.splits["train"].targets
    assert data.task == "tagging" and data.labels == ("down", "no", "up")
    assert [targets.row(n).tolist() for n in range(3)] == [[2, 1], [0], [2]] and data.splits[
        "train"
    ].inputs.values.shape == (4, 1)


def test_a_folder_of_tables_one_a_sequence(write):
    for name, rows in (("b", "1,0.5\n2,0.5\n"), ("a", "3,-1e2\n"), ("c", "4,2\n")):
        folder = write("x,goal\n" + rows, f"runs/{name}.csv")
    data = SeriesFile("runs").load(folder, 0)
    assert data.task == "regression" and data.target_names == ("goal",) and data.name == "runs"
    assert data.splits["train"].inputs.lengths.tolist() == [1, 2, 1]
    assert data.splits["train"].targets.tolist() == [[-100.0], [0.5], [2.0]]
    classes = SeriesFile("runs", task="classification").load(folder, 0)
    assert classes.labels == ("-1e2", "0.5", "2")
    cut = load(SeriesFile("runs"), SplitSettings(test=1), 0, folder)
    assert cut.info.sizes == {"train": 2, "test": 1}


def test_the_same_name_in_two_files_is_two_sequences(write):
    folder = write("id,x,k\n1,2,a\n1,3,a\n2,4,b\n", "runs/a.csv")
    write("id,x,k\n1,5,b\n", "runs/b.csv")
    data = SeriesFile("runs", sequence="id").load(folder, 0)
    assert data.splits["train"].inputs.lengths.tolist() == [2, 1, 1]


def test_whole_numbers_are_classes_unless_said_otherwise(write):
    folder = write("id,x,k\na,2,7\nb,3,9\n")
    assert SeriesFile("f.csv", sequence="id").load(folder, 0).labels == ("7", "9")
    values = SeriesFile("f.csv", sequence="id", task="regression").load(folder, 0).splits["train"].targets
    assert values.tolist() == [[7.0], [9.0]] and values.dtype == np.float64


@pytest.mark.parametrize(
    ("content", "fields", "message"),
    [
        ("", {}, "f.csv is empty"),
        ("run,x,y,kind\n", {}, "f.csv holds no rows below the names"),
        (TABLE.replace("5,6.5", "5,six"), {}, r"line 4, column 'y' holds 'six', which is not a number"),
        (TABLE.replace("5,6.5", "5,"), {}, r"line 4, column 'y' is empty"),
        (TABLE.replace("5,6.5", "5,nan"), {}, r"line 4, column 'y' holds 'nan', which is not a finite number"),
        (TABLE.replace("8,up", "8,"), {}, r"line 5, column 'kind' is empty"),
        (TABLE.replace("4,up", "4,down"), {}, r"line 3, column 'kind' holds 'down', but the rows .* 'up'"),
        (TABLE + "a,9,9,up\n", {}, r"line 6: sequence 'a' was left before and goes on here"),
        (TABLE, {"target": "goal"}, r"has no column 'goal'\nits first line holds: run, x, y, kind"),
        (TABLE, {"target": 4}, r"has no column 4\ncolumns are numbered from 0 to 3"),
        (TABLE, {"ignore": ("x", "y")}, "no columns of values besides the target"),
        ("x,x,k\n1,2,a\n", {"sequence": None}, "does not name every column differently"),
        ("1,2,3\n1,2,3\n", {"sequence": None}, "the first line holds numbers\nlet it name the columns"),
        (TABLE, {"task": "regression"}, "target 'kind' of sequence 1 is 'up', no finite number"),
        (TABLE, {"task": "regression", "each": "step"}, "the target of a step is a class"),
    ],
)
def test_tables_that_are_no_series_are_refused(write, content, fields, message):
    with pytest.raises(TuinetError, match=message):
        SeriesFile("f.csv", **{"sequence": "run", **fields}).load(write(content), 0)


def test_folders_that_hold_no_series_are_refused(write):
    folder = write("x,k\n1,a\n", "runs/a.csv")
    write("y,k\n1,a\n", "runs/b.csv")
    with pytest.raises(TuinetError, match=r"b\.csv has other columns than the first file"):
        SeriesFile("runs").load(folder, 0)
    write("x,k\n", "runs/b.csv")
    with pytest.raises(TuinetError, match=r"b\.csv holds no rows"):
        SeriesFile("runs").load(folder, 0)
    (folder / "empty").mkdir()
    with pytest.raises(TuinetError, match=r"empty holds no \.csv files"):
        SeriesFile("empty").load(folder, 0)
