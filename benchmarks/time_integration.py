"""What a CCCV cycle of the 2D composite costs at a given error: Rosenbrock, BDF2, fully implicit Runge-Kutta.

All three integrate the residual F(u, du/dt) = 0 of one and the same model, on one mesh, with the same direct solver,
the same jumps of the control and the same measure of the local error:

  rosenbrock  the integrator of runs with a direct solver (chemomech.solver.rosenbrock): one factorisation a step
  bdf2        that of all other runs (chemomech.solver.timestep), Newton with a new Jacobian in every iteration
  radau       Radau IIA, three stages, order 5, simplified Newton: one real and one complex factorisation a step
              E. Hairer, G. Wanner, Solving Ordinary Differential Equations II, IV.8 (error estimate, transformation)

The error is against Radau IIA at a tolerance a hundred times smaller than the finest of the others.

    ./dev shell python benchmarks/time_integration.py --method bdf2 --tolerance 1e-3

prints one JSON object: CPU seconds, steps, factorisations, and voltage and current at fixed times.
"""

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import chemomech.runtime  # noqa: F401

import numpy as np
import numpy.typing as npt
from dolfinx.fem import petsc as fempetsc
from mpi4py import MPI
from petsc4py import PETSc
from scipy.interpolate import CubicSpline

from chemomech.case.read import read_case
from chemomech.domain import read_domain
from chemomech.fields import CELL_VOLTAGE
from chemomech.geometry.build import open_mesh
from chemomech.model.build import Model, build_model
from chemomech.protocol import parse_protocol
from chemomech.simulate import Moment, Simulation
from chemomech.solver.jit import prepare
from chemomech.solver.linearised import Linearised

type Array = npt.NDArray[np.float64]

ROOT = Path(__file__).resolve().parents[1]
COARSER = (
    'mesh={recipe="../../meshes/composite_2d.toml", electrode="21 um", width="18 um", '
    'mesh_size={interface="0.6 um", bulk="2 um", transition="4 um"}}',
    "numerics.displacement_degree=1",
    "numerics.solver='direct'",
)
"""a quarter of the cell with linear displacement: what is compared is the integrators"""
CYCLE = (
    "Charge at C/5 for 14000 s",
    "Hold at 4.15 V for 5400 s",
    "Rest for 1800 s",
    "Discharge at C/5 for 12000 s",
)
"""times, not cut-offs: every integrator is to solve the same problem"""
SAMPLES = np.linspace(0.02, 1.0, 50)
"""where voltage and current are compared, as shares of each step of the protocol"""
FIRST = 1e-3
"""first time step after a jump [s]"""
SETTLING = 1e-6
"""length of the step in which potentials follow the control [s]"""


@dataclass
class Trace:
    """What an integrator found, and what it took."""

    voltage: list[float] = field(default_factory=list)
    current: list[float] = field(default_factory=list)
    steps: int = 0
    rejected: int = 0
    jacobians: int = 0
    residuals: int = 0
    factorisations: int = 0
    double_factorisations: int = 0
    """of a matrix of twice the size"""
    cpu: float = 0.0
    """seconds of the integration, without start-up, mesh and compilation"""


def make_simulation(observer: Callable[[Moment], None], *changes: str) -> Simulation:
    """Return the cycle, ready to start."""
    case = read_case(ROOT / "cases" / "composite_cathode_2d", [*COARSER, *changes])
    mesh = open_mesh(case.mesh_path, replaced=case.mesh.replaced)
    comm = MPI.COMM_WORLD
    domain = read_domain(mesh.msh, cast(Any, mesh.coordinates), comm, case.numerics.quadrature_degree)
    model = build_model(case, domain, prepare(comm))
    return Simulation(model, parse_protocol(list(CYCLE), 1), None, observer)


def pieces(simulation: Simulation) -> Iterator[tuple[int, float, float]]:
    """Impose the steps of the protocol one after the other: index, start and end in time [s]."""
    start = 0.0
    for index, scheduled in enumerate(simulation.schedule):
        assert scheduled.step.duration is not None
        simulation.position.index = index
        simulation.position.begun = simulation.position.time = start
        simulation._impose(scheduled.step)
        yield index, start, start + scheduled.step.duration
        start += scheduled.step.duration


# ---- the project's own ------------------------------------------------------------------------------


