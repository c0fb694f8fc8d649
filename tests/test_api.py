"""The public names of tuinet: lazy, light, and what they say they are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import tuinet
from tests.model.models import cnn, images
from tuinet.files.model_file import save_model


def test_importing_tuinet_is_light() -> None:
    code = "import sys, tuinet; print(tuinet.__version__, sorted({'numpy', 'msgspec', 'textual'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split(maxsplit=1) == [tuinet.__version__, "[]\n"]


def test_the_public_names_are_all_there() -> None:
    for name in tuinet.__all__:
        assert getattr(tuinet, name) is not None
        assert name in dir(tuinet)
    with pytest.raises(AttributeError, match="no attribute 'lode'"):
        tuinet.lode  # noqa: B018


def test_load_predict_and_trace(tmp_path: Path) -> None:
    save_model(cnn(), tmp_path / "m.safetensors")
    model = tuinet.load(tmp_path / "m.safetensors")
    assert isinstance(model, tuinet.Model)
    labels = model.predict(images(2)).labels
    assert tuinet.trace(model, images(2)).prediction.labels == labels
