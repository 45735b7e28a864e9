"""Constraints on a discrete field as a prolongation matrix P: the field is u = g + P w, with w free.

walls:     degrees of freedom on the faces are given (an empty row of P), all others free;
periodic:  the fluctuation P w is the same on opposite faces.  A degree of freedom on a high face (slave) takes the
           value that the polynomial of the facet under it on the low face (master) has there: weight 1 where the two
           meshes match, an interpolation of the field's own degree where they do not.

For a symmetric A the free problem is P^T A P w = -P^T A g.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import chemomech.runtime  # noqa: F401

import numpy as np
import numpy.typing as npt
import scipy.sparse
from petsc4py import PETSc
from scipy.spatial import cKDTree

from chemomech.analysis.box import Box, FaceFacets, FloatArray, IntArray, gathered
from chemomech.domain import Domain
from chemomech.fields import Unknown

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Layout:
    """Where the degrees of freedom of several fields sit in one block matrix: field after field on each rank."""

    unknowns: tuple[Unknown, ...]

    def sizes(self) -> list[int]:
        """Owned degrees of freedom of each field."""
        return [u.space.dofmap.index_map.size_local * u.space.dofmap.index_map_bs for u in self.unknowns]

    def rows(self, comm: Any) -> list[IntArray]:
        """Return for each field the row of every local block of degrees of freedom, ghosts included (collective)."""
        sizes = self.sizes()
        starts = np.concatenate(([0], np.cumsum(sizes)[:-1])).astype(np.int64)
        bases = np.array(comm.allgather(sum(sizes)), dtype=np.int64)
        offsets = np.concatenate(([0], np.cumsum(bases)[:-1]))
        field_starts = np.array(comm.allgather(starts.tolist()), dtype=np.int64).reshape(comm.size, -1)
        found = []
        for number, unknown in enumerate(self.unknowns):
            index_map, block = unknown.space.dofmap.index_map, unknown.space.dofmap.index_map_bs
            owned = index_map.size_local
            local = np.arange(owned, dtype=np.int64)
            rows = np.empty(owned + index_map.num_ghosts, dtype=np.int64)
            rows[:owned] = offsets[comm.rank] + starts[number] + local * block
            owners = np.asarray(index_map.owners, dtype=np.int64)
            first = np.array(comm.allgather(index_map.local_range[0]), dtype=np.int64)
            within = np.asarray(index_map.ghosts, dtype=np.int64) - first[owners]
            rows[owned:] = offsets[owners] + field_starts[owners, number] + within * block
            found.append(rows)
        return found


def cell_dofs(domain: Domain, unknown: Unknown, cells: IntArray) -> IntArray:
    """Return the local degrees of freedom (blocks) of these cells of the mesh, (cells, dofs)."""
    inverse = np.full(len(domain.cell_region), -1, dtype=np.int64)
    inverse[unknown.support.parent_entities] = np.arange(len(unknown.support.parent_entities))
    return np.asarray(unknown.space.dofmap.list[inverse[cells]], dtype=np.int64)


def inhabited(domain: Domain, unknown: Unknown, live: BoolArray) -> BoolArray:
    """Return which owned degrees of freedom (blocks) belong to a cell that takes part, on any rank (collective)."""
    cells = unknown.support.parent_entities
    dofs = cell_dofs(domain, unknown, np.asarray(cells[live[cells]], dtype=np.int64))
    # ghosted by shared facets only: a cell at the other end of a vertex may be on another rank, so ranks ask each other
    index_map = unknown.space.dofmap.index_map
    numbers = index_map.local_to_global(np.unique(dofs).astype(np.int32))
    owned = index_map.size_local
    first = index_map.local_range[0]
    mask = np.zeros(owned, dtype=bool)
    mine = numbers[(numbers >= first) & (numbers < first + owned)] - first
    mask[mine] = True
    (foreign,) = gathered(domain.comm, numbers[(numbers < first) | (numbers >= first + owned)])
    mask[foreign[(foreign >= first) & (foreign < first + owned)] - first] = True
    return mask


def on_faces(unknown: Unknown, box: Box, axes: Iterable[int]) -> BoolArray:
    """Return which owned degrees of freedom (blocks) lie on a face of the box across one of the axes."""
    owned = unknown.space.dofmap.index_map.size_local
    x = unknown.space.tabulate_dof_coordinates()[:owned]
    met = np.zeros(owned, dtype=bool)
    for axis in axes:
        for plane in (box.low[axis], box.high[axis]):
            met |= np.abs(x[:, axis] - plane) < box.tolerance
    return met


@dataclass(frozen=True)
class Trace:
    """What one field is on one face, gathered: its facets with their degrees of freedom, and these one by one."""

    facets: FaceFacets
    facet_rows: IntArray
    """(facets, dofs) rows of the degrees of freedom of each facet"""
    rows: IntArray
    """(n,) each row once"""
    points: FloatArray
    """(n, d) where they are [um]"""


@dataclass(frozen=True)
class Tie:
    """How one field's values on the high faces follow from others; rows of blocks in the block matrix."""

    slaves: IntArray
    """(n,) sorted"""
    masters: IntArray
    """(m,) sorted"""
    weights: scipy.sparse.csr_matrix
    """(n, m)"""