def own(integrator: str, tolerance: float, newton: float | None = None) -> Trace:
    """Run the cycle as every case is run, with another tolerance of Newton's method where one is given."""
    rows: list[tuple[int, float, float, float]] = []

    def observe(moment: Moment) -> None:
        if moment.scheduled is not None:
            rows.append((moment.scheduled.index, moment.time, moment.reading.voltage, moment.reading.current))

    changes = [f"numerics.integrator='{integrator}'", f"numerics.time_tolerance={tolerance}"]
    changes += [] if newton is None else [f"numerics.newton_tolerance={newton}"]
    simulation = make_simulation(observe, *changes)
    clock = Clock()
    simulation.equilibrate()
    simulation.run()
    counts = simulation.counts
    trace = Trace(steps=counts.accepted, rejected=counts.rejected)
    trace.jacobians = trace.factorisations = counts.newton
    trace.residuals = counts.linear
    for index, start, end in pieces(simulation):
        mine = np.array([row[1:] for row in rows if row[0] == simulation.schedule[index].index])
        _, last = np.unique(mine[:, 0], return_index=True)
        times = mine[last, 0]
        wanted = start + SAMPLES * (end - start)
        trace.voltage += list(CubicSpline(times, mine[last, 1])(wanted))
        trace.current += list(CubicSpline(times, mine[last, 2])(wanted))
    return clock.stop(trace)


# ---- what the others share --------------------------------------------------------------------------


class System:
    """F(u, du/dt) and its derivatives as vectors and matrices, from the model's own forms."""

    def __init__(self, simulation: Simulation, tolerance: float) -> None:
        self.simulation, self.tolerance = simulation, tolerance
        self.model: Model = simulation.model
        self.problem, self.state = self.model.problem, self.model.state
        spaces = [f.function_space for f in self.problem.functions]
        self.forms = self.problem.compile(self.problem.rows())
        self.jacobian = self.problem.jacobian_forms
        self.vector = fempetsc.create_vector(spaces)
        self.point = fempetsc.create_vector(spaces)
        self.layout = self.vector.getAttr("_blocks")
        sizes = [len(f.x.array) for f in self.problem.functions]
        self.starts = np.concatenate([[0], np.cumsum(sizes)])
        self.fields = list(self.state.unknowns)
        self.voltage = int(self.starts[self.fields.index(CELL_VOLTAGE)])
        self.trace = Trace()

    def slot(self, item: Any) -> slice:
        """Where a field is in a vector."""
        k = self.fields.index(item)
        return slice(int(self.starts[k]), int(self.starts[k + 1]))

    def values(self) -> Array:
        """The state as one array."""
        return np.concatenate([f.x.array for f in self.problem.functions])

    def put(self, values: Array, rates: Array, factor: float = 0.0) -> None:
        """Put values and rates into the state; d(rate)/d(value) = factor."""
        for function, start in zip(self.problem.functions, self.starts, strict=False):
            function.x.array[:] = values[start : start + len(function.x.array)]
        self.state.time_factor.value = factor
        for unknown in self.state.dynamic:
            assert unknown.history is not None
            here = self.slot(unknown.field)
            unknown.history.x.array[:] = rates[here] - factor * values[here]

    def residual(self, values: Array, rates: Array, factor: float = 0.0) -> Array:
        """Return F(values, rates); rows of constraints hold value minus what is prescribed."""
        self.put(values, rates, factor)
        self.point.array[:] = values
        fempetsc.assemble_residual(
            None,
            self.point,
            self.vector,
            self.problem.functions,
            self.forms,
            self.jacobian,
            self.problem.bcs,
            self.layout,
        )
        self.trace.residuals += 1
        return np.asarray(self.vector.array_r.copy())

    def settle(self) -> None:
        """Let the potentials follow a jump of the control while lithium stands still."""
        self.simulation.scheme.restart(0.0, np.zeros(2))
        self.simulation.scheme.begin(SETTLING)
        attempt = self.simulation.solver.solve()
        assert attempt.converged, attempt.reason
        self.trace.steps += 1
        self.trace.jacobians += attempt.iterations
        self.trace.factorisations += attempt.iterations
        self.trace.residuals += attempt.iterations + 1

    def sample(self, values: Array) -> None:
        """Record voltage and current of a state."""
        zero = np.zeros_like(values)
        self.put(values, zero)
        reading = self.simulation.meter.read()
        self.trace.voltage.append(reading.voltage)
        self.trace.current.append(reading.current)

    def error(self, difference: Array, values: Array) -> float:
        """Size of a local error in units of the tolerance, as BDF2 measures it: stored densities and the voltage."""
        worst = abs(float(difference[self.voltage])) / (self.tolerance * CELL_VOLTAGE.scale)
        for unknown in self.state.dynamic:
            here = self.slot(unknown.field)
            top = max(float(np.max(np.abs(values[here]))), unknown.field.scale)
            worst = max(worst, float(np.sqrt(np.mean((difference[here] / (self.tolerance * top)) ** 2))))
        return worst


