"""Resolved layers beyond a single wall: contacts of unlike lattices, core layers, transients, swelling ions."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import chemomech.runtime  # noqa: F401

import numpy as np
import numpy.typing as npt
import ufl
from scipy.integrate import quad, solve_bvp
from scipy.optimize import brentq

from chemomech.constants import FARADAY
from chemomech.domain import Coordinates
from chemomech.fields import ELECTRIC_POTENTIAL, IONIC_POTENTIAL, Field
from chemomech.materials.free_energy import Solid
from chemomech.physics.balance import Physics
from chemomech.physics.space_charge import InterfaceCore
from chemomech.verification import meshes
from chemomech.verification.bench import number
from chemomech.verification.layer_forms import Lattice, contact_split
from chemomech.verification.space_charge import (
    MOLAR,
    NM,
    REACH,
    ROOM,
    SALT,
    ZERO_CHARGE,
    Layers,
    Substance,
    Wall,
)

type Array = npt.NDArray[np.float64]

OXIDE: Final = Substance(13.0, 5.1e4 * 0.6, 0.6, conductivity=0.02, chemical_potential=-0.3)
SULFIDE: Final = Substance(10.0, 2e3 * 0.5, 0.5, conductivity=0.3, chemical_potential=0.4)
COATING: Final = Substance(40.0, 5e2 * 0.3, 0.3, conductivity=1e-3, chemical_potential=0.1)
CORE: Final = 2e-4
"""capacitance of a core layer, 0.2 F/m2 [nC/(V um^2)]"""
OFFSET: Final = 0.1
"""potential over a core layer without charge [V]"""


def closed(substance: Substance) -> Lattice:
    """Return the closed form's lattice of a substance."""
    sites = MOLAR * substance.concentration / substance.share
    return Lattice(substance.permittivity, sites, substance.share, ROOM)


def side(substance: Substance, count: int = 200, ratio: float = 300.0) -> Array:
    """Return a grid of `REACH` Debye lengths, finest at 0."""
    return meshes.graded(0.0, REACH * substance.debye_length, count, ratio)


def contact(
    left: Substance, right: Substance, coating: tuple[Substance, float] | None = None, *, core: bool = False
) -> Layers:
    """Return two bulks that meet at x = 0, with a coating of a thickness [um] or a core layer between."""
    one, other = side(left), side(right)
    places, substances = {"left": -one[::-1]}, {"left": left}
    start = 0.0
    if coating is not None:
        between, thickness = coating
        places["between"] = meshes.fine_ends(0.0, thickness, 60, 30.0)
        substances["between"] = between
        start = thickness
    places["right"], substances["right"] = start + other, right
    domain = meshes.stack("plane strain", places, breadth=left.debye_length, across=1)
    whole = ELECTRIC_POTENTIAL.on(substances)
    electric, more = dict.fromkeys(substances, whole), list[Physics]()
    if core:
        electric = {name: ELECTRIC_POTENTIAL.on([name]) for name in substances}
        layer = InterfaceCore(
            "left|right",
            frozenset(["left"]),
            frozenset(["right"]),
            electric["left"],
            electric["right"],
            number(domain, CORE),
            number(domain, OFFSET),
        )
        more = [layer]
    held: list[tuple[Field, str, float]] = [
        (electric["right"], "right", -right.chemical_potential),
        (electric["left"], "left", -left.chemical_potential),
        (IONIC_POTENTIAL, "right", 0.0),
    ]
    return Layers(domain, substances, held, electric=electric, more=more)


