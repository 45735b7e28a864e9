"""Crack risk from stress: against strength, and against toughness.

Strength:  risk = max(sigma_1, 0) / sigma_t.
Toughness: a flaw of size a under sigma_1 releases G = (1.12 sigma_1)^2 pi a (1 - nu^2)/E per area; risk = G/G_c.
1.12 is the edge-crack factor (H. Tada, P. C. Paris, G. R. Irwin, The Stress Analysis of Cracks Handbook).
The two differ: the first is linear in stress, the second quadratic, and grows with the flaw.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

EDGE_FACTOR: Final = 1.12


@dataclass(frozen=True)
class Resistance:
    """What a material sets against cracking; nan where it is not known."""

    tensile_strength: float
    """[GPa]"""
    fracture_energy: float
    """G_c [nJ/um^2]"""
    flaw_size: float
    """[um]"""
    plane_modulus: float
    """E/(1 - nu^2) [GPa]"""

    def strength_risk(self, principal: FloatArray) -> FloatArray:
        """max(sigma_1, 0)/sigma_t [-] for principal stresses [GPa]."""
        return np.asarray(np.maximum(principal, 0.0) / self.tensile_strength)

    def energy_risk(self, principal: FloatArray) -> FloatArray:
        """G/G_c [-] for principal stresses [GPa]."""
        intensity = EDGE_FACTOR * np.maximum(principal, 0.0)
        return np.asarray(intensity**2 * np.pi * self.flaw_size / self.plane_modulus / self.fracture_energy)


def fracture_energy(toughness: float, plane_modulus: float) -> float:
    """G_c = K_IC^2 (1 - nu^2)/E [nJ/um^2] from K_IC [GPa um^0.5] and E/(1 - nu^2) [GPa]."""
    return toughness**2 / plane_modulus


def principal_stress(stress: FloatArray) -> FloatArray:
    """Largest principal stress of (n, 3, 3) tensors; the unit is that of the input."""
    return np.asarray(np.linalg.eigvalsh(stress)[:, -1])


def volume_quantile(values: FloatArray, volumes: FloatArray, share: float) -> float:
    """Value that this share of the volume does not exceed; nan where there is no volume."""
    if not len(values):
        return float("nan")
    order = np.argsort(values)
    reached = np.cumsum(volumes[order])
    return float(values[order][np.searchsorted(reached, share * reached[-1])])


def hydrostatic_stress(stress: FloatArray) -> FloatArray:
    """tr(sigma)/3 of (n, 3, 3) tensors."""
    return np.asarray(np.trace(stress, axis1=1, axis2=2) / 3)


def von_mises_stress(stress: FloatArray) -> FloatArray:
    """Von Mises stress sqrt(3/2 s:s) of (n, 3, 3) tensors."""
    deviator = stress - hydrostatic_stress(stress)[:, None, None] * np.eye(3)
    return np.asarray(np.sqrt(1.5 * np.einsum("nij,nij->n", deviator, deviator)))
