"""Whether every piece of a conductor has a way to the counter electrode, so that its potential means something.

A piece is a connected set of cells.  A potential that lives on a piece without such a way is undetermined, and the
equations are singular.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import chemomech.runtime  # noqa: F401

import numpy as np
import numpy.typing as npt
from dolfinx import la, mesh
from mpi4py import MPI

from chemomech.domain import Domain

Labels = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Piece:
    """A connected set of cells: where it is and how large."""

    region: str
    centre: tuple[float, ...]
    """[um]"""
    cells: int


def pieces(domain: Domain, regions: Iterable[str]) -> Labels:
    """Return for each local cell, ghosts included, the number of its piece of these regions; -1 elsewhere (collective).

    A piece has the number of its first cell in the global numbering.
    """
    from scipy.sparse import coo_matrix  # slow to import, and a problem without conductors does without
    from scipy.sparse.csgraph import connected_components

    tdim = domain.dimension
    index_map = domain.mesh.topology.index_map(tdim)
    cells = domain.cells(regions)
    inside = np.zeros(len(domain.cell_region), dtype=bool)
    inside[cells] = True
    links = domain.mesh.topology.connectivity(tdim - 1, tdim)
    two = np.flatnonzero(np.diff(links.offsets) == 2)
    pairs = np.column_stack([links.array[links.offsets[two]], links.array[links.offsets[two] + 1]])
    pairs = pairs[inside[pairs].all(axis=1)]
    n = len(inside)
    graph = coo_matrix((np.ones(len(pairs), dtype=np.int8), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    count, local = connected_components(graph, directed=False)
    label = la.vector(index_map, 1, dtype=np.int64)
    label.array[:] = index_map.local_to_global(np.arange(n, dtype=np.int32))
    while True:  # the smallest number of each local part, handed across ranks until nothing changes
        least = np.full(count, np.iinfo(np.int64).max)
        np.minimum.at(least, local, label.array)
        changed = bool(np.any(least[local] != label.array))
        label.array[:] = least[local]
        label.scatter_forward()
        if not domain.comm.allreduce(changed or bool(np.any(least[local] != label.array)), op=MPI.LOR):
            break
    return np.where(inside, label.array, -1)


def floating(
    domain: Domain,
    conductors: Iterable[tuple[str, ...]],
    exchanges: Iterable[tuple[str, str]],
    counter: tuple[str, tuple[str, ...]],
) -> list[Piece]:
    """Return the pieces of each conductor (a group of regions) without a way to the counter electrode (collective).

    ``exchanges`` are pairs of regions of different conductors between which current crosses; ``counter`` is the
    boundary of the counter electrode and the regions that it touches.
    """
    groups = [tuple(group) for group in conductors]
    labels = [pieces(domain, group) for group in groups]
    group_of = {name: number for number, group in enumerate(groups) for name in group}
    edges: set[tuple[tuple[int, int], tuple[int, int]]] = set()
    tdim = domain.dimension
    links = domain.mesh.topology.connectivity(tdim - 1, tdim)
    two = np.flatnonzero(np.diff(links.offsets) == 2)
    pairs = np.column_stack([links.array[links.offsets[two]], links.array[links.offsets[two] + 1]])
    for one, other in exchanges:
        a, b = group_of[one], group_of[other]
        for left, right in ((pairs[:, 0], pairs[:, 1]), (pairs[:, 1], pairs[:, 0])):
            met = (domain.cell_region[left] == domain.regions[one]) & (
                domain.cell_region[right] == domain.regions[other]
            )
            found = np.unique(np.column_stack([labels[a][left[met]], labels[b][right[met]]]), axis=0)
            edges |= {((a, int(p)), (b, int(q))) for p, q in found}
    at_counter: set[tuple[int, int]] = set()
    for name in counter[1]:
        first = links.array[links.offsets[domain.boundary_facets(counter[0], [name])]]
        at_counter |= {(group_of[name], int(label)) for label in np.unique(labels[group_of[name]][first])}
    edges = set().union(*domain.comm.allgather(edges))
    reached = set().union(*domain.comm.allgather(at_counter))
    while grown := {q for p, q in _both(edges) if p in reached} - reached:
        reached |= grown
    return [
        piece
        for number, label in enumerate(labels)
        for piece in _described(domain, label, {p for group, p in reached if group == number})
    ]


def _both(
    edges: set[tuple[tuple[int, int], tuple[int, int]]],
) -> set[tuple[tuple[int, int], tuple[int, int]]]:
    return edges | {(q, p) for p, q in edges}


def _described(domain: Domain, label: Labels, reached: set[int]) -> list[Piece]:
    """Return the pieces that were not reached, the same on every rank."""
    owned = domain.mesh.topology.index_map(domain.dimension).size_local
    mine = label[:owned]
    lonely = sorted(set().union(*domain.comm.allgather(set(np.unique(mine).tolist()))) - reached - {-1})
    names = {tag: name for name, tag in domain.regions.items()}
    found = []
    for number in lonely:
        cells = np.flatnonzero(mine == number).astype(np.int32)
        middles = mesh.compute_midpoints(domain.mesh, domain.dimension, cells)[:, : domain.dimension]
        total = domain.comm.allreduce(middles.sum(axis=0), op=MPI.SUM)
        count = domain.comm.allreduce(len(cells), op=MPI.SUM)
        tag = domain.comm.allreduce(int(domain.cell_region[cells].max(initial=-1)), op=MPI.MAX)
        found.append(Piece(names[tag], tuple(float(x) for x in total / count), count))
    return found