def contacts() -> dict[str, float]:
    """Charge of an oxide and potential at its contact with a sulfide, from both sides; a core layer; coatings."""
    found = {}
    for key, pair in (("", (OXIDE, SULFIDE)), ("_turned", (SULFIDE, OXIDE))):
        lattices = [closed(one) for one in pair]
        difference = pair[1].chemical_potential - pair[0].chemical_potential
        for kind, offset, capacitance in (("", 0.0, np.inf), ("_core", OFFSET, CORE)):
            layers = contact(*pair, core=bool(kind))
            disturb(layers)
            layers.bench.solve()
            charge = layers.charge("left") / layers.domain.boundary_area("left")
            part = contact_split(lattices[0], lattices[1], difference - offset, capacitance)
            found[f"charge{kind}{key}"] = -charge / lattices[0].charge(part)
            phi = layers.bench.nodal(layers.electric["left"], (0.0, 0.0)) + pair[0].chemical_potential
            found[f"potential{kind}{key}"] = phi / part
            if not kind:
                found[f"neutral{key}"] = layers.charge() / layers.charge("left")
                found[f"current{key}"] = _largest_current(layers, pair[0])
            layers.destroy()
    for name, thickness in (("thin", 0.3 * NM), ("thick", 8.0 * NM)):
        layers = contact(OXIDE, SULFIDE, (COATING, thickness))
        layers.bench.solve()
        area = layers.domain.boundary_area("left")
        got = np.array([layers.charge(region) / area for region in layers.physics.media])
        expected = shot((OXIDE, COATING, SULFIDE), thickness)
        for region, ratio in zip(("oxide", "coating", "sulfide"), got / expected, strict=True):
            found[f"charge_{name}_{region}"] = float(ratio)
        layers.destroy()
    return found


def disturb(layers: Layers) -> None:
    """Move the ionic potential out of equilibrium, so that finding it again means something."""
    x = layers.state.unknowns[IONIC_POTENTIAL]
    places = x.space.tabulate_dof_coordinates()[:, 0]
    x.function.x.array[:] = 1e-3 * np.sin(40 * places / np.ptp(layers.domain.mesh.geometry.x[:, 0]))


def _largest_current(layers: Layers, left: Substance) -> float:
    # |i| everywhere, against the current that 1 V over the thickness of the left bulk would drive
    domain, x = layers.domain, ufl.grad(layers.state.value[IONIC_POTENTIAL])
    total = 0.0
    for name, medium in layers.physics.media.items():
        kappa = layers.physics.conductivity(layers.state, medium, medium.ions[0])
        form = domain.over(ufl.sqrt(ufl.inner(kappa * x, kappa * x) + 1e-300), [name])
        total += domain.integral(layers.bench.problem.compile(form), lambda f: f)
    thickness = REACH * left.debye_length
    return total / domain.volume(list(layers.physics.media)) / (left.conductivity / thickness)


def shot(substances: Sequence[Substance], thickness: float) -> Array:
    """Return the charge of three lattices in contact, the middle one of a thickness, by collocation [nC/um^2]."""
    lengths = [REACH * substances[0].debye_length, thickness, REACH * substances[2].debye_length]
    lattices, mu = [closed(one) for one in substances], [one.chemical_potential for one in substances]

    def density(k: int, phi: Array) -> Array:
        one = lattices[k]
        odds = one.occupancy / (1 - one.occupancy) * np.exp(-np.clip((phi + mu[k]) / one.thermal, -300, 300))
        return np.asarray(FARADAY * one.sites * (odds / (1 + odds) - one.occupancy))

    def slope(s: Array, y: Array) -> Array:
        rows = []
        for k, one in enumerate(lattices):  # per region: phi and the displacement eps dphi/dx
            rows += [lengths[k] * y[2 * k + 1] / one.permittivity, -lengths[k] * density(k, y[2 * k])]
        return np.array(rows)

    def ends(a: Array, b: Array) -> Array:
        links = [b[0] - a[2], b[1] - a[3], b[2] - a[4], b[3] - a[5]]
        return np.array([a[0] + mu[0], b[4] + mu[2], *links])

    s = meshes.fine_ends(0.0, 1.0, 150, 100.0)
    guess = np.zeros((6, len(s)))
    for k in range(3):
        guess[2 * k] = -mu[k]
    solution = solve_bvp(slope, ends, s, guess, tol=1e-8, max_nodes=100_000)
    if not solution.success:
        raise RuntimeError(f"the reference contact was not solved: {solution.message}")
    first, last = solution.sol(0.0), solution.sol(1.0)
    return np.array([first[1] - last[1], first[3] - last[3], first[5] - last[5]])


