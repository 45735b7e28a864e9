"""The elastic part of a material's free energy; stress and chemical potential both follow by differentiation.

psi(eps, c) = lambda/2 tr(e)^2 + mu e:e,   e = eps - (s(theta) - s(theta_0))/3 I,   theta = c/c_max,
sigma = d psi / d eps,   mu_elastic = d psi / d c = -Omega(c) sigma_h   (Omega = ds/dc, constant moduli).

Source: F. Larche and J. W. Cahn, Acta Metall. 21, 1051 (1973).  Units: GPa, pmol/um^3, nJ/pmol.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ufl


@dataclass(frozen=True)
class Solid:
    """An isotropic elastic solid that swells with its lithium content (small strain)."""

    youngs_modulus: Any
    """[GPa], a number or a UFL constant"""
    poissons_ratio: Any
    swelling: Callable[[Any], Any] | None = None
    """volumetric strain of the stress-free lattice against stoichiometry [-]"""
    maximum_concentration: Any = None
    """[pmol/um^3]"""
    stress_free_stoichiometry: Any = None
    """stoichiometry at which the lattice has the size of the mesh [-]"""

    @property
    def lame(self) -> tuple[Any, Any]:
        """First Lame parameter and shear modulus [GPa]."""
        e, nu = self.youngs_modulus, self.poissons_ratio
        return e * nu / ((1 + nu) * (1 - 2 * nu)), e / (2 * (1 + nu))

    def eigenstrain(self, concentration: Any) -> Any:
        """Linear strain of the stress-free lattice, (s(theta) - s(theta_0))/3 [-]."""
        if self.swelling is None or concentration is None:
            return 0.0
        theta = concentration / self.maximum_concentration
        return (self.swelling(theta) - self.swelling(self.stress_free_stoichiometry)) / 3

    def energy(self, strain: Any, concentration: Any = None) -> Any:
        """Elastic energy density psi(eps, c) [nJ/um^3]; ``strain`` is 3 x 3."""
        first, shear = self.lame
        e = strain - self.eigenstrain(concentration) * ufl.Identity(3)
        return first / 2 * ufl.tr(e) ** 2 + shear * ufl.inner(e, e)

    def stress(self, strain: Any, concentration: Any = None) -> Any:
        """Cauchy stress d psi / d eps [GPa], 3 x 3."""
        e = ufl.variable(strain)
        return ufl.diff(self.energy(e, concentration), e)

    def chemical_potential(self, strain: Any, concentration: Any) -> Any:
        """Elastic part of the chemical potential of lithium, d psi / d c [nJ/pmol]."""
        c = ufl.variable(concentration)
        return ufl.diff(self.energy(strain, c), c)