# ---- Radau IIA --------------------------------------------------------------------------------------

ROOT6 = np.sqrt(6.0)
NODES = np.array([(4 - ROOT6) / 10, (4 + ROOT6) / 10, 1.0])
STAGES = np.array(
    [
        [(88 - 7 * ROOT6) / 360, (296 - 169 * ROOT6) / 1800, (-2 + 3 * ROOT6) / 225],
        [(296 + 169 * ROOT6) / 1800, (88 + 7 * ROOT6) / 360, (-2 - 3 * ROOT6) / 225],
        [(16 - ROOT6) / 36, (16 + ROOT6) / 36, 1 / 9],
    ]
)
INVERSE = np.linalg.inv(STAGES)
EMBEDDED = np.array([-(13 + 7 * ROOT6) / 3, (-13 + 7 * ROOT6) / 3, -1 / 3])
"""of the third-order method whose difference is the error estimate"""
SLOW = 0.5
"""a contraction above which the Jacobian is too old"""
MOST = 10
"""iterations of simplified Newton"""


class Factors:
    """MUMPS factors of a matrix that changes in values only."""

    def __init__(self) -> None:
        self.ksp: PETSc.KSP | None = None

    def set(self, matrix: PETSc.Mat) -> None:
        """Factorise."""
        if self.ksp is None:
            self.ksp = PETSc.KSP().create(MPI.COMM_SELF)
            self.ksp.setType("preonly")
            self.ksp.getPC().setType("lu")
            self.ksp.getPC().setFactorSolverType("mumps")
        self.ksp.setOperators(matrix)
        self.ksp.setUp()
        self.right, self.left = matrix.createVecs()

    def solve(self, load: Array) -> Array:
        """Return the matrix's inverse times a load."""
        assert self.ksp is not None
        self.left.array[:] = load
        self.ksp.solve(self.left, self.right)
        return np.asarray(self.right.array_r.copy())


class Radau:
    """Steps of Radau IIA with three stages."""

    def __init__(self, system: System) -> None:
        self.system = system
        values, vectors = np.linalg.eig(INVERSE)
        order = np.argsort(np.abs(values.imag))
        self.real = float(values[order[0]].real)
        pair = next(k for k in order[1:] if values[k].imag > 0)
        self.complex = complex(values[pair])
        first = vectors[:, order[0]].real
        second = vectors[:, pair]
        self.basis = np.column_stack([first, second.real, -second.imag])
        self.back = np.linalg.inv(self.basis)
        self.single, self.double = Factors(), Factors()
        self.pair: tuple[PETSc.Mat, PETSc.Mat] | None = None
        self.factored = 0.0

    def linearise(self) -> None:
        """Assemble dF/du and dF/du' at the state."""
        if self.pair is not None:
            for item in self.pair:
                item.destroy()
        self.pair = Linearised(self.system.problem, self.system.state).pair()
        self.system.trace.jacobians += 2
        self.factored = 0.0

    def factorise(self, step: float) -> None:
        """Factorise the two matrices of the transformed stages for this step length."""
        assert self.pair is not None
        stiffness, damping = self.pair
        structure = PETSc.Mat.Structure.DIFFERENT_NONZERO_PATTERN
        single = stiffness.copy()
        single.axpy(self.real / step, damping, structure)
        self.single.set(single)
        diagonal = stiffness.copy()
        diagonal.axpy(self.complex.real / step, damping, structure)
        plus, minus = damping.copy(), damping.copy()
        plus.scale(self.complex.imag / step)
        minus.scale(-self.complex.imag / step)
        nest = PETSc.Mat().createNest([[diagonal, minus], [plus, diagonal]])
        self.double.set(nest.convert("aij"))
        self.factored = step
        self.system.trace.factorisations += 1
        self.system.trace.double_factorisations += 1

    def stages(self, start: Array, guess: Array, step: float) -> tuple[Array, float] | None:
        """Solve F(u + z_i, sum_j (A^-1)_ij z_j/h) = 0 for the increments z; None where Newton does not converge."""
        z, previous, contraction = guess.copy(), 0.0, 0.0
        for iteration in range(MOST):
            rates = INVERSE @ z / step
            defects = np.stack([self.system.residual(start + z[i], rates[i]) for i in range(3)])
            if not np.all(np.isfinite(defects)):
                return None
            turned = -self.back @ defects
            first = self.single.solve(turned[0])
            n = len(start)
            rest = self.double.solve(np.concatenate([turned[1], turned[2]]))
            change = self.basis @ np.stack([first, rest[:n], rest[n:]])
            z += change
            size = max(self.system.error(change[i], start) for i in range(3))
            if iteration > 0:
                contraction = size / previous if previous > 0 else 0.0
                if contraction > 2.0:
                    return None
            if size < 1e-3 or (
                iteration > 0 and contraction < 1 and size * contraction < 1e-3 * (1 - contraction)
            ):
                return z, contraction
            previous = size
        return None

    def estimate(self, start: Array, z: Array, step: float) -> float:
        """Return the local error in units of the tolerance."""
        defect = self.system.residual(start, -(EMBEDDED @ z) / step)
        return self.system.error(self.single.solve(-defect), start)


