"""What summary.json says of effective properties; numbers leave internal units here.

Tortuosity factor tau = phi <sigma>/sigma_eff with phi the phase's part of the box and <sigma> the conductivity averaged
over the phase; tortuosity sqrt(tau); MacMullin number <sigma>/sigma_eff.  Where no way leads through, sigma_eff is 0
and the three are left out.  Bounds are those of perfect contact: resistances lie outside of what they know.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from chemomech.analysis.bounds import bulk_and_shear, hashin_shtrikman, isotropic_average, wiener
from chemomech.analysis.box import Box
from chemomech.analysis.effective import Conductivity, Stiffness
from chemomech.analysis.percolation import Percolation
from chemomech.case.units import factor_from_internal

PHASES: Final = {"ionic_conductivity": "ionic", "electronic_conductivity": "electronic"}
"""Name of the phase that carries a conductivity."""
VOIGT_NAMES: Final = {3: ("11", "22", "66"), 6: ("11", "22", "33", "44", "55", "66")}
"""Number of a Voigt component in names, by the size of the tensor."""


def conduction_figures(
    phase: str,
    found: Conductivity,
    fractions: Sequence[float],
    conductivities: Sequence[float],
    dimension: int,
    isotropic: bool,
) -> dict[str, float]:
    """Return the figures of an effective conductivity and its bounds.

    ``fractions`` and ``conductivities`` [internal] of all phases, those that do not conduct included; ``isotropic``:
    whether the coordinates let the mixture be so, which the bounds of Hashin and Shtrikman suppose.
    """
    unit = factor_from_internal("S/m")
    name, axes = f"Effective {phase} conductivity", "xyz"
    figures: dict[str, float] = {}
    for k in range(dimension):
        for m in range(k, dimension):
            if np.isfinite(found.tensor[k, m]):
                figures[f"{name} {axes[k]}{axes[m]} [S.m-1]"] = found.tensor[k, m] * unit
    diagonal = np.array([found.tensor[k, k] for k in found.axes])
    mean = float(diagonal.mean())
    figures[f"{name} [S.m-1]"] = mean * unit
    figures[f"Mean {phase} conductivity of the phase [S.m-1]"] = found.mean * unit
    figures[f"Volume share of the {phase} phase [-]"] = found.fraction
    if mean > 0.0:
        factor = found.fraction * found.mean / mean
        figures[f"{phase.capitalize()} tortuosity factor [-]"] = factor
        figures[f"{phase.capitalize()} tortuosity [-]"] = float(np.sqrt(factor))
        figures[f"{phase.capitalize()} MacMullin number [-]"] = found.mean / mean
    for axis in found.axes:
        if found.tensor[axis, axis] > 0.0:
            along = f"along {axes[axis]} [-]"
            figures[f"{phase.capitalize()} tortuosity factor {along}"] = found.tortuosity_factor(axis)
            figures[f"{phase.capitalize()} MacMullin number {along}"] = found.macmullin(axis)
    series, parallel = wiener(fractions, conductivities)
    figures[f"{name}, phases in parallel [S.m-1]"] = parallel * unit
    figures[f"{name}, phases in series [S.m-1]"] = series * unit
    if isotropic:
        lower, upper = hashin_shtrikman(fractions, conductivities, dimension)
        figures[f"{name}, lower Hashin-Shtrikman bound [S.m-1]"] = lower * unit
        figures[f"{name}, upper Hashin-Shtrikman bound [S.m-1]"] = upper * unit
    return figures


def percolation_figures(phase: str, found: Percolation, box: Box, periodic: bool) -> dict[str, float]:
    """Return how a phase is connected: shares of its volume."""
    name = f"Share of the {phase} phase"
    figures = {f"Pieces of the {phase} phase [-]": float(len(found.volumes))}
    for axis, names in box.faces.items():
        for far, face in enumerate(names):
            share = found.share(found.touching[axis, bool(far)])
            figures[f"{name} connected to {face} [-]"] = share
        both = f"{name} connected to {names[0]} and {names[1]} [-]"
        figures[both] = found.share(found.spanning(axis))
        if periodic:
            figures[f"{name} that percolates periodically along {'xyz'[axis]} [-]"] = found.share(
                found.winding(axis)
            )
    figures[f"{name} connected to no face [-]"] = found.share(found.isolated())
    return figures


def stiffness_figures(
    found: Stiffness, fractions: Mapping[str, float], moduli: Mapping[str, tuple[float, float]]
) -> dict[str, float]:
    """Return the figures of an effective stiffness and its bounds; ``moduli``: Young's [GPa], Poisson's ratio [-]."""
    size = len(found.tensor)
    numbers = VOIGT_NAMES[size]
    figures: dict[str, float] = {}
    for k, first in enumerate(numbers):
        for m in range(k, size):
            figures[f"Effective stiffness C{first[0]}{numbers[m][0]} [GPa]"] = float(found.tensor[k, m])
    k_range, g_range = isotropic_average(found.tensor)
    k_mean, g_mean = sum(k_range) / 2, sum(g_range) / 2
    kind = "bulk" if size == 6 else "plane-strain bulk"
    figures[f"Effective {kind} modulus [GPa]"] = k_mean
    figures["Effective shear modulus [GPa]"] = g_mean
    # in plane strain k = K + G/3, with which the relations between moduli are those of space
    k_space = k_mean if size == 6 else k_mean - g_mean / 3
    figures["Effective Young's modulus [GPa]"] = 9 * k_space * g_mean / (3 * k_space + g_mean)
    figures["Effective Poisson's ratio [-]"] = (3 * k_space - 2 * g_mean) / (2 * (3 * k_space + g_mean))
    void = max(0.0, 1.0 - sum(fractions.values()))
    shares = [*fractions.values(), void] if void > 1e-9 else list(fractions.values())
    shear = [moduli[name][0] / (2 * (1 + moduli[name][1])) for name in fractions]
    bulk = [moduli[name][0] / (3 * (1 - 2 * moduli[name][1])) for name in fractions]
    if size == 3:
        bulk = [k + g / 3 for k, g in zip(bulk, shear, strict=True)]
    if len(shares) > len(shear):
        shear, bulk = [*shear, 0.0], [*bulk, 0.0]
    bounds = bulk_and_shear(shares, bulk, shear, 3 if size == 6 else 2)
    for name, values, pair in ((kind, bulk, bounds[0]), ("shear", shear, bounds[1])):
        lower, upper = wiener(shares, values)
        figures[f"Effective {name} modulus, Reuss bound [GPa]"] = lower
        figures[f"Effective {name} modulus, Voigt bound [GPa]"] = upper
        figures[f"Effective {name} modulus, lower Hashin-Shtrikman bound [GPa]"] = pair.lower
        figures[f"Effective {name} modulus, upper Hashin-Shtrikman bound [GPa]"] = pair.upper
    return figures
