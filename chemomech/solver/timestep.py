"""What advances a state in time, and variable-step BDF2 with an error estimate.

With w = dt_n / dt_{n-1}:  rate = [(1+2w)/(1+w) x_n - (1+w) x_{n-1} + w^2/(1+w) x_{n-2}] / dt_n; the first step after
a restart is implicit Euler.  The local error is estimated from the distance to the extrapolated predictor.
Source: E. Hairer, S. P. Norsett, G. Wanner, Solving Ordinary Differential Equations I, III.5.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import chemomech.runtime  # noqa: F401

import numpy as np
import numpy.typing as npt
from mpi4py import MPI

from chemomech.fields import State, Unknown
from chemomech.solver.newton import Attempt, NewtonSolver

FloatArray = npt.NDArray[np.float64]
STORED: Final = ("parabolic", "projected", "local")
"""treatments of the fields whose local error counts"""


@dataclass
class Level:
    """One accepted point in time: all unknowns and the integrals carried along."""

    time: float
    values: list[FloatArray]
    integrals: FloatArray


class TimeScheme(Protocol):
    """Advances a state step by step, from its newest level; it alone fills the rates of a `State`."""

    levels: list[Level]
    """accepted points in time, oldest first: all that is needed to go on"""

    def restart(self, time: float, integrals: FloatArray) -> None:
        """Forget the past, as after a jump of the control."""

    def begin(self, dt: float) -> None:
        """Fill rates and start values for an implicit step of size dt, to be solved at its end."""

    def attempts(self, dt: float, solver: NewtonSolver, impose: Callable[[float], None]) -> Iterator[Attempt]:
        """Try to take a step of size dt, in one way after the other, until nobody asks for more.

        ``impose`` sets what is imposed to its value at a time.
        """

    def advance(self, dt: float, rates: FloatArray) -> FloatArray:
        """Integrate scalar rates over the step, so that balances close exactly; ``rates`` are those at its end."""

    def error(self, dt: float) -> float:
        """Estimate of the local error, in units of the tolerance; over stored densities and global fields."""

    def factor(self, error: float) -> float:
        """Return the factor by which to change the step after this error."""

    def accept(self, time: float, integrals: FloatArray) -> None:
        """Take the state as the newest level."""

    def reject(self) -> None:
        """Go back to the newest accepted level."""


@dataclass
class ErrorMeasure:
    """Size of a local error: per field, in units of a relative tolerance."""

    comm: MPI.Intracomm
    tolerance: float

    def largest(self, state: State, differences: list[FloatArray], *, numbers: bool) -> float:
        """Return the worst field's error; ``numbers``: global fields count as well (collective)."""
        worst = 0.0
        for unknown, difference in zip(state.unknowns.values(), differences, strict=True):
            if unknown.history is not None and unknown.field.treatment in STORED:
                worst = max(worst, self._density(unknown, difference))
            elif unknown.field.treatment == "global" and numbers:
                size = self.comm.allreduce(float(np.max(np.abs(difference), initial=0.0)), op=MPI.MAX)
                worst = max(worst, size / (self.tolerance * unknown.field.scale))
        return worst

    def _density(self, unknown: Unknown, difference: FloatArray) -> float:
        # root mean square, relative to the field's largest value
        dofmap = unknown.space.dofmap
        owned = dofmap.index_map.size_local * dofmap.index_map_bs
        x = unknown.function.x.array[:owned]
        top = self.comm.allreduce(float(np.max(np.abs(x), initial=0.0)), op=MPI.MAX)
        weighted = difference[:owned] / (self.tolerance * max(top, unknown.field.scale))
        total = self.comm.allreduce(float(weighted @ weighted), op=MPI.SUM)
        return float(np.sqrt(total / (dofmap.index_map.size_global * dofmap.index_map_bs)))


@dataclass
class Bdf2:
    """Backward differentiation of order 2, each step solved by Newton's method."""

    state: State
    comm: MPI.Intracomm
    tolerance: float
    levels: list[Level] = field(default_factory=list)

    def restart(self, time: float, integrals: FloatArray) -> None:
        """Forget the past, as after a jump of the control."""
        self.levels = [Level(time, self.state.copy(), integrals.copy())]

    @property
    def order(self) -> int:
        """Order of the coming step: 1 after a restart, then 2."""
        return min(len(self.levels), 2)

    def coefficients(self, dt: float) -> tuple[float, tuple[float, ...]]:
        """Return a0 and the factors of the past levels, newest first [1/s]."""
        if self.order == 1:
            return 1.0 / dt, (-1.0 / dt,)
        w = dt / (self.levels[-1].time - self.levels[-2].time)
        return (1 + 2 * w) / (1 + w) / dt, (-(1 + w) / dt, w * w / (1 + w) / dt)

    def begin(self, dt: float) -> None:
        """Fill rates and start values for a step of size dt."""
        a0, past = self.coefficients(dt)
        self.state.step.value = dt
        levels = [self.levels[-1 - k].values for k in range(len(past))]
        history = [
            x[0] if unknown.history is None else sum(f * each for f, each in zip(past, x, strict=True))
            for unknown, *x in zip(self.state.unknowns.values(), *levels, strict=True)
        ]
        self.state.set_rates(a0, history)
        self.state.restore(self._predict(self.levels[-1].time + dt))

    def attempts(self, dt: float, solver: NewtonSolver, impose: Callable[[float], None]) -> Iterator[Attempt]:
        """Solve from the extrapolated start; that may be what fails: the last accepted state is the humbler guess."""
        self.begin(dt)
        impose(self.levels[-1].time + dt)
        yield solver.solve()
        self.reject()
        yield solver.solve()

    def _predict(self, time: float) -> list[FloatArray]:
        levels = self.levels[-3:]
        weights = _lagrange([level.time for level in levels], time)
        parts = zip(*(level.values for level in levels), strict=True)
        return [sum(w * x for w, x in zip(weights, part, strict=True)) for part in parts]

    def advance(self, dt: float, rates: FloatArray) -> FloatArray:
        """Integrate scalar rates over the step with the same scheme, so that balances close exactly."""
        a0, past = self.coefficients(dt)
        history = sum(f * self.levels[-1 - k].integrals for k, f in enumerate(past))
        return np.asarray((rates - history) / a0)

    def error(self, dt: float) -> float:
        """Estimate of the local error, in units of the tolerance; over stored densities and global fields."""
        time = self.levels[-1].time + dt
        predicted = self._predict(time)
        span = time - self.levels[-min(len(self.levels), 3)].time
        share = dt / span if len(self.levels) >= 3 else 0.5
        differences = [x.x.array - guess for x, guess in zip(self.state.functions, predicted, strict=True)]
        measure = ErrorMeasure(self.comm, self.tolerance)
        return share * measure.largest(self.state, differences, numbers=self.order == 2)

    def factor(self, error: float) -> float:
        """Return the factor by which to change the step after this error."""
        return float(np.clip(0.9 * max(error, 1e-10) ** (-1.0 / (self.order + 1)), 0.2, 2.0))

    def accept(self, time: float, integrals: FloatArray) -> None:
        """Take the state as the newest level."""
        self.levels = [*self.levels[-2:], Level(time, self.state.copy(), integrals.copy())]

    def reject(self) -> None:
        """Go back to the newest accepted level."""
        self.state.restore(self.levels[-1].values)


def _lagrange(times: list[float], time: float) -> list[float]:
    weights: list[float] = []
    for i, ti in enumerate(times):
        factors: list[Any] = [(time - tj) / (ti - tj) for j, tj in enumerate(times) if j != i]
        weights.append(float(np.prod(factors)))
    return weights
