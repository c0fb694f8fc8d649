"""Every journey begins in an empty folder, with a home of its own and 24-bit colour."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ["TEXTUAL_COLOR_SYSTEM"] = "truecolor"  # Textual looks when it is imported


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home/.config"))
    monkeypatch.setenv("TUINET_DATA", str(tmp_path / "no-data"))
    for name in ("TUINET_RUNS", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path