def trace(
    domain: Domain, unknown: Unknown, box: Box, axis: int, far: bool, rows: IntArray, live: BoolArray
) -> Trace:
    """Return the trace of a field on one face, of the cells that take part (collective)."""
    d = domain.dimension
    boundary, plane = box.faces[axis][far], (box.high if far else box.low)[axis]
    facets = domain.boundary_facets(boundary, sorted(unknown.support.regions))
    links = domain.mesh.topology.connectivity(d - 1, d)
    behind = links.array[links.offsets[facets]].astype(np.int64)
    behind = behind[live[behind]]
    dofs = cell_dofs(domain, unknown, behind)
    x = unknown.space.tabulate_dof_coordinates()[:, :d]
    on = np.abs(x[dofs, axis] - plane) < box.tolerance
    counts = on.sum(axis=1) if len(on) else np.zeros(0, dtype=int)
    count = max(domain.comm.allgather(int(counts.max(initial=0))))
    # a cell with two facets on one plane does not exist; one in a corner of the box has facets on two planes
    on_face = dofs[on].reshape(-1, count) if len(dofs) else np.zeros((0, count), dtype=np.int64)
    across = np.delete(x, axis, axis=1)[on_face] if len(on_face) else np.zeros((0, count, d - 1))
    every, where = gathered(domain.comm, rows[on_face], across)
    unique, first = np.unique(every.reshape(-1), return_index=True)
    points = np.insert(where.reshape(-1, d - 1)[first], axis, plane, axis=1)
    corners = _corners(where)
    empty = np.zeros(len(corners))
    return Trace(FaceFacets(corners, empty.astype(np.int64), empty), every, unique, points)


def _corners(points: FloatArray) -> FloatArray:
    # The corners among the degrees of freedom of a facet: on a segment or a rectangle those at the ends of the bounding
    # box, in a triangle those that come first (a Lagrange cell numbers its corners first).
    count = points.shape[1]
    if not len(points):
        return np.zeros((0, 2, points.shape[2]))
    if points.shape[2] == 1 or count not in (3, 6):
        low, high = points.min(axis=1), points.max(axis=1)
        return np.stack([low, high], axis=1)
    return points[:, :3]


def weights(points: FloatArray, nodes: FloatArray) -> FloatArray:
    """Return the Lagrange weights of each facet's nodes, (n, m, d - 1), at a point of it, (n, d - 1): (n, m)."""
    middle = nodes.mean(axis=1, keepdims=True)
    size = np.abs(nodes - middle).max(axis=(1, 2), keepdims=True)
    local, at = (nodes - middle) / size, (points - middle[:, 0]) / size[:, 0]
    powers = _powers(nodes.shape[1], nodes.shape[2])
    vandermonde = np.stack([np.prod(local**p, axis=2) for p in powers], axis=1)
    right = np.stack([np.prod(at**p, axis=1) for p in powers], axis=1)
    return np.asarray(np.linalg.solve(vandermonde, right[..., None])[..., 0])


def _powers(count: int, dimension: int) -> list[IntArray]:
    if dimension == 1:
        return [np.array([k]) for k in range(count)]
    degree = {3: 1, 4: 1, 6: 2, 9: 2}[count]
    square = count in (4, 9)
    grid = [(i, j) for i in range(degree + 1) for j in range(degree + 1)]
    return [np.array(p) for p in grid if square or sum(p) <= degree]


