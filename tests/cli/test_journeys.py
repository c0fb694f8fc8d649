"""Whole journeys through the commands, on data that ships."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.commands import Command, run_command
from tuinet.data.sources import DATASETS
from tuinet.experiment.recipes import ORDER, recipe_text
from tuinet.files.load import load
from tuinet.files.model_file import save_model

ROOT = Path(__file__).parents[2]


def test_train_writes_events_and_a_model(tuinet: Command, tmp_path: Path) -> None:
    done = tuinet("train", "digits-cnn", "--set", "training.epochs=1", "--json", "--out", "run", "--threads", "1")
    assert done.code == 0, done.err
    first, last = done.lines[0], done.lines[-1]
    assert first["event"] == "run-started"
    assert (last["event"], last["reason"]) == ("run-ended", "epochs")
    assert last["metrics"]["test"]["accuracy"] > 0.5
    assert set(last["metrics"]) == {"validation", "test"}
    assert Path(tmp_path / last["model"]).samefile(tmp_path / "run" / "model.safetensors")
    assert done.out == (tmp_path / "run" / "events.jsonl").read_text()
    evaluated = tuinet("evaluate", "run", "--json")
    assert evaluated.lines[0]["split"] == "test"
    for figure in ("accuracy", "loss", "errors", "samples"):
        assert evaluated.lines[0][figure] == pytest.approx(last["metrics"]["test"][figure], rel=1e-6)


def test_train_in_plain_lines(tuinet: Command, tmp_path: Path) -> None:
    done = tuinet("train", "iris-mlp", "--set", "training.epochs=3", "--out", "run")
    lines = done.out.splitlines()
    assert lines[0].startswith("iris-mlp: ")
    assert lines[1] == "samples: 90 train, 30 validation, 30 test"
    assert [line.split("  ")[0] for line in lines[2:5]] == ["epoch 1/3", "epoch 2/3", "epoch 3/3"]
    assert "test: accuracy " in done.out
    assert lines[-1] == "model: run/model.safetensors"
    assert "\x1b" not in done.out + done.err


def test_a_long_run_of_short_epochs_does_not_flood(tuinet: Command) -> None:
    done = tuinet("train", "iris-mlp", "--set", "training.epochs=200", "--set", "training.early_stopping=")
    epochs = [line for line in done.out.splitlines() if line.startswith("epoch ")]
    assert 20 <= len(epochs) <= 60
    assert epochs[0].startswith("epoch 1/200 ")
    assert epochs[-1].startswith("epoch 200/200 ")


def test_quiet_says_only_the_result(tuinet: Command) -> None:
    done = tuinet("train", "xor", "--quiet", "--out", "run")
    assert "epoch 1" not in done.out
    assert "model: run/model.safetensors" in done.out
    json_only = tuinet("train", "xor", "--quiet", "--json", "--out", "again")
    assert [line["event"] for line in json_only.lines] == ["run-ended"]


def test_runs_lie_in_the_runs_folder(tuinet: Command, tmp_path: Path) -> None:
    tuinet("train", "xor", "-q")
    tuinet("train", "xor", "-q", TUINET_RUNS=str(tmp_path / "elsewhere"))
    for folder in ("runs", "elsewhere"):
        (run,) = (tmp_path / folder).iterdir()
        assert run.name.startswith("xor-20")
        assert (run / "model.safetensors").is_file()
    assert "xor-20" in tuinet("runs").out


def test_runs_are_shown_with_a_chart(trained: Path) -> None:
    listed = run_command("runs", cwd=trained)
    assert listed.code == 0
    assert {line.split()[0] for line in listed.out.splitlines()[1:]} == {"runs/digits", "runs/iris", "runs/sine"}
    shown = run_command("runs", "show", "runs/sine", cwd=trained)
    assert "o validation" in shown.out
    assert "┤" in shown.out
    assert "\x1b" not in shown.out
    summary = run_command("runs", "show", "sine", "--json", cwd=trained).lines[0]
    assert (summary["state"], summary["reason"]) == ("ended", "epochs")
    assert summary["epoch"] == summary["epochs"] == 20
    lines = run_command("runs", "list", "--json", cwd=trained).lines
    assert {line["name"] for line in lines} == {"digits-cnn", "iris-mlp", "sine"}


def test_watch_replays_a_run_that_has_ended(trained: Path) -> None:
    watched = run_command("runs", "watch", "iris", "--json", cwd=trained)
    assert watched.code == 0
    assert watched.out == (trained / "runs/iris/events.jsonl").read_text()
    assert "test: accuracy" in run_command("runs", "watch", "iris", cwd=trained).out


def test_commands_to_a_run_that_has_ended_are_refused(trained: Path) -> None:
    for line in (("pause",), ("resume",), ("step",), ("stop", "--keep", "best"), ("set", "--rate", "0.1")):
        done = run_command("runs", *line, "iris", cwd=trained)
        assert (done.code, done.out) == (2, "")
        assert "is not being trained now" in done.err


def test_removing_a_run_asks_first(tuinet: Command, tmp_path: Path) -> None:
    assert tuinet("train", "xor", "-q", "--out", "runs/mine").code == 0
    asked = tuinet("runs", "remove", "mine")
    assert asked.code == 2 and "--yes" in asked.err
    assert (tmp_path / "runs/mine/model.safetensors").is_file()
    (tmp_path / "runs/mine/notes.txt").write_text("mine")
    done = tuinet("runs", "remove", "mine", "--yes")
    assert done.code == 0 and "notes.txt" in done.err
    assert [path.name for path in (tmp_path / "runs/mine").iterdir()] == ["notes.txt"]
    assert "is not a run" in tuinet("runs", "remove", "mine", "--yes").err


def test_resume_with_more_epochs(trained: Path, tuinet: Command, tmp_path: Path) -> None:
    assert tuinet("train", "sine", "--set", "training.epochs=2", "-q", "--out", "run").code == 0
    done = tuinet("train", "--resume", "run", "--set", "training.epochs=4", "--json")
    assert done.code == 0, done.err
    assert done.lines[-1]["event"] == "run-ended"
    assert [line["epoch"] for line in done.lines if line["event"] == "epoch"] == [3, 4]
    refused = tuinet("train", "--resume", "run", "--set", "training.loss=squared-error")
    assert refused.code == 2
    assert "training.loss cannot change" in refused.err


def test_predict_rows_and_tables(trained: Path, tmp_path: Path) -> None:
    row = run_command("predict", "runs/iris", "5.1,3.5,1.4,0.2", "--json", "--top", "2", cwd=trained).lines[0]
    assert row["label"] == "setosa"
    assert row["top"][0]["label"] == "setosa"
    assert len(row["top"]) == 2
    table = tmp_path / "table.csv"
    names = "petal width (cm),note,petal length (cm),sepal width (cm),sepal length (cm)"
    table.write_text(f"{names}\n0.2,a,1.4,3.5,5.1\n2.5,b,6,3.3,6.3\n")
    rows = run_command("predict", "runs/iris", table, "--json", cwd=trained).lines
    assert [each["label"] for each in rows] == ["setosa", "virginica"]
    assert [each["input"] for each in rows] == [f"{table}:1", f"{table}:2"]
    assert rows[0]["top"][0]["score"] == pytest.approx(row["top"][0]["score"], abs=1e-6)
    shown = run_command("predict", "runs/iris", "5.1,3.5,1.4,0.2", cwd=trained).out.splitlines()
    assert shown[0].split() == ["input", "says", "probability"]
    assert shown[1].split()[:2] == ["5.1,3.5,1.4,0.2", "setosa"]


def test_predict_a_row_that_begins_with_a_minus(trained: Path) -> None:
    done = run_command("predict", "runs/sine", "-1.5", "--json", cwd=trained)
    assert done.code == 0, done.err
    (value,) = done.lines[0]["values"].values()
    assert -1.5 < value < 0


def test_predict_arrays_and_images_agree(trained: Path, tmp_path: Path) -> None:
    pixels, _ = DATASETS["digits"].source.load(Path(), 0).splits["train"].take([3, 4])
    np.save(tmp_path / "two.npy", pixels)
    np.save(tmp_path / "one.npy", pixels[0])
    Image.fromarray(np.rint(pixels[0].reshape(8, 8) * (255 / 16)).astype(np.uint8)).save(tmp_path / "one.png")
    inputs = [tmp_path / name for name in ("two.npy", "one.npy", "one.png")]
    lines = run_command("predict", "runs/digits", *inputs, "--json", cwd=trained).lines
    assert [line["input"] for line in lines] == [f"{inputs[0]}:1", f"{inputs[0]}:2", str(inputs[1]), str(inputs[2])]
    assert lines[0]["class"] == lines[2]["class"]
    assert lines[0]["top"][0]["score"] == pytest.approx(lines[2]["top"][0]["score"], abs=1e-5)
    # The image holds the same digit in 0 … 255 where the set has 0 … 16: rounding is all that differs.
    assert lines[3]["class"] == lines[2]["class"]
    assert lines[3]["top"][0]["score"] == pytest.approx(lines[2]["top"][0]["score"], abs=0.02)


def test_evaluate_other_data_and_other_parts(trained: Path, tmp_path: Path) -> None:
    parts = {
        part: run_command("evaluate", "runs/iris", "--split", part, "--json", cwd=trained).lines[0]["samples"]
        for part in ("train", "test", "all")
    }
    assert parts["all"] == 150
    assert parts["train"] + parts["test"] <= 150
    table = tmp_path / "mine.csv"
    table.write_text("a,b,c,d,kind\n5.1,3.5,1.4,0.2,setosa\n6.3,3.3,6,2.5,virginica\n5.9,3,4.2,1.5,versicolor\n")
    done = run_command("evaluate", "runs/iris", "--data", table, "--json", cwd=trained)
    assert done.lines[0]["split"] == "all"
    assert done.lines[0]["samples"] == 3
    regression = run_command("evaluate", "runs/sine", "--json", cwd=trained).lines[0]
    assert set(regression) == {"split", "samples", "loss", "mse", "r2"}


def test_evaluate_does_not_test_on_what_was_trained_on(trained: Path, tmp_path: Path) -> None:
    """Away from its run nobody knows which of iris's samples the model has seen, unless it says so itself."""
    alone = tmp_path / "alone.safetensors"
    alone.write_bytes((trained / "runs/iris/model.safetensors").read_bytes())
    done = run_command("evaluate", alone, "--json", cwd=trained)
    own = run_command("evaluate", "runs/iris", "--json", cwd=trained)
    assert done.code == 2 or done.out == own.out


