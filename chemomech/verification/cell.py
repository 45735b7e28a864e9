"""Whole cells, built from case files and run by the project's own simulation: PyBaMM, balances, Jacobian, ranks."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from mpi4py import MPI
from scipy.interpolate import PchipInterpolator

from chemomech.case.read import read_case
from chemomech.domain import Coordinates, read_domain
from chemomech.errors import RunError
from chemomech.geometry.build import MeshRecord, open_mesh
from chemomech.model import Model, build_model
from chemomech.protocol import parse_pressure, parse_protocol
from chemomech.record import balance_errors
from chemomech.simulate import Moment, Simulation

type Array = npt.NDArray[np.float64]

OXIDE: Final = """
name = "oxide"
formula = "LiMO2"
maximum_concentration = {{ value = 63104, unit = "mol/m^3", source = "verification", confirmed = true }}
stoichiometry_range = {{ value = [0.25, 0.95], unit = "1", source = "verification", confirmed = true }}
diffusivity = {{ expression = "{diffusivity}", unit = "m^2/s", source = "verification", confirmed = true }}
electronic_conductivity = {{ value = {conductivity}, unit = "S/m", source = "verification", confirmed = true }}
youngs_modulus = {{ value = 140, unit = "GPa", source = "verification", confirmed = true }}
poissons_ratio = {{ value = 0.3, unit = "1", source = "verification", confirmed = true }}
swelling = {{ expression = "{swelling}", unit = "1", source = "verification", confirmed = true }}

[open_circuit_potential]
expression = "{potential}"
unit = "V"
source = "Chen et al., J. Electrochem. Soc. 167, 080534 (2020)"
confirmed = true
"""
CHEN: Final = (
    "4.4875 - 0.8090*theta - 0.0428*tanh(18.5138*(theta - 0.5542)) - 17.7326*tanh(15.7890*(theta - 0.3117))"
    " + 17.5842*tanh(15.9308*(theta - 0.3120))"
)
LAWS: Final = {
    "potential": CHEN,
    "diffusivity": "4e-15",
    "swelling": "0.03*theta + 0.02*theta**2",
    "conductivity": "0.18",
}

BALL: Final = """
title = "A sphere in electrolyte"
kind = "particle"
coordinates = "axisymmetric"
radius = "5 um"
box = ["7 um", "14 um"]
mesh_size = { interface = "0.12 um", bulk = "0.6 um", transition = "4 um" }
"""
FILM: Final = """
title = "A film on electrolyte"
kind = "layered"
coordinates = "plane strain"
width = "1 um"
structured = true
cells_across = 2

[[layers]]
name = "electrolyte"
thickness = "4 um"
cells = 6

[[layers]]
name = "particle"
thickness = "2 um"
cells = 12
finer = "start"
growth = 1.15
"""
CELL: Final = """
title = "Verification"
mesh = "mesh.toml"

[regions]
particle = {{ material = "oxide", role = "active", initial = {{ stoichiometry = {start} }} }}
electrolyte = {{ material = "Li6PS5Cl", role = "electrolyte", properties = {{ ionic_conductivity = "{ionic}" }} }}

[interfaces."particle|electrolyte"]
charge_transfer = {{ exchange_current = "1 A/m^2"{transfer} }}

[cell]
temperature = "298.15 K"
current_collector = "{collector}"
contact_resistance = "{contact}"
counter_electrode = {{ at = "{counter}", kind = "lithium", exchange_current = "{exchange}"{film} }}

[mechanics]
{mechanics}

{pressure}

[protocol]
steps = {steps}

[numerics]
{numerics}
"""
EVERYTHING: Final = (
    ', dependence = "stoichiometry", film_resistance = "2e-3 ohm m^2", double_layer = "0.2 F/m^2"'
    ', strain_coefficient = "0.2 V", anodic_coefficient = 0.4, cathodic_coefficient = 0.6'
)


@dataclass(frozen=True)
class CellCase:
    """A case to be written: what differs from one verification to the other."""

    mesh: str = FILM
    start: float = 0.9
    ionic: str = "0.2 S/m"
    transfer: str = ', double_layer = "0.2 F/m^2"'
    collector: str = "particle@right"
    contact: str = "1e-5 ohm m^2"
    counter: str = "left"
    exchange: str = "10 A/m^2"
    film: str = ""
    mechanics: str = "enabled = true"
    pressure: str = '[pressure]\nat = "right"\nprogram = ["10 MPa"]'
    steps: Sequence[str] = ("Rest for 1 s",)
    numerics: str = "time_tolerance = 1e-3"
    laws: dict[str, str] = field(default_factory=lambda: dict(LAWS))

    def write(self, folder: Path) -> None:
        """Write case.toml, mesh.toml and the material."""
        words = {name: value for name, value in vars(self).items() if name not in ("mesh", "laws", "steps")}
        text = CELL.format(**words, steps=json.dumps(list(self.steps)))
        (folder / "case.toml").write_text(text, encoding="utf-8")
        (folder / "mesh.toml").write_text(self.mesh, encoding="utf-8")
        (folder / "materials").mkdir(exist_ok=True)
        (folder / "materials" / "oxide.toml").write_text(OXIDE.format(**self.laws), encoding="utf-8")


@dataclass
class Trace:
    """What the observer of a simulation kept: one row per accepted step."""

    moments: list[Moment] = field(default_factory=list)

    def column(self, name: str) -> Array:
        """Return a reading's number over the steps."""
        return np.array([getattr(moment.reading, name) for moment in self.moments])

    @property
    def time(self) -> Array:
        """Return the times of the steps [s]."""
        return np.array([moment.time for moment in self.moments])


