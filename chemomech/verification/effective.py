"""Effective conductivity and stiffness: laminates, square arrays of cylinders, one sphere in a cube."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import chemomech.runtime  # noqa: F401

import numpy as np
from mpi4py import MPI

from chemomech.analysis.bounds import bulk_and_shear, hashin_shtrikman, isotropic_average
from chemomech.analysis.box import Boundaries, box_of
from chemomech.analysis.effective import Pair, effective_conductivity, effective_stiffness
from chemomech.analysis.sampling import cell_volumes
from chemomech.domain import Domain, read_domain
from chemomech.geometry.build import build
from chemomech.geometry.inclusions import Inclusions
from chemomech.geometry.kinds import Particle, Recipe
from chemomech.materials.free_energy import Solid
from chemomech.together import on_root
from chemomech.verification import meshes, mixtures
from chemomech.verification.bench import number
from chemomech.verification.mixtures import Array

FRACTIONS: Final = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
PERFECT: Final = 1e6
"""conductivity against the matrix's that stands for a perfect conductor"""
GLASS: Final = (22.0, 0.33)
"""Young's modulus [GPa] and Poisson's ratio of an argyrodite, the first phase of the bounds"""
OXIDE: Final = (140.0, 0.3)
"""those of an NMC"""


def disc_in_square(radius: float, interface: float, bulk: float, per_turn: int) -> Domain:
    """Return a disc in the middle of a unit square, meshed by the project's own recipe."""
    recipe = {
        "kind": "particle",
        "coordinates": "plane strain",
        "radius": f"{radius} um",
        "box": ["1 um", "1 um"],
        "mesh_size": _sizes(interface, bulk, per_turn),
    }
    return meshed(Particle.model_validate(recipe))


def sphere_in_cube(fraction: float, interface: float, bulk: float, per_turn: int) -> Domain:
    """Return a sphere in a periodic unit cube, cut by its faces, which have equal meshes."""
    recipe = {
        "kind": "inclusions",
        "coordinates": "3D",
        "box": ["1 um"] * 3,
        "sides": "periodic",
        "fraction": fraction,
        "radii": {"values": ["0.4 um"]},
        "gap": "0.05 um",
        "seed": 0,
        "mesh_size": _sizes(interface, bulk, per_turn),
    }
    return meshed(Inclusions.model_validate(recipe))


def _sizes(interface: float, bulk: float, per_turn: int) -> dict[str, str | int]:
    return {"interface": f"{interface} um", "bulk": f"{bulk} um", "per_turn": per_turn}


def meshed(recipe: Recipe) -> Domain:
    """Return the mesh of a recipe, made for this once (collective)."""
    comm = MPI.COMM_WORLD
    with tempfile.TemporaryDirectory() as folder:
        path = on_root(comm, lambda: build(recipe, Path(folder)).msh)
        domain = read_domain(path, recipe.coordinates, comm)
        comm.barrier()  # nobody reads any more
    return domain


def conductivity(
    domain: Domain,
    boundaries: Boundaries,
    conductivities: Mapping[str, float],
    resistances: Mapping[Pair, float] | None = None,
    degree: int = 1,
) -> Array:
    """Return the effective conductivity tensor."""
    return effective_conductivity(
        domain,
        box_of(domain),
        boundaries,
        conductivities,
        resistances,
        axes=range(domain.dimension),
        cell_volumes=cell_volumes(domain),
        degree=degree,
    ).tensor


def stiffness(
    domain: Domain, boundaries: Boundaries, moduli: Mapping[str, tuple[float, float]], degree: int = 2
) -> Array:
    """Return the effective stiffness."""
    solids = {name: Solid(number(domain, e), number(domain, nu)) for name, (e, nu) in moduli.items()}
    return effective_stiffness(
        domain, box_of(domain), boundaries, solids, cell_volumes=cell_volumes(domain), degree=degree
    ).tensor


def square_array() -> dict[str, float]:
    """Square array of cylinders that conduct perfectly, ten times as well as the matrix, and not at all."""
    found: dict[str, float] = {}
    for fraction in FRACTIONS:
        radius = float(np.sqrt(fraction / np.pi))
        gap = 1.0 - 2.0 * radius
        domain = disc_in_square(radius, min(0.02, gap / 4), 0.06, per_turn=200)
        for key, ratio in (("kinf", PERFECT), ("k10", 10.0), ("k0", 0.0)):
            tensor = conductivity(domain, "periodic", {"electrolyte": 1.0, "particle": ratio}, degree=2)
            found[f"{key}_f{fraction}"] = float(tensor[0, 0])
    return found


