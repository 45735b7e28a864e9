"""A run and its folder: what is recorded, what a checkpoint continues, what is left when something fails."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small
from mpi4py import MPI

import chemomech.run as runs
from chemomech.errors import InputError, Problem, RunError
from chemomech.results.read import open_results
from chemomech.run import on_root, run_case

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


SHORT = {"steps": ["Charge at 1C for 5 s"]}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short run with its checkpoint."""
    folder = tmp_path_factory.mktemp("finished")
    run_case(small.case(folder, protocol=SHORT), folder / "results", quiet=True)
    assert (folder / "results" / "checkpoint" / "state.h5").is_file()
    return folder


@pytest.mark.parametrize(
    "change",
    [
        {"interfaces": {"particle|electrolyte": {"charge_transfer": {"exchange_current": "2 A/m^2"}}}},
        {"regions": {"particle": {**small.REGIONS["particle"], "properties": {"youngs_modulus": "100 GPa"}}}},
        {"protocol": {"steps": ["Charge at 1C for 6 s"]}},
        {"numerics": {"displacement_degree": 2}},
        {"mesh_text": small.FILM_MESH.replace("cells = 4", "cells = 5")},
    ],
    ids=["kinetics", "material", "protocol", "degree", "mesh"],
)
def test_another_case_is_not_continued(finished: Path, change: dict[str, Any]) -> None:
    change = dict(change)
    chosen = small.case(
        finished, mesh=change.pop("mesh_text", small.FILM_MESH), **{"protocol": SHORT, **change}
    )
    before = (finished / "results" / "history.csv").read_bytes()
    with pytest.raises(InputError, match="it belongs to another case, mesh or version") as caught:
        run_case(chosen, finished / "results", resume=True, quiet=True)
    assert "cannot be continued from" in str(caught.value) and "without --resume" in str(caught.value)
    assert (finished / "results" / "history.csv").read_bytes() == before


def test_output_and_title_may_change_between_parts_of_a_run(finished: Path) -> None:
    chosen = small.case(finished, protocol=SHORT, title="Another name", output={"every": 3})
    rows = len(open_results(finished / "results").history["Time [s]"])
    run_case(chosen, finished / "results", resume=True, quiet=True)
    again = open_results(finished / "results")
    assert again.run["finished"] is True and len(again.history["Time [s]"]) == rows


def test_without_resume_an_old_checkpoint_counts_for_nothing(finished: Path, tmp_path: Path) -> None:
    chosen = small.case(tmp_path, protocol=SHORT)
    results = tmp_path / "results"
    run_case(chosen, results, quiet=True)
    first = open_results(results).history
    (results / "checkpoint" / "state.h5").write_bytes(b"damaged")
    run_case(chosen, results, quiet=True)
    second = open_results(results).history
    for name, column in first.items():
        np.testing.assert_array_equal(second[name], column, err_msg=name)


def test_there_must_be_something_to_continue(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"state\.h5.*cannot be continued from: it cannot be read"):
        run_case(small.case(tmp_path, protocol=SHORT), tmp_path / "results", resume=True, quiet=True)


def test_more_cycles_go_on_from_the_end(tmp_path: Path) -> None:
    steps = ["Charge at 1C for 5 s", "Discharge at 1C for 5 s"]
    results = tmp_path / "results"
    run_case(small.case(tmp_path, protocol={"steps": steps}), results, quiet=True)
    run_case(small.case(tmp_path, protocol={"steps": steps, "cycles": 2}), results, resume=True, quiet=True)
    longer = open_results(results)
    fresh = tmp_path / "fresh"
    run_case(small.case(tmp_path, protocol={"steps": steps, "cycles": 2}), fresh, quiet=True)
    for name, column in open_results(fresh).history.items():
        np.testing.assert_allclose(longer.history[name], column, rtol=1e-10, atol=1e-10, err_msg=name)
    assert longer.history["Time [s]"][-1] == pytest.approx(20.0, rel=1e-13)


