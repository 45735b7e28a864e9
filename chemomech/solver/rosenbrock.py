"""A Rosenbrock method of order 3 for M y' = f(t, y), M constant and singular: one Jacobian, one factorisation a step.

Stage i solves, with the residual R(y, rate) = M rate - f(y) as it stands and one matrix J = K + M/(gamma h) from the
start of the step,
    J u_i = -R(Y_i, Z_i),   Y_i = y_n + sum_{j<i} a_ij u_j,   Z_i = sum_{j<i} c_ij u_j / h,
where (a_ij) = A G^-1 and (c_ij) = C = G^-1.  It is stiffly accurate: the last stage ends at y_{n+1} = Y_4 + u_4.
That stage alone is solved to the end, with the same factors, so that y_{n+1} fulfils the equations themselves.  Scalar
rates are integrated as one more row of the system, so what the equations conserve is conserved.  See docs/theory.md.

Coefficients: ROS34PW2 of J. Rang and L. Angermann, BIT Numerical Mathematics 45, 761 (2005), table 4.2.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import chemomech.runtime  # noqa: F401

import numpy as np
import ufl
from dolfinx import fem
from mpi4py import MPI
from ufl.algorithms import expand_derivatives

from chemomech.fields import State
from chemomech.solver.newton import Attempt, NewtonSolver
from chemomech.solver.split import depends
from chemomech.solver.timestep import ErrorMeasure, FloatArray, Level

GAMMA: Final = 0.435866521508459
ALPHAS: Final = np.array(
    [
        [0.0, 0.0, 0.0, 0.0],
        [0.87173304301691801, 0.0, 0.0, 0.0],
        [0.84457060015369423, -0.11299064236484185, 0.0, 0.0],
        [0.0, 0.0, 1.0, 0.0],
    ]
)
"""A: where f is evaluated"""
GAMMAS: Final = np.array(
    [
        [GAMMA, 0.0, 0.0, 0.0],
        [-0.87173304301691801, GAMMA, 0.0, 0.0],
        [-0.90338057013044082, 0.054180672388095326, GAMMA, 0.0],
        [0.24212380706095346, -1.2232505839045147, 0.54526025533510214, GAMMA],
    ]
)
"""G: what is linearised"""
WEIGHTS: Final = ALPHAS[3] + GAMMAS[3]
EMBEDDED: Final = np.array([0.37810903145819369, -0.096042292212423178, 0.5, 0.5 * GAMMA])
"""weights of order 2"""
TIMES: Final = (ALPHAS + GAMMAS).sum(axis=1)
"""of the stages, in steps: what is imposed is linear in time there, and enters with its derivative's part"""
RATES: Final = np.linalg.inv(GAMMAS)
PLACES: Final = ALPHAS @ RATES
ENDS: Final = WEIGHTS @ RATES
DIFFERENCES: Final = ENDS - EMBEDDED @ RATES
"""factors of the increments u_i: C, (a_ij), those of the step's end, and what the embedded method has otherwise"""
STAGES: Final = len(WEIGHTS)
LONGEST: Final = 4.0
"""growth from one step to the next"""
MOST: Final = 12
"""solves of the last stage before the step is shortened"""
BALANCED: Final = 1e-11
"""how well the integrands obey the linear equations at a step's end, relative to their scale"""
SETTLED: Final = 1e-10
"""update of the last stage, in scales of the fields, below which one that hardly shrinks is round-off"""


class Quadrature:
    """Scalar forms to be integrated over time as if each were the rate of one more row of the system."""

    def __init__(
        self,
        integrands: Sequence[ufl.Form],
        watched: Sequence[ufl.Form],
        scale: float,
        functions: Sequence[fem.Function],
        compile_form: Callable[[Any], Any],
        comm: MPI.Intracomm,
    ) -> None:
        """``watched``: what need not be integrated, but is to obey the equations as closely at the end of a step;
        ``scale``: size of either that counts as one."""
        self.count, self.scale = len(integrands), scale
        self._comm = comm
        forms = [*integrands, *watched]
        self._values = [compile_form(form) for form in forms]
        self._slopes = [[(j, compile_form(slope)) for j, slope in _slopes(form, functions)] for form in forms]
        self._gradients: list[list[tuple[int, FloatArray]]] = []

    def linearise(self) -> None:
        """Take the derivatives at the functions' values, those by way of the rates included."""
        self._gradients = [
            [(j, fem.assemble_vector(slope).array.copy()) for j, slope in slopes] for slopes in self._slopes
        ]

    def values(self) -> FloatArray:
        """Return the integrands at the functions' values, then what is watched (collective)."""
        return self._sum([fem.assemble_scalar(form) for form in self._values])

    def continued(self, change: Sequence[FloatArray]) -> FloatArray:
        """Return the same, continued along the derivatives by a change of the functions (collective)."""
        slopes = [sum(float(g @ change[j]) for j, g in parts) for parts in self._gradients]
        values = [fem.assemble_scalar(form) for form in self._values]
        return self._sum([value + slope for value, slope in zip(values, slopes, strict=True)])

    def _sum(self, local: Sequence[float]) -> FloatArray:
        found = np.zeros(len(local))
        self._comm.Allreduce(np.array(local, dtype=float), found, op=MPI.SUM)
        return found


def _slopes(form: ufl.Form, functions: Sequence[fem.Function]) -> Iterator[tuple[int, ufl.Form]]:
    # derivatives that do not vanish, with the number of their function
    for j, function in enumerate(functions):
        if function in form.coefficients():
            test = ufl.TestFunction(function.function_space)
            slope = expand_derivatives(ufl.derivative(form, function, test))
            if not (isinstance(slope, ufl.ZeroBaseForm) or slope.empty()):
                yield j, slope


