"""Make pybamm_spm_nmc811.csv and .json with PyBaMM's own single-particle model (SPM, half-cell).

Run it in an environment of its own that has PyBaMM (not a dependency of this project):

    python chemomech/verification/data/make_pybamm_spm.py

The half-cell is lithium | separator | one positive electrode. The SPM has no ohmic drop in the electrolyte
or the electrode; the lithium's overpotential and resistance are removed by an exchange current and a
conductivity of 1e12. The electrode's interface per unit cell area is a L = 3 eps/R L = 3 x 0.5/(5 um) x 10 um
= 3, so with a cell area of 1 m2 an interfacial current density i (positive: lithium leaves the particle) is a
cell current of -3 i A in PyBaMM's sign (positive: discharge).
"""

import json
import platform
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

CURRENT_DENSITY = 1.4  # A/m2 of particle surface; full lithiation to none in 2.01 h (about C/2)
INITIAL_STOICHIOMETRY = 0.9
RADIUS = 5e-6  # m
DIFFUSIVITY = 4e-15  # m2/s
MAXIMUM_CONCENTRATION = 63104.0  # mol/m3
EXCHANGE_CURRENT = 1.0  # A/m2
TEMPERATURE = 298.15  # K
UPPER_VOLTAGE = 4.2
ACTIVE_FRACTION = 0.5
THICKNESS = 10e-6  # m
POINTS = 200
MESHES = (100, 200, 400, 800)  # radial cells; the last one is stored
REFINEMENT_TOLERANCE = 0.05e-3  # V, between the last two meshes
SOLVER_TOLERANCE = 1e-10
NAMES = ("Time [s]", "Voltage [V]", "Surface stoichiometry [-]", "Mean stoichiometry [-]")


def parameters(pybamm: Any) -> Any:
    """Return the half-cell set of Xu2019 with everything that the SPM's voltage depends on replaced."""
    chen = pybamm.ParameterValues("Chen2020")
    values = pybamm.ParameterValues("Xu2019")
    interface_per_area = 3.0 * ACTIVE_FRACTION / RADIUS * THICKNESS
    values.update(
        {
            "Positive electrode OCP [V]": chen["Positive electrode OCP [V]"],
            "Positive electrode OCP entropic change [V.K-1]": 0.0,
            "Positive particle radius [m]": RADIUS,
            "Positive particle diffusivity [m2.s-1]": DIFFUSIVITY,
            "Maximum concentration in positive electrode [mol.m-3]": MAXIMUM_CONCENTRATION,
            "Initial concentration in positive electrode [mol.m-3]": INITIAL_STOICHIOMETRY
            * MAXIMUM_CONCENTRATION,
            "Positive electrode exchange-current density [A.m-2]": EXCHANGE_CURRENT,
            "Positive electrode charge transfer coefficient": 0.5,
            "Positive electrode active material volume fraction": ACTIVE_FRACTION,
            "Positive electrode porosity": 1.0 - ACTIVE_FRACTION,
            "Positive electrode thickness [m]": THICKNESS,
            "Positive electrode conductivity [S.m-1]": 1e12,
            "Negative electrode conductivity [S.m-1]": 1e12,
            "Exchange-current density for lithium metal electrode [A.m-2]": 1e12,
            "Contact resistance [Ohm]": 0.0,
            "Electrode height [m]": 1.0,
            "Electrode width [m]": 1.0,
            "Number of electrodes connected in parallel to make a cell": 1.0,
            "Ambient temperature [K]": TEMPERATURE,
            "Initial temperature [K]": TEMPERATURE,
            "Reference temperature [K]": TEMPERATURE,
            "Lower voltage cut-off [V]": 2.0,
            "Upper voltage cut-off [V]": UPPER_VOLTAGE,
            "Current function [A]": -CURRENT_DENSITY * interface_per_area,
        }
    )
    return values


