"""Ohmic conduction: electrons in active and conductive phases, lithium ions in a single-ion electrolyte.

div(-kappa grad phi) = 0.  A single-ion conductor (t+ = 1) and an electron conductor obey the same law.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ufl

from chemomech.fields import Field, State
from chemomech.physics.balance import flux


@dataclass(frozen=True)
class Conduction:
    """Charge balance of one carrier: div(-kappa grad phi) = 0."""

    potential: Field
    conductivities: Mapping[str, Any]
    """[nA/(V um)] of each region"""

    @property
    def fields(self) -> tuple[Field, ...]:
        """The potential of the carrier."""
        return (self.potential,)

    def residual(self, state: State) -> ufl.Form:
        """Sum over regions of int kappa grad(phi) . grad(t)."""
        # The gradient of the shifted value is the gradient of the function: the offset is a constant.
        gradient = ufl.grad(state.unknowns[self.potential].function)
        return sum(
            (
                flux(state, self.potential, -kappa * gradient, [name])
                for name, kappa in self.conductivities.items()
            ),
            ufl.Form([]),
        )

    def observables(self, state: State) -> dict[str, ufl.Form]:
        """Nothing: potentials are recorded as fields."""
        return {}
