"""Closed forms for mixtures: laminates, square arrays of cylinders, all with resistance at the interfaces."""

from collections.abc import Sequence
from math import comb
from typing import Final

import numpy as np
import numpy.typing as npt

type Array = npt.NDArray[np.float64]

ORDERS: Final = 12
"""odd multipoles of each cylinder that are kept"""
SHELLS: Final = 60
"""half the width of the square of cylinders whose fields are added up one by one"""


def series(
    shares: Sequence[float], conductivities: Sequence[float], resistance: float, period: float
) -> float:
    """Conductivity across a laminate with the area resistances of one period in all."""
    return float(1.0 / (np.sum(np.divide(shares, conductivities)) + resistance / period))


def parallel(shares: Sequence[float], conductivities: Sequence[float]) -> float:
    """Conductivity along a laminate."""
    return float(np.dot(shares, conductivities))


def laminate(shares: Sequence[float], youngs: Sequence[float], poisson: Sequence[float]) -> Array:
    """Stiffness (6, 6) in Voigt's notation of isotropic layers stacked along x.

    Source: G. E. Backus, J. Geophys. Res. 67, 4427 (1962).
    """
    f, e, nu = (np.asarray(each, dtype=float) for each in (shares, youngs, poisson))
    first, shear = e * nu / ((1 + nu) * (1 - 2 * nu)), e / (2 * (1 + nu))
    across = first + 2 * shear

    def mean(values: Array) -> float:
        return float(np.dot(f, values))

    c = np.zeros((6, 6))
    c[0, 0] = 1 / mean(1 / across)
    c[0, 1] = c[0, 2] = mean(first / across) * c[0, 0]
    spread = mean(first / across) ** 2 * c[0, 0]
    c[1, 1] = c[2, 2] = mean(across - first**2 / across) + spread
    c[1, 2] = mean(first - first**2 / across) + spread
    c[3, 3] = mean(shear)
    c[4, 4] = c[5, 5] = 1 / mean(1 / shear)
    return np.asarray(np.triu(c) + np.triu(c, 1).T)


def lattice_sums(highest: int) -> dict[int, float]:
    """S_n = sum of 1/(i + j 1j)^n over the unit square lattice without its origin; S_2 = pi (Rayleigh)."""
    i, j = np.meshgrid(np.arange(-SHELLS, SHELLS + 1), np.arange(-SHELLS, SHELLS + 1))
    w = (i + 1j * j).ravel()
    w = w[w != 0]
    sums = {n: float(np.sum(w ** (-n)).real) for n in range(4, highest + 1, 2)}
    return {2: float(np.pi)} | sums


def square_array(fraction: float, ratio: float, resistance: float = 0.0) -> float:
    """Conductivity of a unit square array of cylinders over that of the matrix.

    ``ratio``: of conductivities, ``resistance``: R k_matrix / period. Multipole l of a cylinder of radius a sees the
    conductivity k/(1 + l R k/a) instead of k.  Source: Lord Rayleigh, Phil. Mag. 34, 481 (1892); W. T. Perrins, D. R.
    McKenzie and R. C. McPhedran, Proc. R. Soc. A 369, 207 (1979); with resistance D. P. H. Hasselman and L. F. Johnson,
    J. Compos. Mater. 21, 508 (1987), for the first multipole.
    """
    a = np.sqrt(fraction / np.pi)
    order = 2 * np.arange(ORDERS) + 1
    seen = ratio / (1 + order * resistance * ratio / a)
    contrast = (1 + seen) / (1 - seen)
    sums = lattice_sums(int(2 * order[-1]))
    # in the variables b_l = B_l / a^l, whose size does not grow with the order
    matrix = np.array(
        [[comb(int(m + n) - 1, int(n)) * sums[int(m + n)] * a ** float(m + n) for m in order] for n in order]
    )
    matrix += np.diag(contrast)
    right = np.zeros(ORDERS)
    right[0] = a
    return float(1 - 2 * np.pi * a * np.linalg.solve(matrix, right)[0])
