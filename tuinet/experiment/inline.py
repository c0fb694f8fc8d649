"""A value as TOML writes it on one line."""

from __future__ import annotations

import json
from typing import cast


def inline(value: object) -> str:
    """`true`, `0.5`, `"a text"`, `[3, 3]`, `{ kind = "sgd", rate = 0.1 }`: what `tomllib` reads as an equal value.

    value  what `to_raw` gives: tables with bare keys, lists, texts, numbers, truth values
    """
    match value:
        case bool():
            return str(value).lower()
        case str():
            return json.dumps(value, ensure_ascii=False).replace(
                "\x7f", "\\u007f"
            )  # all else that TOML escapes, JSON does
        case dict():
            table = cast("dict[str, object]", value)
            pairs = ", ".join(f"{key} = {inline(each)}" for key, each in table.items())
            return f"{{ {pairs} }}" if pairs else "{}"
        case list():
            return f"[{', '.join(inline(each) for each in cast('list[object]', value))}]"
        case _:
            return str(value)
