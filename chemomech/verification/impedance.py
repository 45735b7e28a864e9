"""The linearised model against closed forms, against time, and against itself solved in another way."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import chemomech.runtime  # noqa: F401

import dolfinx.la
import numpy as np
import numpy.typing as npt
import ufl
from dolfinx import fem
from mpi4py import MPI

from chemomech.analysis.amplitudes import Amplitudes
from chemomech.analysis.impedance import Impedance, frequencies
from chemomech.constants import FARADAY, GAS
from chemomech.domain import Domain
from chemomech.fields import (
    CELL_VOLTAGE,
    CHEMICAL_POTENTIAL,
    CONCENTRATION,
    ELECTRONIC_POTENTIAL,
    IONIC_POTENTIAL,
    State,
)
from chemomech.materials.kinetics import Kinetics
from chemomech.physics.balance import Physics
from chemomech.physics.charge_transfer import ChargeTransfer
from chemomech.physics.conduction import Conduction
from chemomech.physics.lithium_transport import Host, LithiumTransport
from chemomech.physics.terminal import Control, CounterElectrode, CurrentCollector, LithiumElectrode
from chemomech.solver.frequency import frequency_solver
from chemomech.solver.linearised import Linearised
from chemomech.solver.newton import BlockProblem
from chemomech.verification import closed_forms, meshes
from chemomech.verification.bench import Bench, fields_of, make_state, number
from chemomech.verification.diffusion import fill_ideal, held, ideal_host

type Array = npt.NDArray[np.float64]

# --- diffusion alone ---

BODIES: Final = ("sphere", "slab_fsw", "slab_flw", "cyl")
REDUCED: Final = (0.01, 0.1, 1.0, 10.0, 100.0)
"""w R^2/D at which the table has values"""


def z_diffusion() -> dict[str, float]:
    """Surface concentration under an oscillating flux, c_s D/(j R), of four bodies."""
    found: dict[str, float] = {}
    for body in BODIES:
        for omega, value in zip(REDUCED, _surface_response(body), strict=True):
            found[f"{body}_re_{omega}"], found[f"{body}_im_{omega}"] = value.real, value.imag
    return found


def _surface_response(body: str) -> list[complex]:
    if body == "sphere":
        domain, entry = meshes.sphere({"particle": meshes.fine_ends(0.0, 1.0, 20, 6.0)}, angles=6), "outer"
    elif body == "cyl":
        domain, entry = meshes.layers("axisymmetric", {"particle": 0.1}, [1], across=40), "outer"
    else:
        domain = meshes.layers("plane strain", {"particle": 1.0}, [40], breadth=0.05, across=1)
        entry = "right"
    transport = LithiumTransport({"particle": ideal_host(domain)}, number(domain, 300.0), "dilute")
    degrees = {CONCENTRATION: 2, CHEMICAL_POTENTIAL: 2}
    state = make_state(domain, {"particle": "active"}, fields_of([transport]), degrees)
    fill_ideal(state, 0.3)
    conditions = [held(state, 0.3, "left")] if body == "slab_flw" else []
    bench = Bench(state, [transport], conditions=conditions)
    load = _load(bench, state, entry)
    solver = frequency_solver(Linearised(bench.problem, state), domain.comm)
    area = domain.boundary_area(entry)
    values = [domain.comm.allreduce(load @ solver.solve(omega, load), op=MPI.SUM) / area for omega in REDUCED]
    solver.destroy()
    bench.destroy()
    return [complex(value) for value in values]


def _load(bench: Bench, state: State, boundary: str) -> Array:
    # A unit flux of lithium into the body, in the order of the unknowns.
    parts = []
    for item, unknown in state.unknowns.items():
        dofmap = unknown.space.dofmap
        own = dofmap.index_map.size_local * dofmap.index_map_bs
        values = np.zeros(own)
        if item == CONCENTRATION:
            one = number(state.domain, 1.0) * ufl.TestFunction(unknown.space)
            vector = fem.assemble_vector(bench.problem.compile(state.domain.on_boundary(one, boundary)))
            vector.scatter_reverse(dolfinx.la.InsertMode.add)
            values = vector.array[:own].copy()
        parts.append(values)
    return np.concatenate(parts)


# --- a sphere in electrolyte: charge transfer, double layer, diffusion ---


@dataclass(frozen=True)
class Sphere:
    """A particle in a shell of electrolyte, lithium around it; internal units."""

    radius: float = 5.0
    outer: float = 7.0
    slope: float = 0.8
    """-dU/dtheta [V]"""
    maximum_concentration: float = 0.05
    diffusivity: float = 4e-3
    exchange_current: float = 1e-3
    double_layer: float = 2e-4
    electronic: float = 10.0
    ionic: float = 20.0
    contact: float = 0.01
    counter: float = 0.05
    """exchange current density of the lithium"""
    temperature: float = 298.15

    def impedance(self, frequency: float) -> complex:
        """Z times the surface of the particle [V um^2/nA]: R_c + (R_ct + Z_D) beside C_dl + shell + lithium."""
        omega = 2 * np.pi * frequency
        thermal = GAS * self.temperature / FARADAY
        reduced = closed_forms.diffusion_impedance("sphere", omega * self.radius**2 / self.diffusivity)
        gradient = self.slope / self.maximum_concentration
        diffusion = gradient * self.radius / (FARADAY * self.diffusivity) * reduced
        interface = 1 / (1 / (thermal / self.exchange_current + diffusion) + 1j * omega * self.double_layer)
        shell = self.radius**2 / self.ionic * (1 / self.radius - 1 / self.outer)
        lithium = thermal / self.counter * (self.radius / self.outer) ** 2
        return complex(self.contact + interface + shell + lithium)

    def concentration(self, frequency: float, place: Array) -> npt.NDArray[np.complex128]:
        """Amplitude per volt of cell voltage at distances from the middle [pmol/(um^3 V)]: A sinh(k r)/r, k^2 = i w/D.

        The faradaic current leaves through the surface: -D dc/dr = i_F/F, i_F (R_ct + Z_D) = Z_interface/Z volt.
        """
        omega = 2 * np.pi * frequency
        thermal = GAS * self.temperature / FARADAY
        k, radius = np.sqrt(1j * omega / self.diffusivity), self.radius
        reduced = closed_forms.diffusion_impedance("sphere", omega * radius**2 / self.diffusivity)
        gradient = self.slope / self.maximum_concentration
        slow = thermal / self.exchange_current + gradient * radius / (FARADAY * self.diffusivity) * reduced
        interface = 1 / (1 / slow + 1j * omega * self.double_layer)
        faradaic = interface / slow / self.impedance(frequency)
        steepness = k * np.cosh(k * radius) / radius - np.sinh(k * radius) / radius**2
        factor = -faradaic / (FARADAY * self.diffusivity) / steepness
        r = np.maximum(place, 1e-6 * radius)
        return np.asarray(factor * np.sinh(k * r) / r)

    def parts(self, domain: Domain) -> "SphereParts":
        """Return the sphere's physics and state on a mesh."""

        def n(value: float) -> fem.Constant:
            return number(domain, value)

        control = Control(n(0.0), n(0.0), n(1.0))
        host = Host(
            n(self.maximum_concentration),
            lambda theta: 4.2 - self.slope * theta,
            lambda theta: n(self.diffusivity),
            None,
        )
        temperature = n(self.temperature)
        area = domain.interface_area(["particle"], ["electrolyte"])
        physics: list[Physics] = [
            LithiumTransport({"particle": host}, temperature),
            Conduction(ELECTRONIC_POTENTIAL, {"particle": n(self.electronic)}),
            Conduction(IONIC_POTENTIAL, {"electrolyte": n(self.ionic)}),
            ChargeTransfer(
                "particle|electrolyte",
                "particle",
                "electrolyte",
                Kinetics(n(self.exchange_current), 0.5, 0.5, temperature),
                n(self.maximum_concentration),
                double_layer=n(self.double_layer),
            ),
            CurrentCollector("particle", None, ("electrolyte",), n(self.contact), control, area),
            CounterElectrode(
                LithiumElectrode(
                    "outer",
                    {IONIC_POTENTIAL: ("electrolyte",)},
                    Kinetics(n(self.counter), 0.5, 0.5, temperature),
                )
            ),
        ]
        fields = fields_of(physics)
        degrees = {item: 2 for item in fields if item != CELL_VOLTAGE}
        state = make_state(domain, {"particle": "active", "electrolyte": "electrolyte"}, fields, degrees)
        state.unknowns[CONCENTRATION].function.x.array[:] = 0.5 * self.maximum_concentration
        for item in (ELECTRONIC_POTENTIAL, CHEMICAL_POTENTIAL, CELL_VOLTAGE):
            state.unknowns[item].function.x.array[:] = 4.2 - 0.5 * self.slope
        bench = Bench(state, physics)
        return SphereParts(domain, state, tuple(physics), control, bench.problem, bench)


