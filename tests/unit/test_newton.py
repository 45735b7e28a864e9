"""The coupled solve: both linear solvers agree, Newton is quadratic, nothing is stale, failures are told."""

from typing import Any

import chemomech.runtime  # noqa: F401

import numpy as np
import pytest
import small
from dolfinx.fem import petsc as fempetsc
from mpi4py import MPI
from petsc4py import PETSc

from chemomech.simulate import SETTLING
from chemomech.solver.linearised import Linearised
from chemomech.solver.newton import PYTHON_ERROR, NewtonOptions, NewtonSolver

FINE_BALL = small.BALL_MESH.replace('"0.85 um"', '"0.45 um"').replace('"1.6 um"', '"0.8 um"')
"""about 6000 unknowns"""

MESHES = {"sphere": (small.SPHERE, small.SPHERE_MESH), "ball": (small.BALL, FINE_BALL)}


@pytest.fixture(scope="module", params=list(MESHES))
def everything(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Films, double layer, fixture and cell voltage: two global numbers and two fields on facets."""
    chosen = small.case(tmp_path_factory.mktemp(request.param), *MESHES[request.param])
    return small.simulation(chosen)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return small.simulation(small.case(tmp_path_factory.mktemp("film")))


@pytest.fixture
def restored(film: Any) -> Any:
    """The film electrode at rest, whatever was done to it before."""
    kept = film.scheme.levels[0].values if film.scheme.levels else film.model.state.copy()
    film.model.control.mode.value, film.model.control.current.value = 1.0, 0.0
    film.model.state.restore(kept)
    film.scheme.restart(0.0, film.charge)
    return film


def nest_of(simulation: Any, **options: Any) -> NewtonSolver:
    return NewtonSolver(
        simulation.model.problem, NewtonOptions(linear_solver="fieldsplit", **options), MPI.COMM_WORLD
    )


def stages(simulation: Any) -> Any:
    """Put a cell through its paces: yields before each solve; the step is taken afterwards."""
    control, scheme = simulation.model.control, simulation.scheme
    time = 0.0

    def step(dt: float, jump: bool = False) -> Any:
        nonlocal time
        if jump:
            scheme.restart(time, simulation.charge)
        scheme.begin(dt)
        yield
        time += dt
        scheme.accept(time, simulation.charge)

    control.mode.value, control.current.value = 1.0, simulation.current_scale
    yield from step(SETTLING, jump=True)
    yield from step(60.0, jump=True)
    yield from step(90.0)
    control.mode.value, control.voltage.value = 0.0, simulation.meter.read().voltage + 0.02
    yield from step(SETTLING, jump=True)
    yield from step(30.0, jump=True)
    control.mode.value, control.current.value = 1.0, 0.0
    yield from step(SETTLING, jump=True)
    yield from step(1000.0, jump=True)


def test_direct_and_block_solver_find_the_same_solution(everything: Any) -> None:
    state = everything.model.state
    nest = nest_of(everything)
    moved = np.zeros(len(state.fields))
    for _ in stages(everything):
        before = state.copy()
        whole = everything.solver.solve()
        expected = state.copy()
        state.restore(before)
        block = nest.solve()
        assert whole.converged and block.converged
        for field, old, one, other in zip(state.fields, before, expected, state.copy(), strict=True):
            assert np.max(np.abs(one - other), initial=0.0) < 1e-9 * field.scale, field.name
            k = state.fields.index(field)
            moved[k] = max(moved[k], np.max(np.abs(one - old), initial=0.0) / field.scale)
        assert whole.iterations <= 5 and block.iterations <= 7
        # an exact factorisation takes one linear iteration, a sound preconditioner few, at every size
        assert whole.linear_iterations <= whole.iterations + 1
        assert block.linear_iterations <= 25 * block.iterations
    assert np.all(moved > 1e-4), dict(zip((f.name for f in state.fields), moved, strict=True))
    nest.destroy()


def test_the_blocks_are_never_stale(everything: Any) -> None:
    # constant blocks are kept between solves, but follow time step and control
    problem = everything.model.problem
    nest = nest_of(everything)
    kept = set(nest.assembler.kept) - set(nest.assembler.slopes)
    assert len(kept) > 5, "no block is constant: the test shows nothing"
    for _ in stages(everything):
        assert nest.solve().converged
        nest.assembler.assemble_jacobian()
        for i, row in enumerate(problem.jacobian_forms):
            for j, form in enumerate(row):
                if form is None:
                    continue
                fresh = fempetsc.create_matrix(form)
                fempetsc.assemble_matrix(fresh, form, problem.bcs, diag=1.0)
                fresh.assemble()
                size = fresh.norm()
                fresh.axpy(-1.0, nest.matrix.getNestSubMatrix(i, j))
                assert fresh.norm() <= 1e-12 * size, (i, j)
                fresh.destroy()
    nest.destroy()


@pytest.mark.parametrize("solver", ["direct", "fieldsplit"])
def test_newton_is_quadratic_from_rest(restored: Any, solver: str) -> None:
    # at rest no current flows, and what the current's derivatives by composition couple is zero by accident:
    # a pattern taken there lacks these entries for good, and Newton becomes linear
    film, state = restored, restored.model.state
    made = NewtonSolver(film.model.problem, NewtonOptions(linear_solver=solver), MPI.COMM_WORLD)
    updates: list[float] = []
    made.snes.setMonitor(lambda snes, number, norm: updates.append(float(np.max(made.update_norms))))
    film.model.control.current.value = 5 * film.current_scale
    film.scheme.begin(SETTLING)
    assert made.solve().converged
    film.scheme.accept(SETTLING, film.charge)
    film.scheme.restart(SETTLING, film.charge)
    updates.clear()
    film.scheme.begin(0.1)
    attempt = made.solve()
    assert attempt.converged and attempt.iterations <= 4
    first, *rest = updates[1:]
    assert first > 1e-4, "the step is too small to show anything"
    if solver == "direct":  # inexact linear solves are as good as the step deserves
        for early, late in zip([first, *rest], rest, strict=False):
            assert late < max(100 * early**2, 1e-11)
    state.restore(film.scheme.levels[0].values)
    made.destroy()


def test_entries_that_vanish_by_accident_stay_in_the_matrix(restored: Any) -> None:
    film = restored
    names = [f.name for f in film.model.state.fields]
    solver = nest_of(film)
    film.model.control.current.value = film.current_scale
    film.scheme.begin(SETTLING)
    assert film.solver.solve().converged
    solver.assembler.refresh()
    solver.assembler.assemble_jacobian()
    potential, concentration = names.index("electronic_potential"), names.index("concentration")
    block = solver.matrix.getNestSubMatrix(potential, concentration)
    form = film.model.problem.jacobian_forms[potential][concentration]
    full = fempetsc.create_matrix(form)
    fempetsc.assemble_matrix(full, form)
    full.assemble()
    assert full.norm() > 0.0
    assert block.norm() == pytest.approx(full.norm(), rel=1e-12)
    # and the explicit zeros, one dense row and column, are gone
    used, created = block.getInfo()["nz_used"], full.getInfo()["nz_used"]
    assert used < created
    solver.destroy()
    full.destroy()


def test_a_residual_that_overflows_is_no_success(restored: Any) -> None:
    # with weak kinetics the first Newton step leads to exp(1000); once this counted as converged
    film = restored
    current = film.model.control.current
    current.value = 1e12 * film.current_scale
    film.scheme.begin(SETTLING)
    for solver in (film.solver, nest_of(film)):
        film.scheme.reject()
        attempt = solver.solve()
        assert not attempt.converged
        assert attempt.reason in ("the residual is not a number", "the Newton iteration diverged")
    film.scheme.reject()


def test_a_state_that_is_no_number_is_no_success(restored: Any) -> None:
    film = restored
    film.scheme.begin(SETTLING)
    film.model.state.functions[0].x.array[:] = np.nan
    attempt = film.solver.solve()
    assert not attempt.converged and attempt.reason == "the residual is not a number"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"maximum_iterations": 1}, "too many Newton iterations"),
        ({"divergence": 1e-9}, "the Newton iteration diverged"),
    ],
)
def test_limits_are_kept_and_named(restored: Any, options: dict[str, Any], reason: str) -> None:
    film = restored
    solver = NewtonSolver(film.model.problem, NewtonOptions(**options), MPI.COMM_WORLD)
    film.model.control.current.value = film.current_scale
    film.scheme.begin(SETTLING)
    attempt = solver.solve()
    assert not attempt.converged and attempt.reason == reason and attempt.iterations == 1
    film.scheme.reject()
    assert film.solver.solve().converged
    solver.destroy()


def test_an_error_inside_a_callback_is_not_taken_for_numbers(
    restored: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = restored
    solver = nest_of(film)

    def broken(*arguments: Any) -> None:
        raise KeyError("a fault of ours")

    monkeypatch.setattr(solver.preconditioner, "apply", broken)
    film.model.control.current.value = film.current_scale
    film.scheme.begin(SETTLING)
    with pytest.raises((KeyError, PETSc.Error)) as caught:
        solver.solve()
    assert isinstance(caught.value, KeyError) or caught.value.ierr == PYTHON_ERROR


def test_the_tolerance_is_on_what_is_wrong_with_every_field_in_its_own_scale(restored: Any) -> None:
    film = restored
    film.model.control.current.value = film.current_scale
    film.scheme.begin(SETTLING)
    film.solver.solve()
    film.scheme.begin(1.0)
    first = film.solver.solve()
    assert first.converged
    # the last update may be larger than the tolerance, what it leaves is not: solved again, little changes
    solution = film.model.state.copy()
    assert film.solver.solve().iterations == 1
    for field, old, new in zip(film.model.state.fields, solution, film.model.state.copy(), strict=True):
        assert np.max(np.abs(old - new)) < 1e-10 * field.scale


@pytest.mark.parametrize("kind", ["direct", "fieldsplit"])
def test_a_solve_that_petsc_gave_up_does_not_spoil_the_next(restored: Any, kind: str) -> None:
    solver = NewtonSolver(restored.model.problem, NewtonOptions(linear_solver=kind), MPI.COMM_WORLD)
    restored.model.control.current.value = 0.5 * restored.current_scale
    kept = restored.model.state.copy()
    restored.scheme.begin(SETTLING)
    locked = solver.vector  # an error in the middle of a linear solve leaves its right-hand side locked

    class GivenUp:
        def solve(self, *arguments: Any) -> None:
            raise PETSc.Error(76)

        def destroy(self) -> None:
            pass

    solver.snes.destroy()
    solver.snes = GivenUp()
    assert solver.solve().reason == "PETSc error 76"
    assert solver.vector is not locked
    restored.model.state.restore(kept)
    restored.scheme.begin(SETTLING)
    assert solver.solve().converged
    solver.destroy()


def test_what_vanished_but_for_rounding_is_there_when_a_constant_changes(tmp_path: Any) -> None:
    """The mass of quadratic elements has such entries, and the length of the time step multiplies it."""
    degrees = {"displacement_degree": 2, "scalar_degree": 2, "quadrature_degree": 5}
    simulation = small.simulation(small.case(tmp_path, numerics=degrees))
    problem, assembler = simulation.model.problem, simulation.solver.assembler
    for step in (1e-3, 7.0, 1e4):
        simulation.model.state.set_rates(1.0 / step, [-x / step for x in simulation.model.state.copy()])
        assembler.refresh()
        assembler.assemble_jacobian()
        whole = fempetsc.create_matrix(problem.jacobian_forms)
        fempetsc.assemble_matrix(whole, problem.jacobian_forms, problem.bcs, diag=1.0)
        whole.assemble()
        whole.axpy(-1.0, assembler.matrix, PETSc.Mat.Structure.DIFFERENT_NONZERO_PATTERN)
        assert whole.norm(PETSc.NormType.INFINITY) < 1e-13 * assembler.matrix.norm(PETSc.NormType.INFINITY)
        whole.destroy()
    # the same where spectra are computed iteratively, whose matrix serves one frequency after the other
    linearised = Linearised(problem, simulation.model.state)
    first, again, new = linearised.at(1.0), linearised.at(7.0), linearised.at(1e6)
    linearised.at(7.0, matrix=first)
    first.axpy(-1.0, again, PETSc.Mat.Structure.DIFFERENT_NONZERO_PATTERN)
    assert first.norm(PETSc.NormType.INFINITY) < 1e-13 * again.norm(PETSc.NormType.INFINITY)
    linearised.at(1e6, matrix=again)
    again.axpy(-1.0, new, PETSc.Mat.Structure.DIFFERENT_NONZERO_PATTERN)
    assert again.norm(PETSc.NormType.INFINITY) < 1e-13 * new.norm(PETSc.NormType.INFINITY)
    for matrix in (first, again, new):
        matrix.destroy()
