"""Kinetics of interfaces: Butler-Volmer, and redox of an amount that is confined to the interface.

i = i0 [exp(alpha_a F eta/RT) - exp(-alpha_c F eta/RT)].
Source: J. Newman and K. E. Thomas-Alyea, Electrochemical Systems, 3rd ed. (2004), chapter 8.
"""

from dataclasses import dataclass
from typing import Any, Final

import ufl

from chemomech.constants import FARADAY, GAS

OXIDATION, REDUCTION = 1.0, -1.0
FASTEST: Final = 1e4
"""rate at which what is confined to an interface reacts at most [1/s]: what is quicker follows the potential at once"""


@dataclass(frozen=True)
class Kinetics:
    """Butler-Volmer kinetics of one interface."""

    exchange_current: Any
    """i0 [nA/um^2]"""
    anodic_coefficient: float
    cathodic_coefficient: float
    temperature: Any
    """[K]"""
    stoichiometry_dependent: bool = False
    """i0 -> 2 i0 sqrt(theta (1 - theta))"""

    def current(self, overpotential: Any, theta: Any = None) -> Any:
        """Current density i(eta) [nA/um^2], positive when anodic."""
        f = FARADAY / (GAS * self.temperature)
        i0 = self._exchange(theta)
        forward = ufl.exp(self.anodic_coefficient * f * overpotential)
        backward = ufl.exp(-self.cathodic_coefficient * f * overpotential)
        return i0 * (forward - backward)

    def slope(self, overpotential: Any, theta: Any = None) -> Any:
        """Slope di/d eta at an overpotential [nA/(V um^2)]."""
        f = FARADAY / (GAS * self.temperature)
        forward = self.anodic_coefficient * ufl.exp(self.anodic_coefficient * f * overpotential)
        backward = self.cathodic_coefficient * ufl.exp(-self.cathodic_coefficient * f * overpotential)
        return self._exchange(theta) * f * (forward + backward)

    def conductance(self, theta: Any = None) -> Any:
        """Slope di/d eta at equilibrium, i0 (alpha_a + alpha_c) F/RT [nA/(V um^2)]."""
        both = self.anodic_coefficient + self.cathodic_coefficient
        return self._exchange(theta) * both * FARADAY / (GAS * self.temperature)

    def _exchange(self, theta: Any) -> Any:
        i0 = self.exchange_current
        return 2 * i0 * ufl.sqrt(theta * (1 - theta)) if self.stoichiometry_dependent else i0


@dataclass(frozen=True)
class ConfinedRedox:
    """Redox of a finite amount on an interface, y of it not yet reacted: i = sign q (k_f y - k_b (1 - y)).

    k_f = (i0/q) exp(sign alpha n F (E - E0)/RT), k_b = (i0/q) exp(-sign (1 - alpha) n F (E - E0)/RT), 0 where the
    reaction cannot go back; both are divided by 1 + (k_f + k_b)/k_max, which leaves their equilibrium as it is.
    Source: E. Laviron, J. Electroanal. Chem. 101, 19 (1979).
    """

    exchange_current: Any
    """i0 [nA/um^2]"""
    charge: Any
    """q of all of it [nC/um^2]"""
    potential: Any
    """E0 against lithium [V]"""
    coefficient: Any
    """alpha of the reaction forward [-]"""
    electrons: Any
    """n that are transferred together [-]"""
    temperature: Any
    """[K]"""
    sign: float
    """OXIDATION or REDUCTION"""
    reversible: bool

    def rate(self, unreacted: Any, potential: Any) -> Any:
        """Share that reacts per time, -dy/dt [1/s], at an electrode potential against lithium [V]."""
        driving = (
            self.sign * self.electrons * FARADAY / (GAS * self.temperature) * (potential - self.potential)
        )
        pace = self.exchange_current / self.charge
        forward = pace * ufl.exp(self.coefficient * driving)
        if not self.reversible:
            return forward * unreacted / (1 + forward / FASTEST)
        backward = pace * ufl.exp((self.coefficient - 1) * driving)
        return (forward * unreacted - backward * (1 - unreacted)) / (1 + (forward + backward) / FASTEST)

    def current(self, unreacted: Any, potential: Any) -> Any:
        """Current density from the electrode into the electrolyte [nA/um^2]."""
        return self.sign * self.charge * self.rate(unreacted, potential)

    def passed(self, unreacted: Any) -> Any:
        """Charge that has gone into the reaction, positive for oxidation [nC/um^2]."""
        return self.sign * self.charge * (1 - unreacted)
