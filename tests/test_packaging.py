"""What is installed is whole: the wheel carries data and models, and finds them without the checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tuinet import __version__

ROOT = Path(__file__).resolve().parent.parent

pytestmark = pytest.mark.slow

SHIPPED_LIMIT = 8_000_000
"""Bytes that data and models may add to an installation, so that it stays under 150 MB."""


def run(*line: object, **options: object) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([*map(str, line)], capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    run(*pip, "wheel", "--no-deps", "--no-build-isolation", "--quiet", "--wheel-dir", folder, ROOT)
    (built,) = folder.glob("tuinet-*.whl")
    return built


def test_the_wheel_holds_all_that_ships_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        sizes = {info.filename: info.file_size for info in archive.infolist()}
    code = {str(path.relative_to(ROOT)) for path in (ROOT / "tuinet").rglob("*") if path.suffix in (".py", ".toml")}
    shipped = {
        f"tuinet/shipped/{path.relative_to(ROOT)}"
        for folder in ("datasets", "models")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert code | {"tuinet/py.typed"} | shipped == {name for name in sizes if ".dist-info/" not in name}
    assert any(name.endswith("licenses/LICENSE") for name in sizes)
    assert sum(size for name, size in sizes.items() if name.startswith("tuinet/shipped/")) < SHIPPED_LIMIT


def test_an_installed_wheel_trains_on_shipped_data(wheel: Path, tmp_path: Path) -> None:
    """Installed beside the checkout, not from it: libraries come from this environment, tuinet from the wheel."""
    site = tmp_path / "site"
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    run(*pip, "install", "--no-deps", "--no-index", "--quiet", "--target", site, wheel)
    place = {"cwd": tmp_path, "env": os.environ | {"PYTHONPATH": str(site)}}
    where = run(sys.executable, "-c", "import tuinet; print(tuinet.__file__)", **place).stdout.strip()
    assert Path(where).is_relative_to(site)
    for recipe in ("digits-cnn", "iris-mlp", "mnist-small-cnn"):
        line = ("train", recipe, "--set", "training.epochs=1", "--out", recipe, "--quiet", "--json")
        done = run(sys.executable, "-m", "tuinet", *line, **place)
        assert json.loads(done.stdout)["event"] == "run-ended"


def test_the_version_is_the_packages(wheel: Path) -> None:
    assert wheel.name.startswith(f"tuinet-{__version__}-py3-none-any")


def test_run_time_dependencies_are_those_that_were_decided() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    names = {requirement.split(">")[0].split("<")[0] for requirement in project["dependencies"]}
    assert names == {
        "click", "msgspec", "numpy", "pillow", "platformdirs", "plotext", "pooch", "requests", "rich", "safetensors",
        "textual", "textual-fspicker", "threadpoolctl", "tomli-w", "tomlkit",
    }  # fmt: skip
    decisions = "".join(path.read_text("utf-8") for path in (ROOT / "docs/decisions").glob("*.md")).lower()
    for name in names - {"click", "numpy", "pillow", "plotext", "textual", "threadpoolctl"}:
        assert name in decisions