@dataclass(frozen=True)
class SphereParts:
    """What is linearised."""

    domain: Domain
    state: State
    physics: Sequence[Physics]
    control: Control
    problem: BlockProblem
    bench: Bench


def sphere() -> dict[str, float]:
    """Median and largest error of 40 frequencies against the closed form, and what the shares come to."""
    case = Sphere()
    shells = {
        "particle": meshes.graded(0.0, case.radius, 30, 1 / 300),
        "electrolyte": meshes.graded(case.radius, case.outer, 6, 4.0),
    }
    parts = case.parts(meshes.sphere(shells, angles=5))
    linear = Impedance(parts)
    spectrum = linear.spectrum(frequencies(1e5, 1e-5, 3.9))
    area = parts.domain.interface_area(["particle"], ["electrolyte"])
    exact = np.array([case.impedance(float(f)) for f in spectrum.frequencies])
    error = np.abs(spectrum.impedance * area / exact - 1)
    total = sum(spectrum.shares.values(), np.zeros(len(error)))
    shell = case.radius**2 / case.ionic * (1 / case.radius - 1 / case.outer)
    ionic = spectrum.shares["ionic conduction in electrolyte"] * area / shell
    linear.destroy()
    parts.bench.destroy()
    return {
        "frequencies": float(len(error)),
        "median_error": float(np.median(error)),
        "largest_error": float(np.max(error)),
        "sum_of_shares_error": float(np.max(np.abs(total / spectrum.impedance - 1))),
        "ohmic_share_error": float(np.max(np.abs(ionic - 1))),
    }


