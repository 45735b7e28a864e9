"""A run and its folder: what is recorded, what a checkpoint continues, what is left when something fails."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small

import chemomech.run as runs
from chemomech.results.read import open_results
from chemomech.run import run_case

STEPS = [
    "Charge at 2C until 3.75 V",
    "Hold at 3.75 V until C/2",
    "Rest for 5 minutes",
    "Discharge at 1C for 2 minutes",
]
MOMENTS = (
    "control changed",
    "first step",
    "second step",
    "midway",
    "cut-off met",
    "hold begun",
    "hold ended",
    "rest ended",
    "discharging",
    "all done",
)


class Killed(BaseException):
    """Stands in for the end of the process."""


def stop_after(monkeypatch: pytest.MonkeyPatch, checkpoints: int) -> None:
    """Write a checkpoint at every step and end the run right after so many of them."""
    written = runs.write_checkpoint
    count = 0

    def write(*arguments: Any) -> None:
        nonlocal count
        written(*arguments)
        count += 1
        if count == checkpoints:
            raise Killed

    monkeypatch.setattr(runs, "CHECKPOINT_SECONDS", -1.0)
    monkeypatch.setattr(runs, "write_checkpoint", write)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    chosen = small.case(folder, protocol={"steps": STEPS})
    run_case(chosen, folder / "results", quiet=True)
    return folder


def accepted_at(history: dict[str, Any], moment: str) -> int:
    """Return how many steps a run has accepted at one of the MOMENTS."""
    step = history["Step [-]"]
    first = {k: int(np.flatnonzero(step == k)[0]) for k in (1, 2, 3, 4)}
    rows = (
        first[1],
        first[1] + 1,
        first[1] + 2,
        first[1] + 7,
        first[2] - 1,
        first[2],
        first[3] - 1,
        first[4] - 1,
        first[4] + 2,
        len(step) - 1,
    )
    return dict(zip(MOMENTS, rows, strict=True))[moment]


@pytest.mark.parametrize("where", MOMENTS)
def test_a_continued_run_is_the_run_that_was_not_interrupted(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    expected = open_results(whole / "results")
    chosen = small.case(tmp_path, protocol={"steps": STEPS})
    results = tmp_path / "results"
    with monkeypatch.context() as patched:
        stop_after(patched, accepted_at(expected.history, where))
        with pytest.raises(Killed):
            run_case(chosen, results, quiet=True)
    left = open_results(results)
    assert left.run["finished"] is False
    summary = run_case(chosen, results, resume=True, quiet=True)
    got = open_results(results)
    assert got.run["finished"] is True
    assert list(got.history) == list(expected.history)
    for name, column in expected.history.items():
        np.testing.assert_allclose(got.history[name], column, rtol=1e-10, atol=1e-10, err_msg=name)
    np.testing.assert_allclose(got.times, expected.times, rtol=1e-12)
    last, reference = got.frame(-1), expected.frame(-1)
    for name in reference.point_data:
        np.testing.assert_allclose(last.point_data[name], reference.point_data[name], rtol=1e-8, atol=1e-10)
    assert summary == pytest.approx(expected.summary, rel=1e-10, abs=1e-14)
