"""The resistance that lithium ions meet where two electrolytes touch.

i = (phi_e,1 - phi_e,2)/R,   positive current leaves the first region.

Where only a share a of the area touches it is i = a (phi_e,1 - phi_e,2)/(R + R_s), R_s a constriction.

The ionic potential jumps there, so it is one field on each side.  Being the electrochemical potential of lithium ions
it would be continuous without the resistance, whatever the two electrolytes are.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ufl

from chemomech.fields import Field, State
from chemomech.physics.balance import Divided, Narrowed, exchange


@dataclass(frozen=True)
class IonicContact:
    """Current of ions across one oriented interface of two electrolytes ("+" is the first)."""

    first: str
    second: str
    potentials: tuple[Field, Field]
    """of the first and of the second region"""
    resistance: Any
    """[V um^2/nA]"""
    conducting_fraction: Callable[[State], Any] | None = None
    """share of the nominal area that conducts, in (0, 1]; None means all of it"""
    constriction: Narrowed | None = None
    """in series where the area touches"""

    @property
    def name(self) -> str:
        """The interface."""
        return f"{self.first}|{self.second}"

    @property
    def fields(self) -> tuple[Field, ...]:
        """The potentials that meet at the interface."""
        return self.potentials

    def residual(self, state: State) -> ufl.Form:
        """Charge leaves one electrolyte and enters the other."""
        leaving, entering = self.potentials
        return exchange(state, self.density(state), leaving, entering, *self._sides)

    def observables(self, state: State) -> dict[str, ufl.Form]:
        """Current from the first region to the second [nA], mean drop of the potential x area."""
        found = {"ionic current": self.density(state), "ionic drop": self.drop(state)}
        if self.conducting_fraction is not None:
            found["interface conductance"] = self.conducting_fraction(state) / self._total(state)
        return {
            f"{word} {self.name}": state.domain.on_interface(what, *self._sides)
            for word, what in found.items()
        }

    def density(self, state: State) -> Any:
        """Current density from the first region to the second [nA/um^2]."""
        passed = self.drop(state) / self._total(state)
        return passed if self.conducting_fraction is None else self.conducting_fraction(state) * passed

    def narrowed(self, state: State) -> tuple[Divided, ...]:
        """The terms of both balances, and the constriction's share of their drop."""
        if self.constriction is None:
            return ()
        share = self.constriction.resistance(state) / self._total(state)
        leaving, entering = self.potentials
        density = self.density(state)
        rows = (leaving, density * state.test[leaving]("+")), (entering, -density * state.test[entering]("-"))
        return tuple(
            Divided("constriction", row, state.domain.on_interface(term, *self._sides), share)
            for row, term in rows
        )

    def _total(self, state: State) -> Any:
        # per area that touches
        narrow = 0.0 if self.constriction is None else self.constriction.resistance(state)
        return self.resistance + narrow

    def drop(self, state: State) -> Any:
        """Potential of the first region less that of the second [V]."""
        leaving, entering = self.potentials
        return state.value[leaving]("+") - state.value[entering]("-")

    @property
    def _sides(self) -> tuple[frozenset[str], frozenset[str]]:
        return frozenset([self.first]), frozenset([self.second])
