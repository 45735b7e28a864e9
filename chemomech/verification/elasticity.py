"""Swelling and pressure without transport: inclusion, coating, columns, fixture, Larche-Cahn shift."""

from typing import Final

import numpy as np

from chemomech.constants import FARADAY, GAS
from chemomech.domain import Coordinates, Domain
from chemomech.fields import (
    CELL_VOLTAGE,
    CHEMICAL_POTENTIAL,
    CONCENTRATION,
    DISPLACEMENT,
    STACK_PRESSURE,
    Field,
)
from chemomech.materials.free_energy import Solid
from chemomech.physics.balance import Physics
from chemomech.physics.lithium_transport import LithiumTransport
from chemomech.physics.mechanics import StackPressure, StressEquilibrium, rollers
from chemomech.verification import diffusion, meshes
from chemomech.verification.bench import Bench, fields_of, idle, make_state, number, probe
from chemomech.verification.stress import CENTRE, HOOP

PRESSURE: Final = 0.05
"""[GPa]"""
PRESSED: Final[dict[Coordinates, str]] = {"plane strain": "right", "axisymmetric": "top", "3D": "right"}
"""the end of a column, by coordinates"""
HELD: Final[dict[Coordinates, tuple[str, ...]]] = {
    "plane strain": ("left", "bottom", "top"),
    "axisymmetric": ("axis", "outer", "bottom"),
    "3D": ("left", "bottom", "top", "front", "back"),
}
"""its other sides"""


def swollen(domain: Domain, youngs_modulus: float, poissons_ratio: float, eigenstrain: float) -> Solid:
    """Return a solid whose lattice has grown by a linear eigenstrain at theta = 1."""
    return Solid(
        number(domain, youngs_modulus),
        number(domain, poissons_ratio),
        swelling=lambda theta: 3 * number(domain, eigenstrain) * theta,
        maximum_concentration=number(domain, 1.0),
        stress_free_stoichiometry=number(domain, 0.0),
    )


def equilibrium(
    domain: Domain, solids: dict[str, Solid], held: tuple[str, ...], pressure: StackPressure | None = None
) -> tuple[Bench, StressEquilibrium]:
    """Return the solids at theta = 1 in mechanical equilibrium: the composition is given, not solved for."""
    mechanics = StressEquilibrium(solids)
    physics: list[Physics] = [mechanics] if pressure is None else [mechanics, pressure]
    fields: list[Field] = [f for f in fields_of(physics) if f is not CONCENTRATION]
    state = make_state(domain, dict.fromkeys(solids, "inert"), [*fields, CELL_VOLTAGE], {DISPLACEMENT: 2})
    state.value[CONCENTRATION] = number(domain, 1.0)
    bench = Bench(state, physics, extra=[idle(state)], conditions=rollers(state, held))
    bench.solve()
    return bench, mechanics


def inclusion() -> dict[str, float]:
    """A ball that swells in a large body of the same moduli."""
    domain = meshes.sphere(
        {"ball": meshes.graded(0.0, 1.0, 10, 1.0), "body": meshes.graded(1.0, 40.0, 50, 60.0)}, angles=6
    )
    ball, body = swollen(domain, 100.0, 0.3, 0.01), Solid(number(domain, 100.0), number(domain, 0.3))
    bench, mechanics = equilibrium(domain, {"ball": ball, "body": body}, ("axis", "bottom"))
    strain = domain.strain(bench.state.value[DISPLACEMENT])
    inside = probe(domain, strain[0, 0], CENTRE)[0]
    found = {
        "p_MPa": -1e3 * float(probe(domain, mechanics.stress(bench.state, "ball")[0, 0], CENTRE)[0]),
        "eps_in": float(inside),
        "S_vol": float(inside) / 0.01,
    }
    bench.destroy()
    return found