def core() -> dict[str, float]:
    """Charge and capacitance of a metal behind a core layer, against the two in series."""
    found = {}
    substance = replace(SULFIDE, chemical_potential=0.0)
    lattice, wall = closed(substance), Wall(substance, core=CORE)
    for metal in (-0.8, 0.3, 1.0):
        diffuse = _behind_core(lattice, metal - ZERO_CHARGE)
        series = 1 / (1 / CORE + 1 / lattice.capacitance(diffuse))
        wall.neutral()
        found[f"charge_{metal}"] = wall.at(metal) / lattice.charge(diffuse)
        found[f"capacitance_{metal}"] = wall.slope(metal) / series
    wall.destroy()
    return found


def _behind_core(lattice: Lattice, applied: float) -> float:
    low, high = sorted((0.0, applied))
    return float(brentq(lambda phi: phi + lattice.charge(phi) / CORE - applied, low, high, xtol=1e-14))


def bounds() -> dict[str, float]:
    """Smallest share of sites that is taken, and that is empty, at a wall 3 V from the bulk; in one solve."""
    found = {}
    for sign in (1, -1):
        wall = Wall(replace(SULFIDE, chemical_potential=0.0))
        wall.at(3.0 * sign)
        medium = wall.physics.media[SALT]
        ion = medium.ions[0]
        taken = wall.physics.equilibrium(wall.state, medium, ion) / ion.bulk_concentration * ion.share
        empty = (1 - ion.share) / wall.physics.crowding(wall.state, medium)
        for name, share in (("taken", taken), ("empty", empty)):
            form = wall.bench.problem.compile(wall.domain.on_boundary(share, "left"))
            total = wall.domain.integral(form, lambda f: f)
            found[f"log10_{name}_{3 * sign}V"] = float(np.log10(total / wall.area))
        low, high = wall.span(ion.concentration)
        sites = float(ion.bulk_concentration.value / ion.share.value)
        found[f"outside_{3 * sign}V"] = max(0.0, -low, high - sites) / sites
        wall.destroy()
    return found


def relaxation() -> dict[str, float]:
    """A closed contact in which a wall is charged: ions kept at all times, what is left of the current at the end."""
    # less between the two than above: the emptied layer there carries exp(-F phi/RT) of the bulk's current
    oxide, sulfide = replace(OXIDE, chemical_potential=0.0), replace(SULFIDE, chemical_potential=0.2)
    left, right = side(oxide, 120), side(sulfide, 120)
    places = {"left": -left[::-1], "right": right}
    domain = meshes.stack("plane strain", places, breadth=oxide.debye_length, across=1)
    substances = {"left": oxide, "right": sulfide}
    phi = ELECTRIC_POTENTIAL.on(substances)
    held: list[tuple[Field, str, float]] = [
        (phi, "left", -oxide.chemical_potential), (phi, "right", -sulfide.chemical_potential)
    ]  # fmt: skip
    layers = Layers(domain, substances, held, time_tolerance=1e-3)
    layers.equilibrate()
    layers.values[0].value += 0.5
    names = [f"ions in {name}, charge +1" for name in substances]
    start = [layers.total(name) for name in names]
    lost, moved, early = 0.0, 0.0, 0.0
    for time in layers.bench.march((1e-9, 1e-7, 1e-5, 1e-3, 1.0), 1e-11):
        now = [layers.total(name) for name in names]
        lost = max(lost, abs(sum(now) - sum(start)) / sum(start))
        moved = abs(now[0] - start[0]) / start[0]
        early = max(early, _largest_current(layers, oxide)) if time < 1e-8 else early
    found = {"ions_lost": lost, "ions_moved": moved, "first_current": early}
    layers.state.time_factor.value = 0.0
    found["last_current"] = _largest_current(layers, oxide)
    layers.destroy()
    return found