@contextmanager
def written(case: CellCase, comm: MPI.Intracomm) -> Iterator[tuple[Path, MeshRecord]]:
    """Write a case and make its mesh on the first rank, in a folder that lives as long as the context."""
    folder, record, problem = None, None, ""
    if comm.rank == 0:
        folder = Path(tempfile.mkdtemp(prefix="chemomech-verify-"))
        try:
            case.write(folder)
            record = open_mesh(folder / "mesh.toml", folder)
        except Exception as error:  # told to all ranks, so that none waits
            problem = f"{type(error).__name__}: {error}"
    folder, record, problem = comm.bcast((folder, record, problem), root=0)
    try:
        if problem or folder is None or record is None:
            raise RunError(f"a verification case could not be made: {problem}")
        yield folder, record
    finally:
        comm.barrier()
        if comm.rank == 0 and folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def model_of(folder: Path, record: MeshRecord, comm: MPI.Intracomm) -> Model:
    """Return the model of a written case."""
    case = read_case(folder)
    coordinates: Coordinates = record.coordinates  # type: ignore[assignment]
    domain = read_domain(record.msh, coordinates, comm, case.numerics.quadrature_degree)
    return build_model(case, domain)


def simulate(case: CellCase, comm: MPI.Intracomm = MPI.COMM_WORLD) -> tuple[Simulation, Trace]:
    """Run a case's whole protocol."""
    with written(case, comm) as (folder, record):
        model = model_of(folder, record, comm)
    protocol, trace = model.case.protocol, Trace()
    pressure = model.case.pressure
    program = parse_pressure(pressure.program) if pressure is not None and pressure.program is not None else None
    schedule = parse_protocol(protocol.steps, protocol.cycles)
    simulation = Simulation(model, schedule, program, trace.moments.append)
    simulation.equilibrate()
    simulation.run()
    simulation.solver.destroy()
    return simulation, trace


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
    start = simulation.start
    if start is None:
        raise RunError("the simulation did not start")
    errors = [
        balance_errors(start, moment.reading, moment.charge, simulation.current_scale) for moment in trace.moments
    ]
    lithium, charge = np.max(np.array(errors), axis=0)
    span = float(np.ptp(trace.column("lithium"))) / start.lithium
    return {
        "lithium_balance_error": float(lithium),
        "charge_balance_error": float(charge),
        "lithium_moved": span,
    }


# --- one rank and several ---


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
        steps=("Charge at 1C for 5 minutes", "Rest for 1 minute"), numerics='maximum_step = "30 s"'
    )
    _, trace = simulate(case, comm)
    names = ("voltage", "current", "counter_current", "pressure", "lithium", "layer_charge")
    return np.column_stack([trace.time, *(trace.column(name) for name in names)])


def _ranks_apart() -> dict[str, float]:
    # This process is alone: two others compare themselves with one.
    launcher = Path(sys.executable).parent / "mpiexec"
    program = str(launcher) if launcher.is_file() else shutil.which("mpiexec")
    if program is None:
        raise RunError("there is no mpiexec here to start two processes with")
    command = [program, "-n", "2", sys.executable, "-m", "chemomech", "verify", "--only", "ranks", "--json"]
    done = subprocess.run(
        command, env=_environment(), capture_output=True, text=True, check=False, timeout=600
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        raise RunError(f"two processes came to nothing: {done.stderr.strip()[-400:]}")
    return {line["figure"]: float(line["got"]) for line in map(json.loads, lines)}


def _environment() -> dict[str, Any]:
    launchers = ("PMI", "MPI", "HYDRA", "OMPI", "PRTE")
    return {key: value for key, value in os.environ.items() if not key.startswith(launchers)}
