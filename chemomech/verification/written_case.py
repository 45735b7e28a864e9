"""Whole cells for verification: a case written as a user would, read, meshed, modelled and simulated."""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt
from mpi4py import MPI

from chemomech.case.read import read_case
from chemomech.domain import Coordinates, read_domain
from chemomech.errors import RunError
from chemomech.geometry.build import MeshRecord, open_mesh
from chemomech.model import Model, build_model
from chemomech.protocol import parse_pressure, parse_protocol
from chemomech.record import Meter
from chemomech.simulate import Moment, Simulation

type Array = npt.NDArray[np.float64]

OXIDE: Final = """
name = "oxide"
formula = "LiMO2"
maximum_concentration = {{ value = 63104, unit = "mol/m^3", source = "verification", confirmed = true }}
stoichiometry_range = {{ value = {range}, unit = "1", source = "verification", confirmed = true }}
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
    "range": "[0.25, 0.95]",
}

BALL: Final = """
title = "A sphere in electrolyte"
kind = "particle"
coordinates = "axisymmetric"
radius = "5 um"
box = ["7 um", "14 um"]
mesh_size = { interface = "0.12 um", bulk = "0.6 um", transition = "4 um" }
"""

FLAT: Final = """
title = "Flat layers"
kind = "layered"
coordinates = "plane strain"
width = "1 um"
structured = true
cells_across = {cells_across}
"""


def layers_mesh(*layers: str, cells_across: int = 1) -> str:
    """Return the recipe of flat layers, each written as its keys, one after the other from left to right."""
    return "\n[[layers]]\n".join([FLAT.format(cells_across=cells_across), *layers])


FILM: Final = layers_mesh(
    'name = "electrolyte"\nthickness = "4 um"\ncells = 6\n',
    'name = "particle"\nthickness = "2 um"\ncells = 12\nfiner = "start"\ngrowth = 1.15\n',
    cells_across=2,
)
CELL: Final = """
title = "Verification"
mesh = "mesh.toml"

[regions]
particle = {{ material = "oxide", role = "active", initial = {{ stoichiometry = {start} }} }}
electrolyte = {{ material = "Li6PS5Cl", role = "electrolyte", properties = {{ ionic_conductivity = "{ionic}" }} }}

[interfaces."particle|electrolyte"]
charge_transfer = {{ exchange_current = "{reaction}"{transfer} }}
{layers}

[cell]
temperature = "298.15 K"
current_collector = "{collector}"
contact_resistance = "{contact}"
counter_electrode = {{ at = "{counter}", kind = "lithium", exchange_current = "{exchange}"{film} }}
{cell}

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


LAYERS: Final = """\
coating = { material = "LiNbO3", thickness = "5 nm", growth = 0.5 }
interdiffusion = { material = "NMC811-Li6PS5Cl-interdiffused", initial_thickness = "1 nm" }
interphase = { material = "NMC811-Li6PS5Cl", law = "mixed", initial_thickness = "2 nm", additive = { growth = 0.8 }, \
properties = { growth_constant = "1e-19 m^2/s", reaction_rate = "1e-18 m/s" } }
"""
LITHIUM_LAYER: Final = (
    ', interphase = { material = "Li-Li6PS5Cl", law = "mixed", initial_thickness = "3 nm",'
    ' properties = { growth_constant = "1e-19 m^2/s" } }'
)
"""layers that grow quickly, on both electrodes"""


class Written(Protocol):
    """A case that can be put into a folder."""

    def write(self, folder: Path) -> None:
        """Write case.toml, mesh.toml and materials."""


@dataclass(frozen=True)
class CellCase:
    """A case to be written: what differs from one verification to the other."""

    mesh: str = FILM
    start: float = 0.9
    ionic: str = "0.2 S/m"
    reaction: str = "1 A/m^2"
    """exchange current density of the interface"""
    transfer: str = ', double_layer = "0.2 F/m^2"'
    layers: str = ""
    """what lies at the interface besides: coating, interphase, interdiffusion"""
    collector: str = "particle@right"
    contact: str = "1e-5 ohm m^2"
    counter: str = "left"
    exchange: str = "10 A/m^2"
    film: str = ""
    """what else the counter electrode has"""
    cell: str = ""
    """further keys of [cell]"""
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
    watched: list[float] = field(default_factory=list)
    """what else was asked for at each of them"""

    def column(self, name: str) -> Array:
        """Return a reading's number over the steps."""
        return np.array([getattr(moment.reading, name) for moment in self.moments])

    @property
    def time(self) -> Array:
        """Return the times of the steps [s]."""
        return np.array([moment.time for moment in self.moments])


@contextmanager
def written(case: Written, comm: MPI.Intracomm) -> Iterator[tuple[Path, MeshRecord]]:
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


def simulate(
    case: Written, comm: MPI.Intracomm = MPI.COMM_WORLD, watch: Callable[[Meter], float] | None = None
) -> tuple[Simulation, Trace]:
    """Run a case's whole protocol; `watch` is read at every accepted step."""
    with written(case, comm) as (folder, record):
        model = model_of(folder, record, comm)
    protocol, trace = model.case.protocol, Trace()
    pressure = model.case.pressure
    program = (
        parse_pressure(pressure.program) if pressure is not None and pressure.program is not None else None
    )
    schedule = parse_protocol(protocol.steps, protocol.cycles)

    def observe(moment: Moment) -> None:
        trace.moments.append(moment)
        if watch is not None:
            trace.watched.append(watch(simulation.meter))

    simulation = Simulation(model, schedule, program, observe)
    simulation.equilibrate()
    simulation.run()
    simulation.solver.destroy()
    return simulation, trace
