"""The block preconditioner: rigid motions, few iterations at every size, blocks told by their traits."""

from typing import Any

import chemomech.runtime  # noqa: F401

import numpy as np
import patchwork
import pytest
import small
import ufl
from dolfinx import fem
from dolfinx.fem import petsc as fempetsc
from mpi4py import MPI

from chemomech.solver.blocks import BlockPreconditioner
from chemomech.solver.multigrid import rigid_body_modes
from chemomech.solver.newton import NewtonOptions, NewtonSolver


@pytest.mark.parametrize(
    ("coordinates", "degree", "count"), [("plane strain", 1, 3), ("3D", 1, 6), ("3D", 2, 6)]
)
def test_rigid_motions_cost_no_energy(coordinates: Any, degree: int, count: int) -> None:
    domain = patchwork.patchwork(coordinates).domain
    space = fem.functionspace(domain.mesh, ("Lagrange", degree, (domain.dimension,)))
    u, v = ufl.TrialFunction(space), ufl.TestFunction(space)
    form = ufl.inner(domain.strain(u), domain.strain(v)) * ufl.dx(domain=domain.mesh)
    stiffness = fempetsc.assemble_matrix(fem.form(form))
    stiffness.assemble()
    modes = rigid_body_modes(space).getVecs()
    assert len(modes) == count
    result = modes[0].duplicate()
    for k, mode in enumerate(modes):
        stiffness.mult(mode, result)
        assert result.norm() < 1e-12 * stiffness.norm()
        for other in modes[: k + 1]:
            assert mode.dot(other) == pytest.approx(float(other is mode), abs=1e-12)
    stiffness.destroy()


def solves(simulation: Any, dt: float, current: float) -> Any:
    """Solve one step from rest with the block solver; returns the attempt."""
    solver = NewtonSolver(simulation.model.problem, NewtonOptions(linear_solver="fieldsplit"), MPI.COMM_WORLD)
    rest = simulation.model.state.copy()
    simulation.model.control.current.value = current * simulation.current_scale
    simulation.scheme.restart(0.0, simulation.charge)
    simulation.scheme.begin(1e-6)
    assert simulation.solver.solve().converged
    simulation.scheme.restart(0.0, simulation.charge)
    simulation.scheme.begin(dt)
    attempt = solver.solve()
    simulation.model.state.restore(rest)
    solver.destroy()
    return attempt


def test_iterations_do_not_grow_with_the_mesh(tmp_path: Any) -> None:
    per_newton, sizes = [], []
    for interface, bulk in (("0.6 um", "1.6 um"), ("0.12 um", "0.35 um")):
        mesh = small.SPHERE_MESH.replace('"0.6 um"', f'"{interface}"').replace('"1.6 um"', f'"{bulk}"')
        made = small.simulation(small.case(tmp_path / interface[:3], small.SPHERE, mesh))
        sizes.append(made.model.state.size())
        attempt = solves(made, 60.0, 1.0)
        assert attempt.converged
        per_newton.append(attempt.linear_iterations / attempt.iterations)
    assert sizes[1] > 7 * sizes[0]
    assert max(per_newton) < 25.0, per_newton
    assert per_newton[1] < 1.6 * per_newton[0], per_newton


def test_iterations_do_not_grow_with_the_time_step(tmp_path: Any) -> None:
    made = small.simulation(small.case(tmp_path, small.SPHERE, small.SPHERE_MESH))
    for dt in (1e-3, 1.0, 30.0, 900.0):
        attempt = solves(made, dt, 0.2)
        assert attempt.converged, dt
        assert attempt.linear_iterations < 30 * attempt.iterations, dt


def test_blocks_are_found_by_their_traits(tmp_path: Any) -> None:
    made = small.simulation(small.case(tmp_path, small.SPHERE, small.SPHERE_MESH))
    problem = made.model.problem
    names = [trait.name for trait in problem.traits]
    blocks = BlockPreconditioner(problem.traits, problem.functions)

    def named(numbers: Any) -> set[str]:
        return {names[i] for i in numbers}

    assert named(blocks.parabolic) == {"concentration"}
    assert {names[c]: names[p] for c, p in blocks.partner.items()} == {"concentration": "chemical_potential"}
    assert named(blocks.elliptic) == {"electronic_potential", "ionic_potential"}
    assert named(blocks.elastic) == {"displacement"}
    assert named(blocks.globals) == {"cell_voltage", "stack_pressure"}
    films = {"current density at particle|electrolyte", "current density at bottom"}
    assert named(blocks.fluxes) == films
    solver = NewtonSolver(problem, NewtonOptions(linear_solver="fieldsplit"), MPI.COMM_WORLD)
    made.model.control.current.value = made.current_scale
    made.scheme.begin(1e-6)
    assert solver.solve().converged
    hosts = {names[g]: named(solver.preconditioner._host(g).fields) for g in solver.preconditioner.globals}
    potentials = {"electronic_potential", "ionic_potential"}
    assert hosts == {"cell_voltage": potentials, "stack_pressure": {"displacement"}}
    assert np.all(solver.update_norms < 1e-8)
    solver.destroy()
