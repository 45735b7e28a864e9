"""A charged layer on both sides of a curved contact: rows of flat cells on a disc and on a sphere."""

import shutil
import tempfile
from pathlib import Path
from typing import Final

import chemomech.runtime  # noqa: F401

import numpy as np
from mpi4py import MPI
from scipy.integrate import solve_bvp

from chemomech.constants import FARADAY
from chemomech.domain import Coordinates, Domain, read_domain
from chemomech.errors import RunError
from chemomech.fields import ELECTRIC_POTENTIAL, IONIC_POTENTIAL, Field
from chemomech.geometry.build import build
from chemomech.geometry.kinds import Particle
from chemomech.together import on_root
from chemomech.verification import meshes
from chemomech.verification.contacts import OXIDE, SULFIDE, closed
from chemomech.verification.layer_forms import contact_split
from chemomech.verification.space_charge import NM, Layers

RADIUS: Final = 1.0
"""of the oxide; the layers are 0.05 and 0.2 thick [nm]"""
BOX: Final = 3.6
"""from the middle of the oxide to the sides [nm]"""
SHAPES: Final[dict[str, tuple[Coordinates, tuple[str, ...], int]]] = {
    "disc": ("plane strain", ("left", "bottom"), 1),
    "sphere": ("3D", ("left", "bottom", "front"), 2),
}
"""coordinates, planes through the middle, and m of the measure r^m dr"""


def recipe(coordinates: Coordinates, cut: tuple[str, ...]) -> Particle:
    """Return a particle of oxide in sulfide, with rows along the contact on both sides."""
    return Particle.model_validate(
        {
            "kind": "particle",
            "coordinates": coordinates,
            "radius": f"{RADIUS} nm",
            "box": [f"{BOX} nm"] * (3 if coordinates == "3D" else 2),
            "cut": cut,
            "names": {"particle": "oxide", "electrolyte": "sulfide"},
            "mesh_size": {
                "interface": "0.15 nm" if coordinates == "3D" else "0.12 nm",
                "bulk": "0.6 nm",
                "transition": "2 nm",
            },
            "boundary_layer": {
                "oxide": {"first": "0.003 nm", "growth": 1.25, "thickness": "0.3 nm"},
                "sulfide": {"first": "0.01 nm", "growth": 1.25, "thickness": "0.8 nm"},
            },
        }
    )


def curved() -> dict[str, float]:
    """Charge of the oxide and potential at the contact against collocation in the radius; what curvature changes."""
    found: dict[str, float] = {}
    for name, (coordinates, cut, power) in SHAPES.items():
        charge, potential = radial(power)
        domain = meshed(recipe(coordinates, cut))
        whole = ELECTRIC_POTENTIAL.on(["oxide", "sulfide"])
        held: list[tuple[Field, str, float]] = [
            (whole, "right", -SULFIDE.chemical_potential),
            (IONIC_POTENTIAL, "right", 0.0),
        ]
        layers = Layers(domain, {"oxide": OXIDE, "sulfide": SULFIDE}, held)
        layers.bench.solve()
        area = domain.interface_area(["oxide"], ["sulfide"])
        found[f"charge_{name}"] = layers.charge("oxide") / area / charge
        at = (RADIUS * NM, 0.0, 0.0)[: domain.dimension]
        found[f"potential_{name}"] = layers.bench.nodal(whole, at) / potential
        layers.destroy()
        lattices = closed(OXIDE), closed(SULFIDE)
        part = contact_split(*lattices, SULFIDE.chemical_potential - OXIDE.chemical_potential)
        found[f"curvature_{name}"] = abs(charge / -lattices[0].charge(part) - 1)
    return found


def meshed(one: Particle) -> Domain:
    """Return the domain of a recipe (collective)."""
    comm = MPI.COMM_WORLD
    folder = on_root(comm, tempfile.mkdtemp)
    try:
        record = on_root(comm, lambda: build(one, Path(folder)))
        domain = read_domain(record.msh, one.coordinates, comm)
    finally:
        comm.barrier()
        if comm.rank == 0:
            shutil.rmtree(folder, ignore_errors=True)
    return domain


def radial(power: int) -> tuple[float, float]:
    """Return charge per area of the oxide [nC/um^2] and potential [V] at the contact, by collocation in r."""
    radius, inner, width = RADIUS * NM, 0.3 * RADIUS * NM, (BOX - RADIUS) * NM
    pair = ((OXIDE, closed(OXIDE)), (SULFIDE, closed(SULFIDE)))

    def density(k: int, phi: np.ndarray) -> np.ndarray:
        substance, one = pair[k]
        drive = np.clip((phi + substance.chemical_potential) / one.thermal, -300, 300)
        odds = one.occupancy / (1 - one.occupancy) * np.exp(-drive)
        return np.asarray(FARADAY * one.sites * (odds / (1 + odds) - one.occupancy))

    def slope(s: np.ndarray, y: np.ndarray) -> np.ndarray:
        # from the contact inward and outward, s = 0 to 1: phi and r^m eps dphi/dr
        places = radius - s * (radius - inner), radius + s * width
        lengths = -(radius - inner), width
        rows = []
        for k, (r, length) in enumerate(zip(places, lengths, strict=True)):
            measure = (r / radius) ** power
            rows += [
                length * y[2 * k + 1] / (pair[k][1].permittivity * measure),
                -length * measure * density(k, y[2 * k]),
            ]
        return np.array(rows)

    def ends(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        far = [b[0] + OXIDE.chemical_potential, b[2] + SULFIDE.chemical_potential]
        return np.array([a[0] - a[2], a[1] - a[3], *far])

    s = meshes.graded(0.0, 1.0, 300, 1e3)
    guess = np.zeros((4, len(s)))
    guess[0], guess[2] = -OXIDE.chemical_potential, -SULFIDE.chemical_potential
    solution = solve_bvp(slope, ends, s, guess, tol=1e-8, max_nodes=100_000)
    if not solution.success:
        raise RunError(f"the reference contact was not solved: {solution.message}")
    phi, displacement = solution.sol(0.0)[:2]
    return float(-displacement), float(phi)
