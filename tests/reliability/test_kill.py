"""A run that is killed, starved or refused: what is on disk is readable, and what is continued is the same run."""

import json
import os
import signal
import stat
import subprocess
from pathlib import Path

import numpy as np
import pytest
import small

from chemomech.results.read import open_results

pytestmark = pytest.mark.reliability

STEPS = ["Charge at 2C for 30 s", "Hold at 3.7 V for 20 s", "Discharge at 1C for 20 s"]
SLOW = """
import chemomech.runtime
import sys, time
import chemomech.run as runs
from chemomech.cli import main
from chemomech.summary import Tally
take = Tally.take
def slowly(self, *arguments):
    time.sleep(0.05)
    return take(self, *arguments)
Tally.take = slowly
runs.CHECKPOINT_SECONDS = float(sys.argv[1])
main(sys.argv[2:])
"""
"""chemomech with checkpoints as often as asked for, slow enough to be caught in the act"""


def rows(folder: Path) -> int:
    path = folder / "results" / "history.csv"
    return path.read_text().count("\n") if path.exists() else 0


def start(folder: Path, *more: str, every: float = -1.0) -> "subprocess.Popen[str]":
    line = [*small.command("run", folder, "--quiet", *more)]
    line = [line[0], "-c", SLOW, str(every), *line[3:]]
    return subprocess.Popen(
        line,
        env=small.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def end(process: "subprocess.Popen[str]", how: int) -> int:
    os.kill(process.pid, how)
    _, said = process.communicate(timeout=60)
    assert how == signal.SIGKILL or "Traceback" not in said, said
    return process.returncode


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = small.write(tmp_path_factory.mktemp("whole"), protocol={"steps": STEPS})
    done = small.chemomech("run", folder, "--quiet")
    assert done.returncode == 0, done.stderr
    return folder


def test_kills_at_any_moment_leave_a_run_that_can_go_on(whole: Path, tmp_path: Path) -> None:
    folder = small.write(tmp_path, protocol={"steps": STEPS})
    expected = open_results(whole / "results")
    total = len(expected.history["Time [s]"])
    process = start(folder)
    for caught in (6, total // 2, total - 4):
        small.wait_for(lambda at=caught: rows(folder) > at, 120.0, f"row {caught}")
        assert end(process, signal.SIGKILL) == -signal.SIGKILL
        left = open_results(folder / "results")
        assert left.run["finished"] is False and "killed" in left.run["reason"]
        time = left.history["Time [s]"]
        assert len(time) >= caught - 1
        np.testing.assert_allclose(time, expected.history["Time [s]"][: len(time)], rtol=1e-9)
        assert (
            left.frames > 0
            and np.isfinite(left.frame(left.frames - 1).cell_data["Von Mises stress [MPa]"]).all()
        )
        process = start(folder, "--resume")
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    got = open_results(folder / "results")
    assert got.run["finished"] is True
    for name, column in expected.history.items():
        np.testing.assert_allclose(got.history[name], column, rtol=1e-10, atol=1e-10, err_msg=name)
    np.testing.assert_allclose(got.times, expected.times, rtol=1e-12)
    assert got.summary == pytest.approx(expected.summary, rel=1e-10, abs=1e-12)
    assert not list((folder / "results").rglob("*.tmp"))


def test_rows_after_the_checkpoint_are_not_kept_twice(whole: Path, tmp_path: Path) -> None:
    # one early checkpoint, killed much later: what was recorded in between is computed anew
    folder = small.write(tmp_path, protocol={"steps": STEPS})
    process = start(folder, every=0.15)
    checkpoint = folder / "results" / "checkpoint" / "state.h5"
    small.wait_for(checkpoint.exists, 120.0, "a checkpoint")
    at = rows(folder)
    small.wait_for(lambda: rows(folder) > at + 1, 120.0, "more rows")
    end(process, signal.SIGKILL)
    done = small.chemomech("run", folder, "--resume", "--quiet")
    assert done.returncode == 0, done.stderr
    got, expected = open_results(folder / "results"), open_results(whole / "results")
    np.testing.assert_allclose(got.history["Time [s]"], expected.history["Time [s]"], rtol=1e-10)
    np.testing.assert_allclose(got.times, expected.times, rtol=1e-10)


def test_an_interrupt_ends_in_order(tmp_path: Path) -> None:
    folder = small.write(tmp_path, protocol={"steps": STEPS})
    process = start(folder)
    small.wait_for(lambda: rows(folder) > 5, 120.0, "rows")
    assert end(process, signal.SIGINT) == 130
    left = open_results(folder / "results")
    assert left.run["finished"] is False and left.run["reason"] == "interrupted" and left.frames > 0
    done = small.chemomech("run", folder, "--resume", "--quiet")
    assert done.returncode == 0, done.stderr


def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_computed(tmp_path: Path) -> None:
    folder = small.write(tmp_path / "case")
    blocked = tmp_path / "a file"
    blocked.write_text("")
    done = small.chemomech("run", folder, "--results", blocked / "results", "--quiet", timeout=60)
    assert done.returncode == 2
    assert (
        "cannot be written" in done.stderr and "--results" in done.stderr and "Traceback" not in done.stderr
    )
    if os.geteuid() != 0:  # root writes everywhere
        closed = tmp_path / "closed"
        closed.mkdir(mode=stat.S_IRUSR | stat.S_IXUSR)
        done = small.chemomech("run", folder, "--results", closed / "results", "--quiet", timeout=60)
        assert done.returncode == 2 and "cannot be written" in done.stderr


def test_a_damaged_checkpoint_is_refused_in_words(tmp_path: Path) -> None:
    folder = small.write(tmp_path, protocol={"steps": ["Charge at 1C for 2 s"]})
    assert small.chemomech("run", folder, "--quiet").returncode == 0
    checkpoint = folder / "results" / "checkpoint" / "state.h5"
    checkpoint.write_bytes(checkpoint.read_bytes()[:2000])
    done = small.chemomech("run", folder, "--resume", "--quiet")
    assert done.returncode == 2
    assert "cannot be continued from" in done.stderr and "without --resume" in done.stderr
    assert "Traceback" not in done.stderr
    assert json.loads((folder / "results" / "run.json").read_text())["finished"] is True


def test_a_stray_temporary_file_does_no_harm(tmp_path: Path) -> None:
    folder = small.write(tmp_path, protocol={"steps": ["Charge at 1C for 2 s"]})
    (folder / "results" / "checkpoint").mkdir(parents=True)
    (folder / "results" / "checkpoint" / "state.h5.1.tmp").write_bytes(b"cut short")
    assert small.chemomech("run", folder, "--quiet").returncode == 0
    assert small.chemomech("run", folder, "--resume", "--quiet").returncode == 0
