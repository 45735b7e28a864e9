"""What is split from a residual is exact in every kind of coupling, and the block solver finds what factors find."""

from pathlib import Path
from typing import Any

import chemomech.runtime  # noqa: F401

import block_cases
import exactness
import numpy as np
import pytest
import small
from mpi4py import MPI

from chemomech.solver.newton import NewtonOptions, NewtonSolver

PER_NEWTON = {"quadratic displacement": 45, "salt": 45}
"""Krylov iterations per Newton step that a sound preconditioner stays below; 25 where none are given"""
RAMPS = {"weak kinetics": (1e-3, 1e-2, 0.1, 0.4, 1.0)}
"""shares of the current in which it is reached: Newton's method leaps too far at once"""
LARGER = [pytest.param(name, marks=pytest.mark.slow) for name in block_cases.LARGER]


@pytest.fixture(scope="module", params=[*block_cases.CASES, *LARGER])
def named(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Any]:
    content, mesh = {**block_cases.CASES, **block_cases.LARGER}[request.param]
    folder = tmp_path_factory.mktemp(request.param.replace(" ", "_"))
    return request.param, small.simulation(small.case(folder, content, mesh))


def test_what_is_split_and_kept_is_exact(named: tuple[str, Any]) -> None:
    name, simulation = named
    problem, state = simulation.model.problem, simulation.model.state
    rest = state.copy()
    simulation.scheme.restart(0.0, simulation.charge)
    simulation.scheme.begin(7.0)
    simulation.model.control.current.value = simulation.current_scale
    exactness.disturb(problem)
    for nest in (False, True):
        residual, jacobian = exactness.compare(problem, nest=nest)
        assert residual < 1e-13 and jacobian < 1e-13, (name, nest)
    state.restore(rest)


def test_the_block_solver_finds_what_factors_find(named: tuple[str, Any]) -> None:
    name, simulation = named
    problem, state = simulation.model.problem, simulation.model.state
    direct, blocks = (
        NewtonSolver(problem, NewtonOptions(maximum_iterations=25, linear_solver=kind), MPI.COMM_WORLD)
        for kind in ("direct", "fieldsplit")
    )
    for pace in block_cases.paces(simulation, RAMPS.get(name, (1.0,))):
        before = state.copy()
        assert direct.solve().converged, (name, pace)
        expected = state.copy()
        state.restore(before)
        attempt = blocks.solve()
        assert attempt.converged, (name, pace, attempt.reason)
        for field, one, other in zip(state.fields, expected, state.copy(), strict=True):
            assert np.max(np.abs(one - other), initial=0.0) < 1e-7 * field.scale, (name, pace, field.name)
        per_newton = attempt.linear_iterations / attempt.iterations
        assert per_newton < PER_NEWTON.get(name, 25), (name, pace, per_newton)
    direct.destroy()
    blocks.destroy()


def test_multigrid_is_set_up_again_only_when_the_iteration_slows(tmp_path: Path) -> None:
    simulation = small.simulation(small.case(tmp_path, *block_cases.CASES["films, double layer, fixture"]))
    solver = NewtonSolver(simulation.model.problem, NewtonOptions(linear_solver="fieldsplit"), MPI.COMM_WORLD)
    made = {"refreshed": 0, "assembled": 0}
    refresh, assemble = solver.preconditioner.refresh, solver.assembler.assemble_jacobian

    def counted(what: str, action: Any) -> Any:
        def call() -> None:
            made[what] += 1
            action()

        return call

    solver.preconditioner.refresh = counted("refreshed", refresh)  # type: ignore[method-assign]
    solver.assembler.assemble_jacobian = counted("assembled", assemble)  # type: ignore[method-assign]
    iterations = 0
    for _ in block_cases.paces(simulation):
        attempt = solver.solve()
        assert attempt.converged
        iterations += attempt.iterations
    # the last iteration of a solve sees the Jacobian of the one before, where that was as good as it
    assert made["assembled"] < iterations
    assert made["refreshed"] < made["assembled"] / 2
    solver.destroy()
