"""Butler-Volmer kinetics.

i = i0 [exp(alpha_a F eta/RT) - exp(-alpha_c F eta/RT)].
Source: J. Newman and K. E. Thomas-Alyea, Electrochemical Systems, 3rd ed. (2004), chapter 8.
"""

from dataclasses import dataclass
from typing import Any

import ufl

from chemomech.constants import FARADAY, GAS


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
