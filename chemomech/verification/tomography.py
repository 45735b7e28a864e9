"""Conduction through a voxel image: finite elements on its meshes against finite volumes on the image itself."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import chemomech.runtime  # noqa: F401

import numpy as np
import ufl
from dolfinx import fem
from mpi4py import MPI

from chemomech.domain import Domain, read_domain
from chemomech.fields import CELL_VOLTAGE, IONIC_POTENTIAL
from chemomech.geometry.build import build
from chemomech.geometry.image_recipe import Image
from chemomech.physics.conduction import Conduction
from chemomech.run import on_root
from chemomech.verification.bench import Bench, idle, make_state, number

ENDS: Final = ("left", "right")


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
    low, high = (domain.comm.allreduce(v, op=op) for v, op in ((x.min(axis=0), MPI.MIN), (x.max(axis=0), MPI.MAX)))
    length, *across = (high - low)[: domain.dimension]
    return float(power * length / np.prod(across))
