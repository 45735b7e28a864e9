"""What a run says while it works: on stderr, a line now and then, nothing when quiet."""

import pytest

from chemomech import progress
from chemomech.progress import Progress
from chemomech.protocol import ScheduledStep, parse_step
from chemomech.record import Reading
from chemomech.results import format as names
from chemomech.simulate import Moment

ROW = {names.VOLTAGE: 3.75, names.CURRENT_DENSITY: 0.25}


def moment(time: float, index: int, last: bool = False) -> Moment:
    scheduled = None if index == 0 else ScheduledStep(parse_step("Charge at 1C until 4 V"), 2, index)
    return Moment(time, 0.5, scheduled, Reading(3.75, 1.0, -1.0, 0.0, 1.0, 0.0, {}), 1.0, -1.0, 3, last)


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    shown = Progress(quiet=True)
    shown.say("mesh")
    shown.step(moment(1.0, 1), ROW)
    shown.close()
    said = capsys.readouterr()
    assert said.out == "" and said.err == ""


def test_a_log_gets_every_change_and_a_line_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(progress.clock, "monotonic", lambda: now[0])
    shown = Progress(quiet=False)
    shown.say("mesh")
    for time, index, last in ((0.0, 0, False), (1.0, 1, False), (2.0, 1, False), (3.0, 1, False)):
        shown.step(moment(time, index, last), ROW)
        now[0] += 1.0
    now[0] += 20.0
    shown.step(moment(4.0, 1), ROW)
    shown.step(moment(5.0, 1, True), ROW)
    shown.step(moment(6.0, 2), ROW)
    shown.close()
    said = capsys.readouterr()
    assert said.out == ""
    lines = said.err.splitlines()
    assert all(line.startswith("[chemomech] ") for line in lines)
    times = [line.split("t = ")[1].split(" ")[0] for line in lines[1:]]
    assert times == ["0", "1", "4", "5", "6"]
    assert "mesh" in lines[0] and "start" in lines[1]
    assert "cycle 2, step 1: Charge at 1C until 4 V" in lines[2]
    assert "dt = 0.5 s, 3.7500 V, 0.25 mA/cm2" in lines[2]


def test_a_terminal_gets_one_live_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from io import StringIO

    from rich.console import Console

    stream = StringIO()
    shown = Progress(quiet=False)
    monkeypatch.setattr(shown, "_console", Console(file=stream, force_terminal=True, width=200))
    shown.say("mesh")
    shown.step(moment(1.0, 1), ROW)
    assert shown._status is not None and "3.7500 V" in str(shown._status.status)
    shown.close()
    assert shown._status is None
    shown.close()
    assert "[chemomech]" not in stream.getvalue()
