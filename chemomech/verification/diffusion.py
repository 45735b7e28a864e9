"""Lithium transport against Crank's series: spheres and slabs, given flux or given surface value.

An ideal host, U = -(RT/F) ln theta, makes the flux Fickian: J = -D grad c.
"""

from collections.abc import Sequence
from typing import Final

import chemomech.runtime  # noqa: F401

import numpy as np
import ufl
from dolfinx import fem

from chemomech.constants import FARADAY, GAS
from chemomech.domain import Domain
from chemomech.fields import CHEMICAL_POTENTIAL, CONCENTRATION, State
from chemomech.materials.free_energy import Solid
from chemomech.physics.balance import Physics, outflow
from chemomech.physics.lithium_transport import Host, LithiumTransport
from chemomech.verification import closed_forms, meshes
from chemomech.verification.bench import Bench, fields_of, make_state, number

TEMPERATURE: Final = 300.0
START: Final = 0.3
"""concentration at the start, of a maximum of 1 [pmol/um^3]"""
RISE: Final = 0.2
"""j R/D, or the step of the surface concentration [pmol/um^3]"""


def ideal_host(
    domain: Domain, solid: Solid | None = None, maximum_concentration: float = 1.0, diffusivity: float = 1.0
) -> Host:
    """Return a host in which lithium is an ideal dilute solute."""
    thermal = number(domain, GAS * TEMPERATURE / FARADAY)
    return Host(
        maximum_concentration=number(domain, maximum_concentration),
        open_circuit_potential=lambda theta: -thermal * ufl.ln(theta),
        diffusivity=lambda theta: number(domain, diffusivity),
        solid=solid,
    )


def diffusion(
    domain: Domain,
    *,
    flux: float = 0.0,
    surface: float | None = None,
    boundary: str = "outer",
    start: float = START,
    time_tolerance: float = 5e-7,
    velocity: Sequence[float] | None = None,
) -> Bench:
    """Return a body "particle" at a concentration, with a flux into a boundary or its concentration held."""
    moving = None if velocity is None else ufl.as_vector([number(domain, v) for v in velocity])
    physics: list[Physics] = [
        LithiumTransport({"particle": ideal_host(domain)}, number(domain, TEMPERATURE), "dilute", moving)
    ]
    state = make_state(domain, {"particle": "active"}, fields_of(physics))
    fill_ideal(state, start)
    entering = outflow(state, CONCENTRATION, -number(domain, flux), boundary)
    conditions = []
    if surface is not None:
        condition = held(state, surface, boundary)
        condition.set(state.unknowns[CONCENTRATION].function.x.array)  # the jump is no error of a time step
        conditions.append(condition)
    return Bench(state, physics, extra=[entering], conditions=conditions, time_tolerance=time_tolerance)


def fill_ideal(state: State, start: float, maximum_concentration: float = 1.0) -> None:
    """Set concentration and chemical potential of the ideal host."""
    theta = start / maximum_concentration
    state.unknowns[CONCENTRATION].function.x.array[:] = start
    state.unknowns[CHEMICAL_POTENTIAL].function.x.array[:] = -GAS * TEMPERATURE / FARADAY * np.log(theta)


def held(state: State, value: float, boundary: str) -> fem.DirichletBC:
    """Return the constraint that holds the concentration on a boundary."""
    domain = state.domain
    space = state.unknowns[CONCENTRATION].space
    facets = domain.facet_boundary[boundary]
    dofs = fem.locate_dofs_topological(space, domain.dimension - 1, facets)
    return fem.dirichletbc(np.float64(value), dofs, space)


def ball() -> Domain:
    """Return the sphere of radius 1, finer towards its surface and its centre."""
    return meshes.sphere({"particle": meshes.fine_ends(0.0, 1.0, 90, 3.0)}, angles=4)


def sphere_galvanostatic() -> dict[str, float]:
    """Surface and centre of a sphere under constant flux; the first eigenvalues come from its decay."""
    bench = diffusion(ball(), flux=RISE)
    found: dict[str, float] = {}
    c = bench.state.value[CONCENTRATION]
    for tau in bench.march((0.01, 0.05, 0.1, 0.2, 0.5), 1e-7):
        found[f"surf_{tau}"] = (bench.surface_mean("c", c, "outer") - START) / RISE
        found[f"centre_{tau}"] = (bench.nodal(CONCENTRATION, (0.0, 0.0)) - START) / RISE
    bench.destroy()
    return found | eigenvalues()