def coating() -> dict[str, float]:
    """A core that swells in a thin shell."""
    core_radii, shell_radii = meshes.graded(0.0, 5.0, 16, 0.3), meshes.graded(5.0, 5.01, 3, 1.0)
    domain = meshes.sphere({"core": core_radii, "shell": shell_radii}, angles=16)
    core, shell = swollen(domain, 140.0, 0.3, 0.02), Solid(number(domain, 195.0), number(domain, 0.25))
    bench, mechanics = equilibrium(domain, {"core": core, "shell": shell}, ("axis", "bottom"))
    stress = mechanics.stress(bench.state, "shell")[HOOP]
    inner = domain.integral(bench.problem.compile(domain.on_interface(stress("-"), ["core"], ["shell"])))
    found = {
        "p_MPa": -1e3 * float(probe(domain, mechanics.stress(bench.state, "core")[0, 0], CENTRE)[0]),
        "shell_hoop_inner_MPa": 1e3 * inner / domain.interface_area(["core"], ["shell"]),
        "shell_hoop_outer_MPa": 1e3 * bench.surface_mean("hoop stress", stress, "outer"),
    }
    bench.destroy()
    return found


def columns() -> dict[str, float]:
    """Shortening of a laterally confined column of two solids under stack pressure, in each coordinate system."""
    found: dict[str, float] = {}
    for coordinates, end in PRESSED.items():
        domain = meshes.layers(coordinates, {"soft": 2.0, "stiff": 1.0}, [2, 1])
        solids = {
            "soft": Solid(number(domain, 20.0), number(domain, 0.3)),
            "stiff": Solid(number(domain, 140.0), number(domain, 0.25)),
        }
        pressure = StackPressure(end, number(domain, PRESSURE))
        bench, _ = equilibrium(domain, solids, HELD[coordinates], pressure)
        moved = bench.read("moved", lambda: pressure.observables(bench.state)["platen displacement"])  # noqa: B023
        found[f"shortening_nm_{coordinates.replace(' ', '_')}"] = -1e3 * moved / domain.boundary_area(end)
        bench.destroy()
    return found


def fixture() -> dict[str, float]:
    """Pressure of a fixture of given stiffness on a swelling column, P = P0 + k u."""
    found: dict[str, float] = {}
    for coordinates, end in PRESSED.items():
        domain = meshes.layers(coordinates, {"particle": 3.0}, [2])
        pressure = StackPressure(end, number(domain, 0.01), number(domain, 0.2))
        solids = {"particle": swollen(domain, 100.0, 0.3, 0.01)}
        bench, _ = equilibrium(domain, solids, HELD[coordinates], pressure)
        unknown = bench.state.unknowns[STACK_PRESSURE]
        owned = unknown.space.dofmap.index_map.size_local
        parts = domain.comm.allgather(float(np.sum(unknown.function.x.array[:owned])))
        found[f"pressure_MPa_{coordinates.replace(' ', '_')}"] = 1e3 * sum(parts)
        bench.destroy()
    return found


def larche_cahn() -> dict[str, float]:
    """Shift of the chemical potential of a pressed, confined column per hydrostatic stress [mV/GPa]."""
    domain = meshes.layers("plane strain", {"particle": 1.0}, [2])
    nu, start = 0.3, diffusion.START
    omega = number(domain, 1.0)
    solid = Solid(
        number(domain, 100.0),
        number(domain, nu),
        swelling=lambda theta: omega * theta,
        maximum_concentration=number(domain, 1.0),
        stress_free_stoichiometry=number(domain, start),
    )
    transport = LithiumTransport(
        {"particle": diffusion.ideal_host(domain, solid)}, number(domain, diffusion.TEMPERATURE), "dilute"
    )
    physics: list[Physics] = [
        transport,
        StressEquilibrium({"particle": solid}),
        StackPressure("right", number(domain, PRESSURE)),
    ]
    state = make_state(domain, {"particle": "active"}, fields_of(physics), {DISPLACEMENT: 2})
    diffusion.fill_ideal(state, start)
    bench = Bench(state, physics, conditions=rollers(state, ("left", "bottom", "top")))
    unstressed = -GAS * diffusion.TEMPERATURE / FARADAY * float(np.log(start))
    hydrostatic = -PRESSURE * (1 + nu) / (3 * (1 - nu))
    found: dict[str, float] = {}
    # partial molar volumes [um^3/pmol]; the constant is changed, the forms are not compiled anew
    for name, volume in (("Li", 12.99813), ("Si", 8.5), ("NMC_2e-6", 2.0), ("LCO_Ai", -0.728)):
        omega.value = volume
        diffusion.fill_ideal(state, start)
        bench.settle()
        shift = bench.surface_mean("w", state.value[CHEMICAL_POTENTIAL], "right") - unstressed
        found[f"{name}_mV_per_GPa"] = 1e3 * shift / hydrostatic
    bench.destroy()
    return found
