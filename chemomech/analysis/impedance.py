"""The impedance of a cell: the whole coupled model linearised about the state it is in.

K x + i w M x = b, b one unit of current at the terminal: Z(w) = dV/dI is the component of x that is the cell voltage.
All unknowns take part (lithium, potentials, stress, films, fixture), whatever the mesh and its dimension.

Where Z comes from: with the transposed problem A^T y = b, A = K + i w M, b the unit of the voltage's row,

    Z = y . b = y . A x = sum over the terms of the residual of  y . A_term x,

and a term whose conductance is scaled by g changes Z by dZ/d ln g = -y . A_term x: the share of a process is what Z
gains when its resistance grows by a small part.  In a series circuit that is the resistance itself.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Protocol

import chemomech.runtime  # noqa: F401

import numpy as np
import numpy.typing as npt
from mpi4py import MPI

from chemomech.analysis.shares import Shares
from chemomech.domain import Domain
from chemomech.fields import CELL_VOLTAGE, Field, State
from chemomech.physics.balance import Physics
from chemomech.physics.terminal import Control
from chemomech.solver.frequency import ComplexArray, FrequencySolver, frequency_solver
from chemomech.solver.linearised import Linearised
from chemomech.solver.newton import BlockProblem

type Array = npt.NDArray[np.float64]

OHM_CM2: Final = 10.0
"""1 V um^2/nA in ohm cm^2"""
OHM: Final = 1e9
"""1 V/nA in ohm"""


@dataclass(frozen=True)
class Spectrum:
    """An impedance spectrum; frequencies from high to low."""

    frequencies: Array
    """[Hz]"""
    impedance: ComplexArray
    """dV/dI [V/nA]; per um of depth in plane strain"""
    shares: Mapping[str, ComplexArray] = field(default_factory=dict)
    """what each process adds [V/nA]; their sum is the impedance"""


def frequencies(highest: float, lowest: float, per_decade: float) -> Array:
    """Return frequencies evenly spaced on a logarithmic scale [Hz], from high to low, both ends included."""
    decades = np.log10(highest / lowest)
    return np.logspace(np.log10(highest), np.log10(lowest), max(2, round(decades * per_decade) + 1))


class Cell(Protocol):
    """What is linearised: a model, or the parts of one."""

    @property
    def domain(self) -> Domain:
        """The mesh and its regions."""

    @property
    def state(self) -> State:
        """The unknowns, one of them the cell voltage."""

    @property
    def physics(self) -> Sequence[Physics]:
        """What the residual is the sum of."""

    @property
    def control(self) -> Control:
        """What is imposed at the terminal."""

    @property
    def problem(self) -> BlockProblem:
        """The residual and its constraints."""


class Impedance:
    """The linearised model about its present state; `destroy` after use."""

    def __init__(self, model: Cell, *, iterative: bool = False, method: str = "auto") -> None:
        """`iterative`: the mesh is too large to factorise; `method` is for tests."""
        self.model = model
        with self._galvanostatic():
            linearised = Linearised(model.problem, model.state)
            self.solver: FrequencySolver = frequency_solver(
                linearised, model.domain.comm, method, iterative=iterative
            )
            self.shares = Shares(model.state, model.physics, linearised)
        self._ends = linearised.ends
        self.load = np.zeros(self._ends[-1])
        self.load[self._place(CELL_VOLTAGE)] = 1.0
        """one unit of current: what this rank owns"""

    @contextmanager
    def _galvanostatic(self) -> Iterator[None]:
        # The perturbation is one of current, whatever is imposed at the moment.
        mode = self.model.control.mode
        before, mode.value = float(mode.value), 1.0
        try:
            yield
        finally:
            mode.value = before

    def _solve(self, frequency: float, *, transposed: bool = False) -> ComplexArray:
        with self._galvanostatic():
            return self.solver.solve(2 * np.pi * frequency, self.load, transposed=transposed)

    def _place(self, item: Field) -> slice:
        at = list(self.model.state.unknowns).index(item)
        return slice([0, *self._ends][at], self._ends[at])

    def response(self, frequency: float) -> dict[Field, ComplexArray]:
        """Amplitudes of all unknowns per unit of current [unit/nA]: what this rank owns (collective)."""
        return self._split(self._solve(frequency))

    def at(self, frequency: float) -> tuple[complex, dict[str, complex]]:
        """Return Z and the shares of the processes [V/nA] at one frequency [Hz] (collective)."""
        x = self._solve(frequency)
        impedance = self._voltage(x)
        y = self._solve(frequency, transposed=True)
        return impedance, self.shares.at(2 * np.pi * frequency, self._split(x), self._split(y))

    def spectrum(self, frequencies: Sequence[float] | Array) -> Spectrum:
        """Return the impedance at all of these frequencies (collective)."""
        values, parts = [], []
        for frequency in frequencies:
            value, shares = self.at(float(frequency))
            values.append(value)
            parts.append(shares)
        names = list(parts[0]) if parts else []
        divided = {name: np.array([part[name] for part in parts]) for name in names}
        return Spectrum(np.asarray(frequencies, dtype=float), np.array(values), divided)

    def _split(self, x: ComplexArray) -> dict[Field, ComplexArray]:
        return {item: x[self._place(item)] for item in self.model.state.unknowns}

    def _voltage(self, x: ComplexArray) -> complex:
        total = self.model.domain.comm.allreduce(complex(x[self._place(CELL_VOLTAGE)].sum()), op=MPI.SUM)
        return complex(total)

    def destroy(self) -> None:
        """Free matrices and factors, on all ranks together."""
        self.solver.destroy()
        self.shares.destroy()
