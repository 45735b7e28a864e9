"""Side reactions: electrolyte that is oxidised or reduced where it touches something that conducts electrons.

dy/dt = -(k_f y - k_b (1 - y)),   i = sign q (k_f y - k_b (1 - y))   (`materials.kinetics.ConfinedRedox`),
y the share of a finite amount of electrolyte per area, of charge q, that has not reacted yet; E = phi_s - phi_e the
potential of the electrode against lithium.  Positive i leaves the electrode into the electrolyte: oxidation gives
electrons to the electrode and as many lithium ions to the electrolyte, reduction takes both up.  So what reacted holds
-sign q (1 - y)/F of lithium per area more than before, and neither lithium nor charge is lost.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ufl

from chemomech.constants import FARADAY
from chemomech.fields import CELL_VOLTAGE, ELECTRONIC_POTENTIAL, IONIC_POTENTIAL, Field, State
from chemomech.materials.kinetics import ConfinedRedox
from chemomech.physics.balance import exchange, outflow


def observed(redox: ConfinedRedox, unreacted: Any, current: Any, name: str) -> dict[str, Any]:
    """Return what is recorded of a reaction, per area, by the name of its integral."""
    return {
        f"side current of {name}": current,
        f"reacted share of {name}": 1 - unreacted,
        f"side charge of {name}": redox.passed(unreacted),
        f"lithium in products of {name}": -redox.passed(unreacted) / FARADAY,
    }


@dataclass(frozen=True)
class SideReaction:
    """One reaction on an oriented interface ("+" is the side that conducts electrons)."""

    name: str
    """of the reaction and its place: "sulfur at carbon|electrolyte" """
    conductor: str
    electrolyte: str
    redox: ConfinedRedox
    unreacted: Field
    """y [-]"""
    ionic_potential: Field = IONIC_POTENTIAL

    @property
    def fields(self) -> tuple[Field, ...]:
        """The potentials that drive it and what is left."""
        return (ELECTRONIC_POTENTIAL, self.ionic_potential, self.unreacted)

    def residual(self, state: State) -> ufl.Form:
        """What reacts, and its current in both charge balances."""
        plus, minus = frozenset([self.conductor]), frozenset([self.electrolyte])
        left = state.rate(self.unreacted)("+") + self.redox.rate(*self._driven(state))
        form = state.domain.on_interface(left * state.test[self.unreacted]("+"), plus, minus)
        current = self.redox.current(*self._driven(state))
        return form + exchange(state, current, ELECTRONIC_POTENTIAL, self.ionic_potential, plus, minus)

    def observables(self, state: State) -> dict[str, ufl.Form]:
        """Current [nA], reacted share x area, charge taken [nC], lithium in the products [pmol]."""
        unreacted, potential = self._driven(state)
        found = observed(self.redox, unreacted, self.redox.current(unreacted, potential), self.name)
        return {
            name: state.domain.on_interface(value, [self.conductor], [self.electrolyte])
            for name, value in found.items()
        }

    def _driven(self, state: State) -> tuple[Any, Any]:
        drop = state.value[ELECTRONIC_POTENTIAL]("+") - state.value[self.ionic_potential]("-")
        return state.value[self.unreacted]("+"), drop


@dataclass(frozen=True)
class ElectrodeSideReaction:
    """One reaction on an electrode at a boundary; its current is part of the electrode's."""

    name: str
    boundary: str
    touching: Mapping[Field, tuple[str, ...]]
    """regions at the boundary, by their ionic potential"""
    redox: ConfinedRedox
    unreacted: Field
    metal: Field = CELL_VOLTAGE
    """the potential of the electrode"""
    film_current: Field | None = None
    """current density through a coating on the electrode, as an unknown"""
    film_resistance: Any = 0.0
    """of that coating [V um^2/nA]"""

    @property
    def fields(self) -> tuple[Field, ...]:
        """The potentials that drive it and what is left."""
        film = () if self.film_current is None else (self.film_current,)
        return (*self.touching, self.metal, *film, self.unreacted)

    def density(self, state: State, potential: Field) -> Any:
        """Current density from the electrode into the electrolyte [nA/um^2]."""
        return self.redox.current(state.value[self.unreacted], self._drop(state, potential))

    def residual(self, state: State) -> ufl.Form:
        """What reacts."""
        parts = []
        for potential, regions in self.touching.items():
            reacting = self.redox.rate(state.value[self.unreacted], self._drop(state, potential))
            left = state.rate(self.unreacted) + reacting
            parts.append(outflow(state, self.unreacted, left, self.boundary, regions))
        return sum(parts, ufl.Form([]))

    def observables(self, state: State) -> dict[str, ufl.Form]:
        """Current [nA], reacted share x area, charge taken [nC], lithium in the products [pmol]."""
        found: dict[str, ufl.Form] = {}
        for potential, regions in self.touching.items():
            current = self.density(state, potential)
            values = observed(self.redox, state.value[self.unreacted], current, self.name)
            for name, value in values.items():
                part = state.domain.on_boundary(value, self.boundary, regions)
                found[name] = found[name] + part if name in found else part
        return found

    def _drop(self, state: State, potential: Field) -> Any:
        drop = state.value[self.metal] - state.value[potential]
        if self.film_current is None:
            return drop
        return drop - self.film_resistance * state.value[self.film_current]