def radau(tolerance: float) -> Trace:
    """Radau IIA with the usual step control, started anew after every jump."""
    simulation = make_simulation(lambda moment: None)
    system = System(simulation, tolerance)
    method = Radau(system)
    clock = Clock()
    simulation.equilibrate()
    for _, start, end in pieces(simulation):
        system.settle()
        _march_radau(system, method, start, end)
    return clock.stop(system.trace)


def _march_radau(system: System, method: Radau, time: float, end: float) -> None:
    trace = system.trace
    wanted = list(time + SAMPLES * (end - time))
    u, step = system.values(), FIRST
    system.put(u, np.zeros_like(u))
    method.linearise()
    past: tuple[Array, float] | None = None
    fresh = True
    while time < end * (1 - 1e-14):
        left = end - time
        step = left if left <= 1.001 * step else min(step, left / 2) if left < 2 * step else step
        if method.factored != step:
            method.factorise(step)
        guess = np.zeros((3, len(u))) if past is None else _collocation(*past, 1 + NODES * step / past[1])
        found = method.stages(u, guess, step)
        error = method.estimate(u, found[0], step) if found is not None else np.inf
        if found is None or error > 1.0:
            trace.rejected += 1
            past = None if found is None else past
            if found is None and not fresh:
                system.put(u, np.zeros_like(u))
                method.linearise()
                fresh = True
            else:
                step *= 0.25 if found is None else max(0.2, 0.9 * error**-0.25)
            continue
        z, contraction = found
        while wanted and wanted[0] <= (time + step) * (1 + 1e-14):
            share = (wanted.pop(0) - time) / step
            system.sample(u + _collocation(z, step, np.array([share]), absolute=True)[0])
        time, u, past = time + step, u + z[2], (z, step)
        trace.steps += 1
        factor = float(np.clip(0.9 * max(error, 1e-10) ** -0.25, 0.2, 8.0))
        rates = INVERSE[2] @ z / step
        system.put(u, rates)
        fresh = contraction > 1e-3
        if fresh:
            method.linearise()
        if fresh or not 1.0 <= factor <= 1.2:  # nearly the same step: the factors serve again
            step *= factor
    system.put(u, np.zeros_like(u))


def _collocation(z: Array, step: float, shares: Array, absolute: bool = False) -> Array:
    """Evaluate the stage polynomial at shares of its step, from its start, or from its end unless absolute."""
    nodes = np.concatenate([[0.0], NODES])
    weights = np.array(
        [[np.prod([(s - b) / (a - b) for b in nodes if b != a]) for a in nodes[1:]] for s in shares]
    )
    values = weights @ z
    return np.asarray(values if absolute else values - z[2])


# ---- cost -------------------------------------------------------------------------------------------


class Clock:
    """CPU time from here on: the integration, without start-up, mesh and compilation."""

    def __init__(self) -> None:
        self.begun = self._used()

    def _used(self) -> float:
        used = resource.getrusage(resource.RUSAGE_SELF)
        return used.ru_utime + used.ru_stime

    def stop(self, trace: Trace) -> Trace:
        """Put the CPU seconds into the trace."""
        trace.cpu = self._used() - self.begun
        return trace


METHODS: dict[str, Callable[[float], Trace]] = {
    "rosenbrock": lambda tolerance: own("rosenbrock", tolerance),
    "bdf2": lambda tolerance: own("bdf2", tolerance),
    "bdf2_loose": lambda tolerance: own("bdf2", tolerance, 1e-4),
    "radau": radau,
}


def main() -> None:
    """Integrate once and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--method", choices=METHODS, required=True)
    parser.add_argument("--tolerance", type=float, required=True)
    given = parser.parse_args()
    wall = time.perf_counter()
    trace = METHODS[given.method](given.tolerance)
    json.dump({**vars(given), **vars(trace), "wall": time.perf_counter() - wall}, sys.stdout)
    print()


if __name__ == "__main__":
    main()