def solve(pybamm: Any, cells: int, times: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """Return the columns NAMES at the given times [s] and the end, shape (n, 4); without times the end."""
    model = pybamm.lithium_ion.SPM({"working electrode": "positive"})
    points = dict(model.default_var_pts)
    points["r_p"] = cells
    solver = pybamm.IDAKLUSolver(rtol=SOLVER_TOLERANCE, atol=SOLVER_TOLERANCE)
    simulation = pybamm.Simulation(model, parameter_values=parameters(pybamm), var_pts=points, solver=solver)
    long_enough = 3.0 * 3600.0
    solution = simulation.solve([0.0, long_enough], t_interp=times)
    if solution.termination != "event: Maximum voltage [V]":
        raise RuntimeError(f"the charge ended with {solution.termination!r}, not at the upper voltage")
    end = float(solution.t[-1])
    at = np.array([end]) if times is None else np.append(times[times < end - 1e-6], end)
    names = (
        "Voltage [V]",
        "X-averaged positive particle surface stoichiometry",
        "Average positive particle stoichiometry",
    )
    columns = [np.asarray(solution[name](at), dtype=np.float64) for name in names]
    return np.column_stack([at, *columns])


def main() -> None:
    """Solve on each mesh, demand convergence, and write both files beside this script."""
    pybamm = import_module("pybamm")
    end = float(solve(pybamm, MESHES[-1], None)[-1, 0])
    times = np.linspace(0.0, end, POINTS)
    runs = [solve(pybamm, cells, times[:-1]) for cells in MESHES]
    count = POINTS - 1  # every row but the last, whose time is the event's own
    changes = [
        float(np.max(np.abs(fine[:count, 1] - coarse[:count, 1])))
        for coarse, fine in zip(runs, runs[1:], strict=False)
    ]
    print("largest change of the voltage from mesh to mesh [V]:", changes)
    if changes[-1] > REFINEMENT_TOLERANCE:
        raise RuntimeError("the radial mesh is too coarse")
    final = runs[-1]
    here = Path(__file__).resolve().parent
    np.savetxt(
        here / "pybamm_spm_nmc811.csv", final, fmt="%.10g", delimiter=",", header=",".join(NAMES), comments=""
    )
    record = {
        "title": "Galvanostatic charge of one NMC811 sphere against lithium, PyBaMM single-particle model",
        "model": "pybamm.lithium_ion.SPM({'working electrode': 'positive'})",
        "versions": {"pybamm": pybamm.__version__, "python": platform.python_version()},
        "radial_cells": list(MESHES),
        "largest_voltage_change_between_meshes_V": changes,
        "solver": {"name": "IDAKLUSolver", "rtol": SOLVER_TOLERANCE, "atol": SOLVER_TOLERANCE},
        "parameters": {
            "radius_m": RADIUS,
            "diffusivity_m2_s": DIFFUSIVITY,
            "maximum_concentration_mol_m3": MAXIMUM_CONCENTRATION,
            "initial_stoichiometry": INITIAL_STOICHIOMETRY,
            "interfacial_current_density_A_m2": CURRENT_DENSITY,
            "exchange_current_A_m2": EXCHANGE_CURRENT,
            "anodic_coefficient": 0.5,
            "cathodic_coefficient": 0.5,
            "temperature_K": TEMPERATURE,
            "upper_voltage_V": UPPER_VOLTAGE,
            "open_circuit_potential_V": "-0.8090*x + 4.4875 - 0.0428*tanh(18.5138*(x - 0.5542))"
            " - 17.7326*tanh(15.7890*(x - 0.3117)) + 17.5842*tanh(15.9308*(x - 0.3120))",
            "open_circuit_potential_source": "Chen et al., J. Electrochem. Soc. 167, 080534 (2020)",
        },
        "pybamm_cell": {
            "parameter_set": "Xu2019 (half-cell) with the values given here and the potential of Chen2020",
            "active_material_volume_fraction": ACTIVE_FRACTION,
            "electrode_thickness_m": THICKNESS,
            "cell_area_m2": 1.0,
            "interface_per_cell_area": 3.0 * ACTIVE_FRACTION / RADIUS * THICKNESS,
            "cell_current_A": -CURRENT_DENSITY * 3.0 * ACTIVE_FRACTION / RADIUS * THICKNESS,
            "lithium_exchange_current_A_m2": 1e12,
            "electrode_conductivities_S_m": 1e12,
            "derivation": "i = -I/(a L A), a = 3 eps/R; i > 0: lithium leaves the particle; I < 0: charge",
        },
        "voltage": "V = U(surface stoichiometry) + (2RT/F) asinh(i/(2 i0))",
        "columns": list(NAMES),
        "end_time_s": float(final[-1, 0]),
    }
    (here / "pybamm_spm_nmc811.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
