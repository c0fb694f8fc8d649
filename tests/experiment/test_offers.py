"""Which layers are offered where, and why the others are not."""

from __future__ import annotations

import typing
from pathlib import Path

import msgspec
import pytest

from tests.experiment.test_check_sequences import BASE, INFOS
from tuinet.data.dataset import DatasetInfo
from tuinet.data.fetched import Fetched
from tuinet.errors import TuinetError
from tuinet.experiment.check import check
from tuinet.experiment.decode import decode, load_experiment
from tuinet.experiment.layer_edits import add, remove, replace
from tuinet.experiment.offers import ORDINARY, Offered, laid, offered
from tuinet.experiment.places import Place, end, layer_at, rows
from tuinet.experiment.quick import parse_layers
from tuinet.experiment.recipes import ORDER
from tuinet.experiment.spec import Experiment
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.over_time import LastStep
from tuinet.nn.parts import Part
from tuinet.nn.seq2seq import Seq2Seq


def described(experiment: Experiment) -> DatasetInfo:
    """The data without reading them."""
    source = experiment.data.source
    return source.official if isinstance(source, Fetched) else source.describe(Path())


def with_line(line: str) -> Experiment:
    experiment = decode(BASE)
    layers = parse_layers(line) if line else ()
    return msgspec.structs.replace(experiment, model=msgspec.structs.replace(experiment.model, layers=layers))


def found(experiment: Experiment, data: str, place: Place) -> dict[str, Offered]:
    return {each.kind: each for each in offered(experiment, INFOS[data], place)}


def test_every_kind_is_there_and_those_that_fit_come_first() -> None:
    experiment = with_line("conv 4 3 relu, pool 2, dense")
    all_kinds = offered(experiment, INFOS["digits"], end(experiment))
    assert len(all_kinds) == len(typing.get_args(Part)) + 1
    fits = [each.fits for each in all_kinds]
    assert fits == sorted(fits, reverse=True)
    assert all(each.fits == (each.reason == "") for each in all_kinds)
    assert set(ORDINARY) == {*typing.get_args(Part), Seq2Seq}


def test_an_empty_network_on_images() -> None:
    here = found(with_line(""), "digits", end(with_line("")))
    assert {kind for kind, each in here.items() if each.fits} >= {"conv2d", "max-pool", "flatten", "rows", "dropout"}
    assert "put a flatten layer before it" in here["dense"].hint
    assert "lstm takes a sequence" in here["lstm"].reason and "rows" in here["lstm"].hint
    assert "embedding takes ids" in here["embedding"].reason
    assert "asks for something else" in here["seq2seq"].reason


def test_a_window_that_is_too_large_is_greyed() -> None:
    experiment = with_line("conv 4 8, dense")
    here = found(experiment, "digits", rows(experiment)[1].place)
    assert here["conv2d"].fits and "window" in here["max-pool"].reason


def test_the_last_dense_layer_takes_its_units_from_the_data() -> None:
    open_end, answered = with_line("flatten, dense 8 relu"), with_line("flatten, dense 8 relu, dense 10")
    assert found(open_end, "digits", end(open_end))["dense"].layer == Dense()
    assert found(answered, "digits", end(answered))["dense"].layer == Dense(64)
    assert found(answered, "digits", rows(answered)[1].place)["dense"].layer == Dense(64)


def test_rules_of_the_loss_grey_too() -> None:
    answered = with_line("flatten, dense 10")
    here = found(answered, "digits", end(answered))
    assert "one too many" in here["softmax"].reason and "gradient" in here["step"].reason
    assert found(answered, "digits", rows(answered)[1].place)["softmax"].fits  # with a dense layer behind it


def test_what_looks_ahead_or_pools_is_greyed_where_the_next_symbol_is_asked_for() -> None:
    experiment = with_line("embed 8, lstm 8, dense")
    here = found(experiment, "play", rows(experiment)[2].place)
    assert "looks ahead" in here["bidirectional"].reason and "makes one vector" in here["last-step"].reason
    assert here["lstm"].fits and here["gru"].fits
    text = found(experiment, "reviews", rows(experiment)[2].place)
    assert text["bidirectional"].fits and text["last-step"].fits


def test_both_ends_are_taken_of_both_directions() -> None:
    experiment = with_line("embed 8, bi gru 8, dense")
    assert found(experiment, "reviews", rows(experiment)[-1].place)["last-step"].layer == LastStep(both_ways=True)


def test_inside_a_bidirectional_layer_only_what_can_be_read_both_ways() -> None:
    experiment = with_line("embed 8, bi gru 8, mean, dense")
    inner = rows(experiment)[2].place
    here = found(experiment, "reviews", inner)
    assert {kind for kind, each in here.items() if each.fits} == {"rnn", "lstm", "gru", "clockwork"}
    assert "both directions" in here["dense"].reason


def test_beside_a_translator_there_is_nothing_and_inside_it_is_no_other() -> None:
    experiment = with_line("encoder(embed 8, gru 8) decoder(embed 8, gru 8, dense)")
    assert not any(each.fits for each in offered(experiment, INFOS["pairs"], end(experiment)))
    here = found(experiment, "pairs", rows(experiment)[2].place)
    assert here["bidirectional"].fits and "only layer of its network" in here["seq2seq"].reason
    empty = with_line("")
    assert {each.kind for each in offered(empty, INFOS["pairs"], end(empty)) if each.fits} == {
        "seq2seq", *(kind for kind, each in found(empty, "pairs", end(empty)).items() if each.fits)
    }  # fmt: skip


def test_behind_a_broken_layer_nothing_is_promised() -> None:
    experiment = with_line("conv 4 9 relu, pool 2, dense")
    here = found(experiment, "digits", rows(experiment)[2].place)
    assert "not known" in here["relu"].reason and "mend" in here["relu"].hint


def test_no_such_place() -> None:
    with pytest.raises(TuinetError):
        offered(with_line(""), INFOS["digits"], Place(("model", "layers", 0, "layer")))


@pytest.mark.parametrize("name", ORDER[::3])
def test_what_is_offered_as_fitting_brings_no_problem_of_its_own(name: str) -> None:
    """And each layer of a recipe is offered at its own place."""
    experiment = load_experiment(name)
    info = described(experiment)
    for row in rows(experiment):
        here = offered(experiment, info, row.place)
        for each in here:
            if each.fits and row.place.in_list:
                network = laid(add(experiment, row.place, each.layer), info)
                assert network.before(row.place.beside(1)) is not None, (row.place, each.kind)
        kind = str(row.layer.__struct_config__.tag)
        if row.place.in_list and kind != "seq2seq" and row.place.index:
            without = remove(experiment, row.place)
            assert next(each for each in offered(without, info, row.place) if each.kind == kind).fits


def test_an_inner_layer_names_its_setting_by_its_whole_path() -> None:
    experiment = with_line("embed 8, bi clockwork 6 1 4, mean, dense")
    inner = rows(experiment)[2].place
    broken = replace(experiment, inner, msgspec.structs.replace(layer_at(experiment, inner), units=7))
    (problem,) = check(broken, INFOS["reviews"], divided=True).problems
    assert problem.path == "model.layers[1].layer.units"
