"""Uniform refinement of a mesh that was read: simplices are cut at the middles of their edges, on the rank they are on.

A fine mesh is so made without a mesher and without any rank that holds it whole.  Regions and boundaries go over from
cells and facets to those they are cut into; curved surfaces stay those of the coarse cells.
"""

from typing import Any

import chemomech.runtime  # noqa: F401

import numpy as np
from dolfinx import la, mesh

from chemomech.domain import Domain, Int32Array, make_domain
from chemomech.errors import InputError, Problem

SIMPLICES = ("triangle", "tetrahedron")


def refined(domain: Domain, times: int) -> Domain:
    """Return a domain whose cells are halved along each edge that many times (collective); InputError unless simplices.

    What was made on the domain before, such as submeshes, stays with the coarse one.
    """
    kind = domain.mesh.topology.cell_type.name
    if times and kind not in SIMPLICES:
        what = f"the mesh consists of cells of type {kind}, only triangles and tetrahedra can be cut"
        raise InputError(Problem("refine", what, "remove it and make the mesh itself finer"))
    for _ in range(times):
        domain = _once(domain)
    return domain


def _once(coarse: Domain) -> Domain:
    tdim = coarse.dimension
    coarse.mesh.topology.create_entities(1)
    fine, parent, side = mesh.refine(coarse.mesh, option=mesh.RefinementOption.parent_cell_and_facet)
    fine.topology.create_entities(tdim - 1)
    fine.topology.create_connectivity(tdim, tdim - 1)
    cells = fine.topology.index_map(tdim)
    owned = cells.size_local
    # Parents are told in the order in which cells were cut, and of owned cells alone: ghosts learn from their owners.
    cut = fine.topology.original_cell_index[:owned] - (coarse.comm.exscan(len(parent)) or 0)
    parent, side = parent[cut], side.reshape(-1, tdim + 1)[cut]
    region = la.vector(cells, 1, dtype=np.int32)
    region.array[:owned] = coarse.cell_region[parent]
    region.scatter_forward()
    return make_domain(
        fine,
        coarse.coordinates,
        coarse.regions,
        np.arange(len(region.array), dtype=np.int32),
        np.array(region.array),
        _boundaries(coarse, fine, parent, side),
        coarse.quadrature_degree,
    )


def _boundaries(
    coarse: Domain, fine: mesh.Mesh, parent: Int32Array, side: "np.ndarray[Any, np.dtype[np.int8]]"
) -> dict[str, Int32Array]:
    """Return the facets of each boundary: those of a cell that lie in a facet of its parent that belongs to it."""
    tdim = coarse.dimension
    above = coarse.mesh.topology.connectivity(tdim, tdim - 1).array.reshape(-1, tdim + 1)
    below = fine.topology.connectivity(tdim, tdim - 1).array.reshape(-1, tdim + 1)[: len(parent)]
    cell, place = np.nonzero(side >= 0)
    inside, facet = above[parent[cell], side[cell, place]], below[cell, place]
    facets = fine.topology.index_map(tdim - 1)
    there = coarse.mesh.topology.index_map(tdim - 1)
    found = {}
    for name, named in coarse.facet_boundary.items():
        belongs = np.zeros(there.size_local + there.num_ghosts, dtype=bool)
        belongs[named] = True
        mark = la.vector(facets, 1, dtype=np.int32)
        mark.array[:] = 0
        mark.array[facet[belongs[inside]]] = 1
        mark.scatter_reverse(la.InsertMode.add)  # a facet may be another rank's than its cell
        mark.scatter_forward()
        found[name] = np.flatnonzero(mark.array > 0).astype(np.int32)
    return found
