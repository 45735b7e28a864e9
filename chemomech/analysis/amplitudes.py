"""How every quantity oscillates while the cell voltage oscillates by one volt: complex amplitudes at one frequency.

x solves (K + i w M) x = b for one unit of current (`impedance`), so x/x_V is the amplitude per volt of cell voltage,
and its angle the phase ahead of the voltage.  The current density through an interface, i(x, dx/dt), oscillates by
di/dx x + i w di/d(dx/dt) x: charge transfer and double layer together, averaged over the facets of each cell.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import chemomech.runtime  # noqa: F401

import basix.ufl
import dolfinx.la
import numpy as np
import numpy.typing as npt
import ufl
from dolfinx import fem
from mpi4py import MPI

from chemomech.analysis.impedance import Cell, Impedance
from chemomech.fields import CELL_VOLTAGE, Field
from chemomech.physics.charge_transfer import ChargeTransfer
from chemomech.solver.frequency import ComplexArray
from chemomech.solver.linearised import LARGE_FACTOR, Linearised

type Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Amplitude:
    """Amplitudes per volt of the cell voltage at one frequency."""

    frequency: float
    """[Hz]"""
    impedance: complex
    """[V/nA]; per um of depth in plane strain"""
    values: dict[Field, ComplexArray]
    """degrees of freedom of this rank, ghosts included [unit/V]"""
    current: ComplexArray
    """density through the interfaces of each owned cell [nA/(um^2 V)], nan in cells without; positive leaves the
    active material"""


class Amplitudes:
    """Reads amplitudes off a linearised model, at the state that it was linearised about."""

    def __init__(self, model: Cell) -> None:
        self.model = model
        state, domain = model.state, model.domain
        self._directions = {item: fem.Function(unknown.space) for item, unknown in state.unknowns.items()}
        transfers = [item for item in model.physics if isinstance(item, ChargeTransfer)]
        space = fem.functionspace(domain.mesh, basix.ufl.element("DG", domain.mesh.basix_cell(), 0))
        test = ufl.TestFunction(space)
        both = test("+") + test("-")
        self._current = self._compiled(self._derivative(transfers, both)) if transfers else None
        areas = sum((_over(self.model, one, both) for one in transfers), ufl.Form([]))
        self._areas = self._vector(self._compiled(areas)) if transfers else np.zeros(0)

    def at(self, linear: Impedance, frequency: float) -> Amplitude:
        """Return the amplitudes at a frequency [Hz] (collective)."""
        response = linear.response(frequency)
        comm = self.model.domain.comm
        voltage = complex(comm.allreduce(complex(response[CELL_VOLTAGE].sum()), op=MPI.SUM))
        parts = []
        for part in (np.real, np.imag):
            for item, function in self._directions.items():
                function.x.array[: len(response[item])] = part(response[item] / voltage)
                function.x.scatter_forward()
            values = {item: function.x.array.copy() for item, function in self._directions.items()}
            parts.append((values, self._currents()))
        (real, (still, moving)), (imaginary, (still_too, moving_too)) = parts
        omega = 2j * np.pi * frequency
        current = still + 1j * still_too + omega * (moving + 1j * moving_too)
        values = {item: real[item] + 1j * imaginary[item] for item in real}
        return Amplitude(frequency, voltage, values, current)

    def _currents(self) -> tuple[Array, Array]:
        # What the present directions make of the current and, by their rates, of the displacement current.
        count = self.model.domain.mesh.topology.index_map(self.model.domain.dimension).size_local
        if self._current is None:
            return np.full(count, np.nan), np.full(count, np.nan)
        linearised = Linearised(self.model.problem, self.model.state)
        still = linearised.evaluate(0.0, lambda: self._vector(self._current))
        moving = (
            linearised.evaluate(LARGE_FACTOR, lambda: self._vector(self._current)) - still
        ) / LARGE_FACTOR
        touched = self._areas > 0.0
        found = [
            np.divide(v, self._areas, out=np.full(count, np.nan), where=touched) for v in (still, moving)
        ]
        return found[0], found[1]

    def _derivative(self, transfers: Sequence[ChargeTransfer], test: Any) -> ufl.Form:
        state = self.model.state
        form = sum(
            (
                _over(self.model, one, (one.faradaic(state) + one.capacitive(state)) * test)
                for one in transfers
            ),
            ufl.Form([]),
        )
        total = ufl.Form([])
        for item, direction in self._directions.items():
            slope = ufl.derivative(form, state.unknowns[item].function, direction)
            slope = ufl.algorithms.expand_derivatives(slope)
            if not (isinstance(slope, ufl.ZeroBaseForm) or slope.empty()):
                total += slope
        return total

    def _compiled(self, form: ufl.Form) -> Any:
        return self.model.problem.compile(form)

    def _vector(self, form: Any) -> Array:
        vector = fem.assemble_vector(form)
        vector.scatter_reverse(dolfinx.la.InsertMode.add)
        count = self.model.domain.mesh.topology.index_map(self.model.domain.dimension).size_local
        return np.asarray(vector.array[:count].copy())


def _over(model: Cell, one: ChargeTransfer, integrand: Any) -> ufl.Form:
    return model.domain.on_interface(integrand, [one.active], [one.electrolyte])
