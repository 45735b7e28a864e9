"""Bounds on effective properties that know only the fractions of the phases (and that they are mixed isotropically).

Conductivity, d dimensions:  B(s) = 1/<1/(sigma + (d - 1) s)> - (d - 1) s,  s the least (lower) or largest conductivity;
                             <sigma> and 1/<1/sigma> hold for any arrangement (Wiener).
Moduli, 3D:                  K = 1/<1/(K + 4 G0/3)> - 4 G0/3,  G = 1/<1/(G + z)> - z,
                             z = G0 (9 K0 + 8 G0)/(6 (K0 + 2 G0)), K0 and G0 the least or largest moduli.
Moduli, plane strain:        k = 1/<1/(k + G0)> - G0,  z = k0 G0/(k0 + 2 G0),  k = K + G/3 that of plane strain.
<.> is the volume average.

Sources: O. Wiener, Abh. Saechs. Akad. Wiss. 32, 507 (1912); Z. Hashin and S. Shtrikman, J. Appl. Phys. 33, 3125 (1962)
and J. Mech. Phys. Solids 11, 127 (1963); L. J. Walpole, J. Mech. Phys. Solids 14, 151 (1966); Z. Hashin, J. Mech. Phys.
Solids 13, 119 (1965), for the plane.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

type Array = npt.NDArray[np.float64]


class Bounds(NamedTuple):
    """Lower and upper bound, in the unit of the phases' values."""

    lower: float
    upper: float


def _harmonic(fractions: Array, values: Array) -> float:
    """1/<1/value>; 0 where a phase has none."""
    if np.any((values <= 0.0) & (fractions > 0.0)):
        return 0.0
    return float(1.0 / np.sum(fractions / values))


def wiener(fractions: Sequence[float], values: Sequence[float]) -> Bounds:
    """Phases in series and in parallel; for moduli the bounds of Reuss and Voigt."""
    f, v = np.asarray(fractions, dtype=float), np.asarray(values, dtype=float)
    return Bounds(_harmonic(f, v), float(np.sum(f * v)))


def hashin_shtrikman(fractions: Sequence[float], conductivities: Sequence[float], dimension: int) -> Bounds:
    """Conductivity of an isotropic mixture in 2 or 3 dimensions."""
    f, v = np.asarray(fractions, dtype=float), np.asarray(conductivities, dtype=float)
    return Bounds(*(_shifted(f, v, (dimension - 1) * float(extreme)) for extreme in (v.min(), v.max())))


def _shifted(fractions: Array, values: Array, shift: float) -> float:
    return _harmonic(fractions, values + shift) - shift


def bulk_and_shear(
    fractions: Sequence[float], bulk: Sequence[float], shear: Sequence[float], dimension: int
) -> tuple[Bounds, Bounds]:
    """Bulk and shear modulus of an isotropic mixture; in 2 dimensions of plane strain, ``bulk`` then K + G/3."""
    f = np.asarray(fractions, dtype=float)
    k, g = np.asarray(bulk, dtype=float), np.asarray(shear, dtype=float)
    ends = []
    for k0, g0 in ((float(k.min()), float(g.min())), (float(k.max()), float(g.max()))):
        if g0 <= 0.0:  # a void among the phases
            ends.append((0.0, 0.0))
            continue
        if dimension == 2:
            around, along = g0, k0 * g0 / (k0 + 2 * g0)
        else:
            around, along = 4 * g0 / 3, g0 * (9 * k0 + 8 * g0) / (6 * (k0 + 2 * g0))
        ends.append((_shifted(f, k, around), _shifted(f, g, along)))
    (k_low, g_low), (k_high, g_high) = ends
    return Bounds(k_low, k_high), Bounds(g_low, g_high)


def isotropic_average(stiffness: Array) -> tuple[Bounds, Bounds]:
    """Bulk and shear modulus of a stiffness in Voigt's notation, averaged over all orientations.

    The lower value averages the compliance (Reuss), the upper one the stiffness (Voigt). (3, 3) is plane strain: the
    average is over rotations in the plane and the bulk modulus is that of plane strain.
    Source: R. Hill, Proc. Phys. Soc. A 65, 349 (1952).
    """
    compliance = np.linalg.inv(stiffness)
    if len(stiffness) == 3:
        c, s = stiffness, compliance
        k_upper = (c[0, 0] + c[1, 1] + 2 * c[0, 1]) / 4
        g_upper = (c[0, 0] + c[1, 1] - 2 * c[0, 1] + 4 * c[2, 2]) / 8
        k_lower = 1 / (s[0, 0] + s[1, 1] + 2 * s[0, 1])
        g_lower = 2 / (s[0, 0] + s[1, 1] - 2 * s[0, 1] + s[2, 2])
        return Bounds(float(k_lower), float(k_upper)), Bounds(float(g_lower), float(g_upper))
    c, s = stiffness, compliance
    direct, cross, shear = np.trace(c[:3, :3]), c[0, 1] + c[0, 2] + c[1, 2], np.trace(c[3:, 3:])
    k_upper, g_upper = (direct + 2 * cross) / 9, (direct - cross + 3 * shear) / 15
    direct, cross, shear = np.trace(s[:3, :3]), s[0, 1] + s[0, 2] + s[1, 2], np.trace(s[3:, 3:])
    k_lower, g_lower = 1 / (direct + 2 * cross), 15 / (4 * direct - 4 * cross + 3 * shear)
    return Bounds(float(k_lower), float(k_upper)), Bounds(float(g_lower), float(g_upper))
