"""Relaxation times of ZARCs: the distribution, its area and peaks, with and without noise."""

from typing import Final

import numpy as np
import numpy.typing as npt

from chemomech.analysis.circuits import fit, nested_formula, series_formula
from chemomech.analysis.relaxation import Arc, Arcs, arcs, relaxation

type Array = npt.NDArray[np.float64]

SWEPT: Final = np.logspace(6.0, -2.0, 81)
"""[Hz]"""


def zarc() -> dict[str, float]:
    """Distribution of one ZARC of 1 ohm and exponent 0.85, in closed form and found from its impedance."""
    times = np.exp(np.linspace(-60.0, 60.0, 60001))
    logs = np.log(times)
    one = Arcs((Arc(1.0, 1.0, 0.85, 0.0, 0.0, 0.0),), 0.0, 0.0, 0.0, 0.0)
    density = one.density(times)
    reached = logs[density >= 0.5 * float(density.max())]
    direct = complex(one.impedance(np.array([1 / (2 * np.pi)]))[0])
    summed = complex(np.trapezoid(density / (1 + 1j * times), logs))
    frequencies = np.logspace(5.0, -5.0, 101)
    found = relaxation(frequencies, 1.0 + one.impedance(frequencies))
    return {
        "area": float(np.trapezoid(density, logs)),
        "peak_al0p85": float(density.max()),
        "peak_al0p8": Arc(1.0, 1.0, 0.8, 0.0, 0.0, 0.0).height,
        "z_re_num": summed.real,
        "z_im_num": summed.imag,
        "z_re": direct.real,
        "z_im": direct.imag,
        "fwhm_lntau_0p85": float(reached[-1] - reached[0]),
        "found_peak": max(peak.height for peak in found.peaks),
        "found_area": sum(peak.resistance for peak in found.peaks),
        "found_resistance": found.resistance,
    }


def two_zarcs() -> dict[str, float]:
    """Two ZARCs of 50 ohm and exponent 0.8 behind 10 ohm, without noise and with 0.5 % of |Z|."""
    exact = Arcs(
        (Arc(1e-4, 50.0, 0.8, 0.0, 0.0, 0.0), Arc(0.1, 50.0, 0.8, 0.0, 0.0, 0.0)), 10.0, 0.0, 0.0, 0.0
    ).impedance(SWEPT)
    found: dict[str, float] = {}
    smooth = relaxation(SWEPT, exact)
    for name, peak in zip(("fast", "slow"), smooth.peaks, strict=False):
        found[f"{name}_height_without_noise"] = peak.height
        found[f"{name}_time_without_noise"] = peak.time
    noise = np.random.default_rng(0).standard_normal((2, len(SWEPT)))
    measured = exact + 0.005 * np.abs(exact) * (noise[0] + 1j * noise[1])
    blurred = relaxation(SWEPT, measured)
    fitted = arcs(SWEPT, measured, blurred)
    found["arcs_in_noise"] = float(len(fitted.arcs))
    found["noise_found"] = blurred.noise
    for name, arc in zip(("fast", "slow"), fitted.arcs, strict=False):
        found[f"{name}_height_in_noise"] = arc.height
        found[f"{name}_time_in_noise"] = arc.time
    return found


FORMULA: Final = (10.0, 50.0, 1e-5, 0.85, 5.0)
"""R_bulk, R_ct, C_dl, alpha, sigma_W in ohm and s"""


def seed_formula() -> dict[str, float]:
    """The series formula evaluated, and both circuits found again from their own spectra."""
    found: dict[str, float] = {}
    swept = {"0.1": 0.1, "1": 1.0, "100": 100.0, "318.3": 318.3, "10000": 1e4, "1e+06": 1e6}
    for name, frequency in swept.items():
        value = complex(series_formula(np.array([frequency]), *FORMULA)[0])
        found[f"re_{name}"], found[f"im_{name}"] = value.real, value.imag
    for kind, formula in (("series", series_formula), ("nested", nested_formula)):
        fitted = fit(SWEPT, formula(SWEPT, *FORMULA), kind)  # type: ignore[arg-type]
        found |= {f"{kind}_{name}": value for name, value in fitted.values.items()}
    return found
