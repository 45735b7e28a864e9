"""Timers: phases inside phases, what a run reports of itself."""

import json
import time
from pathlib import Path

import pytest
import small

from chemomech.results.timings import timings_table
from chemomech.timing import NEWTON, SET_UP, Spent, Timings, measure, over_ranks, phase, timed


def spin(seconds: float) -> None:
    """Be busy for some CPU time."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_a_phase_is_charged_without_what_lies_inside_it() -> None:
    with measure() as timings:
        began = time.perf_counter()
        with phase("outer"):
            spin(0.02)
            for _ in range(2):
                with phase("inner"):
                    spin(0.03)
        passed = time.perf_counter() - began
    outer, inner = timings.phases["outer"], timings.phases["inner"]
    assert (outer.calls, inner.calls) == (1, 2)
    assert 0.02 <= outer.cpu < 0.03 < 0.06 <= inner.cpu < 0.09
    assert sum(spent.wall for spent in timings.phases.values()) == pytest.approx(passed, rel=0.05, abs=1e-3)


def test_an_error_ends_its_phase() -> None:
    @timed("risky")
    def fail() -> None:
        raise KeyError("x")

    with measure() as timings:
        with pytest.raises(KeyError):
            fail()
        with phase("next"):
            spin(0.01)
    assert timings.phases["risky"].cpu < 0.005 < timings.phases["next"].cpu


def test_what_is_going_on_counts_too() -> None:
    timings = Timings()
    timings.enter("waiting")
    time.sleep(0.02)
    assert timings.so_far()["waiting"].wall >= 0.02


def test_nothing_is_kept_where_nobody_measures() -> None:
    with measure() as timings:
        pass
    with phase("late"):
        pass
    assert "late" not in timings.phases


def test_ranks_are_put_together() -> None:
    table = over_ranks([{"a": Spent(2, 1.0, 1.5)}, {"a": Spent(2, 3.0, 2.5), "b": Spent(1, 1.0, 1.0)}])
    assert table["a"] == {"calls": 2, "cpu_s": 4.0, "wall_s": 2.0, "slowest_rank_wall_s": 2.5}
    assert table["b"] == {"calls": 1, "cpu_s": 1.0, "wall_s": 0.5, "slowest_rank_wall_s": 1.0}


@pytest.mark.parametrize("solver", ["direct", "fieldsplit"])
def test_a_run_reports_where_its_time_went(tmp_path: Path, solver: str) -> None:
    from chemomech.run import run_case

    chosen = small.case(
        tmp_path,
        protocol={"steps": ["Charge at 2C for 20 s"]},
        numerics={**small.NUMERICS, "solver": solver},
    )
    run_case(chosen, tmp_path / "results", quiet=True)
    run = json.loads((tmp_path / "results" / "run.json").read_text())
    phases, counts = run["timings"], run["counts"]
    assert sum(spent["wall_s"] for spent in phases.values()) == pytest.approx(run["wall_time_s"], rel=0.05)
    for name in (*SET_UP, *NEWTON, "rows", "frames", "checkpoints"):
        assert (name in phases) == (name != "preconditioner" or solver == "fieldsplit"), name
    assert phases["Jacobian"]["calls"] == counts["Newton iterations"]
    assert phases["residual"]["calls"] > phases["Jacobian"]["calls"]
    assert phases["rows"]["calls"] == counts["accepted steps"] + 1
    assert sum(run["unknowns_by_field"].values()) == run["unknowns"]
    busy = sum(phases[name]["cpu_s"] for name in NEWTON if name in phases)
    assert run["throughput"] == pytest.approx(run["unknowns"] * counts["Newton iterations"] / busy, rel=1e-3)
    assert len(run["peak_memory_mb"]) == 1 and run["peak_memory_mb"][0] > 50
    table = timings_table(run)
    assert all(name in table for name in phases) and f"{run['unknowns']} unknowns" in table
