"""The terminals of the cell: current collector, cell voltage, lithium counter electrode.

The collector passes i = (V - phi_s)/R_c [positive = into the active material's electrons = charging]; V is one global
unknown, and one Constant chooses whether the current or the voltage is prescribed:
    mode (i - I/A) + (1 - mode) (V - V_set)/R_c = 0, integrated over the collector.
"""

from dataclasses import dataclass
from typing import Any

import chemomech.runtime  # noqa: F401

import ufl
from dolfinx import fem

from chemomech.fields import CELL_VOLTAGE, ELECTRONIC_POTENTIAL, IONIC_POTENTIAL, Field, State
from chemomech.materials.kinetics import Kinetics
from chemomech.physics.balance import outflow


@dataclass(frozen=True)
class Control:
    """What is imposed on the cell; constants, so that no change of control recompiles a form."""

    current: fem.Constant
    """[nA], positive = charging"""
    voltage: fem.Constant
    """[V]"""
    mode: fem.Constant
    """1 = current is imposed, 0 = voltage is imposed"""


@dataclass(frozen=True)
class CurrentCollector:
    """Electronic contact of resistance R_c between the cell's terminal and the active material."""

    region: str
    boundary: str | None
    """named boundary, or None when a conductive network touches the whole surface towards ``neighbours``"""
    neighbours: tuple[str, ...]
    contact_resistance: Any
    """[V um^2/nA]"""
    control: Control
    area: float
    """[um^2]"""

    @property
    def fields(self) -> tuple[Field, ...]:
        """Electronic potential and the global cell voltage."""
        return (ELECTRONIC_POTENTIAL, CELL_VOLTAGE)

    def residual(self, state: State) -> ufl.Form:
        """Current into the active material, and the equation of the cell voltage."""
        control = self.control
        density = self.density(state)
        deviation = (self._trace(state.value[CELL_VOLTAGE]) - control.voltage) / self.contact_resistance
        prescribed = control.mode * (density - control.current / self.area) + (1 - control.mode) * deviation
        entering = self._integrate(state, -density * self._trace(state.test[ELECTRONIC_POTENTIAL]))
        return entering + self._integrate(state, prescribed * self._trace(state.test[CELL_VOLTAGE]))

    def observables(self, state: State) -> dict[str, ufl.Form]:
        """Cell current [nA], positive = charging."""
        return {"cell current": self._integrate(state, self.density(state))}

    def density(self, state: State) -> Any:
        """Current density from the terminal into the active material [nA/um^2]."""
        # The references are subtracted apart: added to both first, they would cost the small drop its digits.
        terminal, electrons = state.unknowns[CELL_VOLTAGE], state.unknowns[ELECTRONIC_POTENTIAL]
        drop = self._trace(terminal.function) - self._trace(electrons.function)
        return (drop + (terminal.reference - electrons.reference)) / self.contact_resistance

    def _trace(self, value: Any) -> Any:
        return value if self.boundary is not None else value("+")

    def _integrate(self, state: State, integrand: Any) -> ufl.Form:
        if self.boundary is not None:
            return state.domain.on_boundary(integrand, self.boundary, [self.region])
        return state.domain.on_interface(integrand, [self.region], self.neighbours)


@dataclass(frozen=True)
class LithiumCounter:
    """Lithium-metal counter electrode at 0 V on a boundary of the electrolyte: i = i_BV(0 - phi_e)."""

    boundary: str
    regions: tuple[str, ...]
    kinetics: Kinetics
    film_resistance: Any = None
    """[V um^2/nA]"""
    film_current: Field | None = None
    """the current density on the boundary as an unknown, needed with a film"""

    @property
    def fields(self) -> tuple[Field, ...]:
        """The ionic potential it sets."""
        return (IONIC_POTENTIAL,) if self.film_current is None else (IONIC_POTENTIAL, self.film_current)

    def residual(self, state: State) -> ufl.Form:
        """Current from lithium enters the electrolyte."""
        density = self._density(state)
        form = outflow(state, IONIC_POTENTIAL, -density, self.boundary, self.regions)
        if self.film_current is not None:
            reaction = self.kinetics.current(-state.value[IONIC_POTENTIAL] - density * self.film_resistance)
            form += outflow(state, self.film_current, density - reaction, self.boundary, self.regions)
        return form

    def observables(self, state: State) -> dict[str, ufl.Form]:
        """Current from the lithium into the electrolyte [nA]; negative while charging."""
        return {
            "counter current": state.domain.on_boundary(self._density(state), self.boundary, self.regions)
        }

    def _density(self, state: State) -> Any:
        if self.film_current is not None:
            return state.value[self.film_current]
        return self.kinetics.current(-state.value[IONIC_POTENTIAL])