def swelling() -> dict[str, float]:
    """Charge of a wall whose lattice swells with its ions: stress and potential of one free energy."""
    youngs, poisson, volume = 25.0, 0.3, 10.0  # GPa, -, um3/pmol
    substance = replace(SULFIDE, chemical_potential=0.0)
    lattice = closed(substance)
    grid = side(substance, 100, 100.0)
    domain = meshes.stack("plane strain", {SALT: grid}, breadth=substance.debye_length, across=1)
    sites = number(domain, lattice.sites)
    solid = Solid(
        number(domain, youngs),
        number(domain, poisson),
        swelling=lambda theta: volume * sites * theta,
        maximum_concentration=sites,
        stress_free_stoichiometry=number(domain, lattice.occupancy),
    )
    wall = Wall(substance, domain, solid=solid)
    # Only the thickness can follow: sigma_yy = sigma_zz = -E/(1 - nu) Omega (c - c0)/3, so the stress adds
    # 2 E Omega^2/(9 (1 - nu)) (c - c0) to the chemical potential at each place.
    stiffness = 2 * youngs * volume**2 / (9 * (1 - poisson))
    bulk = lattice.sites * lattice.occupancy

    def potential(c: float) -> float:
        odds = c / (lattice.sites - c) * (1 - lattice.occupancy) / lattice.occupancy
        return float(-lattice.thermal * np.log(odds) - stiffness * (c - bulk) / FARADAY)

    found = {}
    for phi in (-0.4, 0.4):
        lowest, highest = lattice.sites * 1e-12, lattice.sites * (1 - 1e-12)
        c = brentq(lambda c, phi=phi: potential(c) - phi, lowest, highest, xtol=1e-22, rtol=1e-14)
        # sigma^2/(2 eps) = -int rho dphi = F int phi dc - F (c - c0) phi, by parts
        area = quad(potential, bulk, c, epsabs=0.0, epsrel=1e-10, limit=200)[0]
        expected = np.sign(phi) * np.sqrt(2 * substance.permittivity * FARADAY * (area - (c - bulk) * phi))
        wall.neutral()
        wall.at(0.5 * phi)
        found[f"charge_{phi}"] = wall.at(phi) / float(expected)
        found[f"without_stress_{phi}"] = lattice.charge(phi) / float(expected)
    wall.destroy()
    return found


def distorted() -> dict[str, float]:
    """Charge of a flat wall on cells that are not aligned with it in 2D, and in 3D."""
    substance = Substance(11.0, 45100 * 0.833, 0.833)
    lattice, found = closed(substance), {}
    breadth = 2 * substance.debye_length
    shapes: dict[str, tuple[Coordinates, int, int]] = {"2D": ("plane strain", 60, 8), "3D": ("3D", 48, 2)}
    for name, (coordinates, count, across) in shapes.items():
        grid = meshes.graded(0.0, 12 * substance.debye_length, count, 30.0)
        domain = meshes.stack(coordinates, {SALT: grid}, breadth=breadth, across=across)
        x = domain.mesh.geometry.x
        # every inner point is moved along the wall and across it, by up to half the distance to its neighbour
        wave = np.sin(np.pi * x[:, 1] / breadth) * np.sin(np.pi * x[:, 0] / grid[-1])
        along = 0.3 * breadth / across * np.sin(7 * x[:, 0] / substance.debye_length)
        across_wall = 0.35 * np.interp(x[:, 0], grid[1:], np.diff(grid)) * np.cos(9 * x[:, 1] / breadth)
        x[:, 0] += across_wall * wave
        x[:, 1] += along * np.sin(np.pi * x[:, 1] / breadth) * np.sin(np.pi * x[:, 0] / grid[-1])
        wall = Wall(substance, domain)
        for phi in (-0.1, 0.1):
            found[f"charge_{name}_{phi}"] = wall.at(phi) / lattice.charge(phi)
            wall.neutral()
        wall.destroy()
    return found
