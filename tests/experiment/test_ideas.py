"""Which idea of the lecture a setting is, and that forms say so."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import msgspec.inspect as inspect

from tuinet.experiment import ideas
from tuinet.experiment.decode import experiment_type, load_experiment
from tuinet.experiment.form_rows import row_of
from tuinet.experiment.ideas import idea_of
from tuinet.experiment.schema import item_type, struct_types
from tuinet.experiment.spec import ModelSettings, TrainingSettings
from tuinet.nn.layers.lstm import LSTM


def every_struct(kind: inspect.Type, found: set[type[msgspec.Struct]]) -> set[type[msgspec.Struct]]:
    for struct in struct_types(kind):
        if struct.cls not in found:
            found.add(struct.cls)
            for field in struct.fields:
                inner = item_type(field.type)
                every_struct(field.type, found)
                if inner is not None:
                    every_struct(inner, found)
    return found


def test_forms_say_which_idea_a_setting_is() -> None:
    experiment = load_experiment("spirals")
    assert row_of(experiment, "training.early_stopping").help.endswith("The lecture: early stopping.")
    assert row_of(experiment, "training.regularization.l2").help.endswith("The lecture: L1 and L2.")
    assert row_of(experiment, "model.layers[0]").about.endswith("The lecture: an MLP of any depth and width.")
    assert "The lecture" not in row_of(experiment, "training.seed").help
    assert idea_of(LSTM) == "LSTM"
    assert (idea_of(LSTM, "peephole"), idea_of(LSTM, "units")) == ("peepholes", "")


def test_the_table_names_only_what_there_is() -> None:
    tables: Any = ideas
    for cls, field in tables._OF_FIELDS:
        assert field in cls.__struct_fields__
    assert {*tables._OF.values(), *tables._OF_FIELDS.values()} == set(ideas.IDEAS)
    assert set(tables._OF) <= every_struct(experiment_type(), set())
    assert all(re.fullmatch(r"[PMCRA]\d+", key) for key in ideas.IDEAS)


def test_every_layer_but_those_that_only_reshape_is_an_idea_of_the_lecture() -> None:
    (layers,) = (field.type for field in msgspec.structs.fields(ModelSettings) if field.name == "layers")
    kinds = every_struct(inspect.type_info(layers.__args__[0]), set())
    without = {cls.__name__ for cls in kinds if hasattr(cls, "output_shape") and not idea_of(cls)}
    assert without == {"Flatten", "Rows"}
    assert idea_of(TrainingSettings, "batch_size") == "one sample, mini-batches or the whole set"