def test_a_table_of_ones_own_is_known_again_by_its_path(tuinet: Command, tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("kind,a\n" + "".join(f"{'uv'[i % 2]},{i % 2 + i / 100}\n" for i in range(40)))
    (tmp_path / "e.toml").write_text(
        """
name = "t"
[data]
source = { kind = "csv", path = "d.csv", target = "kind" }
split = { test = 0.25 }
[model]
layers = [{ kind = "dense", units = 2 }]
[training]
loss = { kind = "cross-entropy" }
optimizer = { kind = "adam" }
epochs = 1
"""
    )
    assert tuinet("train", "e.toml", "--out", "run", "--quiet").code == 0
    done = tuinet("evaluate", "run", "--data", "d.csv", "--json")
    assert done.lines[0]["samples"] == 10 and done.lines[0]["split"] == "test"  # not the 30 it was trained on
    # All of a run's models know its data, wherever one stands; a copy elsewhere does not.
    snapshot = next((tmp_path / "run" / "snapshots").iterdir())
    (tmp_path / "run" / "live.safetensors").write_bytes(snapshot.read_bytes())
    (tmp_path / snapshot.name).write_bytes(snapshot.read_bytes())
    for folder, name in (
        (tmp_path, f"run/snapshots/{snapshot.name}"),
        (snapshot.parent, snapshot.name),
        (tmp_path, "run/live.safetensors"),
    ):
        done = run_command("inspect", name, "--view", "confusion", "--json", cwd=folder)
        assert done.code == 0, done.err
        assert sum(map(sum, done.lines[0]["views"][0]["data"])) == 10
    done = tuinet("inspect", snapshot.name, "--view", "confusion")
    assert done.code == 2 and "does not say what it was trained on" in done.err


def test_a_model_whose_answer_is_no_number_names_no_class(trained: Path, tmp_path: Path) -> None:
    model = load(str(trained / "runs" / "iris"))
    model.params.vector[:] = np.nan
    save_model(model, tmp_path / "bad.safetensors")
    done = run_command("predict", tmp_path / "bad.safetensors", "5.1,3.5,1.4,0.2", cwd=tmp_path)
    assert done.code == 2 and "not a number" in done.err and not done.out


def test_evaluate_shows_the_confusion(trained: Path) -> None:
    lines = run_command("evaluate", "runs/iris", "--split", "all", cwd=trained).out.splitlines()
    counts = [line.replace("·", "0").split()[1:] for line in lines[-3:]]
    assert sum(int(count) for row in counts for count in row) == 150


def test_inspect_shows_the_layers(trained: Path) -> None:
    shown = run_command("inspect", "runs/digits", COLUMNS="160", cwd=trained).out
    rows = {line.split()[0]: line.split() for line in shown.splitlines() if line}
    # 3·3·1·16 + 16 parameters; 2 · 8·8·16·9 FLOPs; 4 bytes for each of 160 and of 8·8·16 values
    assert rows["conv1"][-4:] == ["160", "18,432", "640", "4,096"]
    summary = run_command("inspect", "runs/digits", "--json", cwd=trained).lines[0]
    assert summary["parameters"] == sum(layer["parameters"] for layer in summary["layers"])
    assert rows["total"][1] == f"{summary['parameters']:,}"


def test_recipes_are_listed_and_written(tuinet: Command, tmp_path: Path) -> None:
    _, *listed, empty, note = tuinet("recipes").out.splitlines()
    assert tuple(line.split()[0] for line in listed) == ORDER
    assert max(map(len, listed)) <= 80 and empty == "" and "tuinet data fetch NAME" in note
    assert tuinet("init", "xor").code == 0
    assert (tmp_path / "xor.toml").read_text("utf-8") == recipe_text("xor")
    again = tuinet("init", "xor")
    assert again.code == 2
    assert "already there" in again.err
    assert tuinet("init", "xor", "-o", "-").out == recipe_text("xor")
    assert tuinet("train", "xor.toml", "-q", "--out", "run").code == 0


def test_a_network_in_one_line_is_written_and_trains(tuinet: Command, tmp_path: Path) -> None:
    line = "conv 4 3 same relu, pool 2, dense"
    done = tuinet("init", "--layers", line, "--data", "digits")
    assert done.code == 0, done.err
    text = (tmp_path / "digits-cnn.toml").read_text("utf-8")
    assert text.startswith(f"# {line}\n\nname = ")
    assert tuinet("init", "--layers", line, "--data", "digits").code == 2  # it is already there
    assert tuinet("init", "--layers", line, "--data", "digits", "-o", "-").out == text
    run = tuinet("train", "digits-cnn.toml", "-q", "--out", "run", "--set", "training.epochs=3")
    assert run.code == 0, run.err
    named = tuinet("init", "--layers", "embed 8, gru 8, last, dense", "--data", "recall", "--name", "my-own")
    assert named.code == 0 and tuinet("check", "my-own.toml").code == 0


def test_a_network_in_one_line_for_a_file_of_ones_own(tuinet: Command, tmp_path: Path) -> None:
    (tmp_path / "q.csv").write_text("a,b,c\n1,2,x\n2,3,y\n")
    (tmp_path / "elsewhere").mkdir()
    done = tuinet("init", "--layers", "dense 3 tanh, dense", "--data", "q.csv", "-o", "elsewhere/q.toml")
    assert done.code == 0, done.err
    assert tuinet("check", "elsewhere/q.toml").code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "either a recipe is named, or layers and their data"),
        (("xor", "--layers", "dense", "--data", "xor"), "either a recipe is named"),
        (("--layers", "dense"), "either a recipe is named"),
        (("--layers", "dense 3, cnv", "--data", "xor"), "column 10"),
        (("--layers", "dense 3", "--data", "xro"), "did you mean xor?"),
        (("--layers", "dense 3", "--data", "digits"), "units = 10"),
        (("--layers", "dense", "--data", "digits", "--name", "../up"), "name: a name of at most 64"),
    ],
)
def test_a_wrong_line_writes_nothing(tuinet: Command, tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    done = tuinet("init", *arguments)
    assert done.code == 2 and words in done.err
    assert list(tmp_path.iterdir()) == []


def test_check_shows_costs_and_trains_nothing(tuinet: Command, tmp_path: Path) -> None:
    report = tuinet("check", "digits-cnn", "--json").lines[0]
    assert report["problems"] == []
    assert report["totals"]["parameters"] == sum(layer["parameters"] for layer in report["layers"])
    done = tuinet("check", "mnist-cnn")  # data that are not here: the shapes are known all the same
    assert done.code == 0
    assert "tuinet data fetch mnist" in done.out
    assert list(tmp_path.iterdir()) == []


def test_check_names_every_problem(tuinet: Command, tmp_path: Path) -> None:
    done = tuinet("check", "digits-cnn", "--set", "model.layers[2].kernel=99", "--set", "model.layers[2].padding=valid",
                  "--set", "training.loss=hinge", "--set", "model.layers[9].units=7")  # fmt: skip
    assert done.code == 2
    assert "model.layers[2]" in done.err
    assert "?" in done.out
    trained = tuinet("train", "digits-cnn", "--set", "model.layers[9].units=7")
    assert trained.code == 2
    assert "units" in trained.err
    assert list(tmp_path.iterdir()) == []


def test_data_is_listed_described_and_fetched(tuinet: Command, tmp_path: Path) -> None:
    names = [line.split()[0] for line in tuinet("data", "list").out.splitlines()[1:]]
    assert names == list(DATASETS)
    assert "setosa" in tuinet("data", "info", "iris").out
    assert "tuinet data fetch mnist" in tuinet("data", "info", "mnist").out
    empty = tmp_path / "empty"
    empty.mkdir()
    done = tuinet("data", "fetch", "mnist", "--from", empty, TUINET_DATA=str(tmp_path / "data"))
    assert done.code == 2
    assert "train-images-idx3-ubyte" in done.err


def test_json_is_ascii_safe_or_utf8(trained: Path) -> None:
    """Whatever the locale, JSON is UTF-8 and readable."""
    done = run_command("inspect", "runs/iris", "--json", cwd=trained, LC_ALL="C", PYTHONUTF8="0", PYTHONIOENCODING="")
    assert json.loads(done.out)["name"] == "iris-mlp"


def test_classes_are_compared_by_name(trained: Path, tmp_path: Path) -> None:
    """A file that lacks a class numbers the others differently; the model still knows them."""
    lines = (ROOT / "datasets" / "iris" / "iris.csv").read_text().splitlines()
    some = tmp_path / "some.csv"
    some.write_text("\n".join([lines[0], *(line for line in lines if line.endswith("virginica"))]))
    found = run_command("evaluate", "runs/iris", "--data", some, "--json", cwd=trained).lines[0]
    assert found["samples"] == 50 and found["accuracy"] > 0.8
    some.write_text("\n".join([lines[0], *lines[1:9], lines[1].replace("setosa", "daisy")]))
    done = run_command("evaluate", "runs/iris", "--data", some, cwd=trained)
    assert done.code == 2 and "the class 'daisy', which" in done.err


def test_an_experiment_file_names_data(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "iris.toml").write_text((ROOT / "tuinet/experiment/recipes/iris-mlp.toml").read_text())
    done = run_command(
        "evaluate", "iris-mlp", "--data", tmp_path / "iris.toml", "--split", "all", "--json", cwd=trained
    )
    assert done.lines[0]["samples"] == 150


@pytest.mark.parametrize("stream", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_is_no_traceback(stream: str, tmp_path: Path) -> None:
    for command in ("recipes", "check iris-mlp", "evaluate iris-mlp"):
        line = f"{sys.executable} -m tuinet {command} {stream}"
        done = subprocess.run(["sh", "-c", line], cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 and "Traceback" not in done.stderr