def storage_is_linear(rows: Sequence[ufl.Form], state: State) -> bool:
    """Whether every rate enters the equations with a factor that depends on no unknown, so that M is constant."""
    histories = [unknown.history for unknown in state.dynamic if unknown.history is not None]
    varying = [*state.functions, *histories]
    for row in rows:
        for integral in row.integrals():
            part = ufl.Form([integral])
            for history in set(histories) & set(part.coefficients()):
                trial = ufl.TrialFunction(history.function_space)
                if depends(expand_derivatives(ufl.derivative(part, history, trial)), varying):
                    return False
    return True


@dataclass(frozen=True)
class _Stage:
    """What one stage took and came to; the state holds its end."""

    solves: int
    reason: str
    """why it failed; empty where it did not"""
    rates: FloatArray = field(default_factory=lambda: np.zeros(0))
    """the integrands at its end, and what is watched, as the linear equations have them"""


@dataclass
class Rosenbrock:
    """ROS34PW2 with its embedded error estimate."""

    state: State
    comm: MPI.Intracomm
    tolerance: float
    quadrature: Quadrature
    levels: list[Level] = field(default_factory=list)
    _passed: FloatArray | None = None
    """change of the integrals over the step; None after `begin`, whose step is implicit Euler"""
    _difference: list[FloatArray] = field(default_factory=list)
    """from the embedded method's result"""

    def restart(self, time: float, integrals: FloatArray) -> None:
        """Take the state as the newest level; a method of one step has no past to forget."""
        self.levels = [Level(time, self.state.copy(), integrals.copy())]

    accept = restart

    def begin(self, dt: float) -> None:
        """Fill rates for a step of implicit Euler, from the newest level."""
        self._passed = None
        self.state.step.value = dt
        self.state.set_rates(1.0 / dt, [-x / dt for x in self.levels[-1].values])
        self.reject()

    def attempts(self, dt: float, solver: NewtonSolver, impose: Callable[[float], None]) -> Iterator[Attempt]:
        """Take the step by its four stages."""
        yield self._step(dt, solver, impose)

    def _step(self, dt: float, solver: NewtonSolver, impose: Callable[[float], None]) -> Attempt:
        start, a0 = self.levels[-1], 1.0 / (GAMMA * dt)
        nothing = [np.zeros_like(x) for x in start.values]
        self.reject()
        self.state.step.value = dt
        self.state.set_rates(a0, [-a0 * x for x in start.values])
        solver.linearise()
        self.quadrature.linearise()
        stages: list[list[FloatArray]] = []
        passed = np.zeros((STAGES, len(start.integrals)))
        solves = 0
        for i in range(STAGES):
            place = _combined(start.values, PLACES[i, :i], stages)
            drift = _combined(nothing, RATES[i, :i] / dt, stages)
            self.state.restore(place)
            self.state.set_rates(a0, [z - a0 * x for z, x in zip(drift, place, strict=True)])
            impose(start.time + TIMES[i] * dt)
            stage = self._stage(solver, last=i == STAGES - 1)
            solves += stage.solves
            if stage.reason:
                return Attempt(False, stage.reason, 1, solves)
            stages.append([now - x for now, x in zip(self.state.copy(), place, strict=True)])
            passed[i] = (stage.rates[: self.quadrature.count] - RATES[i, :i] @ passed[:i] / dt) / a0
        self._passed = ENDS @ passed
        self._difference = _combined(nothing, DIFFERENCES, stages)
        return Attempt(True, "converged", 1, solves)

    def _stage(self, solver: NewtonSolver, *, last: bool) -> _Stage:
        # One solve; the last stage goes on, with the same factors, until the integrands are what the linear rows say.
        before = np.inf
        for solves in range(1, MOST + 1):
            change = solver.correction()
            if change is None:
                return _Stage(solves, "the residual is not a number")
            rates = self.quadrature.continued(change)
            self.state.restore(_combined(self.state.copy(), np.ones(1), [change]))
            if not last:
                return _Stage(solves, "", rates)
            size = solver.size(change)
            settled = size < SETTLED and size > 0.5 * before
            if solves > 1 and (settled or self._balanced(rates)):
                return _Stage(solves, "", rates)
            if size > before:
                break
            before = size
        return _Stage(solves, "the last stage did not converge")

    def _balanced(self, rates: FloatArray) -> bool:
        return bool(np.all(np.abs(self.quadrature.values() - rates) <= BALANCED * self.quadrature.scale))

    def advance(self, dt: float, rates: FloatArray) -> FloatArray:
        """Return the integrals at the end of the step."""
        passed = dt * rates if self._passed is None else self._passed
        return np.asarray(self.levels[-1].integrals + passed)

    def error(self, dt: float) -> float:
        """Difference to the embedded method, in units of the tolerance; over stored densities and global fields."""
        return ErrorMeasure(self.comm, self.tolerance).largest(self.state, self._difference, numbers=True)

    def factor(self, error: float) -> float:
        """Return the factor by which to change the step after this error."""
        return float(np.clip(0.9 * max(error, 1e-10) ** (-1.0 / 3.0), 0.2, LONGEST))

    def reject(self) -> None:
        """Go back to the newest accepted level."""
        self.state.restore(self.levels[-1].values)


def _combined(
    start: list[FloatArray], weights: FloatArray, stages: list[list[FloatArray]]
) -> list[FloatArray]:
    found = [x.copy() for x in start]
    for weight, stage in zip(weights, stages, strict=True):
        if weight != 0.0:
            for x, u in zip(found, stage, strict=True):
                x += weight * u
    return found
