"""Lines of control.jsonl: what is a command, what is refused, and that nothing is read twice or by halves."""

from __future__ import annotations

import pytest

from tuinet.errors import TuinetError
from tuinet.training.control import LONGEST_LINE, ControlReader, Line, Refused, pace_line, parse, send
from tuinet.training.runs import new_line


def test_a_command_survives_the_file(tmp_path):
    line = new_line("set", rate=0.5, pace=20)
    send(tmp_path, line)
    send(tmp_path, new_line("stop", keep="best"))
    reader = ControlReader(tmp_path, 0)
    first, second = reader.read()
    assert first == line and isinstance(second, Line) and second.keep == "best"
    assert list(reader.read()) == []


def test_half_a_line_waits_for_its_end(tmp_path):
    path = tmp_path / "control.jsonl"
    path.write_bytes(b'{"id": "a", "do": "pau')
    reader = ControlReader(tmp_path, 0)
    assert list(reader.read()) == [] and reader.offset == 0
    with path.open("ab") as file:
        file.write(b'se"}\n')
    assert list(reader.read()) == [Line("a", "pause")]


def test_an_endless_line_is_refused_once_and_the_next_is_read(tmp_path):
    (tmp_path / "control.jsonl").write_bytes(b"x" * (3 * LONGEST_LINE) + b'\n{"id": "b", "do": "resume"}\n')
    refused, good = ControlReader(tmp_path, 0).read()
    assert isinstance(refused, Refused) and good == Line("b", "resume")


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"pause",
        b"[]",
        b'{"do": "pause"}',
        b'{"id": "a", "do": "explode"}',
        b'{"id": "a", "do": "set"}',
        b'{"id": "a", "do": "set", "rate": 0}',
        b'{"id": "a", "do": "set", "rate": -1}',
        b'{"id": "a", "do": "set", "rate": NaN}',
        b'{"id": "a", "do": "set", "pace": -0.5}',
        b'{"id": "a", "do": "pause", "rate": 0.1}',
        b'{"id": "a", "do": "pause", "keep": "best"}',
        b'{"id": "a", "do": "stop", "keep": "worst"}',
        b'{"id": "a", "do": "pause", "more": 1}',
        b"[" * 50_000,
        b"\xff\xfe\x00",
    ],
)
def test_what_is_no_command_is_refused_with_words(line: bytes):
    refused = parse(line)
    assert isinstance(refused, Refused) and refused.message


def test_sending_checks_before_it_writes(tmp_path):
    with pytest.raises(TuinetError, match="rate must be above 0"):
        send(tmp_path, new_line("set", rate=-1.0))
    with pytest.raises(TuinetError, match="set"):
        new_line("set", rate="fast")
    assert not (tmp_path / "control.jsonl").exists()


def test_teacher_forcing_is_a_share(tmp_path):
    line = new_line("set", teacher_forcing=0.5)
    send(tmp_path, line)
    assert list(ControlReader(tmp_path, 0).read()) == [line]
    for rest in (b'"set", "teacher_forcing": 1.5', b'"set", "teacher_forcing": -0.1', b'"stop", "teacher_forcing": 1'):
        wrong = b'{"id": "a", "do": ' + rest + b"}"
        refused = parse(wrong)
        assert isinstance(refused, Refused) and "teacher_forcing" in refused.message


def test_dropout_is_a_share_below_one(tmp_path):
    line = new_line("set", dropout=0.0)
    send(tmp_path, line)
    assert list(ControlReader(tmp_path, 0).read()) == [line]
    for rest in (b'"set", "dropout": 1', b'"set", "dropout": -0.1', b'"pause", "dropout": 0.5'):
        refused = parse(b'{"id": "a", "do": ' + rest + b"}")
        assert isinstance(refused, Refused) and "dropout" in refused.message


def test_a_reader_begins_behind_what_is_there(tmp_path):
    send(tmp_path, new_line("pause"))
    reader = ControlReader(tmp_path)
    assert list(reader.read()) == []
    line = new_line("resume")
    send(tmp_path, line)
    assert list(reader.read()) == [line]


@pytest.mark.parametrize("pace", [-1.0, float("nan"), float("inf")])
def test_a_pace_that_is_none(pace: float):
    with pytest.raises(TuinetError, match="pace must be 0 or above"):
        pace_line(pace)
