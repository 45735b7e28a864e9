"""Variable-step BDF2 with an error estimate, for the fields whose rate some form uses.

With w = dt_n / dt_{n-1}:  rate = [(1+2w)/(1+w) x_n - (1+w) x_{n-1} + w^2/(1+w) x_{n-2}] / dt_n; the first step after
a restart is implicit Euler.  The local error is estimated from the distance to the extrapolated predictor.
Source: E. Hairer, S. P. Norsett, G. Wanner, Solving Ordinary Differential Equations I, III.5.
"""

from dataclasses import dataclass, field
from typing import Any

import chemomech.runtime  # noqa: F401

import numpy as np
import numpy.typing as npt
from mpi4py import MPI

from chemomech.fields import State, Unknown

FloatArray = npt.NDArray[np.float64]


@dataclass
class Level:
    """One accepted point in time: all unknowns and the integrals carried along."""

    time: float
    values: list[FloatArray]
    integrals: FloatArray


@dataclass
class Bdf2:
    """The time scheme of one run; it alone fills the rates of a `State`."""

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
        self.state.time_factor.value = a0
        self.state.step.value = dt
        index = {u.field: i for i, u in enumerate(self.state.unknowns.values())}
        for unknown in self.state.dynamic:
            i = index[unknown.field]
            assert unknown.history is not None
            unknown.history.x.array[:] = sum(
                factor * self.levels[-1 - k].values[i] for k, factor in enumerate(past)
            )
        self.state.restore(self._predict(self.levels[-1].time + dt))

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
        worst = 0.0
        for unknown, guess in zip(self.state.unknowns.values(), predicted, strict=True):
            stored = ("parabolic", "projected", "local")
            if unknown.history is not None and unknown.field.treatment in stored:
                worst = max(worst, self._norm(unknown, guess))
            elif unknown.field.treatment == "global" and self.order == 2:
                difference = np.max(np.abs(unknown.function.x.array - guess), initial=0.0)
                difference = self.comm.allreduce(float(difference), op=MPI.MAX)
                worst = max(worst, difference / (self.tolerance * unknown.field.scale))
        return share * worst

    def _norm(self, unknown: Unknown, guess: FloatArray) -> float:
        dofmap = unknown.space.dofmap
        owned = dofmap.index_map.size_local * dofmap.index_map_bs
        x = unknown.function.x.array[:owned]
        top = self.comm.allreduce(float(np.max(np.abs(x), initial=0.0)), op=MPI.MAX)
        weighted = (x - guess[:owned]) / (self.tolerance * max(top, unknown.field.scale))
        total = self.comm.allreduce(float(weighted @ weighted), op=MPI.SUM)
        return float(np.sqrt(total / (dofmap.index_map.size_global * dofmap.index_map_bs)))

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
