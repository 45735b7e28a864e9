"""Whole cells run by the project's own simulation: PyBaMM's curve, drops in series, balances, one rank and several."""

import json
import os
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from mpi4py import MPI
from scipy.interpolate import PchipInterpolator

from chemomech.errors import RunError
from chemomech.record import balance_errors
from chemomech.simulate import Simulation
from chemomech.verification.written_case import (
    BALL,
    LAWS,
    LAYERS,
    LITHIUM_LAYER,
    CellCase,
    Trace,
    simulate,
)

type Array = npt.NDArray[np.float64]

# --- against PyBaMM ---


def against_pybamm() -> dict[str, float]:
    """Charge of a sphere at constant current: largest difference from PyBaMM's voltage, and where it ends."""
    current = 1.4 * 4 * np.pi * 5e-6**2
    case = CellCase(
        mesh=BALL,
        ionic="1e4 S/m",
        transfer="",
        collector="particle|electrolyte",
        contact="1e-7 ohm m^2",
        counter="bottom",
        exchange="1e6 A/m^2",
        mechanics="enabled = false",
        pressure="",
        steps=(f"Charge at {current:.12g} A until 4.2 V",),
        numerics='time_tolerance = 1e-4\ninitial_step = "0.01 s"\nmaximum_step = "17 s"',
        laws=LAWS | {"conductivity": "1e4"},
    )
    simulation, trace = simulate(case)
    data = files("chemomech.verification").joinpath("data/pybamm_spm_nmc811.csv").read_text(encoding="utf-8")
    reference = np.loadtxt(data.splitlines()[1:], delimiter=",")
    later = trace.time > 0.0
    voltage = PchipInterpolator(trace.time[later], trace.column("voltage")[later])
    common = reference[(reference[:, 0] > 0.0) & (reference[:, 0] < trace.time[-1])]
    region = simulation.model.active[0]
    content = float(trace.column("lithium")[-1])
    return {
        "end_time_s": float(trace.time[-1]),
        "end_mean_stoichiometry": content / (region.volume * region.maximum_concentration),
        "voltage_error_mV": 1e3 * float(np.max(np.abs(voltage(common[:, 0]) - common[:, 1]))),
    }


# --- the drops of a cell in series ---


def voltage() -> dict[str, float]:
    """Voltage right after a current of 1 mA/cm2 is switched on, in either direction, films on both electrodes."""
    found: dict[str, float] = {}
    for word in ("Charge", "Discharge"):
        case = CellCase(
            transfer=', film_resistance = "2e-3 ohm m^2"',
            film=', film_resistance = "1e-3 ohm m^2"',
            mechanics="enabled = false",
            pressure="",
            steps=(f"{word} at 1 mA/cm2 for 1 s",),
        )
        _, trace = simulate(case)
        found[f"voltage_V_{word.lower()}"] = float(trace.column("voltage")[1])
    return found


# --- conservation ---

CYCLE: Final = (
    "Charge at 1C until 4.15 V",
    "Hold at 4.15 V until C/10",
    "Rest for 10 minutes",
    "Discharge at 1C until 3.65 V",
)


def balance() -> dict[str, float]:
    """Largest relative error of the balances of lithium and of charge over a cycle, double layer on."""
    simulation, trace = simulate(CellCase(steps=CYCLE))
    return {**_lost(simulation, trace), "lithium_moved": _moved(trace, "lithium in particle")}


def balance_with_interphases() -> dict[str, float]:
    """The same with interphases that grow on both electrodes, and what of the lithium they took."""
    simulation, trace = simulate(CellCase(steps=CYCLE, layers=LAYERS, film=LITHIUM_LAYER))
    return {
        **_lost(simulation, trace),
        "share_given_up_at_cathode": _moved(trace, "lithium in interphase particle|electrolyte"),
        "share_taken_at_lithium": _moved(trace, "lithium in interphase left"),
    }


def _moved(trace: Trace, name: str) -> float:
    # relative to the lithium that the active region holds at the start
    amounts = [moment.reading.scalars[name] for moment in trace.moments]
    return float(np.ptp(amounts)) / trace.moments[0].reading.scalars["lithium in particle"]


def _lost(simulation: Simulation, trace: Trace) -> dict[str, float]:
    start = simulation.start
    if start is None:
        raise RunError("the simulation did not start")
    errors = [
        balance_errors(start, moment.reading, moment.metal_charge, simulation.current_scale)
        for moment in trace.moments
    ]
    lithium, charge = np.max(np.array(errors), axis=0)
    return {"lithium_balance_error": float(lithium), "charge_balance_error": float(charge)}


# --- one rank and several ---

PATIENCE: Final = 900
"""how long two processes may take [s]"""


def ranks() -> dict[str, float]:
    """Largest relative difference of a short run between one process and several."""
    world = MPI.COMM_WORLD
    if world.size == 1:
        return _ranks_apart()
    alone = _digits(MPI.COMM_SELF) if world.rank == 0 else None
    together = _digits(world)
    difference = np.inf
    if alone is not None and alone.shape == together.shape:
        scale = np.max(np.abs(alone), axis=0)
        difference = float(np.max(np.abs(together - alone) / np.where(scale > 0, scale, 1.0)))
    return {"relative_difference": float(world.bcast(difference, root=0))}


def _digits(comm: MPI.Intracomm) -> Array:
    case = CellCase(
        steps=("Charge at 1C for 2 minutes",),
        numerics='maximum_step = "30 s"',
        layers=LAYERS,
        film=LITHIUM_LAYER,
    )
    _, trace = simulate(case, comm)
    names = ("voltage", "current", "counter_current", "pressure", "lithium", "layer_charge")
    grown = [
        [moment.reading.scalars[f"lithium in interphase {place}"] for moment in trace.moments]
        for place in ("particle|electrolyte", "left")
    ]
    return np.column_stack([trace.time, *(trace.column(name) for name in names), *map(np.array, grown)])


def _ranks_apart() -> dict[str, float]:
    # This process is alone: two others compare themselves with one.
    launcher = Path(sys.executable).parent / "mpiexec"
    program = str(launcher) if launcher.is_file() else shutil.which("mpiexec")
    if program is None:
        raise RunError("there is no mpiexec here to start two processes with")
    command = [program, "-n", "2", sys.executable, "-m", "chemomech", "verify", "--only", "ranks", "--json"]
    try:
        done = subprocess.run(
            command, env=_environment(), capture_output=True, text=True, check=False, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired:
        raise RunError(f"two processes took longer than {PATIENCE} s") from None
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        raise RunError(f"two processes came to nothing: {done.stderr.strip()[-400:]}")
    return {line["figure"]: float(line["got"]) for line in map(json.loads, lines)}


def _environment() -> dict[str, str]:
    launchers = ("PMI", "MPI", "HYDRA", "OMPI", "PRTE")
    return {key: value for key, value in os.environ.items() if not key.startswith(launchers)}
