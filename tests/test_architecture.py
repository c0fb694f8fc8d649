"""Which room may import which, and which library: read from every import statement, and seen in fresh interpreters."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "tuinet"

# room: (rooms of tuinet, libraries). FOR_ALL is for all, as is the standard library.
ALLOWED: dict[str, tuple[set[str], set[str]]] = {
    "nn": (set(), {"numpy", "msgspec"}),
    "data": ({"nn"}, {"numpy", "msgspec", "PIL", "platformdirs", "pooch", "requests"}),
    "model": ({"nn", "data"}, {"numpy", "msgspec", "sacrebleu", "threadpoolctl"}),
    "files": ({"nn", "data", "model"}, {"numpy", "msgspec", "safetensors"}),
    "experiment": ({"nn", "data", "model", "files"}, {"numpy", "msgspec", "tomli_w", "tomlkit"}),
    "inspection": ({"nn", "data", "model", "files", "experiment"}, {"numpy", "msgspec"}),
    "training": (
        {"nn", "data", "model", "files", "experiment", "inspection"},
        {"numpy", "msgspec", "threadpoolctl"},
    ),
    "render": ({"inspection"}, {"numpy", "rich", "plotext", "PIL"}),
    "tui": (
        {"nn", "data", "model", "files", "experiment", "inspection", "training", "render"},
        {"msgspec", "numpy", "platformdirs", "rich", "textual", "textual_fspicker"},
    ),
    "cli": (
        {"nn", "data", "model", "files", "experiment", "inspection", "training", "render", "tui"},
        {"click", "msgspec", "numpy", "rich"},
    ),
}
FOR_ALL = {"errors", "readable"}
LIBRARIES = {library for _, libraries in ALLOWED.values() for library in libraries}
# What a library loads by itself does not break the rule of the room that imports it.
BRINGS = {"pooch": {"platformdirs", "requests"}, "safetensors": {"numpy"}, "textual": {"platformdirs", "rich"}}
IN_DOCUMENT = {
    "NumPy": "numpy", "Pillow": "PIL", "tomli-w": "tomli_w", "Rich": "rich", "inside functions msgspec": "msgspec",
    "inside a function sacrebleu": "sacrebleu", "Textual": "textual", "inside functions platformdirs": "platformdirs",
    "textual-fspicker": "textual_fspicker",
}  # fmt: skip


def room_of(module: str) -> str:
    """The room of `tuinet.data.fetch` is data; of `tuinet` and `tuinet.errors` it is ""."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in ALLOWED else ""


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            assert node.module is not None
            # `from tuinet import data` imports a room, `from tuinet import __version__` does not
            yield from (f"tuinet.{alias.name}" for alias in node.names) if node.module == "tuinet" else (node.module,)


def breaches(room: str, modules: Iterator[str]) -> list[str]:
    """The imports that the room may not make."""
    rooms, libraries = ALLOWED[room]
    bad: list[str] = []
    for module in modules:
        top = module.split(".")[0]
        if top == "tuinet":
            if room_of(module) not in {"", room, *rooms}:
                bad.append(module)
        elif top not in sys.stdlib_module_names and top not in libraries:
            bad.append(module)
    return bad


def files_of(room: str) -> list[Path]:
    return sorted((PACKAGE / room).rglob("*.py"))


def test_every_folder_is_a_room_with_rules() -> None:
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert folders == set(ALLOWED)


@pytest.mark.parametrize("room", ALLOWED)
def test_a_room_imports_only_what_it_may(room: str) -> None:
    assert files_of(room)
    found = {str(path.relative_to(ROOT)): breaches(room, imports(path)) for path in files_of(room)}
    assert not {path: bad for path, bad in found.items() if bad}


def test_what_is_for_all_imports_nothing_but_the_standard_library() -> None:
    assert {path.stem for path in PACKAGE.glob("*.py")} == {*FOR_ALL, "__init__", "__main__"}
    for name in FOR_ALL:
        assert {module.split(".")[0] for module in imports(PACKAGE / f"{name}.py")} <= sys.stdlib_module_names


