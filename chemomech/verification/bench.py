"""A test bench: physics on a small mesh, solved by the project's own Newton and BDF2, without a case."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import chemomech.runtime  # noqa: F401

import numpy as np
import numpy.typing as npt
import ufl
from dolfinx import fem
from mpi4py import MPI

from chemomech.domain import Domain, Support
from chemomech.errors import RunError
from chemomech.fields import CELL_VOLTAGE, ROLES, Field, Memory, State
from chemomech.physics.balance import Physics
from chemomech.solver.blocks import BlockTraits
from chemomech.solver.newton import BlockProblem, NewtonOptions, NewtonSolver
from chemomech.solver.timestep import Bdf2

type Array = npt.NDArray[np.float64]

INSTANT: Final = 1e-9
"""a step in which nothing diffuses [s]"""
NOTHING: Final = np.zeros(0)


def number(domain: Domain, value: float) -> fem.Constant:
    """Return a constant of the forms."""
    return fem.Constant(domain.mesh, float(value))


def make_state(
    domain: Domain,
    roles: Mapping[str, str],
    fields: Iterable[Field],
    degrees: Mapping[Field, int] | None = None,
    memories: Iterable[Memory] = (),
) -> State:
    """Return a state with these fields where the roles of the regions put them."""
    supports: dict[Field, Support] = {}
    for item in dict.fromkeys(fields):
        kind, _, place = item.support.partition(":")
        if kind == "interface":
            supports[item] = domain.interface_support(*([name] for name in place.split("|")))
        elif kind == "regions":
            supports[item] = domain.support(place.split("|"))
        elif kind == "cell":
            supports[item] = domain.support(roles)
        else:
            supports[item] = domain.support([name for name, role in roles.items() if role in ROLES[kind]])
    return State(domain, supports, degrees=degrees, memories=memories)


def fields_of(physics: Sequence[Physics]) -> list[Field]:
    """Return the fields that these physics need, each once."""
    return list(dict.fromkeys(item for one in physics for item in one.fields))


def idle(state: State) -> ufl.Form:
    """Return the equation V = 0 of a cell voltage that is not used: the solver wants at least two unknowns."""
    return state.domain.over(state.value[CELL_VOLTAGE] * state.test[CELL_VOLTAGE], state.domain.regions)


class Bench:
    """A residual on a state with constraints, its solver and its time scheme."""

    def __init__(
        self,
        state: State,
        physics: Sequence[Physics],
        *,
        extra: Sequence[ufl.Form] = (),
        conditions: Sequence[fem.DirichletBC] = (),
        time_tolerance: float = 1e-4,
        newton_tolerance: float = 1e-10,
        linear_solver: str = "direct",
    ) -> None:
        """`extra`: terms of the residual that are no physics of the project, such as sources and fluxes given."""
        self.state = state
        self.domain = state.domain
        residual = sum((one.residual(state) for one in physics), ufl.Form([]))
        self.problem = BlockProblem(
            sum(extra, residual),
            state.functions,
            [BlockTraits(f.name, f.treatment, f.scale) for f in state.fields],
            list(conditions),
            state.domain.entity_maps,
        )
        options = NewtonOptions(newton_tolerance, maximum_iterations=25, linear_solver=linear_solver)
        self.solver = NewtonSolver(self.problem, options, state.domain.comm)
        self.scheme = Bdf2(state, state.domain.comm, time_tolerance)
        self.steps = 0
        self._compiled: dict[str, Any] = {}

    def solve(self) -> None:
        """Solve from the present values; RunError where that fails."""
        attempt = self.solver.solve()
        if not attempt.converged:
            raise RunError(f"a verification problem was not solved: {attempt.reason}")

    def settle(self, dt: float = INSTANT) -> None:
        """Take one implicit step, by default so short that only what has no inertia moves."""
        self.scheme.restart(0.0, NOTHING)
        self.scheme.begin(dt)
        self.solve()

    def march(self, times: Sequence[float], first_step: float) -> Iterator[float]:
        """Integrate from time zero, stop at each of the rising times and yield it."""
        time, dt, failures = 0.0, first_step, 0
        self.scheme.restart(0.0, NOTHING)
        for goal in times:
            while time < goal * (1 - 1e-12):
                left = goal - time
                step = left if left <= dt * 1.001 else min(dt, left / 2)
                self.scheme.begin(step)
                attempt = self.solver.solve()
                error = self.scheme.error(step) if attempt.converged else np.inf
                if error > 1.0:
                    self.scheme.reject()
                    dt, failures = step * max(0.25, self.scheme.factor(min(error, 1e9))), failures + 1
                    if failures > 200:
                        raise RunError(f"a verification problem stops at {time:g}: {attempt.reason}")
                    continue
                # a step cut short by a goal says little about the next one
                dt = max(step * self.scheme.factor(error), dt if step < dt else 0.0)
                time += step
                self.steps += 1
                self.scheme.accept(time, NOTHING)
            yield goal

    # ---- reading ----------------------------------------------------------------------------------

    def read(self, name: str, form: Callable[[], ufl.Form]) -> float:
        """Return a scalar form's value; compiled once per name."""
        if name not in self._compiled:
            self._compiled[name] = self.problem.compile(form())
        return self.domain.integral(self._compiled[name], lambda f: f)

    def surface_mean(self, name: str, integrand: Any, boundary: str) -> float:
        """Return the mean of an expression over a boundary."""
        total = self.read(f"{name} on {boundary}", lambda: self.domain.on_boundary(integrand, boundary))
        one = number(self.domain, 1.0)
        return total / self.read(f"area of {boundary}", lambda: self.domain.on_boundary(one, boundary))

    def nodal(self, item: Field, point: Sequence[float]) -> float:
        """Return a scalar field's value at the node nearest to a point."""
        unknown = self.state.unknowns[item]
        where = unknown.space.tabulate_dof_coordinates()
        distance = np.linalg.norm(where[:, : len(point)] - np.asarray(point), axis=1)
        best = int(np.argmin(distance)) if len(distance) else -1
        found = (float(distance[best]), float(unknown.array()[best])) if best >= 0 else (np.inf, 0.0)
        return float(min(self.domain.comm.allgather(found))[1])

    def destroy(self) -> None:
        """Free the solver."""
        self.solver.destroy()


def probe(domain: Domain, expression: Any, point: Sequence[float]) -> Array:
    """Return an expression at the middle of the cells that touch a point (their mean), flattened."""
    tdim = domain.dimension
    x = domain.mesh.geometry.x[:, : len(point)]
    near = np.linalg.norm(x - np.asarray(point), axis=1) < 1e-9 * max(
        1.0, float(np.max(np.abs(x), initial=0.0))
    )
    owned = domain.mesh.topology.index_map(tdim).size_local
    cells = np.flatnonzero(near[domain.mesh.geometry.dofmaps[0][:owned]].any(axis=1)).astype(np.int32)
    middle = np.full((1, tdim), 1.0 / (tdim + 1))
    compiled = fem.Expression(expression, middle, entity_maps=domain.entity_maps, comm=MPI.COMM_SELF)
    mine = compiled.eval(domain.mesh, cells).reshape(len(cells), -1) if len(cells) else None
    parts = [part for part in domain.comm.allgather(mine) if part is not None]
    return np.asarray(np.concatenate(parts).mean(axis=0))
