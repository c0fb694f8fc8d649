"""The experiment file: what is refused, with which words, and that encoding and decoding are inverse."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuinet.data.reading import FileSource
from tuinet.data.sources import Source
from tuinet.errors import TuinetError
from tuinet.experiment.decode import (
    LARGEST_FILE,
    PATH_FIELDS,
    absolute,
    decode,
    encode,
    experiment_type,
    from_raw,
    load_experiment,
    parse,
)
from tuinet.experiment.recipes import recipes
from tuinet.experiment.schema import first_problem
from tuinet.experiment.spec import Experiment

GOOD = """
name = "small"
[data.source]
kind = "moons"
[model]
layers = [
    { kind = "dense", units = 8 },
    { kind = "relu" },
    { kind = "conv2d", filters = 4, kernel = [3, 3], padding = "same" },
    { kind = "dense", units = 2 },
]
[training]
epochs = 3
loss = { kind = "cross-entropy" }
optimizer = { kind = "sgd", rate = 0.1 }
"""


def complaint(text: str) -> TuinetError:
    with pytest.raises(TuinetError) as caught:
        decode(text, "file.toml")
    assert caught.value.exit_code == 2
    return caught.value


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


def test_large_floats_are_numbers_too() -> None:
    after = decode(changed("epochs = 3", "epochs = 3\nregularization.clip_norm = 1e25"))
    assert after.training.regularization.clip_norm == 1e25


def test_the_good_file_is_good() -> None:
    experiment = decode(GOOD)
    assert experiment.name == "small"
    assert experiment.model.layers[2].kernel == (3, 3)
    assert experiment.training.batch_size == 32


@pytest.mark.parametrize(
    ("old", "new", "message", "hint"),
    [
        ("epochs = 3", "epoch = 3", "training.epoch: unknown key", "did you mean epochs?"),
        ("units = 8", "unit = 8", "model.layers[0].unit: unknown key", "did you mean units?"),
        ("units = 2", 'units = "two"', 'model.layers[3].units: a whole number of at least 1 is needed here', ""),
        ("units = 8", "units = 8.5", "model.layers[0].units: a whole number of at least 1 is needed here, not 8.5", ""),
        ("units = 8", "units = true", "model.layers[0].units: a whole number of at least 1 is needed", ""),
        ("units = 8", "units = 0", "model.layers[0].units: a whole number of at least 1 is needed here, not 0", ""),
        ("filters = 4, ", "", "model.layers[2].filters: this key is missing", "a whole number of at least 1"),
        ('kind = "relu"', 'kind = "rely"', 'model.layers[1].kind: there is no kind "rely" here', "did you mean relu?"),
        ('{ kind = "relu" }', "{}", "model.layers[1].kind: this key is missing", "dense, conv2d, max-pool"),
        ('{ kind = "relu" }', '"relu"', "model.layers[1]: a table such as { kind = … } is needed here", ""),
        ('kind = "relu"', 'kind = "relu", slope = 1', "model.layers[1].slope: unknown key", '"relu" has no settings'),
        ('kind = "moons"', 'kind = "mons"', 'data.source.kind: there is no kind "mons" here', "did you mean moons?"),
        ('kind = "sgd"', 'kind = "SGD"', 'training.optimizer.kind: there is no kind "SGD" here', "did you mean sgd?"),
        ('padding = "same"', 'padding = "sam"', "model.layers[2].padding", 'did you mean same?'),
        ("kernel = [3, 3]", "kernel = [3, 3, 3]", "model.layers[2].kernel", ""),
        ("kernel = [3, 3]", "kernel = [3, 0]", "model.layers[2].kernel[1]: a whole number of at least 1", ""),
        ("rate = 0.1", "rate = nan", "training.optimizer.rate: a number above 0", ""),
        ("rate = 0.1", "rate = inf", "training.optimizer.rate: a number above 0", ""),
        ("rate = 0.1", "rate = -0.1", "training.optimizer.rate: a number above 0", ""),
        ("epochs = 3", "epochs = 3\nregularization.clip_norm = nan", "training.regularization.clip_norm: a number", ""),
        ("epochs = 3", "epochs = 3\nregularization.clip_norm = 2e30", "training.regularization.clip_norm: ", ""),
        ('kind = "relu"', 'kind = "gaussian-noise", deviation = inf', "model.layers[1].deviation: a number", ""),
        ("epochs = 3", "epochs = 9999999", "training.epochs: a whole number from 1 to 1,000,000 is needed here", ""),
        ("epochs = 3", "epochs = 2020-01-01", "training.epochs: a whole number from", ""),
        ("epochs = 3", f"epochs = 1{'0' * 400}", "training.epochs: a whole number from 1 to 1,000,000", ""),
        ("epochs = 3", "epochs = 3\nbatch_size = 'al'", "training.batch_size: a whole number", "did you mean all?"),
        ('name = "small"', 'name = "../up"', "name: a name of at most 64 letters", ""),
        ('name = "small"', 'name = "a\\n"', "name: a name of at most 64 letters", ""),
        ('name = "small"', "", "name: this key is missing", ""),
        ("[training]", "[trainin]", "trainin: unknown key", "did you mean training?"),
        ("[model]", "[[model]]", "model: a table is needed here, not a list", ""),
        ('name = "small"', 'name = "small"\n"a\\u001b[31m" = 1', '"a\\u001b[31m": unknown key', ""),
    ],
)  # fmt: skip
def test_the_first_structural_error_is_named(old: str, new: str, message: str, hint: str) -> None:
    error = complaint(changed(old, new))
    assert error.message.startswith(f"file.toml: {message}")
    assert hint in error.hint
    assert "`" not in error.message and "$" not in error.message
    assert len(error.message) < 250


@pytest.mark.parametrize(
    ("text", "where", "reason"),
    [
        ("a = 1\na = 2\n", "line 2, column 6", "this key is there twice"),
        ("[data]\n[data]\n", "line 2", "this table is there twice"),
        ("a = \n", "line 1, column 5", "this is no value"),
        ("a 1\n", "line 1", "an = is missing"),
        ("a = tru\n", "line 1", "this is no value"),
        ("a = [1,\n", "file.toml", "end of the file"),
        ("a = " + "[" * 9000, "file.toml", "nested too deeply"),
        ("a = " + "9" * 9000, "file.toml", "too many digits"),
        ("x" * 30_000 + " = 1", "line 1", "longer than 20,000 characters"),
    ],
)
def test_syntax_errors_say_where(text: str, where: str, reason: str) -> None:
    error = complaint(text)
    assert where in error.message
    assert reason in error.message


def test_a_long_dotted_key_does_not_hang() -> None:
    line = ".".join("a" * 9000)[:19_990] + " = 1\n"
    started = time.process_time()  # a busy machine is no hang
    with pytest.raises(TuinetError):
        decode(line)
    assert time.process_time() - started < 5


def test_files_that_are_none(tmp_path: Path) -> None:
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b'name = "a"\ntitle = "caf\xe9"\n')
    large = tmp_path / "large.toml"
    large.write_bytes(b"#" * (LARGEST_FILE + 1))
    for name, words in [
        (str(latin), "line 2: this is not UTF-8"),
        (str(large), "over 1,000,000 bytes"),
        (str(tmp_path), "is a folder"),
        (str(tmp_path / "nothing.toml"), "there is no file"),
        ("digits-cn", "there is no recipe or file digits-cn"),
        ("a\0b", "there is no recipe or file"),
        ("x" * 5000, "there is no recipe or file"),
    ]:
        with pytest.raises(TuinetError) as caught:
            load_experiment(name)
        assert words in caught.value.message, name
    with pytest.raises(TuinetError) as caught:
        load_experiment("digits-cn")
    assert "did you mean digits-cnn?" in caught.value.hint
    with pytest.raises(TuinetError) as caught:
        load_experiment("mnist-mlp.toml")
    assert "did you mean mnist-mlp?" in caught.value.hint


@pytest.mark.parametrize("name", [recipe.name for recipe in recipes()])
def test_encoding_is_complete_and_decodes_to_an_equal_experiment(name: str) -> None:
    experiment = load_experiment(name)
    text = encode(experiment)
    assert decode(text) == experiment
    assert encode(decode(text)) == text
    raw = parse(text, name)
    assert raw["training"]["shuffle"] is True and raw["training"]["regularization"]["l1"] == 0.0  # defaults are there
    assert "validate_every" not in raw["training"]  # what is unset is not


numbers = st.floats(min_value=1e-300, max_value=1e6, exclude_min=True)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@settings(max_examples=60, deadline=None)
@given(
    title=texts,
    rate=numbers,
    l2=st.floats(0, 1e6),
    seed=st.integers(0, 2**63 - 1),
    path=texts,
    batch=st.one_of(st.integers(1, 10**9), st.just("all")),
    columns=st.lists(st.one_of(texts, st.integers(-5, 50)), max_size=3),
)
def test_any_values_survive_encoding(
    title: str, rate: float, l2: float, seed: int, path: str, batch: object, columns: list[object]
) -> None:
    raw = parse(GOOD, "")
    raw["title"] = title
    raw["data"]["source"] = {"kind": "csv", "path": path, "ignore": columns}
    raw["training"] |= {"seed": seed, "batch_size": batch, "regularization": {"l2": l2}}
    raw["training"]["optimizer"]["rate"] = rate
    experiment = msgspec.convert(raw, Experiment)
    assert decode(encode(experiment)) == experiment


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_no_text_does_worse_than_a_clear_error(text: str) -> None:
    with pytest.raises(TuinetError):
        decode(text)


json_like = st.recursive(
    st.one_of(st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["kind", "units", "rate"]), inner)
    ),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(["source", "layers", "optimizer", "training", "batch_size"]), json_like)
def test_no_value_does_worse_than_a_clear_error(key: str, value: object) -> None:
    """Whatever stands in a place: an experiment or a TuinetError, and what `first_problem` accepts msgspec accepts."""
    raw = parse(GOOD, "")
    match key:
        case "source":
            raw["data"]["source"] = value
        case "layers":
            raw["model"]["layers"] = value
        case "training":
            raw["training"] = value
        case _:
            raw["training"][key] = value
    found = first_problem(raw, experiment_type())
    if found is None:
        from_raw(raw, "file.toml")
        return
    with pytest.raises(TuinetError) as caught:
        from_raw(raw, "file.toml")
    assert caught.value.message == f"file.toml: {found}"
    with pytest.raises(msgspec.ValidationError):  # NaN and infinity are the only things that msgspec would let pass
        msgspec.convert(raw, Experiment)


def test_relative_paths_start_at_the_file(tmp_path: Path) -> None:
    text = changed('kind = "moons"', 'kind = "npy"\ninputs = "x.npy"\ntargets = "/data/y.npy"')
    text = text.replace("[model]", '[model]\nstart = "runs/old"')
    (tmp_path / "here.toml").write_text(text)
    experiment = load_experiment(str(tmp_path / "here.toml"))
    assert experiment.data.source.inputs == str(tmp_path / "x.npy")
    assert experiment.data.source.targets == "/data/y.npy"
    assert experiment.data.source.test_inputs is None
    assert experiment.model.start == str(tmp_path / "runs/old")
    assert absolute(experiment, Path("/elsewhere")) == experiment
    home = absolute(decode(text.replace('"x.npy"', '"~/x.npy"')), tmp_path)
    assert home.data.source.inputs == str(Path.home() / "x.npy")


def test_every_source_of_files_says_which_fields_are_paths() -> None:
    own = [each for each in Source.__args__ if issubclass(each, FileSource)]
    assert {each.__struct_config__.tag for each in own} == set(PATH_FIELDS)
    for each in own:
        fields = PATH_FIELDS[each.__struct_config__.tag]
        assert set(fields) <= set(each.__struct_fields__)
        others = set(each.__struct_fields__) - set(fields)
        assert not {name for name in others if "path" in name or "file" in name}
