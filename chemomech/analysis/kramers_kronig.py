"""Whether a simulated spectrum is that of a linear, causal, stable system at rest: the linear Kramers-Kronig test.

    Z(w) = R + i w L + 1/(i w C) + sum of R_k/(1 + i w tau_k),

each term of which obeys the Kramers-Kronig relations, is fitted to Z/|Z| by linear least squares with time constants
that are given (Boukamp, J. Electrochem. Soc. 142, 1885, 1995), here as many as there are frequencies and of either
sign: half as many unknowns as numbers.  What the fit leaves cannot be such a system's.  Meant for spectra without
noise, in every summary, so it needs no library; for measured ones the number of elements must be found
(`measured.kramers_kronig`).
"""

from typing import Final

import numpy as np
import numpy.typing as npt

type Array = npt.NDArray[np.float64]
type ComplexArray = npt.NDArray[np.complex128]

BEYOND: Final = 0.5
"""decades by which the time constants go beyond the frequencies"""
FEWEST: Final = 4.0
LEAST_COUNT: Final = 8
"""frequencies below which any spectrum can be fitted"""
LEAST: Final = 1e-12
"""singular values below this part of the largest say nothing"""


def kramers_kronig_residual(frequencies: Array, impedance: ComplexArray) -> float:
    """Return the largest |Z - fit|/|Z| [-]; frequencies [Hz] in any order, Z in any unit.

    nan where there are fewer than `FEWEST` frequencies per decade: arcs between the time constants are then missed.
    """
    decades = float(np.log10(frequencies.max() / frequencies.min()))
    if len(frequencies) < max(LEAST_COUNT, FEWEST * decades):
        return float("nan")
    omega, weight = 2 * np.pi * frequencies, 1 / np.abs(impedance)
    ends = np.log10(1 / omega.max()) - BEYOND, np.log10(1 / omega.min()) + BEYOND
    times = np.logspace(*ends, len(omega))
    beside = [np.ones(len(omega)), 1j * omega / omega.max(), omega.min() / (1j * omega)]
    columns = np.column_stack([*beside, 1 / (1 + 1j * omega[:, None] * times)])
    rows = np.vstack([columns.real * weight[:, None], columns.imag * weight[:, None]])
    right = np.concatenate([impedance.real * weight, impedance.imag * weight])
    size = np.linalg.norm(rows, axis=0)
    found = np.linalg.lstsq(rows / size, right, rcond=LEAST)[0] / size
    return float(np.max(np.abs(columns @ found - impedance) * weight))
