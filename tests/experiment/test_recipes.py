"""The recipes: that they are listed cheaply, are what their heads say, and pass their own checks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tuinet.data.fetched import Fetched
from tuinet.data.sources import DATASETS
from tuinet.errors import TuinetError
from tuinet.experiment.check import check
from tuinet.experiment.data import Described, describe_data
from tuinet.experiment.decode import decode, load_experiment
from tuinet.experiment.document import document
from tuinet.experiment.recipes import FOLDER, ORDER, recipe_path, recipe_text, recipes

ALL = recipes()


def test_every_file_is_a_recipe_and_every_recipe_a_file() -> None:
    assert {path.stem for path in FOLDER.glob("*")} == set(ORDER)
    assert [recipe.name for recipe in ALL] == list(ORDER)


@pytest.mark.parametrize("recipe", ALL, ids=lambda recipe: recipe.name)
def test_a_recipe_is_what_its_head_says(recipe) -> None:
    experiment = decode(recipe_text(recipe.name), recipe.name)
    assert (experiment.name, experiment.title) == (recipe.name, recipe.title)
    assert recipe.teaches
    named = DATASETS[str(experiment.data.source.__struct_config__.tag)]
    kind = str(experiment.data.source.__struct_config__.tag)
    how = {"generated": "generated", "shipped": "ships", "fetched": f"tuinet data fetch {kind}"}[named.kind]
    assert recipe.data == f"{kind} ({how})"


@pytest.mark.parametrize("name", [name for name in ORDER if name != "digits-svm"])
def test_a_recipe_has_no_problem_and_needs_no_warning(name: str) -> None:
    experiment = load_experiment(name)
    source = experiment.data.source
    found = Described(source.official) if isinstance(source, Fetched) else describe_data(experiment, Path())
    report = check(experiment, found.info, divided=found.divided)
    assert report.problems == ()
    assert report.warnings == ()
    assert report.totals is not None and report.totals.parameters > 0


def test_the_svm_takes_its_features_from_the_cnn_and_tests_on_what_that_never_saw() -> None:
    svm, cnn = load_experiment("digits-svm"), load_experiment("digits-cnn")
    assert svm.model.layers[:6] == cnn.model.layers[:6]
    assert (svm.data.source, svm.data.split, svm.training.seed) == (cnn.data.source, cnn.data.split, cnn.training.seed)
    assert svm.model.start == "digits-cnn"


def test_an_unknown_recipe() -> None:
    with pytest.raises(TuinetError) as caught:
        recipe_path("../spec")
    assert "there is no recipe" in caught.value.message
    with pytest.raises(TuinetError) as caught:
        recipe_path("mnist-cn")
    assert caught.value.hint.startswith("did you mean mnist-cnn?")


def test_listing_the_recipes_loads_neither_numpy_nor_msgspec() -> None:
    code = (
        "import sys; from tuinet.experiment.recipes import recipes; assert len(recipes()) == 31;"
        "heavy = {'numpy', 'msgspec', 'textual', 'PIL'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_document_is_up_to_date() -> None:
    """`make docs` writes it anew."""
    written = Path(__file__).parents[2] / "docs" / "experiment-file.md"
    assert written.read_text(encoding="utf-8") == document()
