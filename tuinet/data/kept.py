"""Where fetched sets are kept. Needs nothing but the standard library: who asks what is there waits for nothing."""

from __future__ import annotations

import os
from pathlib import Path

RECORD = "fetched.json"


def data_folder() -> Path:
    """Where fetched sets are kept: $TUINET_DATA, else the user's data folder of this system."""
    chosen = os.environ.get("TUINET_DATA")
    if chosen:
        return user_path(chosen)
    import platformdirs

    return platformdirs.user_data_path("tuinet")


def user_path(text: str) -> Path:
    """A path that a person wrote; ~ is their home, where it can be found."""
    try:
        return Path(text).expanduser()
    except RuntimeError:  # "~nobody"
        return Path(text)


def is_kept(name: str) -> bool:
    """Whether a set was fetched, by the look of it: `fetched.read_record` reads what is known of it."""
    return (data_folder() / name / RECORD).is_file()
