"""Conduction through a voxel image: finite elements on its meshes against finite volumes on the image itself."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import chemomech.runtime  # noqa: F401

import numpy as np
import ufl
from dolfinx import fem
from mpi4py import MPI

from chemomech.domain import Domain, read_domain
from chemomech.fields import CELL_VOLTAGE, IONIC_POTENTIAL
from chemomech.geometry.build import build
from chemomech.geometry.image_recipe import Image
from chemomech.geometry.voxels import voxels_of
from chemomech.physics.conduction import Conduction
from chemomech.run import on_root
from chemomech.verification import voxel_flow
from chemomech.verification.bench import Bench, idle, make_state, number

ENDS: Final = ("left", "right")
PORES: Final = Path(__file__).parent / "data" / "pores.npy"
"""16^3 voxels of a real electrode: 0 where ions move, 1 elsewhere (data/README.md)"""
SPLITS: Final = (1, 2, 3)
"""into how many along each side a voxel is split"""
CORNER: Final = 4 / 3
"""order of the error of the conductivity at edges of 270 degrees, where potentials go with r^(2/3)"""


def voxel_image() -> dict[str, float]:
    """Conductivity of the pores in a piece of a real electrode, and of laminates."""
    elements, volumes, smooth = [], [], 0.0
    for split in SPLITS:
        recipe = pores(split, "voxel")
        elements.append(effective_conductivity(domain_of(recipe), {"pores": 1.0}))
        volumes.append(voxel_flow.effective_conductivity(voxels_of(recipe).phase, {0: 1.0}).conductivity)
    smooth = effective_conductivity(domain_of(pores(SPLITS[-1], "smooth")), {"pores": 1.0})
    limit = extrapolated(volumes)
    layers = np.repeat([[[0]], [[1]], [[0]]], (3, 2, 4), axis=0)
    laminate = {0: 2.0, 1: 0.5}
    return {
        "finite_volumes": limit,
        "finite_elements": extrapolated(elements),
        "laminate_across": voxel_flow.effective_conductivity(layers, laminate, 0).conductivity,
        "laminate_along": voxel_flow.effective_conductivity(layers, laminate, 1).conductivity,
        "elements_fall": min(-np.diff(elements)) / limit,
        "volumes_rise": min(np.diff(volumes)) / limit,
        "elements_above": elements[-1] / limit - 1.0,
        "volumes_below": 1.0 - volumes[-1] / limit,
        "elements_off": elements[-1] / limit - 1.0,
        "smooth_off": smooth / limit - 1.0,
    }


def pores(split: int, method: Literal["voxel", "smooth"]) -> Image:
    """Return the recipe of the pores' mesh, every voxel split."""
    values: dict[str, Any] = {
        "kind": "image",
        "coordinates": "3D",
        "directory": PORES.parent,
        "file": PORES.name,
        "axes": "xyz",
        "voxel_size": "1 um",
        "phases": {"pores": 0},
        "left_out": 1,
        "resample": {"factor": 1.0 / split},
        "method": method,
    }
    return Image.model_validate(values if method == "voxel" else values | {"smoothing": 20})


def extrapolated(values: Sequence[float]) -> float:
    """Return k of k + a h^(4/3) + b h^2 through the values with h = 1, 1/2, 1/3."""
    h = 1.0 / np.array(SPLITS)
    return float(np.linalg.solve(np.stack([np.ones(3), h**CORNER, h**2], axis=1), np.array(values))[0])


def domain_of(recipe: Image) -> Domain:
    """Return the domain of an image's mesh, made for this once (collective)."""
    comm = MPI.COMM_WORLD
    with tempfile.TemporaryDirectory() as folder:
        record = on_root(comm, lambda: build(recipe, Path(folder)))
        domain = read_domain(record.msh, "3D" if recipe.dimension == 3 else "plane strain", comm, 2)
        comm.barrier()
    return domain


def effective_conductivity(domain: Domain, conductivities: Mapping[str, float]) -> float:
    """Return the effective conductivity along x, in units of the conductivities given.

    k_eff = L/A int k |grad phi|^2,  phi = 1 and 0 at the ends: from above, for any conforming potential has no less.
    """
    roles = dict.fromkeys(domain.regions, "electrolyte")
    conduction = Conduction(IONIC_POTENTIAL, {name: number(domain, k) for name, k in conductivities.items()})
    state = make_state(domain, roles, (IONIC_POTENTIAL, CELL_VOLTAGE))
    space = state.unknowns[IONIC_POTENTIAL].space
    conditions = []
    for value, name in zip((1.0, 0.0), ENDS, strict=True):
        dofs = fem.locate_dofs_topological(space, domain.dimension - 1, domain.facet_boundary[name])
        conditions.append(fem.dirichletbc(np.float64(value), dofs, space))
    bench = Bench(state, [conduction], extra=[idle(state)], conditions=conditions)
    bench.solve()
    gradient: Any = ufl.grad(state.value[IONIC_POTENTIAL])
    power = sum(
        bench.read(name, lambda: domain.over(k * ufl.inner(gradient, gradient), [name]))  # noqa: B023
        for name, k in conductivities.items()
    )
    bench.destroy()
    x = domain.mesh.geometry.x
    low, high = (
        domain.comm.allreduce(v, op=op) for v, op in ((x.min(axis=0), MPI.MIN), (x.max(axis=0), MPI.MAX))
    )
    length, *across = (high - low)[: domain.dimension]
    return float(power * length / np.prod(across))