def ties(
    domain: Domain,
    unknown: Unknown,
    box: Box,
    axes: Sequence[int],
    rows: IntArray,
    live: BoolArray,
) -> Tie:
    """Return how a field on the high faces follows from the low ones, the same on every rank (collective).

    A degree of freedom with nothing opposite to it stays free: nothing passes there.
    """
    traces = {
        (axis, far): trace(domain, unknown, box, axis, far, rows, live)
        for axis in axes
        for far in (False, True)
    }
    every = np.unique(np.concatenate([each.rows for each in traces.values()]))
    n = len(every)
    slave = np.zeros(n, dtype=bool)
    row, column, value = [], [], []
    for axis in axes:
        low, high = traces[axis, False], traces[axis, True]
        place = np.searchsorted(every, high.rows)
        todo = np.flatnonzero(~slave[place])
        image = high.points[todo].copy()
        image[:, axis] = box.low[axis]
        if not len(low.rows) or not len(todo):
            continue
        away, nearest = cKDTree(low.points).query(image)
        same = away < box.tolerance
        row.append(place[todo[same]])
        column.append(np.searchsorted(every, low.rows[nearest[same]]))
        value.append(np.ones(int(same.sum())))
        slave[place[todo[same]]] = True
        rest = todo[~same]
        flat = np.delete(image[~same], axis, axis=1)
        facet = low.facets.containing(flat)
        rest, flat, facet = rest[facet >= 0], flat[facet >= 0], facet[facet >= 0]
        if len(rest):
            columns = np.searchsorted(every, low.facet_rows[facet])
            spots = np.delete(low.points, axis, axis=1)[np.searchsorted(low.rows, low.facet_rows[facet])]
            share = weights(flat, spots)
            row.append(np.repeat(place[rest], columns.shape[1]))
            column.append(columns.reshape(-1))
            value.append(share.reshape(-1))
            slave[place[rest]] = True
    free = np.flatnonzero(~slave)
    row.append(free)
    column.append(free)
    value.append(np.ones(len(free)))
    once = scipy.sparse.csr_matrix(
        (np.concatenate(value), (np.concatenate(row), np.concatenate(column))), shape=(n, n)
    )
    whole = once
    for _ in range(
        len(axes) - 1
    ):  # the master of one direction may be the slave of another, at edges and corners
        whole = whole @ once
    whole.data[np.abs(whole.data) < 1e-14] = 0.0
    whole.eliminate_zeros()
    found = np.flatnonzero(slave)
    if whole[:, found].nnz:
        raise AssertionError("a slave is left among the masters of a periodic field")
    return Tie(every[found], every, whole[found])


def prolongation(
    domain: Domain,
    layout: Layout,
    rows: Sequence[IntArray],
    free: Sequence[BoolArray],
    tied: Sequence[Tie | None],
) -> tuple[PETSc.Mat, IntArray]:
    """Return P, and for each of its local columns the row that it stands for (collective).

    ``free``: which owned degrees of freedom (blocks) of each field may move; ``tied``: what `ties` returned.
    """
    comm = domain.comm
    slaves = [np.zeros(0, dtype=np.int64) if tie is None else tie.slaves for tie in tied]
    kept = [
        numbers[: len(mask)][mask & ~np.isin(numbers[: len(mask)], those)]
        for numbers, mask, those in zip(rows, free, slaves, strict=True)
    ]
    blocks = [unknown.space.dofmap.index_map_bs for unknown in layout.unknowns]
    expanded = [(part[:, None] + np.arange(b)).reshape(-1) for part, b in zip(kept, blocks, strict=True)]
    masters = np.concatenate([np.zeros(0, dtype=np.int64), *expanded])
    counts = comm.allgather(len(masters))
    start = int(sum(counts[: comm.rank]))
    columns = np.arange(start, start + len(masters), dtype=np.int64)
    height = sum(layout.sizes())
    first = int(sum(comm.allgather(height)[: comm.rank]))
    line, place, value = [masters - first], [columns], [np.ones(len(masters))]
    for numbers, mask, tie, b in zip(rows, free, tied, blocks, strict=True):
        if tie is None:
            continue
        # which column stands for a master on a face, whichever rank holds it; -1 where it may not move
        on_face = np.isin(masters, tie.masters)
        known, at = gathered(comm, masters[on_face], columns[on_face])
        order = np.argsort(known)
        mine = numbers[: len(mask)][mask]
        entries = tie.weights[np.searchsorted(tie.slaves, mine[np.isin(mine, tie.slaves)])].tocoo()
        owners, sources = mine[np.isin(mine, tie.slaves)][entries.row], tie.masters[entries.col]
        spot = np.searchsorted(known[order], sources)
        spot = np.minimum(spot, max(len(known) - 1, 0))
        there = known[order][spot] == sources if len(known) else np.zeros(len(sources), dtype=bool)
        for component in range(b):
            line.append(owners[there] + component - first)
            place.append(at[order][spot[there]] + component)
            value.append(entries.data[there])
    shape = (height, int(sum(counts)))
    local = scipy.sparse.csr_matrix(
        (np.concatenate(value), (np.concatenate(line), np.concatenate(place))), shape=shape
    )
    matrix = PETSc.Mat().createAIJ(
        ((height, PETSc.DETERMINE), (len(masters), PETSc.DETERMINE)),
        csr=(local.indptr.astype(PETSc.IntType), local.indices.astype(PETSc.IntType), local.data),
        comm=comm,
    )
    matrix.assemble()
    return matrix, masters