def test_sums_know_no_views_and_what_both_stand_on_knows_neither() -> None:
    """Inside inspection: core ← sums ← views ← catalog, explain and pointing, which look all of them up."""
    forbidden = {"views": (), "sums": ("tuinet.inspection.views",)}
    for path in files_of("inspection"):
        above = forbidden.get(path.parent.name, ("tuinet.inspection.sums", "tuinet.inspection.views"))
        bad = [module for module in imports(path) if module.startswith(above)]
        assert path.stem in ("catalog", "explain", "pointing") or not bad, path


def test_only_one_command_opens_the_app() -> None:
    opening = {path.stem for path in files_of("cli") if any(room_of(module) == "tui" for module in imports(path))}
    assert opening == {"ui"}


def test_the_app_reads_no_files_but_a_persons_keys() -> None:
    reading = re.compile(r"(?<!def )(?<![.\w])open\(|\.open\(\"|\.read_(bytes|text)\(|np\.(load|fromfile)\(")
    found = {path.stem for path in files_of("tui") if reading.search(path.read_text("utf-8"))}
    assert found <= {"keys"}


def test_a_forbidden_import_is_found(tmp_path: Path) -> None:
    file = tmp_path / "layer.py"
    file.write_text(
        "import numpy as np\ndef f():\n    from tuinet.training import fit\n    import PIL.Image, os.path\n"
    )
    assert breaches("nn", imports(file)) == ["tuinet.training", "PIL.Image"]
    file.write_text("from tuinet import cli, __version__\n")
    assert breaches("data", imports(file)) == ["tuinet.cli"]


@pytest.mark.parametrize("room", ALLOWED)
def test_a_room_alone_loads_only_what_it_may(room: str) -> None:
    modules = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in files_of(room)]
    modules = [module.removesuffix(".__init__") for module in modules]
    code = f"""
import sys, json, importlib
for module in {modules!r}:
    importlib.import_module(module)
print(json.dumps([*sys.modules]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    loaded = set(json.loads(done.stdout))
    rooms = {room_of(module) for module in loaded if module.startswith("tuinet.")} - {""}
    assert rooms <= ALLOWED[room][0] | {room}
    libraries = {module.split(".")[0] for module in loaded} & LIBRARIES
    allowed = {library for inside in rooms for library in ALLOWED[inside][1]}
    assert libraries <= allowed.union(*(BRINGS.get(library, set()) for library in allowed))


@pytest.mark.parametrize("path", files_of("cli"), ids=lambda path: path.stem)
def test_a_command_imports_nothing_heavy_at_the_top(path: Path) -> None:
    top = ast.parse(path.read_text("utf-8")).body
    modules = [alias.name for node in top if isinstance(node, ast.Import) for alias in node.names]
    modules += [node.module or "" for node in top if isinstance(node, ast.ImportFrom)]
    light = {
        "click",
        "tuinet",
        *(f"tuinet.{name}" for name in FOR_ALL),
        "tuinet.cli.output",
        "tuinet.cli.options",
        "tuinet.cli.seen",
    }
    foreign = {module for module in modules if module.split(".")[0] not in sys.stdlib_module_names}
    from tuinet.cli.main import COMMANDS

    if path.stem in {"main", "output", "options", "seen", "import_weights", *COMMANDS}:
        assert foreign <= light


def test_only_commands_print() -> None:
    printing = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for room in ALLOWED
        if room != "cli"
        for path in files_of(room)
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert not printing


def test_modules_can_be_read_in_one_sitting() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in PACKAGE.rglob("*.py")
        if (lines := path.read_text("utf-8").count("\n")) > 350
    }
    assert not long


def test_the_document_says_the_same() -> None:
    text = (ROOT / "docs/architecture.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \|$", text, re.MULTILINE)
    assert [room for room, _, _ in rows] == list(ALLOWED)
    before: set[str] = set()
    for room, rooms, libraries in rows:
        said = set(before) if rooms == "all above" else set(re.findall(r"`(\w+)`", rooms))
        names = {name.strip() for name in re.split(r"[,;]", libraries)}
        assert (said, {IN_DOCUMENT.get(name, name) for name in names}) == ALLOWED[room]
        before.add(room)
