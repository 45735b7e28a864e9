"""A binary salt in an electroneutral electrolyte: concentrated-solution theory, written for the anion.

dc/dt + div N = 0,   N = -D grad c - (1 - t+) i/F + c v,
div i = 0,           i = -kappa grad phi_e + (2 kappa R T/F) (1 - t+) chi grad ln c,   chi = 1 + dln f/dln c.

phi_e is the electrochemical potential of lithium ions in volts, what a lithium electrode reads.  Every property may
depend on c.  The anion is blocked at every electrode and at every other electrolyte, which is the natural boundary
condition: no term is needed, and the salt of a region is conserved by construction.
Source: J. Newman and K. E. Thomas-Alyea, Electrochemical Systems, 3rd ed. (2004), chapter 12.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import ufl

from chemomech.constants import FARADAY, GAS
from chemomech.fields import Field, State
from chemomech.physics.balance import flux, storage


@dataclass(frozen=True)
class Solution:
    """A salt solution: its properties against the salt concentration [pmol/um^3]."""

    conductivity: Callable[[Any], Any]
    """kappa(c) [nA/(V um)]"""
    transference_number: Callable[[Any], Any]
    """t+(c) of the cation [-]"""
    thermodynamic_factor: Callable[[Any], Any]
    """chi(c) [-]"""
    diffusivity: Callable[[Any], Any]
    """D(c) [um^2/s]"""

    def current(self, c: Any, potential: Any, temperature: Any) -> Any:
        """Current density of the ions [nA/um^2], for a potential of which only the gradient counts."""
        thermal = 2 * GAS * temperature / FARADAY
        anions = 1 - self.transference_number(c)
        driving = thermal * anions * self.thermodynamic_factor(c) / c * ufl.grad(c) - ufl.grad(potential)
        return self.conductivity(c) * driving

    def migration(self, c: Any, current: Any) -> Any:
        """Flux of the anion that the current carries [pmol/(um^2 s)]."""
        return -(1 - self.transference_number(c)) / FARADAY * current

    def anion_flux(self, c: Any, current: Any) -> Any:
        """Flux of the anion relative to the lattice [pmol/(um^2 s)]."""
        return -self.diffusivity(c) * ufl.grad(c) + self.migration(c, current)


@dataclass(frozen=True)
class SaltTransport:
    """Salt balance and charge balance of the salt solutions that share an ionic potential."""

    solutions: Mapping[str, Solution]
    """by region"""
    concentration: Field
    potential: Field
    temperature: Any
    """[K]"""
    lattice_velocity: Any = None
    """velocity of the matrix relative to the frame [um/s], a UFL vector; None in the material frame"""

    @property
    def fields(self) -> tuple[Field, ...]:
        """Salt concentration and ionic potential."""
        return (self.concentration, self.potential)

    def residual(self, state: State) -> ufl.Form:
        """Sum over regions of both balances."""
        return sum((self._region(state, name) for name in self.solutions), ufl.Form([]))

    def migration(self, state: State) -> ufl.Form:
        """The part of the salt balance that the current carries, and that scales with the conductivity."""
        parts = []
        for name, solution in self.solutions.items():
            carried = solution.migration(state.value[self.concentration], self._current(state, name))
            parts.append(flux(state, self.concentration, carried, [name]))
        return sum(parts, ufl.Form([]))

    def observables(self, state: State) -> dict[str, ufl.Form]:
        """Salt held by each region [pmol]."""
        c = state.value[self.concentration]
        return {f"salt in {name}": state.domain.over(c, [name]) for name in self.solutions}

    def _region(self, state: State, name: str) -> ufl.Form:
        solution, c = self.solutions[name], state.value[self.concentration]
        current = self._current(state, name)
        anions = solution.anion_flux(c, current)
        if self.lattice_velocity is not None:
            anions = anions + c * self.lattice_velocity
        balance = storage(state, self.concentration, [name]) + flux(state, self.concentration, anions, [name])
        return balance + flux(state, self.potential, current, [name])

    def _current(self, state: State, name: str) -> Any:
        c, potential = state.value[self.concentration], state.unknowns[self.potential].function
        return self.solutions[name].current(c, potential, self.temperature)
