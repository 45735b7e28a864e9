"""R_bulk, R_ct, C_dl, alpha and sigma_W of a spectrum, by two circuits, and whether either may be used.

    series   Z = R_bulk + R_ct/(1 + (i w R_ct C_dl)^alpha) + sigma_W/sqrt(i w)
    nested   Z = R_bulk + 1/[(i w R_ct C_dl)^alpha/R_ct + 1/(R_ct + sigma_W/sqrt(i w))]   (Randles)

In the nested circuit the double layer carries what diffusion does not; the series formula is its limit where the arc
is long over when diffusion begins: (sigma_W^2/R_ct^2) R_ct C_dl << 1.  Both end where diffusion feels the size of the
particle and Z becomes that of a capacitor.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares

from chemomech.analysis.relaxation import deviations

type Array = npt.NDArray[np.float64]
type ComplexArray = npt.NDArray[np.complex128]
type Kind = Literal["series", "nested"]

NAMES: Final = ("R_bulk", "R_ct", "C_dl", "alpha", "sigma_W")
SEPARATED: Final = 0.01
"""overlap sigma_W^2 C_dl/R_ct above which the series formula is no good"""
VISIBLE: Final = 1e-3
"""residual below which two circuits are not told apart by any measurement"""
FITTING: Final = 0.01
"""residual above which a circuit is no description of a spectrum"""
STEEPEST: Final = 50.0
"""-phase of the diffusive tail [degrees] beyond which it is no longer that of an endless medium"""
START: Final = 0.9


@dataclass(frozen=True)
class Circuit:
    """A fitted circuit; resistances in the unit of Z, others in that unit and s."""

    kind: Kind
    values: dict[str, float]
    errors: dict[str, float]
    """standard deviations"""
    residual: float
    """root mean square of what is left of Z/|Z|"""

    @property
    def overlap(self) -> float:
        """sigma_W^2 C_dl/R_ct: how much of the arc is left when diffusion begins [-]."""
        return self.values["sigma_W"] ** 2 * self.values["C_dl"] / self.values["R_ct"]


def series_formula(
    frequencies: Array, bulk: float, transfer: float, capacitance: float, alpha: float, warburg: float
) -> ComplexArray:
    """Return R_bulk + R_ct/(1 + (i w R_ct C_dl)^alpha) + sigma_W/sqrt(i w)."""
    omega = 2j * np.pi * frequencies
    return np.asarray(
        bulk + transfer / (1 + (omega * transfer * capacitance) ** alpha) + warburg / np.sqrt(omega)
    )


def nested_formula(
    frequencies: Array, bulk: float, transfer: float, capacitance: float, alpha: float, warburg: float
) -> ComplexArray:
    """Return the Randles circuit, diffusion in the branch of the charge transfer."""
    omega = 2j * np.pi * frequencies
    layer = (omega * transfer * capacitance) ** alpha / transfer
    return np.asarray(bulk + 1 / (layer + 1 / (transfer + warburg / np.sqrt(omega))))


FORMULAS: Final[dict[Kind, Callable[..., ComplexArray]]] = {
    "series": series_formula,
    "nested": nested_formula,
}


def fit(frequencies: Array, impedance: ComplexArray, kind: Kind) -> Circuit:
    """Fit one of the two circuits, weighted by 1/|Z|; from several starts, the best is kept."""
    weight, formula = 1 / np.abs(impedance), FORMULAS[kind]
    high = int(np.argmax(frequencies))
    bulk = max(float(impedance[high].real), 1e-6 * float(np.abs(impedance).max()))
    span = float(np.ptp(impedance.real))
    low, top = (float(value) for value in (frequencies.min(), frequencies.max()))

    def left(p: Array) -> Array:
        values = (*np.exp(p[:3]), p[3], np.exp(p[4]))
        difference = (formula(frequencies, *values) - impedance) * weight
        return np.concatenate([difference.real, difference.imag])

    best = None
    for place in (0.25, 0.5, 0.75):
        corner = 2 * np.pi * low ** (1 - place) * top**place
        begin = [
            np.log(bulk),
            np.log(0.5 * span),
            np.log(2 / (span * corner)),
            START,
            np.log(0.3 * span * np.sqrt(2 * np.pi * low)),
        ]
        lower, upper = [-60.0, -60.0, -90.0, 0.3, -60.0], [60.0, 60.0, 60.0, 1.0, 60.0]
        found = least_squares(left, begin, bounds=(lower, upper), x_scale="jac", max_nfev=500)
        if best is None or found.cost < best.cost:
            best = found
    assert best is not None
    errors = deviations(best.jac, best.fun)
    values = [float(v) for v in (*np.exp(best.x[:3]), best.x[3], np.exp(best.x[4]))]
    scales = [values[0], values[1], values[2], 1.0, values[4]]  # errors of logarithms are relative
    return Circuit(
        kind,
        dict(zip(NAMES, values, strict=True)),
        {name: float(e) * scale for name, e, scale in zip(NAMES, errors, scales, strict=True)},
        float(np.sqrt(np.mean(best.fun**2))),
    )


def objections(frequencies: Array, impedance: ComplexArray, series: Circuit, nested: Circuit) -> list[str]:
    """Say in words why the series formula, or both circuits, should not be used for this spectrum."""
    found = []
    if nested.overlap > SEPARATED:
        found.append(
            f"the series formula does not apply: diffusion begins before the arc is over "
            f"(sigma_W^2 C_dl/R_ct = {nested.overlap:.2g}, should be below {SEPARATED:g}); use the nested circuit"
        )
    elif series.residual > max(VISIBLE, 2 * nested.residual):
        found.append(
            f"the series formula leaves {100 * series.residual:.2g} % of |Z|, the nested circuit "
            f"{100 * nested.residual:.2g} %: use the nested circuit"
        )
    if min(series.residual, nested.residual) > FITTING:
        found.append(
            f"neither applies: the better of the two leaves {100 * min(series.residual, nested.residual):.2g} % of "
            f"|Z|, more than {100 * FITTING:g} %; there is more than one arc, see `chemomech drt`"
        )
    at = int(np.argmin(frequencies))
    bulk, transfer, capacitance, alpha, _ = (nested.values[name] for name in NAMES)
    layer = (2j * np.pi * frequencies[at] * transfer * capacitance) ** alpha / transfer
    tail = 1 / (1 / (impedance[at] - bulk) - layer) - transfer
    phase = -float(np.degrees(np.angle(tail)))
    if phase > STEEPEST and abs(tail) > 0.1 * transfer:
        found.append(
            f"neither applies at the lowest frequencies: the tail stands at {phase:.0f} degrees, diffusion feels the "
            "size of the particle; leave these frequencies out"
        )
    return found