def test_a_run_that_cannot_go_on_says_why_and_stays_readable(tmp_path: Path) -> None:
    chosen = small.case(tmp_path, protocol={"steps": ["Discharge at 20C for 1 hour"]})
    results = tmp_path / "results"
    (results / "checkpoint").mkdir(parents=True)
    (results / "summary.json").write_text('{"of an earlier run": 1.0}')
    with pytest.raises(RunError, match="full of lithium"):
        run_case(chosen, results, quiet=True)
    left = open_results(results)
    assert left.run["finished"] is False
    assert "the surface of 'particle' is full of lithium" in left.run["reason"]
    assert len(left.history["Time [s]"]) > 10 and np.all(np.isfinite(left.history["Voltage [V]"]))
    assert left.frames == len(left.times) == left.run["frames"] > 10
    assert np.isfinite(left.frame(-1).cell_data["Von Mises stress [MPa]"]).all()
    assert left.summary == {}


def test_a_bug_leaves_a_record_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("chemomech.simulate.Simulation._march", broken)
    with pytest.raises(ZeroDivisionError):
        run_case(small.case(tmp_path, protocol=SHORT), tmp_path / "results", quiet=True)
    left = json.loads((tmp_path / "results" / "run.json").read_text())
    assert left["finished"] is False and left["reason"] == "stopped by an error"
    assert len(open_results(tmp_path / "results").history["Time [s]"]) == 2


def test_numbers_leave_internal_units_rightly(tmp_path: Path) -> None:
    # 2 um x 10 um of cell: 2e-7 cm2; 2 um of particle on it
    chosen = small.case(tmp_path, protocol={"steps": ["Charge at 2 mA/cm2 for 10 s"]})
    summary = run_case(chosen, tmp_path / "results", quiet=True)
    results = open_results(tmp_path / "results")
    last = {name: column[-1] for name, column in results.history.items()}
    assert last["Current density [mA.cm-2]"] == pytest.approx(2.0, rel=1e-7)
    assert last["Current [A]"] == pytest.approx(2e-3 * 2e-7, rel=1e-7)
    assert last["Capacity [A.h]"] == pytest.approx(4e-10 * 10 / 3600, rel=1e-6)
    assert summary["Charge capacity, first cycle [A.h]"] == pytest.approx(last["Capacity [A.h]"])
    volume, full = 2e-6 * 2e-6 * 10e-6, 49137.0  # m3, mol/m3
    gone = 4e-9 / 96485.33212 / (volume * full)
    assert last["Mean stoichiometry in particle [-]"] == pytest.approx(0.85 - gone, abs=1e-9)
    assert last["Min stoichiometry in particle [-]"] < last["Mean stoichiometry in particle [-]"]
    assert last["Max stoichiometry in particle [-]"] <= 0.85 + 1e-4
    assert last["Stack pressure [MPa]"] == pytest.approx(10.0)
    assert last["Time [s]"] == pytest.approx(10.0) and last["Lithium balance error [-]"] < 1e-10
    nominal = 96485.33212 * full * volume * (0.998 - 0.15) / 3600
    assert summary["Nominal capacity [A.h]"] == pytest.approx(nominal, rel=1e-9)
    assert summary["Nominal areal capacity [mA.h.cm-2]"] == pytest.approx(nominal * 1e3 / 2e-7, rel=1e-9)
    # the fields of the same moment
    frame = results.frame(-1)
    theta = frame.point_data["Stoichiometry [-]"]
    assert np.nanmin(theta) == pytest.approx(last["Min stoichiometry in particle [-]"], rel=1e-9)
    assert np.isnan(theta).any()
    mises = frame.cell_data["Von Mises stress [MPa]"]
    particle = frame.cell_data["Region [-]"] == results.regions.index("particle")
    assert mises[particle].max() == pytest.approx(last["Max von Mises in particle [MPa]"], rel=1e-9)
    assert mises[~particle].max() == pytest.approx(last["Max von Mises in electrolyte [MPa]"], rel=1e-9)
    assert results.run["versions"]["chemomech"] and results.run["ranks"] == 1


def test_an_error_of_the_first_rank_is_everybodys() -> None:
    assert on_root(MPI.COMM_WORLD, lambda: 3) == 3
    with pytest.raises(InputError, match="nowhere"):
        on_root(MPI.COMM_WORLD, refuse)


def refuse() -> None:
    raise InputError([Problem("nowhere", "is no place")])