def eigenvalues(terms: int = 3) -> dict[str, float]:
    """Decay rates of the first modes of the closed sphere, each seen through its own weight in the volume."""
    bench = diffusion(ball(), time_tolerance=1e-6)
    domain, c = bench.domain, bench.state.value[CONCENTRATION]
    unknown = bench.state.unknowns[CONCENTRATION]
    x = ufl.SpatialCoordinate(domain.mesh)
    distance = ufl.sqrt(ufl.inner(x, x))
    roots = closed_forms.flux_eigenvalues("sphere")[:terms]
    r = np.linalg.norm(unknown.space.tabulate_dof_coordinates(), axis=1)
    unknown.function.x.array[:] = START + 0.02 * sum(np.sinc(root * r / np.pi) for root in roots)

    def amplitude(n: int) -> float:
        mode = ufl.sin(float(roots[n]) * distance) / (float(roots[n]) * distance)
        return bench.read(f"mode {n}", lambda: domain.over((c - START) * mode, ["particle"]))

    before = [amplitude(n) for n in range(terms)]
    duration = 0.01
    for _ in bench.march((duration,), 1e-6):
        after = [amplitude(n) for n in range(terms)]
    bench.destroy()
    return {f"lambda{n + 1}": float(np.sqrt(np.log(before[n] / after[n]) / duration)) for n in range(terms)}


def sphere_potentiostatic() -> dict[str, float]:
    """Uptake and centre of a sphere whose surface concentration is held."""
    bench = diffusion(ball(), surface=START + RISE)
    found: dict[str, float] = {}
    c, domain = bench.state.value[CONCENTRATION], bench.domain
    volume = domain.volume(["particle"])
    for tau in bench.march((0.01, 0.05, 0.1, 0.2, 0.5), 1e-7):
        content = bench.read("content", lambda: domain.over(c - START, ["particle"]))
        found[f"uptake_{tau}"] = content / volume / RISE
        found[f"centre_{tau}"] = (bench.nodal(CONCENTRATION, (0.0, 0.0)) - START) / RISE
    bench.destroy()
    return found


def slab_galvanostatic() -> dict[str, float]:
    """Surface of a slab with a flux into one face."""
    domain = meshes.layers("plane strain", {"particle": 1.0}, [120], breadth=0.05, across=1)
    bench = diffusion(domain, flux=RISE, boundary="left")
    c = bench.state.value[CONCENTRATION]
    found = {
        f"surf_{tau}": (bench.surface_mean("c", c, "left") - START) / RISE
        for tau in bench.march((0.01, 0.05, 0.1, 0.2, 0.5), 1e-7)
    }
    bench.destroy()
    return found


def advected_profile() -> dict[str, float]:
    """Ratio of the concentrations at the ends of a closed slab whose lattice moves: exp(v L/D) when steady."""
    domain = meshes.layers("plane strain", {"particle": 1.0}, [80], breadth=0.05, across=1)
    bench = diffusion(domain, velocity=(1.5, 0.0), boundary="left", time_tolerance=1e-4)
    for _ in bench.march((10.0,), 1e-4):
        ends = {x: bench.nodal(CONCENTRATION, (x, 0.0)) for x in (0.0, 0.5, 1.0)}
    content = bench.read("content", lambda: domain.over(bench.state.value[CONCENTRATION], ["particle"]))
    bench.destroy()
    return {
        "end_to_end": ends[1.0] / ends[0.0],
        "middle_to_start": ends[0.5] / ends[0.0],
        "lithium_kept": content / (START * domain.volume(["particle"])),
    }


def octant() -> dict[str, float]:
    """Surface of an octant of a ball in 3D under constant flux."""
    bench = diffusion(meshes.ball(1.0, 0.07, 0.2), flux=RISE, time_tolerance=1e-4)
    c = bench.state.value[CONCENTRATION]
    found = {
        f"surf_{tau}": (bench.surface_mean("c", c, "outer") - START) / RISE
        for tau in bench.march((0.05, 0.1, 0.2), 1e-5)
    }
    bench.destroy()
    return found