def laminate() -> dict[str, float]:
    """Layers along x: conductivity with and without resistance, stiffness; largest errors against closed forms."""
    thickness, shares = {"a": 0.6, "b": 1.2, "c": 0.6}, (0.25, 0.5, 0.25)
    moduli = {"a": (20.0, 0.35), "b": (150.0, 0.25), "c": (20.0, 0.35)}
    found: dict[str, float] = {}
    for coordinates in ("plane strain", "3D"):
        d = 3 if coordinates == "3D" else 2
        domain = meshes.layers(coordinates, thickness, [2, 3, 2], breadth=0.8)
        for direction, numbers in (("up", (0.3, 4.0, 0.3)), ("down", (4.0, 0.3, 4.0))):
            given = dict(zip(thickness, numbers, strict=True))
            for total, resistances in ((0.0, {}), (2.0, {frozenset("ab"): 1.5, frozenset("bc"): 0.5})):
                expected = np.diag(
                    [mixtures.series(shares, numbers, total, 2.4)]
                    + [mixtures.parallel(shares, numbers)] * (d - 1)
                )
                name = f"{direction}_{'with' if total else 'without'}_resistance_{d}D"
                periodic = conductivity(domain, "periodic", given, resistances)
                walls = conductivity(domain, "walls", given, resistances)
                errors = [np.abs(periodic - expected).max(), np.abs(np.diag(walls - expected)).max()]
                found[name] = float(max(errors) / expected[0, 0])
        young, poisson = zip(*moduli.values(), strict=True)
        whole = mixtures.laminate(shares, young, poisson)
        kept = [0, 1, 5] if d == 2 else list(range(6))
        exact = whole[np.ix_(kept, kept)]
        got = stiffness(domain, "periodic", moduli, degree=1)
        found[f"stiffness_{d}D"] = float(np.abs(got - exact).max() / exact.max())
    return found


def kapitza() -> dict[str, float]:
    """Square array of cylinders with a resistance around each: conduction better and worse than without a cylinder."""
    found: dict[str, float] = {}
    for fraction in (0.1, 0.4):
        radius = float(np.sqrt(fraction / np.pi))
        domain = disc_in_square(radius, 0.02, 0.06, per_turn=200)
        for name, ratio, resistance in (("helps", 20.0, 0.1), ("hurts", 20.0, 0.6), ("poor", 0.2, 0.3)):
            tensor = conductivity(
                domain,
                "periodic",
                {"electrolyte": 1.0, "particle": ratio},
                {frozenset(("electrolyte", "particle")): resistance},
                degree=2,
            )
            found[f"{name}_f{fraction}"] = float(tensor[0, 0])
    return found


def bounds() -> dict[str, float]:
    """Bounds of Hashin and Shtrikman; the stiffness of a sphere in a periodic cube, also with its faces held."""
    bulk, shear = (list(each) for each in zip(*(_moduli(*phase) for phase in (GLASS, OXIDE)), strict=True))
    k, g = bulk_and_shear([0.5, 0.5], bulk, shear, 3)
    found = {"K_lo_GPa": k.lower, "G_lo_GPa": g.lower, "K_up_GPa": k.upper, "G_up_GPa": g.upper}
    domain = sphere_in_cube(0.3, 0.12, 0.22, per_turn=16)
    fraction = domain.volume(["particle"])
    given = {"electrolyte": GLASS, "particle": OXIDE}
    tensor = stiffness(domain, "periodic", given)
    k, g = bulk_and_shear([1 - fraction, fraction], bulk, shear, 3)
    k_mean, g_mean = isotropic_average(tensor)
    held = stiffness(domain, "walls", given)
    sigma = conductivity(domain, "periodic", {"electrolyte": 1.0, "particle": 10.0}, degree=2)
    s = hashin_shtrikman([1 - fraction, fraction], [1.0, 10.0], 3)
    least = np.linalg.eigvalsh(held - tensor).min()
    return found | {
        "bulk_above_lower": k_mean.lower / k.lower,
        "bulk_below_upper": k.upper / k_mean.upper,
        "shear_above_lower": g_mean.lower / g.lower,
        "shear_below_upper": g.upper / g_mean.upper,
        "conductivity_above_lower": float(np.linalg.eigvalsh(sigma)[0] / s.lower),
        "conductivity_below_upper": float(s.upper / np.linalg.eigvalsh(sigma)[-1]),
        "held_faces_are_stiffer": float(least / np.abs(tensor).max()),
    }


def _moduli(youngs_modulus: float, poissons_ratio: float) -> tuple[float, float]:
    return youngs_modulus / (3 * (1 - 2 * poissons_ratio)), youngs_modulus / (2 * (1 + poissons_ratio))


def faces_that_do_not_match() -> dict[str, float]:
    """Square array with unlike meshes on opposite faces: distance from the matching mesh, and how fast it falls."""
    given = {"electrolyte": 1.0, "particle": 10.0}
    found: dict[str, float] = {}
    for degree in (1, 2):
        apart = []
        for size in (0.06, 0.03, 0.015):
            domain = disc_in_square(float(np.sqrt(0.3 / np.pi)), size / 2, size, per_turn=60)
            matching = conductivity(domain, "periodic", given, degree=degree)
            _slide_faces(domain)
            apart.append(
                float(np.abs(conductivity(domain, "periodic", given, degree=degree) - matching).max())
            )
        found[f"apart_degree_{degree}"] = apart[-1] / float(matching[0, 0])
        found[f"order_degree_{degree}"] = float(np.log2(apart[0] / apart[-1]) / 2)
    return found


def _slide_faces(domain: Domain) -> None:
    # Nodes near the right and the top face move along it, by less the nearer the edges; the particle stays as it is.
    x = domain.mesh.geometry.x
    for across, along in ((0, 1), (1, 0)):
        near = np.clip((x[:, across] - 0.4) / 0.1, 0.0, 1.0)
        x[:, along] += 0.03 * near * np.sin(2 * np.pi * x[:, along])
