"""Cyclic voltammetry of reversible, semi-infinite diffusion: a thick film whose lithium obeys a lattice gas."""

from typing import Final

import numpy as np

from chemomech.constants import FARADAY, GAS
from chemomech.results import format as names
from chemomech.results.voltammetry import sweeps_of
from chemomech.verification.written_case import LAWS, CellCase, layers_mesh, simulate

THERMAL: Final = GAS * 298.15 / FARADAY
HALF: Final = 3.8
"""potential at which half of the sites are taken [V]"""
REACH: Final = 0.3
"""from the start of the sweep to there [V]"""
MAXIMUM: Final = 63104.0
"""sites of the verification's oxide [mol/m3]"""
THICK: Final = layers_mesh(
    'name = "electrolyte"\nthickness = "1 um"\ncells = 2\n',
    'name = "particle"\nthickness = "60 um"\ncells = 70\nfiner = "start"\ngrowth = 1.06\n',
)


def randles_sevcik() -> dict[str, float]:
    """Peak of a sweep at 0.1 mV/s, D = 1e-14 m2/s: dimensionless current, and its distance from the half-wave."""
    edge = 1 / (1 + np.exp(-REACH / THERMAL))
    case = CellCase(
        mesh=THICK,
        start=float(edge),
        ionic="1e4 S/m",
        reaction="1e6 A/m^2",
        transfer="",
        contact="1e-7 ohm m^2",
        exchange="1e6 A/m^2",
        mechanics="enabled = false",
        pressure="",
        steps=(f"Sweep from {HALF - REACH} V to {HALF + REACH / 3} V at 0.1 mV/s",),
        numerics='time_tolerance = 3e-4\ninitial_step = "0.1 s"\nmaximum_step = "10 s"',
        laws=LAWS
        | {
            "potential": f"{HALF} - {THERMAL!r}*ln(theta/(1 - theta))",
            "diffusivity": "1e-14",
            "conductivity": "1e4",
            "range": "[1e-6, 0.999999]",
        },
    )
    _, trace = simulate(case)
    rows = [m for m in trace.moments if m.scheduled is not None]
    density = np.array([m.reading.current for m in rows]) * 1e2  # per um of width and depth, in mA/cm2
    history = {
        names.CYCLE: np.ones(len(rows)),
        names.STEP: np.ones(len(rows)),
        names.VOLTAGE: np.array([m.reading.voltage for m in rows]),
        names.CURRENT_DENSITY: density,
    }
    (sweep,) = sweeps_of(history, (1,))
    (peak,) = sweep.peaks
    unit = FARADAY * MAXIMUM * np.sqrt(1e-14 * 1e-4 / THERMAL) * 1e3  # A/m2: F in C/mmol
    return {
        "sqrtpi_chi": peak.density * 10.0 / unit,
        "Ep_minus_Ehalf_mV": 1e3 * (peak.voltage - HALF),
        "peaks": float(len(sweep.peaks)),
    }