def amplitudes() -> dict[str, float]:
    """Concentration, phase and interface current per volt in the same sphere, against their closed forms."""
    case = Sphere()
    shells = {
        "particle": meshes.graded(0.0, case.radius, 30, 1 / 20),
        "electrolyte": meshes.graded(case.radius, case.outer, 6, 4.0),
    }
    parts = case.parts(meshes.sphere(shells, angles=5))
    linear, local = Impedance(parts), Amplitudes(parts)
    area = parts.domain.interface_area(["particle"], ["electrolyte"])
    place = np.linalg.norm(parts.state.unknowns[CONCENTRATION].space.tabulate_dof_coordinates(), axis=1)
    size, angle, current = [], [], []
    for reduced in (0.1, 3.0, 30.0):
        frequency = reduced * case.diffusivity / case.radius**2 / (2 * np.pi)
        found = local.at(linear, frequency)
        exact = case.concentration(frequency, place)
        ratio = found.values[CONCENTRATION] / exact
        size.append(float(np.max(np.abs(np.abs(ratio) - 1))))
        angle.append(float(np.max(np.abs(np.degrees(np.angle(ratio))))))
        here = found.current[np.isfinite(found.current)]
        current.append(float(np.max(np.abs(here * case.impedance(frequency) - 1))))
        assert abs(found.impedance * area / case.impedance(frequency) - 1) < 1e-3
    last = np.abs(found.values[CONCENTRATION])
    linear.destroy()
    parts.bench.destroy()
    return {
        "magnitude_error": max(size),
        "phase_error_deg": max(angle),
        "interface_current_error": max(current),
        "middle_over_surface": float(last[np.argmin(place)] / last[np.argmax(place)]),
    }
