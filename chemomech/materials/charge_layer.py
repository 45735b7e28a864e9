"""The space-charge layer of one mobile ion on a lattice, reduced to numbers: charge and resistance against potential.

u = F (phi_surface - phi_bulk)/(RT), theta the share of sites taken in the bulk, S(u) the dimensionless charge:

    S(u) = sgn(u) sqrt(2 [ln(1 - theta + theta exp(-u)) + theta u])        (first integral of Poisson's equation)
    charge of the metal   sigma = sqrt(eps RT c_max) S(u)
    1/kappa - 1/kappa_bulk = [(1 - theta)^2 (exp(u) - 1) + theta^2 (exp(-u) - 1)]/kappa_bulk
    resistance            R = (lambda/kappa_bulk) (emptied(u) + filled(u)),   lambda = sqrt(eps RT/(F^2 c_max)),
    emptied = (1 - theta)^2 int_0^u (exp(v) - 1)/S(v) dv,   filled = theta^2 int_0^u (exp(-v) - 1)/S(v) dv.

Derived here from the equations of `physics/space_charge.py` at rest, dx = lambda dv/S(v).
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from chemomech.materials.laws import Table

type Array = npt.NDArray[np.float64]

REACH: Final = 80.0
"""largest |u| of the tables: 2 V at room temperature"""
NEAR: Final = 0.05
"""|u| below which the charge is a series"""
POINTS: Final = 24
"""of the tables on each side of 0"""


@dataclass(frozen=True)
class LayerLaw:
    """Tables of asinh(emptied) and asinh(filled) against u, for one occupancy."""

    occupancy: float
    emptied: Table
    filled: Table

    @classmethod
    def of(cls, occupancy: float) -> "LayerLaw":
        """Integrate the two resistances; ValueError where the occupancy is no share."""
        if not 0.0 < occupancy < 1.0:
            raise ValueError(f"an occupancy lies between 0 and 1, not at {occupancy:g}")
        steps = REACH * np.linspace(0.0, 1.0, POINTS + 1) ** 2
        places = np.concatenate([-steps[:0:-1], steps])
        weights = ((1 - occupancy) ** 2, 1.0), (occupancy**2, -1.0)
        tables = []
        for weight, sign in weights:
            values = weight * resistance_integral(places, occupancy, sign)
            points = list(zip(places.tolist(), np.arcsinh(values).tolist(), strict=True))
            tables.append(Table.from_points(points))
        return cls(occupancy, *tables)


def charge(u: Array, occupancy: float) -> Array:
    """Return the dimensionless charge S(u)."""
    small = np.abs(u) < NEAR
    safe = np.where(small, NEAR, u)
    stored = np.logaddexp(np.log1p(-occupancy), np.log(occupancy) - safe) + occupancy * safe
    curvature = np.where(small, curvature_series(u, occupancy), 2 * stored / safe**2)
    return np.asarray(u * np.sqrt(curvature))


def settled_charge(voltage: float, occupancy: float, scale: float, thermal: float, core: float) -> float:
    """Return q of q = scale S((voltage - q/core)/thermal), the charge at rest; core may be infinite."""
    from scipy.optimize import brentq  # seldom needed, and slow to import

    def deviation(q: float) -> float:
        return q - scale * float(charge(np.array([(voltage - q / core) / thermal]), occupancy)[0])

    edge = scale * float(charge(np.array([voltage / thermal]), occupancy)[0])
    low, high = sorted((0.0, edge))
    return float(brentq(deviation, low, high, xtol=1e-18)) if low < high else 0.0


def curvature_series(u: Any, occupancy: Any) -> Any:
    """Return 2 [ln(1 - theta + theta exp(-u)) + theta u]/u^2 near u = 0, by the cumulants of one site."""
    spread = occupancy * (1 - occupancy)
    third = 1 - 2 * occupancy
    return spread * (1 - third * u / 3 + (1 - 6 * spread) * u**2 / 12)


def resistance_integral(places: Array, occupancy: float, sign: float) -> Array:
    """Return int_0^u (exp(sign v) - 1)/S(v) dv at each place; Gauss quadrature on short pieces."""
    nodes, weights = np.polynomial.legendre.leggauss(8)
    found = np.zeros(len(places))
    for k in np.flatnonzero(places):
        end = places[k]
        edges = np.linspace(0.0, end, max(2, int(8 * abs(end)) + 1))
        half, middle = np.diff(edges) / 2, (edges[1:] + edges[:-1]) / 2
        v = middle[:, None] + half[:, None] * nodes
        integrand = np.expm1(sign * v) / charge(v, occupancy)
        found[k] = float(np.sum(integrand * weights * half[:, None]))
    return found
