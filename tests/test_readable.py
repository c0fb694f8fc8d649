"""Figures and texts as people read them."""

from __future__ import annotations

from tuinet.readable import about, duration, number, percent, printable, printable_lines, printable_text, size


def test_numbers() -> None:
    assert [number(value) for value in (0.123456, 12345.6, 0.0, None, float("nan"), 1e-9)] == [
        "0.1235", "1.235e+04", "0", "–", "–", "1e-09",
    ]  # fmt: skip
    assert [percent(value) for value in (0.98251, 1.0, None)] == ["98.25 %", "100.00 %", "–"]
    assert [size(value) for value in (0, 999, 1000, 1_500_000, 2.5e15)] == [
        "0 B",
        "999 B",
        "1.0 kB",
        "1.5 MB",
        "2500.0 TB",
    ]
    assert size(679_168, "FLOP") == "679.2 kFLOP"
    assert [duration(value) for value in (0, 65, 3661, -3)] == ["0:00", "1:05", "1:01:01", "0:00"]
    said = [about(value) for value in (1e-6, 0.0312, 9.94, 12.2, 119, 121, 240, 7100, 7300, 171_000, 10**6)]
    expected = "0.001 s, 0.031 s, 9.9 s, 12 s, 119 s, 2 min, 4 min, 118 min, 2 h, 48 h, 12 days"
    assert ", ".join(said) == expected


def test_text_from_outside_steers_no_terminal() -> None:
    hostile = "\x1b[2J漢\u202eé\udcff\r\n\t"
    assert printable(hostile) == "\\x1b[2J漢\\u202eé\\udcff\\r\\n\\t"
    assert printable_lines("a\x07\nb") == "a\\x07\nb"
    assert printable_text("a\x07\n\tb") == "a\\x07\n\tb"
    assert printable(3) == "3"
